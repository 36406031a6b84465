"""Links what of each point goes into the history: the rules of the plant in their order, then each tag's own word.

A tolerance is for measurements: points that are switches, counts or words are kept as scanned. In a rule it is for
those measurements whose unit it has; a bare number is in each point's own unit.
"""

from fnmatch import fnmatchcase

from plantctl.core.recording import Keep, Recording
from plantctl.core.units import Unit, UnitError, parse_quantity, parse_unit
from plantctl.plan import source_recording
from plantctl.plan.did_you_mean import meant
from plantctl.plan.network import Network, Path, PointDecl

Said = source_recording.Record | source_recording.Recording


def link_recording(net: Network) -> None:
    """Give each point its policy; findings for what does not fit. After all points have their units."""
    head = net.source.plant
    for place, rule in enumerate(head.recording if head is not None else ()):
        path: Path = ("plant", "recording", place)
        if _sound(net, rule, path):
            _follow(net, rule, path)
    for name, tag in net.source.tags.items():
        path = ("tags", name, "record")
        point = net.resolve(name)
        if tag.record is None or point is None or not _sound(net, tag.record, path):
            continue
        if _tolerance(tag.record) is not None and not _is_measurement(net, point):
            what = f"`{name}` is no measurement: there is nothing to be near to"
            net.find("PC336", what, path, key=True, hint="leave it out, or `record: none`")
            continue
        unit = None if point.faulty else parse_unit(point.unit or "1")
        _set(net, point.name, tag.record, unit, path)


def _tolerance(said: Said) -> str | float | None:
    return said.dead_band if said.dead_band is not None else said.swinging_door


def _key(said: Said) -> str:
    return "dead_band" if said.dead_band is not None else "swinging_door"


def _is_measurement(net: Network, point: PointDecl) -> bool:
    tag = net.source.tags.get(point.name)
    return not (point.words or point.whole or (tag is not None and tag.states))


def _sound(net: Network, said: Said, path: Path) -> bool:
    """Whether a policy is one by itself."""
    found = len(net.findings)
    tolerance = _tolerance(said)
    if tolerance is not None:
        try:
            number = float(tolerance) if isinstance(tolerance, int | float) else parse_quantity(tolerance)[0]
        except UnitError as error:
            net.find("PC403", error.what, (*path, _key(said)), hint=error.hint)
        else:
            if number <= 0.0:
                what = f"a tolerance of {tolerance} is none"
                hint = "above 0; `keep: scanned` keeps every value"
                net.find("PC718", what, (*path, _key(said)), hint=hint)
    net.seconds(said.at_least, (*path, "at_least"))
    return len(net.findings) == found


def _follow(net: Network, rule: source_recording.Recording, path: Path) -> None:
    """Give the points of a rule its policy; one that meets none is a finding, since it looks like one that works."""
    tolerance = _tolerance(rule)
    given = parse_quantity(tolerance)[1] if isinstance(tolerance, str) else None
    for place, pattern in enumerate(rule.points):
        points = [p for p in net.points.values() if p.name and fnmatchcase(p.name, pattern)]
        if not points:
            hint = meant(pattern, net.points) or "full names, with * and ? for what may be anything: `40-TI-*`"
            net.find("PC336", f"no point is called `{pattern}`", (*path, "points", place), hint=hint)
            continue
        met = False
        for point in points:
            unit = None if point.faulty else parse_unit(point.unit or "1")
            if tolerance is not None and not _is_measurement(net, point):
                continue
            if given is not None and unit is not None and unit.difference().dimension != given.dimension:
                continue
            met = True
            if unit is not None and not (given is not None and given.point):
                _set(net, point.name, rule, unit, path)
        if given is not None and given.point:
            _set(net, points[0].name, rule, parse_unit("degC"), path)  # told once: a difference is in K
        elif not met:
            what = f"`{pattern}` has no measurement in {given}" if given is not None else f"`{pattern}` has none"
            hint = "a tolerance is for measurements of its own unit; temperatures differ by K"
            net.find("PC336", what, (*path, "points", place), hint=hint)


def _set(net: Network, name: str, said: Said, unit: Unit | None, path: Path) -> None:
    """The policy of one point, in its unit."""
    net.recording.pop(name, None)
    tolerance = _tolerance(said)
    if tolerance is None:
        if said.keep == "none":
            net.recording[name] = Recording(Keep.NONE)
        return
    off_by = net.number(tolerance, None if unit is None else unit.difference(), (*path, _key(said)))
    at_least_ns = round(net.seconds(said.at_least, (*path, "at_least")) * 1e9)
    if off_by > 0.0:
        net.recording[name] = Recording(Keep(_key(said)), off_by, at_least_ns)
