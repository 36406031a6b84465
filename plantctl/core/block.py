"""The vocabulary a function block is written in: ports, parameters and states of one row, and the words for quality,
limits and modes.

A block kind is one class that declares one row, and one plain function `step(b, dt)`; a kind that takes part in a
cascade also has `back(b, dt)`, which answers upward. The class is never built: its annotations are the only source of
the record in memory, the wiring, the parameter schema, the manual table and the list of what is retained. The two
functions run as they stand or compiled, over the same memory and with the same bits.

What a block file may import is `__all__` below and `math`, nothing else.

    written                    in the record         who writes it
    pv: In                     v, q                  the runner, from the image, before each half
    y: Out                     v, q                  `step`; the runner carries it to the image
    sp: CasIn                  v, q, used, status    v, q as In; used, status by `back`, carried to the block above
    op: CasOut                 v, q, used, status    v, q as Out; used, status from the block below, before `back`
    x: Ports[In, Literal[8]]   8 times v, q          as In
    gain: Param[float]         f8                    commands only
    table: Values[Literal[8]]  8 times f8            the compiler
    setpoint: Tracked[float]   f8                    commands, and the block itself
    mode: Watched[int]         i8                    the block; a change is an event; a point of the image
    i: Shown[float]            f8                    the block; a point of the image
    di: State[float]           f8                    the block
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from plantctl.core.quality import BAD, GOOD, MARKS, NOT_YET, SEVERITY_MASK, SIMULATED, UNCERTAIN

__all__ = [
    "AUTO",
    "BAD",
    "CAS",
    "CONST",
    "GOOD",
    "HELD",
    "HIGH",
    "HUGE",
    "IMAN",
    "INIT",
    "LIMITS",
    "LOW",
    "MAN",
    "MARKS",
    "MODE_WORDS",
    "NONE",
    "NOT_YET",
    "OOS",
    "OUT_OF_RANGE",
    "OUT_OF_SERVICE",
    "RCAS",
    "ROUT",
    "SIMULATED",
    "SUBSTITUTED",
    "TRK",
    "UNCERTAIN",
    "Block",
    "CasIn",
    "CasOut",
    "In",
    "Literal",
    "Out",
    "Param",
    "Ports",
    "Shown",
    "State",
    "Tracked",
    "Values",
    "Watched",
    "bad",
    "clip",
    "clock",
    "lasted",
    "mirror",
    "param",
    "port",
    "shown",
    "state",
    "values",
    "watched",
    "worst",
]

# Limits of an answer or an output (bits 0-1 of `status`) and the request to initialise (bit 2).
NONE: Final = 0
LOW: Final = 1
HIGH: Final = 2
CONST: Final = 3
LIMITS: Final = 3
INIT: Final = 4

# Modes, by number (interfaces of the product, never renumbered).
OOS: Final = 0
IMAN: Final = 1
TRK: Final = 2
MAN: Final = 3
AUTO: Final = 4
CAS: Final = 5
RCAS: Final = 6
ROUT: Final = 7
MODE_WORDS: Final = ("oos", "iman", "trk", "man", "auto", "cas", "rcas", "rout")

# Whole quality words a block may need to give: see core.quality for the layout.
OUT_OF_RANGE: Final = BAD | (5 << 9)
HELD: Final = UNCERTAIN | (9 << 9)
SUBSTITUTED: Final = UNCERTAIN | (8 << 9)
OUT_OF_SERVICE: Final = BAD | (7 << 9)

# A value at or beyond this is treated as not finite: differences of two such values could overflow.
HUGE: Final = 1e30

T = TypeVar("T", float, int, bool)
P_co = TypeVar("P_co", covariant=True)
N = TypeVar("N")


class In(Protocol):
    """A port that reads a point of the image: value in the wired tag's unit, quality word."""

    @property
    def v(self) -> float: ...
    @property
    def q(self) -> int: ...


class Out(Protocol):
    """A port that writes a point of the image."""

    v: float
    q: int


class CasIn(Protocol):
    """A port that takes a request from above and answers it: `used` the value really used, `status` limits and INIT."""

    used: float
    status: int

    @property
    def v(self) -> float: ...
    @property
    def q(self) -> int: ...


