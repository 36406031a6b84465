"""Every bit comes back from a packed column, and rubbish is refused in words."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plantctl.core.errors import LogDamaged
from plantctl.history.files import numbers
from plantctl.history.files.chunk import (
    HEAD,
    Chunk,
    ChunkKind,
    Layout,
    Opening,
    Points,
    Scans,
    chunk_bytes,
    decode_chunk,
    decode_opening,
    decode_points,
    decode_scans,
    encode_opening,
    encode_points,
    encode_scans,
)
from plantctl.history.files.minutes import decode_minutes
from plantctl.history.files.numbers import (
    pack_values,
    pack_whole,
    take_short,
    take_values,
    take_values_short,
    take_whole,
)

I8 = st.integers(-(1 << 63), (1 << 63) - 1)
ANY_BITS = st.integers(0, (1 << 64) - 1).map(lambda n: struct.unpack("<d", struct.pack("<Q", n))[0])
ODD = st.sampled_from((float("nan"), float("inf"), -float("inf"), -0.0, 0.0, 5e-324, -5e-324, 2.0**53, 2.0**63, 1e308))
DECIMAL = st.integers(-(10**7), 10**7).flatmap(lambda n: st.integers(0, 9).map(lambda k: n / 10**k))
MULTIPLE = st.integers(-32768, 32767).map(lambda n: n * 0.01)
SINGLE = st.integers(-(10**5), 10**5).map(lambda n: float(np.float32(n / 100)))
VALUES = st.lists(st.one_of(ANY_BITS, ODD, DECIMAL), max_size=60) | st.sampled_from(
    (DECIMAL, MULTIPLE, SINGLE, SINGLE.map(lambda v: v * 1.0))
).flatmap(lambda one: st.lists(st.one_of(one, one, one, one, one, one, one, one, ODD), max_size=200))


def same_bits(a, b):
    return np.array_equal(np.asarray(a).view(np.uint64), np.asarray(b).view(np.uint64))


@given(st.lists(I8, max_size=100), I8)
def test_whole_numbers(column, step):
    column = np.array(column, np.int64)
    data = pack_whole(column, step)
    found = take_whole(b"before" + data + b"after", 6)
    assert np.array_equal(found.column, column)
    assert found.end == 6 + len(data)
    data = pack_whole(column, step, short=True)
    found = take_short(b"before" + data + b"after", 6, len(column))
    assert np.array_equal(found.column, column)
    assert found.end == 6 + len(data)


@given(VALUES)
def test_values(values):
    values = np.array(values, np.float64)
    data = pack_values(values)
    found = take_values(data + b"after", 0)
    assert same_bits(found.column, values)
    assert found.end == len(data)
    data = pack_values(values, short=True)
    found = take_values_short(data + b"after", 0, len(values))
    assert same_bits(found.column, values)
    assert found.end == len(data)


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (np.arange(500) / 100, numbers.DIVIDED),
        (np.arange(500) * 0.01, numbers.MULTIPLIED),
        ((np.arange(500) / 100).astype("f4").astype("f8"), numbers.DIVIDED_F4),
        ((np.arange(300, 800).astype("f4") * np.float32(0.001)).astype("f8"), numbers.MULTIPLIED_F4),
        (np.where(np.arange(500) % 50, np.arange(500) / 100, np.nan), numbers.DIVIDED),
        (np.sqrt(np.arange(1, 500)), numbers.BITS),
    ],
    ids=["decimals", "multiples", "decimals in single", "multiples in single", "with gaps", "irrational"],
)
def test_the_form_is_the_one_of_the_device(values, form):
    assert pack_values(values)[0] == form
    assert same_bits(take_values(pack_values(values), 0).column, values)


@given(st.data())
def test_points(data):
    values = np.array(data.draw(VALUES), np.float64)
    n = len(values)
    if not n:
        return
    column = st.lists(st.integers(0, 65535), min_size=n, max_size=n)
    quality = np.array(data.draw(column | st.just([2] * n)), np.uint16)
    backwards = st.lists(I8, min_size=n, max_size=n) | st.integers(0, 10**12).map(lambda s: [s * 10**6] * n)
    source_ns = np.array(data.draw(backwards), np.int64)
    scan = np.cumsum(np.array(data.draw(st.lists(st.integers(1, 1000), min_size=n, max_size=n)), np.int64))
    points = Points(scan, values, quality, source_ns)
    utc_ns = np.array(data.draw(st.lists(I8, min_size=1, max_size=9)), np.int64)
    utc_ns = np.resize(utc_ns, int(scan[-1]) + 1)
    found = decode_points(decode_chunk(encode_points(7, points, utc_ns)), utc_ns)
    assert same_bits(found.value, values)
    for name in ("scan", "quality", "source_ns"):
        assert np.array_equal(getattr(found, name), getattr(points, name)), name


@given(st.lists(I8, min_size=1, max_size=50), I8)
@example([0, 2**63 - 512], 0)
def test_scans_whose_clock_goes_anywhere(times, begin_ns):
    scans = Scans(begin_ns, np.array(times, np.int64), np.arange(0, len(times), 3))
    found = decode_scans(decode_chunk(encode_scans(scans)))
    assert found.begin_ns == begin_ns
    assert np.array_equal(found.utc_ns, scans.utc_ns)
    assert np.array_equal(found.holes, scans.holes)


@given(st.lists(st.tuples(I8, ANY_BITS, st.integers(0, 65535), I8), max_size=30))
def test_an_opening(rows):
    tags = np.arange(len(rows), dtype=np.int64) * 3
    utc_ns, value, quality, source_ns = zip(*rows, strict=True) if rows else ((), (), (), ())
    opening = Opening(
        tags,
        np.array(utc_ns, np.int64),
        np.array(value, np.float64),
        np.array(quality, np.uint16),
        np.array(source_ns, np.int64),
    )
    found = decode_opening(decode_chunk(encode_opening(opening)))
    assert same_bits(found.value, opening.value)
    for name in ("tag", "utc_ns", "quality", "source_ns"):
        assert np.array_equal(getattr(found, name), getattr(opening, name)), name


@given(VALUES.filter(len), st.integers(0, 10**9), st.integers(0, 7))
def test_one_flipped_bit_is_found(values, place, bit):
    n = len(values)
    points = Points(np.arange(n), np.array(values), np.zeros(n, np.uint16), np.zeros(n, np.int64))
    data = bytearray(encode_points(7, points, np.zeros(n, np.int64)))
    data[place % len(data)] ^= 1 << bit
    with pytest.raises(LogDamaged):
        decode_chunk(bytes(data))


@given(st.binary(max_size=200))
def test_rubbish_is_refused(data):
    """Behind a right check sum too: nothing but `LogDamaged` comes out."""
    for take in (take_whole, take_values):
        with contextlib.suppress(LogDamaged):
            take(data, 0)
    for count in (0, 1, 7, len(data)):
        for take in (take_short, take_values_short):
            with contextlib.suppress(LogDamaged):
                take(data, 0, count)
        for layout in (Layout.LONG, Layout.SHORT, 2):
            for kind, decode in ((ChunkKind.POINTS, decode_points), (ChunkKind.MINUTES, decode_minutes)):
                with contextlib.suppress(LogDamaged):
                    decode(Chunk(kind, 7, count, data, layout))
    assert chunk_bytes(data, 0) <= len(data)
    with pytest.raises(LogDamaged):
        decode_chunk(b"CHNK" + data + bytes(HEAD.size))
