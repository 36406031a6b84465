"""The machine's UTC is set while the plant runs (F9): control does not notice, and data lose and repeat nothing."""

import csv
import io

import numpy as np
import pytest

from plantctl.cli.main import main
from plantctl.core.frame import Kind, decode_rows
from plantctl.core.quality import GOOD, SIMULATED, Reason, uncertain_because
from plantctl.log.reader import read_frames
from plantctl.log.storage import ReadOnlyFolder
from tests.plant.circuit_rig import run_circuit

S = 1_000_000_000
HOUR_S = 3600.0
BEFORE_S, AFTER_S = 5.0, 63.0
TAG = "40-FI-4013"

pytestmark = pytest.mark.usefixtures("signals_stay")


def stepped_run(folder, step_s):
    """A run whose UTC is set by `step_s` in its middle: the circuit, and what was seen at the step and after it."""
    found = {}

    async def script(circuit):
        await circuit.until(lambda: circuit.quality(TAG) == GOOD | SIMULATED, 30.0, "the field")
        await circuit.wait(BEFORE_S)
        found["scan"] = circuit.running.scans
        circuit.clock.start_utc_ns += round(step_s * S)
        await circuit.wait(2.0)
        found["doubt"] = circuit.value("clock.synchronised"), circuit.quality("clock.synchronised")
        await circuit.wait(AFTER_S)
        found["after"] = circuit.value("clock.synchronised"), circuit.quality("clock.synchronised")

    return run_circuit(script, folder), found


def history(folder, last, capsys):
    """The rows of `plantctl history`: UTC texts and values."""
    assert main(["history", TAG, "--last", last, "--from", str(folder), "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    return [row["utc"] for row in rows], [float(row["value"]) for row in rows]


@pytest.mark.parametrize("step_s", [HOUR_S, -HOUR_S, 1.0, -1.0])
def test_a_step_of_utc_loses_nothing_repeats_nothing_and_is_told_once(tmp_path, capsys, step_s):
    circuit, found = stepped_run(tmp_path, step_s)
    frames = [(utc_ns, frame) for utc_ns, frame in read_frames(ReadOnlyFolder(tmp_path))]
    assert np.diff([frame.sequence for _, frame in frames]).tolist() == [1] * (len(frames) - 1)
    deltas = [(utc_ns, frame) for utc_ns, frame in frames if frame.kind == Kind.DELTA]
    assert [frame.scan for _, frame in deltas] == list(range(circuit.running.scans)), "each scan is there, once"
    assert circuit.running.schedule.overruns == 0
    steps_s = {dt for _, frame in deltas for dt in decode_rows(frame.payload).dt_s.tolist()}
    assert steps_s <= {0.0} | {task.period_ns / S for task in circuit.running.plan.tasks}, "control saw no other step"
    assert np.all(np.diff([frame.mono_ns for _, frame in deltas]) > 0)

    told = [e for e in circuit.events if e.target == "clock.steps"]
    assert [(e.old, e.new) for e in told] == [(0, 1)]
    way = "forward" if step_s > 0 else "back"
    assert told[0].reason == f"UTC was set {way} by {abs(step_s):.3f} s"
    assert found["doubt"] == (0.0, uncertain_because(Reason.CLOCK))
    assert found["after"] == (1.0, GOOD)

    # The step shows in the data within the second between two time frames, and only there.
    moves = np.diff([utc_ns - frame.mono_ns for utc_ns, frame in deltas])
    (at,) = np.flatnonzero(moves)
    assert moves[at] == round(step_s * S)
    assert 0 <= deltas[at + 1][1].scan - found["scan"] <= S / circuit.running.plan.period_ns

    utc, values = history(tmp_path, "50s", capsys)
    assert utc == sorted(set(utc)), "in order, each row once"
    written = rows_of(circuit, [frame for _, frame in deltas])
    assert values[1:] == written[len(written) - len(values) + 1 :], "the last minute as it was scanned"
    assert len(values) > 20


def rows_of(circuit, deltas):
    """Every value of the tag in the log, oldest first."""
    tag = int(circuit.running.plan.ids[circuit.running.plan.rows[TAG]])
    found = []
    for frame in deltas:
        rows = decode_rows(frame.payload)
        found += rows.value[rows.tag == tag].tolist()
    return found
