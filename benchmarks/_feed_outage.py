"""The real half of the campaign `feed-outage`: a plant at full rate, a real database, and a proxy that is unkind.

The plant is played: a scan of 500 rows ten times a second, recorded as the recorder does. The feed is the real one, in
this process; a database that was killed may have forgotten what it took last, so the sink settles for some seconds.
"""

import asyncio
import json
import time
import urllib.request
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np

from plantctl.app.feed_ledger import FeedLedger
from plantctl.app.feed_log import FeedLog
from plantctl.core.batch import PointLabel
from plantctl.core.clock import RealClock
from plantctl.log.rows import LogRows
from plantctl.log.storage import FolderStorage
from plantctl.sinks._position import Position
from plantctl.sinks._runner import SinkRunner
from plantctl.sinks._sink import SinkPlace
from plantctl.sinks.influx import Config, Sink
from tests.feed_bench import NoWords
from tests.interop.databases import VictoriaMetrics
from tests.unit.log_bench import Scan

CLOCK = RealClock()
INPUTS = 250  # and as many others: 500 rows a scan
SCAN_S = 0.1
SETTLE_S = 10.0


class Proxy:
    """Passes requests on, or does to them what networks and busy servers do. `unkind` is the share that it spoils."""

    def __init__(self, port, seed=3):
        self._port = port
        self._chance = Random(seed)
        self.unkind = 0.0
        self.port = 0
        self.done = Counter()

    async def serve(self):
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connection(self, reader, writer):
        upstream = None
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self._port)
            while await self._request(reader, writer, *upstream):
                continue
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            if upstream is not None:
                upstream[1].close()

    async def _request(self, reader, writer, server_reader, server_writer):
        """One request; False where the connection is to end. It ends with that to the server, as a tunnel does."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        act = self._chance.choice(ACTS) if self._chance.random() < self.unkind else "pass"
        self.done[act] += 1
        if act == "hang":
            await CLOCK.sleep(60.0)  # as a peer hangs; the sink's patience ends it
            return False
        if act == "cut request" or server_reader.at_eof():
            return False
        if act in ANSWERS:
            writer.write(ANSWERS[act])
            await writer.drain()
            return True
        server_writer.write(head + body)
        await server_writer.drain()
        answer = await server_reader.readuntil(b"\r\n\r\n")
        answer += await server_reader.readexactly(_length(answer))
        if act == "lost answer":
            return False
        writer.write(answer)
        await writer.drain()
        return True


def _length(head):
    found = [x for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")]
    return int(found[0].split(b":")[1]) if found else 0


def _said(status, more=b""):
    body = b'{"error":"played"}'
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s" % (
        status,
        len(body),
        more,
        body,
    )


ANSWERS = {
    "503": _said(b"503 Service Unavailable"),
    "429": _said(b"429 Too Many Requests", b"Retry-After: 1\r\n"),
    "400": _said(b"400 Bad Request"),
}
ACTS = [*ANSWERS, "cut request", "lost answer", "hang"]


class PlayedPlant:
    """Scans and commits in real time; tells how late its scans began."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.storage = FolderStorage(folder)
        self.scan = Scan(self.storage, inputs=INPUTS, ring_size=1 << 24, file_bytes=64 << 20)
        self.scan.mono_ns = time.time_ns() - 1_790_000_000_000_000_000  # its UTC is the machine's
        self.late_s = []
        self.scans = 0

    async def run(self, ended):
        loop, recorder = asyncio.get_running_loop(), self.scan.recorder
        begin = loop.time()
        while not ended.is_set():
            self.scans += 1
            due = begin + self.scans * SCAN_S
            await CLOCK.sleep(max(0.0, due - loop.time()))
            self.late_s.append(loop.time() - due)
            self.scan.scan()
            self.scan.drain()
            if self.scans % 10 == 0 and (commit := recorder.begin_commit()) is not None:
                error = await loop.run_in_executor(None, commit.sync)
                recorder.end_commit(commit, error, self.scan.mono_ns, self.scan.utc_ns)
        self.scan.close()


def labels():
    return {n: PointLabel(f"P-{n}") for n in range(2 * INPUTS)}


