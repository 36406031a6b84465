"""The range of a point: its own, or for the points of a loop that of what they stand for."""

from plantctl.hmi.describe.plan_view import PlanView, number, parameter
from plantctl.plan.plan import Point


def range_of(view: PlanView, point: Point) -> tuple[float, float]:
    """Both ends of what a point can show: its own, of a loop's points those of its set-point or output; NaN for none.

    A set-point without limits has the range of what it is for.
    """
    loops = view.plan.shown.loops
    name, _, part = point.name.rpartition(".")
    loop = point.name if point.name in loops else name if name in loops else ""
    place = view.blocks_by_tag.get(loop)
    if place is None or (part not in ("sp", "manual") and loop != point.name):
        return point.low, point.high
    ends = ("sp_low", "sp_high") if part == "sp" and loop == name else ("out_low", "out_high")
    low, high = (number(parameter(*place, end)) for end in ends)
    pv = view.point(loops[loop].pv)
    return pv.low if low is None else low, pv.high if high is None else high
