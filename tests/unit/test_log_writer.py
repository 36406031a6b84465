import os

import pytest

from plantctl.core.frame import Kind
from plantctl.log.files import HEAD_BYTES, load_file, log_names, plan_name
from plantctl.log.reader import Losses, plan_text, read_frames, runs, texts
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from tests.unit.log_bench import PLAN, SCAN_NS, UTC_NS, Scan, scans_of
from tests.unit.simulated_storage import BROKEN, FULL, TOO_MANY, SimulatedStorage


@pytest.fixture
def storage(tmp_path):
    return FolderStorage(tmp_path / "log")


def test_what_was_scanned_is_in_the_log(storage):
    plant = Scan(storage)
    plant.scan(25)
    assert plant.drain() == 2 + 25 + 2
    assert plant.close()
    assert [scan for _, _, scan in scans_of(storage)] == list(range(1, 26))
    assert plant.recorder.status.frames == 29
    assert plant.recorder.status.files == 1
    assert plan_text(storage.folder, PLAN) == "the plan's text"


def test_a_second_run_goes_on_in_the_same_file_with_the_next_sequence(storage):
    first = Scan(storage)
    first.scan(5)
    first.close()
    second = Scan(storage, run=2)
    assert second.ring.next_sequence == first.ring.next_sequence + 2
    second.scan(5)
    second.close()
    assert [(run, scan) for _, run, scan in scans_of(storage)] == [(r, s) for r in (1, 2) for s in range(1, 6)]
    assert len(log_names(storage.names())) == 1
    one, two = runs(storage.folder)
    assert (one.first_scan, one.last_scan, two.first_scan, two.last_scan) == (0, 5, 0, 5)
    assert one.last_sequence < two.first_sequence
    assert one.missing_frames == two.missing_frames == 0


def test_files_roll_over_and_no_frame_is_split_or_lost(storage):
    plant = Scan(storage, file_bytes=4096)
    for _ in range(20):
        plant.scan(10)
        plant.drain()
        plant.commit()
    plant.close()
    names = log_names(storage.names())
    assert len(names) > 10
    assert all((storage.folder / name).stat().st_size <= 4096 + 100 for name in names)
    losses = Losses()
    assert [scan for _, _, scan in scans_of(storage, losses)] == list(range(1, 201))
    assert losses == Losses()
    (run,) = runs(storage.folder)
    assert (run.last_scan, run.missing_frames) == (200, 0)


def test_a_frame_larger_than_a_file_gets_a_file_of_its_own(storage):
    plant = Scan(storage, inputs=100, file_bytes=4096)
    plant.scan(3)
    plant.close()
    assert [scan for _, _, scan in scans_of(storage)] == [1, 2, 3]


def test_one_drain_may_fill_many_files(storage):
    plant = Scan(storage, file_bytes=4096)
    plant.scan(100)
    plant.drain()
    plant.close()
    assert all((storage.folder / name).stat().st_size <= 4096 + 100 for name in log_names(storage.names()))
    assert [scan for _, _, scan in scans_of(storage)] == list(range(1, 101))


def test_texts_that_fill_a_file_leave_room_for_a_frame(storage):
    plant = Scan(storage, file_bytes=2048)
    for i in range(20):
        plant.event(f"{i} " * 60)
    plant.scan(20)
    plant.close()
    assert [scan for _, _, scan in scans_of(storage)] == list(range(1, 21))
    assert len(texts(storage.folder)) == 20


def test_another_plan_begins_a_new_file(storage):
    plant = Scan(storage)
    plant.scan(2)
    plant.ring.plan_hash = 0x1234_5678_9ABC_DEF1
    plant.recorder.add_plan(0x1234_5678_9ABC_DEF1, "another")
    plant.scan(2)
    plant.close()
    assert [load_file(storage, name).plan_hash for name in log_names(storage.names())] == [PLAN, 0x1234_5678_9ABC_DEF1]
    assert plan_text(storage.folder, 0x1234_5678_9ABC_DEF1) == "another"
    assert [scan for _, _, scan in scans_of(storage)] == [1, 2, 3, 4]


def test_a_commit_is_due_after_a_second_and_at_once_after_an_event(storage):
    plant = Scan(storage)
    recorder = plant.recorder
    assert not recorder.commit_due(plant.mono_ns)
    plant.scan()
    plant.drain()
    assert recorder.commit_due(plant.mono_ns)
    plant.commit()
    plant.scan()
    plant.drain()
    assert not recorder.commit_due(plant.mono_ns)
    assert recorder.commit_due(plant.mono_ns + 10 * SCAN_NS)
    plant.event()
    plant.drain()
    assert recorder.commit_due(plant.mono_ns)
    plant.commit()
    assert not recorder.commit_due(plant.mono_ns + 100 * SCAN_NS)


