"""Whatever the numbers, a schedule's arithmetic and the timetable's promise hold."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from plantctl.core.schedule import SEPARATION_NS, DuplicateInstant, Schedule, Timetable

PERIODS = st.integers(1, 10**13)
INSTANTS = st.integers(-(10**18), 10**18)


@st.composite
def schedules(draw):
    period_ns = draw(PERIODS)
    return Schedule("s", period_ns, draw(st.integers(0, period_ns - 1)), draw(INSTANTS))


@given(schedules(), INSTANTS)
def test_the_next_instant_is_the_first_one_later_than_now(schedule, now_ns):
    due_ns = schedule.next_after(now_ns)
    index = schedule.index_at(due_ns)
    assert due_ns > now_ns
    assert schedule.due_ns(index) == due_ns
    assert index == 0 or schedule.due_ns(index - 1) <= now_ns


@given(schedules(), st.integers(0, 10**9))
def test_index_and_instant_are_inverse(schedule, index):
    assert schedule.index_at(schedule.due_ns(index)) == index
    assert schedule.index_at(schedule.due_ns(index) - 1) == index - 1


SMALL = st.integers(1, 25).map(lambda n: n * 500)


@given(st.lists(st.tuples(SMALL, st.integers(0, 10**6)), max_size=5))
def test_accepted_participants_never_meet_and_refused_ones_would_have(wishes):
    timetable = Timetable(0)
    accepted, refused = [], []
    for number, (period_ns, phase_ns) in enumerate(wishes):
        wish = (str(number), period_ns, phase_ns % period_ns)
        try:
            accepted.append(timetable.add(*wish))
        except DuplicateInstant as refusal:
            refused.append((Schedule(*wish), refusal.first))
    assert all(_closest(*pair) < SEPARATION_NS for pair in refused)
    for one in accepted:
        for other in accepted:
            assert one is other or _closest(one, other) >= SEPARATION_NS


def _closest(one, other):
    """The least distance over a whole common cycle, by looking at every instant."""
    cycle_ns = one.period_ns * other.period_ns
    theirs = [other.due_ns(k) for k in range(-1, cycle_ns // other.period_ns + 1)]
    mine = [one.due_ns(k) for k in range(cycle_ns // one.period_ns)]
    merged = sorted([(t, 0) for t in mine] + [(t, 1) for t in theirs])
    return min(b[0] - a[0] for a, b in pairwise(merged) if a[1] != b[1])


MILLISECONDS = st.integers(1, 200).map(lambda n: n * 1_000_000)


@given(MILLISECONDS, MILLISECONDS, st.integers(0, 10**9), st.integers(0, 10**9))
def test_periods_of_whole_milliseconds_always_have_a_free_phase(period_ns, other_ns, phase_ns, wanted_ns):
    timetable = Timetable(0)
    timetable.add("first", period_ns, phase_ns % period_ns)
    timetable.add("second", other_ns, timetable.free_phase_ns(other_ns, wanted_ns))
