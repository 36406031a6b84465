"""What the log needs of a disk, small enough to be played by a simulated one that loses power at any step.

Rules of the file: a name is a file of one folder; an `append` writes all or raises, and after it raised nobody knows
how much was written; nothing is on disk before `sync`, and a new or renamed name not before `sync_folder`.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from plantctl.core.clock import RealClock
from plantctl.core.frame import Buffer

# Folders tell when they were changed in steps; the coarsest that is in use is that of a FAT, 2 s.
FOLDER_STEP_NS: Final = 2_000_000_000
# What is read ahead of a file that will be asked: all of an hour of a hundred tags, of larger ones head and index.
EXPECTED_BYTES: Final = 1 << 18
EXPECTED_END_BYTES: Final = 1 << 16


class Held(Protocol):
    """A file held open to read. Every method may raise `OSError`."""

    def part(self, offset: int, size: int) -> bytes:
        """At most `size` bytes from `offset` on; fewer where the file ends before."""
        ...

    def length(self) -> int:
        """The length in bytes of the file."""
        ...


class Storage(Protocol):
    """The files of one folder. Every method may raise `OSError`."""

    def names(self) -> list[str]:
        """The names of the files, in text order; a folder that does not exist yet is made."""
        ...

    def read(self, name: str, size: int = -1) -> bytes:
        """The first `size` bytes of a file, by default the whole."""
        ...

    def read_part(self, name: str, offset: int, size: int) -> bytes:
        """At most `size` bytes of a file from `offset` on; fewer where it ends before."""
        ...

    def expect(self, names: Sequence[str]) -> None:
        """Says that these files will be read soon: a disk reads many at once sooner than one after the other.

        It promises nothing: what is not there is passed over.
        """
        ...

    def hold(self, name: str) -> Held:
        """A file that stays readable while it is held, whoever removes its name meanwhile."""
        ...

    def length(self, name: str) -> int:
        """The length in bytes of a file."""
        ...

    def remove(self, name: str) -> None:
        """Removes a file."""
        ...

    def open(self, name: str) -> int:
        """A number for the file `name`, made if it is not there, to append to."""
        ...

    def size(self, file: int) -> int:
        """The length in bytes of an open file."""
        ...

    def append(self, file: int, data: Buffer) -> None:
        """Writes all of `data` at the end of an open file."""
        ...

    def sync(self, file: int) -> None:
        """Returns when all of an open file is on disk. Once it raised, what was not on disk before may be lost."""
        ...

    def truncate(self, file: int, size: int) -> None:
        """Cuts an open file to `size` bytes."""
        ...

    def close(self, file: int) -> None:
        """Gives the number back."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name, in place of what had it."""
        ...

    def sync_folder(self) -> None:
        """Returns when all names are on disk."""
        ...


class _Folder:
    """A real folder, as far as reading its files goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str, size: int = -1) -> bytes:
        with (self.folder / name).open("rb") as file:
            return file.read(size)

    def read_part(self, name: str, offset: int, size: int) -> bytes:
        return HeldFile(self.folder / name).part(offset, size)

    def expect(self, names: Sequence[str]) -> None:
        _expect(self.folder, names)

    def hold(self, name: str) -> Held:
        return HeldFile(self.folder / name)


class FolderStorage(_Folder):
    """A real folder. `sync` is fdatasync: the length is written as well, times of access are not."""

    def names(self) -> list[str]:
        _make_folder(self.folder)
        return sorted(os.listdir(self.folder))

    def length(self, name: str) -> int:
        return (self.folder / name).stat().st_size

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def open(self, name: str) -> int:
        return os.open(self.folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def size(self, file: int) -> int:
        return os.fstat(file).st_size

    def append(self, file: int, data: Buffer) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]

    def sync(self, file: int) -> None:
        os.fdatasync(file)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)

    def close(self, file: int) -> None:
        os.close(file)

    def rename(self, old: str, new: str) -> None:
        os.replace(self.folder / old, self.folder / new)

    def sync_folder(self) -> None:
        _sync_folder(self.folder)


def _make_folder(folder: Path) -> None:
    """Makes a folder and those above it, each forced to disk in the one above: else the whole log may be gone."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


class ReadOnlyFolder(_Folder):
    """A folder that is only looked at: what a reader needs, without making or changing anything.

    Its names are read again when the folder was changed, and when it had been changed shortly before they were read: a
    change right behind that one may have left the same time. The clock is the one that files are stamped with.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = str(folder)
        self._utc_ns = RealClock().utc_ns
        self._names: list[str] = []
        self._stamp: tuple[int, int, int] | None = None

    def names(self) -> list[str]:
        try:
            found = os.stat(self._path)
            stamp = found.st_mtime_ns, found.st_ino, found.st_dev
            if stamp != self._stamp:
                settled = self._utc_ns() - found.st_mtime_ns > FOLDER_STEP_NS
                self._names = sorted(os.listdir(self._path))
                self._stamp = stamp if settled else None
        except FileNotFoundError:
            self._names, self._stamp = [], None
        return self._names

    def length(self, name: str) -> int:
        return os.stat(f"{self._path}/{name}").st_size


class HeldFile:
    """One file held open to read: it stays on the disk when its name is removed, until the last reference is gone."""

    def __init__(self, path: Path) -> None:
        self._number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def length(self) -> int:
        return os.fstat(self._number).st_size

    def part(self, offset: int, size: int) -> bytes:
        data = os.pread(self._number, size, offset)
        while data and len(data) < size and (more := os.pread(self._number, size - len(data), offset + len(data))):
            data += more
        return data

    def __del__(self) -> None:
        if (number := getattr(self, "_number", None)) is not None:
            os.close(number)


def _expect(folder: Path, names: Sequence[str]) -> None:
    """Has the system begin to read the files: small ones whole, of large ones the beginning and the end."""
    for name in names:
        with suppress(OSError):
            file = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                length = os.fstat(file).st_size
                os.posix_fadvise(file, 0, EXPECTED_BYTES, os.POSIX_FADV_WILLNEED)
                if length > EXPECTED_BYTES:
                    os.posix_fadvise(file, length - EXPECTED_END_BYTES, 0, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(file)
