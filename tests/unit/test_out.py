"""The arbiter: who has the output, limits and rates, what is told to the loop, what a release does."""

import math

import pytest

from plantctl.blocks.out import BY_HAND, BY_HOLD, BY_LOOP, BY_SEQUENCE, BY_TRIP, NOBODY
from plantctl.core.block import HELD, HIGH, INIT, LOW, NONE, SUBSTITUTED
from plantctl.core.quality import BAD, NOT_YET, SEVERITY_MASK
from tests.row_bench import Bench


def output(forces=(), **parameters):
    """An output in 0..100 with effects that force the values of `forces`, none of them tripped."""
    bench = Bench("out", n_force=len(forces), **{"low": 0.0, "high": 100.0, **parameters})
    for k, value in enumerate(forces):
        bench.memory.rows["force_value"][:, k] = value
        bench["force", k] = 0.0
    return bench


def by_hand(bench, value):
    bench.write("manual", value)
    bench.write("manual_set", 1)


def test_before_anybody_asked_nothing_is_to_be_written():
    for bench in (output(), output(has_auto=True), output(has_sequence=True)):
        bench.scan()
        assert bench.quality("y") == NOT_YET
        assert math.isnan(bench["y"])


def test_an_initial_value_is_written_at_once():
    bench = output(has_initial=True, initial=7.0)
    bench.scan()
    assert (bench["y"], bench.quality("y"), bench["source"]) == (7.0, 0, NOBODY)


@pytest.mark.parametrize("trip", [False, True])
@pytest.mark.parametrize("sequence", [False, True])
@pytest.mark.parametrize("hand", [False, True])
def test_trip_goes_before_sequence_before_hand(trip, sequence, hand):
    bench = output((3.0,), has_sequence=True)
    if trip:
        bench["force", 0] = 1.0
    if sequence:
        bench["sequence"] = 20.0
    if hand:
        by_hand(bench, 10.0)
    bench.scan()
    expected = (3.0, BY_TRIP) if trip else (20.0, BY_SEQUENCE) if sequence else (10.0, BY_HAND) if hand else None
    if expected is None:
        assert bench.quality("y") == NOT_YET
    else:
        assert (bench["y"], bench["source"]) == expected


def test_a_loop_goes_before_a_hand_and_after_a_sequence():
    bench = output(has_auto=True, has_sequence=True)
    by_hand(bench, 10.0)
    bench["auto"] = 5.0
    bench.scan()
    assert (bench["y"], bench["source"]) == (5.0, BY_LOOP)
    bench["sequence"] = 20.0
    bench.scan()
    assert (bench["y"], bench["source"]) == (20.0, BY_SEQUENCE)


@pytest.mark.parametrize(
    ("tripped", "value"), [((0, 0, 1), 3.0), ((0, 1, 1), 2.0), ((1, 1, 1), 1.0), ((0, (0.0, BAD), 1), 2.0)]
)
def test_between_trips_the_first_in_rank_decides(tripped, value):
    bench = output((1.0, 2.0, 3.0))
    for k, state in enumerate(tripped):
        bench["force", k] = state
    bench.scan()
    assert bench["y"] == value


def test_a_trip_is_written_as_it_is_without_limits_and_rates():
    bench = output((-5.0,), rate_down=0.1)
    by_hand(bench, 50.0)
    bench.scan()
    bench["force", 0] = 1.0
    bench.scan()
    assert bench["y"] == -5.0


@pytest.mark.parametrize("moved", [False, True])
def test_the_release_of_a_trip_starts_nothing(moved):
    """What a person asked for before is void: the output stays where the trip put it, also outside its limits."""
    bench = output((0.0,), low=10.0)
    by_hand(bench, 50.0)
    bench.scan()
    bench["force", 0] = 1.0
    bench.scan()
    if moved:
        by_hand(bench, 80.0)  # refused by the gate; if it were not, the trip would void it all the same
        bench.scan()
    bench["force", 0] = 0.0
    for _ in range(3):
        bench.scan()
        assert (bench["y"], bench["source"], bench["manual_set"]) == (0.0, NOBODY, 0)
    by_hand(bench, 60.0)
    bench.scan()
    assert bench["y"] == 60.0


def test_after_a_sequence_the_output_stays_where_it_was_left():
    bench = output(has_sequence=True)
    by_hand(bench, 10.0)
    bench.scan()
    bench["sequence"] = 70.0
    bench.scan()
    bench.bad("sequence")
    bench.scan()
    assert (bench["y"], bench["source"]) == (70.0, BY_HAND)


@pytest.mark.parametrize(("asked", "used", "limits"), [(50.0, 50.0, NONE), (120.0, 100.0, HIGH), (-1.0, 0.0, LOW)])
def test_limits_are_told_only_where_the_request_was_changed(asked, used, limits):
    bench = output(has_auto=True)
    bench["auto"] = asked
    bench.scan()
    bench.back()
    assert (bench["y"], bench["limits"]) == (used, limits)
    assert bench.answer("auto") == (used, limits)


