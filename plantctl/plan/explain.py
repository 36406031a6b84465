"""Explains a plan to a person: the order of the scan, who writes a point and who reads it, what feeds a trip.

The same plan gives the same text. Everything is read from the plan, not from the configuration: what stands here is
what will run.
"""

import math
import textwrap
from collections.abc import Iterable, Iterator

from plantctl.core.units import parse_unit
from plantctl.drivers._opcua_security import Security
from plantctl.plan.expression import explain as explain_program
from plantctl.plan.plan import EffectInfo, ExpressionRow, KindRows, Plan, Point, Writer
from plantctl.plan.runner_text import input_slots, output_slots

WIDTH = 116
_ARBITER = "out"
# How a port reads in a sentence, where its own name does not.
_PORT_WORDS = {"pv2": "second probe", "cas": "set-point from", "x": "reads", "u": "reads", "auto": "takes"}


def explain_plan(plan: Plan) -> str:
    """The plan as text: tasks, the runs in their order, loops, outputs, trips, permissives, alarms."""
    sections: list[tuple[str, Iterable[str]]] = [
        ("order of the scan", _runs(plan)),
        ("calculated", (f"  {e.tag} {_unit_in_brackets(plan, e.row)}= {e.program.text}" for e in _calculated(plan))),
        ("loops", _loops(plan)),
        ("outputs", _outputs(plan)),
        ("laboratory", _laboratory(plan)),
        ("history", (f"  {p.name}: {_recorded(plan, p)}" for p in plan.points if p.id in plan.keeping.recording)),
        ("trips", (line for effect in plan.effects.values() for line in _effect_lines(plan, effect))),
        ("permissives", _permissives(plan)),
        ("alarms", _alarms(plan)),
        ("one scan old", (f"  {plan.points[row].name}" for _, row in plan.delays)),
        ("devices", _devices(plan)),
        ("sinks", _sinks(plan)),
    ]
    lines = [f"plant {plan.name}", *_tasks(plan)]
    for title, found in sections:
        body = list(found)
        if body:
            lines += ["", title, *body]
    return "\n".join(lines)


def _tasks(plan: Plan) -> Iterator[str]:
    for task in plan.tasks:
        often = "every scan" if task.every == 1 else f"every {task.every} scans"
        phase = f", from scan {task.phase}" if task.phase else ""
        yield f"task {task.name}: {task.period_ns / 1e6:g} ms, {often}{phase}"
    if plan.overrun_catch_up:
        yield f"up to {plan.overrun_catch_up} missed scans are made up one after the other"
    if plan.overrun_trip_after:
        yield f"{plan.overrun_trip_after} late scans in a row trip every effect"


def _runs(plan: Plan) -> Iterator[str]:
    for number, run in enumerate(plan.runs, 1):
        rows = range(run.first, run.first + run.count * run.stride, run.stride)
        if run.kind < 0:
            what, tags = "expression", [plan.expressions[i].tag for i in rows]
        else:
            what, tags = f"{plan.kinds[run.kind].kind.name}.{run.half}", [plan.kinds[run.kind].tags[i] for i in rows]
        head = f"  {number:3}  {plan.tasks[run.task].name:8}  {what:18}  "
        yield from textwrap.wrap(
            ", ".join(tags), WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False
        )


def _calculated(plan: Plan) -> Iterator[ExpressionRow]:
    """The expressions that are tags of their own; those of causes, effects and loops stand with them."""
    return (e for e in plan.expressions if "." not in e.tag)


def _loops(plan: Plan) -> Iterator[str]:
    for rows in plan.kinds:
        if rows.kind.field("op") is None or rows.kind.field("pv") is None:
            continue
        for i, tag in enumerate(rows.tags):
            yield f"  {tag} ({rows.kind.name}){_text(plan, tag)}"
            yield from (f"    {line}" for line in _wire_lines(plan, rows, i))
            low, high = _setting(plan, f"{tag}.out_low"), _setting(plan, f"{tag}.out_high")
            yield f"    gives {low} to {high} to {', '.join(_readers(plan, plan.rows[tag])) or 'nobody'}"


