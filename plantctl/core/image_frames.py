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
    the row numbers to record, `tags` the stable tag ids of `inputs` followed by `others`. `source_ns` may be shorter
    than the others as long as it covers the input rows.
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
        self._inputs = np.asarray(inputs, np.intp)
        self._rows = np.concatenate((self._inputs, np.asarray(others, np.intp)))
        self._tags = np.asarray(tags, np.dtype("<u4"))
        rows, self._n = len(self._rows), len(self._inputs)
        if len(self._tags) != rows:
            raise ValueError(f"{rows} rows have {len(self._tags)} tag ids")
        self._now = _Columns(rows, self._n)
        self._last = _Columns(rows, self._n)
        self._changed = np.zeros(rows, np.bool_)
        self._differs = np.zeros(rows, np.bool_)
        self._key_ns = 0

    def start(self, scan: int, mono_ns: int, utc_ns: int) -> None:
        """Begins a run: the time, then a key frame of the image as it is before the scan of number `scan`."""
        self.time(scan, mono_ns, utc_ns)
        self._take()
        self._now, self._last = self._last, self._now
        self._key(RowsFlag.RUN_START, scan, mono_ns)

    def time(self, scan: int, mono_ns: int, utc_ns: int, offset_ns: int = 0, locked: bool = True) -> None:
        """Appends a time frame: `utc_ns` is the plant's UTC at `mono_ns`. To be called once a second.

        `offset_ns` is the clock service's estimate of the error, `locked` whether it follows a reference.
        """
        self._ring.append(Kind.TIME, scan, mono_ns, _TIME.pack(mono_ns, utc_ns, offset_ns, int(locked), 0))

    def scan(self, scan: int, mono_ns: int, dt_s: Sequence[float] | F8) -> int:
        """Ends a scan: one delta frame, and a key frame where one is due. Returns the number of rows written.

        `dt_s` is the time step in s that each task's blocks got in this scan, 0 for a task that was not stepped.
        """
        self._take()
        now, last, n = self._now, self._last, self._n
        changed, differs = self._changed, self._differs
        np.not_equal(now.value, last.value, out=changed)
        changed |= np.not_equal(now.quality, last.quality, out=differs)
        if n:
            head = changed[:n]
            head |= np.not_equal(now.receive_ns, last.receive_ns, out=differs[:n])
            head |= np.not_equal(now.source_ns, last.source_ns, out=differs[:n])
        rows = changed.nonzero()[0]
        inputs = rows[: int(np.searchsorted(rows, n))]
        self._ring.append(
            Kind.DELTA,
            scan,
            mono_ns,
            b"".join(
                (
                    ROWS_HEAD.pack(len(rows), len(inputs), len(dt_s), 0),
                    np.asarray(dt_s, "<f8").tobytes(),
                    now.value[rows].tobytes(),
                    now.source_ns[inputs].tobytes(),
                    now.receive_ns[inputs].tobytes(),
                    self._tags[rows].tobytes(),
                    now.quality[rows].tobytes(),
                )
            ),
        )
        self._now, self._last = last, now
        if mono_ns - self._key_ns >= KEY_PERIOD_NS:
            self._key(RowsFlag.PERIODIC, scan, mono_ns)
        return len(rows)

    def _take(self) -> None:
        """Gathers the recorded rows; in range by construction, so no bounds are checked."""
        now = self._now
        self._value.take(self._rows, out=now.value, mode="clip")
        self._quality.take(self._rows, out=now.quality, mode="clip")
        if self._n:
            self._receive_ns.take(self._inputs, out=now.receive_ns, mode="clip")
            self._source_ns.take(self._inputs, out=now.source_ns, mode="clip")

    def _key(self, flags: RowsFlag, scan: int, mono_ns: int) -> None:
        """Appends all rows as last gathered."""
        last = self._last
        self._key_ns = mono_ns
        self._ring.append(
            Kind.KEY,
            scan,
            mono_ns,
            b"".join(
                (
                    ROWS_HEAD.pack(len(self._rows), self._n, 0, flags),
                    last.value.tobytes(),
                    last.source_ns.tobytes(),
                    last.receive_ns.tobytes(),
                    self._tags.tobytes(),
                    last.quality.tobytes(),
                )
            ),
        )


class _Columns:
    """One gathered copy of the recorded rows; values as bits."""

    __slots__ = ("quality", "receive_ns", "source_ns", "value")

    def __init__(self, rows: int, inputs: int) -> None:
        self.value = np.zeros(rows, np.dtype("<i8"))
        self.quality = np.zeros(rows, np.dtype("<u2"))
        self.source_ns = np.zeros(inputs, np.dtype("<i8"))
        self.receive_ns = np.zeros(inputs, np.dtype("<i8"))
