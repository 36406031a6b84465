"""Writes the process image down: what changed in a scan, and all of it now and then.

The executive calls `scan` once at the end of every scan. It compares the recorded rows with what they were, bit by
bit, and appends one delta frame with the rows that differ and the time step of every task, also when nothing changed:
a replay needs the steps. Every 10 s a key frame with all rows follows, so that a reader can start there.

Rules of the file: no row is touched by Python; comparing is by bits, so that a NaN equals itself and -0.0 is not 0.0;
the columns are the image's own and are read only after the scan's last write.
"""

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.frame import F8, I8, KEY_PERIOD_NS, ROWS_HEAD, U2, Kind, RowsFlag
from plantctl.core.ring import RingWriter

Index = npt.NDArray[np.intp]
_TIME: Final = struct.Struct("<qqqII")  # `frame.TIME`


class ImageFrames:
    """The recorded rows of one image and the ring they go to.

    `value`, `quality`, `receive_ns`, `source_ns` are the image's columns and stay its own. `inputs` and `others` are
    the row numbers to record, `tags` the stable tag ids of `inputs` followed by `others`. A row counts as changed when
    the bits of its value or its quality did, an input row also when its source time did; receive times that move alone
    (polls that bring nothing new) do not count.
    """

    def __init__(
        self,
        ring: RingWriter,
        value: F8,
        quality: U2,
        receive_ns: I8,
        source_ns: I8,
        inputs: Sequence[int] | Index,
        others: Sequence[int] | Index,
        tags: Sequence[int] | npt.NDArray[np.unsignedinteger],
    ) -> None:
        self._ring = ring
        self._value = value.view(np.int64)
        self._quality = quality
        self._receive_ns = receive_ns
        self._source_ns = source_ns
        self._rows = np.concatenate((np.asarray(inputs, np.intp), np.asarray(others, np.intp)))
        self._inputs = len(inputs)
        self._where = _selector(self._rows)
        self._where_inputs = _selector(self._rows[: self._inputs])
        self._tags = np.asarray(tags, np.dtype("<u4"))
        rows = len(self._rows)
        if len(self._tags) != rows:
            raise ValueError(f"{rows} rows have {len(self._tags)} tag ids")
        self._last_value = np.zeros(rows, np.int64)
        self._last_quality = np.zeros(rows, np.uint16)
        self._last_source_ns = np.zeros(self._inputs, np.int64)
        self._changed = np.zeros(rows, np.bool_)
        self._differs = np.zeros(rows, np.bool_)
        self._head = self._changed[: self._inputs]
        self._head_differs = self._differs[: self._inputs]
        self._key_ns = 0
        self._views: tuple[I8, U2, I8] | None = None
        if isinstance(self._where, slice) and (isinstance(self._where_inputs, slice) or not self._inputs):
            self._views = self._columns()  # looked at where they lie, now and for ever

    def start(self, scan: int, mono_ns: int, utc_ns: int) -> None:
        """Begins a run: the time, then a key frame of the image as it is before the scan of number `scan`."""
        self.time(scan, mono_ns, utc_ns)
        self._key(RowsFlag.RUN_START, scan, mono_ns)
        self._last_value[:], self._last_quality[:], self._last_source_ns[:] = self._columns()

    def time(self, scan: int, mono_ns: int, utc_ns: int, offset_ns: int = 0, locked: bool = True) -> None:
        """Appends a time frame: `utc_ns` is the plant's UTC at `mono_ns`. To be called once a second.

        `offset_ns` is the clock service's estimate of the error, `locked` whether it follows a reference.
        """
        self._ring.append(Kind.TIME, scan, mono_ns, _TIME.pack(mono_ns, utc_ns, offset_ns, int(locked), 0))

    def scan(self, scan: int, mono_ns: int, dt_s: Sequence[float] | F8) -> Index:
        """Ends a scan: one delta frame, and a key frame where one is due. Returns the image rows that changed.

        `dt_s` is the time step in s that each task's blocks got in this scan, 0 for a task that was not stepped.
        """
        value, quality, source_ns = self._columns()
        changed, differs = self._changed, self._differs
        np.not_equal(value, self._last_value, changed)
        np.logical_or(changed, np.not_equal(quality, self._last_quality, differs), changed)
        np.logical_or(self._head, np.not_equal(source_ns, self._last_source_ns, self._head_differs), self._head)
        at = changed.nonzero()[0]
        inputs = at[: np.count_nonzero(self._head)]
        parts = [ROWS_HEAD.pack(len(at), len(inputs), len(dt_s), 0), struct.pack(f"<{len(dt_s)}d", *dt_s)]
        rows = self._rows[at]
        if len(at):
            np.copyto(self._last_value, value)
            np.copyto(self._last_quality, quality)
            np.copyto(self._last_source_ns, source_ns)
            receive_ns = self._receive_ns[rows[: len(inputs)]]
            columns = (value[at], source_ns[inputs], receive_ns, self._tags[at], quality[at])
            parts += [column.tobytes() for column in columns]
        self._ring.append(Kind.DELTA, scan, mono_ns, b"".join(parts))
        if mono_ns - self._key_ns >= KEY_PERIOD_NS:
            self._key(RowsFlag.PERIODIC, scan, mono_ns)
        return rows

    def _columns(self) -> tuple[I8, U2, I8]:
        """Value as bits and quality of the recorded rows, source time of the inputs, as they are now."""
        if self._views is not None:
            return self._views
        return self._value[self._where], self._quality[self._where], self._source_ns[self._where_inputs]

    def _key(self, flags: RowsFlag, scan: int, mono_ns: int) -> None:
        """Appends all rows as they are."""
        self._key_ns = mono_ns
        value, quality, source_ns = self._columns()
        columns = (value, source_ns, self._receive_ns[self._where_inputs], self._tags, quality)
        head = ROWS_HEAD.pack(len(self._rows), self._inputs, 0, flags)
        self._ring.append(Kind.KEY, scan, mono_ns, head + b"".join(column.tobytes() for column in columns))


def _selector(rows: Index) -> slice | Index:
    """The rows as a slice where they follow each other."""
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        return slice(int(rows[0]), int(rows[0]) + len(rows))
    return rows
