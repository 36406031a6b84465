"""The timetable: instants are absolute, and nobody shares one."""

import pytest

from plantctl.core.schedule import DuplicateInstant, Schedule, Timetable

MS = 1_000_000


def test_instants_are_counted_from_the_origin():
    scan = Schedule("scan", 100 * MS, 700_000, origin_ns=5_000 * MS)
    assert [scan.due_ns(k) for k in (0, 1, 10)] == [5_000_700_000, 5_100_700_000, 6_000_700_000]


def test_next_instant_is_later_than_now_even_on_the_instant_itself():
    scan = Schedule("scan", 100 * MS, 700_000)
    assert scan.next_after(0) == 700_000
    assert scan.next_after(699_999) == 700_000
    assert scan.next_after(700_000) == 100_700_000


def test_before_the_origin_the_next_instant_is_the_first():
    scan = Schedule("scan", 100 * MS, 0, origin_ns=1_000 * MS)
    assert scan.next_after(-5_000 * MS) == 1_000 * MS
    assert scan.index_at(999 * MS) == -1


@pytest.mark.parametrize(("period_ns", "phase_ns"), [(0, 0), (-1, 0), (10, 10), (10, -1)])
def test_period_and_phase_out_of_range_are_refused(period_ns, phase_ns):
    with pytest.raises(ValueError, match="scan"):
        Schedule("scan", period_ns, phase_ns)


def test_two_participants_of_one_phase_are_refused_by_name_with_a_phase_that_works():
    timetable = Timetable(0)
    timetable.add("scan", 100 * MS, 700_000)
    with pytest.raises(DuplicateInstant) as refusal:
        timetable.add("RECT-01 currents", 200 * MS, 700_000)
    error = refusal.value
    assert "scan (every 100 ms, phase 0.7 ms)" in str(error)
    assert "RECT-01 currents (every 200 ms, phase 0.7 ms)" in str(error)
    assert "give RECT-01 currents the phase 0.8 ms" in str(error)
    timetable.add("RECT-01 currents", 200 * MS, error.free_phase_ns)


def test_participants_that_meet_only_every_six_periods_are_refused():
    timetable = Timetable(0)
    timetable.add("slow", 300 * MS, 100 * MS)  # 100, 400, 700, 1000 ...
    with pytest.raises(DuplicateInstant):
        timetable.add("other", 200 * MS, 0)  # ... 1000


def test_less_than_a_microsecond_apart_is_one_instant():
    timetable = Timetable(0)
    timetable.add("scan", 100 * MS, 0)
    with pytest.raises(DuplicateInstant):
        timetable.add("late by a little", 100 * MS, 999)
    with pytest.raises(DuplicateInstant):
        timetable.add("early by a little", 100 * MS, 100 * MS - 999)
    timetable.add("late enough", 100 * MS, 1_000)


def test_with_coprime_periods_no_phase_is_free_and_the_remedy_is_another_period():
    timetable = Timetable(0)
    timetable.add("scan", 100 * MS, 0)
    with pytest.raises(DuplicateInstant, match="give odd another period") as refusal:
        timetable.add("odd", 100 * MS + 1, 0)
    assert refusal.value.free_phase_ns is None


def test_a_name_has_one_schedule_until_it_is_released():
    timetable = Timetable(0)
    timetable.add("scan", 100 * MS, 0)
    with pytest.raises(ValueError, match="scan has a schedule already"):
        timetable.add("scan", 100 * MS, 5)
    timetable.remove("scan")
    timetable.add("again", 100 * MS, 0)
    with pytest.raises(KeyError):
        timetable.remove("scan")
