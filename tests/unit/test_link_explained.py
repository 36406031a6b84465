"""What `explain` says of one point, and what linking hands on beside the blocks: ages, units, words."""

from pathlib import Path

import pytest

from plantctl.plan.build import build, build_path
from plantctl.plan.explain import explain_plan, explain_point
from plantctl.plan.source import from_texts
from tests.plan_bench import PlanBench
from tests.unit.test_link_findings import CASCADE, GOOD

DEMO = Path(__file__).parents[2] / "config" / "demo"


def built(text):
    found = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert found.plan is not None, found.findings
    return found.plan


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("PI-1", ["written by nobody in the plan", "read by PY-1", "feeds the trips E1, E2"]),
        ("TI-1", ["read by nobody in the plan"]),
        ("PY-1", ["written by the expression {PI-1} - {PI-2}", "from PI-1", "bar)"]),
        ("PIC-1", ["written by block PIC-1 (pid)", "from PI-2 as pv2", "read by FC-1"]),
        ("PIC-1.mode", ["oos/iman/trk/man/auto/cas/rcas/rout"]),
        ("E1", ["demanded by C1", "when  2 of 3: ", "is seen by {PI-1} < 1 [bar], at most 1 s", "read by C1"]),
        ("E2", ["demanded by E1.failed", "waits for {PI-1} < 1 [bar], at most 0.5 s"]),
        ("E1.active", ["read by HS-1, FC-1"]),
        ("C1.vote", ["from C1.when1 as x[0]", "feeds the trips E1"]),
        ("scan.overruns", ["written by the executive", "plain number", "periods missed"]),
    ],
)
def test_a_point_is_explained(name, said):
    text = explain_point(built(GOOD), name)
    for part in said:
        assert part in text


def test_a_point_that_is_not_there_is_a_key_error():
    with pytest.raises(KeyError):
        explain_point(built(GOOD), "PI-9")


def test_a_copy_of_the_last_scan_is_explained_and_its_reader_found():
    text = GOOD.replace("u: PI-1,", "u: {tag: PY-1, delay: 1 scan},")
    plan = built(text)
    assert "a copy, one scan old" in explain_point(plan, "PY-1.delayed")
    assert "PI-1F" in explain_point(plan, "PY-1")
    assert "one scan old\n  PY-1\n" in explain_plan(plan) + "\n"


def test_a_device_is_named_as_the_writer_and_a_plant_without_trips_has_no_section_of_them():
    devices = (
        "devices:\n  PLC-1: {kind: opcua, profile: s7-plc, connect: 'opc.tcp://h:1', security: {insecure: true}}\n"
    )
    plan = built(CASCADE.replace("tags:", devices + "tags:\n  40-PI-7: {device: PLC-1, item: MEASURED, unit: bar}"))
    assert "written by device PLC-1" in explain_point(plan, "40-PI-7")
    assert "trips" not in explain_plan(plan)
    assert "gives 0 % to 100 % to nobody" in explain_plan(plan)


def test_the_demo_is_explained_whole():
    plan = build_path(DEMO).plan
    text = explain_plan(plan)
    assert text == explain_plan(plan)
    for name in (*(o.tag for o in plan.outputs), *plan.effects, *plan.causes, *(e.tag for e in plan.expressions)):
        assert name in text
    # One point of each sort: of what writes it, the place in that, and what else is said of it.
    kinds = {tag: rows.kind.name for rows in plan.kinds for tag in rows.tags}

    def sort_of(p):
        place = p.name.rpartition(".")[2] if "." in p.name else bool(p.words)
        said = (p.name in plan.lab, p.id in plan.keeping.recording, p.name in plan.effects)
        return p.writer, kinds.get(p.owner), place, said

    sorts = {sort_of(point): point for point in plan.points[1:]}
    assert len(sorts) > 100
    assert [any(said[n] for *_, said in sorts) for n in range(3)] == [True] * 3
    for point in sorts.values():
        assert explain_point(plan, point.name)
    assert list(plan.ids) == [point.id for point in plan.points]


DEVICES = """\
plant: {name: ages}
devices:
  PLC-1: {kind: opcua, profile: s7-plc, connect: "opc.tcp://h:1", security: {insecure: true}}
  PLC-2: {kind: opcua, profile: s7-plc, connect: "opc.tcp://h:2", security: {insecure: true}, poll: 500 ms}
  GW-1: {kind: modbus, connect: "tcp://h:3"}
  GW-2: {kind: modbus, connect: "tcp://h:3", poll: 2.5}
tags:
  40-PI-1: {device: PLC-1, item: MEASURED, unit: bar}
  40-PI-2: {device: PLC-2, item: MEASURED, unit: bar}
  40-PI-3: {device: PLC-2, item: MEASURED, unit: bar, poll: 100 ms}
  40-PI-4: {device: PLC-2, item: MEASURED, unit: bar, stale_after: 7 s}
  40-PI-5: {device: PLC-2, item: MEASURED, unit: bar, stale_after: 0 s, flat_line_after: 20 s,
            expect_change_within: 3 s}
  40-AI-6: {device: GW-1, profile: arc-ph, station: 1, item: PH, unit: pH}
  40-AI-7: {device: GW-2, profile: arc-ph, station: 1, item: PH, unit: pH}
  40-AI-8: {unit: pH, initial: 7 pH}
"""


