"""Gathers what the log told, and says of a tag what it did: the record before it is sealed.

The recorder gathers what it will seal; whoever reads history gathers what is not sealed yet. Both see the same.

A point is a row whose value, quality or source time differs, by bits, from what was in force; behind a hole in the
record the first row is a point whatever it says. Rules of the file: pure; the clock may go back, `in_force` then holds
times still until it has caught up, points keep their own.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.history.files.buckets import InForce
from plantctl.history.files.chunk import Points, Scans
from plantctl.history.files.numbers import ALL, I8
from plantctl.history.reading.lines import drawn
from plantctl.log.row_columns import has_times, no_times
from plantctl.log.rows import U4, Stretch, by_tag

# So many stretches of fewer rows are put together, so that a tag is looked up in few places; none takes long to sort.
SMALL_MAX = 24
PART_ROWS = 32_768
WIDTH_SCANS = 4
# Ids mostly lie near each other. Within such a span they are ticked off in a list, sooner than sorted.
SPAN_MAX = 1 << 20


class State(NamedTuple):
    """What is in force of a tag: since when in UTC, value, quality, the device's time."""

    utc_ns: int
    value: float
    quality: int
    source_ns: int


class Gathering:
    """What the log told from some frame on. `begin_ns` is UTC since when what came before still holds."""

    def __init__(self, begin_ns: int | None = None) -> None:
        self.begin_ns = begin_ns
        self.rows = 0
        self.width = 0  # the most tags in one of the first stretches, which mostly begin with all of them
        self.first_sequence = 0
        self.last_sequence = 0
        self.plan_hash = 0
        self.kept: list[tuple[int, bytes]] = []
        self._utc_ns: list[I8] = []
        self._holes: list[int] = []
        self._scans = 0
        self._parts: list[Stretch] = []
        self._known: Scans | None = None

    def add(self, stretch: Stretch) -> None:
        """Takes the next stretch of the log."""
        self.first_sequence = self.first_sequence or stretch.first_sequence
        self.last_sequence = stretch.last_sequence
        self.plan_hash = stretch.plan_hash
        self.kept += stretch.kept
        self._holes += (np.flatnonzero(stretch.hole) + self._scans).tolist()
        self._utc_ns.append(stretch.utc_ns)
        self.rows += len(stretch)
        if self._scans < WIDTH_SCANS:
            self.width = max(self.width, len(_distinct(stretch.tag)))
        none = stretch.utc_ns[:0]  # the frames are kept here, for all
        part = replace(stretch, scan=stretch.scan + self._scans, utc_ns=none, hole=stretch.hole[:0], kept=[])
        self._scans += len(stretch.utc_ns)
        self._known = None
        self._parts.append(part)
        self._merge()

    def _merge(self) -> None:
        """Puts the small stretches at the end together, once they are many."""
        keep = len(self._parts)
        while keep and len(self._parts[keep - 1]) < PART_ROWS:
            keep -= 1
        if len(self._parts) - keep > SMALL_MAX:
            self._parts[keep:] = [_together([(part, ALL) for part in self._parts[keep:]])]

    def scans(self) -> Scans:
        """The times of the scans, and where the record has holes."""
        if self._known is None:
            utc_ns = np.concatenate(self._utc_ns) if self._utc_ns else np.zeros(0, np.int64)
            self._utc_ns = [utc_ns]
            holes = np.array(self._holes, np.int64)
            first_ns = int(utc_ns[0]) if len(utc_ns) else 0
            begins = self.begin_ns is not None and not (len(holes) and holes[0] == 0)
            self._known = Scans(self.begin_ns if begins and self.begin_ns is not None else first_ns, utc_ns, holes)
        return self._known

    def span_ns(self) -> int:
        """How much time the record covers, by its first and last scan."""
        if not self._scans:
            return 0
        utc_ns = self.scans().utc_ns
        return int(utc_ns[-1]) - int(utc_ns[0])

    def tags(self) -> I8:
        """The tags of which anything is told, ascending."""
        found = [_distinct(part.tag) for part in self._parts if len(part)]
        if not found:
            return np.zeros(0, np.int64)
        low, high = min(int(each[0]) for each in found), max(int(each[-1]) for each in found)
        if high - low >= SPAN_MAX:
            return _distinct(np.sort(np.concatenate(found))).astype(np.int64)
        told = np.zeros(high - low + 1, np.bool_)
        for each in found:
            told[each - np.uint32(low)] = True
        return np.flatnonzero(told) + low

    def rows_of(self, first: int, last: int) -> Stretch | None:
        """The rows of the tags from `first` to `last`, sorted by tag and then by time; None where there are none."""
        found = []
        for part in self._parts:
            # a key of the column's own type: else numpy makes another column first
            low = int(part.tag.searchsorted(np.uint32(first)))
            high = int(part.tag.searchsorted(np.uint32(last), "right"))
            if high > low:
                found.append((part, slice(low, high)))
        if not found:
            return None
        return cut(*found[0]) if len(found) == 1 else _together(found)

    def groups_of(self, tags: I8, size: int) -> Iterator[Stretch]:
        """All rows in groups of so many neighbours among `tags`, which are all, each as `rows_of` gives it."""
        edges = tags[::size].astype(np.uint32)
        places = [[*part.tag.searchsorted(edges).tolist(), len(part)] for part in self._parts]
        for k in range(len(edges)):
            rows = zip(self._parts, places, strict=True)
            found = [(part, slice(at[k], at[k + 1])) for part, at in rows if at[k + 1] > at[k]]
            yield cut(*found[0]) if len(found) == 1 else _together(found)

    def points(self, tag: int, before: State | None) -> Points:
        """What one tag did, `before` being in force at the beginning."""
        rows = self.rows_of(tag, tag)
        if rows is None:
            none = np.zeros(0, np.int64)
            return Points(none, np.zeros(0), np.zeros(0, np.uint16), none)
        return points_in(rows, self.scans().holes, before)


