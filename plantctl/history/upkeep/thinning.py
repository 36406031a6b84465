"""Thins what one tag did before it is sealed, as its policy allows: fewer points, never further off than was said.

    dead-band       a point is kept when it leaves the band around the last one kept; in between the value holds
    swinging door   a point is kept when the straight line past it would leave a scanned value by more than was allowed;
                    in between it went straight (`lines`). A value that rested counts at each scan in which it rested

Kept in any case: a change of quality, of a number to none and back, the first point behind a hole in the record, the
last one of a file (so that sealing goes on from what was really in force, wherever a file ends), and the first that
comes so long after the last one kept as the policy says at least. Points that differ by the device's time alone go.

Rules of the file: pure. Source: E. Bristol, Swinging door trending, ISA National Conference 1990, here with lines that
end in scanned values, so that the tolerance is kept at every scan and not by the corridor alone.
"""

import math
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.recording import Keep, Recording
from plantctl.history.files.chunk import Points, Scans
from plantctl.history.files.numbers import I8
from plantctl.history.reading.gathering import State
from plantctl.history.reading.lines import Flags, on_line, straight

# The scan of what was in force before the first.
BEFORE_ALL: Final = -1


def thinned(
    points: Points, scans: Scans, before: State | None, policy: Recording, from_scan: int = BEFORE_ALL
) -> Points:
    """What is kept of the points of one tag, `before` being in force at the beginning; of one or more, one at least.

    Long columns may be thinned in pieces, what is kept of them put together: then `before` is the last point of the
    piece before, and `from_scan` its scan.

    Of a file whose clock was set back a swinging door keeps all.
    """
    if policy.keep is Keep.SWINGING_DOOR:
        return _by_lines(points, scans, before, policy, from_scan) if scans.ascend else points
    return _by_band(points, scans, before, policy, from_scan)


def _breaks(points: Points, scans: Scans) -> Flags:
    """Which points are no sequel of the one before: the first, and those of another quality or behind a hole."""
    found = np.ones(len(points), np.bool_)
    finite = np.isfinite(points.value)
    found[1:] = ~finite[1:] | ~finite[:-1] | (points.quality[1:] != points.quality[:-1])
    if len(scans.holes):
        epoch = np.searchsorted(scans.holes, points.scan, "right")
        found[1:] |= epoch[1:] != epoch[:-1]
    return found


def together(pieces: list[Points]) -> Points:
    """What was kept of the pieces of a column, one at least, as one."""
    return replace(
        pieces[0],
        scan=np.concatenate([p.scan for p in pieces]),
        value=np.concatenate([p.value for p in pieces]),
        quality=np.concatenate([p.quality for p in pieces]),
        source_ns=np.concatenate([p.source_ns for p in pieces]),
    )


def rows_of(points: Points, rows: slice | npt.NDArray[np.intp] | Flags) -> Points:
    """Some of the points."""
    return replace(
        points,
        scan=points.scan[rows],
        value=points.value[rows],
        quality=points.quality[rows],
        source_ns=points.source_ns[rows],
    )


# ------------------------------------------------------------------------------------------------ dead-band


def _by_band(points: Points, scans: Scans, before: State | None, policy: Recording, from_scan: int) -> Points:
    keep = _breaks(points, scans)
    known = not ((scans.holes > from_scan) & (scans.holes <= points.scan[0])).any()
    held, held_ns = 0.0, 0
    if before is not None and known and before.quality == points.quality[0] and np.isfinite(before.value):
        keep[0] = not np.isfinite(points.value[0])
        held, held_ns = before.value, before.utc_ns
    keep[-1] = True
    band, most_ns = policy.off_by, policy.at_least_ns or 1 << 63
    kept = keep.tolist()
    rows = zip(points.value.tolist(), scans.utc_ns[points.scan].tolist(), strict=True)
    for row, (value, utc_ns) in enumerate(rows):
        if kept[row] or not abs(value - held) <= band or not 0 <= utc_ns - held_ns < most_ns:
            kept[row] = True
            held, held_ns = value, utc_ns
    return replace(rows_of(points, np.array(kept, np.bool_)), off_by=band)


# ------------------------------------------------------------------------------------------------ swinging door


