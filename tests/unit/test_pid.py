"""The PID controller: every transfer without a bump, bad inputs, the answer upward."""

import math

import pytest

from plantctl.core.block import AUTO, CAS, HIGH, IMAN, INIT, LOW, MAN, NONE, OOS, OUT_OF_SERVICE, RCAS, ROUT, TRK
from plantctl.core.quality import BAD, NOT_YET, UNCERTAIN
from tests.loop_bench import H, loop, scan, settle

# -- transfers -------------------------------------------------------------------------------------------------------


def busy_loop(**parameters):
    """A loop in AUTO that moves: an error stands, D is not zero, the output is far from its start."""
    bench = loop(derivative=2.0, has_track=True, **parameters)
    bench.write("sp", 3.0)
    for k in range(8):
        settle(bench, 1, pv=0.1 * k * k)
    assert bench["d"] != 0.0
    return bench


def test_first_scan_in_auto_starts_at_the_manual_value_without_a_kick():
    bench = loop(derivative=2.0, manual=7.0, sp=50.0)
    bench["pv"] = 10.0
    assert scan(bench) == 7.0
    assert bench["d"] == 0.0
    assert ("pv_source", 0, 1) in bench.events()
    assert scan(bench) == 7.0 + 2.0 * 1.0 / 8.0 * 40.0


def test_first_scan_takes_the_manual_value_within_the_limits():
    bench = loop(out_low=5.0, out_high=6.0, initial_mode=MAN)
    assert scan(bench) == 5.0
    assert bench["manual"] == 5.0
    assert scan(bench) == 5.0


def test_a_mode_asked_for_before_the_first_scan_is_not_lost():
    bench = loop(initial_mode=MAN)
    bench.write("target", AUTO)
    scan(bench)
    assert bench["mode"] == AUTO


def test_an_output_given_with_the_mode_behind_it_is_where_the_loop_goes_on():
    bench = loop(initial_mode=MAN, manual=7.0)
    scan(bench)
    bench.write("manual", 20.0)
    bench.write("target", AUTO)
    assert scan(bench) == 20.0
    assert bench["mode"] == AUTO


@pytest.mark.parametrize("away", [MAN, TRK, IMAN])
@pytest.mark.parametrize("moved", [False, True])
def test_auto_to_and_back_has_no_bump(away, moved):
    bench = busy_loop()
    before = bench["op"]
    if away == MAN:
        bench.write("target", MAN)
    elif away == TRK:
        bench["track"] = before
    else:
        bench.hear("op", before, INIT)
    bench.scan(H)
    assert bench["mode"] == away
    assert bench["op"] - before == 0.0
    if moved:
        before = before + 11.0
        if away == MAN:
            bench.write("manual", before)
        elif away == TRK:
            bench["track"] = before
        bench.hear("op", before, INIT if away == IMAN else 0)
        bench.scan(H)
        assert bench["op"] - before == 0.0
    bench.write("target", AUTO)
    bench.bad("track")
    bench.hear("op", before)
    bench["pv"] = 5.0
    bench.scan(H)
    assert bench["mode"] == AUTO
    assert bench["op"] - before == 0.0
    bench.hear("op", before)
    bench.scan(H)
    assert bench["op"] - before == pytest.approx(2.0 * H / 8.0 * (3.0 - 5.0))


@pytest.mark.parametrize(("source", "target"), [(IMAN, MAN), (TRK, MAN), (IMAN, TRK), (OOS, MAN), (OOS, AUTO)])
def test_transfers_below_auto_have_no_bump(source, target):
    bench = busy_loop()
    before = bench["op"]
    if source == IMAN:
        bench.hear("op", before, INIT)
    elif source == TRK:
        bench["track"] = before
    else:
        bench.write("target", OOS)
    bench.scan(H)
    assert bench["mode"] == source
    bench.bad("track")
    bench.hear("op", before)
    bench.write("target", AUTO if target == TRK else target)
    if target == TRK:
        bench["track"] = before
    bench.scan(H)
    assert bench["mode"] == target
    assert bench["op"] - before == 0.0


def test_released_outside_its_limits_into_man_it_stays():
    bench = loop(out_low=10.0, out_high=90.0, initial_mode=MAN)
    scan(bench)
    bench.hear("op", 0.0, INIT)
    bench.scan(H)
    assert bench["op"] == 0.0
    bench.hear("op", 0.0)
    bench.scan(H)
    assert (bench["mode"], bench["op"]) == (MAN, 0.0)


def test_what_is_tracked_stays_within_the_output_limits():
    bench = loop(out_low=0.0, out_high=10.0, has_track=True)
    settle(bench, 1, track=25.0)
    assert bench["op"] == 10.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("gain", 3.5), ("integral", 2.0), ("derivative", 9.0), ("filter", 3.0), ("beta", 0.3), ("gamma", 1.0)),
        *(("tracking", 1.0), ("direct", 1), ("out_high", 500.0)),
    ],
)
def test_tuning_moves_nothing_in_its_scan(name, value):
    bench = busy_loop()
    before = bench["op"]
    bench.write(name, value)
    assert scan(bench) - before == 0.0


