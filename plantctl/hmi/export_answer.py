"""An export over HTTP: what was recorded lot by lot, as a zip with a manifest, sent while it is made.

The same as `plantctl export` writes. The lots are looked for before the answer begins, so that what cannot be exported
is refused with words; from then on nothing is kept but the piece that is being made. Each piece is made in the line in
which all questions to the history stand, so that nobody waits for an export. One is made at a time, so that each has
its ten minutes; who asks meanwhile is told at once whose it is, since when, and when to ask again. The manifest and the
directory of the zip come last: an export that breaks off is no zip.

Rules of the file: nothing is written to disk.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

from plantctl.core.units import UnitError, parse_duration_ns
from plantctl.history.export.by_lots import FORMS, zip_pieces
from plantctl.history.export.lot_list import lots_written
from plantctl.history.export.lots import (
    LOTS_MAX,
    TIME_MAX_NS,
    Condition,
    Lot,
    LotsRefused,
    condition_of,
    few_enough,
    lots_around,
    lots_in,
    pieces,
    stretches,
    widened,
)
from plantctl.history.export.manifest import Wanted
from plantctl.history.reading.moments import moment_text
from plantctl.history.reading.query import History
from plantctl.hmi.history_answer import HistoryAnswers, QuestionRefused, TooManyQuestions, names_of, time_ns
from plantctl.hmi.history_pieces import WHOLE_S
from plantctl.hmi.live_plant import WatchedPlant
from plantctl.plan.plan import Plan

PATH: Final = "/api/v1/export"
# Lots are looked for so long at most; some weeks of a condition over one tag.
SEARCH_S: Final = 60.0
# A condition of so many letters over so long a time, ten times a second, is some tenths of a second of work.
PIECE_NS: Final = 30 * 60 * 1_000_000_000
TEXT_MAX: Final = 500
# Most exports are over in some seconds; who asks that often costs nothing.
RETRY_S: Final = 15
SHOWN_MAX: Final = 120
WAYS: Final = ("while", "around", "lots")


class Export(NamedTuple):
    """An export on its way: `ended` is to be called once it is over."""

    pieces: AsyncIterator[bytes]
    ended: Callable[[], None]


class _UnderWay(NamedTuple):
    """The export that is being made: whose, of what, since when (UTC ns)."""

    person: str
    asked: str
    since_ns: int

    def in_words(self) -> str:
        """What is told to whoever asks for another one meanwhile."""
        latest_ns = self.since_ns + round((SEARCH_S + WHOLE_S) * 1e9)
        since, latest = (f"{moment_text(ns, 1)[:-3]}Z" for ns in (self.since_ns, latest_ns))
        asked = self.asked if len(self.asked) <= SHOWN_MAX else f"{self.asked[:SHOWN_MAX]}..."
        return (
            f"one export is made at a time, and {self.person} has one since {since} ({asked}): "
            f"ask again in {RETRY_S} s; it is over by {latest} at the latest"
        )


class ExportAnswers:
    """The exports of one plant, one at a time."""

    def __init__(self, plant: WatchedPlant, answers: HistoryAnswers) -> None:
        self._plant = plant
        self._answers = answers
        self._under_way: _UnderWay | None = None

    async def answer(self, query: Mapping[str, str], command: str, person: str) -> Export:
        """The export that a query of a `person` asks for; `command` is how the manifest says it was asked.

        Raises `QuestionRefused`, `TooManyQuestions`, and what looking for lots and the history refuse.
        """
        question = ExportQuestion(self._plant.plan, query)
        if self._under_way is not None:
            raise TooManyQuestions(self._under_way.in_words(), RETRY_S)
        self._under_way = _UnderWay(person, question.asked, self._plant.utc_ns())
        try:
            lots = widened(await self._lots(question), question.before_ns, question.after_ns)
            wanted = Wanted(
                question.tags, lots, question.every_ns, question.form, question.asked, command, self._plant.utc_ns()
            )
            made = await self._answers.ask(lambda history: zip_pieces(history, history.names.plant(), wanted))
        except BaseException:
            self._ended()
            raise
        return Export(self._sent(made), self._ended)

    def _ended(self) -> None:
        self._under_way = None

    async def _sent(self, made: Iterator[bytes]) -> AsyncIterator[bytes]:
        while (piece := await self._answers.ask(lambda _: next(made, None))) is not None:
            if piece:
                yield piece

    async def _lots(self, question: "ExportQuestion") -> list[Lot]:
        """The lots, found piece by piece."""
        if question.lots:
            return few_enough(question.lots)
        loop = asyncio.get_running_loop()
        end_s = loop.time() + SEARCH_S
        condition, start_ns, end_ns = await self._answers.ask(partial(_begin, question))
        found: list[Any] = []
        for piece in pieces(start_ns, end_ns, PIECE_NS):
            found += await self._answers.ask(partial(_look, question, condition, piece))
            if loop.time() > end_s:
                raise LotsRefused(f"lots were looked for for {SEARCH_S:g} s: ask for less time")
        return await asyncio.to_thread(_found, question, condition, found)


def _begin(question: "ExportQuestion", history: History) -> tuple[Condition | None, int, int]:
    """The condition, None for a pattern of events; and from when to when to look: within the record and a piece behind
    it, so that a lot that ends with the record does not seem to end with the question.
    """
    for name in question.tags:
        history.names.point(name)
    first_ns, last_ns = history.extent_ns() or (question.start_ns, question.start_ns)
    start_ns = min(max(question.start_ns, first_ns), question.end_ns - 1)
    end_ns = max(min(question.end_ns, last_ns + PIECE_NS), start_ns + 1)
    condition = condition_of(history, question.text) if question.way == "while" or "{" in question.text else None
    return condition, start_ns, end_ns


def _look(
    question: "ExportQuestion", condition: Condition | None, piece: tuple[int, int], history: History
) -> list[Any]:
    """What is found in a piece: stretches of the condition, or lots of no length."""
    if condition is not None:
        return list(stretches(history, condition, *piece))
    found: list[Lot] = []
    for lot in lots_around(history, question.text, *piece):
        found.append(lot)
        if len(found) > LOTS_MAX:
            break
    return found


def _found(question: "ExportQuestion", condition: Condition | None, found: list[Any]) -> list[Lot]:
    if condition is None:
        return few_enough(replace(lot, name=f"{number:04d}") for number, lot in enumerate(found, 1))
    lots = lots_in(found, condition, question.through_ns)
    return few_enough(replace(lot, end_ns=lot.start_ns) if question.way == "around" else lot for lot in lots)


class ExportQuestion:
    """A query, read. Raises `QuestionRefused`."""

    def __init__(self, plan: Plan, query: Mapping[str, str]) -> None:
        self.tags = list(dict.fromkeys(names_of(plan, query).values()))
        ways = [way for way in WAYS if query.get(way)]
        if len(ways) != 1:
            raise QuestionRefused(f"lots: name one of {', '.join(WAYS)}")
        self.way = ways[0]
        self.text = query[self.way]
        if self.way != "lots" and len(self.text) > TEXT_MAX:
            raise QuestionRefused(f"{self.way}: at most {TEXT_MAX} characters")
        self.form = query.get("form", "csv")
        if self.form not in FORMS:
            raise QuestionRefused(f"form: one of {', '.join(FORMS)}")
        lengths = {name: _length_ns(name, query.get(name, "")) for name in ("before", "after", "through", "every")}
        self.before_ns, self.after_ns, self.through_ns, self.every_ns = lengths.values()
        if self.way == "around" and not (self.before_ns or self.after_ns):
            raise QuestionRefused("around: name the time `before` or `after` it")
        self.lots: list[Lot] = []
        if self.way == "lots":
            if "start" in query or "end" in query:
                raise QuestionRefused("start, end: each of the `lots` has its own")
            self.lots = lots_written(self.text.removeprefix("\ufeff"), "lots", "lots", time_ns)
            self.asked = "as written in `lots`"
            return
        self.start_ns, self.end_ns = (time_ns(name, query.get(name, "")) for name in ("start", "end"))
        if self.start_ns >= self.end_ns:
            raise QuestionRefused("the span ends before it begins")
        self.asked = f"{self.way} {self.text}, {query['start']} to {query['end']}"


def _length_ns(name: str, text: str) -> int:
    if text in ("", "0"):
        return 0
    try:
        length_ns = parse_duration_ns(text)
    except UnitError as error:
        raise QuestionRefused(f"{name}: {error}") from None
    if length_ns > TIME_MAX_NS:
        raise QuestionRefused(f"{name}: longer than any record")
    return length_ns
