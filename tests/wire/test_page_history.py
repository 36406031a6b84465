"""What a page asks of the past: from the log of a plant, over HTTP, with a session."""

import json
import sys
from urllib.parse import urlencode

import numpy as np
import pytest

from plantctl.app.plan_text import plan_text
from plantctl.core.quality import NOT_YET
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames
from tests.gateway_bench import UTC_NS, demo_plan
from tests.page_bench import FLOW, served

SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


def test_points_buckets_and_the_latest_value_are_answered_by_name(plan, tmp_path, recorded):
    async def situation(page):
        await page.log_in()

        async def ask(**query):
            status, _, told = await page.ask("GET", f"/api/v1/history?{urlencode(query)}")
            return status, json.loads(told)

        begin, end = UTC_NS, UTC_NS + 10 * SECOND_NS
        status, told = await ask(tags=FLOW, start=begin, end=end, agg="raw")
        assert status == 200
        columns = told["tags"][FLOW]
        assert columns["value"] == [float(k) for k in range(10)]
        assert columns["t"] == [str(UTC_NS + k * SECOND_NS) for k in range(10)]
        assert (columns["unit"], columns["truncated"], columns["tier"]) == ("m3/h", False, "raw")
        status, told = await ask(tags=FLOW, start="2023-11-14T22:13:20Z", end="2023-11-14T22:13:30Z", points=5)
        columns = told["tags"][FLOW]
        assert columns["min"] == [0.0, 2.0, 4.0, 6.0, 8.0]
        assert columns["max"] == [1.0, 3.0, 5.0, 7.0, 9.0]
        assert columns["t"][1] == str(UTC_NS + 2 * SECOND_NS)
        status, told = await ask(tags=FLOW, start=begin - 20 * SECOND_NS, end=begin, points=2)
        columns = told["tags"][FLOW]
        assert (columns["min"], columns["quality"]) == ([None, None], [NOT_YET, NOT_YET])
        status, told = await ask(tags=f"{FLOW},40-AIC-4212.op", end=begin + 4 * SECOND_NS + 1, agg="latest")
        assert told["tags"][FLOW]["value"] == [4.0]
        assert told["tags"]["40-AIC-4212.op"]["t"] == []
        status, told = await ask(tags=FLOW, start=begin, end=end, agg="raw", points=3)
        assert (told["tags"][FLOW]["value"], told["tags"][FLOW]["truncated"]) == ([0.0, 1.0, 2.0], True)

    recorded(tmp_path)
    served(plan, tmp_path, situation)


def test_the_form_is_chosen_by_what_is_accepted(plan, tmp_path, recorded, monkeypatch):
    async def situation(page):
        await page.log_in()
        span = {"tags": FLOW, "start": UTC_NS, "end": UTC_NS + 10 * SECOND_NS}

        async def ask(accept, **query):
            path = f"/api/v1/history?{urlencode(span | query)}"
            return await page.ask("GET", path, accept=accept)

        status, headers, told = await ask("text/csv", agg="raw")
        lines = told.decode().split("\r\n")
        assert (status, headers["content-type"], headers["vary"]) == (200, "text/csv; charset=utf-8", "accept")
        assert lines[0] == "tag,utc,until,value [m3/h],quality,quality_word,source"
        assert [line.split(",")[3] for line in lines[1:-1]] == [repr(float(k)) for k in range(10)]
        assert "plantctl-truncated" not in headers
        status, headers, told = await ask("text/csv", agg="raw", points=4, after="")
        assert (headers["plantctl-truncated"], headers["link"].endswith('>; rel="next"')) == ("true", True)
        path = headers["link"][1:].partition(">")[0]
        _, headers, rest = await page.ask("GET", path, accept="text/csv")
        assert rest.decode().split("\r\n")[1:-1] == lines[5:9]
        status, _, told = await ask("text/csv", points=2)
        assert told.decode().startswith("tag,utc,min [m3/h],max [m3/h],")
        assert (await ask("text/html"))[0] == 406
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        for kind in ("vnd.apache.arrow.stream", "vnd.apache.parquet"):
            status, _, told = await ask(f"application/{kind}", agg="raw")
            assert status == 406
            assert "pip install 'plantctl[arrow]'" in json.loads(told)["detail"]

    recorded(tmp_path)
    served(plan, tmp_path, situation)


