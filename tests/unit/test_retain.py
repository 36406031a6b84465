"""What a plant remembers, gathered by name and given to the next run, whatever became of the configuration."""

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from plantctl.cli.main import main
from plantctl.core.block import AUTO, CAS, MAN
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from plantctl.scan.memory import StateMemory
from plantctl.scan.retain import Retention
from plantctl.scan.retained_state import RetainedParameter, Start, judge
from tests.plan_bench import PlanBench
from tests.restart_bench import CASCADE, Logged, other_schedule

IN_SERVICE = {"LI-1": 55.0, "FI-1": 30.0, "QI-1": 7.25}
# Another order, an alarm and a tag less, a loop and a tag more.
CHANGED = (
    CASCADE.replace(
        "blocks:", "blocks:\n  AIC-9: {kind: pid, unit: '%', pv: AI-9, gain: 1 %/%, out_low: 0 %, out_high: 100 %}"
    )
    .replace("tags:", "tags:\n  AI-9: {unit: '%', range: [0, 100]}")
    .replace("  QI-1: {unit: g/L, range: [0, 100]}\n", "")
    .partition("alarms:")[0]
)


def in_service(folder, text=CASCADE, *commands):
    plant = Logged(text, folder)
    plant.begin()
    feed = {name: value for name, value in IN_SERVICE.items() if name in plant.numbers}
    plant.scan(("reset", "E1"), **feed)
    plant.live(41, ("reset", "E1"), *commands)
    return plant


def gathered(plant):
    return Retention(plant.plan).gather(plant.executive.stepper.memory)


def following(folder, first, state, start, text=CASCADE):
    """The next process, restored and begun; its inputs are what the first one's were."""
    second = Logged(text, folder, after=first)
    second.schedule = other_schedule(second)
    second.report = second.executive.restore(state, start, second.inputs, second.number * second.plan.period_ns)
    for tag in ("LI-1", "FI-1", "XI-1"):
        second.feed(tag, float(first.inputs.value[first.numbers[tag]]))
    second.begin()
    return second


def test_outputs_go_on_to_the_bit_in_a_plan_of_another_order(tmp_path):
    first = in_service(tmp_path / "a")
    assert (first["LIC-1.mode"], first["FIC-1.mode"]) == (AUTO, CAS)
    second = following(tmp_path / "b", first, gathered(first), Start.RESTART, CHANGED)
    assert second.plan.kinds[0].tags != first.plan.kinds[0].tags
    common = set(first.values()) & set(second.values())
    assert {"LV-1", "FIC-1.i", "LIC-1.sp", "E1.active"} <= common
    for one, other in zip(first.live(30), second.live(30), strict=True):
        assert {name: one[name] for name in common} == {name: other[name] for name in common}
    report = second.report
    assert (report.misfits, report.manual, report.tripped) == (0, [], [])
    assert report.unknown == 1, "the alarm"
    assert report.fresh == 1, "the new loop"


def test_after_a_power_up_what_trips_is_tripped_and_loops_go_on(tmp_path):
    first = in_service(tmp_path / "a")
    integral, output = first["FIC-1.i"], first["LV-1"]
    assert first["E1.tripped"] == 0
    second = following(tmp_path / "b", first, gathered(first), Start.WARM)
    assert second.severity("E1") == 2, "who reads it a scan late must not see that it was not tripped"
    result = second.scan()
    assert second["E1.tripped"] == second["E1.active"] == 1
    assert [e.target for e in result.events if e.kind.word == "trip"] == ["E1"]
    assert second["PV-1"] == 0.0
    assert second["FIC-1.mode"] == CAS
    assert abs(second["LV-1"] - output) < 0.1
    assert abs(second["FIC-1.i"] - integral) < 0.1
    assert second.report.tripped == ["E1"]
    second.scan(("reset", "E1"))
    assert second["E1.tripped"] == 0


def test_what_was_tripped_before_tells_why_after_the_power_up(tmp_path):
    first = in_service(tmp_path / "a")
    first.scan(**{"XI-1": 1.0})
    first.scan(**{"XI-1": 0.0})
    assert (first["E1.tripped"], first["E1.first"]) == (1, 1)
    for start in (Start.WARM, Start.RESTART):
        second = following(tmp_path / start.name, first, gathered(first), start)
        second.scans(3)
        assert (second["E1.tripped"], second["E1.first"]) == (1, 1)


