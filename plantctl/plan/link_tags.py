"""Links tags and the arbiters of written tags.

A tag with a device and no `access: write` is an input; so is a tag without a device that nobody in the plan writes (a
value entered by hand, or one that only a recorded run supplies). A written tag gets an arbiter, the block `out`,
unless a block of the plan writes it under its own name.
"""

import math

from plantctl.core.units import Unit
from plantctl.plan.network import BlockNode, Network, OutputNode, Path, PointDecl, Wire
from plantctl.plan.plan import Writer
from plantctl.plan.source_plant import Output, Tag

ARBITER = "out"
# What the executive calls itself: `scan.overruns`, `clock.steps` and the like are its points.
RESERVED_NAMES = ("scan", "clock", "log")
_MAKE_WRITTEN = "give the tag `access: write`"
_DURATIONS = ("stale_after", "flat_line_after", "expect_change_within", "poll")
_VALUES = ("initial", "fail_safe")
# What an entry of `outputs` gives to an arbiter, in vain where a block writes the tag by itself.
_OF_ARBITERS = ("from_", "limits", "rate", "rate_up", "rate_down", "pulse", "initial", "task")


def link_tags(net: Network) -> None:
    """Declare a point for every tag that a device or a person supplies; note the written ones."""
    for name, tag in net.source.tags.items():
        path: Path = ("tags", name)
        unit = net.unit(tag.unit, (*path, "unit"))
        _check_tag(net, name, tag, unit, path)
        inside = next((s for s in ("calculated", "blocks") if name in getattr(net.source, s)), "")
        if tag.access == "write":
            net.outputs[name] = OutputNode(name, path)
        elif not inside:
            point = PointDecl(name, Writer.INPUT, tag.device, path, tag.unit or "1", text=tag.service)
            point.faulty = unit is None
            point.low, point.high = _range(net, name, tag, unit)
            net.declare(point)
        elif tag.device:
            net.find_with(
                "PC301",
                f"`{name}` has two writers: device `{tag.device}` and the entry of `{inside}`",
                (*path, "device"),
                [(net.place((inside, name), key=True), "written again here")],
                "give one of them another tag; or `access: write` where the device is to take the value",
            )


def _check_tag(net: Network, name: str, tag: Tag, unit: Unit | None, path: Path) -> None:
    """What the keys of a tag must be by themselves and together."""
    if name in RESERVED_NAMES:
        net.find("PC324", f"`{name}` is a name of the executive", path, key=True, hint="take another name")
    if tag.device and tag.device not in net.source.devices and ("devices", tag.device) not in net.source.broken:
        net.unknown(tag.device, (*path, "device"), "device", among=net.source.devices)
    if tag.access == "write" and tag.system == "sis":
        net.find(
            "PC310",
            f"`{name}` belongs to the safety system and cannot be written",
            (*path, "access"),
            hint="take `access: write` out: tags of a SIS are read only",
        )
    for key in _DURATIONS:
        net.seconds(getattr(tag, key), (*path, key))
    for key in _VALUES:
        if getattr(tag, key) is not None:
            net.number(getattr(tag, key), unit, (*path, key))
    if tag.flat_line_above is not None:
        _check_flat_line(net, name, tag, unit, (*path, "flat_line_above"))
    if tag.readback:
        _check_readback(net, name, tag, unit, (*path, "readback"))


def _check_flat_line(net: Network, name: str, tag: Tag, unit: Unit | None, path: Path) -> None:
    """The cut-off of a flat line must leave room above it for a frozen value to be seen in."""
    if tag.flat_line_after is None:
        net.find("PC215", "there is no flat line to look for", path, key=True, hint="add `flat_line_after: ...`")
    above = net.number(tag.flat_line_above, unit, path)
    if tag.range is None or unit is None:
        return
    found = len(net.findings)
    high = net.number(tag.range[1], unit, (*path[:-1], "range", 1))
    del net.findings[found:]  # a wrong unit is told where the range is read
    if above >= high:
        what = f"`{name}` is never above {above:g}, so it is never watched"
        net.find("PC711", what, path, hint="it is the meter's cut-off, at the low end of the range")


