"""What a driver is, and the port through which it reaches the plant.

A driver knows how to talk to one kind of device: open, identify, read, write, close. It does not know when: the
runner decides that, and also retries, backs off, marks what is lost and keeps the statistics. A driver hands every
number it has understood to its port; what went wrong with the whole connection it raises as a `DeviceError`.

Rules of the file: a driver never touches the columns itself, never sleeps to keep time and never retries.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from plantctl.core.clock import Clock
from plantctl.core.device_statistics import DeviceStatistics
from plantctl.core.errors import DeviceError
from plantctl.core.field import (
    LINK_LOST,
    DevicePlan,
    FieldEvent,
    FieldEventKind,
    FieldEvents,
    InputColumns,
    OutputColumns,
    WriteError,
)
from plantctl.core.quality import BAD, GOOD, NE107_SHIFT, SEVERITY_MASK, SIMULATED, Ne107, Reason, bad_because
from plantctl.drivers._settings import DeviceSettings

Positions = npt.NDArray[np.intp]
NOT_FINITE = bad_because(Reason.RANGE) | (Ne107.FAILURE << NE107_SHIFT)


@dataclass(frozen=True, slots=True)
class Job:
    """One thing a driver reads in one go, every `period_s` seconds."""

    name: str
    period_s: float


@dataclass(frozen=True, slots=True)
class Wish:
    """One value to write: `position` in the device's outputs, `value` in the item's unit.

    `refresh` says that the value did not change and is repeated to keep the device's watchdog quiet.
    """

    position: int
    value: float
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a wish: `value` in the item's unit as it was really sent, and the error, if any."""

    position: int
    value: float
    error: WriteError = WriteError.NONE
    text: str = ""


class Withdrawn(DeviceError):
    """What was to be written is not to be written any more; nothing was sent. The link is as it was."""


class Permit:
    """Whether what was wished may still be sent. This one always says yes: scan and drivers are one process.

    Where they are two, the scan may be gone, and either process may have been stopped anywhere. `refreshes` tells
    whether unchanged values are repeated to keep a device's watchdog quiet.
    """

    refreshes = True

    def take(self) -> Hashable:
        """To be kept with wishes taken now."""
        return None

    def holds(self, taken: Hashable) -> bool:
        """Whether wishes taken then may be sent now."""
        return True

    def quiet(self, order: int) -> bool:
        """Whether nothing at all may be asked of the device with this number now."""
        return False


ALWAYS: Final = Permit()


class Port:
    """A device's place at the table: where its driver puts what it has read, and says what is wrong.

    Positions count the device's own inputs, from 0. Values are in the item's unit; the port applies the plan's factor
    and offset. A value that is not a finite number arrives as NaN, bad, range, whatever the device says about it.
    What a simulator says is marked as simulated, whatever its quality.
    `secrets` is the folder of the plant's keys, certificates and passwords; None where the plant has none.
    """

    def __init__(
        self,
        device: DevicePlan,
        inputs: InputColumns,
        outputs: OutputColumns,
        clock: Clock,
        events: FieldEvents,
        permit: Permit = ALWAYS,
        secrets: Path | None = None,
    ) -> None:
        self.device = device
        self.secrets = secrets
        self.outputs = outputs
        self.clock = clock
        self.permit = permit
        self._taken: Hashable = None
        self.statistics = DeviceStatistics()
        self._inputs = inputs
        self._events = events
        self._rows = np.array([i.index for i in device.inputs], dtype=np.intp)
        self._factor = np.array([i.factor for i in device.inputs], dtype=np.float64)
        self._offset = np.array([i.offset for i in device.inputs], dtype=np.float64)
        self._plain = [(i.index, float(i.factor), float(i.offset)) for i in device.inputs]
        self._mark = SIMULATED if device.simulated else 0
        self._troubled: dict[str, tuple[str, str]] = {}

    def put(self, position: int, value: float, quality: int = GOOD, source_ns: int | None = None) -> None:
        """One value that has just arrived. `source_ns` UTC, by default now."""
        row, factor, offset = self._plain[position]
        final = value * factor + offset
        if not math.isfinite(final):
            final = math.nan
            if (quality & SEVERITY_MASK) < BAD:
                quality = NOT_FINITE
        now_ns = self.clock.monotonic_ns()
        self._inputs.value[row] = final
        self._inputs.quality[row] = quality | self._mark
        self._inputs.receive_ns[row] = now_ns
        self.statistics.lived(now_ns)
        self._inputs.source_ns[row] = self.clock.utc_ns() if source_ns is None else source_ns

    def put_many(
        self, positions: Positions, values: npt.NDArray[np.float64], quality: int = GOOD, source_ns: int | None = None
    ) -> None:
        """Many values of one quality that have just arrived together."""
        rows = self._rows[positions]
        with np.errstate(over="ignore", invalid="ignore"):
            final = values * self._factor[positions] + self._offset[positions]
        fine = np.isfinite(final)
        if fine.all():
            self._inputs.quality[rows] = quality | self._mark
        else:
            final = np.where(fine, final, np.nan)
            worse = quality if (quality & SEVERITY_MASK) >= BAD else NOT_FINITE
            self._inputs.quality[rows] = np.where(fine, quality, worse) | self._mark
        now_ns = self.clock.monotonic_ns()
        self._inputs.value[rows] = final
        self._inputs.receive_ns[rows] = now_ns
        self.statistics.lived(now_ns)
        self._inputs.source_ns[rows] = self.clock.utc_ns() if source_ns is None else source_ns

    def mark(self, positions: Positions, quality: int) -> None:
        """The values stay as they were last known, their quality becomes `quality`."""
        self._inputs.quality[self._rows[positions]] = quality | self._mark

    def alive(self, positions: Positions) -> None:
        """A sign of life of these inputs' source: their values were confirmed without being sent again."""
        now_ns = self.clock.monotonic_ns()
        self._inputs.receive_ns[self._rows[positions]] = now_ns
        self.statistics.lived(now_ns)

    def all_lost(self, quality: int = LINK_LOST) -> None:
        """Every input of the device becomes bad; the values stay last known."""
        self._inputs.quality[self._rows] = quality | self._mark

    def take_wishes(self) -> None:
        """What is written from now on was wished now."""
        self._taken = self.permit.take()

    def ask_to_write(self) -> None:
        """To be called right before each telegram that changes anything in the device; raises Withdrawn."""
        if not self.permit.holds(self._taken):
            raise Withdrawn(self.device.name, "the wish was withdrawn before it was sent")

    @property
    def quiet(self) -> bool:
        """Whether nothing at all may be asked of the device now."""
        return self.permit.quiet(self.device.order)

    def tell(self, kind: FieldEventKind, text: str, point: str = "") -> None:
        """One event, now."""
        now_ns, utc_ns = self.clock.monotonic_ns(), self.clock.utc_ns()
        self._events.append(FieldEvent(now_ns, utc_ns, kind, self.device.name, text, point))

    def trouble(
        self, point: str, text: str, kind: FieldEventKind = FieldEventKind.DEVICE_ERROR, cause: str = ""
    ) -> None:
        """Something is wrong with a point: told once, until `mended` or until it is wrong for another cause.

        `cause` is by default the text; give it where the text holds numbers that change from one time to the next.
        """
        cause = cause or text
        if self._troubled.get(point, ("", ""))[0] != cause:
            self._troubled[point] = (cause, text)
            self.tell(kind, text, point)

    def mended(self, point: str) -> None:
        """What was wrong with the point is over: told once, and only when trouble had been told."""
        if point in self._troubled:
            _, text = self._troubled.pop(point)
            self.tell(FieldEventKind.DEVICE_ERROR, f"over: {text}", point)


