"""A segment: the memory that one process of a plant writes and any number of others read, without ever waiting.

Each process that has something to say owns one segment; the kernel lets nobody else write it. What belongs together
lies in a slot, and there are two slots: the writer fills the older one and then publishes its number, so that a reader
always finds a whole one and a writer killed half-way spoils only the slot that nobody reads. Beside the slots lie
areas that carry their own order, such as a frame ring. The memory is the caller's: bytes of this process, or a shared
mapping.

    head    32 words of 8 bytes: magic, digest of the layout, hash of the plan, generation, heartbeat, sequence, state
    slot 0  u8 number of the publication (0: being filled), then the columns, each at a multiple of 64 bytes
    slot 1  the same
    areas   each at a multiple of 4096 bytes

Every process that takes the segment over raises its generation: whoever sees it change knows that the memory now
speaks for another process, however quickly that one was back. The heartbeat is the writer's last completed turn, in
monotonic ns, written after what it published.

Rules of the file: stores must be seen in order, which x86-64 keeps; nothing grows; a reader never believes a number of
the head beyond what the layout allows; times are arguments.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import PlantctlError

MAGIC: Final = int.from_bytes(b"PLANTSEG", "little")
HEAD_WORDS: Final = 32
HEAD_BYTES: Final = 8 * HEAD_WORDS
TRIES: Final = 3
_COLUMN_ALIGNMENT: Final = 64
_AREA_ALIGNMENT: Final = 4096
_MAGIC, _LAYOUT, _PLAN, _GENERATION, _HEARTBEAT, _SEQUENCE, _STATE, _STARTED = range(8)

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]


class SegmentRefused(PlantctlError):
    """The memory is not the segment that was expected; the message says which and why."""


class ProcessState(IntEnum):
    """Where the writer of a segment stands, as it says itself."""

    ABSENT = 0  # no process has taken the segment over yet
    STARTING = 1
    READY = 2
    ENDING = 3  # it was told to end and does so in order
    FAILED = 4  # it gave up and says why in its log


# Looked up in every scan, where asking the enumeration itself costs ten times as much.
_STATES: Final = tuple(ProcessState)


class Column(NamedTuple):
    """One column of a slot: its name, the type of an element, how many elements."""

    name: str
    dtype: np.dtype[Any]
    rows: int


@dataclass(frozen=True)
class Layout:
    """What lies in a segment: the columns of its slots and, beside them, areas by name with their bytes.

    Two processes that build it from the same plan get the same offsets; `digest` proves it.
    """

    name: str
    columns: tuple[Column, ...]
    areas: tuple[tuple[str, int], ...] = ()

    @property
    def slot_bytes(self) -> int:
        """The bytes of one slot, its number included."""
        end = _COLUMN_ALIGNMENT
        for _, column_end in self._places().values():
            end = column_end
        return _up(end, _COLUMN_ALIGNMENT)

    @property
    def bytes(self) -> int:
        """The bytes of the whole segment."""
        end = HEAD_BYTES + 2 * self.slot_bytes
        for _, size in self.areas:
            end = _up(end, _AREA_ALIGNMENT) + size
        return _up(end, _AREA_ALIGNMENT)

    @property
    def digest(self) -> int:
        """62 bits over names, types, sizes and order."""
        text = repr((self.name, [(c.name, c.dtype.descr, c.rows) for c in self.columns], self.areas))
        return int.from_bytes(sha256(text.encode()).digest()[:8], "little") >> 2

    def views(self, slot: Bytes, only: Collection[str] | None = None) -> dict[str, Array]:
        """The columns by name as arrays over the bytes of one slot; what they show changes with the bytes."""
        places = self._places()
        return {
            c.name: slot[slice(*places[c.name])].view(c.dtype) for c in self.columns if only is None or c.name in only
        }

    def spans(self, only: Collection[str] | None = None) -> list[tuple[int, int]]:
        """Start and end, within a slot, of the bytes that hold the columns named; neighbours in one."""
        spans: list[tuple[int, int]] = []
        for name, (start, end) in self._places().items():
            if only is not None and name not in only:
                continue
            if spans and start - spans[-1][1] < _COLUMN_ALIGNMENT:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return spans

    def area_slice(self, name: str) -> slice:
        """Where the area called `name` lies in the segment; `KeyError` where there is none."""
        end = HEAD_BYTES + 2 * self.slot_bytes
        for area, size in self.areas:
            start = _up(end, _AREA_ALIGNMENT)
            end = start + size
            if area == name:
                return slice(start, end)
        raise KeyError(name)

    def _places(self) -> dict[str, tuple[int, int]]:
        """Start and end of each column within a slot."""
        places = {}
        end = _COLUMN_ALIGNMENT
        for column in self.columns:
            start = _up(end, _COLUMN_ALIGNMENT)
            end = start + column.dtype.itemsize * column.rows
            places[column.name] = (start, end)
        return places


def _up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple


class _Mapped:
    """The head, slots and areas of a segment over `buffer`; `SegmentRefused` where it is too small for the layout."""

    def __init__(self, buffer: Any, layout: Layout) -> None:
        self.layout = layout
        self._memory: Bytes = np.frombuffer(buffer, np.uint8)
        if len(self._memory) < layout.bytes:
            raise SegmentRefused(
                f"the segment `{layout.name}` needs {layout.bytes} bytes, the memory has {len(self._memory)}"
            )
        self._head: npt.NDArray[np.int64] = self._memory[:HEAD_BYTES].view(np.int64)
        size = layout.slot_bytes
        self._slots = tuple(self._memory[HEAD_BYTES + k * size : HEAD_BYTES + (k + 1) * size] for k in (0, 1))
        self._numbers = tuple(slot[:8].view(np.int64) for slot in self._slots)

    def area(self, name: str) -> memoryview:
        """The bytes of the area called `name`, as they lie in the segment."""
        return self._memory.data[self.layout.area_slice(name)]

    @property
    def plan_hash(self) -> int:
        """The hash of the plan the writer runs, 64 bits."""
        return int(self._head[_PLAN]) & 0xFFFF_FFFF_FFFF_FFFF

    @property
    def generation(self) -> int:
        """How many processes have written this segment; 0 before the first. The writer may raise it for itself."""
        return int(self._head[_GENERATION])

    @property
    def heartbeat_ns(self) -> int:
        """Monotonic ns of the writer's last completed turn; 0 before the first."""
        return int(self._head[_HEARTBEAT])

    @property
    def sequence(self) -> int:
        """How many times something was published; 0 before the first."""
        return int(self._head[_SEQUENCE])

    @property
    def state(self) -> ProcessState:
        """What the writer says of itself; ABSENT for a number that is none."""
        number = int(self._head[_STATE])
        return _STATES[number] if 0 <= number < len(_STATES) else ProcessState.ABSENT

    @property
    def started_ns(self) -> int:
        """Monotonic ns at which the present writer took over."""
        return int(self._head[_STARTED])


