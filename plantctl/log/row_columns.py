"""The rows of many frames of a log as columns, read at once.

Where no row has a time of the device, as with devices that tell none, one zero stands for all of them, so that nothing
has to be moved, sorted and compared for it.

Rules of the file: pure; the frames' check sums were looked at before.
"""

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from plantctl.core.frame import CRC, F8, HEAD, I8, ROWS_HEAD, U2, U4

Number = TypeVar("Number", bound=np.generic)

_NO_TIME: Final = np.int64(0)
# Frames of so many rows are copied frame by frame, those of fewer row by row.
MANY_ROWS: Final = 100


def no_times(count: int) -> I8:
    """Times of the device of rows that have none: one zero that stands for all of them, so that nothing is moved."""
    return np.broadcast_to(_NO_TIME, count)


def has_times(source_ns: I8) -> bool:
    """Whether it is another column than that of `no_times`, or some of it."""
    return source_ns.strides != (0,)


def in_order(source_ns: I8, order: npt.NDArray[np.intp]) -> I8:
    """Times of the device of some rows, each once at most."""
    return source_ns.take(order) if has_times(source_ns) else no_times(len(order))


@dataclass(frozen=True, slots=True)
class RowColumns:
    """The rows of some frames, in the order of the frames; `flags` is one for each frame."""

    flags: U4
    frame: I8
    tag: U4
    value: F8
    quality: U2
    source_ns: I8


def _sliced(column: "np.ndarray[Any, np.dtype[Number]]", first: I8, count: I8) -> "np.ndarray[Any, np.dtype[Number]]":
    """So many numbers of a column from each of some places on."""
    ends = (first + count).tolist()
    return np.concatenate([column[:0], *(column[a:b] for a, b in zip(first.tolist(), ends, strict=True))])


def row_columns(data: bytes, offset: I8, length: I8) -> RowColumns:
    """All rows of key and delta frames at once: where their columns lie follows from their heads (`core.frame`)."""
    usable = len(data) & ~7
    i8, u4, u2 = (np.frombuffer(data, t, usable // np.dtype(t).itemsize) for t in ("<i8", "<u4", "<u2"))
    at = offset + HEAD.size
    rows, inputs, tasks, flags = (u4[at // 4 + k] for k in range(4))
    count, sources = rows.astype(np.int64), inputs.astype(np.int64)
    values = at + ROWS_HEAD.size + 8 * tasks.astype(np.int64)
    tags = values + 8 * count + 16 * sources
    sound = (sources <= count) & (tags + 6 * count <= offset + length - CRC.size)
    count = np.where(sound, count, 0)
    begin = np.cumsum(count) - count
    row = np.arange(int(count.sum()))
    frame = np.repeat(np.arange(len(offset)), count)
    words = (tags + 4 * count) // 2
    if len(row) >= MANY_ROWS * len(offset):
        value, tag, quality = _sliced(i8, values // 8, count), _sliced(u4, tags // 4, count), _sliced(u2, words, count)
    else:
        value = i8[row + np.repeat(values // 8 - begin, count)]
        tag = u4[row + np.repeat(tags // 4 - begin, count)]
        quality = u2[row + np.repeat(words - begin, count)]
    source_ns = no_times(len(row))
    if sources.any():
        is_input = np.flatnonzero(row - np.repeat(begin, count) < sources[frame])
        told = i8[is_input + (values // 8 + count - begin)[frame[is_input]]]
        if told.any():
            source_ns = np.zeros(len(row), np.int64)
            source_ns[is_input] = told
    return RowColumns(flags, frame, tag, value.view(np.float64), quality, source_ns)
