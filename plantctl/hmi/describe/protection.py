"""Alarms, causes, effects and permissives for a page: what each looks at, in words, and the points that show its state.

Conditions stand in the text of the configuration, so that what was reviewed is what is read.
"""

from typing import Any

from plantctl.hmi.describe.plan_view import block_of, blocks, number, parameter, points_of, text_of, unit, wired
from plantctl.plan.plan import EffectInfo, Plan

LIMIT_WORDS = {"low_low": "very low", "low": "low", "high": "high", "high_high": "very high"}


def alarms(plan: Plan) -> list[dict[str, Any]]:
    """Every alarm with its limit (in the tag's unit, as the plan starts with it) and what the operator is to do."""
    found = []
    for tag, rows, row in blocks(plan, "priority", "pv", "limit"):
        source = next((name for port, _, name in wired(plan, rows, row) if port == "pv"), "")
        kind = tag.rpartition(".")[2]
        guidance = plan.shown.guidance.get(tag.rpartition(".")[0])
        found.append(
            {
                "alarm": tag,
                "tag": source,
                "limit": number(parameter(rows, row, "limit")),
                "side": "high" if parameter(rows, row, "high") else "low",
                "unit": unit(plan.points[plan.rows[source]].unit),
                "priority": int(parameter(rows, row, "priority")),
                "text": f"{(guidance and guidance.text) or text_of(plan, source)} {LIMIT_WORDS.get(kind, kind)}",
                "cause": guidance.cause if guidance else "",
                "consequence": guidance.consequence if guidance else "",
                "response": guidance.response if guidance else "",
                "time_s": number(guidance.time_s) if guidance else None,
                "latched": bool(parameter(rows, row, "latched")),
                "on_delay_s": number(parameter(rows, row, "on_delay")),
                "points": points_of(plan, rows, row),
            }
        )
    return found


def causes(plan: Plan) -> list[dict[str, Any]]:
    """Every cause of the chart with its conditions as the text has them and the tags that they look at."""
    found = []
    for tag, cause in plan.causes.items():
        shown = plan.shown.causes[tag]
        place = block_of(plan, tag)
        assert place is not None  # link makes a block of every cause
        rows, row = place
        found.append(
            {
                "cause": tag,
                "text": cause.text or tag,
                "when": " | ".join(shown.channels),
                "channels": list(shown.channels),
                "arm": shown.arm or None,
                "clear": cause.clear or None,
                "tags": cause_tags(plan, tag),
                "delay_s": number(parameter(rows, row, "delay")),
                "bad_delay_s": number(parameter(rows, row, "trip_after")),
                "vote": shown.vote,
                "mirrors": shown.mirrors or None,
                "effects": list(cause.effects),
                "points": points_of(plan, rows, row),
            }
        )
    return found


def cause_tags(plan: Plan, cause: str) -> list[str]:
    """What the conditions of a cause look at, in the order of the text."""
    own = [e for e in plan.expressions if e.tag.startswith((f"{cause}.when", f"{cause}.arm"))]
    return list(dict.fromkeys(plan.points[row].name for expression in own for row in expression.reads))


def effects(plan: Plan) -> list[dict[str, Any]]:
    """Every effect with the outputs that it forces, each with its value in the output's unit, and those of which it
    leaves a share, 0 to below 1.
    """
    forced, scaled = _asked(plan, "force", "force_value"), _asked(plan, "scale", "scale_share")
    found = []
    for tag, effect in plan.effects.items():
        rows = plan.kinds[effect.kind]
        found.append(
            {
                "effect": tag,
                "text": text_of(plan, tag),
                "group": effect.group,
                "outputs": {output: forced.get((tag, output)) for output in effect.forces},
                "scales": {output: scaled.get((tag, output)) for output in effect.scales},
                "demands": _demands(plan, effect),
                "points": points_of(plan, rows, effect.row),
            }
        )
    return found


def _demands(plan: Plan, effect: EffectInfo) -> list[str]:
    """The causes that trip an effect, and the effects that it takes over from."""
    return [name if name in plan.causes else name.partition(".")[0] for name, _ in effect.demands]


def _asked(plan: Plan, wires: str, values: str) -> dict[tuple[str, str], float | None]:
    """What each effect asks of an output, by (effect, output): the element of `values` beside its wire."""
    found = {}
    for output, rows, row in blocks(plan, wires, values):
        for port, element, name in wired(plan, rows, row):
            if port == wires:
                effect = plan.points[plan.rows[name]].owner
                found[(effect, output)] = number(float(rows.rows[values][row][element]))
    return found


def permissives(plan: Plan) -> list[dict[str, Any]]:
    """What must be true before an output may start, a condition a line."""
    return [
        {
            "output": output,
            "point": f"{output}.permit",
            "conditions": [{"text": c.name, "when": c.text, "point": plan.points[c.row].name} for c in conditions],
        }
        for output, conditions in plan.permissives.items()
    ]
