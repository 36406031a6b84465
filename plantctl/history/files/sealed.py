"""Sealed files: a stretch of the log for good, tag by tag, small and quick to ask.

`<first sequence>-<last sequence>.seg` holds all that the log's frames from the first to the last told of values, and
the frames of events and commands as they were. It is written under another name, forced to disk and then given its
name, so that whatever has the name is whole; a second sealing of the same frames gives the same name.

    64 bytes   magic PLANTHIS, u2 format, u2 bytes of this head, u4 0, u8 plan hash, u8 first and last sequence, i8 UTC
               ns of the earliest and the latest moment that it tells of, u4 0, u4 CRC-32C of all before
    chunks     scans, opening, then points and minutes tag by tag, frames, index
    24 bytes   magic PLANTEND, u8 where the index begins, u4 0, u4 CRC-32C of all before

Where index or end are damaged the chunks are found by their marks.

Rules of the file: a damaged chunk is counted in `damaged` and raises nothing; where more than one bit of it was turned
it costs what it held.
"""

import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import HEAD as FRAME_HEAD
from plantctl.core.frame import crc32c
from plantctl.history.files.buckets import Buckets
from plantctl.history.files.chunk import (
    CHUNK_HEAD,
    HEAD,
    MARK,
    Chunk,
    ChunkKind,
    Opening,
    Points,
    Scans,
    chunk_bytes,
    decode_chunk,
    decode_opening,
    decode_points,
    decode_scans,
    encode_chunk,
    mended_chunk,
)
from plantctl.history.files.minutes import decode_minutes, decode_quarters
from plantctl.history.files.numbers import I8, pack_whole, take_whole
from plantctl.log.rows import PartlyReadable
from plantctl.log.storage import Held

FORMAT: Final = 2
FORMATS: Final = (1, 2)  # that are read
MAGIC: Final = b"PLANTHIS"
END_MAGIC: Final = b"PLANTEND"
_HEAD: Final = struct.Struct("<8sHHIQQQqqI")
_END: Final = struct.Struct("<8sQI")
_CRC: Final = struct.Struct("<I")
HEAD_BYTES: Final = _HEAD.size + _CRC.size
END_BYTES: Final = _END.size + _CRC.size
# What lies between chunks is read with them where that makes it no more than so many times as much.
CLOSE_TIMES: Final = 8
_NAME: Final = re.compile(r"(\d{20})-(\d{20})\.seg")
_FRAME_TIME: Final = struct.Struct("<q")
_Read = TypeVar("_Read")


class Range(NamedTuple):
    """The frames that a sealed file holds, by its name."""

    first_sequence: int
    last_sequence: int

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"{self.first_sequence:020d}-{self.last_sequence:020d}.seg"


def sealed_ranges_all(names: Iterable[str]) -> list[Range]:
    """The sealed files among `names` in the order of time, the wider of two that begin together first."""
    found = [r for r in map(_range_of, names) if r is not None]
    return sorted(found, key=lambda r: (r.first_sequence, -r.last_sequence))


@lru_cache(1 << 16)
def _range_of(name: str) -> Range | None:
    """What a sealed file holds, by its name; None of any other."""
    found = _NAME.fullmatch(name)
    return Range(int(found[1]), int(found[2])) if found else None


def sealed_ranges(names: Iterable[str]) -> list[Range]:
    """The sealed files among `names` in the order of time; one that lies inside another is left out."""
    kept: list[Range] = []
    for one in sealed_ranges_all(names):
        if not kept or one.last_sequence > kept[-1].last_sequence:
            kept.append(one)
    return kept


class SealedHead(NamedTuple):
    """The head of a sealed file. `low_ns` and `high_ns` are UTC, the earliest and the latest that it tells of."""

    plan_hash: int
    first_sequence: int
    last_sequence: int
    low_ns: int
    high_ns: int


def extent(scans: Scans) -> tuple[int, int]:
    """The earliest and the latest moment that a file of these scans tells of, UTC ns."""
    return min(scans.begin_ns, int(scans.utc_ns.min())), int(scans.utc_ns.max())


