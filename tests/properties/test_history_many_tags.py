"""What is done to many tags at once is, to the byte, what is done to each alone."""

import struct

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from plantctl.history.files.chunk import Scans, decode_chunk, decode_points, encode_points
from plantctl.history.files.many_columns import cuts_of, pack_values_each, pack_whole_each
from plantctl.history.files.many_points import (
    SLICE_COST,
    SLICE_TAG,
    ManyPoints,
    encode_points_each,
    ends_of_each,
    points_of_each,
)
from plantctl.history.files.minutes import encode_minutes, minutes_of
from plantctl.history.files.numbers import pack_values, pack_whole
from plantctl.history.reading.gathering import Gathering, State, closing, cut, in_force, points_in
from plantctl.history.reading.many_minutes import encode_minutes_each
from plantctl.history.reading.states import NOTHING, newest_of, opening_of, state_in, without
from plantctl.log.rows import Stretch

I8 = st.integers(-(1 << 63), (1 << 63) - 1)
BITS = st.integers(0, (1 << 64) - 1).map(lambda n: struct.unpack("<d", struct.pack("<Q", n))[0])
NAN = st.sampled_from((0x7FF8 << 48, 0xFFF8 << 48, (0x7FF0 << 48) + 1, (0x7FF8 << 48) + 0xBEEF)).map(
    lambda n: struct.unpack("<d", struct.pack("<Q", n))[0]
)
ODD = st.one_of(NAN, st.sampled_from((float("inf"), -float("inf"), -0.0, 0.0, 5e-324, 2.0**53, -(2.0**53), 1e308)))
HUNDREDTH = st.integers(-30000, 30000)
KINDS = (
    HUNDREDTH.map(lambda n: n / 100),
    HUNDREDTH.map(lambda n: n * 0.01),
    HUNDREDTH.map(lambda n: float(np.float32(n / 100))),
    HUNDREDTH.map(lambda n: float(np.float32(n) * np.float32(0.01))),
    HUNDREDTH.map(lambda n: n / 10**7),
    st.floats(width=32),
    BITS,
    st.just(3.25),
)
COLUMN = st.sampled_from(KINDS).flatmap(
    lambda kind: st.lists(st.one_of(*[kind] * 12, ODD), min_size=1, max_size=70) | st.lists(kind, min_size=1)
)
COLUMNS = st.lists(COLUMN, min_size=1, max_size=9)


def split(column, cuts):
    return [column[a : a + n] for a, n in zip(cuts.start.tolist(), cuts.number.tolist(), strict=True)]


@given(COLUMNS)
@example([[float("nan")] * 20, [1.5] * 20, [float("nan")] + [0.1] * 30])
@example([[-0.0] * 8, [2.0**53] * 9, [0.01 * k for k in range(40)]])
def test_values(columns):
    cuts = cuts_of(np.array([len(c) for c in columns]))
    # from the bits: an array of floats may quiet a NaN
    together = np.array([struct.unpack("<q", struct.pack("<d", v))[0] for c in columns for v in c]).view(np.float64)
    for short in (False, True):
        alone = [pack_values(c, short=short) for c in split(together, cuts)]
        assert pack_values_each(together, cuts, short=short) == alone


@given(st.lists(st.lists(I8, min_size=1, max_size=30), min_size=1, max_size=9), I8)
def test_whole_numbers(columns, step):
    cuts = cuts_of(np.array([len(c) for c in columns]))
    together = np.array([n for c in columns for n in c], np.int64)
    step = step % 2**63 - 2**62
    for short in (False, True):
        alone = [pack_whole(c, step, short=short) for c in split(together, cuts)]
        assert pack_whole_each(together, cuts, step, short=short) == alone


@st.composite
def many_points(draw):
    columns = draw(COLUMNS)
    numbers = [len(c) for c in columns]
    quality, source_ns = [], []
    for n in numbers:
        words = st.integers(0, 65535)
        quality += draw(st.lists(words, min_size=n, max_size=n) | words.map(lambda word, n=n: [word] * n))
        unit = draw(st.sampled_from((0, 1, 100, 1_000, 100_000, 10**6, 10**9)))
        anywhere = st.lists(I8, min_size=n, max_size=n)  # backwards, twice the same, before 1970
        steps = st.lists(st.integers(-(10**9), 10**9), min_size=n, max_size=n)
        source_ns += draw(anywhere) if unit == 1 else [s * unit for s in draw(steps)]
    step = st.integers(1, 400)
    scan = [k for n in numbers for k in np.cumsum(draw(st.lists(step, min_size=n, max_size=n))).tolist()]
    bits = [struct.unpack("<q", struct.pack("<d", v))[0] for c in columns for v in c]
    return ManyPoints(
        np.array(sorted(draw(st.sets(st.integers(1, 2**32 - 1), min_size=len(columns), max_size=len(columns))))),
        cuts_of(np.array(numbers)),
        np.array(scan, np.int64),
        np.array(bits, np.int64).view(np.float64),
        np.array(quality, np.uint16),
        np.array(source_ns, np.int64),
    )


@given(many_points())
def test_chunks_of_points(points):
    utc_ns = np.arange(int(points.scan.max()) + 1) * 100_000_001 + 1_790_000_000 * 10**9
    chunks = [chunk for some in encode_points_each(points, utc_ns) for chunk in some]
    assert chunks == [encode_points(tag, points.one(k), utc_ns) for k, tag in enumerate(points.tag.tolist())]
    for k, data in enumerate(chunks):
        found, one = decode_points(decode_chunk(data), utc_ns), points.one(k)
        assert np.array_equal(found.value.view(np.int64), one.value.view(np.int64))
        for name in ("scan", "quality", "source_ns"):
            assert np.array_equal(getattr(found, name), getattr(one, name)), name


