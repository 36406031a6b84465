"""Conditions as protection and alarms write them: an expression, and for how long it must be true (` for 5 s`)."""

from plantctl.plan.expression import ExpressionRefused, split_duration
from plantctl.plan.network import Network, Path


def _split(net: Network, text: str, path: Path) -> tuple[str, float] | None:
    """A condition and the trailing time of its ` for 5 s`, in s; None where a finding was made."""
    try:
        condition, held_s = split_duration(text)
    except ExpressionRefused as refused:
        for error in refused.errors:
            net.find_at("PC401", error.what, net.inside(path, error.span), path, error.hint)
        return None
    return condition, held_s or 0.0


def condition(net: Network, point: str, text: str, path: Path, task: str) -> tuple[str, float] | None:
    """Add the condition `text`; its point and for how long it must hold, in s. None where a finding was made."""
    found = _split(net, text, path)
    return found and (net.add_condition(point, found[0], path, task), found[1])


def lasting(net: Network, point: str, text: str, path: Path, task: str, hint: str) -> str | None:
    """Add a condition that has no ` for 5 s` behind it: such a time is a finding, since nothing would count it."""
    found = _split(net, text, path)
    if found is None:
        return None
    if len(found[0]) < len(text):
        place = net.inside(path, (len(found[0]) + 1, len(text.rstrip())))
        net.find_at("PC330", "a time has no place here", place, path, hint)
    return net.add_condition(point, found[0], path, task)