def test_a_trip_that_would_have_gone_by_itself_waits_for_a_person_after_the_power_up(tmp_path):
    first = in_service(tmp_path / "a")
    state = poked(poked(gathered(first), "effect", "E1", "tripped", 1), "effect", "E1", "latch", 0)
    for start, tripped in ((Start.RESTART, 0), (Start.WARM, 1)):
        second = following(tmp_path / start.name, first, state, start)
        second.scans(3)
        assert second["E1.tripped"] == tripped


def test_an_effect_that_releases_itself_starts_as_it_was_and_tripped_where_nothing_is_known(tmp_path):
    first = in_service(tmp_path / "a")
    state = gathered(first)
    second = Logged(CASCADE, tmp_path / "b")
    number = second.plan.effects["E1"].kind
    second.plan.kinds[number].rows["start_tripped"][:] = 0
    for start, tripped in ((Start.WARM, 0), (Start.STALE, 1)):
        memory = StateMemory(second.plan)
        Retention(second.plan).restore(memory, state, start)
        assert memory.records[number]["tripped"].tolist() == [tripped]


@pytest.mark.parametrize("known", [True, False], ids=["too old", "unreadable"])
def test_a_stale_start_is_manual_and_tripped(tmp_path, known):
    first = in_service(tmp_path / "a", CASCADE, ("tune", "FIC-1.gain", 0.75), ("set", "QI-1", 12.5))
    state = gathered(first) if known else None
    second = following(tmp_path / "b", first, state, Start.STALE if known else Start.WARM)
    assert second.report.start is Start.STALE
    assert sorted(second.report.manual) == ["FIC-1", "LIC-1", "YIC-1"]
    second.scans(10)
    assert (second["LIC-1.target"], second["FIC-1.target"]) == (MAN, MAN)
    assert (second["FIC-1.mode"], second["E1.tripped"]) == (MAN, 1)
    # What a person set does not grow old like an integral does.
    assert second["FIC-1.gain"] == (0.75 if known else 0.5)
    assert second["QI-1"] == 12.5 if known else math.isnan(second["QI-1"])


def test_a_cold_start_takes_nothing(tmp_path):
    first = in_service(tmp_path / "a", CASCADE, ("tune", "FIC-1.gain", 0.75))
    second = following(tmp_path / "b", first, gathered(first), Start.COLD)
    assert second.executive.stepper.memory.is_fresh()
    assert (second.report.rows, second.report.parameters, second.report.manual) == (0, 0, [])


def test_a_tuned_parameter_survives_unless_the_text_was_changed(tmp_path):
    first = in_service(tmp_path / "a", CASCADE, ("tune", "FIC-1.gain", 0.75), ("tune", "FIC-1.integral", 7.0))
    state = gathered(first)
    assert sorted((p.tag, p.name) for p in state.parameters) == [("FIC-1", "gain"), ("FIC-1", "integral")]
    changed = CASCADE.replace("gain: 0.5 %*h/L", "gain: 0.6 %*h/L")
    assert changed != CASCADE
    second = following(tmp_path / "b", first, state, Start.WARM, changed)
    assert second["FIC-1.gain"] == 0.6
    assert second["FIC-1.integral"] == 7.0
    assert (second.report.parameters, second.report.overruled) == (1, 1)
    assert second.report.told == ["`FIC-1.gain` was changed in the configuration, which wins"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("gain", 0.0), ("gain", math.nan), ("gain", math.inf), ("integral", -1.0), ("out_low", 100.0), ("out_high", -5.0)],
)
def test_a_parameter_that_no_person_could_set_is_left_as_configured(tmp_path, name, value):
    first = in_service(tmp_path / "a")
    configured = int(np.float64(first[f"FIC-1.{name}"]).view(np.int64))
    bad = RetainedParameter("FIC-1", "pid", name, configured, int(np.float64(value).view(np.int64)))
    state = replace(gathered(first), parameters=(bad,))
    second = following(tmp_path / "b", first, state, Start.WARM)
    assert second[f"FIC-1.{name}"] == first[f"FIC-1.{name}"]
    assert (second.report.parameters, second.report.misfits) == (0, 1)


