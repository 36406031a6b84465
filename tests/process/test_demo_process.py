"""The demo from end to end: real processes, real sockets, real time; it starts, shows, records and leaves nothing."""

import os
import re
import shutil
import signal

import pytest

from tests.process.command_rig import DEMO as ONE_CELL
from tests.process.command_rig import ended, plantctl, processes_about, running, wait


@pytest.mark.timeout(400)
def test_the_demo_starts_shows_live_values_records_and_leaves_nothing(tmp_path):
    state, scratch = tmp_path / "state", tmp_path / "scratch"
    scratch.mkdir()
    done = plantctl(
        "demo", "--topology", "one", "--seconds", 5, "--plain", state=state, limit_s=360, TMPDIR=str(scratch)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if " scan " in line]
    assert len(lines) >= 3
    assert "PLC-4 up SIS-4 up GW-4A up" in lines[-1]
    assert "RECT-04 up" in lines[-1]
    assert "40-AIC-4212 auto PV " in lines[-1]
    current = float(re.search(r"40-II-4010 (\S+) A", lines[-1])[1])
    assert 1.0 < current < 110.0
    assert "mode 40-AIC-4212 auto: accepted" in done.stdout
    assert "sim fault pump-trip" in done.stdout

    rows = plantctl("history", "40-AI-4212", "--last", "3s", state=state)
    assert rows.returncode == 0
    assert rows.stdout.count(" pH  good  source ") >= 2

    assert processes_about(tmp_path) == []
    assert list(scratch.iterdir()) == []
    assert sorted(p.name for p in (state / "Circuit-A").iterdir()) == ["history", "holder", "log", "security"]
    assert [p.name for p in (state / "simulators").iterdir()] == ["security"]
    assert "OPC UA links are signed and encrypted" in done.stdout
    password = (state / "Circuit-A" / "security" / "plc-4.password").read_text().strip()
    assert password not in done.stdout + done.stderr
    assert not any(password.encode() in p.read_bytes() for p in (state / "Circuit-A" / "log").iterdir())


@pytest.mark.timeout(400)
def test_the_demo_in_processes_releases_its_outputs_controls_and_leaves_nothing(tmp_path):
    state = tmp_path / "state"
    done = plantctl("demo", "--topology", "split", "--page", 0, "--seconds", 5, "--plain", state=state, limit_s=360)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "release plant: accepted" in done.stdout
    assert "mode 40-AIC-4212 auto: accepted" in done.stdout
    last = [line for line in done.stdout.splitlines() if " scan " in line][-1]
    assert "HELD" not in last
    assert "PLC-4 up SIS-4 up GW-4A up" in last
    assert "RECT-04 up" in last
    assert "40-AIC-4212 auto PV " in last
    assert 1.0 < float(re.search(r"40-II-4010 (\S+) A", last)[1]) < 110.0
    assert processes_about(tmp_path) == []
    assert "control.sock" not in [p.name for p in (state / "Circuit-A").iterdir()]


@pytest.mark.timeout(400)
def test_a_killed_demo_takes_its_children_with_it(tmp_path):
    state = tmp_path / "state"
    with running("demo", "--topology", "one", "--plain", "--state", state, state=state) as child:
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
    with running("demo", "--topology", "one", "--plain", state=state, TMPDIR=str(scratch)) as child:
        wait((state / "Circuit-A" / "control.sock").exists, child=child)
        fault = plantctl("sim", "fault", "pump-trip", state=state)
        assert (fault.returncode, fault.stdout) == (0, "pump-trip on pump\n")
        second = plantctl("demo", "--topology", "one", "--plain", "--seconds", 1, state=state, limit_s=240)
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
3,fault,pump-trip,,the pump fails
9,try set,40-HS-4010,1,refused while it stands
10,clear,pump-trip,,it is mended
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
