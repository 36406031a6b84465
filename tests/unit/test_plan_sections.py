"""What the text says arrives in the sections: names complete, templates unfolded, places kept, order of the text."""

from pathlib import Path

import pytest

from plantctl.plan.check import read_plant
from plantctl.plan.source import from_folder, from_texts
from plantctl.plan.source_plant import BadPv, Wire

WHOLE = Path(__file__).parents[1] / "cases" / "plan_text" / "whole-plant"


@pytest.fixture(scope="module")
def whole():
    reading = read_plant("plant.yaml", from_folder(WHOLE))
    assert reading.findings == []
    return reading


def read(text, **others):
    files = {name.replace("_", "."): content for name, content in others.items()}
    return read_plant("plant.yaml", from_texts({"plant.yaml": text, **files}))


def good(text, **others):
    reading = read(text, **others)
    assert reading.findings == []
    return reading.plant


def test_the_plant_of_the_design_is_read_whole(whole):
    plant = whole.plant
    assert plant.plant.name == "Circuit A"
    assert {name: task.period for name, task in plant.tasks.items()} == {"protect": "100 ms", "control": "1 s"}
    assert plant.devices["RECT-02"].settings["connect"] == "tcp://rect-02:502"
    assert plant.tags["40-AI-4021"].station == 2
    loop = plant.loops["40-AIC-4212"]
    assert (loop.pv, loop.out, loop.action) == (Wire(tag="40-AI-4212"), "40-FC-4215", "direct")
    assert loop.limits.out == ("0 L/h", "30 L/h")
    expected = BadPv(switch_to="40-AI-4213", else_=BadPv(hold="10 s", then=BadPv(manual="hold")))
    assert loop.on_bad_pv == expected
    assert plant.causes["C15-01"].when == ("{40-FI-4013} < 0.24 [m3/h]",)
    assert plant.effects["E1-01"].force == {"40-HS-4010": 0.0}
    assert plant.effects["E1-01"].verify.tag == "40-II-4010"
    assert plant.chart == {"C15-01": {"E1-01": "latched", "E4-01": "latched"}}
    assert plant.permissives["40-HS-4010"]["tank level"] == "{40-LI-4211} > 20 [%]"
    assert plant.alarms["40-FI-4013"].low_low == 0.24
    assert plant.blocks["40-AI-4212F"].settings == {"in": "40-AI-4212", "filter": "2 s"}


def test_included_files_stand_in_their_place():
    plant = good(
        "tags: {A: {}}\ninclude: [one.yaml, two.csv]\nblocks: {Z: {kind: lag}}\ncalculated: {D: 1}",
        one_yaml="calculated: {B: 2}\ntags: {B: {}}",
        two_csv="tag\nC\n",
    )
    names = [("tags", "A"), ("calculated", "B"), ("tags", "B"), ("tags", "C"), ("blocks", "Z"), ("calculated", "D")]
    assert plant.order == tuple(names)


def test_a_column_inside_a_completed_expression_is_found_in_the_file(whole):
    places = whole.plant.places
    line = (WHOLE / "loops.yaml").read_text(encoding="utf-8").splitlines()[9]
    text = whole.plant.loops["40-AIC-4212"].feedforward
    for name in ("40-II-4200", "40-AY-4215", "40-AY-4216"):
        start = text.index(name)
        place = places.inside("loops", "40-AIC-4212", "feedforward", start=start, end=start + len(name))
        assert line[place.column - 1 : place.column_end - 1] == name.removeprefix("40-")
    start = text.index("(F *")
    place = places.inside("loops", "40-AIC-4212", "feedforward", start=start, end=start + 4)
    assert line[place.column - 1 : place.column_end - 1] == "(F *"


def test_places_of_keys_values_list_items_and_what_is_not_there(whole):
    places = whole.plant.places
    gain = places.of("loops", "40-AIC-4212", "tuning", "gain")
    assert (gain.file, gain.line, gain.column) == ("loops.yaml", 9, 20)
    assert places.of("loops", "40-AIC-4212", "tuning", "gain", key=True).column == 14
    assert places.of("loops", "40-AIC-4212", "limits", "out", 1).column == 27
    missing = places.of("loops", "40-AIC-4212", "tuning", "derivative")
    assert missing == places.of("loops", "40-AIC-4212", "tuning", key=True)
    assert places.of("tasks", "control", "period") == places.of("tasks", "control"), "the short form"
    assert places.of("outputs", "X") is None
    finding = places.find("PC301", "no such device", "tags", "40-AI-4021", "device", hint="h")
    assert finding.where.line == 8
    assert [(place.line, note) for place, note in finding.also] == [(9, "in this instance of `cell`")]


