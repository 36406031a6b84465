"""The plant as a network of nodes: what every section of the text is lowered to before it is ordered and numbered.

A node is a block or an expression; an edge is a wire from a named point. Everything here still speaks in names and
remembers where in the text it came from, so that a finding of any later step can point at its line. Findings are
collected, never raised: one run tells all of them.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from plantctl.core.errors import Diagnostic, Place
from plantctl.core.units import Unit, UnitError, parse_duration_s, parse_unit, quantity_in
from plantctl.plan.kind import Kind, find_kind, kind_names
from plantctl.plan.plan import Writer
from plantctl.plan.source_plant import SourcePlant

Path = tuple[str | int, ...]
MAIN_POINTS = ("y", "op", "tripped", "ok", "state")
DIMENSIONLESS = "1"


@dataclass(slots=True)
class PointDecl:
    """A point somebody writes. `unit` may be empty until the writer's own inputs are known."""

    name: str
    writer: Writer
    owner: str
    path: Path
    unit: str = ""
    low: float = float("nan")
    high: float = float("nan")
    words: tuple[str, ...] = ()
    text: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge: the point read, whether as it was one scan ago, and the place of the reference."""

    point: str
    path: Path
    delayed: bool = False


@dataclass(slots=True)
class BlockNode:
    """One block: wires by (port, element), parameters in the units of the block, the unit of its main point.

    `adrift`: what gives the block its units leads nowhere; that is told, and what follows from it is not.
    """

    tag: str
    kind: Kind
    path: Path
    task: str = ""
    unit: str = ""
    wires: dict[tuple[str, int], Wire] = field(default_factory=dict)
    params: dict[str, float] = field(default_factory=dict)
    settings: dict[str, tuple[Any, Path]] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    adrift: bool = False


@dataclass(slots=True)
class ExpressionNode:
    """One expression: its text, the point it writes, whether it is a condition, the unit wanted (empty: its own)."""

    point: str
    text: str
    path: Path
    condition: bool
    unit: str = ""
    task: str = ""
    delayed: bool = False
    program: Any = None
    in_text: bool = True


@dataclass(slots=True)
class OutputNode:
    """A written tag: the block that writes it, its device's tag section, its read-back."""

    tag: str
    path: Path
    writer: BlockNode | None = None
    has_arbiter: bool = False


