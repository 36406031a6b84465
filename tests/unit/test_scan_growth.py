"""A scan process leaves nothing behind: after scan 100 no object is kept that was not there, and none waits for a
collection that never comes. Keys and texts of commands are kept on purpose and have bounds of their own.
"""

import gc
import sys
from dataclasses import replace

import pytest

from plantctl.app.split.deadline import monotonic_ns
from plantctl.app.split.scan import build
from plantctl.app.split.segments import COMMANDS, Role
from plantctl.core.command import Command
from plantctl.core.frame import Kind
from plantctl.core.message import encode_command
from plantctl.core.ring import RingWriter
from tests.gateway_bench import Memory
from tests.plant.circuit_rig import demo_plan

SCANS = 1000
ASKED_EVERY = 10
# Texts of refusals that are new, what is replaced once a second, what a thread of the tests' own holds for a moment;
# what a scan leaves is one a scan at least.
SLACK = SCANS // 4
ASKED = (
    Command("set", "40-SC-4216", "80", "a person", "try"),
    Command("set", "40-SC-4216", "8000", "a person", "too much"),
    Command("set", "NOWHERE", "1", "a person", "mistyped"),
    Command("mode", "40-AIC-4212", "auto", "a person", "begin"),
    Command("release", "plant", "", "a person", "nobody is there"),
)


@pytest.fixture
def scanning(tmp_path):
    """A scan process of the demo in this process, and the ring of its commands; no collection, as in its own."""
    memory = Memory(demo_plan(), tmp_path)
    gateway = memory.for_role(Role.GATEWAY).own()
    ring = RingWriter.resume(gateway.area(COMMANDS), memory.plan.hash)
    scan = build(memory.for_role(Role.SCAN))
    gc.collect()
    gc.disable()
    yield scan, ring
    gc.enable()
    memory.close()


def test_a_thousand_scans_with_commands_keep_and_leave_nothing(scanning):
    scan, commands = scanning
    period_ns = scan.plan.period_ns
    now_ns = monotonic_ns()

    def go_on(first, last):
        for number in range(first, last):
            due_ns = now_ns + number * period_ns
            if number % ASKED_EVERY == 0:
                command = ASKED[number // ASKED_EVERY % len(ASKED)]
                numbered = replace(command, sequence=commands.next_sequence)
                commands.append(Kind.COMMAND, 0, due_ns, encode_command(numbered))
            scan.scan(number, due_ns, due_ns)

    go_on(0, 2 * SCANS)
    before = sys.getallocatedblocks()
    go_on(2 * SCANS, 3 * SCANS)
    kept = sys.getallocatedblocks() - before
    assert scan.commands.last == commands.next_sequence - 1, "the commands were taken"
    assert kept <= SLACK, f"{kept} blocks after {SCANS} scans"
    assert gc.collect() == 0, "cycles are left to a collection that the scan process never makes"
