"""The sealed files of a folder by their names: the same as one by one, and few of them are opened to find a moment."""

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantctl.history.files.sealed import Range, sealed_ranges
from plantctl.history.reading.ranges import Ranges, first_reaching, others

ROW = [Range(1, 90), Range(91, 150), Range(151, 151), Range(200, 4_000_000_000_000)]
STRANGERS = {
    "nothing else": [],
    "one that lies in another": [Range(92, 140).name],
    "a wider one that begins with another": [Range(91, 160).name],
    "one that overlaps the next": [Range(120, 155).name],
    "files of quarters and of late values": [
        f"{1:020d}-{150:020d}.q1",
        f"late-{1:020d}-{90:020d}.seg",
        f"{1:020d}-{90:020d}.seg.part",
    ],
    "others of the same length": [f"{1:020d}-{90:020d}.bak", f"{'x' * 20}-{90:020d}.seg", f"{1:020d}+{90:020d}.seg"],
    "digits of another script": [f"{1:020d}-{'٣' * 20}.seg"],
    "more than 64 bits": [f"{'9' * 20}-{'9' * 20}.seg"],
}


@pytest.mark.parametrize("which", STRANGERS)
def test_a_row_of_names_is_that_of_the_names_one_by_one(which):
    names = sorted([*(one.name for one in ROW), *STRANGERS[which]])
    found, wanted = Ranges(names), sealed_ranges(names)
    assert list(found) == wanted
    assert len(found) == len(wanted)
    assert found[1:3] == wanted[1:3]
    assert found[-1] == wanted[-1]
    assert [found.place(one) for one in wanted] == list(range(len(wanted)))
    assert found.place(Range(2, 3)) is None
    for sequence in (-5, 0, 1, 2, 90, 91, 130, 151, 200, 10**12, 10**19):
        assert found.last_from(sequence) == sum(one.first_sequence <= sequence for one in wanted) - 1
    assert Range(2, 3) not in found
    assert wanted[0] in found
    assert not set(others(names)) & {one.name for one in wanted}


def test_a_folder_of_nothing_is_an_empty_row():
    assert list(Ranges([])) == list(Ranges()) == list(Ranges(["lock"])) == []


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(-2, 60), st.integers(-5, 60))
def test_a_moment_is_found_from_any_guess(ends, moment, guess):
    ends.sort()
    assert first_reaching(len(ends), moment, ends.__getitem__, guess) == bisect_left(ends, moment)


@pytest.mark.parametrize("off", [0, -1, 1])
def test_a_guess_that_is_near_costs_few_looks(off):
    looked = []

    def high_ns(at):
        looked.append(at)
        return 3600 * (at + 1)

    assert first_reaching(9000, 3600 * 4000, high_ns, 3999 + off) == 3999
    assert len(looked) <= 4
