"""The disk of a plant in processes is full for a while (F16): the scan goes on, a tag says so, and nothing is missing
once there is room again. The disk is a real folder with room for so many bytes, which writes what fits, as a disk does.
"""

import errno
import os

import numpy as np
import pytest

from plantctl.app.split.deadline import monotonic_ns
from plantctl.app.split.recorder import RecorderProcess
from plantctl.app.split.scan import build
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import LOG_NAME
from plantctl.log.reader import read_frames
from plantctl.log.storage import FolderStorage
from tests.gateway_bench import Memory
from tests.plant.circuit_rig import demo_plan
from tests.process.command_rig import wait

ROOM_BYTES = 40_000
SCANS = 300
TOLD_WITHIN = 25  # scans: the recorder tells with its next turn, the scan once a second


@pytest.fixture
def disk(monkeypatch):
    """How many bytes are free."""
    free = {"bytes": 1 << 30}

    def append(_storage, file, data):
        fits = min(len(data), free["bytes"])
        os.write(file, memoryview(data)[:fits])
        free["bytes"] -= fits
        if fits < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FolderStorage, "append", append)
    return free


def test_a_full_disk_holds_no_scan_up_is_told_and_leaves_no_gap(tmp_path, disk):
    memory = Memory(demo_plan(), tmp_path)
    recorder = RecorderProcess(memory.for_role(Role.RECORDER))
    recorder.writer.take_over(monotonic_ns())
    recorder.publish()
    scan = build(memory.for_role(Role.SCAN))
    plan, now_ns = memory.plan, monotonic_ns()
    failing = plan.statistics["log.failing"]
    said, done = [], []

    def go_on(scans):
        for _ in range(scans):
            due_ns = now_ns + len(done) * plan.period_ns
            scan.scan(len(done), due_ns, due_ns)
            done.append(due_ns)
            recorder.turn()
            said.append((int(recorder.writer.live["failing"][0]), float(scan.executive.image.v[failing])))

    go_on(SCANS)
    assert said[-1] == (0, 0.0)
    disk["bytes"] = ROOM_BYTES
    go_on(SCANS)
    full = [recorder_says for recorder_says, _ in said].index(1)
    assert [tag for _, tag in said[full:]].index(1.0) <= TOLD_WITHIN, "the tag `log.failing` says it in time"
    assert scan.executive.image.v[plan.statistics["scan.overruns"]] == 0.0
    disk["bytes"] = 1 << 30
    wait(lambda: go_on(1) or said[-1] == (0, 0.0), 20.0, what="the log is not written again although there is room")
    recorder.end()
    assert int(recorder.writer.live["lost_frames"][0]) == 0
    sequences = np.array([frame.sequence for _, frame in read_frames(tmp_path / LOG_NAME)])
    assert np.diff(sequences).tolist() == [1] * (len(sequences) - 1), "the log has gaps"
    assert sequences[-1] == scan.ring.next_sequence - 1
    memory.close()
