"""What many tags did, found among the rows of the log and encoded for all of them at once.

`gathering.points_in`, `gathering.closing` and `chunk.encode_points` say what that is for one tag; here a group of tags
takes the same steps together, since a plant of ten thousand tags has no time for ten thousand of each.

Rules of the file: pure; the same points and the same bytes as tag by tag.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.history.files.chunk import (
    SOURCE_STEPS_NS,
    U2,
    WORD,
    ChunkKind,
    Layout,
    Opening,
    Points,
    Scans,
    encode_chunk,
    pack_runs,
    points_head,
)
from plantctl.history.files.many_columns import Cuts, cuts_of, pack_values_each, pack_whole_each
from plantctl.history.files.numbers import ALL, F8, I8
from plantctl.log.row_columns import has_times, in_order
from plantctl.log.rows import Stretch

# A slice encodes so many points, where a tag costs as much as so many more: some 2 ms.
SLICE_COST: Final = 25_000
SLICE_TAG: Final = 300
# What stands before the points of a tag that is not thinned: without qualities or with, without times or with.
_HEADS: Final = [[points_head(False, 0.0, runs, times) for times in (False, True)] for runs in (False, True)]


@dataclass(frozen=True, slots=True)
class ManyPoints:
    """The points of tags, the columns of `Points` one tag behind the other as `cuts` says; no tag without any."""

    tag: I8
    cuts: Cuts
    scan: I8
    value: F8
    quality: U2
    source_ns: I8

    def one(self, at: int) -> Points:
        """The points of the tag at that place."""
        begin = int(self.cuts.start[at])
        rows = slice(begin, begin + int(self.cuts.number[at]))
        return Points(self.scan[rows], self.value[rows], self.quality[rows], self.source_ns[rows])

    def pick(self, which: npt.NDArray[np.intp]) -> "ManyPoints":
        """Those of some tags, by their places in ascending order."""
        if len(which) == len(self.tag):
            return self
        rows = self.cuts.rows(which)
        columns = (self.scan[rows], self.value[rows], self.quality[rows], self.source_ns[rows])
        return ManyPoints(self.tag[which], cuts_of(self.cuts.number[which]), *columns)


def points_of_each(rows: Stretch, holes: I8, before: Opening) -> ManyPoints:
    """The points among rows that are sorted by tag, then by time; `before` was in force at the beginning."""
    tag, scan, bits, quality, source_ns = rows.tag, rows.scan, rows.value.view(np.int64), rows.quality, rows.source_ns
    begins = np.empty(len(rows), np.bool_)
    begins[:1] = True
    np.not_equal(tag[1:], tag[:-1], out=begins[1:])
    new = begins.copy()
    for column in (bits, quality, source_ns) if has_times(source_ns) else (bits, quality):
        new[1:] |= column[1:] != column[:-1]
    first = np.flatnonzero(begins)
    known = np.ones(len(first), np.bool_)
    if len(holes):
        if holes[-1] > 0:  # else all is behind the one hole
            epoch = np.searchsorted(holes, scan, "right")
            new[1:] |= epoch[1:] != epoch[:-1]
        known = scan[first] < holes[0]
    if len(before.tag) and len(first):
        there = np.minimum(np.searchsorted(before.tag, tag[first].astype(np.int64)), len(before.tag) - 1)
        same = known & (before.tag[there] == tag[first]) & (before.value.view(np.int64)[there] == bits[first])
        same &= (before.quality[there] == quality[first]) & (before.source_ns[there] == source_ns[first])
        new[first] = ~same
    count = np.add.reduceat(new, first, dtype=np.int64) if len(first) else np.zeros(0, np.int64)
    told = np.flatnonzero(count)
    kept = np.flatnonzero(new)
    return ManyPoints(
        tag[first[told]].astype(np.int64),
        cuts_of(count[told]),
        scan.take(kept),
        rows.value.take(kept),
        quality.take(kept),
        in_order(source_ns, kept),
    )


def ends_of_each(points: ManyPoints, scans: Scans) -> Opening:
    """The last point of each tag, where nothing was missing after it."""
    last = points.cuts.start + points.cuts.number - 1
    known = points.scan[last] >= (int(scans.holes[-1]) if len(scans.holes) else 0)
    last = last[known]
    return Opening(
        points.tag[known],
        scans.utc_ns[points.scan[last]],
        points.value[last],
        points.quality[last],
        points.source_ns[last],
    )


def encode_points_each(points: ManyPoints, utc_ns: I8) -> Iterator[list[bytes]]:
    """The chunk of each tag's points, in the order of the tags; `utc_ns` are the times of the scans.

    Some at a time, since what is packed for all in a moment takes longer to deflate.
    """
    if not len(points.tag):
        return
    cuts = points.cuts
    scans = pack_whole_each(points.scan, cuts, 1, short=True)
    yield []
    values = pack_values_each(points.value, cuts, short=True)
    yield []
    runs, times = _pack_runs_each(points.quality, cuts), _pack_times_each(points, utc_ns)
    columns = list(zip(points.tag.tolist(), cuts.number.tolist(), scans, values, runs, times, strict=True))
    yield []
    cost = np.cumsum(cuts.number + SLICE_TAG)
    ends = cost.searchsorted(np.arange(SLICE_COST, int(cost[-1]), SLICE_COST), "right")
    edges = sorted({0, *ends.tolist(), len(columns)})
    for begin, end in pairwise(edges):
        yield [_chunk(*column) for column in columns[begin:end]]


def _chunk(tag: int, count: int, scans: bytes, values: bytes, runs: bytes, times: bytes) -> bytes:
    head = _HEADS[len(runs) > WORD.size][bool(times)]
    return encode_chunk(ChunkKind.POINTS, tag, count, b"".join((head, scans, values, runs, times)), Layout.SHORT)


def _pack_runs_each(quality: U2, cuts: Cuts) -> list[bytes]:
    """`pack_runs` of each column; mostly it is one run."""
    moves = np.zeros(len(quality), np.bool_)
    np.not_equal(quality[1:], quality[:-1], out=moves[1:])
    moves[cuts.start] = False
    packed = [WORD.pack(word) for word in quality[cuts.start].tolist()]
    if not moves.any():
        return packed
    for tag in np.flatnonzero(np.logical_or.reduceat(moves, cuts.start)).tolist():
        begin = int(cuts.start[tag])
        packed[tag] = pack_runs(quality[begin : begin + int(cuts.number[tag])])
    return packed


def _pack_times_each(points: ManyPoints, utc_ns: I8) -> list[bytes]:
    """`pack_times` of each column, in the coarsest steps that all of one column are multiples of."""
    times_ns, cuts = points.source_ns, points.cuts
    packed = [b""] * len(cuts.start)
    if not has_times(times_ns) or not times_ns.any():
        return packed
    scanned_ns = utc_ns.take(points.scan)
    left = np.flatnonzero(np.logical_or.reduceat(times_ns != 0, cuts.start))
    for number, step_ns in enumerate(SOURCE_STEPS_NS):
        if not len(left):
            break
        rows: slice | npt.NDArray[np.intp] = ALL if len(left) == len(cuts.start) else cuts.rows(left)
        times, part = times_ns[rows], cuts_of(cuts.number[left])
        steps = times // step_ns
        odd = np.logical_or.reduceat(steps * step_ns != times, part.start)
        fits = np.flatnonzero(~odd)
        if len(fits):
            late = steps - scanned_ns[rows] // step_ns
            some = late if len(fits) == len(left) else late[part.rows(fits)]
            own = cuts_of(part.number[fits])
            for tag, column in zip(left[fits].tolist(), pack_whole_each(some, own, short=True), strict=True):
                packed[tag] = bytes((number,)) + column
        left = left[odd]
    return packed
