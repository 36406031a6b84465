"""Which ordinary processes are preferred on a busy machine, and that a plant runs without the right to be."""

import json
import os
import resource
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
