"""Looks at what a plant keeps beside its record: the retained state, and what its sinks keep: positions, quarantines,
the book of calls, the number of the last connection, which recording it is.

Rules of the file: nothing is written; damage is told, never raised.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from plantctl.app.feed_ledger import is_sound
from plantctl.app.state_folder import FEEDS_NAME
from plantctl.core.errors import LogDamaged
from plantctl.core.one_bit import line_of
from plantctl.history.upkeep.inspection import ONE_BIT, Cost, Damage, Inspection, look_at
from plantctl.log.recording import RECORDING, decode_recording
from plantctl.log.retained import SLOTS, decode_slot
from plantctl.log.storage import ReadOnlyFolder
from plantctl.sinks._bd_seq import BD_SEQ, decode_bd_seq
from plantctl.sinks._callout_book import BOOK, CallBook
from plantctl.sinks._position import decode_position

POSITION: Final = ".position"
QUARANTINES: Final = (".quarantine", ".quarantine.1")


def inspect_kept(state: Path, found: Inspection) -> None:
    """Add to `found` what is damaged beside log and history. Raises `OSError` for the folders alone."""
    folder, feeds = ReadOnlyFolder(state), ReadOnlyFolder(state / FEEDS_NAME)
    for name in [slot for slot in folder.names() if slot in SLOTS]:
        look_at(found, name, partial(_slot_damages, folder, name), folder)
    for name in feeds.names():
        if name.endswith(POSITION):
            look_at(found, name, partial(_position_damages, feeds, name), feeds)
        elif name.endswith(QUARANTINES):
            look_at(found, name, partial(_quarantine_damages, feeds, name), feeds)
        elif name.endswith(BOOK):
            look_at(found, name, partial(_book_damages, feeds, name), feeds)
        elif name.endswith(BD_SEQ):
            look_at(found, name, partial(_number_damages, feeds, name), feeds)
        elif name == RECORDING:
            look_at(found, name, partial(_recording_damages, feeds, name), feeds)


def _slot_damages(storage: ReadOnlyFolder, name: str) -> Iterator[Damage]:
    try:
        decode_slot(storage.read(name))
    except LogDamaged as fault:
        yield Damage(name, f"the retained state: {fault}", Cost.OTHER_SLOT)


def _position_damages(storage: ReadOnlyFolder, name: str) -> Iterator[Damage]:
    if decode_position(storage.read(name)) is None:
        yield Damage(name, "how far a sink is", Cost.AGAIN)


def _recording_damages(storage: ReadOnlyFolder, name: str) -> Iterator[Damage]:
    yield from _small_damages(storage.read(name), name, decode_recording, "which recording it is", Cost.TWICE)


def _quarantine_damages(storage: ReadOnlyFolder, name: str) -> Iterator[Damage]:
    lines = storage.read(name).split(b"\n")
    bad = [number for number, line in enumerate(lines, 1) if line and not is_sound(line)]
    if bad:
        yield Damage(name, f"line {', '.join(map(str, bad))} of what a peer refused", Cost.NOTHING)


def _book_damages(storage: ReadOnlyFolder, name: str) -> Iterator[Damage]:
    yield from _small_damages(storage.read(name), name, CallBook((), 0, 0).decode, "who was called", Cost.CALLS)


def _number_damages(storage: ReadOnlyFolder, name: str) -> Iterator[Damage]:
    # A node that begins with another number is one that begins anew.
    yield from _small_damages(storage.read(name), name, decode_bd_seq, "the number of a connection", Cost.NOTHING)


def _small_damages(
    data: bytes, name: str, decode: Callable[[bytes], object], what: str, cost: Cost
) -> Iterator[Damage]:
    """What is damaged in a small file of one line with its sum."""
    found = line_of(data)
    try:
        decode(data)
    except ValueError:
        yield Damage(name, what, cost)
    else:
        if found is not None and not found[1]:
            yield Damage(name, f"{what}, {ONE_BIT}", Cost.NOTHING)
