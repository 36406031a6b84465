"""What was recorded lot by lot, asked for over HTTP: with a session, by the names of the plan, refused with words."""

import asyncio
import io
import json
import threading
import zipfile
from urllib.parse import urlencode

import numpy as np
import pytest

from plantctl.app.plan_text import plan_text
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.hmi import export_answer
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames
from tests.gateway_bench import UTC_NS, demo_plan
from tests.page_bench import FLOW, served

S = 1_000_000_000
ASKED = {"tags": FLOW, "while": f"{{{FLOW}}} > 4.5 [m3/h]", "start": str(UTC_NS), "end": str(UTC_NS + 60 * S)}


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


def record(plan, folder):
    """A log of ten seconds in which the flow is its own second."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    recorder = Recorder(FolderStorage(folder / "log"), plan.name, {plan.hash: plan_text(plan)})
    recorder.open(UTC_NS)
    memory = bytearray(HEAD_BYTES + (1 << 16))
    value, quality, source, read = np.zeros(1), np.zeros(1, np.uint16), np.zeros(1, np.int64), np.zeros(1, np.int64)
    ids = [plan.points[plan.rows[FLOW]].id]
    frames = ImageFrames(RingWriter(memory, plan.hash), value, quality, source, read, [0], [], ids, 1)
    frames.start(0, 0, UTC_NS)
    for k in range(10):
        value[0], read[0] = k, UTC_NS + k * S
        frames.time(k, k * S, UTC_NS + k * S)
        frames.scan(k, k * S, UTC_NS + k * S, [1.0])
    recorder.drain(RingReader(memory, 0), 10 * S, UTC_NS + 10 * S)
    recorder.close(10 * S, UTC_NS + 10 * S)


def test_an_export_comes_as_a_zip_to_whoever_has_a_session(plan, tmp_path):
    async def situation(page):
        path = f"/api/v1/export?{urlencode(ASKED)}"
        assert (await page.ask("GET", path))[0] == 401
        await page.log_in()
        status, headers, told = await page.ask("GET", path)
        assert (status, headers["content-type"], headers["cache-control"]) == (200, "application/zip", "no-store")
        assert headers["content-disposition"] == 'attachment; filename="export.zip"'
        with zipfile.ZipFile(io.BytesIO(told)) as packed:
            said = json.loads(packed.read("manifest.json"))
            lines = packed.read("0001.csv").decode().splitlines()
        assert (said["plant"], said["command"], said["lots"][0]["ended"]) == (
            plan.name,
            f"GET {path}",
            "not known any more",
        )
        assert [line.split(",")[5] for line in lines[1:]] == ["5.0", "6.0", "7.0", "8.0"]
        for changed, refused, code in (
            ({"tags": "40-FI-4103"}, 404, "unknown-tag"),
            ({"while": "{40-FI-4103} > 1"}, 404, "unknown-tag"),
            ({"while": f"{{{FLOW}}} > 1 [bar]"}, 400, "bad-question"),
            ({"while": f"{{{FLOW}}} > 900 [m3/h]"}, 400, "bad-question"),
            ({"while": ""}, 400, "bad-question"),
        ):
            status, headers, told = await page.ask("GET", f"/api/v1/export?{urlencode(ASKED | changed)}")
            assert (status, headers["content-type"]) == (refused, "application/problem+json")
            assert (json.loads(told)["code"], bool(json.loads(told)["detail"])) == (code, True)

    record(plan, tmp_path)
    served(plan, tmp_path, situation)


def test_parquet_is_refused_at_once_where_what_makes_it_is_missing(plan, tmp_path, monkeypatch):
    async def situation(page):
        await page.log_in()
        monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
        status, _, told = await page.ask("GET", f"/api/v1/export?{urlencode(ASKED | {'form': 'parquet'})}")
        assert (status, "pip install" in json.loads(told)["detail"]) == (406, True)

    record(plan, tmp_path)
    served(plan, tmp_path, situation)


def test_whoever_asks_while_another_export_is_made_is_told_at_once_whose_it_is_and_when_to_ask_again(
    plan, tmp_path, monkeypatch
):
    begun, go_on, look = threading.Event(), threading.Event(), export_answer._look

    def held(*asked):
        begun.set()
        go_on.wait(30)
        return look(*asked)

    async def situation(page):
        path = f"/api/v1/export?{urlencode(ASKED)}"
        await page.log_in()
        first = asyncio.create_task(page.ask("GET", path))
        await asyncio.to_thread(begun.wait, 30)
        status, headers, told = await page.ask("GET", path)
        said = json.loads(told)
        assert (status, headers["retry-after"], said["code"]) == (503, "15", "too-many")
        assert said["detail"].startswith("one export is made at a time, and ada has one since 20")
        go_on.set()
        assert (await first)[0] == 200
        assert (await page.ask("GET", path))[0] == 200

    monkeypatch.setattr(export_answer, "_look", held)
    record(plan, tmp_path)
    served(plan, tmp_path, situation)


@pytest.mark.parametrize("path", ["/api/v1/export", "/api/v1/history"])
def test_what_is_made_for_one_question_is_not_made_for_its_head(plan, tmp_path, path):
    async def situation(page):
        await page.log_in()
        status, headers, told = await page.ask("HEAD", f"{path}?{urlencode(ASKED)}")
        assert (status, headers["allow"], told) == (405, "GET", b"")

    served(plan, tmp_path, situation)


def test_the_head_of_the_laboratorys_book_is_that_of_the_book(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        assert (await page.ask("HEAD", "/api/v1/lab"))[::2] == ((await page.ask("GET", "/api/v1/lab"))[0], b"")

    served(plan, tmp_path, situation)
