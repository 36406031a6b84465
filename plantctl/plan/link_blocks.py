"""Links the sections that name blocks: `blocks` (the general form), `calculated` and `alarms`."""

from itertools import pairwise
from typing import Any

from plantctl.core.block import Field
from plantctl.plan.kind import Kind
from plantctl.plan.network import BlockNode, ExpressionNode, Network, Path, PointDecl, Wire
from plantctl.plan.plan import Writer
from plantctl.plan.source_plant import Alarm

ALARM = "limit_alarm"
LIMITS = ("low_low", "low", "high", "high_high")
# A key that reads better than the port's own name.
SHORT_PORTS = {"in": "u"}


def link_blocks(net: Network) -> None:
    """Add every entry of `blocks`."""
    for tag, entry in net.source.blocks.items():
        path = ("blocks", tag)
        kind = net.kind(entry.kind, (*path, "kind"))
        if kind is None:
            continue
        node = BlockNode(tag, kind, path, task=entry.task)
        declared = net.source.tags.get(tag)
        if declared is not None:
            node.unit = declared.unit
        for key, value in entry.settings.items():
            _setting(net, node, key, value, (*path, key))
        _missing_ports(net, node)
        net.add_block(node)
        if tag in net.outputs:
            net.outputs[tag].writer = node


def _setting(net: Network, node: BlockNode, key: str, value: Any, path: Path) -> None:
    if key == "unit":
        node.unit = str(value)
        return
    field = node.kind.field(SHORT_PORTS.get(key, key))
    if field is None or field.role in ("out", "cas_out", "watched", "shown", "state", "values"):
        names = [f.name for f in node.kind.fields if f.role in ("in", "cas_in", "param", "tracked")]
        hint = f"kind `{node.kind.name}` has {', '.join(names)}"
        net.find("PC306", f"`{key}` is not a setting of kind `{node.kind.name}`", path, key=True, hint=hint)
    elif field.role in ("in", "cas_in"):
        _wire(net, node, field, value, path)
    else:
        node.settings[field.name] = (value, path)


def _wire(net: Network, node: BlockNode, field: Field, value: Any, path: Path) -> None:
    listed = value if isinstance(value, list) else [value]
    if len(listed) > max(1, field.count):
        net.find("PC307", f"`{field.name}` takes at most {max(1, field.count)} wires", path)
        return
    for element, one in enumerate(listed):
        place = (*path, element) if isinstance(value, list) else path
        point, delay = (one.get("tag"), one.get("delay", "")) if isinstance(one, dict) else (one, "")
        if not isinstance(point, str) or delay not in ("", "1 scan"):
            net.find("PC308", "a wire is a tag, or {tag: TAG, delay: 1 scan}", place)
            continue
        node.wires[(field.name, element)] = Wire(point, place, delay == "1 scan")
    if field.count and node.kind.field("n") is not None:
        node.params["n"] = float(len(listed))
    if node.kind.field(f"has_{field.name}") is not None:
        node.params[f"has_{field.name}"] = 1.0


def _missing_ports(net: Network, node: BlockNode) -> None:
    for field in node.kind.fields:
        if field.role in ("in", "cas_in") and not field.declared.optional and (field.name, 0) not in node.wires:
            what = f"`{node.tag}` needs `{field.name}`: {field.declared.doc}"
            net.find("PC309", what, node.path, key=True)


def link_calculated(net: Network) -> None:
    """Add every entry of `calculated`; its unit is its own, else that of the tag of its name, else the result's."""
    for tag, entry in net.source.calculated.items():
        path = ("calculated", tag)
        declared = net.source.tags.get(tag)
        unit = entry.unit or (declared.unit if declared else "")
        if unit:
            net.unit(unit, (*path, "unit") if entry.unit else ("tags", tag, "unit"))
        point = PointDecl(tag, Writer.EXPRESSION, tag, path, unit, text=entry.service or entry.expression)
        if net.declare(point):
            net.expressions[tag] = ExpressionNode(
                tag, entry.expression, (*path, "expression"), False, unit, entry.task, entry.delay == "1 scan"
            )


def link_alarms(net: Network) -> None:
    """Add one alarm block for each limit of each entry of `alarms`."""
    kind = net.kind(ALARM, ("alarms",)) if net.source.alarms else None
    if kind is None:
        return
    for tag, alarm in net.source.alarms.items():
        path = ("alarms", tag)
        if net.resolve(tag) is None:
            net.unknown(tag, path)
            continue
        for key in LIMITS:
            if getattr(alarm, key) is not None:
                _add_alarm(net, kind, tag, key, alarm, path)


def _add_alarm(net: Network, kind: Kind, tag: str, key: str, alarm: Alarm, path: Path) -> None:
    node = BlockNode(f"{tag}.{key}", kind, (*path, key))
    node.wires[("pv", 0)] = Wire(tag, path)
    node.settings["limit"] = (getattr(alarm, key), (*path, key))
    node.params["high"] = 1.0 if key.startswith("high") else 0.0
    if alarm.dead_band is not None:
        node.settings["dead_band"] = (alarm.dead_band, (*path, "dead_band"))
    node.params["on_delay"] = net.seconds(alarm.on_delay, (*path, "on_delay"))
    node.params["off_delay"] = net.seconds(alarm.off_delay, (*path, "off_delay"))
    if alarm.priority is not None:
        node.settings["priority"] = (alarm.priority, (*path, "priority"))
    added = net.add_block(node)
    if added is not None:
        net.points[node.tag].text = alarm.response


def check_alarm_order(net: Network) -> None:
    """LL < L < H < HH, and all inside the tag's range; after the settings were converted."""
    for tag in net.source.alarms:
        limits = [(key, net.blocks.get(f"{tag}.{key}")) for key in LIMITS]
        found = [(key, node.params["limit"], node) for key, node in limits if node and "limit" in node.params]
        for (lower, low, _), (upper, high, node) in pairwise(found):
            if not low < high:
                net.find(
                    "PC703",
                    f"`{upper}` of `{tag}` ({high:g}) must be above `{lower}` ({low:g})",
                    node.path,
                    hint="the order is low_low < low < high < high_high",
                )
        point = net.resolve(tag)
        for key, limit, node in found:
            if point is not None and (limit < point.low or limit > point.high):
                net.find(
                    "PC704",
                    f"`{key}` of `{tag}` ({limit:g}) is outside its range {point.low:g} to {point.high:g}",
                    node.path,
                    hint="such an alarm can never come; mend the limit or the range",
                )
