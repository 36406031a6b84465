"""A disk that becomes short: it is told hours before, copies go first, then old values, transitions last of all."""

from itertools import pairwise
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from plantctl.app import disk_watch
from plantctl.app.disk_watch import DiskWatch
from plantctl.core.event import EventKind
from plantctl.core.frame import Kind, encode_records
from plantctl.core.keeping import Keeping
from plantctl.history.files.sealed import open_sealed, sealed_ranges
from plantctl.history.reading.cursor import SealedCursor
from plantctl.history.upkeep.inspection import inspect
from plantctl.history.upkeep.retention import drop_values
from plantctl.history.upkeep.space import LASTS_MAX_S, SHORT_BYTES, DiskSpace, Space, space_points
from plantctl.log.files import log_names
from plantctl.log.reader import read_frames
from tests.feed_bench import NoWords
from tests.history_bench import NAMES, Plant
from tests.unit.log_bench import Scan
from tests.unit.simulated_storage import BROKEN, FULL, TOO_MANY, SimulatedStorage

HOUR_NS = 3_600_000_000_000
DISK = 100 * SHORT_BYTES
FAR_NS = 1 << 62


def test_how_long_the_room_lasts_is_told_hours_before():
    space, free, mono_ns, told = DiskSpace(), 12 * SHORT_BYTES, 0, []
    while space.look(free, DISK, mono_ns) is Space.ENOUGH:
        told.append((space.lasts_s, mono_ns))
        free, mono_ns = free - SHORT_BYTES // 60, mono_ns + HOUR_NS // 60  # a disk filled by somebody in eleven hours
    assert told[0][0] == LASTS_MAX_S
    alarmed_ns = next(at for lasts_s, at in told if lasts_s < 8 * 3600)
    assert mono_ns - alarmed_ns > 7 * HOUR_NS
    assert [lasts_s for lasts_s, _ in told[2:]] == pytest.approx([(mono_ns - at) / 1e9 for _, at in told[2:]], abs=90)


def test_a_disk_that_breathes_costs_no_row_a_second():
    """An hour of a disk that fills slowly while others write and remove: what the points say, each second."""
    space, draw, told = DiskSpace(), Random(1), []
    for second in range(3_600):
        free = 40 * SHORT_BYTES - 100_000 * second - draw.randrange(30_000_000)
        space.look(free, DISK, second * 1_000_000_000)
        points = space.points()
        assert points["log.free"] == pytest.approx(free, rel=0.011)
        told.append(points)
        if second % 60 == 0:
            assert points["log.lasts"] == space.lasts_s
    rows = {name: sum(now[name] != before[name] for before, now in pairwise(told)) for name in told[0]}
    assert rows["log.free"] <= 3
    assert 20 <= rows["log.lasts"] <= 60
    for free in (SHORT_BYTES - 1, 0, SHORT_BYTES - 2):  # a state's own figures are told at once
        space.look(free, DISK, 3_599_000_000_001)
        assert (space.points()["log.free"], space.points()["log.lasts"]) == (free, space.lasts_s)


