"""All memory that the processes of one plant share, made once by the supervisor and held until the plant ends.

A process that dies takes none of it along: its successor is handed the same segment and goes on in it. Each process is
handed its own segment to write, the others to read, and the wake-ups it needs; nothing else.
"""

import os
from collections.abc import Mapping
from typing import Final

from plantctl.app.shared_memory import create, map_readable, map_writable, read_only
from plantctl.app.split.hand_over import WOKEN, Settings, argument, pack
from plantctl.app.split.segments import COMMANDS, EVENTS, FRAMES, Role, layout_of
from plantctl.core.ring import RingWriter
from plantctl.core.segment import SegmentReader, SegmentWriter
from plantctl.history.upkeep.seal import sealed_through
from plantctl.log.recovery import find_end
from plantctl.log.storage import Storage
from plantctl.plan.plan import Plan

RINGS: Final = {Role.SCAN: FRAMES, Role.FIELD: EVENTS, Role.GATEWAY: COMMANDS}


class PlantMemory:
    """The segments, rings, wake-ups and the packed plan. The frame ring begins with `first_sequence`.

    Raises `OSError` where the kernel has no memory for it. To be closed.
    """

    def __init__(self, plan: Plan, settings: Settings, first_sequence: int) -> None:
        self._plan = plan
        self._open: list[int] = []
        self._listening = tuple(s.descriptor for s in (settings.page, settings.opcua) if s is not None)
        try:
            self.packed = self._kept(pack(plan, settings))
            self.writable: Mapping[Role, int] = {
                role: self._kept(create(role, layout_of(role, plan).bytes)) for role in Role
            }
            self.readable: Mapping[Role, int] = {r: self._kept(read_only(d)) for r, d in self.writable.items()}
            self.wakes: Mapping[Role, int] = {
                role: self._kept(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)) for role in WOKEN
            }
            for role, name in RINGS.items():
                self._begin_ring(role, name, first_sequence if role is Role.SCAN else 1)
        except BaseException:
            self.close()
            raise

    def _kept(self, descriptor: int) -> int:
        self._open.append(descriptor)
        return descriptor

    def _begin_ring(self, role: Role, name: str, first_sequence: int) -> None:
        """An empty ring, so that whoever comes first, writer or reader, finds one. Written here this once."""
        memory = memoryview(map_writable(self.writable[role]))
        RingWriter(memory[layout_of(role, self._plan).area_slice(name)], self._plan.hash, first_sequence)

    def handed(self, role: Role, parent: int) -> tuple[str, tuple[int, ...]]:
        """What a process of `role` is told, and the descriptors it inherits."""
        segments = {**self.readable, role: self.writable[role]}
        wakes = {r: d for r, d in self.wakes.items() if role in (r, Role.SCAN)}
        told = argument(role, parent, self.packed, segments, wakes)
        listening = self._listening if role is Role.GATEWAY else ()
        return told, (self.packed, *segments.values(), *wakes.values(), *listening)

    def reader(self, role: Role) -> SegmentReader:
        """A reader of the segment of `role`."""
        return SegmentReader(map_readable(self.readable[role]), layout_of(role, self._plan))

    def own(self) -> SegmentWriter:
        """The supervisor's own segment."""
        role = Role.SUPERVISOR
        return SegmentWriter(map_writable(self.writable[role]), layout_of(role, self._plan), self._plan.hash)

    def close(self) -> None:
        """Give the descriptors back; the memory lives as long as a process maps it."""
        while self._open:
            os.close(self._open.pop())


def next_sequence(storage: Storage, history: Storage, utc_ns: int) -> int:
    """The number of the first frame of this run: above every frame of the log and of what was sealed of it, also where
    its disk cannot be read.

    Then it follows from the time, as the recorder's own count does.
    """
    try:
        return max(find_end(storage).sequence, sealed_through(history)) + 1
    except OSError:
        return max(0, utc_ns // 1000) + 1
