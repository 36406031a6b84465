"""Alarms, causes, effects and permissives for a page: what each looks at, in words, and the points that show its state.

Conditions stand in the text of the configuration, so that what was reviewed is what is read.
"""

from typing import Any

from plantctl.hmi.describe.plan_view import PlanView, number, parameter, states_of, unit
from plantctl.plan.plan import EffectInfo, KindRows, Plan

LIMIT_WORDS = {"low_low": "very low", "low": "low", "high": "high", "high_high": "very high"}


def alarms(view: PlanView) -> list[dict[str, Any]]:
    """Every alarm with its limit (in the tag's unit, as the plan starts with it) and what the operator is to do."""
    found = []
    for tag, rows, row in view.blocks("priority", "pv", "limit"):
        source = next((name for port, _, name in view.wired(rows, row) if port == "pv"), "")
        kind = tag.rpartition(".")[2]
        guidance = view.plan.shown.guidance.get(tag.rpartition(".")[0])
        found.append(
            {
                "alarm": tag,
                "tag": source,
                "limit": number(parameter(rows, row, "limit")),
                "side": "high" if parameter(rows, row, "high") else "low",
                "unit": unit(view.point(source).unit),
                "priority": int(parameter(rows, row, "priority")),
                "text": (guidance and guidance.text) or _said(view, source, kind, rows, row),
                "cause": guidance.cause if guidance else "",
                "consequence": guidance.consequence if guidance else "",
                "response": guidance.response if guidance else "",
                "time_s": number(guidance.time_s) if guidance else None,
                "latched": bool(parameter(rows, row, "latched")),
                "on_delay_s": number(parameter(rows, row, "on_delay")),
                "arm": (guidance and guidance.arm) or None,
                "points": view.points_of(rows, row),
            }
        )
    return found


def _said(view: PlanView, tag: str, kind: str, rows: KindRows, row: int) -> str:
    """What an alarm tells, in words: of a tag with states the state that it warns of, where that is a single one."""
    text, states = view.text_of(tag), states_of(view.plan, view.point(tag))
    if states:
        limit, high = parameter(rows, row, "limit"), parameter(rows, row, "high")
        beyond = [word for value, word in states.items() if (float(value) >= limit if high else float(value) <= limit)]
        if len(beyond) == 1:
            return f"{text}: {beyond[0]}"
    return f"{text} {LIMIT_WORDS.get(kind, kind)}"


def causes(view: PlanView) -> list[dict[str, Any]]:
    """Every cause of the chart with its conditions as the text has them and the tags that they look at."""
    found = []
    for tag, cause in view.plan.causes.items():
        shown = view.plan.shown.causes[tag]
        rows, row = view.blocks_by_tag[tag]
        found.append(
            {
                "cause": tag,
                "text": cause.text or tag,
                "when": " | ".join(shown.channels),
                "channels": list(shown.channels),
                "arm": shown.arm or None,
                "clear": cause.clear or None,
                "tags": cause_tags(view, tag),
                "delay_s": number(parameter(rows, row, "delay")),
                "bad_delay_s": number(parameter(rows, row, "trip_after")),
                "vote": shown.vote,
                "mirrors": shown.mirrors or None,
                "effects": list(cause.effects),
                "points": {**view.points_of(rows, row), **_condition_points(view, tag)},
            }
        )
    return found


def _condition_points(view: PlanView, cause: str) -> dict[str, str]:
    """The conditions of a cause as points, 1 while they hold: `when` (`when1` and so on of a vote), `arm`, `clear`."""
    return {e.tag.rpartition(".")[2]: e.tag for e in view.conditions[cause]}


def cause_tags(view: PlanView, cause: str) -> list[str]:
    """What the conditions of a cause look at, in the order of the text."""
    looked = [e for e in view.conditions[cause] if not e.tag.endswith(".clear")]
    read = [row for expression in looked for row in expression.reads]
    return list(dict.fromkeys(view.plan.points[row].name for row in read))


def effects(view: PlanView) -> list[dict[str, Any]]:
    """Every effect with the outputs that it forces, each with its value in the output's unit, and those of which it
    leaves a share, 0 to below 1.
    """
    forced, scaled = _asked(view, "force", "force_value"), _asked(view, "scale", "scale_share")
    found = []
    for tag, effect in view.plan.effects.items():
        rows = view.plan.kinds[effect.kind]
        found.append(
            {
                "effect": tag,
                "text": view.text_of(tag),
                "group": effect.group,
                "outputs": {output: forced.get((tag, output)) for output in effect.forces},
                "scales": {output: scaled.get((tag, output)) for output in effect.scales},
                "demands": _demands(view.plan, effect),
                "points": view.points_of(rows, effect.row),
            }
        )
    return found


def _demands(plan: Plan, effect: EffectInfo) -> list[str]:
    """The causes that trip an effect, and the effects that it takes over from."""
    return [name if name in plan.causes else name.partition(".")[0] for name, _ in effect.demands]


def _asked(view: PlanView, wires: str, values: str) -> dict[tuple[str, str], float | None]:
    """What each effect asks of an output, by (effect, output): the element of `values` beside its wire."""
    found = {}
    for output, rows, row in view.blocks(wires, values):
        for port, element, name in view.wired(rows, row):
            if port == wires:
                effect = view.point(name).owner
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
