"""What a page is told of a plant: one small plant with one of everything, and the demo as it is."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from plantctl.core.field import DevicePlan
from plantctl.hmi.describe import description
from plantctl.plan.build import build, build_path
from plantctl.plan.source import from_texts

DEMO = Path(__file__).parents[2] / "config" / "demo"
CELLS = Path(__file__).parents[1] / "cases" / "plan" / "good-matrix-of-cells"
PLANT = """
plant: {name: Line 1, text: "a tank, two loops"}
area: 40
devices: {PLC-1: {kind: opcua, connect: "opc.tcp://plc:1", namespace: "urn:plc", security: {insecure: true}}}
tags:
  LI-1: {service: level, device: PLC-1, item: LEVEL, unit: "%", range: [0, 100]}
  FI-1: {service: flow, unit: L/h, range: [0, 10]}
  FC-1: {service: valve, unit: L/h, range: [0, 10], access: write}
  HS-1: {service: pump, range: [0, 1], access: write, states: {0: stopped, 1: running}}
  SC-1: {service: speed, unit: "%", range: [0, 100], access: write}
  AY-1: {service: laboratory value, unit: mol/L, range: [0, 2], initial: 1 mol/L}
  ZI-1: {service: position of the shut-off valve, device: PLC-1, item: VALVE, range: [0, 1], system: sis}
loops:
  LIC-1: {text: level by flow, pv: LI-1, out: FIC-1, setpoint: 50 %, tuning: {gain: 0.1}, mode: auto}
  FIC-1: {text: flow, pv: FI-1, out: FC-1, setpoint: 5 L/h, tuning: {gain: 1}, limits: {setpoint: [1, 9]}, mode: cas}
alarms:
  LI-1: {low: 20 %, high: 80 %, high_high: 95 %, priority: 2, cause: inflow, consequence: overflow, response: look,
         time: 5 min, on_delay: 2 s}
  FI-1: {low: 1 L/h, arm: "{HS-1} == 1 for 20 s", priority: 3, cause: pump, consequence: none, response: look}
causes:
  C-1: {text: level very high, when: ["{LI-1} > 97 [%] or {FI-1} > 9000 [mL/h]", "{LI-1} > 98 [%]"], vote: 1oo2,
        arm: "{ZI-1} == 1"}
  C-2: {text: both, when: "{LI-1} < 5 [%] and -1 [L/h] < {FI-1}", clear: "{LI-1} > 10 [%] for 5 s", for: 3 s,
        mirrors: safety-plc, on_bad: {trip_after: 2 s}}
effects:
  E-1: {text: valve shut, group: TANK, force: {FC-1: 0, HS-1: 0}, else: E-2}
  E-2: {text: pump off, force: {HS-1: 0}}
  E-3: {text: throttle, scale: {FC-1: 50 %}, ramp: 10 s}
chart: {C-1: {E-1: latched}, C-2: {E-1: latched, E-3: auto}}
permissives:
  HS-1: {level: "{LI-1} < 90 [%]"}
calculated:
  FY-1: {expression: "2 * {FI-1}", service: twice the flow}
blocks:
  LY-1: {kind: lag, in: LI-1, tau: 5 s}
outputs:
  HS-1: {write: confirm-reason}
