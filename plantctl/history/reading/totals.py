"""Averages and totals over time, of what is good alone; and the value on the straight line between two points.

A value is good while its quality says so and it is a finite number. What is not good (bad or uncertain quality, NaN, a
gap in the record, time before and after it) counts neither with its value nor with its time; the share of the span that
was good is told beside the answer, and whoever asks decides what that is worth. Nothing is filled in.

    average   sum of value x time / sum of time, over the good time; NaN where there is none
    total     sum of value x time over the good time, in the unit that the rate becomes: L/h gives L, kW gives kWh

Rules of the file: pure.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np

from plantctl.core.errors import PlantctlError
from plantctl.core.quality import GOOD, SEVERITY_MASK
from plantctl.core.units import Unit, UnitError, parse_unit, ratio
from plantctl.history.files.buckets import Buckets, InForce
from plantctl.history.files.numbers import I8
from plantctl.history.reading.gathering import State

_SECOND: Final = parse_unit("s")
# Rates that are written without a time, and what they add up to.
_SUMS: Final = {"A": "Ah", "mA": "mAh", "kA": "kAh", "W": "Wh", "kW": "kWh", "MW": "MWh", "Hz": "1", "rpm": "1"}


class NotARate(PlantctlError):
    """A total was asked of what does not flow, or in a unit that it does not become; the message says which."""


@dataclass(frozen=True, slots=True)
class Average:
    """A mean over time, in the tag's unit, with the share (0 to 1) of the span for which it was good.

    `quality` is the worst word in the span, `count` the points in it.
    """

    tag: str
    unit: str
    value: float
    good: float
    quality: int
    count: int


@dataclass(frozen=True, slots=True)
class Total:
    """What a rate came to, in `unit`, over the good share (0 to 1) of the span; nothing is added for the rest."""

    tag: str
    unit: str
    value: float
    good: float
    quality: int
    count: int


def good_only(force: InForce) -> InForce:
    """The same with NaN where the value is not good; points stay points, qualities stay."""
    good = ((force.quality & SEVERITY_MASK) == GOOD) & np.isfinite(force.value)
    return replace(force, value=np.where(good, force.value, np.nan))


def all_good(minutes: Buckets) -> bool:
    """Whether the means of some minutes are those of what was good."""
    return not (minutes.quality & SEVERITY_MASK).any() and bool(
        np.isfinite(minutes.low[~np.isnan(minutes.low)]).all()
        and np.isfinite(minutes.high[~np.isnan(minutes.high)]).all()
    )


def behind(force: InForce, front_ns: int) -> InForce:
    """The same from a moment on, where a part of the record reaches back behind the one before it."""
    at_ns, until_ns = np.maximum(force.at_ns, front_ns), np.maximum(force.until_ns, front_ns)
    still = (until_ns > at_ns) | force.is_point
    return InForce(
        at_ns[still],
        until_ns[still],
        force.utc_ns[still],
        force.value[still],
        force.quality[still],
        force.source_ns[still],
        force.is_point[still],
    )


def within(force: InForce, begin_ns: I8, width_ns: int) -> tuple[int, int]:
    """From which to before which of some buckets a part of the record may say anything."""
    if not len(force):
        return 0, 0
    first = int(np.searchsorted(begin_ns, force.at_ns[0], "right")) - 1
    last = int(np.searchsorted(begin_ns, max(int(force.at_ns[-1]), int(force.until_ns[-1])), "right"))
    return max(0, first), max(0, last)


def summed_unit(rate: str, wanted: str = "") -> tuple[Unit, str, float]:
    """What a rate in unit `rate` adds up to: that unit, its text, and by how much a sum over seconds is multiplied.

    `wanted` names another unit of the same kind. Raises `NotARate` where the text is no rate or does not become that.
    """
    if not rate:
        raise NotARate("a number without a unit has no total")
    unit = parse_unit(rate)
    if unit.point:
        raise NotARate(f"a temperature ({rate}) has no total")
    exact = Unit("", (unit * _SECOND).dimension, unit.factor)
    try:
        text = wanted or _usual(rate, exact)
        target = parse_unit(text)
        factor = ratio(exact, target)
    except UnitError as error:
        raise NotARate(f"{rate} has no total in {wanted}: {error}" if wanted else str(error)) from error
    return target, text, float(Fraction(factor))


def _usual(rate: str, total: Unit) -> str:
    """The unit in which people read a total of what they read in `rate`."""
    if rate in _SUMS:
        return _SUMS[rate]
    stem, slash, time = rate.rpartition("/")
    if slash and time in ("s", "min", "h", "d"):
        found = stem or "1"
        if parse_unit(found).compatible(total):
            return found
    raise NotARate(f"`{rate}` is no rate: it has no total; name the unit it shall have")


def totalled(mean: float, known_ns: int, factor: float) -> float:
    """The total of a mean that was good for so long; 0 where nothing was."""
    return 0.0 if known_ns <= 0 or math.isnan(mean) else mean * (known_ns / 1e9) * factor


def between(before: State, after: State, utc_ns: int) -> State:
    """The value at a moment on the straight line between two points, with the worse quality; else `before`."""
    if after.utc_ns <= before.utc_ns or not (math.isfinite(before.value) and math.isfinite(after.value)):
        return before
    share = (utc_ns - before.utc_ns) / (after.utc_ns - before.utc_ns)
    value = before.value * (1.0 - share) + after.value * share
    worse = max(before.quality, after.quality, key=lambda word: (word & SEVERITY_MASK, word))
    return State(utc_ns, value, worse, 0)
