"""The points of a plant for a page: what each is, its unit, range, decimals, states, and how a person may write it."""

import math
from typing import Any

from plantctl.hmi.describe.plan_view import PlanView, number, parameter, unit
from plantctl.hmi.describe.ranges import indicators
from plantctl.plan.plan import Plan, Point, Writer

DECIMALS_MAX = 6
DECIMALS_WITHOUT_RANGE = 2
# A step of up to this share of the range is written at once; a larger one is asked back.
DIRECT_SHARE = 0.1


def tags(view: PlanView) -> list[dict[str, Any]]:
    """Every point in the order of its row. `item`, `device`, `states` and `write` are None where there is none."""
    plan = view.plan
    inputs = {row.row: row for row in plan.inputs}
    outputs = {row.row: row for row in plan.outputs}
    writable = _write_classes(view)
    ranges = indicators(view)
    number_of = _Decimals(view)
    found = []
    for point in plan.points[1:]:
        if point.writer is Writer.DELAY:
            continue
        shown = plan.shown.tags.get(point.name)
        row = inputs.get(point.row) or outputs.get(point.row)
        low, high = range_of(view, point)
        found.append(
            {
                "id": point.id,
                "tag": point.name,
                "text": point.text,
                "unit": unit(point.unit),
                "low": number(low),
                "high": number(high),
                "decimals": number_of(point),
                "kind": _kind(plan, point, point.row in outputs),
                "device": (row.device if row is not None else "") or None,
                "item": (shown.item if shown else "") or None,
                "system": (shown.system if shown else "") or None,
                "stale_after_ms": inputs[point.row].stale_after_ns / 1e6 or None if point.row in inputs else None,
                "states": _states(plan, point),
                "write": writable.get(point.name),
                "indicator": ranges.get(point.name),
            }
        )
    return found


def _kind(plan: Plan, point: Point, is_output: bool) -> str:
    if is_output:
        return "output"
    if point.writer is Writer.INPUT:
        return "input"
    if point.writer is Writer.EXECUTIVE:
        return "system"
    return "calculated" if point.writer is Writer.EXPRESSION and "." not in point.name else "block"


def _states(plan: Plan, point: Point) -> dict[str, str] | None:
    shown = plan.shown.tags.get(point.name)
    if shown is not None and shown.states:
        return {str(value): text for value, text in shown.states.items()}
    return {str(value): text for value, text in enumerate(point.words)} or None


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


class _Decimals:
    """How many decimals a point is shown with: as the text says, else so that its range has a thousand steps."""

    def __init__(self, view: PlanView) -> None:
        self.view = view
        self.plan = view.plan
        self.reads = {e.row: e.reads for e in view.plan.expressions}
        self.known: dict[int, int] = {}

    def __call__(self, point: Point) -> int:
        if point.row not in self.known:
            self.known[point.row] = DECIMALS_WITHOUT_RANGE  # ends a ring of expressions
            self.known[point.row] = self._work_out(point)
        return self.known[point.row]

    def _work_out(self, point: Point) -> int:
        shown = self.plan.shown.tags.get(point.name)
        if shown is not None and shown.decimals is not None:
            return shown.decimals
        if point.whole or point.words or point.writer is Writer.EXECUTIVE or (shown is not None and shown.states):
            return 0
        low, high = range_of(self.view, point)
        if high > low and _is_count(point, low, high):
            return 0
        if high > low:
            return min(DECIMALS_MAX, max(0, math.ceil(3.0 - math.log10(high - low) - 1e-9)))
        others = [self.plan.points[row] for row in self.reads.get(point.row, ())] + self._of_loop(point)
        alike = [self(other) for other in others if other.unit == point.unit]
        return max(alike, default=DECIMALS_WITHOUT_RANGE)

    def _of_loop(self, point: Point) -> list[Point]:
        """The PV and the output of the loop that a point belongs to."""
        loop = self.plan.shown.loops.get(point.name.rpartition(".")[0])
        return [self.view.point(name) for name in (loop.pv, loop.out)] if loop else []


def _is_count(point: Point, low: float, high: float) -> bool:
    """Whether a plain number with whole ends is a switch, a state or a count: a status word, 0 or 1."""
    return unit(point.unit) == "" and float(low).is_integer() and float(high).is_integer()


def _write_classes(view: PlanView) -> dict[str, dict[str, Any]]:
    """By point, how a person's write is asked back. Set-points and outputs of loops, outputs, values by hand.

    `direct` writes at once, up to `confirm_beyond` (in the point's unit, None: always); `confirm` shows old and new
    and asks; `confirm-reason` also wants a reason.
    """
    plan = view.plan
    found: dict[str, dict[str, Any]] = {}
    for output in plan.outputs:
        found[output.tag] = _of_output(plan, output.tag)
    for loop in plan.shown.loops:
        if loop not in plan.rows:
            continue
        set_point = view.point(f"{loop}.sp")
        found[set_point.name] = _direct(*range_of(view, set_point))
        output_tag = view.output_of(loop)
        own = view.point(loop)
        asked = found.get(output_tag)
        found[loop] = asked if asked and asked["class"] != "direct" else _direct(*range_of(view, own))
        found[f"{loop}.mode"] = {"class": "direct", "confirm_beyond": None}
    for point in plan.points[1:]:
        shown = plan.shown.tags.get(point.name)
        by_hand = point.writer is Writer.INPUT and not point.owner
        if by_hand and (shown is None or shown.system != "sis"):
            found[point.name] = {"class": "confirm", "confirm_beyond": None}
    return found


def _of_output(plan: Plan, tag: str) -> dict[str, Any]:
    point = plan.points[plan.rows[tag]]
    shown = plan.shown.tags.get(tag)
    asked = shown.write if shown is not None else ""
    if asked in ("confirm", "confirm-reason"):
        return {"class": asked, "confirm_beyond": None}
    switched = (shown is not None and shown.states) or unit(point.unit) == ""
    if switched and asked != "direct":
        return {"class": "confirm", "confirm_beyond": None}
    return _direct(point.low, point.high) if asked != "direct" else {"class": "direct", "confirm_beyond": None}


def _direct(low: float, high: float) -> dict[str, Any]:
    span = high - low
    return {"class": "direct", "confirm_beyond": number(DIRECT_SHARE * span)}
