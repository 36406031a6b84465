"""Whether what the scan writes reaches the disk in time, whatever keeps it away: a disk that fails, one that hangs, a
recorder that is dead or stands still.

While it is so, commands are answered as accepted but not durable; the point `log.failing` shows it, for an alarm to
hang on. Pure: times are arguments.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

# The recorder commits once a second, and a disk may take its time; a command's answer waits 2 s at most.
LATE_NS: Final = 3_000_000_000
_MARK_NS: Final = 250_000_000
_MARKS_MAX: Final = 64

# The columns of the recorder's segment that tell how far log and retained state are on disk.
DURABLE: Final = ("durable_sequence", "retained_sequence")


def secured(recorder: Mapping[str, Any]) -> int:
    """The newest frame that nothing can take away any more: it is in the log, and its state in the retained file.

    `recorder` are the columns of the recorder's segment.
    """
    return min(int(recorder[name][0]) for name in DURABLE)


class LogWatch:
    """Compares the newest frame with the newest one on disk, some times a second."""

    def __init__(self) -> None:
        self._durable = 0
        self._marks: deque[tuple[int, int]] = deque()

    def late(self, now_ns: int, newest: int, durable: int) -> bool:
        """Whether a frame that was the newest `LATE_NS` ago or earlier is still not on disk.

        `newest` and `durable` are sequences of frames. What was on disk once stays there: a recorder that is new and
        has not looked yet may say 0.
        """
        self._durable = max(self._durable, durable)
        while self._marks and self._marks[0][1] <= self._durable:
            self._marks.popleft()
        last_ns = self._marks[-1][0] if self._marks else now_ns - _MARK_NS
        if newest > self._durable and now_ns - last_ns >= _MARK_NS and len(self._marks) < _MARKS_MAX:
            self._marks.append((now_ns, newest))
        return bool(self._marks) and now_ns - self._marks[0][0] >= LATE_NS
