"""What goes in is what is there or has gone out: every unit, every step, to 1e-9 of what is moved."""

import numpy as np
import pytest

from simulators.chemistry.constants import FARADAY_C_MOL
from simulators.faults import inject
from simulators.plant import Plant
from simulators.stream import CHLORIDE, COMPONENTS, HEAT, LIQUID, RARE_EARTH, SODIUM, SOLID, SULFATE


def held(plant):
    """Sum of all hold-ups of the plant, by component; rare earth is counted dissolved and solid together."""
    sums = np.zeros(COMPONENTS)
    for unit in plant.sheet.units.values():
        for field in unit.kind.fields.values():
            if field.role == "holdup":
                first = plant.linked.addresses[f"{unit.name}.{field.name}"]
                sums += plant.linked.memory[first : first + field.length].reshape(-1, COMPONENTS).sum(axis=0)
    sums[LIQUID] += plant.field("thickener.evaporated_l")
    for name, unit in plant.sheet.units.items():
        if "heat_gained_j" in unit.kind.fields:
            sums[HEAT] -= plant.field(f"{name}.heat_gained_j")
        if unit.kind.name == "cell":
            sums[LIQUID] += plant.field(f"{name}.split_l")
            sums[CHLORIDE] += 2.0 * plant.field(f"{name}.chlorine_mol")
    sums[RARE_EARTH] += sums[SOLID]
    return np.delete(sums, SOLID)


def moved(plant):
    """Size of the amounts that one step moves: hold-up of the cell."""
    first = plant.linked.addresses["cell.contents"]
    amounts = np.abs(plant.linked.memory[first : first + COMPONENTS])
    amounts[SULFATE] = 0.1
    return np.delete(amounts, SOLID)


SITUATIONS = {
    "running": {},
    "draw-off open": {"drawoff.open": 1.0},
    "current off": {"rectifier.on": 0.0},
    "current reversed": {"contactor.position": 2.0, "rectifier.current_set_a": 40.0},
    "pump off": {"pump.run": 0.0},
    "feed full": {"feed.stroke": 1.0},
    "heater and cooling full": {"heater.output": 1.0, "cooling.output": 1.0},
    "hostile outputs": {"feed.stroke": float("nan"), "pump.speed_command": float("inf"), "heater.output": float("nan")},
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_mass_and_heat_close_in_every_step(situation):
    plant = Plant(seed=3)
    for name, value in SITUATIONS[situation].items():
        plant.write(name, value)
    before = held(plant)
    for _ in range(1200):
        plant.step()
        after = held(plant)
        assert np.all(np.abs(after - before) <= 1e-9 * moved(plant)), (after - before) / moved(plant)
        before = after


WHOLE = {
    "running": {},
    "a cell in the acid wash": {"cell_valve_2.process": 0.0, "wash.run": 1.0, "rectifier_2.on": 0.0},
    "a cell rinsed": {"cell_valve.process": 0.0, "wash.run": 1.0, "rinse.open": 1.0, "rectifier.on": 0.0},
    "pumps off": {"pump.run": 0.0, "acid_pump.run": 0.0, "anolyte_pump.run": 0.0},
    "every valve open": dict.fromkeys(
        ("acid_water.valve", "acid_product.valve", "anolyte_water.valve", "cooling.output"), 1.0
    ),
    "every valve mad": {
        name: float("nan")
        for name in ("acid_water.valve", "acid_product.valve", "anolyte_cooling.valve", "cooling.output", "feed.stroke")
    },
    "one cell reversed": {"contactor_3.position": 2.0, "rectifier_3.current_set_a": 40.0},
}
TORN = {
    "cell.anion_hole_l_h": 60.0,
    "cell_2.cation_hole_l_h": 20.0,
    "cell_3.short_ohm": 0.02,
    "cell_4.membrane_leak": 100.0,
    "cell_valve_4.worn": 0.1,
}


@pytest.mark.timeout(400)  # the first of them compiles the whole circuit
@pytest.mark.parametrize("torn", [False, True], ids=["sound", "torn"])
@pytest.mark.parametrize("situation", WHOLE)
def test_mass_and_heat_of_the_whole_circuit_close_in_every_step(situation, torn):
    plant = Plant(seed=3, cells=4, loops=True)
    for end, value in TORN.items() if torn else ():
        plant.set_field(end, value)
    for name, value in WHOLE[situation].items():
        plant.write(name, value)
    size = 4.0 * moved(plant)
    before = held(plant)
    for _ in range(600):
        plant.step()
        after = held(plant)
        assert np.all(np.abs(after - before) <= 1e-9 * size), (after - before) / size
        before = after


@pytest.mark.timeout(400)
def test_the_whole_circuit_closes_over_a_day_of_plant_time():
    plant = Plant(seed=3, cells=4, loops=True)
    start, charge = held(plant), [charge_account(plant, cell) for cell in CELLS]
    plant.write("drawoff.open", 1.0)
    for _ in range(86400):
        plant.step(1.0)
    assert held(plant) == pytest.approx(start, rel=1e-6)
    for cell, before in zip(CELLS, charge, strict=True):
        passed = plant.field(f"{cell}.charge_c")
        assert charge_account(plant, cell) == pytest.approx(before, abs=1e-6 * passed)


@pytest.mark.parametrize("fault", ["pump-trip", "feed-stopped", "cell-short", "membrane-leak", "cell-open-circuit"])
def test_mass_closes_through_a_fault(fault):
    plant = Plant(seed=3, cells=1)
    plant.run(10.0)
    inject(plant, fault)
    start = held(plant)
    plant.run(120.0)
    assert held(plant) == pytest.approx(start, rel=1e-9)


def test_mass_closes_over_a_day_of_plant_time():
    """1e-6 over 24 h, at steps of one second (the balance does not depend on the step)."""
    plant = Plant(seed=3)
    start = held(plant)
    for _ in range(86400):
        plant.step(1.0)
    assert held(plant) == pytest.approx(start, rel=1e-6)


CELLS = ("cell", "cell_2", "cell_3", "cell_4")


def charge_account(plant, cell="cell", dt=0.1):
    """Charge passed less charge in the double layer, lost, and gone into acid; acid diffused back counts against it."""
    acid = plant.field(f"{cell}.acid_mol") + plant.field(f"{cell}.made_mol_s") * dt
    used = plant.field(f"{cell}.lost_c") + (acid + plant.field(f"{cell}.diffused_mol")) * FARADAY_C_MOL
    return plant.field(f"{cell}.charge_c") - plant.field(f"{cell}.layer_c") - used


@pytest.mark.parametrize("situation", ["running", "current off", "current reversed", "pump off"])
def test_charge_closes_in_every_step(situation):
    plant = Plant(seed=3)
    for name, value in SITUATIONS[situation].items():
        plant.write(name, value)
    before = charge_account(plant)
    for _ in range(600):
        plant.step()
        after = charge_account(plant)
        assert abs(after - before) < 1e-9 * max(abs(plant.field("cell.charge_c")), 8.5)
        before = after


def test_sodium_stays_in_the_circuit():
    plant = Plant(seed=3)
    plant.write("drawoff.open", 1.0)
    start = held(plant)[SODIUM]
    plant.run(600.0)
    assert held(plant)[SODIUM] == pytest.approx(start, rel=1e-12)
    first = plant.linked.addresses["acid.contents"]
    assert plant.linked.memory[first + SODIUM] == 0.0
    assert plant.linked.memory[first + CHLORIDE] > 0.0
