"""Puts late values where they belong: among the points that the scans told, each at the time that it is of.

A late value is a point as any other: it holds until the tag's next one, late or not, also through a time in which
nobody looked at the plant; and where it is of the time of a point, it stands in its place. So the answer is the same
whenever it came. Of a laboratory tag only late values count.

Minutes and quarters of an hour that were kept know nothing of late values. Where one is, and where it ended, they are
made anew from points; where it held all through, they are it.

Rules of the file: pure.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.history.files.buckets import Buckets, InForce
from plantctl.history.files.numbers import I8
from plantctl.history.reading.late_index import LateOf

_COLUMNS: Final = ("at_ns", "until_ns", "utc_ns", "value", "quality", "source_ns", "is_point")


def overlaid(force: InForce, late: LateOf, first: int, last: int, newest_ns: int) -> InForce:
    """What was in force with the late values `first` to `last` (excluded) of a tag put in.

    `newest_ns` is the end of the record: until then the last value holds.
    """
    at_ns, value, quality = late.utc_ns[first:last], late.value[first:last], late.quality[first:last]
    if not len(at_ns):
        return force
    if force.line is not None:  # a late value cuts a line: then each scan's value on it stands for itself
        force = replace(force, is_point=force.is_point | (force.utc_ns == force.at_ns), line=None)
    kept = _not_replaced(force, at_ns)
    count = len(at_ns)
    order = np.argsort(np.concatenate((force.at_ns[kept], at_ns)), kind="stable")
    begins = np.concatenate((force.at_ns[kept], at_ns))[order]
    following = np.append(begins[1:], max(int(begins[-1]), newest_ns))
    own_end = np.concatenate((force.until_ns[kept], np.full(count, np.iinfo(np.int64).max)))[order]
    until_ns = np.minimum(own_end, following)
    # the last scan before the end of the record may be older than a point before it
    until_ns = np.maximum(until_ns, begins)
    return InForce(
        begins,
        until_ns,
        np.concatenate((force.utc_ns[kept], at_ns))[order],
        np.concatenate((force.value[kept], value))[order],
        np.concatenate((force.quality[kept], quality))[order],
        np.concatenate((force.source_ns[kept], at_ns))[order],
        np.concatenate((force.is_point[kept], np.ones(count, np.bool_)))[order],
        off_by=force.off_by,
    )


def around(force: InForce, start_ns: int, end_ns: int) -> InForce:
    """What tells of a span, and the first row behind it; all where the rows are not in order."""
    if not force.orderly or force.line is not None:
        return force
    first = max(0, int(force.at_ns.searchsorted(start_ns, "right")) - 1)
    rows = slice(first, int(force.at_ns.searchsorted(end_ns)) + 1)
    return replace(force, **{name: getattr(force, name)[rows] for name in _COLUMNS})


def windows_of(units: I8, close: int) -> list[tuple[int, int]]:
    """Runs of ascending numbers of minutes or quarters, `close` to each other: the first of each and the one behind."""
    runs = np.split(units, np.flatnonzero(np.diff(units) > close) + 1)
    return [(int(run[0]), int(run[-1]) + 1) for run in runs if len(run)]


def ends_of(begin: I8, kept: Buckets, of: I8, beyond: int, width_ns: int) -> I8:
    """Up to which minute or quarter each late value that outlived the one that it is of was in force.

    It held until the tag's next point: in the next minute of which one was `kept`, or `of` the next late value, or in
    `beyond`, the last that the record tells of.
    """
    moved = np.sort(kept.begin_ns[kept.told & (kept.count > 0)]) // width_ns
    after = np.append(moved, np.iinfo(np.int64).max)[np.searchsorted(moved, begin, "right")]
    late = np.append(of, beyond)[np.searchsorted(of, begin, "right")]
    found: I8 = np.maximum(begin, np.minimum(np.minimum(after, late), beyond))
    return found


def holding(late: LateOf, begin: I8, end: I8, width_ns: int) -> Buckets:
    """The minutes or quarters between those of `begin` and of `end`, in which nothing but a late value was in force."""
    count = np.maximum(end - begin - 1, 0)
    of = np.repeat(np.arange(len(begin)), count)
    place = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    value = late.value[of]
    none, told = np.zeros(len(of), np.int64), np.ones(len(of), np.bool_)
    known_ns = np.where(np.isnan(value), 0, width_ns)
    begin_ns = (begin[of] + 1 + place) * width_ns
    return Buckets(begin_ns, value, value, value, value, value, known_ns, none, late.quality[of], told)


def _not_replaced(force: InForce, late_ns: I8) -> npt.NDArray[np.bool_]:
    """The rows that stay: not a point at the very time of a late one, nor one carried on over a late one."""
    before = np.searchsorted(late_ns, force.at_ns, "right")
    newest = late_ns[np.maximum(before - 1, 0)]
    same = (before > 0) & (newest == force.at_ns) & force.is_point & (force.utc_ns == force.at_ns)
    carried = (before > 0) & (newest >= force.utc_ns) & ~force.is_point
    kept: npt.NDArray[np.bool_] = ~(same | carried)
    return kept