def test_a_block_whose_unit_changed_begins_fresh_and_its_loop_in_man(tmp_path):
    first = in_service(tmp_path / "a")
    litres = CASCADE.replace("FI-1: {unit: L/h, range: [0, 100]}", "FI-1: {unit: m3/h, range: [0, 100]}")
    litres = litres.replace("cas: LIC-1, gain: 0.5 %*h/L", "gain: 0.5 %*h/m3").replace(
        "initial_mode: 5}", "sp: 40 m3/h}"
    )
    second = following(tmp_path / "b", first, gathered(first), Start.WARM, litres)
    assert second.report.manual == ["FIC-1"]
    assert second.report.misfits == 1
    assert "FIC-1" in second.report.told[0]
    assert second["LIC-1.target"] == first["LIC-1.target"]
    assert second["LIC-1.i"] == first["LIC-1.i"]
    second.scans(5)
    assert second["FIC-1.target"] == MAN


def poked(state, kind, tag, name, bits):
    """The state with one number changed."""
    (kept,) = [k for k in state.kinds if k.kind == kind]
    column = kept.values[name].copy()
    column[kept.tags.index(tag)] = bits
    changed = replace(kept, values={**kept.values, name: column})
    return replace(state, kinds=tuple(changed if k is kept else k for k in state.kinds))


NAN = int(np.float64(np.nan).view(np.int64))


@pytest.mark.parametrize(
    ("name", "bits"),
    [("i", NAN), ("started", 2), ("mode", 8), ("mode", -1), ("op.q", 1 << 16), ("op.status", 8), ("target", -2)],
)
def test_a_number_that_does_not_fit_leaves_its_block_fresh(tmp_path, name, bits):
    first = in_service(tmp_path / "a")
    second = following(tmp_path / "b", first, poked(gathered(first), "pid", "FIC-1", name, bits), Start.WARM)
    assert second.report.misfits == 1
    assert second.report.manual == ["FIC-1"]
    assert second["FIC-1.started"] == 0
    assert second["LIC-1.i"] == first["LIC-1.i"]
    second.live(20)
    assert second["FIC-1.mode"] == MAN


@pytest.mark.parametrize(("name", "bits"), [("target", -1), ("op.v", 0x7FF8_0000_0000_BEEF), ("mode", 7)])
def test_odd_numbers_that_fit_are_kept_to_the_bit(tmp_path, name, bits):
    first = in_service(tmp_path / "a")
    second = following(tmp_path / "b", first, poked(gathered(first), "pid", "FIC-1", name, bits), Start.WARM)
    assert second.report.misfits == 0
    (again,) = [kept for kept in gathered(second).kinds if kept.kind == "pid"]
    assert again.values[name][again.tags.index("FIC-1")] == bits


def test_kinds_and_columns_that_the_plan_does_not_have_are_passed_over(tmp_path):
    first = in_service(tmp_path / "a")
    state = gathered(first)
    strange = replace(state.kinds[0], kind="shredder")
    more = replace(state.kinds[0], values={**state.kinds[0].values, "novelty": state.kinds[0].values["i"]})
    fewer = {name: bits for name, bits in more.values.items() if name != "d"}
    state = replace(state, kinds=(strange, replace(more, values=fewer), *state.kinds[1:]))
    second = following(tmp_path / "b", first, state, Start.WARM)
    assert second.report.unknown == len(strange.tags)
    assert second["FIC-1.i"] == first["FIC-1.i"]
    assert second.report.misfits == 0


def test_a_value_entered_by_hand_stands_again_with_its_time_and_quality(tmp_path):
    first = in_service(tmp_path / "a", CASCADE, ("set", "QI-1", 12.5))
    entered_ns = int(first.executive.image.source_ns[first.plan.rows["QI-1"]])
    assert entered_ns > 0
    second = following(tmp_path / "b", first, gathered(first), Start.WARM)
    second.scan()
    assert second["QI-1"] == 12.5
    assert int(second.executive.image.source_ns[second.plan.rows["QI-1"]]) == entered_ns
    # The next power-up finds it as well.
    third = following(tmp_path / "c", second, gathered(second), Start.WARM)
    third.scan()
    assert third["QI-1"] == 12.5
    narrow = CASCADE.replace("QI-1: {unit: g/L, range: [0, 100]}", "QI-1: {unit: g/L, range: [0, 10]}")
    other = CASCADE.replace("QI-1: {unit: g/L", "QI-1: {unit: mg/L")
    for text in (narrow, other):
        last = following(tmp_path / f"d{len(text)}{text is other}", first, gathered(first), Start.WARM, text)
        assert last.report.misfits == 1
        last.scan()
        assert math.isnan(last["QI-1"])


