"""One place to put faults in and take them out, by name: those of the plant and those of the wires and devices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.serve import Serving
from simulators.wire_faults import CATALOGUE, FaultRefused, Value, converted, nearest


@dataclass(frozen=True, slots=True)
class Active:
    """A fault that is in, with all its parameters."""

    name: str
    values: Mapping[str, Value]


class FaultBoard:
    """The faults of one served plant. Everything takes effect at once; times are the clock's of the serving."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._active: list[Active] = []

    def catalogue(self) -> dict[str, str]:
        """Every fault that can be injected, with its parameters and what it does, by name."""
        lines = {}
        for entry in CATALOGUE.values():
            parameters = " ".join(f"{name}={value}" for name, value in entry.parameters.items())
            lines[entry.name] = f"{entry.text} [{parameters}]" if parameters else entry.text
        return lines

    def active(self) -> list[Active]:
        """What is in now, in the order it was put in."""
        return list(self._active)

    def inject(self, name: str, **given: Any) -> Active:
        """Put a fault in; a second one of the same name and target replaces the first. Raises FaultRefused."""
        entry = CATALOGUE.get(name)
        if entry is None:
            raise FaultRefused(f"no fault `{name}`{nearest(name, list(self.catalogue()))}")
        values = converted(name, entry.parameters, given)
        if "device" in values and not self._serving.wires:
            raise FaultRefused(f"{name} needs a wire, and this plant is served without sockets")
        entry.put(self._serving, values)
        fault = Active(name, values)
        self._active = [a for a in self._active if not _same_target(a, fault)] + [fault]
        return fault

    def clear(self, name: str, **given: Any) -> int:
        """Take out every fault of that name (and those parameters, if given), or `all`; how many were in.

        Raises FaultRefused for a name that does not exist; clearing what is not in is no error.
        """
        if name != "all" and name not in self.catalogue():
            raise FaultRefused(f"no fault `{name}`{nearest(name, [*self.catalogue(), 'all'])}")
        out = [a for a in self._active if name in ("all", a.name) and _matches(a, given)]
        for fault in out:
            CATALOGUE[fault.name].lift(self._serving, fault.values)
            self._active.remove(fault)
        return len(out)


def _same_target(a: Active, b: Active) -> bool:
    return a.name == b.name and all(a.values.get(key) == b.values.get(key) for key in ("device", "unit", "tag"))


def _matches(fault: Active, given: Mapping[str, Any]) -> bool:
    return all(key in fault.values and str(fault.values[key]) == str(value) for key, value in given.items())
