"""Where a plant's retained file lies, and the moment of its states: shared by the recorder, which saves, and the scan,
which begins from it.
"""

from pathlib import Path
from typing import Final

from plantctl.log.retained import BOOT_BYTES, Moment, RetainedFile
from plantctl.log.storage import FolderStorage

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def retained_file(folder: Path) -> RetainedFile:
    """The retained file in the plant's state folder."""
    return RetainedFile(FolderStorage(folder))


def boot_id() -> bytes:
    """The life of this machine, 16 bytes; zeros, which equal no other's, where the kernel does not tell."""
    try:
        return bytes.fromhex(BOOT_ID.read_text(encoding="ascii").strip().replace("-", ""))[:BOOT_BYTES]
    except (OSError, ValueError):
        return bytes(BOOT_BYTES)


def moment(utc_ns: int, mono_ns: int) -> Moment:
    """The moment of these times in this life of the machine."""
    return Moment(utc_ns, mono_ns, boot_id())
