"""Looks into a plan for those who describe it: a block by its tag, its points, wires and parameters, numbers for JSON.

One view is made for one description; what would be searched for again and again is noted once.
"""

import math
from collections import defaultdict
from collections.abc import Iterator

from plantctl.plan.plan import ExpressionRow, KindRows, Plan, Point
from plantctl.plan.runner_text import input_slots, output_slots

# A limit beyond this stands for "none" in a block's record.
_NO_LIMIT = 1e28

Place = tuple[KindRows, int]


def number(value: float) -> float | None:
    """A number as JSON has it: None for NaN, infinities and the limits that stand for none."""
    value = float(value)
    return value if math.isfinite(value) and abs(value) < _NO_LIMIT else None


def unit(text: str) -> str:
    """A unit as it is shown: nothing for a plain number."""
    return "" if text == "1" else text


def parameter(rows: KindRows, row: int, name: str) -> float:
    """A parameter of one block as the plan starts with it; NaN where its kind has none of that name."""
    return float(rows.rows[name][row]) if rows.kind.field(name) is not None else math.nan


def states_of(plan: Plan, point: Point) -> dict[str, str] | None:
    """The words of a point's values, by value; None where it is a number."""
    shown = plan.shown.tags.get(point.name)
    if shown is not None and shown.states:
        return {str(value): text for value, text in shown.states.items()}
    return {str(value): text for value, text in enumerate(point.words)} or None


class PlanView:
    """A plan with its blocks by tag, the conditions of its causes, and the causes that act on each output."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.blocks_by_tag: dict[str, Place] = {
            tag: (rows, row) for rows in plan.kinds for row, tag in enumerate(rows.tags)
        }
        self.conditions: dict[str, list[ExpressionRow]] = defaultdict(list)
        for expression in plan.expressions:
            cause, dot, part = expression.tag.rpartition(".")
            if dot and cause in plan.causes and part.startswith(("when", "arm", "clear")):
                self.conditions[cause].append(expression)
        self.causes_of_output: dict[str, list[str]] = defaultdict(list)
        for effect in plan.effects.values():
            for output in (*effect.forces, *effect.scales):
                known = self.causes_of_output[output]
                known += [c for c, _ in effect.demands if c in plan.causes and c not in known]

    def point(self, name: str) -> Point:
        """The point called `name`, through its alias if it has one. Raises `KeyError` where there is none."""
        return self.plan.points[self.plan.rows[name]]

    def blocks(self, *fields: str) -> Iterator[tuple[str, KindRows, int]]:
        """Every block whose kind has all of `fields`: (tag, its kind's rows, its row)."""
        for rows in self.plan.kinds:
            if all(rows.kind.field(name) is not None for name in fields):
                for row, tag in enumerate(rows.tags):
                    yield tag, rows, row

    def points_of(self, rows: KindRows, row: int) -> dict[str, str]:
        """The points of one block: field of the kind -> full name."""
        slots = output_slots(rows.kind.block)
        return {name: self.plan.points[int(rows.outs[row, column])].name for column, name in enumerate(slots)}

    def wired(self, rows: KindRows, row: int) -> Iterator[tuple[str, int, str]]:
        """What one block reads: (port, element, full name of the point)."""
        for column, (port, element) in enumerate(input_slots(rows.kind.block)):
            source = int(rows.ins[row, column])
            if source:
                yield port, element, self.plan.points[source].name

    def text_of(self, name: str) -> str:
        """What a tag is, in words; its name where the text does not say."""
        row = self.plan.rows.get(name)
        return (self.plan.points[row].text if row is not None else "") or name

    def outputs_of(self, loop: str) -> list[str]:
        """The written tags that a loop works on in the end, through the loops below it; none in a ring of loops."""
        loops = self.plan.shown.loops
        seen: set[str] = set()
        name = loop
        while name in loops and name not in seen:
            seen.add(name)
            if loops[name].splits:
                return list(loops[name].splits)
            name = loops[name].out
        return [name] if name not in seen else []