class CasOut(Protocol):
    """A port that gives a request downward and hears the answer."""

    v: float
    q: int

    @property
    def used(self) -> float: ...
    @property
    def status(self) -> int: ...


class Ports(Generic[P_co, N]):
    """A fixed number of equal ports, read as `b.x[k].v`; how many are wired is a field beside it."""

    def __getitem__(self, index: int) -> P_co:
        raise NotImplementedError("a row is laid over memory, never built")

    def __len__(self) -> int:
        raise NotImplementedError("a row is laid over memory, never built")


class Values(Generic[N]):
    """A fixed number of floats set by the compiler, read as `b.table[k]`."""

    def __getitem__(self, index: int) -> float:
        raise NotImplementedError("a row is laid over memory, never built")

    def __len__(self) -> int:
        raise NotImplementedError("a row is laid over memory, never built")


class Block:
    """Base of every declaration; one row is one block."""


Param = Annotated[T, "param"]
Tracked = Annotated[T, "tracked"]
Watched = Annotated[T, "watched"]
Shown = Annotated[T, "shown"]
State = Annotated[T, "state"]


@dataclass(frozen=True, slots=True)
class Declaration:
    """What stands on the right of a field: unit, meaning, range, default, words of an enumeration, kind of event.

    `unit` is a unit of the product's table, a port's name (the unit of what is wired to it), `delta PORT` (a
    difference in that unit), a quotient such as `op/pv` or `op/s`, `any` (whatever is wired), `1` or empty.
    `minimum` and `maximum` include the bound, `above` does not. `tuning` marks what must set `rebalance` when written.
    """

    unit: str = ""
    doc: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    default: float | int | bool | None = None
    words: tuple[str, ...] = ()
    event: str = "watched"
    retain: bool = True
    tuning: bool = False
    optional: bool = False
    free: bool = False
    whole: bool = False


def port(unit: str, doc: str, *, optional: bool = False, free: bool = False, whole: bool = False) -> Any:
    """Declare a port. An optional input may stay unwired: it then reads bad, not-yet, for ever.

    An output is computed in `unit`, and a configuration that says another is refused; `free` is for a block that
    converts by its own parameters: there `unit` is only what stands where the configuration says nothing. `whole` is
    for one that gives 0 and 1, or counts: it is written without a fraction.
    """
    return Declaration(unit, doc, optional=optional, free=free, whole=whole)


def param(
    unit: str,
    doc: str,
    *,
    default: float | bool | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    words: Sequence[str] = (),
    tuning: bool = False,
) -> Any:
    """Declare a parameter; without a default the configuration must give it."""
    return Declaration(unit, doc, minimum, maximum, above, default, tuple(words), tuning=tuning)


def values(unit: str, doc: str) -> Any:
    """Declare an array that the compiler fills."""
    return Declaration(unit, doc, default=0.0)


def state(unit: str, doc: str, *, default: float | bool | None = None, retain: bool = True) -> Any:
    """Declare a state whose first value is not zero, or that is worth a line in the manual."""
    return Declaration(unit, doc, default=default, retain=retain)


def shown(unit: str, doc: str, *, default: float | bool | None = None, words: Sequence[str] = ()) -> Any:
    """Declare a state that is a point of the image as `TAG.field`."""
    return Declaration(unit, doc, default=default, words=tuple(words))


def watched(
    unit: str, doc: str, *, event: str = "watched", words: Sequence[str] = (), default: float | bool | None = None
) -> Any:
    """Declare a state whose every change is an event of kind `event`, told with `words` where there are any."""
    return Declaration(unit, doc, default=default, words=tuple(words), event=event)


