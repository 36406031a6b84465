"""What the field and the scan leave on the table for each other.

Drivers fill the input columns and take the output columns; the scan does the opposite. Neither ever waits for the
other: each looks when its own time has come. One row is one value; the compiler decides which row belongs to which
tag and hands each driver a plan of its device with the row numbers in it.

Rules of the file: columns never grow and are never replaced, so that they may lie in shared memory; each column has
one writer; times called `*_ns` without further word are monotonic nanoseconds of the plant's clock, `source_ns` is
UTC nanoseconds, the device's own word where it has one.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.core.quality import BAD, NOT_YET, Reason, bad_because

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
I4 = npt.NDArray[np.int32]
U2 = npt.NDArray[np.uint16]


def _column(over: Mapping[str, npt.NDArray[Any]] | None, name: str, rows: int, dtype: Any, empty: float = 0) -> Any:
    """A column of `rows` rows that all say `empty`: the array that `over` gives, or one of our own."""
    given = over.get(name) if over else None
    if given is None:
        return np.full(rows, empty, dtype=dtype)
    if given.dtype != dtype or given.shape != (rows,):
        raise ValueError(f"the column `{name}` needs {rows} of {np.dtype(dtype)}, not {given.shape} of {given.dtype}")
    given[:] = empty
    return given


class InputColumns:
    """What the field knows of each input row; the drivers write, the scan reads at its latch.

    `value` f8 in the tag's declared unit, `quality` u2 (`core.quality`), `receive_ns` i8 monotonic: when life was last
    seen of this value (a poll answer, a notification, a keep-alive of its subscription), `source_ns` i8 UTC: when the
    device says it measured. Before anything arrived a row is NaN, bad, not-yet, and both times are 0.

    `over` gives arrays, by column name, to lie in instead of memory of its own; they are reset.
    """

    def __init__(self, rows: int, over: Mapping[str, npt.NDArray[Any]] | None = None) -> None:
        self.value: F8 = _column(over, "value", rows, np.float64, np.nan)
        self.quality: U2 = _column(over, "quality", rows, np.uint16, NOT_YET)
        self.receive_ns: I8 = _column(over, "receive_ns", rows, np.int64)
        self.source_ns: I8 = _column(over, "source_ns", rows, np.int64)

    def __len__(self) -> int:
        return len(self.value)


class WriteError(IntEnum):
    """Why the last write of an output row did not reach the device; the number in `OutputColumns.error`."""

    NONE = 0
    UNREACHABLE = 1  # no answer, or the link is down
    REFUSED = 2  # the device said no
    IGNORED = 3  # the device took the telegram but reports that it did not use the value
    WRONG_DEVICE = 4  # another device answers at the address: nothing is written to it
    NOT_REPRESENTABLE = 5  # not a finite number, or outside what the device's register can hold
    CONFIG = 6  # the item does not exist in the device or cannot be written
    PROTOCOL = 7  # the answer could not be understood; whether the value was used is not known
    WITHDRAWN = 8  # the wish was void before it was sent: the scan is gone, or this process stood still meanwhile


class OutputColumns:
    """What the scan wants of each output row, and what the field did about it.

    The scan writes `value` f8 (declared unit), `quality` u2 (a bad value is not written) and `sequence` i8, raised
    when the value changed or is asked for again, `granted_generation`, the generation of the field process that may
    write (0 for none), and `scan_heartbeat_ns`, the monotonic time of its last completed scan. The field writes
    `written_value` f8 (declared unit, as sent), `write_sequence` i8 (the sequence it tried last), `write_ns` i8 (when
    the device confirmed it) and `error` i4 (`WriteError`, 0 none). A write succeeded when `write_sequence` has reached
    `sequence` and `error` is 0. `write_sequence` moves on a failed attempt as well; a failed write is tried again at
    the next write period while the device is up, without a new sequence.

    `over` gives arrays, by column name, for those columns that are to lie in other memory; they are reset.
    """

    def __init__(self, rows: int, over: Mapping[str, npt.NDArray[Any]] | None = None) -> None:
        self.value: F8 = _column(over, "value", rows, np.float64, np.nan)
        self.quality: U2 = _column(over, "quality", rows, np.uint16, NOT_YET)
        self.sequence: I8 = _column(over, "sequence", rows, np.int64)
        self.granted: I8 = _column(over, "granted", 1, np.int64)
        self.heartbeat: I8 = _column(over, "heartbeat", 1, np.int64)
        self.written_value: F8 = _column(over, "written_value", rows, np.float64, np.nan)
        self.write_sequence: I8 = _column(over, "write_sequence", rows, np.int64)
        self.write_ns: I8 = _column(over, "write_ns", rows, np.int64)
        self.error: I4 = _column(over, "error", rows, np.int32)

    def __len__(self) -> int:
        return len(self.value)

    @property
    def granted_generation(self) -> int:
        """The generation of the field process that may write, 0 for none. Only the scan sets it."""
        return int(self.granted[0])

    @granted_generation.setter
    def granted_generation(self, generation: int) -> None:
        self.granted[0] = generation

    @property
    def scan_heartbeat_ns(self) -> int:
        """Monotonic ns of the last completed scan; 0 before the first. Only the scan sets it."""
        return int(self.heartbeat[0])

    @scan_heartbeat_ns.setter
    def scan_heartbeat_ns(self, now_ns: int) -> None:
        self.heartbeat[0] = now_ns


class FieldEventKind(IntEnum):
    """What happened in the field."""

    LINK_UP = 1
    LINK_DOWN = 2
    DEVICE_ERROR = 3
    DISCREPANCY = 4  # the device is not as the configuration says: identity, unit, range
    OUTPUTS = 5  # whether outputs are written: closed, open, at their fail-safe values


@dataclass(frozen=True, slots=True)
class FieldEvent:
    """One thing that happened to a device, told once when it begins and once when it ends.

    `mono_ns` and `utc_ns` are the plant clock's; `point` is the tag or item it concerns, empty for the whole device.
    """

    mono_ns: int
    utc_ns: int
    kind: FieldEventKind
    device: str
    text: str
    point: str = ""


class FieldEvents:
    """A bounded list of field events: drivers append, the scan (or the recorder) drains.

    When full the oldest event makes room and `dropped` counts it, so that a device that flaps cannot fill memory.
    """

    def __init__(self, limit: int = 4096) -> None:
        self._events: deque[FieldEvent] = deque(maxlen=limit)
        self.dropped = 0

    def append(self, event: FieldEvent) -> None:
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
        self._events.append(event)

    def drain(self) -> list[FieldEvent]:
        """All events since the last call, oldest first."""
        events = list(self._events)
        self._events.clear()
        return events

    def __len__(self) -> int:
        return len(self._events)


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """One datum of a device that a tag is bound to, as the compiler hands it to the driver.

    `index` is the row in `InputColumns` (for an input) or `OutputColumns` (for an output). The value in the tag's
    declared `unit` is `raw * factor + offset`, where raw is what the profile's item calls its value (its own counts
    already scaled to the item's unit); link merges the units' conversion into both, an output runs it backwards.
    `config` is the profile's item merged with the tag's own addressing, validated by the driver's `Item`. It may hold
    `stale_after` in seconds for information; ageing itself is the scan's.
    """

    tag: str
    index: int
    unit: str = ""
    factor: float = 1.0
    offset: float = 0.0
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device of the plan: which driver (`kind`), where (`connect`), its settings and its items.

    `config` is the profile's device settings merged with those of the text, validated by the driver's `Config`.
    `order` is the device's number in the plan, from 0: it alone decides at which instants of the clock the device
    works, so that no two devices share one. Inputs and outputs keep the plan's order. `simulated` tells that a
    simulator answers at `connect`: a plan never says it, the simulator does with the address that it gives out.
    """

    name: str
    kind: str
    connect: str
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[ItemPlan, ...] = ()
    outputs: tuple[ItemPlan, ...] = ()
    order: int = 0
    simulated: bool = False


# What a simulator puts behind the address that it gives out, so that its values are marked.
SIMULATOR: Final = "#simulated"

# What every input of a device has while its link is down.
LINK_LOST: Final = bad_because(Reason.COMM)


def may_write(quality: int) -> bool:
    """Whether a value of this quality may be sent to a device: anything but bad."""
    return (quality & BAD) == 0
