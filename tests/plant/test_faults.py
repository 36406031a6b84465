"""Every fault of the catalogue does what its line says, and ends when it is cleared."""

import math

import pytest

from simulators import faults
from simulators.circuit import circuit_a
from simulators.faults import CATALOGUE, Fault, FaultError, clear, explained, inject
from simulators.plant import Plant

UNITS = set(circuit_a().units)
PLANT_FAULTS = sorted(
    name for name, fault in CATALOGUE.items() if fault.changes and next(iter(fault.targets.values())) in {*UNITS, "*"}
)
"""Those of which the first target is in the circuit of one cell."""

SEEN = {  # what a fault of default target and parameters does within 20 s: signal and bounds
    "pump-trip": ("cell.flow_m3_h", 0.0, 0.01),
    "feed-stopped": ("feed.flow_l_h", 0.0, 0.05),
    "feed-strength": ("true.feed_re_mol_l", 0.569, 0.571),
    "probe-broken": ("probe_a.ph", 6.9, 7.1),
    "probe-offset": ("probe_a.ph", 7.75, 7.85),
    "meter-stuck": ("cell.flow_m3_h", 0.0, 0.0),
    "rectifier-trip": ("cell.current_a", -1.0, 0.5),
    "rectifier-cv": ("rectifier.cv", 1.0, 1.0),
    "cell-open-circuit": ("cell.current_a", -0.5, 0.5),
    "cell-short": ("cell.voltage_v", 1.5, 1.95),
    "cell-clogged": ("cell.felt_dp_bar", 0.28, 0.33),
    "membrane-worn": ("cell.voltage_v", 3.12, 3.2),
    "membrane-leak": ("true.cell_outlet_ph", 7.5, 8.3),
    "purge-lost": ("purge.flow_nm3_h", 0.0, 0.02),
}


@pytest.mark.parametrize("name", PLANT_FAULTS)
def test_fault_is_seen_and_ends(name):
    plant, healthy = Plant(seed=1), Plant(seed=1)
    plant.run(5.0)
    healthy.run(5.0)
    inject(plant, name)
    plant.run(20.0)
    if name in SEEN:
        signal, low, high = SEEN[name]
        assert low <= plant.read(signal) <= high
    clear(plant, name)
    assert not plant.faults
    healthy.run(20.0)
    assert parameters(plant) == parameters(healthy)


def parameters(plant):
    sheet = plant.sheet.units.values()
    return {f"{u.name}.{f.name}": plant.field(f"{u.name}.{f.name}") for u in sheet for f in _settable(u)}


def _settable(unit):
    return [f for f in unit.kind.fields.values() if f.role == "param" and f.name != "noise"]


def test_meter_shows_nan_then_the_flow_again():
    plant = Plant(seed=1)
    inject(plant, "meter-nan", "cell.flow_m3_h")
    plant.run(1.0)
    assert math.isnan(plant.read("cell.flow_m3_h"))
    clear(plant, "meter-nan", "cell.flow_m3_h")
    plant.step()
    assert plant.read("cell.flow_m3_h") == pytest.approx(0.6, abs=0.02)


def test_frozen_meter_does_not_see_the_pump_trip():
    plant = Plant(seed=1)
    plant.run(5.0)
    inject(plant, "meter-frozen", "cell.flow_m3_h")
    last = plant.read("cell.flow_m3_h")
    inject(plant, "pump-trip")
    plant.run(30.0)
    assert plant.read("cell.flow_m3_h") == last
    assert plant.field("cell.flow_m3_h") < 0.01


def test_biased_probe_is_off_by_the_bias():
    plant = Plant(seed=1)
    inject(plant, "noise-off")
    inject(plant, "meter-bias", "probe_b.ph", value=0.3)
    plant.run(10.0)
    assert plant.read("probe_b.ph") - plant.read("probe_a.ph") == pytest.approx(0.3, abs=0.01)


def test_noise_off_is_off_everywhere():
    plant = Plant(seed=1)
    inject(plant, "noise-off")
    plant.step()
    assert all(plant.field(f"{name}.noise_share") == 0.0 for name in plant.sheet.units if "meter" in name)
    assert plant.read("purge.flow_nm3_h") == 1.0


def test_fouled_probe_is_slow():
    plant = Plant(seed=1)
    inject(plant, "noise-off")
    inject(plant, "probe-fouled", "probe_a.ph")
    inject(plant, "feed-stopped")
    plant.run(120.0)
    assert plant.read("probe_b.ph") - plant.read("probe_a.ph") > 0.04


def test_ungrounded_probe_has_ripple():
    plant = Plant(seed=1)
    inject(plant, "probe-ungrounded", "probe_a.ph")
    gaps = []
    for _ in range(300):
        plant.step()
        gaps.append(abs(plant.read("probe_a.ph") - plant.field("probe_a.followed")))
    assert sum(gaps) / len(gaps) > 0.012


def test_injecting_again_changes_the_parameters_and_keeps_the_way_back():
    plant = Plant(seed=1)
    inject(plant, "feed-strength", percent=-5.0)
    inject(plant, "feed-strength", percent=3.0)
    assert plant.field("feed.strength") == pytest.approx(1.03)
    clear(plant, "feed-strength")
    assert plant.field("feed.strength") == 1.0
    clear(plant, "feed-strength")


@pytest.mark.parametrize("first", ["meter-nan", "meter-stuck"])
def test_two_faults_of_one_meter_end_in_any_order(first):
    plant = Plant(seed=1)
    pair = ["meter-nan", "meter-stuck"]
    for name in pair:
        inject(plant, name)
    plant.step()
    assert plant.read("cell.flow_m3_h") == 0.0
    pair.remove(first)
    clear(plant, first)
    plant.step()
    assert plant.field("flow_meter.fault") != 0.0
    clear(plant, pair[0])
    plant.step()
    assert plant.read("cell.flow_m3_h") == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pump-explodes", ""), "pump-trip"),
        (("pump-trip", "cell"), "but to: pump"),
        (("meter-nan", "cell.colour"), "cell.flow_m3_h"),
    ],
)
def test_what_is_not_in_the_catalogue_is_refused_with_what_is(arguments, said):
    with pytest.raises(FaultError, match=said):
        inject(Plant(seed=1, compiled=False), *arguments)


def test_unknown_parameter_is_refused():
    with pytest.raises(FaultError, match="percent"):
        inject(Plant(seed=1, compiled=False), "feed-strength", promille=5.0)


def test_faults_of_the_wire_stand_in_the_same_catalogue(monkeypatch):
    monkeypatch.setattr(faults, "CATALOGUE", dict(CATALOGUE))
    done = []
    fault = Fault(
        "link-cut",
        "the wire to a device is cut",
        {"PLC-4": "PLC-4"},
        parameters={"seconds": 5.0},
        apply=lambda rig, target, values: done.append((rig, target, dict(values))),
        undo=lambda rig, target: done.append((rig, target)),
    )
    faults.register(fault)
    inject("the rig", "link-cut", seconds=2.0)
    clear("the rig", "link-cut")
    assert done == [("the rig", "PLC-4", {"seconds": 2.0}), ("the rig", "PLC-4")]
    with pytest.raises(ValueError, match="already"):
        faults.register(Fault("link-cut", "another", {"PLC-4": "PLC-4"}))
    assert "link-cut: the wire" in explained()
