"""Nobody survives the supervisor: 20 SIGKILLs at random moments, half of them while the plant starts. And how long a
plant takes to start, and each process to be back after its own SIGKILL.

`make campaign NAME=supervisor-kills`, with another number of kills as its argument.
"""

import json
import os
import random
import select
import signal
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from benchmarks._record import record
from plantctl.app.split.segments import CHILDREN
from tests.process.command_rig import bench, processes_about, running, wait

KILLS, SEED, STARTS = 20, 7, 3
STARTING_S, RUNNING_S = 1.5, 8.0
QUIET = ("--topology", "split", "--interpreted", "--page", "0")


def start(folder):
    return running("run", bench(folder / "plant"), *QUIET, state=folder / "state")


def lines(folder):
    path = folder / "state" / "Bench" / "logs" / "supervisor.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def times(folder, what):
    return [datetime.fromisoformat(x["time"]).timestamp() for x in lines(folder) if x["message"].startswith(what)]


def kill_once(chance, starting):
    """Kill the supervisor at a random moment after it began to start children: who survived, when the last was gone."""
    with tempfile.TemporaryDirectory() as name, start(Path(name)) as child:
        folder = Path(name)
        wait(lambda: times(folder, "recorder starts"), child=child)
        after_s = chance.uniform(0.0, STARTING_S if starting else RUNNING_S)
        select.select([], [], [], after_s)
        known = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        descriptors = [os.pidfd_open(int(pid)) for pid in known]
        began_s = time.monotonic()
        child.send_signal(signal.SIGKILL)
        for descriptor in descriptors:
            select.select([descriptor], [], [], 10.0)
            os.close(descriptor)
        gone_s = time.monotonic() - began_s
        child.wait(10)
        try:
            wait(lambda: not processes_about(f'"parent": {child.pid},'), limit_s=5)
        except AssertionError:
            return after_s, len(known), gone_s, len(processes_about(f'"parent": {child.pid},'))
        return after_s, len(known), gone_s, 0


def start_and_kill_children():
    """Seconds from the supervisor's start until all are ready; and from each child's death until it is ready again."""
    with tempfile.TemporaryDirectory() as name, start(Path(name)) as child:
        folder = Path(name)
        ready = lambda: [len(times(folder, f"{role} is ready")) for role in CHILDREN]  # noqa: E731
        wait(lambda: all(ready()), child=child)
        begun = times(folder, "starts")[0]
        starts = {role: times(folder, f"{role} is ready")[0] - begun for role in CHILDREN}
        back = {}
        for role in CHILDREN:
            pid = [x["fields"]["pid"] for x in lines(folder) if x["message"] == f"{role} starts"][-1]
            descriptor = os.pidfd_open(pid)
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            os.close(descriptor)
            wait(lambda role=role: len(times(folder, f"{role} is ready")) == 2, child=child)
            back[role] = times(folder, f"{role} is ready")[1] - times(folder, f"{role} was ended")[0]
        pages = int(Path(f"/proc/{child.pid}/statm").read_text().split()[1])
        child.send_signal(signal.SIGTERM)
        told_s = time.monotonic()
        child.wait(30)
        return max(starts.values()), starts, back, time.monotonic() - told_s, pages * os.sysconf("SC_PAGE_SIZE")


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    chance = random.Random(SEED)
    done = [kill_once(chance, number % 2 == 0) for number in range(kills)]
    runs = [start_and_kill_children() for _ in range(STARTS)]
    survivors = sum(d[3] for d in done)
    middle = lambda values: round(statistics.median(values) * 1e3)  # noqa: E731
    record(
        "supervisor-kills",
        {
            "kills": kills,
            "seed": SEED,
            "children_alive_when_killed": [d[1] for d in done],
            "survivors": survivors,
            "last_child_gone_ms_max": round(max(d[2] for d in done) * 1e3, 1),
            "plant_ready_ms": middle(r[0] for r in runs),
            "ready_after_start_ms": {role: middle(r[1][role] for r in runs) for role in CHILDREN},
            "back_after_kill_ms": {role: middle(r[2][role] for r in runs) for role in CHILDREN},
            "clean_end_ms": middle(r[3] for r in runs),
            "supervisor_rss_mb": round(max(r[4] for r in runs) / 2**20),
        },
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
