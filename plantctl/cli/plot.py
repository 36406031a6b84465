"""Draws a trend as lines of text: Braille dots for the mean, a shaded band from the smallest to the largest value.

A column of characters is two columns of dots, and each column of dots is one bucket: a spike of one scan has its dot
however long the span is. Where nothing is known the plot is empty, and a mark below says so; where the quality was not
good another one does. Nothing is told by colour alone. Pure: a trend and a size in, lines out.

Dots: Unicode 2800 to 28FF, bits by ISO/TR 11548-1.
"""

import math
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.quality import BAD, SEVERITY_MASK, UNCERTAIN
from plantctl.history.files.buckets import Buckets
from plantctl.history.reading.query import Trend

Flags = npt.NDArray[np.bool_]
DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
BAND: Final = "\u2591"
MARKS: Final = {"gap": "\u00d7", "bad": "!", "uncertain": "?"}
LABEL_MAX: Final = 9
VALUE_MAX: Final = 1e300  # a plot of larger ones has no numbers for its axis
STEPS: Final = (1.0, 2.0, 5.0, 10.0)


def plot(trend: Trend, width: int, height: int, text: str = "") -> list[str]:
    """The lines of a plot `width` characters wide and `height` lines high, axes and title included.

    Ask for two buckets a column: `buckets_for(width)`. Without a finite value the plot says so.
    """
    b = trend.buckets
    seen = (np.abs(b.low) < VALUE_MAX) & (np.abs(b.high) < VALUE_MAX)
    title = f"{trend.tag}{f'  {text}' if text else ''}{f'  [{trend.unit}]' if trend.unit else ''}"
    if not seen.any():
        return [title, "  no value in this span"]
    lows, highs = b.low[seen], b.high[seen]
    ticks = ticks_of(float(lows.min()), float(highs.max()), max(2, (height - 4) // 4))
    bottom, top = ticks[0], ticks[-1]
    labels = [f"{tick:.{_decimals(ticks)}f}" for tick in ticks]
    if max(map(len, labels)) > LABEL_MAX:
        labels = [f"{tick:.4g}" for tick in ticks]
    margin = max(map(len, labels)) + 1
    rows, columns = height - 4, width - margin - 1
    cells = _cells(trend, seen, bottom, top, rows, columns)
    at = {rows - 1 - round((t - bottom) / (top - bottom) * (rows - 1)): s for t, s in zip(ticks, labels, strict=True)}
    summary = _summary(trend, seen)
    if len(title) + len(summary) > width:  # numbers before words
        title = trend.tag + (f"  [{trend.unit}]" if trend.unit else "")
    lines = [f"{title}{summary}"]
    for row in range(rows):
        lines.append(f"{at.get(row, ''):>{margin}}{'┤' if row in at else '│'}{''.join(cells[row]).rstrip()}")
    lines.append(" " * margin + "└" + _marks(trend, seen, columns))
    lines += _times(trend, margin + 1, columns)
    return lines


def buckets_for(width: int) -> int:
    """How many buckets fill a plot of this width, the axis taken off."""
    return max(2, 2 * (width - 9))


def ticks_of(low: float, high: float, about: int) -> list[float]:
    """Round numbers from below `low` to above `high`, some `about` of them."""
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        half = max(abs(low) * 0.01, 10.0**-6 if low == 0 else 0.0)
        low, high = low - half, high + half
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in STEPS if s * power >= raw * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [k * step for k in range(first, last + 1)]


def _decimals(ticks: list[float]) -> int:
    """So many decimals that neighbouring ticks differ and are exact enough to be read."""
    step = ticks[1] - ticks[0]
    for decimals in range(12):
        if abs(round(step, decimals) - step) < step * 1e-6:
            return decimals
    return 12


def _cells(trend: Trend, seen: Flags, bottom: float, top: float, rows: int, columns: int) -> list[list[str]]:
    """The characters of the plot: dots where the mean is, the band behind them."""
    b = trend.buckets
    dots = [[0] * columns for _ in range(rows)]
    band = [[False] * columns for _ in range(rows)]
    scale = (4 * rows - 1) / (top - bottom)
    places = _places(len(b), columns)
    for k in np.flatnonzero(seen).tolist():
        column, half = divmod(places[k], 2)
        values = (b.low[k], min(max(b.mean[k], b.low[k]), b.high[k]), b.high[k])
        low, mean, high = (min(max(round((v - bottom) * scale), 0), 4 * rows - 1) for v in values)
        for level in {low, mean, high}:
            row, dot = divmod(4 * rows - 1 - level, 4)
            dots[row][column] |= DOTS[dot][half]
        for row in range((4 * rows - 1 - high) // 4, (4 * rows - 1 - low) // 4 + 1):
            band[row][column] = True
    return [
        [chr(0x2800 + d) if d else BAND if s else " " for d, s in zip(dots[row], band[row], strict=True)]
        for row in range(rows)
    ]


def _places(buckets: int, columns: int) -> list[int]:
    """The column of dots of each bucket."""
    return [min(2 * columns - 1, k * 2 * columns // max(1, buckets)) for k in range(buckets)]


def _marks(trend: Trend, seen: Flags, columns: int) -> str:
    """The axis, with a mark where something is not known or not good; the worst of a column shows."""
    b = trend.buckets
    axis = ["─"] * columns
    ranks = [0] * columns
    severity = b.quality & SEVERITY_MASK
    for k, place in enumerate(_places(len(b), columns)):
        gap = not seen[k] or b.known_ns[k] < 0.999 * trend.width_ns
        bad = bool(b.told[k]) and severity[k] >= BAD
        rank, mark = (3, MARKS["bad"]) if bad else (2, MARKS["gap"]) if gap else (1, MARKS["uncertain"])
        if (gap or bad or severity[k] == UNCERTAIN) and rank > ranks[place // 2]:
            ranks[place // 2], axis[place // 2] = rank, mark
    return "".join(axis)


def _summary(trend: Trend, seen: Flags) -> str:
    """What a person wants to know in numbers."""
    b = trend.buckets
    known_ns = b.known_ns[seen].astype(np.float64)
    mean = float(np.average(b.mean[seen], weights=known_ns)) if known_ns.sum() else float(b.mean[seen].mean())
    return f"  last {b.last[seen][-1]:.6g}  min {b.low[seen].min():.6g}  mean {mean:.6g}  max {b.high[seen].max():.6g}"


def _times(trend: Trend, margin: int, columns: int) -> list[str]:
    """UTC below the axis, at the left end, in the middle and at the right end; and what the marks mean."""
    b = trend.buckets
    begin, end = int(b.begin_ns[0]), int(b.begin_ns[-1]) + trend.width_ns
    form = "%H:%M:%S" if end - begin < 86_400_000_000_000 else "%m-%d %H:%M"
    texts = [datetime.fromtimestamp(t / 1e9, UTC).strftime(form) for t in (begin, (begin + end) // 2, end)]
    line = list(" " * columns)
    size = len(texts[0])
    for text, at in zip(texts, (0, (columns - size) // 2, columns - size), strict=True):
        line[at : at + size] = text
    day = datetime.fromtimestamp(begin / 1e9, UTC).strftime("%Y-%m-%d UTC")
    used = _used(b, trend)
    return [" " * margin + "".join(line), " " * margin + day + (f"   {used}" if used else "")]


def _used(b: Buckets, trend: Trend) -> str:
    """The marks that are in the axis, explained."""
    told, severity = b.told, b.quality & SEVERITY_MASK
    found = []
    if (~told | (b.known_ns < 0.999 * trend.width_ns)).any():
        found.append(f"{MARKS['gap']} not all known")
    if (severity[told] >= BAD).any():
        found.append(f"{MARKS['bad']} bad")
    if (severity[told] == UNCERTAIN).any():
        found.append(f"{MARKS['uncertain']} uncertain")
    if trend.tier.value != "raw":
        found.append("drawn from minutes")
    return "   ".join(found)
