"""Links a loop that moves two outputs: `split: {TV-4214: [50 %, 0 %], JV-4214: [50 %, 100 %]}`.

Each output has its part of the loop's 0 to 100 %: closed at the first number, open at the second. Closed and open are
the lower and the upper limit of that output. A block `split` stands between the loop and the two arbiters.
"""

import math

from plantctl.core.units import parse_unit
from plantctl.plan.link_tags import arbiter_of, request
from plantctl.plan.network import BlockNode, Network, Path, Wire
from plantctl.plan.source_plant import Loop

SPLIT = "split"
LEGS = ("first", "second")
UNIT = "%"
WHOLE = (0.0, 100.0)


def split_tag(loop: str) -> str:
    """The tag of the block that splits a loop's output."""
    return f"{loop}.{SPLIT}"


def wire_split(net: Network, node: BlockNode, loop: Loop, path: Path) -> None:
    """Put a block between the loop and its two outputs."""
    kind = net.kind(SPLIT, path)
    if kind is None:
        return
    if len(loop.split) != len(LEGS):
        hint = "two outputs, each with its part: {TV-1: [50 %, 0 %], JV-1: [50 %, 100 %]}"
        net.find("PC716", f"`{node.tag}` splits its output in {len(loop.split)}", path, key=True, hint=hint)
        return
    split = BlockNode(split_tag(node.tag), kind, path, unit=UNIT)
    split.wires[("cas", 0)] = Wire(node.tag, path)
    # Nobody else can have its tag: no text gives a name with a dot.
    net.add_block(split)
    net.points[split.tag].low, net.points[split.tag].high = WHOLE
    for leg, (output, part) in zip(LEGS, loop.split.items(), strict=True):
        _leg(net, split, leg, output, part, (*path, output))


def _leg(
    net: Network, split: BlockNode, leg: str, output: str, part: tuple[str | float, str | float], path: Path
) -> None:
    ends = [net.number(value, parse_unit(UNIT), (*path, k), math.nan) for k, value in enumerate(part)]
    for name, value in zip(("from", "to"), ends, strict=True):
        split.params[f"{leg}_{name}"] = value
    if not any(map(math.isnan, ends)) and not (all(0.0 <= e <= 100.0 for e in ends) and ends[0] != ends[1]):
        hint = "[closed, open] within 0 % and 100 %"
        net.find("PC716", f"`{output}` has no part of the loop's range", path, hint=hint)
    arbiter = arbiter_of(net, output, path, key=True)
    if arbiter is None:
        return
    point = net.points[split.names[leg]]
    point.unit, point.faulty = net.source.tags[output].unit or "1", arbiter.faulty
    low, high = arbiter.params.get("low"), arbiter.params.get("high")
    if low is None or high is None:
        if not arbiter.faulty:
            net.find("PC312", f"`{output}` has no limits, so nothing says what open is", path, key=True)
        low, high = WHOLE
    split.params[f"{leg}_low"], split.params[f"{leg}_high"] = low, high
    request(net, arbiter, point.name, "auto", path)
