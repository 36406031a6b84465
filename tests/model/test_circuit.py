"""Circuit A as a whole against the acceptance checks of the design basis. Each test is one situation."""

import pytest

from simulators.faults import clear, inject
from simulators.plant import Plant

MINUTE = 60.0
CELLS = ("cell", "cell_2", "cell_3", "cell_4")


def circuit(cells=1, start="running"):
    plant = Plant(seed=1, start=start, cells=cells)
    plant.set_field("feed.resolution", 0.0)
    return plant


def hold(plant, seconds):
    """Run with the tank held at 40 degC and 60 % by the plainest of controls."""
    for _ in range(round(seconds / 10.0)):
        error = 40.0 - plant.field("tank.celsius")
        plant.write("heater.output", min(max(0.05 + 2.0 * error, 0.0), 1.0))
        plant.write("cooling.output", min(max(-2.0 * error, 0.0), 1.0))
        plant.write("drawoff.open", float(plant.field("tank.level_percent") > 60.0))
        plant.run(10.0)


def until(plant, seconds, ph, name="true.tank_ph"):
    """Seconds until a true pH passes `ph`; fails when it does not within `seconds`."""
    for tick in range(round(seconds * 10)):
        if plant.read(name) > ph:
            return tick / 10
        plant.step()
    raise AssertionError(f"{name} is {plant.read(name):.2f} after {seconds} s")


def minutes_until(plant, minutes, ph):
    for step in range(round(minutes * 6)):
        if plant.read("true.tank_ph") > ph:
            return step / 6
        hold(plant, 10.0)
    raise AssertionError(f"pH is {plant.read('true.tank_ph'):.2f} after {minutes} min")


def test_operating_point_stands():
    plant = circuit()
    hold(plant, 10 * MINUTE)
    assert plant.read("true.tank_ph") == pytest.approx(8.0, abs=0.02)
    assert plant.read("cell.voltage_v") == pytest.approx(3.07, abs=0.03)
    assert plant.field("cell.flow_m3_h") == pytest.approx(0.6, abs=0.005)
    assert 8.3 < plant.read("true.cell_outlet_ph") < 9.0
    assert plant.read("conductivity.ms_cm") == pytest.approx(62.0, abs=1.0)
    assert plant.read("density.kg_m3") == pytest.approx(1044.0, abs=1.0)
    assert plant.read("tank.temperature_c") == pytest.approx(40.0, abs=0.2)


def test_one_hour_makes_what_faraday_says():
    plant = circuit()
    before = {n: plant.read(f"true.{n}") for n in ("re_precipitated_mol", "charge_ah", "acid_made_mol")}
    plant.run(60 * MINUTE)
    after = {n: plant.read(f"true.{n}") - before[n] for n in before}
    assert after["charge_ah"] == pytest.approx(85.0, rel=1e-3)
    assert after["re_precipitated_mol"] == pytest.approx(0.876, rel=0.01)
    assert after["acid_made_mol"] == pytest.approx(0.852 * 85.0 * 3600.0 / 96485.33, rel=0.003)


def test_feed_three_percent_low_settles_where_leakage_makes_it_up():
    plant = circuit(cells=4)
    for cell in CELLS:
        plant.set_field(f"{cell}.fouling", 0.0)
    plant.write("feed.stroke", 0.97 * plant.read("feed.stroke"))
    assert 30.0 < minutes_until(plant, 60.0, 9.0) < 42.0
    hold(plant, 130 * MINUTE)
    assert plant.read("true.tank_ph") == pytest.approx(9.24, abs=0.1)


def test_feed_three_percent_low_without_that_leakage_runs_away():
    plant = circuit(cells=4)
    for cell in CELLS:
        plant.set_field(f"{cell}.hydroxide_leak", 0.0)
    plant.write("feed.stroke", 0.97 * plant.read("feed.stroke"))
    assert 33.0 < minutes_until(plant, 60.0, 10.0) < 45.0