def test_the_second_probe_takes_over_and_gives_back_without_a_bump():
    bench = busy_loop(has_pv2=True, switch_back=3.0)
    before = bench["op"]
    bench["pv2"] = 9.0
    bench["pv"] = (5.0, BAD)
    assert scan(bench) - before == 0.0
    assert bench["pv_source"] == 2
    before = scan(bench)
    bench["pv"] = 4.0
    for _ in range(3):
        before = scan(bench)
        assert bench["pv_source"] == 2
    assert scan(bench) - before == 0.0
    assert bench["pv_source"] == 1


def test_a_first_probe_that_comes_back_is_taken_at_once_where_there_is_no_other():
    bench = busy_loop(has_pv2=True, switch_back=30.0)
    bench["pv2"] = 9.0
    bench["pv"] = (5.0, BAD)
    settle(bench, 2)
    bench["pv"] = 4.0
    bench["pv2"] = (9.0, BAD)
    before = bench["op"]
    assert scan(bench) - before == 0.0
    assert bench["pv_source"] == 1


def test_feedforward_adds_and_is_lost_and_comes_back_without_a_bump():
    bench = loop(has_feedforward=True)
    settle(bench, 3, feedforward=5.0)
    before = bench["op"]
    bench["feedforward"] = 6.0
    assert scan(bench) - before == 1.0
    before = bench["op"]
    bench["feedforward"] = (99.0, BAD)
    assert scan(bench) - before == 0.0
    assert bench["ff"] == 6.0
    bench["feedforward"] = 50.0
    assert scan(bench) - before == 0.0
    assert bench["ff"] == 50.0


# -- modes and bad inputs --------------------------------------------------------------------------------------------


def test_a_bad_pv_holds_for_a_time_and_then_waits_for_a_person():
    bench = busy_loop(hold=3.0)
    held = bench["op"]
    bench.back(H)  # the integral of the last good scan is finished; then everything stands
    bench.step(H)
    held = bench["op"]
    bench.hear("op", held)
    bench["pv"] = (math.nan, 0)
    parts = None
    for _ in range(3):
        scan(bench)
        assert bench["op"] == held
        assert (bench["mode"], bench.quality("op") & 3) == (AUTO, UNCERTAIN)
        parts = parts or (bench["i"], bench["d"])
        assert (bench["i"], bench["d"]) == parts
    scan(bench)
    assert (bench["mode"], bench["target"], bench["op"]) == (MAN, MAN, held)
    settle(bench, 5, pv=0.0)
    assert (bench["mode"], bench["op"]) == (MAN, held)
    bench.write("target", AUTO)
    assert scan(bench) - held == 0.0
    assert bench["mode"] == AUTO


def test_a_bad_pv_that_returns_in_time_goes_on_without_a_bump():
    bench = busy_loop(hold=3.0)
    bench["pv"] = (0.0, BAD)
    settle(bench, 2)
    before = bench["op"]
    bench["pv"] = 99.0
    assert scan(bench) - before == 0.0
    assert bench["mode"] == AUTO


def test_init_request_outranks_a_bad_pv():
    bench = busy_loop()
    bench["pv"] = (0.0, BAD)
    bench.hear("op", 3.0, INIT)
    bench.scan(H)
    assert (bench["mode"], bench["op"]) == (IMAN, 3.0)


def test_out_of_service_holds_its_output_bad_and_outranks_everything():
    bench = busy_loop()
    before = bench["op"]
    bench.write("target", OOS)
    bench.hear("op", 3.0, INIT)
    bench["track"] = 1.0
    bench.scan(H)
    assert (bench["mode"], bench["op"], bench.quality("op")) == (OOS, before, OUT_OF_SERVICE)


@pytest.mark.parametrize(("target", "actual"), [(IMAN, MAN), (TRK, MAN), (CAS, AUTO), (RCAS, AUTO), (ROUT, MAN)])
def test_modes_that_cannot_be_are_the_nearest_safe_one(target, actual):
    bench = busy_loop()
    bench.write("target", target)
    scan(bench)
    assert bench["mode"] == actual


def test_a_bad_request_from_above_falls_to_auto_with_the_last_set_point():
    bench = loop(has_cas=True, initial_mode=CAS)
    settle(bench, 3, cas=12.0)
    assert (bench["mode"], bench["sp"]) == (CAS, 12.0)
    bench["cas"] = (99.0, BAD)
    settle(bench, 1)
    assert (bench["mode"], bench["sp"]) == (AUTO, 12.0)
    assert bench.answer("cas") == (12.0, INIT)


