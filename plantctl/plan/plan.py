"""The plan: everything the executive needs, as plain frozen data. Text in, this out; printable, hashed, comparable.

A plan holds no file, socket, clock or compiled code. `rows` are rows of the image; `None` never appears where a row is
meant: what is not wired reads row 0, which nobody writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np

from plantctl.core.errors import Place
from plantctl.core.feed import SinkPlan
from plantctl.core.field import DevicePlan
from plantctl.core.keeping import Keeping
from plantctl.core.metrics_serving import MetricsServing
from plantctl.core.opcua_serving import OpcuaServing
from plantctl.plan.expression import Program
from plantctl.plan.kind import Kind
from plantctl.plan.lab import LabTag
from plantctl.plan.shown import Shown

# The executive's point that is 1 while too many scans in a row come late.
OVERRUN_TRIP = "scan.overrun_trip"

# How old a retained state may be where the text says nothing: a day's stop is a stop, after that nobody remembers.
RETAIN_FOR_NS: Final = 86_400_000_000_000
KEEPING: Final = Keeping()
HISTORY_REMOVED: Final = "log.history_removed"
LOG_SPACE: Final = "log.space"


class Writer(IntEnum):
    """Who writes a point."""

    NOBODY = 0
    INPUT = 1  # a device, through the latch
    BLOCK = 2
    EXPRESSION = 3
    EXECUTIVE = 4  # the scan's own statistics; an input of the plan as far as replay goes
    DELAY = 5  # a copy of another row, one scan old


@dataclass(frozen=True, slots=True)
class Task:
    """A period at which blocks are stepped: `every` scans, at scans where `scan % every == phase`."""

    name: str
    period_ns: int
    every: int
    phase: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """One row of the image: its full name, stable id, unit, range (NaN where none) and who writes it.

    `owner` is the tag of the block or the device; `words` are the words of an enumeration; `text` says what it is;
    `whole` tells that it is a boolean, a number of an enumeration or a count.
    """

    name: str
    id: int
    row: int
    unit: str = ""
    writer: Writer = Writer.NOBODY
    owner: str = ""
    low: float = float("nan")
    high: float = float("nan")
    words: tuple[str, ...] = ()
    text: str = ""
    where: Place | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class InputRow:
    """How an input row is treated at the latch.

    `stale_after_ns`: older is uncertain, twice that is bad (0: never). `flat_after_ns`: an unchanged value for longer
    is bad, flat (0: never), unless it is at or below `flat_above`. `change_within_ns`: source time must move within it
    (0: not asked). `reads_back` is the row of the output whose device state this is, 0 for an ordinary input. `initial`
    is the value before any arrived.
    """

    row: int
    tag: str
    device: str = ""
    stale_after_ns: int = 0
    flat_after_ns: int = 0
    flat_above: float = float("-inf")
    change_within_ns: int = 0
    reads_back: int = 0
    initial: float = float("nan")
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class OutputRow:
    """A row that goes to a device: its arbiter (kind index, row) and its read-back row (0: none)."""

    row: int
    tag: str
    device: str
    arbiter: tuple[int, int]
    read_back: int = 0
    read_back_tolerance: float = 0.0
    verify_within_ns: int = 2_000_000_000
    fail_safe: float = float("nan")


@dataclass(frozen=True, slots=True)
class KindRows:
    """All rows of one kind, in plan order: tags, fresh records, and the wiring (`ins`, `outs`: i8 [rows, slots])."""

    kind: Kind
    tags: tuple[str, ...]
    rows: np.ndarray[Any, np.dtype[np.void]]
    ins: np.ndarray[Any, np.dtype[np.int64]]
    outs: np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class ExpressionRow:
    """One expression: its program, the rows it reads in the order of `program.inputs`, the row it writes."""

    tag: str
    program: Program
    reads: tuple[int, ...]
    row: int


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbours of one half of one kind in the order. `kind` is -1 for expressions; `half` is `back` or `step`."""

    kind: int
    half: str
    first: int
    count: int
    stride: int
    task: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where a parameter or state lives: kind, row, field; `unit` is what a person writes it in."""

    name: str
    kind: int
    row: int
    field: str
    unit: str = ""
    minimum: float = float("-inf")
    maximum: float = float("inf")
    above: float = float("-inf")
    tuning: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A named condition of a permissive: its row (1 good is permitted), and what the text says."""

    name: str
    row: int
    text: str


@dataclass(frozen=True, slots=True)
class EffectInfo:
    """What the gate must know of an effect: demands (cause tag, row), the outputs it forces or scales, its group."""

    tag: str
    group: str
    kind: int
    row: int
    tripped_row: int
    demands: tuple[tuple[str, int], ...]
    forces: tuple[str, ...]
    scales: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CauseInfo:
    """What `explain` and refusals say of a cause."""

    tag: str
    text: str
    when: str
    clear: str
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled plant. `hash` is 64 bits over the text of every source; `sources` maps file name to text.

    `overrun_trip_after` consecutive late scans trip every effect; 0 where late scans are only counted. Up to
    `overrun_catch_up` missed scans are made up one after the other; 0 where they are skipped. A retained state counts
    for `retain_for_ns`. `keeping` says how much is kept of what was recorded. `opcua_server` is how the plant is served
    to other programs; None: not at all. `metrics` says who may measure it, and what. `lab` are the laboratory tags.
    `shown` is what people are shown and no scan needs.
    """

    name: str
    hash: int
    sources: Mapping[str, str]
    period_ns: int
    tasks: tuple[Task, ...]
    points: tuple[Point, ...]
    inputs: tuple[InputRow, ...]
    outputs: tuple[OutputRow, ...]
    devices: tuple[DevicePlan, ...]
    kinds: tuple[KindRows, ...]
    expressions: tuple[ExpressionRow, ...]
    runs: tuple[Run, ...]
    delays: tuple[tuple[int, int], ...]
    addresses: Mapping[str, Address]
    permissives: Mapping[str, tuple[Condition, ...]]
    effects: Mapping[str, EffectInfo]
    causes: Mapping[str, CauseInfo]
    statistics: Mapping[str, int]
    rows: Mapping[str, int] = field(default_factory=dict)
    default_columns: tuple[str, ...] = ()
    overrun_trip_after: int = 0
    overrun_catch_up: int = 0
    retain_for_ns: int = RETAIN_FOR_NS
    keeping: Keeping = KEEPING
    sinks: tuple[SinkPlan, ...] = ()
    shown: Shown = field(default_factory=Shown)
    opcua_server: OpcuaServing | None = None
    metrics: MetricsServing | None = None
    lab: Mapping[str, LabTag] = field(default_factory=dict)

    @property
    def ids(self) -> np.ndarray[Any, np.dtype[np.uint32]]:
        """The stable id of each row, u4; 0 for row 0."""
        return np.array([p.id for p in self.points], np.uint32)