def test_a_small_disk_and_one_that_hardly_moves():
    space = DiskSpace()
    assert space.look(SHORT_BYTES // 2, SHORT_BYTES, 0) is Space.ENOUGH
    assert space.look(SHORT_BYTES // 2 + 5, SHORT_BYTES, HOUR_NS) is Space.ENOUGH
    assert space.lasts_s == LASTS_MAX_S
    assert space.look(0, SHORT_BYTES, HOUR_NS) is Space.EVENTS_ONLY
    assert space.lasts_s == 0.0


def test_a_state_is_left_only_with_some_room_more():
    space, said = DiskSpace(), []
    shares = (1.01, 0.99, 1.2, 1.26, 0.5, 0.09, 0.12, 0.13, 1.3)
    for share in shares:
        said.append(space.look(round(share * SHORT_BYTES), DISK, 0))
    short, only = Space.SHORT, Space.EVENTS_ONLY
    assert said == [Space.ENOUGH, short, short, Space.ENOUGH, short, only, only, short, Space.ENOUGH]
    assert space.wanted == 0
    space.look(SHORT_BYTES // 2, DISK, 0)
    assert space.wanted == round(0.75 * SHORT_BYTES)


def filled(rounds=12):
    """A plant with so many sealed files, an event in each, and log files beside them."""
    plant = Plant(Random(2), file_bytes=3000, keeping=Keeping(log_bytes=1 << 30))
    for number in range(rounds):
        plant.scan(40)
        told = {"code": int(EventKind.ALARM), "tag": 5, "new": number}
        plant.ring.append(Kind.EVENT, plant.count, plant.mono_ns, encode_records(Kind.EVENT, [told]))
        plant.seal()
    return plant


def events_of(plant):
    return [frame for _, frame in plant.history().frames(0, FAR_NS) if frame[4:6] == Kind.EVENT.to_bytes(2, "little")]


def gave_up(plant, wanted, turns=1):
    """The sealer looks so often while the disk wants room."""
    plant.sealer.wanted_bytes = wanted
    for _ in range(turns):
        plant.mono_ns += 11_000_000_000
        plant.sealer.turn(plant.recorder.durable_sequence, plant.mono_ns)


def test_the_copies_in_the_log_go_first_then_old_values_and_no_transition():
    plant = filled()
    events, logs = events_of(plant), len(log_names(plant.log.names()))
    right = {name: plant.history().raw(name, 0, FAR_NS) for name in NAMES.values()}
    size = sum(len(f.seen) for f in plant.sealed.files.values())
    gave_up(plant, 1)
    assert len(log_names(plant.log.names())) == 2 < logs
    assert plant.sealer.status.files_without_values == 0, "first what is there twice"
    assert events_of(plant) == events
    gave_up(plant, size // 3, turns=2)
    status = plant.sealer.status
    assert 4 < status.files_without_values <= 8
    assert events_of(plant) == events, "no transition went"
    assert status.sealed_bytes <= sum(len(f.seen) for f in plant.sealed.files.values()) < size
    for name, before in right.items():
        after = plant.history().raw(name, 0, FAR_NS)
        thinned = sealed_ranges(plant.sealed.names())[status.files_without_values]
        from_ns = open_sealed(plant.sealed, thinned).head.low_ns
        kept = before.utc_ns > from_ns
        assert set(before.utc_ns[kept].tolist()) <= set(after.utc_ns.tolist())
        assert not (after.utc_ns[1:] < from_ns).any(), "of what went nothing is known, but what rested at its end"
        assert after.until_ns[0] > from_ns
        assert plant.history().at(name, [from_ns - 1]) == [None]
    assert inspect(plant.log, plant.sealed).damages == []
    plant.sealer.wanted_bytes = 0
    plant.scan(40)
    plant.seal()
    assert plant.sealer.status.files_without_values == status.files_without_values


def test_no_more_is_given_up_than_is_wanted_and_never_the_newest_file():
    plant = filled(rounds=6)
    won = drop_values(plant.sealed, 1, {})
    assert (won.gone, won.bytes > 0) == (1, True)
    while drop_values(plant.sealed, 1 << 30, {}).gone:
        pass
    *old, newest = sealed_ranges(plant.sealed.names())
    assert [open_sealed(plant.sealed, each).scans() for each in old] == [None] * len(old)
    assert open_sealed(plant.sealed, newest).scans() is not None, "it says where sealing goes on"


def test_recorder_and_sealer_do_what_the_room_asks_for_and_a_disk_that_does_not_say_changes_nothing(
    tmp_path, monkeypatch
):
    plant = filled(rounds=1)
    watch, seconds = DiskWatch(tmp_path, plant.recorder, plant.sealer), iter(range(9))

    def found(free):
        """With a disk of 100 GB: short below 2 GB, events alone below 0.2 GB."""
        monkeypatch.setattr(disk_watch.shutil, "disk_usage", lambda _: SimpleNamespace(free=free, total=10**11))
        watch.look(next(seconds) * disk_watch.LOOK_NS)
        return watch.space.state, plant.recorder.sparing, plant.sealer.wanted_bytes > 0

    assert found(10**10) == (Space.ENOUGH, False, False)
    assert found(10**9) == (Space.SHORT, False, True)
    assert found(10**8) == (Space.EVENTS_ONLY, True, True)

    def unknown(_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk_watch.shutil, "disk_usage", unknown)
    watch.look(next(seconds) * disk_watch.LOOK_NS)
    assert (watch.space.state, plant.recorder.sparing) == (Space.EVENTS_ONLY, True)
    assert found(10**10) == (Space.ENOUGH, False, False)


def test_a_disk_that_nobody_has_looked_at_is_not_called_short():
    assert space_points(0, 0.0, 0)["log.lasts"] == LASTS_MAX_S
    assert space_points(1, 0.0, 1)["log.lasts"] == 0.0


def test_a_sink_is_given_the_transitions_of_files_without_values():
    plant = filled(rounds=6)
    gave_up(plant, 1 << 30, turns=4)
    cursor = SealedCursor(plant.sealed, NoWords(), 0, plant.sealer.status.sealed_sequence)
    events, batches = [], 0
    while (batch := cursor.next(1000)) is not None:
        events += batch.events
        batches += 1
        assert batches < 100, "it goes round and round"
    assert [event.new for event in events] == [0, 1, 2, 3, 4], "the last is in the log"
    assert cursor.last_sequence == plant.sealer.status.sealed_sequence


@pytest.mark.parametrize("code", [FULL, BROKEN, TOO_MANY])
def test_each_operation_of_giving_up_fails_once_and_it_goes_on(code):
    plant = filled(rounds=5)
    events = len(events_of(plant))
    files = {name: bytes(file.seen) for name, file in plant.sealed.files.items()}
    number, failed = 0, 0
    while True:
        plant.sealed = SimulatedStorage()
        for name, data in files.items():
            handle = plant.sealed.open(name)
            plant.sealed.append(handle, data)
            plant.sealed.close(handle)
        plant.sealer._history = plant.sealed
        plant.sealer._lengths.clear()
        plant.sealed.operations.clear()
        plant.sealed.faults = {number: code}
        before = plant.sealer.status.errors
        gave_up(plant, 1 << 30, turns=4)
        happened = plant.sealer.status.errors > before
        failed += happened
        plant.sealed.faults = {}
        gave_up(plant, 1 << 30, turns=3)
        assert len(events_of(plant)) == events
        assert not plant.sealer.status.failing
        assert not [name for name in plant.sealed.names() if name.endswith(".part")]
        if number >= 60:
            break
        number += 3
    assert failed > 5


def test_values_are_left_out_while_the_room_is_for_transitions_alone():
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan(5)
    plant.drain()
    plant.recorder.sparing = True
    plant.scan(5)
    plant.event("pump tripped")
    plant.command(7, plant.count)
    plant.scan(5)
    plant.drain()
    assert plant.recorder.commit_due(plant.mono_ns), "a transition is on disk at once"
    assert plant.commit()
    assert plant.recorder.status.spared_frames == 10
    plant.recorder.sparing = False
    plant.scan(5)
    plant.close()
    frames = [frame for _, frame in read_frames(storage)]
    kinds = [frame.kind for frame in frames]
    assert kinds.count(Kind.EVENT) == kinds.count(Kind.COMMAND) == 1
    assert [f.scan for f in frames if f.kind == Kind.DELTA] == [*range(1, 6), *range(16, 21)]
    assert (np.diff([f.sequence for f in frames]) >= 0).all()
