"""The plant's record, as the runner of a sink sees it: where rows come from, and where is kept how far they went."""

from typing import Protocol

from plantctl.core.batch import Batch, Cursor
from plantctl.sinks._position import Position


class Source(Protocol):
    """The durable log, as a runner sees it."""

    def newest(self) -> tuple[int, int]:
        """The newest frame that is on disk, and its time (UTC ns)."""
        ...

    def cursor(self, after: int, before: int | None = None) -> Cursor:
        """A cursor behind the frame `after`, up to the frame `before` (included)."""
        ...


class Ledger(Protocol):
    """What outlives the process. Every method may raise `OSError`."""

    def keep(self, position: Position) -> None:
        """Keep the position."""
        ...

    def set_aside(self, batch: Batch, why: str) -> None:
        """Keep records that the peer does not take; on disk when this returns."""
        ...
