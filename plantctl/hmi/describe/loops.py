"""The loops of a plant for a page: what each controls, within which limits, and the points that a faceplate shows."""

from typing import Any

from plantctl.hmi.describe.plan_view import PlanView, number, parameter, unit


def loops(view: PlanView) -> list[dict[str, Any]]:
    """Every loop of the text. Limits are those the plan starts with; `interlocks` are the causes that take its output
    away or scale it, also where it works through another loop.
    """
    found = []
    for tag, loop in view.plan.shown.loops.items():
        place = view.blocks_by_tag.get(tag)
        if place is None:
            continue
        limits = {name: number(parameter(*place, name)) for name in ("sp_low", "sp_high", "out_low", "out_high")}
        pv, outputs = view.point(loop.pv), view.outputs_of(tag)
        limits["sp_low"] = number(pv.low) if limits["sp_low"] is None else limits["sp_low"]
        limits["sp_high"] = number(pv.high) if limits["sp_high"] is None else limits["sp_high"]
        found.append(
            {
                "loop": tag,
                "text": loop.text or view.text_of(loop.pv),
                "pv": pv.name,
                "out": loop.out,
                "outputs": outputs,
                "unit": unit(pv.unit),
                "out_unit": unit(view.point(tag).unit),
                **limits,
                "modes": ["man", "auto", *(["cas"] if parameter(*place, "has_cas") == 1.0 else [])],
                "direct": parameter(*place, "direct") == 1.0,
                "points": view.points_of(*place),
                "interlocks": list(dict.fromkeys(c for o in outputs for c in view.causes_of_output.get(o, ()))),
            }
        )
    return found
