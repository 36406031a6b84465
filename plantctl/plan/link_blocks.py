"""Links the sections that name blocks: `blocks` (the general form), `calculated` and `alarms`."""

from itertools import pairwise
from typing import Any

from plantctl.core.block import Field
from plantctl.plan.did_you_mean import meant
from plantctl.plan.kind import Kind
from plantctl.plan.link_conditions import condition
from plantctl.plan.link_tags import ARBITER
from plantctl.plan.network import BlockNode, ExpressionNode, Network, Path, PointDecl, Wire
from plantctl.plan.plan import Writer
from plantctl.plan.source_plant import Alarm

ALARM = "limit_alarm"
LIMITS = ("low_low", "low", "high", "high_high")
GUIDANCE = ("priority", "cause", "consequence", "response")
# A key that reads better than the port's own name.
SHORT_PORTS = {"in": "u"}


def link_blocks(net: Network) -> None:
    """Add every entry of `blocks`."""
    for tag, entry in net.source.blocks.items():
        path = ("blocks", tag)
        kind = net.kind(entry.kind, (*path, "kind"))
        if kind is None:
            continue
        node = BlockNode(tag, kind, path, task=entry.task, task_path=(*path, "task"))
        declared = net.source.tags.get(tag)
        if declared is not None:
            node.unit = declared.unit
            node.faulty = net.unit(node.unit, ("tags", tag, "unit")) is None
        for key, value in entry.settings.items():
            _setting(net, node, key, value, (*path, key))
        _missing_ports(net, node)
        if net.add_block(node) is not None and declared is not None and declared.service:
            net.points[tag].text = declared.service
        if tag in net.outputs and kind.name == ARBITER:
            net.outputs[tag].writer = node


def is_setting(field: Field) -> bool:
    """Whether a person may give the field: ports to wire, parameters; what counts the wires is the compiler's."""
    counts = field.name == "n" or field.name.startswith(("has_", "n_"))
    return field.role in ("in", "cas_in", "param", "tracked") and not counts


def _setting(net: Network, node: BlockNode, key: str, value: Any, path: Path) -> None:
    if key == "unit":
        node.unit = str(value)
        node.faulty = net.unit(node.unit, path) is None
        return
    names = [f.name for f in node.kind.fields if is_setting(f)]
    field = node.kind.field(SHORT_PORTS.get(key, key))
    if field is None or field.name not in names:
        what = f"`{key}` is not a setting of kind `{node.kind.name}`"
        shown = [key_of(name) for name in names]
        hint = meant(key, shown) or f"kind `{node.kind.name}` has {', '.join(shown)}"
        net.find("PC306", what, path, key=True, hint=hint)
    elif field.role in ("in", "cas_in"):
        _wire(net, node, field, value, path)
    else:
        node.settings[field.name] = (value, path)
        if node.kind.field(f"has_{field.name}") is not None:
            node.params[f"has_{field.name}"] = 1.0


def key_of(name: str) -> str:
    """The key that stands for a field in the text."""
    return next((short for short, field in SHORT_PORTS.items() if field == name), name)


def _wire(net: Network, node: BlockNode, field: Field, value: Any, path: Path) -> None:
    listed = value if isinstance(value, list) else [value]
    if len(listed) > max(1, field.count):
        most = max(1, field.count)
        what = f"`{path[-1]}` takes {most} wire{'s' if most > 1 else ''} at most, these are {len(listed)}"
        net.find("PC307", what, path)
        node.faulty = True
        return
    for element, one in enumerate(listed):
        place = (*path, element) if isinstance(value, list) else path
        point, delay = (one.get("tag"), one.get("delay", "")) if isinstance(one, dict) else (one, "")
        more = set(one) - {"tag", "delay"} if isinstance(one, dict) else ()
        if not isinstance(point, str) or delay not in ("", "1 scan") or more:
            hint = "write a tag, or {tag: TAG, delay: 1 scan}"
            net.find("PC308", f"this is no wire to `{path[-1]}`", place, hint=hint)
            node.faulty = True
            continue
        node.wires[(field.name, element)] = Wire(point, place, delay == "1 scan")
    for count in ("n", f"n_{field.name}"):
        if field.count and node.kind.field(count) is not None:
            node.params[count] = float(len(listed))
    if node.kind.field(f"has_{field.name}") is not None:
        node.params[f"has_{field.name}"] = 1.0


def _missing_ports(net: Network, node: BlockNode) -> None:
    for field in node.kind.fields:
        if field.role in ("in", "cas_in") and not field.declared.optional and (field.name, 0) not in node.wires:
            given = {SHORT_PORTS.get(key, key) for key in net.source.blocks[node.tag].settings}
            if field.name not in given:
                key = key_of(field.name)
                what = f"`{node.tag}` needs the input `{key}`: {field.declared.doc}"
                net.find("PC309", what, node.path, key=True, hint=f"wire it: {key}: TAG")
            node.faulty = True


def link_calculated(net: Network) -> None:
    """Add every entry of `calculated`; its unit is its own, else that of the tag of its name, else the result's."""
    for tag, entry in net.source.calculated.items():
        path = ("calculated", tag)
        declared = net.source.tags.get(tag)
        unit = entry.unit or (declared.unit if declared else "")
        bad = bool(unit) and net.unit(unit, (*path, "unit") if entry.unit else ("tags", tag, "unit")) is None
        text = entry.service or (declared.service if declared else "") or entry.expression
        point = PointDecl(tag, Writer.EXPRESSION, tag, path, unit, text=text, faulty=bad)
        net.declare(point)
        net.expressions[tag] = ExpressionNode(
            tag, entry.expression, (*path, "expression"), False, unit, entry.task, entry.delay == "1 scan"
        )


def link_alarms(net: Network, task: str) -> None:
    """Add one alarm block for each limit of each entry of `alarms`; what arms an entry is asked in `task`."""
    kind = net.kind(ALARM, ("alarms",)) if net.source.alarms else None
    if kind is None:
        return
    for tag, alarm in net.source.alarms.items():
        path = ("alarms", tag)
        if net.resolve(tag) is None:
            net.unknown(tag, path, key=True)
            continue
        _check_guidance(net, tag, alarm, path)
        armed = condition(net, f"{tag}.arm", alarm.arm, (*path, "arm"), task) if alarm.arm is not None else None
        for key in LIMITS:
            if getattr(alarm, key) is not None:
                node = _add_alarm(net, kind, tag, key, alarm, path)
                if armed is not None:
                    node.wires[("arm", 0)] = Wire(armed[0], (*path, "arm"))
                    node.params["has_arm"], node.params["arm_for"] = 1.0, armed[1]


def _check_guidance(net: Network, tag: str, alarm: Alarm, path: Path) -> None:
    """An alarm that does not say what it means and what to do is noise (ISA-18.2 6.2, rationalisation)."""
    missing = [key for key in GUIDANCE if not getattr(alarm, key)]
    if missing:
        what = f"the alarm of `{tag}` does not say its {', '.join(missing)}"
        hint = "write what caused it, what happens without action, what to do; or record the value without alarm"
        net.find("PC326", what, path, key=True, hint=hint)


def _add_alarm(net: Network, kind: Kind, tag: str, key: str, alarm: Alarm, path: Path) -> BlockNode:
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
    node.params["latched"] = float(alarm.latched)
    net.add_block(node)
    net.points[node.tag].text = alarm.response
    return node


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
