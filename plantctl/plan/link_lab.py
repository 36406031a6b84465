"""Links laboratory tags: values that people enter with the time of their sample. Nothing else may write them."""

from plantctl.core.units import Unit, parse_duration_ns, parse_unit
from plantctl.plan.lab import LabTag
from plantctl.plan.link_tags import rising
from plantctl.plan.network import Network, Path
from plantctl.plan.plan import Writer


def link_lab(net: Network) -> None:
    """Check every tag with a `lab` part; findings for what does not fit. After all writers are declared."""
    for name, tag in net.source.tags.items():
        if tag.lab is None:
            continue
        path: Path = ("tags", name, "lab")
        point = net.resolve(name)
        written = tag.device or tag.access == "write" or point is None or point.writer is not Writer.INPUT
        if written:
            what = f"`{name}` is a laboratory value, and something else writes it"
            net.find("PC335", what, path, key=True, hint="a laboratory tag has no device, no `access: write`, no block")
        if tag.range is None:
            what = f"`{name}` has no range: nothing would be too much to be true"
            net.find("PC717", what, path, key=True, hint="`range` is what is plausible; nothing outside it is taken")
        seconds = net.seconds(tag.lab.within, (*path, "within"))
        if seconds <= 0.0:
            net.find("PC701", "`within` must be above 0: no sample could be entered", (*path, "within"))
        unit = None if point is None or point.faulty else parse_unit(tag.unit or "1")
        _check_limits(net, name, unit, path)


def _check_limits(net: Network, name: str, unit: Unit | None, path: Path) -> None:
    tag = net.source.tags[name]
    assert tag.lab is not None
    where: Path = (*path, "limits")
    limits = rising(net, f"limits of `{name}`", tag.lab.limits, unit, where)
    point = net.resolve(name)
    if limits is None or point is None or tag.range is None:
        return
    if limits[0] < point.low or limits[1] > point.high:
        what = f"the limits of `{name}`, {limits[0]:g} to {limits[1]:g}, are not within {point.low:g} to {point.high:g}"
        net.find("PC717", what, where, hint="limits mark what is out of specification; mend them or the range")


def lab_tags(net: Network) -> dict[str, LabTag]:
    """The laboratory tags by name. For a network without findings."""
    found = {}
    for name, tag in net.source.tags.items():
        if tag.lab is None:
            continue
        unit = parse_unit(tag.unit or "1")
        nothing = float("nan")
        low, high = rising(net, name, tag.lab.limits, unit, ("tags", name, "lab", "limits")) or (nothing, nothing)
        two, within_ns = tag.lab.signatures == "two", parse_duration_ns(tag.lab.within)
        found[name] = LabTag(name, tag.lab.method, low, high, two, within_ns)
    return found
