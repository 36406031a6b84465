"""Watches UTC against the monotonic clock, so that nobody mistakes a step of the machine's time for the plant's.

Control runs on monotonic time, which never steps; UTC is for people, devices and the log. Where the two drift apart by
more than a time service corrects smoothly, UTC was set: that is told once, and times around it are doubtful for a
while. Pure; to be asked once a second.
"""

from typing import Final, NamedTuple

# Above what a time service slews away within a second, below what a person would call the same time.
STEP_NS: Final = 100_000_000
DOUBT_NS: Final = 60_000_000_000


class TimeVerdict(NamedTuple):
    """`step_ns`: how far UTC was set since the last look (0: it was not). `certain`: synchronised, no step lately."""

    step_ns: int
    certain: bool


class TimeWatch:
    """Compares one look with the last. The first look only takes the measure."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._stepped_ns: int | None = None

    def look(self, mono_ns: int, utc_ns: int, locked: bool) -> TimeVerdict:
        """What became of UTC since the last look; `locked` tells that it follows a reference."""
        offset_ns = utc_ns - mono_ns
        last_ns, self._offset_ns = self._offset_ns, offset_ns
        step_ns = 0 if last_ns is None else offset_ns - last_ns
        if abs(step_ns) < STEP_NS:
            step_ns = 0
        else:
            self._stepped_ns = mono_ns
        doubtful = self._stepped_ns is not None and mono_ns - self._stepped_ns < DOUBT_NS
        return TimeVerdict(step_ns, locked and not doubtful)
