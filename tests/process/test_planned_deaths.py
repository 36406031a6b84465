"""Any part of a running cell may die at any moment: what must not notice, does not; what must, makes the cell safe."""

import signal

import numpy as np
import pytest

from plantctl.app.split.segments import Role
from plantctl.core.quality import BAD, SEVERITY_MASK
from tests.process.command_rig import wait
from tests.process.split_rig import split

pytestmark = pytest.mark.timeout(300)
BYSTANDERS = (Role.GATEWAY, Role.FEEDS, Role.RECORDER)
INPUTS = ("40-FI-4013", "40-AI-4212", "40-II-4010")


def missing(frames):
    """The sequences that are not in the log."""
    sequences = np.array([frame.sequence for frame in frames])
    return np.flatnonzero(np.diff(np.unique(sequences)) != 1)


def test_the_death_of_a_bystander_is_noticed_by_nobody_and_leaves_no_gap(tmp_path):
    with split(tmp_path) as plant:
        plant.operate()
        scan = plant.pid(Role.SCAN)
        for role in BYSTANDERS:
            plant.kill(role)
            plant.let_pass(0.5)
        assert plant.pid(Role.SCAN) == scan
        assert plant.value("scan.held") == 0.0
        assert plant.true("cell.current_a") == pytest.approx(85.0, abs=2.0)
        assert plant.ask({"get": ["40-II-4010"]})["points"][0]["quality"] == "good"
        plant.child.send_signal(signal.SIGTERM)
        plant.child.communicate(timeout=30)
        frames = plant.frames()
        assert not len(missing(frames))


def test_a_field_that_is_killed_loses_the_release_although_it_is_back_at_once(tmp_path):
    with split(tmp_path) as plant:
        plant.operate()
        generation = plant.segment(Role.FIELD).generation
        plant.send(Role.FIELD, signal.SIGKILL)
        plant.wait(lambda: all((plant.quality(n) & SEVERITY_MASK) >= BAD for n in INPUTS), 2.0)
        plant.wait(lambda: plant.segment(Role.FIELD).generation > generation)
        # The rectifier's own watchdog ends the current, since nobody may write.
        plant.wait(lambda: abs(plant.true("cell.current_a")) < 1.0, 10.0)
        assert plant.value("scan.held") == 1.0
        refused = plant.command("set", "40-SC-4216", "70")["stages"][-1]
        assert (refused["stage"], refused["code"]) == ("refused", "not-permitted")
        plant.release()
        plant.done("set", "40-SC-4216", "70")


def test_a_scan_that_is_killed_leaves_the_cell_safe_and_goes_on_only_with_a_person(tmp_path):
    with split(tmp_path) as plant:
        plant.operate()
        plant.kill(Role.SCAN)
        plant.wait(lambda: abs(plant.true("cell.current_a")) < 1.0, 5.0)
        plant.wait(lambda: plant.scans() > 3)
        assert plant.value("scan.held") == 1.0
        plant.let_pass(1.0)
        assert abs(plant.true("cell.current_a")) < 1.0, "nothing starts by itself"
        plant.wait(lambda: (plant.quality("40-FY-4215") & SEVERITY_MASK) == 0)
        device = plant.value("40-FY-4215")
        plant.release()
        first = plant.value("40-FC-4215")
        assert first == pytest.approx(device, abs=0.001 * 10.0)
        assert abs(plant.true("cell.current_a")) < 1.0


def test_a_scan_that_stands_still_is_dead_to_the_field_and_writes_nothing_when_it_is_back(tmp_path):
    with split(tmp_path) as plant:
        plant.operate()
        with plant.stopped(Role.SCAN):
            plant.wait(lambda: abs(plant.true("cell.current_a")) < 1.0, 5.0)
        plant.wait(lambda: plant.value("scan.held") == 1.0)
        plant.let_pass(1.0)
        assert abs(plant.true("cell.current_a")) < 1.0


@pytest.mark.parametrize("role", [Role.SCAN, Role.FIELD])
def test_a_stop_of_less_than_three_scans_trips_nothing(tmp_path, role):
    with split(tmp_path) as plant:
        plant.operate()
        for _ in range(3):
            with plant.stopped(role):
                plant.let_pass(0.2)
            plant.let_pass(1.0)
        assert plant.value("scan.held") == 0.0
        assert plant.true("cell.current_a") == pytest.approx(85.0, abs=2.0)


def test_the_death_of_the_supervisor_leaves_nobody_and_a_safe_cell(tmp_path):
    with split(tmp_path) as plant:
        plant.operate()
        pids = [plant.pid(role) for role in (*BYSTANDERS, Role.SCAN, Role.FIELD)]
        plant.child.send_signal(signal.SIGKILL)
        plant.child.wait(10)
        wait(lambda: not any(alive(pid) for pid in pids), 5.0)
        wait(lambda: abs(plant.true("cell.current_a")) < 1.0, 10.0)


def alive(pid):
    """Whether a process of that number runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
