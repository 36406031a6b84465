"""Explains a plan to a person: the order of the scan, who writes a point and who reads it, what feeds a trip."""

import math
from collections.abc import Iterator

from plantctl.plan.expression import explain as explain_program
from plantctl.plan.plan import EffectInfo, Plan, Point, Writer
from plantctl.plan.runner_text import input_slots, output_slots


def explain_plan(plan: Plan) -> str:
    """The plan as text: tasks, the runs in their order, outputs, trips. The same plan gives the same text."""
    return "\n".join(
        [
            f"plant {plan.name}",
            *_tasks(plan),
            "",
            "order of the scan",
            *_runs(plan),
            "",
            "outputs",
            *(_output_line(plan, i) for i in range(len(plan.outputs))),
            "",
            "trips",
            *(line for effect in plan.effects.values() for line in _effect_lines(plan, effect)),
        ]
    )


def _tasks(plan: Plan) -> Iterator[str]:
    for task in plan.tasks:
        phase = f", phase {task.phase}" if task.phase else ""
        yield f"task {task.name}: every {task.period_ns / 1e6:g} ms ({task.every} scans{phase})"


def _runs(plan: Plan) -> Iterator[str]:
    for number, run in enumerate(plan.runs, 1):
        task = plan.tasks[run.task].name
        rows = range(run.first, run.first + run.count * run.stride, run.stride)
        if run.kind < 0:
            what, tags = "expression", [plan.expressions[i].tag for i in rows]
        else:
            what, tags = f"{plan.kinds[run.kind].kind.name}.{run.half}", [plan.kinds[run.kind].tags[i] for i in rows]
        shown = ", ".join(tags[:6]) + (f", ... {len(tags)} in all" if len(tags) > 6 else "")
        yield f"  {number:3}  {task:8}  {what:18}  {shown}"


def _output_line(plan: Plan, index: int) -> str:
    output = plan.outputs[index]
    back = f", read back at {plan.points[output.read_back].name}" if output.read_back else ", no read-back"
    safe = "" if math.isnan(output.fail_safe) else f", fail-safe {output.fail_safe:g}"
    return f"  {output.tag}: to {output.device or 'no device'}{back}{safe}"


def _effect_lines(plan: Plan, effect: EffectInfo) -> Iterator[str]:
    yield f"  {effect.tag} (group {effect.group}) forces {', '.join(effect.forces) or 'nothing'}"
    for point, _ in effect.demands:
        cause = plan.causes.get(point)
        if cause is None:
            yield f"    demanded by {point}"
            continue
        yield f"    demanded by {point}: {cause.text}"
        yield f"      when  {cause.when}"
        if cause.clear:
            yield f"      clear {cause.clear}"


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
    if point.name in plan.effects:
        lines += [line[2:] for line in _effect_lines(plan, plan.effects[point.name])]
    return "\n".join(lines)


def _unit(point: Point) -> str:
    if point.words:
        return "/".join(point.words)
    return "plain number" if point.unit in ("", "1") else point.unit


def _writer(plan: Plan, point: Point) -> str:
    if point.writer is Writer.INPUT:
        return f"device {point.owner}" if point.owner else "nobody in the plan: a value given from outside"
    if point.writer is Writer.EXPRESSION:
        program = next(e.program for e in plan.expressions if e.row == point.row)
        return f"the expression {program.text}\n" + "\n".join(
            f"      {x}" for x in explain_program(program).splitlines()
        )
    if point.writer is Writer.BLOCK:
        kind = next(k.kind.name for k in plan.kinds if point.owner in k.tags)
        return f"block {point.owner} ({kind})"
    return {Writer.EXECUTIVE: "the executive", Writer.DELAY: "a copy, one scan old"}.get(point.writer, "nobody")


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
    for expression in plan.expressions:
        if row in expression.reads:
            yield expression.tag
    for rows in plan.kinds:
        for i, tag in enumerate(rows.tags):
            if row in rows.ins[i, : len(input_slots(rows.kind.block))]:
                yield tag


def _trips_reached(plan: Plan, row: int) -> set[str]:
    """The effects that a point reaches through expressions, votes and causes."""
    reached: set[str] = set()
    seen: set[int] = set()
    queue = [row]
    effects = {effect.tag for effect in plan.effects.values()}
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
                if tag in effects:
                    reached.add(tag)
                elif rows.kind.name in ("cause", "vote"):
                    queue += [int(r) for r in rows.outs[i, : len(output_slots(rows.kind.block))]]
    return reached
