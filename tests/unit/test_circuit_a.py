"""The text of circuit A: no findings for any element, cells alike, alarm limits that move with the set-point."""

from pathlib import Path

import pytest

from plantctl.plan.build import build
from plantctl.plan.source import from_folder

FOLDER = Path(__file__).parents[2] / "config" / "demo"
ELEMENTS = sorted(path.stem for path in (FOLDER / "elements").glob("*.yaml"))


def plan_of(element):
    read = from_folder(FOLDER)

    def chosen(name):
        return read(name).replace(b"elements/neodymium.yaml", f"elements/{element}.yaml".encode())

    built = build("plant.yaml", chosen)
    assert built.findings == []
    return built.plan


def value(plan, name):
    address = plan.addresses[name]
    return float(plan.kinds[address.kind].rows[address.field][address.row])


@pytest.mark.parametrize("element", ELEMENTS)
def test_every_element_makes_a_plant_whose_limits_stand_around_its_set_point(element):
    plan = plan_of(element)
    ph = value(plan, "40-AIC-4212.sp")
    limits = [value(plan, f"40-AI-4212.{key}.limit") - ph for key in ("low", "high", "high_high")]
    assert limits == pytest.approx([-1.0, 1.0, 2.0])


def test_there_is_a_set_for_each_element():
    assert ELEMENTS == ["dysprosium", "neodymium", "praseodymium", "terbium"]


def test_the_four_cells_are_alike():
    plan = plan_of("neodymium")
    of_cell = {
        k: {p.name.replace(f"40{k}", "40?").replace(f"0{k}", "0?") for p in plan.points if f"40{k}" in p.name}
        for k in (1, 2, 3, 4)
    }
    assert len(of_cell[1]) > 80
    assert of_cell[1] == of_cell[2] == of_cell[3] == of_cell[4]


def test_nothing_of_the_safety_system_is_written():
    plan = plan_of("neodymium")
    safety = {tag for tag, shown in plan.shown.tags.items() if shown.system == "sis"}
    assert len(safety) == 12
    assert not safety & {output.tag for output in plan.outputs}
    assert not [device for device in plan.devices if device.name == "SIS-4" and device.outputs]


def test_mirrors_say_whose_rows_they_are():
    plan = plan_of("neodymium")
    mirrors = {cause for cause, shown in plan.shown.causes.items() if shown.mirrors == "safety-plc"}
    assert mirrors == {"C15-01", "C15-02", "C15-03", "C15-04", "C16", "C17", "C37"}
