"""The points of a plant for a page: what each is, its unit, range, decimals, states, and how a person may write it."""

import math
from typing import Any

from plantctl.hmi.describe.plan_view import PlanView, number, states_of, unit
from plantctl.hmi.describe.point_range import range_of
from plantctl.hmi.describe.ranges import indicators
from plantctl.hmi.describe.writes import requests, write_classes
from plantctl.plan.plan import Plan, Point, Writer

DECIMALS_MAX = 6
DECIMALS_WITHOUT_RANGE = 2


def tags(view: PlanView) -> list[dict[str, Any]]:
    """Every point in the order of its row. `item`, `device`, `states` and `write` are None where there is none."""
    plan = view.plan
    inputs = {row.row: row for row in plan.inputs}
    outputs = {row.row: row for row in plan.outputs}
    writable, asked = write_classes(view), requests(view)
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
                "states": states_of(plan, point),
                "write": writable.get(point.name),
                "asked_by": asked.get(point.name),
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
    if point.writer is Writer.EXPRESSION:
        return "calculated" if "." not in point.name else "block"
    # A block that the text names is a tag of the plant, whatever computes it; a loop is known by its own list.
    named = point.name in plan.shown.tags and point.name not in plan.shown.loops
    return "calculated" if named else "block"


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
        of_loop = [other for other in self._of_loop(point) if other.unit == point.unit]
        if of_loop:
            return self(of_loop[0])
        low, high = range_of(self.view, point)
        if high > low and _is_count(point, low, high):
            return 0
        if high > low:
            return min(DECIMALS_MAX, max(0, math.ceil(3.0 - math.log10(high - low) - 1e-9)))
        others = [self.plan.points[row] for row in self.reads.get(point.row, ())]
        alike = [self(other) for other in others if other.unit == point.unit]
        return max(alike, default=DECIMALS_WITHOUT_RANGE)

    def _of_loop(self, point: Point) -> list[Point]:
        """The PV of the loop that a point belongs to, and what stands for its output."""
        loops = self.plan.shown.loops
        own = loops.get(point.name)
        loop = own or loops.get(point.name.rpartition(".")[0])
        if loop is None or loop.splits:
            return []
        below = loops.get(loop.out)
        output = self.view.point(below.pv if below else loop.out)
        return [output] if own else [self.view.point(loop.pv), output]


def _is_count(point: Point, low: float, high: float) -> bool:
    """Whether a plain number with whole ends is a switch, a state or a count: a status word, 0 or 1."""
    return unit(point.unit) == "" and float(low).is_integer() and float(high).is_integer()
