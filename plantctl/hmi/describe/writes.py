"""How a person's write is asked back, and who else asks for an output: what a page needs to know before it offers one.

`direct` writes at once, up to `confirm_beyond` (in the point's unit, None: always); `confirm` shows old and new and
asks; `confirm-reason` also wants a reason. An output that a loop or a calculation asks for takes nothing from a person.
"""

from typing import Any

from plantctl.hmi.describe.plan_view import PlanView, number, unit
from plantctl.hmi.describe.point_range import range_of
from plantctl.plan.plan import Writer

# A step of up to this share of the range is written at once; a larger one is asked back.
DIRECT_SHARE = 0.1
WITH_REASON = "confirm-reason"
ARBITER_FIELDS = ("auto", "force", "has_auto")


def requests(view: PlanView) -> dict[str, str]:
    """By output, the point that asks for it: a loop, what splits it, a calculation. Missing where nobody does."""
    found = {}
    for output, rows, row in view.blocks(*ARBITER_FIELDS):
        for port, _, name in view.wired(rows, row):
            if port == "auto":
                found[output] = name
    return found


def write_classes(view: PlanView) -> dict[str, dict[str, Any]]:
    """By point: outputs, set-points, outputs and modes of loops, values by hand. What is missing is not written so.

    What the laboratory finds is entered with its sample's time and signatures, elsewhere.
    """
    plan = view.plan
    arbiters = {tag for tag, _, _ in view.blocks(*ARBITER_FIELDS)} - set(requests(view))
    of_output = {output.tag: _of_output(view, output.tag) for output in plan.outputs}
    found = {tag: write for tag, write in of_output.items() if tag in arbiters}
    for loop in plan.shown.loops:
        if loop not in plan.rows:
            continue
        set_point = view.point(f"{loop}.sp")
        found[set_point.name] = _direct(*range_of(view, set_point))
        careful = [of_output[output] for output in view.outputs_of(loop) if output in of_output]
        careful = [write for write in careful if write["class"] != "direct"]
        found[loop] = careful[0] if careful else _direct(*range_of(view, view.point(loop)))
        found[f"{loop}.mode"] = _always("direct")
    for point in plan.points[1:]:
        shown = plan.shown.tags.get(point.name)
        by_hand = point.writer is Writer.INPUT and not point.owner and point.name not in plan.lab
        if by_hand and (shown is None or shown.system != "sis"):
            found[point.name] = _always("confirm")
    return found


def _of_output(view: PlanView, tag: str) -> dict[str, Any]:
    """As the text says it; else what is switched is confirmed, a quantity is written at once up to a step."""
    point = view.point(tag)
    shown = view.plan.shown.tags.get(tag)
    asked = shown.write if shown is not None else ""
    switched = (shown is not None and bool(shown.states)) or unit(point.unit) == ""
    if asked or switched:
        return _always(asked or "confirm")
    return _direct(point.low, point.high)


def _always(word: str) -> dict[str, Any]:
    return {"class": word, "confirm_beyond": None}


def _direct(low: float, high: float) -> dict[str, Any]:
    step = number(DIRECT_SHARE * (high - low))
    return {"class": "direct", "confirm_beyond": step and float(f"{step:.6g}")}
