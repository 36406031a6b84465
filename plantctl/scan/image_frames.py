"""Writes the process image down: what changed in a scan, and all of it now and then.

The executive calls `scan` once at the end of every scan. It compares the recorded rows with what they were, bit by
bit, and appends one delta frame with the rows that differ and the time step of every task, also when nothing changed:
a replay needs the steps. Every 10 s a key frame with all rows follows, so that a reader can start there.

Rules of the file: comparing is by bits, so that a NaN equals itself and -0.0 is not 0.0; the columns are the image's
own and are read only after the scan's last write; payloads are laid out in one buffer that is as large as the largest.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.core.frame import F8, I8, KEY_PERIOD_NS, ROWS_HEAD, U2, Kind, RowsFlag, rows_bytes
from plantctl.core.ring import RingWriter
from plantctl.plan.bind import bind_routine

_TIME: Final = struct.Struct("<qqqII")  # `frame.TIME`


class ImageFrames:
    """The recorded rows of one image and the ring they go to.

    `value`, `quality`, `receive_ns`, `source_ns` are the image's columns and stay its own. `inputs` and `others` are
    the row numbers to record, `tags` the stable tag ids of `inputs` followed by `others`, `tasks` how many time steps
    a scan has. A row counts as changed when the bits of its value or its quality did, an input row also when its source
    time did; receive times that move alone (polls that bring nothing new) do not count.
    """

    def __init__(
        self,
        ring: RingWriter,
        value: F8,
        quality: U2,
        receive_ns: I8,
        source_ns: I8,
        inputs: Sequence[int],
        others: Sequence[int],
        tags: Sequence[int] | npt.NDArray[np.unsignedinteger],
        tasks: int,
        *,
        compiled: bool = False,
        cache: Path | None = None,
    ) -> None:
        rows = np.array([*inputs, *others], np.int64)
        if len(tags) != len(rows):
            raise ValueError(f"{len(rows)} rows have {len(tags)} tag ids")
        self._ring = ring
        self._inputs = len(inputs)
        self.key_ns = 0
        self._steps = struct.Struct(f"<{tasks}d")
        payload: Any = np.zeros((rows_bytes(len(rows), self._inputs, tasks) + 7) // 8, np.int64)
        self._payload = memoryview(payload).cast("B")
        self._head = self._payload.cast("I")
        arrays: dict[str, Any] = {
            "value": value.view(np.int64),
            "quality": quality,
            "receive_ns": receive_ns,
            "source_ns": source_ns,
            "rows": rows,
            "tags": np.array(tags, np.uint32),
            "last_value": np.zeros(len(rows), np.int64),
            "last_quality": np.zeros(len(rows), np.uint16),
            "last_source_ns": np.zeros(self._inputs, np.int64),
            "changed": np.zeros(len(rows), np.int64),
            "payload8": payload,
            "payload4": payload.view(np.uint32),
            "payload2": payload.view(np.uint16),
        }
        self._collect = bind_routine(collect, arrays, compiled=compiled, folder=cache)

    def start(self, scan: int, mono_ns: int, utc_ns: int) -> None:
        """Begins a run: the time, then a key frame of the image as it is before the scan of number `scan`."""
        self.time(scan, mono_ns, utc_ns)
        self._key(RowsFlag.RUN_START, scan, mono_ns)

    def time(self, scan: int, mono_ns: int, utc_ns: int, offset_ns: int = 0, locked: bool = True) -> None:
        """Appends a time frame: `utc_ns` is the plant's UTC at `mono_ns`. To be called once a second.

        `offset_ns` is the clock service's estimate of the error, `locked` whether it follows a reference.
        """
        self._ring.append(Kind.TIME, scan, mono_ns, _TIME.pack(mono_ns, utc_ns, offset_ns, int(locked), 0))

    def scan(self, scan: int, mono_ns: int, utc_ns: int, dt_s: Sequence[float]) -> int:
        """Ends a scan: one delta frame, and a key frame where one is due. Returns how many rows changed.

        `dt_s` is the time step in s that each task's blocks got in this scan, 0 for a task that was not stepped. Rows
        other than inputs that changed get the scan's times, in the image.
        """
        size = self._collect(self._inputs, len(dt_s), 0, mono_ns, utc_ns)
        assert size, "the comparison broke off"
        changed = self._head[0]
        self._steps.pack_into(self._payload, ROWS_HEAD.size, *dt_s)
        self._ring.append(Kind.DELTA, scan, mono_ns, self._payload[:size])
        if mono_ns - self.key_ns >= KEY_PERIOD_NS:
            self._key(RowsFlag.PERIODIC, scan, mono_ns)
        return changed

    def _key(self, flags: RowsFlag, scan: int, mono_ns: int) -> None:
        """Appends all rows as they are; the next scan is compared with them."""
        self.key_ns = mono_ns
        size = self._collect(self._inputs, 0, 1, mono_ns, 0)
        assert size, "the comparison broke off"
        self._head[3] = flags
        self._ring.append(Kind.KEY, scan, mono_ns, self._payload[:size])


def collect(
    value: Any,
    quality: Any,
    receive_ns: Any,
    source_ns: Any,
    rows: Any,
    tags: Any,
    last_value: Any,
    last_quality: Any,
    last_source_ns: Any,
    changed: Any,
    payload8: Any,
    payload4: Any,
    payload2: Any,
    inputs: int,
    tasks: int,
    all_rows: int,
    mono_ns: int,
    utc_ns: int,
) -> int:
    """Lay out the payload of a delta frame, or of a key frame (`all_rows`), compiled or interpreted; its bytes.

    `payload8`, `payload4` and `payload2` are the same bytes, as i8, u4 and u2; the layout is that of `core.frame`, the
    time steps between head and values are the caller's. What was written is what the next call compares with.
    """
    count = fresh = 0
    for k in range(len(rows)):
        row = rows[k]
        if all_rows == 0:
            same = value[row] == last_value[k] and quality[row] == last_quality[k]
            if same and (k >= inputs or source_ns[row] == last_source_ns[k]):
                continue
            if k >= inputs:
                receive_ns[row] = mono_ns
                source_ns[row] = utc_ns
        last_value[k] = value[row]
        last_quality[k] = quality[row]
        if k < inputs:
            last_source_ns[k] = source_ns[row]
            fresh += 1
        changed[count] = k
        count += 1
    payload4[0] = count
    payload4[1] = fresh
    payload4[2] = tasks
    payload4[3] = 0
    values = 2 + tasks
    sources = values + count
    receives = sources + fresh
    ids = 2 * (receives + fresh)
    qualities = 2 * (ids + count)
    for n in range(count):
        k = changed[n]
        row = rows[k]
        payload8[values + n] = value[row]
        payload4[ids + n] = tags[k]
        payload2[qualities + n] = quality[row]
        if n < fresh:
            payload8[sources + n] = source_ns[row]
            payload8[receives + n] = receive_ns[row]
    return 2 * (qualities + count)
