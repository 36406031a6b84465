"""The displays of a plant for a page: those of the text, else one that shows every loop and what each device has.

A plant needs no drawing to be operated: what the text does not arrange is arranged by area and device.
"""

import re
from typing import Any

from plantctl.hmi.describe.plan_view import number, unit
from plantctl.plan.plan import Plan, Point, Writer
from plantctl.plan.shown import Display, DisplayItem

_AREA = re.compile(r"([0-9]+)-")


def displays(plan: Plan) -> list[dict[str, Any]]:
    """Every display in the order of the text; one that is made up where the text has none."""
    found = [_display(plan, display) for display in plan.shown.displays]
    return found or [{"display": "overview", "kind": "overview", "text": plan.name, "groups": _default_groups(plan)}]


def _display(plan: Plan, display: Display) -> dict[str, Any]:
    head = {"display": display.name, "kind": "matrix" if display.columns else "overview"}
    head["text"] = display.text or display.name
    if not display.columns:
        groups = [{"text": text, "items": [_item(plan, item) for item in items]} for text, items in display.groups]
        return {**head, "groups": groups}
    return {
        **head,
        "rows": [{"row": name, "tags": dict(cells)} for name, cells in display.rows],
        "columns": [
            {
                "column": column.name,
                "text": column.text or column.name,
                "unit": unit(column.unit),
                "deviation": number(column.deviation),
            }
            for column in display.columns
        ],
    }


def _item(plan: Plan, item: DisplayItem) -> dict[str, Any]:
    if item.is_loop:
        pv = plan.points[plan.rows[plan.shown.loops[item.name].pv]]
        return {"loop": item.name, "show": item.show or ("indicator" if pv.high > pv.low else "value")}
    point = plan.points[plan.rows[item.name]]
    return {"tag": point.name, "show": item.show or _show(plan, point)}


def _show(plan: Plan, point: Point) -> str:
    """How a tag is best shown: states as words, numbers with a range as an indicator, anything else as a number."""
    shown = plan.shown.tags.get(point.name)
    if point.words or (shown is not None and shown.states) or (unit(point.unit) == "" and point.high - point.low <= 1):
        return "state"
    return "indicator" if point.high > point.low and unit(point.unit) else "value"


def _default_groups(plan: Plan) -> list[dict[str, Any]]:
    """The loops, then what each area has on each device, then what is calculated or given by hand."""
    groups: dict[str, list[dict[str, Any]]] = {}
    if plan.shown.loops:
        groups["loops"] = [_item(plan, DisplayItem(tag, True, "")) for tag in plan.shown.loops]
    read_back = {row.row for row in plan.inputs if row.reads_back}
    device_of = {row.row: row.device for row in plan.inputs} | {row.row: row.device for row in plan.outputs}
    for name in plan.default_columns:
        point = plan.points[plan.rows[name]]
        tag_like = point.row in device_of or (point.writer is Writer.EXPRESSION and "." not in name)
        if not tag_like or point.row in read_back:
            continue
        area = _AREA.match(name)
        title = device_of.get(point.row) or "calculated and by hand"
        groups.setdefault(f"area {area[1]}, {title}" if area else title, []).append(
            _item(plan, DisplayItem(name, False, ""))
        )
    return [{"text": text, "items": items} for text, items in groups.items()]
