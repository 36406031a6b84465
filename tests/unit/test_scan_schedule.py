"""When tasks are due and which dt their blocks get."""

import pytest

from plantctl.plan.plan import Task
from plantctl.scan.schedule import Schedule, turns

MS = 1_000_000
FAST, SLOW = Task("protect", 100 * MS, 1), Task("control", 1000 * MS, 10)


def begin_all(schedule, scans):
    return [schedule.begin(number, sample_ns) for number, sample_ns in scans]


def test_a_slow_task_is_due_at_its_phase_only():
    schedule = Schedule([FAST, Task("control", 500 * MS, 5, 2)], 100 * MS)
    due = [number for number in range(15) if schedule.begin(number, number * 100 * MS)[1] > 0.0]
    assert due == [2, 7, 12]


def test_jitter_within_tolerance_gives_the_nominal_period():
    schedule = Schedule([FAST], 100 * MS)
    assert begin_all(schedule, [(0, 0), (1, 119 * MS), (2, 201 * MS)]) == [[0.1], [0.1], [0.1]]


def test_after_a_miss_dt_is_the_difference_of_the_sample_times():
    schedule = Schedule([FAST], 100 * MS)
    begin_all(schedule, [(0, 0), (1, 100 * MS)])
    assert schedule.begin(5, 507 * MS) == [0.407]
    assert schedule.overruns == 3
    assert schedule.task_overruns == [3]


def test_a_slow_task_whose_turn_was_missed_is_stepped_at_the_next_scan_there_is():
    schedule = Schedule([FAST, SLOW], 100 * MS)
    begin_all(schedule, [(number, number * 100 * MS) for number in range(9)])
    assert schedule.begin(13, 1300 * MS) == [pytest.approx(0.5), 1.3]
    assert schedule.task_overruns == [4, 0]
    assert [schedule.begin(n, n * 100 * MS)[1] > 0.0 for n in range(14, 21)] == [False] * 6 + [True]


def test_late_scans_are_counted_in_a_row_and_forgotten_by_a_punctual_one():
    schedule = Schedule([FAST], 100 * MS)
    begin_all(schedule, [(0, 0), (2, 200 * MS), (4, 400 * MS), (6, 600 * MS)])
    assert schedule.late_in_a_row == 3
    schedule.begin(7, 700 * MS)
    assert schedule.late_in_a_row == 0
    assert schedule.overruns == 3


def test_time_that_runs_backwards_gives_no_step():
    schedule = Schedule([FAST], 100 * MS)
    begin_all(schedule, [(0, 1000 * MS)])
    assert schedule.begin(1, 900 * MS) == [0.0]


@pytest.mark.parametrize(
    ("last", "number", "catch_up", "run"),
    [
        (-1, 7, 3, [7]),
        (4, 5, 3, [5]),
        (4, 7, 0, [7]),
        (4, 7, 3, [5, 6, 7]),
        (4, 20, 3, [17, 18, 19, 20]),
    ],
    ids=["first scan", "in time", "skipped", "caught up", "too many missed"],
)
def test_missed_scans_are_skipped_or_the_newest_of_them_made_up(last, number, catch_up, run):
    assert list(turns(last, number, catch_up)) == run


def test_scans_made_up_share_the_time_that_passed():
    schedule = Schedule([FAST], 100 * MS)
    begin_all(schedule, [(0, 0), (1, 100 * MS)])
    made_up = begin_all(schedule, [(2, 407 * MS), (3, 408 * MS), (4, 409 * MS), (5, 500 * MS)])
    assert sum(dt for (dt,) in made_up) == pytest.approx(0.4, abs=0.02)
    assert schedule.overruns == 0
