"""The memory of a plant as the supervisor makes it: rings that go on above the log, and descriptors given back."""

import os
from pathlib import Path

import pytest

from plantctl.app.shared_memory import map_readable
from plantctl.app.split.hand_over import Settings
from plantctl.app.split.plant_memory import RINGS, PlantMemory, next_sequence
from plantctl.app.split.segments import CHILDREN, Role, layout_of
from plantctl.core.ring import RingReader, RingWriter
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.plan.build import build_path

SETTINGS = Settings(Path("/somewhere"), 0)
UTC_NS = 1_800_000_000_000_000_000


@pytest.fixture(scope="module")
def plan():
    built = build_path(Path(__file__).parents[2] / "tests/plant/one_cell/plant.yaml", {})
    assert built.plan is not None
    return built.plan


def opened():
    return sorted(os.listdir("/proc/self/fd"))


def test_the_frame_ring_goes_on_above_the_log_and_the_others_begin_at_one(plan):
    memory = PlantMemory(plan, SETTINGS, 4712)
    try:
        for role, name in RINGS.items():
            area = map_readable(memory.readable[role])
            ring = memoryview(area)[layout_of(role, plan).area_slice(name)]
            RingReader(ring, 4711 if role is Role.SCAN else 0)
            with pytest.raises(ValueError, match=r"the ring's next frame is (4712|1),"):
                RingReader(ring, 4712 if role is Role.SCAN else 1)
    finally:
        memory.close()


def test_whoever_comes_before_the_writers_finds_segments_that_nobody_wrote(plan):
    memory = PlantMemory(plan, SETTINGS, 1)
    try:
        for role in CHILDREN:
            reader = memory.reader(role)
            reader.check(plan.hash)
            assert (reader.generation, reader.take()) == (0, False)
        assert memory.own().take_over(1) == 1
    finally:
        memory.close()


def test_every_descriptor_is_given_back_also_where_memory_runs_out(plan, monkeypatch):
    before = opened()
    PlantMemory(plan, SETTINGS, 1).close()
    assert opened() == before

    def refused(*_):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(os, "eventfd", refused)
    with pytest.raises(OSError, match="Cannot allocate"):
        PlantMemory(plan, SETTINGS, 1)
    assert opened() == before


def test_a_run_goes_on_above_every_frame_of_the_log(tmp_path):
    storage, history = FolderStorage(tmp_path / "log"), FolderStorage(tmp_path / "history")
    assert next_sequence(storage, history, UTC_NS) == 1
    ring = bytearray(1 << 16)
    writer = RingWriter(ring, 77, 1)
    for scan in range(10):
        writer.append(1, scan, scan, b"")
    recorder = Recorder(storage, "Bench", {77: ""})
    recorder.open(UTC_NS)
    recorder.drain(RingReader(ring), 1, UTC_NS)
    recorder.close(1, UTC_NS)
    first = next_sequence(storage, history, UTC_NS)
    assert first >= 11
    # The recorder's own count begins at the same place.
    assert Recorder(storage, "Bench", {77: ""}).open(UTC_NS) == first - 1


def test_a_run_goes_on_above_what_was_sealed_of_a_log_that_is_gone(tmp_path):
    (tmp_path / "history").mkdir()
    (tmp_path / "history" / f"{1:020d}-{500:020d}.seg").write_bytes(b"")
    history = FolderStorage(tmp_path / "history")
    assert next_sequence(FolderStorage(tmp_path / "log"), history, UTC_NS) == 501


def test_a_disk_that_cannot_be_read_does_not_keep_a_plant_from_starting(tmp_path):
    (tmp_path / "log").write_text("")
    storage = FolderStorage(tmp_path / "log")
    first = next_sequence(storage, FolderStorage(tmp_path / "history"), UTC_NS)
    assert first == Recorder(storage, "Bench", {}).open(UTC_NS) + 1 > 1 << 50
