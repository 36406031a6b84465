"""Kills a plant that seals, again and again, and looks at what is left: for the test and the campaign."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from plantctl.history.reading.query import History
from plantctl.log.storage import ReadOnlyFolder
from tests.process.sealing_plant import RUN

ROOT = Path(__file__).parents[2]


def kill_once(folder, run, told_least, delay_s):
    """Runs the plant until it has told some commits, kills it `delay_s` later; the last count that was on disk."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.process.sealing_plant", str(folder), str(run)], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        told = child.stdout.read(8 * told_least)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(delay_s)
    finally:
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read()
        child.stdout.close()
        child.wait()
    everything = told + rest
    assert len(everything) >= 8 * told_least, "it ended by itself"
    whole = len(everything) // 8 * 8
    return int.from_bytes(everything[whole - 8 : whole], "little")


def look(folder, told):
    """What is left after the kills of runs 1 to n, whose last durable counts are `told`; raises where any is missing.

    Returns the seconds to open the history and to get the first answer, and how many files are sealed.
    """
    begin = time.perf_counter()
    history = History(ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history"))
    history.newest_ns()
    opened_s = time.perf_counter() - begin
    found = history.raw("B-3", 0, 1 << 62)
    counts = found.value.astype(np.int64)
    for run, last in enumerate(told, 1):
        of_run = counts[(counts // RUN == run) & (counts % RUN > 0)]
        assert np.array_equal(of_run, run * RUN + np.arange(1, len(of_run) + 1)), f"run {run}: lost, doubled or moved"
        assert run * RUN + len(of_run) >= last, f"run {run}: {last} was on disk, {run * RUN + len(of_run)} is left"
    assert history.damaged == 0
    sealed = [p.name for p in (folder / "history").iterdir() if p.suffix == ".seg"]
    return opened_s, len(sealed)
