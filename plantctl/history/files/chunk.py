"""Chunks: the pieces a history file is made of, each with its own head, check sum and compression.

    u4 mark      CHNK
    u2 kind      `ChunkKind`
    u2 layout    `Layout`: how the columns of points and minutes begin
    u4 tag       stable tag id, 0 where the chunk is not one tag's
    u4 count     rows in it
    u4 length    bytes that follow
    u4 CRC-32C   of the head before it and of what follows
    deflated columns (RFC 1951)

A damaged chunk is lost alone, and not even that where one bit of it was turned (`mended_chunk`): its neighbours are
found by their marks. What a tag did is in its chunk of points: in
which scans it moved, and its value, quality and source time from then on. The times of the scans are kept once for all
tags, in the chunk of scans. A tag that is thinned has fewer points than it moved, and its chunk says how far off what
lies between them may be (`thinning`).

Rules of the file: lossless; what cannot be read raises `LogDamaged`, never anything else.
"""

import struct
import zlib
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import crc32c
from plantctl.core.one_bit import mended
from plantctl.history.files.numbers import (
    F8,
    I8,
    INTS,
    pack_values,
    pack_whole,
    take_short,
    take_values,
    take_values_short,
    take_whole,
)

U2 = npt.NDArray[np.uint16]

MARK: Final = b"CHNK"
HEAD: Final = struct.Struct("<4sHHIIII")
CHUNK_HEAD: Final = np.dtype(
    [
        ("mark", "S4"),
        ("kind", "<u2"),
        ("layout", "<u2"),
        ("tag", "<u4"),
        ("rows", "<u4"),
        ("bytes", "<u4"),
        ("crc", "<u4"),
    ]
)
CHUNK_BYTES_MAX: Final = 1 << 28
_BEGIN: Final = struct.Struct("<q")
# What devices round their times to, ns; coarser steps make smaller differences.
SOURCE_STEPS_NS: Final = (1_000_000_000, 1_000_000, 100_000, 1_000, 100, 1)

_NO_TIMES: Final = np.zeros(1 << 16, np.int64)
_NO_TIMES.flags.writeable = False
OFF_BY: Final = struct.Struct("<d")
WORD: Final = struct.Struct("<H")
RUNS: Final = struct.Struct("<I")


class ChunkKind(IntEnum):
    """What a chunk holds. Numbers are part of the format: never reused; unknown kinds are passed over."""

    SCANS = 1  # the times of the scans, and where the record has holes
    OPENING = 2  # what was in force before the first scan, of every tag
    POINTS = 3  # what one tag did
    MINUTES = 4  # what one tag did, minute by minute
    FRAMES = 5  # frames of events, commands, results, texts and writes as they were in the log
    INDEX = 6  # where the chunks are; the last one of a file
    QUARTERS = 7  # what one tag did, quarter of an hour by quarter of an hour; in files of their own


class Layout(IntEnum):
    """How the columns of points and minutes stand in their chunk; every other chunk is `LONG`."""

    LONG = 0  # as in format 1: each column says how long it is
    SHORT = 1  # the chunk says it for all


class PointsFlag(IntFlag):
    """What a short chunk of points says first."""

    LINE = 1  # straight lines between the points
    THINNED = 2  # how far off these may be follows
    QUALITIES = 4  # runs of qualities, else one word
    SOURCE = 8  # there are times of the device


# The same as plain numbers: to ask an enumeration takes as long as to read a short column.
LINE, THINNED, QUALITIES, SOURCE = (int(flag) for flag in PointsFlag)


class Chunk(NamedTuple):
    """One chunk, its columns inflated."""

    kind: int
    tag: int
    rows: int
    data: bytes
    layout: int = Layout.LONG


def encode_chunk(kind: ChunkKind, tag: int, count: int, data: bytes, layout: Layout = Layout.LONG) -> bytes:
    """A whole chunk."""
    window = min(15, max(9, (len(data) | 1).bit_length()))  # a small chunk needs no large one
    # and no large memory, which costs more to clear than it is worth: room for a quarter of the data as symbols
    memory = min(8, max(3, window - 5))
    deflate = zlib.compressobj(6, zlib.DEFLATED, -window, memory, zlib.Z_FILTERED)
    body = deflate.compress(data) + deflate.flush()
    head = HEAD.pack(MARK, kind, layout, tag, count, len(body), 0)[:-4]
    return head + crc32c(head + body).to_bytes(4, "little") + body


