"""What the frame ring tells a service: transitions, results, texts, times; over deaths of the scan and of the service.

A service that starts reads the ring from its oldest frame, so that it knows the texts and the last transitions; one
that was away too long is told how much it missed and goes on. UTC is the scan's own: each transition is dated by the
time frame before it, as the log dates it, so that a clock that was set since moves nothing that has happened.

Rules of the file: what is kept is bounded; a frame that is damaged or of no use is counted and passed over; a text
that comes after the transition that names it is in time, since words are looked up when they are asked for.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final, Protocol

import numpy as np

from plantctl.core.command import Result
from plantctl.core.errors import LogDamaged
from plantctl.core.event import Event
from plantctl.core.frame import HEAD, Frame, Kind, Rows, decode_frame, decode_records, decode_rows, decode_texts
from plantctl.core.ring import RingReader
from plantctl.plan.link_hold import HELD
from plantctl.plan.plan import Plan
from plantctl.scan.event_records import EventRecords, results

EVENTS_KEPT: Final = 200
TEXTS_MAX: Final = 65_536
_WANTED: Final = frozenset((Kind.EVENT, Kind.RESULT, Kind.TEXT, Kind.TIME))
_ROWS: Final = frozenset((Kind.KEY, Kind.DELTA))


class Follower(Protocol):
    """Who follows the plant scan by scan: told of every frame in its order, at `take`."""

    def rows(self, rows: Rows, utc_ns: int, mono_ns: int) -> None:
        """All rows (`rows.flags` says so, or that a run begins), or those that a scan changed."""

    def event(self, event: Event) -> None:
        """A transition, behind the rows of its scan."""

    def lost(self) -> None:
        """Frames were overwritten before they were read: what is known of rows may be wrong from here on."""


class FrameFeed:
    """One reader of a plant's frame ring.

    `sequence` is that of the last frame read, `frames` how many were, `damaged` how many of them could not be read.
    """

    def __init__(self, plan: Plan, ring: Any) -> None:
        self._reader = RingReader(ring)
        self._records = EventRecords(plan)
        self._held_id = plan.points[plan.statistics[HELD]].id if HELD in plan.statistics else -1
        self._texts: dict[int, str] = {}
        # Frames of transitions, each with what UTC was ahead of monotonic time; None before the first time frame.
        self._kept: deque[tuple[Frame, int | None]] = deque(maxlen=EVENTS_KEPT)
        self._hold: tuple[Frame, int | None] | None = None
        self._offset_ns: int | None = None
        self._told: list[Event] | None = None
        self._followers: list[Follower] = []
        self._lost = 0
        self.sequence = 0
        self.frames = 0
        self.damaged = 0

    @property
    def lost(self) -> int:
        """Frames that were overwritten before they were read."""
        return self._reader.lost

    @property
    def recent(self) -> list[Event]:
        """The last transitions, oldest first, at most `EVENTS_KEPT`. The list is not to be changed."""
        if self._told is None:
            self._told = [event for kept in self._kept for event in self._events(*kept)][-EVENTS_KEPT:]
        return self._told

    @property
    def last_hold(self) -> Event | None:
        """The last transition of `scan.held`, however long ago; None where the ring held none."""
        if self._hold is None:
            return None
        return next((event for event in reversed(self._events(*self._hold)) if event.target == HELD), None)

    def follow(self, follower: Follower) -> None:
        """From the next `take` on tell `follower` everything, in the order in which they came to follow."""
        self._followers.append(follower)

    def take(self) -> list[tuple[int, Result]]:
        """Read what is new; the results in it, each with the sequence of its frame."""
        found: list[tuple[int, Result]] = []
        for frame in self._frames():
            try:
                if frame.kind in _ROWS:
                    self._follow_rows(frame)
                elif frame.kind == Kind.TEXT:
                    self._learn(decode_texts(frame.payload))
                elif frame.kind == Kind.TIME:
                    self._set_time(frame)
                elif frame.kind == Kind.EVENT:
                    self._keep(frame)
                else:
                    found += [(frame.sequence, result) for result in results(frame, self._texts)]
            except LogDamaged:
                self.damaged += 1
        return found

    def _learn(self, texts: dict[int, str]) -> None:
        if len(self._texts) < TEXTS_MAX:
            self._texts |= texts
            self._told = None

    def _set_time(self, frame: Frame) -> None:
        times = decode_records(Kind.TIME, frame.payload)
        if not len(times):
            raise LogDamaged("a time frame tells no time")
        first = self._offset_ns is None
        self._offset_ns = int(times[0]["utc_ns"]) - int(times[0]["mono_ns"])
        if first:
            # What lay before the oldest time frame is at most a second older: the same time holds for it.
            self._kept = deque(((kept, self._offset_ns) for kept, _ in self._kept), maxlen=EVENTS_KEPT)
            self._hold = self._hold and (self._hold[0], self._offset_ns)
            self._told = None

    def _keep(self, frame: Frame) -> None:
        tags = decode_records(Kind.EVENT, frame.payload)["tag"]
        self._kept.append((frame, self._offset_ns))
        for event in self._events(frame, self._offset_ns) if self._followers else ():
            for follower in self._followers:
                follower.event(event)
        if np.any(tags == self._held_id):
            self._hold = self._kept[-1]
        self._told = None

    def _follow_rows(self, frame: Frame) -> None:
        rows = decode_rows(frame.payload)
        for follower in self._followers:
            follower.rows(rows, frame.mono_ns + (self._offset_ns or 0), frame.mono_ns)

    def _events(self, frame: Frame, offset_ns: int | None) -> list[Event]:
        return self._records.events(frame, frame.mono_ns + (offset_ns or 0), self._texts)

    def _frames(self) -> Iterator[Frame]:
        """New frames of the kinds that a service reads; the others are passed over where they lie."""
        reader = self._reader
        wanted = _WANTED | _ROWS if self._followers else _WANTED
        while (view := reader.view()) is not None:
            _, kind, _, sequence, *_ = HEAD.unpack_from(view)
            data = bytes(view) if kind in wanted else b""
            if not reader.take():
                continue
            if reader.lost != self._lost:
                self._lost = reader.lost
                for follower in self._followers:
                    follower.lost()
            self.sequence, self.frames = sequence, self.frames + 1
            if data:
                try:
                    frame = decode_frame(data)
                except LogDamaged:
                    self.damaged += 1
                    continue
                yield frame
