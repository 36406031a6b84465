"""When things are due: a period, a phase, and the rule that no two participants share an instant.

Whoever acts periodically (the scan, each poll of a driver, the model step of a simulator) has a row in one timetable.
Its instants are `origin + phase + k * period` for k = 0, 1, 2 ...: absolute, so that a late action never shifts the
next one. Two participants due at the same instant would run in an order that nobody chose; the timetable refuses the
second one and says which phase is free. Pure arithmetic on integer nanoseconds; no clock is read here.
"""

from dataclasses import dataclass
from math import gcd
from typing import Final

from plantctl.core.errors import PlantctlError

# Closer than this counts as one instant: event loops hold their timers as floating-point seconds, which are coarser
# than a nanosecond after some weeks of uptime.
SEPARATION_NS: Final = 1_000

# The step in which a free phase is looked for: easy to read in a listing, and a hundred fit into 10 ms.
PHASE_STEP_NS: Final = 100_000

# Where the scan's instant lies in its period. Nobody else has one there: what others did up to then has settled.
SCAN_PHASE_NS: Final = 700_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """One participant's instants, `origin_ns + phase_ns + k * period_ns` for k >= 0, on the monotonic time line.

    `period_ns` > 0, 0 <= `phase_ns` < `period_ns`; anything else raises ValueError.
    """

    name: str
    period_ns: int
    phase_ns: int
    origin_ns: int = 0

    def __post_init__(self) -> None:
        if self.period_ns <= 0:
            raise ValueError(f"{self.name}: period {self.period_ns} ns must be above 0")
        if not 0 <= self.phase_ns < self.period_ns:
            raise ValueError(
                f"{self.name}: phase {self.phase_ns} ns must be within 0 and the period, {self.period_ns} ns"
            )

    def due_ns(self, index: int) -> int:
        """The instant of the slot `index` (ns, monotonic)."""
        return self.origin_ns + self.phase_ns + index * self.period_ns

    def index_at(self, now_ns: int) -> int:
        """The slot that began last, at or before `now_ns`; -1 or less before the first one."""
        return (now_ns - self.origin_ns - self.phase_ns) // self.period_ns

    def next_after(self, now_ns: int) -> int:
        """The first instant later than `now_ns` (ns, monotonic); never before slot 0."""
        return self.due_ns(max(0, self.index_at(now_ns) + 1))


class DuplicateInstant(PlantctlError):
    """Two participants would be due at one instant. `free_phase_ns` is a phase that is free, or None if none is."""

    def __init__(self, first: Schedule, second: Schedule, free_phase_ns: int | None) -> None:
        self.first = first
        self.second = second
        self.free_phase_ns = free_phase_ns
        remedy = "another period" if free_phase_ns is None else f"the phase {_milliseconds(free_phase_ns)}"
        super().__init__(
            f"{_describe(first)} and {_describe(second)} would be due at one instant, in an order left to chance; "
            f"give {second.name} {remedy}"
        )


class Timetable:
    """Everybody's schedules, in the order they were added. No two of them ever share an instant."""

    def __init__(self, origin_ns: int) -> None:
        self.origin_ns = origin_ns
        self._rows: dict[str, Schedule] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, name: str, period_ns: int, phase_ns: int) -> Schedule:
        """Enter a participant and return its schedule.

        Raises ValueError for a name that is taken or numbers out of range, DuplicateInstant where another participant
        is ever due less than a microsecond from one of these instants.
        """
        if name in self._rows:
            raise ValueError(f"{name} has a schedule already; release it first")
        schedule = Schedule(name, period_ns, phase_ns, self.origin_ns)
        other = self._meets(schedule)
        if other is not None:
            raise DuplicateInstant(other, schedule, self.free_phase_ns(period_ns, phase_ns))
        self._rows[name] = schedule
        return schedule

    def remove(self, name: str) -> None:
        """Strike a participant, so that its instants are free again; KeyError for an unknown name."""
        del self._rows[name]

    def free_phase_ns(self, period_ns: int, wanted_ns: int = 0) -> int | None:
        """The first phase nobody meets: `wanted_ns`, else later ones in steps of 0.1 ms, round the period once."""
        for step in range(max(1, period_ns // PHASE_STEP_NS)):
            phase_ns = (wanted_ns + step * PHASE_STEP_NS) % period_ns
            if self._meets(Schedule("", period_ns, phase_ns, self.origin_ns)) is None:
                return phase_ns
        return None

    def _meets(self, schedule: Schedule) -> Schedule | None:
        """The first row that ever comes closer than the separation: both meet where the phases agree modulo the gcd."""
        for other in self._rows.values():
            common_ns = gcd(schedule.period_ns, other.period_ns)
            apart_ns = (schedule.phase_ns - other.phase_ns) % common_ns
            if min(apart_ns, common_ns - apart_ns) < SEPARATION_NS:
                return other
        return None


def _milliseconds(duration_ns: int) -> str:
    return f"{duration_ns / 1e6:.10g} ms"


def _describe(schedule: Schedule) -> str:
    return f"{schedule.name} (every {_milliseconds(schedule.period_ns)}, phase {_milliseconds(schedule.phase_ns)})"