def chunk_bytes(data: bytes, at: int) -> int:
    """The bytes of the chunk that begins at `at`, by its head alone; 0 where no chunk begins there."""
    if at + HEAD.size > len(data) or data[at : at + 4] != MARK:
        return 0
    length = int(HEAD.unpack_from(data, at)[5])
    return HEAD.size + length if length <= min(CHUNK_BYTES_MAX, len(data) - at - HEAD.size) else 0


def decode_chunk(data: bytes, at: int = 0) -> Chunk:
    """The chunk at `at`. Cut short, a wrong sum or bytes that do not inflate: `LogDamaged`."""
    if at + HEAD.size > len(data):
        raise LogDamaged("no chunk begins here")
    mark, kind, layout, tag, count, length, crc = HEAD.unpack_from(data, at)
    body = data[at + HEAD.size : at + HEAD.size + length]
    if mark != MARK or length > CHUNK_BYTES_MAX or len(body) != length:
        raise LogDamaged("no chunk begins here")
    if crc32c(data[at : at + HEAD.size - 4] + body) != crc:
        raise LogDamaged("a chunk's check sum is wrong")
    try:
        return Chunk(kind, tag, count, zlib.decompress(body, -15), layout)
    except zlib.error as e:
        raise LogDamaged(f"a chunk cannot be inflated: {e}") from e


def mended_chunk(data: bytes) -> bytes | None:
    """A damaged chunk as it was, where one bit was turned of `data`, which is all of it; None where more is wrong."""
    end = HEAD.size - 4
    found = mended(data[:end] + data[HEAD.size :], int.from_bytes(data[end : HEAD.size], "little"))
    if found is None or len(found) < end:
        return None
    whole = found[:end] + crc32c(found).to_bytes(4, "little") + found[end:]
    try:
        decode_chunk(whole)
    except LogDamaged:
        return None
    return whole if chunk_bytes(whole, 0) == len(whole) else None


# ------------------------------------------------------------------------------------------------ scans


@dataclass(frozen=True, slots=True)
class Scans:
    """The scans of a file: their UTC in ns, and the places in this column before which the record has a hole.

    `begin_ns` is the UTC since when what is in force before them holds: the last scan of the file before. What was in
    force before a hole is not known behind it. The times follow the plant's clock and may go back with it.
    """

    begin_ns: int
    utc_ns: I8
    holes: I8
    ascend: bool = field(init=False)  # whether the clock was never set back, from `begin_ns` on

    def __post_init__(self) -> None:
        times = self.utc_ns
        ascend = not len(times) or (self.begin_ns <= int(times[0]) and bool((times[1:] >= times[:-1]).all()))
        object.__setattr__(self, "ascend", ascend)


def encode_scans(scans: Scans) -> bytes:
    """The chunk of the scans."""
    moves = np.diff(scans.utc_ns)
    step = int(np.median(moves)) if len(moves) else 0
    return encode_chunk(
        ChunkKind.SCANS,
        0,
        len(scans.utc_ns),
        _BEGIN.pack(scans.begin_ns) + pack_whole(scans.utc_ns, step) + pack_whole(scans.holes),
    )


def decode_scans(chunk: Chunk) -> Scans:
    """The scans in their chunk; a hole that is nowhere: `LogDamaged`."""
    if len(chunk.data) < _BEGIN.size:
        raise LogDamaged("a chunk is cut short")
    utc_ns, at = take_whole(chunk.data, _BEGIN.size)
    holes, _ = take_whole(chunk.data, at)
    if not len(utc_ns) or (len(holes) and (holes[0] < 0 or holes[-1] >= len(utc_ns))):
        raise LogDamaged("the holes of a file lie outside of it")
    return Scans(_BEGIN.unpack_from(chunk.data)[0], utc_ns, holes)


# ------------------------------------------------------------------------------------------------ points