Role = Literal["in", "out", "cas_in", "cas_out", "param", "values", "tracked", "watched", "shown", "state"]
PORT_ROLES: Final = ("in", "out", "cas_in", "cas_out")
_PORT_ROLE: Final[dict[type, Role]] = {In: "in", Out: "out", CasIn: "cas_in", CasOut: "cas_out"}


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field of a kind. `count` is 0 for a single field and the length for `Ports` and `Values`."""

    name: str
    role: Role
    type: type
    count: int
    declared: Declaration

    @property
    def is_port(self) -> bool:
        """Whether the field is wired."""
        return self.role in PORT_ROLES

    @property
    def is_point(self) -> bool:
        """Whether the field is a point of the image written by the block."""
        return self.role in ("out", "cas_out", "tracked", "watched", "shown")

    @property
    def first_value(self) -> float | int:
        """The value of a fresh row: 0 unless declared."""
        return 0 if self.declared.default is None else self.declared.default


_FIELDS: Final[dict[int, tuple[type[Block], tuple[Field, ...]]]] = {}


def fields(kind: type[Block]) -> tuple[Field, ...]:
    """Every field of `kind` in the order of its text; `TypeError` names one that is not of this vocabulary."""
    known = _FIELDS.get(id(kind))
    if known is not None:
        return known[1]
    found = []
    for name, hint in get_type_hints(kind, include_extras=True).items():
        declared = kind.__dict__.get(name, Declaration())
        if not isinstance(declared, Declaration):
            raise TypeError(f"{kind.__name__}.{name}: the right side must be port(...), param(...) or the like")
        found.append(_field(kind, name, hint, declared))
    _FIELDS[id(kind)] = (kind, tuple(found))
    return tuple(found)


def _field(kind: type[Block], name: str, hint: Any, declared: Declaration) -> Field:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PORT_ROLE:
        return Field(name, _PORT_ROLE[hint], float, 0, declared)
    if origin is Ports and arguments[0] in (In, CasIn):
        return Field(name, _PORT_ROLE[arguments[0]], float, int(get_args(arguments[1])[0]), declared)
    if origin is Values:
        return Field(name, "values", float, int(get_args(arguments[0])[0]), declared)
    if origin is Annotated and arguments[0] in (float, int, bool) and len(arguments) == 2:
        if arguments[1] == "watched" and arguments[0] is float:
            raise TypeError(f"{kind.__name__}.{name}: Watched is int or bool; a float changes at every scan")
        return Field(name, arguments[1], arguments[0], 0, declared)
    raise TypeError(f"{kind.__name__}.{name}: {hint} is not a port, Param, Tracked, Watched, Shown or State")


class _Readable(Protocol):
    @property
    def v(self) -> float: ...
    @property
    def q(self) -> int: ...


def bad(p: _Readable) -> bool:
    """Whether a port's value must not be used: bad quality, NaN, infinite, or so large that a difference overflows."""
    return (p.q & SEVERITY_MASK) >= BAD or not abs(p.v) < HUGE


def worst(a: int, b: int) -> int:
    """The worse of two quality words, whole; the first where they are equally bad."""
    if (b & SEVERITY_MASK) > (a & SEVERITY_MASK):
        return b
    return a


def clip(x: float, low: float, high: float) -> float:
    """`x` within [low, high]; `low` wins where the bounds cross; NaN stays NaN."""
    if x > high:
        x = high
    if x < low:
        x = low
    return x


def clock(elapsed_s: float, runs: bool, dt: float) -> float:
    """What a clock shows, s: 0 at the scan where it starts, then the time since; -1 while it does not run.

    The scan that sees a condition for the first time knows nothing of the time before it, so nothing is counted there:
    a delay of 1.5 s is over 1.5 s after that scan, as with the on-delay timer of IEC 61131-3 (TON). Ends at 1e9 s.
    """
    if not runs:
        return -1.0
    return 0.0 if elapsed_s < 0.0 else min(elapsed_s + dt, 1e9)


def lasted(elapsed_s: float, wanted_s: float) -> bool:
    """Whether a clock runs and has run long enough; a billionth of slack, since sums of scans are not exact."""
    return elapsed_s >= 0.0 and elapsed_s >= wanted_s - 1e-9


def mirror(limits: int, sign: float) -> int:
    """A limit below as the block above must read it: low and high change places where `sign` is negative."""
    if sign < 0.0:
        if limits == LOW:
            return HIGH
        if limits == HIGH:
            return LOW
    return limits
