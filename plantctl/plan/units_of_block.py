"""Works out the units of a block's fields from what is wired to it, and converts its settings into them.

A declaration speaks in the names of ports: `op/pv`, `delta pv`, `op/s`, `any`. The unit of an input port is that of
the point wired to it; of an output port the one the configuration gives, else the one its declaration names.
"""

import math
import re
from collections.abc import Iterable
from functools import lru_cache

from plantctl.core.block import Field
from plantctl.core.units import DIMENSIONLESS, Unit, UnitError, parse_unit
from plantctl.plan.did_you_mean import meant
from plantctl.plan.network import BlockNode, Network, Path

_PARTS = re.compile(r"\s*([*/])\s*")
_PRODUCT = re.compile(r"[ */]")


def field_unit(net: Network, node: BlockNode, field: Field, asked: frozenset[str] = frozenset()) -> Unit | None:
    """The unit of a field of a block; None where it cannot be known (an unwired port, a finding elsewhere)."""
    if field.name in asked:
        return None
    asked = asked | {field.name}
    if field.role in ("in", "cas_in"):
        return _wired_unit(net, node, field, asked)
    if field.is_port and node.names.get(field.name) == node.tag:
        if node.faulty:
            return None
        if node.follows:
            return _unit_of_point(net, node.follows)
        if node.unit:
            return parse_unit(node.unit)
    return _declared_unit(net, node, field.declared.unit, asked)


def _wired_unit(net: Network, node: BlockNode, field: Field, asked: frozenset[str]) -> Unit | None:
    wire = node.wires.get((field.name, 0))
    if wire is not None:
        return _unit_of_point(net, wire.point)
    return None if field.declared.unit == "any" else _declared_unit(net, node, field.declared.unit, asked)


def _unit_of_point(net: Network, name: str) -> Unit | None:
    point = net.resolve(name)
    return parse_unit(point.unit) if point is not None and point.unit and not point.faulty else None


def _declared_unit(net: Network, node: BlockNode, text: str, asked: frozenset[str]) -> Unit | None:
    if text in ("", "1"):
        return DIMENSIONLESS
    if text == "any":
        return None
    if text.startswith("delta "):
        whole = _declared_unit(net, node, text.removeprefix("delta "), asked)
        return whole.difference() if whole else None
    total: Unit | None = None
    operator = symbol = ""
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
            total = _combined(total, operator, unit)
        named = str(unit.difference())
        symbol += f"/({named})" if operator == "/" and _PRODUCT.search(named) else operator + named
    return total and _with_symbol(total, symbol)


@lru_cache(maxsize=256)
def _combined(total: Unit, operator: str, unit: Unit) -> Unit:
    return total.difference() / unit.difference() if operator == "/" else total * unit


def _with_symbol(unit: Unit, symbol: str) -> Unit:
    """The unit under the name that the text uses (`L/h/pH`, `%/(1/min)`), where that name means the same."""
    try:
        named = parse_unit(symbol)
    except UnitError:
        return unit
    return named if named == unit else unit


def unit_text(unit: Unit) -> str:
    """The unit as a text that can be read again; empty where it has no name (`2.78e-07 m3/s`)."""
    text = str(unit) or "1"
    try:
        return text if parse_unit(text) == unit else ""
    except UnitError:
        return ""


def _part(net: Network, node: BlockNode, part: str, asked: frozenset[str]) -> Unit | None:
    other = node.kind.field(part)
    if other is not None:
        return field_unit(net, node, other, asked)
    try:
        return parse_unit(part)
    except UnitError as error:
        raise TypeError(f"{node.kind.module}: `{part}` is neither a port nor a unit: {error}") from error


def settle_point_units(net: Network, blocks: Iterable[BlockNode]) -> None:
    """Give the points of blocks their units, from what is wired; repeated while something changes, since blocks chain.

    `blocks` are those that may still have a point without unit.
    """
    waiting = [node for node in blocks if _settle(net, node)]
    changed = True
    while waiting and changed:
        before = sum(_open_points(net, node) for node in waiting)
        waiting = [node for node in waiting if _settle(net, node)]
        changed = sum(_open_points(net, node) for node in waiting) < before


