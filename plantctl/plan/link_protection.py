"""Links the cause-and-effect chart: causes, effects, the chart's cells, permissives.

A cause becomes a condition (or one for each channel and a vote) and a block `cause`. An effect becomes a block
`effect`, wired to the causes that the chart gives it and to the effects that call it as their `else`; what it forces
are requests to the arbiters of those outputs, in the order of rank. A permissive becomes one condition a line and a
block `permissive` that the gate asks before it lets an output start.
"""

import math
import re

from plantctl.plan.link_conditions import condition, lasting
from plantctl.plan.link_scaling import scale_outputs
from plantctl.plan.link_tags import arbiter_of, check_inside
from plantctl.plan.network import BlockNode, Network, Path, Wire
from plantctl.plan.plan import OVERRUN_TRIP
from plantctl.plan.shapes import quantity_parts
from plantctl.plan.source_plant import Cause, Effect

POLICIES = ("safety", "degrade", "availability")
_NOT_BUILT = ("limit", "start", "request", "inhibit", "while_")
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
    _check_chart(net)
    if overrun_trips:
        for tag in net.source.effects:
            if tag in net.blocks:
                _demand(net, net.blocks[tag], OVERRUN_TRIP, True, ("tasks",))
    _force_outputs(net)
    scale_outputs(net)
    _first_out(net, task)
    for output, lines in net.source.permissives.items():
        _add_permissive(net, output, lines, task)


# -- causes ----------------------------------------------------------------------------------------------------------


def _add_cause(net: Network, tag: str, cause: Cause, task: str) -> None:
    path: Path = ("causes", tag)
    kind = net.kind("cause", path)
    if kind is None:
        return
    node = BlockNode(tag, kind, path, task=task)
    added = net.add_block(node)
    if added is None:
        return
    net.points[tag].text = cause.text
    node.params["delay"] = net.seconds(cause.for_, (*path, "for"))
    when = _when(net, node, cause, task)
    if when is None:
        node.faulty = True
    else:
        node.wires[("when", 0)] = Wire(when, (*path, "when"))
    if cause.arm is not None:
        hint = "`for` of the cause delays the trip"
        arm = lasting(net, f"{tag}.arm", cause.arm, (*path, "arm"), task, hint)
        if arm is not None:
            node.wires[("arm", 0)] = Wire(arm, (*path, "arm"))
            node.params["has_arm"] = 1.0
    if cause.clear is not None:
        clear = condition(net, f"{tag}.clear", cause.clear, (*path, "clear"), task)
        if clear is not None:
            node.wires[("clear", 0)] = Wire(clear[0], (*path, "clear"))
            node.params["has_clear"], node.params["clear_for"] = 1.0, clear[1]
    _bad_quality(net, node, cause)


def _when(net: Network, node: BlockNode, cause: Cause, task: str) -> str | None:
    """The point of the cause's condition, or of the vote over its channels; None where a finding was made."""
    wanted, _, installed = cause.vote.partition("oo")
    if int(installed) != len(cause.when):
        channels = "1 channel" if len(cause.when) == 1 else f"{len(cause.when)} channels"
        what = f"`{node.tag}` votes {cause.vote} but `when` has {channels}"
        hint = f"write one condition for each channel, or vote: {min(int(wanted), len(cause.when))}oo{len(cause.when)}"
        net.find("PC313", what, (*node.path, "vote"), hint=hint)
        return None
    if len(cause.when) > 1:
        return _vote(net, node, cause, int(wanted), task)
    found = condition(net, f"{node.tag}.when", cause.when[0], (*node.path, "when", 0), task)
    if found is None:
        return None
    node.params["delay"] = max(node.params["delay"], found[1])
    return found[0]


def _vote(net: Network, cause_node: BlockNode, cause: Cause, wanted: int, task: str) -> str | None:
    path: Path = (*cause_node.path, "vote")
    kind = net.kind("vote", path)
    if kind is None:
        return None
    node = BlockNode(f"{cause_node.tag}.vote", kind, path, task=task)
    channels = kind.field("x")
    assert channels is not None
    if len(cause.when) > channels.count:
        net.find("PC317", f"`{cause_node.tag}` votes over more than {channels.count} channels", path)
        return None
    hint = "`for` of the cause delays the vote"
    for channel, text in enumerate(cause.when):
        place: Path = (*cause_node.path, "when", channel)
        point = lasting(net, f"{cause_node.tag}.when{channel + 1}", text, place, task, hint)
        if point is not None:
            node.wires[("x", channel)] = Wire(point, place)
    node.params.update({"n": float(len(cause.when)), "m": float(wanted)})
    policy = cause.on_bad.policy if cause.on_bad else "safety"
    node.params["policy"] = float(POLICIES.index(policy))
    net.add_block(node)
    return node.tag


