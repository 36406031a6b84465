"""Where an export goes: the files of a folder, the entries of a zip on disk, or a zip that is sent away as it is made.

Rules of the file: what was written is counted and its SHA-256 made on the way, so that nothing is read again.
"""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, Protocol

from plantctl.history.reading.arrow import ParquetFile
from plantctl.history.reading.table import Table, csv_pieces

# Parquet is compressed already.
LIGHTLY: Final = 1
_FIRST_YEAR: Final = 1980


class Entry:
    """One file of an export, open to write; `bytes` and `sha256` tell of what was written so far."""

    def __init__(self, name: str, file: IO[bytes], ended: Callable[[], None]) -> None:
        self.name = name
        self.bytes = 0
        self.closed = False
        self._file = file
        self._ended = ended
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of all that was written, in hexadecimal."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """The next bytes."""
        self._digest.update(data)
        self.bytes += len(data)
        self._file.write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The end of the file."""
        if not self.closed:
            self.closed = True
            self._file.close()
            self._ended()


class Place(Protocol):
    """Takes the files of an export, one after the other."""

    def entry(self, name: str) -> Entry:
        """The next file."""

    def close(self) -> None:
        """There are no more."""


class FolderPlace:
    """A folder; each file is on disk when it is closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir()

    def entry(self, name: str) -> Entry:
        """The next file."""
        path = self._folder / name
        return Entry(name, path.open("wb"), lambda: sync(path))

    def close(self) -> None:
        """All names are on disk."""
        sync(self._folder)


class ZipPlace:
    """A zip, written to `out` from its beginning to its end; that need not be a file. `made_ns` (UTC) dates it."""

    def __init__(self, out: IO[bytes], made_ns: int) -> None:
        self._zip = zipfile.ZipFile(out, "w")
        moment = datetime.fromtimestamp(made_ns // 1_000_000_000, UTC)
        self._date = (max(moment.year, _FIRST_YEAR), *moment.timetuple()[1:6])

    def entry(self, name: str) -> Entry:
        """The next entry. It is deflated in any case: a stored one cannot be read as it comes."""
        told = zipfile.ZipInfo(name, self._date)
        told.compress_type = zipfile.ZIP_DEFLATED
        told.external_attr = 0o100644 << 16
        if name.endswith(".parquet"):
            told._compresslevel = LIGHTLY  # type: ignore[attr-defined]
        return Entry(name, self._zip.open(told, "w", force_zip64=True), lambda: None)

    def close(self) -> None:
        """The directory of the zip, without which it is none."""
        self._zip.close()


class CsvTables:
    """Tables as one CSV."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._begun = False

    def add(self, table: Table) -> Iterator[None]:
        """The next rows, a millisecond's work at each step."""
        pieces = csv_pieces(table)
        if self._begun:
            next(pieces)  # the head
        for piece in pieces:
            self._entry.write(piece.encode())
            yield
        self._begun = True

    def close(self) -> None:
        """The end of the file."""
        self._entry.close()


class ParquetTables:
    """Tables as the row groups of one Parquet file. Raises `LibraryMissing`."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._file = ParquetFile(entry)

    def add(self, table: Table) -> Iterator[None]:
        """The next rows."""
        self._file.add(table)
        yield

    def close(self) -> None:
        """The end of the file."""
        try:
            self._file.close()
        finally:
            self._entry.close()


class Sent:
    """What a zip writes to that is sent away as it is made: `taken` is what came since."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> int:
        """The next bytes."""
        self._waiting.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        """What was written since it was last asked."""
        data, self._waiting = b"".join(self._waiting), []
        return data


def sync(path: Path) -> None:
    """What is at `path` is on disk."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
