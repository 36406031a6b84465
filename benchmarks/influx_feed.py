"""What sending rows to a database costs: plantctl's sink beside the ways that influxdb-client has.

`python benchmarks/influx_feed.py [ROWS]` sends so many rows (default 200,000) of 1,000 points, with value, quality and,
for half of them, source time, in batches of 5,000 to one real VictoriaMetrics on this machine, five times each way,
one way after the other, and by the sink to an influxd 1.x as well. A way that is ten times as slow gets a fifth of the
rows, counted for each row. The medians are told: rows a second until the last answer, and CPU of this process a row,
all threads; the server's is told beside it. Afterwards the databases are asked whether everything is there.

    sink            plantctl's, as it runs: encoder, influxdb-client's asynchronous transport, ours of the answers
    batching        influxdb-client's batching WriteApi, given lines that are ready: encoding costs it nothing
    batching Point  the same, given `Point` objects, as its users write
    async Point     influxdb-client's asynchronous WriteApiAsync, given a list of `Point` objects a batch
    encoder, Point  making the lines alone

Goal 16: the sink, encoding included, costs at most a tenth of the batching WriteApi's CPU, though that is given lines.
"""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._record import record
from plantctl.core.batch import Batch, PointLabel
from plantctl.core.clock import RealClock
from plantctl.sinks._line_protocol import LineEncoder
from plantctl.sinks._sink import SinkPlace
from plantctl.sinks.influx import Config, Sink
from tests.interop.databases import Influx, VictoriaMetrics, running

POINTS, BATCH, RUNS = 1_000, 5_000, 5
FEWER = 5  # the slow ways get so many times fewer rows
LABELS = {tag: PointLabel(f"40-AIC-{tag:04}", "mS/cm") for tag in range(POINTS)}


