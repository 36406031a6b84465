"""Where a plant keeps its state, and who holds it: one folder a plant, one holder at a time.

`$PLANTCTL_STATE/<plant>`, by default in the user's state folder. The lock is the kernel's: it ends with its holder,
however that dies; the file only tells who it is.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plantctl.core.errors import PlantctlError

LOCK_NAME = "holder"
SOCKET_NAME = "control.sock"
LOG_NAME = "log"


class PlantHeld(PlantctlError):
    """Another process runs this plant; the message names it."""


def folder_of(plant: str, root: Path | None = None) -> Path:
    """The state folder of the plant called `plant`; characters that do not belong in a file name become `-`."""
    if root is None:
        default = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "plantctl"
        root = Path(os.environ.get("PLANTCTL_STATE") or default)
    return root / (re.sub(r"[^A-Za-z0-9_.-]+", "-", plant).strip("-.") or "plant")


@contextmanager
def held(folder: Path, doing: str) -> Iterator[None]:
    """Hold the folder while the block runs; `PlantHeld` names the process that holds it already."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / LOCK_NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "an unknown process"
            raise PlantHeld(f"the plant in {folder} is held by {holder}") from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} ({doing})\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
