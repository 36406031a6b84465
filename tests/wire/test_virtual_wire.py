"""Virtual time over real protocol stacks: the same run twice, whatever the machine does, and no gap in what is served.

Each run starts a real OPC UA server and takes seconds of work; they are shared by the tests of this file.
"""

import contextlib
import os
import subprocess
import sys

import pytest

from plantctl.app.library_clocks import library_clocks
from plantctl.core.virtual_run import run_virtual
from tests.wire.virtual_wire_rig import ITEMS, MS, PUBLISHING_MS, Rig

SECONDS = 60
SHORT = 15
OPCUA = [f"opcua level {k}" for k in range(ITEMS)]


def run(seed, seconds=SECONDS, clocks=library_clocks, watch_bytes=False):
    async def main(clock):
        with clocks(clock):
            return await Rig(clock, watch_bytes).run(seconds)

    return run_virtual(main, seed=seed, wall_limit_s=100.0)


@pytest.fixture(scope="module")
def record():
    return run(1, watch_bytes=True)


def test_the_same_seed_gives_the_same_run_under_another_hash_seed_beside_a_busy_loop(record):
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        program = f"from tests.wire.test_virtual_wire import run; print(run(1, {SHORT}).digest({SHORT}))"
        environment = os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(sys.path)}
        answer = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=100
        )
    finally:
        busy.kill()
        busy.wait()
    assert answer.stdout.split()[-1] == record.digest(SHORT)


def test_another_seed_gives_another_run_and_both_run_far_faster_than_real_time(record):
    other = run(2, SHORT)
    assert other.digest(SHORT) != record.digest(SHORT)
    assert other.running_s < SHORT / 20
    assert record.running_s < SECONDS / 10  # the watch over the bytes included


def test_every_poll_and_every_scan_happened(record):
    assert len(record.scans) == SECONDS * 10
    assert [len(record.seen[source]) for source in ("tcp", "rtu")] == [SECONDS * 5] * 2
    assert len(record.seen["thread"]) == SECONDS
    assert record.scans[0][0] == record.scans[1][0] - 100 * MS == record.scans[-1][0] - (SECONDS * 10 - 1) * 100 * MS


@pytest.mark.parametrize("source", OPCUA)
def test_notifications_have_no_gap_longer_than_the_publishing_interval(record, source):
    assert len(record.seen[source]) > SECONDS * 9
    assert max(record.gaps_ns(source)) <= PUBLISHING_MS * MS


def test_source_times_are_plant_time_and_no_older_than_a_publishing_interval(record):
    assert min(record.source_ages_ns) >= 0
    assert max(record.source_ages_ns) <= PUBLISHING_MS * MS


def test_no_byte_was_on_its_way_when_time_jumped(record):
    assert record.late_bytes.jumps > SECONDS * 10
    assert record.late_bytes.late == 0


def test_with_the_library_on_its_own_clock_notifications_pause_for_seconds():
    """The fault that library_clocks cures. If this fails the library no longer needs it."""
    unpatched = run(1, seconds=20, clocks=contextlib.nullcontext)
    assert max(unpatched.gaps_ns(OPCUA[0])) > 3 * PUBLISHING_MS * MS
