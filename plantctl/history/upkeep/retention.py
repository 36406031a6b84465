"""What a plant keeps, and what goes when it is too much: the oldest log files, the oldest sealed files.

A log file may go when all its frames are sealed, and goes when the log is larger than it may be. A sealed file goes
when the history is larger than it may be, or tells only of what is older than the plant wants to keep; the newest
stays, it says where sealing goes on. Age counts from the newest moment of the record, not from a clock. Where the disk
itself is short, values go before transitions (`space`).

Values that came after their time go with the sealed files of the same frames, but for what the laboratory said: its
book is kept, however old, and so are its values.

Whoever reads a file while it is removed reads on: it is held open. Rules of the file: raises `OSError`; a folder's
names are forced to disk after the last removal, so that what is gone stays gone.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from plantctl.core.keeping import Keeping
from plantctl.history.files.quarters import quarter_ranges_all
from plantctl.history.files.sealed import (
    HEAD_BYTES,
    Range,
    decode_head,
    encode_file,
    open_sealed,
    sealed_ranges,
    sealed_ranges_all,
)
from plantctl.history.reading.late import LateFile, found_late, late_file, late_files, of_laboratory
from plantctl.log.files import first_sequence_of, log_names
from plantctl.log.open_file import replace_file
from plantctl.log.storage import Storage

# So many files at most go by age each time: a clock that is set by years must not empty the folder at once.
AGED_MAX: Final = 4
# So many files at most lose their values each time: the recorder has other work.
DROPPED_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """How many files went, and how many bytes are left."""

    gone: int
    bytes: int


def trim_log(log: Storage, sealed_sequence: int, bytes_max: int, needed_sequence: int | None = None) -> Kept:
    """Removes the oldest files of a log until it is no larger than `bytes_max`.

    A file stays while any of its frames is newer than `sealed_sequence` or wanted from `needed_sequence` on, and so do
    the newest two.
    """
    names = log_names(log.names())
    sizes = [log.length(name) for name in names]
    floor = min(sealed_sequence + 1, needed_sequence if needed_sequence is not None else sealed_sequence + 1)
    total, gone = sum(sizes), 0
    for name, following, size in zip(names[:-2], names[1:], sizes, strict=False):
        if total <= bytes_max or first_sequence_of(following) > floor:
            break
        log.remove(name)
        total -= size
        gone += 1
    if gone:
        log.sync_folder()
    return Kept(gone, total)


def trim_history(history: Storage, keeping: Keeping, lengths: dict[str, int] | None = None) -> Kept:
    """Removes the oldest sealed files while they are too many bytes, and a few of those that are too old.

    `lengths` are those that an earlier call found, and are kept up: a plant of years has ten thousands of files.
    Files of quarters and of late values count as bytes; they go with the sealed files that they tell of
    (`quarter_files`, `_trim_late`).
    """
    names = history.names()
    counted = sealed_ranges(names)
    ranges = sealed_ranges_all(names)
    known = {} if lengths is None else lengths
    quarters, late = quarter_ranges_all(names), late_files(names)
    for name in [r.name for r in ranges] + [q.name for q in quarters] + [file.name for file in late]:
        if name not in known:
            known[name] = history.length(name)
    for name in known.keys() - names:
        del known[name]
    sizes = [known[r.name] for r in ranges]
    total, gone, aged = sum(known.values()), 0, 0
    now_ns = _newest_ns(history, counted[-1]) if counted and keeping.history_ns else None
    oldest_ns = None if now_ns is None else now_ns - keeping.history_ns
    for range_, size in zip(ranges, sizes, strict=True):
        if range_ == counted[-1]:
            break
        if total <= keeping.history_bytes:
            last_ns = None if oldest_ns is None or aged >= AGED_MAX else _newest_ns(history, range_)
            if oldest_ns is None or last_ns is None or last_ns >= oldest_ns:
                break
            aged += 1
        history.remove(range_.name)
        total -= size
        gone += 1
    total -= _trim_late(history, late, ranges[gone].first_sequence, known) if ranges else 0
    if gone:
        history.sync_folder()
    return Kept(gone, total)


def _trim_late(history: Storage, files: list[LateFile], first_sequence: int, lengths: dict[str, int]) -> int:
    """Lets go what was imported before the first frame that is still sealed; how many bytes that were.

    The new file is there before the old one goes: frames that both hold count once.
    """
    won, went = 0, False
    for file in files:
        if file.last_sequence >= first_sequence:
            break
        told = found_late(history, file, ())
        kept = of_laboratory(told.frames)
        if not told.whole or len(kept) == len(told.frames):
            continue  # where some is missing nobody can say what of it is the laboratory's
        before = lengths.pop(file.name)
        name = ""
        if kept:
            name, data = late_file(kept)
            replace_file(history, name, data)
            lengths[name] = len(data)
        if name != file.name:
            history.remove(file.name)
            went = True
        won += before - lengths.get(name, 0)
    if went:
        history.sync_folder()
    return won


def drop_values(history: Storage, bytes_wanted: int, lengths: dict[str, int]) -> Kept:
    """Takes the values out of the oldest sealed files that have any, until so many bytes are won, a few at a time.

    What stays of a file are its transitions, commands and texts; of its values nothing is known any more. The newest
    file is left alone. `gone` counts the files, `bytes` what was won.
    """
    ranges = sealed_ranges_all(history.names())[:-1]
    thick = bisect_left(ranges, True, key=lambda range_: open_sealed(history, range_).scans() is not None)
    won, thinned = 0, 0
    for range_ in ranges[thick : thick + DROPPED_MAX]:
        if won >= bytes_wanted:
            break
        file = open_sealed(history, range_)
        before, data = history.length(range_.name), encode_file(file.head, file.chunks_of_frames())
        replace_file(history, range_.name, data)
        lengths.pop(range_.name, None)
        won += before - len(data)
        thinned += 1
    return Kept(thinned, won)


def _newest_ns(history: Storage, range_: Range) -> int | None:
    """The latest moment that a file tells of, None where its head is damaged: it then goes for its bytes alone."""
    head = decode_head(history.read_part(range_.name, 0, HEAD_BYTES))
    return None if head is None else head.high_ns
