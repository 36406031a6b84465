"""What a feed of the history to an InfluxDB costs, beside influxdb-client's batching writer: goal 16.

Both send the same rows to one VictoriaMetrics, a batch a second of plant time; CPU is that of the sender alone, until
all is answered. `encode_us_point` is the making of lines alone, `cpu_us_point` the whole sink: lines, HTTP, answer.
What has arrived is counted. The sink says more in a line (quality, unit, plant) than the peer is given.
"""

import asyncio
import time

import msgspec
import numpy as np

from benchmarks.history_peers import PeerMissing, wanted
from benchmarks.history_peers.influxdb_client import batched, pointed
from benchmarks.history_peers.victoria_metrics import VictoriaMetrics
from plantctl.core.batch import Batch, PointLabel
from plantctl.core.clock import RealClock
from plantctl.sinks._line_protocol import LineEncoder
from plantctl.sinks._sink import SinkPlace
from plantctl.sinks.influx import Config, Sink

POINTS_MAX = 300_000
POINTS_FEW = 20_000


def feed(folder, moves):
    """The figures of both, by label, or `missing`: what is not installed."""
    seconds = list(_batches(moves))
    points = sum(batch.rows for batch in seconds)
    labels = {tag: PointLabel(f"T-{tag}", "m3/h") for tag in range(moves.tags)}
    result = {"points": points}
    try:
        wanted("influxdb_client")  # its connection is the sink's as well
        server = VictoriaMetrics(folder, 0, False)
    except PeerMissing as missing:
        return {"missing": [str(missing)]}
    try:
        encode_s = _encoded(seconds, labels)
        for label, gzip in (("plantctl", False), ("plantctl, gzip", True)):
            spent = asyncio.run(_sent(server.port, seconds, labels, gzip))
            arrived = _arrived(server, "plant_value", seconds)
            assert arrived == points, "a sink that says that all has arrived must be right"
            result[label] = _figures(points, spent, encode_s / points, arrived)
        rows = [_rows(batch) for batch in seconds]
        few = [row for second in rows for row in second][:POINTS_FEW]
        spent = batched(server.port, rows)
        arrived = _arrived(server, "batching_value", seconds)
        result["influxdb-client"] = _figures(points, spent, pointed(few) / len(few), arrived)
    finally:
        server.close()
    return result


def _figures(points, spent, encode_s, arrived):
    cpu_s, wall_s = spent
    return {
        "cpu_us_point": round(cpu_s / points * 1e6, 3),
        "encode_us_point": round(encode_s * 1e6, 3),
        "points_s": round(points / wall_s),
        "arrived": arrived,
    }


def _encoded(seconds, labels):
    """CPU for the lines alone, s."""
    encoder = LineEncoder("plant", "bench", labels)
    encoder.lines(seconds[0])  # names are made once
    begin = time.process_time()
    for batch in seconds:
        encoder.lines(batch)
    return time.process_time() - begin


def _batches(moves):
    """A batch for each second of plant time, until these are points enough."""
    points = 0
    for first in range(0, len(moves.utc_ns), moves.hertz):
        scans = range(first, first + moves.hertz)
        tag = np.concatenate([moves.which[k] for k in scans]).astype(np.uint32)
        utc_ns = np.concatenate([np.full(len(moves.which[k]), moves.utc_ns[k]) for k in scans])
        value = np.concatenate([moves.values[k, moves.which[k]] for k in scans])
        none = np.zeros(len(tag), np.int64)
        yield Batch(first + 1, first + moves.hertz, utc_ns, tag, value, none.astype(np.uint16), none)
        points += len(tag)
        if points > POINTS_MAX:
            return


def _rows(batch):
    names = (f"T-{tag}" for tag in batch.tag.tolist())
    return list(zip(names, batch.value.tolist(), batch.utc_ns.tolist(), strict=True))


async def _sent(port, seconds, labels, gzip):
    """CPU of this process and time by the clock, s, until the product's sink knows all to have arrived."""
    config = Config(url=f"http://127.0.0.1:{port}", org="plant", bucket="plant", insecure=True, text=False, gzip=gzip)
    sink = Sink(SinkPlace("bench", "bench", labels, RealClock()), config)
    await sink.open()
    await sink.write(seconds[0])
    begin, begin_cpu = time.perf_counter(), time.process_time()
    for batch in seconds:
        await sink.write(batch)
    spent = time.process_time() - begin_cpu, time.perf_counter() - begin
    await sink.close()
    return spent


def _arrived(server, name, seconds):
    """How many rows of a name the server has, each once."""
    server.asking.ask("GET", "/internal/force_flush")
    begin_s, end_s = (int(batch.utc_ns[0]) / 1e9 for batch in (seconds[0], seconds[-1]))
    span = f"start={begin_s - 60}&end={end_s + 60}"
    lines = server.asking.ask("GET", f"/api/v1/export?match%5B%5D={name}&{span}").splitlines()
    times = {}
    for line in lines:
        said = msgspec.json.decode(line)
        times.setdefault(str(said["metric"]), set()).update(said["timestamps"])
    return sum(map(len, times.values()))
