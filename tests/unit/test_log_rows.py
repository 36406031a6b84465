"""Whoever follows a log up to a frame is given every frame once, wherever that lies and whatever grew behind it."""

from random import Random

import pytest

from plantctl.core.frame import Kind
from plantctl.log.reader import read_frames
from plantctl.log.rows import LogRows
from tests.history_bench import SCAN_NS, Naive, Plant
from tests.unit.log_bench import Scan
from tests.unit.simulated_storage import SimulatedStorage


def scans_in(storage):
    return [frame.sequence for _, frame in read_frames(storage) if frame.kind in (Kind.KEY, Kind.DELTA)]


@pytest.mark.parametrize("seed", range(12))
def test_one_who_asks_for_a_part_is_given_the_rest_later(seed):
    """Files come while it reads, and it asks for less than there is: in the middle of a file that is not the last."""
    chance = Random(seed)
    storage = SimulatedStorage()
    scan = Scan(storage, file_bytes=2_000)
    rows, found, asked = LogRows(storage, block_bytes=chance.choice((500, 1 << 20))), [], 0
    for _ in range(30):
        scan.scan(chance.randint(0, 12))
        scan.drain()
        scan.commit()
        asked = chance.randint(asked, scan.recorder.durable_sequence)
        for stretch in rows.read(asked):
            assert stretch.last_sequence <= asked
            found += stretch.sequence.tolist()
            assert not stretch.hole[1:].any()
            if chance.random() < 0.3:
                scan.scan(chance.randint(0, 12))
                scan.drain()
                scan.commit()
                break
    for stretch in rows.read():
        found += stretch.sequence.tolist()
    assert found == scans_in(storage)
    assert len([n for n in storage.names() if n.endswith(".log")]) > 5


def test_what_was_recorded_while_a_file_was_sealed_slowly_is_sealed_as_well():
    """The sealer follows up to what was durable when it began; by the time it goes on the log is files further."""
    plant = Plant(Random(2), file_bytes=4_000, span_ns=20 * SCAN_NS)
    for _ in range(20):
        plant.scan(15)
        plant.keep()
        plant.sealer.turn(plant.recorder.durable_sequence, plant.mono_ns)
    plant.seal()
    for name, tag in (("A-1", 11), ("B-1", 21)):
        points = plant.history().raw(name, 0, 1 << 62)
        assert points.utc_ns.tolist() == [p[0] for p in Naive(plant.log, tag).points]
