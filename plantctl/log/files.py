"""Log files: their names, their head, and how the frames in one are found although some of it may be damaged.

A log is a folder of files `<first sequence>-<number>.log`, each 64 bytes of head and then frames as they were in the
ring, all of one plan. Beside them lies the text of every plan that wrote frames, `plan-<hash>.txt`.

A frame has no start mark of its own: its version and the plan's hash, at fixed places of every head, are the mark. All
places that look like a head are found at once by comparing columns; if each begins where the last ended, the file is
sound and no more has to be done; if not, the check sums decide which of them are frames, and the rest is skipped.

Rules of the file: nothing here writes; damage is counted, never raised.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import FRAME_BYTES_MAX, FRAME_BYTES_MIN, VERSION, Frame, Kind, crc32c, decode_frame

FILE_BYTES: Final = 64 << 20
HEAD_BYTES: Final = 64
FORMAT: Final = 1
MAGIC: Final = b"PLANTLOG"
# magic, format, head bytes, 0, plan hash, text id of the plant, first sequence, created UTC ns, created monotonic ns,
# 0, CRC-32C of all before
_HEAD: Final = struct.Struct("<8sHHIQQQqqI")
_CRC: Final = struct.Struct("<I")
_NAME: Final = re.compile(r"(\d{20})-(\d{3})\.log")
_PLAN: Final = re.compile(r"plan-([0-9a-f]{16})\.txt")

Column = npt.NDArray[np.int64]


class Readable(Protocol):
    """The part of a storage that reading needs."""

    def names(self) -> list[str]:
        """The names of the files, in text order."""
        ...

    def read(self, name: str, size: int = -1) -> bytes:
        """The first `size` bytes of a file, by default the whole."""
        ...


@dataclass(frozen=True, slots=True)
class FileHead:
    """The head of a log file. `created_utc_ns` and `created_mono_ns` are one moment; `plant` is a text id."""

    plan_hash: int
    plant: int
    first_sequence: int
    created_utc_ns: int
    created_mono_ns: int


def encode_head(head: FileHead) -> bytes:
    """The 64 bytes a log file begins with."""
    body = _HEAD.pack(
        MAGIC,
        FORMAT,
        HEAD_BYTES,
        0,
        head.plan_hash,
        head.plant,
        head.first_sequence,
        head.created_utc_ns,
        head.created_mono_ns,
        0,
    )
    return body + _CRC.pack(crc32c(body))


def decode_head(data: bytes) -> FileHead | None:
    """The head of a log file, None when it is damaged, cut short or of a format that is not known."""
    if len(data) < HEAD_BYTES or crc32c(data[: _HEAD.size]) != _CRC.unpack_from(data, _HEAD.size)[0]:
        return None
    magic, number, size, _, plan_hash, plant, first, utc_ns, mono_ns, _ = _HEAD.unpack_from(data)
    if magic != MAGIC or number != FORMAT or size != HEAD_BYTES:
        return None
    return FileHead(plan_hash, plant, first, utc_ns, mono_ns)


def log_name(first_sequence: int, number: int = 0) -> str:
    """The name of a log file; `number` tells files apart that begin with the same frame."""
    return f"{first_sequence:020d}-{number:03d}.log"


def log_names(names: Iterable[str]) -> list[str]:
    """Those of `names` that are log files, in the order they were written."""
    return sorted(name for name in names if _NAME.fullmatch(name))


def first_sequence_of(name: str) -> int:
    """The first sequence of a log file, as its name says."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name} is not the name of a log file")
    return int(match[1])


def plan_name(plan_hash: int) -> str:
    """The name of the file that keeps a plan's text."""
    return f"plan-{plan_hash:016x}.txt"


