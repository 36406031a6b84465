import contextlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import (
    RECORDS,
    Kind,
    Rows,
    RowsFlag,
    decode_frame,
    decode_records,
    decode_rows,
    decode_texts,
    encode_frame,
    encode_rows,
    encode_texts,
    find_row,
)
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter

U8 = st.integers(0, 2**64 - 1)
I8 = st.integers(-(2**63), 2**63 - 1)


@st.composite
def rows(draw):
    count = draw(st.integers(0, 40))
    inputs = draw(st.integers(0, count))
    column = lambda dtype, n: draw(hnp.arrays(dtype, n))  # noqa: E731
    return Rows(
        RowsFlag(draw(st.integers(0, 3))),
        column("<u8", draw(st.integers(0, 5))).view("<f8"),
        column("<u4", count),
        column("<u8", count).view("<f8"),
        column("<u2", count),
        column("<i8", inputs),
        column("<i8", inputs),
    )


@settings(max_examples=200, deadline=None)
@given(rows(), U8, U8, I8, U8, st.integers(0, 200))
def test_any_rows_come_back_bit_for_bit(rows, sequence, scan, mono_ns, plan_hash, offset):
    data = bytes(offset) + encode_frame(Kind.DELTA, sequence, scan, mono_ns, plan_hash, encode_rows(rows))
    frame = decode_frame(data, offset)
    assert frame[:6] == (Kind.DELTA, 1, sequence, scan, mono_ns, plan_hash)
    back = decode_rows(frame.payload)
    assert back.flags == rows.flags
    for name in ("dt_s", "tag", "value", "quality", "source_ns", "receive_ns"):
        assert getattr(back, name).tobytes() == getattr(rows, name).tobytes(), name


@settings(max_examples=200, deadline=None)
@given(rows())
def test_one_row_found_by_its_tag_is_the_row_of_the_columns(rows):
    payload = encode_rows(rows)
    for tag in {0, 1, *rows.tag.tolist()}:
        cell = find_row(payload, tag)
        at = np.flatnonzero(rows.tag == tag)
        if len(at) == 0:
            assert cell is None
            continue
        k = at[0]
        times = (rows.source_ns[k], rows.receive_ns[k]) if k < rows.inputs else (0, 0)
        assert cell == (rows.value.view(np.int64)[k], rows.quality[k], *times)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(RECORDS)), st.integers(0, 9), st.data())
def test_any_records_come_back_bit_for_bit(kind, count, data):
    dtype = RECORDS[kind]
    payload = data.draw(st.binary(min_size=count * dtype.itemsize, max_size=count * dtype.itemsize))
    frame = decode_frame(encode_frame(kind, 1, 2, 3, 4, payload))
    assert decode_records(kind, frame.payload).tobytes() == payload


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.integers(0, 2**52 - 1), st.text(st.characters(codec="utf-8"))))
def test_any_texts_come_back(texts):
    assert decode_texts(decode_frame(encode_frame(Kind.TEXT, 1, 2, 3, 4, encode_texts(texts))).payload) == texts


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_damage_and_nothing_else(data):
    for decode in (decode_frame, decode_rows, decode_texts, lambda payload: find_row(payload, 0)):
        with contextlib.suppress(LogDamaged):
            decode(data)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 1500), st.none()), max_size=200), st.integers(4096, 9000))
def test_a_reader_at_any_pace_gets_a_true_part_and_the_right_count_of_losses(steps, size):
    """None: read one frame; a number: append a frame of that size."""
    buffer = bytearray(HEAD_BYTES + size)
    writer = RingWriter(buffer, 9, first_sequence=5)
    reader = RingReader(buffer, after=4)
    written, read = {}, []
    for step in steps:
        if step is None:
            frame = reader.read()
            read += [frame] if frame else []
        else:
            payload = np.random.default_rng(len(written)).bytes(step)
            written[writer.append(Kind.TEXT, step, len(written), payload)] = payload
    read += list(reader)
    for frame in read:
        assert frame.payload[: frame.scan] == written[frame.sequence]
    assert [f.sequence for f in read] == sorted({f.sequence for f in read})
    assert len(read) + reader.lost == len(written)
