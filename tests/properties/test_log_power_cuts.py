"""The power goes at any step of the recorder: what was committed is there, what is there is whole, and it goes on.

The campaign of 10,000 cuts takes the same functions with more seeds.
"""

import random

import pytest

from plantctl.log.reader import Losses, read_frames, runs
from tests.unit.log_bench import Scan, scans_of
from tests.unit.simulated_storage import BROKEN, FULL, PowerCut, SimulatedStorage

FILE_BYTES = 3000


def record(storage, run, rounds=10):
    """A run that drains, commits, rolls over and closes; returns the sequences it was told are durable."""
    plant = None
    try:
        plant = Scan(storage, file_bytes=FILE_BYTES, run=run)
        first = plant.ring.next_sequence - 2  # time and key are written already
        for round_ in range(rounds):
            plant.scan(3)
            if round_ % 4 == 2:
                plant.event(f"event {round_} of run {run}")
            plant.drain()
            if round_ % 3:
                plant.commit()
        plant.close()
    except PowerCut:
        if plant is None:
            return set(), False
    return set(range(first, plant.recorder.durable_sequence + 1)), not storage.is_cut


def sequences(storage):
    return [frame.sequence for _, frame in read_frames(storage)]


def check_cut(operation, seed, faults=None):
    """Cuts the power at one operation, looks at the disk, and records again; True while there was something to cut."""
    storage = SimulatedStorage(cut_at=operation, seed=seed, faults=faults)
    told, done = record(storage, run=1)
    disk = storage.after_power_cut(seed)
    before = sequences(disk)
    assert before == sorted(set(before)), "a frame twice or out of order"
    assert told <= set(before), f"told {told} durable, found {before}"
    scans_of(disk)  # every value is the right one

    again, closed = record(disk, run=2)
    assert closed
    losses = Losses()
    found = scans_of(disk, losses)
    first = [scan for _, run, scan in found if run == 1]
    assert first == list(range(1, len(first) + 1)), "not a prefix"
    assert [scan for _, run, scan in found if run == 2] == list(range(1, 31))
    kept = sequences(disk)
    assert kept == list(range(1, max(again) + 1)), "a hole"
    assert losses == Losses()
    assert all(run.missing_frames == 0 for run in runs(disk))
    return not done


@pytest.mark.parametrize("seed", range(4))
def test_the_power_goes_at_each_operation(seed):
    operation = 0
    while check_cut(operation, 1000 * seed + operation):
        operation += 1
    assert operation > 60


def test_the_process_is_killed_and_later_the_power_goes():
    """A new recorder may say durable only of what it forced to disk itself: the killed one left it in memory."""
    for operation in range(5, 60):
        disk = SimulatedStorage(cut_at=operation, seed=operation)
        record(disk, run=1)
        disk.cut_at = None
        plant = Scan(disk, file_bytes=FILE_BYTES, run=2)
        told = set(range(1, plant.recorder.durable_sequence + 1))
        for seed in range(5):
            assert told <= set(sequences(disk.after_power_cut(seed))), operation


def test_the_power_goes_again_and_again():
    chance = random.Random(1)
    for _ in range(60):
        disk = SimulatedStorage()
        told = set()
        for run in range(1, 5):
            disk.cut_at = len(disk.operations) + chance.randint(0, 90)
            told |= record(disk, run)[0]
            disk = disk.after_power_cut(chance.random())
            found = sequences(disk)
            assert found == sorted(set(found))
            assert told <= set(found)
        last, closed = record(disk, 5)
        assert closed
        assert sequences(disk) == list(range(1, max(last) + 1))


@pytest.mark.parametrize("code", [FULL, BROKEN], ids=["full", "broken"])
def test_the_power_goes_while_the_disk_fails_now_and_then(code):
    chance = random.Random(code)
    for seed in range(150):
        faults = {chance.randint(0, 90): code for _ in range(4)}
        storage = SimulatedStorage(cut_at=chance.randint(10, 100), seed=seed, faults=faults)
        told, _ = record(storage, run=1)
        disk = storage.after_power_cut(seed)
        found = sequences(disk)
        assert found == sorted(set(found))
        assert told <= set(found), (seed, faults)
        _, closed = record(disk, run=2)
        assert closed
        assert {scan for _, run, scan in scans_of(disk) if run == 2} == set(range(1, 31))


def test_the_disk_really_loses_what_was_not_synced():
    """The simulation itself: without it the tests above would prove nothing."""
    lost = 0
    for seed in range(50):
        storage = SimulatedStorage()
        file = storage.open("a")
        storage.sync_folder()
        storage.append(file, b"x" * 1000)
        storage.sync(file)
        storage.append(file, b"y" * 3000)
        kept = bytes(storage.after_power_cut(seed).files["a"].seen)
        assert kept[:1000] == b"x" * 1000
        lost += kept != b"x" * 1000 + b"y" * 3000
        storage.rename("a", "b")
        names = list(storage.after_power_cut(seed).files)
        assert names in (["a"], ["b"])
    assert lost > 20