def test_averages_totals_and_the_last_point(plan, tmp_path, recorded):
    async def situation(page):
        await page.log_in()

        async def ask(**query):
            status, _, told = await page.ask("GET", f"/api/v1/history?{urlencode({'tags': FLOW, **query})}")
            return status, json.loads(told)

        span = {"start": UTC_NS, "end": UTC_NS + 9 * SECOND_NS}
        found = (await ask(**span, agg="average"))[1]["tags"][FLOW]
        assert (found["value"], found["unit"], found["good"], found["quality"]) == (4.0, "m3/h", 1.0, 0)
        found = (await ask(**span, agg="total", unit="L"))[1]["tags"][FLOW]
        assert (found["value"], found["unit"]) == (pytest.approx(36 * 1000 / 3600), "L")
        status, told = await ask(**span, agg="total", unit="kg")
        assert (status, told["code"]) == (400, "bad-question")
        found = (await ask(end=UTC_NS + 3600 * SECOND_NS, agg="last"))[1]["tags"][FLOW]
        assert (found["value"], found["t"]) == ([9.0], [str(UTC_NS + 9 * SECOND_NS)])
        assert (await ask(**span, agg="minmax", after=""))[0] == 400

    recorded(tmp_path)
    served(plan, tmp_path, situation)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"tags": ",".join(f"x{k}" for k in range(33))}, 400),
        ({"tags": FLOW}, 400),
        ({"tags": FLOW, "start": "yesterday", "end": "5"}, 400),
        ({"tags": FLOW, "start": "2023-11-14T22:13:20", "end": "5"}, 400),
        ({"tags": FLOW, "start": "9", "end": "5"}, 400),
        ({"tags": FLOW, "start": "1", "end": "9" * 19}, 400),
        ({"tags": FLOW, "start": "1", "end": "5", "points": "1e9"}, 400),
        ({"tags": FLOW, "start": "1", "end": "5", "points": "5001"}, 400),
        ({"tags": FLOW, "start": "1", "end": "5", "agg": "all"}, 400),
        ({"tags": "40-FI-4103", "start": "1", "end": "5"}, 404),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_with_why(plan, tmp_path, recorded, query, status):
    async def situation(page):
        assert (await page.ask("GET", f"/api/v1/history?{urlencode(query)}"))[0] == 401
        await page.log_in()
        found, headers, told = await page.ask("GET", f"/api/v1/history?{urlencode(query)}")
        assert (found, headers["content-type"]) == (status, "application/problem+json")
        assert json.loads(told)["detail"]

    recorded(tmp_path)
    served(plan, tmp_path, situation)


@pytest.fixture
def recorded(plan):
    """Writes a log of ten seconds in which the flow is its own second."""

    def write(folder):
        log = folder / "log"
        log.mkdir(parents=True, exist_ok=True)
        recorder = Recorder(FolderStorage(log), plan.name, {plan.hash: plan_text(plan)})
        recorder.open(UTC_NS)
        memory = bytearray(HEAD_BYTES + (1 << 16))
        ring = RingWriter(memory, plan.hash)
        columns = np.zeros(1), np.zeros(1, np.uint16), np.zeros(1, np.int64), np.zeros(1, np.int64)
        frames = ImageFrames(ring, *columns, [0], [], [plan.points[plan.rows[FLOW]].id], 1)
        columns[3][0] = UTC_NS
        frames.start(0, 0, UTC_NS)
        for k in range(10):
            now_ns = k * SECOND_NS
            columns[0][0], columns[3][0] = k, UTC_NS + now_ns
            frames.time(k, now_ns, UTC_NS + now_ns)
            frames.scan(k, now_ns, UTC_NS + now_ns, [1.0])
        recorder.drain(RingReader(memory, 0), 10 * SECOND_NS, UTC_NS + 10 * SECOND_NS)
        recorder.close(10 * SECOND_NS, UTC_NS + 10 * SECOND_NS)

    return write
