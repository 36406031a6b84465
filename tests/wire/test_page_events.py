"""What happened before a page came, over HTTP with a session: the same that the WebSocket told those who were there."""

import asyncio
import json

import numpy as np
import pytest

from plantctl.app.plan_text import plan_text
from plantctl.core.event import EventKind
from plantctl.core.frame import Kind, encode_records, encode_texts
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.core.text import text_id
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.image_frames import ImageFrames
from tests.gateway_bench import demo_plan
from tests.page_bench import CLOCK, FLOW, served

SECOND_NS = 1_000_000_000
ALARM = "40-FI-4013.low"


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


def record(plan, folder, from_ns):
    """A log of ten seconds up to `from_ns` in which an alarm comes and is acknowledged by somebody."""
    log = folder / "log"
    log.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(FolderStorage(log), plan.name, {plan.hash: plan_text(plan)})
    recorder.open(from_ns)
    memory = bytearray(HEAD_BYTES + (1 << 16))
    ring = RingWriter(memory, plan.hash)
    columns = np.zeros(1), np.zeros(1, np.uint16), np.zeros(1, np.int64), np.zeros(1, np.int64)
    frames = ImageFrames(ring, *columns, [0], [], [plan.points[plan.rows[FLOW]].id], 1)
    frames.start(0, 0, from_ns)
    alarm = plan.points[plan.rows[ALARM]].id
    for k in range(10):
        frames.time(k, k * SECOND_NS, from_ns + k * SECOND_NS)
        frames.scan(k, k * SECOND_NS, from_ns + k * SECOND_NS, [1.0])
        if k in (3, 6):
            who = "bob (operator)" if k == 6 else ""
            ring.append(Kind.TEXT, k, k * SECOND_NS, encode_texts({text_id(who): who}))
            told = {"old": 0 if k == 3 else 1, "new": 1 if k == 3 else 2, "actor": text_id(who), "tag": alarm}
            told |= {"code": int(EventKind.ALARM), "flags": 1}
            ring.append(Kind.EVENT, k, k * SECOND_NS, encode_records(Kind.EVENT, [told]))
    recorder.drain(RingReader(memory, 0), 10 * SECOND_NS, from_ns + 10 * SECOND_NS)
    recorder.close(10 * SECOND_NS, from_ns + 10 * SECOND_NS)


async def asked(page):
    status, headers, told = await page.ask("GET", "/api/v1/events")
    assert (status, headers["content-type"]) == (200, "application/json")
    return json.loads(told)


def short(events):
    return [(e["target"], e["old"], e["new"], e["actor"]) for e in events]


def happen(page, reason=""):
    """A mode changes, at the true time."""
    page.scan.now_ns = CLOCK.monotonic_ns()
    page.scan.offset_ns = CLOCK.utc_ns() - page.scan.now_ns
    page.scan.time()
    page.scan.event(EventKind.MODE, "40-AIC-4212", 3, 4, reason)
    page.publish({FLOW: (0.1, 0)})


RECORDED = [(ALARM, "normal", "unack", ""), (ALARM, "unack", "acked", "bob (operator)")]
LIVE = ("40-AIC-4212", "man", "auto", "")


def test_a_page_that_comes_later_is_told_what_the_record_has_and_what_only_memory_has(plan, tmp_path):
    begin_ns = CLOCK.utc_ns() - 3600 * SECOND_NS

    async def situation(page):
        assert (await page.ask("GET", "/api/v1/events"))[0] == 401
        await page.log_in()
        async with page.connected([FLOW]) as client:
            await client.next("snap")
            happen(page, "the loop is tuned")
            heard = await client.next("event")
        told = await asked(page)
        assert short(told["events"]) == [*RECORDED, LIVE]
        assert (told["why"], int(told["since"])) == ("record", begin_ns)
        assert int(told["events"][0]["t"]) == begin_ns + 3 * SECOND_NS
        # What the WebSocket told is told with the same words and the same time.
        assert told["events"][2] == {name: heard[name] for name in told["events"][2]}
        await page.end_gateway()
        await page.begin_gateway()
        again = await asked(page)
        assert again == told

    record(plan, tmp_path, begin_ns)
    served(plan, tmp_path, situation)


def test_pages_that_come_at_once_cost_one_look_at_the_record(plan, tmp_path, monkeypatch):
    from plantctl.hmi import history_answer

    looks = []
    real = history_answer.recorded_events
    monkeypatch.setattr(history_answer, "recorded_events", lambda *given: looks.append(1) or real(*given))

    async def situation(page):
        await page.log_in()
        answers = await asyncio.gather(*(asked(page) for _ in range(3)))  # each has a thread, and the record one
        assert all(short(each["events"]) == RECORDED for each in answers)
        happen(page)
        while len((await asked(page))["events"]) < 3:
            await CLOCK.sleep(0.02)
        assert len(looks) == 1

    record(plan, tmp_path, CLOCK.utc_ns() - 60 * SECOND_NS)
    served(plan, tmp_path, situation)


def test_a_record_that_cannot_be_read_is_said_and_tried_again(plan, tmp_path, monkeypatch):
    from plantctl.hmi import history_answer

    real = history_answer.recorded_events

    def broken(*given):
        raise OSError("the disk is gone")

    monkeypatch.setattr(history_answer, "recorded_events", broken)

    async def situation(page):
        await page.log_in()
        happen(page)
        while not (told := await asked(page))["events"]:
            await CLOCK.sleep(0.02)
        assert (told["why"], short(told["events"])) == ("unread", [LIVE])
        monkeypatch.setattr(history_answer, "recorded_events", real)
        assert short((await asked(page))["events"]) == [*RECORDED, LIVE]

    record(plan, tmp_path, CLOCK.utc_ns() - 60 * SECOND_NS)
    served(plan, tmp_path, situation)