def test_the_set_point_follows_the_pv_below_auto_only():
    bench = loop(sp_tracks_pv=True, initial_mode=MAN)
    settle(bench, 2, pv=4.0)
    assert bench["sp"] == 4.0
    bench.write("target", AUTO)
    settle(bench, 2, pv=6.0)
    assert bench["sp"] == 4.0
    bench.write("target", MAN)
    settle(bench, 2, pv=(9.0, BAD))
    assert bench["sp"] == 4.0


def test_a_pv_that_was_never_there_gives_the_initial_output_held():
    bench = loop(manual=4.0)
    bench.bad("pv")
    bench.scan(H)
    assert (bench["op"], bench.quality("op") & 3) == (4.0, UNCERTAIN)
    assert bench["pv_source"] == 0


# -- the answer upward -----------------------------------------------------------------------------------------------


def sub_loop(**parameters):
    bench = loop(has_cas=True, initial_mode=CAS, **parameters)
    settle(bench, 3, cas=2.0)
    return bench


def test_in_cascade_the_answer_is_the_set_point_used():
    bench = sub_loop()
    bench.back(H)
    assert bench.answer("cas") == (2.0, NONE)


def test_with_external_reset_the_answer_is_the_pv_but_only_in_cascade():
    bench = sub_loop(external_reset=True)
    bench["pv"] = 1.5
    bench.back(H)
    assert bench.answer("cas") == (1.5, NONE)
    bench["pv"] = (1.5, BAD)
    bench.back(H)
    assert bench.answer("cas") == (2.0, NONE)
    bench["pv"] = 1.5
    bench.write("target", AUTO)
    bench.back(H)
    assert bench.answer("cas") == (2.0, INIT)


@pytest.mark.parametrize(
    ("direct", "below", "told"), [(0, HIGH, HIGH), (0, LOW, LOW), (1, HIGH, LOW), (1, LOW, HIGH), (0, 3, 3), (1, 3, 3)]
)
def test_a_limit_below_is_told_above_turned_where_the_loop_is_direct(direct, below, told):
    bench = sub_loop(direct=bool(direct))
    bench.hear("op", bench["op"], below)
    bench.back(H)
    assert bench.answer("cas")[1] == told


def test_the_loops_own_limit_is_told_above():
    bench = sub_loop(out_high=3.0)
    settle(bench, 6, cas=50.0)
    bench.back(H)
    assert bench.answer("cas") == (50.0, HIGH)
    assert bench["limits"] == HIGH


@pytest.mark.parametrize(("asked", "used", "told"), [(9.0, 5.0, HIGH), (-9.0, -5.0, LOW), (4.0, 4.0, NONE)])
def test_a_limit_of_the_set_point_is_told_above(asked, used, told):
    bench = sub_loop(sp_low=-5.0, sp_high=5.0)
    settle(bench, 1, cas=asked)
    bench.back(H)
    assert bench.answer("cas") == (used, told)


@pytest.mark.parametrize(("limit", "error", "moves"), [(HIGH, 1.0, 0), (HIGH, -1.0, 1), (LOW, -1.0, 0), (LOW, 1.0, 1)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_integral_moves_only_away_from_a_limit_below(limit, error, moves, sign):
    bench = loop(direct=sign < 0)
    settle(bench, 2)
    settle(bench, 1, pv=-sign * error)
    before = bench["i"]
    bench.hear("op", bench["op"], limit)
    bench.back(H)
    assert (bench.field("i") != before) == bool(moves)


def test_constant_below_stops_the_integral_both_ways():
    for pv in (-1.0, 1.0):
        bench = loop()
        settle(bench, 3, pv=pv)
        before = bench["i"]
        bench.hear("op", bench["op"], 3)
        bench.back(H)
        assert bench.field("i") == before


def test_an_absurd_answer_from_below_is_not_used():
    bench = loop()
    settle(bench, 3, pv=1.0)
    bench.hear("op", math.nan)
    bench.scan(H)
    assert math.isfinite(bench["op"])
    bench.hear("op", math.nan, INIT)
    before = bench["op"]
    bench.scan(H)
    assert bench["op"] == before


def test_numbers_far_outside_any_plant_start_the_loop_again_from_its_last_output():
    bench = loop(gain=1e29)
    settle(bench, 2)
    before = bench["op"]
    bench.write("sp", 1e29)
    settle(bench, 1, pv=-1e29)
    assert bench["op"] == before
    assert bench.quality("op") == 0
    bench.memory.rows["i"] = 1e30
    settle(bench, 1, pv=0.0)
    assert bench["op"] == before


def test_a_tracking_time_of_nothing_is_the_whole_difference_at_once():
    bench = loop(integral=1e-200, derivative=1e-200, out_high=1.0)
    settle(bench, 3, pv=-1.0)
    assert math.isfinite(bench["i"])
    assert NOT_YET & BAD
