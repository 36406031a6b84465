"""The demo from end to end: real processes, real sockets, real time; it starts, shows, records and leaves nothing."""

import os
import re
import shutil
import signal

import pytest

from tests.process.command_rig import DEMO as ONE_CELL
from tests.process.command_rig import ended, plantctl, processes_about, running, wait

# The demo as people start it rides circuit A once; what its other ways share is asked of one cell, which starts sooner.
ONE = ("demo", "--plant", ONE_CELL, "--topology", "one", "--plain")


@pytest.mark.timeout(400)
def test_the_demo_in_one_process_shows_live_values_records_and_leaves_nothing(tmp_path):
    state, scratch = tmp_path / "state", tmp_path / "scratch"
    scratch.mkdir()
    done = plantctl(*ONE, "--seconds", 5, state=state, limit_s=360, TMPDIR=str(scratch))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if " scan " in line]
    assert len(lines) >= 3
    shows_a_plant_at_work(lines[-1], "RECT-01 up")
    assert "mode 40-AIC-4212 auto: accepted" in done.stdout
    assert "sim fault pump-trip" in done.stdout
    recorded(state)
    assert processes_about(tmp_path) == []
    assert list(scratch.iterdir()) == []
    assert sorted(p.name for p in (state / "Circuit-A").iterdir()) == ["history", "holder", "log"]


@pytest.mark.timeout(400)
def test_the_demo_releases_its_outputs_controls_all_of_circuit_a_records_and_leaves_nothing(tmp_path):
    state, scratch = tmp_path / "state", tmp_path / "scratch"
    scratch.mkdir()
    words = ("demo", "--page", 0, "--seconds", 5, "--plain")
    done = plantctl(*words, state=state, limit_s=360, TMPDIR=str(scratch))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "release plant: accepted" in done.stdout
    assert "mode 40-AIC-4212 auto: accepted" in done.stdout
    assert "sim fault pump-trip" in done.stdout
    lines = [line for line in done.stdout.splitlines() if " scan " in line]
    assert len(lines) >= 3
    assert "HELD" not in lines[-1]
    shows_a_plant_at_work(lines[-1], "PLC-4 up SIS-4 up GW-4A up", "RECT-04 up")
    recorded(state)
    assert processes_about(tmp_path) == []
    assert list(scratch.iterdir()) == []
    left = {p.name for p in (state / "Circuit-A").iterdir()}
    assert left == {"history", "holder", "log", "logs", "retained-0", "retained-1", "security", "sessions.json"}
    assert [p.name for p in (state / "simulators").iterdir()] == ["security"]
    assert "OPC UA links are signed and encrypted" in done.stdout
    password = (state / "Circuit-A" / "security" / "plc-4.password").read_text().strip()
    assert password not in done.stdout + done.stderr
    for folder in ("log", "logs"):
        assert not any(password.encode() in p.read_bytes() for p in (state / "Circuit-A" / folder).iterdir())


def shows_a_plant_at_work(line, *devices):
    """The live line of a plant that controls: its devices answer, its loop is in auto, its cell has current."""
    for device in devices:
        assert device in line
    assert "40-AIC-4212 auto PV " in line
    assert 1.0 < float(re.search(r"40-II-4010 (\S+) A", line)[1]) < 110.0


def recorded(state):
    """The last seconds can be asked for when the demo has ended."""
    rows = plantctl("history", "40-AI-4212", "--last", "3s", state=state)
    assert rows.returncode == 0
    assert rows.stdout.count(" pH  good, simulated  source ") >= 2


@pytest.mark.timeout(400)
def test_a_killed_demo_takes_its_children_with_it(tmp_path):
    state = tmp_path / "state"
    with running(*ONE, "--state", state, state=state) as child:
        wait((state / "Circuit-A" / "control.sock").exists, child=child)
        children = [number for number in processes_about(state) if number != child.pid]
        assert len(children) == 2
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
        wait(lambda: not any(number in processes_about(state) for number in children), limit_s=20)


@pytest.mark.timeout(400)
def test_a_fault_by_name_reaches_the_demos_plant_and_sigterm_ends_it_in_order(tmp_path):
    state, scratch = tmp_path / "state", tmp_path / "scratch"
    scratch.mkdir()
    with running(*ONE, state=state, TMPDIR=str(scratch)) as child:
        wait((state / "Circuit-A" / "control.sock").exists, child=child)
        fault = plantctl("sim", "fault", "pump-trip", state=state)
        assert (fault.returncode, fault.stdout) == (0, "pump-trip on pump\n")
        second = plantctl(*ONE, "--seconds", 1, state=state, limit_s=240)
        assert second.returncode == 5
        assert "a simulator answers at" in second.stderr
        child.send_signal(signal.SIGTERM)
        code, _, complaint = ended(child)
    assert (code, complaint) == (128 + signal.SIGTERM, "")
    assert processes_about(tmp_path) == []
    assert list(scratch.iterdir()) == []


TOUR = """\
time_s,do,what,with,text
0,say,,,a short one
1,set,40-IC-4010,60,less current
1,fault,pump-trip,,the pump fails
6,try set,40-HS-4010,1,refused while it stands
6,clear,pump-trip,,it is mended
"""


@pytest.mark.timeout(400)
def test_a_tour_is_played_on_the_running_plant_with_a_line_for_each_step(tmp_path):
    plant, state = tmp_path / "plant", tmp_path / "state"
    shutil.copytree(ONE_CELL, plant)
    (plant / "tour.csv").write_text(TOUR)
    words = ("demo", "--plant", plant, "--topology", "one", "--tour", "--seconds", 1, "--plain")
    done = plantctl(*words, state=state, limit_s=360)
    assert done.returncode == 0, done.stdout + done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("tour: ")]
    assert said == [f"tour: {line.split(',')[4]}" for line in TOUR.splitlines()[1:]]
    assert "demo: set 40-IC-4010 60: " in done.stdout
    assert "demo: fault pump-trip: pump-trip on pump" in done.stdout
    assert "demo: set 40-HS-4010 1: refused - E1-01 is tripped" in done.stdout
    assert "demo: clear pump-trip: cleared 1" in done.stdout
    assert processes_about(tmp_path) == []


def test_a_tour_that_is_not_there_is_told_before_anything_starts(tmp_path):
    done = plantctl("demo", "--plant", ONE_CELL, "--tour", "--plain", state=tmp_path)
    assert (done.returncode, "tour.csv: no such file" in done.stderr) == (3, True)
    assert done.stdout == ""


def test_a_demo_of_a_plant_that_is_not_there_says_so(tmp_path):
    done = plantctl("demo", "--plant", tmp_path / "nowhere", "--plain", state=tmp_path)
    assert done.returncode == 3
    assert (
        done.stderr
        == f"plantctl: there is no plant at {tmp_path}/nowhere: name a plant.yaml or the folder that holds one\n"
    )
