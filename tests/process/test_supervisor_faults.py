"""The supervisor when things go wrong: it dies itself, children will not start, stand still, or die again and again."""

import json
import os
import random
import signal

import pytest

from plantctl.app.split.segments import CHILDREN, Role
from plantctl.app.state_folder import held
from plantctl.core.clock import RealClock
from tests.process.command_rig import ended, processes_about, wait
from tests.process.split_bench import START_S, Sight, supervised


def survivors(folder, supervisor):
    """Children of a supervisor that is gone: by their argument, or, not yet themselves, by its command line."""
    return processes_about(f'"parent": {supervisor},') + processes_about(folder)


# CI's sample of the campaign: once while the processes are being started, once at any time.
@pytest.mark.parametrize(("seed", "latest_s"), [(1, 0.5), (2, 2.0)])
def test_nobody_survives_the_supervisor(tmp_path, seed, latest_s):
    with supervised(tmp_path, ready=False) as child:
        wait(lambda: Sight(child.pid).row("starts")[Role.RECORDER], limit_s=START_S, child=child)
        clock = RealClock()
        until_ns = clock.monotonic_ns() + round(random.Random(seed).uniform(0, latest_s) * 1e9)
        wait(lambda: clock.monotonic_ns() >= until_ns, child=child)
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        wait(lambda: not survivors(tmp_path, child.pid), limit_s=10)
    with held(tmp_path, "the next"):
        pass


def test_a_recorder_that_cannot_start_does_not_keep_the_scan_from_starting(tmp_path):
    (tmp_path / "recorder.order").write_text("crash")
    few = {"deaths": 2, "first_s": 0.01, "rest_s": 1.0}
    with supervised(tmp_path, ready=False, before_next_s=0.5, restarts=few) as child:
        sight = Sight(child.pid)
        wait(lambda: sight.row("pid")[Role.GATEWAY], limit_s=START_S, child=child)
        wait(lambda: sight.row("gave_up")[Role.RECORDER], limit_s=START_S, child=child)
        (tmp_path / "recorder.order").unlink()
        wait(sight.ready, limit_s=START_S, child=child)
        assert sight.row("starts")[Role.RECORDER] > 3
        assert sight.row("gave_up")[Role.RECORDER] == 1, "it is forgiven only after a time of health"
        child.send_signal(signal.SIGTERM)
        code, _, complaint = child.wait(START_S), *child.communicate()
        assert code == 0
        assert complaint.count("RuntimeError: recorder was told to crash") == sight_of_crashes(tmp_path)
        assert "recorder ended with code 1 once more: it has died too often; it is started again in 1.0 s" in complaint


def sight_of_crashes(folder):
    """How many crashes the recorder's own log tells of, each with its traceback."""
    lines = [json.loads(line) for line in (folder / "logs/recorder.jsonl").read_text().splitlines()]
    crashes = [line for line in lines if line["message"] == "crashed: recorder was told to crash"]
    assert all("in live" in line["traceback"] for line in crashes)
    return len(crashes)


@pytest.mark.parametrize("role", [Role.SCAN, Role.FIELD])
def test_a_plant_whose_control_dies_again_and_again_ends_in_its_safe_state(tmp_path, role):
    with supervised(tmp_path, restarts={"deaths": 1, "first_s": 0.01}) as child:
        sight = Sight(child.pid)
        (tmp_path / f"{role}.order").write_text("crash")
        os.kill(sight.row("pid")[role], signal.SIGKILL)
        code, _, complaint = child.wait(START_S), *child.communicate()
        assert code == 3
        assert f"{role} ended with code 1 too often: the plant ends" in complaint
    order = (tmp_path / "ended").read_text().split()
    assert order[2:] == [r for r in (Role.SCAN, Role.FIELD, Role.RECORDER) if r != role]


def test_a_child_that_does_not_become_ready_is_killed_and_tried_again(tmp_path):
    (tmp_path / "feeds.order").write_text("unready")
    with supervised(tmp_path, ready=False, ready_s=4.0, restarts={"deaths": 100}) as child:
        sight = Sight(child.pid)
        wait((tmp_path / "feeds.refused").exists, limit_s=START_S, child=child)
        (tmp_path / "feeds.order").unlink()
        wait(sight.ready, limit_s=START_S, child=child)
        assert sight.row("exit")[Role.FEEDS] == -signal.SIGKILL


def test_a_child_that_stands_still_shows_its_stack_and_is_replaced(tmp_path):
    (tmp_path / "gateway.order").write_text("hang")
    with supervised(tmp_path, ready=False, check_s=0.1, checks_still=[2, 1000, 10]) as child:
        sight = Sight(child.pid)
        stack = tmp_path / "logs" / "gateway.stack"
        wait(lambda: stack.exists() and "stand_still_here" in stack.read_text(), limit_s=START_S, child=child)
        (tmp_path / "gateway.order").unlink()
        wait(lambda: sight.row("starts")[Role.GATEWAY] == 2 and sight.ready(), limit_s=START_S, child=child)
        child.send_signal(signal.SIGTERM)
        code, _, complaint = ended(child)
        assert code == 0
        assert f"stands still; its stack is in {stack}" in complaint
        assert "stood still for 1.0 s: killed" in complaint
        starts = json.loads((tmp_path / "logs/supervisor.jsonl").read_text().splitlines()[0])
        assert starts["message"] == "starts"


def test_a_supervisor_that_was_stopped_for_a_while_blames_nobody(tmp_path):
    with supervised(tmp_path, check_s=0.15, checks_still=[5, 10, 10]) as child:
        sight = Sight(child.pid)
        pids = sight.row("pid")
        everybody = [child.pid, *pids.values()]
        clock = RealClock()
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        until_ns = clock.monotonic_ns() + 2_000_000_000
        wait(lambda: clock.monotonic_ns() >= until_ns)
        # The worst order: it looks at everybody's heartbeat before they can beat again.
        ours = sight.segment(Role.SUPERVISOR)
        before_ns = ours.heartbeat_ns
        os.kill(child.pid, signal.SIGCONT)
        wait(lambda: ours.heartbeat_ns > before_ns, START_S, child)
        for pid in pids.values():
            os.kill(pid, signal.SIGCONT)
        beats = {role: sight.segment(role).heartbeat_ns for role in CHILDREN}
        wait(lambda: all(sight.segment(r).heartbeat_ns > beats[r] + 300_000_000 for r in CHILDREN), START_S, child)
        assert sight.row("pid") == pids


def test_a_plant_outlives_whoever_read_what_it_says(tmp_path):
    with supervised(tmp_path, ready=False) as child:
        child.stdout.close()
        child.stderr.close()
        sight = Sight(child.pid)
        wait(sight.ready, limit_s=START_S)
        os.kill(sight.row("pid")[Role.FEEDS], signal.SIGKILL)
        wait(lambda: sight.generations()[Role.FEEDS] == 2 and sight.ready(), limit_s=START_S)
        child.send_signal(signal.SIGTERM)
        child.wait(START_S)
    assert (tmp_path / "ended").read_text().split()[2:] == [Role.SCAN, Role.FIELD, Role.RECORDER]
