"""Faults of the whole circuit: each does what its line says, at its own cell only, and ends when it is cleared."""

import pytest

from simulators import circuit_faults, instrument_faults
from simulators.faults import CATALOGUE, clear, inject
from simulators.plant import Plant

pytestmark = pytest.mark.timeout(400)  # the first test compiles the whole circuit

assert circuit_faults.VALVE, "importing it enters its faults"
assert instrument_faults.OPEN_CIRCUIT_PH
CELLS = ("", "_2", "_3", "_4")
# what a fault with its default parameters, at this target, has done after two minutes: signal and bounds
SEEN = {
    ("pump-trip", "acid_pump"): {"acid.flow_m3_h": (0, 0.01), "cell_2.membrane_dp_bar": (0.13, 0.15)},
    ("pump-trip", "anolyte_pump"): {"anolyte.flow_m3_h": (0, 0.01), "anolyte_pump.running": (0, 0)},
    ("fan-trip", "fan_a"): {"dilution.flow_nm3_h": (0, 1), "hydrogen_b.lel_percent": (34, 44)},
    ("cell-open-circuit", "cell_3"): {"cell_3.current_a": (-0.2, 0.2), "cell_3.voltage_v": (4.9, 5.1)},
    ("cell-short", "cell_3"): {"cell_3.voltage_v": (1.6, 1.95), "true.cell_efficiency_3": (0, 0.2)},
    ("cell-clogged", "cell_3"): {"cell_3.felt_dp_bar": (0.22, 0.26), "cell_3.flow_m3_h": (0.36, 0.41)},
    ("cell-flow-lost", "cell_3"): {"cell_3.flow_m3_h": (0, 0), "true.cell_outlet_ph_3": (11, 13)},
    ("electrode-aged", "cell_3"): {"cell_3.voltage_v": (3.09, 3.12)},
    ("membrane-worn", "cell_3"): {"cell_3.voltage_v": (3.13, 3.2)},
    ("membrane-leak", "cell_3"): {"true.cell_outlet_ph_3": (7.5, 8.2)},
    ("anion-pinhole", "cell_3"): {"true.acid_re_mg_l": (0.4, 0.8), "true.cell_outlet_ph_3": (7.5, 8.2)},
    ("anion-rupture", "cell_3"): {"acid.turbidity_ntu": (40, 60)},
    ("cation-rupture", "cell_3"): {"anolyte.orp_mv": (1180, 1240), "anode_gas.chlorine_ppm": (250, 500)},
    ("rectifier-trip", "rectifier_3"): {"cell_3.current_a": (-0.5, 0.1)},
    ("rectifier-cv", "rectifier_3"): {"rectifier_3.cv": (1, 1), "cell_3.current_a": (20, 70)},
    ("rectifier-fan-stands", "rectifier_3"): {"rectifier_3.heat_sink_c": (70, 85), "rectifier_3.fan_failed": (1, 1)},
    ("rectifier-hot", "rectifier_3"): {"rectifier_3.heat_sink_c": (65, 80)},
    ("rectifier-phase-lost", "rectifier_3"): {"cell_3.current_a": (68, 82), "rectifier_3.phase_lost": (1, 1)},
    ("cell-crossed", "rectifier_3"): {"cell_3.current_a": (-86, -84), "cell_3.voltage_v": (-2.5, -1.7)},
    ("cell-valve-no-air", "cell_valve_3"): {"cell_3.flow_m3_h": (0, 0), "cell_valve_3.at_wash": (1, 1)},
    ("cell-valve-leaks", "cell_valve_3"): {"true.cell_valve_wash_3": (0.1, 0.1)},
    ("cell-valve-switch-lost", "cell_valve_3"): {"cell_valve_3.at_process": (0, 0)},
    ("water-lost", "acid_water"): {"acid_water.flow_l_h": (0, 0)},
    ("header-blocked", "header"): {"header.pressure_mbar": (2, 4), "dilution.flow_nm3_h": (40, 50)},
    ("header-leak", "header"): {"header.oxygen_percent": (4, 5)},
    ("meter-nan", "cell_3.flow_m3_h"): {"cell.flow_m3_h": (0.59, 0.62)},
    ("meter-stuck", "acid.flow_m3_h"): {"acid.flow_m3_h": (0, 0)},
}


@pytest.fixture(scope="module")
def circuit():
    """The whole circuit after 5 s at the operating point, and its state then."""
    plant = Plant(seed=1, cells=4, loops=True)
    plant.run(5.0)
    return plant, plant.snapshot()


@pytest.fixture
def plant(circuit):
    found, state = circuit
    found.restore(state)
    found.faults.clear()
    found.healthy.clear()
    return found


@pytest.mark.parametrize(("name", "target"), SEEN, ids=[" ".join(key) for key in SEEN])
def test_fault_is_seen(plant, name, target):
    inject(plant, name, target)
    plant.run(120.0)
    found = {signal: plant.read(signal) for signal in SEEN[name, target]}
    assert {s: v for s, v in found.items() if not SEEN[name, target][s][0] <= v <= SEEN[name, target][s][1]} == {}


