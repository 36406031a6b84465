"""Any part of a working cell may die at any moment: what must not notice, does not; what must, makes the cell safe.

All situations ride one plant, one after the other in any order; each brings the cell to work first. What they hold the
plant to is in `split_deaths`; `make campaign NAME=planned-deaths` rides them many times.
"""

import shutil
import signal
from contextlib import ExitStack

import numpy as np
import pytest

from plantctl.app.split.segments import REALTIME, Role
from plantctl.app.state_folder import LOG_NAME
from plantctl.cli.exit_code import UNKNOWN_INPUT
from plantctl.core.clock import RealClock
from plantctl.core.frame import Kind
from plantctl.core.quality import Reason, uncertain_because
from plantctl.log.reader import read_frames, runs
from plantctl.log.recovery import find_end
from plantctl.log.storage import ReadOnlyFolder
from tests.process import split_deaths as deaths
from tests.process.command_rig import DEMO, plantctl
from tests.process.split_rig import split
from tests.process.split_watch import five_readers, gaps, now_ns, punctuality, wishes

pytestmark = pytest.mark.timeout(240)
# The recorder commits once a second; the scan tells the tag once a second, and a busy machine takes its time.
DURABLE_S = 3.0
OPEN_S = 2.0
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Where the plant of this file lives; started by the first who needs it, again by whoever finds it dead."""
    with ExitStack() as running:
        yield {"running": running, "folder": tmp_path_factory.mktemp("deaths"), "count": 0}


@pytest.fixture
def plant(place):
    if "plant" not in place or place["plant"].child.poll() is not None:
        place["running"].close()
        place["count"] += 1
        folder = place["folder"] / str(place["count"])
        folder.mkdir()
        place["plant"] = place["running"].enter_context(split(folder))
    return place["plant"]


def test_the_deaths_and_stops_of_bystanders_cost_no_deadline_no_reader_and_no_frame(plant):
    plant.operate()
    begin_ns = now_ns()
    with punctuality(plant) as quiet:
        plant.let_pass(6.0)
    with five_readers(plant), punctuality(plant) as killed:
        for role in deaths.BYSTANDERS:
            deaths.killed_bystander(plant, role)
            deaths.stopped_bystander(plant, role, 0.7)
        plant.let_pass(0.5)
    assert killed[0].missed <= quiet[0].missed, f"without kills {quiet[0]}, with kills {killed[0]}"
    assert killed[0].late <= quiet[0].late, f"without kills {quiet[0]}, with kills {killed[0]}"
    frames = plant.frames()
    assert gaps(frames) == [], "the log has gaps"
    assert frames[-1].mono_ns > begin_ns


def test_a_field_that_is_killed_in_a_ramp_shows_bad_inputs_and_loses_the_release_however_soon_it_is_back(plant):
    figures = deaths.killed_field(plant)
    assert figures["back_s"] < deaths.BACK_LIMIT_S
    released_ns = now_ns()
    plant.operate()
    rise, fall, rise_most, fall_most = deaths.steepest(plant, "40-IC-4010", released_ns)
    assert 0.5 * rise_most < max(rise, fall), "the current was not brought back"
    assert rise <= 1.000001 * rise_most, f"{rise} A/s up"
    assert fall <= 1.000001 * fall_most, f"{fall} A/s down"


def test_a_scan_that_is_killed_leaves_the_cell_safe_and_goes_on_only_with_a_person(plant):
    plant.operate()
    died_ns = now_ns()
    figures = deaths.killed_scan(plant)
    end_ns = died_ns + round(figures["safe_s"] * 1e9)
    assert not wishes(plant.frames(), died_ns + deaths.UNDER_WAY_NS, end_ns), "the log tells of wishes of a dead scan"
    assert gaps(plant.frames()) == [], "the log has gaps"


def test_a_scan_that_stands_still_is_dead_to_the_field_and_writes_nothing_when_it_is_back(plant):
    deaths.stopped_scan(plant, 1.0)


def test_a_field_that_stood_still_writes_nothing_stale_when_it_is_back(plant):
    deaths.stopped_field(plant, 1.5)


def test_a_field_whose_loop_is_blocked_for_five_seconds_is_safe_and_its_stack_is_written(plant):
    deaths.blocked_field(plant)


@pytest.mark.parametrize("role", [Role.SCAN, Role.FIELD])
def test_a_stop_of_less_than_three_scans_or_a_second_of_the_field_trips_nothing(plant, role):
    deaths.stopped_shortly(plant, role, deaths.seeded(1), 2)


def test_a_command_that_is_repeated_after_the_scans_death_is_not_done_twice(plant):
    plant.operate()
    key = f"once {now_ns()}"
    first = plant.command("tune", "40-AIC-4212.gain", "0.123", key=key)["stages"][-1]
    assert first["stage"] == "accepted", first
    plant.command("tune", "40-AIC-4212.gain", "0.2")
    deaths.killed_scan(plant)
    again = plant.command("tune", "40-AIC-4212.gain", "0.123", key=key)["stages"][-1]
    assert (again["stage"], again["code"]) == ("accepted", "")
    record = plant.plan.addresses["40-AIC-4212.gain"]
    rows = plant.plan.kinds[record.kind]
    records = plant.columns(Role.SCAN)[f"records.{rows.kind.name}"].view(rows.rows.dtype)
    assert records["gain"][record.row] == 0.2, "the command was done twice"


def test_every_run_of_a_log_with_deaths_in_it_is_replayed_bit_for_bit(plant, tmp_path):
    if len(runs(plant.folder / LOG_NAME)) < 2 or plant.segment(Role.FIELD).generation < 2:
        deaths.killed_field(plant)
        deaths.killed_scan(plant)
    log = tmp_path / "log"
    shutil.copytree(plant.folder / LOG_NAME, log)
    found = len(runs(log))
    assert found >= 2, "the second scan process has begun no run of its own"
    for number in (1, found):
        said = replayed(log, number, tmp_path)
        assert said.returncode == 0, f"run {number} of {found}: {said.stderr}"
        assert "every recorded value equal bit for bit" in said.stderr
    assert replayed(log, found + 1, tmp_path).returncode == UNKNOWN_INPUT


def test_a_recorder_that_is_killed_has_lost_nothing_that_was_called_durable(plant, tmp_path):
    plant.operate()
    plant.wait(lambda: plant.value("log.durable_utc") > 0.0)
    assert now_utc_s() - plant.value("log.durable_utc") < DURABLE_S, "the tag `log.durable_utc` is old"
    said = plant.columns(Role.RECORDER)
    durable, durable_s = int(said["durable_sequence"][0]), int(said["durable_utc_ns"][0]) / 1e9
    pid, generation = plant.send(Role.RECORDER, signal.SIGKILL), plant.segment(Role.RECORDER).generation
    assert now_utc_s() - durable_s < DURABLE_S, f"more than {DURABLE_S} s of the log were not durable"
    log = shutil.copytree(plant.folder / LOG_NAME, tmp_path / "log")
    injured(log)
    for place in sorted(tmp_path.iterdir()):
        begin_ns = now_ns()
        end = find_end(ReadOnlyFolder(place))
        assert (now_ns() - begin_ns) / 1e9 < OPEN_S, f"a {place.name} takes too long to open"
        assert end.sequence >= durable, f"a {place.name} ends at {end.sequence}, {durable} was called durable"
        lost = len(gaps([frame for _, frame in read_frames(place)]))
        assert lost == (place.name == "log with a flipped bit"), f"a {place.name} has {lost} gaps"
    plant.wait(lambda: plant.replaced(Role.RECORDER, pid, generation))
    plant.wait(lambda: int(plant.columns(Role.RECORDER)["durable_sequence"][0]) > durable + 20)
    assert gaps(plant.frames()) == [], "the next recorder has left a gap"


def test_a_clock_that_is_set_by_an_hour_and_back_moves_no_output_and_costs_no_scan_and_no_frame(plant):
    plant.operate()
    begin_ns = now_ns()
    with punctuality(plant) as kept:
        for offset_s in (HOUR_S, 0.0):
            steps = plant.value("clock.steps")
            plant.set_clock(offset_s)
            plant.wait(lambda told=steps + 1: plant.value("clock.steps") == told, 10.0, "the step is not seen")
            assert plant.value("clock.synchronised") == 0.0
            assert plant.quality("clock.synchronised") == uncertain_because(Reason.CLOCK)
            plant.let_pass(2.0)
            assert plant.value("clock.steps") == steps + 1, "one step was told more than once"
    assert plant.working(), "control has noticed that the clock was set"
    assert kept[0].missed == 0, kept
    frames = [(utc_ns, frame) for utc_ns, frame in plant.dated_frames() if frame.mono_ns > begin_ns]
    assert gaps([frame for _, frame in frames]) == [], "the log has gaps"
    deltas = [(utc_ns, frame) for utc_ns, frame in frames if frame.kind == Kind.DELTA]
    assert np.diff([frame.scan for _, frame in deltas]).tolist() == [1] * (len(deltas) - 1), "a scan is lost or doubled"
    moves = np.diff([utc_ns - frame.mono_ns for utc_ns, frame in deltas])
    assert [round(move / 1e9) for move in moves if abs(move) > 100_000_000] == [HOUR_S, -HOUR_S]


def injured(log):
    """Copies of a log beside it: one with a bit flipped in its middle, one torn behind its end."""
    for injury in ("flipped bit", "torn end"):
        copy = shutil.copytree(log, log.with_name(f"log with a {injury}"))
        file = max(copy.iterdir(), key=lambda f: f.stat().st_size)
        data = bytearray(file.read_bytes())
        if injury == "torn end":
            data += data[-300:-100]
        else:
            data[len(data) // 2] ^= 1
        file.write_bytes(data)


def now_utc_s():
    """UTC as the machine believes, s."""
    return RealClock().utc_ns() / 1e9


def test_a_scan_process_never_looks_for_garbage(plant):
    assert plant.columns(Role.SCAN)["realtime"][REALTIME.index("garbage")] == 1


def replayed(log, number, folder):
    """One run of a log fed to its plan again."""
    words = ("exec", DEMO, "--from", log, "--run", number, "--out", folder / "out.csv")
    return plantctl(*words, state=folder, limit_s=120.0)


def test_the_death_of_the_supervisor_leaves_nobody_and_a_safe_cell(plant):
    deaths.killed_supervisor(plant)