def encode_file(head: SealedHead, chunks: Sequence[bytes]) -> bytes:
    """A whole file of chunks."""
    tail = encode_tail([chunk[: HEAD.size] for chunk in chunks], [len(chunk) for chunk in chunks])
    return b"".join((encode_head(head), *chunks, tail))


def encode_head(head: SealedHead) -> bytes:
    """The first bytes of a file."""
    body = _HEAD.pack(MAGIC, FORMAT, HEAD_BYTES, 0, *head, 0)
    return body + _CRC.pack(crc32c(body))


def encode_tail(chunk_heads: Sequence[bytes], chunk_sizes: Sequence[int]) -> bytes:
    """The index of the chunks behind the head of a file, and its end."""
    heads = np.frombuffer(b"".join(chunk_heads), CHUNK_HEAD)
    sizes = np.array(chunk_sizes, np.int64)
    ends = HEAD_BYTES + np.cumsum(sizes)
    begin = HEAD_BYTES + int(sizes.sum())
    columns = (heads["kind"], heads["tag"], ends - sizes, sizes)
    index = b"".join(pack_whole(column.astype(np.int64)) for column in columns)
    end = _END.pack(END_MAGIC, begin, 0)
    last = encode_chunk(ChunkKind.INDEX, 0, len(sizes), index)
    return b"".join((last, end, _CRC.pack(crc32c(end))))


def decode_head(data: bytes) -> SealedHead | None:
    """The head of a sealed file, None where it is damaged or of a format that is not known."""
    if len(data) < HEAD_BYTES or crc32c(data[: _HEAD.size]) != _CRC.unpack_from(data, _HEAD.size)[0]:
        return None
    magic, number, size, _, plan_hash, first, last, low_ns, high_ns, _ = _HEAD.unpack_from(data)
    if magic != MAGIC or number not in FORMATS or size != HEAD_BYTES:
        return None
    return SealedHead(plan_hash, first, last, low_ns, high_ns)


def encode_frames(frames: list[tuple[int, bytes]]) -> bytes:
    """The chunk of whole frames, each with its UTC."""
    return encode_chunk(
        ChunkKind.FRAMES, 0, len(frames), b"".join(_FRAME_TIME.pack(utc_ns) + frame for utc_ns, frame in frames)
    )


def decode_frames(chunk: Chunk) -> list[tuple[int, bytes]]:
    """The frames in their chunk. Sizes that do not fit: `LogDamaged`."""
    found, at = [], 0
    while at < len(chunk.data):
        begin = at + _FRAME_TIME.size
        length = FRAME_HEAD.unpack_from(chunk.data, begin)[0] if begin + FRAME_HEAD.size <= len(chunk.data) else 0
        if length < FRAME_HEAD.size or begin + length > len(chunk.data):
            raise LogDamaged("the frames of a chunk do not fit it")
        found.append((_FRAME_TIME.unpack_from(chunk.data, at)[0], chunk.data[begin : begin + length]))
        at = begin + length
    return found


class Places:
    """Where the chunks of a file are: offset and bytes, by kind and tag. Columns: ten thousand tags are soon read."""

    def __init__(self, kinds: I8, tags: I8, offsets: I8, sizes: I8) -> None:
        keys = kinds << 32 | tags
        order = np.argsort(keys, kind="stable")
        self._keys, self._offsets, self._sizes = keys[order], offsets[order], sizes[order]

    def get(self, kind: int, tag: int) -> tuple[int, int] | None:
        """The place of a chunk, None where there is none."""
        row = int(self._keys.searchsorted(kind << 32 | tag, "right")) - 1
        if row < 0 or self._keys[row] != kind << 32 | tag:
            return None
        return int(self._offsets[row]), int(self._sizes[row])

    def at(self, offset: int) -> tuple[int, int] | None:
        """Kind and tag of the chunk that begins at `offset`, None where none does."""
        found = np.flatnonzero(self._offsets == offset).tolist()
        return (int(self._keys[found[0]]) >> 32, int(self._keys[found[0]]) & 0xFFFF_FFFF) if found else None

    def in_order(self) -> list[tuple[int, int]]:
        """Offset and bytes of every chunk, as they lie in the file."""
        return sorted(zip(self._offsets.tolist(), self._sizes.tolist(), strict=True))

    def tags(self, kind: int) -> list[int]:
        """The tags that have a chunk of a kind, ascending."""
        begin, end = self._keys.searchsorted((kind << 32, (kind + 1) << 32)).tolist()
        found: list[int] = (self._keys[begin:end] & 0xFFFF_FFFF).tolist()
        return found


