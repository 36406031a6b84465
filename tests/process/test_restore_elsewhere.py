"""A backup that somebody else restores on another machine, as far as one machine can be another.

A fresh home, another user, zone, language and umask; the programs are processes of their own. What the answers are is
compared with those from where the backup was made, letter by letter.
"""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

from plantctl.cli.main import main
from plantctl.log.storage import FolderStorage
from tests.history_bench import SCAN_NS, Plant

ROOT = Path(__file__).resolve().parents[2]
ASKED = (
    ("history", "A-1", "B-2", "--last", "1h", "--csv"),
    ("trend", "A-1", "--last", "1h", "--width", "80", "--height", "12"),
)


def test_the_answers_are_the_same_for_another_user_in_another_home_zone_and_language(tmp_path, capfd):
    here, home = tmp_path / "here" / "bench", tmp_path / "home" / "ünal"
    home.mkdir(parents=True)
    plant = Plant(Random(3), FolderStorage(here / "log"), FolderStorage(here / "history"), span_ns=100 * SCAN_NS)
    for _ in range(4):
        plant.scan(80)
        plant.seal()
    plant.stop(70 * SCAN_NS)
    plant.scan(30)
    plant.keep()
    backup = tmp_path / "carried.tar"
    assert main(["backup", str(here), str(backup)]) == 0
    capfd.readouterr()
    right = []
    for words in ASKED:
        assert main([*words, "--from", str(here)]) == 0
        right.append(capfd.readouterr().out)
    kept = {name: os.environ[name] for name in ("PATH", "NUMBA_CACHE_DIR") if name in os.environ}
    env = {**kept, "HOME": str(home), "USER": "ünal", "LOGNAME": "ünal", "TZ": "Asia/Kolkata", "LC_ALL": "C"}
    env |= {"PYTHONPATH": str(ROOT), "COLUMNS": "40"}

    def said(*words):
        call = [sys.executable, "-m", "plantctl", *words]
        done = subprocess.run(call, env=env, cwd=home, umask=0o077, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    assert "plant bench" in said("restore", str(backup))
    assert [said(*words, "--plant", "bench") for words in ASKED] == right
    (found,) = home.rglob("bench")
    assert "all sound" in said("history", "check", str(found))
    assert {path.stat().st_mode & 0o077 for path in found.rglob("*")} == {0}, "nobody else may read what it holds"
