"""Links the cause-and-effect chart: causes, effects, the chart's cells, permissives.

A cause becomes a condition (or one for each channel and a vote) and a block `cause`. An effect becomes a block
`effect`, wired to the causes that the chart gives it and to the effects that call it as their `else`; what it forces
are requests to the arbiters of those outputs, in the order of rank. A permissive becomes one condition a line and a
block `permissive` that the gate asks before it lets an output start.
"""

import re

from plantctl.plan.expression import ExpressionRefused, split_duration
from plantctl.plan.link_tags import arbiter_of
from plantctl.plan.network import BlockNode, Network, Path, Wire
from plantctl.plan.source_plant import Cause, Effect

OVERRUN_TRIP = "scan.overrun_trip"
POLICIES = ("safety", "degrade", "availability")
_NOT_BUILT = ("limit", "scale", "start", "request", "inhibit", "while_", "ramp")
_QUANTITY = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?\d+)?)\s*(.*)")
_OR_AFTER = re.compile(r"(.*)\s+or\s+([0-9.]+\s*(?:ms|s|min|h))\s*", re.DOTALL)


def link_protection(net: Network, task: str, *, overrun_trips: bool = False) -> None:
    """Add causes, effects, chart and permissives; all of them are stepped in `task`.

    With `overrun_trips`, every effect is also demanded by the executive while its scans come late.
    """
    for tag, cause in net.source.causes.items():
        _add_cause(net, tag, cause, task)
    for tag, effect in net.source.effects.items():
        _add_effect(net, tag, effect, task)
    _fill_chart(net)
    _call_else(net)
    if overrun_trips:
        for tag in net.source.effects:
            if tag in net.blocks:
                _demand(net, net.blocks[tag], OVERRUN_TRIP, True, ("tasks",))
    _force_outputs(net)
    _first_out(net, task)
    for output, lines in net.source.permissives.items():
        _add_permissive(net, output, lines, task)


# -- causes ----------------------------------------------------------------------------------------------------------


def _condition(net: Network, point: str, text: str, path: Path, task: str) -> tuple[str, float]:
    """Add the condition `text`, whose trailing ` for 5 s` is taken off and returned in s."""
    try:
        condition, held_s = split_duration(text)
    except ExpressionRefused as refused:
        for error in refused.errors:
            place = net.source.places.inside(*path, start=error.span[0], end=error.span[1])
            net.find_at("PC401", error.what, place, path, error.hint)
        return "", 0.0
    return net.add_condition(point, condition, path, task), held_s or 0.0


def _add_cause(net: Network, tag: str, cause: Cause, task: str) -> None:
    path: Path = ("causes", tag)
    kind = net.kind("cause", path)
    if kind is None:
        return
    node = BlockNode(tag, kind, path, task=task)
    delay_s = net.seconds(cause.for_, (*path, "for"))
    wanted, _, installed = cause.vote.partition("oo")
    if int(installed) != len(cause.when):
        what = f"`{tag}` votes {cause.vote} but `when` has {len(cause.when)} channel(s)"
        net.find("PC313", what, (*path, "vote"), hint="`when` is a list with one condition for each channel")
        return
    if len(cause.when) == 1:
        place: Path = (*path, "when")
        when, held_s = _condition(net, f"{tag}.when", cause.when[0], place, task)
    else:
        held_s = 0.0
        when = _vote(net, tag, cause, int(wanted), path, task)
    node.wires[("when", 0)] = Wire(when or f"{tag}.when", (*path, "when"))
    node.params["delay"] = max(delay_s, held_s)
    if cause.arm is not None:
        arm = net.add_condition(f"{tag}.arm", cause.arm, (*path, "arm"), task)
        node.wires[("arm", 0)] = Wire(arm, (*path, "arm"))
        node.params["has_arm"] = 1.0
    if cause.clear is not None:
        clear, clear_s = _condition(net, f"{tag}.clear", cause.clear, (*path, "clear"), task)
        node.wires[("clear", 0)] = Wire(clear, (*path, "clear"))
        node.params["has_clear"], node.params["clear_for"] = 1.0, clear_s
    if cause.on_bad is not None:
        node.params["trip_after"] = net.seconds(cause.on_bad.trip_after, (*path, "on_bad", "trip_after"))
        _check_safety_time(net, node, cause, path)
    added = net.add_block(node)
    if added is not None:
        net.points[tag].text = cause.text