def _bad_quality(net: Network, node: BlockNode, cause: Cause) -> None:
    """The delay of a condition that cannot be known, against half of the process safety time."""
    path: Path = (*node.path, "on_bad", "trip_after")
    after = cause.on_bad.trip_after if cause.on_bad else None
    if after is None:
        return
    after_s = net.seconds(after, path)
    if len(cause.when) > 1:
        hint = "take it out; the policy says at once what a bad channel counts"
        net.find("PC331", "a vote does not wait for a bad channel", path, hint=hint)
        return
    node.params["trip_after"] = after_s
    if cause.process_safety_time is not None:
        safety_s = net.seconds(cause.process_safety_time, (*node.path, "process_safety_time"))
        if not after_s < 0.5 * safety_s:
            what = f"{after_s:g} s is not below half of the process safety time, {safety_s:g} s"
            hint = "the trip must come while there is time left for it to work"
            also = [(net.place((*node.path, "process_safety_time")), "the process safety time")]
            net.find_with("PC709", what, path, also, hint)


# -- effects ---------------------------------------------------------------------------------------------------------


def _add_effect(net: Network, tag: str, effect: Effect, task: str) -> None:
    path: Path = ("effects", tag)
    kind = net.kind("effect", path)
    if kind is None:
        return
    for key in _NOT_BUILT:
        if getattr(effect, key):
            word = key.rstrip("_")
            net.find("PC314", f"effects cannot `{word}` yet", (*path, word), key=True, hint="use `force`")
    if not effect.force and not effect.scale and not any(getattr(effect, key) for key in _NOT_BUILT):
        net.find("PC315", f"`{tag}` does nothing", path, key=True, hint="name what it forces: force: {TAG: 0}")
    node = BlockNode(tag, kind, path, task=task)
    if effect.verify is not None:
        _verify(net, node, effect, task)
    if effect.after is not None:
        _stage(net, node, effect.after, task)
    added = net.add_block(node)
    if added is not None:
        net.points[tag].text = effect.text


def _stage(net: Network, node: BlockNode, after: str, task: str) -> None:
    """Let an effect wait for a condition, at most for a time: one that cannot be known must not hold up a trip."""
    path, before = (*node.path, "after"), len(net.findings)
    found = _OR_AFTER.fullmatch(after)
    hint = "`{TAG} < 1 [A] or 0.5 s` gives the longest wait"
    point = lasting(net, f"{node.tag}.after", found.group(1) if found else after, path, task, hint)
    if point is not None:
        node.wires[("after", 0)] = Wire(point, path)
    limit_s = net.seconds(found.group(2), path) if found else 0.0
    node.params["has_after"], node.params["after_limit"] = 1.0, limit_s
    if not limit_s > 0.0 and len(net.findings) == before:
        what = f"`{node.tag}` would wait for ever where its condition does not come or cannot be known"
        net.find("PC334", what, path, hint=hint)


def _verify(net: Network, node: BlockNode, effect: Effect, task: str) -> None:
    verify, path = effect.verify, (*node.path, "verify")
    assert verify is not None
    signs = (("below", "<"), ("above", ">"), ("equals", "=="))
    asked = [(k, sign) for k, sign in signs if getattr(verify, k) is not None]
    if len(asked) != 1:
        hint = "verify: {tag: TAG, below: 1 A, within: 1 s}"
        net.find("PC316", "verify needs exactly one of below, above, equals", path, key=True, hint=hint)
        return
    key, sign = asked[0]
    node.params["has_verify"], node.params["within"] = 1.0, net.seconds(verify.within, (*path, "within"))
    seen = net.resolve(verify.tag)
    if seen is None:
        net.unknown(verify.tag, (*path, "tag"))
        return
    number, unit = quantity_parts(str(getattr(verify, key))) or (0.0, "")
    unit = unit or seen.unit or "1"
    text = f"{{{verify.tag}}} {sign} {repr(number).removesuffix('.0')}" + ("" if unit == "1" else f" [{unit}]")
    point = net.add_condition(f"{node.tag}.verify", text, (*path, key), task)
    net.expressions[point].in_text = False
    node.wires[("verify", 0)] = Wire(point, (*path, key))


def _demand(net: Network, effect: BlockNode, point: str, latched: bool, path: Path) -> None:
    taken = sum(1 for port, _ in effect.wires if port == "x")
    field = effect.kind.field("x")
    if field is None:
        return  # a block of another kind has the effect's name: that is told
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
            net.unknown(cause, path, "cause", key=True, among=net.source.causes)
            continue
        for effect, mark in cells.items():
            node = net.blocks.get(effect)
            if effect not in net.source.effects:
                net.unknown(effect, (*path, effect), "effect", key=True, among=net.source.effects)
            elif node is not None and cause in net.blocks:
                _demand(net, node, cause, mark == "latched", (*path, effect))


