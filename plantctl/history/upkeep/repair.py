"""Mends the sealed files of a record: one turned bit is turned back, else it is sealed again from the log, where that
still has all frames.

The damaged file goes to a folder `quarantine` beside it, whole, and stays there until somebody removes it. A file that
the log does not hold any more stays where it is as long as anything in it can be read: questions are answered with the
rest of it, and what is damaged counts as not known. One of which nothing can be read goes to quarantine.

Rules of the file: the old file is in quarantine, and on disk, before the new one takes its name; no plant may run.
"""

import os
import shutil
from itertools import chain
from pathlib import Path
from typing import Final

from plantctl.history.files.chunk import Opening, encode_opening, encode_scans, mended_chunk
from plantctl.history.files.many_points import encode_points_each, points_of_each
from plantctl.history.files.mending import mended_file
from plantctl.history.files.minutes import MINUTE_NS
from plantctl.history.files.quarters import quarter_ranges_all
from plantctl.history.files.sealed import (
    Range,
    SealedHead,
    encode_file,
    encode_frames,
    extent,
    open_sealed,
    sealed_ranges,
    sealed_ranges_all,
)
from plantctl.history.reading.gathering import Gathering, State, closing
from plantctl.history.reading.late import late_files, late_in_sealed
from plantctl.history.reading.many_minutes import encode_minutes_each
from plantctl.history.reading.states import NOTHING, newest_of, opening_of, state_in, without
from plantctl.history.upkeep.policies import MINUTES_WORTH
from plantctl.history.upkeep.seal import MINUTES_FROM
from plantctl.log.files import first_sequence_of, log_names, plan_hashes, plan_name
from plantctl.log.plan_file import mended_plan
from plantctl.log.rows import LogRows, PartlyReadable
from plantctl.log.storage import FolderStorage, ReadOnlyFolder

QUARANTINE: Final = "quarantine"


def repair(log: PartlyReadable, history: Path, damaged: list[str], minutes_from: int = MINUTES_FROM) -> dict[str, str]:
    """Mends those of the `damaged` files that are sealed ones; what became of each. Raises `OSError`."""
    storage = FolderStorage(history)
    became: dict[str, str] = {}
    for range_ in sealed_ranges_all(storage.names()):
        if range_.name not in damaged:
            continue
        data = mended_file(storage.read(range_.name))
        how = "mended: one bit was turned"
        if data is None:
            data, how = sealed_again(log, storage, range_, minutes_from), "sealed again from the log"
        if data is not None:
            _set_aside(history, range_.name, history / QUARANTINE)
            _replace(history / range_.name, data)
            became[range_.name] = f"{how}; the damaged one is in quarantine"
        elif open_sealed(storage, range_).scans() is None:
            _set_aside(history, range_.name, history / QUARANTINE)
            (history / range_.name).unlink()
            became[range_.name] = "nothing in it can be read and the log does not hold it: in quarantine"
        else:
            became[range_.name] = "the log does not hold it any more: kept, for what can be read of it"
        storage.sync_folder()
    for quarters in quarter_ranges_all(storage.names()):
        told = [r for r in sealed_ranges_all(damaged) if quarters.first_sequence <= r.first_sequence]
        if quarters.name in damaged or any(r.first_sequence <= quarters.last_sequence for r in told):
            storage.remove(quarters.name)
            became[quarters.name] = "removed: the plant makes it again from the sealed files when it runs"
            storage.sync_folder()
    for late in late_files(storage.names()):
        if late.name in damaged:
            ranges = sealed_ranges(storage.names())
            data, how = mended_chunk(storage.read(late.name)), "mended: one bit was turned"
            if data is None and ranges and ranges[0].first_sequence <= late.first_sequence:
                data = encode_frames(late_in_sealed(storage, late, ranges))
                how = "made again from the sealed files"
            if data is None:
                became[late.name] = "the sealed files do not hold it any more: kept as it is"
                continue
            _set_aside(history, late.name, history / QUARANTINE)
            _replace(history / late.name, data)
            became[late.name] = f"{how}; the damaged one is in quarantine"
            storage.sync_folder()
    return became


