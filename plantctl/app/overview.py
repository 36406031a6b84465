"""What a person wants to see of a plant first: its loops, trips and alarms, and the points that these hang on.

Made once from the plan and sent with every snapshot, so that a view needs no knowledge of the plan and the plan none of
views.
"""

from typing import Any, Final

from plantctl.plan.plan import Plan, Writer

FIRST: Final = 0  # what a loop, a cause, a permissive or an alarm looks at
SECOND: Final = 1  # any other measured, written or calculated tag
LAST: Final = 2  # read-backs
HIDDEN: Final = 3  # what blocks keep for themselves
LOOKING: Final = ("pid", "cause", "permissive", "limit_alarm", "effect")


def overview(plan: Plan) -> dict[str, Any]:
    """Loops with the points of their PV, set-point, mode and output; causes, effects, alarms with what they mean."""
    tags = {rows.kind.name: rows.tags for rows in plan.kinds}
    texts = {p.name: p.text for p in plan.points}
    written = {o.row: o.tag for o in plan.outputs}
    loops = []
    for rows in plan.kinds:
        if rows.kind.name != "pid":
            continue
        for tag, ins in zip(rows.tags, rows.ins, strict=True):
            loops.append({"tag": tag, "pv": plan.points[int(ins[0])].name, "out": _written_by(plan, tag, written)})
    return {
        "loops": loops,
        "causes": [{"tag": c.tag, "text": c.text} for c in plan.causes.values()],
        "effects": [{"tag": e.tag, "text": texts.get(e.tag, ""), "group": e.group} for e in plan.effects.values()],
        "alarms": [{"tag": tag, "text": texts.get(tag, "")} for tag in tags.get("limit_alarm", ())],
    }


def _written_by(plan: Plan, tag: str, written: dict[int, str]) -> str:
    """The output tag that takes its value from the point `tag`; the point itself where none does."""
    row = plan.rows[tag]
    for rows in plan.kinds:
        if rows.kind.name == "out":
            for name, ins in zip(rows.tags, rows.ins, strict=True):
                if row in ins and name in written.values():
                    return name
    return tag


def ranks(plan: Plan) -> dict[int, int]:
    """How much a person wants to see each row of the plan, FIRST to HIDDEN."""
    reads = {e.row: e.reads for e in plan.expressions}
    tags = {o.tag for o in plan.outputs} | {r.tag for r in plan.inputs} | {e.tag for e in plan.expressions}
    own = {tag for rows in plan.kinds for tag in rows.tags} - {o.tag for o in plan.outputs}
    read_backs = {r.row for r in plan.inputs if r.reads_back}
    ranked = {}
    for p in plan.points:
        shown = p.name in tags and not p.name.startswith("scan.") and p.writer is not Writer.DELAY
        # A condition of a block (C15-01.when) is its block's business; a calculated tag of the text is a tag.
        inner = p.name in own or p.name.rpartition(".")[0] in own or p.name.rpartition(".permit")[1] != ""
        ranked[p.row] = HIDDEN if inner or not shown else LAST if p.row in read_backs else SECOND
    for row in _looked_at(plan, reads):
        if ranked.get(row) in (SECOND, LAST):
            ranked[row] = FIRST
    return ranked


def _looked_at(plan: Plan, reads: dict[int, tuple[int, ...]]) -> set[int]:
    """The rows that loops, causes, permissives and alarms see, through any expression between."""
    open_rows = [int(row) for rows in plan.kinds if rows.kind.name in LOOKING for ins in rows.ins for row in ins]
    seen: set[int] = set()
    while open_rows:
        row = open_rows.pop()
        if row not in seen:
            seen.add(row)
            open_rows += reads.get(row, ())
    return seen
