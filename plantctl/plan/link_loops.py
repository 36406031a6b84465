"""Links `loops`: each becomes a controller block, wired to its PV, its feedforward and what its output goes to.

The output goes to the arbiter of a written tag, or to another loop: then it is that loop's set-point, in the unit of
that loop's PV, within that loop's set-point limits (a cascade).
"""

import math
from itertools import pairwise

from plantctl.core.block import MODE_WORDS
from plantctl.plan.link_split import UNIT, WHOLE, wire_split
from plantctl.plan.link_tags import request, request_arbiter
from plantctl.plan.network import BlockNode, ExpressionNode, Network, Path, PointDecl, Wire
from plantctl.plan.plan import Writer
from plantctl.plan.source_plant import BadPv, Loop

CONTROLLER = "pid"
# A share of the gain outside this is no tuning any more.
_SHARE_MIN, _SHARE_MAX = 0.001, 1000.0
_TUNING = ("gain", "integral", "derivative", "filter", "beta", "gamma", "tracking")
# What the controller does when its PV is bad, in its own order.
_BAD_PV_STEPS = ("switch_to", "hold", "manual")
# The fields of a controller: all that a loop may wire or set. A kind without one of them would drop it in silence.
OF_CONTROLLERS = (
    *(
        "pv",
        "pv2",
        "cas",
        "feedforward",
        "op",
        "sp",
        "sp_low",
        "sp_high",
        "out_low",
        "out_high",
        "rate_up",
        "rate_down",
    ),
    *_TUNING,
    *("gap", "gap_gain", "direct", "hold", "initial_mode", "has_pv2", "has_cas", "has_feedforward"),
    *("by", "schedule_at", "schedule_share", "n_schedule"),
)


def link_loops(net: Network) -> None:
    """Add every entry of `loops`; their outputs are wired when all of them are there."""
    for tag, loop in net.source.loops.items():
        _add_loop(net, tag, loop, ("loops", tag))
    for tag, loop in net.source.loops.items():
        node = net.blocks.get(tag)
        if node is not None and node.path == ("loops", tag):
            _wire_output(net, node, loop, (*node.path, "out"))
    for tag, loop in net.source.loops.items():
        node = net.blocks.get(tag)
        if loop.mode == "cas" and node is not None and ("cas", 0) not in node.wires and net.source.complete:
            what = f"no loop stands above `{tag}`, so it cannot start in cas"
            net.find("PC327", what, ("loops", tag, "mode"), hint=f"mode: auto; or another loop with out: {tag}")


def _add_loop(net: Network, tag: str, loop: Loop, path: Path) -> None:
    kind = net.kind(loop.kind, (*path, "kind"))
    if kind is None:
        return
    if any(kind.field(name) is None for name in OF_CONTROLLERS):
        net.find("PC311", f"kind `{loop.kind}` is no controller", (*path, "kind"), hint=f"use `{CONTROLLER}`")
        return
    node = BlockNode(tag, kind, path, task=loop.task, task_path=(*path, "task"))
    node.wires[("pv", 0)] = Wire(loop.pv.tag, (*path, "pv", "tag"), bool(loop.pv.delay))
    below = net.source.loops.get(loop.out)
    if below is not None:
        node.follows = below.pv.tag
    elif loop.split:
        node.unit = UNIT
    else:
        tag_out = net.source.tags.get(loop.out)
        node.faulty = (
            tag_out is None or loop.out not in net.outputs or net.unit(tag_out.unit, ("tags", loop.out, "unit")) is None
        )
        node.unit = (tag_out.unit if tag_out else "") or "1"
    _tuning(node, loop, path)
    _limits(net, node, loop, path)
    if net.add_block(node) is None:
        return
    _feedforward(net, node, loop, path)
    if loop.on_bad_pv is not None:
        _on_bad_pv(net, node, loop.on_bad_pv, (*path, "on_bad_pv"))
    node.params["direct"] = 1.0 if loop.action == "direct" else 0.0
    node.params["initial_mode"] = float(MODE_WORDS.index(loop.mode or "man"))
    net.points[tag].text = loop.text


