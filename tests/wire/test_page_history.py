"""What a page asks of the past: from the log of a plant, over HTTP, with a session."""

import json
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
