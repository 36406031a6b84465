"""Buckets: what a tag did in each of a row of equal spans of time, without losing a spike or a gap.

A bucket looks at everything that was in force in it, what it began with included: a tag that rests shows its value, a
spike of one scan shows in the largest or smallest value, and a gap of one scan in the time that is known.

    low, high     the smallest and largest value in force; NaN where none was known
    mean          over the time for which a value was known
    first, last   the values it began and ended with
    known_ns      for how long a value (not NaN) was known; less than the bucket is long: there was a gap
    count         points in it
    quality       the worst word in force, with `simulated` and `forced` where any was
    told          whether the record tells anything about the bucket at all; if not, the rest means nothing

Two buckets of one span, each from another part of the record, give that of both by `merged`.

Rules of the file: pure; all columns of one length; NaN never reaches a comparison.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from plantctl.core.quality import MARKS, SEVERITY_MASK
from plantctl.history.files.numbers import F8, I8

I2 = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Buckets:
    """A row of buckets: `begin_ns` is UTC where each begins; those that tell nothing may be left out."""

    begin_ns: I8
    low: F8
    high: F8
    mean: F8
    first: F8
    last: F8
    known_ns: I8
    count: I8
    quality: I2
    told: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.begin_ns)

    def pick(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> "Buckets":
        """Some of the buckets."""
        return Buckets(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True, slots=True)
class InForce:
    """What was in force when: `value` with `quality` from `at_ns` until `until_ns`, UTC.

    `at_ns` ascends, and `until_ns` is not beyond the next row; where it is before, nothing is known in between. A row
    that is no point repeats what was in force already, at the seam of two parts of a record. `utc_ns` is the point's
    own time: earlier than `at_ns` in such a row, and after the clock was set back. `orderly`: neither is in here, but
    for a first row that is no point. `line` tells from which rows the value went straight to the next point, None: from
    none; the rows on the way are no points, and `off_by` is how far off they may be, in the tag's unit.
    """

    at_ns: I8
    until_ns: I8
    utc_ns: I8
    value: F8
    quality: I2
    source_ns: I8
    is_point: npt.NDArray[np.bool_]
    orderly: bool = False
    line: npt.NDArray[np.bool_] | None = None
    off_by: float = 0.0

    def __len__(self) -> int:
        return len(self.at_ns)


def joined(parts: list[Buckets]) -> Buckets:
    """Rows of buckets one after the other."""
    return Buckets(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Buckets)))


def nothing(begin_ns: I8) -> Buckets:
    """Buckets of which nothing is known."""
    n = len(begin_ns)
    low, high, mean, first, last = np.full((5, n), np.nan)
    known_ns, count = np.zeros((2, n), np.int64)
    return Buckets(
        begin_ns, low, high, mean, first, last, known_ns, count, np.zeros(n, np.uint16), np.zeros(n, np.bool_)
    )


def _rank(quality: npt.NDArray[np.integer]) -> I8:
    """A number that is larger for a worse quality; marks are left out."""
    word = quality.astype(np.int64)
    severity = word & SEVERITY_MASK
    return severity << 16 | (word & ~MARKS & 0xFFFF)


def worst(quality: I2, start: npt.NDArray[np.intp]) -> I2:
    """The worst word of each group; the groups begin at `start`, none is empty."""
    rank = np.maximum.reduceat(_rank(quality), start)
    marks = np.bitwise_or.reduceat(quality.astype(np.int64) & MARKS, start)
    return ((rank & 0xFFFF) | marks).astype(np.uint16)


def in_buckets(begin_ns: I8, width_ns: int, force: "InForce") -> Buckets:
    """What a tag did in buckets that begin at `begin_ns`, ascending, and are `width_ns` long."""
    at_ns, until_ns, value, quality = force.at_ns, force.until_ns, force.value, force.quality
    if not len(at_ns) or not len(begin_ns):
        return nothing(begin_ns)
    end_ns = begin_ns + width_ns
    since, before = np.searchsorted(at_ns, begin_ns, "left"), np.searchsorted(at_ns, end_ns, "left")
    # what a bucket began with is one more piece of it, unless a point came just then
    carried = np.maximum(since - 1, 0)
    fresh = (since < before) & (at_ns[np.minimum(since, len(at_ns) - 1)] == begin_ns)
    carries = (since > 0) & (until_ns[carried] > begin_ns) & ~fresh
    pieces = before - since + carries
    full = np.flatnonzero(pieces)
    out = nothing(begin_ns)
    if not len(full):
        return out
    start = np.concatenate(([0], np.cumsum(pieces[full])[:-1]))
    bucket = np.repeat(full, pieces[full])
    within = np.arange(len(bucket)) - np.repeat(start, pieces[full])
    row = since[bucket] + within - carries[bucket]
    v = value[row]
    for_ns = np.minimum(until_ns[row], end_ns[bucket]) - np.maximum(at_ns[row], begin_ns[bucket])
    for_ns = np.maximum(for_ns, 0)
    known = ~np.isnan(v)
    weight = np.where(known, for_ns, 0)
    some = np.logical_or.reduceat(known, start)
    out.low[full] = np.where(some, np.minimum.reduceat(np.where(known, v, np.inf), start), np.nan)
    out.high[full] = np.where(some, np.maximum.reduceat(np.where(known, v, -np.inf), start), np.nan)
    known_ns = np.add.reduceat(weight, start)
    # a point that was replaced at once was there all the same: where no time is known, all known points count alike
    share = np.where(np.repeat(known_ns > 0, pieces[full]), weight, known).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        share /= np.repeat(np.maximum(np.add.reduceat(share, start), 1e-300), pieces[full])
        out.mean[full] = np.where(some, np.add.reduceat(np.where(share > 0, v * share, 0.0), start), np.nan)
    out.first[full] = v[start]
    out.last[full] = v[start + pieces[full] - 1]
    out.known_ns[full] = known_ns
    out.count[full] = np.add.reduceat(force.is_point[row] & (at_ns[row] >= begin_ns[bucket]), start, dtype=np.int64)
    out.quality[full] = worst(quality[row], start)
    out.told[full] = True
    return out


def merged(parts: Buckets, begin_ns: I8) -> Buckets:
    """One bucket for each of `begin_ns`, ascending, from `parts`: each belongs to the last that begins at or before it.

    Parts stand in the order of time; those before the first are left out.
    """
    return merged_each(parts, None, begin_ns, None, 1)


def merged_each(parts: Buckets, owner: I8 | None, begin_ns: I8, end_ns: int | None, owners: int) -> Buckets:
    """The same of many who own `parts`, ascending: the buckets of one behind those of the other.

    Parts that begin at `end_ns` or later are left out.
    """
    out = nothing(np.tile(begin_ns, owners) if owners > 1 else begin_ns)
    target = np.searchsorted(begin_ns, parts.begin_ns, "right") - 1
    inside = (target >= 0) & parts.told
    if end_ns is not None:
        inside &= parts.begin_ns < end_ns
    if owner is not None:
        target += owner * len(begin_ns)
    if not inside.all():
        parts, target = parts.pick(inside), target[inside]
    if not len(target):
        return out
    if (target[1:] < target[:-1]).any():
        order = np.argsort(target, kind="stable")
        parts, target = parts.pick(order), target[order]
    start = np.flatnonzero(np.concatenate(([True], target[1:] != target[:-1])))
    full = target[start]
    pieces = np.diff(np.append(start, len(target)))
    known = ~np.isnan(parts.low)
    some: npt.NDArray[np.bool_] | bool = True
    low, high = parts.low, parts.high
    if not known.all():
        some = np.logical_or.reduceat(known, start)
        low, high = np.where(known, low, np.inf), np.where(known, high, -np.inf)
    out.low[full] = np.where(some, np.minimum.reduceat(low, start), np.nan)
    out.high[full] = np.where(some, np.maximum.reduceat(high, start), np.nan)
    known_ns = np.add.reduceat(parts.known_ns, start)
    share = parts.known_ns.astype(np.float64)
    if not known_ns.all():
        share = np.where(np.repeat(known_ns > 0, pieces), share, known)
    with np.errstate(invalid="ignore", over="ignore"):
        share /= np.repeat(np.maximum(np.add.reduceat(share, start), 1e-300), pieces)
        out.mean[full] = np.where(some, np.add.reduceat(np.where(share > 0, parts.mean * share, 0.0), start), np.nan)
    out.first[full] = parts.first[start]
    out.last[full] = parts.last[start + pieces - 1]
    out.known_ns[full] = known_ns
    out.count[full] = np.add.reduceat(parts.count, start)
    out.quality[full] = worst(parts.quality, start)
    out.told[full] = True
    return out
