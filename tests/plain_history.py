"""The plain opinion on a history: every question answered from what really was, with numpy and loops, nothing else.

`Plain(points, first_ns, last_ns)` knows the pieces of one tag as `tests.plant.recorded_days` kept them; of what was
before `first_ns` or after `last_ns` the record says nothing. `questions` draws what is asked of whom: windows over
seams, gaps, steps of the clock, days, the hot end and the edges. `differs` compares an answer with the plain one.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

S = 1_000_000_000
MINUTE_NS = 60 * S
DAY_NS = 86_400 * S
MARKS = 0xC000
SUMS = {"L/h": ("L", 1 / 3600), "m3/h": ("m3", 1 / 3600), "A": ("Ah", 1 / 3600)}


class Point(NamedTuple):
    """A point; None is what a form of answer does not tell."""

    utc_ns: int
    until_ns: int | None
    value: float
    quality: int
    source_ns: int | None


class Span(NamedTuple):
    """A span; None where nothing is told of it."""

    begin_ns: int
    low: float | None
    high: float | None
    mean: float | None
    first: float | None
    last: float | None
    count: int | None
    known: float | None
    quality: int | None


class Figure(NamedTuple):
    """An average or a total; value None where nothing was good."""

    value: float | None
    good: float
    count: int
    quality: int


@dataclass(frozen=True)
class Question:
    """`kind` with its arguments after the tag; `over`: why this window."""

    kind: str
    tag: str
    arguments: tuple
    over: str = ""


class Plain:
    """One tag: `points` as recorded_days.POINT."""

    def __init__(self, points, unit, first_ns, last_ns, trimmed=False):
        # What retention let go of is told by the opening of the oldest file and is no point any more; the record begins
        # with the last scan that is gone.
        points = points[points["until_ns"] >= first_ns + trimmed]
        points["at_ns"] = np.maximum(points["at_ns"], first_ns)
        points["until_ns"] = np.minimum(points["until_ns"], last_ns)
        self.points, self.unit, self.first_ns = points, unit, first_ns
        self.is_point = points["utc_ns"] >= first_ns + trimmed

    def ask(self, question):
        """The answer."""
        return getattr(self, question.kind)(*question.arguments)

    def _row_at(self, utc_ns):
        at = self.points["at_ns"]
        row = int(np.searchsorted(at, utc_ns, "right")) - 1
        return row if row >= 0 and utc_ns <= self.points["until_ns"][row] else None

    def _told(self, row, until_ns=None):
        p = self.points[row]
        return Point(int(p["utc_ns"]), until_ns, float(p["value"]), int(p["quality"]), int(p["source_ns"]))

    def raw(self, start_ns, end_ns):
        utc_ns = self.points["utc_ns"]
        rows = np.flatnonzero((utc_ns >= start_ns) & (utc_ns < end_ns) & self.is_point).tolist()
        before = self._row_at(start_ns)
        if before is None and len(utc_ns) and not self.is_point[0] and start_ns < self.points["at_ns"][0] < end_ns:
            before = 0  # what was in force where the record begins, which may have come long before
        if before is not None and before not in rows:
            rows.insert(0, before)
        return [self._told(row, min(int(self.points["until_ns"][row]), end_ns)) for row in rows]

    def at(self, utc_ns):
        row = self._row_at(utc_ns)
        return [] if row is None else [self._told(row)]

    def last(self, before_ns):
        rows = np.flatnonzero(self.points["utc_ns"] < before_ns)
        return [self._told(int(rows[-1]))] if len(rows) else []

    def trend(self, start_ns, end_ns, points):
        width_ns = -(-(end_ns - start_ns) // points)
        if width_ns >= MINUTE_NS:
            start_ns -= start_ns % MINUTE_NS
            width_ns = -(-(end_ns - start_ns) // (points * MINUTE_NS)) * MINUTE_NS
        return [self._span(begin, width_ns, False) for begin in range(start_ns, end_ns, width_ns)]

    def average(self, start_ns, end_ns):
        span = self._span(start_ns, end_ns - start_ns, True)
        value = span.mean if span.known else None
        return Figure(value, span.known or 0.0, span.count or 0, span.quality or 0)

    def total(self, start_ns, end_ns):
        mean, good, count, quality = self.average(start_ns, end_ns)
        factor = SUMS[self.unit][1]
        return Figure(0.0 if mean is None else mean * good * (end_ns - start_ns) / S * factor, good, count, quality)

    def spans(self, start_ns, end_ns, width_ns):
        return [self._span(begin, width_ns, True) for begin in range(start_ns, end_ns, width_ns)]

    def _span(self, begin_ns, width_ns, good):
        end_ns, p = begin_ns + width_ns, self.points
        first, last = np.searchsorted(p["at_ns"], [begin_ns, end_ns]).tolist()
        fresh = first < last and p["at_ns"][first] == begin_ns
        carried = first > 0 and not fresh and p["until_ns"][first - 1] > begin_ns
        p = p[first - carried : last]
        if not len(p):
            return Span(begin_ns, *[None] * 5, 0, 0.0, None)
        value, quality = p["value"].copy(), p["quality"]
        if good:
            value[(quality & 3 != 0) | ~np.isfinite(value)] = math.nan
        for_ns = np.minimum(p["until_ns"], end_ns) - np.maximum(p["at_ns"], begin_ns)
        there = ~np.isnan(value)
        known_ns = int(for_ns[there].sum())
        words = set(quality.tolist())
        worst = max((word & ~MARKS for word in words), key=lambda word: (word & 3, word))
        for word in words:
            worst |= word & MARKS
        count = int((self.is_point[first:last]).sum())
        low = high = mean = None
        if there.any():
            low, high = float(value[there].min()), float(value[there].max())
            weight = for_ns[there] if known_ns else np.ones(there.sum())
            mean = float(np.average(value[there], weights=weight))
        ends = [None if math.isnan(v) else float(v) for v in (value[0], value[-1])]
        return Span(begin_ns, low, high, mean, *ends, count, known_ns / width_ns, worst)


# ------------------------------------------------------------------------------------------------ questions


def windows(points, seams_ns, first_ns, last_ns):
    """Spans worth asking for, whole microseconds: why, start, end."""
    wide = max(60 * S, min(3600 * S, (last_ns - first_ns) // 40))

    def around(why, at_ns):
        return why, (at_ns - wide) // 1000 * 1000, (at_ns + wide) // 1000 * 1000

    found = [around("the middle", (first_ns + last_ns) // 2), around("the beginning", first_ns)]
    found += [around("the end", last_ns), around("nothing", first_ns - 10 * wide)]
    found += [around("a seam", at_ns) for at_ns in (seams_ns[len(seams_ns) // 2], seams_ns[-1])]
    gaps = np.flatnonzero(points["at_ns"][1:] - points["until_ns"][:-1] > 5 * S)
    found += [around("a gap", int(points["until_ns"][gap])) for gap in gaps[:: max(1, len(gaps) // 4)].tolist()]
    back = np.flatnonzero(np.diff(points["utc_ns"]) < 0)
    found += [around("a clock set back", int(points["utc_ns"][at])) for at in back[:: max(1, len(back) // 2)].tolist()]
    ahead = np.argsort(np.diff(points["utc_ns"]))[-200:]
    ahead = [at for at in ahead.tolist() if points["until_ns"][at] == points["at_ns"][at + 1]]
    found += [around("a clock set forward", int(points["utc_ns"][at])) for at in ahead[-1:]]
    days = range(-(-first_ns // DAY_NS) * DAY_NS, last_ns, DAY_NS)
    found += [around("midnight", at_ns) for at_ns in days[:: max(1, len(days) // 2)]]
    return [each for each in found if each[1] > 0], ("all of it", first_ns // S * S - S, last_ns // S * S + S)


def questions(tag, unit, points, seams_ns, first_ns, last_ns, draw):
    """What is asked of a tag."""
    short, all_of_it = windows(points, seams_ns, first_ns, last_ns)
    for why, start_ns, end_ns in short:
        yield Question("raw", tag, (start_ns, end_ns), why)
    for why, start_ns, end_ns in (*short, all_of_it):
        yield Question("average", tag, (start_ns, end_ns), why)
        if unit in SUMS:
            yield Question("total", tag, (start_ns, end_ns), why)
        yield Question("last", tag, (end_ns,), why)
        for at_ns in (start_ns, draw.randrange(start_ns, end_ns) // 1000 * 1000):
            yield Question("at", tag, (at_ns,), why)
        yield Question("trend", tag, (start_ns, end_ns, draw.choice((1, 7, 97, 600))), why)
        width_ns = max(S, (end_ns - start_ns) // draw.choice((5, 60, 240)) // S * S)
        yield Question("spans", tag, (start_ns, end_ns, width_ns), why)


# ------------------------------------------------------------------------------------------------ comparing

# A mean made from sealed minutes has 24 bits; shares and times are told to so much in some forms.
MEAN, SHARE = 2e-6, 2e-6


def differs(found, right, step_ns=1):
    """What is wrong with an answer, empty where nothing is; `step_ns`: how finely a form tells times."""
    if isinstance(right, Figure):
        return "" if _figure_same(found, right) else f"{found} instead of {right}"
    if len(found) != len(right):
        return f"{len(found)} instead of {len(right)}: {found[:2]} instead of {right[:2]}"
    same = _span_same if right and isinstance(right[0], Span) else _point_same
    for k, (a, b) in enumerate(zip(found, right, strict=True)):
        if not same(a, b, step_ns):
            return f"{k}: {a} instead of {b}"
    return ""


def _near(a, b, part):
    if a is None or b is None:
        return a is None and b is None
    return math.isclose(a, b, rel_tol=part, abs_tol=1e-9)


def _value(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


def _time(a, b, step_ns):
    return a is None or b is None or abs(a - b) < step_ns


def _point_same(a, b, step_ns):
    return (
        _time(a.utc_ns, b.utc_ns, step_ns)
        and _time(a.until_ns, b.until_ns, step_ns)
        and _value(a.value, b.value)
        and a.quality == b.quality
        and _time(a.source_ns, b.source_ns, step_ns)
    )


def _span_same(a, b, step_ns):
    told = zip((a.low, a.high, a.first, a.last), (b.low, b.high, b.first, b.last), strict=True)
    return (
        _time(a.begin_ns, b.begin_ns, step_ns)
        and all(x is NOT_TOLD or x == y for x, y in told)
        and _near(a.mean, b.mean, MEAN)
        and (a.count is NOT_TOLD or a.count == b.count)
        and (a.known is NOT_TOLD or abs(a.known - b.known) < SHARE)
        and (a.quality is NOT_TOLD or a.quality == b.quality)
    )


def _figure_same(a, b):
    return (
        _near(a.value, b.value, MEAN) and abs(a.good - b.good) < SHARE and a.count == b.count and a.quality == b.quality
    )


NOT_TOLD = object()