def _wire_output(net: Network, node: BlockNode, loop: Loop, path: Path) -> None:
    if loop.split:
        wire_split(net, node, loop, (*node.path, "split"))
        return
    if loop.out not in net.source.loops:
        request_arbiter(net, loop.out, node.tag, "auto", path)
        return
    below = net.blocks.get(loop.out)
    if below is node:
        net.find("PC328", f"`{node.tag}` is above itself", path, hint="name an output, or the loop below")
    elif below is not None and below.kind.field("cas") is not None:
        request(net, below, node.tag, "cas", path)


def _tuning(node: BlockNode, loop: Loop, path: Path) -> None:
    if loop.setpoint is not None:
        node.settings["sp"] = (loop.setpoint, (*path, "setpoint"))
    for key in _TUNING if loop.tuning is not None else ():
        value = getattr(loop.tuning, key)
        if value is not None:
            node.settings[key] = (value, (*path, "tuning", key))
    schedule = loop.tuning.schedule if loop.tuning is not None else None
    if schedule is not None:
        node.wires[("by", 0)] = Wire(
            schedule.by.tag, (*path, "tuning", "schedule", "by", "tag"), bool(schedule.by.delay)
        )
    if loop.gap is not None:
        node.settings["gap"] = (loop.gap.width, (*path, "gap", "width"))
        node.settings["gap_gain"] = (loop.gap.gain, (*path, "gap", "gain"))


def _limits(net: Network, node: BlockNode, loop: Loop, path: Path) -> None:
    """Limits of the output: the loop's own, else what the tag or the loop below takes."""
    choices: list[tuple[tuple[str | float, str | float] | None, Path]] = []
    if loop.limits is not None:
        choices.append((loop.limits.out, (*path, "limits", "out")))
    below, target = net.source.loops.get(loop.out), loop.out
    if below is not None:
        choices.append((below.limits.setpoint if below.limits else None, ("loops", loop.out, "limits", "setpoint")))
        target = below.pv.tag
    if loop.split:
        choices.append((WHOLE, (*path, "split")))
    if target in net.source.tags:
        choices.append((net.source.tags[target].range, ("tags", target, "range")))
    bounds, place = next(((b, p) for b, p in choices if b is not None), (None, path))
    if bounds is not None:
        node.settings["out_low"], node.settings["out_high"] = (bounds[0], (*place, 0)), (bounds[1], (*place, 1))
    else:
        # What cannot be known is not asked for: the parameters count as given, the plan is refused in any case.
        node.params["out_low"] = node.params["out_high"] = 0.0
        if below is not None or loop.out in net.source.tags:
            hint = "write limits: {out: [low, high]}; or give the output a range"
            net.find("PC312", f"`{node.tag}` has no output limits", path, key=True, hint=hint)
    if loop.limits is None:
        return
    if loop.limits.setpoint is not None:
        low, high = loop.limits.setpoint
        node.settings["sp_low"] = (low, (*path, "limits", "setpoint", 0))
        node.settings["sp_high"] = (high, (*path, "limits", "setpoint", 1))
    for key in ("rate", "rate_up", "rate_down"):
        value = getattr(loop.limits, key)
        if value is not None:
            for name in ("rate_up", "rate_down") if key == "rate" else (key,):
                node.settings[name] = (value, (*path, "limits", key))


def _feedforward(net: Network, node: BlockNode, loop: Loop, path: Path) -> None:
    if loop.feedforward is None:
        return
    point, place = f"{node.tag}.feedforward", (*path, "feedforward")
    unit = node.unit if not node.faulty else ""
    declared = PointDecl(point, Writer.EXPRESSION, node.tag, place, unit, text=loop.feedforward)
    net.declare(declared)
    net.expressions[point] = ExpressionNode(point, loop.feedforward, place, False, unit, node.task, target_of=node.tag)
    node.wires[("feedforward", 0)] = Wire(point, place)
    node.params["has_feedforward"] = 1.0


