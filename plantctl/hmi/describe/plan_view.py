"""Looks into a plan for those who describe it: a block's points by port, a parameter's value, a number for JSON."""

import math
from collections.abc import Iterator

from plantctl.plan.plan import KindRows, Plan
from plantctl.plan.runner_text import input_slots, output_slots

# A limit beyond this stands for "none" in a block's record.
_NO_LIMIT = 1e28


def number(value: float) -> float | None:
    """A number as JSON has it: None for NaN, infinities and the limits that stand for none."""
    value = float(value)
    return value if math.isfinite(value) and abs(value) < _NO_LIMIT else None


def unit(text: str) -> str:
    """A unit as it is shown: nothing for a plain number."""
    return "" if text == "1" else text


def points_of(plan: Plan, rows: KindRows, row: int) -> dict[str, str]:
    """The points of one block: field of the kind -> full name."""
    slots = output_slots(rows.kind.block)
    return {name: plan.points[int(rows.outs[row, column])].name for column, name in enumerate(slots)}


def wired(plan: Plan, rows: KindRows, row: int) -> Iterator[tuple[str, int, str]]:
    """What one block reads: (port, element, full name of the point)."""
    for column, (port, element) in enumerate(input_slots(rows.kind.block)):
        source = int(rows.ins[row, column])
        if source:
            yield port, element, plan.points[source].name


def blocks(plan: Plan, *fields: str) -> Iterator[tuple[str, KindRows, int]]:
    """Every block whose kind has all of `fields`: (tag, its kind's rows, its row)."""
    for rows in plan.kinds:
        if all(rows.kind.field(name) is not None for name in fields):
            for row, tag in enumerate(rows.tags):
                yield tag, rows, row


def parameter(rows: KindRows, row: int, name: str) -> float:
    """A parameter of one block as the plan starts with it; NaN where its kind has none of that name."""
    return float(rows.rows[name][row]) if rows.kind.field(name) is not None else math.nan


def block_of(plan: Plan, tag: str) -> tuple[KindRows, int] | None:
    """The block with a tag: its kind's rows and its row."""
    for rows in plan.kinds:
        if tag in rows.tags:
            return rows, rows.tags.index(tag)
    return None


def text_of(plan: Plan, name: str) -> str:
    """What a tag is, in words; its name where the text does not say."""
    row = plan.rows.get(name)
    return (plan.points[row].text if row is not None else "") or name