def batches(rows):
    """Rows of whole scans a second apart, up to now: noisy, slow and resting signals; a hundredth is bad."""
    chance = np.random.default_rng(16)
    start_ns = (time.time_ns() // 10**9 - rows // POINTS - 60) * 10**9
    made = []
    for first in range(0, rows, BATCH):
        at = np.arange(first, first + BATCH)
        tag = (at % POINTS).astype(np.uint32)
        utc_ns = start_ns + at // POINTS * 10**9
        noisy = np.round(chance.normal(50, 10, BATCH), 2)
        value = np.where(tag % 10 < 4, noisy, np.where(tag % 10 < 7, chance.normal(7, 1, BATCH), 12.5))
        quality = np.where(chance.random(BATCH) < 0.01, 2, 0).astype(np.uint16)
        source_ns = np.where(tag % 2 == 0, utc_ns - chance.integers(1, 10**9, BATCH), 0)
        made.append(Batch(first, first, utc_ns, tag, value, quality, source_ns))
    return made


def points_of(batch, measurement):
    """A batch as influxdb-client's users write it."""
    from influxdb_client import Point

    columns = (column.tolist() for column in (batch.utc_ns, batch.tag, batch.value, batch.quality, batch.source_ns))
    for utc_ns, tag, value, quality, source_ns in zip(*columns, strict=True):
        label = LABELS[tag]
        point = Point(measurement).tag("plant", "demo").tag("point", label.name).tag("unit", label.unit)
        point.field("quality", quality).field("value", value).time(utc_ns)
        yield point.field("source", source_ns) if source_ns else point


def encoder_of(measurement):
    return LineEncoder(measurement, "demo", LABELS)


def by_sink(server, rows, measurement, **config):
    own = {"org": "o", "bucket": "b"}
    if isinstance(server, Influx):
        secret = server.folder / "feed.password"
        secret.write_text(server.PASSWORDS["feed"])
        secret.chmod(0o600)
        own = {"api": "v1", "database": "plant", "user": "feed", "password_file": secret.name}
    given = Config(**{"url": server.url, "insecure": True, "patience": 60.0, "gzip": False, **own, **config})
    place = SinkPlace("bench", "demo", LABELS, RealClock(), server.folder)
    sink = Sink(place, given.model_copy(update={"measurement": measurement}))

    async def main():
        await sink.open()
        await sink.write(rows[0])
        with Spent(server, sum(batch.rows for batch in rows)) as spent:
            for batch in rows:
                await sink.write(batch)
        await sink.close()
        return spent

    return asyncio.run(main())


def by_batching(server, rows, measurement, *, ready):
    from influxdb_client import InfluxDBClient, WriteOptions

    encoder = encoder_of(measurement)
    lines = [encoder.lines(batch).decode().splitlines() for batch in rows] if ready else None
    client = InfluxDBClient(url=server.url, token="t", org="o", timeout=60_000)
    failed = []
    options = WriteOptions(batch_size=BATCH, flush_interval=1_000)
    api = client.write_api(write_options=options, error_callback=lambda *told: failed.append(told))
    with Spent(server, sum(batch.rows for batch in rows)) as spent:
        for at, batch in enumerate(rows):
            for record_ in lines[at] if ready else points_of(batch, measurement):
                api.write("b", "o", record_)
        api.close()  # which sends the rest and waits
    client.close()
    assert not failed, failed[:1]
    return spent


def by_async_points(server, rows, measurement):
    from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync

    async def main():
        async with InfluxDBClientAsync(url=server.url, token="t", org="o", timeout=60_000) as client:
            api = client.write_api()
            with Spent(server, sum(batch.rows for batch in rows)) as spent:
                for batch in rows:
                    assert await api.write("b", "o", list(points_of(batch, measurement)))
        return spent

    return asyncio.run(main())


def by_encoder(server, rows, measurement):
    encoder = encoder_of(measurement)
    encoder.lines(rows[0])
    with Spent(server, sum(batch.rows for batch in rows)) as spent:
        for batch in rows:
            encoder.lines(batch)
    return spent


def by_point(server, rows, measurement):
    with Spent(server, sum(batch.rows for batch in rows)) as spent:
        for batch in rows:
            "\n".join(point.to_line_protocol() for point in points_of(batch, measurement)).encode()
    return spent


def server_s(server):
    fields = Path(f"/proc/{server.child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Spent:
    """Time and CPU of so many rows."""

    def __init__(self, server, rows):
        self.server, self.rows = server, rows

    def __enter__(self):
        self.begin = time.perf_counter(), time.process_time(), server_s(self.server)
        return self

    def __exit__(self, *_):
        now = time.perf_counter(), time.process_time(), server_s(self.server)
        wall_s, self.cpu_s, self.server_s = (end - begin for end, begin in zip(now, self.begin, strict=True))
        self.rows_s = self.rows / wall_s

    def figures(self):
        each = 1e6 / self.rows
        return {
            "rows_s": self.rows_s,
            "cpu_us_row": self.cpu_s * each,
            "server_cpu_us_row": self.server_s * each,
        }


# name: how, the share of the rows, whether they arrive anywhere
WAYS = {
    "sink": (by_sink, 1, True),
    "sink, gzip": (lambda *given: by_sink(*given, gzip=True), 1, True),
    "batching": (lambda *given: by_batching(*given, ready=True), FEWER, True),
    "batching Point": (lambda *given: by_batching(*given, ready=False), FEWER, True),
    "async Point": (by_async_points, FEWER, True),
    "encoder": (by_encoder, 1, False),
    "Point": (by_point, FEWER, False),
}
INFLUXD = "sink, influxd 1.x"


def measured(server, influx, rows):
    """The medians of every way, after all have been asked whether everything arrived."""
    every = batches(rows)
    runs = {name: [] for name in WAYS}
    for _ in range(RUNS):
        for at, (name, (way, fewer, _)) in enumerate(WAYS.items()):
            few = every[: max(1, len(every) // fewer)]
            runs[name].append(way(server, few, f"way{at}").figures())
    for at, (name, (_, fewer, arrives)) in enumerate(WAYS.items()):
        wanted = sum(batch.rows for batch in every[: max(1, len(every) // fewer)])
        found = sum(len(values) for _, values in server.series(f"way{at}_quality"))
        assert found == wanted * arrives, f"{name}: {found} of {wanted} rows are there"
    if influx is not None:
        runs[INFLUXD] = [by_sink(influx, every, "way").figures() for _ in range(RUNS)]
        (found,) = influx.query("SELECT COUNT(quality) FROM way")
        assert found["count"] == sum(batch.rows for batch in every), found
    return {
        name: {key: float(f"{statistics.median(run[key] for run in took):.4g}") for key in took[0]}
        for name, took in runs.items()
    }


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    if shutil.which("victoria-metrics") is None:
        print("influx feed: not measured, victoria-metrics is not installed (Debian: apt install victoria-metrics)")
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running(VictoriaMetrics, folder / "victoria"))
        influx = stack.enter_context(running(Influx, folder / "influx")) if shutil.which("influxd") else None
        figures = measured(server, influx, max(BATCH, rows // BATCH * BATCH))
    limit = 0.1 * figures["batching"]["cpu_us_row"]
    ours = figures["sink"]["cpu_us_row"]
    goals = [
        {"goal": 16, "what": "CPU us/row, 0.1 x batching WriteApi given lines", "figure": ours, "limit": limit},
        {
            "goal": 16,
            "what": "CPU us/row, 0.1 x batching WriteApi given Points",
            "figure": ours,
            "limit": 0.1 * figures["batching Point"]["cpu_us_row"],
        },
        {
            "goal": 16,
            "what": "encoding alone, CPU us/row, 0.1 x Point",
            "figure": figures["encoder"]["cpu_us_row"],
            "limit": 0.1 * figures["Point"]["cpu_us_row"],
        },
    ]
    for goal in goals:
        goal["limit"] = float(f"{goal['limit']:.4g}")
        goal["met"] = goal["figure"] <= goal["limit"]
    record("influx-feed", {"rows": rows, "batch": BATCH, "points": POINTS, "ways": figures, "goals": goals})
    print(f"\n{'way':18} {'rows/s':>10} {'CPU us/row':>11} {'server us/row':>14}")
    for name, told in figures.items():
        print(f"{name:18} {told['rows_s']:>10,.0f} {told['cpu_us_row']:>11.3f} {told['server_cpu_us_row']:>14.3f}")
    for goal in goals:
        verdict = "met" if goal["met"] else "MISSED"
        print(f"goal {goal['goal']}: {goal['what']}: {goal['figure']:.3g}, allowed {goal['limit']:.3g}: {verdict}")


if __name__ == "__main__":
    main()
