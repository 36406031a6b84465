"""Wires the hold: outputs that go to a device wait for a person's release after the field or the scan began anew.

The executive says `scan.held`; the arbiter of each such output reads it, and beside it what the device has (the
output's read-back). It is also told the fail-safe value, which the field leaves in the device when the scan is lost.
"""

import math

from plantctl.core.units import UnitError, parse_unit
from plantctl.plan.link_tags import request
from plantctl.plan.network import BlockNode, Network

HELD = "scan.held"
FIELD_GENERATION = "scan.field_generation"
GRANTED_GENERATION = "scan.granted_generation"


def link_hold(net: Network) -> None:
    """Wire the arbiters of written tags that have a device. A block that writes a tag by itself computes on."""
    for name, output in net.outputs.items():
        node, tag = output.writer, net.source.tags[name]
        if node is None or not tag.device:
            continue
        request(net, node, HELD, "hold", output.path)
        if tag.readback and _comparable(net, tag.unit, tag.readback):
            request(net, node, tag.readback, "device", (*output.path, "readback"))
        _fall_back(net, node, name)


def _comparable(net: Network, unit: str, read_back: str) -> bool:
    """Whether a read-back can stand in the place of the output; where not, that was told with the tag."""
    back = net.source.tags.get(read_back)
    try:
        return back is not None and back.access != "write" and parse_unit(unit or "1") == parse_unit(back.unit or "1")
    except UnitError:
        return False


def _fall_back(net: Network, node: BlockNode, name: str) -> None:
    """Give the arbiter what the field leaves in its device, as the tag or its entry of `outputs` says."""
    section, path = net.source.outputs.get(name), ("outputs", name, "fail_safe")
    value = section.fail_safe if section is not None else None
    if value is None:
        value, path = net.source.tags[name].fail_safe, ("tags", name, "fail_safe")
    if value is None or "fail_safe" in node.settings:
        return
    found = len(net.findings)
    number = net.number(value, net.unit(net.source.tags[name].unit, path), path)
    del net.findings[found:]  # a wrong unit was told where the value was read
    if not math.isnan(number):
        node.params["fail_safe"] = number
        node.params["has_fail_safe"] = 1.0