def cut(part: Stretch, rows: slice) -> Stretch:
    """Some of the rows."""
    return replace(
        part,
        tag=part.tag[rows],
        scan=part.scan[rows],
        value=part.value[rows],
        quality=part.quality[rows],
        source_ns=part.source_ns[rows],
    )


def _distinct(column: U4) -> U4:
    """The numbers in a sorted column. (`np.unique` loads numpy's masked arrays first, a third of a second.)"""
    new = np.ones(len(column), np.bool_)
    np.not_equal(column[1:], column[:-1], out=new[1:])
    return column.take(np.flatnonzero(new))


def _together(parts: list[tuple[Stretch, slice]]) -> Stretch:
    """Rows of stretches in the order of time as one stretch, sorted by tag again."""
    tag = np.concatenate([p.tag[rows] for p, rows in parts])
    order = by_tag(tag)
    timed = any(has_times(p.source_ns) for p, _ in parts)
    times = np.concatenate([p.source_ns[rows] for p, rows in parts]) if timed else None
    return replace(
        parts[0][0],
        tag=tag.take(order),
        scan=np.concatenate([p.scan[rows] for p, rows in parts]).take(order),
        value=np.concatenate([p.value[rows] for p, rows in parts]).take(order),
        quality=np.concatenate([p.quality[rows] for p, rows in parts]).take(order),
        source_ns=times.take(order) if times is not None else no_times(len(order)),
    )


def points_in(rows: Stretch, holes: I8, before: State | None) -> Points:
    """The points among the rows of one tag."""
    bits = rows.value.view(np.int64)
    new = np.empty(len(rows), np.bool_)
    new[1:] = (
        (bits[1:] != bits[:-1]) | (rows.quality[1:] != rows.quality[:-1]) | (rows.source_ns[1:] != rows.source_ns[:-1])
    )
    new[0] = True
    epoch = np.searchsorted(holes, rows.scan, "right") if len(holes) else None
    if epoch is not None:
        new[1:] |= epoch[1:] != epoch[:-1]
    if before is not None and (epoch is None or epoch[0] == 0):
        same = np.array(before.value).view(np.int64) == bits[0] and before.quality == rows.quality[0]
        new[0] = not (same and before.source_ns == rows.source_ns[0])
    return Points(rows.scan[new], rows.value[new], rows.quality[new], rows.source_ns[new])


def in_force(points: Points, scans: Scans, before: State | None) -> InForce:
    """What was in force when, in a part of the record before which `before` was."""
    if points.line and len(points):
        points, is_drawn_point, line = drawn(points, scans)
        force = in_force(replace(points, line=False), scans, before)
        first = len(force) - len(points)
        force.is_point[first:] = is_drawn_point
        line = np.concatenate((np.zeros(first, np.bool_), line))
        return replace(force, orderly=False, line=line)
    # the row of the first point: 1 where what was in force already stands before it
    first = int(before is not None and not (len(scans.holes) and scans.holes[0] == 0))
    utc_ns, value, quality, source_ns = scans.utc_ns.take(points.scan), points.value, points.quality, points.source_ns
    at_ns, scan = utc_ns, points.scan
    is_point = np.empty(len(points) + first, np.bool_)
    is_point.fill(True)
    if first:
        assert before is not None
        at_ns, utc_ns = _behind(scans.begin_ns, utc_ns), _behind(before.utc_ns, utc_ns)
        scan, value = _behind(-1, scan), _behind(before.value, value)
        quality, source_ns = _behind(before.quality, quality), _behind(before.source_ns, source_ns)
        is_point[0] = False
    if not scans.ascend:
        at_ns = np.maximum.accumulate(at_ns)
    end_ns = max(int(scans.utc_ns[-1]), int(at_ns[-1])) if len(at_ns) else 0
    until_ns = np.empty_like(at_ns)
    until_ns[:-1] = at_ns[1:]
    until_ns[-1:] = end_ns
    if len(scans.holes) and len(at_ns) and scans.holes[-1] > scan[0]:
        # the first hole behind each row: if the next row is not before it, the row held until the scan before the hole
        hole = np.searchsorted(scans.holes, scan, "right")
        next_hole = np.append(scans.holes, len(scans.utc_ns))[hole]
        ends = np.append(scan[1:], len(scans.utc_ns)) >= next_hole
        until_ns = np.where(ends, np.clip(scans.utc_ns[next_hole - 1], at_ns, until_ns), until_ns)
    return InForce(at_ns, until_ns, utc_ns, value, quality, source_ns, is_point, scans.ascend, off_by=points.off_by)


def _behind(first: Any, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column behind one more number."""
    found = np.empty(len(column) + 1, column.dtype)
    found[0] = first
    found[1:] = column
    return found


def closing(points: Points, scans: Scans, before: State | None) -> State | None:
    """What is in force at the end of a part of the record; None where that is not known."""
    end = int(scans.holes[-1]) if len(scans.holes) else -1
    if len(points) and int(points.scan[-1]) >= end:
        last = int(points.scan[-1])
        return State(
            int(scans.utc_ns[last]), float(points.value[-1]), int(points.quality[-1]), int(points.source_ns[-1])
        )
    return before if end < 0 else None