@dataclass(frozen=True, slots=True)
class Points:
    """What one tag did: from scan `scan` of its file on, `value` in the tag's unit with `quality` was in force.

    `source_ns` is the device's word in UTC, 0 where there is none. Of a tag that is thinned, what was in force was off
    by `off_by` at most, in the tag's unit; with `line`, the value went on a straight line from each point to the next
    (`thinning.straight` says from which).
    """

    scan: I8
    value: F8
    quality: U2
    source_ns: I8
    line: bool = False
    off_by: float = 0.0

    def __len__(self) -> int:
        return len(self.scan)


def encode_points(tag: int, points: Points, utc_ns: I8) -> bytes:
    """The chunk of one tag's points, `utc_ns` being the times of the scans; not for none."""
    runs, times = pack_runs(points.quality), pack_times(points.source_ns, utc_ns[points.scan])
    data = points_head(points.line, points.off_by, len(runs) > WORD.size, bool(times))
    data += pack_whole(points.scan, 1, short=True) + pack_values(points.value, short=True) + runs + times
    return encode_chunk(ChunkKind.POINTS, tag, len(points), data, Layout.SHORT)


def points_head(line: bool, off_by: float, qualities: bool, source: bool) -> bytes:
    """What stands before the columns of points."""
    flags = LINE * line | QUALITIES * qualities | SOURCE * source
    if not line and not off_by:
        return bytes((flags,))
    return bytes((flags | THINNED,)) + OFF_BY.pack(off_by)


def decode_points(chunk: Chunk, utc_ns: I8 | None = None) -> Points:
    """The points in their chunk. Columns that do not fit each other: `LogDamaged`.

    `utc_ns` are the times of the file's scans; without them the device's times are looked at and left out.
    """
    if chunk.layout != Layout.LONG:
        return _short_points(chunk, utc_ns)
    scan, at = take_whole(chunk.data, 0)
    value, at = take_values(chunk.data, at)
    quality, at = _take_runs(chunk.data, at, len(scan))
    source_ns, at = _take(chunk.data, at, len(scan))
    if not len(scan) == len(value) == len(source_ns) == chunk.rows:
        raise LogDamaged("the columns of a chunk do not fit each other")
    return Points(scan, value, quality, source_ns)


def _short_points(chunk: Chunk, utc_ns: I8 | None) -> Points:
    """The points of a chunk that says once how many there are."""
    data, count = chunk.data, chunk.rows
    if chunk.layout != Layout.SHORT or not data:
        raise LogDamaged(f"points of the unknown layout {chunk.layout}")
    flags, at, off_by = data[0], 1, 0.0
    if flags & THINNED:
        if len(data) < at + OFF_BY.size:
            raise LogDamaged("a chunk is cut short")
        off_by, at = float(OFF_BY.unpack_from(data, at)[0]), at + OFF_BY.size
    scan, at = take_short(data, at, count)
    value, at = take_values_short(data, at, count)
    if flags & QUALITIES:
        quality, at = _take_runs_short(data, at, count)
    else:
        if len(data) < at + WORD.size:
            raise LogDamaged("a chunk is cut short")
        quality = np.empty(count, np.uint16)
        quality.fill(WORD.unpack_from(data, at)[0])
        at += WORD.size
    source_ns = _take_short_times(data, at, scan, utc_ns) if flags & SOURCE else _zeros(count)
    return Points(scan, value, quality, source_ns, bool(flags & LINE), off_by)


def _zeros(count: int) -> I8:
    """Zeros that many columns may share, and nobody writes to; columns longer than usual have their own."""
    return _NO_TIMES[:count] if count <= len(_NO_TIMES) else np.zeros(count, np.int64)


def pack_runs(quality: U2) -> bytes:
    """Qualities as runs of one word each; of one run, the word alone."""
    begin = np.flatnonzero(np.concatenate(([True], quality[1:] != quality[:-1])))[: len(quality)]
    if len(begin) == 1:
        return WORD.pack(int(quality[0]))
    words = quality[begin].astype(np.int64)
    return RUNS.pack(len(begin)) + pack_whole(begin.astype(np.int64), short=True) + pack_whole(words, short=True)


