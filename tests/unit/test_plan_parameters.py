"""Parameter sets: what is put in where, what goes before what, and findings that show both places."""

import pytest

from plantctl.plan.check import read_plant
from plantctl.plan.source import from_texts

ROOT = """\
plant: {name: Line, text: "<element> line"}
include: [nd.yaml, tags.yaml]
"""
SET = "parameters: {element: Nd, ph: 8.0, limit: 9.0 pH, lock: true, cell: none}\n"
TAGS = """\
area: 40
templates:
  cell:
    with: [cell]
    tags: {"AI-4<cell>1": {unit: pH, service: "<cell> <element>", initial: <ph>}}
instances: {cell: [{cell: "01"}]}
tags: {"AI-<element>": {unit: pH, initial: "<ph>"}, AI-1: {unit: pH, initial: "<limit>", service: "<cell>"}}
alarms: {AI-1: {high: <ph> pH, latched: <lock>, priority: 1, cause: c, consequence: c, response: r}}
"""


def reading(root=ROOT, chosen=SET, tags=TAGS):
    return read_plant("plant.yaml", from_texts({"plant.yaml": root, "nd.yaml": chosen, "tags.yaml": tags}))


def test_a_parameter_is_put_in_whole_or_inside_a_text_everywhere():
    plant = reading().plant
    assert reading().findings == []
    assert plant.plant.text == "Nd line"
    assert plant.tags["40-AI-Nd"].initial == 8.0
    assert plant.tags["40-AI-1"].initial == "9.0 pH"
    assert (plant.alarms["40-AI-1"].high, plant.alarms["40-AI-1"].latched) == ("8.0 pH", True)


def test_a_templates_own_parameters_go_before_those_of_the_plant():
    plant = reading().plant
    assert (plant.tags["40-AI-4011"].service, plant.tags["40-AI-4011"].initial) == ("01 Nd", 8.0)
    assert plant.tags["40-AI-1"].service == "none"


def test_another_set_makes_another_plant_of_the_same_text():
    assert reading(chosen=SET.replace("8.0", "7.0")).plant.tags["40-AI-Nd"].initial == 7.0


@pytest.mark.parametrize(
    ("chosen", "code", "said"),
    [
        ("parameters: [8.0]", "PC220", "is a mapping"),
        (SET.replace("ph:", "pH:"), "PC226", "a parameter's name"),
        (SET.replace("ph: 8.0", "ph: [8.0]"), "PC226", "is a single value"),
        (SET.replace("Nd", "N" * 201), "PC226", "longer than 200"),
        (SET.replace("}", ", more: 1}"), "PC222", "`more` is used nowhere"),
        (SET.replace("lock: true", "lock: 7"), "PC203", "true or false"),
        (SET.replace("element: Nd", "element: AI-1, x: <ph>"), "PC222", "`x` is used nowhere"),
    ],
)
def test_what_is_wrong_with_a_set_is_said(chosen, code, said):
    assert any(f.code == code and said in f.what for f in reading(chosen=chosen).findings), reading(
        chosen=chosen
    ).findings


def test_two_sets_at_once_are_told_with_both_places():
    root = ROOT + SET.replace("8.0", "7.0")
    twice = [f for f in reading(root=root).findings if "given twice" in f.what]
    assert len(twice) == 5
    assert twice[0].also[0][1] == "first given here"


def test_a_finding_in_a_text_that_was_put_in_shows_the_parameter_too():
    [found] = reading(chosen=SET.replace("9.0 pH", '"9,0 pH"')).findings
    assert (found.code, found.where.file) == ("PC204", "tags.yaml")
    assert [(place.file, note) for place, note in found.also] == [("nd.yaml", "the parameter `limit`")]


def test_two_keys_that_become_one_are_a_finding():
    tags = TAGS + "calculated: {AI-<ph>: '1', AI-8.0: '2'}\n"
    assert "PC106" in [f.code for f in reading(tags=tags).findings]


def test_a_plain_text_that_turns_into_a_doubtful_one_is_a_finding():
    tags = TAGS.replace("alarms:", "outputs: {AI-1: {text: 1<colon>30}}\nalarms:")
    found = reading(chosen=SET.replace("cell: none", "cell: none, colon: ':'"), tags=tags).findings
    assert "PC105" in [f.code for f in found]


def test_a_plant_without_parameters_is_left_as_it_is():
    plant = reading(root="plant: {name: Line}\ninclude: [nd.yaml]", chosen="tags: {A: {service: '<x>'}}").plant
    assert plant.tags["A"].service == "<x>"
