"""Links what is shown: states and decimals of tags, `displays`, and what the page is told of loops, alarms and causes.

Nothing here changes how the plant is controlled; a display of a tag that does not exist is a finding all the same,
since the place where it would be missed is a control room at night.
"""

import math

from plantctl.core.units import Unit, parse_unit
from plantctl.plan.link_split import split_tag
from plantctl.plan.network import Network, Path, PointDecl
from plantctl.plan.shown import (
    Display,
    DisplayColumn,
    DisplayItem,
    Guidance,
    Shown,
    ShownCause,
    ShownLoop,
    ShownTag,
)
from plantctl.plan.source_display import Display as SourceDisplay

DECIMALS_MAX = 6


def link_shown(net: Network) -> Shown:
    """Everything that people are shown. After the units were settled, before unknown names are told."""
    head = net.source.plant
    return Shown(
        text=head.text if head else "",
        tags=_tags(net),
        loops={
            name: ShownLoop(loop.text, loop.pv.tag, loop.out or split_tag(name), tuple(loop.split))
            for name, loop in net.source.loops.items()
        },
        guidance=_guidance(net),
        causes={name: ShownCause(c.when, c.arm or "", c.vote, c.mirrors) for name, c in net.source.causes.items()},
        displays=tuple(_display(net, name, display) for name, display in net.source.displays.items()),
    )


def _guidance(net: Network) -> dict[str, Guidance]:
    found = {}
    for name, alarm in net.source.alarms.items():
        time_s = net.seconds(alarm.time, ("alarms", name, "time"), math.nan)
        told = (alarm.cause, alarm.consequence, alarm.response)
        found[name] = Guidance(*told, time_s, alarm.text, alarm.latched, alarm.arm or "")
    return found


def _tags(net: Network) -> dict[str, ShownTag]:
    found = {}
    for name, tag in net.source.tags.items():
        path: Path = ("tags", name)
        point = net.resolve(name)
        for number in tag.states:
            _check_state(net, name, number, point, (*path, "states", str(number)))
        if tag.decimals is not None and tag.decimals > DECIMALS_MAX:
            what = f"`decimals` must be at most {DECIMALS_MAX}, this is {tag.decimals}"
            net.find("PC701", what, (*path, "decimals"))
        section = net.source.outputs.get(name)
        write = section.write if section is not None else ""
        found[name] = ShownTag(tag.item, tag.system, dict(tag.states), tag.decimals, write)
    return {**dict.fromkeys(net.source.blocks, ShownTag()), **found}


def _check_state(net: Network, name: str, number: int, point: PointDecl | None, path: Path) -> None:
    """A state is a number that the tag can show: a plain one, within its range."""
    unit = _unit(net, point)
    if point is None or unit is None:
        return
    if not unit.dimensionless:
        net.find("PC713", f"`{name}` is in {unit}, it has no states", path, key=True, hint="states are plain numbers")
    elif number < point.low or number > point.high:
        what = f"the state {number} of `{name}` is outside its range, {point.low:g} to {point.high:g}"
        net.find("PC713", what, path, key=True, hint="mend the state or the range")


def _unit(net: Network, point: PointDecl | None) -> Unit | None:
    """The unit of a point; None where a finding was made about it."""
    if point is None or point.faulty or not point.unit:
        return None
    return parse_unit(point.unit)


def _display(net: Network, name: str, display: SourceDisplay) -> Display:
    path: Path = ("displays", name)
    groups = []
    for title, items in display.groups.items():
        shown = []
        for number, item in enumerate(items):
            place: Path = (*path, "groups", title, number)
            point = net.resolve(item.tag)
            if point is None:
                net.unknown(item.tag, _deepest(net, place, "tag"))
            elif item.show == "indicator" and item.tag not in net.source.loops and not math.isfinite(point.low):
                what = f"`{item.tag}` has no range, so an indicator of it has no ends"
                net.find("PC712", what, (*place, "show"), hint="give the tag a range, or show: value")
            shown.append(DisplayItem(item.tag, item.tag in net.source.loops, item.show))
        groups.append((title, tuple(shown)))
    for row, cells in display.rows.items():
        for column in cells:
            if column not in display.columns:
                where: Path = (*path, "rows", row, column)
                net.unknown(column, where, "column", key=True, among=display.columns)
    columns = tuple(_column(net, display, column, path) for column in display.columns)
    return Display(name, display.text, tuple(groups), tuple(display.rows.items()), columns)


def _deepest(net: Network, path: Path, key: str) -> Path:
    """The path of a key, or of the value that stands for it in the short form."""
    return (*path, key) if net.source.places.node(*path, key) is not None else path


def _column(net: Network, display: SourceDisplay, name: str, path: Path) -> DisplayColumn:
    """A column whose tags all have one unit; the deviation is converted to it."""
    column = display.columns[name]
    common, first = None, ""
    for row, cells in display.rows.items():
        if name not in cells:
            continue
        tag, place = cells[name], (*path, "rows", row, name)
        point = net.resolve(tag)
        unit = _unit(net, point)
        if point is None:
            net.unknown(tag, place)
        elif unit is not None and common is None:
            common, first = unit, tag
        elif unit is not None and unit != common:
            what = f"`{tag}` is in {unit}, `{first}` in {common}: they cannot be compared in one column"
            net.find("PC407", what, place, hint="take tags of one unit, or a column for each")
    deviation = math.nan
    if column.deviation is not None and common is not None:
        where: Path = (*path, "columns", name, "deviation")
        deviation = net.number(column.deviation, common.difference(), where)
        if deviation <= 0.0:
            net.find("PC701", f"`deviation` must be above 0, this is {deviation:g}", where)
    return DisplayColumn(name, column.text, str(common or ""), deviation)
