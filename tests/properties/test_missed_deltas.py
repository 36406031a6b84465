"""Whatever a client has missed is made up once, in order, or it is told that it is not: over any life of a plant.

A client that applies what `since` gives knows the plant as the ring does; a model of a list that forgets nothing says
what `since` must give.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plantctl.core.event import Event, EventKind
from plantctl.core.frame import Rows, RowsFlag
from plantctl.core.quality import NOT_YET
from plantctl.hmi.change_ring import DELTA_NS, KEPT_NS, Change, ChangeRing, Happened
from plantctl.hmi.live_plant import Snapshot
from tests.gateway_bench import demo_plan

PLAN = demo_plan()
POINTS = [p for p in PLAN.points if p.row]
COUNT = len(PLAN.points)

changes = st.dictionaries(st.integers(1, 12), st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf")]), max_size=6)
scans = st.tuples(
    changes, st.integers(0, 3), st.sampled_from([PLAN.period_ns, PLAN.period_ns, 2 * PLAN.period_ns, KEPT_NS // 5])
)


def rows_of(changed, flags=RowsFlag.NONE):
    rows = sorted(changed)
    inputs = sum(row <= len(PLAN.inputs) for row in rows)
    return Rows(
        flags,
        np.array([0.1]),
        np.array([PLAN.points[row].id for row in rows], np.uint32),
        np.array([changed[row] for row in rows], np.float64),
        np.zeros(len(rows), np.uint16),
        np.full(inputs, 7, np.int64),
        np.zeros(inputs, np.int64),
    )


def event(mono_ns):
    return Event(EventKind.MODE, 0, mono_ns, mono_ns, "a loop", 3.0, 4.0)


def lived(life):
    """A ring after that life; everything that went out, in order; and the plant's values after each delta."""
    ring = ChangeRing(PLAN)
    ring.begin(rows_of(dict.fromkeys(range(1, 13), 0.0), RowsFlag.RUN_START), 0)
    told, after, now_ns = [], {0: ring.value.copy()}, 0
    for changed, events, step_ns in life:
        now_ns += step_ns
        out = [ring.scan(rows_of(changed), now_ns, now_ns)]
        told += [each for each in out if each is not None]
        told += [ring.event(event(now_ns)) for _ in range(events)]
        closed = ring.close(now_ns)
        told += [closed] if closed is not None else []
        after[ring.sequence] = ring.value.copy()
    return ring, told, after


def order(each):
    return (each.sequence, isinstance(each, Change), 0 if isinstance(each, Change) else each.number)


@given(st.lists(scans, max_size=30), st.data())
def test_what_was_missed_comes_once_in_order_or_is_a_stated_gap(life, data):
    ring, told, after = lived(life)
    sequence = data.draw(st.integers(-1, ring.sequence + 1))
    number = data.draw(st.none() | st.integers(-1, ring.number + 1))
    missed = ring.since(sequence, number)
    deltas = [each for each in told if isinstance(each, Change)]
    assert [each.sequence for each in deltas] == list(range(1, ring.sequence + 1))
    happened = [each for each in told if isinstance(each, Happened)]
    assert [each.number for each in happened] == list(range(1, ring.number + 1))
    known = number if number is not None else max((e.number for e in happened if e.sequence <= sequence), default=0)
    wanted = [e for e in told if (e.sequence > sequence if isinstance(e, Change) else e.number > known)]
    if missed is None:
        # Only what is older than a minute, or never was, may be refused.
        now_ns = sum(step for *_, step in life)
        impossible = not 0 <= sequence <= ring.sequence or not 0 <= known <= ring.number
        assert impossible or any(now_ns - each.mono_ns > KEPT_NS for each in told)
        return
    assert missed == wanted
    assert sorted(missed, key=order) == missed or number is not None
    value = after[sequence].copy()
    for each in missed:
        if isinstance(each, Change):
            value[each.rows] = each.value
    assert np.array_equal(value.view(np.int64), after[ring.sequence].view(np.int64))


@given(st.lists(st.tuples(changes, st.integers(0, 1)), min_size=1, max_size=40))
def test_scans_that_come_faster_than_a_delta_may_are_told_together_and_none_is_lost(life):
    ring = ChangeRing(replace(PLAN, period_ns=10_000_000))
    ring.begin(rows_of({1: 0.0}, RowsFlag.RUN_START), 0)
    seen, now_ns, told = ring.value.copy(), 0, []
    for changed, pause in life:
        now_ns += 10_000_000 + pause * 50_000_000
        told += [(now_ns, ring.scan(rows_of(changed), now_ns, now_ns)), (now_ns, ring.close(now_ns))]
    told.append((now_ns + DELTA_NS, ring.close(now_ns + DELTA_NS)))
    told = [(when_ns, each) for when_ns, each in told if each is not None]
    for _, each in told:
        assert len(set(each.rows.tolist())) == len(each.rows)
        seen[each.rows] = each.value
    assert np.array_equal(seen.view(np.int64), ring.value.view(np.int64))
    assert all(later - earlier >= DELTA_NS - 5_000_001 for (earlier, _), (later, _) in pairwise(told))


def test_after_frames_were_lost_the_plant_is_what_the_snapshot_shows():
    ring, _, _ = lived([({1: 1.5}, 1, PLAN.period_ns)])
    columns = np.full(COUNT, 9.0), np.zeros(COUNT, np.uint16), np.full(COUNT, 5), np.zeros(COUNT, np.int64)
    epoch = ring.epoch
    ring.begin(None, 5, Snapshot(3, *columns, []))
    assert (ring.epoch, ring.sequence, ring.number) == (epoch + 1, 0, 0)
    assert set(ring.value.tolist()) == {9.0}
    assert ring.since(0, None) == []
    assert ring.since(1, None) is None


def test_memory_that_no_scan_has_filled_is_no_plant_of_good_zeros():
    ring = ChangeRing(PLAN)
    columns = np.zeros(COUNT), np.zeros(COUNT, np.uint16), np.zeros(COUNT, np.int64), np.zeros(COUNT, np.int64)
    ring.begin(None, 5, Snapshot(0, *columns, []))
    assert np.isnan(ring.value).all()
    assert set(ring.quality.tolist()) == {NOT_YET}
    ring.key(rows_of(dict.fromkeys(range(1, 13), 0.0), RowsFlag.PERIODIC), 1, 1)
    assert ring.close(1).rows.tolist() == list(range(1, 13))


def test_a_key_frame_that_tells_nothing_new_is_no_delta():
    ring, _, _ = lived([({1: float("nan")}, 0, PLAN.period_ns)])
    value = {row: float(ring.value[row]) for row in range(1, 13)}
    assert ring.key(rows_of(value, RowsFlag.PERIODIC), 1, 1) is None
    assert ring.close(10 * DELTA_NS) is None
    ring.key(rows_of(value | {2: 5.0}, RowsFlag.PERIODIC), 11 * DELTA_NS, 11 * DELTA_NS)
    assert ring.close(11 * DELTA_NS).sequence == 2
    assert ring.value[2] == 5.0
