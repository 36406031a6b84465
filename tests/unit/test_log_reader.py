import numpy as np
import pytest

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import Kind, encode_texts
from plantctl.core.text import text_id
from plantctl.log.files import load_file, log_names
from plantctl.log.reader import Losses, plan_text, read_frames, runs, tag_history, texts
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from tests.unit.log_bench import SCAN_NS, UTC_NS, Scan
from tests.unit.simulated_storage import SimulatedStorage

START_NS = UTC_NS + 1000 * SCAN_NS


def log_of(scans=200, file_bytes=4096, **kwargs):
    """A closed log of many small files; scan k is at START_NS + k * SCAN_NS."""
    storage = SimulatedStorage()
    plant = Scan(storage, file_bytes=file_bytes, **kwargs)
    for _ in range(scans // 10):
        plant.scan(10)
        plant.drain()
        plant.commit()
    plant.close()
    assert len(log_names(storage.files)) > scans // 30
    return storage, plant


def at(scan):
    return START_NS + scan * SCAN_NS


def test_every_frame_has_the_time_of_its_scan():
    storage, _ = log_of()
    for utc_ns, frame in read_frames(storage):
        assert utc_ns == at(frame.scan)


def test_frames_are_read_from_a_sequence_on():
    storage, plant = log_of()
    everything = [frame.sequence for _, frame in read_frames(storage)]
    assert everything == list(range(1, plant.ring.next_sequence))
    for first in (1, 2, 57, everything[-1], everything[-1] + 1):
        storage.operations.clear()
        assert [f.sequence for _, f in read_frames(storage, from_sequence=first)] == everything[first - 1 :]
    assert storage.operations.count("read") == 1  # the last file only


def test_frames_of_a_time_are_read_without_the_files_of_other_times():
    storage, _ = log_of()
    scans = [f.scan for _, f in read_frames(storage, 0, at(100), at(110)) if f.kind == Kind.DELTA]
    assert scans == list(range(100, 110))


def test_the_history_of_an_input_has_its_times_and_its_quality():
    storage, _ = log_of()
    rows = list(tag_history(storage, 1, at(50), at(60)))
    assert [row.utc_ns for row in rows] == [at(k) for k in range(49, 60)]  # the first was in force before
    for row, scan in zip(rows, range(49, 60), strict=True):
        assert row.value == 1e6 + scan + 0.01
        assert row.quality == scan % 3
        assert row.source_ns == at(scan) - 2
        assert row.receive_utc_ns == at(scan) - 1


def test_the_history_of_a_computed_tag_has_no_source_time():
    storage, _ = log_of()
    rows = list(tag_history(storage, 7, at(50), at(52)))
    assert [(row.value, row.source_ns, row.receive_utc_ns) for row in rows] == [
        (1e6 + scan + 0.07, 0, 0) for scan in (49, 50, 51)
    ]


def test_a_tag_that_rested_for_long_shows_its_value_from_the_key_frame():
    storage = SimulatedStorage()
    plant = Scan(storage, file_bytes=4096)
    for k in range(300):
        plant.mono_ns += SCAN_NS
        plant.count += 1
        plant.value[0] = 5.0 if k < 20 else 6.0
        plant.value[7] = k  # another one moves, so that files roll over
        plant.frames.scan(plant.count, plant.mono_ns, plant.utc_ns, [0.1, 0.0])
        plant.drain()
    plant.close()
    rows = list(tag_history(storage, 0, at(250), at(300)))
    assert [(row.value, row.quality) for row in rows] == [(6.0, 0)]
    assert at(100) <= rows[0].utc_ns < at(250)
    assert [row.value for row in tag_history(storage, 0, 0, 1 << 62)] == [0.0, 5.0, 6.0]


def test_a_tag_nobody_recorded_has_no_history():
    storage, _ = log_of(scans=30)
    assert list(tag_history(storage, 4711, 0, 1 << 62)) == []


def test_history_keeps_the_nan_and_tells_another_nan_apart():
    storage = SimulatedStorage()
    plant = Scan(storage)
    for number in (0x7FF8_0000_0000_0000, 0x7FF8_0000_0000_0000, 0x7FF8_0000_0000_0001):
        plant.mono_ns += SCAN_NS
        plant.value.view(np.uint64)[0] = number
        plant.frames.scan(1, plant.mono_ns, plant.utc_ns, [0.1, 0.0])
    plant.close()
    rows = list(tag_history(storage, 0, 0, 1 << 62))
    assert [np.float64(row.value).view(np.uint64) for row in rows[1:]] == [
        0x7FF8_0000_0000_0000,
        0x7FF8_0000_0000_0001,
    ]


def test_a_clock_that_steps_moves_the_times_and_loses_nothing():
    """An hour back: frames keep the UTC that was believed when they were written, none is lost or doubled."""
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan(5)
    plant.frames.time(plant.count, plant.mono_ns, plant.utc_ns - 3_600_000_000_000)
    plant.scan(4)
    plant.close()
    deltas = [(utc_ns, frame.scan) for utc_ns, frame in read_frames(storage) if frame.kind == Kind.DELTA]
    assert [scan for _, scan in deltas] == list(range(1, 10))
    assert deltas[4][0] == at(5)
    assert deltas[5][0] == at(6) - 3_600_000_000_000


def test_a_run_after_a_reboot_has_its_own_time():
    storage = SimulatedStorage()
    first = Scan(storage)
    first.scan(20)
    first.close()
    second = Scan(storage, run=2)
    second.close()
    (name,) = log_names(storage.files)
    again = Scan(storage, run=3)
    again.mono_ns = 7  # the monotonic clock began anew
    again.frames.start(0, 7, at(5000))
    again.close()
    assert [run.start_utc_ns for run in runs(storage)] == [at(0), at(0), at(0), at(5000)]
    assert load_file(storage, name).head.created_utc_ns == at(20)


def test_a_damaged_head_costs_no_frame_and_no_time():
    storage, _ = log_of()
    for name in log_names(storage.files):
        index = load_file(storage, name).index
        alone = SimulatedStorage({name: storage.files[name]})
        alone.files[name].seen[44] ^= 1
        assert load_file(alone, name).head is None
        found = list(read_frames(alone))
        assert {frame.scan for _, frame in found} == set(index.scan.tolist())
        if Kind.TIME in index.kind:
            assert all(utc_ns == at(frame.scan) for utc_ns, frame in found)


def test_a_text_under_an_id_that_is_not_its_own_is_left_out():
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.ring.append(Kind.TEXT, 0, plant.mono_ns, encode_texts({text_id("flow low"): "all is well", 7: "x"}))
    plant.event("tank empty")
    plant.close()
    assert texts(storage) == {text_id("tank empty"): "tank empty"}


def test_runs_tell_their_plan_their_scans_and_their_holes():
    storage, plant = log_of()
    (run,) = runs(storage)
    assert (run.plan_hash, run.first_scan, run.last_scan) == (plant.ring.plan_hash, 0, 200)
    assert (run.first_sequence, run.last_sequence) == (2, plant.ring.next_sequence - 1)
    assert (run.start_utc_ns, run.end_utc_ns, run.missing_frames) == (at(0), at(200), 0)
    names = log_names(storage.files)
    lost = len(load_file(storage, names[3]).index) - len(load_file(storage, names[3]).places(Kind.COMMIT))
    del storage.files[names[3]]
    (run,) = runs(storage)
    assert run.missing_frames == lost > 0
    losses = Losses()
    list(read_frames(storage, losses=losses))
    assert losses.missing_frames == lost
    del storage.files[names[0]]  # removed with age: what is left begins at its first key frame
    (run,) = runs(storage)
    assert run.first_scan == 100


def test_a_log_that_is_empty_or_not_there_has_no_frames(tmp_path):
    for storage in (SimulatedStorage(), ReadOnlyFolder(tmp_path / "none"), tmp_path / "none"):
        assert list(read_frames(storage)) == []
        assert runs(storage) == []
        assert texts(storage) == {}
        assert list(tag_history(storage, 1, 0, 1 << 62)) == []
    assert not (tmp_path / "none").exists()


def test_a_reader_beside_the_recorder_sees_what_is_written_so_far(tmp_path):
    plant = Scan(FolderStorage(tmp_path))
    plant.scan(5)
    plant.drain()
    assert max(frame.scan for _, frame in read_frames(tmp_path)) == 5
    plant.scan(5)
    plant.drain()
    assert max(frame.scan for _, frame in read_frames(tmp_path)) == 10


def test_a_plan_without_text_or_with_a_damaged_one_is_said(tmp_path):
    plant = Scan(FolderStorage(tmp_path))
    plant.close()
    plant.drain()
    with pytest.raises(LogDamaged, match="no text of plan 0000000000000005"):
        plan_text(tmp_path, 5)
    (tmp_path / "plan-0000000000000005.txt").write_bytes(b"\xff\xff")
    with pytest.raises(LogDamaged, match="damaged"):
        plan_text(tmp_path, 5)
