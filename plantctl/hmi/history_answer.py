"""Answers what a page asks of the past: columns by tag, as points, as the least and most of each pixel, or the latest.

Reading blocks, so it is done in a thread of its own, one question at a time; what is asked is bounded before.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import PlantctlError
from plantctl.core.quality import NOT_YET
from plantctl.history.query import History
from plantctl.hmi.past_events import Recorded, recorded_events
from plantctl.plan.plan import Plan

TAGS_MAX: Final = 32
POINTS_USUAL: Final = 600
BUCKETS_MAX: Final = 5_000
POINTS_MAX: Final = 50_000
WAITING_MAX: Final = 16
AGGREGATES: Final = ("minmax", "raw", "latest")
_Answer = TypeVar("_Answer")
_NUMBER: Final = re.compile(r"[0-9]{1,19}")


class QuestionRefused(PlantctlError):
    """A question that cannot be answered as it is put; the message says what is wrong with it."""


class TooManyQuestions(PlantctlError):
    """More questions wait than will be answered in time."""


class HistoryAnswers:
    """The past of one plant; `opened` gives its history, and is asked once, when it is first needed."""

    def __init__(self, plan: Plan, opened: Callable[[], History]) -> None:
        self._plan = plan
        self._opened = opened
        self._history: History | None = None
        self._one = asyncio.Lock()
        self._waiting = 0

    async def answer(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The answer to a query. Raises `QuestionRefused`, `TooManyQuestions`, and what the history refuses."""
        question = Question(self._plan, query)
        return await self._asked(lambda: self._read(question))

    async def events(self, now_ns: int) -> Recorded:
        """The newest transitions in the record. Raises `TooManyQuestions`, `OSError`, and what the history raises."""
        return await self._asked(lambda: recorded_events(self._opened_once(), self._plan, now_ns))

    async def _asked(self, read: Callable[[], _Answer]) -> _Answer:
        """What `read` gives, in a thread, after the questions before."""
        if self._waiting >= WAITING_MAX:
            raise TooManyQuestions("too many questions wait for the history; ask again")
        self._waiting += 1
        try:
            async with self._one:
                return await asyncio.to_thread(read)
        finally:
            self._waiting -= 1

    def _opened_once(self) -> History:
        if self._history is None:
            self._history = self._opened()
        return self._history

    def _read(self, question: "Question") -> dict[str, Any]:
        history = self._opened_once()
        read = {"minmax": _minmax, "raw": _raw, "latest": _latest}[question.aggregate]
        columns = {asked: read(history, name, question) for asked, name in question.names.items()}
        span = {"start": str(question.start_ns), "end": str(question.end_ns), "agg": question.aggregate}
        return {**span, "tags": columns}


class Question:
    """A query, read: points by the names asked for, span in UTC ns, what is wanted. Raises `QuestionRefused`."""

    def __init__(self, plan: Plan, query: Mapping[str, str]) -> None:
        tags = list(dict.fromkeys(filter(None, query.get("tags", "").split(","))))
        if not 1 <= len(tags) <= TAGS_MAX:
            raise QuestionRefused(f"tags: 1 to {TAGS_MAX} names, with commas between them")
        # A row may have several names; the record knows the first one.
        self.names = {tag: plan.points[plan.rows[tag]].name if tag in plan.rows else tag for tag in tags}
        self.aggregate = query.get("agg", "minmax")
        if self.aggregate not in AGGREGATES:
            raise QuestionRefused(f"agg: one of {', '.join(AGGREGATES)}")
        self.end_ns = _time_ns("end", query.get("end", ""))
        self.start_ns = self.end_ns - 1 if self.aggregate == "latest" else _time_ns("start", query.get("start", ""))
        most = BUCKETS_MAX if self.aggregate == "minmax" else POINTS_MAX
        points = query.get("points", str(POINTS_USUAL))
        if not _NUMBER.fullmatch(points) or not 1 <= int(points) <= most:
            raise QuestionRefused(f"points: 1 to {most}")
        self.points = int(points)
        if self.start_ns >= self.end_ns:
            raise QuestionRefused("the span ends before it begins")


def _minmax(history: History, name: str, question: Question) -> dict[str, Any]:
    trend = history.trend(name, question.start_ns, question.end_ns, question.points)
    found = trend.buckets
    told = found.told
    return {
        "t": _texts(found.begin_ns),
        **{key: np.where(told, column, np.nan).tolist() for key, column in _columns(found).items()},
        "quality": np.where(told, found.quality, NOT_YET).tolist(),
        "count": np.where(told, found.count, 0).tolist(),
        "known": (np.where(told, found.known_ns, 0) / trend.width_ns).round(6).tolist(),
        "width": str(trend.width_ns),
        "unit": _unit(trend.unit),
        "tier": trend.tier.value,
        "truncated": False,
    }


def _columns(found: Any) -> dict[str, npt.NDArray[np.float64]]:
    return {"min": found.low, "max": found.high, "mean": found.mean, "first": found.first, "last": found.last}


def _raw(history: History, name: str, question: Question) -> dict[str, Any]:
    series = history.raw(name, question.start_ns, question.end_ns, question.points)
    return {
        "t": _texts(series.utc_ns),
        "until": _texts(series.until_ns),
        "value": series.value.tolist(),
        "quality": series.quality.tolist(),
        "source": _texts(series.source_ns),
        "unit": _unit(series.unit),
        "tier": "raw",
        "truncated": series.truncated,
        "end": str(series.end_ns),
    }


def _latest(history: History, name: str, question: Question) -> dict[str, Any]:
    (state,) = history.at(name, [question.end_ns - 1])
    unit = _unit(history.names.point(name).unit)
    if state is None:
        return {"t": [], "value": [], "quality": [], "source": [], "unit": unit, "tier": "raw", "truncated": False}
    columns = {"t": str(state.utc_ns), "value": state.value, "quality": state.quality, "source": str(state.source_ns)}
    return {**{key: [each] for key, each in columns.items()}, "unit": unit, "tier": "raw", "truncated": False}


def _texts(column: npt.NDArray[np.int64]) -> list[str]:
    return [str(each) for each in column.tolist()]


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit


def _time_ns(name: str, text: str) -> int:
    """A UTC time: ns since 1970, or as in RFC 3339 with a zone."""
    if _NUMBER.fullmatch(text):
        found = int(text)
    else:
        # The space stands for a `+` that nobody encoded.
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+"))
        except ValueError:
            raise QuestionRefused(f"{name}: `{text[:40]}` is no time: ns since 1970, or 2026-11-22T13:00:00Z") from None
        if moment.tzinfo is None:
            raise QuestionRefused(f"{name}: `{text[:40]}` does not say which zone it is in")
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        found = (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
    if not 0 <= found < 2**63 - 1:
        raise QuestionRefused(f"{name}: not a time that a plant can have recorded")
    return found