def _by_lines(points: Points, scans: Scans, before: State | None, policy: Recording, from_scan: int) -> Points:
    samples, breaks = _rested(points, scans, before, from_scan)
    utc_ns = scans.utc_ns[samples.scan]
    kept = np.array(_doors(samples.value.tolist(), utc_ns.tolist(), breaks.tolist(), policy), np.bool_)
    found = _off(samples, utc_ns, kept, scans, policy.off_by)
    while found.any():  # by the last bits, where the numbers are large beside what they may be off
        kept |= found
        found = _off(samples, utc_ns, kept, scans, policy.off_by)
    return replace(rows_of(samples, kept), line=True, off_by=policy.off_by)


def _rested(points: Points, scans: Scans, before: State | None, from_scan: int) -> tuple[Points, Flags]:
    """The points, with one more before each that came after the value had rested: the last scan in which it did.

    Beside them where no line may come from what stands before.
    """
    utc_ns = scans.utc_ns[points.scan]
    # the last scan of another time: two frames of one scan are one
    rest = np.searchsorted(scans.utc_ns, utc_ns, "left") - 1
    last = np.concatenate(([from_scan], points.scan[:-1]))
    if len(scans.holes):
        epoch = np.searchsorted(scans.holes, points.scan, "right")
        begins = np.concatenate(([0], scans.holes))[epoch]
        same = np.concatenate(([np.searchsorted(scans.holes, from_scan, "right")], epoch[:-1])) == epoch
        rest = np.where(same & (rest >= begins), rest, -1)
    wanted = rest > last
    value, quality, source_ns = (
        np.concatenate((c[:1], c[:-1])) for c in (points.value, points.quality, points.source_ns)
    )
    if before is None:
        wanted[0] = False
    else:
        value[0], quality[0], source_ns[0] = before.value, before.quality, before.source_ns
    place = np.flatnonzero(wanted)
    more = Points(
        np.insert(points.scan, place, rest[place]),
        np.insert(points.value, place, value[place]),
        np.insert(points.quality, place, quality[place]),
        np.insert(points.source_ns, place, source_ns[place]),
    )
    return more, _breaks(more, scans)


def _doors(values: list[float], times_ns: list[int], breaks: list[bool], policy: Recording) -> list[bool]:
    """Which samples are kept: lines from each to the next one kept pass all between them closely enough."""
    off, most_ns = policy.off_by, policy.at_least_ns or 1 << 63
    kept = [False] * len(values)
    kept[0] = kept[-1] = True
    anchor, anchor_ns = values[0], times_ns[0]
    last, last_ns = anchor, anchor_ns
    low, high = -math.inf, math.inf
    for row, (value, utc_ns, stops) in enumerate(zip(values, times_ns, breaks, strict=True)):
        for_ns = utc_ns - anchor_ns
        begins = stops or for_ns <= 0
        if begins and row:
            kept[row - 1] = True
        if not begins:
            move = value - anchor
            if not low <= move / for_ns <= high:
                kept[row - 1] = True
                anchor, anchor_ns = last, last_ns
                move, for_ns = value - anchor, utc_ns - anchor_ns
                low, high = -math.inf, math.inf
            begins = for_ns <= 0  # two values of one time, of which one was too far off
        if not begins:
            least, most = (move - off) / for_ns, (move + off) / for_ns
            if least > low:
                low = least
            if most < high:
                high = most
            begins = for_ns >= most_ns
        if begins:
            kept[row] = True
            anchor, anchor_ns, low, high = value, utc_ns, -math.inf, math.inf
        last, last_ns = value, utc_ns
    return kept


def _off(samples: Points, utc_ns: I8, kept: Flags, scans: Scans, off_by: float) -> Flags:
    """Samples from which the lines are too far, as whoever reads them computes it."""
    rows = np.flatnonzero(kept)
    some = replace(rows_of(samples, rows), line=True)
    on = np.searchsorted(rows, np.arange(len(samples)), "right") - 1
    goes = straight(some, scans)[on]
    found: Flags = ~kept & ~goes
    between = np.flatnonzero(~kept & goes)
    line = on_line(some.value, utc_ns[rows], on[between], utc_ns[between])
    found[between] = ~(np.abs(line - samples.value[between]) <= off_by)
    return found
