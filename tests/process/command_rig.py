"""Runs plantctl as people do, in processes of its own, and ends by number what it started."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from plantctl.core.clock import RealClock

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "tests" / "plant" / "one_cell"
START_S = 240.0  # the first start on a machine compiles blocks and model
STEP_S = 0.02
WOKEN_NS = 30_000_000  # a sleep of STEP_S is over by then on a machine that is not starved
IN_ONE = ("--topology", "one", "--interpreted")
BENCH = """\
plant: {name: Bench, text: a number and its double}
tasks: {fast: 100 ms}
area: 10
tags:
  AY-1: {service: a laboratory value, unit: L/h, range: [0, 10], initial: 1 L/h}
calculated:
  AY-2: {expression: "2 * {AY-1}", unit: L/h, service: twice}
"""


def bench(folder):
    """A plant without devices; its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plant.yaml").write_text(BENCH)
    return folder


def surroundings(state, **more):
    return {**os.environ, "PLANTCTL_STATE": str(state), "PYTHONPATH": str(ROOT), "COLUMNS": "100", **more}


def plantctl(*arguments, state, limit_s=60.0, **more):
    """One verb to its end: code, output, complaint. Nobody ever sees a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "plantctl", *map(str, arguments)],
        env=surroundings(state, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


@contextmanager
def running(*arguments, state, module="plantctl", **more):
    """A verb that keeps running; killed by its number if it still runs at the end."""
    child = subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=surroundings(state, **more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
        child.communicate(timeout=10)


@contextmanager
def running_bench(tmp_path):
    """The bench plant, running and answering: (child, its state folder, the folder of all states)."""
    state = tmp_path / "state"
    with running("run", bench(tmp_path / "plant"), *IN_ONE, state=state) as child:
        wait((state / "Bench" / "control.sock").exists, child=child)
        yield child, state / "Bench", state


def wait(condition, limit_s=START_S, child=None, what="it did not happen in time"):
    """Poll until `condition()` holds; it fails, saying `what`, where time is over or `child` has ended.

    Time for which the machine let this process not go on does not count: others had none either.
    """

    async def polled():
        clock = RealClock()
        end_ns = clock.monotonic_ns() + round(limit_s * 1e9)
        while not condition():
            assert child is None or child.poll() is None, child.communicate()
            now_ns = clock.monotonic_ns()
            assert now_ns < end_ns, what
            await clock.sleep(STEP_S)
            end_ns += max(0, clock.monotonic_ns() - now_ns - WOKEN_NS)

    asyncio.run(polled())


def ended(child, limit_s=30.0):
    """Wait for the end of a child: code, output, complaint."""
    out, complaint = child.communicate(timeout=limit_s)
    assert "Traceback" not in complaint, complaint
    return child.returncode, out, complaint


def processes_about(text):
    """The numbers of all processes whose command line holds `text`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(text) in line and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found
