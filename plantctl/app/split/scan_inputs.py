"""What the scan takes from other processes at the start of each scan: the field's columns, commands, device events,
and now and then how the sinks are.

Everything is copied into memory of the scan's own, so that nothing changes under its hands; nothing here waits.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

import numpy as np

from plantctl.app.split.heartbeat import field_silence_ns, lives
from plantctl.core.errors import LogDamaged
from plantctl.core.feed import FEEDS_AWAY_NS, SinkPlan, SinkState, feed_point
from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.ring import RingReader
from plantctl.core.segment import SegmentReader, SegmentRefused
from plantctl.plan.plan import Plan
from plantctl.scan.release import FieldState

_FIELD_SAYS: Final = ("written_value", "write_sequence", "write_ns", "error")
_INPUTS: Final = ("value", "quality", "receive_ns", "source_ns")

T = TypeVar("T")


class FieldView:
    """What the scan knows of the field: private columns, taken whole, and whether their writer lives."""

    def __init__(self, plan: Plan, reader: SegmentReader, inputs: InputColumns, outputs: OutputColumns) -> None:
        self._plan_hash = plan.hash
        self._reader = reader
        self._inputs = [(getattr(inputs, name), f"inputs.{name}") for name in _INPUTS]
        self._outputs = [(getattr(outputs, name), f"outputs.{name}") for name in _FIELD_SAYS]
        # Rows without a device are entered by hand, here: the field knows nothing of them.
        self._from_device = np.array([bool(row.device) for row in plan.inputs], np.bool_)
        self._silence_ns = field_silence_ns(plan)
        self._known = 0
        self._ours = False

    def take(self, now_ns: int) -> FieldState:
        """Copy what the field published last; its generation, and whether it spoke lately."""
        reader = self._reader
        # The generation before the columns: a new process publishes bad values first and then calls itself new.
        generation = reader.generation
        if generation != self._known:
            self._known, self._ours = generation, generation > 0 and self._is_ours()
        if not self._ours or not reader.take():
            return FieldState(generation, alive=False)
        columns = reader.columns
        for array, name in self._inputs:
            np.copyto(array, columns[name], where=self._from_device)
        for array, name in self._outputs:
            array[:] = columns[name]
        return FieldState(generation, alive=lives(reader, now_ns, self._silence_ns))

    def _is_ours(self) -> bool:
        try:
            self._reader.check(self._plan_hash)
        except SegmentRefused:
            return False
        return True


class Inbox(Generic[T]):
    """A ring that another process fills for the scan: commands, or events of devices, as `decode` reads them.

    At most `most` are taken in a scan. `last` is the number of the newest that was taken, by a scan before this one
    where it is handed in. What cannot be read is passed over and counted in `damaged`.
    """

    def __init__(self, reader: RingReader, decode: Callable[[bytes], T], most: int, last: int = 0) -> None:
        self._reader = reader
        self._decode = decode
        self._most = most
        self.last = last
        self.damaged = 0

    def take(self) -> list[T]:
        """What came, oldest first; what is more than a scan takes stays for the next one."""
        found: list[T] = []
        while self._reader.waiting and len(found) < self._most:
            try:
                frame = self._reader.read()
                if frame is None:
                    break
                self.last = frame.sequence
                found.append(self._decode(frame.payload))
            except LogDamaged:
                self.damaged += 1
        return found


def feeds_said(sinks: Iterable[SinkPlan], feeds: SegmentReader, now_ns: int) -> dict[str, float]:
    """The points that tell how each of `sinks` is, as the feeds said last, or that the feeds are away."""
    feeds.take()
    said, heard_ns = feeds.columns, feeds.heartbeat_ns
    silent_ns = now_ns - heard_ns if heard_ns else 0
    values: dict[str, float] = {}
    for n, sink in enumerate(sinks):
        for what in ("state", "missing", "quarantined", "lost", "failures"):
            values[feed_point(sink.name, what)] = float(said[what][n])
        lag_ns = int(said["lag_ns"][n])
        if silent_ns > FEEDS_AWAY_NS:
            values[feed_point(sink.name, "state")] = float(SinkState.AWAY)
            lag_ns += silent_ns
        values[feed_point(sink.name, "lag")] = lag_ns / 1e9
    return values
