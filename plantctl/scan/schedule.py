"""When tasks are due, and which `dt` their blocks get. Pure: scan numbers and sample times in, `dt` out.

The blocks' `dt` is the nominal period as long as the scan is within tolerance of it, since blocks integrate over
sample time and not over the jitter of calls. After a miss it is the difference of the sample times. Missed turns are
counted. Where the plant asks to catch up, a few of them are made up one after the other; their `dt` is then the time
that really passed between them, so that nothing is integrated twice.
Reference: architecture of the product, time; ros2_control's issues on catch-up bursts.
"""

from collections.abc import Sequence

from plantctl.plan.plan import Task

# Share of the period by which a sample may be off before its own time is used.
TOLERANCE = 0.2


def turns(last: int, number: int, catch_up: int) -> range:
    """The scans to run now, at the turn of `number`, where `last` was the last one run (-1: none).

    `number` itself, and before it the newest of those that were missed, at most `catch_up`.
    """
    return range(max(last + 1, number - catch_up), number + 1) if last >= 0 else range(number, number + 1)


class Schedule:
    """The tasks of a plan against sample times.

    `overruns` counts missed scans, `task_overruns` missed turns of each task, `late_in_a_row` scans that came after a
    miss, one directly after the other.
    """

    def __init__(self, tasks: Sequence[Task], period_ns: int) -> None:
        self.tasks = tuple(tasks)
        self.period_ns = period_ns
        self.overruns = 0
        self.late_in_a_row = 0
        self.task_overruns = [0] * len(self.tasks)
        self._last_ns: list[int | None] = [None] * len(self.tasks)
        self._last_number: list[int | None] = [None] * len(self.tasks)
        self._last_scan = -1

    def begin(self, number: int, sample_ns: int) -> list[float]:
        """The `dt` in s of each task in scan `number`, sampled at `sample_ns`; 0 for a task that is not due.

        Numbers rise; a gap is missed scans. A task whose turn fell into a gap is stepped at the next scan there is, so
        that a slow task does not lose a whole period to one late scan.
        """
        missed = number - self._last_scan - 1
        self.overruns += missed
        self.late_in_a_row = self.late_in_a_row + 1 if missed else 0
        self._last_scan = number
        # Where no scan was missed, a task between two of its turns has nothing to catch up.
        return [
            0.0 if not missed and (number - task.phase) % task.every else self._task_dt(i, task, number, sample_ns)
            for i, task in enumerate(self.tasks)
        ]

    def _task_dt(self, i: int, task: Task, number: int, sample_ns: int) -> float:
        last_number, last_ns = self._last_number[i], self._last_ns[i]
        turn = number - (number - task.phase) % task.every
        if turn < 0 or (last_number is not None and turn <= last_number - (last_number - task.phase) % task.every):
            return 0.0
        self._last_number[i], self._last_ns[i] = number, sample_ns
        period_ns = task.period_ns
        if last_ns is None or last_number is None:
            return period_ns / 1e9
        turns = (turn - (last_number - (last_number - task.phase) % task.every)) // task.every
        self.task_overruns[i] += turns - 1
        elapsed_ns = sample_ns - last_ns
        if turns == 1 and abs(elapsed_ns - period_ns) <= TOLERANCE * period_ns:
            return period_ns / 1e9
        return max(elapsed_ns, 0) / 1e9
