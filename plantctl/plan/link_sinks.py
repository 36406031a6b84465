"""Links what leaves the plant: which points each sink gets, and whether its settings are those of its kind.

What a sink's keys mean is its kind's business: its `Config` checks them, and what it finds is a finding at the place in
the text. A pattern that meets no point is a finding too: a feed that is empty looks like one that works.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from plantctl.core.feed import FEED_POINTS, STATE_WORDS, SinkPlan, feed_point
from plantctl.plan.did_you_mean import meant
from plantctl.plan.network import Network, Path, PointDecl
from plantctl.plan.plan import Point, Writer
from plantctl.sinks._kinds import read_settings, sink_kinds
from plantctl.sinks._sink import SinkSettings


def declare_feeds(net: Network) -> None:
    """Declare the points that tell how each sink is: they can be alarmed and used like any other."""
    for name in net.source.sinks:
        for what, unit, text, whole in FEED_POINTS:
            words = STATE_WORDS if what == "state" else ()
            point = PointDecl(
                feed_point(name, what),
                Writer.EXECUTIVE,
                "feed",
                ("sinks", name),
                unit,
                text=text,
                whole=whole,
                words=words,
            )
            net.declare(point)


def link_sinks(net: Network) -> None:
    """Check every sink; findings for what does not fit."""
    names = [p.name for p in net.points.values() if p.name]
    head = net.source.plant
    if head is not None and head.metrics is not None:
        _check_patterns(net, "metrics", head.metrics.points, names, ("plant", "metrics", "points"))
    for name, sink in net.source.sinks.items():
        config = _config(net, name, sink.kind, sink.settings)
        if config is None:
            continue
        _check_patterns(net, name, config.tags, names, ("sinks", name, "tags"))


def _check_patterns(net: Network, name: str, patterns: tuple[str, ...], names: list[str], at: Path) -> None:
    for place, pattern in enumerate(patterns):
        if not any(fnmatchcase(point, pattern) for point in names):
            hint = meant(pattern, names) or "full names, with * and ? for what may be anything: `40-*`"
            net.find("PC604", f"{name}: no point is called `{pattern}`", (*at, place), hint=hint)


def sink_plans(net: Network, points: Iterable[Point]) -> tuple[SinkPlan, ...]:
    """The plan of every sink, in the order of the text. For a network without findings."""
    named = {p.name: p.id for p in points if p.name}
    plans = []
    for name, sink in net.source.sinks.items():
        config, _ = read_settings(sink.kind, sink.settings)
        patterns = config.tags if config is not None else ()
        tags = frozenset(n for point, n in named.items() if any(fnmatchcase(point, p) for p in patterns))
        plans.append(SinkPlan(name, sink.kind, dict(sink.settings), tags))
    return tuple(plans)


def _config(net: Network, name: str, kind: str, settings: Mapping[str, object]) -> SinkSettings | None:
    """The settings as the sink's kind reads them; None and findings where they do not fit."""
    kinds = sink_kinds()
    if kind not in kinds:
        what = f"{name}: there is no sink of the kind `{kind}`"
        net.find("PC603", what, ("sinks", name, "kind"), hint=meant(kind, kinds) or f"the kinds are {', '.join(kinds)}")
        return None
    config, misfits = read_settings(kind, settings)
    for misfit in misfits:
        hint = meant(str(misfit.path[-1]), misfit.keys) if misfit.keys else misfit.hint
        path: Path = ("sinks", name, *misfit.path)
        net.find("PC603", f"{name}: {misfit.what}", path, key=bool(misfit.keys), hint=hint)
    return config
