"""The InfluxDB sink and real databases: everything that was written is read back, value by value, and once.

VictoriaMetrics takes writes as InfluxDB 2 does and keeps milliseconds and numbers; influxd 1.x keeps everything. Both
are started here, as `make interop` had them installed.
"""

import asyncio
import json
import math

import numpy as np
import pytest

from plantctl.core.batch import Batch, PointLabel
from plantctl.core.clock import RealClock
from plantctl.core.event import Event, EventKind
from plantctl.core.quality import FORCED, SIMULATED, Reason, bad_because
from plantctl.sinks._sink import SinkNotAdmitted, SinkPlace, SinkRejected, SinkUnreachable
from plantctl.sinks.influx import Config, Sink
from tests.authority import authority
from tests.interop.databases import Influx, VictoriaMetrics, VmAuth, running
from tests.wire.influx_peer import InfluxPeer

MS = 10**6
LABELS = {
    1: PointLabel("40-AIC-4212", "pH"),
    2: PointLabel("40-AIC-4212.mode", words=("man", "auto"), whole=True),
    3: PointLabel("40-FT-4201", "L/h"),
    4: PointLabel('a b,c=d "e" \\ µ\n{}[]', "% of x=1, y"),
    5: PointLabel("ends\\", "°C"),
}
QUALITIES = 0, SIMULATED, FORCED, bad_because(Reason.COMM), bad_because(Reason.STALE) | SIMULATED


