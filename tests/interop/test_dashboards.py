"""Every query of every dashboard of the demo is asked of a real database that has a minute of its points.

Grafana itself is not packaged for Debian: what it makes of the files has not been tried.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np

from plantctl.core.batch import Batch, PointLabel
from plantctl.core.clock import RealClock
from plantctl.core.event import Event, EventKind
from plantctl.hmi.dashboards import Dashboards
from plantctl.hmi.describe import description
from plantctl.plan.build import build_path
from plantctl.sinks._sink import SinkPlace
from plantctl.sinks.influx import Sink
from tests.interop.databases import Influx, VictoriaMetrics, running
from tests.interop.test_influx_databases import sink_at, written

DEMO = Path(__file__).parents[2] / "config" / "demo"
S = 10**9


@cache
def plan():
    return build_path(DEMO, {}).plan


def fed(server, folder):
    """A minute of every point, one row a second, and of two alarms; and when it ended (UTC s)."""
    end_s = RealClock().utc_ns() // S - 60
    points = [p for p in plan().points if p.name]
    labels = {p.id: PointLabel(p.name, "" if p.unit == "1" else p.unit, words=p.words) for p in points}
    ids = np.array([p.id for p in points], np.uint32)
    utc = np.repeat(np.arange(end_s - 60, end_s, dtype=np.int64) * S, len(ids))
    rows = len(utc)
    words = ("normal", "unack")
    targets = [alarm["alarm"] for alarm in description(plan())["alarms"]]
    events = tuple(Event(EventKind.ALARM, 1, 0, (end_s - 30) * S, t, 0.0, 1.0, words) for t in targets)
    value = np.tile(np.ones(len(ids)), 60)
    quality, source = np.zeros(rows, np.uint16), np.zeros(rows, np.int64)
    batch = Batch(1, 1, utc, np.tile(ids, 60), value, quality, source, events, (1,) * len(events))
    given = sink_at(server, folder).settings.model_copy(update={"text": True})
    written(Sink(SinkPlace("archive", plan().name, labels, RealClock(), folder), given), batch)
    return end_s


def queries(source):
    """The queries of all dashboards: (dashboard, annotation or not, query)."""
    found = []
    for name, dashboard in Dashboards(description(plan()), ("archive",), source).all().items():
        key = "query" if source == "influx" else "expr"
        found += [(name, False, target[key]) for panel in dashboard["panels"] for target in panel["targets"]]
        found += [(name, True, each[key]) for each in dashboard["annotations"]["list"]]
    return found


def points_of_sinks(query):
    return "feed.archive." in query or "plantctl_" in query  # the demo has no sink, and /metrics is not scraped here


def test_influxd_answers_every_query(tmp_path):
    with running(Influx, tmp_path / "influx") as server:
        end_s = fed(server, tmp_path)
        during = f"time >= {end_s - 60}s AND time < {end_s}s"
        asked = queries("influx")
        assert len(asked) > 100
        for dashboard, is_annotation, query in asked:
            rows = server.query(query.replace("$timeFilter", during).replace("$__interval", "10s"))
            assert points_of_sinks(query) or rows, f"{dashboard}: nothing for {query}"
            if is_annotation:
                assert {row["new_word"] for row in rows} == {"unack"}
                assert all(row["target"] for row in rows)
            elif rows:
                assert len(rows) >= 6


def test_victoriametrics_answers_every_query(tmp_path):
    with running(VictoriaMetrics, tmp_path / "victoria") as server:
        end_s = fed(server, tmp_path)
        server.flush()
        asked = queries("prometheus")
        assert len(asked) > 100
        for dashboard, _, query in asked:
            told = json.loads(server.ask("/api/v1/query_range", query=query, start=end_s - 60, end=end_s, step="10s"))
            assert told["status"] == "success"
            assert points_of_sinks(query) or told["data"]["result"], f"{dashboard}: nothing for {query}"
