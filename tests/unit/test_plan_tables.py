"""A tag table becomes the same tree as the YAML sections would, and a finding points at its cell."""

from plantctl.plan.check import read_plant
from plantctl.plan.source import from_texts
from plantctl.plan.tag_table import COLUMNS, parse_tag_table

TABLE = '''\
tag,service,device,item,station,unit,low,high,stale_after,initial,LL,L,H,HH
FI-1,"Flow, cell ""1""",PLC-1,40001,,m3/h,0,1.5,300 ms,,0.24,0.36,,
HS-1,no,PLC-1,010,7,,,,,true,,,,

FI-2,"two
lines",PLC-1,X,,L/h,-5 mL/h,1 L/h,,0,,,0.8 L/h,
'''


def plant(**texts):
    return read_plant("plant.yaml", from_texts({name.replace("_", "."): text for name, text in texts.items()}))


def test_a_table_says_what_the_sections_say():
    yaml = """
tags:
  FI-1: {service: 'Flow, cell "1"', device: PLC-1, item: "40001", unit: m3/h, range: [0, 1.5], stale_after: 300 ms}
  HS-1: {service: "no", device: PLC-1, item: "010", station: 7, initial: true}
  FI-2: {service: "two\\nlines", device: PLC-1, item: X, unit: L/h, range: [-5 mL/h, 1 L/h], initial: 0}
alarms:
  FI-1: {low_low: 0.24, low: 0.36}
  FI-2: {high: 0.8 L/h}
"""
    table = plant(plant_yaml="include: [tags.csv]", tags_csv=TABLE)
    text = plant(plant_yaml=yaml)
    assert table.findings == text.findings == []
    assert table.plant.tags == text.plant.tags
    assert table.plant.alarms == text.plant.alarms
    assert list(table.plant.tags) == ["FI-1", "HS-1", "FI-2"]


def test_every_cell_keeps_its_place():
    places = plant(plant_yaml="include: [tags.csv]", tags_csv=TABLE).plant.places
    assert places.of("tags", "FI-2", "unit").line == 6, "behind a cell of two lines"
    assert places.of("tags", "FI-2", "unit").column == len('lines",PLC-1,X,,') + 1
    first = places.of("tags", "FI-1", "service")
    assert (first.line, first.column, first.column_end) == (2, 6, 6 + len('"Flow, cell ""1"""'))
    assert places.of("alarms", "FI-1", "low").column == TABLE.splitlines()[1].index("0.36") + 1


def test_line_ends_of_every_kind():
    for end in ("\n", "\r\n", "\r"):
        root, findings = parse_tag_table("t.csv", TABLE.replace("\n", end))
        assert findings == []
        assert root.entries["tags"][1].entries["HS-1"][0].line == 3


def test_a_table_without_a_last_line_end():
    root, findings = parse_tag_table("t.csv", "tag,unit\nFI-1,")
    assert findings == []
    assert root.entries["tags"][1].entries["FI-1"][1].entries == {}


def test_every_column_of_the_design_is_a_column():
    design = [
        "tag",
        "service",
        "device",
        "item",
        "station",
        "unit",
        "low",
        "high",
        "stale_after",
        "initial",
        "LL",
        "L",
        "H",
        "HH",
    ]
    assert set(design) < set(COLUMNS)
    more = {"access", "readback", "flat_line_after", "expect_change_within", "system", "fail_safe", "profile"}
    assert more < set(COLUMNS)


def test_guidance_in_yaml_joins_the_limits_of_a_table():
    alarms = "alarms: {FI-1: {priority: 1, response: check the pump}}"
    reading = plant(plant_yaml=f"include: [tags.csv]\n{alarms}", tags_csv=TABLE)
    assert reading.findings == []
    alarm = reading.plant.alarms["FI-1"]
    assert (alarm.low, alarm.priority, alarm.response) == (0.36, 1, "check the pump")
    before = plant(plant_yaml=f"{alarms}\ninclude: [tags.csv]", tags_csv=TABLE)
    assert before.plant.alarms == reading.plant.alarms