def _wire_lines(plan: Plan, rows: KindRows, i: int) -> Iterator[str]:
    """What a block reads, a line a port; an expression of its own is shown with its text."""
    for column, (port, _) in enumerate(input_slots(rows.kind.block)):
        source = int(rows.ins[i, column])
        if source:
            name = plan.points[source].name
            own = [e.program.text for e in plan.expressions if e.row == source and "." in e.tag]
            yield f"{_PORT_WORDS.get(port, port)} {own[0] if own else name}"


def _outputs(plan: Plan) -> Iterator[str]:
    for output in plan.outputs:
        unit = _unit_of(plan.points[output.row])
        yield f"  {output.tag}{_text(plan, output.tag)}"
        kind, row = output.arbiter
        rows = plan.kinds[kind] if kind >= 0 else None
        if rows is not None and rows.kind.name == _ARBITER:
            yield from _arbiter_lines(plan, rows, row, unit)
        else:
            yield f"    written by {_writer(plan, plan.points[output.row]).splitlines()[0]}"
        back = f", read back at {plan.points[output.read_back].name}" if output.read_back else ", no read-back"
        safe = "" if math.isnan(output.fail_safe) else f", fail-safe {output.fail_safe:g}{unit}"
        yield f"    to {output.device or 'no device'}{back}{safe}"


def _arbiter_lines(plan: Plan, rows: KindRows, row: int, unit: str) -> Iterator[str]:
    asked = "commands only"
    for column, (port, element) in enumerate(input_slots(rows.kind.block)):
        source = int(rows.ins[row, column])
        if source and port == "force":
            forced = float(rows.rows["force_value"][row][element])
            yield f"    forced to {forced:g}{unit} by {plan.points[source].owner}"
        elif source and port == "scale":
            share, time_s = (float(rows.rows[name][row][element]) for name in ("scale_share", "scale_time"))
            within = f" within {time_s:g} s" if time_s else ""
            yield f"    brought to {100.0 * share:g} % of where it stands{within} by {plan.points[source].owner}"
        elif source and port in ("auto", "sequence"):
            asked = plan.points[source].name
    tag = rows.tags[row]
    point = plan.points[plan.rows[tag]]
    limits = "" if math.isnan(point.low) else f", {point.low:g} to {point.high:g}{unit}"
    rates = [f"{_setting(plan, f'{tag}.{name}')} {word}" for name, word in (("rate_up", "up"), ("rate_down", "down"))]
    rate = "".join(f", {text}" for text in rates if not text.startswith("0 "))
    pulse = _setting(plan, f"{tag}.pulse")
    back = "" if pulse in ("", "0 s") else f", springs back to 0 after {pulse}"
    yield f"    asked by {asked}{limits}{rate}{back}"


def _effect_lines(plan: Plan, effect: EffectInfo) -> Iterator[str]:
    acts = [
        f"{verb} {', '.join(tags)}" for verb, tags in (("forces", effect.forces), ("scales", effect.scales)) if tags
    ]
    yield f"  {effect.tag} (group {effect.group}) {', '.join(acts)}{_text(plan, effect.tag)}"
    for name, word in (("after", "waits for"), ("verify", "is seen by")):
        text = _program_text(plan, f"{effect.tag}.{name}")
        if text:
            limit = _setting(plan, f"{effect.tag}.{'after_limit' if name == 'after' else 'within'}")
            yield f"    {word} {text}" + ("" if limit == "0 s" else f", at most {limit}")
    for point, _ in effect.demands:
        cause = plan.causes.get(point)
        if cause is None:
            yield f"    demanded by {point}"
            continue
        yield f"    demanded by {point}{': ' if cause.text else ''}{cause.text}"
        yield from (f"      {line}" for line in _cause_lines(plan, point))


