"""Late values laid over what the scans told: from when to when each holds, by hand."""

from dataclasses import fields, replace
from random import Random

import numpy as np
import pytest

from plantctl.history.files.buckets import InForce, in_buckets
from plantctl.history.reading.late_index import LateOf
from plantctl.history.reading.overlay import around, overlaid

# What the scans told: 1.0 at 100 until 200, nothing from 200 to 300, 3.0 at 300 until 400, carried over a seam at 350.
SCANNED = ((100, 200, 100, 1.0, True), (300, 350, 300, 3.0, True), (350, 400, 300, 3.0, False))


def ns(values):
    return np.array(values, np.int64)


def force(rows=SCANNED, line=None):
    at, until, utc, value, point = (list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 5
    none = np.zeros(len(rows), np.int64)
    points = np.array(point, np.bool_)
    return InForce(ns(at), ns(until), ns(utc), np.array(value), none.astype(np.uint16), none, points, line=line)


def laid(*late, over=None, newest_ns=400):
    """From, until, value, whether it is a point, of all that holds; `late` are times and values."""
    values = LateOf(ns([t for t, _ in late]), np.array([v for _, v in late]), np.zeros(len(late), np.uint16), lab=False)
    found = overlaid(force() if over is None else over, values, 0, len(late), newest_ns)
    columns = (found.at_ns, found.until_ns, found.value, found.is_point)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_without_late_values_nothing_changes():
    same = force()
    assert overlaid(same, LateOf(ns([]), np.zeros(0), np.zeros(0, np.uint16), lab=False), 0, 0, 400) is same


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        # Within what the scans told: it holds until their next word, and they until it.
        ((150, 9.0), [(100, 150, 1.0, True), (150, 300, 9.0, True), (300, 350, 3.0, True), (350, 400, 3.0, False)]),
        # In the gap: what was before ends where it was known to end.
        ((250, 9.0), [(100, 200, 1.0, True), (250, 300, 9.0, True), (300, 350, 3.0, True), (350, 400, 3.0, False)]),
        # At the time of a point, in its place.
        ((300, 9.0), [(100, 200, 1.0, True), (300, 400, 9.0, True)]),
        # Behind a point: what is carried on from before it is not.
        ((320, 9.0), [(100, 200, 1.0, True), (300, 320, 3.0, True), (320, 400, 9.0, True)]),
        # Before all.
        (
            (50, 9.0),
            [(50, 100, 9.0, True), (100, 200, 1.0, True), (300, 350, 3.0, True), (350, 400, 3.0, False)],
        ),
        # The newest: until the end of the record.
        (
            (380, 9.0),
            [(100, 200, 1.0, True), (300, 350, 3.0, True), (350, 380, 3.0, False), (380, 400, 9.0, True)],
        ),
    ],
)
def test_one_late_value(late, expected):
    found = laid(late)
    carried = (350, 380, 3.0, False)
    assert found == [row for row in expected if row != carried or late[0] > 350]


def test_of_a_tag_that_only_the_laboratory_finds_each_holds_until_the_next_and_the_last_to_the_end():
    assert laid((10, 1.0), (70, 2.0), over=force(())) == [(10, 70, 1.0, True), (70, 400, 2.0, True)]


def test_a_late_value_behind_the_end_of_the_record_holds_for_no_time():
    assert laid((500, 2.0), over=force(()), newest_ns=400) == [(500, 500, 2.0, True)]


def test_a_line_that_is_cut_is_told_scan_by_scan():
    """The scans at 20 and 30 lie on the line from 10 to 40."""
    rows = ((10, 20, 10, 1.0, True), (20, 30, 20, 2.0, False), (30, 40, 30, 3.0, False), (40, 50, 40, 4.0, True))
    line = np.array([True, True, True, False])
    found = laid((15, 9.0), over=force(rows, line), newest_ns=50)
    assert found == [
        (10, 15, 1.0, True),
        (15, 20, 9.0, True),
        (20, 30, 2.0, True),
        (30, 40, 3.0, True),
        (40, 50, 4.0, True),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_rows_around_a_span_tell_the_same_of_it_as_all(seed):
    draw = Random(seed)
    times = sorted(draw.sample(range(1000), 40))
    ends = [draw.choice((later, draw.randint(at, later))) for at, later in zip(times, [*times[1:], 1000], strict=True)]
    all_rows = replace(force([(a, b, a, draw.random(), True) for a, b in zip(times, ends, strict=True)]), orderly=True)
    late_ns = sorted(draw.sample(range(1000), 12))
    late = LateOf(ns(late_ns), np.array([100.0 + t for t in late_ns]), np.zeros(12, np.uint16), lab=False)
    for _ in range(20):
        begin = draw.randint(0, 990)
        end = draw.randint(begin + 1, 1000)
        some = around(all_rows, begin, end)
        first, last = np.searchsorted(late.utc_ns, (begin, end)).tolist()
        first = max(0, first - (first > 0 and not ((ns(times) > late_ns[first - 1]) & (ns(times) < begin)).any()))
        width = ns([begin]), end - begin
        found, wanted = (in_buckets(*width, overlaid(each, late, first, last, 1000)) for each in (some, all_rows))
        for name in (f.name for f in fields(found)):
            np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)
        assert len(some) <= 2 + sum(begin <= t < end for t in times)
    line = replace(all_rows, line=np.ones(40, np.bool_))
    assert around(line, 500, 510) is line, "a line goes on to a point that may lie anywhere"
