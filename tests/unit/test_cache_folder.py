"""Where no cache can be written a process compiles into a folder of its own, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOADER = """
from plantctl.plan.load import cache_folder
folder = cache_folder()
assert cache_folder() == folder, "each call makes another one"
(folder / "compiled").mkdir()
print(folder)
"""
SIMULATOR = """
import pathlib, sys
from simulators import compiled
module = compiled._load("x = 1\\n", ())
print(pathlib.Path(module.__file__).parents[1])
"""


def folder_of(code, place):
    """Where a process without a cache has compiled to."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place), "PLANTCTL_CACHE": "/proc/no/cache"}
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, env=environment, capture_output=True, check=True, text=True, timeout=60)
    return Path(done.stdout.strip())


def test_a_controller_without_a_cache_leaves_no_folder_behind(tmp_path):
    assert folder_of(LOADER, tmp_path).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_simulator_without_a_cache_leaves_no_folder_behind(tmp_path):
    assert folder_of(SIMULATOR, tmp_path).parent == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_process_that_was_killed_goes_with_the_next_one_and_that_of_a_living_one_stays(tmp_path):
    for number in (999_999_999, os.getpid()):
        (tmp_path / f"plantctl-cache-{number}-abc" / "inner").mkdir(parents=True)
    folder_of(LOADER, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [f"plantctl-cache-{os.getpid()}-abc"]
