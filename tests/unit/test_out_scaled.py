"""The arbiter under scaling effects: what share is left, in what time, and what goes before what."""

import pytest

from plantctl.blocks.out import BY_TRIP
from plantctl.core.block import HELD, HIGH, NONE
from tests.row_bench import Bench
from tests.unit.test_out import by_hand, output


def scaled(shares, times_s=(0.0, 0.0, 0.0, 0.0), **parameters):
    """An output in 0..100 at 80, asked by a loop, with effects that scale it to `shares`, none of them there."""
    bench = Bench("out", n_scale=len(shares), **{"has_auto": True, "low": 0.0, "high": 100.0, **parameters})
    for k, share in enumerate(shares):
        bench.memory.rows["scale_share"][:, k] = share
        bench.memory.rows["scale_time"][:, k] = times_s[k]
        bench["scale", k] = 0.0
    bench["force", 0] = 0.0
    bench["auto"] = 80.0
    bench.scan()
    return bench


def test_an_effect_leaves_its_share_of_where_the_output_stood_and_the_loop_is_told():
    bench = scaled((0.5,))
    assert (bench["y"], bench["allowed"], bench["scaled"]) == (80.0, 100.0, 0)
    bench["scale", 0] = 1.0
    bench.scan()
    bench.back()
    assert (bench["y"], bench["allowed"], bench["limits"]) == (40.0, 40.0, HIGH)
    assert bench.answer("auto") == (40.0, HIGH)
    bench["auto"] = 100.0
    bench.scan()
    assert bench["y"] == 40.0, "asking for more does not undo it"
    bench["auto"] = 30.0
    bench.scan()
    assert (bench["y"], bench["limits"]) == (30.0, NONE)
    bench["scale", 0] = 0.0
    bench["auto"] = 80.0
    bench.scan()
    assert (bench["y"], bench["allowed"], bench["scaled"]) == (80.0, 100.0, 0)


def test_the_share_is_reached_in_its_time_and_the_rate_up_leads_back():
    bench = scaled((0.5,), (10.0, 0.0, 0.0, 0.0), rate_up=5.0)
    bench["scale", 0] = 1.0
    for _ in range(5):
        bench.scan(1.0)
    assert bench["y"] == pytest.approx(60.0)
    for _ in range(6):
        bench.scan(1.0)
    assert bench["y"] == 40.0
    bench["scale", 0] = 0.0
    bench.scan(1.0)
    assert bench["y"] == 45.0


def test_of_several_scaling_effects_the_smallest_share_counts_and_they_do_not_multiply():
    bench = scaled((0.8, 0.5))
    bench["scale", 0] = 1.0
    bench.scan()
    assert bench["y"] == 64.0
    bench["scale", 1] = 1.0
    bench.scan()
    assert bench["y"] == 40.0, "half of 80, not of 64"
    bench["scale", 1] = 0.0
    bench.scan()
    assert bench["y"] == 64.0


def test_a_scaling_effect_that_cannot_be_known_counts_as_there():
    bench = scaled((0.5,))
    bench.bad("scale")
    bench.scan()
    assert bench["y"] == 40.0


def test_force_outranks_scale_and_what_is_scaled_begins_from_what_stands():
    bench = scaled((0.5,), n_force=1)
    bench.memory.rows["force_value"][:, 0] = 0.0
    bench["force", 0] = 1.0
    bench["scale", 0] = 1.0
    bench.scan()
    assert (bench["y"], bench["source"], bench["allowed"]) == (0.0, BY_TRIP, 40.0)


@pytest.mark.parametrize("asked", ["nobody", "a loop that is bad", "a person"])
def test_a_value_that_nobody_asks_anew_is_scaled_as_well(asked):
    bench = scaled((0.5,), has_auto=False, has_initial=True, initial=80.0)
    if asked == "a loop that is bad":
        bench = scaled((0.5,))
        bench.bad("auto")
    if asked == "a person":
        by_hand(bench, 80.0)
    bench.scan()
    assert bench["y"] == 80.0
    bench["scale", 0] = 1.0
    bench.scan()
    assert (bench["y"], bench["limits"]) == (40.0, HIGH)
    assert bench.quality("y") == (HELD if asked == "a loop that is bad" else 0)


def test_an_output_that_stood_nowhere_is_scaled_to_its_lower_end():
    bench = output(has_auto=True, n_scale=1)
    bench.memory.rows["scale_share"][:, 0] = 0.5
    bench["scale", 0] = 1.0
    bench["auto"] = 80.0
    bench.scan()
    assert (bench["y"], bench["allowed"]) == (0.0, 0.0)


def test_the_beginning_and_the_end_of_scaling_are_events():
    bench = scaled((0.5,))
    bench.events()
    bench["scale", 0] = 1.0
    bench.scan()
    assert ("scaled", 0, 1) in bench.events()
    bench["scale", 0] = 0.0
    bench.scan()
    assert ("scaled", 1, 0) in bench.events()
