"""The latch: takes what the field knows into the image, once at the start of a scan, and ages it.

Good becomes uncertain at `stale_after` without a sign of life and bad at twice that; a value that never moves within
its flat-line window is bad although its source time moves, unless it is at or below the cut-off where the meter shows
one and the same value (`flat_line_above`); a value whose source time stands still longer than `expect_change_within`
is uncertain, then bad at twice that; a number that is not finite is bad, range. A value that comes back after a fault
is good again at once: whether anything may act on it is the blocks' business.

While the field's process does not live every input of a device is bad, comm; after it was replaced each one stays so
until it was received anew: a new process may be back sooner than anything has aged.

Before it writes anything it keeps the points that are read one scan late; after it, it knows which inputs changed
between good, uncertain and bad.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from plantctl.core.field import LINK_LOST, InputColumns
from plantctl.core.image import Image
from plantctl.core.quality import BAD, MARKS, SEVERITY_MASK, Reason, bad_because, uncertain_because
from plantctl.plan.bind import bind_routine
from plantctl.plan.plan import Plan

STALE_UNCERTAIN: Final = uncertain_because(Reason.STALE)
STALE_BAD: Final = bad_because(Reason.STALE)
FLAT: Final = bad_because(Reason.FLAT)
NOT_FINITE: Final = bad_because(Reason.RANGE)
NEVER: Final = (1 << 61) - 1
EXPONENT: Final = 0x7FF0_0000_0000_0000  # all its bits are set in infinities and NaN, and in no other number


class Latch:
    """The input rows of a plan: rows 1 to `len(plan.inputs)` of the image, in the order of `plan.inputs`.

    Without `ages` nothing grows old: a held value stays as good as it came. `changed` i8 [inputs, 2] holds, in its
    first `changes` rows, the number of each input whose severity the last scan changed, and its severity before.
    """

    def __init__(
        self, plan: Plan, image: Image, *, ages: bool = True, compiled: bool = False, cache: Path | None = None
    ) -> None:
        rows = [r.row for r in plan.inputs]
        assert rows == list(range(1, len(rows) + 1)), "input rows come first in the image"
        self.count = len(rows)
        self.changes = 0
        self.changed = np.zeros((self.count, 2), np.int64)
        self._compiled, self._cache = compiled, cache
        self._calls: dict[InputColumns, Callable[..., int]] = {}

        def windows(name: str) -> Any:
            values = np.array([getattr(r, name) for r in plan.inputs], np.int64)
            return np.where((values == 0) | (not ages), NEVER, values)

        self._quality = image.q[1 : self.count + 1]
        self._severity = (self._quality & SEVERITY_MASK).astype(np.int64)
        # In the order of the arguments of `take`, behind those of the columns.
        self._arrays: dict[str, Any] = {
            "v": image.v.view(np.int64),
            "q": image.q,
            "receive_ns": image.receive_ns,
            "source_ns": image.source_ns,
            "delays": np.array(plan.delays, np.int64).reshape(-1, 2),
            "stale_ns": windows("stale_after_ns"),
            "flat_ns": windows("flat_after_ns"),
            "flat_above": np.array([r.flat_above for r in plan.inputs], np.float64),
            "change_ns": windows("change_within_ns"),
            "last_v": np.zeros(self.count, np.int64),
            "moved_ns": np.zeros(self.count, np.int64),
            "last_source_ns": np.zeros(self.count, np.int64),
            "source_moved_ns": np.zeros(self.count, np.int64),
            "severity": self._severity,
            "changed": self.changed,
            "lost_ns": np.full(self.count, -1, np.int64),
        }
        self._from_device = np.array([bool(r.device) for r in plan.inputs], bool)
        self._lost_ns: int | None = None

    def begin(self, now_ns: int) -> None:
        """Begin a run at the monotonic `now_ns`: nothing is known of how long values have stood.

        The severities are those of the image as it stands: a change is one against the last run's.
        """
        self._severity[:] = self._quality & SEVERITY_MASK
        for name in ("moved_ns", "source_moved_ns"):
            self._arrays[name][:] = now_ns

    def take(self, columns: InputColumns, now_ns: int, *, aged: bool = False, field_lost: bool = False) -> None:
        """Copy the columns into the image's input rows and age them at the monotonic time `now_ns`.

        `aged` columns are recorded ones, which are taken as they are. `field_lost`: what a device gave up to now does
        not count, in this scan and until it is received again. Columns not bound before are bound first.
        """
        if columns not in self._calls:
            self.bind(columns)
        if field_lost:
            self._arrays["lost_ns"][self._from_device] = NEVER
            self._lost_ns = now_ns
        elif self._lost_ns is not None:
            self._arrays["lost_ns"][self._from_device] = self._lost_ns
            self._lost_ns = None
        ended = self._calls[columns](now_ns, aged)
        assert ended > 0, "the latch broke off"
        self.changes = ended - 1

    def bind(self, columns: InputColumns) -> None:
        """Make ready to take `columns`; those of one run are few, and each set stays known."""
        arrays: dict[str, Any] = {
            "given_v": columns.value.view(np.int64),
            "shown": columns.value,
            "given_q": columns.quality,
            "given_receive_ns": columns.receive_ns,
            "given_source_ns": columns.source_ns,
        }
        self._calls[columns] = bind_routine(take, arrays | self._arrays, compiled=self._compiled, folder=self._cache)


def take(
    given_v: Any,
    shown: Any,
    given_q: Any,
    given_receive_ns: Any,
    given_source_ns: Any,
    v: Any,
    q: Any,
    receive_ns: Any,
    source_ns: Any,
    delays: Any,
    stale_ns: Any,
    flat_ns: Any,
    flat_above: Any,
    change_ns: Any,
    last_v: Any,
    moved_ns: Any,
    last_source_ns: Any,
    source_moved_ns: Any,
    severity: Any,
    changed: Any,
    lost_ns: Any,
    now_ns: int,
    aged: int,
) -> int:
    """The latch of one scan, compiled or interpreted. Returns 1 more than the inputs whose severity changed.

    Values are moved as bits (i8), so that a NaN keeps its payload; `shown` are the same as numbers (f8); `delays`
    i8 [n, 2] holds rows and those they follow; what was received up to `lost_ns` counts no more.
    """
    for k in range(len(delays)):
        late, row = delays[k, 0], delays[k, 1]
        v[late], q[late] = v[row], q[row]
        receive_ns[late], source_ns[late] = receive_ns[row], source_ns[row]
    changes = 0
    for i in range(len(given_v)):
        bits, quality = given_v[i], int(given_q[i])
        if not aged:
            if quality & SEVERITY_MASK < BAD and bits & EXPONENT == EXPONENT:
                quality = NOT_FINITE
            age_ns = now_ns - given_receive_ns[i]
            if age_ns >= stale_ns[i] and quality & SEVERITY_MASK == 0:
                quality = STALE_UNCERTAIN
            if age_ns >= 2 * stale_ns[i] and quality & SEVERITY_MASK < BAD:
                quality = STALE_BAD
            if bits != last_v[i] or given_receive_ns[i] == 0 or shown[i] <= flat_above[i]:
                last_v[i] = bits
                moved_ns[i] = now_ns
            if now_ns - moved_ns[i] >= flat_ns[i] and quality & SEVERITY_MASK < BAD:
                quality = FLAT
            if given_source_ns[i] != last_source_ns[i]:
                last_source_ns[i] = given_source_ns[i]
                source_moved_ns[i] = now_ns
            standing_ns = now_ns - source_moved_ns[i]
            if standing_ns >= change_ns[i] and quality & SEVERITY_MASK == 0:
                quality = STALE_UNCERTAIN
            if standing_ns >= 2 * change_ns[i] and quality & SEVERITY_MASK < BAD:
                quality = STALE_BAD
            if given_receive_ns[i] <= lost_ns[i]:
                quality = LINK_LOST
        v[i + 1] = bits
        q[i + 1] = quality | (int(given_q[i]) & MARKS)
        receive_ns[i + 1] = given_receive_ns[i]
        source_ns[i + 1] = given_source_ns[i]
        if quality & SEVERITY_MASK != severity[i]:
            changed[changes, 0] = i
            changed[changes, 1] = severity[i]
            severity[i] = quality & SEVERITY_MASK
            changes += 1
    return changes + 1
