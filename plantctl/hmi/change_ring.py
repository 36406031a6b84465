"""What has changed in the plant in the last minute, scan by scan: what a page that comes back has missed.

The frame ring's key and delta frames go in; out come the plant as it is, and deltas with a sequence without holes. A
scan gives one delta; where scans are faster than `DELTA_NS`, those of one such time are one delta, the latest value of
a row winning. Transitions are kept in their place between the deltas: all that carry the sequence of a delta come
before it, so that who has the delta has them.

The numbers count within one epoch: a new scan, or frames that were lost, begin another. Pure: times are arguments.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.event import Event
from plantctl.core.frame import Rows
from plantctl.core.quality import NOT_YET
from plantctl.hmi.live_plant import Snapshot
from plantctl.plan.plan import Plan

DELTA_NS: Final = 100_000_000
KEPT_NS: Final = 60_000_000_000
KEPT_ROWS: Final = 4_000_000  # of all deltas together: some 100 MB at worst
KEPT_EVENTS: Final = 10_000

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
U2 = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Change:
    """One delta: rows, each once, with what they now are; `source_ns` is 0 where no device told a time."""

    epoch: int
    sequence: int
    utc_ns: int
    mono_ns: int
    rows: I8
    value: F8
    quality: U2
    source_ns: I8


@dataclass(frozen=True, slots=True)
class Happened:
    """One transition: `number` counts those of the epoch without holes; it comes before the delta `sequence`."""

    sequence: int
    number: int
    mono_ns: int
    event: Event


class ChangeRing:
    """The plant as frames tell it, and the last minute of its changes.

    `sequence` is that of the newest delta (0: none yet), `number` that of the newest transition; `value`, `quality`
    and `source_ns` are the plant after it, by row; `utc_ns` is when. `epoch` counts the beginnings. Changes are kept
    for `kept_ns`; 0 keeps none.
    """

    def __init__(self, plan: Plan, kept_ns: int = KEPT_NS) -> None:
        self._kept_ns = kept_ns
        count = len(plan.points)
        self.value: F8 = np.full(count, np.nan)
        self.quality: U2 = np.full(count, NOT_YET, np.uint16)
        self.source_ns: I8 = np.zeros(count, np.int64)
        self.utc_ns = 0
        self.sequence = self.number = self.epoch = 0
        self._inputs = len(plan.inputs)
        known = sorted((p.id, p.row) for p in plan.points if p.row)
        self._known_ids: I8 = np.array([0, *(number for number, _ in known)], np.int64)
        self._known_rows: I8 = np.array([0, *(row for _, row in known)], np.int64)
        self._period_ns = plan.period_ns
        self._changed = np.zeros(count, np.bool_)
        self._open: tuple[int, int] | None = None  # UTC and monotonic time of the delta that is being collected
        self._told_ns: int | None = None
        self._kept: deque[Change | Happened] = deque()
        self._kept_rows = 0
        self._kept_events = 0
        self._before = 0  # deltas above this sequence are all kept
        self._before_number = 0

    # -- what comes in

    def begin(self, rows: Rows | None, utc_ns: int, snapshot: Snapshot | None = None) -> None:
        """Another epoch: the plant is what a key frame says, or where frames were lost what `snapshot` shows.

        Memory that no scan has filled yet is no plant of good zeros: then nothing is known.
        """
        self._kept.clear()
        self._kept_rows = self._kept_events = 0
        self._changed[:] = False
        self._open = self._told_ns = None
        self.sequence = self.number = self._before = self._before_number = 0
        self.epoch += 1
        self.utc_ns = utc_ns
        self.value[:], self.quality[:], self.source_ns[:] = np.nan, NOT_YET, 0
        if snapshot is not None and (snapshot.q.any() or snapshot.receive_ns.any()):
            self.value[:], self.quality[:] = snapshot.v, snapshot.q
            self.source_ns[1 : self._inputs + 1] = snapshot.source_ns[1 : self._inputs + 1]
        if rows is not None:
            self._lay(rows)

    def key(self, rows: Rows, utc_ns: int, mono_ns: int) -> Change | None:
        """All rows as they are, as told now and then: only what is not known yet counts as a change."""
        where = self._rows(rows)
        same = (self.value[where].view(np.int64) == rows.value.view(np.int64)) & (self.quality[where] == rows.quality)
        return None if bool(same.all()) else self.scan(rows, utc_ns, mono_ns)

    def scan(self, rows: Rows, utc_ns: int, mono_ns: int) -> Change | None:
        """What a scan changed. The delta before it, where it is complete by now."""
        done = self.close(mono_ns)
        self._changed[self._lay(rows)] = True
        self._open = (utc_ns, mono_ns)
        return done

    def close(self, now_ns: int) -> Change | None:
        """End the delta that is being collected, where its time is over; to be called when no more frames wait."""
        if self._open is None:
            return None
        utc_ns, mono_ns = self._open
        # Half a period of grace: scans are never exactly as far apart as they should be.
        soon = self._told_ns is not None and now_ns - self._told_ns < DELTA_NS - self._period_ns // 2 - 1
        if soon and self._period_ns < DELTA_NS:
            return None
        self._told_ns, self._open = now_ns, None
        rows = self._changed.nonzero()[0]
        self._changed[rows] = False
        self.sequence += 1
        self.utc_ns = utc_ns
        columns = self.value[rows], self.quality[rows], self.source_ns[rows]
        change = Change(self.epoch, self.sequence, utc_ns, mono_ns, rows, *columns)
        self._kept.append(change)
        self._kept_rows += len(rows)
        self._forget(max(now_ns, mono_ns))
        return change

    def event(self, event: Event) -> Happened:
        """A transition; it comes before the delta that is being collected."""
        self.number += 1
        happened = Happened(self.sequence + 1, self.number, event.mono_ns, event)
        self._kept.append(happened)
        self._kept_events += 1
        return happened

    # -- what goes out

    def since(self, sequence: int, number: int | None) -> list[Change | Happened] | None:
        """What came after the delta `sequence` and the transition `number` (None: those up to that delta are known).

        None where not all of it is kept any more, or where it has not happened in this epoch.
        """
        if not self._before <= sequence <= self.sequence:
            return None
        if number is None:
            number = self._before_number
            for each in self._kept:
                if isinstance(each, Happened) and each.sequence <= sequence:
                    number = each.number
        if not self._before_number <= number <= self.number:
            return None
        return [
            each
            for each in self._kept
            if (each.sequence > sequence if isinstance(each, Change) else each.number > number)
        ]

    # -- inside

    def _rows(self, rows: Rows) -> I8:
        """The rows of a frame's columns; 0, which nobody looks at, for an id that this plan does not have."""
        ids = rows.tag.astype(np.int64)
        at = np.minimum(np.searchsorted(self._known_ids, ids), len(self._known_ids) - 1)
        return np.where(self._known_ids[at] == ids, self._known_rows[at], 0)

    def _lay(self, rows: Rows) -> I8:
        where = self._rows(rows)
        self.value[where], self.quality[where] = rows.value, rows.quality
        self.source_ns[where[: rows.inputs]] = rows.source_ns
        return where

    def _forget(self, now_ns: int) -> None:
        kept = self._kept
        while kept and (
            now_ns - kept[0].mono_ns >= self._kept_ns or self._kept_rows > KEPT_ROWS or self._kept_events > KEPT_EVENTS
        ):
            first = kept.popleft()
            if isinstance(first, Change):
                self._before = first.sequence
                self._kept_rows -= len(first.rows)
            else:
                self._before_number = first.number
                self._kept_events -= 1
