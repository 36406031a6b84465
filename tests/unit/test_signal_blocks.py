"""Scale, lag, permissive, heartbeat: sentence by sentence."""

import math

import pytest

from plantctl.core.block import HELD, HUGE, MARKS, OUT_OF_RANGE
from plantctl.core.quality import BAD, NOT_YET, SIMULATED, UNCERTAIN
from tests.row_bench import Bench


def scaled(value, dt=0.1, **parameters):
    bench = Bench("scale", in_low=4.0, in_high=20.0, out_low=0.0, out_high=160.0, **parameters)
    bench["u"] = value
    bench.step(dt)
    return bench


@pytest.mark.parametrize(("raw", "value"), [(4.0, 0.0), (12.0, 80.0), (20.0, 160.0), (3.0, -10.0), (24.0, 200.0)])
def test_a_raw_signal_becomes_an_engineering_value(raw, value):
    assert scaled(raw)["y"] == value


@pytest.mark.parametrize(("raw", "value"), [(3.0, 0.0), (24.0, 160.0), (12.0, 80.0)])
def test_clamp_keeps_it_within_its_ends(raw, value):
    assert scaled(raw, clamp=True)["y"] == value


def test_clamp_knows_ends_that_fall():
    bench = Bench("scale", in_low=0.0, in_high=1.0, out_low=100.0, out_high=0.0, clamp=True)
    bench["u"] = 2.0
    bench.step()
    assert bench["y"] == 0.0


@pytest.mark.parametrize(("raw", "good"), [(3.61, True), (3.59, False), (20.39, True), (20.41, False)])
def test_a_signal_outside_the_fault_band_is_a_fault_of_the_sensor(raw, good):
    bench = scaled(12.0, over=0.025)
    bench["u"] = raw
    bench.step()
    assert (bench.quality("y") == 0) == good
    if not good:
        assert (bench["y"], bench.quality("y")) == (80.0, OUT_OF_RANGE)


def test_a_bad_input_holds_the_value_with_the_inputs_quality():
    bench = scaled(12.0)
    bench["u"] = (99.0, NOT_YET)
    bench.step()
    assert (bench["y"], bench.quality("y")) == (80.0, NOT_YET)
    bench["u"] = (math.nan, UNCERTAIN)
    bench.step()
    assert (bench["y"], bench.quality("y")) == (80.0, OUT_OF_RANGE)


def test_the_filter_is_exact_over_any_step_and_starts_at_the_first_good_value():
    bench = Bench("scale", filter=2.0)
    bench["u"] = 1.0
    bench.step()
    assert bench["y"] == 1.0
    bench["u"] = 3.0
    bench.step(0.5)
    bench.step(0.25)
    assert bench["y"] == pytest.approx(3.0 - 2.0 * math.exp(-0.75 / 2.0), rel=1e-15)
    bench["u"] = (0.0, BAD)
    bench.step()
    bench["u"] = 9.0
    bench.step()
    assert bench["y"] == 9.0


def test_a_signal_that_is_only_filtered_loses_no_bit():
    bench = Bench("scale")
    bench["u"] = 0.1 + 0.2
    bench.step()
    assert bench["y"] == 0.1 + 0.2


@pytest.mark.parametrize(("in_high", "value"), [(0.0, 5.0), (5e-324, None)])
def test_a_span_of_nothing_gives_no_absurd_value(in_high, value):
    bench = Bench("scale", in_high=in_high, out_low=5.0, out_high=9.0)
    bench["u"] = 3.0
    bench.step()
    assert (bench.quality("y") == 0) == (value is not None)
    if value is not None:
        assert bench["y"] == value


def test_a_lag_holds_a_bad_input_for_a_time_and_then_is_bad():
    bench = Bench("lag", tau=1.0, hold=0.3)
    bench["u"] = 4.0
    bench.step()
    bench["u"] = (0.0, BAD)
    for _ in range(4):
        bench.step()
        assert (bench["y"], bench.quality("y")) == (4.0, HELD)
    bench.step()
    assert (bench["y"], bench.quality("y")) == (4.0, BAD)
    bench["u"] = 4.0
    bench.step()
    assert bench.quality("y") == 0


def test_a_lag_that_never_saw_a_value_is_bad():
    bench = Bench("lag")
    bench.step()
    assert bench.quality("y") == BAD


def test_a_permissive_names_the_first_condition_that_is_missing():
    bench = Bench("permissive", n=3)
    bench.step()
    assert (bench["ok"], bench["failing"]) == (0, 1)
    for k in range(3):
        bench["x", k] = 1.0
    bench.step()
    assert (bench["ok"], bench["failing"]) == (1, 0)
    bench["x", 1], bench["x", 2] = (1.0, BAD), 0.0
    bench.step()
    assert (bench["ok"], bench["failing"]) == (0, 2)


@pytest.mark.parametrize(
    ("period", "dt", "steps", "count"), [(1.0, 0.1, 100, 10), (0.25, 0.1, 100, 40), (1.0, 5.0, 6, 6)]
)
def test_a_heartbeat_changes_every_period(period, dt, steps, count):
    bench = Bench("heartbeat", period=period)
    bench.step(dt)
    assert (bench["y"], bench["count"], bench.quality("y")) == (0.0, 0, 0)
    for _ in range(steps):
        bench.step(dt)
    assert (bench["count"], bench["y"]) == (count, count % 2)


def test_a_heartbeat_counts_over_its_end():
    bench = Bench("heartbeat", period=0.1)
    bench.step()
    bench.memory.rows["count"] = 2**31 - 1
    bench.step()
    assert bench["count"] == 0


@pytest.mark.parametrize("block", ["lag", "scale"])
def test_what_is_made_of_a_simulated_signal_is_simulated_good_or_not(block):
    bench = Bench(block)
    for quality in (0, SIMULATED):
        for value, word in ((4.0, 0), (4.0, BAD), (HUGE, 0)):
            bench["u"] = (value, word | quality)
            bench.step()
            assert bench.quality("y") & MARKS == quality, (value, word)