@pytest.mark.parametrize(("cells", "low", "high"), [(4, 60.0, 85.0), (1, 220.0, 290.0)])
def test_feed_stopped(cells, low, high):
    plant = circuit(cells)
    inject(plant, "feed-stopped")
    assert low < until(plant, 400.0, 10.0) < high


def test_feed_three_percent_high_settles_low_in_hours():
    plant = circuit(cells=4)
    plant.write("feed.stroke", 1.03 * plant.read("feed.stroke"))
    hold(plant, 5 * 60 * MINUTE)  # the draw-off takes only what the cells make, so the tank turns over once in hours
    assert plant.read("true.tank_ph") == pytest.approx(7.6, abs=0.1)


def test_flow_lost_at_full_current():
    plant = circuit()
    plant.run(60.0)
    outlet, probe = plant.read("true.cell_outlet_ph"), plant.read("outlet_probe.ph")
    warm, gas_before = plant.field("cell.celsius"), plant.field("cell.gas")
    inject(plant, "pump-trip")
    there = until(plant, 30.0, outlet + 1.0, "true.cell_outlet_ph")
    seen = there + until(plant, 30.0, probe + 1.0, "outlet_probe.ph")
    assert 5.0 < there < 8.0
    assert 8.0 < seen < 12.0
    plant.run(40.0 - seen)
    assert gas_before < 0.07
    assert plant.field("cell.gas") == pytest.approx(0.3, abs=0.03)
    plant.run(20.0)
    assert 0.15 < plant.field("cell.celsius") - warm < 0.3


def test_flow_is_below_the_trip_within_two_seconds_of_the_drive_tripping():
    plant = circuit()
    plant.run(10.0)
    inject(plant, "pump-trip")
    plant.run(2.5)
    assert plant.read("cell.flow_m3_h") < 0.24
    clear(plant, "pump-trip")
    plant.run(30.0)
    assert plant.read("cell.flow_m3_h") == pytest.approx(0.6, abs=0.03)


def test_acid_creeps_back_when_the_current_is_off():
    plant = circuit(start="stopped")
    plant.write("pump.run", 1.0)
    plant.run(60 * MINUTE)
    assert 7.9 < plant.read("true.tank_ph") < 8.0


def test_start_up_from_a_stopped_plant():
    plant = circuit(start="stopped")
    plant.write("pump.run", 1.0)
    plant.run(20.0)
    assert plant.read("pump.running") == 1.0
    plant.write("contactor.position", 1.0)
    plant.write("rectifier.on", 1.0)
    plant.write("rectifier.current_set_a", 50.0)
    plant.write("feed.stroke", 0.086)
    plant.run(5.0)
    assert plant.read("cell.current_a") == pytest.approx(25.0, abs=1.0)
    plant.run(60.0)
    assert plant.read("cell.current_a") == pytest.approx(50.0, abs=0.2)
    assert plant.read("rectifier.cc") == 1.0
    assert plant.read("true.tank_ph") == pytest.approx(8.0, abs=0.05)


def test_draw_off_holds_the_level_and_the_salt():
    plant = circuit()
    plant.write("drawoff.open", 1.0)
    plant.run(240 * MINUTE)
    assert plant.read("tank.level_percent") == pytest.approx(60.0, abs=1.0)
    assert plant.read("conductivity.ms_cm") == pytest.approx(62.0, abs=3.0)
    assert 34.0 < plant.read("true.solids_g_l") < 40.0


def ph_after(change_l_h, seconds):
    """Tank pH at `seconds` after the feed has changed by `change_l_h`, from the operating point."""
    plant = circuit()
    plant.run(120.0)
    plant.write("feed.stroke", plant.read("feed.stroke") + change_l_h / 10.0)
    plant.run(seconds)
    return plant.read("true.tank_ph")


def test_gain_of_the_ph_loop():
    """K' of table 5.2 at the set-point, -0.033 pH/min per L/h for 60 L: slope between 1 and 3 minutes, both ways."""
    rise = [ph_after(change, 180.0) - ph_after(change, 60.0) for change in (-0.1, 0.1)]
    assert (rise[1] - rise[0]) / 0.2 / 2.0 == pytest.approx(-0.033, abs=0.002)
