"""The supervisor over real processes: how a plant starts, runs, loses a process, and ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from plantctl.app.split.segments import CHILDREN, Role
from plantctl.app.split.supervisor import ENDS
from plantctl.app.state_folder import LOCK_NAME
from plantctl.core.segment import ProcessState
from tests.process.command_rig import ROOT, ended, wait
from tests.process.split_bench import START_S, Sight, supervised


def told(folder, role):
    """What the process of `role` wrote into its log."""
    return [json.loads(line) for line in (folder / "logs" / f"{role}.jsonl").read_text().splitlines()]


def opened(pid):
    """What a process has open: (descriptor, what it is, whether it may write)."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        flags = (Path(f"/proc/{pid}/fdinfo") / entry.name).read_text()
        mode = int(next(line.split()[1] for line in flags.splitlines() if line.startswith("flags")), 8) & os.O_ACCMODE
        found.append((int(entry.name), os.readlink(entry).split(" ")[0], mode != os.O_RDONLY))
    return found


@pytest.fixture(scope="module")
def plant(tmp_path_factory):
    """A plant that runs, for those who only look: (its folder, the supervisor, what can be seen of it)."""
    folder = tmp_path_factory.mktemp("plant")
    with supervised(folder) as child:
        yield folder, child, Sight(child.pid)


def test_a_child_holds_what_it_was_handed_and_writes_its_own_segment_only(plant):
    folder, _, sight = plant
    for role, pid in sight.row("pid").items():
        held = opened(pid)
        assert {(what, writable) for _, what, writable in held if what.startswith("/memfd:")} == {
            ("/memfd:plantctl-plan", True),  # opened for both, sealed against every write
            *((f"/memfd:plantctl-{other}", other == role) for other in Role),
        }
        wakes = [what for _, what, _ in held if "eventfd" in what]
        assert len(wakes) == {Role.SCAN: 2, Role.FIELD: 1, Role.GATEWAY: 1}.get(role, 0)
        assert {what for number, what, _ in held if number > 2 and "memfd" not in what and "eventfd" not in what} == {
            f"{folder}/logs/{role}.jsonl",
            f"{folder}/logs/{role}.stack",
        }
        assert (0, "/dev/null", True) in held
        assert (folder / f"{role}.refused").read_text().split() == sorted(other for other in Role if other != role)


def test_the_start_is_in_order_and_everybody_is_told_of_it(plant):
    folder, child, sight = plant
    pids = sight.row("pid")
    line = child.stdout.readline()
    assert line.startswith(f"Bench runs in processes: supervisor {child.pid}, recorder {pids[Role.RECORDER]}, ")
    what = [line["message"] for line in told(folder, "supervisor")]
    assert max(what.index("recorder is ready"), what.index("field is ready")) < what.index("scan starts")
    assert what.index("scan is ready") < min(what.index("gateway starts"), what.index("feeds starts"))
    assert sight.segment(Role.SUPERVISOR).state == ProcessState.READY
    assert told(folder, "scan")[0]["pid"] == pids[Role.SCAN]


def test_a_second_instance_is_refused_and_the_holder_named(plant):
    folder, child, sight = plant
    with supervised(folder, ready=False) as second:
        code, _, complaint = ended(second)
    assert code == 5
    assert f"is held by process {child.pid} (a bench); end that first" in complaint
    assert child.poll() is None
    assert any(what.endswith(LOCK_NAME) for _, what, _ in opened(child.pid))
    assert not [1 for pid in sight.row("pid").values() for _, what, _ in opened(pid) if what.endswith(LOCK_NAME)]


