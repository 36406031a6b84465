"""What waits to be sent to one client. It is bounded, and a client that does not read harms nobody.

Values may be left out, since later ones tell more: where too many deltas wait, all of them give way to one `gap` and
one `snap`, which is made only when the client is ready to take it. A sign of life that waits is replaced by the next.
Transitions and stages of commands are never left out: where even these pile up, the client is told to go (`too_slow`).
"""

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from plantctl.hmi.messages import Gap, Why, encode

DELTAS_WAITING_MAX: Final = 20
BYTES_WAITING_MAX: Final = 4 << 20
MESSAGES_WAITING_MAX: Final = 2_000


class Waiting(NamedTuple):
    """A message that waits; `sequence` is that of a delta, 0 of anything else."""

    sequence: int
    text: str


class Outbox:
    """The messages of one client, oldest first. `snapshot` makes the snap and tells its sequence."""

    def __init__(self, snapshot: Callable[[], tuple[int, str]]) -> None:
        self.snapshot = snapshot
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._deltas = 0
        self._latest: dict[str, str] = {}
        self._gap: tuple[int, Why] | None = None  # from where on deltas are left out, until a snap was sent
        self.too_slow = False
        self.gaps = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._latest) + (self._gap is not None)

    def put(self, text: str) -> None:
        """A message that must arrive."""
        self._append(Waiting(0, text))

    def delta(self, sequence: int, text: str) -> None:
        """A delta, which may give way to a gap and a snap."""
        if self._gap is not None:
            return
        if self._deltas < DELTAS_WAITING_MAX:
            self._deltas += 1
            self._append(Waiting(sequence, text))
            return
        self.leave_out("slow-client", next(waiting.sequence for waiting in self._waiting if waiting.sequence))

    def leave_out(self, why: Why, first: int) -> None:
        """Deltas from `first` on are left out; a gap and a snap are sent in their place, after all that must arrive."""
        self._waiting = deque(waiting for waiting in self._waiting if not waiting.sequence)
        self._bytes = sum(len(waiting.text) for waiting in self._waiting)
        self._deltas = 0
        self._gap = (first, why)
        self.gaps += 1

    def forget(self) -> None:
        """Another subscription, or another epoch: deltas that wait, and a snap that is due, mean nothing any more."""
        self.leave_out("other-epoch", 0)
        self._gap = None
        self.gaps -= 1

    def sign_of_life(self, text: str) -> None:
        """The newest sign of life; an older one that still waits is not sent."""
        self._latest["life"] = text

    def devices(self, text: str) -> None:
        """How the devices are; what was to be told before is not sent."""
        self._latest["devices"] = text

    def take(self) -> list[str]:
        """What is to be sent next, in order; empty where nothing waits."""
        if self._waiting:
            waiting = self._waiting.popleft()
            self._bytes -= len(waiting.text)
            self._deltas -= waiting.sequence > 0
            return [waiting.text]
        if self._gap is not None:
            (first, why), self._gap = self._gap, None
            sequence, text = self.snapshot()
            return [encode(Gap(first, sequence, why)), text]
        texts, self._latest = list(self._latest.values()), {}
        return texts

    def _append(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)
        self._bytes += len(waiting.text)
        if len(self._waiting) > MESSAGES_WAITING_MAX or self._bytes > BYTES_WAITING_MAX:
            self.too_slow = True
