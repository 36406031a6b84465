"""The live view on small and large windows: the important things first, nothing told by colour alone."""

import copy
import json
from pathlib import Path

import pytest

from plantctl.cli.screen import View, plain_line, screen

SNAPSHOT = json.loads((Path(__file__).parent / "live_snapshot.json").read_text(encoding="utf-8"))
SIZES = [(80, 24), (120, 40), (200, 50)]


def snapshot(**changes):
    made = copy.deepcopy(SNAPSHOT)
    points = {p["name"]: p for p in made["points"]}
    for name, change in changes.items():
        points[name].update(change)
    return made


def shown(made, width=80, height=24, view=None):
    return [line.text for line in screen(made, view or View(), width, height)]


TRIPPED = {
    "C15-01": {"value": 1.0, "text": "1"},
    "C15-01.first_out": {"value": 1.0, "text": "1"},
    "E1-01": {"value": 1.0, "text": "1"},
    "40-FI-4013.low": {"value": 1.0, "text": "unack"},
}


@pytest.mark.parametrize(("width", "height"), [*SIZES, (40, 10), (20, 3), (1, 1)])
@pytest.mark.parametrize("everything", [False, True])
def test_it_fits_every_window(width, height, everything):
    lines = shown(snapshot(**TRIPPED), width, height, View(everything=everything, footer=["a hint"]))
    assert len(lines) <= height
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_trip_stands_above_the_loops_and_these_above_the_values(width, height):
    lines = shown(snapshot(**TRIPPED), width, height)
    assert lines[1].startswith("devices  PLC-4 up  GW-4A up  RECT-01 up")
    assert lines[2].startswith("TRIP  C15-01 catholyte flow low with current, first out")
    assert "plantctl command reset CELL-01" in lines[3]
    assert lines[4].startswith("ALARM 40-FI-4013.low NEW: check pump")
    assert "40-AIC-4212 AUTO  PV 8" in lines[5]
    text = "\n".join(lines)
    for tag in ("40-II-4010", "40-EI-4010", "40-FI-4013", "40-LI-4211"):
        assert f"\n{tag} " in text or f"  {tag} " in text


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_bad_value_is_shown_on_any_window_and_in_words(width, height):
    stale = {"quality": "bad", "why": "bad, stale"}
    text = "\n".join(shown(snapshot(**{"40-CI-4217": stale}), width, height))
    assert "40-CI-4217" in text
    assert "BAD" in text


def test_an_output_that_nobody_has_written_is_no_fault_and_takes_no_room_from_one():
    made = snapshot(**{"40-HS-4010": {"value": None, "text": "nan", "quality": "bad", "why": "bad, not-yet"}})
    assert "40-HS-4010         nan        BAD" in "\n".join(shown(made, 200, 50))
    source = next(p for p in made["points"] if p["name"] == "40-HS-4010.source")
    source |= {"value": 0.0, "text": "none"}
    assert "40-HS-4010           -        nothing written yet" in "\n".join(shown(made, 200, 50))
    assert "40-HS-4010" not in "\n".join(shown(made, 80, 20))


def test_a_lost_link_and_a_failing_log_are_told_in_words():
    made = snapshot()
    made["devices"][0] |= {"up": False, "state": "down"}
    made["log"] |= {"failing": True, "last_error": "no space left on device"}
    lines = shown(made)
    assert "LOG FAILS" in lines[0]
    assert "PLC-4 DOWN" in lines[1]
    assert "PLC-4 DOWN" in plain_line(made)
    assert "LOG FAILS: no space left" in plain_line(made)


def test_a_small_window_says_how_much_it_leaves_out_and_a_filter_finds_it():
    assert "more values in a larger window" in shown(snapshot())[-1]
    assert "more values" not in shown(snapshot(), 200, 50)[-1]
    filtered = "\n".join(shown(snapshot(), view=View(wanted="pdi")))
    assert "40-PDI-4014" in filtered
    assert "40-LI-4211" not in filtered


