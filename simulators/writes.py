"""What clients wrote to the simulated devices, and when: for whoever must know that nobody writes.

The newest writes are kept, refused and ignored ones too: that a device would not take a value excuses nobody who sent
it. Times are monotonic ns of the plant's clock, on which all processes of a machine agree.
"""

from collections import deque
from typing import Final, NamedTuple

KEPT: Final = 10_000


class Write(NamedTuple):
    """A value that reached `device` at `mono_ns`; `what` is a register's PDU address or a node's identifier."""

    mono_ns: int
    device: str
    what: str
    value: float


class Writes:
    """The newest writes of all devices, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Write] = deque(maxlen=KEPT)

    def note(self, mono_ns: int, device: str, what: str, value: float) -> None:
        """A client's value has reached a device."""
        self._kept.append(Write(mono_ns, device, what, value))

    def since(self, mono_ns: int) -> list[Write]:
        """Those at `mono_ns` or later."""
        return [write for write in self._kept if write.mono_ns >= mono_ns]
