"""The plant's log, as the runners of sinks see it: what is durable, and cursors on it."""

from collections.abc import Callable

from plantctl.core.batch import Cursor
from plantctl.log.cursor import LogCursor
from plantctl.log.rows import PartlyReadable
from plantctl.scan.event_records import EventRecords


class FeedLog:
    """`newest` tells the newest durable frame and its time (UTC ns); `records` knows the words of transitions."""

    def __init__(self, storage: PartlyReadable, records: EventRecords, newest: Callable[[], tuple[int, int]]) -> None:
        self._storage = storage
        self._records = records
        self._newest = newest

    def newest(self) -> tuple[int, int]:
        """The newest frame that is on disk, and its time (UTC ns)."""
        return self._newest()

    def cursor(self, after: int, before: int | None = None) -> Cursor:
        """A cursor behind the frame `after`, up to the frame `before` (included)."""
        return LogCursor(self._storage, self._records, self._durable, after, before)

    def _durable(self) -> int:
        return self._newest()[0]
