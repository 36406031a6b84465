"""What the frame ring tells a service: transitions, results, texts; over deaths of the scan and of the service itself.

A service that starts reads the ring from its oldest frame, so that it knows the texts and the last transitions; one
that was away too long is told how much it missed and goes on.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from plantctl.core.command import Result
from plantctl.core.errors import LogDamaged
from plantctl.core.event import Event
from plantctl.core.frame import HEAD, Frame, Kind, decode_frame, decode_texts
from plantctl.core.ring import RingReader
from plantctl.plan.plan import Plan
from plantctl.scan.event_records import EventRecords, results

EVENTS_KEPT: Final = 200
TEXTS_MAX: Final = 65_536
_WANTED: Final = frozenset((Kind.EVENT, Kind.RESULT, Kind.TEXT))


class FrameFeed:
    """One reader of a plant's frame ring. `lost` counts frames that were overwritten before they were read."""

    def __init__(self, plan: Plan, ring: Any) -> None:
        self._reader = RingReader(ring)
        self._records = EventRecords(plan)
        self._texts: dict[int, str] = {}
        self.recent: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self.sequence = 0
        self.frames = 0
        self.damaged = 0

    @property
    def lost(self) -> int:
        """Frames that were overwritten before they were read."""
        return self._reader.lost

    def take(self, mono_ns: int, utc_ns: int) -> list[tuple[int, Result]]:
        """Read what is new; the results in it, each with the sequence of its frame. `recent` has the transitions.

        `mono_ns` and `utc_ns` are now, and give the frames their UTC.
        """
        found = []
        for frame in self._frames():
            try:
                if frame.kind == Kind.TEXT and len(self._texts) < TEXTS_MAX:
                    self._texts |= decode_texts(frame.payload)
                elif frame.kind == Kind.EVENT:
                    self.recent.extend(self._records.events(frame, utc_ns - (mono_ns - frame.mono_ns), self._texts))
                elif frame.kind == Kind.RESULT:
                    found += [(frame.sequence, result) for result in results(frame, self._texts)]
            except LogDamaged:
                self.damaged += 1
        return found

    def _frames(self) -> Iterator[Frame]:
        """The new frames of the kinds that a service reads; the others are passed over where they lie."""
        reader = self._reader
        while (view := reader.view()) is not None:
            _, kind, _, sequence, *_ = HEAD.unpack_from(view)
            data = bytes(view) if kind in _WANTED else b""
            if not reader.take():
                continue
            self.sequence, self.frames = sequence, self.frames + 1
            if data:
                try:
                    frame = decode_frame(data)
                except LogDamaged:
                    self.damaged += 1
                    continue
                yield frame
