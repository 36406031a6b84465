"""When a dead process is started again: at once, later and later, and when it is enough."""

import pytest

from plantctl.app.split.restart_policy import SECOND_NS, RestartLimits, RestartPolicy


def waits_s(policy, at_s):
    """How long each of the deaths at these times is waited for; None where the plant is to end."""
    found = []
    for now_s in at_s:
        again_ns = policy.died(now_s * SECOND_NS)
        found.append(None if again_ns is None else (again_ns - now_s * SECOND_NS) / SECOND_NS)
    return found


def test_the_first_death_is_answered_at_once_the_next_ones_later_and_later():
    # One every 20 s: never more than five within a minute, never well for a minute.
    assert waits_s(RestartPolicy(True), range(1000, 1260, 20)) == [
        *(0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6),
        *(30.0, 30.0, 30.0),
    ]


def test_a_process_that_dies_for_years_is_still_waited_for_half_a_minute():
    policy = RestartPolicy(True)
    assert set(waits_s(policy, range(0, 2_000_000, 100))[20:]) == {30.0}


def test_the_sixth_death_within_a_minute_ends_a_plant_that_needs_the_process():
    policy = RestartPolicy(essential=True)
    assert waits_s(policy, [100, 111, 122, 133, 144, 155])[-2:] == [0.8, None]
    assert policy.gave_up


def test_five_deaths_in_a_minute_are_borne_however_many_came_before():
    policy = RestartPolicy(essential=True)
    assert None not in waits_s(policy, range(0, 600, 12))
    assert not policy.gave_up
    assert waits_s(policy, [600, 601])[-1] is None


def test_a_process_the_plant_can_do_without_rests_and_is_tried_again():
    policy = RestartPolicy(essential=False)
    assert waits_s(policy, [1, 2, 3, 4, 5, 6]) == [0.0, 0.1, 0.2, 0.4, 0.8, 30.0]
    assert policy.gave_up
    # It dies again when it is tried: one more rest, not another round of tries.
    assert waits_s(policy, [36]) == [30.0]


def test_a_minute_of_health_forgives_all():
    policy = RestartPolicy(essential=False)
    waits_s(policy, [1, 2, 3, 4, 5, 6])
    policy.ran(36 * SECOND_NS, 95 * SECOND_NS)
    assert policy.gave_up
    policy.ran(36 * SECOND_NS, 96 * SECOND_NS)
    assert not policy.gave_up
    assert waits_s(policy, [97, 98, 99, 100, 101]) == [0.0, 0.1, 0.2, 0.4, 0.8]


@pytest.mark.parametrize("deaths", [1, 3])
def test_the_limits_are_the_callers(deaths):
    limits = RestartLimits(deaths=deaths, window_ns=10, first_ns=2, longest_ns=3, rest_ns=7)
    policy = RestartPolicy(False, limits)
    assert [policy.died(0) for _ in range(deaths)] == [0, 2, 3][:deaths]
    assert policy.died(0) == 7
