"""A place in the sealed history that moves on: for a feed that was away longer than the log goes back.

It gives what a cursor on the log would give, but for rows that repeat what was in force before. A sealed file does not
say which frame each scan was; the frames of a file are shared out evenly over its scans, so that a feed can say how far
it is. One that goes on inside a file after a restart is given the whole file once more.

Rules of the file: what is damaged or removed is passed over and counted in `lost_frames`; `OSError` passes through, and
the same is given again after it.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from plantctl.core.batch import Batch
from plantctl.core.errors import LogDamaged
from plantctl.core.event import Event
from plantctl.core.frame import Kind, decode_frame
from plantctl.core.late import LateRecord
from plantctl.history.files.chunk import Points
from plantctl.history.files.numbers import F8, I8
from plantctl.history.files.sealed import Range, SealedFile, open_sealed, sealed_ranges
from plantctl.log.cursor import late_batch, late_records
from plantctl.log.recovery import frame_texts
from plantctl.log.rows import U2, U4, PartlyReadable
from plantctl.scan.event_records import EventRecords

TEXTS_MAX: Final = 65_536
_NO_POINTS: Final = Points(
    np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros(0, np.uint16), np.zeros(0, np.int64)
)


class SealedCursor:
    """Gives what the sealed files hold behind the frame `after`, up to the frame `before` (included).

    `records` knows the words of transitions.
    """

    def __init__(self, storage: PartlyReadable, records: EventRecords, after: int, before: int) -> None:
        self._storage = storage
        self._records = records
        self._before = before
        self._given = after
        self._texts: dict[int, str] | None = None
        self._open: _Rows | None = None
        self.lost_frames = 0

    @property
    def last_sequence(self) -> int:
        """The last frame given out or passed over."""
        return self._given

    def next(self, rows_max: int) -> Batch | None:
        """The next scans that hold up to `rows_max` rows, or one that holds more; None where the history holds none.

        Raises `OSError`.
        """
        if self._open is None:
            self._open = self._next_file()
            if self._open is None:
                return None
        rows = self._open
        batch = replace(rows.take(rows_max, self._given, self._before), plan_hash=rows.plan_hash)
        self._given = batch.last_sequence
        if rows.ended:
            self._open = None
        return batch

    def _next_file(self) -> "_Rows | None":
        """The file that holds the next frame, read; None where there is none up to `before`."""
        if self._given >= self._before:
            return None
        ranges = sealed_ranges(self._storage.names())
        wanted = next((r for r in ranges if r.last_sequence > self._given and r.first_sequence <= self._before), None)
        if wanted is None:
            return None
        try:
            file = open_sealed(self._storage, wanted)
        except FileNotFoundError:  # removed since the folder was listed: a later one is next
            self.lost_frames += wanted.last_sequence - self._given
            self._given = wanted.last_sequence
            return self._next_file()
        if self._texts is None:
            self._texts = self._texts_before(ranges, wanted)
        self.lost_frames += max(0, wanted.first_sequence - self._given - 1)
        rows = _read(file, wanted, self._records, self._texts)
        rows.late = [(sequence, record) for sequence, record in rows.late if sequence <= self._before]
        self.lost_frames += file.left_out
        return rows

    def _texts_before(self, ranges: list[Range], wanted: Range) -> dict[int, str]:
        """The texts that transitions name, told in the files before; what is gone is a number."""
        texts: dict[int, str] = {}
        for one in ranges:
            if one.first_sequence < wanted.first_sequence and len(texts) < TEXTS_MAX:
                try:
                    file = open_sealed(self._storage, one)
                except FileNotFoundError:
                    continue
                for _, data in file.frames():
                    texts |= frame_texts(data) if _kind(data) == Kind.TEXT else {}
        return texts


def _kind(data: bytes) -> int:
    return int.from_bytes(data[4:6], "little")


@dataclass(slots=True)
class _Rows:
    """A file's rows on their way out, in the order of its scans; `at` of them are given, and `told` transitions."""

    range: Range
    plan_hash: int
    utc_ns: I8  # of the scans
    scan: I8
    tag: U4
    value: F8
    quality: U2
    source_ns: I8
    transitions: list[tuple[int, Event]]  # each with its frame
    transition_scan: list[int]
    late: list[tuple[int, LateRecord]]  # those not given yet
    at: int = 0
    told: int = 0

    @property
    def ended(self) -> bool:
        """Whether all was given."""
        return self.at == len(self.tag) and self.told == len(self.transitions) and not self.late

    def take(self, rows_max: int, given: int, before: int) -> Batch:
        """The next whole scans that hold up to `rows_max` rows, or one that holds more."""
        if self.late and self.at == len(self.tag) and self.told == len(self.transitions):
            record = self.late.pop(0)[1]  # behind all others: all are old here
            return late_batch(
                record, given + 1, max(given, min(self.range.last_sequence, before)) if self.ended else given
            )
        end = self.at + rows_max
        if end >= len(self.tag):
            end, last_scan = len(self.tag), len(self.utc_ns) + 1  # also transitions behind the last scan, or of none
        else:
            whole = int(np.searchsorted(self.scan, self.scan[end], side="left"))
            end = whole if whole > self.at else int(np.searchsorted(self.scan, self.scan[end - 1], side="right"))
            last_scan = int(self.scan[end]) if end < len(self.tag) else len(self.utc_ns)
        rows, told = slice(self.at, end), self.told
        while told < len(self.transitions) and self.transition_scan[told] < last_scan:
            told += 1
        transitions = self.transitions[self.told : told]
        self.at, self.told = end, told
        first, last = self.range.first_sequence, min(self.range.last_sequence, before)
        share = first - 1 + last_scan * (last - first + 1) // max(1, len(self.utc_ns))
        return Batch(
            given + 1,
            max(given, last if self.ended else min(share, last - 1)),  # all of it only with the last row
            self.utc_ns[self.scan[rows]],
            self.tag[rows],
            self.value[rows],
            self.quality[rows],
            self.source_ns[rows],
            tuple(event for _, event in transitions),
            tuple(sequence for sequence, _ in transitions),
        )


