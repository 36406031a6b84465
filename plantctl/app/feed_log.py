"""The plant's record, as the runners of sinks see it: the log, and behind it the sealed history.

The log goes back as far as its room allows, the history much further. A feed that was away for so long that the log has
let go of what it did not get is given that from the history, and the rest from the log.

A late value goes out as it stands now, whichever of its records is read. What is new goes out before what is old: were
each record sent as it was told, a sample's first value could arrive behind its correction, and a database keeps what
arrives last.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from plantctl.core.batch import Batch, Cursor
from plantctl.history.reading.cursor import SealedCursor
from plantctl.history.reading.late_index import NONE
from plantctl.history.reading.late_log import LateLog
from plantctl.log.cursor import LogCursor
from plantctl.log.files import first_sequence_of, log_names
from plantctl.log.rows import PartlyReadable
from plantctl.scan.event_records import EventRecords


class FeedLog:
    """`newest` tells the newest durable frame and its time (UTC ns); `records` knows the words of transitions."""

    def __init__(
        self,
        log: PartlyReadable,
        history: PartlyReadable | None,
        records: EventRecords,
        newest: Callable[[], tuple[int, int]],
    ) -> None:
        self._log = log
        self._history = history
        self._records = records
        self._newest = newest

    def newest(self) -> tuple[int, int]:
        """The newest frame that is on disk, and its time (UTC ns)."""
        return self._newest()

    def cursor(self, after: int, before: int | None = None) -> Cursor:
        """A cursor behind the frame `after`, up to the frame `before` (included)."""
        return RecordCursor(self, after, before)

    def log_cursor(self, after: int, before: int | None) -> LogCursor:
        """A cursor on the log alone."""
        return LogCursor(self._log, self._records, lambda: self._newest()[0], after, before)

    def late_log(self) -> LateLog | None:
        """The late values of the record; None where there is no history."""
        return None if self._history is None else LateLog(self._log, self._history)

    def sealed_cursor(self, after: int, before: int | None) -> SealedCursor | None:
        """A cursor on what the log does not hold any more; None where it holds all behind `after`. Raises `OSError`."""
        if self._history is None:
            return None
        names = log_names(self._log.names())
        first = first_sequence_of(names[0]) if names else self._newest()[0] + 1
        if after + 1 >= first:
            return None
        last = first - 1 if before is None else min(before, first - 1)
        return SealedCursor(self._history, self._records, after, last)


class RecordCursor:
    """A cursor on history and log, one after the other. `lost_frames`: what neither holds."""

    def __init__(self, record: FeedLog, after: int, before: int | None) -> None:
        self._record = record
        self._before = before
        self._cursor: LogCursor | SealedCursor | None = None
        self._late: LateLog | None = None
        self._held: Batch | None = None
        self._given = after
        self._lost = 0

    @property
    def last_sequence(self) -> int:
        """The last frame given out or passed over."""
        return self._given

    @property
    def lost_frames(self) -> int:
        """Frames that neither the log nor the history holds."""
        return self._lost + (0 if self._cursor is None else self._cursor.lost_frames)

    def next(self, rows_max: int) -> Batch | None:
        """The next frames; None where there is none yet. Raises `OSError`; the same frames are then given again."""
        if self._held is None:
            self._held = self._following(rows_max)
        batch = self._as_it_stands(self._held)
        self._held = None
        if self._cursor is not None:
            self._given = max(self._given, self._cursor.last_sequence)
        return batch

    def _following(self, rows_max: int) -> Batch | None:
        if not isinstance(self._cursor, SealedCursor):
            sealed = self._record.sealed_cursor(self._given, self._before)
            if sealed is not None:
                self._turn_to(sealed)
            elif self._cursor is None:
                self._cursor = self._record.log_cursor(self._given, self._before)
        assert self._cursor is not None
        batch = self._cursor.next(rows_max)
        if batch is None and isinstance(self._cursor, SealedCursor):
            self._turn_to(self._record.log_cursor(self._cursor.last_sequence, self._before))
            batch = self._cursor.next(rows_max)
        return batch

    def _as_it_stands(self, batch: Batch | None) -> Batch | None:
        """The batch; of late values, which alone are old already here, with what was told last of each."""
        if batch is None or not batch.historical:
            return batch
        if self._late is None:
            self._late = self._record.late_log()
            if self._late is None:
                return batch
        late = self._late.refresh(self._record.newest()[0])
        rows = late.index().told_last(batch.tag, batch.utc_ns)
        told, (value, quality) = rows != NONE, late.index().values(rows)
        samples = late.samples(batch.tag, batch.utc_ns)
        return replace(
            batch,
            value=np.where(told, value, batch.value),
            quality=np.where(told, quality, batch.quality),
            samples=samples if any(map(any, samples)) else (),
        )

    def _turn_to(self, cursor: LogCursor | SealedCursor) -> None:
        self._lost = self.lost_frames
        self._cursor = cursor
