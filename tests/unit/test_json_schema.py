"""The schema for editors against every plant there is, judged by a JSON Schema implementation that is not ours."""

import json
import re
from pathlib import Path

import fastjsonschema
import pytest

from plantctl.cli.main import main
from plantctl.core.units import known_units
from plantctl.plan.json_schema import plant_schema
from plantctl.plan.kind import kind_names
from plantctl.plan.parse import parse_yaml

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "cases" / "plan"
# What is wrong with the form of an entry, as the classes of the configuration see it.
OF_FORM = ("PC201", "PC202", "PC203", "PC204", "PC205", "PC206", "PC207", "PC208", "PC210")
GOOD = sorted(
    {path for plant in (ROOT / "config").glob("*/plant.yaml") for path in plant.parent.glob("*.yaml")}
    | {path for plan in CASES.glob("*/plan.txt") for path in plan.parent.glob("*.yaml")}
    | set((ROOT / "tests" / "cases" / "blocks").rglob("plant.yaml"))
)


def faults(folder):
    """The files of a case with a finding about their form."""
    found = re.findall(r"^(\S+\.yaml):\d+:\d+: (PC\d+)", (folder / "error.txt").read_text(encoding="utf-8"), re.M)
    return {folder / name for name, code in found if code in OF_FORM}


# Whether a placeholder has a parameter, perhaps in another file, no form can say.
BAD = sorted(
    path
    for error in CASES.glob("*/error.txt")
    for path in faults(error.parent)
    if path.parent.name != "template-placeholder-outside"
)


@pytest.fixture(scope="module")
def judge():
    return fastjsonschema.compile(plant_schema())


def value(path):
    root, findings = parse_yaml(path.name, path.read_text(encoding="utf-8"))
    assert root is not None, findings
    return root.plain_value()


def named(path):
    return path.parent.name + "/" + path.name


@pytest.mark.parametrize("path", GOOD, ids=named)
def test_a_good_plant_is_accepted(judge, path):
    judge(value(path))


@pytest.mark.parametrize("path", BAD, ids=named)
def test_what_check_finds_wrong_with_the_form_is_refused(judge, path):
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        judge(value(path))


def test_there_is_something_to_judge():
    assert ROOT / "config" / "demo" / "plant.yaml" in GOOD
    assert len(BAD) >= 15


def part(*path):
    found = plant_schema()
    for step in path:
        found = found[step]
    return found


def test_an_editor_can_say_what_a_key_means_and_which_words_fit():
    tag = part("properties", "tags", "additionalProperties", "properties")
    assert tag["service"]["description"] == "what it measures or does"
    assert tag["access"]["enum"] == ["read", "write"]
    assert set(known_units()) == set(tag["unit"]["examples"])
    assert "rectifier" in tag["profile"]["examples"]
    assert part("definitions", "Tuning", "properties", "gain")["description"] == "output per PV"


def test_the_keys_of_a_block_are_those_of_its_kind_with_their_units():
    block = part("properties", "blocks", "additionalProperties")
    assert block["properties"]["kind"]["examples"] == list(kind_names())
    keys = {rule["if"]["properties"]["kind"]["const"]: rule["then"]["properties"] for rule in block["allOf"]}
    assert keys["lag"]["tau"] == {"description": "time constant (s)"}
    assert keys["lag"]["in"] == {"description": "input: what is filtered"} == keys["lag"]["u"]
    assert "has_pv2" not in keys["pid"]


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('{area: 40, tags: {"AI-1": {station: 1}}}', True),
        ('{area: 40, parameters: {station: 1}, tags: {"AI-1": {station: "<station>"}}}', True),
        ("{area: 40, parameters: {station: [1]}}", False),
        ('{area: 40, tags: {"AI-1": {station: "one"}}}', False),
        ('{templates: {cell: {with: [station], tags: {"AI-<station>": {station: "<station>"}}}}}', True),
        ('{templates: {cell: {with: [station], tags: {"AI-<station>": {station: one}}}}}', False),
        ('{templates: {cell: {with: [cell], alarms: {AI-1: {low: "<cell> pH", priority: "<cell>"}}}}}', True),
        (
            '{templates: {cell: {with: [cell], loops: {"AIC-<cell>": {pv: "A-<cell>", out: "B-<cell>", mod: man}}}}}',
            False,
        ),
        ('{templates: {cell: {with: [a], effects: {"E1-<a>": {force: {"HS-<a>": 0}, verify: "<a>"}}}}}', False),
        ("{calculated: {AY-1: {expression: 2}, AY-2: '{AI-1} * 2', AY-3: 7}}", True),
        ("{calculated: {AY-1: '{AI 1} * 2'}}", False),
        ("{blocks: {AY-1: {kind: lag, in: AI-1, tau: 2 s}}}", True),
        ("{blocks: {AY-1: {kind: lag, in: AI-1, tua: 2 s}}}", False),
        ("{blocks: {AY-1: {kind: somebody_elses, gain: 2}}}", True),
        ("{devices: {P: {kind: modbus, connect: 'tcp://a:1', pol: 1 s}}}", False),
        ("{tags: }", True),
        ("{chart: {C-1: {E-1: latched}}}", True),
        ("{chart: {C-1: {E-1: letched}}}", False),
        ("{chart: {C-1: {'E 1': latched}}}", False),
        ("{loops: {A: {pv: {tag: B, delay: 1 scan}, out: C, on_bad_pv: {switch_to: D, else: {manual: hold}}}}}", True),
        ("{loops: {A: {pv: B, out: C, on_bad_pv: {switch_to: D, else: {manuel: hold}}}}}", False),
        ("{tags: {A: {range: [0 pH, 14 pH]}, B: {range: [0, 1, 2]}}}", False),
    ],
)
def test_a_form_is_judged_as_check_judges_it(judge, text, good):
    root, _ = parse_yaml("plant.yaml", text)
    if good:
        judge(root.plain_value())
        return
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        judge(root.plain_value())


def test_the_verb_writes_what_was_made_the_same_each_time(tmp_path, capsys):
    assert main(["schema", "--out", str(tmp_path / "plant.schema.json")]) == 0
    assert main(["schema"]) == 0
    shown = capsys.readouterr().out
    assert shown == (tmp_path / "plant.schema.json").read_text(encoding="utf-8")
    assert json.loads(shown) == plant_schema()
