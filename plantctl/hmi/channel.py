"""One selection of points as it goes over the wire. Clients that want the same share it: it is encoded once for all."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.hmi.change_ring import Change, ChangeRing, Happened
from plantctl.hmi.messages import Delta, PointValue, Snap, encode
from plantctl.hmi.point_names import PointNames

I8 = npt.NDArray[np.int64]
NOWHERE: Final = -1
# Deltas are kept as they were sent: many clients that come back at once are told the same.
KEPT_LENGTH: Final = 4 << 20


def places(change: Change, rows: int) -> I8:
    """Where in `change` each of the plan's `rows` rows is; -1 for those that did not change."""
    where = np.full(rows, NOWHERE, np.int64)
    where[change.rows] = np.arange(len(change.rows))
    return where


class Channel:
    """The entries of `names` that some clients want."""

    def __init__(self, names: PointNames, entries: tuple[int, ...]) -> None:
        self.entries = entries
        index = np.array(entries, np.int64)
        self._ids = names.ids[index] if entries else index
        self._rows = names.rows[index] if entries else index
        self.map = {str(int(names.ids[entry])): names.names[entry] for entry in entries}
        self._deltas: dict[tuple[int, int], str] = {}
        self._deltas_length = 0
        self._snap: tuple[tuple[int, int], str] = ((-1, -1), "")

    def delta(self, change: Change, where: I8) -> str:
        """The delta of this selection; `where` is `places(change)`. An empty one says that nothing of it changed."""
        key = (change.epoch, change.sequence)
        known = self._deltas.get(key)
        if known is not None:
            return known
        at = where[self._rows]
        changed = (at != NOWHERE).nonzero()[0]
        at = at[changed]
        ids = self._ids[changed].tolist()
        values = _values(ids, change.value[at].tolist(), change.quality[at].tolist(), change.source_ns[at].tolist())
        text = encode(Delta(change.sequence, str(change.utc_ns), values))
        self._deltas[key] = text
        self._deltas_length += len(text)
        while self._deltas_length > KEPT_LENGTH:
            self._deltas_length -= len(self._deltas.pop(next(iter(self._deltas))))
        return text

    def size(self, missed: Iterable[Change | Happened]) -> int:
        """How many values of this selection `missed` may hold."""
        most = len(self.entries)
        return sum(min(most, len(each.rows)) for each in missed if isinstance(each, Change))

    def snap(self, ring: ChangeRing) -> str:
        """Every point of this selection as it is now."""
        key = (ring.epoch, ring.sequence)
        if self._snap[0] != key:
            rows = self._rows
            columns = ring.value[rows].tolist(), ring.quality[rows].tolist(), ring.source_ns[rows].tolist()
            values = _values(self._ids.tolist(), *columns)
            self._snap = (key, encode(Snap(ring.sequence, str(ring.utc_ns), values)))
        return self._snap[1]


def _values(
    ids: Sequence[int], values: Sequence[float], qualities: Sequence[int], sources: Sequence[int]
) -> list[PointValue]:
    # What is no finite number is written as null by the encoder.
    return [
        (number, value, quality, str(source) if source else 0)
        for number, value, quality, source in zip(ids, values, qualities, sources, strict=True)
    ]