def plan_hashes(names: Iterable[str]) -> list[int]:
    """The plans whose texts are among `names`."""
    return [int(match[1], 16) for name in names if (match := _PLAN.fullmatch(name))]


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Where the frames of a file are and what their heads say, as columns.

    `checked` says whether the check sums were looked at already. `skipped` counts damaged stretches between frames,
    `end` is where the last frame ends.
    """

    offset: Column
    length: Column
    kind: Column
    sequence: Column
    scan: Column
    mono_ns: Column
    checked: bool
    skipped: int
    end: int

    def __len__(self) -> int:
        return len(self.offset)

    def pick(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "FrameIndex":
        """The index of some of the frames."""
        return replace(
            self,
            offset=self.offset[rows],
            length=self.length[rows],
            kind=self.kind[rows],
            sequence=self.sequence[rows],
            scan=self.scan[rows],
            mono_ns=self.mono_ns[rows],
        )


def index_frames(data: bytes, plan_hash: int) -> FrameIndex:
    """Finds the frames of `plan_hash` in a log file's bytes.

    Where the chain of frames is sound their check sums are left to whoever reads them; where it is not, they decide.
    """
    words = np.frombuffer(data, "<u8", len(data) // 8)
    first = HEAD_BYTES // 8
    at = np.flatnonzero(words[first + 4 :] == plan_hash) + first
    head = words[at]
    length = (head & 0xFFFF_FFFF).astype(np.int64)
    kind = ((head >> np.uint64(32)) & np.uint64(0xFFFF)).astype(np.int64)
    version = head >> np.uint64(48)
    fits = (length >= FRAME_BYTES_MIN) & (length <= FRAME_BYTES_MAX) & (length % 8 == 0) & (version == VERSION)
    fits &= 8 * at + length <= len(data)
    at, length, kind = at[fits], length[fits], kind[fits]
    index = FrameIndex(
        8 * at.astype(np.int64),
        length,
        kind,
        words[at + 1].astype(np.int64),
        words[at + 2].astype(np.int64),
        words[at + 3].astype(np.int64),
        checked=False,
        skipped=0,
        end=int(8 * at[-1] + length[-1]) if len(at) else HEAD_BYTES,
    )
    starts = np.append(index.offset, index.end)
    chain = np.concatenate(([HEAD_BYTES], index.offset + index.length))
    return index if np.array_equal(starts, chain) else _check(data, index)


def _check(data: bytes, index: FrameIndex) -> FrameIndex:
    """Keeps the places that are frames by their check sum and do not lie inside another."""
    keep: list[int] = []
    end, skipped = HEAD_BYTES, 0
    for i, (offset, length) in enumerate(zip(index.offset.tolist(), index.length.tolist(), strict=True)):
        if offset < end or not is_whole(data, offset, length):
            continue
        skipped += offset > end
        keep.append(i)
        end = offset + length
    return replace(index.pick(np.array(keep, np.intp)), checked=True, skipped=skipped, end=end)


def is_whole(data: bytes, offset: int, length: int) -> bool:
    """Whether the check sum of the frame at `offset` is right."""
    end = offset + length - _CRC.size
    return bool(crc32c(data[offset:end]) == _CRC.unpack_from(data, end)[0])


@dataclass(slots=True)
class LogFile:
    """One log file in memory. `head` is None when it was damaged; the frames may still be there."""

    name: str
    data: bytes
    head: FileHead | None
    plan_hash: int
    index: FrameIndex
    damaged: int = 0

    def frame(self, i: int) -> Frame | None:
        """The frame at place `i` of the index, None when it is damaged (counted in `damaged`)."""
        try:
            return decode_frame(self.data, int(self.index.offset[i]))
        except LogDamaged:
            self.damaged += 1
            return None

    def frames(self) -> Iterator[Frame]:
        """The frames of the index that are whole, in order."""
        for i in range(len(self.index)):
            frame = self.frame(i)
            if frame is not None:
                yield frame

    def places(self, kind: Kind) -> npt.NDArray[np.intp]:
        """The places of the frames of one kind in the index."""
        return np.flatnonzero(self.index.kind == kind)


def load_file(storage: Readable, name: str) -> LogFile:
    """Reads a log file. With a damaged head its plan is taken from its frames. Raises `OSError`."""
    data = storage.read(name)
    head = decode_head(data)
    if head is not None:
        return LogFile(name, data, head, head.plan_hash, index_frames(data, head.plan_hash))
    inside = np.frombuffer(data, "<u8", 1, HEAD_BYTES + 32).tolist() if len(data) >= HEAD_BYTES + 40 else []
    for plan_hash in inside + plan_hashes(storage.names()):
        index = index_frames(data, plan_hash)
        if any(is_whole(data, int(o), int(n)) for o, n in zip(index.offset[:3], index.length[:3], strict=True)):
            return LogFile(name, data, None, plan_hash, index)
    return LogFile(name, data, None, 0, index_frames(b"", 0))
