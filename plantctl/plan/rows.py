"""Numbers the points: row 0 for nobody, then inputs, the executive's statistics, what blocks write, delayed copies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from plantctl.core.field import DevicePlan, ItemPlan
from plantctl.core.units import parse_duration_ns
from plantctl.plan.network import Network, PointDecl
from plantctl.plan.plan import InputRow, OutputRow, Point, Writer

# A driver's period where neither the text nor the profile says one.
DEFAULT_POLL_NS = 1_000_000_000
# An input that missed so many polls in a row is uncertain.
STALE_POLLS = 3
# A read-back may differ from what was written by this share of the tag's range (a 12-bit output card has 0.025 %).
READ_BACK_SHARE = 0.005


def number_points(
    net: Network, ids: Mapping[str, int]
) -> tuple[tuple[Point, ...], dict[str, int], tuple[tuple[int, int], ...]]:
    """(points by row, row of every name and alias, (copy, original) of every delayed row)."""
    points = [Point("", 0, 0)]
    for writers in ((Writer.INPUT,), (Writer.EXECUTIVE,), (Writer.BLOCK, Writer.EXPRESSION)):
        declared = [p for p in net.points.values() if p.writer in writers]
        points += [_point(net, p, len(points) + i) for i, p in enumerate(declared)]
    row_of = {p.name: p.row for p in points if p.name}
    row_of.update({alias: row_of[name] for alias, name in net.aliases.items() if name in row_of})
    delays = []
    for name in _delayed(net):
        row_of[f"{name}.delayed"] = len(points)
        delays.append((len(points), row_of[name]))
        original = points[row_of[name]]
        points.append(Point(f"{name}.delayed", 0, len(points), original.unit, Writer.DELAY, original.owner))
    return tuple(_with_ids(net, points, ids)), row_of, tuple(delays)


def _point(net: Network, p: PointDecl, row: int) -> Point:
    where = net.place(p.path)
    return Point(p.name, 0, row, p.unit, p.writer, p.owner, p.low, p.high, p.words, p.text, where, p.whole)


def _with_ids(net: Network, points: list[Point], ids: Mapping[str, int]) -> list[Point]:
    """The points with their stable ids; those that have none get the next ones in the order of the text."""
    next_id = max(ids.values(), default=0) + 1
    assigned = {"": 0}
    for name in (*net.points, *(p.name for p in points)):
        if name not in assigned:
            assigned[name] = ids.get(name, next_id)
            next_id += assigned[name] == next_id
    return [replace(p, id=assigned[p.name]) for p in points]


def _delayed(net: Network) -> list[str]:
    names: dict[str, None] = {}
    for node in net.blocks.values():
        for wire in node.wires.values():
            if wire.delayed:
                names[net.aliases.get(wire.point, wire.point)] = None
    for expression in net.expressions.values():
        if expression.delayed:
            for name in expression.program.inputs:
                names[net.aliases.get(name, name)] = None
    return list(names)


def input_rows(net: Network, row_of: Mapping[str, int], devices: Sequence[DevicePlan]) -> tuple[InputRow, ...]:
    """How each input row is treated at the latch, in the order of the rows."""
    poll_of = {item.tag: _poll_ns(device, item) for device in devices for item in device.inputs}
    reads_back = {t.readback: o for o, t in net.source.tags.items() if t.readback}
    found = []
    for name, p in net.points.items():
        if p.writer is not Writer.INPUT:
            continue
        tag = net.source.tags[name]
        stale_ns = STALE_POLLS * poll_of.get(name, 0) if tag.stale_after is None else _ns(tag.stale_after)
        unit = net.unit(tag.unit, p.path) if tag.unit else None
        above = float("-inf")
        if tag.flat_line_above is not None:
            above = net.number(tag.flat_line_above, unit, (*p.path, "flat_line_above"))
        initial = float("nan") if tag.initial is None else net.number(tag.initial, unit, (*p.path, "initial"))
        found.append(
            InputRow(
                row_of[name],
                name,
                tag.device,
                stale_ns if tag.device else 0,
                _ns(tag.flat_line_after),
                above,
                _ns(tag.expect_change_within),
                row_of.get(reads_back.get(name, ""), 0),
                initial,
            )
        )
    return tuple(found)


def _poll_ns(device: DevicePlan, item: ItemPlan) -> int:
    """How often an item is asked for: its own period, else the device's, both also from the profile; ns."""
    poll = item.config.get("poll") or device.config.get("poll")
    if isinstance(poll, int | float):
        return round(poll * 1e9)
    return _ns(poll) or DEFAULT_POLL_NS


def _ns(text: object) -> int:
    """A duration of the text that was checked by link; 0 where there is none."""
    return 0 if text is None else parse_duration_ns(str(text))


def output_rows(
    net: Network, row_of: Mapping[str, int], located: Mapping[str, tuple[int, int]]
) -> tuple[OutputRow, ...]:
    """Every written tag, in the order of the text."""
    found = []
    for name in net.outputs:
        tag = net.source.tags[name]
        p = net.points[name]
        span = p.high - p.low
        tolerance = READ_BACK_SHARE * span if span > 1.0 else 0.0
        unit = net.unit(tag.unit, p.path) if tag.unit else None
        section = net.source.outputs.get(name)
        safe = section.fail_safe if section and section.fail_safe is not None else tag.fail_safe
        fail_safe = float("nan") if safe is None else net.number(safe, unit, (*p.path, "fail_safe"))
        found.append(
            OutputRow(
                row_of[name],
                name,
                tag.device,
                located.get(name, (-1, -1)),
                row_of.get(tag.readback, 0) if tag.readback else 0,
                tolerance,
                fail_safe=fail_safe,
            )
        )
    return tuple(found)