def _on_bad_pv(net: Network, node: BlockNode, step: BadPv, path: Path) -> None:
    """The steps of a bad PV, in the one order that the controller has: another probe, hold, manual."""
    done = -1
    node.params["hold"] = 0.0 if step.manual is not None else 10.0
    chain: BadPv | None = step
    while chain is not None:
        key = next(k for k in _BAD_PV_STEPS if getattr(chain, k) not in (None, ""))
        if _BAD_PV_STEPS.index(key) <= done:
            hint = "the order is switch_to, hold, manual, each once"
            net.find("PC329", f"`{key}` cannot come at this place", (*path, key), key=True, hint=hint)
        done = max(done, _BAD_PV_STEPS.index(key))
        if key == "switch_to":
            node.wires[("pv2", 0)] = Wire(chain.switch_to, (*path, key))
            node.params["has_pv2"] = 1.0
        elif key == "hold":
            node.params["hold"] = net.seconds(chain.hold, (*path, key))
        elif chain.manual != "hold":
            what = "in manual the output stays where it is, a value of its own is not built yet"
            net.find("PC323", what, (*path, key), hint="manual: hold")
        if chain.else_ is not None and chain.then is not None:
            net.find("PC329", "`else` and `then` in one step", path, key=True, hint="keep one of them")
        chain, path = (chain.else_, (*path, "else")) if chain.else_ is not None else (chain.then, (*path, "then"))


def fill_schedules(net: Network) -> None:
    """The tables of scheduled gains, in the unit of what they hang on; after the units were settled."""
    for tag, loop in net.source.loops.items():
        node = net.blocks.get(tag)
        schedule = loop.tuning.schedule if loop.tuning is not None else None
        if schedule is None or node is None:
            continue
        path: Path = ("loops", tag, "tuning", "schedule")
        field = node.kind.field("schedule_at")
        by = net.resolve(schedule.by.tag)
        assert field is not None
        if len(schedule.at) != len(schedule.share) or not 2 <= len(schedule.at) <= field.count:
            what = f"the gain of `{tag}` is given at {len(schedule.at)} values, with {len(schedule.share)} shares"
            net.find("PC715", what, path, key=True, hint=f"2 to {field.count} of each: at: [7 pH, 8 pH], share: [2, 1]")
            continue
        unit = net.unit(by.unit, path) if by is not None and by.unit and not by.faulty else None
        at = [net.number(value, unit, (*path, "at", k)) for k, value in enumerate(schedule.at)]
        if any(not low < high for low, high in pairwise(at)) and not any(map(math.isnan, at)):
            what = f"the values at which the gain of `{tag}` is given must rise"
            net.find("PC715", what, (*path, "at"), hint="write them from low to high, each once")
        for k, share in enumerate(schedule.share):
            if not _SHARE_MIN <= share <= _SHARE_MAX:
                what = f"a share of {share:g} of the gain of `{tag}`"
                net.find("PC715", what, (*path, "share", k), hint=f"from {_SHARE_MIN:g} to {_SHARE_MAX:g}")
        more = [0.0] * (field.count - len(at))
        node.values["schedule_at"], node.values["schedule_share"] = [*at, *more], [*schedule.share, *more]
        node.params["n_schedule"] = float(len(at))


def check_loop_limits(net: Network) -> None:
    """Limits rise, and the first set-point lies inside its own; after the settings were converted."""
    for tag, loop in net.source.loops.items():
        node = net.blocks.get(tag)
        if node is None:
            continue
        for low, high, where in (("out_low", "out_high", "out"), ("sp_low", "sp_high", "setpoint")):
            own = loop.limits is not None and getattr(loop.limits, where) is not None
            ends = node.params.get(low), node.params.get(high)
            if own and None not in ends and not ends[0] < ends[1]:  # type: ignore[operator]
                what = f"the limits of `{tag}` must rise: {ends[0]:g} is not below {ends[1]:g}"
                net.find("PC702", what, ("loops", tag, "limits", where), hint="write [low, high]")
        sp = node.params.get("sp")
        low_sp, high_sp = node.params.get("sp_low"), node.params.get("sp_high")
        if sp is None or low_sp is None or high_sp is None or not low_sp < high_sp or low_sp <= sp <= high_sp:
            continue
        what = f"the set-point of `{tag}`, {sp:g}, is outside its limits, {low_sp:g} to {high_sp:g}"
        net.find("PC705", what, ("loops", tag, "setpoint"), hint="mend the set-point or the limits")
