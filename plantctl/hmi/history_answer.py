"""Answers what is asked of the past: points, the least and most of each pixel, the latest, averages and totals.

JSON is columns by tag; the other forms (`history_forms`) are one table. Reading blocks, so it is done in a thread of
its own, one tag at a time; what is asked is bounded before, and what is long is sent piece by piece (`history_pieces`).
"""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import PlantctlError
from plantctl.core.quality import NOT_YET
from plantctl.history.reading.columns import thinned_columns
from plantctl.history.reading.moments import time_or_ns_in
from plantctl.history.reading.query import History, Page, Series, Trend
from plantctl.history.reading.table import Table, figures_table, points_table, spans_table
from plantctl.history.reading.totals import Average, Total
from plantctl.hmi.history_forms import JSON, Formed, formed, series_of
from plantctl.hmi.history_pieces import Texts, gathered, json_pieces
from plantctl.hmi.past_events import Recorded, recorded_events
from plantctl.plan.plan import Plan

TAGS_MAX: Final = 32
POINTS_USUAL: Final = 600
BUCKETS_MAX: Final = 5_000
POINTS_MAX: Final = 50_000
WAITING_MAX: Final = 16
# An answer of more rows is sent in pieces, to so many clients at a time: each keeps its columns meanwhile, 42 bytes a
# point in JSON and as many again in the other forms.
LONG_ROWS: Final = 5_000
LONG_MAX: Final = 4
# A question is answered within a second or so, a long answer mostly.
RETRY_S: Final = 5
AGGREGATES: Final = ("minmax", "raw", "latest", "last", "average", "total")
Found = Trend | Series | Page | Average | Total
_Answer = TypeVar("_Answer")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")


class QuestionRefused(PlantctlError):
    """A question that cannot be answered as it is put; the message says what is wrong with it."""


class TooManyQuestions(PlantctlError):
    """More is asked than will be answered in time; `retry_s`: it is worth asking again after so long, s."""

    def __init__(self, what: str, retry_s: int = RETRY_S) -> None:
        super().__init__(what)
        self.retry_s = retry_s


class Told(NamedTuple):
    """An answer: `body` where it is short, else the pieces of `form`. `ended` is to be called once it is over."""

    form: Formed
    body: bytes | None
    ended: Callable[[], None]


class HistoryAnswers:
    """The past of one plant; `opened` gives its history, and is asked once, when it is first needed."""

    def __init__(self, plan: Plan, opened: Callable[[], History]) -> None:
        self._plan = plan
        self._opened = opened
        self._history: History | None = None
        self._one = asyncio.Lock()
        self._reading = threading.Lock()
        self._waiting = 0
        self._long = 0

    async def answer(self, query: Mapping[str, str], kind: str = JSON) -> Told:
        """The answer to a query, in the form of that media type.

        Raises `QuestionRefused`, `TooManyQuestions`, `NotAcceptable`, and what the history refuses.
        """
        question = Question(self._plan, query)
        *others, last = question.names.items()
        found: dict[str, Found] = {}
        with self._in_line():
            for asked, name in others:  # somebody else's question may come between two tags
                found[asked] = await self._asked(partial(self._read, name, question))
            short = await self._asked(partial(self._read_last, last, question, kind, found))
        if short is not None:
            return short
        if self._long >= LONG_MAX:
            raise TooManyQuestions("too many long answers are being sent; ask again, or for less")
        self._long += 1
        try:
            return Told(await asyncio.to_thread(_told, found, question, kind), None, self._ended)
        except BaseException:
            self._ended()
            raise

    async def events(self, now_ns: int) -> Recorded:
        """The newest transitions in the record. Raises `TooManyQuestions`, `OSError`, and what the history raises."""
        with self._in_line():
            return await self._asked(lambda: recorded_events(self._opened_once(), self._plan, now_ns))

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        """A place among those that wait."""
        if self._waiting >= WAITING_MAX:
            raise TooManyQuestions("too many questions wait for the history; ask again")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def ask(self, read: Callable[[History], _Answer]) -> _Answer:
        """What `read` gives of the history, in a thread, after what was asked before."""
        return await self._asked(lambda: read(self._opened_once()))

    async def _asked(self, read: Callable[[], _Answer]) -> _Answer:
        """What `read` gives, in a thread, after what was asked before."""
        async with self._one:
            return await asyncio.to_thread(self._alone, read)

    def _alone(self, read: Callable[[], _Answer]) -> _Answer:
        # A thread cannot be called off: whoever gave up waits for nothing, but the next one waits for that thread.
        with self._reading:
            return read()

    def _opened_once(self) -> History:
        if self._history is None:
            self._history = self._opened()
        return self._history

    def _read(self, name: str, question: "Question") -> Found:
        return _found(self._opened_once(), name, question)

    def _read_last(
        self, last: tuple[str, str], question: "Question", kind: str, found: dict[str, Found]
    ) -> Told | None:
        """The last tag's, and the whole answer where it is short."""
        found[last[0]] = self._read(last[1], question)
        if sum(map(_rows_of, found.values())) > LONG_ROWS:
            return None
        form = _told(found, question, kind)
        return Told(form, b"".join(form.pieces), _nothing)

    def _ended(self) -> None:
        self._long -= 1


