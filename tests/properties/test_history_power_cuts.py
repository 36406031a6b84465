"""The power goes at any step of sealing, or the disk refuses: nothing is lost, nothing is there twice, it goes on."""

from random import Random

import pytest

from plantctl.core.keeping import Keeping
from plantctl.history.reading.query import History
from plantctl.history.upkeep.seal import Sealer, sealed_through
from tests.history_bench import NAMES, SCAN_NS, Naive, Plant, bits
from tests.unit.simulated_storage import BROKEN, FULL, PowerCut, SimulatedStorage


def whole(log, sealed, truth):
    """Log and sealed files together give every point of `truth`, each once."""
    history = History(log, sealed)
    for tag, name in NAMES.items():
        found = history.raw(name, 0, 1 << 62)
        columns = (found.utc_ns.tolist(), found.value.tolist(), found.quality.tolist(), found.source_ns.tolist())
        points = [(t, bits(v), q, s) for t, v, q, s in zip(*columns, strict=True)]
        assert points == [(t, bits(v), q, s) for t, v, q, s in truth[tag]]
    assert history.damaged == 0


def plant_of(seed, rounds=4, file_bytes=3000, **settings):
    plant = Plant(Random(seed), file_bytes=file_bytes, **settings)
    for _ in range(rounds):
        plant.scan(25)
        plant.event(f"event {plant.count}")
        plant.keep()
    return plant


def truth_of(log):
    return {tag: Naive(log, tag).points for tag in NAMES}


def seal(log, sealed, durable, **settings):
    sealer = Sealer(log, sealed, span_ns=20 * SCAN_NS, **settings)
    sealer.finish(durable, 0)
    return sealer


@pytest.mark.parametrize("seed", range(2))
def test_the_power_goes_at_each_operation_of_sealing(seed):
    plant = plant_of(seed)
    truth, durable = truth_of(plant.log), plant.recorder.durable_sequence
    operation, cuts = 0, 0
    while True:
        disk = SimulatedStorage(cut_at=operation, seed=seed)
        try:
            seal(plant.log, disk, durable)
        except PowerCut:
            cuts += 1
        else:
            break
        found = disk.after_power_cut(1000 * seed + operation)
        whole(plant.log, found, truth)
        seal(plant.log, found, durable)
        whole(plant.log, found, truth)
        assert not [name for name in found.names() if not name.endswith(".seg")]
        operation += 1
    assert cuts > 20


def test_the_power_goes_while_old_log_files_are_removed():
    plant = plant_of(0, file_bytes=4000)
    truth, durable = truth_of(plant.log), plant.recorder.durable_sequence
    for operation in range(0, 1000, 3):
        log = plant.log.after_power_cut(0)
        log.cut_at = operation
        disk = SimulatedStorage()
        try:
            sealer = seal(log, disk, durable, keeping=Keeping(log_bytes=10_000))
        except PowerCut:
            found = log.after_power_cut(operation)
            whole(found, disk.after_power_cut(operation), truth)
            continue
        log.cut_at = None
        assert sealer.status.removed_log_files >= 2
        assert len(log.names()) < len(plant.log.names())
        whole(log, disk, truth)
        return
    raise AssertionError("never without a cut")


@pytest.mark.parametrize("code", [FULL, BROKEN])
def test_the_disk_refuses_at_each_operation_and_then_no_more(code):
    plant = plant_of(1)
    truth, durable = truth_of(plant.log), plant.recorder.durable_sequence
    for operation in range(1000):
        disk = SimulatedStorage(faults={operation: code})
        sealer = Sealer(plant.log, disk, span_ns=20 * SCAN_NS)
        sealer.finish(durable, 0)
        reached = len(disk.operations) > operation
        disk.faults = {}
        whole(plant.log, disk, truth)
        if not reached:
            assert operation > 20
            return
        if not sealer.status.errors:  # closing a file that is on disk already adds nothing
            assert disk.operations[operation] == "close"
            continue
        assert sealer.status.failing
        assert not sealer.turn(durable, 9_999_999_999), "tried again too soon"
        sealer.finish(durable, 10_000_000_000)
        assert not sealer.status.failing
        assert sealed_through(disk) == sealer.status.sealed_sequence > 0
        whole(plant.log, disk, truth)
    raise AssertionError("never without an error")


def test_a_log_that_was_removed_by_hand_does_not_hide_what_comes():
    """Its count goes on above what is sealed."""
    plant = plant_of(3)
    plant.seal()
    through = plant.sealer.status.sealed_sequence
    before = truth_of(plant.log)
    again = Plant(Random(4), None, plant.sealed, floor=sealed_through(plant.sealed), mono_ns=plant.mono_ns + 10**9)
    again.scan(30)
    again.keep()
    after = truth_of(again.log)
    history = History(again.log, plant.sealed)
    for tag, name in NAMES.items():
        sealed = (
            [p for p in before[tag] if p[0] <= history._file(history._ranges[-1]).head.high_ns]
            if history._ranges
            else []
        )
        found = history.raw(name, 0, 1 << 62)
        assert {p[0] for p in after[tag]} <= set(found.utc_ns.tolist())
        assert len(found.utc_ns) >= len(after[tag]) + len(sealed)
    again.seal()
    assert again.sealer.status.sealed_sequence > through


def test_what_is_not_on_disk_is_not_sealed():
    plant = plant_of(5)
    plant.scan(100)
    plant.recorder.drain(plant.reader, plant.mono_ns, plant.utc_ns)
    plant.sealer.finish(plant.recorder.durable_sequence, 0)
    assert 0 < plant.sealer.status.sealed_sequence <= plant.recorder.durable_sequence


def test_nothing_unsealed_is_ever_removed():
    plant = plant_of(6, rounds=8, file_bytes=3000)
    sealer = Sealer(plant.log, plant.sealed, span_ns=10**18, keeping=Keeping(log_bytes=1))
    sealer.finish(plant.recorder.durable_sequence, 0)
    assert sealer.status.removed_log_files == 0
    truth = truth_of(plant.log)
    seal(plant.log, plant.sealed, plant.recorder.durable_sequence, keeping=Keeping(log_bytes=1))
    assert len(plant.log.names()) <= 5
    whole(plant.log, plant.sealed, truth)
    assert Keeping().log_bytes > 1 << 30
