"""The record of a plant as its parts: sealed files, and what the log holds behind them; what was in force in each.

Rules of the file: nothing is written; `read` may run beside the recorder and sees what the log holds when it is asked;
damage costs what was damaged and is counted. No loop and no clock: calls block while they read.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.history.buckets import Buckets, InForce
from plantctl.history.chunk import Chunk, ChunkKind, Layout, Points, Scans
from plantctl.history.gathering import Gathering, State, closing, in_force
from plantctl.history.late import LateRows
from plantctl.history.minutes import minutes_of
from plantctl.history.minutes_together import decode_minutes_together
from plantctl.history.names import NamedPoint, Names
from plantctl.history.overlay import overlaid
from plantctl.history.quarters import QuarterRange, open_quarters, quarter_ranges
from plantctl.history.sealed import Range, SealedFile, open_sealed, sealed_ranges
from plantctl.history.seams import seamless
from plantctl.history.states import state_in
from plantctl.history.totals import behind
from plantctl.log.rows import LogRows, PartlyReadable

FILES_OPEN_MAX: Final = 96
TAIL_BLOCK_BYTES: Final = 8 << 20
# 26 bytes each. What waits to be sealed is a million rows, 500 a tag; more where sealing failed for long.
TAIL_ROWS_MAX: Final = 12_000_000


@dataclass(slots=True)
class Part:
    """A part of the record: a sealed file, or what is not sealed yet."""

    low_ns: int
    high_ns: int
    file: SealedFile | None
    tail: "Tail | None"
    force: InForce | None = None  # what was in force, where that is known already

    @property
    def first_sequence(self) -> int:
        """The first frame that it may hold."""
        return self.file.range.first_sequence if self.file else self.tail.after + 1 if self.tail else 0

    @property
    def last_sequence(self) -> int | None:
        """The last frame that it holds; None where more may come."""
        return self.file.range.last_sequence if self.file else None


@dataclass(slots=True)
class Tail:
    """What the log holds behind the last sealed file, or only the end of it where that was too much: `forgot`."""

    after: int
    forgot: bool
    gathering: Gathering
    rows: LogRows


class Record:
    """The record of one plant: `log` is the folder of its log, `sealed` that of its sealed files."""

    def __init__(self, log: PartlyReadable, sealed: PartlyReadable, tail_rows_max: int = TAIL_ROWS_MAX) -> None:
        self._tail_rows_max = tail_rows_max
        self._log = log
        self._sealed = sealed
        self.names = Names(log)
        self._files: OrderedDict[Range | QuarterRange, SealedFile] = OrderedDict()
        self._names: list[str] = []
        self._ranges: list[Range] = []
        self._quarters: list[QuarterRange] = []
        self._tail: Tail | None = None
        self._lost = 0
        self.late = LateRows()

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
        return self._newest_ns()

    def _newest_ns(self) -> int | None:
        assert self._tail is not None
        scans = self._tail.gathering.scans() if len(self._tail.gathering.scans().utc_ns) else None
        if scans is None and self._ranges:
            scans = self._file(self._ranges[-1]).scans()
        return None if scans is None else int(scans.utc_ns[-1])

    @property
    def damaged(self) -> int:
        """How many chunks and stretches of the log could not be read so far."""
        return (
            self._lost
            + self.late.damaged
            + sum(f.damaged for f in self._files.values())
            + (self._tail.rows.damaged if self._tail else 0)
        )

    def _refresh(self) -> None:
        """Sees which files there are now, and follows the log to its end."""
        names = self._sealed.names()
        if names is not self._names and names != self._names:
            self._names = names
            self._ranges = ranges = sealed_ranges(names)
            self._quarters = quarter_ranges(names)
            for gone in set(self._files).difference(ranges, self._quarters):
                self._lost += self._files.pop(gone).damaged
        ranges = self._ranges
        after = ranges[-1].last_sequence if ranges else 0
        if self._tail is None or self._tail.after != after:
            begin_ns = None
            if ranges:
                scans = self._file(ranges[-1]).scans()
                begin_ns = int(scans.utc_ns[-1]) if scans is not None else None
            self._lost += self._tail.rows.damaged if self._tail else 0
            self._tail = Tail(after, False, Gathering(begin_ns), LogRows(self._log, after, TAIL_BLOCK_BYTES))
        for stretch in self._tail.rows.read():
            if self._tail.gathering.rows > self._tail_rows_max:
                self._tail.gathering, self._tail.forgot = Gathering(), True
            self._tail.gathering.add(stretch)
        self.late.refresh(self._sealed, self._names, ranges, self._tail.gathering.kept)

    def _point(self, tag: str) -> NamedPoint:
        """A tag by its name, in the record as it is now. Raises `UnknownTag`."""
        self._refresh()
        assert self._tail is not None
        return self.names.point(tag, self._tail.rows.names)

    def _file(self, range_: Range | QuarterRange) -> SealedFile:
        """A sealed file, or one of quarters, from those that are open where it is."""
        found = self._files.get(range_)
        if found is None:
            if isinstance(range_, QuarterRange):
                found = open_quarters(self._sealed, range_)
            else:
                found = open_sealed(self._sealed, range_)
            self._files[range_] = found
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

    def _tail_part(self) -> Part | None:
        assert self._tail is not None
        scans = self._tail.gathering.scans()
        if not len(scans.utc_ns):
            return None
        return Part(min(scans.begin_ns, int(scans.utc_ns.min())), int(scans.utc_ns.max()), None, self._tail)

    def _parts(self, start_ns: int, end_ns: int) -> Iterator[Part]:
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
                yield Part(head.low_ns, head.high_ns, file, None)
            beyond += head.low_ns >= end_ns
            if beyond > 1:
                break
        tail = self._tail_part()
        if tail is not None and tail.low_ns < end_ns and tail.high_ns >= start_ns:
            yield tail

    def _parts_of(self, tag: int, start_ns: int, end_ns: int) -> Iterator[Part]:
        """The parts that may tell of a tag; one, put together already, where values came after their time."""
        late = self.late.of(tag)
        if late is None:
            yield from self._parts(start_ns, end_ns)
            return
        forces = [] if late.lab else [self._in_force(part, tag) for part in self._parts(start_ns, end_ns)]
        first, last = (int(n) for n in np.searchsorted(late.utc_ns, (start_ns, end_ns)))
        if first:
            before = None if late.lab else self._told_before(tag, start_ns, int(late.utc_ns[first - 1]))
            # the last late one still held at the start, unless the scans told something after it
            first -= before is None or before.utc_ns <= int(late.utc_ns[first - 1])
        newest_ns = self._newest_ns()
        force = seamless([each for each in forces if each is not None])
        force = overlaid(force, late, first, last, end_ns if newest_ns is None else newest_ns)
        if len(force):
            yield Part(int(force.at_ns[0]), int(force.until_ns.max()), None, None, force)

    def _told_before(self, tag: int, before_ns: int, from_ns: int) -> State | None:
        """The newest point that the scans told with UTC < before, None where that is before `from_ns`."""
        for part in self._parts_backwards(before_ns):
            if part.high_ns < from_ns:
                return None
            force = self._in_force(part, tag)
            rows = [] if force is None else np.flatnonzero(force.utc_ns < before_ns).tolist()
            if force is not None and rows:
                return state_of(force, rows[-1])
        return None

    def _late_before(self, tag: int, before_ns: int) -> State | None:
        """The newest late value of a tag with UTC < before."""
        late = self.late.of(tag)
        row = -1 if late is None else int(np.searchsorted(late.utc_ns, before_ns)) - 1
        if late is None or row < 0:
            return None
        utc_ns = int(late.utc_ns[row])
        return State(utc_ns, float(late.value[row]), int(late.quality[row]), utc_ns)

    def _parts_backwards(self, before_ns: int) -> Iterator[Part]:
        """The parts that may tell of what was before a moment, the newest first."""
        tail = self._tail_part()
        if tail is not None and tail.low_ns < before_ns:
            yield tail
        for range_ in reversed(self._ranges):
            with suppress(FileNotFoundError):
                file = self._file(range_)
                if file.head.low_ns < before_ns:
                    yield Part(file.head.low_ns, file.head.high_ns, file, None)

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

    def _in_force(self, part: Part, tag: int) -> InForce | None:
        """What was in force of a tag in a part of the record, None where that is not known."""
        if part.force is not None:
            return part.force
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

    def _minutes(self, part: Part, tag: int, front_ns: int | None = None) -> Buckets | None:
        """What a tag did minute by minute in a part of the record, from `front_ns` on where that is given."""
        if part.file is not None and front_ns is None:
            kept = part.file.minutes(tag)
            if kept is not None:
                return kept
        force = self._in_force(part, tag)
        if force is not None and front_ns is not None:
            force = behind(force, front_ns)
        return None if force is None else minutes_of(force)

    def _fronts(self, parts: Iterable[Part], tag: int) -> Iterator[tuple[Part, int | None]]:
        """Parts that follow each other; with each that reaches back behind others, since UTC was set back, up to when
        those told of the tag: no time counts twice.
        """
        seen: list[Part] = []
        high_ns = -1 << 63
        for part in parts:
            front_ns = part.low_ns
            if part.low_ns < high_ns:
                for force in (self._in_force(each, tag) for each in seen if each.high_ns > part.low_ns):
                    front_ns = (
                        front_ns if force is None else max(front_ns, int(force.at_ns[-1]), int(force.until_ns[-1]))
                    )
            yield part, front_ns if front_ns > part.low_ns else None
            seen.append(part)
            high_ns = max(high_ns, part.high_ns)

    def _in_minutes(self, parts: Iterable[Part], tag: int) -> Iterator[Buckets]:
        """What a tag did minute by minute in parts that follow each other; those of many files are read at once."""
        waiting: list[tuple[Part, Chunk]] = []
        for part, front_ns in self._fronts(parts, tag):
            chunk = part.file.minutes_chunk(tag) if part.file is not None and front_ns is None else None
            if chunk is not None and chunk.layout == Layout.SHORT:
                waiting.append((part, chunk))
                continue
            yield from self._at_once(waiting, tag)
            waiting = []
            found = self._minutes(part, tag, front_ns)
            if found is not None and len(found):
                yield found
        yield from self._at_once(waiting, tag)

    def _at_once(self, waiting: list[tuple[Part, Chunk]], tag: int) -> Iterator[Buckets]:
        """The minutes of these files."""
        if not waiting:
            return
        try:
            found = [decode_minutes_together([chunk for _, chunk in waiting])]
        except LogDamaged:
            found = [each for part, _ in waiting if (each := self._minutes(part, tag)) is not None]
        yield from found

    def _coarse(self, tag: int, start_ns: int, end_ns: int) -> Iterator[Buckets]:
        """What a tag did from start to end, and perhaps around it, in quarters of an hour where kept, or in minutes."""
        ranges = self._ranges
        at = max(0, bisect_left(ranges, start_ns, key=self._high_ns) - 1)
        beyond = 0
        while at < len(ranges) and beyond < 2:
            behind, found, low_ns = self._in_quarters(ranges[at], tag) or (at + 1, None, None)
            if low_ns is None:
                with suppress(FileNotFoundError):  # retention removed it since the folder was listed
                    head = self._file(ranges[at]).head
                    low_ns = head.low_ns
                    if low_ns < end_ns and head.high_ns >= start_ns:
                        found = self._minutes(Part(low_ns, head.high_ns, self._file(ranges[at]), None), tag)
            if found is not None and len(found):
                yield found
            beyond += low_ns is not None and low_ns >= end_ns
            at = behind
        tail = self._tail_part()
        if tail is not None and tail.low_ns < end_ns and tail.high_ns >= start_ns:
            found = self._minutes(tail, tag)
            if found is not None:
                yield found

    def _in_quarters(self, range_: Range, tag: int) -> tuple[int, Buckets | None, int] | None:
        """What a tag did in the file of quarters that covers a sealed file, which place is behind, when it begins.

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
        found = file.quarters(tag)
        if found is None and (file.damaged or file.has(ChunkKind.QUARTERS, tag)):
            return None
        return bisect_right(self._ranges, wide.last_sequence, key=lambda r: r.first_sequence), found, file.head.low_ns


def state_of(force: InForce, row: int) -> State:
    """A row as a state."""
    return State(int(force.utc_ns[row]), float(force.value[row]), int(force.quality[row]), int(force.source_ns[row]))