@pytest.mark.parametrize("at", [0.0, 100.0])
def test_a_request_at_the_limit_is_not_limited(at):
    bench = output(has_auto=True)
    bench["auto"] = at
    bench.scan()
    bench.back()
    assert bench.answer("auto") == (at, NONE)


def test_rates_hold_a_request_back_and_say_which_way():
    bench = output(has_auto=True, rate_up=10.0, rate_down=20.0)
    bench["auto"] = 50.0
    bench.scan()
    assert bench["y"] == 50.0, "where it stood before is not known: the first request is taken as it is"
    bench["auto"] = 100.0
    bench.scan(0.5)
    assert (bench["y"], bench["limits"]) == (55.0, HIGH)
    bench["auto"] = 0.0
    bench.scan(0.5)
    assert (bench["y"], bench["limits"]) == (45.0, LOW)


@pytest.mark.parametrize("request_", [(math.nan, 0), (math.inf, 0), (5.0, BAD), (1e30, 0)])
def test_a_bad_request_holds_the_last_value(request_):
    bench = output(has_auto=True)
    bench["auto"] = request_
    bench.scan()
    assert bench.quality("y") & SEVERITY_MASK == BAD
    bench["auto"] = 40.0
    bench.scan()
    bench["auto"] = request_
    bench.scan()
    assert (bench["y"], bench.quality("y")) == (40.0, HELD)


def test_while_somebody_else_has_it_the_loop_is_asked_to_follow():
    bench = output((0.0,), has_auto=True, has_sequence=True)
    bench["auto"] = 40.0
    bench.scan()
    bench["force", 0] = 1.0
    bench.back()
    assert bench.answer("auto") == (0.0, INIT)
    bench["force", 0] = 0.0
    bench["sequence"] = 300.0
    bench.back()
    assert bench.answer("auto") == (100.0, INIT)


def released(**parameters):
    """An output just released from a trip to 0 while its loop still asks for 40."""
    bench = output((0.0,), has_auto=True, **parameters)
    bench["auto"] = 40.0
    bench.scan()
    bench["force", 0] = 1.0
    bench.scan()
    bench["force", 0] = 0.0
    bench.scan()
    return bench


def test_after_a_release_the_output_waits_for_the_loop_to_come_to_it():
    """The loop may run in a slower task: until its turn comes its request is older than the trip."""
    bench = released()
    for _ in range(20):
        bench.scan()
        assert (bench["y"], bench.quality("y"), bench["source"]) == (0.0, 0, BY_LOOP)
        assert bench.answer("auto") == (0.0, INIT)
    bench["auto"] = (0.0, BAD)
    bench.scan()
    assert (bench["y"], bench.quality("y")) == (0.0, HELD)
    bench["auto"] = 0.0
    bench.scan()
    assert bench.answer("auto") == (0.0, NONE)
    bench["auto"] = 1.5
    bench.scan()
    assert bench["y"] == 1.5


def test_a_request_that_follows_no_answer_is_not_waited_for():
    bench = released(auto_tracks=False)
    assert bench["y"] == 40.0


def test_a_loop_starts_from_the_initial_value():
    bench = output(has_auto=True, has_initial=True, initial=30.0)
    bench["auto"] = 0.0
    bench.scan()
    assert bench["y"] == 30.0
    bench.back()
    assert bench.answer("auto") == (30.0, INIT)
    bench["auto"] = 30.0
    bench.scan()
    assert bench.answer("auto") == (30.0, NONE)


def test_a_trip_at_the_first_scan_is_written_at_once():
    bench = output((3.0,), has_auto=True)
    bench["force", 0] = (0.0, BAD)
    bench.scan()
    assert (bench["y"], bench.quality("y")) == (3.0, 0)


def held(forces=(), device=None, **parameters):
    """An output that waits for a release, its device at `device` (None: not known)."""
    bench = output(forces, **parameters)
    bench["hold"] = 1.0
    if device is not None:
        bench["device"] = device
    return bench


def test_while_held_the_output_is_what_the_device_has_without_limits_and_rates():
    bench = held(device=30.0, rate_up=1.0, rate_down=1.0, has_initial=True, initial=7.0)
    bench.scan()
    assert (bench["y"], bench.quality("y"), bench["source"]) == (30.0, 0, BY_HOLD), "also before an initial value"
    for value in (80.0, -5.0, 130.0):
        bench["device"] = value
        bench.scan()
        assert (bench["y"], bench["limits"]) == (value, NONE)


