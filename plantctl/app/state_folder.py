"""Where a plant keeps its state, and who holds it: one folder a plant, one holder at a time.

`log.place` says which folder. The lock is the kernel's: it ends with its holder,
however that dies; the file only tells who it is.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plantctl.core.errors import PlantctlError
from plantctl.log.place import HISTORY_NAME, LOG_NAME, folder_of, state_root

__all__ = [
    "FEEDS_NAME",
    "HISTORY_NAME",
    "LOCK_NAME",
    "LOGS_NAME",
    "LOG_NAME",
    "SECURITY_NAME",
    "SOCKET_NAME",
    "PlantHeld",
    "StateRefused",
    "folder_of",
    "held",
    "holder_of",
    "socket_address",
    "state_root",
]

LOCK_NAME = "holder"
SOCKET_NAME = "control.sock"
FEEDS_NAME = "feeds"
LOGS_NAME = "logs"
SECURITY_NAME = "security"
LOCKS = Path("/proc/locks")


class PlantHeld(PlantctlError):
    """Another process runs this plant; the message names it."""


class StateRefused(PlantctlError):
    """The state folder cannot be made or written; the message names it and the way out."""


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """An address for the Unix socket at `path` that is short enough for the kernel (108 bytes) however long `path` is.

    The folder must exist. The address holds while the block runs; the socket itself lies at `path`.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def holder_of(folder: Path) -> str:
    """Who holds the folder, as it says itself; empty where nobody does. Looks only, and hinders nobody."""
    try:
        with (folder / LOCK_NAME).open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            said = file.read(200).decode(errors="replace").strip()
        locks = LOCKS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    # `1: FLOCK ADVISORY WRITE process device:device:inode 0 EOF`; who only waits for a lock has `->` before it.
    taken = (line.split() for line in locks)
    found = any(f[1:2] == ["FLOCK"] and f[5:6] and f[5].rpartition(":")[2] == str(inode) for f in taken)
    return (said or "an unknown process") if found else ""


@contextmanager
def held(folder: Path, doing: str) -> Iterator[None]:
    """Hold the folder while the block runs; `PlantHeld` names the process that holds it already.

    A folder that cannot be made or written raises `StateRefused`.
    """
    path = folder / LOCK_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateRefused(
            f"the state folder {folder} cannot be used: {(error.strerror or str(error)).lower()}; "
            "name another with --state DIR or $PLANTCTL_STATE"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "an unknown process"
            raise PlantHeld(f"the plant in {folder} is held by {holder}; end that first") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} ({doing})\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
