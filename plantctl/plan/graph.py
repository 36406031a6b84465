"""The graph of half-blocks and expressions: its nodes, its edges from the wires, and the findings of its cycles.

It is built for a network with findings as well: what cannot be resolved has no edge, so that a cycle is told in the
same run as everything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plantctl.core.errors import Diagnostic, Place
from plantctl.plan.expression import parse_expression, references
from plantctl.plan.kind import Kind
from plantctl.plan.network import BlockNode, ExpressionNode, Network, Wire
from plantctl.plan.order import Edge, sort_nodes
from plantctl.plan.plan import Task

EXPRESSION = -1
Group = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Half:
    """One node of the graph: a half of a block, or an expression. `group` is (kind, half, task): equals make a run."""

    owner: BlockNode | ExpressionNode
    half: str
    group: Group


@dataclass(frozen=True, slots=True)
class Graph:
    """All halves, the kinds by number, the order (empty where there are cycles), and the findings of the cycles."""

    halves: list[Half]
    kinds: list[Kind]
    edges: list[Edge]
    order: list[int] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)


def order_network(net: Network, tasks: tuple[Task, ...]) -> Graph:
    """The graph of a network in the order of the scan, or the finding of every cycle."""
    kinds: list[Kind] = list(dict.fromkeys(node.kind for node in net.blocks.values()))
    halves = _halves(net, kinds, {task.name: i for i, task in enumerate(tasks)})
    edges = _edges(net, halves)
    order, cycles = sort_nodes([h.group for h in halves], edges)
    # A ring of cascades is a knot twice, of the steps and of the answers: it is told once.
    found = {frozenset(id(halves[e.source].owner) for e in cycle): cycle for cycle in reversed(cycles)}
    findings = [_cycle_finding(net, halves, cycle) for cycle in reversed(found.values())]
    return Graph(halves, kinds, edges, order, findings)


def _halves(net: Network, kinds: list[Kind], task_index: Mapping[str, int]) -> list[Half]:
    number = {kind.name: i for i, kind in enumerate(kinds)}
    halves = [Half(e, "step", (EXPRESSION, "step", task_index.get(e.task, 0))) for e in net.expressions.values()]
    for node in net.blocks.values():
        for half in node.kind.halves:
            halves.append(Half(node, half, (number[node.kind.name], half, task_index.get(node.task, 0))))
    return halves


def _edges(net: Network, halves: Sequence[Half]) -> list[Edge]:
    node_of: dict[tuple[int, str], int] = {(id(h.owner), h.half): n for n, h in enumerate(halves)}
    writer: dict[str, BlockNode | ExpressionNode] = dict(net.expressions)
    for block in net.blocks.values():
        for name in block.names.values():
            writer.setdefault(name, block)

    def source_of(point: str) -> BlockNode | ExpressionNode | None:
        name = net.aliases.get(point, point)
        return None if name in net.contested else writer.get(name)

    edges: list[Edge] = []
    for n, half in enumerate(halves):
        owner = half.owner
        if half.half == "step" and (id(owner), "back") in node_of:
            edges.append(Edge(node_of[(id(owner), "back")], n))
        for port, wire in _wires(owner):
            source = source_of(wire.point)
            if source is None:
                continue
            declared = owner.kind.field(port) if isinstance(owner, BlockNode) else None
            cascade = declared is not None and declared.role == "cas_in"
            if cascade and half.half == "back":
                if (id(source), "back") in node_of:
                    edges.append(Edge(n, node_of[(id(source), "back")], wire))
            elif not wire.delayed:
                edges.append(Edge(node_of[(id(source), "step")], n, wire))
    return edges


def _wires(owner: BlockNode | ExpressionNode) -> list[tuple[str, Wire]]:
    """What a node reads: (port, wire) of a block; of an expression every name in it, with its place."""
    if isinstance(owner, BlockNode):
        return [(port, wire) for (port, _), wire in owner.wires.items()]
    names = dict.fromkeys(name for name, _ in references(parse_expression(owner.text)))
    return [("", Wire(name, owner.path, owner.delayed)) for name in names]


def _cycle_finding(net: Network, halves: Sequence[Half], cycle: list[Edge]) -> Diagnostic:
    names = [_name(halves[e.source].owner) for e in cycle]
    ring = [name for k, name in enumerate(names) if k == 0 or names[k - 1] != name]
    places = []
    for edge in cycle:
        if not isinstance(edge.via, Wire):
            continue
        source, target = halves[edge.source], halves[edge.target]
        answers = source.half == target.half == "back"
        said = f"`{_name(source.owner)}` answers" if answers else f"`{_name(target.owner)}` reads"
        point = _name(target.owner) if answers else edge.via.point
        places.append((_place(net, target.owner, edge.via), f"{said} `{point}` here"))
    first = min(range(len(places)), key=lambda k: _in_text(places[k][0]))
    places = places[first:] + places[:first]
    # The instance of a template that the first place stands in, so that both are printed.
    of_template = next((net.source.places.also(*e.via.path) for e in cycle if isinstance(e.via, Wire)), ())
    hint = _BREAK
    if all(isinstance(halves[e.target].owner, BlockNode) and _is_cascade(halves, e) for e in cycle):
        hint = "a cascade ends at an output: one of these loops must name it in `out`"
    ways = " -> ".join([*ring, ring[0]])
    return Diagnostic("PC501", f"algebraic loop: {ways}", places[0][0], hint, (*places[1:], *of_template))


_BREAK = "break it where a scan of delay does no harm: {tag: TAG, delay: 1 scan}, {expression: ..., delay: 1 scan}"


def _is_cascade(halves: Sequence[Half], edge: Edge) -> bool:
    owner = halves[edge.target].owner if halves[edge.target].half == "step" else halves[edge.source].owner
    if not isinstance(owner, BlockNode):
        return False
    return any(wire is edge.via and owner.kind.field(port).role == "cas_in" for (port, _), wire in owner.wires.items())  # type: ignore[union-attr]


def _in_text(place: Place | None) -> tuple[str, int, int]:
    return (place.file, place.line, place.column) if place is not None else ("", 0, 0)


def _place(net: Network, reader: BlockNode | ExpressionNode, wire: Wire) -> Place | None:
    if isinstance(reader, ExpressionNode) and reader.in_text:
        span = next(span for name, span in references(parse_expression(reader.text)) if name == wire.point)
        return net.inside(wire.path, span)
    return net.place(wire.path)


def _name(owner: BlockNode | ExpressionNode) -> str:
    return owner.tag if isinstance(owner, BlockNode) else owner.point