def test_the_durable_mark_follows_the_sync_not_the_write(storage):
    plant = Scan(storage)
    plant.scan(5)
    plant.drain()
    recorder = plant.recorder
    assert (recorder.last_sequence, recorder.durable_sequence) == (7, 0)
    commit = recorder.begin_commit()
    assert recorder.begin_commit() is None
    plant.scan(5)  # goes on while the disk works
    plant.drain()
    assert recorder.durable_sequence == 0
    assert recorder.end_commit(commit, commit.sync(), plant.mono_ns, plant.utc_ns)
    assert (recorder.last_sequence, recorder.durable_sequence) == (13, 7)
    assert recorder.durable_mono_ns == plant.mono_ns - 5 * SCAN_NS
    assert recorder.durable_utc_ns == plant.utc_ns - 5 * SCAN_NS
    assert plant.commit()
    assert recorder.durable_sequence == 13


def test_a_new_file_waits_for_the_commit_under_way(storage):
    plant = Scan(storage, file_bytes=4096)
    plant.scan(5)
    plant.drain()
    commit = plant.recorder.begin_commit()
    plant.scan(50)
    plant.drain()
    assert len(log_names(storage.names())) == 1
    plant.recorder.end_commit(commit, commit.sync(), plant.mono_ns, plant.utc_ns)
    plant.drain()
    assert len(log_names(storage.names())) > 1
    plant.close()
    assert len(scans_of(storage)) == 55


def test_texts_are_in_every_file_and_survive_the_recorder(storage):
    plant = Scan(storage, file_bytes=4096)
    plant.event("Durchfluss zu klein")
    plant.scan(100)
    plant.close()
    assert plant.texts.add("Durchfluss zu klein") in texts(storage.folder)
    again = Scan(storage, file_bytes=4096)
    again.scan(100)
    again.close()
    assert list(texts(storage.folder).values()) == ["Durchfluss zu klein"]
    for name in log_names(storage.names()):
        assert len(load_file(storage, name).places(Kind.TEXT)) >= 1
    assert sum(frame.kind == Kind.TEXT for _, frame in read_frames(storage.folder)) == 1


def test_a_slow_recorder_counts_what_the_ring_lost(storage):
    plant = Scan(storage, ring_size=4096)
    plant.scan(100)
    plant.drain()
    plant.scan(100)
    plant.drain()
    plant.close()
    losses = Losses()
    found = scans_of(storage, losses)
    lost = 2 + 200 + 20 + 2 - plant.recorder.status.frames
    assert plant.recorder.status.lost_frames == lost > 100
    assert found[-1][2] == 200
    assert runs(storage.folder)[0].missing_frames > 0 or losses.missing_frames > 0


def test_a_frame_that_was_damaged_in_the_ring_does_not_reach_the_log(storage):
    plant = Scan(storage)
    plant.scan(3)
    at = bytes(plant.ring._frames).rfind(PLAN.to_bytes(8, "little"))
    plant.ring._frames[at + 20] ^= 1
    plant.close()
    assert plant.recorder.status.refused_frames == 1
    assert [scan for _, _, scan in scans_of(storage)] == [1, 2]


# ------------------------------------------------------------------------------------------------------ full, broken


@pytest.mark.parametrize("code", [FULL, BROKEN], ids=["full", "broken"])
@pytest.mark.parametrize("operation", ["append", "sync", "open", "sync_folder", "truncate", "names"])
def test_a_disk_that_fails_for_a_while_costs_nothing_the_ring_still_holds(operation, code):
    storage = SimulatedStorage()
    plant = Scan(storage, file_bytes=4096)
    for round_ in range(60):
        storage.faults = {operation: code} if 10 <= round_ < 25 else {}
        plant.scan(3)
        plant.drain()
        if plant.recorder.commit_due(plant.mono_ns):
            plant.commit()
    plant.close()
    status = plant.recorder.status
    assert not status.failing
    assert status.lost_frames == 0
    assert sum(status.errors.values()) >= 1
    losses = Losses()
    assert [scan for _, _, scan in scans_of(storage, losses)] == list(range(1, 181))
    assert losses.missing_frames == 0


@pytest.mark.parametrize("code", [FULL, BROKEN, TOO_MANY], ids=["full", "broken", "too-many-files"])
def test_one_error_at_any_operation_loses_nothing_and_is_told(code):
    def run(faults):
        storage = SimulatedStorage(faults=faults)
        plant = Scan(storage, file_bytes=2048)
        for _ in range(12):
            plant.scan(4)
            plant.drain()
            plant.commit()
        plant.mono_ns += 20 * SCAN_NS
        plant.drain()
        plant.commit()
        done = plant.close()
        return storage, plant.recorder, done

    storage, *_ = run({})
    operations = len(storage.operations)
    assert operations > 60
    for number in range(operations):
        storage, recorder, _ = run({number: code})
        losses = Losses()
        assert [scan for _, _, scan in scans_of(storage, losses)] == list(range(1, 49)), number
        assert losses.missing_frames == 0
        kind = storage.operations[number]
        assert recorder.status.errors or kind in ("close", "read") or number > operations - 4, (number, kind)


