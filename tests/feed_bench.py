"""A plant that writes its log in virtual time, one sink that follows it, and a peer that does what peers do."""

import asyncio
from collections import Counter

from plantctl.app.feed_ledger import FeedLedger
from plantctl.app.feed_log import FeedLog
from plantctl.core.event import EventKind
from plantctl.core.frame import Kind, decode_rows
from plantctl.core.virtual_run import run_virtual
from plantctl.log.reader import read_frames
from plantctl.scan.event_records import EventRecords
from plantctl.sinks._position import Position
from plantctl.sinks._runner import SinkRunner
from plantctl.sinks._sink import SinkRejected, SinkSettings, SinkUnreachable
from tests.unit.log_bench import SCAN_NS, Scan
from tests.unit.simulated_storage import SimulatedStorage


class NoWords(EventRecords):
    """Records of a plant without a plan: every target is a number or a text."""

    def __init__(self):
        self._names, self._words = {}, {}


class Peer:
    """Keeps what it was given by its key, and notes in which order it came. `trouble(batch)` may raise or wait."""

    def __init__(self, clock, trouble=None, takes_s=0.0):
        self.clock = clock
        self.trouble = trouble
        self.takes_s = takes_s
        self.rows = {}
        self.events = {}
        self.times = Counter()
        self.taken_ns = {}
        self.order = {True: {}, False: {}}
        self.out_of_order = 0
        self.worst_lag_ns = 0
        self.down = False
        self.link = 0
        self.offset_ns = 0
        self.connections = 0
        self.writes = 0

    def age_ns(self, utc_ns):
        """How long ago the plant was at this time."""
        return self.clock.utc_ns() - self.offset_ns - utc_ns

    async def open(self):
        self.connections += 1
        if self.down:
            raise SinkUnreachable("nobody there")

    async def close(self):
        pass

    async def write(self, batch):
        self.writes += 1
        await self.clock.sleep(self.takes_s)
        if self.down:
            raise SinkUnreachable("it went away")
        if self.trouble is not None:
            await self.trouble(batch)
        self.take(batch)

    def take(self, batch):
        columns = (batch.utc_ns, batch.tag, batch.value, batch.quality, batch.source_ns)
        last = self.order[batch.historical]
        for utc_ns, tag, *row in zip(*(c.tolist() for c in columns), strict=True):
            known = self.rows.setdefault((tag, utc_ns), row)
            assert known == row
            self.times[tag, utc_ns] += 1
            self.taken_ns[tag, utc_ns] = self.clock.utc_ns()
            if self.times[tag, utc_ns] == 1:
                self.out_of_order += utc_ns < last.get(tag, 0)
                last[tag] = utc_ns
            if not batch.historical:
                self.worst_lag_ns = max(self.worst_lag_ns, self.age_ns(utc_ns))
        for sequence, event in zip(batch.event_sequences, batch.events, strict=True):
            self.events[sequence] = event


class PeerSink:
    @property
    def link(self):
        return self.peer.link

    def __init__(self, peer, **settings):
        self.peer = peer
        self.settings = SinkSettings(**settings)
        self.open, self.write, self.close = peer.open, peer.write, peer.close


class FedPlant:
    """`scans_per_turn`: how many scans are made at once, so that hours of plant are little work."""

    def __init__(
        self,
        clock,
        storage,
        ledger_storage,
        peer,
        turn_scans=10,
        inputs=2,
        file_bytes=1 << 16,
        ring_size=1 << 22,
        run=1,
        **settings,
    ):
        self.clock = clock
        self.storage = storage
        mono_ns = run * 100_000 * SCAN_NS  # a second run comes later than the first
        self.scan = Scan(storage, inputs, ring_size, file_bytes, run=run, mono_ns=mono_ns)
        self.turn_scans = turn_scans
        self.ledger_storage = ledger_storage
        self.peer = peer
        self.settings = settings
        peer.offset_ns = clock.utc_ns() - self.scan.utc_ns
        self.wanted = lambda batch: batch
        self.history = None
        self.runner = None
        self.task = None

    def newest(self):
        return self.scan.recorder.durable_sequence, self.scan.recorder.durable_utc_ns

    def begin(self):
        """A feeds process begins: it knows what the ledger says."""
        ledger = FeedLedger(self.ledger_storage, "archive", {})
        position = ledger.position() or Position()
        log = FeedLog(self.storage, self.history, NoWords(), self.newest)
        sink = PeerSink(self.peer, **self.settings)
        self.runner = SinkRunner("archive", sink, log, ledger, position, self.clock, self.wanted)
        self.task = asyncio.get_running_loop().create_task(self.runner.run())
        return self.runner

    async def end(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def live(self, seconds):
        """The plant runs so long."""
        for _ in range(round(seconds * 1e9 / SCAN_NS / self.turn_scans)):
            await self.clock.sleep(self.turn_scans * SCAN_NS / 1e9)
            self.scan.scan(self.turn_scans)
            self.scan.drain()
            self.scan.commit()

    async def until(self, condition, within_s=3600.0):
        for _ in range(round(within_s * 10)):
            if condition():
                return
            await self.clock.sleep(0.1)
        raise AssertionError(f"not within {within_s} s: {self.runner.position} {self.runner.statistics}")

    def arrived(self):
        position = self.runner.position
        return not position.holes and position.through == self.newest()[0]


def logged_rows(storage):
    """What the log holds: the row by (tag, time)."""
    found = {}
    for utc_ns, frame in read_frames(storage):
        if frame.kind in (Kind.KEY, Kind.DELTA):
            rows = decode_rows(frame.payload)
            source = rows.source_ns.tolist() + [0] * (len(rows.tag) - len(rows.source_ns))
            for tag, *row in zip(rows.tag.tolist(), rows.value.tolist(), rows.quality.tolist(), source, strict=True):
                found[tag, utc_ns] = row
    return found


def alarm(scan, text):
    scan.event(text, code=int(EventKind.ALARM), tag=5, new=1.0)


def fed(story, **settings):
    """Runs `story(plant, peer)` in virtual time; the plant, its peer and the runner."""

    async def main(clock):
        peer = Peer(clock)
        plant = FedPlant(clock, SimulatedStorage(), SimulatedStorage(), peer, **settings)
        plant.begin()
        try:
            await story(plant, peer)
        finally:
            await plant.end()
        return plant

    return run_virtual(main)


def assert_all_arrived_once_in_order(plant):
    peer = plant.peer
    assert peer.rows == logged_rows(plant.storage)
    assert peer.out_of_order == 0


__all__ = [
    "FedPlant",
    "NoWords",
    "Peer",
    "PeerSink",
    "SinkRejected",
    "alarm",
    "assert_all_arrived_once_in_order",
    "fed",
    "logged_rows",
]
