"""Sees at a plant's start that its folder was copied by hand: then two plants would feed the same places as one.

    feeds/place    where this record was when it last started: the number of its folder on the disk (inode), the
                   machine, the path; their check sum

A folder that is renamed on its disk keeps its number. A copy has another number, and lies elsewhere or on another
machine. Both must differ: a disk that numbers its folders anew each time it is mounted alarms nobody. An image of a
whole disk has the same numbers, and is not seen.

A copy is treated as a backup that was put back beside its plant: it is another recording, and its sinks wait for a
person (`log.recording`). So is a record that was carried to another disk without `plantctl backup`: nothing here can
tell whether the other one still runs.

Rules of the file: what the disk refuses hinders no start; then nothing is seen, and the next start looks again.
"""

import os
from pathlib import Path
from typing import Final

from plantctl.core.one_bit import line_of, with_sum
from plantctl.log.open_file import replace_file
from plantctl.log.recording import HELD_NAME, RECORDING, encode_recording, recordings_in
from plantctl.log.storage import FolderStorage

PLACE: Final = "place"
MACHINE: Final = Path("/etc/machine-id")
_BYTES_MAX: Final = 1 << 14
# Why no sink is fed of a record that is not the only one of its kind.
WAITS: Final = (
    "the record was put back from a backup, or copied, and the plant it is of may still feed the same place; "
    f"when it does no more, remove `{HELD_NAME}` from the folder `feeds` of the plant's state"
)
COPIED: Final = """This record was copied by hand, or carried to another disk. The plant that it is of may still
run, and would feed the same databases, brokers and people with the same names and frame numbers.
When it does so no more, remove this file: the sinks go on within five seconds.
"""


def hold_where_copied(feeds: Path) -> bool:
    """Has the sinks of a copied record wait; whether it is one. `feeds` is where their positions are, or will be."""
    storage = FolderStorage(feeds)
    try:
        storage.names()  # makes the folder
        here = _here(feeds)
        before = _kept(storage)
        if before == here:
            return False
        copied = before is not None and before[0] != here[0] and before[1:] != here[1:] and bool(recordings_in(storage))
        if copied:
            replace_file(storage, HELD_NAME, COPIED.encode())
            replace_file(storage, RECORDING, encode_recording(os.urandom(8).hex()))
        replace_file(storage, PLACE, with_sum(os.fsencode("\n".join(here))))
    except OSError:
        return False
    return copied


def _here(feeds: Path) -> tuple[str, str, str]:
    """The folder's number, the machine, the path."""
    try:
        machine = MACHINE.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        machine = ""
    return str(feeds.stat().st_ino), machine, str(feeds.resolve())


def _kept(storage: FolderStorage) -> tuple[str, ...] | None:
    """The same as it was at the last start; None where that is not known."""
    found = line_of(storage.read(PLACE, _BYTES_MAX)) if PLACE in storage.names() else None
    told = os.fsdecode(found[0]).split("\n", 2) if found else []
    return tuple(told) if len(told) == 3 else None
