"""Lets a process without an event loop work in turns until it is told to end."""

import signal
from collections.abc import Callable
from types import FrameType

from plantctl.app.split.deadline import monotonic_ns, wait_until


class UntilTold:
    """Hears SIGTERM from now on; `ended` tells that it came. A turn under way is finished, never broken off."""

    def __init__(self) -> None:
        self.ended = False
        signal.signal(signal.SIGTERM, self._heard)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self.ended = True

    def turns(self, turn: Callable[[], None], pause_ns: int) -> None:
        """Call `turn` until told to end, with `pause_ns` of rest after each."""
        while not self.ended:
            turn()
            wait_until(monotonic_ns() + pause_ns)
