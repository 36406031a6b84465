"""All sinks of a plant over its log: names over plans, patterns, what is told of each, one that fails beside others."""

import asyncio
import sys
from dataclasses import replace
from itertools import groupby
from random import Random
from types import ModuleType

import pytest

from plantctl.app.alarm_labels import alarm_labels
from plantctl.app.feeds import AGAIN_S, Feeds, Wanted
from plantctl.app.older_labels import OlderLabels
from plantctl.app.split.feeds import FeedsProcess
from plantctl.app.split.scan_inputs import feeds_said
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import LOG_NAME
from plantctl.core.batch import PointLabel
from plantctl.core.clock import RealClock
from plantctl.core.feed import SinkPlan, SinkState
from plantctl.core.virtual_run import run_virtual
from plantctl.history.reading.cursor import SealedCursor
from plantctl.history.reading.names import Names
from plantctl.log.cursor import LogCursor
from plantctl.log.files import plan_name
from plantctl.log.recording import HELD_NAME, RECORDING, draw_recording, recordings_in
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from plantctl.sinks._sink import SinkNotAdmitted, SinkSettings
from tests.feed_bench import NoWords
from tests.gateway_bench import Bench
from tests.marked_record import PLAN, make_record
from tests.restart_bench import CASCADE, Logged


@pytest.fixture
def kept(monkeypatch):
    """A kind of sink that keeps batches by the name of the sink, and one that is never let in."""
    batches = {}
    module = ModuleType("plantctl.sinks.memory")

    class Config(SinkSettings):
        refuses: bool = False
        breaks: bool = False

    class Sink:
        def __init__(self, place, config):
            if config.breaks:
                raise RuntimeError("a mistake of this kind")
            self.place, self.settings, self.link = place, config, 0
            batches[place.name] = []

        async def open(self):
            if self.settings.refuses:
                raise SinkNotAdmitted("401: who are you")

        async def write(self, batch):
            batches[self.place.name].append((self.place, batch))

        async def close(self):
            pass

    module.Config, module.Sink = Config, Sink
    monkeypatch.setitem(sys.modules, "plantctl.sinks.memory", module)
    return batches


def lived(folder):
    plant = Logged(CASCADE, folder / LOG_NAME)
    plant.begin()
    plant.live(30)
    plant.scan(("mode", "FIC-1", "man"))
    plant.live(5, **{"LI-1": 75.0})
    plant.end()
    return plant


def feed(plan, folder, seconds=3.0, newest=None):
    async def main(clock):
        log, ledgers = ReadOnlyFolder(folder / LOG_NAME), FolderStorage(folder / "feeds")
        feeds = Feeds(plan, clock, log, None, ledgers, newest)
        lines = []

        async def watched():
            while True:
                lines.extend(feeds.changes())
                await clock.sleep(0.1)

        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(feeds.run()), tasks.create_task(watched())]
            await clock.sleep(seconds)
            for task in work:
                task.cancel()
        return feeds, lines

    return run_virtual(main)


def sink(name, **config):
    return SinkPlan(name, "memory", config)


def test_each_sink_gets_what_its_patterns_name_and_every_transition(tmp_path, kept):
    plant = lived(tmp_path)
    plan = replace(plant.plan, sinks=(sink("all"), sink("flows", tags=["F*", "LI-1"], events=False)))
    newest = plant.recorder.newest()
    feeds, lines = feed(plan, tmp_path, newest=lambda: newest)
    place = kept["all"][0][0]
    assert (place.name, place.plant) == ("all", "warm")
    assert place.labels[plan.points[plan.rows["FI-1"]].id].unit == "L/h"
    names = {name: {place.labels[n].name for _, b in kept[name] for n in b.tag.tolist()} for name in kept}
    assert names["all"] == {p.name for p in plan.points if p.name and not p.name.endswith(".delayed")}
    assert names["flows"] == {p.name for p in plan.points if p.name.startswith("F") or p.name == "LI-1"}
    told = [(e.target, e.new_text) for _, b in kept["all"] for e in b.events]
    assert ("FIC-1", "man") in told
    assert ("LI-1.high", "unack") in told
    assert not any(b.events for _, b in kept["flows"])
    assert lines == ["sink all is running", "sink flows is running"]
    assert feeds.points()["feed.all.state"] == SinkState.RUNNING
    assert feeds.points()["feed.flows.missing"] == 0.0
    assert (tmp_path / "feeds" / "all.position").exists()


