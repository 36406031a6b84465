"""A plan beside a field process of its own: what is held, who may release it, and that nothing jumps when it is."""

from itertools import pairwise

import pytest

from plantctl.core.block import AUTO, IMAN
from plantctl.core.command import Stage
from plantctl.core.quality import BAD, GOOD
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from tests.hold_bench import HoldBench
from tests.plan_bench import PlanBench

PLANT = """
plant: {name: hold}
tasks: {protect: 100 ms, control: 1 s}
devices: {D: {kind: modbus, connect: "tcp://127.0.0.1:1"}}
tags:
  FI-1: {unit: L/h, range: [0, 100], device: D, item: "1"}
  FY-1: {unit: L/h, range: [0, 100], device: D, item: "2"}
  HY-1: {range: [0, 1], device: D, item: "3"}
  XI-1: {range: [0, 1], device: D, item: "4"}
  AY-1: {unit: mol/L, range: [0, 2], initial: 0.5}
  FC-1: {unit: L/h, range: [0, 100], access: write, readback: FY-1, device: D, item: "5"}
  HS-1: {range: [0, 1], access: write, readback: HY-1, device: D, item: "6", fail_safe: 0}
  TC-1: {unit: "%", range: [0, 100], access: write, device: D, item: "7", fail_safe: 10 %}
  SC-1: {unit: "%", range: [0, 100], access: write, device: D, item: "8"}
  IC-1: {unit: A, range: [0, 9], access: write}
loops:
  FIC-1: {pv: FI-1, out: FC-1, setpoint: 60 L/h, mode: auto, tuning: {gain: 0.5 L/h/(L/h), integral: 20 s}}
causes:
  C-1: {text: no go, when: "{XI-1} > 0.5"}
effects:
  E-1: {force: {HS-1: 0}}
chart: {C-1: {E-1: latched}}
"""
FAST = PLANT.replace("control: 1 s", "control: 100 ms")
DEVICES = {"FC-1": 37.0, "HS-1": 1.0, "TC-1": 20.0, "SC-1": 30.0}
INPUTS = {"FI-1": 40.0, "XI-1": 0.0, "AY-1": 0.5}
RELEASED = ("watched", "1", "0", "field generation 1 may write")


def started(text=PLANT, scans=3, devices=DEVICES, **made):
    """A plant some scans after its start, its trip of power-up reset, everything still held."""
    bench = HoldBench(text, devices, INPUTS, **made)
    bench.scan()
    assert bench.ask("reset", "E-1").stage is Stage.ACCEPTED
    bench.scans(scans)
    return bench


def running(text=PLANT, **made):
    """The same some seconds after its release."""
    bench = started(text, **made)
    bench.release()
    bench.scans(50)
    return bench


def test_after_a_start_nothing_is_written_until_a_person_releases():
    bench = started(scans=100)
    assert bench.written == []
    assert (bench["scan.held"], bench["scan.field_generation"], bench["scan.granted_generation"]) == (1.0, 1.0, 0.0)
    assert bench.outputs.granted_generation == 0
    assert bench.told("scan.held") == [("watched", "0", "1", "the scan is new")]
    assert [bench[f"{tag}.source"] for tag in ("FC-1", "HS-1", "TC-1", "SC-1")] == [5.0] * 4
    assert [bench["FC-1"], bench["HS-1"], bench["TC-1"]] == [37.0, 1.0, 10.0]
    assert bench.severity("SC-1") == BAD, "nothing is known of it"
    assert bench["IC-1.source"] == 0.0, "it has no device"


def test_the_release_is_told_with_actor_and_reason():
    bench = started()
    bench.release()
    bench.scan()
    (given,) = [e for e in bench.events if e.target == "plant"]
    assert (given.kind.word, given.old, given.new, given.actor, given.reason) == (
        "command",
        0.0,
        1.0,
        "op",
        "looked at it",
    )
    assert bench.told("scan.held")[1:] == [RELEASED]
    assert (bench["scan.held"], bench["scan.granted_generation"], bench.outputs.granted_generation) == (0.0, 1.0, 1)


