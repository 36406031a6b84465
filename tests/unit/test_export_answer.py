"""An export over HTTP: the zip of the verb, made in pieces between which others are answered; one at a time."""

import asyncio
import io
import json
import threading
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from plantctl.history.export.by_lots import PAGE_SENT, export
from plantctl.history.export.lots import LOTS_MAX, LotsRefused, condition_of, few_enough, lots_while
from plantctl.history.export.manifest import Wanted
from plantctl.history.reading.names import NamedPoint
from plantctl.history.reading.query import Page, Series
from plantctl.hmi import export_answer as subject
from plantctl.hmi.export_answer import TEXT_MAX, ExportAnswers
from plantctl.hmi.history_answer import HistoryAnswers, QuestionRefused, TooManyQuestions
from plantctl.hmi.history_pieces import Streamed

S = 1_000_000_000
H = 3600 * S
POINTS = PAGE_SENT + 7
RUNNING = {"while": "{X-1} == 1", "start": "0", "end": str(3 * H)}


class PlayedHistory:
    """`X-1` is on in every second half hour, `F-1` has many points in any span; `asked` is who asked, in order."""

    left_out = 0

    def __init__(self):
        self.asked, self.at_work, self.broken = [], 0, False
        self.names = SimpleNamespace(point=lambda tag: NamedPoint(tag, 7, "1", "words"), plant=lambda: "bench")

    def raw(self, tag, start_ns, end_ns, limit):
        self.asked.append(tag)
        half = H // 2
        utc_ns = np.arange(start_ns - start_ns % half, end_ns, half)
        return self.series(tag, utc_ns, (utc_ns // half % 2).astype(float), half, end_ns)

    def page(self, tag, start_ns, end_ns, limit, token):
        self.at_work += 1
        assert self.at_work == 1, "one at a time"
        self.asked.append(tag)
        if self.broken:
            raise OSError(5, "the disk is gone")
        first = int(token or 0)
        utc_ns = start_ns + np.arange(first, min(POINTS, first + limit)) * 1_000
        self.at_work -= 1
        series = self.series(tag, utc_ns, utc_ns / 7, 1_000, end_ns)
        return Page(series, str(first + limit) if first + limit < POINTS else "")

    def series(self, tag, utc_ns, value, long_ns, end_ns):
        none = np.zeros(len(utc_ns), np.int64)
        return Series(tag, "1", utc_ns, utc_ns + long_ns, value, np.zeros(len(utc_ns), np.uint16), none, end_ns, False)

    def average(self, tag, start_ns, end_ns):
        return SimpleNamespace(good=1.0, quality=0)

    def spans(self, tag, begin_ns, width_ns, good=False):
        return SimpleNamespace(known_ns=np.array([width_ns]), told=np.array([True]))

    def plans(self, start_ns, end_ns):
        return [(start_ns, 0x11)]

    def extent_ns(self):
        return (0, 10 * H)


def run(situation):
    async def limited():
        async with asyncio.timeout(60):
            history = PlayedHistory()
            plan = SimpleNamespace(rows={}, points=[])
            answers = HistoryAnswers(plan, lambda: history)
            plant = SimpleNamespace(plan=plan, utc_ns=lambda: 1_790_000_000 * S)
            await situation(ExportAnswers(plant, answers), answers, history)

    asyncio.run(limited())


def asked(**query):
    return {"tags": "F-1", **RUNNING} | query


async def whole(made):
    pieces = [piece async for piece in made.pieces]
    made.ended()
    return pieces


def test_the_zip_is_that_of_the_verb_and_comes_in_pieces(tmp_path):
    async def situation(exports, answers, history):
        made = await exports.answer(asked(before="60 s"), "GET it", "ada")
        pieces = await whole(made)
        assert max(map(len, pieces)) < 1 << 18
        assert len(pieces) > 20
        condition = condition_of(history, RUNNING["while"])
        lots = few_enough(lots_while(history, condition, 0, 3 * H))
        asked_as = f"while {condition.text}, 0 to {3 * H}"
        lots = [subject.replace(lot, start_ns=lot.start_ns - 60 * S) for lot in lots]
        wanted = Wanted(["F-1"], lots, asked=asked_as, command="GET it", made_ns=1_790_000_000 * S)
        export(history, "bench", wanted, tmp_path / "x.zip")
        with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as sent, zipfile.ZipFile(tmp_path / "x.zip") as kept:
            assert sent.testzip() is None
            assert sent.namelist() == kept.namelist()
            assert len(sent.namelist()) == 5
            assert all(sent.read(name) == kept.read(name) for name in kept.namelist())
            assert json.loads(sent.read("manifest.json"))["command"] == "GET it"

    run(situation)


def test_questions_are_answered_between_its_pieces():
    async def situation(exports, answers, history):
        made = await exports.answer(asked(), "", "ada")
        question = {"tags": "Q-1", "agg": "raw", "start": "0", "end": str(H)}
        first = asyncio.create_task(whole(made))
        while "Q-1" not in history.asked and not first.done():
            assert (await answers.answer(question)).body
        assert not first.done()
        await first

    run(situation)


def test_one_is_made_at_a_time_and_a_refused_one_keeps_nothing():
    async def situation(exports, answers, history):
        with pytest.raises(LotsRefused, match="no such lot"):
            await exports.answer(asked(**{"while": "{X-1} == 7"}), "", "ada")
        made = await exports.answer(asked(), "", "ada")
        with pytest.raises(TooManyQuestions) as refused:
            await exports.answer(asked(), "", "bob")
        assert (str(refused.value), refused.value.retry_s) == (
            "one export is made at a time, and ada has one since 2026-09-21T14:13:20Z (while {X-1} == 1, 0 to "
            "10800000000000): ask again in 15 s; it is over by 2026-09-21T14:24:20Z at the latest",
            15,
        )
        await whole(made)
        (await exports.answer(asked(), "", "ada")).ended()

    run(situation)


def test_a_search_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(subject, "SEARCH_S", -1.0)

    async def situation(exports, answers, history):
        with pytest.raises(LotsRefused, match="ask for less time"):
            await exports.answer(asked(), "", "ada")
        assert history.asked == ["X-1"]

    run(situation)


def test_one_that_cannot_go_on_ends_its_connection_before_the_end():
    async def situation(exports, answers, history):
        made = await exports.answer(asked(), "", "ada")
        history.broken, told, aborted = True, [], threading.Event()

        async def send(message):
            told.append(message)

        scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "state": {"abort": aborted.set}}
        await Streamed(made.pieces, "application/zip", made.ended)(scope, asyncio.Event().wait, send)
        assert aborted.is_set()
        assert all(message.get("more_body", True) for message in told)
        history.broken, history.at_work = False, 0
        await whole(await exports.answer(asked(), "", "ada"))

    run(situation)


def test_who_gives_up_does_not_let_two_into_the_history():
    async def situation(exports, answers, history):
        begun, go_on, inside = threading.Event(), threading.Event(), []

        def slow(_):
            begun.set()
            go_on.wait(30)
            inside.append("slow")

        work = asyncio.create_task(answers.ask(slow))
        await asyncio.to_thread(begun.wait, 30)
        work.cancel()
        other = asyncio.create_task(answers.ask(lambda _: inside.append("other")))
        with pytest.raises(asyncio.CancelledError):
            await work
        for _ in range(5):
            await asyncio.to_thread(lambda: None)  # time enough for the other, were it let in
        assert inside == []
        go_on.set()
        await other
        assert inside == ["slow", "other"]

    run(situation)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"lots": "name,start,end\n"}, "name one of"),
        ({"while": ""}, "name one of"),
        ({"while": "1" * (TEXT_MAX + 1)}, "at most 500 characters"),
        ({"form": "xls"}, "form: one of csv, parquet"),
        ({"every": "soon"}, "every: "),
        ({"before": "1e9 d"}, "before: longer than any record"),
        ({"while": "", "around": "{X-1} == 1"}, "name the time"),
        ({"while": "", "lots": "name,start,end\n"}, "each of the `lots`"),
        ({"start": str(10 * H)}, "ends before it begins"),
        ({"tags": ""}, "tags: 1 to"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(query, said):
    async def situation(exports, answers, history):
        with pytest.raises(QuestionRefused, match=said):
            await exports.answer(asked(**query), "", "ada")
        assert history.asked == []

    run(situation)


def test_lots_may_be_written_down():
    text = "\ufeffname,start,end\r\nrun 1,1970-01-01T01:00:00Z,1970-01-01T02:00:00Z,remark\r\n"

    async def situation(exports, answers, history):
        made = await exports.answer({"tags": "F-1", "lots": text, "after": "1 h"}, "", "ada")
        with zipfile.ZipFile(io.BytesIO(b"".join(await whole(made)))) as sent:
            lot = json.loads(sent.read("manifest.json"))["lots"][0]
        assert (lot["name"], lot["end"]) == ("run 1", "1970-01-01T03:00:00.000000000Z")
        for wrong in ("name;start;end\n", "name,start,end\nx,1,yesterday\n", "name,start,end\nx,5,1\n"):
            with pytest.raises((LotsRefused, QuestionRefused), match="lots"):
                await exports.answer({"tags": "F-1", "lots": wrong}, "", "ada")

    run(situation)


def test_too_many_lots_are_refused(monkeypatch):
    async def situation(exports, answers, history):
        with pytest.raises(LotsRefused, match=f"more than {LOTS_MAX}"):
            await exports.answer(asked(end=str((LOTS_MAX + 2) * H)), "", "ada")

    monkeypatch.setattr(PlayedHistory, "extent_ns", lambda self: (0, 6000 * H))
    monkeypatch.setattr(subject, "PIECE_NS", 6000 * H)
    run(situation)


@pytest.mark.parametrize("kept", [(0, 10 * H), None])
def test_a_question_that_ends_in_another_century_looks_no_further_than_the_record(monkeypatch, kept):
    monkeypatch.setattr(PlayedHistory, "extent_ns", lambda self: kept)

    async def situation(exports, answers, history):
        with pytest.raises(LotsRefused, match="no such lot"):
            await exports.answer(asked(**{"while": "{X-1} == 7", "end": str(2**62)}), "", "ada")
        assert 0 < len(history.asked) <= 10 * H // subject.PIECE_NS + 2

    run(situation)


def test_events_without_a_name_and_lots_beyond_all_time_are_refused():
    async def situation(exports, answers, history):
        with pytest.raises(LotsRefused, match="is no kind of event"):
            await exports.answer(asked(**{"while": "", "around": " ", "before": "1 s"}), "", "ada")
        lots = f"name,start,end\nx,5,{2**63 - 2}\n"
        with pytest.raises(LotsRefused, match="no record can reach"):
            await exports.answer({"tags": "F-1", "lots": lots, "after": "1 s"}, "", "ada")
        (await exports.answer(asked(), "", "ada")).ended()

    run(situation)