def _check_readback(net: Network, name: str, tag: Tag, unit: Unit | None, path: Path) -> None:
    if tag.access != "write":
        net.find("PC305", f"`{name}` is not written, so nothing is read back", path, hint=_MAKE_WRITTEN)
        return
    back = net.source.tags.get(tag.readback)
    if back is None:
        net.unknown(tag.readback, path, among=net.source.tags)
        return
    if back.access == "write":
        net.find("PC325", f"`{tag.readback}` is written itself", path, hint="read back an input of the same device")
        return
    given = net.unit(back.unit, ("tags", tag.readback, "unit"))
    if unit is not None and given is not None and unit != given:
        what = f"`{tag.readback}` is in {given}, `{name}` in {unit}: they cannot be compared"
        net.find("PC325", what, path, hint="what is read back has the unit of what is written")


def _range(net: Network, name: str, tag: Tag, unit: Unit | None) -> tuple[float, float]:
    nothing = float("nan")
    return rising(net, f"range of `{name}`", tag.range, unit, ("tags", name, "range")) or (nothing, nothing)


def rising(
    net: Network, what: str, bounds: tuple[str | float, str | float] | None, unit: Unit | None, path: Path
) -> tuple[float, float] | None:
    """Both ends of a range in `unit`; None where there is none, or an end is a finding. It must rise."""
    if bounds is None:
        return None
    low, high = net.number(bounds[0], unit, (*path, 0)), net.number(bounds[1], unit, (*path, 1))
    if math.isnan(low) or math.isnan(high):
        return None
    if not low < high:
        net.find("PC702", f"the {what} must rise: {low:g} is not below {high:g}", path, hint="write [low, high]")
        return None
    return low, high


def add_arbiters(net: Network) -> None:
    """Make the arbiter of every written tag that no block writes under its own name."""
    kind = net.kind(ARBITER, ("outputs",)) if net.outputs else None
    for name, output in net.outputs.items():
        if kind is None or name in net.source.blocks or name in net.source.calculated:
            continue
        tag = net.source.tags[name]
        node = BlockNode(name, kind, output.path, unit=tag.unit or "1")
        net.add_block(node)
        output.writer = node
        net.points[name].text = tag.service
        unit = net.unit(node.unit, (*node.path, "unit"))
        node.faulty = net.points[name].faulty = unit is None
        section = net.source.outputs.get(name)
        if section is not None and section.from_:
            request(net, node, section.from_, "auto", ("outputs", name, "from"))
        if section is not None:
            _settings(net, node, name, section, unit)
        _limits(net, node, name, tag, section, unit)


def _settings(net: Network, node: BlockNode, name: str, section: Output, unit: Unit | None) -> None:
    path: Path = ("outputs", name)
    node.task, node.task_path = section.task, (*path, "task")
    for key in ("rate", "rate_up", "rate_down"):
        value = getattr(section, key)
        if value is not None:
            for target in ("rate_up", "rate_down") if key == "rate" else (key,):
                node.settings[target] = (value, (*path, key))
    node.params["pulse"] = net.seconds(section.pulse, (*path, "pulse"))
    if section.initial is not None:
        node.params["initial"] = net.number(section.initial, unit, (*path, "initial"))
        node.params["has_initial"] = 1.0
    if section.fail_safe is not None:
        net.number(section.fail_safe, unit, (*path, "fail_safe"))