def test_a_point_that_only_an_older_plan_had_keeps_its_name(tmp_path, kept):
    plant = lived(tmp_path)
    (tmp_path / LOG_NAME / plan_name(77)).write_text("plan\n90000\tQI-9\tg/L\tgone since\n28\tother\t1\t\n")
    newest = plant.recorder.newest()
    feed(replace(plant.plan, sinks=(sink("all"),)), tmp_path, newest=lambda: newest)
    labels = kept["all"][0][0].labels
    assert (labels[90000].name, labels[90000].unit) == ("QI-9", "g/L")
    assert labels[28].name == plant.plan.points[plant.plan.ids.tolist().index(28)].name  # the newest word counts


@pytest.mark.parametrize("units", [("mg/L", "g/L"), ("g/L", "mg/L")])
def test_a_point_that_is_gone_is_told_with_the_unit_that_it_had_last_whatever_the_sums_of_the_texts(tmp_path, units):
    plant = None
    for unit in units:
        plant = Logged(CASCADE.replace("QI-1: {unit: g/L", f"QI-1: {{unit: {unit}"), tmp_path, plant)
        plant.begin()
        plant.live(3)
        plant.end()
    now = replace(plant.plan, points=tuple(p for p in plant.plan.points if p.name != "QI-1"))
    feeds = Feeds(now, None, ReadOnlyFolder(tmp_path), None, None, None)
    assert next(label.unit for label in feeds.labels().values() if label.name == "QI-1") == units[1]


@pytest.mark.parametrize("units", [("mg/L", "g/L"), ("mg/L", "g/L", "mg/L"), ("g/L", "g/L")])
def test_rows_that_wait_since_an_older_plan_go_out_with_the_unit_that_it_had(tmp_path, kept, units):
    plant = None
    for unit in units:
        plant = Logged(CASCADE.replace("QI-1: {unit: g/L", f"QI-1: {{unit: {unit}"), tmp_path / LOG_NAME, plant)
        plant.begin()
        plant.live(3, **{"QI-1": 5.0})
        plant.end()
    newest = plant.recorder.newest()
    feed(replace(plant.plan, sinks=(sink("all"),)), tmp_path, newest=lambda: newest)
    number = plant.plan.points[plant.plan.rows["QI-1"]].id
    rows = [(b.first_sequence, b.label(number, place.labels).unit) for place, b in kept["all"] if number in b.tag]
    assert [unit for unit, _ in groupby(unit for _, unit in sorted(rows))] == [unit for unit, _ in groupby(units)]


def test_a_plan_whose_text_is_gone_is_called_as_the_one_of_now_and_a_disk_that_fails_is_asked_again(tmp_path):
    class Failing(ReadOnlyFolder):
        def read(self, name, size=-1):
            raise OSError("I/O error")

    labels = {28: PointLabel("QI-1", "g/L", "now", ("off", "on"), whole=True), 29: PointLabel("XI-1")}
    folder = ReadOnlyFolder(tmp_path)
    assert OlderLabels(folder, labels, 1).of(77) == {}
    with pytest.raises(OSError, match="I/O"):
        OlderLabels(Failing(tmp_path), labels, 1).of(77)
    (tmp_path / plan_name(77)).write_text("plan\n28\tQI-1\tmg/L\twas\n29\tXI-0\t1\twas\n30\tgone\t1\t\n")
    assert OlderLabels(folder, labels, 77).of(77) == {}, "that is the plan of now"
    assert OlderLabels(folder, labels, 1).of(0) == {}, "nobody knows which plan it was"
    older = OlderLabels(folder, labels, 1).of(77)
    assert set(older) == {28, 29}
    assert (older[28].unit, older[28].words) == ("mg/L", ())
    assert (older[29].name, older[29].text) == ("XI-0", "was")


def test_what_the_log_has_let_go_of_says_as_well_which_plan_wrote_it(tmp_path):
    last = make_record(tmp_path)
    words = NoWords()
    assert SealedCursor(ReadOnlyFolder(tmp_path / "history"), words, 0, last).next(50).plan_hash == PLAN
    assert LogCursor(ReadOnlyFolder(tmp_path / "log"), words, lambda: last).next(50).plan_hash == PLAN


