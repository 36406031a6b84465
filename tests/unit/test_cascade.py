"""Chains of loops over one output, as the plan orders them: released in one scan, limits heard by all, no bump."""

from itertools import pairwise

import pytest

from plantctl.core.block import AUTO, CAS, HIGH, IMAN, MAN
from plantctl.core.quality import BAD
from tests.plan_bench import PlanBench

CHAIN = """
plant: {name: chain}
tasks: {protect: 100 ms}
tags:
  PI-1: {unit: bar, range: [0, 100]}
  PI-2: {unit: bar, range: [0, 100]}
  PI-3: {unit: bar, range: [0, 100]}
  XI-1: {range: [0, 1], initial: 0}
  VALVE: {unit: "%", range: [0, 100], access: write}
blocks:
  TOP: {kind: pid, unit: bar, pv: PI-1, gain: 0.5 bar/bar, integral: 5 s, out_low: 0 bar, out_high: 100 bar,
        sp: 40 bar, initial_mode: 4}
  MID: {kind: pid, unit: bar, pv: PI-2, cas: TOP, gain: 0.8 bar/bar, integral: 4 s, out_low: 0 bar, out_high: 100 bar,
        initial_mode: 5}
  LOW: {kind: pid, pv: PI-3, unit: "%", cas: MID, gain: 1.5 %/bar, integral: 2 s, out_low: "0 %", out_high: "100 %",
        initial_mode: 5}
  VALVE: {kind: out, auto: LOW, low: "0 %", high: "80 %"}
causes:
  C1: {when: "{XI-1} > 0.5"}
effects:
  E1: {force: {VALVE: "0 %"}}
chart:
  C1: {E1: latched}
"""
LOOPS = ("TOP", "MID", "LOW")


def chain(scans=30, text=CHAIN, **made):
    """The chain after its trip of power-up was reset, in service for some scans of a simple plant."""
    plant = PlanBench(text, **made)
    for name in ("PI-1", "PI-2", "PI-3"):
        plant.feed(name, 30.0)
    plant.scan()
    plant.scan(("reset", "E1"))
    for _ in range(scans):
        run(plant)
    return plant


def run(plant, *commands):
    """One scan; the pressures move with the valve as far as they do in a tenth of a second."""
    plant.scan(*commands)
    for name, share in (("PI-3", 0.2), ("PI-2", 0.1), ("PI-1", 0.05)):
        now = plant.inputs.value[plant.numbers[name]]
        plant.feed(name, now + share * (plant["VALVE"] - now))


def modes(plant):
    return [int(plant[f"{loop}.mode"]) for loop in LOOPS]


def outputs(plant):
    return [plant[name] for name in (*LOOPS, "VALVE")]


@pytest.mark.parametrize("compiled", [False, True])
def test_the_leaf_in_manual_holds_all_and_releases_all_in_one_scan(compiled, compile_cache):
    plant = chain(compiled=compiled, cache=compile_cache)
    assert modes(plant) == [AUTO, CAS, CAS]
    before = outputs(plant)
    run(plant, ("mode", "LOW", "man"))
    assert modes(plant) == [IMAN, IMAN, MAN]
    assert outputs(plant)[2:] == before[2:]
    for _ in range(20):
        run(plant)
    before = outputs(plant)
    run(plant, ("mode", "LOW", "cas"))
    assert modes(plant) == [AUTO, CAS, CAS]
    assert [now - then for now, then in zip(outputs(plant), before, strict=True)] == [0.0] * 4


def test_a_trip_puts_all_into_tracking_in_its_scan_and_releases_without_a_bump():
    plant = chain()
    plant.feed("XI-1", 1.0)
    run(plant)
    assert modes(plant) == [IMAN, IMAN, IMAN]
    assert outputs(plant)[2:] == [0.0, 0.0]
    plant.feed("XI-1", 0.0)
    for _ in range(30):
        run(plant)
    assert plant["VALVE"] == 0.0
    before = outputs(plant)
    run(plant, ("reset", "E1"))
    assert modes(plant) == [AUTO, CAS, CAS]
    assert [now - then for now, then in zip(outputs(plant), before, strict=True)] == [0.0] * 4