def test_a_killed_child_is_back_with_a_new_generation_and_the_others_do_not_notice(tmp_path):
    with supervised(tmp_path) as child:
        sight = Sight(child.pid)
        for number, role in enumerate(CHILDREN):
            pids, generations = sight.row("pid"), sight.generations()
            os.kill(pids[role], signal.SIGKILL)
            after = generations | {role: generations[role] + 1}
            wait(lambda after=after: sight.generations() == after and sight.ready(), limit_s=START_S, child=child)
            wait(lambda role=role: sight.row("starts")[role] == 2, limit_s=10, child=child)
            assert sight.row("exit")[role] == -signal.SIGKILL
            assert {r: p for r, p in sight.row("pid").items() if r != role} == {
                r: p for r, p in pids.items() if r != role
            }
            assert sum(sight.row("starts").values()) == len(CHILDREN) + number + 1
        assert sight.row("gave_up") == dict.fromkeys(CHILDREN, 0)
        child.send_signal(signal.SIGTERM)
        code, _, complaint = ended(child)
        assert code == 0
        assert complaint.count("was ended by signal 9 (killed); it is started again at once") == len(CHILDREN)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_plant_ends_in_order(tmp_path, number):
    with supervised(tmp_path) as child:
        # Ctrl-C by hand on a child, as a terminal would send it to all: it is the supervisor's to act on.
        for pid in Sight(child.pid).row("pid").values():
            os.kill(pid, signal.SIGINT)
        child.send_signal(number)
        assert ended(child)[0] == 0
    order = (tmp_path / "ended").read_text().split()
    assert sorted(order[:2]) == sorted(ENDS[0])
    assert order[2:] == [Role.SCAN, Role.FIELD, Role.RECORDER]
    assert told(tmp_path, "supervisor")[-1]["message"] == "ends"
    assert told(tmp_path, "recorder")[-1]["fields"] == {"exit": 0}


def test_a_child_that_is_deaf_is_killed_and_the_others_still_end_in_order(tmp_path):
    (tmp_path / "gateway.order").write_text("deaf")
    with supervised(tmp_path, end_s=0.5) as child:
        child.send_signal(signal.SIGHUP)
        code, _, complaint = ended(child)
    assert code == 0
    assert "does not end: killed" in complaint
    ends = [
        (x["message"], x["fields"]["exit"]) for x in told(tmp_path, "supervisor") if x["message"].endswith(" ended")
    ]
    assert ends[0] == ("feeds ended", 0)
    assert ends[1] == ("gateway ended", -signal.SIGKILL)
    assert (tmp_path / "ended").read_text().split() == [Role.FEEDS, Role.SCAN, Role.FIELD, Role.RECORDER]


def test_a_second_ctrl_c_hurries(tmp_path):
    for role in CHILDREN:
        (tmp_path / f"{role}.order").write_text("deaf")
    with supervised(tmp_path, end_s=1000, hurried_s=0.1) as child:
        sight = Sight(child.pid)
        child.send_signal(signal.SIGINT)
        wait(lambda: sight.segment(Role.SUPERVISOR).state == ProcessState.ENDING, limit_s=10, child=child)
        child.send_signal(signal.SIGINT)
        assert ended(child)[0] == 0


def silent(ear, limit_s):
    """Whether an ear hears nothing more; what is under way comes first."""
    ear.settimeout(limit_s)
    for _ in range(20):
        try:
            ear.recv(4096)
        except TimeoutError:
            return True
    return False


def test_systemd_hears_of_the_start_the_life_and_the_end(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(20)
        heard = lambda: ear.recv(4096).decode().splitlines()  # noqa: E731
        watched = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with supervised(tmp_path / "plant", ready=False, environment=watched) as child:
            assert heard() == ["READY=1", "STATUS=Bench runs; not ready: gateway, feeds"]
            life = 0
            while (line := heard()) != ["STATUS=Bench runs"]:
                life += line == ["WATCHDOG=1"]
            assert life > 0
            sight = Sight(child.pid)
            os.kill(sight.row("pid")[Role.FEEDS], signal.SIGKILL)
            while (line := heard()) == ["WATCHDOG=1"]:
                pass
            assert line == ["STATUS=Bench runs; not ready: feeds"]
            while heard() != ["STATUS=Bench runs"]:
                pass
            scan = sight.row("pid")[Role.SCAN]
            names = Path(f"/proc/{scan}/environ").read_text().split("\0")
            assert not [name for name in names if name.startswith(("NOTIFY", "WATCHDOG"))]
            os.kill(scan, signal.SIGSTOP)
            assert silent(ear, limit_s=1.0), "it told of a life five times as long as the watchdog's"
            ear.settimeout(20)
            os.kill(scan, signal.SIGCONT)
            assert heard() == ["WATCHDOG=1"]
            child.send_signal(signal.SIGTERM)
            while (line := heard()) == ["WATCHDOG=1"]:
                pass
            assert line == ["STOPPING=1", "STATUS=Bench ends"]
            assert ended(child)[0] == 0


def test_a_role_started_by_hand_says_how_it_is_started():
    for text in ("", "{}", "[]", '{"parent": 1}', '{"parent": "x"}'):
        done = subprocess.run(
            [sys.executable, "-m", "plantctl.app.split.entry", "scan", text],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 3
        assert done.stderr.startswith("plantctl: the supervisor of this process is gone; it is started by")
