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
        self._watch_flat = bool((self._flat_ns < NEVER).any())
        self._watch_change = bool((self._change_ns < NEVER).any())
        self._last_v = np.zeros(self.count, np.int64)
        self._moved_ns = np.zeros(self.count, np.int64)
        self._last_source = np.zeros(self.count, np.int64)
        self._source_moved_ns = np.zeros(self.count, np.int64)

    def take(self, image: Image, columns: InputColumns, now_ns: int) -> None:
        """Copy the columns into the image's input rows and age them at the monotonic time `now_ns`."""
        end = self.count + 1
        v, q = image.v[1:end], image.q[1:end]
        v[:] = columns.value
        q[:] = columns.quality
        image.receive_ns[1:end] = columns.receive_ns
        image.source_ns[1:end] = columns.source_ns
        self._not_finite(v, q)
        age = now_ns - columns.receive_ns
        severity = q & SEVERITY_MASK
        q[(age >= self._stale_ns) & (severity == 0)] = STALE_UNCERTAIN
        q[(age >= 2 * self._stale_ns) & (severity < BAD)] = STALE_BAD
        if self._watch_flat:
            self._flat_line(columns, v, q, now_ns)
        if self._watch_change:
            self._source_standing(columns, q, now_ns)

    @staticmethod
    def _not_finite(v: npt.NDArray[np.float64], q: npt.NDArray[np.uint16]) -> None:
        wrong = ~np.isfinite(v) & ((q & SEVERITY_MASK) < BAD)
        if wrong.any():
            q[wrong] = NOT_FINITE

    def _flat_line(
        self, columns: InputColumns, v: npt.NDArray[np.float64], q: npt.NDArray[np.uint16], now_ns: int
    ) -> None:
        bits = v.view(np.int64)
        moved = (bits != self._last_v) | (columns.receive_ns == 0)
        self._last_v[moved] = bits[moved]
        self._moved_ns[moved] = now_ns
        flat = (now_ns - self._moved_ns >= self._flat_ns) & ((q & SEVERITY_MASK) < BAD)
        q[flat] = FLAT

    def _source_standing(self, columns: InputColumns, q: npt.NDArray[np.uint16], now_ns: int) -> None:
        moved = columns.source_ns != self._last_source
        self._last_source[moved] = columns.source_ns[moved]
        self._source_moved_ns[moved] = now_ns
        standing = now_ns - self._source_moved_ns
        bad = (standing >= 2 * self._change_ns) & ((q & SEVERITY_MASK) < BAD)
        q[bad] = STALE_BAD
        uncertain = (standing >= self._change_ns) & ((q & SEVERITY_MASK) == 0)
        q[uncertain] = STALE_UNCERTAIN