class SegmentWriter(_Mapped):
    """The one writer of a segment.

    `live` are the columns by name in private memory, zeros at first: whoever fills them is seen by nobody until
    `publish`. The process must call `take_over` once, when its columns say what they should say at its start.
    `same_plan` tells that an earlier process wrote this segment for the same plan and layout. Memory that holds
    something else than a segment raises `SegmentRefused`.
    """

    def __init__(self, buffer: Any, layout: Layout, plan_hash: int) -> None:
        super().__init__(buffer, layout)
        head = self._head
        if int(head[_MAGIC]) not in (0, MAGIC):
            raise SegmentRefused(f"the memory of the segment `{layout.name}` holds something else")
        self._arena: Bytes = np.zeros(layout.slot_bytes, np.uint8)
        self.live: Mapping[str, Array] = layout.views(self._arena)
        self._plan_hash = plan_hash
        self.same_plan = (int(head[_MAGIC]), int(head[_LAYOUT]), self.plan_hash) == (MAGIC, layout.digest, plan_hash)

    def last(self) -> dict[str, Array] | None:
        """A copy of the last complete publication of an earlier process; None where there is none of this plan."""
        if not self.same_plan:
            return None
        reader = SegmentReader(self._memory, self.layout)
        return reader.columns if reader.take() else None

    def take_over(self, now_ns: int) -> int:
        """Begin to speak for a new process: publish `live`, then raise the generation, which is returned."""
        head = self._head
        head[_LAYOUT] = self.layout.digest
        head[_PLAN : _PLAN + 1].view(np.uint64)[0] = self._plan_hash
        head[_MAGIC] = MAGIC
        head[_STATE] = ProcessState.STARTING
        head[_STARTED] = now_ns
        self.publish()
        self.raise_generation()
        self.beat(now_ns)
        self.same_plan = True
        return self.generation

    def raise_generation(self) -> int:
        """Become another writer to all readers: what was granted to the old generation is void."""
        self._head[_GENERATION] += 1
        return self.generation

    def publish(self) -> int:
        """Make `live` what readers see; the number of the publication."""
        number = int(self._head[_SEQUENCE]) + 1
        which = number & 1
        self._numbers[which][0] = 0
        self._slots[which][_COLUMN_ALIGNMENT:] = self._arena[_COLUMN_ALIGNMENT:]
        self._numbers[which][0] = number
        self._head[_SEQUENCE] = number
        return number

    def beat(self, now_ns: int) -> None:
        """Say that a turn was completed, after everything it had to publish."""
        self._head[_HEARTBEAT] = now_ns

    def say(self, state: ProcessState) -> None:
        """Say where this process stands."""
        self._head[_STATE] = state