def repair_plans(log: Path, history: Path, damaged: list[str]) -> dict[str, str]:
    """Mends those of the `damaged` files that are texts of plans, where one bit is flipped; what became of each.

    The damaged one goes to quarantine beside the history. Raises `OSError`.
    """
    became: dict[str, str] = {}
    for name in map(plan_name, plan_hashes(ReadOnlyFolder(log).names())):
        if name not in damaged:
            continue
        data = mended_plan((log / name).read_bytes())
        if data is None:
            became[name] = "kept, for the lines that can be read; its plan writes it anew when it runs"
            continue
        history.mkdir(exist_ok=True)
        _set_aside(log, name, history / QUARANTINE)
        _replace(log / name, data)
        FolderStorage(log).sync_folder()
        became[name] = "mended: one bit was flipped; the damaged one is in quarantine"
    return became


def sealed_again(log: PartlyReadable, sealed: PartlyReadable, range_: Range, minutes_from: int) -> bytes | None:
    """The bytes of a sealed file made anew from the log; None where the log does not hold all of it, sound."""
    begun = [n for n in log_names(log.names()) if first_sequence_of(n) <= range_.first_sequence]
    if not begun:
        return None
    begin_ns, before = _ended(sealed, range_)
    older = [n for n in begun if first_sequence_of(n) < range_.first_sequence]
    earlier = LogRows(log, max(0, first_sequence_of((older or begun)[-1]) - 1))
    for _ in earlier.read(range_.first_sequence - 1):  # for the time of the last scan before
        pass
    rows = LogRows(log, range_.first_sequence - 1)
    rows.last_mono_ns = earlier.last_mono_ns
    gathering = Gathering(begin_ns)
    for stretch in rows.read(range_.last_sequence):
        gathering.add(stretch)
    if rows.damaged or gathering.last_sequence != range_.last_sequence or not len(gathering.scans().utc_ns):
        return None
    return _encoded(gathering, before, range_, minutes_from)


def _encoded(gathering: Gathering, before: Opening, range_: Range, minutes_from: int) -> bytes:
    """What the sealer makes of the same frames, all at once."""
    scans = gathering.scans()
    if len(scans.holes) and scans.holes[0] == 0:
        before = NOTHING
    chunks = [encode_scans(scans), encode_opening(before)]
    span_ns = int(scans.utc_ns.max()) - int(scans.utc_ns.min())
    least = max(minutes_from, MINUTES_WORTH * span_ns // MINUTE_NS)
    for rows in gathering.groups_of(gathering.tags(), 256):
        points = points_of_each(rows, scans.holes, before)
        chunks += chain.from_iterable(encode_points_each(points, scans.utc_ns))
        chunks += encode_minutes_each(points, (points.cuts.number >= least).nonzero()[0], scans, before)
    if gathering.kept:
        chunks.append(encode_frames(gathering.kept))
    return encode_file(SealedHead(gathering.plan_hash, *range_, *extent(scans)), chunks)


def _ended(sealed: PartlyReadable, range_: Range) -> tuple[int | None, Opening]:
    """The last scan of the file before, and what was in force there; nothing where there is no such file."""
    older = [r for r in sealed_ranges(sealed.names()) if r.last_sequence + 1 == range_.first_sequence]
    file = open_sealed(sealed, older[-1]) if older else None
    scans = file.scans() if file else None
    if file is None or scans is None:
        return None, NOTHING
    before = file.opening() or NOTHING
    ended: dict[int, State] = {}
    for tag in file.tags():
        points = file.points(tag)
        state = None if points is None else closing(points, scans, state_in(before, tag))
        if state is not None:
            ended[tag] = state
    rest = NOTHING if len(scans.holes) else without(before, file.tags())
    return int(scans.utc_ns[-1]), newest_of([rest, opening_of(ended)])


def _set_aside(place: Path, name: str, folder: Path) -> None:
    """A copy in the quarantine `folder`, on disk; one that lies there already stays, under another name."""
    folder.mkdir(exist_ok=True)
    target, number = folder / name, 0
    while target.exists():
        number += 1
        target = folder / f"{name}.{number}"
    shutil.copy2(place / name, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    FolderStorage(folder).sync_folder()


def _replace(path: Path, data: bytes) -> None:
    """New bytes under an old name, whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
