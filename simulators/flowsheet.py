"""A plant as a list of units, the streams between them and the wires that tell one unit what another knows.

The flowsheet is text-like data: names, kinds, numbers. `link` checks it and lays it out in one array of numbers, the
plant's memory, with a program of operations. Each operation is one half of one unit, preceded by the copying of its
inputs; streams and wires that end in the same field add up.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from simulators.noise import seeds
from simulators.stream import COMPONENTS
from simulators.unit import Field, Kind, load_kind

RELEASE, ADVANCE = 0, 1


@dataclass(frozen=True, slots=True)
class Placed:
    """A unit of the flowsheet: its name, its kind and the values that differ from the kind's defaults."""

    name: str
    kind: Kind
    values: dict[str, float | tuple[float, ...]]

    def field(self, name: str) -> Field:
        """The field `name`; raises ValueError with the fields there are."""
        if name not in self.kind.fields:
            raise ValueError(
                f"unit {self.name} ({self.kind.name}) has no field '{name}': {', '.join(self.kind.fields)}"
            )
        return self.kind.fields[name]


@dataclass(frozen=True, slots=True)
class Wire:
    """From one field to another, times `factor`; ends are written `unit.field`."""

    source: str
    target: str
    factor: float


@dataclass
class Flowsheet:
    """Units in the order in which they release and advance, streams, wires and the names that devices see."""

    units: dict[str, Placed] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    signals: dict[str, str] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def add(self, name: str, kind: str, **values: float | tuple[float, ...]) -> None:
        """Place a unit. A vector's value is a tuple as long as the field. Raises ValueError, LookupError, TypeError."""
        if name in self.units:
            raise ValueError(f"unit {name} stands twice in the flowsheet")
        placed = Placed(name, load_kind(kind), values)
        for key, value in values.items():
            length = len(value) if isinstance(value, tuple) else 1
            if placed.field(key).length != length:
                raise ValueError(f"{name}.{key} takes {placed.field(key).length} numbers, not {length}")
        self.units[name] = placed

    def insert(self, name: str, kind: str, into: str, **values: float | tuple[float, ...]) -> None:
        """Place a unit of one `inlet` and one `outlet` in the streams that end in `into` (`unit.inlet`), before it.

        Raises what `add` and `stream` raise.
        """
        target, _ = self.find(into)
        self.add(name, kind, **values)
        self.wires = [replace(w, target=f"{name}.inlet") if w.target == into else w for w in self.wires]
        self.stream(f"{name}.outlet", into)
        order = [unit for unit in self.units if unit != name]
        order.insert(order.index(target.name), name)
        self.units = {unit: self.units[unit] for unit in order}

    def find(self, end: str) -> tuple[Placed, Field]:
        """The unit and field of `unit.field`; raises ValueError."""
        unit, _, name = end.partition(".")
        if unit not in self.units:
            raise ValueError(f"no unit '{unit}' in the flowsheet: {', '.join(self.units)}")
        return self.units[unit], self.units[unit].field(name)

    def stream(self, source: str, target: str, share: float = 1.0) -> None:
        """Pipe `share` of an outlet to an inlet. Raises ValueError."""
        self._join(source, "outlet", target, "inlet", share)

    def wire(self, source: str, target: str, factor: float = 1.0) -> None:
        """Tell the input `target` the output or state `source`, times `factor`. Raises ValueError."""
        self._join(source, "out state param", target, "in", factor)

    def signal(self, name: str, end: str, *, written: bool = False) -> None:
        """Give a field the name by which devices know it; `written` where devices may write it."""
        self.find(end)
        self.signals[name] = end
        if written:
            self.written.append(name)

    def _join(self, source: str, source_roles: str, target: str, target_role: str, factor: float) -> None:
        for end, roles in ((source, source_roles), (target, target_role)):
            role = self.find(end)[1].role
            if role not in roles.split():
                raise ValueError(f"{end} is of role {role}, here stands one of: {roles}")
        self.wires.append(Wire(source, target, factor))


