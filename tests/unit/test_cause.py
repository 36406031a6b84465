"""The cause: three clocks, arming, the clear condition, first-out."""

import math

import pytest

from plantctl.core.quality import BAD
from tests.row_bench import Bench


def cause(**parameters):
    bench = Bench("cause", **parameters)
    for name in ("when", "arm", "clear", "held"):
        bench[name] = 0.0
    bench.step()
    return bench


def steps(bench, count, **inputs):
    """`count` steps of 0.1 s; the number of the first one with a trip, from 0, or None."""
    for name, value in inputs.items():
        bench[name] = value
    first = None
    for k in range(count):
        bench.step(0.1)
        if bench["tripped"] and first is None:
            first = k
    return first


@pytest.mark.parametrize(("delay", "at"), [(0.0, 0), (0.1, 1), (0.3, 3), (1.5, 15), (0.25, 3)])
def test_it_trips_when_the_demand_has_stood_for_the_delay(delay, at):
    assert steps(cause(delay=delay), 20, when=1.0) == at


def test_a_flicker_starts_the_delay_anew():
    bench = cause(delay=0.5)
    assert steps(bench, 5, when=1.0) is None
    steps(bench, 1, when=0.0)
    assert steps(bench, 10, when=1.0) == 5


def test_the_demand_counts_only_while_armed():
    bench = cause(has_arm=True)
    assert steps(bench, 5, when=1.0) is None
    assert bench["demand"] == 0
    assert steps(bench, 5, arm=1.0) == 0


def test_arming_that_cannot_be_known_counts_as_armed():
    assert steps(cause(has_arm=True), 5, when=1.0, arm=(0.0, BAD)) == 0


def test_a_trip_stays_although_what_armed_it_is_gone():
    bench = cause(has_arm=True)
    steps(bench, 1, when=1.0, arm=1.0)
    assert steps(bench, 50, arm=0.0) == 0
    assert bench["tripped"] == 1


@pytest.mark.parametrize(("trip_after", "at"), [(0.0, 0), (0.5, 5), (10.0, 100)])
@pytest.mark.parametrize("value", [(0.0, BAD), (math.nan, 0), (math.inf, 0), (1e30, 0)])
def test_a_condition_that_cannot_be_known_trips_after_its_time(trip_after, at, value):
    assert steps(cause(trip_after=trip_after), 110, when=value) == at


def test_a_condition_that_cannot_be_known_does_not_trip_unarmed():
    bench = cause(has_arm=True, trip_after=0.5)
    assert steps(bench, 20, when=(0.0, BAD)) is None
    assert steps(bench, 20, arm=1.0) == 5


def test_it_tells_that_its_input_is_bad():
    bench = cause(trip_after=5.0)
    steps(bench, 1, when=(0.0, BAD))
    assert ("bad_input", 0, 1) in bench.events()


def test_a_value_that_flickers_between_bad_and_true_trips_at_last():
    """Neither clock may be starved by the other: the sum of both delays is the longest it can take."""
    bench = cause(delay=1.0, trip_after=2.0)
    for k in range(31):
        bench["when"] = (1.0, BAD if k % 2 else 0)
        bench.step(0.1)
        if bench["tripped"]:
            break
    assert 10 <= k <= 30
    assert bench["tripped"] == 1


def test_only_good_and_false_starts_both_clocks_anew():
    bench = cause(delay=0.5, trip_after=0.5)
    steps(bench, 4, when=1.0)
    steps(bench, 4, when=(1.0, BAD))
    steps(bench, 1, when=0.0)
    assert steps(bench, 10, when=1.0) == 5


def test_it_clears_when_the_condition_is_good_and_false_where_nothing_else_is_said():
    bench = cause()
    steps(bench, 1, when=1.0)
    steps(bench, 5, when=(0.0, BAD))
    assert bench["tripped"] == 1
    steps(bench, 1, when=0.0)
    assert bench["tripped"] == 0


def test_it_clears_only_when_clear_has_been_true_for_its_time():
    bench = cause(has_clear=True, clear_for=0.5)
    steps(bench, 1, when=1.0)
    steps(bench, 10, when=0.0)
    assert bench["tripped"] == 1
    steps(bench, 5, clear=1.0)
    assert bench["tripped"] == 1
    steps(bench, 1)
    assert bench["tripped"] == 0


@pytest.mark.parametrize("between", [(0.0, 0), (1.0, BAD)])
def test_a_clear_that_goes_away_or_bad_starts_anew(between):
    bench = cause(has_clear=True, clear_for=0.5)
    steps(bench, 1, when=1.0)
    steps(bench, 5, when=0.0, clear=1.0)
    steps(bench, 1, clear=between)
    steps(bench, 5, clear=1.0)
    assert bench["tripped"] == 1
    steps(bench, 1)
    assert bench["tripped"] == 0


def test_a_new_demand_keeps_the_trip_before_its_delay_is_over():
    bench = cause(has_clear=True, delay=5.0)
    bench.memory.rows["tripped"] = 1
    steps(bench, 3, when=1.0, clear=1.0)
    assert bench["tripped"] == 1


def test_first_out_is_for_the_cause_that_found_its_effects_free():
    bench = cause(has_held=True)
    steps(bench, 1, when=1.0)
    assert bench["first_out"] == 1
    late = cause(has_held=True)
    steps(late, 1, held=1.0)
    steps(late, 1, when=1.0)
    assert late["first_out"] == 0


def test_first_out_is_frozen_until_the_effects_are_released_although_the_cause_comes_again():
    bench = cause(has_held=True)
    steps(bench, 1, when=1.0)
    steps(bench, 2, held=1.0)
    steps(bench, 2, when=0.0)
    assert (bench["tripped"], bench["first_out"]) == (0, 1)
    steps(bench, 2, when=1.0)
    assert (bench["tripped"], bench["first_out"]) == (1, 1)
    steps(bench, 2, when=0.0)
    steps(bench, 1, held=0.0)
    assert bench["first_out"] == 0


def test_effects_that_cannot_be_known_are_not_free():
    bench = cause(has_held=True)
    steps(bench, 1, held=(0.0, BAD), when=1.0)
    assert (bench["tripped"], bench["first_out"]) == (1, 0)


def test_a_condition_that_was_never_there_trips_after_its_time():
    bench = Bench("cause", trip_after=0.3)
    for _ in range(3):
        bench.step(0.1)
    assert bench["tripped"] == 0
    bench.step(0.1)
    assert bench["tripped"] == 1