def _cause_lines(plan: Plan, tag: str) -> Iterator[str]:
    cause = plan.causes[tag]
    vote = ""
    if f"{tag}.vote.m" in plan.addresses:
        vote = f"{_setting(plan, f'{tag}.vote.m')} of {_setting(plan, f'{tag}.vote.n')}: "
    delay = _setting(plan, f"{tag}.delay")
    yield f"when  {vote}{cause.when}" + ("" if delay == "0 s" or " for " in cause.when else f" for {delay}")
    arm = _program_text(plan, f"{tag}.arm")
    if arm:
        yield f"armed {arm}"
    yield f"clear {cause.clear or 'as soon as it is not'}"
    if not vote:
        bad = _setting(plan, f"{tag}.trip_after")
        yield "bad   trips at once" if bad == "0 s" else f"bad   for {bad} trips"


def _permissives(plan: Plan) -> Iterator[str]:
    for output, conditions in plan.permissives.items():
        yield f"  {output} may start while"
        yield from (f"    {c.name}: {c.text}" for c in conditions)


def _alarms(plan: Plan) -> Iterator[str]:
    for rows in plan.kinds:
        if rows.kind.field("priority") is None:
            continue
        ports = [port for port, _ in input_slots(rows.kind.block)]
        for i, tag in enumerate(rows.tags):
            limit, priority = _setting(plan, f"{tag}.limit"), _setting(plan, f"{tag}.priority")
            yield f"  {tag} at {limit}, priority {priority}"
            armed_by = int(rows.ins[i, ports.index("arm")]) if "arm" in ports else 0
            if armed_by:
                arm, lasting = plan.points[armed_by].name, _setting(plan, f"{tag}.arm_for")
                yield f"    counts while {_program_text(plan, arm) or arm}" + (
                    "" if lasting == "0 s" else f" for {lasting}"
                )


def _laboratory(plan: Plan) -> Iterator[str]:
    for name, lab in plan.lab.items():
        point = plan.points[plan.rows[name]]
        plausible = f", plausible {point.low:g} to {point.high:g}{_unit_of(point)}"
        yield f"  {name}{_text(plan, name)}{plausible}"
        yield f"    {lab.in_words(_unit_of(point))}"


def _sinks(plan: Plan) -> Iterator[str]:
    for sink in plan.sinks:
        yield f"  {sink.name} ({sink.kind}) gets {len(sink.tags)} points"


def _devices(plan: Plan) -> Iterator[str]:
    for device in plan.devices:
        security = device.config.get("security")
        words = f": {Security.model_validate(security).in_words()}" if isinstance(security, dict) else ""
        yield f"  {device.name} ({device.kind}) at {device.connect}{words}"


# -- one point -------------------------------------------------------------------------------------------------------


def explain_point(plan: Plan, name: str) -> str:
    """Who writes a point, from what, and who reads it. Raises `KeyError` for a name that the plan does not have."""
    row = plan.rows[name]
    point = plan.points[row]
    lines = [f"{point.name}  (id {point.id}, row {row}, {_unit(point)})"]
    if point.text:
        lines.append(f"  {point.text}")
    lines.append(f"  written by {_writer(plan, point)}")
    lines += [f"    from {source}" for source in _sources(plan, row)]
    readers = list(_readers(plan, row))
    lines.append(f"  read by {', '.join(readers) if readers else 'nobody in the plan'}")
    reached = sorted(_trips_reached(plan, row))
    if reached:
        lines.append(f"  feeds the trips {', '.join(reached)}")
    if point.id in plan.keeping.recording:
        lines.append(f"  in the history: {_recorded(plan, point)}")
    if point.name in plan.effects:
        lines += [line[2:] for line in _effect_lines(plan, plan.effects[point.name])]
    return "\n".join(lines)


