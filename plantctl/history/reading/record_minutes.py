"""The record of a plant minute by minute, or quarter by quarter: from what is kept of them, else made from points.

Rules of the file: as `record`; what is read of many tags and files is read at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.history.files.buckets import Buckets, InForce, joined, nothing
from plantctl.history.files.chunk import Chunk, ChunkKind, Layout
from plantctl.history.files.minutes import MINUTE_NS, QUARTER_NS, minutes_of
from plantctl.history.files.minutes_together import decode_minutes_together
from plantctl.history.files.numbers import I8
from plantctl.history.files.quarters import QuarterRange
from plantctl.history.files.sealed import Range
from plantctl.history.reading.record import Part, Record
from plantctl.history.reading.seams import seamless
from plantctl.history.reading.totals import behind

# So many chunks are read at once, of sixty rows or of two thousand: some ten megabytes of columns.
CHUNKS_MAX: Final = 2_048
TAGS_MAX: Final = 8
NONE: Final = nothing(np.zeros(0, np.int64))
Piece = Chunk | Buckets


class Told(NamedTuple):
    """What some tags did, one behind the other; `owner` is the place in `tags` of who did it."""

    tags: Sequence[int]
    buckets: Buckets
    owner: I8


class MinutesRecord(Record):
    """A record that is asked for minutes."""

    def _minutes(self, part: Part, tag: int, front_ns: int | None = None) -> Buckets | None:
        """What a tag did minute by minute in a part of the record, from `front_ns` on where that is given."""
        if part.file is not None and front_ns is None:
            kept = part.file.minutes(tag)
            if kept is not None:
                return kept
        force = self._in_force(part, tag)
        if force is not None and front_ns is not None:
            force = behind(force, front_ns)
        return None if force is None or not len(force) else minutes_of(force)

    def _fronts(self, parts: Iterable[Part], tag: int) -> Iterator[tuple[Part, int | None]]:
        """Parts that follow each other; with each that reaches back behind others, since UTC was set back, up to when
        those told of the tag: no time counts twice.
        """
        seen: list[Part] = []
        high_ns = -1 << 63
        for part in parts:
            yield part, self._front(part.low_ns, seen, tag) if part.low_ns < high_ns else None
            seen.append(part)
            high_ns = max(high_ns, part.high_ns)

    def _front(self, low_ns: int, seen: Iterable[Part], tag: int) -> int | None:
        """Up to when the parts before one that begins at `low_ns` told of a tag; None where that is not behind it."""
        front_ns = low_ns
        for force in (self._in_force(each, tag) for each in seen if each.high_ns > low_ns):
            front_ns = front_ns if force is None else max(front_ns, int(force.at_ns[-1]), int(force.until_ns[-1]))
        return front_ns if front_ns > low_ns else None

    def _in_minutes(self, tags: Sequence[int], start_ns: int, end_ns: int) -> Iterator[Told]:
        """What some tags did minute by minute."""
        parts = list(self._parts(start_ns, end_ns))
        most = max(1, CHUNKS_MAX // max(1, len(parts)))
        for first in range(0, len(tags), most):
            group = tags[first : first + most]
            read = [part.file.chunks(ChunkKind.MINUTES, group) if part.file else {} for part in parts]
            pieces = [list(self._pieces(parts, read, tag)) for tag in group]
            told = _together(group, pieces, MINUTE_NS)
            if told is None:
                none: list[dict[int, Chunk]] = [{}] * len(parts)
                told = _together(group, [list(self._pieces(parts, none, tag)) for tag in group], MINUTE_NS)
            assert told is not None
            yield told

    def _pieces(self, parts: list[Part], read: list[dict[int, Chunk]], tag: int) -> Iterator[Piece]:
        """What a tag did in parts that follow each other: chunks of minutes where they were read, else minutes."""
        resting: list[InForce] = []
        last_ns = -1 << 63
        for (part, front_ns), chunks in zip(self._fronts(parts, tag), read, strict=True):
            chunk = chunks.get(tag) if front_ns is None else None
            at_rest = (
                chunk is None
                and front_ns is None
                and part.file is not None
                and not part.file.has(ChunkKind.MINUTES, tag)
            )
            if not at_rest or part.low_ns != last_ns:
                yield from _minutes_of_all(resting)
                resting = []
            if chunk is not None and chunk.layout == Layout.SHORT:
                yield chunk
            elif at_rest:
                force = self._in_force(part, tag)
                resting += [] if force is None else [force]
                last_ns = part.high_ns
            else:
                found = self._minutes(part, tag, front_ns)
                if found is not None and len(found):
                    yield found
        yield from _minutes_of_all(resting)

    def _in_quarters(self, tags: Sequence[int], start_ns: int, end_ns: int) -> Iterator[Told]:
        """What some tags did, in quarters of an hour where kept, or in minutes; perhaps also around the span."""
        for first in range(0, len(tags), TAGS_MAX):
            group = tags[first : first + TAGS_MAX]
            told = _together(group, [list(self._coarse(tag, start_ns, end_ns)) for tag in group], QUARTER_NS)
            if told is None:
                pieces = [list(self._coarse(tag, start_ns, end_ns, alone=True)) for tag in group]
                told = _together(group, pieces, QUARTER_NS)
            assert told is not None
            yield told

    def _coarse(self, tag: int, start_ns: int, end_ns: int, alone: bool = False) -> Iterator[Piece]:
        """What a tag did from start to end: quarters of an hour where kept, as chunks unless `alone`, or minutes."""
        ranges = self._ranges
        at, beyond, high_ns = self._first_from(start_ns), 0, -1 << 63
        seen: list[tuple[int, Range | QuarterRange]] = []  # up to when some files tell, and which
        while at < len(ranges) and beyond < 2:
            wide = self._quarters_of(ranges[at], tag, alone)
            if wide is not None:
                at, found, part = wide
                if found is not None:
                    yield found
            else:
                sealed = self._sealed_part(ranges[at])
                at += 1
                if sealed is None:
                    continue
                part = sealed
                if part.low_ns < end_ns and part.high_ns >= start_ns:
                    reaches_back = part.low_ns < high_ns
                    front_ns = self._front(part.low_ns, self._seen(seen, part.low_ns), tag) if reaches_back else None
                    minutes = self._minutes(part, tag, front_ns)
                    if minutes is not None and len(minutes):
                        yield minutes
            if part.file is not None:
                seen.append((part.high_ns, part.file.range))
            high_ns = max(high_ns, part.high_ns)
            beyond += part.low_ns >= end_ns
        tail = self._tail_part()
        if tail is not None and tail.low_ns < end_ns and tail.high_ns >= start_ns:
            minutes = self._minutes(tail, tag, self._front(tail.low_ns, self._seen(seen, tail.low_ns), tag))
            if minutes is not None and len(minutes):
                yield minutes

    def _sealed_part(self, range_: Range) -> Part | None:
        """A sealed file as a part; None where retention removed it since the folder was listed."""
        with suppress(FileNotFoundError):
            file = self._file(range_)
            return Part(file.head.low_ns, file.head.high_ns, file, None)
        return None

    def _seen(self, seen: list[tuple[int, Range | QuarterRange]], low_ns: int) -> Iterator[Part]:
        """The sealed files among those seen that may tell of what is behind a moment."""
        for high_ns, range_ in seen:
            if high_ns > low_ns:
                first = bisect_left(self._ranges, range_.first_sequence, key=_first_of)
                last = bisect_right(self._ranges, range_.last_sequence, key=_first_of)
                yield from (part for part in map(self._sealed_part, self._ranges[first:last]) if part is not None)

    def _quarters_of(self, range_: Range, tag: int, alone: bool) -> tuple[int, Piece | None, Part] | None:
        """What a tag did in the file of quarters that covers a sealed file, which place is behind, and that file.

        None where no such file can be read.
        """
        place = bisect_right(self._quarters, range_.first_sequence, key=lambda q: q.first_sequence) - 1
        if place < 0 or self._quarters[place].last_sequence < range_.last_sequence:
            return None
        wide = self._quarters[place]
        try:
            file = self._file(wide)
        except FileNotFoundError:  # another took its place since the folder was listed
            return None
        found: Piece | None = None if alone else file.chunks(ChunkKind.QUARTERS, [tag]).get(tag)
        if found is None or (isinstance(found, Chunk) and found.layout != Layout.SHORT):
            found = file.quarters(tag)
        if found is None and (file.damaged or file.has(ChunkKind.QUARTERS, tag)):
            return None
        part = Part(file.head.low_ns, file.head.high_ns, file, None)
        return bisect_right(self._ranges, wide.last_sequence, key=_first_of), found, part


def _first_of(range_: Range) -> int:
    return range_.first_sequence


def _minutes_of_all(forces: list[InForce]) -> list[Buckets]:
    """The minutes of parts that follow each other."""
    return [minutes_of(seamless(forces))] if forces else []


def _together(tags: Sequence[int], pieces: list[list[Piece]], width_ns: int) -> Told | None:
    """What some tags did, from the pieces of each, whose chunks are read at once; None where one is damaged."""
    chunks = [piece for each in pieces for piece in each if isinstance(piece, Chunk)]
    try:
        whole = decode_minutes_together(chunks, width_ns) if chunks else NONE
    except LogDamaged:
        return None
    owner = np.repeat(np.arange(len(tags)), [sum(map(_rows, each)) for each in pieces])
    if len(whole) == len(owner):
        return Told(tags, whole, owner)
    parts: list[Buckets] = []
    at = 0
    for piece in (piece for each in pieces for piece in each):
        parts.append(whole.pick(slice(at, at + piece.rows)) if isinstance(piece, Chunk) else piece)
        at += piece.rows if isinstance(piece, Chunk) else 0
    return Told(tags, joined(parts), owner)


def _rows(piece: Piece) -> int:
    return piece.rows if isinstance(piece, Chunk) else len(piece)
