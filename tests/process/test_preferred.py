"""Who goes before others on a busy machine, and how that ends; and that a plant runs without the right to it."""

import json
import os
import resource
import signal
import subprocess
import sys

from tests.process.command_rig import ROOT

ASK = """
import json, os, resource
from plantctl.app.split.realtime import be_preferred
{before}
grant = be_preferred(wanted={wanted})
print(json.dumps([grant.held, grant.text, os.getpriority(os.PRIO_PROCESS, 0)]))
"""
# May not raise its niceness, whoever started it.
WITHOUT_RIGHTS = """
resource.setrlimit(resource.RLIMIT_NICE, (0, 0))
os.nice(5)
if os.geteuid() == 0:
    os.setuid(65534)
"""


def asked(wanted=True, before=""):
    """What a process of its own was granted, in words, and its niceness then."""
    line = [sys.executable, "-c", ASK.format(wanted=wanted, before=before)]
    return json.loads(subprocess.run(line, cwd=ROOT, capture_output=True, check=True, text=True).stdout)


def test_a_process_with_the_right_is_preferred_and_one_that_is_preferred_already_stays_so():
    held, text, niceness = asked()
    rights = os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_NICE)[0] >= 30
    assert held == rights
    assert (niceness <= -10) == rights
    assert text == f"niceness {niceness}" if rights else "needs LimitNICE=-10" in text


def test_a_process_without_the_right_is_told_what_it_needs_and_goes_on():
    held, text, niceness = asked(before=WITHOUT_RIGHTS)
    assert (held, niceness >= 5) == (False, True)
    assert text.endswith("; needs LimitNICE=-10 or CAP_SYS_NICE"), text


def test_who_wants_no_priority_for_the_scan_gets_none_for_the_field():
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert asked(wanted=False) == [False, "not asked for", before]


PROMPT = """
import json, logging, os, resource, threading, time
from plantctl.app.split import realtime
{before}
logging.basicConfig(format="%(message)s")
realtime.LENT_S = 0.05
grant = realtime.be_prompt({priority})
inherited = []
thread = threading.Thread(target=lambda: inherited.append(os.sched_getscheduler(0)))
thread.start()
thread.join()
print(json.dumps([grant.held, grant.text, os.sched_getscheduler(0), inherited[0]]), flush=True)
{then}
print(os.sched_getscheduler(0), flush=True)
"""
MAY = os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_RTPRIO)[0] >= 40
COMPUTES = "end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
# What a library does that never comes back: no Python runs meanwhile, so no signal is heard.
HANGS = "sum(range(10**12))"
WAITS = "for _ in range(8): time.sleep(0.001); sum(range(500_000))"
NO_RIGHT = """
resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
if os.geteuid() == 0:
    os.setuid(65534)
"""


def prompt(then="", priority=80, before=""):
    """A process that was prompt and did `then`: what it was granted, what it is at its end, its word, its exit code."""
    line = [sys.executable, "-c", PROMPT.format(then=then, priority=priority, before=before)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, check=False, text=True, timeout=60)
    first, *last = done.stdout.splitlines()
    return json.loads(first), last, done.stderr, done.returncode


def test_a_field_goes_before_ordinary_processes_and_behind_the_scan_with_all_its_threads():
    policy = os.SCHED_FIFO if MAY else os.SCHED_OTHER
    granted, last, complaint, code = prompt(WAITS)
    assert (granted[0], granted[2:]) == (MAY, [policy, policy])
    assert granted[1].startswith("SCHED_FIFO 40,") or "needs LimitRTPRIO=40" in granted[1]
    assert (last, complaint, code) == ([str(policy)], "", 0), "to wait now and then is enough to keep it"


def test_a_field_that_computes_too_long_gives_its_priority_back_and_goes_on():
    _, last, complaint, code = prompt(COMPUTES)
    assert (last, code) == ([str(os.SCHED_OTHER)], 0)
    assert complaint == ("computed for 0.05 s without waiting: real-time priority is given back\n" if MAY else "")


def test_a_field_that_hangs_at_real_time_priority_is_ended_by_the_kernel():
    _, last, _, code = prompt(HANGS if MAY else "os.kill(os.getpid(), 9)")
    assert (last, code) == ([], -signal.SIGKILL)


def test_a_field_without_the_right_to_real_time_priority_says_what_it_needs_and_goes_on():
    granted, last, _, code = prompt(before=NO_RIGHT)
    assert (granted[0], granted[2], last, code) == (False, os.SCHED_OTHER, [str(os.SCHED_OTHER)], 0)
    assert granted[1].endswith("; needs LimitRTPRIO=40 or CAP_SYS_NICE")


def test_a_field_beside_a_scan_without_priority_asks_for_none():
    for priority in (0, 1):
        assert prompt(priority=priority)[0][:2] == [False, "not asked for"]
