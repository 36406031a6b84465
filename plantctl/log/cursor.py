"""A place in the log that moves on: the rows and transitions behind it, in batches of whole frames.

Feeds read with it what is durable, and only that. Each cursor has its own place; whoever reads on after a restart says
where, and is given everything behind it once more.

Rules of the file: what is damaged or was removed is passed over and counted in `lost_frames`, never raised; texts and
words that are not known leave a number in their place. `OSError` passes through, and the same is given again after it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.batch import Batch
from plantctl.core.errors import LogDamaged
from plantctl.core.event import Event
from plantctl.core.frame import Kind, decode_frame
from plantctl.core.late import LateRecord, decode_late
from plantctl.log.recovery import frame_texts
from plantctl.log.rows import BLOCK_BYTES, LogRows, PartlyReadable, Stretch
from plantctl.scan.event_records import EventRecords

# Texts kept at most; a plant has some hundred, a log that repeats none of them would fill the memory.
TEXTS_MAX: Final = 65_536


class LogCursor:
    """Gives what lies behind the frame `after`, up to the frame `before` (included) where one is given.

    `durable` tells the newest frame that is on disk. `records` knows the words of transitions; they are left out where
    `events` is false. `lost_frames` counts frames that the log does not hold any more, or not whole.
    """

    def __init__(
        self,
        storage: PartlyReadable,
        records: EventRecords,
        durable: Callable[[], int],
        after: int = 0,
        before: int | None = None,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._texts: dict[int, str] = {}
        self._rows = LogRows(storage, after, block_bytes, self._learn)
        self._records = records
        self._durable = durable
        self._before = before
        self._ready: deque[Batch] = deque()
        self._stretch: _Frames | None = None
        self._given = after
        self.lost_frames = 0

    @property
    def last_sequence(self) -> int:
        """The last frame given out."""
        return self._given

    @property
    def ended(self) -> bool:
        """Whether everything up to `before` was given out."""
        return self._before is not None and self._given >= self._before

    def next(self, rows_max: int) -> Batch | None:
        """The next frames that hold up to `rows_max` rows, or one frame that holds more; None where there is none yet.

        Raises `OSError`.
        """
        if self._stretch is None:
            through = self._durable() if self._before is None else min(self._before, self._durable())
            if through <= self._given:
                return None
            stretch = next(self._rows.read(through), None)
            if stretch is None:
                self._pass_over(through)
                return None
            self.lost_frames += stretch.first_sequence - self._given - 1
            self._stretch = _Frames(stretch, self._transitions(stretch), late_records(stretch.kept))
        batch = replace(self._stretch.take(rows_max, self._given + 1), plan_hash=self._stretch.plan_hash)
        self._given = batch.last_sequence
        if self._stretch.ended:
            self._stretch = None
        return batch

    def _pass_over(self, through: int) -> None:
        """What is on disk, should be in the log and is not: it was removed, or cannot be read."""
        if self._before is not None and through >= self._before:
            self.lost_frames += through - self._given
            self._given = through

    def _learn(self, data: bytes) -> None:
        """Keep the texts of a frame."""
        if len(self._texts) < TEXTS_MAX:
            self._texts |= frame_texts(data)

    def _transitions(self, stretch: Stretch) -> list[tuple[int, Event]]:
        """The transitions of a stretch, each with its frame."""
        found: list[tuple[int, Event]] = []
        for utc_ns, data in stretch.kept:
            try:
                frame = decode_frame(data)
                if frame.kind == Kind.TEXT:
                    self._learn(data)
                elif frame.kind == Kind.EVENT:
                    events = self._records.events(frame, utc_ns, self._texts)
                    found += [(frame.sequence, event) for event in events]
            except LogDamaged:
                continue
        return found


class _Frames:
    """A stretch on its way out, frame by frame."""

    def __init__(
        self, stretch: Stretch, transitions: list[tuple[int, Event]], late: list[tuple[int, LateRecord]]
    ) -> None:
        # A scan may tell all rows right behind those that it changed: the same row twice is one row.
        told_ns, bits = stretch.utc_ns[stretch.scan], stretch.value.view(np.int64)
        again = np.zeros(len(stretch), np.bool_)
        again[1:] = (stretch.tag[1:] == stretch.tag[:-1]) & (told_ns[1:] == told_ns[:-1]) & (bits[1:] == bits[:-1])
        again[1:] &= stretch.quality[1:] == stretch.quality[:-1]
        once = np.flatnonzero(~again)
        order = once[np.argsort(stretch.scan[once], kind="stable")]
        self._frame = stretch.scan[order]
        self._utc_ns = stretch.utc_ns
        self._sequence = stretch.sequence
        self._of_frame = stretch.sequence[self._frame]  # ascends
        self.plan_hash = stretch.plan_hash
        self._tag, self._value = stretch.tag[order], stretch.value[order]
        self._quality, self._source_ns = stretch.quality[order], stretch.source_ns[order]
        self._transitions = transitions
        self._last = stretch.last_sequence
        self._at = 0  # rows given
        self._told = 0  # transitions given
        self._late = late  # those not given yet

    @property
    def ended(self) -> bool:
        """Whether all was given."""
        return self._at == len(self._tag) and self._told == len(self._transitions) and not self._late

    def _next_transition(self) -> int:
        """The frame of the first transition that is not given yet; one behind all others where there is none."""
        return self._transitions[self._told][0] if self._told < len(self._transitions) else self._last + 1

    def take(self, rows_max: int, first_sequence: int) -> Batch:
        """The next whole frames that hold up to `rows_max` rows, or one that holds more, and what happened in them."""
        end = self._end(rows_max)
        late = self._late[0][0] if self._late else self._last + 1
        before = int(np.searchsorted(self._of_frame, late))
        if self._late and before <= self._at and self._next_transition() > late:
            record = self._late.pop(0)[1]
            return late_batch(record, first_sequence, self._last if self.ended else late)
        end = min(end, max(before, self._at))
        last = self._last if end == len(self._tag) else int(self._sequence[self._frame[end]]) - 1
        last = min(last, late - 1)
        rows = slice(self._at, end)
        told = self._told
        while told < len(self._transitions) and self._transitions[told][0] <= last:
            told += 1
        transitions = self._transitions[self._told : told]
        self._at, self._told = end, told
        return Batch(
            first_sequence,
            last,
            self._utc_ns[self._frame[rows]],
            self._tag[rows],
            self._value[rows],
            self._quality[rows],
            self._source_ns[rows],
            tuple(event for _, event in transitions),
            tuple(sequence for sequence, _ in transitions),
        )

    def _end(self, rows_max: int) -> int:
        """Where the frame ends up to which rows are given."""
        frame: npt.NDArray[np.int64] = self._frame
        end = self._at + rows_max
        if end >= len(frame):
            return len(frame)
        whole = int(np.searchsorted(frame, frame[end], side="left"))  # the frame that does not fit any more
        return whole if whole > self._at else int(np.searchsorted(frame, frame[end - 1], side="right"))


def late_records(kept: list[tuple[int, bytes]]) -> list[tuple[int, LateRecord]]:
    """The late values among the frames that history keeps, each record with its frame; what is damaged is left out."""
    found: list[tuple[int, LateRecord]] = []
    for _, data in kept:
        if int.from_bytes(data[4:6], "little") == Kind.LATE:
            try:
                frame = decode_frame(data)
                found.append((frame.sequence, decode_late(frame.payload)))
            except LogDamaged:
                continue
    return found


def late_batch(record: LateRecord, first_sequence: int, last_sequence: int) -> Batch:
    """The rows of a record, each with the time that it is of: newer ones went out long before."""
    rows = record.rows
    utc_ns = rows["utc_ns"].astype(np.int64)
    columns = (rows["tag"].astype(np.uint32), rows["value"].astype(np.float64), rows["quality"].astype(np.uint16))
    return Batch(first_sequence, last_sequence, utc_ns, *columns, utc_ns, historical=True)
