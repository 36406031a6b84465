"""What Python's collector costs a scan (F11): nothing once what was built is frozen, however much that is."""

import gc
import json
import subprocess
import sys

from tests.process.command_rig import ROOT

OBJECTS = 50_000
SCANS = 3_000
LATEST_S = 0.005

# A process of its own: freezing and switching off would stay for all tests that follow.
STORY = f"""
import gc, json, time
from plantctl.app.split.realtime import Wishes, be_punctual
tags = [{{"name": str(i), "value": float(i), "seen": [i]}} for i in range({OBJECTS} // 2)]
begin = time.thread_time(); gc.collect(); before_s = time.thread_time() - begin
(grant,) = [g for g in be_punctual(Wishes(priority=0, lock_memory=False, awake=False)) if g.name == "garbage"]
collections = [g["collections"] for g in gc.get_stats()]
late = []
for n in range({SCANS}):
    begin = time.thread_time()
    made = [[{{"scan": n}} for _ in range(20)] for _ in range(5)]
    late.append(time.thread_time() - begin)
collected = [g["collections"] for g in gc.get_stats()] != collections
begin = time.thread_time(); gc.collect(); after_s = time.thread_time() - begin
late.sort()
print(json.dumps([grant.held, gc.isenabled(), collected, before_s, after_s, late[int(0.999 * len(late))]]))
"""


def test_fifty_thousand_objects_hold_no_scan_up():
    done = subprocess.run([sys.executable, "-c", STORY], cwd=ROOT, capture_output=True, text=True, check=True)
    held, enabled, collected, before_s, after_s, latest_s = json.loads(done.stdout)
    assert gc.isenabled(), "the tests' own interpreter was not touched"
    assert (held, enabled, collected) == (True, False, False), "frozen and off: nothing was collected in any scan"
    assert after_s < before_s, "what is frozen is not looked through, even where somebody asks"
    assert latest_s < LATEST_S, f"99.9 % of scans beside {OBJECTS} objects took up to {latest_s} s"