def test_an_area_completes_names_that_have_none():
    plant = good(
        """
area: "05"
tags: {FI-1: {readback: FI-2}, 40-FI-1: {}}
calculated: {FY-1: "{FI-1} + {40-FI-1} + {FIC-1.sp}"}
loops: {FIC-1: {pv: {tag: FI-1, delay: 1 scan}, out: 40-FC-1, on_bad_pv: {switch_to: FI-2}}}
effects: {E1: {force: {HS-1: false, 40-HS-1: 1}, verify: {tag: HI-1, equals: true, within: 1 s}, else: E2},
          E2: {limit: {FC-1: {high: 1 L/h}}, while: "{FI-1} > 0 [L/h]"}}
causes: {C1: {when: ["{FI-1} < 1 [L/h]", "{40-FI-1} < 1 [L/h]"], vote: 2oo2}}
blocks: {AY-1: {kind: lag, u: FI-1, ports: [FI-9, {tag: X}], note: GOOD-word, condition: "{FI-1} > 0"}, X: {kind: lag}}
alarms: {FI-1: {low: 1, cause: FI-1 is low}}
outputs: {FC-1: {limits: [0 L/h, 5 L/h]}}
permissives: {HS-1: {FI-1: "{FI-1} > 1 [L/h]"}}
"""
    )
    assert list(plant.tags) == ["05-FI-1", "40-FI-1"]
    assert plant.tags["05-FI-1"].readback == "05-FI-2"
    assert plant.calculated["05-FY-1"].expression == "{05-FI-1} + {40-FI-1} + {05-FIC-1.sp}"
    assert plant.loops["05-FIC-1"].pv == Wire(tag="05-FI-1", delay="1 scan")
    assert plant.loops["05-FIC-1"].out == "40-FC-1"
    assert plant.loops["05-FIC-1"].on_bad_pv.switch_to == "05-FI-2"
    assert plant.effects["E1"].force == {"05-HS-1": 0.0, "40-HS-1": 1.0}
    assert (plant.effects["E1"].verify.tag, plant.effects["E1"].else_) == ("05-HI-1", "E2")
    assert list(plant.effects["E2"].limit) == ["05-FC-1"]
    assert plant.effects["E2"].while_ == "{05-FI-1} > 0 [L/h]"
    assert plant.causes["C1"].when == ("{05-FI-1} < 1 [L/h]", "{40-FI-1} < 1 [L/h]")
    block = plant.blocks["05-AY-1"].settings
    assert block["u"] == "05-FI-1"
    assert block["ports"] == ["05-FI-9", {"tag": "05-X"}], "a tag by its look, and one by being in the plant"
    assert (block["note"], block["condition"]) == ("GOOD-word", "{05-FI-1} > 0")
    assert plant.alarms["05-FI-1"].cause == "FI-1 is low", "a text for people stays as it is"
    assert list(plant.outputs) == ["05-FC-1"]
    assert plant.permissives == {"05-HS-1": {"FI-1": "{05-FI-1} > 1 [L/h]"}}


def test_a_template_takes_the_area_of_its_own_file():
    plant = good(
        "include: [cells.yaml]\narea: 50\ninstances: {cell: [{n: '1', other: FI-9}]}".replace("n:", "k:"),
        cells_yaml="""
area: 40
templates: {cell: {with: [k, other], calculated: {"FY-<k>": "{FI-<k>} + {<other>}"}}}
""",
    )
    assert plant.calculated["40-FY-1"].expression == "{40-FI-1} + {40-FI-9}"


def test_a_whole_placeholder_keeps_the_kind_of_its_value():
    plant = good(
        """
templates:
  probe:
    with: [tag, station, top, live, words]
    devices: {"D-<station>": {kind: modbus, port: "<station>", live: <live>, list: [<top>, "<top> pH"], words: <words>}}
    tags: {"<tag>": {station: <station>, range: [0, <top>], service: "probe <station>: <words>"}}
instances: {probe: [{tag: AI-1, station: 3, top: 14.0, live: false, words: "no"}]}
"""
    )
    tag = plant.tags["AI-1"]
    assert (tag.station, tag.range, tag.service) == (3, (0.0, 14.0), "probe 3: no")
    settings = plant.devices["D-3"].settings
    assert settings == {"port": 3, "live": False, "list": [14.0, "14.0 pH"], "words": "no"}