def test_more_points_than_a_slice_are_encoded_some_tags_at_a_time_and_none_is_missed():
    numbers = np.array([*[3] * 200, SLICE_COST, 1, 1])  # one has more than a slice alone
    scan = np.concatenate([np.arange(n) for n in numbers])
    value = np.round(np.sin(np.arange(len(scan))), 2)
    tags, none = np.arange(1, len(numbers) + 1), np.zeros(len(scan), np.int64)
    points = ManyPoints(tags, cuts_of(numbers), scan, value, none.astype(np.uint16), none)
    utc_ns = np.arange(SLICE_COST) * 10**9
    slices = [some for some in encode_points_each(points, utc_ns) if some]
    assert [chunk for some in slices for chunk in some] == [
        encode_points(tag, points.one(k), utc_ns) for k, tag in enumerate(tags.tolist())
    ]
    assert len(slices) == 4
    assert max(map(len, slices)) <= SLICE_COST // (SLICE_TAG + 3) + 1


@given(st.lists(st.sets(st.integers(1, 9) | st.integers(1, 2**32 - 1)), max_size=4))
def test_the_tags_that_were_told_of_however_far_their_ids_are(told):
    gathering = Gathering()
    for sequence, tags in enumerate(told, 1):
        tag = np.array(sorted([*tags, *list(tags)[:2]]), np.uint32)
        at, none = np.array([sequence]), np.zeros(len(tag), np.int64)
        hole = np.zeros(1, np.bool_)
        gathering.add(
            Stretch(1, sequence, sequence, at, at, hole, tag, none, none * 1.0, none.astype(np.uint16), none, [])
        )
    assert gathering.tags().tolist() == sorted(set().union(*told))


STATE = st.tuples(st.sampled_from((1.0, 2.0, float("nan"), 0.0, -0.0)), st.integers(0, 1), st.integers(0, 1))


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30), STATE), max_size=60),
    st.sets(st.integers(0, 30), max_size=3),
    st.dictionaries(st.integers(1, 5), STATE),
)
def test_what_counts_as_a_point_and_what_is_in_force_after_it(told, holes, known):
    rows = sorted({(tag, scan): state for tag, scan, state in told}.items())
    column = [np.array(c) for c in zip(*((tag, scan, *state) for (tag, scan), state in rows), strict=True)]
    tag, scan, value, quality, source_ns = column or [np.zeros(0)] * 5
    none = np.zeros(0, np.int64)
    stretch = Stretch(
        1,
        1,
        1,
        none,
        none,
        np.zeros(0, np.bool_),
        tag.astype(np.uint32),
        scan.astype(np.int64),
        value.astype(np.float64),
        quality.astype(np.uint16),
        source_ns.astype(np.int64),
        [],
    )
    scans = Scans(0, np.arange(31, dtype=np.int64) * 7, np.array(sorted(holes), np.int64))
    before = {number: State(5, *state) for number, state in known.items()} if 0 not in holes else {}
    found = points_of_each(stretch, scans.holes, opening_of(before))
    ends = newest_of([NOTHING, *([] if holes else [opening_of(before)]), ends_of_each(found, scans)])
    for number in range(1, 6):
        mine = np.flatnonzero(stretch.tag == number)
        held = before.get(number)
        if len(mine):
            one = points_in(cut(stretch, slice(int(mine[0]), int(mine[-1]) + 1)), scans.holes, held)
            assert (number in found.tag) == bool(len(one))
            if len(one):
                again = found.one(int(np.flatnonzero(found.tag == number)[0]))
                assert np.array_equal(again.value.view(np.int64), one.value.view(np.int64))
                assert again.scan.tolist() == one.scan.tolist()
            held = closing(one, scans, held)
        elif holes:
            held = None
        assert repr(state_in(ends, number)) == repr(held)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 30), STATE), min_size=1, max_size=60),
    st.sets(st.integers(0, 30), max_size=3),
    st.dictionaries(st.integers(1, 5), STATE),
    st.lists(st.integers(-(10**11), 10**12), min_size=31, max_size=31),
    st.sampled_from((0, 1_790_000_000 * 10**9, -(10**15), (1 << 61) - 10**9)),
)
def test_minutes(told, holes, known, steps_ns, begin_ns):
    """The clock goes back now and then, or to where no line of time can be laid."""
    rows = sorted({(tag, scan): state for tag, scan, state in told}.items())
    tag, scan, value, quality, source_ns = (
        np.array(c) for c in zip(*((tag, scan, *state) for (tag, scan), state in rows), strict=True)
    )
    tags, number = np.unique(tag, return_counts=True)
    cuts = cuts_of(number.astype(np.int64))
    points = ManyPoints(tags, cuts, scan, value, quality.astype(np.uint16), source_ns)
    scans = Scans(begin_ns, begin_ns + np.cumsum(np.array(steps_ns)), np.array(sorted(holes), np.int64))
    before = {number: State(begin_ns - 9, *state) for number, state in known.items()}
    which = np.arange(len(tags))[:: 1 + len(tags) // 3]
    wanted = [
        encode_minutes(int(tags[k]), minutes_of(in_force(points.one(k), scans, before.get(int(tags[k])))))
        for k in which
    ]
    assert encode_minutes_each(points, which, scans, opening_of(before)) == wanted


def test_the_newest_word_counts_and_one_tag_may_be_left_out():
    first, second = State(1, 1.0, 0, 0), State(2, 2.0, 1, 3)
    parts = [opening_of({1: first, 4: first}), opening_of({2: second, 4: second})]
    found = newest_of(parts)
    assert [state_in(found, tag) for tag in range(6)] == [None, first, second, None, second, None]
    assert without(found, [4, 9]).tag.tolist() == [1, 2]
