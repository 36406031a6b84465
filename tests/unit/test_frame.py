import numpy as np
import pytest

from plantctl.core.command import Stage
from plantctl.core.errors import LogDamaged
from plantctl.core.frame import (
    COMMAND,
    COMMIT,
    EVENT,
    FRAME_BYTES_MAX,
    NO_TAG,
    RESULT,
    TIME,
    WRITE,
    Kind,
    Rows,
    RowsFlag,
    crc32c,
    decode_frame,
    decode_records,
    decode_rows,
    decode_texts,
    encode_frame,
    encode_records,
    encode_rows,
    encode_texts,
)

PLAN = 0x8F12_34AB_77C0_D1E5


def test_the_check_sum_is_the_one_of_the_standard():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_a_frame_comes_back_as_it_was():
    data = encode_frame(Kind.TEXT, 7, 12, -5, PLAN, b"abc")
    assert len(data) == 48
    frame = decode_frame(data)
    assert frame[:6] == (Kind.TEXT, 1, 7, 12, -5, PLAN)
    assert frame.payload == b"abc\0"


def test_frames_lie_on_multiples_of_eight():
    for size in range(40):
        assert len(encode_frame(Kind.TEXT, 1, 0, 0, PLAN, bytes(size))) % 8 == 0


def test_a_frame_inside_other_bytes_is_found_by_its_offset():
    data = b"12345678" + encode_frame(Kind.TEXT, 7, 12, 9, PLAN, b"x" * 9)
    assert decode_frame(memoryview(data), 8).payload[:9] == b"x" * 9


def test_every_flipped_bit_of_a_frame_is_noticed():
    data = bytearray(encode_frame(Kind.DELTA, 7, 12, 99, PLAN, b"some payload"))
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(LogDamaged):
            decode_frame(data)
        data[bit // 8] ^= 1 << bit % 8
    decode_frame(data)


def test_a_frame_cut_short_anywhere_is_refused():
    data = encode_frame(Kind.DELTA, 7, 12, 99, PLAN, b"some payload")
    for size in range(len(data)):
        with pytest.raises(LogDamaged):
            decode_frame(data[:size])


def test_a_frame_too_long_is_not_written():
    with pytest.raises(ValueError, match="longer than"):
        encode_frame(Kind.KEY, 1, 0, 0, PLAN, bytes(FRAME_BYTES_MAX))


def test_rows_keep_the_bits_of_a_nan_and_of_minus_zero():
    bits = np.array([0x7FF8_0000_0000_BEEF, 0xFFF0_0000_0000_0001, 0x8000_0000_0000_0000], np.uint64)
    rows = Rows(
        RowsFlag.NONE,
        np.array([0.1, 0.0]),
        np.array([5, 9, 2], np.uint32),
        bits.view(np.float64),
        np.array([2, 0, 0x8001], np.uint16),
        np.array([1_700_000_000_000_000_001], np.int64),
        np.array([-3], np.int64),
    )
    back = decode_rows(encode_rows(rows))
    assert back.value.view(np.uint64).tolist() == bits.tolist()
    assert back.tag.tolist() == [5, 9, 2]
    assert back.quality.tolist() == [2, 0, 0x8001]
    assert back.source_ns.tolist() == [1_700_000_000_000_000_001]
    assert back.receive_ns.tolist() == [-3]
    assert back.dt_s.tolist() == [0.1, 0.0]
    assert back.inputs == 1


def test_an_empty_delta_is_small():
    none = np.zeros(0)
    empty = Rows(
        RowsFlag.NONE,
        np.array([0.1, 1.0]),
        none.astype(np.uint32),
        none,
        none.astype(np.uint16),
        none.astype(np.int64),
        none.astype(np.int64),
    )
    assert len(encode_frame(Kind.DELTA, 1, 1, 1, PLAN, encode_rows(empty))) == 80


@pytest.mark.parametrize(
    "payload",
    [b"", bytes(15), b"\xff" * 16, b"\x01\0\0\0\x02\0\0\0" + bytes(64), b"\x09\0\0\0" + bytes(20)],
    ids=["nothing", "half-a-head", "huge-counts", "more-inputs-than-rows", "columns-missing"],
)
def test_rows_that_do_not_fit_are_damage(payload):
    with pytest.raises(LogDamaged):
        decode_rows(payload)


def test_records_have_sizes_that_leave_no_doubt_how_many_there_are():
    for dtype in (EVENT, COMMAND, RESULT, TIME, COMMIT, WRITE):
        assert dtype.itemsize % 8 == 0
        assert dtype.itemsize > 8


def test_a_command_and_its_results_come_back():
    payload = encode_records(
        Kind.COMMAND, [{"number": 3, "value": 1.5, "expiry_ns": 10, "verb": 77, "tag": 4}, {"number": 4}]
    )
    frame = decode_frame(encode_frame(Kind.COMMAND, 1, 2, 3, PLAN, payload))
    back = decode_records(frame.kind, frame.payload)
    assert back["number"].tolist() == [3, 4]
    assert back["value"].tolist() == [1.5, 0.0]
    assert back["tag"].tolist() == [4, NO_TAG]
    result = decode_records(Kind.RESULT, encode_records(Kind.RESULT, [{"number": 3, "stage": Stage.VERIFIED}]))
    assert Stage(result["stage"][0]) is Stage.VERIFIED


def test_a_record_with_an_unknown_field_is_refused():
    with pytest.raises(KeyError, match="no field colour"):
        encode_records(Kind.EVENT, [{"colour": 1}])


@pytest.mark.parametrize("kind", [Kind.DELTA, Kind.TEXT, 250])
def test_kinds_without_records_are_refused(kind):
    with pytest.raises(LogDamaged):
        decode_records(kind, bytes(64))


def test_texts_come_back_with_umlauts_and_nothing():
    texts = {1: "Säure läuft", 2: "x", (1 << 52) - 1: "12345678"}
    frame = decode_frame(encode_frame(Kind.TEXT, 1, 2, 3, PLAN, encode_texts(texts)))
    assert decode_texts(frame.payload) == texts


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x01\0\0\0\0\0\0\0", encode_texts({1: "abcdefghij"})[:-8], encode_texts({1: "a"})[:-8] + b"\xff" * 8],
)
def test_texts_that_do_not_fit_are_damage(payload):
    with pytest.raises(LogDamaged):
        decode_texts(payload)
