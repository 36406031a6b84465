"""A plant as its text says it, section by section: names complete, templates unfolded, forms checked, nothing linked.

One class a section of the configuration, one field a key; the field's type is the check. A trailing underscore stands
where the key is a word of Python (`for_`, `else_`, `while_`). Quantities, durations, references and expressions are
still the engineer's text; a bare number stands for the unit that is expected at its place.

`SourcePlant.places` finds the place of anything in the text again, by the path of its keys as written in YAML:
`places.of("loops", "40-AIC-4212", "tuning", "gain")`.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, Literal

from plantctl.plan.places import Places
from plantctl.plan.shapes import (
    Duration,
    Expression,
    Flag,
    Item,
    LongDuration,
    ManualOutput,
    Name,
    Number,
    Quantity,
    Reference,
    Shape,
    Size,
    StateNumber,
    Text,
    Value,
    Vote,
    Whole,
)
from plantctl.plan.source_display import Display
from plantctl.plan.source_forms import STRICT, OneOrMore, Rest, Short
from plantctl.plan.source_lab import Lab
from plantctl.plan.source_opcua import Metrics, OpcuaServer
from plantctl.plan.source_recording import Record, Recording

Range = tuple[Quantity, Quantity]
Anything = Annotated[Any, Shape("anything", lambda value: value, {})]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantHead:
    """`plant:`"""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    name: Text
    text: Text = ""
    retain_for: Duration = "24 h"
    history_for: LongDuration | None = None
    history_size: Size = "20 GB"
    log_size: Size = "2 GB"
    recording: tuple[Recording, ...] = ()
    opcua_server: OpcuaServer | None = None
    metrics: Metrics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """`tasks: {control: 1 s}` or `{control: {period: 1 s, phase: 20 ms, overrun: skip}}`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    period: Duration
    phase: Duration | None = None
    overrun: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """`devices:`; everything but `kind` belongs to the driver and is checked by the driver's own `Config`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    kind: Name
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sink:
    """`sinks:`; everything but `kind` belongs to the sink's kind and is checked by its own `Config`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    kind: Name
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """`tags:` and the rows of a tag table. `device` empty: the value is written inside the plan, or by hand."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    service: Text = ""
    device: Name = ""
    item: Item = ""
    profile: Text = ""
    station: Whole | None = None
    unit: Text = ""
    range: Range | None = None
    stale_after: Duration | None = None
    initial: Value | None = None
    access: Literal["read", "write"] = "read"
    readback: Reference = ""
    flat_line_after: Duration | None = None
    flat_line_above: Quantity | None = None
    expect_change_within: Duration | None = None
    system: Literal["", "sis"] = ""
    fail_safe: Value | None = None
    poll: Duration | None = None
    states: dict[StateNumber, Text] = field(default_factory=dict)
    decimals: Whole | None = None
    lab: Lab | None = None
    record: Annotated[Record, Short("keep")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A forward connection: `TAG`, or `{tag: TAG, delay: 1 scan}`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    tag: Reference
    delay: Literal["", "1 scan"] = ""


WireSpec = Annotated[Wire, Short("tag")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """`schedule:` of a loop's tuning: what share of the gain counts where `by` is at each of these values."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    by: WireSpec
    at: Annotated[tuple[Quantity, ...], OneOrMore()]
    share: Annotated[tuple[Number, ...], OneOrMore()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """`tuning:` of a loop."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    gain: Quantity
    integral: Duration | None = None
    derivative: Duration | None = None
    filter: Quantity | None = None
    beta: Number | None = None
    gamma: Number | None = None
    tracking: Duration | None = None
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopLimits:
    """`limits:` of a loop: of its output, of the output's rate, of the set-point."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    out: Range | None = None
    rate: Quantity | None = None
    rate_up: Quantity | None = None
    rate_down: Quantity | None = None
    setpoint: Range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadPv:
    """`on_bad_pv:` a chain of steps: switch to another probe, else hold for a time, then manual."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    switch_to: Reference = ""
    hold: Duration | None = None
    manual: ManualOutput | None = None
    else_: "BadPv | None" = None
    then: "BadPv | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """`gap:` of a loop: `0.1 pH`, or `{width: 0.1 pH, gain: 0.2}`; inside it the gain counts `gain` times."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    width: Quantity
    gain: Number = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """`loops:`"""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    pv: WireSpec
    out: Reference = ""
    split: dict[Reference, Range] = field(default_factory=dict)
    kind: Name = "pid"
    text: Text = ""
    owner: Text = ""
    task: Name = ""
    setpoint: Quantity | None = None
    action: Literal["direct", "reverse"] = "reverse"
    tuning: Tuning | None = None
    feedforward: Expression | None = None
    limits: LoopLimits | None = None
    on_bad_pv: BadPv | None = None
    mode: Literal["", "oos", "man", "auto", "cas", "rcas", "rout"] = ""
    gap: Annotated[Gap, Short("width")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnBad:
    """`on_bad:` of a cause."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    policy: Literal["safety", "degrade", "availability"] = "safety"
    trip_after: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """`causes:`; `when` has one expression a channel of the vote."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    when: Annotated[tuple[Expression, ...], OneOrMore()]
    text: Text = ""
    arm: Expression | None = None
    clear: Expression | None = None
    for_: Duration | None = None
    vote: Vote = "1oo1"
    on_bad: OnBad | None = None
    mirrors: Text = ""
    process_safety_time: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """`verify:` of an effect: what the named tag must show, and how soon."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    tag: Reference
    within: Duration
    below: Quantity | None = None
    above: Quantity | None = None
    equals: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """`effects:`"""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    text: Text = ""
    force: dict[Reference, Value] = field(default_factory=dict)
    limit: dict[Reference, Anything] = field(default_factory=dict)
    scale: dict[Reference, Quantity] = field(default_factory=dict)
    start: Anything = None
    request: Anything = None
    inhibit: Anything = None
    rank: Whole | None = None
    verify: Verify | None = None
    else_: Name = ""
    after: Expression | None = None
    while_: Expression | None = None
    ramp: Duration | None = None
    group: Name = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`alarms:` of one tag: its limits and what the operator is told."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    low_low: Quantity | None = None
    low: Quantity | None = None
    high: Quantity | None = None
    high_high: Quantity | None = None
    on_delay: Duration | None = None
    off_delay: Duration | None = None
    arm: Expression | None = None
    dead_band: Quantity | None = None
    priority: Whole | None = None
    latched: Flag = False
    text: Text = ""
    cause: Text = ""
    consequence: Text = ""
    response: Text = ""
    time: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculated:
    """`calculated:` an expression, or `{expression, unit, delay}`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    expression: Expression
    unit: Text = ""
    delay: Literal["", "1 scan"] = ""
    service: Text = ""
    task: Name = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEntry:
    """`blocks:` the general form; everything but `kind` and `task` is the kind's own: ports, parameters."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    kind: Name
    task: Name = ""
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """`outputs:` what the arbiter of one written tag adds."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    text: Text = ""
    from_: Reference = ""
    limits: Range | None = None
    rate: Quantity | None = None
    rate_up: Quantity | None = None
    rate_down: Quantity | None = None
    pulse: Duration | None = None
    initial: Value | None = None
    fail_safe: Value | None = None
    task: Name = ""
    write: Literal["", "direct", "confirm", "confirm-reason"] = ""


Mark = Literal["latched", "auto"]


@dataclass(frozen=True, slots=True)
class Section:
    """What a section's entries are, in the type system and in words; `of_tags`: its keys are tags and take the area."""

    form: Any
    words: str
    of_tags: bool = False


SECTIONS: Final[dict[str, Section]] = {
    "tasks": Section(Annotated[Task, Short("period")], "a task"),
    "devices": Section(Annotated[Device, Rest("kind")], "a device"),
    "tags": Section(Tag, "a tag", of_tags=True),
    "loops": Section(Loop, "a loop", of_tags=True),
    "causes": Section(Cause, "a cause"),
    "effects": Section(Effect, "an effect"),
    "chart": Section(dict[Name, Mark], "a row of the chart"),
    "permissives": Section(dict[Text, Expression], "a permissive", of_tags=True),
    "alarms": Section(Alarm, "an alarm", of_tags=True),
    "calculated": Section(Annotated[Calculated, Short("expression")], "a calculated tag", of_tags=True),
    "blocks": Section(Annotated[BlockEntry, Rest("kind", "task")], "a block", of_tags=True),
    "outputs": Section(Output, "an output", of_tags=True),
    "sequences": Section(Anything, "a sequence"),
    "displays": Section(Display, "a display"),
    "sinks": Section(Annotated[Sink, Rest("kind")], "a sink"),
}
NAMED_SECTIONS: Final = tuple(name for name in SECTIONS if name != "tasks")
"""Sections that a template can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlant:
    """The whole plant. Each section is in the order of the text, included files in their place.

    An entry that has findings is missing here and named in `broken`, so that whoever links can tell "not defined"
    from "defined, but with errors of its own". `complete` is false when a file could not be read at all: then names
    may be missing for that reason alone, and complaints about unknown names would be noise. `order` has the section
    and the name of every good entry, in the order of the text over all sections and files.
    """

    places: Places
    plant: PlantHead | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    tags: dict[str, Tag] = field(default_factory=dict)
    loops: dict[str, Loop] = field(default_factory=dict)
    causes: dict[str, Cause] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    chart: dict[str, dict[str, Mark]] = field(default_factory=dict)
    permissives: dict[str, dict[str, str]] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    calculated: dict[str, Calculated] = field(default_factory=dict)
    blocks: dict[str, BlockEntry] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    sequences: dict[str, Any] = field(default_factory=dict)
    displays: dict[str, Display] = field(default_factory=dict)
    sinks: dict[str, Sink] = field(default_factory=dict)
    order: tuple[tuple[str, str], ...] = ()
    broken: frozenset[tuple[str, str]] = frozenset()
    complete: bool = True
