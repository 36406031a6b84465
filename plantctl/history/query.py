"""Asks the history of a plant: every point, the value at a moment, or what happened in each of a row of spans.

What is sealed is read from its files, what is not yet from the log; nobody who asks sees the seam. A gap stays a gap,
a spike of one scan is in the largest or smallest value of its bucket at any width, and the answer says whether it was
made from points or from minutes, and whether it was cut short.

Rules of the file: nothing is written; `read` may run beside the recorder and sees what the log holds when it is called;
damage costs what was damaged and is counted. No loop and no clock: time is an argument, calls block while they read.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from plantctl.core.errors import PlantctlError
from plantctl.core.frame import Kind
from plantctl.history.buckets import Buckets, InForce, in_buckets, joined, merged, nothing
from plantctl.history.chunk import U2, ChunkKind, Points, Scans
from plantctl.history.gathering import Gathering, State, closing, in_force
from plantctl.history.minutes import MINUTE_NS, minutes_of
from plantctl.history.names import NamedPoint, Names
from plantctl.history.numbers import F8, I8
from plantctl.history.sealed import Range, SealedFile, open_sealed, sealed_ranges
from plantctl.history.seams import points_from, row_at, seamless, told
from plantctl.history.states import state_in
from plantctl.log.recovery import frame_texts
from plantctl.log.rows import LogRows, PartlyReadable

POINTS_MAX: Final = 1_000_000
BUCKETS_MAX: Final = 20_000
FILES_OPEN_MAX: Final = 96
TAIL_BLOCK_BYTES: Final = 8 << 20
# 26 bytes each. What waits to be sealed is a million rows, 500 a tag; more where sealing failed for long.
TAIL_ROWS_MAX: Final = 12_000_000


class NothingAsked(PlantctlError):
    """A question without an answer: a span that ends before it begins, no buckets; the message says which."""


class Tier(Enum):
    """What an answer was made from."""

    POINTS = "raw"
    MINUTES = "1min"


@dataclass(frozen=True, slots=True)
class Series:
    """Every point of a tag in a span, and first of all what was in force when it began, with the time of its own.

    As columns: `utc_ns`, `value` in the tag's unit, `quality`, `source_ns` (the device's word, 0 where there is none),
    and `until_ns`: where that is before the next point, or before the end of the span, there is a gap. `truncated`:
    there were more points than asked, and `end_ns` is where they were cut off.
    """

    tag: str
    unit: str
    utc_ns: I8
    until_ns: I8
    value: F8
    quality: U2
    source_ns: I8
    end_ns: int
    truncated: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """What a tag did in spans of `width_ns`. Where `tier` is minutes, the spans begin with whole minutes."""

    tag: str
    unit: str
    width_ns: int
    buckets: Buckets
    tier: Tier


@dataclass(slots=True)
class _Part:
    """A part of the record: a sealed file, or what is not sealed yet."""

    low_ns: int
    high_ns: int
    file: SealedFile | None
    tail: "_Tail | None"


@dataclass(slots=True)
class _Tail:
    """What the log holds behind the last sealed file, or only the end of it where that was too much: `forgot`."""

    after: int
    forgot: bool
    gathering: Gathering
    rows: LogRows


class History:
    """The history of one plant: `log` is the folder of its log, `sealed` that of its sealed files.

    One object may be kept for as long as one likes; it is to be used by one thread at a time. Where more than
    `tail_rows_max` rows of the log are not sealed, because that failed or was never done, the oldest of them are a gap.
    """

    def __init__(self, log: PartlyReadable, sealed: PartlyReadable, tail_rows_max: int = TAIL_ROWS_MAX) -> None:
        self._tail_rows_max = tail_rows_max
        self._log = log
        self._sealed = sealed
        self.names = Names(log)
        self._files: OrderedDict[Range, SealedFile] = OrderedDict()
        self._names: list[str] = []
        self._ranges: list[Range] = []
        self._tail: _Tail | None = None
        self._lost = 0

    # ------------------------------------------------------------------------------------------------ questions

    def raw(self, tag: str, start_ns: int, end_ns: int, limit: int = POINTS_MAX) -> Series:
        """Every point with start <= UTC < end, the oldest `limit` of them, after what was in force at the start.

        An unknown tag raises `UnknownTag`, an empty span `NothingAsked`.
        """
        _check(start_ns, end_ns)
        point = self._point(tag)
        parts: list[InForce] = []
        most = 0
        for part in self._parts(start_ns, end_ns):
            force = self._in_force(part, point.id)
            if force is not None:
                parts.append(force)
                most += len(force)
                if most > limit and points_from(parts, start_ns) > limit:
                    break
        force = seamless(parts)
        found = told(force, start_ns, end_ns, limit)
        rows, end_ns = found.rows, found.end_ns
        until_ns = force.until_ns[found.ends]
        if len(until_ns) and until_ns[-1] > end_ns:
            until_ns = np.minimum(until_ns, end_ns)
        columns = (force.utc_ns[rows], until_ns, force.value[rows], force.quality[rows], force.source_ns[rows])
        return Series(tag, point.unit, *columns, end_ns, found.truncated)

    def at(self, tag: str, utc_ns: Sequence[int]) -> list[State | None]:
        """What was in force at each of some moments; None where the record does not tell.

        An unknown tag raises `UnknownTag`.
        """
        point = self._point(tag)
        found: list[State | None] = []
        for moment_ns in utc_ns:
            parts = [self._in_force(part, point.id) for part in self._parts(moment_ns, moment_ns + 1)]
            force = seamless([p for p in parts if p is not None])
            row = row_at(force, moment_ns)
            found.append(
                None
                if row is None
                else State(
                    int(force.utc_ns[row]),
                    float(force.value[row]),
                    int(force.quality[row]),
                    int(force.source_ns[row]),
                )
            )
        return found

    def trend(self, tag: str, start_ns: int, end_ns: int, points: int) -> Trend:
        """At most `points` buckets from start to end, made from minutes where a bucket is a minute or longer.

        An unknown tag raises `UnknownTag`; an empty span, or less than one or too many buckets, `NothingAsked`.
        """
        _check(start_ns, end_ns)
        if not 1 <= points <= BUCKETS_MAX:
            raise NothingAsked(f"a trend has 1 to {BUCKETS_MAX} points, not {points}")
        point = self._point(tag)
        width_ns = -(-(end_ns - start_ns) // points)
        if width_ns < MINUTE_NS:
            begin_ns = np.arange(start_ns, end_ns, width_ns, dtype=np.int64)
            forces = [self._in_force(part, point.id) for part in self._parts(start_ns, end_ns)]
            found = in_buckets(begin_ns, width_ns, seamless([f for f in forces if f is not None]))
            return Trend(tag, point.unit, width_ns, found, Tier.POINTS)
        start_ns -= start_ns % MINUTE_NS
        width_ns = -(-(end_ns - start_ns) // (points * MINUTE_NS)) * MINUTE_NS
        begin_ns = np.arange(start_ns, end_ns, width_ns, dtype=np.int64)
        minutes = [self._minutes(part, point.id) for part in self._parts(start_ns, end_ns)]
        kept = [m for m in minutes if m is not None and len(m)]
        if not kept:
            return Trend(tag, point.unit, width_ns, nothing(begin_ns), Tier.MINUTES)
        together = joined(kept)
        inside = together.pick(together.begin_ns < int(begin_ns[-1]) + width_ns)
        return Trend(tag, point.unit, width_ns, merged(inside, begin_ns), Tier.MINUTES)

    def extent_ns(self) -> tuple[int, int] | None:
        """The UTC of the first and of the last scan in the record; None where there is none."""
        self._refresh()
        tail = self._tail_part()
        first = next((f.head.low_ns for f in self._open_files()), tail.low_ns if tail else None)
        last = tail.high_ns if tail else self._file(self._ranges[-1]).head.high_ns if self._ranges else None
        return None if first is None or last is None else (first, last)

    def newest_ns(self) -> int | None:
        """The UTC of the last scan in the record; None where there is none."""
        self._refresh()
        assert self._tail is not None
        scans = self._tail.gathering.scans() if len(self._tail.gathering.scans().utc_ns) else None
        if scans is None and self._ranges:
            scans = self._file(self._ranges[-1]).scans()
        return None if scans is None else int(scans.utc_ns[-1])

    def frames(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, bytes]]:
        """The frames of events, commands, results, texts and writes with start <= UTC < end, whole, with their UTC."""
        self._refresh()
        for part in self._parts(start_ns, end_ns):
            kept = part.file.frames() if part.file else part.tail.gathering.kept if part.tail else []
            yield from ((utc_ns, frame) for utc_ns, frame in kept if start_ns <= utc_ns < end_ns)

    def texts(self, start_ns: int, end_ns: int) -> dict[int, str]:
        """The texts behind the text ids that the frames of a span use."""
        found: dict[int, str] = {}
        # a text is told again at most 10 s before it is used (log-format.md, Texts)
        for _, frame in self.frames(start_ns - 20_000_000_000, end_ns):
            if int.from_bytes(frame[4:6], "little") == Kind.TEXT:
                found |= frame_texts(frame)
        return found

    @property
    def damaged(self) -> int:
        """How many chunks and stretches of the log could not be read so far."""
        return (
            self._lost + sum(f.damaged for f in self._files.values()) + (self._tail.rows.damaged if self._tail else 0)
        )

    # ------------------------------------------------------------------------------------------------ the record

    def _refresh(self) -> None:
        """Sees which files there are now, and follows the log to its end."""
        names = self._sealed.names()
        if names is not self._names and names != self._names:
            self._names = names
            self._ranges = ranges = sealed_ranges(names)
            for gone in set(self._files) - set(ranges):
                self._lost += self._files.pop(gone).damaged
        ranges = self._ranges
        after = ranges[-1].last_sequence if ranges else 0
        if self._tail is None or self._tail.after != after:
            begin_ns = None
            if ranges:
                scans = self._file(ranges[-1]).scans()
                begin_ns = int(scans.utc_ns[-1]) if scans is not None else None
            self._lost += self._tail.rows.damaged if self._tail else 0
            self._tail = _Tail(after, False, Gathering(begin_ns), LogRows(self._log, after, TAIL_BLOCK_BYTES))
        for stretch in self._tail.rows.read():
            if self._tail.gathering.rows > self._tail_rows_max:
                self._tail.gathering, self._tail.forgot = Gathering(), True
            self._tail.gathering.add(stretch)

    def _point(self, tag: str) -> NamedPoint:
        """A tag by its name, in the record as it is now. Raises `UnknownTag`."""
        self._refresh()
        assert self._tail is not None
        return self.names.point(tag, self._tail.rows.names)

    def _file(self, range_: Range) -> SealedFile:
        """A sealed file, from those that are open where it is."""
        found = self._files.get(range_)
        if found is None:
            found = self._files[range_] = open_sealed(self._sealed, range_)
            while len(self._files) > FILES_OPEN_MAX:
                self._lost += self._files.popitem(last=False)[1].damaged
        self._files.move_to_end(range_)
        return found

    def _open_files(self) -> Iterator[SealedFile]:
        """The sealed files that are still there, the oldest first."""
        for range_ in self._ranges:
            with suppress(FileNotFoundError):
                yield self._file(range_)

    def _high_ns(self, range_: Range) -> int:
        """The latest moment that a sealed file tells of; long ago where it was removed meanwhile."""
        try:
            return self._file(range_).head.high_ns
        except FileNotFoundError:
            return -1 << 63

    def _tail_part(self) -> _Part | None:
        assert self._tail is not None
        scans = self._tail.gathering.scans()
        if not len(scans.utc_ns):
            return None
        return _Part(min(scans.begin_ns, int(scans.utc_ns.min())), int(scans.utc_ns.max()), None, self._tail)

    def _parts(self, start_ns: int, end_ns: int) -> Iterator[_Part]:
        """The parts of the record that may tell of a span, in the order of time.

        The files are in order of time but for a clock that was set back; one file more on both sides answers for that.
        """
        ranges = self._ranges
        first = max(0, bisect_left(ranges, start_ns, key=self._high_ns) - 1)
        beyond = 0
        for range_ in ranges[first:]:
            try:
                file = self._file(range_)
            except FileNotFoundError:  # retention removed it since the folder was listed
                continue
            head = file.head
            if head.low_ns < end_ns and head.high_ns >= start_ns:
                yield _Part(head.low_ns, head.high_ns, file, None)
            beyond += head.low_ns >= end_ns
            if beyond > 1:
                break
        tail = self._tail_part()
        if tail is not None and tail.low_ns < end_ns and tail.high_ns >= start_ns:
            yield tail

    def _before(self, file: SealedFile, tag: int) -> State | None:
        """What was in force of a tag before a file."""
        opening = file.opening()
        if opening is None:
            at = self._ranges.index(file.range) if file.range in self._ranges else 0
            older = self._ranges[at - 1] if at else None
            if older is None or older.last_sequence + 1 != file.range.first_sequence:
                return None
            try:
                return self._after(self._file(older), tag)
            except FileNotFoundError:
                return None
        return state_in(opening, tag)

    def _after(self, file: SealedFile, tag: int) -> State | None:
        """What was in force of a tag at the end of a file."""
        scans = file.scans()
        told = self._told(file, tag)
        if scans is None or told is None:
            return None
        return closing(told, scans, self._before(file, tag))

    @staticmethod
    def _told(file: SealedFile, tag: int) -> Points | None:
        """The points of a tag in a file, none of them where it did nothing; None where they are damaged."""
        if file.has(ChunkKind.POINTS, tag):
            return file.points(tag)
        none = np.zeros(0, np.int64)
        return Points(none, np.zeros(0), np.zeros(0, np.uint16), none)

    def _in_force(self, part: _Part, tag: int) -> InForce | None:
        """What was in force of a tag in a part of the record, None where that is not known."""
        scans: Scans | None
        points: Points | None
        if part.file is not None:
            scans, points, before = part.file.scans(), self._told(part.file, tag), self._before(part.file, tag)
            if scans is None or points is None:
                return None
        else:
            assert part.tail is not None
            gathering = part.tail.gathering
            known = bool(self._ranges) and not part.tail.forgot
            before = self._after(self._file(self._ranges[-1]), tag) if known else None
            scans, points = gathering.scans(), gathering.points(tag, before)
        force = in_force(points, scans, before)
        return force if len(force) else None

    def _minutes(self, part: _Part, tag: int) -> Buckets | None:
        """What a tag did minute by minute in a part of the record."""
        if part.file is not None:
            kept = part.file.minutes(tag)
            if kept is not None:
                return kept
        force = self._in_force(part, tag)
        return None if force is None else minutes_of(force)


def _check(start_ns: int, end_ns: int) -> None:
    if end_ns <= start_ns:
        raise NothingAsked("the span ends before it begins")
