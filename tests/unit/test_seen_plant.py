"""The plant as a gateway shows it: what is gone is shown as gone, whatever its segment still says."""

import pytest

from plantctl.app.split.heartbeat import FIELD_SILENCE_NS
from plantctl.app.split.seen_plant import LOG_LATE, RECORDER_AWAY, SeenPlant
from plantctl.app.split.segments import CHILDREN, PROMPT, REALTIME, Role
from plantctl.core.device_statistics import LinkState
from plantctl.core.event import EventKind
from plantctl.core.segment import ProcessState
from tests.gateway_bench import SECOND_NS, living


@pytest.fixture
def bench(tmp_path):
    with living(tmp_path) as made:
        yield made


@pytest.fixture
def seen(bench):
    made = SeenPlant(bench.given)
    made.feed.take()
    return made


def writer(bench, role, state=ProcessState.READY):
    made = bench.memory.for_role(role).own()
    made.take_over(bench.now_ns)
    made.say(state)
    return made


def test_the_newest_published_scan_is_shown_and_not_the_one_in_the_making(bench, seen):
    row = bench.plan.rows["40-AI-4212"]
    bench.scan.set("40-AI-4212", 7.5)
    bench.scan.publish()
    bench.scan.set("40-AI-4212", 9.9)
    snapshot = seen.snapshot()
    assert (snapshot.scan, snapshot.v[row]) == (1, 7.5)
    gain = bench.plan.addresses["40-AIC-4212.gain"]
    bench.scan.writer.live["records.pid"].view(bench.plan.kinds[gain.kind].rows.dtype)["gain"][gain.row] = 3.25
    bench.scan.publish()
    assert seen.snapshot().number(gain) == 3.25


def test_devices_are_up_while_the_field_process_says_so_and_down_when_it_is_silent(bench, seen):
    field = writer(bench, Role.FIELD)
    field.live["devices.state"][:] = LinkState.UP
    field.live["devices.requests"][0] = 12
    field.publish()
    now_ns = bench.now_ns
    told = seen.device_statistics(now_ns + FIELD_SILENCE_NS - 1)
    assert [(d.name, s.state) for d, s in told] == [(d.name, LinkState.UP) for d in bench.plan.devices]
    assert told[0][1].requests == 12
    assert {s.state for _, s in seen.device_statistics(now_ns + FIELD_SILENCE_NS)} == {LinkState.DOWN}


def test_outputs_that_wait_for_a_release_tell_why(bench, seen):
    assert seen.hold() == ""
    bench.scan.set("scan.held", 1)
    bench.scan.set("scan.field_generation", 3)
    bench.scan.publish()
    # Nothing of it is in the ring any more: the points still tell.
    assert seen.hold() == "field generation 3 was not released"
    bench.scan.set("scan.field_generation", 0)
    bench.scan.publish()
    assert seen.hold() == "the field process is not alive"
    bench.scan.event(EventKind.WATCHED, "scan.held", 0, 1, "field generation 2 was followed by 3")
    seen.feed.take()
    assert seen.hold() == "field generation 2 was followed by 3"
    bench.scan.set("scan.held", 0)
    bench.scan.publish()
    assert seen.hold() == ""


def test_the_log_is_as_the_recorder_said_and_fails_when_it_is_silent_or_late(bench, seen):
    recorder = bench.recorder
    recorder.say(ProcessState.READY)
    recorder.live["frames"][0], recorder.live["durable_utc_ns"][0] = 7, 12345
    recorder.live["failing"][0] = 1
    recorder.live["last_error"][:9] = list(b"disk full")
    bench.on_disk()
    word = seen.log(bench.now_ns)
    assert (word.frames, word.durable_utc_ns, word.failing, word.last_error) == (7, 12345, True, "disk full")
    recorder.live["failing"][0] = 0
    bench.on_disk()
    word = seen.log(bench.now_ns)
    assert (word.failing, word.last_error) == (False, "")
    frame = bench.scan.frame
    for _ in range(31):
        bench.later(0.1)
        bench.scan.time()
        bench.on_disk(frame)
        word = seen.log(bench.now_ns)
    assert (word.failing, word.last_error) == (False, "")
    for _ in range(3):
        bench.later(0.1)
        bench.on_disk(frame)
        word = seen.log(bench.now_ns)
    assert (word.failing, word.last_error) == (True, LOG_LATE)
    word = seen.log(bench.now_ns + SECOND_NS // 2)
    assert (word.failing, word.last_error) == (True, RECORDER_AWAY)


def test_processes_are_up_starting_silent_ending_or_down_and_who_rests_is_told(bench, seen):
    supervisor = writer(bench, Role.SUPERVISOR)
    supervisor.live["pid"][:] = [11, 12, 13, 0, 15]
    supervisor.live["starts"][:] = [1, 2, 1, 9, 1]
    supervisor.live["gave_up"][3] = 1
    supervisor.publish()
    bench.recorder.say(ProcessState.READY)
    writer(bench, Role.FIELD, ProcessState.STARTING)
    writer(bench, Role.FEEDS, ProcessState.ENDING)
    told = seen.processes(bench.now_ns)
    assert [(p["role"], p["pid"], p["state"]) for p in told] == [
        ("supervisor", 0, "up"),
        ("recorder", 11, "up"),
        ("field", 12, "starting"),
        ("scan", 13, "up"),
        ("gateway", 0, "down"),
        ("feeds", 15, "ending"),
    ]
    assert [p["starts"] for p in told] == [1, 1, 2, 1, 9, 1]
    assert [p["role"] for p in told if p["gave_up"]] == [CHILDREN[3]]
    later = {p["role"]: p["state"] for p in seen.processes(bench.now_ns + SECOND_NS)}
    assert (later["supervisor"], later["recorder"], later["scan"]) == ("up", "silent", "silent")
    assert seen.processes(bench.now_ns + 2 * SECOND_NS)[0]["state"] == "silent"


def test_what_the_scan_asked_of_the_machine_is_told_with_what_it_got(bench, seen):
    bench.scan.writer.live["realtime"][:] = [1, 0, 1, 0, 1, 1]
    bench.scan.publish()
    told = seen.realtime()
    assert [w["name"] for w in told] == [*REALTIME, PROMPT]
    assert [w["held"] for w in told] == [True, False, True, False, True, True, False]
    assert [w["wanted"] for w in told] == [True, True, True, False, True, True, True]  # no processor was named
    field = writer(bench, Role.FIELD)
    field.live["prompt"][0] = 1
    field.publish()
    assert seen.realtime()[-1]["held"]
