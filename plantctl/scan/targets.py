"""What each command can be given to in a plan: the names that were probably meant where the gate knows a target not.

Asked by tools only, never in a scan. Every name here is one that the gate knows, though it may refuse it for another
reason: a loop that is not in man, a cause that still stands.
"""

from collections.abc import Callable, Mapping
from typing import Final

from plantctl.plan.plan import Plan, Writer


def targets(plan: Plan, verb: str) -> tuple[str, ...]:
    """The targets of a command, or with `get` whatever has a value; empty where nothing in the plan takes it."""
    find = _TARGETS.get(verb)
    return tuple(dict.fromkeys(find(plan))) if find else ()


def _tags(plan: Plan, kind: str) -> list[str]:
    return [tag for rows in plan.kinds if rows.kind.name == kind for tag in rows.tags]


def _values(plan: Plan) -> list[str]:
    return [*plan.rows, *plan.addresses]


def _writable(plan: Plan) -> list[str]:
    inputs = [p for p in plan.points if p.writer is Writer.INPUT and p.name not in plan.lab]
    by_hand = [p.name for p in inputs if p.row and not p.owner]
    return [*(o.tag for o in plan.outputs), *(f"{loop}.sp" for loop in _tags(plan, "pid")), *by_hand]


def _loops(plan: Plan) -> list[str]:
    return _tags(plan, "pid")


def _parameters(plan: Plan) -> list[str]:
    return [
        f"{tag}.{field.name}"
        for rows in plan.kinds
        for field in rows.kind.fields
        if field.role == "param" and not field.name.startswith(("has_", "n_"))
        for tag in rows.tags
    ]


def _alarms(plan: Plan) -> list[str]:
    alarms = _tags(plan, "limit_alarm")
    return [*(alarm.rpartition(".")[0] for alarm in alarms if "." in alarm), *alarms]


def _latching(plan: Plan) -> list[str]:
    rows = next((rows for rows in plan.kinds if rows.kind.name == "limit_alarm"), None)
    tags = [tag for tag, latched in zip(rows.tags, rows.rows["latched"], strict=True) if latched] if rows else []
    return [name for tag in tags for name in (tag.rpartition(".")[0] or tag, tag)]


def _effects(plan: Plan) -> list[str]:
    return [name for effect in plan.effects.values() for name in (effect.tag, effect.group)]


_TARGETS: Final[Mapping[str, Callable[[Plan], list[str]]]] = {
    "get": _values,
    "set": _writable,
    "mode": _loops,
    "output": _loops,
    "tune": _parameters,
    "ack": _alarms,
    "reset": lambda plan: [*_effects(plan), *_latching(plan)],
}
