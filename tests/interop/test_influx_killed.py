"""A feed to a database that is killed again and again: every row is there, once, from both that Debian packages.

VictoriaMetrics says yes before it has rows on its disk: without the default `settle` it loses half of them here.
influxd loses none, and is fed without.
"""

import asyncio
import random

import pytest

from plantctl.core.clock import RealClock
from plantctl.sinks._position import Position
from plantctl.sinks._runner import SinkRunner
from tests.interop.databases import Influx, VictoriaMetrics, running
from tests.interop.test_influx_databases import LABELS, plant_batch, recent_ns, sink_at

FRAMES, FRAME_S, KILLS = 400, 0.02, 4


class Frames:
    """A log whose frames are there one after the other, each a scan."""

    def __init__(self, frames):
        self.frames = frames
        self.there = 0

    def newest(self):
        return self.there, int(self.frames[self.there - 1].utc_ns[0]) if self.there else 0

    def cursor(self, after, before=None):
        return FramesCursor(self, after, before)


class FramesCursor:
    lost_frames = 0

    def __init__(self, log, after, before):
        self.log, self.last_sequence, self.before = log, after, before

    def next(self, rows_max):
        if self.last_sequence >= min(self.log.there, self.before or self.log.there):
            return None
        self.last_sequence += 1
        return self.log.frames[self.last_sequence - 1]


class Ledger:
    def __init__(self):
        self.aside = []

    def keep(self, position):
        self.position = position

    def set_aside(self, batch, why):
        self.aside.append(why)


def frames():
    whole = plant_batch(recent_ns(), scans=FRAMES)
    each = len(LABELS)
    told = len(whole.events)
    parts = [whole.part(told + at, told + at + each) for at in range(0, whole.rows, each)]
    return [
        type(part)(number, number, part.utc_ns, part.tag, part.value, part.quality, part.source_ns)
        for number, part in enumerate(parts, 1)
    ]


async def fed(server, log, sink, seed):
    """The plant goes on while the database is killed at random."""
    clock, ledger, chance = RealClock(), Ledger(), random.Random(seed)
    runner = SinkRunner("archive", sink, log, ledger, Position(), clock)
    kills = sorted(chance.sample(range(FRAMES // 10, FRAMES), KILLS))
    async with asyncio.TaskGroup() as tasks:
        running_it = tasks.create_task(runner.run())
        for at in range(FRAMES):
            log.there = max(log.there, at + 1)
            if at in kills:
                server.kill()
                log.there = min(FRAMES, at + 10)
                await asyncio.to_thread(server.start)
            await clock.sleep(FRAME_S)
        async with asyncio.timeout(60.0):
            while runner.position.through < FRAMES or runner.position.holes:
                await clock.sleep(0.05)
        running_it.cancel()
    assert ledger.aside == []
    return runner


@pytest.mark.parametrize("kind", [VictoriaMetrics, Influx])
def test_a_database_that_is_killed_at_random_has_every_row_once(tmp_path, kind):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    with running(kind, tmp_path / "server") as server:
        settle = {} if kind is VictoriaMetrics else {"settle": 0}
        sink = sink_at(server, tmp_path, backoff_most="500 ms", patience="20 s", **settle)
        log = Frames(frames())
        runner = asyncio.run(fed(server, log, sink, seed))
        assert runner.statistics.connects >= 2
        if kind is Influx:
            found = [
                (row["point"], row["time"] // 10**6) for row in server.query("SELECT quality FROM plant GROUP BY point")
            ]
        else:
            found = [(metric["point"], at) for metric, values in server.series("plant_quality") for at in values]
    names = {tag: label.name.replace("\\", "⧵").replace("\n", "␊") for tag, label in LABELS.items()}
    sent = {
        (names[tag], utc_ns // 10**6)
        for frame in log.frames
        for tag, utc_ns in zip(frame.tag.tolist(), frame.utc_ns.tolist(), strict=True)
    }
    assert len(found) == len(sent)
    assert set(found) == sent
