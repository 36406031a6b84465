"""`plantctl run` as a process: one holder a plant, a durable log at the end, a socket that stands rude clients."""

import json
import os
import pwd
import resource
import signal
import socket
import stat
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.process.command_rig import IN_ONE, bench, ended, plantctl, running, running_bench, surroundings, wait


def connection(folder):
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(10)
    link.connect(str(folder / "control.sock"))
    return link, link.makefile("rb")


def asked(folder, line):
    link, lines = connection(folder)
    with link, lines:
        with suppress(BrokenPipeError):  # who is one too many is told so and shown out before it has asked
            link.sendall(line)
        return json.loads(lines.readline())


@pytest.fixture(scope="module")
def bench_runs(tmp_path_factory):
    """A plant that runs, for those who only ask: (child, its state folder, the folder of all states, its text)."""
    folder = tmp_path_factory.mktemp("bench")
    with running_bench(folder) as found:
        yield *found, folder / "plant"


def test_a_second_instance_is_refused_and_the_holder_named(bench_runs):
    child, _, state, text = bench_runs
    second = plantctl("run", text, *IN_ONE, state=state)
    assert second.returncode == 5
    assert f"is held by process {child.pid} (plantctl run" in second.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_ended_by_a_signal_leaves_a_log_to_read_and_to_replay(tmp_path, number):
    with running_bench(tmp_path) as (child, folder, state):
        wait(lambda: asked(folder, b'{"snapshot": true}\n')["scans"] > 5)
        child.send_signal(number)
        code, _, complaint = ended(child)
    assert code == 0
    assert complaint.startswith("Bench runs;")
    assert sorted(p.name for p in folder.iterdir()) == ["history", "holder", "log"]
    assert plantctl("history", "10-AY-2", state=state).stdout.splitlines()[-1].endswith("2 L/h  good")
    replayed = plantctl("exec", tmp_path / "plant", "--from", folder, "--out", tmp_path / "out.csv", state=state)
    assert replayed.returncode == 0
    assert "every recorded value equal bit for bit" in replayed.stderr


def test_a_run_survives_the_kill_of_another_and_takes_its_place(tmp_path):
    with running_bench(tmp_path) as (child, folder, state):
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        assert (folder / "control.sock").exists()
        asking = plantctl("get", "10-AY-2", state=state)
        assert asking.returncode == 3
        assert "no plant answers" in asking.stderr
        with running("run", tmp_path / "plant", *IN_ONE, state=state) as again:
            wait(lambda: plantctl("get", "10-AY-2", state=state).returncode == 0, child=again)


def test_a_run_dies_with_the_parent_that_it_names(tmp_path):
    # A shell that is not the parent named: the child must not start at all.
    done = plantctl("run", bench(tmp_path / "plant"), "--with-parent", 1, state=tmp_path / "state")
    assert done.returncode == 3
    assert "the process that started this one is gone" in done.stderr


def test_the_socket_is_the_users_alone_and_the_actor_is_who_the_kernel_says(bench_runs):
    _, folder, state, _ = bench_runs
    assert stat.S_IMODE((folder / "control.sock").stat().st_mode) == 0o600
    refused = plantctl("set", "10-AY-2", "1", "--reason", "a try", state=state)
    assert refused.returncode == 4
    # Other things may have happened since: values arrive while a plant starts.
    events = asked(folder, b'{"snapshot": true}\n')["events"]
    event = next(e for e in reversed(events) if e["kind"] == "refused")
    assert event["actor"] == f"{pwd.getpwuid(os.getuid()).pw_name} (uid {os.getuid()})"


def test_a_live_view_does_not_delay_the_end_of_the_plant(tmp_path):
    with running_bench(tmp_path) as (child, folder, state), running("top", "--plain", state=state) as view:
        assert " scan " in view.stdout.readline()
        child.send_signal(signal.SIGTERM)
        assert ended(child)[0] == 0
        code, _, complaint = ended(view)
        assert code == 3
        assert "went away" in complaint
        assert not (folder / "control.sock").exists()


def test_a_client_that_hangs_up_in_the_middle_of_an_answer_does_not_end_the_plant(bench_runs):
    child, folder, *_ = bench_runs
    for _ in range(20):
        link, lines = connection(folder)
        link.sendall(b'{"snapshot": true}\n' * 50)
        lines.close()
        link.close()
    wait(lambda: asked(folder, b'{"snapshot": true}\n').get("plant") == "Bench", limit_s=10)
    assert child.poll() is None


def test_the_33rd_client_is_told_so_and_the_others_are_served(bench_runs):
    _, folder, *_ = bench_runs
    links = []
    for _ in range(32):
        link, lines = connection(folder)
        link.sendall(b'{"get": ["10-AY-2"]}\n')
        assert "points" in json.loads(lines.readline())
        links.append((link, lines))
    assert "32 clients" in asked(folder, b'{"get": ["10-AY-2"]}\n')["error"]
    links[0][0].sendall(b'{"get": ["10-AY-2"]}\n')
    assert "points" in json.loads(links[0][1].readline())
    links[0][1].close()
    links.pop(0)[0].close()
    wait(lambda: "points" in asked(folder, b'{"get": ["10-AY-2"]}\n'), limit_s=10)
    for link, lines in links:
        lines.close()
        link.close()


def test_two_plants_need_a_name_and_a_path_of_any_length_will_do(tmp_path):
    deep = tmp_path / ("a" * 90) / ("b" * 90)
    other = bench(tmp_path / "other")
    text = (other / "plant.yaml").read_text().replace("Bench", "Other")
    (other / "plant.yaml").write_text(text)
    plant = bench(tmp_path / "plant")
    with (
        running("run", plant, *IN_ONE, state=deep) as one,
        running("run", other, *IN_ONE, state=deep) as two,
    ):
        wait((deep / "Bench" / "control.sock").exists, child=one)
        wait((deep / "Other" / "control.sock").exists, child=two)
        unclear = plantctl("get", "10-AY-2", state=deep)
        assert unclear.returncode == 3
        assert "several plants run: Bench, Other; name one with --plant" in unclear.stderr
        assert plantctl("get", "10-AY-2", "--plant", "Other", state=deep).returncode == 0
        two.send_signal(signal.SIGTERM)
        assert ended(two)[0] == 0
        assert plantctl("get", "10-AY-2", state=deep).returncode == 0


def test_a_state_folder_that_cannot_be_made_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    done = plantctl("run", bench(tmp_path / "plant"), *IN_ONE, state=tmp_path / "file")
    assert done.returncode == 3
    assert "file/Bench cannot be used: not a directory; name another with --state DIR" in done.stderr


def test_a_plant_whose_ids_cannot_be_written_is_not_run(tmp_path):
    plant = bench(tmp_path / "plant")
    # No more than this may be written to a file: the same end as a full disk, and root meets it too.
    limits = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))  # noqa: E731
    done = subprocess.run(
        [sys.executable, "-m", "plantctl", "run", str(plant), *IN_ONE],
        env=surroundings(tmp_path / "state"),
        preexec_fn=limits,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "plantctl.lock cannot be written: file too large" in done.stderr
    assert [p.name for p in plant.iterdir()] == ["plant.yaml"]