@pytest.mark.parametrize("unknown", [(math.nan, 0), (40.0, BAD), (math.inf, 0)])
def test_a_device_that_cannot_be_read_stands_at_its_fail_safe_value_or_at_the_last_one(unknown):
    bench = held(device=unknown, has_fail_safe=True, fail_safe=12.0)
    bench.scan()
    assert (bench["y"], bench.quality("y")) == (12.0, SUBSTITUTED)
    bench = held(device=25.0)
    bench.scan()
    bench["device"] = unknown
    bench.scan()
    assert (bench["y"], bench.quality("y")) == (25.0, HELD)
    bench = held(device=unknown)
    bench.scan()
    assert bench.quality("y") == NOT_YET
    bench = held(device=unknown, has_initial=True, initial=7.0)
    bench.scan()
    assert (bench["y"], bench.quality("y")) == (7.0, HELD)


@pytest.mark.parametrize("known", [True, False])
def test_the_end_of_a_hold_starts_nothing_that_a_person_had_asked_for(known):
    bench = output(has_fail_safe=True, fail_safe=3.0)
    by_hand(bench, 50.0)
    bench.scan()
    bench["hold"] = 1.0
    if known:
        bench["device"] = 2.0
    bench.scan()
    bench["hold"] = 0.0
    for _ in range(3):
        bench.scan()
        assert (bench["y"], bench.quality("y")) == (2.0 if known else 3.0, 0)
        assert (bench["source"], bench["manual_set"], bench["manual"]) == (NOBODY, 0, bench["y"])


@pytest.mark.parametrize("trip", [False, True])
@pytest.mark.parametrize("sequence", [False, True])
def test_a_hold_goes_after_a_trip_and_before_everybody_else(trip, sequence):
    bench = held((3.0,), device=40.0, has_sequence=True)
    by_hand(bench, 10.0)
    bench["force", 0] = float(trip)
    if sequence:
        bench["sequence"] = 20.0
    bench.scan()
    assert (bench["y"], bench["source"]) == ((3.0, BY_TRIP) if trip else (40.0, BY_HOLD))


def test_a_trip_reset_while_held_gives_the_output_back_to_the_device():
    bench = held((3.0,), device=40.0)
    bench["force", 0] = 1.0
    bench.scan()
    bench["force", 0] = 0.0
    bench.scan()
    assert (bench["y"], bench["source"], bench.field("followed")) == (40.0, BY_HOLD, 1)


def test_the_loop_follows_the_device_while_held_and_goes_on_from_there():
    bench = held(device=30.0, has_auto=True)
    bench["auto"] = 60.0
    bench.scan()
    assert bench.answer("auto") == (30.0, INIT)
    bench["hold"] = 0.0
    for _ in range(5):
        bench.scan()
        assert (bench["y"], bench.quality("y")) == (30.0, 0), "the loop may be slower than the output"
        assert bench.answer("auto") == (30.0, INIT)
    bench["auto"] = 30.0
    bench.scan()
    assert bench.answer("auto") == (30.0, NONE)
    bench["auto"] = 31.0
    bench.scan()
    assert bench["y"] == 31.0


def test_a_held_loop_whose_device_nobody_knows_keeps_its_own_request():
    bench = held(has_auto=True)
    bench["auto"] = 60.0
    bench.scan()
    assert bench.answer("auto") == (60.0, INIT)
    assert bench.quality("y") == NOT_YET
    bench["hold"] = 0.0
    bench.scan()
    assert (bench["y"], bench.quality("y")) == (60.0, 0)


@pytest.mark.parametrize("hold", [(math.nan, NOT_YET), (1.0, BAD), (0.0, 0)])
def test_an_output_whose_hold_is_not_wired_or_off_is_not_held(hold):
    bench = output()
    by_hand(bench, 10.0)
    bench["hold"], bench["device"] = hold, 40.0
    bench.scan()
    assert (bench["y"], bench["source"], bench.field("followed")) == (10.0, BY_HAND, 0)


def test_it_has_followed_only_where_the_device_was_read():
    bench = held(device=40.0)
    bench.scan()
    assert bench.field("followed") == 1
    bench["device"] = (40.0, BAD)
    bench.scan()
    assert bench.field("followed") == 0


def test_a_push_button_springs_back_after_its_time():
    bench = output(pulse=0.3)
    by_hand(bench, 1.0)
    seen = []
    for _ in range(6):
        bench.scan()
        seen.append(bench["y"])
    assert seen == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    by_hand(bench, 1.0)
    bench.scan()
    assert bench["y"] == 1.0, "pressed again it counts anew"


def test_without_a_pulse_a_value_stands():
    bench = output()
    by_hand(bench, 1.0)
    for _ in range(100):
        bench.scan()
    assert bench["y"] == 1.0


def test_a_trip_ends_a_push_and_its_clock():
    bench = output((0.0,), pulse=0.3)
    by_hand(bench, 1.0)
    bench.scan()
    bench["force", 0] = 1.0
    bench.scan()
    bench["force", 0] = 0.0
    for _ in range(5):
        bench.scan()
        assert bench["y"] == 0.0
    by_hand(bench, 1.0)
    bench.scan()
    bench.scan()
    bench.scan()
    assert bench["y"] == 1.0
