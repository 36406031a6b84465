"""What a Sparkplug edge node says: its births, its data, the numbers of its messages.

A birth names every point with its type, unit and last value and gives it an alias; data are told by alias, oldest
first. The alias of a point is its id, which is stable over plans. Messages are numbered 0 to 255 round and round from
the birth on, so that a host sees a hole. A value of an older plan, in another unit than was born, has its unit beside
it.

    quality here                                  there
    good                                          192, good
    uncertain; bad: comm, stale, last-known,      500, stale: not to be taken for good
      not-yet
    bad otherwise                                 0, bad

Rules of the file: pure, the time is an argument; nothing here counts as arrived before `settle`.
"""

import json
import math
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, NamedTuple

from plantctl.core.batch import Batch, PointLabel, PointLabels
from plantctl.core.quality import BAD, GOOD, NOT_YET, SEVERITY_MASK, Reason, describe, reason_of
from plantctl.sinks._record_text import transition_text
from plantctl.sinks._sparkplug_payload import (
    DataType,
    Metric,
    Payload,
    Value,
    bd_seq_metric,
    by_time,
    encode,
    fits,
)

REBIRTH: Final = "Node Control/Rebirth"
JOURNAL: Final = "Journal"
JOURNAL_ALIAS: Final = 1 << 32  # above every id
QUALITY_GOOD: Final = 192
QUALITY_STALE: Final = 500
QUALITY_BAD: Final = 0
SEQ_COUNT: Final = 256
_NOT_CURRENT: Final = frozenset({Reason.COMM, Reason.STALE, Reason.LAST_KNOWN, Reason.NOT_YET})
_MS: Final = 1_000_000


def quality_code(quality: int) -> int:
    """The specification's quality of a quality word."""
    if quality & SEVERITY_MASK == GOOD:
        return QUALITY_GOOD
    if quality & SEVERITY_MASK >= BAD and reason_of(quality) not in _NOT_CURRENT:
        return QUALITY_BAD
    return QUALITY_STALE


class _Point(NamedTuple):
    """A point as it was born."""

    label: PointLabel
    datatype: DataType


class _Last(NamedTuple):
    """The last value of a point that has arrived and is not historical."""

    time_ms: int
    value: float
    quality: int


