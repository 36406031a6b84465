"""The text of a plant says what of each point goes into the history, and is told where that means nothing."""

import pytest

from plantctl.core.recording import Keep, Recording
from plantctl.plan.build import build
from plantctl.plan.explain import explain_point
from plantctl.plan.source import from_texts

TEXT = """
plant: {{name: kept{head}}}
tasks: {{control: 1 s}}
tags:
  TI-1: {{unit: degC, range: [0, 100]{ti}}}
  TI-2: {{unit: degC}}
  FI-1: {{unit: L/h{fi}}}
  XI-1: {{states: {{0: shut, 1: open}}{xi}}}
"""


def built(head="", ti="", fi="", xi=""):
    said = {"head": head and f", recording: [{head}]"}
    said |= {name: text and f", record: {text}" for name, text in (("ti", ti), ("fi", fi), ("xi", xi))}
    return build("plant.yaml", from_texts({"plant.yaml": TEXT.format(**said)}))


def policies(**said):
    found = built(**said)
    assert found.plan is not None, found.findings
    names = {point.id: point.name for point in found.plan.points}
    return {names[n]: policy for n, policy in found.plan.keeping.recording.items()}


def band(off_by, at_least_ns=0):
    return Recording(Keep.DEAD_BAND, off_by, at_least_ns)


def door(off_by, at_least_ns=0):
    return Recording(Keep.SWINGING_DOOR, off_by, at_least_ns)


def test_without_a_word_all_is_kept_as_scanned():
    assert policies() == {}


def test_a_tag_says_what_is_kept_of_it_in_its_unit():
    said = {"ti": "{dead_band: 0.05, at_least: 60 s}", "fi": "{swinging_door: 100 mL/h}", "xi": "none"}
    assert policies(**said) == {
        "TI-1": band(0.05, 60_000_000_000),
        "FI-1": door(0.1),
        "XI-1": Recording(Keep.NONE),
    }
    assert policies(ti="scanned") == {}


def test_a_rule_of_the_plant_is_for_the_measurements_of_its_unit():
    found = policies(head='{points: "*", dead_band: 0.02 K}, {points: [FI-1, TI-2], swinging_door: 0.5}')
    assert found == {"TI-1": band(0.02), "TI-2": door(0.5), "FI-1": door(0.5)}


def test_the_last_rule_that_fits_counts_and_the_word_of_the_tag_before_it():
    head = '{points: "*I-*", keep: none}, {points: TI-2, keep: scanned}'
    assert policies(head=head, ti="{dead_band: 1 K}", xi="scanned") == {"TI-1": band(1.0), "FI-1": Recording(Keep.NONE)}


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ({"ti": "{dead_band: 0.05 degC}"}, "PC403", "a difference of temperatures is in K"),
        ({"ti": "{dead_band: 0.05 L/h}"}, "PC403", "wanted is temperature difference"),
        ({"ti": "{dead_band: 1 furlong}"}, "PC403", "furlong"),
        ({"head": "{points: TI-1, dead_band: 1 furlong}"}, "PC403", "furlong"),
        ({"ti": "{dead_band: 1 K, at_least: soon}"}, "PC205", "`soon` is no duration"),
        ({"ti": "{dead_band: 0 K}"}, "PC718", "a tolerance of 0 K is none"),
        ({"fi": "{swinging_door: -1}"}, "PC718", "keep: scanned"),
        ({"fi": "{swinging_door: 1, dead_band: 1}"}, "PC215", "dead_band and swinging_door in one policy"),
        ({"fi": "{at_least: 1 s}"}, "PC215", "this policy says nothing"),
        ({"fi": "{keep: none, at_least: 1 s}"}, "PC215", "`at_least` is for a tolerance"),
        ({"fi": "never"}, "PC208", "`never` is none of scanned, none"),
        ({"fi": "{deadband: 1}"}, "PC201", "did you mean `dead_band`?"),
        ({"xi": "{dead_band: 1}"}, "PC336", "`XI-1` is no measurement"),
        ({"head": "{points: TI-3, keep: none}"}, "PC336", "did you mean `TI-2`?"),
        ({"head": "{points: TI-1, dead_band: 1 L/h}"}, "PC336", "`TI-1` has no measurement in L/h"),
        ({"head": "{points: XI-1, dead_band: 1}"}, "PC336", "`XI-1` has none"),
        ({"head": '{points: "*", dead_band: 1 degC}'}, "PC403", "a difference of temperatures is in K"),
        ({"head": "{points: TI-1, dead_band: 0}"}, "PC718", "a tolerance of 0.0 is none"),
        ({"head": "{points: TI-1}"}, "PC215", "this policy says nothing"),
        ({"head": "{keep: none}"}, "PC202", "`points` is missing"),
    ],
)
def test_what_means_nothing_is_told_at_its_place(said, code, words):
    found = built(**said)
    assert found.plan is None
    (finding,) = found.findings
    assert finding.code == code
    assert words in f"{finding.what}; {finding.hint}"
    assert finding.where.line == {"head": 2, "ti": 5, "fi": 7, "xi": 8}[next(iter(said))]


def test_explain_says_what_of_a_point_goes_into_the_history():
    plan = built(ti="{dead_band: 0.05, at_least: 60 s}", xi="none").plan
    told = {name: explain_point(plan, name) for name in ("TI-1", "TI-2", "XI-1")}
    assert "in the history: " in told["TI-1"]
    assert "0.05 K" in told["TI-1"]
    assert "in the history" not in told["TI-2"]
    assert "in the history" in told["XI-1"]
