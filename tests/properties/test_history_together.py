"""What is read or put together of many files at once is, to the bit, what is read of each alone."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantctl.core.errors import LogDamaged
from plantctl.history.files.buckets import Buckets, joined
from plantctl.history.files.chunk import Chunk, Layout, Points, Scans, decode_chunk
from plantctl.history.files.minutes import QUARTER_NS, decode_minutes, encode_minutes
from plantctl.history.files.minutes_together import decode_minutes_together
from plantctl.history.reading.gathering import State, in_force
from plantctl.history.reading.points_together import Piece, together
from plantctl.history.reading.seams import seamless

NUMBER = st.one_of(
    st.integers(-300, 300).map(lambda n: n / 100),
    st.floats(width=64),
    st.sampled_from([float("nan"), -0.0, float("inf"), 5e-324, 1e308]),
)
WHOLE = st.one_of(st.integers(0, 200), st.integers(-(1 << 63), (1 << 63) - 1))


def same(found, wanted):
    for each in dataclasses.fields(wanted):
        one, other = getattr(found, each.name), getattr(wanted, each.name)
        if isinstance(other, np.ndarray):
            assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes()), each.name
        else:
            assert one == other, each.name


@st.composite
def minutes(draw):
    """Minutes of a tag: few or many, even or wild."""
    count = draw(st.sampled_from([1, 2, 7, 9, 60]))
    wild = draw(st.booleans())

    def column(numbers, dtype):
        few = draw(st.lists(numbers, min_size=1, max_size=count if wild else 3))
        return np.resize(np.array(few, dtype), count)

    begin_ns = np.cumsum(column(st.integers(1, 3), np.int64)) * QUARTER_NS
    values = [column(NUMBER, np.float64) for _ in range(5)]
    return Buckets(
        begin_ns,
        *values,
        column(WHOLE, np.int64),
        column(WHOLE, np.int64),
        column(st.integers(0, 65535), np.uint16),
        np.ones(count, np.bool_),
    )


@given(st.lists(minutes(), min_size=1, max_size=6))
def test_chunks_of_minutes(each):
    chunks = [decode_chunk(encode_minutes(7, one, width_ns=QUARTER_NS)) for one in each]
    wanted = [decode_minutes(chunk, QUARTER_NS) for chunk in chunks]
    try:
        found = decode_minutes_together(chunks, QUARTER_NS)
    except LogDamaged:  # of numbers that begin with all 64 bits, whoever asks reads each alone
        wide = [w for one in each for w in (one.known_ns[0], one.count[0], *np.diff(one.begin_ns)[:1])]
        assert any(abs(int(w)) >= 1 << 55 for w in wide)
        return
    same(found, joined(wanted))


@given(st.lists(minutes(), min_size=1, max_size=3), st.data())
def test_damaged_chunks_raise_what_is_expected(each, data):
    chunks = [decode_chunk(encode_minutes(7, one)) for one in each]
    which = data.draw(st.integers(0, len(chunks) - 1))
    raw = bytearray(chunks[which].data)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    del raw[data.draw(st.integers(0, len(raw))) :]
    chunks[which] = Chunk(chunks[which].kind, 7, chunks[which].rows, bytes(raw), Layout.SHORT)
    try:
        wanted = joined([decode_minutes(chunk) for chunk in chunks])
    except LogDamaged:
        with pytest.raises(LogDamaged):
            decode_minutes_together(chunks)
        return
    try:
        found = decode_minutes_together(chunks)
    except LogDamaged:
        return  # it may be stricter: each is read alone then
    same(found, wanted)


@st.composite
def pieces(draw):
    """Parts of a record that go on in the way that sealed files do, or that do not in one respect."""
    found, state, begin_ns = [], draw(st.sampled_from([None, State(-9, 7.0, 3, 0), State(-9, float("nan"), 0, 5)])), 0
    for _ in range(draw(st.integers(1, 5))):
        steps = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6))
        times = begin_ns + draw(st.sampled_from([0, 0, 2])) + np.cumsum(np.array(steps, np.int64))
        scan = np.array(sorted(draw(st.sets(st.integers(0, len(times) - 1)))), np.int64)
        value = np.array([draw(st.sampled_from([1.5, -0.0, 0.0, float("nan")])) for _ in scan], np.float64)
        quality = np.array([draw(st.sampled_from([0, 0, 9])) for _ in scan], np.uint16)
        source_ns = scan * draw(st.sampled_from([0, 0, 3]))
        rare = draw(st.integers(0, 12))
        holes = np.array([0] if rare == 1 else [len(times) - 1] if rare == 2 else [], np.int64)
        if rare == 3:
            times[-1] -= 6
        points = Points(scan, value, quality, source_ns, line=rare == 4, off_by=0.5 if rare == 4 else 0.0)
        before = State(-3, 2.0, 0, 0) if rare == 5 else None if rare == 6 else state
        found.append(Piece(points, Scans(begin_ns + 1 if rare == 7 else begin_ns, times, holes), before))
        if len(scan):
            state = State(int(times[scan[-1]]), float(value[-1]), int(quality[-1]), int(source_ns[-1]))
        begin_ns = int(times[-1])
    return found


@given(pieces())
def test_points_of_files(parts):
    forces = [force for force in (in_force(*part) for part in parts) if len(force)]
    same(together(parts), seamless(forces))
