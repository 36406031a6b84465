"""Quarters of an hour in files of their own say what the sealed files say, and cost nothing when they are damaged."""

from random import Random

import numpy as np
import pytest

from plantctl.history.files.minutes import QUARTER_NS
from plantctl.history.files.quarters import QuarterRange, quarter_ranges, quarter_ranges_all
from plantctl.history.files.sealed import sealed_ranges
from plantctl.history.reading.query import History
from plantctl.history.reading.trends import Tier
from plantctl.history.upkeep.inspection import Cost, inspect
from plantctl.history.upkeep.quarter_files import Quarters, _second_level
from tests.history_bench import NAMES, TAGS, hours_of_slow_scans
from tests.unit.simulated_storage import SimulatedStorage

EXACT = ("low", "high", "first", "last", "known_ns", "count", "quality", "told")


@pytest.fixture(scope="module", params=range(3))
def story(request):
    """A plant with files of quarters of both levels, whose tags rest for the last two hours."""
    draw = Random(request.param)
    plant = hours_of_slow_scans(draw)
    for k in range(12):
        if k == 6:
            plant.random.random = lambda: 1.0
        plant.scan(450, 3_000_000_000)
        plant.seal()
    made = Quarters(plant.sealed, together=2)
    while made.turn():
        pass
    return plant


def all_turns(made):
    while made.turn():
        pass


def without_quarters(plant):
    """The same history as one in which only the sealed files are."""
    names = [name for name in plant.sealed.names() if name.endswith(".seg")]
    return History(plant.log, SimulatedStorage({name: plant.sealed.files[name] for name in names}))


def same(buckets, others):
    for name in EXACT:
        np.testing.assert_array_equal(getattr(buckets, name)[others.told], getattr(others, name)[others.told], name)
    np.testing.assert_allclose(buckets.mean[others.told], others.mean[others.told], rtol=1e-6)
    np.testing.assert_array_equal(buckets.told, others.told)