def test_a_plain_line_tells_links_loop_values_and_trips():
    line = plain_line(snapshot(**TRIPPED))
    assert "PLC-4 up GW-4A up RECT-01 up | 40-AIC-4212 auto PV 8" in line
    assert " SP 8 pH OP " in line
    assert "| TRIP  C15-01 catholyte flow low" in line
    assert "ALARM 40-FI-4013.low" in line
    assert "\n" not in line


def with_processes(hold="", **changes):
    made = snapshot()
    made["hold"] = hold
    for child in made["processes"]:
        child.update(changes.get(child["role"], {}))
    return made


def styles(made, width=80):
    """The pieces of the screen that are not plain text, by what they say."""
    pieces = [piece for line in screen(made, View(), width, 24) for piece in line.pieces]
    return {text.strip(): style for text, style in pieces}


def test_processes_that_are_well_take_little_room_and_one_process_none():
    assert shown(snapshot())[1] == "devices  PLC-4 up  GW-4A up  RECT-01 up   processes  all 6 up"
    alone = snapshot()
    alone["processes"] = []
    assert shown(alone)[1] == "devices  PLC-4 up  GW-4A up  RECT-01 up"


def test_a_process_that_is_not_well_comes_first_and_in_the_style_of_an_alarm():
    made = with_processes(
        scan={"state": "silent"},
        gateway={"starts": 2},
        feeds={"state": "down", "gave_up": True, "starts": 9},
        field={"state": "starting", "starts": 3},
    )
    (line,) = (each for each in shown(made, 200) if each.startswith("processes"))
    assert line == (
        "processes  field starting, started 3 times  scan STANDS STILL  gateway up, started 2 times"
        "  feeds DOWN, DIED TOO OFTEN, started 9 times  the others up"
    )
    told = styles(made, 200)
    assert told["scan STANDS STILL"] == told["feeds DOWN, DIED TOO OFTEN, started 9 times"] == "bold red"
    assert told["field starting, started 3 times"] == told["gateway up, started 2 times"] == "yellow"
    assert told["the others up"] == ""


def test_a_process_that_died_too_often_and_is_back_once_more_stays_an_alarm():
    told = styles(with_processes(feeds={"gave_up": True, "starts": 9}), 200)
    assert told["feeds up, DIED TOO OFTEN, started 9 times"] == "bold red"


def test_outputs_that_wait_for_a_release_are_told_second_with_the_reason_and_what_to_type():
    made = with_processes("field generation 1 is not alive")
    lines = shown(made, 120)
    assert lines[1] == ("OUTPUTS HELD: release with plantctl command release plant   (field generation 1 is not alive)")
    assert styles(made, 120)["OUTPUTS HELD: release with plantctl command release plant"] == "bold red"
    assert not [line for line in shown(snapshot()) if "HELD" in line]


def test_a_laboratory_value_that_nobody_has_entered_is_no_input_that_fails():
    def counted(made):
        return next(part for part in plain_line(made).split(" | ") if part.startswith("inputs good"))

    waits = {"name": "40-AY-4218", "input": True, "rank": 1, "source_ns": 0, "quality": "bad", "unit": "mg/L"}
    whole = counted(snapshot())
    for laboratory in (True, False):
        made = snapshot()
        made["points"].append(waits | {"laboratory": laboratory})
        assert (counted(made) == whole) is laboratory


def test_the_plain_line_tells_a_hold_and_processes_that_are_not_well_before_all_else():
    made = with_processes("the scan is new", scan={"state": "down"}, feeds={"starts": 2})
    parts = plain_line(made).split(" | ")
    assert parts[1:3] == ["OUTPUTS HELD, the scan is new: plantctl command release plant", "scan DOWN"]
    well = plain_line(snapshot())
    assert "HELD" not in well
    assert "feeds" not in well
