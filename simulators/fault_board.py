"""One place to put faults in and take them out, by name: those of the plant and those of the wires and devices.

    board.inject("pump-trip")
    board.inject("late-answers", "RECT-01", late_s=0.5)
    board.clear("all")

The catalogue is `simulators.faults`; the board knows which faults happen to the plant and which to what serves it, and
what is in at present.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from simulators import circuit_faults, device_faults, faults, instrument_faults, wire_faults
from simulators.serve import Serving

# Entering the catalogue is what the import is for.
assert device_faults.RECTIFIERS
assert instrument_faults.OPEN_CIRCUIT_PH
assert circuit_faults.VALVE


class FaultRefused(Exception):
    """The fault cannot be put in or taken out as asked; the message says why and what would be right."""


@dataclass(frozen=True, slots=True)
class Active:
    """A fault that is in: its name, its target, all its parameters."""

    name: str
    target: str
    parameters: Mapping[str, float]


class FaultBoard:
    """The faults of one served plant. Everything takes effect at once; times are the clock's of the serving."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._active: dict[tuple[str, str], Active] = {}

    def catalogue(self) -> dict[str, dict[str, Any]]:
        """Every fault by name: `text`, `targets` (the first is the default), `parameters` with defaults."""
        found = {name: (fault, self._targets(fault)) for name, fault in sorted(faults.CATALOGUE.items())}
        return {
            name: {"text": fault.text, "targets": targets, "parameters": dict(fault.parameters)}
            for name, (fault, targets) in found.items()
            if targets or not fault.targets
        }

    def active(self) -> list[Active]:
        """What is in now, in the order it was put in."""
        return list(self._active.values())

    def inject(self, name: str, target: str = "", **given: Any) -> Active:
        """Put a fault in; a second time on the same target changes its parameters. Raises FaultRefused."""
        fault = self._find(name)
        target = self._target(fault, target)
        values = {key: _number(fault, key, value) for key, value in given.items()}
        if name in wire_faults.ON_THE_WIRE and not self._serving.wires:
            raise FaultRefused(f"{name} needs a wire, and this plant is served without sockets")
        try:
            faults.inject(self._rig(fault), name, target, **values)
        except (faults.FaultError, KeyError) as error:
            raise FaultRefused(str(error)) from error
        active = Active(name, target, {**fault.parameters, **values})
        self._active[name, target] = active
        return active

    def clear(self, name: str, target: str = "") -> int:
        """Take out a fault wherever it is in, or on one target; `all` takes out every fault. How many were in.

        Raises FaultRefused for a name or target that does not exist; clearing what is not in is no error.
        """
        if name != "all":
            fault = self._find(name, "all")
            target = self._target(fault, target) if target else ""
        out = [key for key in self._active if name in ("all", key[0]) and target in ("", key[1])]
        for key in out:
            faults.clear(self._rig(faults.CATALOGUE[key[0]]), *key)
            del self._active[key]
        return len(out)

    def _rig(self, fault: faults.Fault) -> Any:
        return self._serving.plant if fault.apply is None else self._serving

    def _find(self, name: str, *others: str) -> faults.Fault:
        fault = faults.CATALOGUE.get(name)
        if fault is None:
            raise FaultRefused(f"no fault `{name}`{nearest(name, [*faults.CATALOGUE, *others])}")
        return fault

    def _target(self, fault: faults.Fault, target: str) -> str:
        known = self._targets(fault)
        if fault.targets and not known:
            raise FaultRefused(f"{fault.name} does not happen to anything that this plant has")
        if target and known and target not in known:
            near = nearest(target, known)
            raise FaultRefused(f"{fault.name} does not happen to `{target}`{near}; it happens to: {', '.join(known)}")
        return target or next(iter(known), "")

    def _targets(self, fault: faults.Fault) -> list[str]:
        """Those of a fault's targets that this plant has."""
        if fault.apply is not None:
            here = [target for target in fault.targets if target in self._serving.targets]
            offered = fault.offered
            return here if offered is None else [target for target in here if offered(self._serving, target)]
        units = getattr(getattr(self._serving.plant, "sheet", None), "units", None)
        if units is None:
            return list(fault.targets)
        return [target for target, unit in fault.targets.items() if unit == "*" or unit in units]


def nearest(word: str, words: list[str]) -> str:
    """`; did you mean ...?` for a misspelt word, empty when nothing is near."""
    near = get_close_matches(word, words, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def _number(fault: faults.Fault, key: str, value: Any) -> float:
    if key not in fault.parameters:
        known = ", ".join(f"{k}={v:g}" for k, v in fault.parameters.items()) or "none"
        near = nearest(key, list(fault.parameters))
        raise FaultRefused(f"{fault.name} has no parameter `{key}`{near}; it has: {known}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise FaultRefused(f"{fault.name}: {key}={value} is not a number") from None
