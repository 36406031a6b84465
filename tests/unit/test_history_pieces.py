"""A long answer goes out in pieces: pages and other questions come between them, however slowly it is read."""

import asyncio
import json
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from plantctl.core.clock import RealClock
from plantctl.history.reading.query import Series
from plantctl.hmi import history_answer, history_pieces
from plantctl.hmi.history_answer import LONG_MAX, LONG_ROWS, HistoryAnswers, TooManyQuestions
from plantctl.hmi.history_pieces import PIECE_BYTES, Streamed, gathered

POINTS = 50_000
LIMIT_S = 60
CLOCK = RealClock()


class PlayedHistory:
    """Every tag has as many points as are asked for; `asked` is who asked in which order."""

    def __init__(self):
        self.asked = []

    def raw(self, name, start_ns, end_ns, limit):
        self.asked.append(name)
        utc_ns = np.arange(limit) * 1_000_000_000
        value = np.where(np.arange(limit) % 7 == 0, np.nan, np.arange(limit) / 3)
        quality, none = np.zeros(limit, np.uint16), np.zeros(limit, np.int64)
        return Series(name, "m3/h", utc_ns, utc_ns + 5, value, quality, none, end_ns, truncated=False)


def asked(tags, points=POINTS):
    return {"tags": tags, "agg": "raw", "start": "0", "end": str(10**18), "points": str(points)}


def run(situation):
    async def limited():
        async with asyncio.timeout(LIMIT_S):
            history = PlayedHistory()
            await situation(HistoryAnswers(SimpleNamespace(rows={}, points=[]), lambda: history), history)

    asyncio.run(limited())


class Reader:
    """A client at the other end: takes pieces when `takes` is set, and goes away when `gone` is."""

    def __init__(self, told, mark=lambda: 0):
        self.pieces = []
        self.mark, self.marks = mark, []  # what `mark` said when each piece came
        self.takes, self.gone = asyncio.Event(), asyncio.Event()
        self.aborted = False
        answer = Streamed(told.form.pieces, told.form.kind, told.ended)
        scope = {"type": "http", "asgi": {"spec_version": "2.3"}, "state": {"abort": self.abort}}
        self.work = asyncio.create_task(answer(scope, self.receive, self.send))

    def abort(self):
        self.aborted = True

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        await self.takes.wait()
        if message["type"] == "http.response.body":
            self.pieces.append(message["body"])
            self.marks.append(self.mark())

    @property
    def body(self):
        return b"".join(self.pieces)


@pytest.mark.parametrize("kind", ["application/json", "text/csv"])
def test_between_any_two_pieces_the_loop_comes_to_others(kind):
    async def situation(answers, history):
        turns = 0

        async def pages():
            nonlocal turns
            while True:
                turns += 1
                await CLOCK.sleep(0)

        reader = Reader(await answers.answer(asked("A"), kind), lambda: turns)
        reader.takes.set()
        beats = asyncio.create_task(pages())
        await reader.work
        beats.cancel()
        assert len(reader.pieces) > 20
        assert max(map(len, reader.pieces)) < 4 * PIECE_BYTES
        at_piece = reader.marks[: reader.pieces.index(b"")]
        assert all(after > before for before, after in pairwise(at_piece))

    run(situation)


def test_in_pieces_it_says_the_same_as_in_one():
    async def situation(answers, history):
        reader = Reader(await answers.answer(asked("A,B", LONG_ROWS)))
        reader.takes.set()
        await reader.work
        found = json.loads(reader.body)
        for tag in ("A", "B"):
            short = await answers.answer(asked(tag, LONG_ROWS))
            assert json.loads(short.body)["tags"][tag] == found["tags"][tag]
        series = PlayedHistory().raw("A", 0, 10**18, LONG_ROWS)
        assert found["tags"]["A"]["t"] == [str(t) for t in series.utc_ns.tolist()]
        assert found["tags"]["A"]["value"][:3] == [None, 1 / 3, 2 / 3]

    run(situation)


def test_who_does_not_read_holds_nobody_up():
    async def situation(answers, history):
        slow = [Reader(await answers.answer(asked("A"))) for _ in range(LONG_MAX)]
        assert (await answers.answer(asked("B", 10))).body
        with pytest.raises(TooManyQuestions, match="long answers"):
            await answers.answer(asked("C"))
        assert not any(reader.pieces for reader in slow)
        slow[0].takes.set()
        await slow[0].work
        last = Reader(await answers.answer(asked("C")))
        for reader in (*slow, last):
            reader.takes.set()
            await reader.work

    run(situation)


def test_who_goes_away_ends_the_answer_and_gives_its_place_back():
    async def situation(answers, history):
        for _ in range(2 * LONG_MAX):
            told = await answers.answer(asked("A"))
            reader = Reader(told)
            await CLOCK.sleep(0)
            reader.gone.set()
            await reader.work
            assert len(reader.body) < POINTS
            assert sum(1 for _ in told.form.pieces) > 10, "the rest was never made"

    run(situation)


def test_who_takes_nothing_for_too_long_loses_the_connection_and_the_place(monkeypatch):
    monkeypatch.setattr(history_pieces, "WHOLE_S", 0.05)

    async def situation(answers, history):
        for _ in range(LONG_MAX + 1):
            reader = Reader(await answers.answer(asked("A")))
            await reader.work
            assert reader.aborted

    run(situation)


def test_a_long_answer_that_cannot_be_told_gives_its_place_back(monkeypatch):
    def fails(*_):
        raise MemoryError("no room")

    monkeypatch.setattr(history_answer, "_told", fails)

    async def situation(answers, history):
        for _ in range(LONG_MAX + 1):
            with pytest.raises(MemoryError):
                await answers.answer(asked("A", LONG_ROWS + 1))

    run(situation)


@pytest.mark.parametrize("sizes", [[], [1], [PIECE_BYTES - 1, 1, 1], [3 * PIECE_BYTES, 2]])
def test_packets_hold_every_byte_in_its_order(sizes):
    pieces = [bytes([65 + n]) * size for n, size in enumerate(sizes)]
    packets = list(gathered(pieces))
    assert b"".join(packets) == b"".join(pieces)
    assert all(len(packet) >= PIECE_BYTES for packet in packets[:-1])


def test_others_are_answered_between_two_tags_of_a_long_question():
    async def situation(answers, history):
        long = asyncio.create_task(answers.answer(asked("A,B,C,D")))
        await CLOCK.sleep(0)
        other = asyncio.create_task(answers.answer(asked("X", 10)))
        await asyncio.gather(long, other)
        assert history.asked.index("X") == 1
        long.result().ended()

    run(situation)
