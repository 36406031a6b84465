"""Links what effects scale: `scale: {IC-4010: 50 %}` is a request to the arbiter of that output to give way.

The arbiter takes a scaling effect beside those that force: force outranks it, since nothing is left to scale; between
scaling effects the smallest share counts, so that they need no rank. The share is of where the output stood when the
effect came, reached within `ramp` (at once without it).
"""

import math

from plantctl.core.units import parse_unit
from plantctl.plan.link_tags import arbiter_of
from plantctl.plan.network import BlockNode, Network, Path, Wire


def scale_outputs(net: Network) -> None:
    """Wire every effect to the arbiters of what it scales."""
    wanted: dict[str, list[tuple[str, float, Path]]] = {}
    for tag, effect in net.source.effects.items():
        if effect.ramp is not None and not effect.scale:
            what = f"`{tag}` scales nothing, so `ramp` has no effect"
            net.find("PC315", what, ("effects", tag, "ramp"), key=True, hint="what is forced is forced at once")
        for output, value in effect.scale.items():
            path: Path = ("effects", tag, "scale", output)
            arbiter = arbiter_of(net, output, path, key=True)
            share = _share(net, tag, value, path)
            if arbiter is None or arbiter.faulty or tag not in net.blocks or math.isnan(share):
                continue
            if not net.points[output].low >= 0.0:
                what = f"`{output}` may be below 0, where a share of it is no less"
                net.find("PC714", what, path, key=True, hint="scale an output whose limits begin at 0 or above")
            elif output in effect.force:
                what = f"`{tag}` forces `{output}`, so nothing is left to scale"
                net.find("PC714", what, path, key=True, hint="keep one of them")
            else:
                wanted.setdefault(output, []).append((tag, share, path))
    for output, requests in wanted.items():
        _wire(net, net.blocks[output], requests)


def _share(net: Network, tag: str, value: str | float, path: Path) -> float:
    """The share that is left, 0 to below 1; NaN where a finding was made. A bare number could be 0.5 or 50: refused."""
    percent = net.number(value, parse_unit("%"), path)
    if not isinstance(value, float) and (math.isnan(percent) or 0.0 <= percent < 100.0):
        return percent / 100.0
    net.find("PC710", f"`{tag}` leaves {value}", path, hint="the share that is left, 0 % to below 100 %: 50 %")
    return math.nan


def _wire(net: Network, arbiter: BlockNode, requests: list[tuple[str, float, Path]]) -> None:
    field = arbiter.kind.field("scale")
    assert field is not None
    if len(requests) > field.count:
        what = f"`{arbiter.tag}` is scaled by more than {field.count} effects"
        net.find("PC317", what, requests[field.count][2], key=True, hint="let causes share an effect")
        return
    shares, times_s = [0.0] * field.count, [0.0] * field.count
    for k, (tag, share, path) in enumerate(requests):
        arbiter.wires[("scale", k)] = Wire(f"{tag}.active", path)
        shares[k] = share
        times_s[k] = net.seconds(net.source.effects[tag].ramp, ("effects", tag, "ramp"))
    arbiter.values["scale_share"], arbiter.values["scale_time"] = shares, times_s
    arbiter.params["n_scale"] = float(len(requests))