class Driver(Protocol):
    """What one kind of device must be able to do. Every method may raise a `DeviceError`; the runner retries.

    `settings` of the device; `jobs` what there is to read, fixed for life; `refresh_s` after how many seconds without
    a write the values in `refreshed` (positions of outputs) are repeated, None for never. `quiet_s`: for how long
    nothing may be asked so that the device's own watchdog expires, 0 where reading does not keep it quiet.
    `watchdog_s`: after how many seconds without us the device goes to its safe state, None where that is not known.
    """

    settings: DeviceSettings
    jobs: Sequence[Job]
    refresh_s: float | None
    refreshed: Sequence[int]
    quiet_s: float
    watchdog_s: float | None

    async def open(self) -> None:
        """Connect."""

    async def identify(self) -> None:
        """Make sure that the right device answers; raises `WrongDevice`."""

    async def read(self, job: int) -> None:
        """Do one read job and put what was read."""

    async def prepare_writing(self) -> None:
        """Before the first write of a connection: arm the watchdog, clear old errors. May raise Withdrawn."""

    async def write(self, wishes: Sequence[Wish]) -> Sequence[Written]:
        """Write the wishes in their order; one answer each.

        Right before each telegram that changes anything the port is asked (`ask_to_write`). Withdrawn may be raised
        where nothing was sent at all; else each wish has its own answer.
        """

    async def close(self) -> None:
        """Let go of the connection, whatever its state; never waits for the peer for long."""


class DriverDefaults:
    """What a simple driver need not say: nothing to identify by, nothing to prepare, nothing to close or repeat."""

    refresh_s: float | None = None
    refreshed: Sequence[int] = ()
    quiet_s = 0.0
    watchdog_s: float | None = None

    async def identify(self) -> None:
        """Anything that answers is the right device."""

    async def prepare_writing(self) -> None:
        """There is nothing to prepare."""

    async def write(self, wishes: Sequence[Wish]) -> Sequence[Written]:
        """Nothing can be written; a driver that can says how."""
        return [Written(w.position, w.value, WriteError.CONFIG, "this driver cannot write") for w in wishes]

    async def close(self) -> None:
        """There is nothing to let go of."""


class DriverModule(Protocol):
    """A file of this folder: the settings of its devices and items, its driver and how far it has been taken.

    `SCALE` holds rule: `done` or `exempt: why`, the rules of docs/reference/device-profiles.md. A file may also name
    `LIBRARIES`, which take long to import: what cannot wait for them imports them before anything runs.
    """

    Config: Any
    Item: Any
    Driver: Any
    SCALE: dict[str, str]
