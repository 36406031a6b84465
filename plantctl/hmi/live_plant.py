"""What whoever shows or commands a running plant may ask of it, the same in both topologies."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from plantctl.core.command import LAST_STAGES, Command, Result, Stage
from plantctl.core.device_statistics import DeviceStatistics
from plantctl.core.event import Event
from plantctl.core.field import DevicePlan
from plantctl.plan.plan import Address, Plan


@dataclass(frozen=True, slots=True)
class LogWord:
    """What the recorder says of the log: frames written, until when it is durable, whether it fails and why."""

    frames: int = 0
    durable_utc_ns: int = 0
    failing: bool = False
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Whether scan and field are there: `link` is `ok`, `scan-dead`, `scan-replaced` (another one begins) or `held`
    (its outputs wait for a person); ages in ns since each last said that it lives.
    """

    link: str
    scan_age_ns: int
    field_age_ns: int


@dataclass(frozen=True, slots=True)
class Load:
    """How late scans began and how long they took, since the scan process began: counts by powers of two of a us.

    Place k counts what was below 2**k us and not below half of that, the last place everything longer.
    """

    lateness: Sequence[int]
    execution: Sequence[int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The plant after one scan. The columns are the image's; records are those of the plan's kinds, by number.

    They may be the plant's own memory: to be read at once and not kept.
    """

    scan: int
    v: npt.NDArray[np.float64]
    q: npt.NDArray[np.uint16]
    receive_ns: npt.NDArray[np.int64]
    source_ns: npt.NDArray[np.int64]
    records: Sequence[npt.NDArray[Any]]

    def number(self, address: Address) -> float:
        """A parameter or state of a block, in the unit the block computes in."""
        return float(self.records[address.kind][address.field][address.row])


def is_last(plan: Plan, command: Command, result: Result) -> bool:
    """Whether nothing more will be heard of `command` after this stage of it."""
    if result.stage is Stage.ACCEPTED:
        return command.verb != "set" or not any(output.tag == command.target for output in plan.outputs)
    return result.stage in LAST_STAGES


class LivePlant(Protocol):
    """A running plant as others see it."""

    @property
    def plan(self) -> Plan: ...

    @property
    def durable_answers(self) -> bool:
        """Whether an acceptance is told only when it is on disk; where it is not, it says so (`not-durable`)."""

    def monotonic_ns(self) -> int:
        """The plant's monotonic time."""

    def utc_ns(self) -> int:
        """The plant's UTC."""

    def snapshot(self) -> Snapshot:
        """The plant after the newest scan there is."""

    def device_statistics(self) -> Sequence[tuple[DevicePlan, DeviceStatistics]]:
        """Every device with its counters, in the plan's order."""

    def events(self) -> Sequence[Event]:
        """The last transitions, oldest first."""

    def log(self) -> LogWord:
        """How the log is."""

    def processes(self) -> Sequence[Mapping[str, Any]]:
        """The processes of the plant: `role`, `pid`, `state` (a word), `starts`, `gave_up`; empty where it is one."""

    def realtime(self) -> Sequence[Mapping[str, Any]]:
        """What makes the scan punctual: `name`, `wanted`, `held`; empty where it is no process of its own."""

    def hold(self) -> str:
        """Why the outputs wait for a person's release; empty where they do not."""

    def submit(self, command: Command, tell: Callable[[Result], None]) -> bool:
        """Hand a command to the scan; `tell` hears every stage. False where too many are under way already."""


class WatchedPlant(LivePlant, Protocol):
    """A running plant in processes, as the page's server sees it."""

    def pulse(self) -> Pulse:
        """Whether scan and field are there now."""

    def load(self) -> Load:
        """How punctual and how long the scans are."""

    def submit(self, command: Command, tell: Callable[[Result], None], heard_ns: int = 0) -> bool:
        """As above; stages are told until monotonic `heard_ns`, where that is later than the command's expiry."""
