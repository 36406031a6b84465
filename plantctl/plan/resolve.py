"""Resolves what the sections left as text: expressions become programs, wires meet points of the right unit.

Runs after every section was linked, since a name may be used before it is defined.
"""

from plantctl.core.units import DIMENSIONLESS, UnitError, parse_unit
from plantctl.plan.expression import ExpressionRefused, compile_expression, parse_expression, references
from plantctl.plan.network import BlockNode, ExpressionNode, Network
from plantctl.plan.units_of_block import field_unit, settle_point_units


def resolve_expressions(net: Network) -> None:
    """Compile every expression. Those without a unit of their own take their result's, so they go in rounds."""
    waiting = list(net.expressions.values())
    while waiting:
        settle_point_units(net)
        # A reference whose unit is not known yet may be another expression's result: later, unless nothing moves.
        ready = [node for node in waiting if _units_known(net, node)]
        for node in ready or waiting:
            _compile(net, node)
        waiting = [node for node in waiting if node not in ready] if ready else []
    settle_point_units(net)


def _units_known(net: Network, node: ExpressionNode) -> bool:
    try:
        names = [name for name, _ in references(parse_expression(node.text))]
    except ExpressionRefused:
        return True
    return all((point := net.resolve(name)) is None or point.unit for name in names)


def _compile(net: Network, node: ExpressionNode) -> None:
    try:
        tree = parse_expression(node.text)
        units = {}
        known = True
        for name, span in references(tree):
            point = net.resolve(name)
            if point is None:
                _unknown_reference(net, node, name, span)
                known = False
            else:
                units[name] = parse_unit(point.unit) if point.unit else DIMENSIONLESS
        if not known:
            return
        target = parse_unit(node.unit) if node.unit else None
        node.program = compile_expression(tree, units, target, "condition" if node.condition else "number")
        if not node.unit and not node.condition:
            node.unit = net.points[node.point].unit = str(node.program.unit) or "1"
    except UnitError:
        return  # the unit of the target, already a finding where it was read
    except ExpressionRefused as refused:
        for error in refused.errors:
            place = net.source.places.inside(*node.path, start=error.span[0], end=error.span[1])
            net.find_at("PC411", error.what, place, node.path, error.hint)


def _unknown_reference(net: Network, node: ExpressionNode, name: str, span: tuple[int, int]) -> None:
    before = len(net.findings)
    net.unknown(name, node.path)
    if len(net.findings) > before and node.in_text:
        found = net.findings.pop()
        net.find_at(
            found.code,
            found.what,
            net.source.places.inside(*node.path, start=span[0], end=span[1]),
            node.path,
            found.hint,
        )


def check_wires(net: Network) -> None:
    """Every wire of a block must lead to a point, of the unit its port has."""
    for node in net.blocks.values():
        for (port, _), wire in sorted(node.wires.items()):
            point = net.resolve(wire.point)
            if point is None:
                net.unknown(wire.point, wire.path)
            else:
                _check_unit(net, node, port, wire.point, wire.path)


def _check_unit(net: Network, node: BlockNode, port: str, point: str, path: tuple[str | int, ...]) -> None:
    field = node.kind.field(port)
    assert field is not None
    declared = field.declared.unit
    if declared in ("any", ""):
        return
    if declared == "1":
        wanted = DIMENSIONLESS
    else:
        named = node.kind.field(declared.removeprefix("delta "))
        found = field_unit(net, node, named) if named is not None and named.name != port else None
        if found is None:
            return
        wanted = found
    given = net.unit_of_point(point)
    try:
        unit = parse_unit(given or "1")
    except UnitError:
        return
    if unit != wanted:
        net.find(
            "PC405",
            f"`{point}` is in {given or 'plain numbers'}, `{node.tag}.{port}` takes {wanted}",
            path,
            hint="convert it with an entry under calculated" if unit.compatible(wanted) else "",
        )