def _open_points(net: Network, node: BlockNode) -> int:
    return sum(not net.points[name].unit for name in node.names.values())


def _settle(net: Network, node: BlockNode) -> bool:
    """Give one block's points their units; whether some are still open."""
    still_open = False
    for name, point_name in node.names.items():
        point = net.points[point_name]
        if point.unit or point.owner != node.tag:
            continue
        field = node.kind.field(name)
        assert field is not None
        unit = field_unit(net, node, field)
        if unit is not None:
            point.unit = unit_text(unit)
        still_open = still_open or unit is None
    return still_open


def check_output_unit(net: Network, node: BlockNode) -> None:
    """Refuse a unit that only relabels: a lag of bar has bar, and `unit: kPa` would make 2 bar read as 2 kPa."""
    field = next((f for f in node.kind.fields if f.is_port and node.names.get(f.name) == node.tag), None)
    if field is None or field.declared.free or not node.unit or node.faulty or node.follows:
        return
    computed = _declared_unit(net, node, field.declared.unit, frozenset({field.name}))
    if computed is None or computed == parse_unit(node.unit):
        return
    entry = net.source.blocks.get(node.tag)
    own = entry is not None and "unit" in entry.settings
    what = f"`{node.tag}` is computed in {unit_text(computed) or computed.quantity}, and declared in {node.unit}"
    hint = "give it the unit that it has, and convert in an expression where another is wanted"
    net.find("PC406", what, (*node.path, "unit") if own else ("tags", node.tag, "unit"), hint=hint)


def convert_settings(net: Network, node: BlockNode) -> None:
    """Turn a block's settings into its parameters: converted, within their bounds, none missing."""
    for f in node.kind.fields:
        if f.role not in ("param", "tracked") or f.name in node.params:
            continue
        if f.name in node.settings:
            value, path = node.settings[f.name]
            _convert(net, node, f, value, path)
        elif f.declared.default is None and f.role == "param":
            key = "tuning: {" + f.name + ": ...}" if node.path[0] == "loops" else f"{f.name}: ..."
            what = f"`{node.tag}` needs `{f.name}`: {f.declared.doc}"
            net.find("PC304", what, node.path, key=True, hint=f"add {key}")


def _convert(net: Network, node: BlockNode, field: Field, value: object, path: Path) -> None:
    words = field.declared.words
    if isinstance(value, str) and words and value in words:
        node.params[field.name] = float(words.index(value))
        return
    if isinstance(value, str) and words:
        hint = meant(value, words) or f"one of {', '.join(words)}"
        net.find("PC701", f"`{value}` is no word for `{field.name}`", path, hint=hint)
        return
    unit = field_unit(net, node, field)
    if isinstance(value, str) and unit is None:
        if not (node.faulty or reads_unknown(net, node)):
            hint = "wire the ports that it belongs to, or give the block a `unit`"
            net.find("PC404", f"the unit of `{field.name}` cannot be worked out here", path, hint=hint)
        return
    number = net.number(value, unit, path)
    if math.isnan(number):
        return
    wrong = _out_of_bounds(field, number)
    if wrong:
        hint = "its sign is `action`: direct or reverse" if field.name == "gain" else ""
        net.find("PC701", f"`{field.name}` must be {wrong}, this is {number:g}", path, hint=hint)
    else:
        node.params[field.name] = number


def reads_unknown(net: Network, node: BlockNode) -> bool:
    """Whether something that the block reads or follows has no unit that could be known: that is told there."""
    points = [net.resolve(wire.point) for wire in node.wires.values()]
    if node.follows:
        points.append(net.resolve(node.follows))
    return any(point is None or point.faulty or not point.unit for point in points)


def _out_of_bounds(field: Field, number: float) -> str:
    """What a parameter must be, in words, where `number` is not; empty where it is."""
    above, low, high = field.declared.above, field.declared.minimum, field.declared.maximum
    if field.type is bool and number not in (0.0, 1.0):
        return "true or false"
    if field.type is int and number != int(number):
        return "a whole number"
    if above is not None and not number > above:
        return f"above {above:g}"
    if low is not None and number < low:
        return f"at least {low:g}"
    return f"at most {high:g}" if high is not None and number > high else ""