def _limits(net: Network, node: BlockNode, name: str, tag: Tag, section: Output | None, unit: Unit | None) -> None:
    point = net.points[name]
    own = section.limits if section is not None else None
    ends = rising(net, f"limits of `{name}`", own, unit, ("outputs", name, "limits"))
    if own is None:
        ends = rising(net, f"range of `{name}`", tag.range, unit, (*node.path, "range"))
    if ends is None:
        return
    node.params["low"], node.params["high"] = point.low, point.high = ends
    for value, path in (
        (section.initial if section else None, ("outputs", name, "initial")),
        (section.fail_safe if section else None, ("outputs", name, "fail_safe")),
        (tag.fail_safe, (*node.path, "fail_safe")),
    ):
        if value is not None:
            check_inside(net, name, value, path)


def check_inside(net: Network, output: str, value: str | float, path: Path) -> None:
    """A value that an output is to take must lie within its limits."""
    point = net.points[output]
    found = len(net.findings)
    number = net.number(value, net.unit(point.unit or net.blocks[output].unit, path), path)
    del net.findings[found:]  # a wrong unit was told where the value was read
    if number < point.low or number > point.high:
        what = f"{number:g} is outside the limits of `{output}`, {point.low:g} to {point.high:g}"
        net.find("PC710", what, path, hint="mend the value or the limits")


def check_outputs_section(net: Network) -> None:
    """An entry of `outputs` must be a written tag, and give an arbiter's settings only where there is one."""
    for name, section in net.source.outputs.items():
        path: Path = ("outputs", name)
        if name in net.source.tags and name not in net.outputs:
            net.find("PC305", f"`{name}` is not a written tag", path, key=True, hint=_MAKE_WRITTEN)
        elif name not in net.outputs:
            net.unknown(name, path, "output", key=True, among=net.outputs)
        elif (writer := net.outputs[name].writer) is None or writer.path[0] == "blocks":
            for key in _OF_ARBITERS:
                if getattr(section, key) not in (None, ""):
                    word = key.rstrip("_")
                    what = f"`{word}` has no effect: `{name}` is written by the entry of that name"
                    net.find("PC306", what, (*path, word), key=True, hint="give the limit to the block itself")
        elif section.pulse is not None and ("auto", 0) in writer.wires:
            what = f"`pulse` has no effect: `{writer.wires[('auto', 0)].point}` asks for `{name}`, no person sets it"
            net.find("PC306", what, (*path, "pulse"), key=True, hint="take it out")


def request_arbiter(net: Network, output: str, point: str, port: str, path: Path) -> BlockNode | None:
    """Wire `point` to a single request port of the arbiter of `output`; findings where that cannot be."""
    node = arbiter_of(net, output, path)
    return None if node is None else request(net, node, point, port, path)


def request(net: Network, node: BlockNode, point: str, port: str, path: Path) -> BlockNode | None:
    """Wire `point` to a port of a block that takes one request only."""
    if (port, 0) in node.wires:
        other = node.wires[(port, 0)]
        net.find_with(
            "PC301",
            f"`{node.tag}` has two writers: `{other.point}` and `{point}`",
            path,
            [(net.place(other.path), f"`{other.point}` writes it here")],
            "one loop per output, and one loop above another",
        )
        return None
    node.wires[(port, 0)] = Wire(point, path)
    if node.kind.field(f"has_{port}") is not None:
        node.params[f"has_{port}"] = 1.0
    return node


def arbiter_of(net: Network, output: str, path: Path, *, key: bool = False) -> BlockNode | None:
    """The arbiter of a written tag; a finding where the name is no written tag or a block writes it by itself."""
    found = net.outputs.get(output)
    if found is not None and found.writer is not None:
        return found.writer
    if found is None and output in net.source.tags:
        net.find("PC305", f"`{output}` is not a written tag", path, key=key, hint=_MAKE_WRITTEN)
    elif found is None:
        net.unknown(output, path, "output", key=key, among=net.outputs)
    else:
        what = f"`{output}` is written by the entry of that name, nobody else can"
        hint = "take that entry out, or let it write a tag of its own"
        section = "calculated" if output in net.source.calculated else "blocks"
        also = [(net.place((section, output), key=True), "written here")]
        net.find_with("PC301", what, path, also, hint, key=key)
    return None
