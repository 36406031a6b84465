"""What was recorded, fed through the record's cursors and the InfluxDB sink into VictoriaMetrics, and asked there.

VictoriaMetrics keeps milliseconds and some eleven digits, so a value that was in force for less, a NaN and a gap are
not told by it; everything else is compared: each point is there, and nothing is there that was not so.
"""

import asyncio
import json
import math

import numpy as np

from plantctl.app.feed_log import FeedLog
from plantctl.core.batch import PointLabel
from plantctl.core.clock import RealClock
from plantctl.log.recovery import find_end
from plantctl.log.storage import ReadOnlyFolder
from plantctl.scan.event_records import EventRecords
from plantctl.sinks._sink import SinkPlace
from plantctl.sinks.influx import Config, Sink
from tests.answering_ways import opened
from tests.gateway_bench import demo_plan

MS = 1_000_000
ROWS = 20_000


def fed(place, server, tags, after=0):
    """Feed what stands behind the frame `after`; how many rows went."""
    plan, log = demo_plan(), ReadOnlyFolder(place / "log")
    newest = find_end(log).sequence
    record = FeedLog(log, ReadOnlyFolder(place / "history"), EventRecords(plan), lambda: (newest, 0))
    points = {tag: opened(place).names.point(tag) for tag in tags}  # as the record has them, not today's plan
    labels = {point.id: PointLabel(tag, point.unit) for tag, point in points.items()}
    config = Config(url=server.url, org="works", bucket="plant", insecure=True, text=False)

    async def feed():
        sink, cursor, rows = Sink(SinkPlace("archive", "days", labels, RealClock()), config), record.cursor(after), 0
        await sink.open()
        try:
            while (batch := cursor.next(ROWS)) is not None:
                wanted = batch.where(np.isin(batch.tag, list(labels)), events=False)
                if wanted.rows:
                    await sink.write(wanted)
                rows += wanted.rows
        finally:
            await sink.close()
        return rows

    return asyncio.run(feed())


class Victoria:
    """The values of a tag as the server exports them."""

    name, offers, step_ns = "VictoriaMetrics", ("raw",), MS

    def __init__(self, server, tags, first_ns=0):
        self.server, self.tags, self.first_ns = server, tags, first_ns
        server.flush()

    def ask(self, question):
        start_ns, end_ns = (max(0, at_ns) for at_ns in question.arguments)
        span = {"start": start_ns / 1e9, "end": end_ns / 1e9, "reduce_mem_usage": "0"}
        match = f'{{__name__=~".*_value",point="{question.tag}",plant="days"}}'
        found = {}
        for line in self.server.ask("/api/v1/export", **{"match[]": match}, **span).splitlines():
            told = json.loads(line)
            found |= zip(told["timestamps"], told["values"], strict=True)
        return found

    def differs(self, question, found, plain):
        """What is wrong, empty where nothing is; a window in which UTC was set back is no question for it."""
        start_ns, end_ns = question.arguments
        points = plain.points
        if (
            question.tag not in self.tags
            or start_ns < self.first_ns
            or (np.diff(points["utc_ns"]) < 0)[self._near(points, start_ns, end_ns)].any()
        ):
            return None
        inside = points[(points["utc_ns"] >= start_ns + MS) & (points["utc_ns"] < end_ns - MS)]
        last = dict(zip((inside["utc_ns"] // MS).tolist(), inside["value"].tolist(), strict=True))
        for at_ms, value in last.items():
            if not math.isnan(value) and not _same(found.get(at_ms, math.nan), value):
                return f"{at_ms}: {found.get(at_ms)} instead of {value}"
        for at_ms, value in found.items():
            right = plain.at(at_ms * MS + MS - 1) or plain.at(at_ms * MS)
            if not _same(last.get(at_ms, math.nan), value) and not (right and _same(right[0].value, value)):
                return f"{at_ms}: {value} instead of {right}"
        return ""

    @staticmethod
    def _near(points, start_ns, end_ns):
        utc_ns = points["utc_ns"]
        rows = np.flatnonzero((utc_ns >= start_ns - 200_000 * MS) & (utc_ns < end_ns + 200_000 * MS))
        return slice(int(rows[0]), int(rows[-1])) if len(rows) else slice(0, 0)


def _same(a, b):
    """Equal to 11 digits: the server keeps a block of numbers as decimals of one exponent, and loses what is behind."""
    return math.isclose(a, b, rel_tol=1e-11)
