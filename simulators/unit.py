"""How a simulated unit is declared: a class of described fields and up to two plain functions.

A unit is one file `simulators/units/<kind>.py` with one class derived from `Unit` and

    release(u)      what leaves now: fills outlets and outputs from the present state; carries no time
    advance(u, dt)  integrates states over `dt` seconds with the inlets and outlets of this instant

In a step every unit releases first, in the order of the flowsheet, then every unit advances. What one unit loses and
the next gains is therefore the same number, and mass is conserved to rounding, whatever the loops in the piping.

Rules of a unit file: it imports `math` and modules of `simulators` only; the functions use arithmetic, `if`, bounded
`for`, `math`, `abs`, `min`, `max` and plain helper functions, since they run compiled as well as interpreted and must
give the same bits; a divisor is guarded; squares are written `x * x`.
"""

import ctypes
import importlib
import importlib.metadata
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, Protocol, get_args, get_type_hints

import numpy as np

from simulators.stream import COMPONENTS


class Vector(Protocol):
    """Numbers by index: a stream or a hold-up (see `simulators.stream`)."""

    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...


Param = Annotated[float, "param"]
"""A number that the flowsheet, a fault or a test sets."""
State = Annotated[float, "state"]
"""A number that the unit carries from step to step."""
In = Annotated[float, "in"]
"""A number from other units' outputs (several add) or, unwired, one that a device or a test writes."""
Out = Annotated[float, "out"]
"""A number that the unit computes in every step."""
Inlet = Annotated[Vector, "inlet"]
"""A stream that arrives, per second; several sources add."""
Outlet = Annotated[Vector, "outlet"]
"""A stream that leaves, per second; it must have exactly one way out, or shares that add up to one."""
Holdup = Annotated[Vector, "holdup"]
"""Conserved amounts inside the unit; counted by the balance tests."""


@dataclass(frozen=True, slots=True)
class Described:
    """Default and meaning of a field, as written in the class body."""

    default: float
    text: str
    copies: int = 1


def field(default: float, text: str) -> Any:
    """Describe a Param, State, In or Out: its value at the start and what it is; the unit is the name's last part."""
    return Described(default, text)


def stream(text: str, copies: int = 1) -> Any:
    """Describe an Inlet, Outlet or Holdup; `copies` hold-ups stand one behind the other (a pipe's segments)."""
    return Described(0.0, text, copies)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a unit's record; `offset` and `length` count numbers (8 bytes each)."""

    name: str
    role: str
    default: float
    text: str
    offset: int
    length: int


class Unit:
    """Root of all simulated units. It is never built: its records lie in the plant's memory."""


@dataclass(frozen=True)
class Kind:
    """A unit file, loaded: its fields in record order and its functions."""

    name: str
    module: ModuleType
    fields: dict[str, Field]
    release: Callable[[Any], None] | None
    advance: Callable[[Any, float], None] | None

    @property
    def size(self) -> int:
        """Length of one record, in numbers."""
        return sum(f.length for f in self.fields.values())

    def record(self) -> np.dtype[Any]:
        """The record as numpy sees it."""
        return np.dtype([(f.name, "f8", (f.length,)) if f.length > 1 else (f.name, "f8") for f in self.fields.values()])

    def structure(self) -> type[ctypes.Structure]:
        """The record as interpreted code sees it: attributes over the same memory."""
        items = [
            (f.name, ctypes.c_double * f.length if f.length > 1 else ctypes.c_double) for f in self.fields.values()
        ]
        return type(self.name, (ctypes.Structure,), {"_fields_": items, "__slots__": ()})


def load_kind(name: str) -> Kind:
    """Load the kind `name`: `simulators/units/<name>.py`, else an entry point of the group `simulators.units`.

    Raises LookupError when there is no such file and TypeError when the file breaks the form.
    """
    module = _module(name)
    classes = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, Unit)]
    own = [c for c in classes if c.__module__ == module.__name__]
    if len(own) != 1:
        raise TypeError(f"unit file {module.__name__} must hold exactly one unit class, it holds {len(own)}")
    release, advance = getattr(module, "release", None), getattr(module, "advance", None)
    if release is None and advance is None:
        raise TypeError(f"unit file {module.__name__} has neither release(u) nor advance(u, dt)")
    return Kind(name, module, _fields(own[0]), release, advance)


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(f"simulators.units.{name}")
    except ModuleNotFoundError as missing:
        if missing.name != f"simulators.units.{name}":
            raise
    for point in importlib.metadata.entry_points(group="simulators.units", name=name):
        module = point.load()
        if isinstance(module, ModuleType):
            return module
    raise LookupError(f"no unit kind '{name}': there is no file simulators/units/{name}.py and no entry point")


def _fields(unit: type[Unit]) -> dict[str, Field]:
    fields: dict[str, Field] = {}
    offset = 0
    for name, hint in get_type_hints(unit, include_extras=True).items():
        described = getattr(unit, name, None)
        if len(get_args(hint)) != 2 or not isinstance(described, Described):
            raise TypeError(f"{unit.__name__}.{name} must be annotated with a role and described with field or stream")
        role = str(get_args(hint)[1])
        vector = role in ("inlet", "outlet", "holdup")
        length = COMPONENTS * described.copies if vector else 1
        fields[name] = Field(name, role, described.default, described.text, offset, length)
        offset += length
    return fields
