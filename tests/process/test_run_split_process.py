"""`plantctl run --topology split` as a person meets it: it says who runs, answers, refuses a second one, and ends."""

import re
import signal
from pathlib import Path

from tests.process.command_rig import bench, ended, plantctl, running, wait

QUIET = ("--interpreted", "--priority", "0", "--no-lock-memory", "--no-awake", "--page", "0")


def test_a_plant_in_processes_answers_ends_in_order_and_leaves_a_log_to_replay(tmp_path):
    state, plant = tmp_path / "state", bench(tmp_path / "plant")
    with running("run", plant, "--topology", "split", *QUIET, state=state) as child:
        wait(lambda: " 2 L/h  " in plantctl("get", "10-AY-2", state=state).stdout, child=child)
        again = plantctl("run", plant, "--topology", "split", state=state)
        assert again.returncode == 5
        assert f"is held by process {child.pid} (plantctl run" in again.stderr
        pids = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        child.send_signal(signal.SIGTERM)
        code, _, complaint = ended(child)
    assert code == 0
    said = re.match(r"Bench runs in processes: supervisor (\d+), (.*?); its state", complaint)
    assert int(said[1]) == child.pid
    assert {who.split()[0] for who in said[2].split(", ")} == {"recorder", "field", "scan", "gateway", "feeds"}
    assert {who.split()[1] for who in said[2].split(", ")} == set(pids)
    folder = state / "Bench"
    left = {p.name for p in folder.iterdir()}
    assert left >= {"holder", "log", "logs"}
    assert "control.sock" not in left
    replayed = plantctl("exec", plant, "--from", folder, "--out", tmp_path / "out.csv", state=state)
    assert "every recorded value equal bit for bit" in replayed.stderr
