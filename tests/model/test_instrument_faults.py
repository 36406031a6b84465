"""Each way in which a sensor goes wrong, by name, on one transmitter or probe over a value that is known."""

import math
import statistics

import pytest

from simulators import faults, instrument_faults
from simulators.circuit_names import names
from simulators.flowsheet import Flowsheet
from simulators.plant import Plant

assert instrument_faults.OPEN_CIRCUIT_PH


def meter(noise=0.01):
    """A flow meter's place taken by a transmitter of range 0..10 that has settled on 4."""
    sheet = Flowsheet()
    sheet.add("flow_meter", "transmitter", tau_s=0.2, noise=noise, low=0.0, high=10.0, measured=4.0)
    sheet.signal("cell.flow_m3_h", "flow_meter.reading")
    plant = Plant(3, sheet=sheet, compiled=False)
    plant.run(5.0)
    return plant


def probe(ph=9.0, celsius=40.0):
    sheet = Flowsheet()
    sheet.add("probe_a", "ph_probe", noise=0.0, walk_ph=0.0, low=0.0, high=14.0, measured=ph, celsius=celsius)
    sheet.signal("probe_a.ph", "probe_a.reading")
    plant = Plant(3, sheet=sheet, compiled=False)
    plant.run(60.0)
    return plant


def readings(plant, seconds, name="cell.flow_m3_h"):
    found = []
    for _ in range(round(seconds * 10)):
        plant.step()
        found.append(plant.read(name))
    return found


def test_a_drift_grows_with_the_hours():
    plant = meter(noise=0.0)
    faults.inject(plant, "meter-drift", per_hour=1.2)
    assert readings(plant, 1800.0)[-1] == pytest.approx(4.6, abs=0.01)


def test_spikes_are_rare_and_short_and_the_rest_is_as_it_was():
    plant = meter()
    faults.inject(plant, "meter-spikes", size=3.0)
    found = readings(plant, 300.0)
    spikes = [v for v in found if abs(v - 4.0) > 1.0]
    assert 20 <= len(spikes) <= 120
    assert all(abs(abs(v - 4.0) - 3.0) < 0.1 for v in spikes)
    assert statistics.fmean(v for v in found if abs(v - 4.0) <= 1.0) == pytest.approx(4.0, abs=0.01)


def test_a_burst_of_noise_has_the_deviation_it_was_given():
    plant = meter(noise=0.0)
    faults.inject(plant, "meter-noise", sigma=0.5)
    found = readings(plant, 200.0)
    assert statistics.pstdev(found) == pytest.approx(0.5, rel=0.1)
    assert statistics.fmean(found) == pytest.approx(4.0, abs=0.05)


@pytest.mark.parametrize(("name", "shown"), [("loop-broken", -0.25), ("loop-shorted", 10.625)])
def test_a_broken_or_shorted_loop_is_beyond_the_range(name, shown):
    plant = meter()
    faults.inject(plant, name)
    assert readings(plant, 0.2)[-1] == pytest.approx(shown)
    faults.clear(plant, name)
    assert readings(plant, 0.2)[-1] == pytest.approx(4.0, abs=0.1)


def test_a_late_meter_shows_a_step_its_delay_later_and_not_before():
    plant = meter(noise=0.0)
    faults.inject(plant, "meter-late", late_s=4.0)
    readings(plant, 10.0)
    plant.set_field("flow_meter.measured", 8.0)
    found = readings(plant, 12.0)
    first = next(n for n, v in enumerate(found) if v > 6.0) / 10.0
    assert 3.0 <= first <= 5.5
    assert found[-1] == pytest.approx(8.0, abs=0.01)


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("meter-stuck", {"value": 7.0}, 7.0),
        ("meter-bias", {"value": -1.5}, 2.5),
        ("meter-nan", {}, math.nan),
        ("meter-frozen", {}, 4.0),
    ],
)
def test_the_plain_faults_of_a_meter(name, given, expected):
    plant = meter(noise=0.0)
    faults.inject(plant, name, **given)
    plant.set_field("flow_meter.measured", 4.0 if name != "meter-frozen" else 9.0)
    assert readings(plant, 1.0)[-1] == pytest.approx(expected, abs=0.01, nan_ok=True)


def test_a_fault_that_is_cleared_begins_anew_the_next_time():
    plant = meter(noise=0.0)
    faults.inject(plant, "meter-drift", per_hour=36.0)
    readings(plant, 100.0)
    faults.clear(plant, "meter-drift")
    assert readings(plant, 1.0)[-1] == pytest.approx(4.0, abs=0.01)
    faults.inject(plant, "meter-drift", per_hour=36.0)
    assert readings(plant, 10.0)[-1] == pytest.approx(4.1, abs=0.01)


def test_a_failed_compensation_reads_as_at_25_degrees():
    plant = probe(ph=9.0)
    faults.inject(plant, "probe-uncompensated")
    reading = readings(plant, 30.0, "probe_a.ph")[-1]
    assert reading - 9.0 == pytest.approx((9.0 - 7.0) * (313.15 / 298.15 - 1.0), abs=0.01)


def test_an_open_cable_is_nothing_but_noise():
    plant = probe()
    faults.inject(plant, "probe-open")
    assert statistics.pstdev(readings(plant, 100.0, "probe_a.ph")) > 1.0


def test_a_poisoned_reference_drifts_by_its_millivolts_a_day():
    plant = probe()
    faults.inject(plant, "probe-poisoned", mv_per_day=-0.3 * 240.0)
    assert readings(plant, 360.0, "probe_a.ph")[-1] - 9.0 == pytest.approx(0.3 / 60.9, abs=0.001)


def test_every_instrument_of_the_circuit_can_have_every_fault_of_a_meter():
    shown = {n.name for n in names(4, loops=True) if n.end.endswith(".reading")}
    for name in ("meter-stuck", "meter-bias", "meter-drift", "meter-spikes", "meter-noise", "meter-nan", "meter-late"):
        assert shown <= set(faults.CATALOGUE[name].targets), name


def test_all_instruments_of_a_plant_lose_their_noise_at_once():
    plant = meter(noise=0.5)
    faults.inject(plant, "noise-off")
    assert readings(plant, 10.0)[-1] == pytest.approx(4.0, abs=1e-6)
