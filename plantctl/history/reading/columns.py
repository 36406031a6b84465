"""History as columns of plain lists, the way programs ask for it: `GET /api/v1/history`, the command line, notebooks.

For every tag: `unit`, `tier` (`raw` or `1min`), `truncated`, `t` as texts of UTC ns (a double, which is all that a
page's numbers are, cannot hold them), `quality` as words of `core.quality`, None where the record tells nothing. Values
that are no finite number are None. A gap is never bridged:

    raw       t, value, quality, source; where the record ends or breaks off a row of None follows. Of a tag that is
              thinned also `off_by`, how far off it may be in its unit, and `interpolation`: `step` where each value
              held until the next; `line` with a column `line`, from which rows it went straight to the next one
    minmax    t (where each span begins), width_ns, min, max, mean, first, last, count, quality, known (the share of the
              span for which a value was known, 0 to 1)
    latest    the same as raw, of the last point before the end alone

Rules of the file: blocks while it reads: some milliseconds a tag, a second at worst for the raw hours of a fast one. A
loop gives it to a thread, one question at a time for one `History`.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.history.files.numbers import F8, I8
from plantctl.history.reading.query import History, Series
from plantctl.history.reading.trends import Trend

TAGS_MAX: Final = 100
POINTS_DEFAULT: Final = 1_200


class Aggregate(Enum):
    """How a span is told."""

    RAW = "raw"
    MINMAX = "minmax"
    LATEST = "latest"


def columns(
    history: History,
    tags: Sequence[str],
    start_ns: int,
    end_ns: int,
    points: int = POINTS_DEFAULT,
    aggregate: Aggregate = Aggregate.MINMAX,
) -> dict[str, dict[str, Any]]:
    """The columns of every tag from start to end, UTC ns; ready for JSON.

    `points` is the number of spans, or the most points of a raw answer (the oldest are given). Raises `UnknownTag` and
    `NothingAsked` with a sentence for the person who asked; call it in a thread.
    """
    found: dict[str, dict[str, Any]] = {}
    if aggregate is Aggregate.MINMAX:
        return {each.tag: trend_columns(each) for each in history.trends(tags, start_ns, end_ns, points)}
    for tag in tags:
        if aggregate is Aggregate.RAW:
            found[tag] = series_columns(history.raw(tag, start_ns, end_ns, points))
        else:
            newest_ns = history.newest_ns()
            last_ns = end_ns if newest_ns is None else min(end_ns, newest_ns + 1)
            found[tag] = series_columns(history.raw(tag, last_ns - 1, last_ns))
    return found


def trend_columns(trend: Trend) -> dict[str, Any]:
    """A trend as columns."""
    buckets = trend.buckets
    return {
        "unit": trend.unit,
        "tier": trend.tier.value,
        "truncated": False,
        "width_ns": trend.width_ns,
        "t": _times(buckets.begin_ns),
        "min": _values(buckets.low),
        "max": _values(buckets.high),
        "mean": _values(buckets.mean),
        "first": _values(buckets.first),
        "last": _values(buckets.last),
        "count": buckets.count.tolist(),
        "quality": [
            q if told else None for q, told in zip(buckets.quality.tolist(), buckets.told.tolist(), strict=True)
        ],
        "known": np.round(buckets.known_ns / trend.width_ns, 6).tolist(),
    }


def series_columns(series: Series) -> dict[str, Any]:
    """The points of a series as columns, with a row of None where nothing is known from then on."""
    breaks = series.until_ns < np.append(series.utc_ns[1:], series.end_ns)[: len(series.utc_ns)]
    place = np.flatnonzero(breaks) + 1
    utc_ns = np.insert(series.utc_ns, place, series.until_ns[breaks])
    gap = np.insert(np.zeros(len(series.utc_ns), np.bool_), place, True)
    none = np.insert(series.quality.astype(np.int64), place, -1)
    return {
        "unit": series.unit,
        "tier": "raw",
        **thinned_columns(series, place),
        "truncated": series.truncated,
        "t": _times(utc_ns),
        "value": _values(np.insert(series.value, place, np.nan)),
        "quality": [None if q < 0 else q for q in none.tolist()],
        "source": [None if g else str(s) for g, s in zip(gap.tolist(), _filled(series.source_ns, place), strict=True)],
    }


def thinned_columns(series: Series, gaps: npt.NDArray[np.intp] | None = None) -> dict[str, Any]:
    """How the points of a thinned tag are to be joined; nothing of one that is kept as scanned.

    `gaps` are the places in which rows that tell of a gap were put.
    """
    if not series.off_by:
        return {}
    if series.line is None:
        return {"off_by": series.off_by, "interpolation": "step"}
    line = series.line if gaps is None else np.insert(series.line, gaps, False)
    return {"off_by": series.off_by, "interpolation": "line", "line": line.tolist()}


def _filled(column: I8, place: "np.ndarray[Any, np.dtype[np.intp]]") -> list[int]:
    found: list[int] = np.insert(column, place, 0).tolist()
    return found


def _times(utc_ns: I8) -> list[str]:
    return [str(t) for t in utc_ns.tolist()]


def _values(values: F8) -> list[float | None]:
    finite = np.isfinite(values)
    return [v if f else None for v, f in zip(values.tolist(), finite.tolist(), strict=True)]
