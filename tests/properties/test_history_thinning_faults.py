"""The disk fails, or the plant is killed, while tags are thinned: no scan is further off than their policy says.

Some seconds each: every operation, or every second turn, is a record that is sealed and looked through.
"""

from random import Random

import pytest

from plantctl.core.keeping import Keeping
from plantctl.core.recording import Keep, Recording
from plantctl.history.files.sealed import sealed_ranges
from plantctl.history.reading.query import History
from plantctl.history.upkeep.inspection import inspect
from plantctl.history.upkeep.seal import RETRY_NS, Sealer
from tests.failing_disk import CODES
from tests.history_bench import NAMES, SCAN_NS, Naive, Plant
from tests.properties.test_history_thinning import joined_as_they_say
from tests.unit.simulated_storage import PowerCut, SimulatedStorage

SECOND = 1_000_000_000
DOORS = {11: Recording(Keep.SWINGING_DOOR, 0.12), 12: Recording(Keep.SWINGING_DOOR, 0.3, 9 * SECOND)}
SEALING = {"span_ns": 20 * SECOND, "keeping": Keeping(recording=DOORS), "minutes_from": 1}


@pytest.fixture(autouse=True)
def doors_in_pieces(monkeypatch):
    """A door is thinned in pieces, between which anything may happen."""
    monkeypatch.setattr("plantctl.history.upkeep.policies.SLICE_POINTS", 7)


def ramped(plant, draw, scans):
    """Scans in which values move mostly straight, now and then one is odd, and the plant stops once."""
    for k in range(scans):
        plant.value[:2] += draw.choice((0.0, 0.05))
        plant.scan(1, SECOND)
        if k == scans // 2:
            plant.stop(3 * SECOND)
    plant.keep()


def plant_of(seed):
    """A plant, and some frames up to which all was on disk; from each to the next is enough for a file."""
    plant, steps, draw = Plant(Random(seed), **SEALING), [], Random(seed)
    for _ in range(2):
        ramped(plant, draw, 25)
        steps.append(plant.recorder.durable_sequence)
    return plant, steps


def seal(sealer, steps, mono_ns=0):
    for step in steps:
        sealer.finish(step, mono_ns)


def bytes_of(storage):
    return {name: bytes(file.seen) for name, file in storage.files.items()}


def as_near_as_said(log, sealed, truths):
    """Of all that was scanned, and how many points were thinned away."""
    history, fewer = History(log, sealed), 0
    for tag, recording in DOORS.items():
        series = history.raw(NAMES[tag], 0, 1 << 62)
        joined_as_they_say(series, truths[tag], recording.off_by)
        fewer += len(truths[tag].points) - len(series.utc_ns)
    assert not inspect(log, sealed).damages
    return fewer


def truths_of(log):
    return {tag: Naive(log, tag) for tag in DOORS}


def sealer_of(log, sealed):
    return Sealer(log, sealed, rows_max=10**9, **SEALING)


@pytest.mark.parametrize("folder", ["log", "sealed"])
def test_a_disk_that_refuses_any_operation_of_thinning_costs_no_scan(folder):
    plant, steps = plant_of(1)
    truths, undisturbed = truths_of(plant.log), SimulatedStorage()
    seal(sealer_of(plant.log, undisturbed), steps)
    assert len(sealed_ranges(undisturbed.names())) == len(steps)
    assert as_near_as_said(plant.log, undisturbed, truths) > 20
    failed, reached, at = 0, True, 0
    while reached:
        sealed = SimulatedStorage()
        storage = plant.log if folder == "log" else sealed
        offset = len(storage.operations) + at
        storage.faults = {offset: CODES[at % 3]}
        sealer = sealer_of(plant.log, sealed)
        seal(sealer, steps)
        reached, storage.faults = len(storage.operations) > offset, {}
        failed += sealer.status.errors
        assert sealer.status.failing == bool(sealer.status.errors)
        as_near_as_said(plant.log, sealed, truths)
        seal(sealer, steps, RETRY_NS)
        assert not sealer.status.failing
        assert bytes_of(sealed) == bytes_of(undisturbed)
        at += 1
    assert failed > (8 if folder == "sealed" else 2)


def test_a_sealer_that_is_killed_in_the_middle_of_a_door_leaves_the_next_one_what_it_needs():
    plant, steps = plant_of(2)
    truths, undisturbed = truths_of(plant.log), SimulatedStorage()
    seal(sealer_of(plant.log, undisturbed), steps)
    turns, left = 0, 0
    while not left:
        turns += 2
        sealed, left = SimulatedStorage(), turns
        killed = sealer_of(plant.log, sealed)
        for step in steps:
            while left and killed.turn(step, 0, at_once=True):
                left -= 1
        as_near_as_said(plant.log, sealed, truths)
        seal(sealer_of(plant.log, sealed), steps)
        assert bytes_of(sealed) == bytes_of(undisturbed)
    assert turns > 16


@pytest.mark.parametrize("folder", ["log", "sealed"])
def test_a_plant_whose_power_goes_in_the_middle_of_a_door_goes_on_with_it_behind(folder):
    cuts, at = 0, 0
    while True:
        log, sealed = SimulatedStorage(), SimulatedStorage()
        (log if folder == "log" else sealed).cut_at = at
        durable, acknowledged, mono_ns = 0, None, 1000 * SCAN_NS
        try:
            plant = Plant(Random(3), log, sealed, **SEALING)
            for _ in range(3):
                ramped(plant, Random(3), 25)
                durable, mono_ns, acknowledged = plant.recorder.durable_sequence, plant.mono_ns, truths_of(log)
                plant.sealer.finish(durable, 0)
        except PowerCut:
            cuts += 1
        else:
            break
        log.cut_at = sealed.cut_at = None
        log, sealed = log.after_power_cut(at), sealed.after_power_cut(at)
        again = Plant(Random(4), log, sealed, floor=durable, mono_ns=mono_ns + 60 * SECOND, **SEALING)
        ramped(again, Random(4), 25)
        again.sealer.finish_early(again.recorder.durable_sequence, 0)
        truths = truths_of(log)
        assert as_near_as_said(log, sealed, truths) > 0
        for tag in DOORS if acknowledged else ():
            assert truths[tag].points[: len(acknowledged[tag].points)] == acknowledged[tag].points
        assert sealed_ranges(sealed.names())[-1].last_sequence == again.recorder.durable_sequence
        at += 9 if folder == "log" else 4
    assert cuts > 6
