"""The loops of a plant for a page: what each controls, within which limits, and the points that a faceplate shows."""

from typing import Any

from plantctl.hmi.describe.plan_view import block_of, number, parameter, points_of, text_of, unit
from plantctl.plan.plan import Plan


def loops(plan: Plan) -> list[dict[str, Any]]:
    """Every loop of the text. Limits are those the plan starts with; `interlocks` are the causes that take its output
    away or scale it, also where it works through another loop.
    """
    found = []
    for tag, loop in plan.shown.loops.items():
        place = block_of(plan, tag)
        if place is None:
            continue
        rows, row = place
        points = points_of(plan, rows, row)
        limits = {name: number(parameter(rows, row, name)) for name in ("sp_low", "sp_high", "out_low", "out_high")}
        pv = plan.points[plan.rows[loop.pv]]
        limits["sp_low"] = number(pv.low) if limits["sp_low"] is None else limits["sp_low"]
        limits["sp_high"] = number(pv.high) if limits["sp_high"] is None else limits["sp_high"]
        modes = ["man", "auto", *(["cas"] if parameter(rows, row, "has_cas") == 1.0 else [])]
        found.append(
            {
                "loop": tag,
                "text": loop.text or text_of(plan, loop.pv),
                "pv": pv.name,
                "out": loop.out,
                "output": output_of(plan, tag),
                "unit": unit(pv.unit),
                "out_unit": unit(plan.points[plan.rows[tag]].unit),
                **limits,
                "modes": modes,
                "direct": parameter(rows, row, "direct") == 1.0,
                "points": points,
                "interlocks": _interlocks(plan, tag),
            }
        )
    return found


def output_of(plan: Plan, loop: str) -> str:
    """The written tag that a loop works on in the end, through the loops below it; empty where there is none."""
    seen: set[str] = set()
    name = loop
    while name in plan.shown.loops and name not in seen:
        seen.add(name)
        name = plan.shown.loops[name].out
    return name if name not in seen else ""


def _interlocks(plan: Plan, loop: str) -> list[str]:
    output = output_of(plan, loop)
    effects = [effect for effect in plan.effects.values() if output in (*effect.forces, *effect.scales)]
    return list(dict.fromkeys(cause for effect in effects for cause, _ in effect.demands if cause in plan.causes))
