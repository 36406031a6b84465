"""What people are shown of a plant and no scan needs: wording, guidance, write classes, displays.

It travels with the plan, so that whoever is handed the plan alone (a process of its own, an old log) can show the plant
as its engineer described it. Names are complete, numbers in the unit of the tag they belong to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

WriteClass = Literal["direct", "confirm", "confirm-reason"]
WRITE_CLASSES: Final = ("direct", "confirm", "confirm-reason")
Show = Literal["", "indicator", "value", "state", "valve", "pump"]


@dataclass(frozen=True, slots=True)
class ShownTag:
    """What the text says of a tag beyond its point: the device's `item`, the words of its states by number, decimals
    (None: by its range), the write class of an output (empty: by what it is), `system` (`sis` or empty).
    """

    item: str = ""
    system: str = ""
    states: Mapping[int, str] = field(default_factory=dict)
    decimals: int | None = None
    write: str = ""


@dataclass(frozen=True, slots=True)
class ShownLoop:
    """What a loop controls and what it writes: an output, the loop below, or the block that splits it over `splits`."""

    text: str
    pv: str
    out: str
    splits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Guidance:
    """What the operator is told of an alarm; `time_s` is how long there is to act, NaN where the text says nothing.

    A `latched` alarm stays until a person resets it. `arm` is the condition while which it counts, as the text has it;
    empty where it always does.
    """

    cause: str
    consequence: str
    response: str
    time_s: float
    text: str = ""
    latched: bool = False
    arm: str = ""


@dataclass(frozen=True, slots=True)
class ShownCause:
    """What the text says of a cause beyond its conditions; `channels` are its conditions, one each of the vote."""

    channels: tuple[str, ...]
    arm: str
    vote: str
    mirrors: str


@dataclass(frozen=True, slots=True)
class DisplayItem:
    """A tag or a loop of an overview; `show` is empty where its kind decides."""

    name: str
    is_loop: bool
    show: Show


@dataclass(frozen=True, slots=True)
class DisplayColumn:
    """A column of a matrix; `deviation` from the middle of the column, in `unit`, is marked (NaN: nothing is)."""

    name: str
    text: str
    unit: str
    deviation: float


@dataclass(frozen=True, slots=True)
class Display:
    """An overview of `groups` (name, items), or a matrix of `rows` (name, tag of each column) and `columns`."""

    name: str
    text: str
    groups: tuple[tuple[str, tuple[DisplayItem, ...]], ...] = ()
    rows: tuple[tuple[str, Mapping[str, str]], ...] = ()
    columns: tuple[DisplayColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """All of it: the plant's own text, and entries by the full name of the tag, loop or cause.

    `tags` has the tags and the blocks that the text names itself, not the points that come with them.
    """

    text: str = ""
    tags: Mapping[str, ShownTag] = field(default_factory=dict)
    loops: Mapping[str, ShownLoop] = field(default_factory=dict)
    guidance: Mapping[str, Guidance] = field(default_factory=dict)
    causes: Mapping[str, ShownCause] = field(default_factory=dict)
    displays: tuple[Display, ...] = ()
