"""Where a value of a tag is normal, where it alarms and where it trips: what a moving analogue indicator is drawn from.

All limits are in the tag's unit and as the plan starts with them. A trip is shown where its condition compares the tag
with a number; anything else (a sum of tags, two conditions that must both be true) is told by the cause's own words.
"""

from collections import defaultdict
from typing import Any

from plantctl.core.units import Unit, UnitError, convert_exact, parse_unit
from plantctl.hmi.describe.plan_view import PlanView, number, parameter
from plantctl.plan.expression import parse_expression
from plantctl.plan.expression_tree import Binary, Node, Number, Reference, Unary

# The side of the limit on which the condition is true, and the comparison read from the other end.
_SIDE = {"<": "low", "<=": "low", ">": "high", ">=": "high"}
_TURNED = {"low": "high", "high": "low"}


def indicators(view: PlanView) -> dict[str, dict[str, Any]]:
    """By tag: `normal` [low, high] between the alarms (the range's end where there is none), `alarms`, `trips`, and the
    points of the set-points of loops that hold it. A tag without any of them is missing.
    """
    found: dict[str, dict[str, Any]] = defaultdict(lambda: {"normal": None, "alarms": [], "setpoints": [], "trips": []})
    for tag, alarm in _alarms(view):
        found[tag]["alarms"].append(alarm)
    for loop, shown in view.plan.shown.loops.items():
        name = f"{loop}.sp"
        if name in view.plan.rows:
            found[view.point(shown.pv).name]["setpoints"].append(view.point(name).name)
    for tag, trip in _trips(view):
        found[tag]["trips"].append(trip)
    for tag, entry in found.items():
        entry["normal"] = _normal(view, tag, entry["alarms"])
    return dict(found)


def _alarms(view: PlanView) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for alarm, rows, row in view.blocks("priority", "pv", "limit"):
        tag = next((name for port, _, name in view.wired(rows, row) if port == "pv"), "")
        side = "high" if parameter(rows, row, "high") else "low"
        limit = number(parameter(rows, row, "limit"))
        entry = {"alarm": alarm, "side": side, "limit": limit, "priority": int(parameter(rows, row, "priority"))}
        found.append((tag, entry))
    return found


def _normal(view: PlanView, tag: str, alarms: list[dict[str, Any]]) -> list[float | None] | None:
    if not alarms:
        return None
    point = view.point(tag)
    low = max((a["limit"] for a in alarms if a["side"] == "low"), default=number(point.low))
    high = min((a["limit"] for a in alarms if a["side"] == "high"), default=number(point.high))
    return [low, high]


def _trips(view: PlanView) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for cause in view.plan.causes:
        for expression in view.conditions[cause]:
            if not expression.tag.startswith(f"{cause}.when"):
                continue
            names = dict(zip(expression.program.inputs, expression.reads, strict=True))
            for name, side, value, unit in _comparisons(parse_expression(expression.program.text).root):
                point = view.plan.points[names[name]]
                limit = _in_unit(value, unit, point.unit)
                if limit is not None:
                    armed = f"{cause}.arm" in view.plan.rows
                    found.append((point.name, {"cause": cause, "side": side, "limit": limit, "armed": armed}))
    return found


def _comparisons(node: Node) -> list[tuple[str, str, Number, int]]:
    """The comparisons of a tag with a number, any of which makes the whole true: (tag, side, number, its sign)."""
    if not isinstance(node, Binary):
        return []
    if node.operator == "or":
        return [*_comparisons(node.left), *_comparisons(node.right)]
    side = _SIDE.get(node.operator)
    left, right = _signed(node.left), _signed(node.right)
    if side and isinstance(node.left, Reference) and right is not None:
        return [(node.left.name, side, *right)]
    if side and isinstance(node.right, Reference) and left is not None:
        return [(node.right.name, _TURNED[side], *left)]
    return []


def _signed(node: Node) -> tuple[Number, int] | None:
    if isinstance(node, Unary) and node.operator == "-" and isinstance(node.operand, Number):
        return node.operand, -1
    return (node, 1) if isinstance(node, Number) else None


def _in_unit(value: Number, sign: int, unit: str) -> float | None:
    """A number of an expression in the unit of the tag that it is compared with."""
    own: Unit = parse_unit(unit or "1")
    if value.bare or value.unit is None:
        return float(sign * value.value)
    try:
        return float(convert_exact(sign * value.value, value.unit, own))
    except UnitError:
        return None  # refused when the plan was compiled: no plan has one
