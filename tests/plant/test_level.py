"""The level of circuit A's tank in virtual time: its averaging loop, and a bleed valve that does not do as it is told.

Levels move by some percent an hour. Where a situation is about what happens at a limit, the tank is made to be so full
already: not by more liquor, but by a smaller volume at 100 %.
"""

import pytest

from simulators import circuit_faults
from simulators.faults import clear

assert "bleed" in circuit_faults.VALVE, "importing it enters its faults"


def so_full(circuit, percent):
    """Make a tank of the same liquor that is full to `percent`."""
    plant = circuit.plant
    plant.set_field("tank.full_l", plant.field("tank.full_l") * plant.field("tank.level_percent") / percent)
    circuit.run(10.0)


def bleed_stuck_at(circuit, percent):
    """Move the bleed valve by hand to `percent`, let it stick there, and put its loop back to AUTO."""
    circuit.give("mode", "40-LIC-4211", "man")
    circuit.give("output", "40-LIC-4211", percent)
    circuit.until(lambda: circuit.value("40-ZI-4211") == pytest.approx(percent, abs=0.5), 60.0)
    circuit.inject("control-valve-stuck", "bleed")
    circuit.give("mode", "40-LIC-4211", "auto")


def bleed_l_h(circuit):
    return circuit.plant.read("true.bleed_l_h")


@pytest.mark.timeout(300)  # three quarters of an hour of the whole circuit
def test_the_level_rides_through_half_the_current_and_a_feed_that_is_weaker_by_a_third(circuit):
    seen = []

    def minutes(number):
        for _ in range(number * 6):
            circuit.run(10.0)
            seen.append(circuit.value("40-LI-4211"))

    before = bleed_l_h(circuit)
    circuit.give("set", "40-IC-4200", 170)
    minutes(18)
    assert bleed_l_h(circuit) < 0.9 * before
    circuit.give("set", "40-IC-4200", 340)
    circuit.enter("40-AY-4215", 0.40)
    circuit.enter("40-AY-4216", 0.033)
    circuit.inject("feed-strength", percent=-33.3)
    minutes(24)
    assert circuit.value("40-FI-4215") == pytest.approx(1.5 * 5.84, rel=0.05)
    assert bleed_l_h(circuit) > 1.05 * before
    assert min(seen) > 58.5
    assert max(seen) < 61.5
    assert circuit.alarms() == []
    assert circuit.tripped() == []


def test_a_bleed_that_is_stuck_shut_is_told_then_feed_and_current_wait_until_there_is_room(circuit):
    bleed_stuck_at(circuit, 0)
    so_full(circuit, 84.0)
    circuit.until(lambda: "40-ZY-4211.high" in circuit.alarms(), 120.0)
    so_full(circuit, 86.0)
    circuit.until(lambda: "40-LI-4211.high" in circuit.alarms(), 30.0)
    assert circuit.tripped() == []
    so_full(circuit, 88.5)
    circuit.until(lambda: circuit.tripped() == ["D4211"], 30.0)
    circuit.run(45.0)
    assert circuit.value("40-FI-4215") < 0.1
    assert abs(circuit.value("40-II-4200")) < 4.0
    seen = []
    for _ in range(60):
        circuit.run(10.0)
        seen.append((circuit.value("40-LI-4211"), circuit.value("40-AI-4212")))
    assert max(level for level, _ in seen) < 92.0
    assert max(ph for _, ph in seen) < 9.0
    assert circuit.tripped() == ["D4211"], "no trip: the tank has stood still"
    clear(circuit.plant, "control-valve-stuck", "bleed")
    circuit.run(60.0)
    assert bleed_l_h(circuit) > 10.0
    so_full(circuit, 79.5)
    circuit.until(lambda: circuit.tripped() == [], 60.0)
    circuit.until(lambda: circuit.value("40-II-4200") > 335.0, 60.0)
    assert circuit.value("40-AI-4212") == pytest.approx(8.0, abs=0.3)


def test_a_bleed_that_is_stuck_open_empties_the_tank_to_the_alarm_and_then_to_the_row_of_the_plc(circuit):
    bleed_stuck_at(circuit, 100)
    so_full(circuit, 24.9)
    circuit.until(lambda: "40-LI-4211.low" in circuit.alarms(), 60.0)
    assert circuit.tripped() == []
    so_full(circuit, 15.05)
    circuit.until(lambda: circuit.value("40-XA-3800") == 1.0, 300.0)
    circuit.until(lambda: abs(circuit.value("40-II-4200")) < 4.0, 5.0)
    circuit.until(lambda: circuit.value("40-XI-4216") == 0.0, 15.0)
    assert circuit.plant.field("tank.level_percent") > 14.0


def test_a_level_meter_that_stands_lets_the_fork_open_the_bleed_and_the_tank_never_runs_over(circuit):
    circuit.give("mode", "40-LIC-4211", "man")
    circuit.give("output", "40-LIC-4211", 0)
    circuit.inject("meter-stuck", "tank.level_percent", value=60.0)
    so_full(circuit, 94.7)
    assert "E5-37" not in circuit.tripped()
    so_full(circuit, 95.1)
    circuit.until(lambda: {"E5", "E5-37"} <= set(circuit.tripped()), 5.0)
    circuit.until(lambda: circuit.value("40-XZ-3700") == 1.0, 5.0)
    circuit.run(15.0)
    assert circuit.value("40-ZI-4211") == 100.0
    assert circuit.value("40-FI-4215") < 0.1
    highest = circuit.plant.field("tank.level_percent")
    circuit.run(300.0)
    assert circuit.plant.field("tank.level_percent") < highest - 1.0
    assert highest < 96.0


def test_row_37_keeps_the_bleed_open_against_its_loop_until_a_person_resets(circuit):
    circuit.inject("meter-stuck", "tank.level_percent", value=94.0)
    circuit.until(lambda: "E5-37" in circuit.tripped(), 5.0)
    clear(circuit.plant, "meter-stuck", "tank.level_percent")
    circuit.run(30.0)
    assert circuit.value("40-LV-4211") == 100.0
    assert circuit.value("40-LIC-4211.mode") == 1.0, "IMAN: the output is not its own"
    circuit.field.line.safety.reset()
    circuit.give("reset", "E5-37")
    circuit.run(10.0)
    assert circuit.value("40-LIC-4211.mode") == 4.0
    assert 95.0 < circuit.value("40-LV-4211") < 100.0, "without a bump: it goes on from where the row had it"
    circuit.give("mode", "40-LIC-4211", "man")
    circuit.give("output", "40-LIC-4211", 55)
    circuit.give("mode", "40-LIC-4211", "auto")
    circuit.until(lambda: circuit.value("40-ZI-4211") < 60.0, 60.0)


@pytest.mark.parametrize(("level_percent", "stopped"), [(94.9, False), (95.1, True)])
def test_a_level_above_the_fork_for_a_minute_ends_the_pump_where_one_of_row_37_does_not(
    circuit, level_percent, stopped
):
    circuit.inject("meter-stuck", "tank.level_percent", value=level_percent)
    circuit.run(61.0)
    assert {"E5", "E5-37"} <= set(circuit.tripped())
    assert "E8" not in circuit.tripped()
    assert circuit.value("40-XI-4216") == 1.0
    circuit.run(20.0)
    last = {"E8", "E1-01", "E1-02", "E1-03", "E1-04"}
    assert last & set(circuit.tripped()) == (last if stopped else set())
    assert circuit.value("40-XI-4216") == (0.0 if stopped else 1.0), "the safety PLC sees a level that stands"