def _check_safety_time(net: Network, node: BlockNode, cause: Cause, path: Path) -> None:
    """A value that cannot be known may use up half of the time there is, the other half is for acting."""
    if cause.process_safety_time is None:
        return
    half_s = net.seconds(cause.process_safety_time, (*path, "process_safety_time")) / 2.0
    if node.params["trip_after"] > half_s:
        what = (
            f"`{node.tag}` waits {node.params['trip_after']:g} s on a bad value, half its safety time is {half_s:g} s"
        )
        net.find("PC709", what, (*path, "on_bad", "trip_after"), hint="trip sooner")


def _vote(net: Network, tag: str, cause: Cause, wanted: int, path: Path, task: str) -> str:
    kind = net.kind("vote", (*path, "vote"))
    if kind is None:
        return ""
    node = BlockNode(f"{tag}.vote", kind, (*path, "vote"), task=task)
    for channel, text in enumerate(cause.when):
        place: Path = (*path, "when", channel)
        point = net.add_condition(f"{tag}.when{channel + 1}", text, place, task)
        node.wires[("x", channel)] = Wire(point, place)
    node.params.update({"n": float(len(cause.when)), "m": float(wanted)})
    policy = cause.on_bad.policy if cause.on_bad else "safety"
    node.params["policy"] = float(POLICIES.index(policy))
    net.add_block(node)
    return node.tag


# -- effects ---------------------------------------------------------------------------------------------------------


def _add_effect(net: Network, tag: str, effect: Effect, task: str) -> None:
    path: Path = ("effects", tag)
    kind = net.kind("effect", path)
    if kind is None:
        return
    for key in _NOT_BUILT:
        if getattr(effect, key):
            net.find("PC314", f"effects cannot `{key.rstrip('_')}` yet", (*path, key.rstrip("_")), hint="use `force`")
    if not effect.force:
        net.find("PC315", f"`{tag}` does nothing", path, key=True, hint="name what it forces: force: {TAG: 0}")
    node = BlockNode(tag, kind, path, task=task)
    if effect.verify is not None:
        _verify(net, node, effect, task)
    if effect.after is not None:
        found = _OR_AFTER.fullmatch(effect.after)
        text = found.group(1) if found else effect.after
        point = net.add_condition(f"{tag}.after", text, (*path, "after"), task)
        node.wires[("after", 0)] = Wire(point, (*path, "after"))
        node.params["has_after"] = 1.0
        node.params["after_limit"] = net.seconds(found.group(2), (*path, "after")) if found else 0.0
    added = net.add_block(node)
    if added is not None:
        net.points[tag].text = effect.text


def _verify(net: Network, node: BlockNode, effect: Effect, task: str) -> None:
    verify, path = effect.verify, (*node.path, "verify")
    assert verify is not None
    asked = [
        (k, sign) for k, sign in (("below", "<"), ("above", ">"), ("equals", "==")) if getattr(verify, k) is not None
    ]
    if len(asked) != 1:
        net.find("PC316", "verify needs exactly one of below, above, equals", path, key=True)
        return
    key, sign = asked[0]
    value = str(getattr(verify, key)).strip()
    if value in ("True", "False"):
        value = str(int(value == "True"))
    found = _QUANTITY.fullmatch(value)
    unit = found.group(2) if found else ""
    if not unit:
        unit = net.unit_of_point(verify.tag) or "1"
    number = found.group(1) if found else value
    text = f"{{{verify.tag}}} {sign} {number}" + ("" if unit == "1" else f" [{unit}]")
    point = f"{node.tag}.verify"
    net.add_condition(point, text, (*path, key), task)
    net.expressions[point].in_text = False
    node.wires[("verify", 0)] = Wire(point, (*path, key))
    node.params["has_verify"], node.params["within"] = 1.0, net.seconds(verify.within, (*path, "within"))


def _demand(net: Network, effect: BlockNode, point: str, latched: bool, path: Path) -> None:
    taken = sum(1 for port, _ in effect.wires if port == "x")
    field = effect.kind.field("x")
    assert field is not None
    if taken >= field.count:
        net.find("PC317", f"`{effect.tag}` has more than {field.count} causes", path, hint="split the effect")
        return
    effect.wires[("x", taken)] = Wire(point, path)
    effect.values.setdefault("latched", [0.0] * field.count)[taken] = float(latched)
    effect.params["n"] = taken + 1.0


def _fill_chart(net: Network) -> None:
    for cause, cells in net.source.chart.items():
        path: Path = ("chart", cause)
        if cause not in net.source.causes:
            net.unknown(cause, path, "cause", key=True)
            continue
        for effect, mark in cells.items():
            node = net.blocks.get(effect)
            if effect not in net.source.effects or node is None:
                net.unknown(effect, (*path, effect), "effect", key=True)
            elif cause in net.blocks:
                _demand(net, node, cause, mark == "latched", (*path, effect))


