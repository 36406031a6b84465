"""The power goes at any operation of the disk, while rows are recorded and fed: none that was durable is lost, none is
twice at the peer, and the next start is never refused.

Log and position are on one disk, which loses power at once; the peer is another machine and remembers. The campaign
`feed-power-cuts` takes the same function with more cuts.
"""

import random
from contextlib import suppress

import pytest

from plantctl.core.frame import Kind, decode_rows
from plantctl.core.virtual_run import run_virtual
from plantctl.log.reader import read_frames
from plantctl.sinks._sink import SinkUnreachable
from tests.feed_bench import FedPlant, Peer, alarm, logged_rows
from tests.unit.simulated_storage import PowerCut, SimulatedStorage

SMALL = {"ring_size": 1 << 14, "file_bytes": 4096, "batch": 60, "backoff_first": 0.05, "backoff_most": 0.4}


class OneDisk(SimulatedStorage):
    """Once the power is gone nothing works any more."""

    def _step(self, name, partly=None):
        if self.is_cut:
            raise PowerCut
        super()._step(name, partly)


def lived(disk, seed):
    """A plant and its feed until the power goes: the peer, and the newest frame that was called durable."""

    async def main(clock):
        chance = random.Random(seed)
        peer = Peer(clock)

        async def trouble(batch):
            if chance.random() < 0.3:
                raise SinkUnreachable("reset")

        peer.trouble = trouble
        plant, durable = None, 0
        with suppress(PowerCut):
            plant = FedPlant(clock, disk, disk, peer, **SMALL)
            plant.begin()
            for turn in range(12):
                peer.down = 3 <= turn < 6
                if turn % 4 == 1:
                    alarm(plant.scan, f"flow low {turn}")
                await plant.live(1.0)
                if plant.task.done():
                    break
        if plant is not None:
            durable = plant.newest()[0]
            if plant.task is not None:
                await plant.end()
        peer.trouble, peer.down = None, False
        return peer, durable

    return run_virtual(main)


def after(disk, peer):
    """The machine starts again: everything that the log holds is at the peer once."""

    async def main(clock):
        peer.clock = clock
        plant = FedPlant(clock, disk, disk, peer, run=2, **SMALL)
        plant.begin()
        await plant.live(3.0)
        await plant.until(plant.arrived, 60.0)
        lost = plant.runner.position.lost
        await plant.end()
        return lost

    return run_virtual(main)


def cut(operation, seed):
    """One loss of power at the operation of this number, and the start after it; whether the power went at all."""
    disk = OneDisk(cut_at=operation, seed=seed)
    peer, durable = lived(disk, seed)
    before = dict(peer.rows)
    again = disk.after_power_cut(seed)
    promised = {key for key, sequence in sequences(disk).items() if sequence <= durable}
    lost = after(again, peer)
    rows = logged_rows(again)
    assert peer.rows == rows, "the peer has other rows than the log"
    assert before.keys() <= rows.keys(), "what was sent was not durable"
    assert promised <= rows.keys(), "a durable row is gone"
    assert lost == 0
    return disk.is_cut


def sequences(disk):
    """The frame of each row, as the programs saw the disk when the power went."""
    seen = SimulatedStorage(disk.files)
    found = {}
    for utc_ns, frame in read_frames(seen):
        if frame.kind in (Kind.KEY, Kind.DELTA):
            for tag in decode_rows(frame.payload).tag.tolist():
                found[tag, utc_ns] = frame.sequence
    return found


@pytest.mark.parametrize("part", range(4))
def test_the_power_goes_at_operations_all_over_a_story(part):
    went = [cut(operation, seed=operation) for operation in range(part, 246, 10)]
    assert sum(went) > 20
