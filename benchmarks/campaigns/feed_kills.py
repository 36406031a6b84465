"""Kills the processes that hold what is durable a thousand times and more, at random moments, at full rate.

`make campaign NAME=feed-kills` or `python -m benchmarks.campaigns.feed_kills [MOMENTS]` (default 1,000, in two plants
side by side). At each moment feeds, recorder (which seals and keeps the retained state), scan, or several of them get
SIGKILL; a fifth of them once more while they start. 5,000 rows a second are recorded and go to a strict database, in
one plant 900 of them at QoS 1 to a strict broker. At the end the peer, log and history must hold the same rows and
transitions, every scan up to what was called durable, each lane in order.

`start_s_max` is from the beginning of a process to its first commit, of the feeds until the peer took their first batch
or has all that is durable, modules loaded; `_cpu` is what that took of a processor. `modules_s_max` is what an
interpreter takes to begin and load them, beside the plants. `... feed_kills starts` kills one plant alone sixty times,
for these figures of a machine at rest.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._record import record
from tests.process.feed_kills import LIBRARY, kills

ROOT = Path(__file__).parents[2]
PLANTS = (("influx", 64 << 20), ("mqtt", 1 << 20))
MODULES = ("plantctl.app.split.recorder", f"plantctl.app.split.feeds, plantctl.sinks.influx, {LIBRARY}")


def modules_s(times=5):
    """The longest that an interpreter takes to load what a process of the plant needs."""
    worst = 0.0
    for _ in range(times):
        for names in MODULES:
            began_s = time.monotonic()
            subprocess.run([sys.executable, "-c", f"import {names}"], cwd=ROOT, check=True, timeout=60)
            worst = max(worst, time.monotonic() - began_s)
    return worst


def at_rest():
    """How long starts take where nothing else does anything."""
    with tempfile.TemporaryDirectory() as name:
        found = kills(name, 60, 7, *PLANTS[0])
    told = {"moments": 60, "killed": found["killed"], "start_s_max": found["start_s_max"], "modules_s_max": modules_s()}
    record("feed-kills-starts", told)


def main():
    if sys.argv[1:] == ["starts"]:
        return at_rest()
    moments = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        running = []
        for number, (kind, file_bytes) in enumerate(PLANTS):
            words = [f"{name}/{number}", str(-(-moments // len(PLANTS))), str(number), kind, str(file_bytes)]
            command = [sys.executable, "-m", "tests.process.feed_kills", *words]
            running.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
        modules = modules_s()
        told = [child.communicate()[0] for child in running]
        if any(child.returncode for child in running):
            sys.exit("a plant lost something, or did not come back: see above")
    found = [json.loads(each) for each in told]
    names = ("recorder", "feeds", "recorder_cpu", "feeds_cpu")
    starts = {name: max(each["start_s_max"].get(name, 0.0) for each in found) for name in names}
    figures = {
        "moments": -(-moments // len(PLANTS)) * len(PLANTS),
        "killed": sum(each["killed"] for each in found),
        "roles": {role: sum(each["roles"].get(role, 0) for each in found) for role in ("scan", "recorder", "feeds")},
        "rows": sum(each["rows"] for each in found),
        "events": sum(each["events"] for each in found),
        "sealed_files": sum(each["sealed_files"] for each in found),
        "lost": 0,
        "wrong": 0,
        "out_of_order": 0,
        "delivered_twice": sum(each["delivered_twice"] for each in found),
        "twice_at_peer": 0,
        "start_s_max": {role: round(each, 3) for role, each in starts.items()},
        "modules_s_max": round(modules, 3),
        "seconds": round(time.monotonic() - began_s),
    }
    record("feed-kills", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
