"""Links tags and the arbiters of written tags.

A tag with a device and no `access: write` is an input; so is a tag without a device that nobody in the plan writes (a
value entered by hand, or one that only a recorded run supplies). A written tag gets an arbiter, the block `out`,
unless a block of the plan writes it under its own name.
"""

from plantctl.core.units import parse_duration_ns
from plantctl.plan.network import BlockNode, Network, OutputNode, Path, PointDecl, Wire
from plantctl.plan.plan import Writer
from plantctl.plan.source_plant import Tag

ARBITER = "out"


def link_tags(net: Network) -> None:
    """Declare a point for every tag that a device or a person supplies; note the written ones."""
    written_inside = {*net.source.calculated, *net.source.blocks}
    for name, tag in net.source.tags.items():
        path = ("tags", name)
        unit = net.unit(tag.unit, (*path, "unit")) if tag.unit else None
        if tag.access == "write":
            if tag.system == "sis":
                net.find(
                    "PC310",
                    f"`{name}` belongs to the safety system and cannot be written",
                    (*path, "access"),
                    hint="take `access: write` out: tags of a SIS are read only",
                )
            net.outputs[name] = OutputNode(name, path)
            continue
        if name in written_inside:
            continue
        point = PointDecl(name, Writer.INPUT, tag.device, path, tag.unit or "1", text=tag.service)
        if tag.range is not None:
            point.low = net.number(tag.range[0], unit, (*path, "range", 0))
            point.high = net.number(tag.range[1], unit, (*path, "range", 1))
            if not point.low < point.high:
                net.find("PC702", f"the range of `{name}` must rise", (*path, "range"), hint="write [low, high]")
        net.declare(point)
        if tag.device and tag.device not in net.source.devices and ("devices", tag.device) not in net.source.broken:
            net.unknown(tag.device, (*path, "device"), "device")


def add_arbiters(net: Network) -> None:
    """Make the arbiter of every written tag that no block writes under its own name."""
    kind = net.kind(ARBITER, ("outputs",)) if net.outputs else None
    if kind is None:
        return
    for name, output in net.outputs.items():
        if name in net.source.blocks or name in net.source.calculated:
            continue
        tag = net.source.tags[name]
        node = BlockNode(name, kind, output.path, unit=tag.unit or "1")
        if net.add_block(node) is None:
            continue
        output.writer, output.has_arbiter = node, True
        point = net.points[name]
        point.text = tag.service
        _limits(net, node, name, tag)


def _limits(net: Network, node: BlockNode, name: str, tag: Tag) -> None:
    unit = net.unit(node.unit, (*node.path, "unit"))
    point = net.points[name]
    section = net.source.outputs.get(name)
    path: Path = ("outputs", name)
    where: Path
    bounds, where = (section.limits, (*path, "limits")) if section and section.limits else (None, path)
    if bounds is None and tag.range is not None:
        bounds, where = tag.range, (*node.path, "range")
    if bounds is not None:
        node.params["low"] = point.low = net.number(bounds[0], unit, (*where, 0))
        node.params["high"] = point.high = net.number(bounds[1], unit, (*where, 1))
        if not point.low < point.high:
            net.find("PC702", f"the limits of `{name}` must rise", where, hint="write [low, high]")
    if section is None:
        return
    for key in ("rate", "rate_up", "rate_down"):
        value = getattr(section, key)
        if value is None:
            continue
        for target in ("rate_up", "rate_down") if key == "rate" else (key,):
            node.settings[target] = (value, (*path, key))
    if section.initial is not None:
        node.params["initial"] = net.number(section.initial, unit, (*path, "initial"))
        node.params["has_initial"] = 1.0


def check_outputs_section(net: Network) -> None:
    """An entry of `outputs` must be a written tag."""
    for name in net.source.outputs:
        if name not in net.outputs:
            known = name in net.source.tags
            hint = "give the tag `access: write`" if known else ""
            net.find("PC305", f"`{name}` is not a written tag", ("outputs", name), key=True, hint=hint)


def request_arbiter(net: Network, output: str, point: str, port: str, path: Path) -> BlockNode | None:
    """Wire `point` to a single request port of the arbiter of `output`; findings where that cannot be."""
    node = arbiter_of(net, output, path)
    if node is None:
        return None
    if (port, 0) in node.wires:
        other = node.wires[(port, 0)]
        net.find_with(
            "PC301",
            f"`{output}` has two writers: `{other.point}` and `{point}`",
            path,
            [(net.place(other.path), f"`{other.point}` writes it here")],
            "one loop per output; use a selector or a split range where two must share it",
        )
        return None
    node.wires[(port, 0)] = Wire(point, path)
    node.params[f"has_{port}"] = 1.0
    return node


def arbiter_of(net: Network, output: str, path: Path) -> BlockNode | None:
    """The arbiter of a written tag; a finding where the name is no written tag or a block writes it by itself."""
    found = net.outputs.get(output)
    if found is None:
        if output in net.source.tags:
            net.find("PC305", f"`{output}` is not a written tag", path, hint="give the tag `access: write`")
        else:
            net.unknown(output, path, "output")
        return None
    if found.writer is None or found.writer.kind.name != ARBITER:
        if net.kind(ARBITER, path) is not None and not any(b == output for _, b in net.source.broken):
            net.find("PC301", f"`{output}` is written by the block of that name and cannot be forced", path)
        return None
    return found.writer


def stale_after_ns(tag: Tag, poll_ns: int) -> int:
    """How old a value may grow before it is uncertain: as the tag says, else 3 times its device's poll period."""
    if tag.stale_after is None:
        return 3 * poll_ns
    try:
        return parse_duration_ns(str(tag.stale_after))
    except ValueError:
        return 3 * poll_ns