def _nothing() -> None:
    """Nothing is kept for a short answer."""


class Question:
    """A query, read: points by the names asked for, span in UTC ns, what is wanted. Raises `QuestionRefused`."""

    def __init__(self, plan: Plan, query: Mapping[str, str]) -> None:
        self.names = names_of(plan, query)
        self.aggregate = query.get("agg", "minmax")
        if self.aggregate not in AGGREGATES:
            raise QuestionRefused(f"agg: one of {', '.join(AGGREGATES)}")
        self.end_ns = time_ns("end", query.get("end", ""))
        alone = self.aggregate in ("latest", "last")
        self.start_ns = self.end_ns - 1 if alone else time_ns("start", query.get("start", ""))
        most = BUCKETS_MAX if self.aggregate == "minmax" else POINTS_MAX
        points = query.get("points", str(POINTS_USUAL))
        if not _NUMBER.fullmatch(points) or not 1 <= int(points) <= most:
            raise QuestionRefused(f"points: 1 to {most}")
        self.points = int(points)
        self.after = query.get("after")
        if self.after is not None and (self.aggregate != "raw" or len(self.names) > 1):
            raise QuestionRefused("after: pages are of `raw` and of one tag")
        self.unit = query.get("unit", "")
        if self.start_ns >= self.end_ns:
            raise QuestionRefused("the span ends before it begins")


def names_of(plan: Plan, query: Mapping[str, str]) -> dict[str, str]:
    """What the record calls the tags of a query, by the names asked for. Raises `QuestionRefused`."""
    tags = list(dict.fromkeys(filter(None, query.get("tags", "").split(","))))
    if not 1 <= len(tags) <= TAGS_MAX:
        raise QuestionRefused(f"tags: 1 to {TAGS_MAX} names, with commas between them")
    # A row may have several names; the record knows the first one.
    return {tag: plan.points[plan.rows[tag]].name if tag in plan.rows else tag for tag in tags}


def _found(history: History, name: str, question: Question) -> Found:
    """What the history answers for one tag."""
    start_ns, end_ns = question.start_ns, question.end_ns
    if question.aggregate == "minmax":
        return history.trend(name, start_ns, end_ns, question.points)
    if question.aggregate == "average":
        return history.average(name, start_ns, end_ns)
    if question.aggregate == "total":
        return history.total(name, start_ns, end_ns, question.unit)
    if question.aggregate == "raw":
        if question.after is not None:
            return history.page(name, start_ns, end_ns, question.points, question.after)
        return history.raw(name, start_ns, end_ns, question.points)
    state = history.last(name, end_ns) if question.aggregate == "last" else history.at(name, [end_ns - 1])[0]
    return series_of(name, history.names.point(name).unit, state)


