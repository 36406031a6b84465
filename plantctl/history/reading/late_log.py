"""Reads the late values of a record alone: what its files of late values hold, and the log behind the sealed files.

For whoever keeps the book of the laboratory beside a running plant, and for feeds. Rules of the file: nothing is
written; `OSError` passes through; calls block while they read.
"""

from plantctl.history.files.sealed import Range, sealed_ranges
from plantctl.history.reading.late import LateRows, Told, late_frames
from plantctl.log.rows import LogRows, PartlyReadable


class LateLog:
    """The late values in the folders `log` and `sealed` of a plant; `rows` as they were when `refresh` was called."""

    def __init__(self, log: PartlyReadable, sealed: PartlyReadable) -> None:
        self.rows = LateRows()
        self._log = log
        self._sealed = sealed
        self._names: list[str] = []
        self._ranges: list[Range] = []
        self._read: LogRows | None = None
        self._kept: list[Told] = []

    def refresh(self, through: int | None = None) -> LateRows:
        """Sees what was told since, up to the frame `through` (None: all that is there). Raises `OSError`."""
        names = self._sealed.names()
        if names is not self._names and names != self._names:
            self._names, self._ranges = names, sealed_ranges(names)
        after = self._ranges[-1].last_sequence if self._ranges else 0
        if self._read is None or after > self._after:
            self._after, self._read, self._kept = after, LogRows(self._log, after), []
        for stretch in self._read.read(through):
            self._kept += late_frames(stretch.kept)
        self.rows.refresh(self._sealed, self._names, self._ranges, self._kept)
        return self.rows

    _after = 0
