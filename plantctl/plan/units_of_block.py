"""Works out the units of a block's fields from what is wired to it, and converts its settings into them.

A declaration speaks in the names of ports: `op/pv`, `delta pv`, `op/s`, `any`. The unit of an input port is that of
the point wired to it; of an output port the one the configuration gives, else the one its declaration names.
"""

import math
import re

from plantctl.core.block import Field
from plantctl.core.units import DIMENSIONLESS, Unit, UnitError, parse_unit
from plantctl.plan.network import BlockNode, Network

_PARTS = re.compile(r"\s*([*/])\s*")


def field_unit(net: Network, node: BlockNode, field: Field, asked: frozenset[str] = frozenset()) -> Unit | None:
    """The unit of a field of a block; None where it cannot be known (an unwired port, a finding elsewhere)."""
    if field.name in asked:
        return None
    asked = asked | {field.name}
    if field.role in ("in", "cas_in"):
        return _wired_unit(net, node, field, asked)
    if field.is_port and node.unit and node.names.get(field.name) == node.tag:
        return net.unit(node.unit, node.path)
    return _declared_unit(net, node, field.declared.unit, asked)


def _wired_unit(net: Network, node: BlockNode, field: Field, asked: frozenset[str]) -> Unit | None:
    wire = node.wires.get((field.name, 0))
    point = net.resolve(wire.point) if wire else None
    if wire is not None and point is not None:
        return net.unit(point.unit, wire.path) if point.unit else None
    return None if field.declared.unit == "any" else _declared_unit(net, node, field.declared.unit, asked)


def _declared_unit(net: Network, node: BlockNode, text: str, asked: frozenset[str]) -> Unit | None:
    if text in ("", "1"):
        return DIMENSIONLESS
    if text == "any":
        return None
    if text.startswith("delta "):
        whole = _declared_unit(net, node, text.removeprefix("delta "), asked)
        return whole.difference() if whole else None
    total: Unit | None = None
    operator = ""
    for part in _PARTS.split(text):
        if part in ("*", "/"):
            operator = part
            continue
        unit = _part(net, node, part, asked)
        if unit is None:
            return None
        if total is None:
            total = unit
        else:
            total = total.difference() / unit.difference() if operator == "/" else total * unit
    return total


def _part(net: Network, node: BlockNode, part: str, asked: frozenset[str]) -> Unit | None:
    other = node.kind.field(part)
    if other is not None:
        return field_unit(net, node, other, asked)
    try:
        return parse_unit(part)
    except UnitError as error:
        raise TypeError(f"{node.kind.module}: `{part}` is neither a port nor a unit: {error}") from error


def settle_point_units(net: Network) -> None:
    """Give every block's points their units, from what is wired; repeated until nothing changes, since blocks chain."""
    for _ in range(len(net.blocks) + 2):
        changed = False
        for node in net.blocks.values():
            for f in node.kind.fields:
                point = net.points.get(node.names.get(f.name, ""))
                if point is None or point.unit or point.owner != node.tag:
                    continue
                unit = field_unit(net, node, f)
                if unit is not None:
                    point.unit = str(unit) or "1"
                    changed = True
        if not changed:
            return


def convert_settings(net: Network, node: BlockNode) -> None:
    """Turn a block's settings into its parameters: converted, within their bounds, none missing."""
    for f in node.kind.fields:
        if f.role not in ("param", "tracked") or f.name in node.params:
            continue
        if f.name in node.settings:
            value, path = node.settings[f.name]
            _convert(net, node, f, value, path)
        elif f.declared.default is None and f.role == "param":
            net.find("PC304", f"`{node.tag}` needs `{f.name}`: {f.declared.doc}", node.path, key=True)


def _convert(net: Network, node: BlockNode, field: Field, value: object, path: tuple[str | int, ...]) -> None:
    declared = field.declared
    if isinstance(value, str) and value in declared.words:
        node.params[field.name] = float(declared.words.index(value))
        return
    unit = field_unit(net, node, field)
    if isinstance(value, str) and unit is None:
        if node.adrift or any(net.resolve(wire.point) is None for wire in node.wires.values()):
            return
        net.find("PC404", f"the unit of `{field.name}` cannot be known here", path, hint="wire the ports it belongs to")
        return
    number = net.number(value, unit, path)
    if math.isnan(number):
        return
    above, low, high = declared.above, declared.minimum, declared.maximum
    if above is not None and not number > above:
        net.find("PC701", f"`{field.name}` must be above {above:g}, this is {number:g}", path)
    elif low is not None and number < low:
        net.find("PC701", f"`{field.name}` must be at least {low:g}, this is {number:g}", path)
    elif high is not None and number > high:
        net.find("PC701", f"`{field.name}` must be at most {high:g}, this is {number:g}", path)
    else:
        node.params[field.name] = number