def test_a_disk_full_from_the_start_is_told_and_the_log_begins_when_there_is_room():
    storage = SimulatedStorage(faults={"append": FULL})
    plant = Scan(storage)
    for _ in range(5):
        plant.scan(5)
        plant.drain()
        plant.commit()
    assert plant.recorder.status.failing
    assert plant.recorder.status.last_error.startswith("ENOSPC")
    assert 1 <= plant.recorder.status.errors["ENOSPC"] <= 8  # once a second for each file, not at every call
    assert len(log_names(storage.files)) <= 1
    storage.faults = {}
    plant.scan(15)
    plant.drain()
    assert plant.commit()
    assert not plant.recorder.status.failing
    plant.close()
    assert [scan for _, _, scan in scans_of(storage)] == list(range(1, 41))
    assert plan_name(PLAN) in storage.files


def test_after_a_failed_sync_the_file_is_given_up_and_its_tail_written_again():
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan(5)
    plant.drain()
    plant.commit()
    plant.scan(5)
    plant.drain()
    storage.faults = {"sync": BROKEN}
    assert not plant.commit()
    assert plant.recorder.durable_sequence == 7
    storage.faults = {}
    plant.scan(15)
    plant.close()
    assert len(log_names(storage.files)) == 2
    losses = Losses()
    assert [scan for _, _, scan in scans_of(storage, losses)] == list(range(1, 26))
    assert losses.missing_frames == 0
    assert runs(storage)[0].missing_frames == 0


# ---------------------------------------------------------------------------------------------------------- opening


def test_an_unreadable_folder_does_not_keep_the_recorder_from_starting():
    storage = SimulatedStorage(faults={"names": BROKEN})
    recorder = Recorder(storage, "x")
    assert recorder.open(UTC_NS) == UTC_NS // 1000
    assert recorder.status.failing


def test_an_unreadable_file_is_left_alone_and_its_numbers_are_not_used_again():
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan(5)
    plant.close()
    storage.faults = {"read": BROKEN}
    again = Scan(storage, run=2)
    again.scan(5)
    again.drain()
    assert again.commit()
    storage.faults = {}
    again.close()
    assert [(run, scan) for _, run, scan in scans_of(storage)] == [(r, s) for r in (1, 2) for s in range(1, 6)]
    assert [run.missing_frames for run in runs(storage)] == [0, 0]


def test_rubbish_and_strange_files_in_the_folder_do_not_matter(storage):
    storage.names()
    (storage.folder / "notes.txt").write_text("hello")
    (storage.folder / f"{7:020d}-000.log").write_bytes(os.urandom(5000))
    plant = Scan(storage)
    plant.scan(5)
    plant.close()
    assert [scan for _, _, scan in scans_of(storage)] == [1, 2, 3, 4, 5]
    assert plant.ring.next_sequence > 7


def test_a_file_whose_head_is_damaged_is_read_but_not_written_to(storage):
    plant = Scan(storage)
    plant.scan(5)
    plant.close()
    (name,) = log_names(storage.names())
    data = bytearray((storage.folder / name).read_bytes())
    data[HEAD_BYTES // 2] ^= 1
    (storage.folder / name).write_bytes(data)
    again = Scan(storage, run=2)
    again.scan(5)
    again.close()
    assert (storage.folder / name).read_bytes() == data
    assert [(run, scan) for _, run, scan in scans_of(storage)] == [(r, s) for r in (1, 2) for s in range(1, 6)]


def test_folders_made_for_the_log_are_forced_to_disk_in_the_ones_above(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.readlink(f"/proc/self/fd/{file}")))
    FolderStorage(tmp_path / "plant" / "log").names()
    assert synced == [str(tmp_path), str(tmp_path / "plant")]
    FolderStorage(tmp_path / "plant" / "log").names()
    assert len(synced) == 2


def test_a_real_full_disk_is_survived():
    plant = Scan(FullDevice())
    plant.scan(5)
    plant.drain()
    assert plant.recorder.status.errors == {"ENOSPC": 2}
    assert plant.recorder.last_sequence == 0


class FullDevice(FolderStorage):
    """Linux's own full disk."""

    def __init__(self):
        self.folder = None

    def names(self):
        return []

    def open(self, name):
        return os.open("/dev/full", os.O_WRONLY)

    def truncate(self, file, size):
        return None