def test_an_entry_with_findings_is_named_as_broken_and_costs_no_other():
    reading = read("tags: {A: {unit: L/h}, B: {units: L/h}, C: {unit: no}, D: {}}\nloops: {L: {out: A}}\nrubbish: 1")
    assert list(reading.plant.tags) == ["A", "D"]
    assert reading.plant.broken == {("tags", "B"), ("tags", "C"), ("loops", "L")}
    assert reading.plant.complete is False, "an unknown section may hold names"
    assert {finding.code for finding in reading.findings} == {"PC201", "PC104", "PC202", "PC210"}


def test_a_file_that_cannot_be_read_makes_the_plant_incomplete():
    assert good("tags: {A: {}}").complete is True
    for text in ("include: [gone.yaml]", "tags: {A: {}}\ntags: {B: {}}", "a: [", ""):
        assert read(text).plant.complete is False


def test_empty_sections_are_no_finding():
    assert good("plant: {name: X}\ntags:\nloops: {}\nalarms:\n").tags == {}


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "secret.yaml").write_text("tags: {A: {}}", encoding="utf-8")
    plant = tmp_path / "plant"
    plant.mkdir()
    (plant / "plant.yaml").write_text("include: [way.yaml, sub.yaml, loop.yaml]", encoding="utf-8")
    (plant / "way.yaml").symlink_to(tmp_path / "secret.yaml")
    (plant / "loop.yaml").symlink_to(plant / "loop.yaml")
    (plant / "sub.yaml").mkdir()
    findings = read_plant("plant.yaml", from_folder(plant)).findings
    assert [finding.code for finding in findings] == ["PC121"] * 3
    assert "outside" in findings[0].what


def test_a_folder_without_a_plant(tmp_path):
    finding = read_plant("plant.yaml", from_folder(tmp_path)).findings[0]
    assert (finding.code, finding.where) == ("PC121", None)


def test_a_small_file_cannot_ask_for_a_huge_plant():
    tags = "".join(f'      "T<n>-{number}": {{unit: A}}\n' for number in range(1000)).replace("<n>", "<k>")
    instances = "".join(f"    - {{k: {number}}}\n" for number in range(2000))
    text = f"templates:\n  t:\n    with: [k]\n    tags:\n{tags}instances:\n  t:\n{instances}"
    findings = read(text).findings
    assert [finding.code for finding in findings] == ["PC112"]
    long = read("templates: {t: {with: [k], tags: {A: {service: <k>}}}}\ninstances: {t: [{k: " + "x" * 201 + "}]}")
    assert [finding.code for finding in long.findings] == ["PC226"]


def test_all_files_together_have_a_limit(monkeypatch):
    monkeypatch.setattr("plantctl.plan.source.PLANT_BYTES_MAX", 60)
    reading = read("include: [a.yaml, b.yaml]", a_yaml="tags: {A: {}}", b_yaml="tags: {B: {unit: m3/h}}")
    assert [(finding.code, finding.where.column) for finding in reading.findings] == [("PC112", 19)]
    assert list(reading.plant.tags) == ["A"]
    assert reading.plant.complete is False


def test_a_small_display_cannot_ask_for_a_huge_matrix(monkeypatch):
    monkeypatch.setattr("plantctl.plan.expand_display.MADE_MAX", 3)
    text = (
        "templates: {t: {with: [k], tags: {'T-<k>': {unit: A}}}}\n"
        "instances: {t: [{k: 1}, {k: 2}]}\n"
        "displays: {d: {template: t, columns: {a: 'T-<k>', b: 'T-<k>'}}}"
    )
    finding = read(text).findings[0]
    assert (finding.code, finding.where.line, finding.where.column) == ("PC112", 3, 29)


def test_a_display_that_the_reader_refused_is_not_unfolded():
    text = "templates: {t: {with: [k], tags: {'T-<k>': {unit: A}}}}\ndisplays: {d: {template: no, columns: {a: *b}}}"
    assert [finding.code for finding in read(text).findings] == ["PC104", "PC107"]
