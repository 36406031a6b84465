"""All rows of late values as columns, and where in them those of a tag and time are, while more are told.

An import of years tells a hundred rows a time, and feeds and the desk ask for each of them, one record after the other.
So what is new is put behind what is there, and is found by a number that tag and time make: in runs by these numbers,
each run at least twice as long as the one behind it, two that are not made one. So a row is moved some fourteen times
until a million are there, and not each time that another is told.

Rules of the file: pure; of several rows of one tag and time the last one counts. Different tags and times may make the
same number: what is found is compared.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.core.late import LATE_ROW, LateAct, LateRecord
from plantctl.history.files.chunk import U2
from plantctl.history.files.numbers import F8, I8

_ROOM: Final = 1 << 8
# Odd, and far from a time in ns: the times of few tags meet those of another.
_OF_TAG: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
NONE: Final = -1  # no row
U8 = npt.NDArray[np.uint64]


class LateSaid(NamedTuple):
    """One record of late values: the frame that holds it, when the scan took it (UTC ns), what it says."""

    sequence: int
    utc_ns: int
    record: LateRecord


class LateOf(NamedTuple):
    """The late values of one tag by the time that they are of; `lab`: the tag has no others."""

    utc_ns: I8
    value: F8
    quality: U2
    lab: bool

    def pick(self, rows: slice | npt.NDArray[np.bool_]) -> "LateOf":
        """Some of them."""
        return LateOf(self.utc_ns[rows], self.value[rows], self.quality[rows], self.lab)


class _Run(NamedTuple):
    """Some rows in the order of their keys, of one key in that of the record."""

    key: U8
    row: I8


class LateIndex:
    """The rows of some records, in their order."""

    def __init__(self) -> None:
        self.said: list[LateSaid] = []
        self._count = 0
        self._rows = np.zeros(_ROOM, LATE_ROW)
        self._act = np.zeros(_ROOM, np.uint8)
        self._record = np.zeros(_ROOM, np.int64)  # the place of its record in `said`
        self._runs: list[_Run] = []
        self._entered: list[_Run] = []
        self._of: dict[int, tuple[int, LateOf | None]] = {}  # with the rows that were looked at

    @property
    def last_sequence(self) -> int:
        """The frame of the last record, 0 where there is none."""
        return self.said[-1].sequence if self.said else 0

    def add(self, new: Sequence[LateSaid]) -> None:
        """Puts records behind the others."""
        if not new:
            return
        counts = [len(one.record.rows) for one in new]
        begin, end = self._count, self._count + sum(counts)
        if end > len(self._rows):
            room = max(end, 2 * len(self._rows))
            self._rows, self._act, self._record = (
                np.concatenate((column[:begin], np.zeros(room - begin, column.dtype)))
                for column in (self._rows, self._act, self._record)
            )
        self._rows[begin:end] = np.concatenate([one.record.rows for one in new])
        self._act[begin:end] = np.repeat([int(one.record.act) for one in new], counts)
        self._record[begin:end] = np.repeat(np.arange(len(new)) + len(self.said), counts)
        self.said += new
        self._count = end
        rows = np.arange(begin, end)
        for runs, which in ((self._runs, rows), (self._entered, rows[self._act[rows] == LateAct.ENTERED])):
            _put_behind(runs, _key(self._rows["tag"][which], self._rows["utc_ns"][which]), which)

    def told_last(self, tag: npt.ArrayLike, utc_ns: npt.ArrayLike, *, entered: bool = False) -> I8:
        """The row that was told last of each tag and time, or of those that were entered; `NONE` where there is none.

        What was withdrawn is found too.
        """
        tags, times = np.asarray(tag, np.int64), np.asarray(utc_ns, np.int64)
        key = _key(tags, times)
        found = np.full(len(key), NONE, np.int64)
        for run in reversed(self._runs if not entered else self._entered):
            left = np.flatnonzero(found == NONE)
            place = run.key.searchsorted(key[left], "right") - 1
            while len(left):
                like = (place >= 0) & (run.key[place] == key[left])
                left, place = left[like], place[like]
                row = run.row[place]
                same = (self._rows["tag"][row] == tags[left]) & (self._rows["utc_ns"][row] == times[left])
                found[left[same]] = row[same]
                left, place = left[~same], place[~same] - 1
        return found

    def values(self, rows: I8) -> tuple[F8, U2]:
        """Values and qualities of some rows."""
        return self._rows["value"][rows].astype(np.float64), self._rows["quality"][rows].astype(np.uint16)

    def withdrawn(self, rows: I8) -> npt.NDArray[np.bool_]:
        """Which of some rows take back what was said."""
        found: npt.NDArray[np.bool_] = self._act[rows] == LateAct.WITHDRAWN
        return found

    def record_of(self, row: int) -> LateRecord:
        """The record that a row is of."""
        return self.said[int(self._record[row])].record

    def of(self, tag: int) -> LateOf | None:
        """The late values of a tag, None where it never had any."""
        seen, found = self._of.get(tag, (0, None))
        if seen < self._count and (self._rows["tag"][seen : self._count] == tag).any():
            found = self._found(tag)
        self._of[tag] = self._count, found
        return found

    def _found(self, tag: int) -> LateOf:
        rows = np.flatnonzero(self._rows["tag"][: self._count] == tag)
        lab = bool((self._act[rows] != LateAct.IMPORTED).any())
        utc_ns = self._rows["utc_ns"][rows]
        order = np.argsort(utc_ns, kind="stable")
        rows, utc_ns = rows[order], utc_ns[order]
        rows = rows[np.append(utc_ns[1:] != utc_ns[:-1], True)]
        rows = rows[~self.withdrawn(rows)]
        return LateOf(self._rows["utc_ns"][rows].astype(np.int64), *self.values(rows), lab)


def _key(tag: npt.NDArray[np.integer], utc_ns: npt.NDArray[np.integer]) -> U8:
    """The number that a tag and a time make."""
    found: U8 = utc_ns.astype(np.uint64) + tag.astype(np.uint64) * _OF_TAG
    return found


def _put_behind(runs: list[_Run], key: U8, row: I8) -> None:
    """A run more, of rows behind all others."""
    if not len(row):
        return
    runs.append(_sorted(key, row))
    while len(runs) > 1 and len(runs[-2].row) < 2 * len(runs[-1].row):
        one, other = runs[-2:]
        runs[-2:] = [_sorted(np.concatenate((one.key, other.key)), np.concatenate((one.row, other.row)))]


def _sorted(key: U8, row: I8) -> _Run:
    order = np.argsort(key, kind="stable")
    return _Run(key[order], row[order])
