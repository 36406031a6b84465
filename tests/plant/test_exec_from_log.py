"""`exec --from LOG`: a recorded run, fed to its plan again, gives every recorded value bit for bit; a log that says
something else is found out.
"""

import asyncio
import time

import pytest

from plantctl.cli.main import main
from plantctl.core.clock import RealClock
from plantctl.core.command import EXPECT_MISMATCH, Command, Stage
from plantctl.core.frame import Kind, decode_frame, decode_rows, encode_frame
from plantctl.core.quality import SIMULATED
from plantctl.log.files import load_file, log_names
from plantctl.log.storage import ReadOnlyFolder
from tests.plant.circuit_rig import DEMO, demo_plan, run_circuit, running_circuit

REAL_LIMIT_S = 90.0
BLOCKED_S = 0.45

pytestmark = pytest.mark.usefixtures("signals_stay")


def replayed(folder, tmp_path, capsys):
    """The exit code of the replay and what it said."""
    code = main(["exec", str(DEMO), "--from", str(folder), "--out", str(tmp_path / "out.csv")])
    return code, capsys.readouterr().err


async def operate(circuit):
    """Some seconds with commands, refused ones too, and a loop that moves."""
    await circuit.until(lambda: circuit.quality("40-FI-4013") == SIMULATED, 30.0, "the field")
    for verb, target, value in (("set", "40-SC-4216", 80), ("set", "40-HS-4216", 1), ("reset", "CELL-01", "")):
        await circuit.command(verb, target, value)
    await circuit.command("set", "40-HS-4010", 1)
    await circuit.command("mode", "40-AIC-4212", "auto")
    await circuit.wait(2.0)


def run_real(script, folder):
    """The circuit in real time for as long as `script` takes, its devices in the same loop."""

    async def whole():
        async with running_circuit(RealClock(), demo_plan(), folder, 1, "running", True) as circuit:
            await script(circuit)
            return circuit

    return asyncio.run(asyncio.wait_for(whole(), REAL_LIMIT_S))


def test_a_virtual_run_gives_its_values_again(tmp_path, capsys):
    async def script(circuit):
        await circuit.start_up()
        circuit.faults.inject("nan", "40-FI-4013")
        await circuit.wait(8.0)

    circuit = run_circuit(script, tmp_path / "log")
    code, said = replayed(tmp_path / "log", tmp_path, capsys)
    assert (code, said) == (0, f"{circuit.running.scans} scans replayed, every recorded value equal bit for bit\n")


def test_a_run_in_which_what_a_person_saw_was_no_longer_so_gives_its_values_again(tmp_path, capsys):
    stages = []

    async def script(circuit):
        await circuit.until(lambda: circuit.quality("40-FI-4013") == SIMULATED, 30.0, "the field")
        await circuit.command("set", "40-SC-4216", 80)
        for value, seen in ((70, "60"), (75, "80")):
            asked = Command("set", "40-SC-4216", str(value), "test", "test", expect=seen)
            assert circuit.running.submit(asked, lambda result: stages.append((result.stage, result.code)))
            await circuit.wait(2.0)
        assert circuit.value("40-SC-4216") == 75.0

    run_circuit(script, tmp_path / "log")
    assert stages[0] == (Stage.REFUSED, EXPECT_MISMATCH)
    assert stages[1][0] is Stage.ACCEPTED
    code, said = replayed(tmp_path / "log", tmp_path, capsys)
    assert code == 0, said


@pytest.mark.timeout(150)
def test_a_real_run_gives_its_values_again(tmp_path, capsys):
    circuit = run_real(operate, tmp_path / "log")
    code, said = replayed(tmp_path / "log", tmp_path, capsys)
    assert code == 0, said
    assert circuit.running.scans > 20


@pytest.mark.timeout(150)
def test_a_real_run_that_missed_scans_gives_its_values_again(tmp_path, capsys):
    blocked = []

    async def script(circuit):
        def block():
            if not blocked and circuit.value("40-AIC-4212.mode") == 4:
                blocked.append(circuit.running.scans)
                end = time.perf_counter() + BLOCKED_S
                while time.perf_counter() < end:
                    pass

        circuit.listen(block)
        await operate(circuit)

    circuit = run_real(script, tmp_path / "log")
    assert blocked
    assert circuit.running.schedule.overruns >= 3, "more than four periods were gone"
    code, said = replayed(tmp_path / "log", tmp_path, capsys)
    assert code == 0, said


def test_a_log_in_which_one_output_was_changed_is_found_out(tmp_path, capsys):
    run_circuit(operate, tmp_path / "log")
    scan, name = flip_an_output(tmp_path / "log", demo_plan())
    code, said = replayed(tmp_path / "log", tmp_path, capsys)
    assert code == 1
    assert f"scan {scan}, {name}:" in said


def flip_an_output(folder, plan):
    """Change the lowest bit of one computed value in the middle of the log, with a right sum; its scan and name."""
    names = {p.id: p.name for p in plan.points}
    outputs = {p.id for p in plan.points if p.name == "40-AIC-4212.p"}
    (name,) = log_names(ReadOnlyFolder(folder).names())
    log_file = load_file(ReadOnlyFolder(folder), name)
    data = bytearray((folder / name).read_bytes())
    for offset in log_file.index.offset[len(log_file.index) // 2 :].tolist():
        frame = decode_frame(data, offset)
        if frame.kind != Kind.DELTA:
            continue
        rows = decode_rows(frame.payload)
        for k, tag in enumerate(rows.tag.tolist()):
            if tag in outputs:
                payload = bytearray(frame.payload)
                payload[payload.index(rows.value[k].tobytes())] ^= 1
                changed = encode_frame(
                    frame.kind, frame.sequence, frame.scan, frame.mono_ns, frame.plan_hash, bytes(payload)
                )
                data[offset : offset + len(changed)] = changed
                (folder / name).write_bytes(data)
                return frame.scan, names[tag]
    raise AssertionError("no computed value in the log")