@dataclass(slots=True)
class SealedFile:
    """One sealed file, its index read; chunks are read when they are asked for. Made by `open_sealed`.

    `damaged` counts chunks that are damaged, index and head among them; `left_out` those of them that cost something.
    """

    name: str
    range: Range
    head: SealedHead
    places: Places
    damaged: int
    _held: Held
    _head_lost: bool = False
    _scans: Scans | None = None
    _opening: Opening | None = None
    _told: set[tuple[int, int]] = field(default_factory=set)
    _mended: set[tuple[int, int]] = field(default_factory=set)

    @property
    def left_out(self) -> int:
        """How many damaged chunks are missing in what is told; an index that is damaged may have hidden some."""
        return self.damaged - len(self._mended) - self._head_lost

    def _chunk(self, kind: ChunkKind, tag: int = 0) -> Chunk | None:
        """A chunk, None where the file has none or one that cannot be read, not even with one bit turned back."""
        place = self.places.get(kind, tag)
        if place is None:
            return None
        data = self._held.part(*place)
        try:
            found = decode_chunk(data)
        except LogDamaged:
            self.tell(kind, tag)
            mended = mended_chunk(data)
            if mended is None:
                return None
            self._mended.add((kind, tag))
            found = decode_chunk(mended)
        return found if (found.kind, found.tag) == (kind, tag) else None

    def tell(self, kind: int, tag: int) -> None:
        """Count a chunk as damaged, once."""
        if (kind, tag) not in self._told:
            self._told.add((kind, tag))
            self.damaged += 1

    def _read(self, kind: ChunkKind, tag: int, decode: Callable[[Chunk], _Read]) -> _Read | None:
        """What a chunk holds, None where the file has none or a damaged one."""
        chunk = self._chunk(kind, tag)
        try:
            return None if chunk is None else decode(chunk)
        except LogDamaged:
            self.tell(kind, tag)
            self._mended.discard((kind, tag))
            return None

    def scans(self) -> Scans | None:
        """The times of the scans; without them nothing in the file has a time."""
        if self._scans is None:
            self._scans = self._read(ChunkKind.SCANS, 0, decode_scans)
        return self._scans

    def opening(self) -> Opening | None:
        """What was in force before the first scan."""
        if self._opening is None:
            self._opening = self._read(ChunkKind.OPENING, 0, decode_opening)
        return self._opening

    def has(self, kind: ChunkKind, tag: int) -> bool:
        """Whether the file has such a chunk, damaged or not."""
        return self.places.get(kind, tag) is not None

    def points(self, tag: int) -> Points | None:
        """What a tag did; None where it did nothing or its chunk is damaged."""
        scans = self.scans()
        utc_ns = None if scans is None else scans.utc_ns
        return self._read(ChunkKind.POINTS, tag, lambda chunk: decode_points(chunk, utc_ns))

    def minutes(self, tag: int) -> Buckets | None:
        """What a tag did minute by minute; None where it is not kept."""
        return self._read(ChunkKind.MINUTES, tag, decode_minutes)

    def chunks(self, kind: ChunkKind, tags: Sequence[int]) -> dict[int, Chunk]:
        """The chunks of some tags, read at once where they lie close together; without damaged ones."""
        places = {tag: place for tag in tags if (place := self.places.get(kind, tag)) is not None}
        if not places:
            return {}
        begin = min(offset for offset, _ in places.values())
        length = max(offset + size for offset, size in places.values()) - begin
        close = length <= CLOSE_TIMES * sum(size for _, size in places.values())
        data = self._held.part(begin, length) if close else b""
        found: dict[int, Chunk] = {}
        for tag, (offset, size) in places.items():
            raw = data[offset - begin : offset - begin + size] if close else self._held.part(offset, size)
            try:
                chunk = decode_chunk(raw)
            except LogDamaged:
                self.tell(kind, tag)
                continue
            if (chunk.kind, chunk.tag) == (kind, tag):
                found[tag] = chunk
        return found

    def quarters(self, tag: int) -> Buckets | None:
        """What a tag did in quarters of an hour; None where it is not kept."""
        return self._read(ChunkKind.QUARTERS, tag, decode_quarters)

    def frames(self) -> list[tuple[int, bytes]]:
        """The frames of events, commands, results, texts and writes, with their UTC ns."""
        return self._read(ChunkKind.FRAMES, 0, decode_frames) or []

    def chunks_of_frames(self) -> list[bytes]:
        """The chunk of its frames as it lies in the file; none where there is none."""
        place = self.places.get(ChunkKind.FRAMES, 0)
        return [] if place is None else [self._held.part(*place)]

    def tags(self, kind: ChunkKind = ChunkKind.POINTS) -> list[int]:
        """The tags that did anything; those of which a file of quarters tells."""
        return self.places.tags(kind)


