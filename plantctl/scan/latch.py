"""The latch: takes what the field knows into the image, once at the start of a scan, and ages it.

Good becomes uncertain at `stale_after` without a sign of life and bad at twice that; a value that never moves within
its flat-line window is bad although its source time moves; a value whose source time stands still longer than
`expect_change_within` is uncertain, then bad at twice that; a number that is not finite is bad, range. A value that
comes back after a fault is good again at once: whether anything may act on it is the blocks' business.
"""

import numpy as np
import numpy.typing as npt

from plantctl.core.field import InputColumns
from plantctl.core.image import Image
from plantctl.core.quality import BAD, SEVERITY_MASK, Reason, bad_because, uncertain_because
from plantctl.plan.plan import Plan

STALE_UNCERTAIN = np.uint16(uncertain_because(Reason.STALE))
STALE_BAD = np.uint16(bad_because(Reason.STALE))
FLAT = np.uint16(bad_because(Reason.FLAT))
NOT_FINITE = np.uint16(bad_because(Reason.RANGE))
NEVER = np.iinfo(np.int64).max // 4


class Latch:
    """The input rows of a plan: rows 1 to `len(plan.inputs)` of the image, in the order of `plan.inputs`.

    Without `ages` nothing grows old: a held value stays as good as it came.
    """

    def __init__(self, plan: Plan, *, ages: bool = True) -> None:
        rows = [r.row for r in plan.inputs]
        assert rows == list(range(1, len(rows) + 1)), "input rows come first in the image"
        self.count = len(rows)

        def column(name: str) -> npt.NDArray[np.int64]:
            values = np.array([getattr(r, name) for r in plan.inputs], np.int64)
            return np.where((values == 0) | (not ages), NEVER, values)

        self._stale_ns, self._flat_ns, self._change_ns = (
            column(n) for n in ("stale_after_ns", "flat_after_ns", "change_within_ns")
        )
        # Few rows are watched for standing still; the others cost nothing.
        self._flat_rows = np.flatnonzero(self._flat_ns < NEVER)
        self._change_rows = np.flatnonzero(self._change_ns < NEVER)
        self._flat_ns, self._change_ns = self._flat_ns[self._flat_rows], self._change_ns[self._change_rows]
        self._bad_ns = 2 * self._stale_ns
        self._last_v = np.zeros(len(self._flat_rows), np.int64)
        self._moved_ns = np.zeros(len(self._flat_rows), np.int64)
        self._last_source = np.zeros(len(self._change_rows), np.int64)
        self._source_moved_ns = np.zeros(len(self._change_rows), np.int64)

    def take(self, image: Image, columns: InputColumns, now_ns: int) -> None:
        """Copy the columns into the image's input rows and age them at the monotonic time `now_ns`."""
        end = self.count + 1
        v, q = image.v[1:end], image.q[1:end]
        v[:] = columns.value
        q[:] = columns.quality
        image.receive_ns[1:end] = columns.receive_ns
        image.source_ns[1:end] = columns.source_ns
        severity = q & SEVERITY_MASK
        wrong = ~np.isfinite(v)
        if wrong.any():
            q[wrong & (severity < BAD)] = NOT_FINITE
            severity = q & SEVERITY_MASK
        age = now_ns - columns.receive_ns
        old = age >= self._stale_ns
        if old.any():
            q[old & (severity == 0)] = STALE_UNCERTAIN
            q[(age >= self._bad_ns) & (severity < BAD)] = STALE_BAD
        if len(self._flat_rows):
            self._flat_line(columns, v, q, now_ns)
        if len(self._change_rows):
            self._source_standing(columns, q, now_ns)

    def _flat_line(
        self, columns: InputColumns, v: npt.NDArray[np.float64], q: npt.NDArray[np.uint16], now_ns: int
    ) -> None:
        rows = self._flat_rows
        bits = v.view(np.int64)[rows]
        moved = (bits != self._last_v) | (columns.receive_ns[rows] == 0)
        self._last_v[moved] = bits[moved]
        self._moved_ns[moved] = now_ns
        flat = (now_ns - self._moved_ns >= self._flat_ns) & ((q[rows] & SEVERITY_MASK) < BAD)
        q[rows[flat]] = FLAT

    def _source_standing(self, columns: InputColumns, q: npt.NDArray[np.uint16], now_ns: int) -> None:
        rows = self._change_rows
        source_ns = columns.source_ns[rows]
        moved = source_ns != self._last_source
        self._last_source[moved] = source_ns[moved]
        self._source_moved_ns[moved] = now_ns
        standing = now_ns - self._source_moved_ns
        severity = q[rows] & SEVERITY_MASK
        q[rows[(standing >= self._change_ns) & (severity == 0)]] = STALE_UNCERTAIN
        q[rows[(standing >= 2 * self._change_ns) & (severity < BAD)]] = STALE_BAD
