"""The ways over a network in which a plant's past can be asked for, in the words of `answering_ways`; awaited.

A gateway serves them from the record itself, beside a scan that is played.
"""

import io
import json
import math
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from plantctl.hmi.opcua.values import told
from tests.answering_ways import KINDS, US, arrow_columns, csv_columns, from_json, from_table
from tests.plain_history import Point
from tests.wire.test_opcua_served_history import whole


class Http:
    """`GET /api/v1/history` in a form: `json`, `csv`, `arrow`, `parquet`; points page by page."""

    offers, step_ns = KINDS, 1
    ACCEPT = {  # noqa: RUF012
        "json": "application/json",
        "csv": "text/csv",
        "arrow": "application/vnd.apache.arrow.stream",
        "parquet": "application/vnd.apache.parquet",
    }

    def __init__(self, page, form):
        self.page, self.form, self.name = page, form, f"HTTP, {form}"

    async def ask(self, question):
        kind, given = question.kind, question.arguments
        query = {"tags": question.tag, "agg": {"at": "latest", "trend": "minmax"}.get(kind, kind)}
        if kind in ("at", "last"):
            query["end"] = given[0] + (kind == "at")
        else:
            query |= {"start": given[0], "end": given[1]}
        if kind == "trend":
            query["points"] = given[2]
        if kind != "raw":
            return self._read(kind, question.tag, (await self._get(query))[1])
        found, after = [], ""
        while True:
            headers, body = await self._get(query | {"points": 50_000, "after": after})
            found += self._read(kind, question.tag, body)
            if self.form == "json":
                after = json.loads(body)["tags"][question.tag]["next"]
            else:
                after = headers.get("link", "").partition("after=")[2].partition("&")[0].partition(">")[0]
            if not after:
                return found

    async def _get(self, query):
        path = f"/api/v1/history?{urlencode(query)}"
        status, headers, body = await self.page.ask("GET", path, accept=self.ACCEPT[self.form])
        assert status == 200, (path, body[:300])
        return headers, body

    def _read(self, kind, tag, body):
        if self.form == "json":
            return from_json(kind, json.loads(body)["tags"][tag])
        if self.form == "csv":
            return from_table(kind, csv_columns(body.decode()))
        import pyarrow as pa
        import pyarrow.parquet

        if self.form == "arrow":
            return from_table(kind, arrow_columns(pa.ipc.open_stream(body).read_all()))
        return from_table(kind, arrow_columns(pa.parquet.read_table(io.BytesIO(body), use_threads=False)))


class OpcUa:
    """HistoryRead of raw values, page by page: to the microsecond, quality as a status code, gaps as BadDataLost."""

    name, offers, step_ns = "OPC UA", ("raw",), 2 * US  # a gap begins behind the last value

    def __init__(self, plant, client):
        self.plant, self.client = plant, client

    async def ask(self, question):
        span = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t // 1000) for t in question.arguments]
        values, _ = await whole(self.client, *span, name=question.tag)
        found = []
        for value in values:
            at_ns = _since(value.ServerTimestamp)
            if value.StatusCode.name == "BadDataLost":
                if found:
                    found[-1] = found[-1]._replace(until_ns=at_ns)
                continue
            source_ns = _since(value.SourceTimestamp)
            number = value.Value.Value
            found.append(Point(at_ns, None, math.nan if number is None else number, value.StatusCode, source_ns))
        return found

    @staticmethod
    def right(question, right):
        """What of the plain answer OPC UA tells: nothing of before the span, and its own words of quality."""
        when = datetime(1970, 1, 1)
        found = []
        for point in right:
            if point.utc_ns >= question.arguments[0]:
                made = told(point.value, point.quality, when, when)
                value = point.value if made.Value.Value is not None else math.nan
                source_ns = point.source_ns or point.utc_ns
                found.append(point._replace(value=value, quality=made.StatusCode, source_ns=source_ns))
        return found


def _since(when):
    return round((when.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000