@dataclass(frozen=True)
class Linked:
    """A flowsheet laid out: `memory` holds every field; `program` rows are kind and half, row, first and last wire."""

    kinds: tuple[Kind, ...]
    counts: tuple[int, ...]
    starts: tuple[int, ...]
    memory: NDArray[np.float64]
    program: NDArray[np.int64]
    wires: NDArray[np.int64]
    factors: NDArray[np.float64]
    addresses: dict[str, int]


def link(sheet: Flowsheet, seed: int) -> Linked:
    """Lay out a flowsheet, the noise of its instruments seeded by `seed`. Raises ValueError with what is wrong."""
    _check_outlets(sheet)
    kinds = tuple({u.kind.name: u.kind for u in sheet.units.values()}.values())
    members = {kind.name: [u for u in sheet.units.values() if u.kind.name == kind.name] for kind in kinds}
    addresses: dict[str, int] = {}
    starts: list[int] = []
    top = 0
    for kind in kinds:
        starts.append(top)
        for unit in members[kind.name]:
            addresses |= {f"{unit.name}.{f.name}": top + f.offset for f in kind.fields.values()}
            top += kind.size
    memory = np.zeros(top)
    for unit in sheet.units.values():
        _fill(unit, memory, addresses, seed)
    program, wires, factors = _program(sheet, kinds, addresses)
    counts = tuple(len(members[kind.name]) for kind in kinds)
    return Linked(kinds, counts, tuple(starts), memory, program, wires, factors, addresses)


def _check_outlets(sheet: Flowsheet) -> None:
    shares: dict[str, float] = defaultdict(float)
    for wire in sheet.wires:
        shares[wire.source] += wire.factor
    for unit in sheet.units.values():
        for f in unit.kind.fields.values():
            end = f"{unit.name}.{f.name}"
            if f.role == "outlet" and not math.isclose(shares[end], 1.0, rel_tol=1e-12):
                raise ValueError(f"outlet {end} leads {shares[end]:g} of its stream somewhere: it must be 1")


def _fill(unit: Placed, memory: NDArray[np.float64], addresses: dict[str, int], seed: int) -> None:
    values: dict[str, float | tuple[float, ...]] = {
        f.name: f.default for f in unit.kind.fields.values() if f.length == 1
    }
    if "random_a" in unit.kind.fields:
        values["random_a"], values["random_b"] = seeds(seed, unit.name)
    for name, value in (values | unit.values).items():
        start = addresses[f"{unit.name}.{name}"]
        memory[start : start + unit.kind.fields[name].length] = value


def _program(
    sheet: Flowsheet, kinds: tuple[Kind, ...], addresses: dict[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    into: dict[str, list[tuple[int, int, int, float]]] = defaultdict(list)
    met: set[str] = set()
    for wire in sheet.wires:
        for k in range(sheet.find(wire.target)[1].length // COMPONENTS * COMPONENTS or 1):
            row = (addresses[wire.target] + k, addresses[wire.source] + k, int(wire.target in met), wire.factor)
            into[wire.target.partition(".")[0]].append(row)
        met.add(wire.target)
    order = {kind.name: n for n, kind in enumerate(kinds)}
    placed: dict[str, int] = defaultdict(int)
    rows: dict[str, int] = {}
    for unit in sheet.units.values():
        rows[unit.name] = placed[unit.kind.name]
        placed[unit.kind.name] += 1
    program: list[tuple[int, int, int, int]] = []
    table: list[tuple[int, int, int, float]] = []
    for half in (RELEASE, ADVANCE):
        for unit in sheet.units.values():
            if (unit.kind.release if half == RELEASE else unit.kind.advance) is None:
                continue
            first = len(table)
            table += into[unit.name]
            program.append((2 * order[unit.kind.name] + half, rows[unit.name], first, len(table)))
    wires = np.array([row[:3] for row in table], dtype=np.int64).reshape(-1, 3)
    return np.array(program, dtype=np.int64).reshape(-1, 4), wires, np.array([row[3] for row in table])