def open_sealed(storage: PartlyReadable, range_: Range, name: str = "") -> SealedFile:
    """Opens a sealed file, or one of its make called `name`. Damage is counted, never raised; raises `OSError`."""
    name = name or range_.name
    held = storage.hold(name)
    raw = held.part(0, HEAD_BYTES)
    head, damaged = decode_head(raw), 0
    try:
        places = _indexed(held)
    except LogDamaged:
        places, damaged = _searched(held.part(0, held.length())), 1
    found = SealedFile(name, range_, head or SealedHead(0, *range_, 0, 0), places, damaged, held)
    if head is None:
        found.damaged, found._head_lost = found.damaged + 1, True
        scans = found.scans()
        if scans is not None:
            found.head = SealedHead(0, *range_, *extent(scans))
    return found


def read_head(storage: PartlyReadable, range_: Range) -> SealedHead | None:
    """The head of a sealed file alone; None where it is damaged. Raises `OSError`."""
    return decode_head(storage.read_part(range_.name, 0, HEAD_BYTES))


def _indexed(held: Held) -> Places:
    """Where the chunks are, by kind and tag, as the index says."""
    length = held.length()
    end = held.part(max(0, length - END_BYTES), END_BYTES)
    if len(end) < END_BYTES or crc32c(end[: _END.size]) != _CRC.unpack_from(end, _END.size)[0]:
        raise LogDamaged("the end of a sealed file is damaged")
    magic, at, _ = _END.unpack_from(end)
    if magic != END_MAGIC or at > length:
        raise LogDamaged("the end of a sealed file is damaged")
    return places_in(decode_chunk(held.part(at, length - at)))


def places_in(index: Chunk) -> Places:
    """Where the chunks of a file are, as its index says. Columns that do not fit each other: `LogDamaged`."""
    kinds, at = take_whole(index.data, 0)
    tags, at = take_whole(index.data, at)
    offsets, at = take_whole(index.data, at)
    sizes, at = take_whole(index.data, at)
    if not len(kinds) == len(tags) == len(offsets) == len(sizes):
        raise LogDamaged("the columns of an index do not fit each other")
    return Places(kinds, tags, offsets, sizes)


def _searched(data: bytes) -> Places:
    """Where whole chunks are, found without an index."""
    places: dict[tuple[int, int], tuple[int, int]] = {}
    at = data.find(MARK, HEAD_BYTES)
    while at >= 0:
        size = chunk_bytes(data, at)
        try:
            chunk = decode_chunk(data, at)
        except LogDamaged:
            at = data.find(MARK, at + 1)
            continue
        places[chunk.kind, chunk.tag] = at, size
        at = data.find(MARK, at + size)
    rows = np.array([(*key, *place) for key, place in places.items()], np.int64).reshape(-1, 4)
    return Places(*rows.T)