@pytest.mark.parametrize("text", [FAST, PLANT])
@pytest.mark.parametrize("scans", [3, 7, 12, 20])
@pytest.mark.parametrize("compiled", [False, True])
def test_the_first_value_written_is_the_devices_own_and_the_loop_goes_on_from_there(
    text, scans, compiled, compile_cache
):
    bench = started(text, scans=scans, compiled=compiled, cache=compile_cache)
    assert bench["FIC-1.mode"] == IMAN
    bench.release()
    bench.scans(40)
    assert bench["FIC-1.mode"] == AUTO
    seen = [value for _, tag, value in bench.written if tag == "FC-1"]
    assert seen[0] == 37.0
    assert bench.written[0][0] == scans + 2, "in the scan of the release"
    product = 0.5 * bench.plan.tasks[-1].period_ns / 1e9 / 20.0 * (60.0 - 40.0)
    steps = [after - before for before, after in pairwise(seen)]
    assert steps
    assert steps == [pytest.approx(product)] * len(steps)


RATES = "outputs:\n  FC-1: {rate_up: 2 L/h/s, rate_down: 1 L/h/s}\n  TC-1: {rate_up: 5 %/s, rate_down: 3 %/s}\n"


@pytest.mark.parametrize("text", [FAST, PLANT])
@pytest.mark.parametrize("flow", [0.0, 100.0])
def test_after_the_release_no_output_moves_faster_than_its_rate_whatever_is_asked_of_it(text, flow):
    # A loop that would jump, and a person who would: what stood in the device is where both begin.
    bench = started(text.replace("gain: 0.5", "gain: 50").replace("loops:", RATES + "loops:"))
    bench.devices["FC-1"], bench.fed["FI-1"] = 50.0, flow
    bench.scans(12)
    bench.release()
    bench.scans(1)
    assert bench.ask("set", "TC-1", 90.0 if flow else 0.0).stage is Stage.ACCEPTED
    bench.scans(80)
    for tag, rise, fall in (("FC-1", 2.0, 1.0), ("TC-1", 5.0, 3.0)):
        seen = [(number, value) for number, name, value in bench.written if name == tag]
        assert len(seen) > 5, f"{tag} did not move"
        slopes = [(v1 - v0) / ((n1 - n0) * 0.1) for (n0, v0), (n1, v1) in pairwise(seen)]
        assert min(slopes) >= -fall - 1e-9, tag
        assert max(slopes) <= rise + 1e-9, tag
        assert max(map(abs, slopes)) > 0.9 * fall, "it was never held back"


def test_every_output_is_asked_for_again_at_the_release_though_nothing_moved():
    bench = running()
    bench.written.clear()
    bench.restart(2)
    bench.outputs.write_sequence[:] = bench.outputs.sequence
    bench.scans(3)
    bench.lost.clear()
    bench.release()
    assert [tag for _, tag, _ in bench.written] == ["FC-1", "HS-1", "TC-1"]
    assert [value for _, _, value in bench.written] == [bench.devices[t] for t in ("FC-1", "HS-1", "TC-1")]


def test_a_device_that_moves_while_held_is_followed_to_the_release():
    bench = started()
    for value in (40.0, 55.0, 70.5):
        bench.devices["FC-1"] = value
        bench.scan()
        assert bench["FC-1"] == value
    bench.devices["FC-1"] = 71.25
    bench.release()
    assert ("FC-1", 71.25) in [w[1:] for w in bench.written]


def test_another_field_generation_holds_at_once_though_the_field_never_seemed_dead():
    bench = running()
    written = len(bench.written)
    bench.restart(2)
    bench.scans(30)
    assert len(bench.written) == written
    assert bench.outputs.granted_generation == 0
    assert bench.told("scan.held")[-1] == ("watched", "0", "1", "field generation 1 was followed by 2")
    bench.release()
    bench.scan()
    assert bench.told("scan.held")[-1] == ("watched", "1", "0", "field generation 2 may write")
    assert bench.outputs.granted_generation == 2


def test_a_field_that_stops_living_is_held_and_its_inputs_are_bad_in_that_scan():
    bench = running()
    bench.die()
    bench.scan()
    assert bench.outputs.granted_generation == 0
    assert [bench.severity(t) for t in ("FI-1", "FY-1", "XI-1", "AY-1")] == [BAD, BAD, BAD, GOOD]
    assert bench["scan.field_generation"] == 0.0
    assert bench.told("scan.held")[-1] == ("watched", "0", "1", "field generation 1 is not alive")
    bench.field = type(bench.field)(1)
    bench.scans(20)
    assert bench["scan.held"] == 1.0, "the same process is back, and waits all the same"