def recent_ns():
    """An hour ago, on a full second: databases ask themselves whether a time can be true."""
    return (RealClock().utc_ns() // 10**9 - 3600) * 10**9


def plant_batch(start_ns, scans=200):
    """Every kind of row, with times to the ns and beyond what a float holds, and transitions that meet in one scan."""
    chance = np.random.default_rng(7)
    rows = scans * len(LABELS)
    tag = np.tile(np.array(list(LABELS), np.uint32), scans)
    value = np.select(
        [tag == 1, tag == 2, tag == 3],
        [chance.normal(7, 1, rows), chance.integers(0, 2, rows), np.round(chance.normal(300, 9, rows), 2)],
        chance.normal(0, 1, rows) * 10.0 ** chance.integers(-12, 12, rows),
    )
    value[::17] = math.nan
    utc = start_ns + np.repeat(np.arange(scans, dtype=np.int64), len(LABELS)) * 100 * MS
    source = np.where(tag < 4, utc - chance.integers(1, 10**9, rows), 0)
    events = [
        Event(
            EventKind.TRIP, 7, 0, start_ns, f"T{at % 2}", math.nan, float(at % 3), ("off", "on"), "mueller", 'so "so"'
        )
        for at in range(6)
    ]
    quality = np.array(QUALITIES, np.uint16)[chance.integers(0, len(QUALITIES), rows)]
    return Batch(5, 5, utc, tag, value.astype(np.float64), quality, source, tuple(events), (5,) * len(events))


def sink_at(server, folder, secret="canary-token", **config):
    path = folder / "secret"
    path.write_text(secret)
    path.chmod(0o600)
    own = {"org": "works", "bucket": "plant", "token_file": "secret", "text": False}
    if isinstance(server, Influx):
        own = {"api": "v1", "database": "plant", "user": "feed", "password_file": "secret"}
    given = Config(**{"url": server.url, "insecure": True, "patience": 60.0, **own, **config})
    return Sink(SinkPlace("archive", "demo", LABELS, RealClock(), folder), given)


def written(sink, *batches):
    async def main():
        await sink.open()
        try:
            for batch in batches:
                await sink.write(batch)
        finally:
            await sink.close()

    asyncio.run(main())


def rows_of(batch, tag):
    rows = np.flatnonzero(batch.tag == tag)
    columns = batch.utc_ns, batch.value, batch.quality, batch.source_ns
    return list(zip(*(column[rows].tolist() for column in columns), strict=True))


def name_at(tag):
    """How a point is called at the database."""
    return LABELS[tag].name.replace("\\", "⧵").replace("\n", "␊")


@pytest.fixture(scope="module")
def victoria(tmp_path_factory):
    with running(VictoriaMetrics, tmp_path_factory.mktemp("victoria")) as server:
        yield server


@pytest.fixture(scope="module")
def influx(tmp_path_factory):
    with running(Influx, tmp_path_factory.mktemp("influx")) as server:
        yield server


@pytest.mark.parametrize("settings", [{}, {"gzip": False}, {"api": "v1"}])
def test_victoriametrics_gives_back_every_number(victoria, tmp_path, settings):
    if settings.get("api"):
        settings = {"api": "v1", "database": "x", "org": None, "bucket": None, "token_file": None}
    batch, measurement = plant_batch(recent_ns()), f"m{len(settings)}"
    written(sink_at(victoria, tmp_path, measurement=measurement, **settings), batch, batch)
    for tag, label in LABELS.items():
        found = {}
        for metric, values in victoria.series(f'{{__name__=~"{measurement}_.*",plant="demo"}}'):
            if metric.get("point") == name_at(tag):
                assert metric.get("unit", "") == label.unit
                found[metric["__name__"].removeprefix(f"{measurement}_")] = values
        expected = rows_of(batch, tag)
        assert found["quality"] == {utc // MS: quality for utc, _, quality, _ in expected}
        marks = {utc // MS: 1 for utc, _, quality, _ in expected if quality & SIMULATED}
        assert found["simulated"] == marks
        values = {utc // MS: value for utc, value, _, _ in expected if math.isfinite(value)}
        assert found["value"].keys() == values.keys()
        # It keeps decimal numbers with one exponent for many: small ones among large ones lose digits.
        assert all(
            abs(found["value"][at] - value) <= 1e-12 * max(map(abs, values.values())) for at, value in values.items()
        )
        sources = {utc // MS: source for utc, _, _, source in expected if source}
        assert all(abs(found["source"][at] - source) < 1000 for at, source in sources.items())
        assert found.get("source", {}).keys() == sources.keys()
    assert victoria.dropped_lines() == 0


def test_victoriametrics_keeps_the_numbers_of_transitions(victoria, tmp_path):
    batch = plant_batch(recent_ns(), scans=0)
    written(sink_at(victoria, tmp_path, measurement="ev"), batch, batch)
    (first, second) = victoria.series("ev_event_new")
    names = [metric["target"] for metric, _ in (first, second)]
    # Of those that one target has in one millisecond it keeps one.
    assert sorted(names) == ["T0", "T1"]
    assert [len(values) for _, values in (first, second)] == [1, 1]


def test_victoriametrics_says_yes_to_nonsense_and_so_lines_are_checked_here(tmp_path):
    with running(VictoriaMetrics, tmp_path) as server:
        for bad in (b"this is no line\n", b"m,x v=1 1\n", b"m v=1 99999999999999999999\n"):
            server.ask("/api/v2/write", bad, org="a", bucket="b")
        assert server.dropped_lines() == 3


def test_victoriametrics_is_asked_for_good_values_only(victoria, tmp_path):
    batch = plant_batch(recent_ns(), scans=20)
    written(sink_at(victoria, tmp_path, measurement="q"), batch)
    victoria.flush()
    at = int(batch.utc_ns[0]) // 10**9 + 2
    good = 'count_over_time((q_value{point="40-AIC-4212"} and bitmap_and(q_quality, 3) == 0)[2s:100ms])'
    told = json.loads(victoria.ask("/api/v1/query", query=good, time=str(at), step="100ms"))
    assert told["status"] == "success"
    assert int(told["data"]["result"][0]["value"][1]) > 0


def test_what_a_killed_victoriametrics_forgot_is_there_after_it_was_repeated(tmp_path):
    with running(VictoriaMetrics, tmp_path / "own") as server:
        batch, sink = plant_batch(recent_ns(), scans=20), sink_at(server, tmp_path)
        written(sink, batch)
        server.kill()
        with pytest.raises(SinkUnreachable):
            written(sink, batch)
        server.start()
        written(sink, batch)
        found = [values for metric, values in server.series("plant_quality") if metric["point"] == "40-FT-4201"]
        assert [len(values) for values in found] == [20]
        # Ended in order it forgets nothing.
        server.stop()
        server.start()
        assert [len(values) for metric, values in server.series("plant_quality")] == [20] * len(LABELS)


def test_through_the_gateway_with_tls_and_a_token(victoria, tmp_path):
    authority(tmp_path, "server", issuer=authority(tmp_path, "works"))
    secured = {"insecure": None, "ca_file": "works.pem", "measurement": "tls"}
    with running(VmAuth, tmp_path, "victoria-metrics", {8428: victoria.port}, tmp_path / "server") as gateway:
        written(sink_at(gateway, tmp_path, "write-token", **secured), plant_batch(recent_ns(), scans=10))
        with pytest.raises(SinkNotAdmitted, match="cannot find the provided auth token") as fault:
            written(sink_at(gateway, tmp_path, "canary-token", **secured), plant_batch(recent_ns(), scans=1))
        assert "canary" not in fault.value.what
    assert [len(values) for _, values in victoria.series("tls_quality")] == [10] * len(LABELS)


def test_the_gateway_of_a_cluster_takes_the_same_settings(tmp_path):
    authority(tmp_path, "server", issuer=authority(tmp_path, "works"))
    secured = {"insecure": None, "ca_file": "works.pem", "bucket": "line a&b"}

    async def main():
        async with InfluxPeer(secret="write-token", base="/insert/0/influx").serving() as vminsert:
            behind = {8480: vminsert.port}
            with running(VmAuth, tmp_path, "victoria-metrics-cluster", behind, tmp_path / "server") as gateway:
                sink = sink_at(gateway, tmp_path, "write-token", **secured)
                await sink.open()
                await sink.write(plant_batch(recent_ns(), scans=10))
                await sink.close()
            assert [request.path for request in vminsert.requests] == ["/insert/0/influx/api/v2/write"]
            assert len(vminsert.rows) == 10 * len(LABELS) + 6

    asyncio.run(main())


def test_influxdb_gives_back_every_field_to_the_last_bit(influx, tmp_path):
    batch = plant_batch(recent_ns())
    written(sink_at(influx, tmp_path), batch, batch)
    everything = influx.query("SELECT * FROM plant")
    assert len(everything) == batch.rows
    for tag, label in LABELS.items():
        found = [row for row in everything if row["point"] == name_at(tag)]
        assert {(row["plant"], row["unit"] or "") for row in found} == {("demo", label.unit)}
        for row, (utc, value, quality, source) in zip(found, rows_of(batch, tag), strict=True):
            wanted = {"time": utc, "quality": quality, "source": source or None}
            wanted["value"] = value if math.isfinite(value) else None
            wanted |= {"simulated": True if quality & SIMULATED else None, "forced": True if quality & FORCED else None}
            wanted["word"] = label.words[int(value)] if label.words and math.isfinite(value) else None
            assert {key: row.get(key) for key in wanted} == wanted


def test_influxdb_gives_back_every_transition(influx, tmp_path):
    batch = plant_batch(recent_ns(), scans=0)
    written(sink_at(influx, tmp_path, measurement="ev"), batch, batch.part(2, 4), batch)
    found = influx.query("SELECT * FROM ev_event")
    assert [row["time"] for row in found] == [batch.events[0].utc_ns + place for place in range(6)]
    for place, (row, event) in enumerate(zip(found, batch.events, strict=True)):
        wanted = {"target": event.target, "kind": "trip", "old": None, "new": event.new, "place": place, "sequence": 5}
        wanted |= {"actor": "mueller", "reason": 'so "so"', "new_word": event.new_text, "old_word": None, "scan": 7}
        assert {key: row.get(key) for key in wanted} == wanted


def test_influxdb_is_asked_for_good_values_only(influx, tmp_path):
    batch = plant_batch(recent_ns())
    written(sink_at(influx, tmp_path, measurement="q"), batch)
    (row,) = influx.query("""SELECT COUNT(value) FROM q WHERE "point" = '40-FT-4201' AND quality & 3 = 0""")
    good = [value for _, value, quality, _ in rows_of(batch, 3) if math.isfinite(value) and quality & 3 == 0]
    assert row["count"] == len(good)


def test_a_killed_influxdb_has_kept_what_it_said_it_had(tmp_path):
    with running(Influx, tmp_path / "own") as server:
        batch, sink = plant_batch(recent_ns()), sink_at(server, tmp_path)
        written(sink, batch)
        server.kill()
        with pytest.raises(SinkUnreachable):
            written(sink, batch)
        server.start()
        assert len(server.query("SELECT quality FROM plant")) == batch.rows
        written(sink, batch)
        assert len(server.query("SELECT quality FROM plant")) == batch.rows


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"secret": "another"}, "401: authorization failed"),
        ({"user": "nobody"}, "401: authorization failed"),
        ({"user": None, "password_file": None}, "401: unable to parse authentication credentials"),
        ({"database": "nowhere"}, "403|404"),
        ({"retention_policy": "never"}, "500: retention policy not found: never"),
        ({"api": "v2", "org": "a", "bucket": "b", "database": None, "user": None, "password_file": None}, "404"),
    ],
)
def test_influxdb_does_not_let_us_in(influx, tmp_path, wrong, why):
    with pytest.raises(SinkNotAdmitted, match=why):
        written(sink_at(influx, tmp_path, **wrong), plant_batch(recent_ns(), scans=1))


def test_influxdb_names_what_is_older_than_it_keeps(influx, tmp_path):
    influx.query("CREATE RETENTION POLICY short ON plant DURATION 2h REPLICATION 1")
    sink = sink_at(influx, tmp_path, retention_policy="short", measurement="old")
    batch = plant_batch(recent_ns(), scans=4)
    old = (np.arange(batch.rows) // len(LABELS)) % 2 == 0
    batch.utc_ns[old] -= 30 * 24 * 3600 * 10**9
    with pytest.raises(SinkRejected, match="beyond retention") as fault:
        written(sink, batch)
    assert set(fault.value.records) == set((np.flatnonzero(old) + len(batch.events)).tolist())
    found = influx.query("SELECT quality FROM short.old")
    assert len(found) == (~old).sum()
    assert len(influx.query("SELECT scan FROM short.old_event")) == 6


def test_influxdb_that_has_another_type_for_a_field_does_not_say_where(influx, tmp_path):
    batch = plant_batch(recent_ns(), scans=3)
    influx.ask("/write", b"other value=1i %d\n" % batch.utc_ns[0], influx.headers(), db="plant")
    with pytest.raises(SinkRejected, match="field type conflict") as fault:
        written(sink_at(influx, tmp_path, measurement="other"), batch)
    assert fault.value.records == ()


def test_influxdb_names_the_lines_that_it_cannot_read(influx, tmp_path):
    batch = plant_batch(recent_ns(), scans=4)
    batch.utc_ns[3] = batch.utc_ns[9] = 2**63 - 1  # later than it can count
    with pytest.raises(SinkRejected, match="unable to parse") as fault:
        written(sink_at(influx, tmp_path, measurement="late"), batch)
    assert fault.value.records == (3 + len(batch.events), 9 + len(batch.events))
    assert len(influx.query("SELECT quality FROM late")) == batch.rows - 2