@pytest.mark.parametrize(
    "said",
    [
        "  40-FI-4013.low at 0.36 m3/h, priority 1\n"
        "    counts while {40-XI-4216} == 1 and {40-ZI-4016} == 1 for 20 s\n",
        "  40-HS-4216R: recirculation drive fault reset\n"
        "    asked by commands only, 0 to 1, springs back to 0 after 3 s\n",
    ],
)
def test_what_arms_an_alarm_and_what_springs_back_is_explained(said):
    assert said in explain_plan(build_path(DEMO).plan)


def test_a_value_is_stale_after_three_polls_of_tag_device_profile_or_driver():
    """The profile of the PLC polls every 200 ms, a Modbus driver by itself every second."""
    rows = {row.tag: row for row in built(DEVICES).inputs}
    ages = {tag: row.stale_after_ns / 1e9 for tag, row in rows.items()}
    assert ages == {
        "40-PI-1": 0.6,
        "40-PI-2": 1.5,
        "40-PI-3": 0.3,
        "40-PI-4": 7.0,
        "40-PI-5": 0.0,
        "40-AI-6": 3.0,
        "40-AI-7": 7.5,
        "40-AI-8": 0.0,
    }
    assert (rows["40-PI-5"].flat_after_ns, rows["40-PI-5"].change_within_ns) == (20_000_000_000, 3_000_000_000)
    assert rows["40-AI-8"].initial == 7.0


def test_a_read_back_is_compared_within_a_share_of_the_range():
    plan = built(GOOD.replace("access: write, readback: FY-1", "access: write, readback: FY-1, fail_safe: 1 L/h"))
    output = next(row for row in plan.outputs if row.tag == "FC-1")
    assert plan.points[output.read_back].name == "FY-1"
    assert output.fail_safe == 1.0
    assert output.read_back_tolerance == pytest.approx(0.1)
    assert next(row for row in plan.inputs if row.tag == "FY-1").reads_back == output.row


def test_a_parameter_may_be_a_word_and_must_be_a_known_one():
    text = GOOD.replace("blocks:", "blocks:\n  XV-1: {kind: vote, x: [XI-1], policy: degrade}")
    plan = built(text)
    votes = next(k for k in plan.kinds if k.kind.name == "vote")
    assert votes.rows["policy"][votes.tags.index("XV-1")] == 1
    wrong = build("plant.yaml", from_texts({"plant.yaml": text.replace("degrade}\n", "degraded}\n")}))
    assert [(f.code, f.hint) for f in wrong.findings] == [("PC701", "did you mean `degrade`?")]


@pytest.mark.parametrize(
    ("expression", "unit", "value"),
    [
        ("{PI-1} * 2 [L/h/bar]", "m3/s", 2.0 / 3.6e6),
        ("{PI-1} * 2", "bar", 2.0),
        ("{PI-1} / {PI-2}", "1", 1.0),
    ],
)
def test_a_calculated_tag_without_unit_has_one_that_can_be_read_again(expression, unit, value):
    """A product of units without a name of its own goes to the coherent unit, and its numbers with it."""
    tags = "tags: {PI-1: {unit: bar}, PI-2: {unit: bar}}"
    bench = PlanBench(f'plant: {{name: u}}\n{tags}\ncalculated: {{XY-1: "{expression}"}}\n')
    assert bench.plan.points[bench.plan.rows["XY-1"]].unit == unit
    bench.scan(**{"PI-1": 1.0, "PI-2": 1.0})
    assert bench["XY-1"] == pytest.approx(value, rel=1e-12)


def test_an_output_without_device_and_a_unit_that_is_wrong_is_one_finding():
    text = "plant: {name: u}\ntags:\n  FC-1: {unit: L/hh, access: write}\noutputs:\n  FC-1: {limits: [0 L/h, 3 L/h]}\n"
    findings = build("plant.yaml", from_texts({"plant.yaml": text})).findings
    assert [f.code for f in findings] == ["PC402"]


def test_a_laboratory_tag_tells_how_it_is_entered():
    tag = "{unit: mol/L, range: [0, 2], lab: {method: titration, signatures: two}}"
    text = {"plant.yaml": f"plant: {{name: Lab}}\ntags:\n  AY-1: {tag}\n"}
    plan = build("plant.yaml", from_texts(text)).plan
    assert "the laboratory: titration, signed by a second person" in explain_point(plan, "AY-1")
