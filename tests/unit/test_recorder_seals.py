"""The recorder of the split seals what it recorded between its commits, and another recorder goes on behind it."""

from functools import partial

import numpy as np

from plantctl.app.split import recorder as module
from plantctl.app.split.deadline import monotonic_ns
from plantctl.app.split.recorder import RecorderProcess
from plantctl.app.split.scan import build
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME
from plantctl.history.reading.query import History
from plantctl.history.upkeep.seal import Sealer, sealed_through
from plantctl.log.reader import tag_history
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from tests.gateway_bench import Memory
from tests.plant.circuit_rig import demo_plan
from tests.process.command_rig import wait

SCANS = 60


def test_a_recorder_that_is_replaced_seals_each_frame_once(tmp_path, monkeypatch):
    memory = Memory(demo_plan(), tmp_path)
    plan = memory.plan
    monkeypatch.setattr(module, "Sealer", partial(Sealer, span_ns=1, follow_ns=0))  # what is on disk, at once
    scan = build(memory.for_role(Role.SCAN))
    begin_ns, done = monotonic_ns(), []

    def go_on(recorder, scans):
        for _ in range(scans):
            due_ns = begin_ns + len(done) * plan.period_ns
            scan.scan(len(done), due_ns, due_ns)
            done.append(due_ns)
            recorder.turn()

    sealed = []
    for _ in range(2):
        recorder = RecorderProcess(memory.for_role(Role.RECORDER))
        recorder.writer.take_over(monotonic_ns())
        go_on(recorder, SCANS)
        live = recorder.writer.live

        def behind(recorder=recorder, live=live):
            recorder.turn()
            return int(live["sealed_sequence"][0]) > (sealed[-1] if sealed else 0)

        wait(behind, 20.0, what="nothing is sealed")
        sealed.append(int(live["sealed_sequence"][0]))
        assert live["sealed_errors"][0] == 0
        recorder.end()
    memory.close()

    places = ReadOnlyFolder(tmp_path / LOG_NAME), ReadOnlyFolder(tmp_path / HISTORY_NAME)
    history = History(*places)
    assert sealed_through(FolderStorage(tmp_path / HISTORY_NAME)) >= sealed[-1]
    name = max((p.name for p in plan.points if p.name), key=lambda n: len(history.raw(n, 0, 1 << 62).utc_ns))
    found = history.raw(name, 0, 1 << 62)
    linear = list(tag_history(places[0], plan.points[plan.rows[name]].id, 0, 1 << 62))
    assert len(linear) > 10
    assert found.utc_ns.tolist() == [row.utc_ns for row in linear]
    assert np.array_equal(found.value, [row.value for row in linear], equal_nan=True)
    assert history.damaged == 0
