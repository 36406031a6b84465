"""Links `loops`: each becomes a controller block, wired to its PV, its feedforward and the arbiter of its output."""

from plantctl.core.block import MODE_WORDS
from plantctl.plan.link_tags import request_arbiter
from plantctl.plan.network import BlockNode, ExpressionNode, Network, Path, PointDecl, Wire
from plantctl.plan.plan import Writer
from plantctl.plan.source_plant import BadPv, Loop

CONTROLLER = "pid"


def link_loops(net: Network) -> None:
    """Add every entry of `loops`."""
    for tag, loop in net.source.loops.items():
        path: Path = ("loops", tag)
        kind = net.kind(loop.kind, (*path, "kind"))
        if kind is None:
            continue
        if kind.field("op") is None or kind.field("pv") is None:
            net.find("PC311", f"kind `{loop.kind}` is no controller", (*path, "kind"), hint=f"use `{CONTROLLER}`")
            continue
        node = BlockNode(tag, kind, path, task=loop.task)
        node.wires[("pv", 0)] = Wire(loop.pv.tag, (*path, "pv"), bool(loop.pv.delay))
        output = net.source.tags.get(loop.out)
        node.adrift = loop.out not in net.outputs
        node.unit = "" if node.adrift or output is None else output.unit or "1"
        _tuning(node, loop, path)
        _limits(net, node, loop, path)
        if net.add_block(node) is None:
            continue
        request_arbiter(net, loop.out, tag, "auto", (*path, "out"))
        _feedforward(net, node, loop, path)
        _on_bad_pv(net, node, loop.on_bad_pv, (*path, "on_bad_pv"))
        node.params["direct"] = 1.0 if loop.action == "direct" else 0.0
        node.params["initial_mode"] = float(MODE_WORDS.index(loop.mode or "man"))


def _tuning(node: BlockNode, loop: Loop, path: Path) -> None:
    if loop.setpoint is not None:
        node.settings["sp"] = (loop.setpoint, (*path, "setpoint"))
    if loop.tuning is None:
        return
    for key in ("gain", "integral", "derivative", "filter", "beta", "gamma", "tracking"):
        value = getattr(loop.tuning, key)
        if value is not None:
            node.settings[key] = (value, (*path, "tuning", key))
    if loop.gap is not None:
        node.settings["gap"] = (loop.gap.width, (*path, "gap"))
        node.params["gap_gain"] = float(loop.gap.gain)


def _limits(net: Network, node: BlockNode, loop: Loop, path: Path) -> None:
    output = net.source.tags.get(loop.out)
    place: Path = (*path, "limits", "out")
    bounds = loop.limits.out if loop.limits else None
    if bounds is None and output is not None and output.range is not None:
        bounds, place = output.range, ("tags", loop.out, "range")
    if bounds is None:
        net.find("PC312", f"`{node.tag}` has no output limits", path, key=True, hint="write limits: {out: [low, high]}")
    else:
        node.settings["out_low"], node.settings["out_high"] = (bounds[0], (*place, 0)), (bounds[1], (*place, 1))
    if loop.limits is None:
        return
    if loop.limits.setpoint is not None:
        low, high = loop.limits.setpoint
        node.settings["sp_low"] = (low, (*path, "limits", "setpoint", 0))
        node.settings["sp_high"] = (high, (*path, "limits", "setpoint", 1))
    for key in ("rate", "rate_up", "rate_down"):
        value = getattr(loop.limits, key)
        if value is not None:
            for target in ("rate_up", "rate_down") if key == "rate" else (key,):
                node.settings[target] = (value, (*path, "limits", key))


def _feedforward(net: Network, node: BlockNode, loop: Loop, path: Path) -> None:
    if loop.feedforward is None:
        return
    point, place = f"{node.tag}.feedforward", (*path, "feedforward")
    declared = PointDecl(point, Writer.EXPRESSION, node.tag, place, node.unit, text=loop.feedforward)
    if net.declare(declared):
        net.expressions[point] = ExpressionNode(point, loop.feedforward, place, False, node.unit, node.task)
        node.wires[("feedforward", 0)] = Wire(point, place)
        node.params["has_feedforward"] = 1.0


def _on_bad_pv(net: Network, node: BlockNode, step: BadPv | None, path: Path) -> None:
    while step is not None:
        if step.switch_to:
            node.wires[("pv2", 0)] = Wire(step.switch_to, (*path, "switch_to"))
            node.params["has_pv2"] = 1.0
        if step.manual not in (None, "hold"):
            what = "a bad PV can hold the output and then wait in man; a value of its own is not built yet"
            net.find("PC323", what, (*path, "manual"), hint="write manual: hold")
        if step.hold is not None:
            node.params["hold"] = net.seconds(step.hold, (*path, "hold"))
        if step.else_ is not None:
            step, path = step.else_, (*path, "else")
        else:
            step, path = step.then, (*path, "then")


def check_loop_limits(net: Network) -> None:
    """Limits rise, and the first set-point lies inside its own; after the settings were converted."""
    for tag in net.source.loops:
        node = net.blocks.get(tag)
        if node is None:
            continue
        for low, high, where in (("out_low", "out_high", "out"), ("sp_low", "sp_high", "setpoint")):
            if low in node.params and high in node.params and not node.params[low] < node.params[high]:
                what = f"the limits of `{tag}` must rise: {node.params[low]:g} is not below {node.params[high]:g}"
                net.find("PC702", what, ("loops", tag, "limits", where), hint="write [low, high]")
        sp = node.params.get("sp")
        if sp is not None and not node.params.get("sp_low", sp) <= sp <= node.params.get("sp_high", sp):
            net.find("PC705", f"the set-point of `{tag}` is outside its limits", ("loops", tag, "setpoint"))