def _told(found: Mapping[str, Found], question: Question, kind: str) -> Formed:
    """The answer in the form of a media type; what is not yet made of it is made piece by piece."""
    if kind == JSON:
        span = {"start": str(question.start_ns), "end": str(question.end_ns), "agg": question.aggregate}
        columns = {asked: _columns_of(each, question) for asked, each in found.items()}
        rows = sum(map(_rows_of, found.values()))
        return Formed(gathered(json_pieces(span, columns)), rows, JSON, "", truncated=False, following="")
    cut = [each for each in found.values() if isinstance(each, Page | Series)]
    following = next((each.token for each in cut if isinstance(each, Page)), "")
    truncated = any((each.series if isinstance(each, Page) else each).truncated for each in cut)
    return formed(kind, _table(found), truncated, following)


def _rows_of(found: Found) -> int:
    """How many points or spans were found."""
    if isinstance(found, Trend):
        return len(found.buckets)
    if isinstance(found, Page):
        return len(found.series.utc_ns)
    return len(found.utc_ns) if isinstance(found, Series) else 1


def _table(found: Mapping[str, Found]) -> Table:
    """The same of all tags as one table."""
    trends = [(name, each) for name, each in found.items() if isinstance(each, Trend)]
    figures = [(name, each) for name, each in found.items() if isinstance(each, Average | Total)]
    if trends or figures:
        return spans_table(trends) if trends else figures_table(figures)
    series = [(name, each.series if isinstance(each, Page) else each) for name, each in found.items()]
    return points_table([(name, each) for name, each in series if isinstance(each, Series)])


def _columns_of(found: Found, question: Question) -> dict[str, Any]:
    """The same of one tag as columns."""
    if isinstance(found, Trend):
        return _minmax(found)
    if isinstance(found, Page):
        return {**_raw(found.series), "next": found.token}
    if isinstance(found, Series):
        return _raw(found) if question.aggregate == "raw" else _latest(found)
    told = {"value": found.value, "good": round(found.good, 9), "count": found.count, "quality": found.quality}
    return {**told, "unit": _unit(found.unit)}


def _minmax(trend: Trend) -> dict[str, Any]:
    found = trend.buckets
    told = found.told
    return {
        "t": Texts(found.begin_ns),
        **{key: np.where(told, column, np.nan) for key, column in _columns(found).items()},
        "quality": np.where(told, found.quality, NOT_YET),
        "count": np.where(told, found.count, 0),
        "known": (np.where(told, found.known_ns, 0) / trend.width_ns).round(6),
        "width": str(trend.width_ns),
        "unit": _unit(trend.unit),
        "tier": trend.tier.value,
        "truncated": False,
    }


def _columns(found: Any) -> dict[str, npt.NDArray[np.float64]]:
    return {"min": found.low, "max": found.high, "mean": found.mean, "first": found.first, "last": found.last}


def _raw(series: Series) -> dict[str, Any]:
    return {
        "t": Texts(series.utc_ns),
        "until": Texts(series.until_ns),
        "value": series.value,
        "quality": series.quality,
        "source": Texts(series.source_ns),
        **thinned_columns(series),
        "unit": _unit(series.unit),
        "tier": "raw",
        "truncated": series.truncated,
        "end": str(series.end_ns),
    }


def _latest(series: Series) -> dict[str, Any]:
    return {name: told for name, told in _raw(series).items() if name not in ("until", "end", "line", "interpolation")}


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def time_ns(name: str, text: str) -> int:
    """A UTC time: ns since 1970, or as in RFC 3339 with a zone. Raises `QuestionRefused`."""
    try:
        found = time_or_ns_in(text.replace(" ", "+"))  # the space stands for a `+` that nobody encoded
    except ValueError as error:
        raise QuestionRefused(f"{name}: {error}") from None
    if not 0 <= found < 2**63 - 1:
        raise QuestionRefused(f"{name}: not a time that a plant can have recorded")
    return found