def test_names_have_the_unit_of_who_writes_now_though_its_text_came_first_and_of_an_older_text_that_came_back(tmp_path):
    names, plant = Names(ReadOnlyFolder(tmp_path)), None
    for unit in ("g/L", "mg/L", "g/L"):
        before = names.point("QI-1").unit if plant else ""
        plant = Logged(CASCADE.replace("QI-1: {unit: g/L", f"QI-1: {{unit: {unit}"), tmp_path, plant)
        assert not before or names.point("QI-1").unit == before  # nothing of it is written yet
        plant.begin()
        plant.live(3)
        plant.end()
        assert names.point("QI-1").unit == unit


def test_a_sink_that_fails_hinders_no_other_and_is_told_once(tmp_path, kept):
    plant = lived(tmp_path)
    plan = replace(plant.plan, sinks=(sink("lost", refuses=True), sink("broken", breaks=True), sink("good")))
    newest = plant.recorder.newest()
    feeds, lines = feed(plan, tmp_path, seconds=30.0, newest=lambda: newest)
    assert kept["good"]
    assert sorted(lines) == [
        "sink broken is disk: RuntimeError: a mistake of this kind",
        "sink good is running",
        "sink lost is not-admitted: 401: who are you",
    ]
    points = feeds.points()
    assert points["feed.lost.state"] == SinkState.NOT_ADMITTED
    assert points["feed.lost.failures"] > 1
    assert feeds.feeds[2].position.through == newest[0]


def test_what_a_sink_complains_of_is_said_again_when_it_is_another_thing_and_an_outage_once(tmp_path, kept):
    plant = lived(tmp_path)
    plan = replace(plant.plan, sinks=(sink("good"),))
    log = ReadOnlyFolder(tmp_path / LOG_NAME)
    feeds = Feeds(plan, RealClock(), log, None, FolderStorage(tmp_path / "feeds"), plant.recorder.newest)
    lines = []
    for state, why in (
        (SinkState.COMPLAINING, "no mail for bob"),
        (SinkState.COMPLAINING, "no mail for bob"),
        (SinkState.COMPLAINING, "no mail for ann"),
        (SinkState.UNREACHABLE, "reset"),
        (SinkState.UNREACHABLE, "timed out"),
    ):
        feeds.feeds[0].statistics.state, feeds.feeds[0].statistics.last_error = state, why
        lines += feeds.changes()
    assert lines == [
        "sink good is complaining: no mail for bob",
        "sink good is complaining: no mail for ann",
        "sink good is unreachable: reset",
    ]


def test_the_sinks_of_a_restored_record_wait_for_a_person_and_then_say_which_recording_it_is(tmp_path, kept):
    plant = lived(tmp_path)
    plan = replace(plant.plan, sinks=(sink("all"), sink("flows", tags="F*")))
    newest = plant.recorder.newest()
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / HELD_NAME).write_text("by a restore\n")
    feeds, lines = feed(plan, tmp_path, seconds=20.0, newest=lambda: newest)
    assert kept == {}
    assert [line.partition(":")[0] for line in lines] == ["sink all is not-admitted", "sink flows is not-admitted"]
    assert "remove `held`" in lines[0]
    assert feeds.points()["feed.all.state"] == SinkState.NOT_ADMITTED
    (tmp_path / "feeds" / HELD_NAME).unlink()
    feed(plan, tmp_path, newest=lambda: newest)
    identities = {place.recording for each in kept.values() for place, _ in each}
    assert len(identities) == 1
    assert identities == set(recordings_in(FolderStorage(tmp_path / "feeds")))
    kept.clear()
    (tmp_path / "feeds" / "all.position").unlink()
    feed(plan, tmp_path, newest=lambda: newest)
    assert {place.recording for place, _ in kept["all"]} == identities, "a restart is no other recording"


