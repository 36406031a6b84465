"""Resolves what the sections left as text: expressions become programs, wires meet points of the right unit.

Runs after every section was linked, since a name may be used before it is defined.
"""

from collections.abc import Iterable

from plantctl.core.errors import Diagnostic
from plantctl.core.units import DIMENSIONLESS, Unit, formula, parse_unit
from plantctl.plan.expression import Ast, ExpressionRefused, compile_expression, parse_expression, references
from plantctl.plan.network import BlockNode, ExpressionNode, Network, PointDecl, Wire
from plantctl.plan.units_of_block import field_unit, reads_unknown, settle_point_units, unit_text


def meet_wires(net: Network) -> None:
    """Note the wires of blocks that lead nowhere."""
    for node in net.blocks.values():
        for _, wire in sorted(node.wires.items()):
            if net.resolve(wire.point) is None:
                net.unknown(wire.point, wire.path)


def resolve_expressions(net: Network) -> None:
    """Compile every expression. Those without a unit of their own take their result's, so they go in rounds."""
    waiting: list[tuple[ExpressionNode, Ast, frozenset[str]]] = []
    for node in net.expressions.values():
        tree = parse_expression(node.text)
        waiting.append((node, tree, _needs(net, node, tree)))
    settle_point_units(net, net.blocks.values())
    unsettled = [node for node in net.blocks.values() if _unsettled(net, node)]
    while waiting:
        ready = [w for w in waiting if all(_is_known(net, name) for name in w[2])]
        if not ready:
            break
        for node, tree, _ in ready:
            _compile(net, node, tree)
        compiled = {node.point for node, _, _ in ready}
        waiting = [w for w in waiting if w[0].point not in compiled]
        settle_point_units(net, unsettled)
        unsettled = [node for node in unsettled if _unsettled(net, node)]
    rings = [sorted(name for name in needs if not _is_known(net, name)) for _, _, needs in waiting]
    for (node, tree, _), ring in zip(waiting, rings, strict=True):
        _stuck(net, node, tree, ring)
    _tell_unsettled(net, unsettled)


def _needs(net: Network, node: ExpressionNode, tree: Ast) -> frozenset[str]:
    """The names whose units an expression needs, the target's among them; those that lead nowhere are noted."""
    needs = {node.target_of} - {""}
    for name, span in references(tree):
        if net.resolve(name) is None:
            net.unknown(name, node.path, place=net.inside(node.path, span))
        else:
            needs.add(name)
    return frozenset(needs)


def _is_known(net: Network, name: str) -> bool:
    point = net.resolve(name)
    return point is None or point.faulty or point.unit != ""


def _unsettled(net: Network, node: BlockNode) -> bool:
    return any(point.unit == "" and not point.faulty for name in node.names.values() if (point := net.points.get(name)))


def _unit(point: PointDecl | None) -> Unit | None:
    """The unit of a point; None where a finding was made about it, plain where it is not known."""
    if point is None or point.faulty:
        return None
    return parse_unit(point.unit) if point.unit else DIMENSIONLESS


def _compile(net: Network, node: ExpressionNode, tree: Ast) -> None:
    if tree.errors:  # what the units of a text with holes would be is a guess
        _fail(net, node, [(error.what, error.span, error.hint) for error in tree.errors])
        return
    units = {name: _unit(net.resolve(name)) for name, _ in references(tree)}
    point = net.points[node.point]
    follows = net.resolve(node.target_of)
    wanted = follows.unit if follows is not None and not follows.faulty and not node.unit else node.unit
    try:
        target = parse_unit(wanted) if wanted and not point.faulty else None
        node.program = compile_expression(tree, units, target, "condition" if node.condition else "number")
    except ExpressionRefused as refused:
        _fail(net, node, [(error.what, error.span, error.hint) for error in refused.errors])
        return
    if not point.unit and not point.faulty:
        point.unit = wanted or _named(node.program.unit, units.values())
        if not point.unit:  # a unit without a name: the coherent one of the same kind
            point.unit = formula(node.program.unit.dimension)
            node.program = compile_expression(tree, units, parse_unit(point.unit), "number")


def _named(unit: Unit, used: Iterable[Unit | None]) -> str:
    """The unit under its own name, else under that of an equal one among those used; empty where there is none."""
    return unit_text(unit) or next((str(one) for one in used if one == unit), "")


def _fail(net: Network, node: ExpressionNode, errors: Iterable[tuple[str, tuple[int, int], str]]) -> None:
    """Note what is wrong with an expression; its point has no unit from now on."""
    point = net.points[node.point]
    point.faulty = point.faulty or not point.unit
    for what, span, hint in errors:
        place = net.inside(node.path, span) if node.in_text else net.place(node.path)
        net.find_at("PC411", what, place, node.path, hint)


def _stuck(net: Network, node: ExpressionNode, tree: Ast, ring: list[str]) -> None:
    """Compile an expression whose unit depends on itself: it can only be a plain number, else it must be given."""
    before = len(net.findings)
    _compile(net, node, tree)
    if node.program is not None:
        return
    del net.findings[before:]
    what = f"the unit of `{node.point}` cannot be worked out: it hangs on that of " + ", ".join(f"`{n}`" for n in ring)
    path = node.path[:-1] if node.path[-1] == "expression" else node.path
    found = net.source.places.find(
        "PC404", what, *path, key=True, hint="give one of them its unit: {expression: ..., unit: L/h}"
    )
    net.stuck.append(found)


def _tell_unsettled(net: Network, blocks: Iterable[BlockNode]) -> None:
    """A block's main point must have a unit in the end."""
    for node in blocks:
        point = net.points.get(node.tag)
        if point is None or point.unit or point.faulty or node.faulty or reads_unknown(net, node):
            continue
        what = f"the unit of `{node.tag}` cannot be worked out from what is wired to it"
        net.find("PC404", what, node.path, key=True, hint="give it: unit: L/h; or unit: 1 for a plain number")
        point.faulty = node.faulty = True


def check_wires(net: Network) -> None:
    """Every wire must lead to a point of the unit that its port has."""
    for node in net.blocks.values():
        for (port, _), wire in sorted(node.wires.items()):
            point = net.resolve(wire.point)
            if point is not None and point.unit and not point.faulty:
                _check_unit(net, node, port, wire, point)


def _check_unit(net: Network, node: BlockNode, port: str, wire: Wire, point: PointDecl) -> None:
    field = node.kind.field(port)
    # No such port: two entries share the tag, which is told; the wire was meant for the other one.
    declared = field.declared.unit if field is not None else ""
    if declared in ("any", ""):
        return
    wanted: Unit | None = DIMENSIONLESS
    if declared != "1":
        named = node.kind.field(declared)
        wanted = field_unit(net, node, named) if named is not None else None
    given = _unit(point)
    if wanted is None or given is None or given == wanted:
        return
    what = f"`{wire.point}` is in {_shown(given)}, `{node.tag}.{port}` takes {_shown(wanted)}"
    same = given.compatible(wanted)
    hint = "convert it with an entry under calculated" if same else f"{given.quantity} is not {wanted.quantity}"
    net.find("PC405", what, wire.path, hint=hint)


def _shown(unit: Unit) -> str:
    return str(unit) if unit != DIMENSIONLESS else "plain numbers"


def stuck_findings(net: Network, *, looped: bool) -> list[Diagnostic]:
    """What could not be worked out because it hangs on itself; told by the algebraic loop where there is one."""
    return [] if looped else net.stuck
