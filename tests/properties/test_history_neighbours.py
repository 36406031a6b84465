"""Points of one part of a record are cut out as they stand where the clock was never set back: the same rows."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from plantctl.history.files.chunk import Points, Scans
from plantctl.history.reading.gathering import State, in_force
from plantctl.history.reading.seams import told

MOMENT = st.integers(-5, 60)


@st.composite
def forces(draw):
    """What was in force in a part of a record whose clock may stand still, and may go back where that is drawn."""
    least = draw(st.sampled_from([0, 0, -3]))
    steps = draw(st.lists(st.integers(least, 4), min_size=1, max_size=12))
    times = np.cumsum(np.array(steps, np.int64))
    scan = np.array(sorted(draw(st.sets(st.integers(0, len(times) - 1)))), np.int64)
    holes = np.array(sorted(draw(st.sets(st.integers(0, len(times) - 1), max_size=2))), np.int64)
    before = draw(st.sampled_from([None, State(-4, 7.0, 3, 0)]))
    points = Points(scan, scan * 1.5, np.zeros(len(scan), np.uint16), scan * 0)
    return in_force(points, Scans(draw(st.integers(-2, 2)), times, holes), before)


@given(forces(), MOMENT, st.integers(1, 60), st.integers(1, 8))
def test_orderly_rows_are_those_that_a_look_at_each_row_gives(force, start_ns, width_ns, limit):
    found = told(force, start_ns, start_ns + width_ns, limit)
    looked = told(replace(force, orderly=False), start_ns, start_ns + width_ns, limit)
    numbers = np.arange(len(force))
    assert numbers[found.rows].tolist() == numbers[looked.rows].tolist()
    assert force.until_ns[found.ends].tolist() == force.until_ns[looked.ends].tolist()
    assert (found.end_ns, found.truncated) == (looked.end_ns, looked.truncated)


@given(forces())
def test_rows_are_called_orderly_only_where_each_has_its_own_time(force):
    first = 0 if not len(force) or force.is_point[0] else 1
    own = (force.at_ns[first:] == force.utc_ns[first:]).all() and force.is_point[first:].all()
    assert own or not force.orderly
    assert (np.diff(force.at_ns) >= 0).all()
