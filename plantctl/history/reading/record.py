"""The record of a plant as its parts: sealed files, and what the log holds behind them; what was in force in each.

Rules of the file: nothing is written; `read` may run beside the recorder and sees what the log holds when it is asked;
damage costs what was damaged and is counted. No loop and no clock: calls block while they read.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import numpy as np

from plantctl.history.files.buckets import InForce
from plantctl.history.files.chunk import ChunkKind, Points, Scans
from plantctl.history.files.quarters import QuarterRange, open_quarters, quarter_ranges
from plantctl.history.files.sealed import Range, SealedFile, SealedHead, open_sealed, read_head
from plantctl.history.reading.gathering import Gathering, State, closing
from plantctl.history.reading.late import LateRows
from plantctl.history.reading.late_index import LateOf
from plantctl.history.reading.names import NamedPoint, Names
from plantctl.history.reading.overlay import around, overlaid
from plantctl.history.reading.points_together import Piece, together, told_by
from plantctl.history.reading.ranges import Ranges, first_reaching, others
from plantctl.history.reading.states import state_in
from plantctl.log.rows import LogRows, PartlyReadable

FILES_OPEN_MAX: Final = 96
FILES_AHEAD: Final = 32
FILES_FEW: Final = 4
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
        self._others: list[str] = []
        self._ranges = Ranges()
        self._heads: dict[Range | QuarterRange, SealedHead] = {}
        self._quarters: list[QuarterRange] = []
        self._tail: Tail | None = None
        self._lost = self._mended = 0
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
        """How many chunks and stretches of the log were found damaged so far."""
        return (
            self._lost
            + self.late.damaged
            + sum(f.damaged for f in self._files.values())
            + (self._tail.rows.damaged if self._tail else 0)
        )

    @property
    def left_out(self) -> int:
        """How many of these are missing in what was told: not those of which one turned bit was turned back."""
        open_ones = sum(f.damaged - f.left_out for f in self._files.values())
        return self.damaged - self._mended - self.late.mended - open_ones

    def _close(self, gone: SealedFile | None) -> None:
        """A file that is asked no more; what was damaged in it still counts."""
        if gone is not None:
            self._lost += gone.damaged
            self._mended += gone.damaged - gone.left_out

    def _refresh(self) -> None:
        """Sees which files there are now, and follows the log to its end."""
        names = self._sealed.names()
        if names is not self._names and names != self._names:
            self._names = names
            self._ranges, self._others = Ranges(names), others(names)
            self._quarters = quarter_ranges(self._others)
            for each in [*self._files, *self._heads]:
                if each in self._quarters or each in self._ranges:
                    continue
                self._heads.pop(each, None)
                self._close(self._files.pop(each, None))
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
        self.late.refresh(self._sealed, self._others, ranges, self._tail.gathering.kept)

    def _point(self, tag: str) -> NamedPoint:
        """A tag by its name, in the record as it is now. Raises `UnknownTag`."""
        self._refresh()
        assert self._tail is not None
        return self.names.point(tag, self._tail.rows.names)

    def _points(self, tags: Sequence[str]) -> list[NamedPoint]:
        """The same of many."""
        self._refresh()
        assert self._tail is not None
        return [self.names.point(tag, self._tail.rows.names) for tag in tags]

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
                self._close(self._files.popitem(last=False)[1])
        self._files.move_to_end(range_)
        return found

    def _open_files(self) -> Iterator[SealedFile]:
        """The sealed files that are still there, the oldest first."""
        for range_ in self._ranges:
            with suppress(FileNotFoundError):
                yield self._file(range_)

    def _head(self, range_: Range) -> SealedHead:
        """The head of a sealed file, which is all that is looked at of most."""
        found = self._heads.get(range_)
        if found is None:
            file = self._files.get(range_)
            found = file.head if file else read_head(self._sealed, range_) or self._file(range_).head
            self._heads[range_] = found
        return found

    def _high_ns(self, range_: Range) -> int:
        """The latest moment that a sealed file tells of; long ago where it was removed meanwhile."""
        try:
            return self._head(range_).high_ns
        except FileNotFoundError:
            return -1 << 63

    def _first_from(self, start_ns: int) -> int:
        """The place of the first sealed file that may tell of a moment or of what came after it."""
        ranges = self._ranges
        if not ranges:
            return 0
        newest = ranges[-1]
        try:
            head = self._head(newest)
        except FileNotFoundError:
            return max(0, first_reaching(len(ranges), start_ns, lambda at: self._high_ns(ranges[at]), 0) - 1)
        # frames mostly come evenly: so many of them ago
        ago = (head.high_ns - start_ns) * (newest.last_sequence - newest.first_sequence + 1)
        sequence = newest.last_sequence - ago // max(1, head.high_ns - head.low_ns)
        guess = ranges.last_from(sequence)
        return max(0, first_reaching(len(ranges), start_ns, lambda at: self._high_ns(ranges[at]), guess) - 1)

    def _expect(self, at: int, end_ns: int) -> None:
        """Has the system read the next files from the disk at once, where they are not open yet."""
        if self._ranges[at] in self._files:
            return
        behind = min(self._first_from(end_ns) + 2, at + FILES_AHEAD)  # it begins one file early
        if behind - at > FILES_FEW:  # each is opened for it once more
            self._sealed.expect([r.name for r in self._ranges[at:behind] if r not in self._files])

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
        beyond = 0
        first = self._first_from(start_ns)
        for at in range(first, len(ranges)):
            range_ = ranges[at]
            if not (at - first) % FILES_AHEAD:
                self._expect(at, end_ns)
            try:
                head = self._head(range_)
                there = head.low_ns < end_ns and head.high_ns >= start_ns
                part = Part(head.low_ns, head.high_ns, self._file(range_), None) if there else None
            except FileNotFoundError:  # retention removed it since the folder was listed
                continue
            if part is not None:
                yield part
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
        force = self._whole([] if late.lab else self._parts(start_ns, end_ns), tag)
        first, last = self._late_in_force(tag, late, start_ns, end_ns, force)
        force = around(force, start_ns, end_ns)
        newest_ns = self._newest_ns()
        force = overlaid(force, late, first, last, end_ns if newest_ns is None else newest_ns)
        if len(force):
            yield Part(int(force.at_ns[0]), int(force.until_ns.max()), None, None, force)

    def _late_in_force(
        self, tag: int, late: LateOf, start_ns: int, end_ns: int, force: InForce | None = None
    ) -> tuple[int, int]:
        """The first of the late values of a tag that is of a span, or was in force at its start; the one behind.

        `force` is what the scans told of the span, where that is known already.
        """
        first, last = (int(n) for n in np.searchsorted(late.utc_ns, (start_ns, end_ns)))
        if first and not late.lab:
            late_ns = int(late.utc_ns[first - 1])
            if force is not None and force.orderly and force.utc_ns[0] < start_ns:
                before_ns: int | None = int(force.utc_ns[force.utc_ns.searchsorted(start_ns) - 1])
            else:
                before = self._told_before(tag, start_ns, late_ns)
                before_ns = None if before is None else before.utc_ns
            # the last late one still held at the start, unless the scans told something after it
            first -= before_ns is None or before_ns <= late_ns
        elif first:
            first -= 1
        return first, last

    def _told_before(self, tag: int, before_ns: int, from_ns: int) -> State | None:
        """The newest point that the scans told with UTC < before, None where that is before `from_ns`."""
        for part in self._parts_backwards(before_ns):
            if part.high_ns < from_ns:
                return None
            force = self._in_force(part, tag)
            rows = None if force is None else np.flatnonzero(force.utc_ns < before_ns)
            if force is not None and rows is not None and len(rows):
                return state_of(force, int(rows[-1]))
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
        # it begins one file early, and the clock may have been set back
        behind = min(self._first_from(before_ns) + 3, len(self._ranges))
        for at in reversed(range(behind)):
            with suppress(FileNotFoundError):
                head = self._head(self._ranges[at])
                if head.low_ns < before_ns:
                    yield Part(head.low_ns, head.high_ns, self._file(self._ranges[at]), None)

    def _before(self, file: SealedFile, tag: int) -> State | None:
        """What was in force of a tag before a file."""
        opening = file.opening()
        if opening is None:
            at = self._ranges.place(file.range)
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
        piece = self._piece(part, tag)
        force = None if piece is None else told_by(piece)
        return force if force is not None and len(force) else None

    def _whole(self, parts: Iterable[Part], tag: int) -> InForce:
        """What was in force of a tag in parts of the record that follow each other."""
        pieces = (self._piece(part, tag) for part in parts)
        return together([piece for piece in pieces if piece is not None])

    def _piece(self, part: Part, tag: int) -> Piece | InForce | None:
        """What a tag did in a part of the record, None where that is not known."""
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
        return Piece(points, scans, before)


def state_of(force: InForce, row: int) -> State:
    """A row as a state."""
    return State(int(force.utc_ns[row]), float(force.value[row]), int(force.quality[row]), int(force.source_ns[row]))