def _recorded(plan: Plan, point: Point) -> str:
    """What of a point goes into the history; temperatures differ by K."""
    unit = str(parse_unit(point.unit).difference()) if point.unit not in ("", "1") else ""
    return plan.keeping.recording[point.id].in_words(f" {unit}" if unit else "")


def _unit(point: Point) -> str:
    if point.words:
        return "/".join(point.words)
    return "plain number" if point.unit in ("", "1") else point.unit


def _unit_of(point: Point) -> str:
    return "" if point.unit in ("", "1") else f" {point.unit}"


def _unit_in_brackets(plan: Plan, row: int) -> str:
    unit = plan.points[row].unit
    return "" if unit in ("", "1") else f"[{unit}] "


def _text(plan: Plan, tag: str) -> str:
    text = plan.points[plan.rows[tag]].text
    return f": {text}" if text else ""


def _setting(plan: Plan, name: str) -> str:
    """The value of a parameter with its unit, as the plan starts with it."""
    address = plan.addresses[name]
    value = float(plan.kinds[address.kind].rows[address.field][address.row])
    return f"{value:g}" + ("" if address.unit in ("", "1") else f" {address.unit}")


def _program_text(plan: Plan, point: str) -> str:
    return next((e.program.text for e in plan.expressions if e.tag == point), "")


def _writer(plan: Plan, point: Point) -> str:
    if point.name in plan.lab:
        return f"the laboratory: {plan.lab[point.name].in_words(_unit_of(point))}"
    if point.writer is Writer.INPUT:
        return f"device {point.owner}" if point.owner else "nobody in the plan: a value given from outside"
    if point.writer is Writer.EXPRESSION:
        program = next(e.program for e in plan.expressions if e.row == point.row)
        steps = "\n".join(f"      {x}" for x in explain_program(program).splitlines())
        return f"the expression {program.text}\n{steps}"
    if point.writer is Writer.BLOCK:
        kind = next(k.kind.name for k in plan.kinds if point.owner in k.tags)
        return f"block {point.owner} ({kind})"
    return "the executive" if point.writer is Writer.EXECUTIVE else "a copy, one scan old"


def _sources(plan: Plan, row: int) -> Iterator[str]:
    for expression in plan.expressions:
        if expression.row == row:
            yield from (plan.points[r].name for r in expression.reads)
    for rows in plan.kinds:
        slots = input_slots(rows.kind.block)
        for i in range(len(rows.tags)):
            if row in rows.outs[i, : len(output_slots(rows.kind.block))]:
                for column, (port, element) in enumerate(slots):
                    source = int(rows.ins[i, column])
                    if source:
                        number = f"[{element}]" if rows.kind.field(port).count else ""  # type: ignore[union-attr]
                        yield f"{plan.points[source].name} as {port}{number}"


def _readers(plan: Plan, row: int) -> Iterator[str]:
    """Who reads a row, or its copy of one scan ago."""
    rows_read = {row, *(copy for copy, original in plan.delays if original == row)}
    for expression in plan.expressions:
        if rows_read & set(expression.reads):
            yield expression.tag
    for rows in plan.kinds:
        for i, tag in enumerate(rows.tags):
            if rows_read & set(rows.ins[i, : len(input_slots(rows.kind.block))].tolist()):
                yield tag


def _trips_reached(plan: Plan, row: int) -> set[str]:
    """The effects that a point reaches through expressions, votes and causes."""
    reached: set[str] = set()
    seen: set[int] = set()
    queue = [row]
    while queue:
        current = queue.pop()
        if current in seen:
            continue
        seen.add(current)
        queue += [e.row for e in plan.expressions if current in e.reads]
        for rows in plan.kinds:
            width = len(input_slots(rows.kind.block))
            for i, tag in enumerate(rows.tags):
                if current not in rows.ins[i, :width]:
                    continue
                if tag in plan.effects:
                    reached.add(tag)
                elif rows.kind.name not in (_ARBITER, "pid"):
                    queue += [int(r) for r in rows.outs[i, : len(output_slots(rows.kind.block))]]
    return reached
