"""Bits of a sealed file are flipped: one costs nothing, two a chunk; all are counted, the rest is as before."""

from random import Random

import numpy as np
import pytest

from plantctl.history.files.sealed import END_BYTES
from plantctl.history.reading.cursor import SealedCursor
from plantctl.history.reading.query import History
from tests.feed_bench import NoWords
from tests.history_bench import NAMES, SCAN_NS, UTC_NS, Naive, Plant
from tests.unit.simulated_storage import SimFile, SimulatedStorage

HOUR = (UTC_NS + 1000 * SCAN_NS, UTC_NS + 1000 * SCAN_NS + 3_600_000_000_000)


def answers(log, sealed):
    history = History(log, sealed)
    found = {}
    for name in NAMES.values():
        series = history.raw(name, 0, 1 << 62)
        columns = (series.utc_ns, series.value.view("i8"), series.quality, series.source_ns)
        found[name] = list(zip(*(c.tolist() for c in columns), strict=True))
        minutes = history.trend(name, *HOUR, 60).buckets
        found[name].append(tuple(np.nan_to_num(getattr(minutes, n), nan=-1).tolist() for n in ("low", "high", "count")))
    frames = [frame for _, frame in history.frames(0, 1 << 62)]
    cursor = SealedCursor(sealed, NoWords(), 0, 1 << 62)
    while cursor.next(1000) is not None:
        pass
    return found, frames, history.damaged, (history.left_out, cursor.lost_frames)


@pytest.mark.parametrize("bits", [1, 2])
def test_every_byte_of_a_file_in_turn(bits):
    plant = Plant(Random(1))
    for _ in range(3):
        plant.scan(40)
        plant.event(f"event {plant.count}")
        plant.seal()
    names = plant.sealed.names()
    target = names[1]
    plant.scan(3)
    plant.keep()
    log = SimulatedStorage({n: SimFile(f.seen) for n, f in plant.log.files.items()})
    right, frames, _, nothing = answers(log, plant.sealed)
    assert len(frames) >= 3
    assert nothing == (0, 0)
    assert {name: len(rows) for name, rows in right.items()} == {
        name: len(Naive(log, tag).points) + 1 for tag, name in NAMES.items()
    }
    data = bytes(plant.sealed.files[target].seen)
    index = int.from_bytes(data[8 - END_BYTES : 16 - END_BYTES], "little")
    draw = Random(2)
    lost_tags = lost_all = 0
    for place in range(0, len(data), 17):
        spoiled = bytearray(data)
        spoiled[place] ^= 2**bits - 1 << draw.randrange(9 - bits)
        files = {n: SimFile(f.seen) for n, f in plant.sealed.files.items()}
        files[target] = SimFile(spoiled)
        found, kept, damaged, left_out = answers(log, SimulatedStorage(files))
        assert damaged >= 1, f"the flipped bit at {place} was not found"
        differ = [name for name in NAMES.values() if found[name] != right[name]]
        for name in differ:
            before = set(right[name][:-1])
            assert {row for row in found[name][:-1] if row not in before} == set(), "a row that never was"
        lost_tags += len(differ) == 1
        lost_all += len(differ) > 1
        assert len(kept) == len(frames) or not differ, "more than one chunk lost"
        assert bits > 1 or (kept, differ) == (frames, []), "its sum says which bit it was"
        assert bits > 1 or place >= index or left_out == nothing, "what is told is not counted as lost"
        assert not differ or all(left_out), "what is lost is counted, also for sinks"
    if bits == 1:
        return
    assert lost_tags > 10, "points chunks are most of a file"
    assert 0 < lost_all < lost_tags, "only the chunk of the scans is everybody's"
