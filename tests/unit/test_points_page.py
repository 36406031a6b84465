"""docs/reference/points.md says which points each section of the text makes; its tables are made from the blocks.

`PLANTCTL_UPDATE_CASES=1` writes the page anew.
"""

import os
from pathlib import Path

from plantctl.plan.build import build
from plantctl.plan.kind import find_kind
from plantctl.plan.network import MAIN_POINTS
from plantctl.plan.source import from_texts
from tests.unit.test_link_findings import GOOD

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "points.md"
INTRODUCTION = """\
# Points of a plan

What the compiler makes of each section of the text, beside the tags themselves. Every point can stand in an
expression, in `get`, in `--record` and in the log; `plantctl explain PLANT POINT` says who writes and who reads it.
Parameters (`LOOP.gain`, `LOOP.integral`, `LOOP.out_high` ...) are no points: `tune` changes them, `get` shows them.

- A cascade is a loop whose `out` names another loop: its output is that loop's set-point, in the unit of that loop's
  PV, within `limits: {setpoint: ...}` of that loop; the lower loop starts with `mode: cas`. Both run in one task.
- An output is stepped as often as the loop above it, and, where a trip forces it or a device takes it, as often as the
  protection, whichever is oftener.
- A calculated tag without `unit` takes its result's; a `blocks` entry without `unit` takes that of what it reads.
- `TAG.delayed` is the copy that `delay: 1 scan` reads.
"""
SECTIONS = {
    "loops": ("LOOP", "pid"),
    "outputs, and every tag with `access: write`": ("OUTPUT", "out"),
    "causes": ("CAUSE", "cause"),
    "effects": ("EFFECT", "effect"),
    "permissives": ("OUTPUT.permit", "permissive"),
    "alarms, one for each limit: `low_low`, `low`, `high`, `high_high`": ("TAG.high", "limit_alarm"),
}


def points_of(kind):
    """(suffix, meaning) of every point of a kind, the main one first."""
    fields = [field for field in find_kind(kind).fields if field.is_point]
    main = next(name for name in MAIN_POINTS if any(field.name == name for field in fields))
    for field in sorted(fields, key=lambda field: field.name != main):
        words = f" ({', '.join(field.declared.words)})" if field.declared.words else ""
        yield "" if field.name == main else f".{field.name}", field.declared.doc + words


def page():
    lines = [INTRODUCTION]
    for title, (name, kind) in SECTIONS.items():
        lines += [f"## {title}", "", "| point | meaning |", "| --- | --- |"]
        lines += [f"| `{name}{suffix}` | {meaning} |" for suffix, meaning in points_of(kind)]
        lines.append("")
    lines += ["## the executive", "", "| point | meaning |", "| --- | --- |"]
    for point in executive_points():
        words = f" ({', '.join(point.words)})" if point.words else ""
        lines.append(f"| `{point.name}` | {point.text}{words} |")
    return "\n".join([*lines, ""])


TEXT = """
plant: {name: P}
tasks: {TASK: 1 s}
sinks: {SINK: {kind: mqtt, url: "mqtts://broker"}}
"""


def executive_points():
    """The executive's own points, of a plan with one task and one sink."""
    plan = build("plant.yaml", from_texts({"plant.yaml": TEXT})).plan
    return [plan.points[row] for row in plan.statistics.values()]


def test_the_page_is_what_the_blocks_declare():
    if os.environ.get("PLANTCTL_UPDATE_CASES") == "1":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()


def test_a_plan_has_the_points_that_the_page_names():
    rows = build("plant.yaml", from_texts({"plant.yaml": GOOD})).plan.rows
    tags = {"pid": "PIC-1", "out": "FC-1", "cause": "C1", "effect": "E1"}
    tags |= {"permissive": "HS-1.permit", "limit_alarm": "PI-1.high"}
    for _, kind in SECTIONS.values():
        assert {tags[kind] + suffix for suffix, _ in points_of(kind)} <= set(rows)
