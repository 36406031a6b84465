"""The catalogue of faults: what can go wrong, by name, with target and parameters.

    inject(plant, "pump-trip")
    inject(plant, "meter-frozen", "cell.flow_m3_h")
    clear(plant, "pump-trip")

Physical and instrument faults change the plant's own numbers and are defined here as data: fields and the values they
take. Faults of the wire (dead link, swapped words) belong to the device servers, which enter them with `register` and
get the same names, help and `sim fault NAME`. `clear` puts back what was there; where several faults change one
field, the last of those that are left has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from simulators.circuit_names import names, of_cell
from simulators.instrument import BIASED, DEAD, FROZEN, STUCK

Change = Callable[[Mapping[str, float]], float]
"""The value a field takes, from the fault's parameters."""


class Faulted(Protocol):
    """What a plant offers to faults of the plant itself."""

    faults: dict[tuple[str, str], dict[str, float]]
    healthy: dict[str, float]

    def has_field(self, end: str) -> bool: ...
    def field(self, end: str) -> float: ...
    def set_field(self, end: str, value: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of the catalogue.

    `targets` maps what the user calls the target (a signal or a unit) to the unit that is changed, `*` to all the
    others; the first is the default. `changes` maps a field of that unit to its value under the fault. A fault of the
    wire has no `changes` but `apply` and `undo`, which are handed the rig that serves, the target and the parameters.
    """

    name: str
    text: str
    targets: Mapping[str, str]
    changes: Mapping[str, Change] = field(default_factory=dict)
    parameters: Mapping[str, float] = field(default_factory=dict)
    apply: Callable[[Any, str, Mapping[str, float]], None] | None = None
    undo: Callable[[Any, str], None] | None = None
    offered: Callable[[Any, str], bool] | None = None
    """Whether the fault can happen to a target of this rig, where its being there is not enough."""


class FaultError(ValueError):
    """A fault was asked for that the catalogue does not have, or with a target or parameter that it does not have."""


CATALOGUE: dict[str, Fault] = {}


def register(fault: Fault) -> Fault:
    """Enter a fault into the catalogue. Raises ValueError where the name is taken by another fault."""
    if CATALOGUE.get(fault.name, fault) is not fault:
        raise ValueError(f"fault '{fault.name}' is in the catalogue already")
    CATALOGUE[fault.name] = fault
    return fault


def inject(rig: Any, name: str, target: str = "", **parameters: float) -> None:
    """Make the fault `name` happen to `target` (default: the fault's first), now and until it is cleared.

    `rig` is the plant, or for a fault of the wire what serves it. Injecting again changes the parameters. Raises
    FaultError with what there is.
    """
    fault, target = _find(name, target)
    unknown = set(parameters) - set(fault.parameters)
    if unknown:
        raise FaultError(f"fault '{name}' has no parameter {sorted(unknown)}: {dict(fault.parameters)}")
    values = {**fault.parameters, **parameters}
    if fault.apply is not None:
        fault.apply(rig, target, values)
        return
    plant: Faulted = rig
    units = _units(fault, target, plant)
    fields = [(f"{unit}.{name}", change) for unit in units for name, change in fault.changes.items()]
    changed = {end: change(values) for end, change in fields}
    plant.faults.pop((name, target), None)
    plant.faults[name, target] = changed
    for end, value in changed.items():
        plant.healthy.setdefault(end, plant.field(end))
        plant.set_field(end, value)


def clear(rig: Any, name: str, target: str = "") -> None:
    """End a fault and put back what it replaced; a fault that is not there is no error. Raises FaultError."""
    fault, target = _find(name, target)
    if fault.undo is not None:
        fault.undo(rig, target)
        return
    plant: Faulted = rig
    for end in plant.faults.pop((name, target), {}):
        others = [changed[end] for changed in plant.faults.values() if end in changed]
        plant.set_field(end, others[-1] if others else plant.healthy.pop(end))


def explained() -> str:
    """The catalogue as text for a terminal: name, what happens, targets, parameters."""
    lines = []
    for name, fault in sorted(CATALOGUE.items()):
        parameters = ", ".join(f"{key}={value:g}" for key, value in fault.parameters.items())
        lines.append(f"{name}: {fault.text}")
        lines.append(f"    on {', '.join(fault.targets)}" + (f"; {parameters}" if parameters else ""))
    return "\n".join(lines)


def _find(name: str, target: str) -> tuple[Fault, str]:
    if name not in CATALOGUE:
        raise FaultError(f"no fault '{name}' in the catalogue: {', '.join(sorted(CATALOGUE))}")
    fault = CATALOGUE[name]
    target = target or next(iter(fault.targets), "")
    if fault.targets and target not in fault.targets:
        raise FaultError(f"fault '{name}' does not happen to '{target}' but to: {', '.join(fault.targets)}")
    return fault, target


def _units(fault: Fault, target: str, plant: Faulted) -> list[str]:
    """The unit of the target, or all of them that the plant has."""
    unit = fault.targets[target]
    if unit != "*":
        return [unit]
    first = next(iter(fault.changes))
    return [u for u in dict.fromkeys(fault.targets.values()) if u != "*" and plant.has_field(f"{u}.{first}")]


def fixed(value: float) -> Change:
    """A change to one value."""
    return lambda parameters: value


def given(name: str, base: float = 0.0, scale: float = 1.0) -> Change:
    """A change to `base` plus `scale` times the parameter `name`."""
    return lambda parameters: base + scale * parameters[name]


_READINGS = {n.name: n.end.removesuffix(".reading") for n in names(4, loops=True) if n.end.endswith(".reading")}
METERS = {"cell.flow_m3_h": "flow_meter", **_READINGS, "density.kg_m3": "density_meter"}
"""Every instrument of the circuit, by the signal that it shows, the default first."""
PROBES = {"probe_a.ph": "probe_a", **{name: unit for name, unit in METERS.items() if name.endswith(".ph")}}
PUMP, FEED = {name: name for name in ("pump", "acid_pump", "anolyte_pump")}, {"feed": "feed"}
CELL, RECTIFIER = ({of_cell(unit, cell): of_cell(unit, cell) for cell in range(1, 5)} for unit in ("cell", "rectifier"))

for _fault in (
    Fault("pump-trip", "a drive trips: the pump coasts down", PUMP, {"tripped": fixed(1.0)}),
    Fault("feed-stopped", "dosing pump delivers nothing, whatever its stroke", FEED, {"stopped": fixed(1.0)}),
    Fault(
        "feed-strength",
        "feed is stronger (or, below 0, weaker) than its tag says",
        FEED,
        {"strength": given("percent", base=1.0, scale=0.01)},
        {"percent": -5.0},
    ),
    Fault("probe-fouled", "coating makes a probe slow", PROBES, {"coating": given("share")}, {"share": 0.5}),
    Fault("probe-broken", "glass breaks: the probe reads near 7", PROBES, {"broken": fixed(1.0)}),
    Fault("probe-offset", "reference drifts away", PROBES, {"zero_mv": given("mv")}, {"mv": 12.0}),
    Fault("probe-ungrounded", "solution ground fails: ripple on the reading", PROBES, {"ungrounded": fixed(1.0)}),
    Fault("meter-nan", "meter shows NaN, with good status", METERS, {"fault": fixed(DEAD)}),
    Fault("meter-frozen", "meter keeps its last value, with good status", METERS, {"fault": fixed(FROZEN)}),
    Fault(
        "meter-stuck",
        "meter shows one value",
        METERS,
        {"fault": fixed(STUCK), "fault_value": given("value")},
        {"value": 0.0},
    ),
    Fault(
        "meter-bias",
        "meter is off by a constant",
        METERS,
        {"fault": fixed(BIASED), "fault_value": given("value")},
        {"value": 0.0},
    ),
    Fault("noise-off", "no instrument has noise", {"all": "*", **METERS}, {"noise_share": fixed(0.0)}),
    Fault("rectifier-trip", "power part trips", RECTIFIER, {"tripped": fixed(1.0)}),
    Fault(
        "rectifier-cv",
        "voltage sags: the rectifier runs limited by voltage",
        RECTIFIER,
        {"derated_v": given("volts")},
        {"volts": 2.8},
    ),
    Fault("cell-open-circuit", "a cell connection comes off", CELL, {"open_circuit": fixed(1.0)}),
    Fault("cell-short", "felt touches the anode side", CELL, {"short_ohm": given("ohm")}, {"ohm": 0.02}),
    Fault("cell-clogged", "felt is blocked in part", CELL, {"fouled": given("share")}, {"share": 0.4}),
    Fault("membrane-worn", "membranes at the end of their life", CELL, {"membrane_worn": fixed(1.5)}),
    Fault("membrane-leak", "acid leaks back", CELL, {"membrane_leak": given("times")}, {"times": 100.0}),
    Fault("purge-lost", "nitrogen fails", {"purge.flow_nm3_h": "purge_meter"}, {"measured": fixed(0.0)}),
):
    register(_fault)
