"""One simulated unit on a bench: inlets and inputs are what a situation says, outlets lead into a sink.

A situation is `tests/cases/units/<kind>/<situation>.yaml`:

    text: what happens, in one line
    values: {field: number or list}          where the unit starts
    steps:                                   one after the other
      - {set: {field: number or list}, run_s: 5.0, expect: {field: [low, high]}}

A vector's component is written `contents[solid]`. A word that is none of these fails by name, with those there are.
"""

import yaml

from simulators.flowsheet import Flowsheet
from simulators.plant import TICK_S, Plant
from simulators.stream import NAMES
from simulators.unit import load_kind


def bench(kind, values, *, compiled=False):
    """A plant of that one unit, named `unit`; values are numbers or lists of them."""
    sheet = Flowsheet()
    given = {name: tuple(map(float, v)) if isinstance(v, list) else float(v) for name, v in values.items()}
    sheet.add("unit", kind, **given)
    outlets = [field.name for field in load_kind(kind).fields.values() if field.role == "outlet"]
    if outlets:
        sheet.add("sink", "acid_loop")
    for outlet in outlets:
        sheet.stream(f"unit.{outlet}", "sink.inlet")
    return Plant(seed=1, sheet=sheet, compiled=compiled)


def known(words, given, what):
    """Fail by name on a word that is none of those known."""
    wrong = [word for word in given if word not in words]
    assert not wrong, f"no {what} {', '.join(wrong)}; there are: {', '.join(words)}"


def address(plant, field):
    """Place of `field` or `field[component]` in the plant's memory."""
    name, _, component = field.partition("[")
    addresses = plant.linked.addresses
    known([place.removeprefix("unit.") for place in addresses if place.startswith("unit.")], [name], "field")
    if not component:
        return addresses[f"unit.{name}"]
    known(NAMES, [component.removesuffix("]")], "component")
    return addresses[f"unit.{name}"] + NAMES.index(component.removesuffix("]"))


def play(plant, situation):
    """Run a situation; gives every expectation that was not met."""
    misses = []
    memory = plant.linked.memory
    known(("text", "values", "steps"), situation, "key of a situation")
    for number, step in enumerate(situation["steps"], start=1):
        known(("set", "run_s", "expect"), step, "key of a step")
        for field, value in step.get("set", {}).items():
            first = address(plant, field)
            given = value if isinstance(value, list) else [value]
            assert len(given) in (1, len(NAMES)), f"step {number}: {field} takes one number or {len(NAMES)}"
            memory[first : first + len(given)] = given
        plant.run(float(step.get("run_s", TICK_S)))
        for field, (low, high) in step.get("expect", {}).items():
            found = float(memory[address(plant, field)])
            if not low <= found <= high:
                misses.append(f"step {number}: {field} is {found:.6g}, expected {low} to {high}")
    return misses


def run_file(path):
    """Play the situation in a file on a bench of the kind that its folder names."""
    situation = yaml.safe_load(path.read_text(encoding="utf-8"))
    return play(bench(path.parent.name, situation.get("values", {})), situation)
