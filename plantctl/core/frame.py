"""The frame: one entry of the plant's diary, the same bytes in the ring, on disk and in a replay.

Every scan writes down what it saw and did: the values that changed, the commands it took, the transitions. One such
entry is a frame: a fixed head, a payload that depends on the kind, and a check sum. Whoever reads frames (recorder,
screen, replay) needs nothing else to rebuild the process image of any moment.

    u4 length   whole frame in bytes, head and check sum included, always a multiple of 8
    u2 kind     `Kind`
    u2 version  of this layout, 1
    u8 sequence counts frames, never falls; gaps show what was lost
    u8 scan     number of the scan the frame belongs to
    i8 mono_ns  plant clock, monotonic
    u8 plan_hash  first 64 bits of the plan's hash; with kind and version it is what a reader looks for after damage
    payload, padded with zeros, then u4 CRC-32C of everything before it

Rules of the file: little-endian; every payload starts at a multiple of 8 and is a numpy record or a set of columns, so
that no row is touched by Python; values are moved as bits, never through arithmetic, so that a NaN keeps its payload.
The layout for strangers is docs/reference/log-format.md. CRC-32C: RFC 3720, appendix B.4.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Any, Final, NamedTuple

import google_crc32c
import numpy as np
import numpy.typing as npt

from plantctl.core.errors import LogDamaged

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
U4 = npt.NDArray[np.uint32]
U2 = npt.NDArray[np.uint16]
Buffer = bytes | bytearray | memoryview

VERSION: Final = 1
HEAD: Final = struct.Struct("<IHHQQqQ")
HEAD_BYTES: Final = HEAD.size
CRC: Final = struct.Struct("<I")
FRAME_BYTES_MIN: Final = 48
FRAME_BYTES_MAX: Final = 1 << 24
KEY_PERIOD_NS: Final = 10_000_000_000
NO_TAG: Final = 0xFFFF_FFFF
_PAD: Final = tuple(bytes(n) for n in range(8))


class Kind(IntEnum):
    """What a frame tells. Numbers are part of the format: never reused."""

    PAD = 0  # only inside a ring: unused bytes before its end
    KEY = 1  # all rows: at the start of a run and every 10 s
    DELTA = 2  # the rows that changed in a scan, one frame every scan
    EVENT = 3  # transitions
    COMMAND = 4  # commands as the scan took them
    RESULT = 5  # what became of them
    TEXT = 6  # texts behind text ids
    TIME = 7  # monotonic against UTC, once a second
    COMMIT = 8  # everything before is on disk; written by the recorder only
    WRITE = 9  # what the field did about output rows
    STATE = 10  # the memory of the blocks, at the start of a run that does not begin from nothing
    LATE = 11  # values that came after their time (`core.late`)


class RowsFlag(IntFlag):
    """Flags of a key or delta payload."""

    NONE = 0
    RUN_START = 1  # key: the image before the first scan of a run
    PERIODIC = 2  # key: the image after the scan of this number


# A transition. `tag` is the stable tag id or NO_TAG, `field`, `actor`, `reason` are text ids, `code` the event's kind;
# `flags` has IN_WORDS where `old` and `new` stand for words of an enumeration.
IN_WORDS: Final = 1
EVENT: Final = np.dtype(
    [
        ("old", "<f8"),
        ("new", "<f8"),
        ("source_ns", "<i8"),
        ("field", "<u8"),
        ("actor", "<u8"),
        ("reason", "<u8"),
        ("tag", "<u4"),
        ("code", "<u2"),
        ("flags", "<u2"),
    ]
)
# A command as the scan took it, in the scan of the frame's number. `number` is its own count; `verb`, `target`,
# `actor`, `reason`, `text` (the value as it was written) and `expect` (what its giver saw) are text ids; `value` is the
# value where it was a number, else NaN; `key` is the text id of the idempotency key, whose text is not kept;
# `given_ns` and `expiry_ns` are monotonic. 0 where there is none.
# Flags of a command record. ANSWERED_BEFORE: a scan process before this one had answered the same key, and gave that
# answer again; whoever replays the run knows nothing of it and passes the command over.
ANSWERED_BEFORE: Final = 1
# IN_LATE_FRAME: what the command brought is in the frame of late values behind it, not in its text; a replay has it
# from there, and where it became an input from the rows.
IN_LATE_FRAME: Final = 2

COMMAND: Final = np.dtype(
    [
        ("number", "<u8"),
        ("value", "<f8"),
        ("given_ns", "<i8"),
        ("expiry_ns", "<i8"),
        ("verb", "<u8"),
        ("target", "<u8"),
        ("actor", "<u8"),
        ("reason", "<u8"),
        ("text", "<u8"),
        ("key", "<u8"),
        ("expect", "<u8"),
        ("tag", "<u4"),
        ("flags", "<u4"),
    ]
)
# A stage of the command `number`; `code` is the text id of the reason code and `text` that of the sentence for the
# person, 0 where there is none.
RESULT: Final = np.dtype(
    [("number", "<u8"), ("mono_ns", "<i8"), ("code", "<u8"), ("text", "<u8"), ("stage", "<u4"), ("flags", "<u4")]
)
# `utc_ns` is the plant's UTC at `mono_ns`, `offset_ns` the clock service's estimate of its error, `locked` 0 or 1.
TIME: Final = np.dtype(
    [("mono_ns", "<i8"), ("utc_ns", "<i8"), ("offset_ns", "<i8"), ("locked", "<u4"), ("flags", "<u4")]
)
# The frames up to and with `sequence` are on disk.
COMMIT: Final = np.dtype([("sequence", "<u8"), ("utc_ns", "<i8")])
# What the field did about an output row: `value` as sent, `write_ns` when the device confirmed, `error` a `WriteError`.
WRITE: Final = np.dtype([("value", "<f8"), ("sequence", "<i8"), ("write_ns", "<i8"), ("tag", "<u4"), ("error", "<i4")])

RECORDS: Final[Mapping[Kind, np.dtype[np.void]]] = {
    Kind.EVENT: EVENT,
    Kind.COMMAND: COMMAND,
    Kind.RESULT: RESULT,
    Kind.TIME: TIME,
    Kind.COMMIT: COMMIT,
    Kind.WRITE: WRITE,
}


class Frame(NamedTuple):
    """One frame, its payload with the padding still on it."""

    kind: int
    version: int
    sequence: int
    scan: int
    mono_ns: int
    plan_hash: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """The payload of a key or delta frame. The first `inputs` rows are input rows.

    `dt_s` holds one time step per task in s, 0 where the task was not stepped in this scan; `tag` u4 stable tag ids;
    `value` f8 in declared units; `quality` u2; `source_ns` (UTC) and `receive_ns` (monotonic) i8 of the input rows.
    """

    flags: RowsFlag
    dt_s: F8
    tag: U4
    value: F8
    quality: U2
    source_ns: I8
    receive_ns: I8

    @property
    def inputs(self) -> int:
        """How many of the rows are input rows."""
        return len(self.source_ns)


def crc32c(data: bytes) -> int:
    """The CRC-32C (Castagnoli) of `data`."""
    return int(google_crc32c.value(data))


def frame_bytes(payload_bytes: int) -> int:
    """The length in bytes of a frame with so much payload."""
    return (payload_bytes + HEAD_BYTES + CRC.size + 7) & ~7


def encode_frame(kind: int, sequence: int, scan: int, mono_ns: int, plan_hash: int, payload: Buffer) -> bytes:
    """A whole frame. A payload that makes it longer than `FRAME_BYTES_MAX` raises `ValueError`."""
    length = frame_bytes(len(payload))
    if length > FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {length} bytes is longer than {FRAME_BYTES_MAX}")
    pad = _PAD[length - len(payload) - HEAD_BYTES - CRC.size]
    body = b"".join((HEAD.pack(length, kind, VERSION, sequence, scan, mono_ns, plan_hash), payload, pad))
    return body + CRC.pack(google_crc32c.value(body))


def decode_frame(data: Buffer, offset: int = 0) -> Frame:
    """The frame that starts at `offset` of `data`. Cut short, an impossible length or a wrong sum is `LogDamaged`."""
    if len(data) - offset < FRAME_BYTES_MIN:
        raise LogDamaged("a frame is cut short")
    length, kind, version, sequence, scan, mono_ns, plan_hash = HEAD.unpack_from(data, offset)
    if not FRAME_BYTES_MIN <= length <= min(FRAME_BYTES_MAX, len(data) - offset) or length % 8:
        raise LogDamaged(f"a frame cannot have a length of {length} bytes here")
    end = offset + length - CRC.size
    body = bytes(data[offset:end])
    if google_crc32c.value(body) != CRC.unpack_from(data, end)[0]:
        raise LogDamaged("a frame's check sum is wrong")
    return Frame(kind, version, sequence, scan, mono_ns, plan_hash, body[HEAD_BYTES:])


# ------------------------------------------------------------------------------------------------ key and delta
# u4 rows, u4 inputs, u4 tasks, u4 flags, then columns: f8 dt per task, f8 value, i8 source_ns and i8 receive_ns of the
# inputs, u4 tag, u2 quality. The 8-byte columns come first, so that all lie aligned.
ROWS_HEAD: Final = struct.Struct("<IIII")
_I8: Final = struct.Struct("<q")
_U2: Final = struct.Struct("<H")


def rows_bytes(rows: int, inputs: int, tasks: int) -> int:
    """The payload bytes of a key or delta frame."""
    return ROWS_HEAD.size + 8 * tasks + 14 * rows + 16 * inputs


def encode_rows(rows: Rows) -> bytes:
    """The payload of a key or delta frame."""
    return b"".join(
        (
            ROWS_HEAD.pack(len(rows.tag), rows.inputs, len(rows.dt_s), rows.flags),
            rows.dt_s.astype("<f8", copy=False).tobytes(),
            rows.value.astype("<f8", copy=False).tobytes(),
            rows.source_ns.astype("<i8", copy=False).tobytes(),
            rows.receive_ns.astype("<i8", copy=False).tobytes(),
            rows.tag.astype("<u4", copy=False).tobytes(),
            rows.quality.astype("<u2", copy=False).tobytes(),
        )
    )


def decode_rows(payload: Buffer) -> Rows:
    """The columns of a key or delta payload, as views that cannot be written. Sizes that do not fit: `LogDamaged`."""
    if len(payload) < ROWS_HEAD.size:
        raise LogDamaged("a key or delta frame is too short")
    rows, inputs, tasks, flags = ROWS_HEAD.unpack_from(payload)
    if inputs > rows or rows_bytes(rows, inputs, tasks) > len(payload):
        raise LogDamaged(f"{rows} rows, {inputs} inputs and {tasks} tasks do not fit in {len(payload)} bytes")
    at = ROWS_HEAD.size
    dt_s = np.frombuffer(payload, "<f8", tasks, at)
    at += 8 * tasks
    value = np.frombuffer(payload, "<f8", rows, at)
    at += 8 * rows
    source_ns = np.frombuffer(payload, "<i8", inputs, at)
    at += 8 * inputs
    receive_ns = np.frombuffer(payload, "<i8", inputs, at)
    at += 8 * inputs
    tag = np.frombuffer(payload, "<u4", rows, at)
    at += 4 * rows
    quality = np.frombuffer(payload, "<u2", rows, at)
    return Rows(RowsFlag(flags), dt_s, tag, value, quality, source_ns, receive_ns)


class Cell(NamedTuple):
    """One row of a key or delta frame; `bits` are those of the value, both times 0 where the row is no input."""

    bits: int
    quality: int
    source_ns: int
    receive_ns: int


def find_row(payload: Buffer, tag: int) -> Cell | None:
    """The row of one tag in a key or delta payload, None where it has none. Sizes that do not fit: `LogDamaged`.

    Looks at the column of ids only, for readers that want one tag of many frames.
    """
    if len(payload) < ROWS_HEAD.size:
        raise LogDamaged("a key or delta frame is too short")
    rows, inputs, tasks, _ = ROWS_HEAD.unpack_from(payload)
    if inputs > rows or rows_bytes(rows, inputs, tasks) > len(payload):
        raise LogDamaged(f"{rows} rows, {inputs} inputs and {tasks} tasks do not fit in {len(payload)} bytes")
    values = ROWS_HEAD.size + 8 * tasks
    times = values + 8 * rows
    tags = times + 16 * inputs
    found = (np.frombuffer(payload, "<u4", rows, tags) == tag).nonzero()[0]
    if len(found) == 0:
        return None
    k = int(found[0])
    source_ns = receive_ns = 0
    if k < inputs:
        source_ns = _I8.unpack_from(payload, times + 8 * k)[0]
        receive_ns = _I8.unpack_from(payload, times + 8 * (inputs + k))[0]
    quality = _U2.unpack_from(payload, tags + 4 * rows + 2 * k)[0]
    return Cell(_I8.unpack_from(payload, values + 8 * k)[0], quality, source_ns, receive_ns)


# ------------------------------------------------------------------------------------------------ records and texts


def encode_records(kind: Kind, records: Sequence[Mapping[str, Any]]) -> bytes:
    """The payload of a frame of `records`, mappings by field name; fields left out are 0, `tag` is `NO_TAG`.

    An unknown field or a number that does not fit raises `KeyError` or `OverflowError`.
    """
    dtype = RECORDS[kind]
    array = np.zeros(len(records), dtype)
    names = dtype.names or ()
    if "tag" in names:
        array["tag"] = NO_TAG
    for i, record in enumerate(records):
        for name, value in record.items():
            if name not in names:
                raise KeyError(f"a {kind.name.lower()} record has no field {name}")
            array[name][i] = value
    return array.tobytes()


def decode_records(kind: int, payload: Buffer) -> npt.NDArray[np.void]:
    """The records of a payload, a structured array that cannot be written. A kind without records: `LogDamaged`."""
    dtype = RECORDS.get(Kind(kind)) if kind in Kind._value2member_map_ else None
    if dtype is None:
        raise LogDamaged(f"a frame of kind {kind} holds no records")
    return np.frombuffer(payload, dtype, len(payload) // dtype.itemsize)


_TEXT_COUNT: Final = struct.Struct("<II")
_TEXT_ENTRY: Final = struct.Struct("<QII")


def encode_texts(texts: Mapping[int, str]) -> bytes:
    """The payload of a text frame: `u4 count, u4 0`, then per text `u8 id, u4 bytes, u4 0`, UTF-8, zeros to 8."""
    parts = [_TEXT_COUNT.pack(len(texts), 0)]
    for number, text in texts.items():
        utf8 = text.encode()
        parts += (_TEXT_ENTRY.pack(number, len(utf8), 0), utf8, _PAD[-len(utf8) % 8])
    return b"".join(parts)


def decode_texts(payload: Buffer) -> dict[int, str]:
    """The texts of a text frame by id. Sizes that do not fit or bytes that are no UTF-8: `LogDamaged`."""
    texts: dict[int, str] = {}
    try:
        count, _ = _TEXT_COUNT.unpack_from(payload)
        at = _TEXT_COUNT.size
        for _ in range(count):
            number, size, _ = _TEXT_ENTRY.unpack_from(payload, at)
            at += _TEXT_ENTRY.size
            utf8 = bytes(payload[at : at + size])
            if len(utf8) != size:
                raise LogDamaged("a text is cut short")
            texts[number] = utf8.decode()
            at += size + -size % 8
    except (struct.error, UnicodeDecodeError) as e:
        raise LogDamaged(f"a text frame cannot be read: {e}") from e
    return texts


# ------------------------------------------------------------------------------------------------ state
# u8 layout, u8 bytes of the whole state, u8 offset of this part in it, u8 bytes of this part, then the part.
STATE_HEAD: Final = struct.Struct("<QQQQ")


class StatePart(NamedTuple):
    """A part of a state: `layout` names what the bytes mean, `size` are those of the whole, `offset` is its place."""

    layout: int
    size: int
    offset: int
    data: bytes


def encode_states(layout: int, state: bytes | bytearray, frame_bytes_max: int) -> list[bytes]:
    """The payloads of a state, each in a frame of at most `frame_bytes_max` (and `FRAME_BYTES_MAX`)."""
    part_bytes = (min(frame_bytes_max, FRAME_BYTES_MAX) - FRAME_BYTES_MIN - STATE_HEAD.size) & ~7
    return [
        STATE_HEAD.pack(layout, len(state), at, len(part)) + part
        for at in range(0, len(state), part_bytes)
        for part in (bytes(state[at : at + part_bytes]),)
    ]


def decode_state(payload: Buffer) -> StatePart:
    """The part of a state in a payload. Sizes that do not fit: `LogDamaged`."""
    if len(payload) < STATE_HEAD.size:
        raise LogDamaged("a state frame is too short")
    layout, size, offset, part_bytes = STATE_HEAD.unpack_from(payload)
    data = bytes(payload[STATE_HEAD.size : STATE_HEAD.size + part_bytes])
    if len(data) != part_bytes or offset + part_bytes > size:
        raise LogDamaged(f"{part_bytes} bytes from {offset} of a state of {size} do not fit")
    return StatePart(layout, size, offset, data)