class SegmentReader(_Mapped):
    """One reader of a segment, with a copy of its own that never changes under its hands.

    `columns` are the columns of the last publication that `take` brought, zeros before. `torn` counts how often a
    whole copy could not be had and the one before was kept. The segment may still be empty when the reader is made.
    `only` names the columns that are wanted, where the others are not worth their copying.
    """

    def __init__(self, buffer: Any, layout: Layout, only: Collection[str] | None = None) -> None:
        super().__init__(buffer, layout)
        self._copy: Bytes = np.zeros(layout.slot_bytes, np.uint8)
        self._spare: Bytes = np.zeros(layout.slot_bytes, np.uint8)
        self._spans = layout.spans(only)
        self.columns: dict[str, Array] = layout.views(self._copy, only)
        self._spare_columns: dict[str, Array] = layout.views(self._spare, only)
        self.taken = 0
        self.torn = 0

    def check(self, plan_hash: int) -> None:
        """`SegmentRefused` where a process of another plan or another build of plantctl writes this segment."""
        if int(self._head[_MAGIC]) == 0:
            return
        if int(self._head[_MAGIC]) != MAGIC or int(self._head[_LAYOUT]) != self.layout.digest:
            raise SegmentRefused(f"the segment `{self.layout.name}` has another layout: other plan or other version")
        if self.plan_hash != plan_hash:
            raise SegmentRefused(
                f"the segment `{self.layout.name}` is of the plan {self.plan_hash:016x}, not {plan_hash:016x}"
            )

    def take(self) -> bool:
        """Copy the newest publication into `columns`, whole or not at all.

        False where there is none yet, or where the writer overtook three copies: `columns` then stays what it was.
        The arrays of `columns` are exchanged by this call: do not keep one over it.
        """
        for _ in range(TRIES):
            number = self.sequence
            if number <= 0 or int(self._head[_MAGIC]) != MAGIC:
                return False
            if number == self.taken:
                return True
            which = number & 1
            if int(self._numbers[which][0]) != number:
                continue
            for start, end in self._spans:
                self._spare[start:end] = self._slots[which][start:end]
            if int(self._numbers[which][0]) == number:
                self._copy, self._spare = self._spare, self._copy
                self.columns, self._spare_columns = self._spare_columns, self.columns
                self.taken = number
                return True
        self.torn += 1
        return False