def test_a_generation_change_marks_the_inputs_bad_in_its_own_scan():
    bench = running()
    bench.restart(2)
    bench.scan()
    assert [bench.severity(t) for t in ("FI-1", "FY-1", "XI-1", "AY-1")] == [BAD, BAD, BAD, GOOD]
    bench.scan()
    assert bench.severity("FI-1") == GOOD


def test_a_second_restart_while_held_keeps_the_hold_and_the_release_goes_to_the_last():
    bench = running()
    bench.restart(2)
    bench.scans(3)
    bench.restart(3)
    assert bench.ask("release", "plant").text == "field generation 3 was not there one scan ago"
    bench.scan()
    bench.release()
    assert bench.outputs.granted_generation == 3


def test_a_trip_during_a_hold_stands_in_the_image_and_is_what_is_written_at_the_release():
    bench = started()
    bench.fed["XI-1"] = 1.0
    bench.scans(3)
    assert (bench["HS-1"], bench["HS-1.source"], bench.devices["HS-1"]) == (0.0, 4.0, 1.0)
    bench.release()
    assert bench.devices["HS-1"] == 0.0
    bench.scan()
    assert bench["scan.held"] == 0.0


def test_what_a_person_had_set_before_a_hold_is_void_after_it():
    bench = running()
    assert bench.ask("set", "TC-1", 90).stage is Stage.ACCEPTED
    assert bench.ask("set", "SC-1", 55).stage is Stage.ACCEPTED
    bench.scan()
    assert (bench.devices["TC-1"], bench.devices["SC-1"]) == (90.0, 55.0)
    bench.restart(2)
    bench.scans(3)
    bench.release()
    bench.scans(20)
    assert bench.devices["TC-1"] == 10.0, "its fail-safe value"
    assert (bench["TC-1.source"], bench["TC-1.manual_set"]) == (0.0, 0.0)
    assert bench["SC-1"] == 55.0, "without a read-back the last value is all that is known"


def test_while_held_a_value_is_refused_and_a_mode_is_taken():
    bench = started()
    refused = bench.ask("set", "HS-1", 1)
    assert (refused.code, refused.text) == ("not-permitted", "outputs wait for a release: the scan is new")
    assert bench.ask("set", "IC-1", 1).stage is Stage.ACCEPTED, "it has no device"
    assert bench.ask("output", "FIC-1", 1).code == "wrong-mode"
    assert bench.ask("mode", "FIC-1", "man").stage is Stage.ACCEPTED
    bench.release()
    bench.scans(20)
    assert {value for _, tag, value in bench.written if tag == "FC-1"} == {37.0}


def test_a_value_given_in_the_scan_of_the_release_is_refused_too():
    """The hold ends with the next scan: what was asked for in this one would be void without a word."""
    bench = started()
    done = bench.scan(("release", "plant", ""), ("set", "HS-1", 1), ("release", "plant", ""))
    assert [(r.stage, r.code) for r in done.results[-3:]] == [
        (Stage.ACCEPTED, ""),
        (Stage.REFUSED, "not-permitted"),
        (Stage.REFUSED, "not-active"),
    ]


@pytest.mark.parametrize(
    ("prepare", "target", "code", "said"),
    [
        (lambda b: None, "FC-1", "unknown-target", "a release is for the whole plant"),
        (lambda b: b.die(), "plant", "not-permitted", "the field process is not alive"),
        (lambda b: b.restart(2), "plant", "not-permitted", "generation 2 was not there one scan ago"),
        (lambda b: b.lost.add("FY-1"), "plant", "not-permitted", "not known: FY-1 is bad"),
        (lambda b: b.lost.update({"FY-1", "HY-1"}), "plant", "not-permitted", "FY-1 is bad; HY-1 is bad"),
        (lambda b: b.release() or b.scan(), "plant", "not-active", "no output waits"),
    ],
)
def test_a_release_is_refused_with_what_hinders_it(prepare, target, code, said):
    bench = started()
    prepare(bench)
    before = bench.executive.release.granted
    result = bench.ask("release", target)
    assert (result.stage, result.code) == (Stage.REFUSED, code)
    assert said in result.text
    assert bench.executive.release.granted == (before if bench.field == type(bench.field)(1) else 0)


