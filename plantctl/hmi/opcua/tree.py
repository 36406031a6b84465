"""What of a plant is shown over OPC UA, and where: a tree of names, worked out of the plan alone.

    Objects / <plant> / Tags / <area> / <tag>              a variable each, its points (`.permit`) below it
                        Loops / <area> / <loop>            object: pv, sp, op, mode and so on
                        Alarms / <area> / <alarm>          object: state, active, texts; method Acknowledge
                        Protection / Causes, Effects       objects, read only but for the method Reset of an effect
                        System                             the plant's own statistics
                        Commands                           methods: Set, Mode, Output, Acknowledge, Reset

A point's node is called by its full name, the same for ever (`40-AIC-4212.sp`); what is no point has a path with a
slash in front (`/loop/40-AIC-4212`), which no point's name can have; a property is its owner's name, a slash, its own,
and so is what says how a point's history is to be read (`40-TI-4012/HA Configuration`).

Rules of the file: pure; no library. Nothing is searched for, so that it is made in a time linear in the points; what a
node is beyond its place is worked out when it is asked for.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from plantctl.core.recording import Keep
from plantctl.hmi.describe.loops import loops
from plantctl.hmi.describe.plan_view import PlanView, states_of, unit
from plantctl.hmi.describe.point_range import range_of
from plantctl.hmi.describe.protection import alarms, causes, effects
from plantctl.hmi.describe.writes import WITH_REASON, write_classes
from plantctl.hmi.point_names import PointNames
from plantctl.plan.plan import Plan, Point, Writer

ROOT: Final = "/"
COMMANDS: Final = "/commands"
ACKNOWLEDGE: Final = "/method/Acknowledge"
RESET: Final = "/method/Reset"
WORDS_MAX: Final = 64
# How the history of a point is to be read (OPC 10000-11, 5.2), by ids that begin with the point's.
HISTORY: Final = "HA Configuration"
AGGREGATES: Final = "AggregateConfiguration"
_AREA: Final = re.compile(r"([0-9]+)-")


class Sort(Enum):
    """What a node is."""

    FOLDER = "folder"
    OBJECT = "object"
    POINT = "point"
    PROPERTY = "property"
    METHOD = "method"


@dataclass(frozen=True, slots=True)
class Span:
    """A range as a property."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EngineeringUnit:
    """A unit as a property, as the product writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Percent:
    """A share as a property, 0 to 100."""

    value: int


# No aggregates are offered; the type demands a word on them, and what our own averages do is that only good counts.
_AGGREGATES_TOLD: Final = {
    "TreatUncertainAsBad": True,
    "PercentDataBad": Percent(100),
    "PercentDataGood": Percent(100),
    "UseSlopedExtrapolation": False,
}


@dataclass(frozen=True, slots=True)
class Arguments:
    """Arguments of a method as a property: name, whether it is a number (else a text), meaning."""

    told: tuple[tuple[str, bool, str], ...]


@dataclass(frozen=True, slots=True)
class Write:
    """What a write of a point asks of the plant: verb and target; `words`: the value is given by its word."""

    verb: str
    target: str
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class Node:
    """One node: `parent` and `children` by id, `also` further nodes that it points to; `entry` of a point's name,
    `row` of the point; `properties` by name; `value` of a property.
    """

    id: str
    name: str
    sort: Sort
    parent: str
    text: str = ""
    children: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    row: int = 0
    properties: Mapping[str, Any] = field(default_factory=dict)
    value: Any = None


_VALUE: Final = ("Value", True, "in the target's unit")
_REASON: Final = ("Reason", False, "why, for the journal; needed where the page asks for one")
_EXPECT: Final = ("Expected", False, "what the target is thought to be: refused where it is not; empty: whatever it is")
# Method: its verb, what it does, the arguments between target and reason; those on an object have no target.
METHODS: Final[Mapping[str, tuple[str, str, tuple[tuple[str, bool, str], ...]]]] = {
    "/commands/Set": (
        "set",
        "write a value or a set-point",
        (("Target", False, "tag, or LOOP.sp"), _VALUE, _EXPECT, _REASON),
    ),
    "/commands/Mode": (
        "mode",
        "ask for a mode",
        (("Target", False, "loop"), ("Value", False, "man, auto or cas"), _EXPECT, _REASON),
    ),
    "/commands/Output": (
        "output",
        "set a loop's output; the loop must be in man",
        (("Target", False, "loop"), _VALUE, _EXPECT, _REASON),
    ),
    "/commands/Acknowledge": ("ack", "acknowledge", (("Target", False, "alarm, or tag for all of its"), _REASON)),
    "/commands/Reset": (
        "reset",
        "release a trip whose causes are clear, or end a latched alarm",
        (("Target", False, "effect, group or alarm"), _REASON),
    ),
    ACKNOWLEDGE: ("ack", "acknowledge this alarm", (_REASON,)),
    RESET: ("reset", "release this effect, where its causes are clear", (_REASON,)),
}
ANSWER: Final = Arguments(
    (
        ("Stage", False, "how far it came: accepted or refused, as on the page"),
        ("Code", False, "a word for programs; empty where all is well"),
        ("Text", False, "a sentence for people"),
    )
)


class Tree:
    """The nodes of one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names = PointNames(plan)
        self._view = PlanView(plan)
        self._nodes: dict[str, Node] = {}
        # What a point is called below its object, and the object.
        self._parts: dict[str, tuple[str, str]] = {}
        self._classes = {name: write["class"] for name, write in write_classes(self._view).items()}
        self._folder(ROOT, plan.name, "", plan.shown.text)
        for place, name in (("/tags", "Tags"), ("/loops", "Loops"), ("/alarms", "Alarms")):
            self._folder(place, name, ROOT)
        self._folder("/protection", "Protection", ROOT)
        self._folder("/causes", "Causes", "/protection")
        self._folder("/effects", "Effects", "/protection")
        self._folder("/system", "System", ROOT, "statistics of the scan, the log and the machine")
        self._put(Node(COMMANDS, "Commands", Sort.OBJECT, ROOT, "what a person or a program may ask of the plant"))
        for identifier, (_, text, arguments) in METHODS.items():
            parent = COMMANDS if identifier.startswith(COMMANDS) else ""
            told = {"InputArguments": Arguments(arguments), "OutputArguments": ANSWER}
            name = identifier.rpartition("/")[2]
            self._put(Node(identifier, name, Sort.METHOD, parent, text, properties=told))
        self._objects()
        self._points()

    def find(self, identifier: str) -> Node | None:
        """The node of an id; None where there is none."""
        found = self._nodes.get(identifier)
        if found is None and (slash := identifier.rfind("/")) > 0:
            owner = self._nodes.get(identifier[:slash]) or self._of_history(identifier[:slash])
            name = identifier[slash + 1 :]
            properties = self.properties(owner) if owner is not None else {}
            if name in properties:
                found = Node(identifier, name, Sort.PROPERTY, identifier[:slash], value=properties[name])
            else:
                found = self._of_history(identifier)
        return found

    def _of_history(self, identifier: str) -> Node | None:
        """What says how the history of a point is to be read; None where an id is of something else."""
        below, _, name = identifier.rpartition("/")
        within = name == AGGREGATES and below.endswith(f"/{HISTORY}")
        owner = self._nodes.get(below.removesuffix(f"/{HISTORY}") if within else below if name == HISTORY else "")
        if owner is None or owner.sort is not Sort.POINT:
            return None
        if within:
            return Node(identifier, name, Sort.OBJECT, below, properties=_AGGREGATES_TOLD)
        kept = self.plan.keeping.recording.get(self.point(owner).id)
        stepped = kept is None or kept.keep is not Keep.SWINGING_DOOR
        children = [f"{identifier}/{AGGREGATES}"]
        return Node(identifier, name, Sort.OBJECT, below, children=children, properties={"Stepped": stepped})

    def __iter__(self) -> Iterator[Node]:
        """All nodes but properties, parents before their children."""
        return iter(self._nodes.values())

    def __len__(self) -> int:
        return len(self._nodes)

    def point(self, node: Node) -> Point:
        """The point that a node shows."""
        return self.plan.points[node.row]

    def words(self, node: Node) -> tuple[str, ...]:
        """The words of a point by number, empty where a number has none; none where it is a plain number."""
        states = states_of(self.plan, self.point(node)) if node.sort is Sort.POINT else None
        numbers = {int(number): word for number, word in (states or {}).items()}
        if not numbers or min(numbers) < 0 or max(numbers) >= WORDS_MAX:
            return ()
        return tuple(numbers.get(number, "") for number in range(max(numbers) + 1))

    def properties(self, node: Node) -> Mapping[str, Any]:
        """The properties of a node by name, in order."""
        if node.sort is not Sort.POINT:
            return node.properties
        found: dict[str, Any] = {}
        point, words = self.point(node), self.words(node)
        if words:
            return {"EnumStrings": words}
        low, high = range_of(self._view, point)
        if low < high:
            found["EURange"] = Span(low, high)
        if unit(point.unit):
            found["EngineeringUnits"] = EngineeringUnit(point.unit)
        if node.text:
            found["Definition"] = node.text
        return found

    def write(self, node: Node) -> Write | None:
        """What a write of a node's value is; None where none is taken: of what no person writes, and of what is
        written with a reason, which a write has not.
        """
        name = self.point(node).name if node.sort is Sort.POINT else ""
        written = self._classes.get(name)
        if written is None or written == WITH_REASON:
            return None
        if name in self.plan.shown.loops:
            return Write("output", name)
        loop, _, part = name.rpartition(".")
        if part == "mode" and loop in self.plan.shown.loops:
            return Write("mode", loop, self.words(node))
        return Write("set", name)

    # -- building

    def _put(self, node: Node) -> Node:
        self._nodes[node.id] = node
        if node.parent:
            self._nodes[node.parent].children.append(node.id)
        return node

    def _folder(self, place: str, name: str, parent: str, text: str = "") -> None:
        self._put(Node(place, name, Sort.FOLDER, parent, text))

    def _area(self, place: str, name: str) -> str:
        """The folder of a tag's area below `place`; `place` itself where the tag tells none."""
        match = _AREA.match(name)
        if match is None:
            return place
        folder = f"{place}/{match[1]}"
        if folder not in self._nodes:
            self._folder(folder, match[1], place)
        return folder

    def _object(
        self, kind: str, tag: str, folder: str, text: str, points: Mapping[str, str], **properties: Any
    ) -> Node:
        kept = {name: value for name, value in properties.items() if value not in (None, "", ())}
        node = self._put(Node(f"/{kind}/{tag}", tag, Sort.OBJECT, folder, text, properties=kept))
        for part, point in points.items():
            self._parts.setdefault(point, (node.id, part))
        return node

    def _objects(self) -> None:
        view = self._view
        for loop in loops(view):
            tag = loop["loop"]
            node = self._object("loop", tag, self._area("/loops", tag), loop["text"], loop["points"], Out=loop["out"])
            node.also = [name for name in (loop["pv"], *loop["outputs"]) if name in self.plan.rows]
        for alarm in alarms(view):
            tag = alarm["alarm"]
            told = {key.title(): alarm[key] for key in ("limit", "side", "cause", "consequence", "response")}
            told |= {"Priority": alarm["priority"], "Latched": alarm["latched"]}
            node = self._object("alarm", tag, self._area("/alarms", tag), alarm["text"], alarm["points"], **told)
            node.also = [name for name in (alarm["tag"],) if name in self.plan.rows]
            node.children.append(ACKNOWLEDGE)
        for cause in causes(view):
            told = {"When": cause["when"], "Clear": cause["clear"], "Vote": cause["vote"]}
            told["Effects"] = tuple(cause["effects"])
            self._object("cause", cause["cause"], "/causes", cause["text"], cause["points"], **told)
        for effect in effects(view):
            told = {"Group": effect["group"], "Outputs": (*effect["outputs"], *effect["scales"])}
            told["Demands"] = tuple(effect["demands"])
            node = self._object("effect", effect["effect"], "/effects", effect["text"], effect["points"], **told)
            node.children.append(RESET)

    def _points(self) -> None:
        """Points below the object or the point that they are a part of. A further name is found, but not listed."""
        names, points = self.names, self.plan.points
        rows = dict(zip(names.names, names.rows.tolist(), strict=True))
        for name in sorted(rows, key=lambda name: name.count(".")):
            row = rows[name]
            parent, shown = self._place(name)
            sort = Node(name, shown, Sort.POINT, parent, points[row].text, row=row)
            if points[row].name == name:
                self._put(sort)
            else:
                self._nodes[name] = sort

    def _place(self, name: str) -> tuple[str, str]:
        """The parent of a point and what it is called there."""
        if name in self._parts:
            return self._parts[name]
        owner = name
        while (dot := owner.rfind(".")) > 0:
            owner = owner[:dot]
            for known in (owner, *(f"/{kind}/{owner}" for kind in ("loop", "alarm", "cause", "effect"))):
                if known in self._nodes:
                    return known, name[dot + 1 :]
        row = self.plan.rows[name]
        if self.plan.points[row].writer is Writer.EXECUTIVE or "." in name:
            return "/system", name
        return self._area("/tags", name), name
