"""What the supervisor hands every process at its birth: the plan, and descriptors of the plant's memory.

The plan travels compiled, in sealed memory: all processes run the very same one, also when its text has changed on
disk since, and none of them needs the compiler. The bytes are a pickle; they are made by the parent, sealed against
every change, and reach the child as an inherited descriptor, so they are as trustworthy as the program itself.
Nothing from a file or a network is ever unpickled.
"""

import json
import os
import pickle
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from plantctl.app.shared_memory import frozen, map_readable, map_writable
from plantctl.app.split.segments import Role, layout_of
from plantctl.core.errors import PlantctlError
from plantctl.core.segment import SegmentReader, SegmentWriter
from plantctl.hmi.opcua.settings import OpcuaSettings
from plantctl.hmi.settings import PageSettings
from plantctl.plan.plan import Plan

if TYPE_CHECKING:
    import asyncio

# Who is woken by the scan after each publication; each is an eventfd.
WOKEN: Final = (Role.FIELD, Role.GATEWAY)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the plant is to run, as the command line said.

    `folder` is the plant's state folder; `origin_ns` the monotonic instant all schedules count from. The real-time
    wishes are granted as far as the machine allows: `priority` 1 to 99 for SCHED_FIFO (0: none), `lock_memory`,
    `cpu` (-1: any), `awake` (keep the processor out of deep sleep). `page` is where the page is served, `opcua` where
    the OPC UA server is; None: nowhere.
    """

    folder: Path
    origin_ns: int
    compiled: bool = True
    endpoints: Mapping[str, str] | None = None
    priority: int = 80
    lock_memory: bool = True
    cpu: int = -1
    awake: bool = True
    page: PageSettings | None = None
    opcua: OpcuaSettings | None = None


@dataclass(frozen=True, slots=True)
class HandOver:
    """What one process holds: its role, its parent, the plan, the settings, descriptors by role."""

    role: Role
    parent: int
    plan: Plan
    settings: Settings
    segments: Mapping[Role, int]
    wakes: Mapping[Role, int]

    def own(self) -> SegmentWriter:
        """The segment this process writes. To be called once; `take_over` is the caller's."""
        return SegmentWriter(map_writable(self.segments[self.role]), layout_of(self.role, self.plan), self.plan.hash)

    def reader(self, role: Role, only: Collection[str] | None = None) -> SegmentReader:
        """A reader of another process's segment, or of some columns; where that has not begun yet it reads nothing."""
        return SegmentReader(map_readable(self.segments[role]), layout_of(role, self.plan), only)

    def listen(self, loop: "asyncio.AbstractEventLoop", woken: Callable[[], None]) -> None:
        """Have `loop` call `woken` whenever the scan has published something."""
        descriptor = self.wakes[self.role]

        def heard() -> None:
            with suppress(BlockingIOError):
                os.eventfd_read(descriptor)
            woken()

        loop.add_reader(descriptor, heard)

    def wake(self, role: Role) -> None:
        """Wake the process of `role`; never waits, and does nothing where nobody listens."""
        with suppress(BlockingIOError):
            os.eventfd_write(self.wakes[role], 1)


def pack(plan: Plan, settings: Settings) -> int:
    """Plan and settings in sealed memory; its descriptor."""
    return frozen("plan", pickle.dumps((plan, settings), pickle.HIGHEST_PROTOCOL))


def argument(role: Role, parent: int, packed: int, segments: Mapping[Role, int], wakes: Mapping[Role, int]) -> str:
    """The one argument of a child: descriptor numbers, as JSON."""
    return json.dumps({"role": role, "parent": parent, "plan": packed, "segments": segments, "wakes": wakes})


def received(text: str) -> HandOver:
    """What the argument of this process stands for; `PlantctlError` where it was not made by a supervisor."""
    try:
        told: dict[str, Any] = json.loads(text)
        with map_readable(int(told["plan"])) as memory:
            plan, settings = pickle.loads(memory)
        by_role = [{Role(r): int(d) for r, d in told[name].items()} for name in ("segments", "wakes")]
        return HandOver(Role(told["role"]), int(told["parent"]), plan, settings, *by_role)
    except (ValueError, KeyError, TypeError, OSError, pickle.UnpicklingError) as error:
        raise PlantctlError(
            f"this process is started by `plantctl run`, not by hand ({type(error).__name__}: {error})"
        ) from error
