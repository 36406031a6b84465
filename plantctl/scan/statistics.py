"""The executive's own points: how long scans take, how late they begin, what was missed, and what time it is.

They are inputs as far as a replay goes, so they are set at the start of a scan, before the latch: once a second, but
for what can trip. Times are arguments.
"""

from typing import Final

import numpy as np

from plantctl.core.event import CLOCK, CLOCK_WORDS, Event, EventKind
from plantctl.core.quality import Reason, uncertain_because
from plantctl.plan.plan import HISTORY_REMOVED, LOG_SPACE, OVERRUN_TRIP
from plantctl.scan.executive import Executive
from plantctl.scan.load_histogram import BUCKETS, I8, LoadHistogram, quantile_us
from plantctl.scan.schedule import Schedule
from plantctl.scan.time_watch import TimeWatch

PERIOD_NS: Final = 1_000_000_000
UNSYNCHRONISED: Final = uncertain_because(Reason.CLOCK)
DAMAGED: Final = "scan.damaged_messages"
# By the state of the disk, as `history.upkeep.space.Space` counts them.
SPACE_WORDS: Final = (
    "the disk of the record has room again",
    "the disk of the record is short: the log is kept shorter, then old values go; transitions stay",
    "the disk of the record is nearly full: only transitions are recorded, no values",
)


class Statistics:
    """Keeps the figures of one executive. `lateness` and `execution` are where scans are counted (`BUCKETS` each)."""

    def __init__(
        self, executive: Executive, schedule: Schedule, lateness: I8 | None = None, execution: I8 | None = None
    ) -> None:
        self._executive = executive
        self._schedule = schedule
        self.lateness = LoadHistogram(np.zeros(BUCKETS, np.int64) if lateness is None else lateness)
        self.execution = LoadHistogram(np.zeros(BUCKETS, np.int64) if execution is None else execution)
        self._worst_lateness_us = self._worst_execution_us = 0.0
        self._watch = TimeWatch()
        self._steps = self._damaged = 0
        self._removed: int | None = None
        self._space = 0
        self._certain: bool | None = None
        self._told_ns: int | None = None
        after = executive.plan.overrun_trip_after
        self._trip_after = after if after > 0 else 1 << 62

    def due(self, now_ns: int) -> bool:
        """Whether the figures of the last second are to be told: the caller then has what `tell` asks for."""
        return self._told_ns is None or now_ns - self._told_ns >= PERIOD_NS

    def watch_overruns(self) -> None:
        """Every scan: whether too many came late in a row."""
        late = self._schedule.late_in_a_row >= self._trip_after
        self._executive.set_statistics({OVERRUN_TRIP: float(late)})

    def count(self, lateness_ns: int, execution_ns: int) -> None:
        """Count one scan."""
        self.lateness.add(lateness_ns)
        self.execution.add(execution_ns)

    def tell(
        self,
        scan: int,
        now_ns: int,
        utc_ns: int,
        *,
        locked: bool,
        offset_ns: int,
        log: dict[str, float],
        damaged: int = 0,
    ) -> None:
        """Set every point. `locked` and `offset_ns` are the time service's; `log` are the log's points by name;
        `damaged` counts what other processes said and could not be read.
        """
        self._told_ns = now_ns
        schedule, executive = self._schedule, self._executive
        execution_us, lateness_us = self.execution.take_worst_us(), self.lateness.take_worst_us()
        self._worst_execution_us = max(self._worst_execution_us, execution_us)
        self._worst_lateness_us = max(self._worst_lateness_us, lateness_us)
        values = {
            "scan.execution_us": execution_us,
            "scan.execution_p50_us": quantile_us(self.execution.counts, 0.5),
            "scan.execution_p99_us": quantile_us(self.execution.counts, 0.99),
            "scan.execution_max_us": self._worst_execution_us,
            "scan.lateness_us": lateness_us,
            "scan.lateness_p50_us": quantile_us(self.lateness.counts, 0.5),
            "scan.lateness_p99_us": quantile_us(self.lateness.counts, 0.99),
            "scan.lateness_max_us": self._worst_lateness_us,
            "scan.overruns": float(schedule.overruns),
            "scan.lost_events": float(executive.transitions.lost),
            "scan.non_finite": float(executive.stepper.ring[0, 1]),
            "clock.offset_us": offset_ns / 1e3,
            DAMAGED: float(damaged),
            **log,
        }
        for task, missed in zip(schedule.tasks, schedule.task_overruns, strict=True):
            values[f"scan.{task.name}_overruns"] = float(missed)
        if damaged != self._damaged:
            what = "what another process said cannot be read and was passed over"
            self._note(scan, now_ns, utc_ns, EventKind.WATCHED, DAMAGED, self._damaged, damaged, what)
            self._damaged = damaged
        self._look_at_clock(scan, now_ns, utc_ns, locked)
        self._look_at_history(scan, now_ns, utc_ns, int(log.get(HISTORY_REMOVED, 0.0)))
        self._look_at_space(scan, now_ns, utc_ns, int(log.get(LOG_SPACE, 0.0)))
        values["clock.steps"] = float(self._steps)
        executive.set_statistics(values)
        executive.set_statistics({CLOCK: float(bool(self._certain))}, self._clock_quality())
        executive.tell_time(offset_ns, locked=bool(self._certain))

    def _look_at_history(self, scan: int, now_ns: int, utc_ns: int, removed: int) -> None:
        """Notes that history went; the count begins again with every recorder."""
        if self._removed is not None and removed > self._removed:
            what = f"removed {removed - self._removed} of the oldest files of the history, more than the plant keeps"
            self._note(scan, now_ns, utc_ns, EventKind.WATCHED, HISTORY_REMOVED, self._removed, removed, what)
        self._removed = removed

    def _look_at_space(self, scan: int, now_ns: int, utc_ns: int, space: int) -> None:
        """Notes that the disk of the record is short, or has room again."""
        if space != self._space:
            self._note(scan, now_ns, utc_ns, EventKind.WATCHED, LOG_SPACE, self._space, space, SPACE_WORDS[space])
        self._space = space

    def _clock_quality(self) -> int:
        return 0 if self._certain else UNSYNCHRONISED

    def _look_at_clock(self, scan: int, now_ns: int, utc_ns: int, locked: bool) -> None:
        verdict = self._watch.look(now_ns, utc_ns, locked)
        if verdict.step_ns:
            self._steps += 1
            what = f"UTC was set {'forward' if verdict.step_ns > 0 else 'back'} by {abs(verdict.step_ns) / 1e9:.3f} s"
            self._note(scan, now_ns, utc_ns, EventKind.WATCHED, "clock.steps", self._steps - 1, self._steps, what)
        if self._certain is not None and verdict.certain is not self._certain:
            why = "" if verdict.certain else "UTC was set" if locked else "UTC follows no reference"
            old, new = int(self._certain), int(verdict.certain)
            self._note(scan, now_ns, utc_ns, EventKind.QUALITY, CLOCK, old, new, why, CLOCK_WORDS)
        self._certain = verdict.certain

    def _note(
        self,
        scan: int,
        now_ns: int,
        utc_ns: int,
        kind: EventKind,
        target: str,
        old: int,
        new: int,
        reason: str,
        words: tuple[str, ...] = (),
    ) -> None:
        self._executive.note(Event(kind, scan, now_ns, utc_ns, target, old, new, words, reason=reason))