class Network:
    """The nodes and points of one plant, and the findings so far."""

    def __init__(self, source: SourcePlant) -> None:
        self.source = source
        self.findings: list[Diagnostic] = []
        self.points: dict[str, PointDecl] = {}
        self.aliases: dict[str, str] = {}
        self.blocks: dict[str, BlockNode] = {}
        self.expressions: dict[str, ExpressionNode] = {}
        self.outputs: dict[str, OutputNode] = {}

    # -- findings --------------------------------------------------------------------------------------------------

    def find(self, code: str, what: str, path: Path, *, key: bool = False, hint: str = "") -> None:
        """Note a finding at a path of the text."""
        self.findings.append(self.source.places.find(code, what, *path, key=key, hint=hint))

    def find_with(self, code: str, what: str, path: Path, also: Iterable[tuple[Place | None, str]], hint: str) -> None:
        """Note a finding with further places."""
        found = self.source.places.find(code, what, *path, hint=hint)
        self.findings.append(Diagnostic(found.code, found.what, found.where, hint, (*found.also, *also)))

    def find_at(self, code: str, what: str, place: Place | None, path: Path, hint: str = "") -> None:
        """Note a finding at a place inside the text of a path."""
        also = self.source.places.also(*path)
        self.findings.append(Diagnostic(code, what, place, hint, also))

    def place(self, path: Path) -> Place | None:
        """Where a path stands in the text."""
        return self.source.places.of(*path)

    # -- points ----------------------------------------------------------------------------------------------------

    def declare(self, point: PointDecl) -> bool:
        """Add a point. A second writer of one name is a finding that shows both places; False then."""
        other = self.points.get(point.name)
        if other is not None:
            self.find_with(
                "PC301",
                f"`{point.name}` has two writers",
                point.path,
                [(self.place(other.path), f"{other.owner or other.name} writes it here")],
                "one writer per point: take one out, or give it a tag of its own",
            )
            return False
        self.points[point.name] = point
        return True

    def resolve(self, name: str) -> PointDecl | None:
        """The point called `name`, through its alias if it has one."""
        return self.points.get(self.aliases.get(name, name))

    def unknown(self, name: str, path: Path, what: str = "tag", *, key: bool = False) -> None:
        """Note that a reference leads nowhere, unless the thing is in the text with errors of its own."""
        base = name.partition(".")[0]
        if not self.source.complete or any(broken == base for _, broken in self.source.broken):
            return
        known = [*self.points, *self.aliases]
        close = difflib.get_close_matches(name, known, 1, 0.6)
        sections = "tags, calculated or blocks" if what in ("tag", "output") else f"{what}s"
        hint = f"did you mean `{close[0]}`?" if close else f"define it under {sections}"
        self.find("PC302", f"{what} `{name}` is not known", path, key=key, hint=hint)

    # -- blocks ----------------------------------------------------------------------------------------------------

    def kind(self, name: str, path: Path) -> Kind | None:
        """The block kind called `name`; a finding where there is none."""
        try:
            return find_kind(name)
        except KeyError:
            close = difflib.get_close_matches(name, kind_names(), 1, 0.5)
            hint = f"did you mean `{close[0]}`?" if close else f"the kinds are {', '.join(kind_names())}"
            self.find("PC303", f"block kind `{name}` is not known", path, hint=hint)
            return None

    def add_block(self, node: BlockNode) -> BlockNode | None:
        """Add a block and declare its points; None where its tag is taken."""
        if node.tag in self.blocks:
            self.find_with(
                "PC301",
                f"`{node.tag}` is defined twice",
                node.path,
                [(self.place(self.blocks[node.tag].path), "the other is here")],
                "give one of them another tag",
            )
            return None
        self.blocks[node.tag] = node
        points = [f for f in node.kind.fields if f.is_point]
        main = next((name for name in MAIN_POINTS if any(f.name == name for f in points)), points[0].name)
        for f in points:
            name = node.tag if f.name == main else f"{node.tag}.{f.name}"
            if f.name == main:
                self.aliases[f"{node.tag}.{f.name}"] = node.tag
            node.names[f.name] = name
            self.declare(
                PointDecl(
                    name,
                    Writer.BLOCK,
                    node.tag,
                    node.path,
                    words=f.declared.words,
                    text=f.declared.doc,
                    whole=f.type is not float,
                )
            )
        return node

    def add_condition(self, point: str, text: str, path: Path, task: str, *, delayed: bool = False) -> str:
        """Add a condition (0 or 1) written at `path`; returns the point's name."""
        node = ExpressionNode(point, text, path, True, DIMENSIONLESS, task, delayed)
        if self.declare(PointDecl(point, Writer.EXPRESSION, point, path, DIMENSIONLESS, text=text, whole=True)):
            self.expressions[point] = node
        return point

    # -- numbers ---------------------------------------------------------------------------------------------------

    def seconds(self, text: object, path: Path, default: float = 0.0) -> float:
        """A duration in s; `default` where the text is None or a finding was made."""
        if text is None:
            return default
        try:
            return parse_duration_s(str(text))
        except UnitError as error:
            self.find("PC401", error.what, path, hint=error.hint)
            return default

    def unit(self, text: str, path: Path) -> Unit | None:
        """A unit; None where a finding was made."""
        try:
            return parse_unit(text or DIMENSIONLESS)
        except UnitError as error:
            self.find("PC402", error.what, path, hint=error.hint)
            return None

    def number(self, value: object, unit: Unit | None, path: Path, default: float = float("nan")) -> float:
        """A quantity in `unit`: a bare number stands for the unit that is expected; a text must name its own.

        A unit of another dimension is a finding; then, and where `unit` is None, `default` is returned.
        """
        if isinstance(value, bool | int | float):
            return float(value)
        if unit is None:
            return default
        try:
            return quantity_in(str(value), unit)
        except UnitError as error:
            self.find("PC403", error.what, path, hint=error.hint)
            return default

    def unit_of_point(self, name: str) -> str:
        """The unit text of a point, empty where it is not known (yet)."""
        point = self.resolve(name)
        return point.unit if point else ""