def test_a_read_back_just_come_good_has_to_be_taken_over_first():
    bench = started()
    bench.lost.add("FY-1")
    bench.scans(2)
    bench.lost.clear()
    assert bench.ask("release", "plant").text.endswith("FC-1 has not taken over FY-1 yet")
    bench.release()


def test_a_tripped_output_hinders_no_release_whatever_its_read_back_is():
    bench = started()
    bench.fed["XI-1"] = 1.0
    bench.lost.add("HY-1")
    bench.scans(2)
    bench.release()
    assert bench.devices["HS-1"] == 0.0


def test_without_a_field_process_there_is_nothing_to_release():
    plant = PlanBench(PLANT)
    done = plant.scan(("release", "plant"))
    assert (done.results[0].code, plant["scan.held"]) == ("not-active", 0.0)
    assert (plant["scan.field_generation"], plant["scan.granted_generation"]) == (1.0, 1.0)
    assert plant.outputs.granted_generation == 1
    assert not [e for e in done.events if e.target == "scan.held"]


def built(text):
    return build("plant.yaml", from_texts({"plant.yaml": text}))


def test_an_output_that_can_be_held_runs_with_the_protection_also_below_a_slow_loop():
    plan = built(PLANT).plan
    runs = {(plan.kinds[r.kind].kind.name, r.half): plan.tasks[r.task].name for r in plan.runs if r.kind >= 0}
    assert runs["pid", "step"] == "control"
    assert {plan.tasks[r.task].name for r in plan.runs if r.kind >= 0 and plan.kinds[r.kind].kind.name == "out"} == {
        "protect"
    }


def test_an_arbiter_written_as_a_block_is_held_too():
    text = PLANT.replace("causes:", "blocks:\n  SC-1: {kind: out, low: 0 %, high: 100 %}\ncauses:")
    bench = HoldBench(text, DEVICES, INPUTS)
    bench.scan()
    assert bench["SC-1.source"] == 5.0


def test_a_hold_of_ones_own_is_a_second_writer():
    text = PLANT.replace("causes:", "blocks:\n  SC-1: {kind: out, hold: XI-1, low: 0 %, high: 100 %}\ncauses:")
    assert [f.code for f in built(text).findings] == ["PC301"]


def test_a_scan_that_goes_on_from_a_dead_one_is_granted_nothing_and_follows_what_the_devices_fell_back_to():
    bench = running()
    assert bench.devices["FC-1"] > 37.0
    bench.restart_scan()
    assert (bench["scan.held"], bench["scan.granted_generation"]) == (1.0, 0.0), "before its first scan already"
    bench.written.clear()
    bench.devices["FC-1"] = 4.0
    bench.field = type(bench.field)(2)
    bench.scans(12)
    assert bench.written == []
    assert (bench["FC-1"], bench["FIC-1.mode"]) == (4.0, IMAN)
    bench.release()
    bench.scans(12)
    seen = [value for _, tag, value in bench.written if tag == "FC-1"]
    assert seen[:2] == [4.0, pytest.approx(4.5)], "from there by what the loop integrates in its second"


@pytest.mark.parametrize(
    ("was", "now", "codes"),
    [
        ("readback: FY-1", "readback: AY-1", ["PC325"]),
        ("readback: FY-1", "readback: TC-1", ["PC325"]),
        ("readback: FY-1", "readback: FY-2", ["PC302"]),
        ('FY-1: {unit: L/h, range: [0, 100], device: D, item: "2"}', "FY-1: {unit: L/x}", ["PC402"]),
        ("fail_safe: 10 %", "fail_safe: 10 bar", ["PC403"]),
    ],
)
def test_what_is_wrong_with_a_read_back_or_a_fail_safe_value_is_told_once(was, now, codes):
    assert was in PLANT
    assert [f.code for f in built(PLANT.replace(was, now)).findings] == codes


def test_a_read_back_may_be_calculated():
    text = PLANT.replace('HY-1: {range: [0, 1], device: D, item: "3"}', "HY-1: {range: [0, 1]}")
    text += 'calculated:\n  HY-1: "{XI-1} > -1"\n'
    bench = HoldBench(text, DEVICES, INPUTS)
    bench.scan()
    bench.ask("reset", "E-1")
    bench.scan()
    assert bench["HS-1"] == 1.0
    bench.release()
