"""The minutes of many tags, made and encoded for all of them at once.

`gathering.in_force`, `minutes.minutes_of` and `minutes.encode_minutes` say what minutes are. Here the tags of a group
stand one behind the other on one line of time, each some minutes after the end of the one before, so that what is made
of one tag is made of all.

Rules of the file: pure; the same bytes as tag by tag.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.history.files.buckets import Buckets, InForce, in_buckets
from plantctl.history.files.chunk import ChunkKind, Layout, Opening, Scans, encode_chunk
from plantctl.history.files.many_columns import Cuts, cuts_of, pack_values_each, pack_whole_each
from plantctl.history.files.many_points import ManyPoints
from plantctl.history.files.minutes import MINUTE_NS, encode_minutes, minutes_of, rounded_means
from plantctl.history.files.numbers import I8
from plantctl.history.reading.gathering import in_force
from plantctl.history.reading.states import state_in

# A line of time longer than this is none: the clock was set by centuries, or there are too many tags.
_LINE_NS: Final = 1 << 61


def encode_minutes_each(points: ManyPoints, which: npt.NDArray[np.intp], scans: Scans, before: Opening) -> list[bytes]:
    """The chunk of minutes of each of some tags, by their places in `points`; `before` was in force at first."""
    if not len(which):
        return []
    low_ns = min(scans.begin_ns, int(scans.utc_ns.min())) // MINUTE_NS * MINUTE_NS
    period_ns = (int(scans.utc_ns.max()) - low_ns) // MINUTE_NS * MINUTE_NS + 2 * MINUTE_NS
    tags = points.tag[which]
    if not (abs(low_ns) < _LINE_NS and period_ns * len(which) < _LINE_NS):
        found = [minutes_of(in_force(points.one(k), scans, state_in(before, int(points.tag[k])))) for k in which]
        return [encode_minutes(tag, minutes) for tag, minutes in zip(tags.tolist(), found, strict=True)]
    line = np.arange(len(which)) * period_ns - low_ns
    force, cuts = _in_force(points, which, scans, before, line)
    last = cuts.start + cuts.number - 1
    first = force.at_ns[cuts.start] // MINUTE_NS
    number = np.maximum(force.at_ns[last], force.until_ns[last]) // MINUTE_NS - first + 1
    each = cuts_of(number)
    begin_ns = (np.repeat(first - each.start, number) + np.arange(len(each.owner))) * MINUTE_NS
    found_all = in_buckets(begin_ns, MINUTE_NS, force)
    owner = each.owner[found_all.told]
    found_all = found_all.pick(found_all.told)
    return encode_each(tags, found_all, found_all.begin_ns // MINUTE_NS - line[owner] // MINUTE_NS, owner)


def _in_force(
    points: ManyPoints, which: npt.NDArray[np.intp], scans: Scans, before: Opening, line: I8
) -> tuple[InForce, Cuts]:
    """`gathering.in_force` of the tags behind each other, the time of each moved by its place on the `line`."""
    rows, cuts = points.cuts.rows(which), cuts_of(points.cuts.number[which])
    scan, value, quality = points.scan[rows], points.value[rows], points.quality[rows]
    at_ns = scans.utc_ns[scan]
    is_point = np.ones(len(scan), np.bool_)
    if len(before.tag) and not (len(scans.holes) and scans.holes[0] == 0):
        there = np.minimum(before.tag.searchsorted(points.tag[which]), len(before.tag) - 1)
        known = before.tag[there] == points.tag[which]
        place, there = cuts.start[known], there[known]
        at_ns = np.insert(at_ns, place, scans.begin_ns)
        scan, is_point = np.insert(scan, place, -1), np.insert(is_point, place, False)
        value = np.insert(value.view(np.int64), place, before.value.view(np.int64)[there]).view(np.float64)
        quality = np.insert(quality, place, before.quality[there])
        cuts = cuts_of(cuts.number + known)
    last = cuts.start + cuts.number - 1
    move = line[cuts.owner]
    at_ns = np.maximum.accumulate(at_ns + move)
    until_ns, next_scan = np.append(at_ns[1:], 0), np.append(scan[1:], 0)
    until_ns[last] = np.maximum(scans.utc_ns[-1] + line, at_ns[last])
    next_scan[last] = len(scans.utc_ns)
    if len(scans.holes):
        next_hole = np.append(scans.holes, len(scans.utc_ns))[np.searchsorted(scans.holes, scan, "right")]
        broken_ns = np.clip(scans.utc_ns[next_hole - 1] + move, at_ns, until_ns)
        until_ns = np.where(next_scan >= next_hole, broken_ns, until_ns)
    return InForce(at_ns, until_ns, at_ns, value, quality, scan, is_point), cuts


def encode_each(tags: I8, minutes: Buckets, number: I8, owner: I8, kind: ChunkKind = ChunkKind.MINUTES) -> list[bytes]:
    """The chunks of minutes, or longer spans, that stand behind each other; every tag has one at least.

    `number` tells which one each is since 1970, `owner` of which of the `tags`.
    """
    cuts = cuts_of(np.bincount(owner, minlength=len(tags)))
    columns = zip(
        tags.tolist(),
        cuts.number.tolist(),
        pack_whole_each(number, cuts, 1, short=True),
        pack_values_each(minutes.low, cuts, short=True),
        pack_values_each(minutes.high, cuts, short=True),
        pack_values_each(rounded_means(minutes.mean), cuts, short=True),
        pack_values_each(minutes.first, cuts, short=True),
        pack_values_each(minutes.last, cuts, short=True),
        pack_whole_each(minutes.known_ns, cuts, short=True),
        pack_whole_each(minutes.count, cuts, short=True),
        pack_whole_each(minutes.quality.astype(np.int64), cuts, short=True),
        strict=True,
    )
    return [encode_chunk(kind, tag, rows, b"".join(data), Layout.SHORT) for tag, rows, *data in columns]