def test_a_person_who_says_so_while_the_plant_runs_is_heard(tmp_path, kept):
    plant = lived(tmp_path)
    newest = plant.recorder.newest()
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / HELD_NAME).touch()

    async def main(clock):
        folders = ReadOnlyFolder(tmp_path / LOG_NAME), FolderStorage(tmp_path / "feeds")
        plan = replace(plant.plan, sinks=(sink("all"),))
        feeds = Feeds(plan, clock, folders[0], None, folders[1], lambda: newest)
        work = asyncio.get_running_loop().create_task(feeds.run())
        await clock.sleep(12.0)
        before = len(kept)
        (tmp_path / "feeds" / HELD_NAME).unlink()
        await clock.sleep(AGAIN_S + 1.0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return before, len(kept["all"])

    before, batches = run_virtual(main)
    assert (before, batches > 0) == (0, True)


def test_an_identity_that_is_damaged_beyond_one_bit_is_drawn_anew(tmp_path):
    storage = FolderStorage(tmp_path)
    first = draw_recording(storage, Random(1))
    assert draw_recording(storage, Random(2)) == first
    assert recordings_in(storage) == (first,)
    path = tmp_path / RECORDING
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        path.write_bytes(turned(whole, bit))
        assert recordings_in(storage) == (first,), "one turned bit is turned back"
    path.write_bytes(turned(turned(whole, 3), 70))
    assert recordings_in(storage) == ()
    assert draw_recording(storage, Random(2)) not in ("", first)


def turned(data, bit):
    return bytes(byte ^ (1 << bit % 8 if at == bit // 8 else 0) for at, byte in enumerate(data))


def test_the_process_publishes_how_each_sink_is(tmp_path, kept):
    plant = lived(tmp_path)
    plan = replace(plant.plan, sinks=(sink("here"), sink("there", refuses=True)))
    bench = Bench(plan, tmp_path)
    recorder = bench.memory.for_role(Role.RECORDER).own()
    recorder.take_over(1)
    recorder.live["durable_sequence"][0], recorder.live["durable_utc_ns"][0] = plant.recorder.newest()
    recorder.publish()
    seen = bench.given.reader(Role.FEEDS)
    assert feeds_said(plan.sinks, seen, 60_000_000_000)["feed.here.state"] == SinkState.IDLE, "they only begin"
    feeding = FeedsProcess(bench.memory.for_role(Role.FEEDS))
    feeding.writer.take_over(1)
    assert feeding.newest() == plant.recorder.newest()
    for n, state in enumerate((SinkState.FILLING, SinkState.NOT_ADMITTED)):
        feeding.feeds.feeds[n].statistics.state = state
    feeding.feeds.feeds[1].statistics.lag_ns = 7_000_000_000
    feeding.turn()
    seen.take()
    assert seen.columns["state"].tolist() == [SinkState.FILLING, SinkState.NOT_ADMITTED]
    assert seen.columns["lag_ns"].tolist() == [0, 7_000_000_000]
    assert seen.columns["needed"].tolist() == [0, 0]
    now_ns = seen.heartbeat_ns
    told = feeds_said(plan.sinks, seen, now_ns + 1_000_000_000)
    assert told["feed.here.state"] == SinkState.FILLING
    assert told["feed.there.lag"] == 7.0
    # Feeds that stand still cannot say so themselves.
    told = feeds_said(plan.sinks, seen, now_ns + 8_000_000_000)
    assert told["feed.here.state"] == told["feed.there.state"] == SinkState.AWAY
    assert (told["feed.here.lag"], told["feed.there.lag"]) == (8.0, 15.0)
    bench.memory.close()


def test_patterns_choose_by_name_and_unknown_points_are_left_out():
    labels = {1: PointLabel("40-FI-1"), 2: PointLabel("40-TI-1"), 3: PointLabel("50-FI-1")}
    wanted = Wanted(labels, ("40-*", "50-FI-?"), events=True)
    assert wanted._ids.tolist() == [1, 2, 3]
    assert Wanted(labels, ("40-F*",), events=True)._ids.tolist() == [1]


def test_a_call_out_hears_the_alarms_of_the_plant_and_what_the_text_says_of_them(tmp_path):
    plant = lived(tmp_path)
    config = {"people": {"shift": {"webhook": "https://127.0.0.1/", "key_file": "key"}}, "steps": [{"to": "shift"}]}
    plan = replace(plant.plan, sinks=(SinkPlan("standby", "callout", config),))
    newest = plant.recorder.newest()

    async def main(clock):
        folders = ReadOnlyFolder(tmp_path / LOG_NAME), FolderStorage(tmp_path / "feeds")
        feeds = Feeds(plan, clock, folders[0], None, folders[1], lambda: newest, folder=tmp_path / "feeds")
        work = asyncio.get_running_loop().create_task(feeds.run())
        await clock.sleep(3.0)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        return feeds.feeds[0].runner.sink.book

    assert run_virtual(main).calls["LI-1.high"].state == "unack"
    assert (tmp_path / "feeds" / "standby.calls").stat().st_mode & 0o777 == 0o600
    label = alarm_labels(plan)["LI-1.high"]
    assert (label.priority, label.limit, label.response) == (2, "70 %", "close it")