async def torment(seconds, database, proxy, runner, ended):
    """Deaths and spoiled requests, an outage, and the way back; what was seen then."""
    chance, kills, began = Random(11), 0, time.monotonic()
    proxy.unkind = 0.2
    while time.monotonic() - began < 0.5 * seconds:
        await CLOCK.sleep(chance.uniform(0.02, 0.06) * seconds)
        await asyncio.to_thread(database.kill)
        kills += 1
        await CLOCK.sleep(chance.uniform(0.0, 0.02) * seconds)
        await asyncio.to_thread(database.start)
    await asyncio.to_thread(database.kill)  # the outage: it is away, and comes back
    await CLOCK.sleep(0.25 * seconds)
    await asyncio.to_thread(database.start)
    proxy.unkind = 0.0
    lags, before, back = [0.0], runner.statistics.filled_rows, time.monotonic()
    rate = 0.0
    while runner.position.holes or time.monotonic() - began < seconds:
        await CLOCK.sleep(0.2)
        if runner.position.holes:
            lags.append(runner.statistics.lag_ns / 1e9)
            rate = (runner.statistics.filled_rows - before) / (time.monotonic() - back)
    ended.set()
    return {
        "database_killed": kills + 1,
        "live_lag_s_max_while_filling": round(max(lags), 2),
        "filled_rows_a_second": round(rate),
    }


async def fed(seconds, folder, database):
    """Runs plant, feed, proxy and deaths; the figures."""
    plant = PlayedPlant(folder / "log")
    proxy = Proxy(database.port)
    server = await proxy.serve()
    names = labels()
    config = Config(
        url=f"http://127.0.0.1:{proxy.port}",
        insecure=True,
        org="works",
        bucket="plant",
        text=False,
        patience=5.0,
        backoff_most=2.0,
        settle=SETTLE_S,
        backfill=100_000.0,
    )
    ledger = FeedLedger(FolderStorage(folder / "feeds"), "archive", names)
    position = ledger.position() or Position()
    sink = Sink(SinkPlace("archive", "bench", names, CLOCK), config)
    log = FeedLog(plant.storage, None, NoWords(), plant.scan.recorder.newest)
    runner = SinkRunner("archive", sink, log, ledger, position, CLOCK)
    ended = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(runner.run())
        living = tasks.create_task(plant.run(ended))
        seen = await torment(seconds, database, proxy, runner, ended)
        await living
        while runner.position.holes or runner.position.through < plant.scan.recorder.durable_sequence:
            await CLOCK.sleep(0.1)
        feeding.cancel()
    server.close()
    await CLOCK.sleep(2.0)  # the newest samples become visible
    late_ms = np.array(plant.late_s) * 1e3
    return plant, {
        "rows_a_second": round(plant.scans * 2 * INPUTS / (plant.scans * SCAN_S)),
        "minutes": round(plant.scans * SCAN_S / 60, 1),
        "proxy": dict(sorted(proxy.done.items())),
        "failures": runner.statistics.failures,
        **seen,
        "writer_late_ms_p99": round(float(np.quantile(late_ms, 0.99)), 1),
        "lost_frames": runner.position.lost,
        "quarantined": runner.position.quarantined,
    }


def at_database(database, field):
    """Every sample of a field of every point by its time in ms, and how many are there twice."""
    url = f"{database.url}/api/v1/export?match%5B%5D=%7B__name__%3D%22plant_{field}%22%7D"
    found, twice = {}, 0
    with urllib.request.urlopen(url, timeout=600) as answer:
        for line in answer:
            told = json.loads(line)
            row = found.setdefault(told["metric"]["point"], {})
            for value, ms in zip(told["values"], told["timestamps"], strict=True):
                twice += ms in row
                row[ms] = value
    return found, twice


def real_time(seconds, folder):
    """The figures of the real half."""
    (folder / "database").mkdir(parents=True)
    database = VictoriaMetrics(Path(folder / "database"))
    database.start()
    try:
        plant, figures = asyncio.run(fed(seconds, folder, database))
        values, twice = at_database(database, "value")
        qualities, quality_twice = at_database(database, "quality")
    finally:
        database.kill()
    wanted, lost, wrong = 0, 0, 0
    for stretch in LogRows(plant.storage).read():
        utc_ms = stretch.utc_ns[stretch.scan] // 1_000_000
        columns = (stretch.tag, utc_ms, stretch.value, stretch.quality)
        for tag, ms, value, quality in zip(*(c.tolist() for c in columns), strict=True):
            wanted += 1
            got = qualities.get(f"P-{tag}", {}).get(ms)
            lost += got is None
            wrong += got is not None and (got != quality or (not quality & 3 and values[f"P-{tag}"].get(ms) != value))
    return {**figures, "rows_in_log": wanted, "lost": lost, "wrong": wrong, "twice_there": twice + quality_twice}