def test_below_a_trip_the_set_points_in_a_cascade_follow_their_pv_and_the_operators_own_stays():
    plant = chain()
    plant.feed("XI-1", 1.0)
    for _ in range(5):
        plant.scan()
    for loop, pv in (("MID", "PI-2"), ("LOW", "PI-3")):
        assert plant[f"{loop}.sp"] == plant.inputs.value[plant.numbers[pv]]
    assert plant["TOP.sp"] == 40.0


def test_a_limit_of_the_valve_stops_the_integral_of_all_levels():
    """The arbiter allows 80 %, the loops ask for more: nobody winds up, whoever it was that set the limit."""
    plant = chain()
    for name in ("PI-1", "PI-2", "PI-3"):
        plant.feed(name, 5.0)
    for _ in range(100):
        plant.scan()
    assert plant["VALVE"] == 80.0
    assert plant["VALVE.limits"] == HIGH
    pending = [plant[f"{loop}.di"] for loop in LOOPS]
    before = [plant[f"{loop}.i"] for loop in LOOPS]
    for _ in range(50):
        plant.scan()
    assert all(product > 0.0 for product in pending), "each would integrate upwards if it were let"
    assert plant["TOP.i"] == before[0]
    assert all(plant[f"{loop}.i"] <= then + 1e-9 for loop, then in zip(LOOPS, before, strict=True))


def test_a_tuning_command_moves_nothing_in_its_scan():
    plant = chain()
    before = outputs(plant)
    plant.scan(("tune", "MID.gain", "2.5"))
    assert plant["MID"] == before[1]
    assert plant["MID.gain"] == 2.5


def test_a_bad_pv_of_the_middle_holds_the_lower_loop_and_tells_the_upper_one():
    plant = chain()
    plant.feed("PI-2", (0.0, BAD))
    for _ in range(102):
        plant.scan()
    assert modes(plant) == [IMAN, MAN, CAS]


SLOW = """
plant: {name: two tasks}
tasks: {protect: 100 ms, control: 1 s}
tags:
  PI-1: {unit: bar, range: [0, 100]}
  XI-1: {range: [0, 1], initial: 0}
  VALVE: {unit: "%", range: [0, 100], access: write}
loops:
  PIC-1: {pv: PI-1, out: VALVE, setpoint: 40 bar, mode: auto, tuning: {gain: 2 %/bar, integral: 20 s}}
causes:
  C1: {when: "{XI-1} > 0.5"}
effects:
  E1: {force: {VALVE: "5 %"}}
chart:
  C1: {E1: latched}
"""


@pytest.mark.parametrize("tripped_at", range(10))
@pytest.mark.parametrize("scans", [1, 3, 12])
def test_a_loop_of_a_slower_task_is_released_without_a_bump_at_any_moment(tripped_at, scans):
    """Also where the whole trip happens between two turns of the loop, which has never heard of it."""
    plant = PlanBench(SLOW)
    plant.scan(**{"PI-1": 30.0})
    plant.scan(("reset", "E1"))
    for _ in range(58 + tripped_at):
        plant.scan()
    assert plant["VALVE"] > 8.0
    plant.scan(**{"XI-1": 1.0})
    assert plant["VALVE"] == 5.0
    for _ in range(scans):
        plant.scan(**{"XI-1": 0.0})
    plant.scan(("reset", "E1"))
    seen = [plant["VALVE"]]
    for _ in range(40):
        plant.scan()
        seen.append(plant["VALVE"])
    assert seen[0] == 5.0
    assert plant["PIC-1.mode"] == AUTO
    product = 2.0 * 1.0 / 20.0 * (40.0 - 30.0)
    steps = [after - now for now, after in pairwise(seen)]
    assert all(step == 0.0 or step == pytest.approx(product) for step in steps), seen
    assert sum(step != 0.0 for step in steps) >= 2


def test_a_start_in_auto_takes_the_initial_output():
    plant = PlanBench(SLOW.replace("causes:", "outputs: {VALVE: {initial: 33 %}}\ncauses:"))
    plant.scan(**{"PI-1": 30.0})
    plant.scan(("reset", "E1"))
    assert plant["VALVE"] == 5.0