def _call_else(net: Network) -> None:
    for tag, effect in net.source.effects.items():
        if not effect.else_ or tag not in net.blocks:
            continue
        path: Path = ("effects", tag, "else")
        other = net.blocks.get(effect.else_)
        if effect.else_ not in net.source.effects or other is None:
            net.unknown(effect.else_, path, "effect")
        else:
            _demand(net, other, f"{tag}.failed", True, path)
    for tag in net.source.effects:
        node = net.blocks.get(tag)
        if node is not None and "n" not in node.params:
            net.find(
                "PC318", f"no cause of the chart leads to `{tag}`", node.path, key=True, hint="add it to the chart"
            )
    for tag in net.source.causes:
        if tag in net.blocks and not net.source.chart.get(tag):
            net.find(
                "PC318", f"`{tag}` has no effect in the chart", ("causes", tag), key=True, hint="add it to the chart"
            )


def _force_outputs(net: Network) -> None:
    """Wire every effect to the arbiters of what it forces, the highest rank (the smallest number) first."""
    wanted: dict[str, list[tuple[int, str, float, Path]]] = {}
    for tag, effect in net.source.effects.items():
        for output, value in effect.force.items():
            path: Path = ("effects", tag, "force", output)
            arbiter = arbiter_of(net, output, path)
            if arbiter is None or tag not in net.blocks:
                continue
            number = net.number(value, net.unit(arbiter.unit, path), path)
            wanted.setdefault(output, []).append((-1 if effect.rank is None else effect.rank, tag, number, path))
    for output, requests in wanted.items():
        arbiter = net.blocks[output]
        field = arbiter.kind.field("force")
        assert field is not None
        if len(requests) > field.count:
            net.find("PC317", f"`{output}` is forced by more than {field.count} effects", requests[field.count][3])
            continue
        _check_ranks(net, output, requests)
        numbers = [0.0] * field.count
        for k, (_, tag, number, path) in enumerate(sorted(requests, key=lambda r: r[0])):
            arbiter.wires[("force", k)] = Wire(f"{tag}.active", path)
            numbers[k] = number
        arbiter.values["force_value"] = numbers
        arbiter.params["n_force"] = float(len(requests))


def _check_ranks(net: Network, output: str, requests: list[tuple[int, str, float, Path]]) -> None:
    for k, (rank, tag, number, path) in enumerate(requests):
        for other_rank, other, other_number, other_path in requests[:k]:
            if number != other_number and (rank == other_rank or -1 in (rank, other_rank)):
                net.find_with(
                    "PC319",
                    f"`{tag}` and `{other}` demand different values of `{output}` and no rank decides",
                    path,
                    [(net.place(other_path), f"`{other}` demands {other_number:g} here")],
                    "give each effect its own `rank`; the smaller number wins",
                )


def _first_out(net: Network, task: str) -> None:
    """Tell every cause whether one of its effects was tripped a scan ago: only then it is not the first."""
    for cause, cells in net.source.chart.items():
        node = net.blocks.get(cause)
        effects = [e for e in cells if e in net.blocks and e in net.source.effects]
        if node is None or cause not in net.source.causes or not effects:
            continue
        path: Path = ("chart", cause)
        if len(effects) == 1:
            node.wires[("held", 0)] = Wire(effects[0], path, True)
        else:
            text = " or ".join(f"{{{e}}}" for e in effects)
            point = net.add_condition(f"{cause}.held", text, path, task, delayed=True)
            net.expressions[point].in_text = False
            node.wires[("held", 0)] = Wire(point, path)
        node.params["has_held"] = 1.0


# -- permissives -----------------------------------------------------------------------------------------------------


def permit_tag(output: str) -> str:
    """The tag of the block that permits the start of `output`."""
    return f"{output}.permit"


def _add_permissive(net: Network, output: str, lines: dict[str, str], task: str) -> None:
    path: Path = ("permissives", output)
    if arbiter_of(net, output, path) is None:
        return
    kind = net.kind("permissive", path)
    if kind is None:
        return
    node = BlockNode(permit_tag(output), kind, path, task=task)
    field = kind.field("x")
    assert field is not None
    if len(lines) > field.count:
        net.find("PC317", f"`{output}` has more than {field.count} permissives", path, key=True)
        return
    for k, (name, text) in enumerate(lines.items()):
        point = net.add_condition(f"{output}.permit{k + 1}", text, (*path, name), task)
        node.wires[("x", k)] = Wire(point, (*path, name))
    node.params["n"] = float(len(lines))
    net.add_block(node)
