"""How long the field process of the demo stands still on a busy machine, and how often that costs its grant.

`make campaign NAME=field-under-load`, a quarter of an hour; ARGS="60 8 16" rides 60 s each beside 8 and 16 processes
that compute, each in a session of its own as a person would start it. The whole demo runs in processes with its
simulator. Whoever looks at the heartbeat does so with real-time priority, every 2 ms, so that it is the field that is
measured. Rides: what a root or a service unit gets (`granted`), and what an ordinary user's plant
gets, which asks for nothing (`plain`).

Of each stand above 0.1 s it is told how much of it the field computed, by the kernel's account of its time.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks._record import ROOT, record
from benchmarks._split_plant import needed
from plantctl.app.split.deadline import wait_punctually
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import LOGS_NAME
from tests.process.command_rig import processes_about, wait
from tests.process.split_rig import Split
from tests.process.split_watch import now_ns

# setpriv takes away what root could ask for: the field is then as any process of a user.
RIDES = {"granted": (), "plain": ("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice")}
DEMO = ROOT / "config" / "demo"
LOADS = (0, 8, 16)
SECONDS = 120.0
LOOK_NS = 2_000_000
LOOK_PRIORITY = 40
TOLD_NS = 100_000_000
LIMITS_MS = (100, 300, 500, 1000)


@contextmanager
def loaded(count):
    """So many processes that compute, each in a session of its own, while the block runs: the kernel shares by groups
    first, and a session is one where nobody says otherwise.
    """
    line = ["stress-ng", "--cpu", "1", "--quiet"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tempfile.gettempdir()}
    children = [subprocess.Popen(line, start_new_session=True, **quiet) for _ in range(count)]
    try:
        yield
        assert all(child.poll() is None for child in children), "stress-ng ended too soon"
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(30)


@contextmanager
def looking_closely():
    """This process is not kept from looking while the block runs."""
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(LOOK_PRIORITY))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def computed_ns(pid):
    """How long the kernel let the main thread of a process compute, ns."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0])


def stands(plant, seconds):
    """Every time between two heartbeats of the field, ns, and of the long ones what it computed meanwhile."""
    segment, pid = plant.segment(Role.FIELD), plant.pid(Role.FIELD)
    found, told = [], []
    look_ns = now_ns()
    end_ns = look_ns + round(seconds * 1e9)
    last_ns, computed = segment.heartbeat_ns, computed_ns(pid)
    while look_ns < end_ns:
        look_ns += LOOK_NS
        wait_punctually(look_ns)
        beat_ns = segment.heartbeat_ns
        if beat_ns != last_ns:
            stood_ns, before = beat_ns - last_ns, computed
            last_ns, computed = beat_ns, computed_ns(pid)
            found.append(stood_ns)
            if stood_ns > TOLD_NS:
                told.append({"stood_ms": stood_ns // 1_000_000, "computed_ms": (computed - before) // 1_000_000})
    return sorted(found), told


@contextmanager
def demo(folder, before):
    """The whole demo with its simulator, working, in a session of its own; it ends with the block."""
    line = [*before, sys.executable, "-m", "plantctl", "demo", "--plain", "--page", "0", "--state", str(folder)]
    said = folder / "said"
    with said.open("w") as out:
        child = subprocess.Popen(
            line, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait(lambda: " scan " in said.read_text(), child=child, what="the demo does not start")
        (number,) = [n for n in processes_about(f"--state {folder} --page") if n != child.pid]
        yield Split(Supervising(number), folder, folder / "simulators", DEMO)
    finally:
        child.terminate()
        child.wait(60)


@dataclass(frozen=True)
class Supervising:
    """The supervisor that the demo has started, as the rig asks for it."""

    pid: int

    @staticmethod
    def poll():
        return None


def ride(folder, before, count, seconds):
    """One demo beside one load: its figures."""
    with demo(folder, before) as plant:
        if plant.value("scan.held"):
            plant.release()
        plant.let_pass(5.0)
        generation = plant.segment(Role.FIELD).generation
        scheduled = os.sched_getscheduler(plant.pid(Role.FIELD)), os.getpriority(0, plant.pid(Role.FIELD))
        with loaded(count), looking_closely():
            found, told = stands(plant, seconds)
        lost = plant.segment(Role.FIELD).generation - generation
        held = plant.value("scan.held")
        words = [
            line
            for line in (plant.folder / LOGS_NAME / "field.jsonl").read_text().splitlines()
            if "stood still" in line
        ]
    return {
        "policy": scheduled[0],
        "niceness": scheduled[1],
        "grants_lost": lost,
        "held_at_the_end": held,
        "p99_ms": round(found[len(found) * 99 // 100] / 1e6, 1),
        "longest_ms": round(found[-1] / 1e6, 1),
        **{f"above_{limit}_ms": sum(ns > limit * 1_000_000 for ns in found) for limit in LIMITS_MS},
        "told": len(words),
        "longest": sorted(told, key=lambda t: -t["stood_ms"])[:5],
    }


def main():
    needed({"stress-ng": "stress-ng"})
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    loads = [int(word) for word in sys.argv[2:] if word.isdigit()] or LOADS
    names = [word for word in sys.argv[2:] if word in RIDES] or list(RIDES)
    found = {}
    for name in names:
        for count in loads:
            with tempfile.TemporaryDirectory() as folder:
                found[f"{name}, {count} beside"] = ride(Path(folder), RIDES[name], count, seconds)
            print(f"{name}, {count} beside: {found[f'{name}, {count} beside']}", file=sys.stderr, flush=True)
    record("field-under-load", {"seconds": seconds, **found})
    return 0


if __name__ == "__main__":
    sys.exit(main())