def _read(file: SealedFile, range_: Range, records: EventRecords, texts: dict[int, str]) -> _Rows:
    """All rows and transitions of a file; of one whose times are damaged, none."""
    scans = file.scans()
    utc_ns = np.zeros(0, np.int64) if scans is None else scans.utc_ns
    found = {tag: points for tag in file.tags() if len(utc_ns) and (points := file.points(tag)) is not None}
    each = [_NO_POINTS, *found.values()]
    tag = np.repeat(np.array([0, *found], np.uint32), [len(points) for points in each])
    scan = np.concatenate([points.scan for points in each])
    value = np.concatenate([points.value for points in each])
    quality = np.concatenate([points.quality for points in each])
    source_ns = np.concatenate([points.source_ns for points in each])
    order = np.argsort(scan, kind="stable")
    transitions: list[tuple[int, Event]] = []
    times: list[int] = []
    for at_ns, data in file.frames():
        try:
            frame = decode_frame(data)
            if frame.kind == Kind.TEXT:
                texts |= frame_texts(data)
            elif frame.kind == Kind.EVENT:
                told = records.events(frame, at_ns, texts)
                transitions += [(frame.sequence, event) for event in told]
                times += [at_ns] * len(told)
        except LogDamaged:
            continue
    # Times of the plant's clock may go back; the first scan at or behind a transition is that it belongs to.
    ahead = np.maximum.accumulate(utc_ns) if len(utc_ns) else utc_ns
    places = np.searchsorted(ahead, np.array(times, np.int64)).tolist()
    columns = (scan[order], tag[order], value[order], quality[order], source_ns[order])
    return _Rows(range_, file.head.plan_hash, utc_ns, *columns, transitions, places, late_records(file.frames()))
