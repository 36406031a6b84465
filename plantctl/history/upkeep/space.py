"""How much room the disk of a record has left, how long it will last, and what is given up when it is short.

    enough       nothing
    short        the log is kept no longer than its newest files, which are sealed; then the oldest sealed files lose
                 their values, not their transitions
    events only  what the tags do is not recorded; transitions, commands and their answers are

A state is left again once there is a quarter more room than it begins with. A disk that others write to moves each
second, and nobody needs a row for that: the room is told again once it moved by a hundredth, how long it lasts once a
minute, and both at once where the state changed.
Rules of the file: pure, times are arguments.
"""

from collections import deque
from enum import IntEnum
from typing import Final

# Less than this, or this part of the disk where that is less, is short; a tenth of it is for events alone.
SHORT_BYTES: Final = 2_000_000_000
SHORT_SHARE: Final = 0.05
EVENTS_SHARE: Final = 0.1
LEAVE: Final = 1.25
# How fast the disk fills is seen over this time, and told up to that long before.
SEEN_NS: Final = 3_600_000_000_000
MARK_NS: Final = 60_000_000_000
LASTS_MAX_S: Final = 30 * 86_400.0
# The room that is told moves by so much of itself at least.
BAND: Final = 0.01


class Space(IntEnum):
    """How the disk is; what the point `log.space` says."""

    ENOUGH = 0
    SHORT = 1
    EVENTS_ONLY = 2


def space_points(free: int, lasts_s: float, state: int) -> dict[str, float]:
    """The points that tell of the disk; where nobody has looked yet (all 0) it is not called short."""
    unknown = not (free or lasts_s or state)
    return {
        "log.free": float(free),
        "log.lasts": LASTS_MAX_S if unknown else float(lasts_s),
        "log.space": float(state),
    }


class DiskSpace:
    """Follows the room of one disk. `free` are its free bytes, `lasts_s` how long they last, `told_free` and
    `told_lasts_s` what the points say of that; `wanted` is how many bytes more there should be, 0 for none.
    """

    def __init__(self) -> None:
        self.state = Space.ENOUGH
        self.free = 0
        self.wanted = 0
        self.lasts_s = LASTS_MAX_S
        self.told_free = 0
        self.told_lasts_s = LASTS_MAX_S
        self._marks: deque[tuple[int, int]] = deque()

    def points(self) -> dict[str, float]:
        """The points that tell of it."""
        return space_points(self.told_free, self.told_lasts_s, self.state)

    def look(self, free: int, total: int, mono_ns: int) -> Space:
        """Take note of the room at a moment; the state there is now."""
        short = min(SHORT_BYTES, round(SHORT_SHARE * total))
        events = round(EVENTS_SHARE * short)
        before = self.state
        if free < (events * LEAVE if self.state is Space.EVENTS_ONLY else events):
            self.state = Space.EVENTS_ONLY
        elif free < (short * LEAVE if self.state is not Space.ENOUGH else short):
            self.state = Space.SHORT
        else:
            self.state = Space.ENOUGH
        self.free = free
        self.wanted = 0 if self.state is Space.ENOUGH else max(0, round(short * LEAVE) - free)
        marked = self._mark(free, mono_ns)
        first_ns, first = self._marks[0]
        lost_a_second = (first - free) / max(1e-9, (mono_ns - first_ns) / 1e9)
        room = max(0, free - short)
        self.lasts_s = min(LASTS_MAX_S, room / lost_a_second) if lost_a_second > 0.0 else LASTS_MAX_S * (room > 0)
        changed = self.state is not before
        if changed or abs(free - self.told_free) >= BAND * self.told_free:
            self.told_free = free
        if changed or marked:
            self.told_lasts_s = self.lasts_s
        return self.state

    def _mark(self, free: int, mono_ns: int) -> bool:
        """Remember the room, once a minute; whether it was now."""
        marks = self._marks
        due = not marks or mono_ns - marks[-1][0] >= MARK_NS
        if due:
            marks.append((mono_ns, free))
        while len(marks) > 1 and mono_ns - marks[1][0] >= SEEN_NS:
            marks.popleft()
        return due
