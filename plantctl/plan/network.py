"""The plant as a network of nodes: what every section of the text is lowered to before it is ordered and numbered.

A node is a block or an expression; an edge is a wire from a named point. Everything here still speaks in names and
remembers where in the text it came from, so that a finding of any later step can point at its line. Findings are
collected, never raised: one run tells all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from plantctl.core.errors import Diagnostic, Place
from plantctl.core.recording import Recording
from plantctl.core.units import (
    Unit,
    UnitError,
    formula,
    parse_duration_s,
    parse_quantity,
    parse_unit,
    quantity_in,
)
from plantctl.plan.did_you_mean import meant
from plantctl.plan.kind import Kind, find_kind, kind_names
from plantctl.plan.plan import Writer
from plantctl.plan.shown import Shown
from plantctl.plan.source_plant import SourcePlant

Path = tuple[str | int, ...]
MAIN_POINTS = ("y", "op", "tripped", "ok", "state")
DIMENSIONLESS = "1"
REFERENCES_SHOWN = 3
_DEFINE = "define it under tags, calculated or blocks"
_NAMES_SHOWN = 12


@dataclass(slots=True)
class PointDecl:
    """A point somebody writes. `unit` may be empty until the writer's own inputs are known.

    `faulty`: its unit cannot be known because of a finding; what follows from that is not told again.
    """

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
    faulty: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge: the point read, whether as it was one scan ago, and the place of the reference."""

    point: str
    path: Path
    delayed: bool = False


