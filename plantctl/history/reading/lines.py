"""Straight lines between the points of a tag that was thinned by a swinging door: what was in force at each scan.

From a point to the next it went straight where both are finite, of one quality, later than each other, and nothing is
missing between them; else, and behind the last point of a file, the value held.

Rules of the file: pure; what is drawn here is what `thinning` promised to be near the scanned values, to the bit.
"""

import numpy as np
import numpy.typing as npt

from plantctl.history.files.chunk import Points, Scans
from plantctl.history.files.numbers import F8, I8

Flags = npt.NDArray[np.bool_]


def straight(points: Points, scans: Scans) -> Flags:
    """From which points it went straight to the next one; from none where lines are not meant."""
    found = np.zeros(len(points), np.bool_)
    if not points.line or len(points) < 2:
        return found
    utc_ns = scans.utc_ns[points.scan]
    finite = np.isfinite(points.value)
    found[:-1] = finite[1:] & finite[:-1] & (points.quality[1:] == points.quality[:-1]) & (utc_ns[1:] > utc_ns[:-1])
    if len(scans.holes):
        epoch = np.searchsorted(scans.holes, points.scan, "right")
        found[:-1] &= epoch[1:] == epoch[:-1]
    return found


def on_line(value: F8, utc_ns: I8, row: npt.NDArray[np.intp], at_ns: I8) -> F8:
    """The values at some moments on the lines that begin with the points `row`."""
    share = (at_ns - utc_ns[row]) / (utc_ns[row + 1] - utc_ns[row])
    with np.errstate(over="ignore", invalid="ignore"):
        found: F8 = value[row] + (value[row + 1] - value[row]) * share
    return found


def drawn(points: Points, scans: Scans) -> tuple[Points, Flags, Flags]:
    """The points with a row for each scan that a line passes; which rows are points, from which it goes straight."""
    goes = straight(points, scans)
    between = np.zeros(len(points), np.int64)
    between[:-1] = np.where(goes[:-1], np.diff(points.scan) - 1, 0)
    row = np.repeat(np.arange(len(points)), between + 1)
    place = np.cumsum(between + 1) - between - 1
    is_point = np.zeros(len(row), np.bool_)
    is_point[place] = True
    scan = points.scan[row] + np.arange(len(row)) - place[row]
    value, source_ns = points.value[row], points.source_ns[row]
    made = np.flatnonzero(~is_point)
    value[made] = on_line(points.value, scans.utc_ns[points.scan], row[made], scans.utc_ns[scan[made]])
    source_ns[made] = 0
    return Points(scan, value, points.quality[row], source_ns, True, points.off_by), is_point, goes[row]