class Node:
    """One edge node. `tags` are the points that it has, by name or with `*` and `?`; `journal`: also transitions.

    `facts` are told with each birth; that of the name `recording` stands in each transition as well.
    """

    def __init__(self, tags: Iterable[str], *, journal: bool, facts: dict[str, str]) -> None:
        self._tags = tuple(tags)
        self._journal = journal
        self._facts = facts
        self._points: dict[int, _Point] = {}
        self._last: dict[int, _Last] = {}
        self._seq = 0
        self.births = 0

    # ---- births

    def birth(self, labels: PointLabels, bd_seq: int, now_ms: int) -> bytes:
        """The birth: everything there is, by name and alias, with the last values. The numbers begin anew."""
        self._points = {
            point: _Point(label, datatype_of(label)) for point, label in labels.items() if self._wants(label.name)
        }
        self._last = {point: last for point, last in self._last.items() if point in self._points}
        metrics = [self._born(point, now_ms) for point in self._points]
        if self._journal:
            metrics.append(Metric(JOURNAL, JOURNAL_ALIAS, now_ms, DataType.STRING, None, transient=True))
        metrics += [
            Metric(f"Properties/{name}", None, now_ms, DataType.STRING, text) for name, text in self._facts.items()
        ]
        metrics += [bd_seq_metric(now_ms, bd_seq), Metric(REBIRTH, None, now_ms, DataType.BOOLEAN, False)]
        self._seq = 1
        self.births += 1
        return encode(Payload(now_ms, 0, by_time(metrics)))

    def must_be_born_again(self, batch: Batch, labels: PointLabels) -> bool:
        """Whether the batch has a point that was not born, or is called otherwise now."""
        for point in set(batch.tag.tolist()):
            label, born = labels.get(point), self._points.get(point)
            if label is None or (born is not None and born.label is label):
                continue
            if born is None or repr(born.label) != repr(label):  # as text, since NaN is not NaN
                return True
        return False

    def name_of(self, alias: int | None, name: str) -> str:
        """The name of a point that was born, by its alias or its name; empty where there is none."""
        if alias is not None:
            born = self._points.get(alias)
            return born.label.name if born else ""
        return name if any(born.label.name == name for born in self._points.values()) else ""

    def types(self) -> dict[int | str, DataType]:
        """The types that were born, by alias and by name, for what others say of our points."""
        found: dict[int | str, DataType] = {point: born.datatype for point, born in self._points.items()}
        return found | {born.label.name: born.datatype for born in self._points.values()}

    def _wants(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._tags)

    def _born(self, point: int, now_ms: int) -> Metric:
        label, datatype = self._points[point]
        last = self._last.get(point, _Last(now_ms, math.nan, NOT_YET))
        value = _value(last.value, datatype)
        if not fits(value, datatype):  # it was of another type before
            value = None
        properties = dict(_quality_properties(last.quality))
        properties |= {"engUnit": label.unit} if label.unit else {}
        properties |= {"engLow": label.low} if math.isfinite(label.low) else {}
        properties |= {"engHigh": label.high} if math.isfinite(label.high) else {}
        properties |= {"documentation": label.text} if label.text else {}
        properties |= {"words": json.dumps(label.words)} if label.words else {}
        return Metric(label.name, point, last.time_ms, datatype, value, properties=properties)

    # ---- data

    def data(self, batch: Batch, now_ms: int, metrics_max: int, misfits: dict[int, str]) -> Iterator[bytes]:
        """The messages of a batch, oldest first. What cannot be said is left out, and in `misfits` by its position."""
        metrics = by_time(self._metrics(batch, misfits))
        for begin in range(0, len(metrics), metrics_max):
            yield encode(Payload(now_ms, self._next_seq(), metrics[begin : begin + metrics_max]), names=False)

    def settle(self, batch: Batch) -> None:
        """The batch has arrived: its values are the last ones, unless newer ones were before it."""
        if batch.historical:
            return
        columns = (batch.utc_ns, batch.tag, batch.value, batch.quality)
        for utc_ns, point, value, quality in zip(*(column.tolist() for column in columns), strict=True):
            if point not in batch.otherwise:  # the next birth tells it in the unit of now
                self._last[point] = _Last(utc_ns // _MS, value, quality)

    def _metrics(self, batch: Batch, misfits: dict[int, str]) -> Iterator[Metric]:
        old = batch.historical
        for index, event in enumerate(batch.events if self._journal else ()):
            text = transition_text(batch, index, self._facts.get("recording", ""))
            yield Metric(JOURNAL, JOURNAL_ALIAS, event.utc_ns // _MS, DataType.STRING, text, old, True)
        columns = (batch.utc_ns, batch.tag, batch.value, batch.quality)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for position, (utc_ns, point, number, quality) in enumerate(rows, len(batch.events)):
            born = self._points.get(point)
            if born is None:
                misfits[position] = "a point without a name"
                continue
            value = _value(number, born.datatype)
            if not fits(value, born.datatype):
                misfits[position] = f"{number!r} is no {born.datatype.name} as {born.label.name} is"
                continue
            properties = _quality_properties(quality)
            was = batch.otherwise.get(point)
            if was is not None and was.unit != born.label.unit:
                properties = {**properties, "engUnit": was.unit}
            if batch.samples:
                of = batch.samples[position - len(batch.events)]._asdict().items()
                properties = properties | {name: text for name, text in of if text}
            yield Metric("", point, utc_ns // _MS, born.datatype, value, old, False, properties)

    def _next_seq(self) -> int:
        seq, self._seq = self._seq, (self._seq + 1) % SEQ_COUNT
        return seq


def datatype_of(label: PointLabel) -> DataType:
    """The type of a point: Double, Boolean for what is whole from 0 to 1, else Int64 for what is whole."""
    if not label.whole:
        return DataType.DOUBLE
    return DataType.BOOLEAN if (label.low, label.high) == (0.0, 1.0) else DataType.INT64


def _value(number: float, datatype: DataType) -> Value:
    if math.isnan(number):
        return None
    if datatype is DataType.BOOLEAN and number in (0.0, 1.0):
        return bool(number)
    return number


@lru_cache(maxsize=1024)
def _quality_properties(quality: int) -> dict[str, Value]:
    """The properties that tell a quality; not to be changed."""
    code: dict[str, Value] = {"Quality": quality_code(quality)}
    words = describe(quality)
    return code if words == "good" else {**code, "qualityText": words}