@dataclass(slots=True)
class BlockNode:
    """One block: wires by (port, element), parameters in the units of the block, the unit of its main point.

    `follows` names the point whose unit the main point takes (the PV below a cascade). `faulty`: a finding was made
    about its wires or its unit, so that what follows from it is not told again.
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
    follows: str = ""
    faulty: bool = False
    task_path: Path = ()


@dataclass(slots=True)
class ExpressionNode:
    """One expression: its text, the point it writes, whether it is a condition, the unit wanted (empty: its own).

    `target_of` names the point whose unit is wanted where `unit` is empty. `in_text` is false for an expression that
    link made up: its columns are not those of the text at `path`.
    """

    point: str
    text: str
    path: Path
    condition: bool
    unit: str = ""
    task: str = ""
    delayed: bool = False
    program: Any = None
    in_text: bool = True
    target_of: str = ""


@dataclass(slots=True)
class OutputNode:
    """A written tag and its arbiter; None where an entry of `blocks` or `calculated` writes it by itself."""

    tag: str
    path: Path
    writer: BlockNode | None = None


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
        self.contested: set[str] = set()
        self.stuck: list[Diagnostic] = []
        self.shown = Shown()
        self.recording: dict[str, Recording] = {}
        self._unknown: dict[tuple[str, str], list[tuple[Diagnostic, Place | None]]] = {}

    # -- findings --------------------------------------------------------------------------------------------------

    def find(self, code: str, what: str, path: Path, *, key: bool = False, hint: str = "") -> None:
        """Note a finding at a path of the text."""
        self.findings.append(self.source.places.find(code, what, *path, key=key, hint=hint))

    def find_with(
        self,
        code: str,
        what: str,
        path: Path,
        also: Iterable[tuple[Place | None, str]],
        hint: str,
        *,
        key: bool = False,
    ) -> None:
        """Note a finding with further places."""
        found = self.source.places.find(code, what, *path, key=key, hint=hint)
        self.findings.append(Diagnostic(found.code, found.what, found.where, hint, (*found.also, *also)))

    def find_at(self, code: str, what: str, place: Place | None, path: Path, hint: str = "") -> None:
        """Note a finding at a place inside the text of a path."""
        also = self.source.places.also(*path)
        self.findings.append(Diagnostic(code, what, place, hint, also))

    def place(self, path: Path, *, key: bool = False) -> Place | None:
        """Where a path stands in the text: its value, or its key."""
        return self.source.places.of(*path, key=key)

    def inside(self, path: Path, span: tuple[int, int]) -> Place | None:
        """The place of the characters `span` of the text at a path, which may be the long form of a short one."""
        path = path if self.source.places.node(*path) is not None else path[:-1]
        return self.source.places.inside(*path, start=span[0], end=span[1])

    # -- points ----------------------------------------------------------------------------------------------------

    def declare(self, point: PointDecl) -> bool:
        """Add a point. A second writer of one name is a finding that shows both places; False then."""
        other = self.points.get(point.name)
        if other is not None:
            self.find_with(
                "PC301",
                f"`{point.name}` has two writers",
                point.path,
                [(self.place(other.path, key=True), "the other one stands here")],
                "one writer per point: take one out, or give it a tag of its own",
                key=True,
            )
            other.faulty = True
            self.contested.add(point.name)
            return False
        self.points[point.name] = point
        return True

    def resolve(self, name: str) -> PointDecl | None:
        """The point called `name`, through its alias if it has one."""
        return self.points.get(self.aliases.get(name, name))

    def unknown(
        self,
        name: str,
        path: Path,
        what: str = "tag",
        *,
        key: bool = False,
        place: Place | None = None,
        among: Iterable[str] | None = None,
    ) -> None:
        """Note that a reference leads nowhere, unless the thing is in the text with errors of its own.

        All references to one unknown name become one finding (`tell_unknown`). `among` are the names that may have
        been meant; by default every point. `place` is that of the reference where it is inside a longer text.
        """
        base = name.partition(".")[0]
        if not self.source.complete or any(broken == base for _, broken in self.source.broken):
            return
        known = [*self.points, *self.aliases] if among is None else list(among)
        hint = meant(name, known) or (_DEFINE if among is None else f"known {what}s: {_listed(known)}" if known else "")
        found = self.source.places.find("PC302", f"{what} `{name}` is not known", *path, key=key, hint=hint)
        if place is not None:
            found = Diagnostic(found.code, found.what, place, found.hint, found.also)
        self._unknown.setdefault((what, name), []).append((found, found.where))

    def misses(self, what: str) -> bool:
        """Whether a reference to such a thing (`effect`, `cause`) leads nowhere."""
        return any(missed == what for missed, _ in self._unknown)

    def tell_unknown(self) -> None:
        """Turn the references that lead nowhere into findings, one for each name."""
        for noted in self._unknown.values():
            noted.sort(key=lambda one: _in_text(one[1]))
            found = noted[0][0]
            places = list(dict.fromkeys(place for _, place in noted if place != found.where))
            also = [(place, "used here too") for place in places[:REFERENCES_SHOWN]]
            if len(places) > REFERENCES_SHOWN:
                also[-1] = (also[-1][0], f"used here too, and {len(places) - REFERENCES_SHOWN} times more")
            self.findings.append(Diagnostic(found.code, found.what, found.where, found.hint, (*found.also, *also)))
        self._unknown.clear()

    # -- blocks ----------------------------------------------------------------------------------------------------

    def kind(self, name: str, path: Path) -> Kind | None:
        """The block kind called `name`; a finding where there is none."""
        try:
            return find_kind(name)
        except KeyError:
            hint = meant(name, kind_names()) or f"the kinds are {', '.join(kind_names())}"
            self.find("PC303", f"block kind `{name}` is not known", path, hint=hint)
            return None

    def add_block(self, node: BlockNode) -> BlockNode | None:
        """Add a block and declare its points; None where its tag is taken."""
        if node.tag in self.blocks:
            self.find_with(
                "PC301",
                f"`{node.tag}` is defined twice",
                node.path,
                [(self.place(self.blocks[node.tag].path, key=True), "the other is here")],
                "give one of them another tag",
                key=True,
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
                    whole=f.type is not float or f.declared.whole,
                    faulty=node.faulty and f.name == main,
                )
            )
        return node

    def add_condition(self, point: str, text: str, path: Path, task: str, *, delayed: bool = False) -> str:
        """Add a condition (0 or 1) written at `path`; returns the point's name."""
        node = ExpressionNode(point, text, path, True, DIMENSIONLESS, task, delayed)
        self.declare(PointDecl(point, Writer.EXPRESSION, point, path, DIMENSIONLESS, text=text, whole=True))
        self.expressions.setdefault(point, node)
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
            given = parse_quantity(str(value))[1]
            if given.dimension != unit.dimension and not given.dimensionless:
                what = f"`{value}` is {_measured(given)}, wanted is {_measured(unit, symbol=True)}"
                self.find("PC403", what, path)
                return default
            return quantity_in(str(value), unit)
        except UnitError as error:
            self.find("PC403", error.what, path, hint=error.hint)
            return default


def _measured(unit: Unit, *, symbol: bool = False) -> str:
    """What a unit measures, in words where there are some, with the unit itself behind it when asked."""
    if unit.dimensionless:
        return "a plain number"
    if unit.quantity in (str(unit), formula(unit.dimension)):
        return str(unit)
    return f"{unit.quantity} ({unit})" if symbol else unit.quantity


def _in_text(place: Place | None) -> tuple[str, int, int]:
    return ("", 0, 0) if place is None else (place.file, place.line, place.column)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