def _take_runs_short(data: bytes, at: int, count: int) -> tuple[U2, int]:
    if len(data) < at + RUNS.size:
        raise LogDamaged("a chunk is cut short")
    runs = int(RUNS.unpack_from(data, at)[0])
    begin, at = take_short(data, at + RUNS.size, runs)
    words, at = take_short(data, at, runs)
    return _repeated(begin, words, count), at


def _take_runs(data: bytes, at: int, count: int) -> tuple[U2, int]:
    if count and at + 2 * INTS.size <= len(data):
        runs, _, first, _ = INTS.unpack_from(data, at)
        words, _, word, _ = INTS.unpack_from(data, at + INTS.size)
        if runs == words == 1 and not first:  # nearly every column
            whole = np.empty(count, np.uint16)
            whole.fill(word & 0xFFFF)
            return whole, at + 2 * INTS.size
    begin, at = take_whole(data, at)
    words, at = take_whole(data, at)
    return _repeated(begin, words, count), at


def _repeated(begin: I8, words: I8, count: int) -> U2:
    lengths = np.diff(np.append(begin, count))
    if len(begin) != len(words) or (count and (not len(begin) or begin[0])) or (lengths < 0).any():
        raise LogDamaged("the runs of a column do not fit it")
    return np.repeat(words.astype(np.uint16), lengths)


def pack_times(times_ns: I8, scanned_ns: I8) -> bytes:
    """Times of a device as how late they were scanned; nothing where there are none.

    In the coarsest steps that all of them are multiples of; those of the scans are rounded down to them.
    """
    if not times_ns.any():
        return b""
    number = next(k for k, s in enumerate(SOURCE_STEPS_NS) if s == 1 or not (times_ns % s).any())
    step_ns = SOURCE_STEPS_NS[number]
    return bytes((number,)) + pack_whole(times_ns // step_ns - scanned_ns // step_ns, short=True)


def _take_short_times(data: bytes, at: int, scan: I8, utc_ns: I8 | None) -> I8:
    if at >= len(data) or data[at] >= len(SOURCE_STEPS_NS):
        raise LogDamaged("source times in unknown steps")
    late, _ = take_short(data, at + 1, len(scan))
    if utc_ns is None:
        return np.zeros(len(scan), np.int64)
    if len(scan) and (scan.min() < 0 or scan.max() >= len(utc_ns)):
        raise LogDamaged("points of scans that are not in the file")
    step_ns = SOURCE_STEPS_NS[data[at]]
    times: I8 = (late + utc_ns[scan] // step_ns) * step_ns
    return times


def _take(data: bytes, at: int, count: int) -> tuple[I8, int]:
    step_ns = int.from_bytes(data[at : at + 4], "little")
    if step_ns == 0:
        return np.zeros(count, np.int64), at + 4
    if step_ns not in SOURCE_STEPS_NS:
        raise LogDamaged(f"source times in steps of {step_ns} ns")
    steps, at = take_whole(data, at + 4)
    return steps * step_ns, at


# ------------------------------------------------------------------------------------------------ opening


@dataclass(frozen=True, slots=True)
class Opening:
    """What was in force when a file began, a row a tag, in the order of the ids; with the UTC from which on."""

    tag: I8
    utc_ns: I8
    value: F8
    quality: U2
    source_ns: I8


def encode_opening(opening: Opening) -> bytes:
    """The chunk of what was in force."""
    data = (
        pack_whole(opening.tag)
        + pack_whole(opening.utc_ns)
        + pack_values(opening.value)
        + pack_whole(opening.quality.astype(np.int64))
        + pack_whole(opening.source_ns)
    )
    return encode_chunk(ChunkKind.OPENING, 0, len(opening.tag), data)


def decode_opening(chunk: Chunk) -> Opening:
    """What was in force. Columns that do not fit each other: `LogDamaged`."""
    tag, at = take_whole(chunk.data, 0)
    utc_ns, at = take_whole(chunk.data, at)
    value, at = take_values(chunk.data, at)
    quality, at = take_whole(chunk.data, at)
    source_ns, _ = take_whole(chunk.data, at)
    if not len(tag) == len(utc_ns) == len(value) == len(quality) == len(source_ns) == chunk.rows:
        raise LogDamaged("the columns of a chunk do not fit each other")
    return Opening(tag, utc_ns, value, quality.astype(np.uint16), source_ns)