def test_a_run_begun_warm_is_replayed_bit_for_bit(tmp_path, capsys):
    folder = tmp_path / "log"
    first = in_service(folder, CASCADE, ("tune", "FIC-1.gain", 0.75), ("set", "QI-1", 12.5))
    first.end()
    second = following(folder, first, gathered(first), Start.WARM)
    second.live(80, ("reset", "E1"), ("mode", "LIC-1", "man"))
    second.end()
    (tmp_path / "plant.yaml").write_text(CASCADE)
    given = ["exec", str(tmp_path / "plant.yaml"), "--from", str(folder), "--out", str(tmp_path / "out.csv")]
    code = main(given)
    assert (code, capsys.readouterr().err) == (0, "80 scans replayed, every recorded value equal bit for bit\n")


@pytest.mark.parametrize("seed", range(30))
def test_no_state_whatever_it_holds_breaks_a_start(tmp_path, seed):
    """Rubbish in every number of some columns: nothing is raised, and the plant runs with finite outputs."""
    chance = Random(seed)
    bench = PlanBench(CASCADE)
    bench.scan(**IN_SERVICE)
    state = Retention(bench.plan).gather(bench.executive.stepper.memory)
    kinds = []
    for kept in state.kinds:
        values = {
            name: np.array([chance.choice((chance.getrandbits(63), -1, 0, 1, NAN, 3)) for _ in bits], np.int64)
            if chance.random() < 0.3
            else bits
            for name, bits in kept.values.items()
        }
        kinds.append(replace(kept, values=values))
    second = PlanBench(CASCADE)
    start = chance.choice(list(Start))
    second.executive.restore(replace(state, kinds=tuple(kinds)), start, second.inputs, 1)
    for _ in range(30):
        second.scan(**IN_SERVICE)
    for tag in ("LV-1", "PV-1"):
        assert math.isfinite(second[tag]) or second.severity(tag) == 2
    assert 0.0 <= second.outputs.value[0] <= 100.0 or math.isnan(second.outputs.value[0])


def test_how_old_a_state_may_be():
    hour = 3_600_000_000_000
    assert judge(0) == judge(24 * hour) == judge(-5_000_000_000) == (Start.WARM, "")
    assert judge(24 * hour + 1)[0] is judge(-6_000_000_000)[0] is judge(2 * hour, hour)[0] is Start.STALE
    assert judge(30 * hour)[1] == "the state is 30.0 h old, it counts for 24 h"
    assert "set back" in judge(-hour)[1]


@pytest.mark.parametrize(("told", "seconds"), [("", 86_400), (", retain_for: 8 h", 28_800), (", retain_for: 0 s", 0)])
def test_the_plant_says_how_long_its_state_counts(told, seconds):
    plan = PlanBench(CASCADE.replace("name: warm", "name: warm" + told)).plan
    assert plan.retain_for_ns == seconds * 1_000_000_000
    assert judge(seconds * 1_000_000_000 + 1, plan.retain_for_ns)[0] is Start.STALE


def test_a_time_to_retain_that_is_none_is_found():
    built = build(
        "plant.yaml", from_texts({"plant.yaml": CASCADE.replace("name: warm", "name: warm, retain_for: soon")})
    )
    assert built.plan is None
    (finding,) = built.findings
    assert "soon" in str(finding)


def test_what_was_gathered_does_not_move_on():
    plant = PlanBench(CASCADE)
    plant.scan(**IN_SERVICE)
    state = Retention(plant.plan).gather(plant.executive.stepper.memory)
    (pid,) = [kept for kept in state.kinds if kept.kind == "pid"]
    before = {name: bits.copy() for name, bits in pid.values.items()}
    plant.scans(20, **{"LI-1": 80.0})
    assert all((before[name] == pid.values[name]).all() for name in before)