@pytest.mark.parametrize(
    ("name", "unit", "signal", "most"),
    [
        ("cell-open-circuit", "cell", "true.cell_current_a", 0.1),
        ("cell-short", "cell", "true.cell_voltage_v", 0.01),
        ("electrode-aged", "cell", "true.cell_voltage_v", 0.01),
        ("membrane-worn", "cell", "true.cell_voltage_v", 0.01),
        ("rectifier-trip", "rectifier", "true.cell_current_a", 0.1),
        ("cell-valve-no-air", "cell_valve", "true.cell_valve_wash", 0.0),
        ("anion-rupture", "cell", "true.cell_outlet_ph", 0.1),
    ],
)
@pytest.mark.parametrize("number", range(4))
def test_a_fault_of_one_cell_leaves_the_others_alone(plant, number, name, unit, signal, most):
    plant.run(30.0)
    before = [plant.read(signal + cell) for cell in CELLS]
    inject(plant, name, unit + CELLS[number])
    plant.run(30.0)
    moved = [abs(plant.read(signal + cell) - old) for cell, old in zip(CELLS, before, strict=True)]
    assert moved.pop(number) > most
    assert max(moved) <= most


@pytest.mark.parametrize("name", sorted(name for name, fault in CATALOGUE.items() if fault.changes))
def test_every_target_is_a_unit_and_clearing_puts_back_what_was(plant, name):
    before = parameters(plant)
    for target, unit in CATALOGUE[name].targets.items():
        assert unit == "*" or (unit in plant.sheet.units), f"{name}: no unit {unit}"
        inject(plant, name, target)
        clear(plant, name, target)
    assert parameters(plant) == before


def parameters(plant):
    return {
        f"{unit.name}.{field.name}": plant.field(f"{unit.name}.{field.name}")
        for unit in plant.sheet.units.values()
        for field in unit.kind.fields.values()
        if field.role in ("param", "state")
    }


def test_reverse_current_flows_for_a_minute_when_the_output_does_not_block(plant):
    """5 to 20 A from the gas at the electrodes while the contactor stays closed, and none when it opens."""
    inject(plant, "rectifier-backfeed", "rectifier_2")
    plant.write("rectifier_2.on", 0.0)
    plant.run(10.0)
    assert -20.0 < plant.read("true.cell_current_a_2") < -5.0
    plant.run(40.0)
    assert -20.0 < plant.read("true.cell_current_a_2") < -5.0
    plant.run(100.0)
    assert -3.0 < plant.read("true.cell_current_a_2") < 0.0
    assert plant.read("true.cell_reverse_ah_2") == pytest.approx(0.35, abs=0.03)
    plant.write("contactor_2.position", 0.0)
    plant.step()
    assert plant.read("true.cell_current_a_2") == 0.0


def test_a_welded_contactor_stays_and_says_so(plant):
    inject(plant, "contactor-welded", "contactor_2")
    plant.write("contactor_2.position", 0.0)
    plant.run(1.0)
    assert plant.read("contactor_2.feedback") == 1.0
    assert plant.read("true.cell_current_a_2") == pytest.approx(85.0, abs=0.5)
    clear(plant, "contactor-welded", "contactor_2")
    plant.run(0.2)
    assert plant.read("contactor_2.feedback") == 0.0


def test_a_valve_that_sticks_answers_late_and_short(plant):
    start = plant.read("acid_water.position")
    inject(plant, "control-valve-sticky", "acid_water", band=0.06)
    plant.write("acid_water.valve", start + 0.03)
    plant.run(20.0)
    assert plant.read("acid_water.position") == start
    plant.write("acid_water.valve", start + 0.06)
    plant.run(20.0)
    assert plant.read("acid_water.position") == pytest.approx(start + 0.03, abs=0.003)
    inject(plant, "control-valve-stuck", "acid_water")
    plant.write("acid_water.valve", 1.0)
    plant.run(20.0)
    assert plant.read("acid_water.position") == pytest.approx(start + 0.03, abs=0.003)


def test_slow_and_stuck_sets_do_not_get_there_in_time(plant):
    inject(plant, "cell-valve-stuck", "cell_valve")
    inject(plant, "cell-valve-slow", "cell_valve_2")
    for cell in CELLS[:3]:
        plant.write(f"cell_valve{cell}.process", 0.0)
    plant.run(4.0)
    assert [plant.read(f"cell_valve{cell}.at_wash") for cell in CELLS[:3]] == [0.0, 0.0, 1.0]
    assert [plant.read(f"cell_valve{cell}.at_process") for cell in CELLS[:3]] == [1.0, 0.0, 0.0]
    plant.run(8.0)
    assert plant.read("cell_valve_2.at_wash") == 1.0