"""


def described(text, **settings):
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    assert built.plan is not None, built.findings
    return description(built.plan, **settings)


@pytest.fixture(scope="module")
def plant():
    return described(PLANT)


@pytest.fixture(scope="module")
def demo():
    return build_path(DEMO).plan


def tag(plant, name):
    return next(tag for tag in plant["tags"] if tag["tag"] == name)


def test_it_is_json_without_what_json_lacks_and_the_same_each_time(demo):
    text = json.dumps(description(demo), allow_nan=False)
    assert json.dumps(description(pickle.loads(pickle.dumps(demo))), allow_nan=False) == text
    assert json.loads(text) == description(demo), "a page reads what was meant: no numbers as keys, no tuples"


def test_the_head_tells_which_plant_and_which_text(demo):
    plant = description(demo, time_zone="Europe/Oslo")
    assert plant["plant"]["name"] == demo.name
    assert (plant["config"], plant["simulated"], plant["time_zone"]) == (f"{demo.hash:016x}", False, "Europe/Oslo")


def test_a_plant_is_simulated_where_all_of_its_devices_are(demo):
    everywhere = tuple(replace(device, simulated=True) for device in demo.devices)
    told = description(demo, reached=everywhere)
    assert told["simulated"]
    assert {device["simulated"] for device in told["devices"]} == {True}
    some = description(demo, reached=(*everywhere[:-1], demo.devices[-1]))
    assert not some["simulated"], "the values that are simulated say it themselves then"
    assert [device["simulated"] for device in some["devices"]] == [True] * (len(everywhere) - 1) + [False]


def test_every_point_is_there_once_with_its_stable_id(demo):
    tags = description(demo)["tags"]
    ids = {point.name: point.id for point in demo.points[1:] if not point.name.endswith(".delayed")}
    assert {tag["tag"]: tag["id"] for tag in tags} == ids
    assert len(tags) == len(ids)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("40-LI-1", "input"),
        ("40-FC-1", "output"),
        ("40-FY-1", "calculated"),
        ("40-LIC-1", "block"),
        ("40-LY-1", "calculated"),
        ("C-2.when", "block"),
        ("scan.overruns", "system"),
    ],
)
def test_a_point_has_the_kind_of_whoever_writes_it(plant, name, kind):
    assert tag(plant, name)["kind"] == kind


@pytest.mark.parametrize(
    ("name", "decimals"),
    [
        ("40-LI-1", 1),
        ("40-FI-1", 2),
        ("40-AY-1", 3),
        ("40-HS-1", 0),
        ("40-FY-1", 2),
        ("40-LIC-1.sp", 1),
        ("40-FIC-1.sp", 2),
        ("40-LIC-1", 2),
        ("40-FIC-1.p", 2),
        ("40-FIC-1.mode", 0),
        ("scan.execution_us", 0),
    ],
)
def test_decimals_come_from_the_range_or_from_what_the_value_is_made_of(plant, name, decimals):
    assert tag(plant, name)["decimals"] == decimals


def test_decimals_of_the_text_go_first():
    assert (
        tag(described(PLANT.replace("LI-1: {service: level,", "LI-1: {decimals: 4, service: level,")), "40-LI-1")[
            "decimals"
        ]
        == 4
    )


def test_states_are_those_of_the_text_else_of_the_block(plant):
    assert tag(plant, "40-HS-1")["states"] == {"0": "stopped", "1": "running"}
    assert tag(plant, "40-LIC-1.mode")["states"]["4"] == "auto"
    assert tag(plant, "40-LI-1")["states"] is None


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("40-HS-1", {"class": "confirm-reason", "confirm_beyond": None}),
        ("40-FC-1", None),
        ("40-SC-1", {"class": "direct", "confirm_beyond": 10.0}),
        ("40-AY-1", {"class": "confirm", "confirm_beyond": None}),
        ("40-FIC-1.sp", {"class": "direct", "confirm_beyond": 0.8}),
        ("40-LIC-1.sp", {"class": "direct", "confirm_beyond": 10.0}),
        ("40-LIC-1", {"class": "direct", "confirm_beyond": 0.8}),
        ("40-LIC-1.mode", {"class": "direct", "confirm_beyond": None}),
        ("40-LI-1", None),
        ("40-ZI-1", None),
        ("40-LIC-1.p", None),
    ],
)
def test_what_a_person_may_write_says_how_it_is_asked_back(plant, name, write):
    assert tag(plant, name)["write"] == (write and pytest.approx(write))


@pytest.mark.parametrize(
    ("asked", "given"), [("", "confirm"), ("write: direct", "direct"), ("write: confirm", "confirm")]
)
def test_what_is_switched_is_asked_back_unless_the_text_says_otherwise(asked, given):
    text = PLANT.replace("HS-1: {write: confirm-reason}", f"HS-1: {{{asked}}}")
    assert tag(described(text), "40-HS-1")["write"] == {"class": given, "confirm_beyond": None}


def test_an_indicator_has_its_normal_band_alarms_set_points_and_trips(plant):
    level = tag(plant, "40-LI-1")["indicator"]
    assert level["normal"] == [20.0, 80.0]
    assert [(a["alarm"], a["side"], a["limit"], a["priority"]) for a in level["alarms"]] == [
        ("40-LI-1.low", "low", 20.0, 2),
        ("40-LI-1.high", "high", 80.0, 2),
        ("40-LI-1.high_high", "high", 95.0, 2),
    ]
    assert level["setpoints"] == ["40-LIC-1.sp"]
    assert [(t["cause"], t["side"], t["limit"], t["armed"]) for t in level["trips"]] == [
        ("C-1", "high", 97.0, True),
        ("C-1", "high", 98.0, True),
    ], "two conditions that must both be true are told by the cause's words, not by a mark on the scale"
    assert [t["limit"] for t in tag(plant, "40-FI-1")["indicator"]["trips"]] == [9.0], "in the tag's own unit"


def test_a_trip_below_zero_and_written_from_the_other_end_is_on_its_side():
    text = PLANT.replace("{LI-1} < 5 [%] and -1 [L/h] < {FI-1}", "-1 [L/h] > {FI-1}")
    trips = tag(described(text), "40-FI-1")["indicator"]["trips"]
    assert ("C-2", "low", -1.0, False) in [(t["cause"], t["side"], t["limit"], t["armed"]) for t in trips]


def test_a_loop_has_its_limits_modes_points_and_what_takes_its_output_away(plant):
    level, flow = plant["loops"]
    assert (level["loop"], level["pv"], level["out"]) == ("40-LIC-1", "40-LI-1", "40-FIC-1")
    assert level["outputs"] == flow["outputs"] == ["40-FC-1"]
    assert (level["sp_low"], level["sp_high"]) == (0.0, 100.0), "a set-point without limits has the range of its PV"
    assert (level["out_low"], level["out_high"]) == (1.0, 9.0)
    assert (flow["modes"], level["modes"]) == (["man", "auto", "cas"], ["man", "auto"])
    assert flow["points"]["sp"] == "40-FIC-1.sp"
    assert flow["points"]["op"] == "40-FIC-1"
    assert level["interlocks"] == flow["interlocks"] == ["C-1", "C-2"]
    assert (level["unit"], level["out_unit"], level["text"]) == ("%", "L/h", "level by flow")


def test_a_loop_that_is_split_has_both_outputs_and_what_takes_either_away():
    folder = Path(__file__).parents[1] / "cases" / "plan" / "good-split-range-and-scheduled-gain"
    loops = {loop["loop"]: loop for loop in description(build_path(folder).plan)["loops"]}
    assert (loops["TIC-1"]["out"], loops["TIC-1"]["outputs"]) == ("TIC-1.split", ["TV-1", "JV-1"])
    assert (loops["TIC-1"]["interlocks"], loops["AIC-1"]["outputs"]) == ([], ["FC-1"])


def test_an_alarm_says_what_to_do(plant):
    alarm = next(a for a in plant["alarms"] if a["alarm"] == "40-LI-1.high_high")
    assert (alarm["tag"], alarm["limit"], alarm["unit"], alarm["priority"]) == ("40-LI-1", 95.0, "%", 2)
    assert (alarm["text"], alarm["side"]) == ("level very high", "high")
    assert (alarm["cause"], alarm["consequence"], alarm["response"]) == ("inflow", "overflow", "look")
    assert (alarm["time_s"], alarm["on_delay_s"]) == (300.0, 2.0)
    assert alarm["points"]["ack"] == "40-LI-1.high_high.ack"


def test_an_alarm_says_while_what_it_counts_and_where_it_does_not(plant):
    armed = {alarm["alarm"]: alarm["arm"] for alarm in plant["alarms"]}
    assert armed["40-FI-1.low"] == "{40-HS-1} == 1 for 20 s"
    assert armed["40-LI-1.high"] is None
    points = next(alarm["points"] for alarm in plant["alarms"] if alarm["alarm"] == "40-FI-1.low")
    assert points["suppressed"] == "40-FI-1.low.suppressed"


def test_the_alarm_of_a_switch_tells_the_state_that_it_warns_of_and_one_with_a_text_tells_that(demo):
    said = {alarm["alarm"]: alarm["text"] for alarm in description(demo)["alarms"]}
    assert said["40-XI-4216.low"] == "recirculation drive: stands"
    assert said["40-XY-4001.high"] == "rows of the circuit tripped by the area PLC"
    assert said["40-FI-4013.low"] == "cell 01 catholyte flow low"


def test_a_cause_reads_as_it_was_written(plant):
    first, second = plant["causes"]
    assert first["channels"] == ["{40-LI-1} > 97 [%] or {40-FI-1} > 9000 [mL/h]", "{40-LI-1} > 98 [%]"]
    assert first["tags"] == ["40-LI-1", "40-FI-1", "40-ZI-1"]
    assert (first["vote"], first["arm"], first["mirrors"]) == ("1oo2", "{40-ZI-1} == 1", None)
    assert second["clear"] == "{40-LI-1} > 10 [%] for 5 s"
    assert (second["delay_s"], second["bad_delay_s"], second["mirrors"]) == (3.0, 2.0, "safety-plc")
    assert second["effects"] == ["E-1", "E-3"]
    assert second["points"]["first_out"] == "C-2.first_out"
    parts = {part: point for part, point in first["points"].items() if part.startswith(("when", "arm", "clear"))}
    assert parts == {"when1": "C-1.when1", "when2": "C-1.when2", "arm": "C-1.arm"}
    assert second["points"]["clear"] == "C-2.clear"


def test_an_effect_has_what_it_forces_and_who_demands_it(plant):
    first, second, third = plant["effects"]
    assert (first["group"], first["outputs"]) == ("TANK", {"40-FC-1": 0.0, "40-HS-1": 0.0})
    assert (first["demands"], second["demands"]) == (["C-1", "C-2"], ["E-1"])
    assert first["points"]["active"] == "E-1.active"
    assert (third["outputs"], third["scales"], first["scales"]) == ({}, {"40-FC-1": 0.5}, {})


def test_a_permissive_has_each_condition_with_its_own_point(plant):
    (permissive,) = plant["permissives"]
    assert (permissive["output"], permissive["point"]) == ("40-HS-1", "40-HS-1.permit")
    assert permissive["conditions"] == [{"text": "level", "when": "{40-LI-1} < 90 [%]", "point": "40-HS-1.permit1"}]
    names = {tag["tag"] for tag in plant["tags"]}
    assert {"40-HS-1.permit", "40-HS-1.permit1"} <= names


def test_every_point_that_is_named_anywhere_is_a_tag(demo):
    plant = description(demo)
    names = {tag["tag"] for tag in plant["tags"]}
    entries = [*plant["loops"], *plant["alarms"], *plant["causes"], *plant["effects"]]
    named = {point for entry in entries for point in entry["points"].values()}
    named |= {tag for cause in plant["causes"] for tag in cause["tags"]}
    named |= {c["point"] for p in plant["permissives"] for c in p["conditions"]}
    named |= {name for e in plant["effects"] for name in e["outputs"]}
    shown = [item for d in plant["displays"] for g in d.get("groups", ()) for item in g["items"]]
    named |= {item.get("tag") or item["loop"] for item in shown}
    named |= {tag for d in plant["displays"] for row in d.get("rows", ()) for tag in row["tags"].values()}
    assert named
    assert named <= names


def test_an_unprotected_link_is_told_and_a_password_in_an_address_is_not():
    (device,) = described(PLANT.replace("//plc", "//ada:secret@plc"))["devices"]
    assert (device["device"], device["kind"], device["insecure"]) == ("PLC-1", "opcua", True)
    assert (device["address"], device["configured"]) == ("opc.tcp://plc:1", None)


@pytest.mark.parametrize(
    ("reached", "address", "configured"),
    [
        ([DevicePlan("PLC-1", "opcua", "opc.tcp://ada:secret@bench:2")], "opc.tcp://bench:2", "opc.tcp://plc:1"),
        ([DevicePlan("PLC-1", "opcua", "opc.tcp://ada:secret@plc:1")], "opc.tcp://plc:1", None),
        (None, "opc.tcp://plc:1", None),
    ],
)
def test_a_device_tells_where_it_is_reached_and_what_the_text_says_where_that_differs(reached, address, configured):
    (device,) = described(PLANT.replace("//plc", "//ada:secret@plc"), reached=reached)["devices"]
    assert (device["address"], device["configured"]) == (address, configured)


def test_a_plant_without_displays_gets_one_by_area_and_device(plant):
    (display,) = plant["displays"]
    groups = {
        group["text"]: [item.get("loop") or item["tag"] for item in group["items"]] for group in display["groups"]
    }
    assert list(groups) == ["loops", "area 40, PLC-1", "area 40, calculated and by hand"]
    assert groups["loops"] == ["40-LIC-1", "40-FIC-1"]
    assert groups["area 40, PLC-1"] == ["40-LI-1", "40-ZI-1"]
    assert {"40-AY-1", "40-FC-1", "40-FY-1"} <= set(groups["area 40, calculated and by hand"])
    shows = {item.get("tag"): item["show"] for group in display["groups"] for item in group["items"]}
    assert (shows["40-LI-1"], shows["40-HS-1"], shows["40-FY-1"]) == ("indicator", "state", "value")


def test_every_urgent_alarm_of_circuit_a_is_of_something_that_a_display_shows():
    plant = description(build_path(DEMO).plan)
    items = [item for d in plant["displays"] for g in d.get("groups", ()) for item in g["items"]]
    pv_of = {loop["loop"]: loop["pv"] for loop in plant["loops"]}
    shown = {item.get("tag") or pv_of[item["loop"]] for item in items}
    shown |= {name for d in plant["displays"] for row in d.get("rows", ()) for name in row["tags"].values()}
    urgent = {alarm["tag"] for alarm in plant["alarms"] if alarm["priority"] <= 2}
    assert {name for name in urgent - shown if "-IDI-" not in name} == set(), (
        "IDI is current less set-point, shown itself"
    )
    assert len(urgent & shown) > 40


def test_a_matrix_has_a_row_for_each_instance():
    plant = description(build_path(CELLS).plan)
    cells, overview = plant["displays"]
    assert (cells["kind"], cells["text"], overview["kind"]) == ("matrix", "cells of circuit A", "overview")
    assert cells["rows"] == [
        {"row": "CELL-01", "tags": {"current": "40-II-4010", "outlet": "40-TI-4011", "contactor": "40-ZI-4010"}},
        {"row": "CELL-02", "tags": {"current": "40-II-4020", "outlet": "40-TI-4021", "contactor": "40-ZI-4020"}},
    ]
    assert [(c["column"], c["unit"], c["deviation"]) for c in cells["columns"]] == [
        ("current", "A", 2.0),
        ("outlet", "degC", 0.5),
        ("contactor", "", None),
    ]
    assert overview["groups"][0]["items"] == [
        {"tag": "40-AY-4217", "show": "value"},
        {"tag": "40-HS-4216", "show": "pump"},
    ]
    assert [item["show"] for item in overview["groups"][1]["items"]] == ["indicator", "value"]


def test_a_sink_tells_its_points_which_are_tags_and_not_where_it_sends_to():
    sinks = '\nsinks: {archive: {kind: influx, url: "http://x:1", insecure: true, api: v1, database: d}}\n'
    plant = described(PLANT + sinks)
    feed = plant["feeds"][0]
    assert (feed["feed"], feed["kind"], sorted(feed)) == ("archive", "influx", ["feed", "kind", "points"])
    assert {tag(plant, point)["kind"] for point in feed["points"].values()} == {"system"}
    assert tag(plant, feed["points"]["state"])["states"]["4"] == "not-admitted"


def test_a_laboratory_tag_tells_how_it_is_entered_and_no_plant_has_one_by_itself():
    text = PLANT.replace(
        "range: [0, 2], initial: 1 mol/L}", "range: [0, 2], lab: {limits: [0.5, 0.7], method: ICP}}", 1
    )
    (lab,) = described(text)["laboratory"]
    assert (lab["tag"], lab["method"], lab["low"], lab["high"]) == ("40-AY-1", "ICP", 0.5, 0.7)
    assert (lab["signatures"], lab["within_s"]) == (1, 72 * 3600.0)
    assert described(PLANT)["laboratory"] == []