def test_every_tag_is_told_as_by_the_sealed_files(story):
    begin, end = story.history().extent_ns()
    kept = quarter_ranges(story.sealed.names())
    assert {q.level for q in kept} == {1, 2}, "both levels must be met"
    for tag in TAGS:
        trend = story.history().trend(NAMES[tag], begin, end + 1, (end - begin) // QUARTER_NS + 2)
        assert trend.tier is Tier.QUARTERS
        same(trend.buckets, without_quarters(story).spans(NAMES[tag], trend.buckets.begin_ns, trend.width_ns))


def test_one_that_is_damaged_or_gone_costs_nothing(story):
    begin, end = story.history().extent_ns()
    asked = begin, end + 1, (end - begin) // QUARTER_NS + 2
    trends = [story.history().trend(NAMES[tag], *asked).buckets for tag in TAGS]
    draw = Random(1)
    for damage in ("two bits", "gone"):
        files = {name: bytes(file.seen) for name, file in story.sealed.files.items()}
        damaged = SimulatedStorage()
        for name, data in files.items():
            if ".q" in name and damage == "gone" and draw.random() < 0.7:
                continue
            if ".q" in name and damage == "two bits":
                at = draw.randrange(len(data))
                files[name] = data[:at] + bytes([data[at] ^ 3 << draw.randrange(7)]) + data[at + 1 :]
            damaged.append(damaged.open(name), files[name])
        for tag, trend in zip(TAGS, trends, strict=True):
            found = History(story.log, damaged).trend(NAMES[tag], *asked)
            if found.tier is Tier.QUARTERS:
                same(found.buckets, trend)
        if damage == "two bits":
            told = [d for d in inspect(story.log, damaged).damages if ".q" in d.file]
            assert len({d.file for d in told}) == len(quarter_ranges_all(files))
            assert all(d.cost is Cost.NOTHING for d in told)


def test_what_retention_took_takes_its_quarters_along(story):
    sealed = SimulatedStorage(dict(story.sealed.files))
    kept = quarter_ranges(sealed.names())
    for name in sealed.names():
        if name.endswith(".seg") and int(name[:20]) <= kept[0].last_sequence:
            sealed.remove(name)
    made = Quarters(sealed, together=2)
    all_turns(made)
    assert all(q.first_sequence > kept[0].last_sequence for q in quarter_ranges_all(sealed.names()))


def test_a_disk_that_refuses_ends_the_attempt_leaves_what_is_there_and_is_asked_again(story):
    sealed = SimulatedStorage({n: f for n, f in story.sealed.files.items() if n.endswith(".seg")}, faults={"sync": 28})
    made = Quarters(sealed, together=2)
    with pytest.raises(OSError, match="No space"):
        all_turns(made)
    assert all(name.endswith(".seg") for name in sealed.names())
    sealed.faults = {}
    all_turns(made)
    assert quarter_ranges(sealed.names())


def test_many_tags_at_once_are_told_as_one_after_the_other(story):
    begin, end = story.history().extent_ns()
    tags = [NAMES[tag] for tag in TAGS] * 2
    for points in (5, (end - begin) // QUARTER_NS + 2, 300, 5_000):
        together = story.history().trends(tags, begin, end + 1, points)
        assert [each.tag for each in together] == tags
        one_by_one = {tag: story.history().trend(tag, begin, end + 1, points) for tag in set(tags)}
        for each in together:
            alone = one_by_one[each.tag]
            assert (each.tier, each.width_ns, each.unit) == (alone.tier, alone.width_ns, alone.unit)
            same(each.buckets, alone.buckets)


def test_a_damaged_chunk_costs_its_tag_alone(story):
    begin, end = story.history().extent_ns()
    name = next(name for name in story.sealed.names() if name.endswith(".q2"))
    whole = story.sealed.files[name].seen
    tags = [NAMES[tag] for tag in TAGS]
    asked = tags, begin, end + 1, (end - begin) // QUARTER_NS + 2
    plain = without_quarters(story)
    right = [plain.spans(each.tag, each.buckets.begin_ns, each.width_ns) for each in story.history().trends(*asked)]
    for at in range(64, len(whole), len(whole) // 20):
        story.sealed.files[name].seen = bytearray(whole[:at]) + bytes([whole[at] ^ 4]) + whole[at + 1 :]
        for each, other in zip(story.history().trends(*asked), right, strict=True):
            same(each.buckets, other)
        story.sealed.files[name].seen = whole


@pytest.fixture(scope="module", params=range(4))
def set_back(request):
    """A plant whose UTC is set back by minutes or hours, some times right before a file is sealed."""
    draw = Random(request.param)
    plant = hours_of_slow_scans(draw)
    for k in range(16):
        plant.scan(300, 3_000_000_000)
        if k in (2, 7, 8, 13, 15):
            plant.offset_ns -= draw.choice((200, 600, 1_500, 2_400)) * 1_000_000_000 + draw.randint(0, 10**9)
            plant.frames.time(plant.count, plant.mono_ns, plant.utc_ns)
            plant.scan(1)
        plant.seal()
    plant.scan(20, 3_000_000_000)
    plant.keep()
    return plant


@pytest.mark.parametrize("together", [2, 3])
def test_where_utc_was_set_back_at_the_end_of_a_file_no_time_counts_twice(set_back, together):
    names = [name for name in set_back.sealed.names() if name.endswith(".seg")]
    sealed = SimulatedStorage({name: set_back.sealed.files[name] for name in names})
    made = Quarters(sealed, together)
    while made.turn():
        pass
    kept = quarter_ranges(sealed.names())
    assert kept
    history, plain = History(set_back.log, sealed), without_quarters(set_back)
    begin, end = history.extent_ns()
    for tag in TAGS:
        trend = history.trend(NAMES[tag], begin, end + 1, (end - begin) // QUARTER_NS + 2)
        assert trend.tier is Tier.QUARTERS
        assert (trend.buckets.known_ns <= trend.width_ns).all()
        same(trend.buckets, plain.spans(NAMES[tag], trend.buckets.begin_ns, trend.width_ns))


def test_files_of_quarters_with_a_sealed_file_between_them_stay_apart(story):
    """Else what is between them would be told by nobody."""
    ranges = sealed_ranges(story.sealed.names())
    names = [name for name in story.sealed.names() if name.endswith(".seg")]
    sealed = SimulatedStorage({name: story.sealed.files[name] for name in names})
    made = Quarters(sealed, together=2)
    while not any(q.level == 1 for q in quarter_ranges(sealed.names())):
        assert made.turn()
    first = quarter_ranges(sealed.names())[0]
    behind = [each for each in ranges if each.first_sequence > first.last_sequence]
    lonely = [QuarterRange(behind[1].first_sequence, behind[2].last_sequence, 1)]
    assert _second_level([first, *lonely], ranges, 2) == []
    lonely = [QuarterRange(behind[0].first_sequence, behind[1].last_sequence, 1)]
    assert _second_level([first, *lonely], ranges, 2) == [first, *lonely]