def _call_else(net: Network) -> None:
    """Wire the effects that take over when another fails; nobody may take over from itself."""
    for tag, effect in net.source.effects.items():
        path: Path = ("effects", tag, "else")
        other = net.blocks.get(effect.else_)
        if not effect.else_ or tag not in net.blocks:
            continue
        if effect.else_ not in net.source.effects:
            net.unknown(effect.else_, path, "effect", among=net.source.effects)
        elif tag in (ring := _else_ring(net, tag)):
            if tag == min(ring, key=list(net.source.effects).index):
                what = f"`else` leads back to itself: {' -> '.join([*ring, tag])}"
                also = [(net.place(("effects", one, "else")), f"`{one}` calls the next here") for one in ring[1:]]
                net.find_with("PC332", what, path, also, "the last effect has no `else`")
        elif other is not None:
            _demand(net, other, f"{tag}.failed", True, path)


def _else_ring(net: Network, tag: str) -> list[str]:
    """The effects from `tag` along `else` until one comes again; `tag` is among the repeated ones or not in a ring."""
    chain = [tag]
    while True:
        following = net.source.effects[chain[-1]].else_
        if following not in net.source.effects:
            return []
        if following in chain:
            return chain if following == tag else []
        chain.append(following)


def _check_chart(net: Network) -> None:
    """Every effect has a cause and every cause an effect; not told where the chart itself has findings."""
    if net.misses("cause") or net.misses("effect"):
        return
    if not net.source.complete or any(section in ("chart", "causes", "effects") for section, _ in net.source.broken):
        return
    called = {effect for cells in net.source.chart.values() for effect in cells}
    called |= {effect.else_ for effect in net.source.effects.values()}
    hint = "add it to the chart: CAUSE: {EFFECT: latched}"
    for tag in net.source.effects:
        if tag not in called:
            net.find("PC318", f"no cause of the chart leads to `{tag}`", ("effects", tag), key=True, hint=hint)
    for tag in net.source.causes:
        if not net.source.chart.get(tag):
            net.find("PC318", f"`{tag}` has no effect in the chart", ("causes", tag), key=True, hint=hint)


def _force_outputs(net: Network) -> None:
    """Wire every effect to the arbiters of what it forces, the highest rank (the smallest number) first."""
    wanted: dict[str, list[tuple[int, str, float, Path]]] = {}
    for tag, effect in net.source.effects.items():
        for output, value in effect.force.items():
            path: Path = ("effects", tag, "force", output)
            arbiter = arbiter_of(net, output, path, key=True)
            if arbiter is None or arbiter.faulty or tag not in net.blocks:
                continue
            number = net.number(value, net.unit(arbiter.unit, path), path)
            if math.isnan(number):
                continue
            check_inside(net, output, value, path)
            wanted.setdefault(output, []).append((-1 if effect.rank is None else effect.rank, tag, number, path))
    for output, requests in wanted.items():
        arbiter = net.blocks[output]
        field = arbiter.kind.field("force")
        assert field is not None
        if len(requests) > field.count:
            what = f"`{output}` is forced by more than {field.count} effects"
            net.find("PC317", what, requests[field.count][3], key=True, hint="let causes share an effect")
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
                break


def _first_out(net: Network, task: str) -> None:
    """Tell every cause whether one of its effects was tripped a scan ago: only then it is not the first."""
    for cause, cells in net.source.chart.items():
        node = net.blocks.get(cause)
        effects = [e for e in cells if e in net.blocks and e in net.source.effects]
        if node is None or not effects:
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
    arbiter = arbiter_of(net, output, path, key=True)
    kind = net.kind("permissive", path)
    if arbiter is None or kind is None:
        return
    node = BlockNode(permit_tag(output), kind, path, task=task)
    field = kind.field("x")
    assert field is not None
    if len(lines) > field.count:
        hint = "join some of them with `and`"
        net.find("PC317", f"`{output}` has more than {field.count} permissives", path, key=True, hint=hint)
        return
    for k, (name, text) in enumerate(lines.items()):
        place: Path = (*path, name)
        point = lasting(
            net, f"{output}.permit{k + 1}", text, place, task, "take it out: a permissive is asked at one moment"
        )
        if point is not None:
            node.wires[("x", k)] = Wire(point, place)
    node.params["n"] = float(len(lines))
    net.add_block(node)
