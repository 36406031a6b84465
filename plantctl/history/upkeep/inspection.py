"""Looks at every byte of a record: each file, each check sum; what is damaged, and what that costs whom.

Rules of the file: nothing is written; damage is told, never raised; `OSError` of one file is damage of that file.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Final

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import crc32c
from plantctl.history.files.chunk import (
    MARK,
    ChunkKind,
    chunk_bytes,
    decode_chunk,
    decode_opening,
    decode_points,
    decode_scans,
    mended_chunk,
)
from plantctl.history.files.minutes import decode_minutes
from plantctl.history.files.quarters import QuarterRange, open_quarters, quarter_ranges_all
from plantctl.history.files.sealed import (
    END_BYTES,
    END_MAGIC,
    HEAD_BYTES,
    Range,
    SealedFile,
    decode_frames,
    decode_head,
    open_sealed,
    sealed_ranges_all,
)
from plantctl.history.reading.late import LateFile, late_files
from plantctl.log.files import HEAD_BYTES as LOG_HEAD_BYTES
from plantctl.log.files import decode_head as log_head
from plantctl.log.files import is_whole, load_file, log_names, plan_hashes, plan_name
from plantctl.log.plan_file import decode_plan
from plantctl.log.rows import PartlyReadable
from plantctl.log.storage import Held

_DECODE: Final = {
    ChunkKind.SCANS: decode_scans,
    ChunkKind.OPENING: decode_opening,
    ChunkKind.POINTS: decode_points,
    ChunkKind.MINUTES: decode_minutes,
    ChunkKind.FRAMES: decode_frames,
}

ONE_BIT: Final = "one bit of which was turned: its check sum says which"


class Cost(Enum):
    """What a damage costs."""

    NOTHING = "nothing: it is known all the same"
    TAGS = "what these tags did"
    EVENTS = "events, commands and writes"
    LATE = "values that came after their time, and what the laboratory's book says of them"
    ALL = "all tags"
    BEHIND = "what stood behind that, of whichever tags"
    NAMES = "names of points, until that plan runs again"
    AGAIN = "nothing: the sink is given once more what the record holds"
    CALLS = "who was told of which alarm: nobody is called until a person has removed it"
    TWICE = "transitions that go out once more count as two; another identity is drawn at the next start"
    OTHER_SLOT = "at most the newest second of it: the other slot holds the one before"


@dataclass(slots=True)
class Damage:
    """One damaged piece: in which file, what it is, what it costs; `tags` are stable ids, times are UTC ns.

    Without times (0, 0) nobody knows them.
    """

    file: str
    what: str
    cost: Cost
    tags: tuple[int, ...] = ()
    begin_ns: int = 0
    end_ns: int = 0


@dataclass(slots=True)
class Inspection:
    """What was looked at and what was found."""

    files: int = 0
    bytes: int = 0
    damages: list[Damage] = field(default_factory=list)

    @property
    def damaged_files(self) -> list[str]:
        """The files with damage, each once."""
        return list(dict.fromkeys(damage.file for damage in self.damages))


def inspect(log: PartlyReadable, sealed: PartlyReadable, running: bool = False) -> Inspection:
    """Reads all of history and log. Of a plant that runs the end of its log is still being written."""
    found = Inspection()
    for range_ in sealed_ranges_all(sealed.names()):
        look_at(found, range_.name, partial(sealed_damages, sealed, range_), sealed)
    for quarters in quarter_ranges_all(sealed.names()):
        look_at(found, quarters.name, partial(_quarter_damages, sealed, quarters), sealed)
    for late in late_files(sealed.names()):
        look_at(found, late.name, partial(_late_damages, sealed, late), sealed)
    names = log_names(log.names())
    for name in names:
        look_at(found, name, partial(log_damages, log, name, name == names[-1], running), log)
    for name in map(plan_name, plan_hashes(log.names())):
        look_at(found, name, partial(plan_damages, log, name), log)
    found.damages += _plans_gone(log, sealed)
    return found


def _plans_gone(log: PartlyReadable, sealed: PartlyReadable) -> Iterator[Damage]:
    """The texts of plans that wrote and are not there: a text comes before the first file of its plan."""
    written: set[int] = set()
    with suppress(OSError):  # told of the file itself
        heads = [log_head(log.read_part(name, 0, LOG_HEAD_BYTES)) for name in log_names(log.names())]
        written |= {head.plan_hash for head in heads if head is not None}
    with suppress(OSError):
        ranges = sealed_ranges_all(sealed.names())
        sealed_heads = [decode_head(sealed.read_part(range_.name, 0, HEAD_BYTES)) for range_ in ranges]
        written |= {head.plan_hash for head in sealed_heads if head is not None}
    for plan_hash in sorted(written - set(plan_hashes(log.names()))):
        yield Damage(plan_name(plan_hash), "the plan's text, which is not there", Cost.NAMES)


def look_at(found: Inspection, name: str, damages_of: Callable[[], Iterator[Damage]], storage: PartlyReadable) -> None:
    """Add what is damaged in one file to `found`."""
    try:
        size = storage.length(name)
        damages = list(damages_of())
    except FileNotFoundError:  # retention removed it meanwhile
        return
    except OSError as error:
        size, damages = 0, [Damage(name, f"cannot be read: {error.strerror or error}", Cost.ALL)]
    found.files += 1
    found.bytes += size
    found.damages += damages


# ------------------------------------------------------------------------------------------------ sealed files


def sealed_damages(storage: PartlyReadable, range_: Range) -> Iterator[Damage]:
    """What is damaged in a sealed file."""
    name = range_.name
    held = storage.hold(name)
    data = _whole(held)
    file = open_sealed(storage, range_)
    begin_ns, end_ns = file.head.low_ns, file.head.high_ns
    head = decode_head(data[:HEAD_BYTES])
    cut = len(data) < HEAD_BYTES + END_BYTES or not _ends(data)
    if cut and MARK not in data:
        yield Damage(name, "nothing of it can be read", Cost.ALL)
        return
    if head is None or (head.first_sequence, head.last_sequence) != tuple(range_):
        yield Damage(name, "its head", Cost.NOTHING)
    at = HEAD_BYTES
    while at < len(data) - END_BYTES:
        size = chunk_bytes(data, at)
        try:
            chunk = decode_chunk(data, at)
            if chunk.kind in _DECODE:
                _DECODE[ChunkKind(chunk.kind)](chunk)
        except LogDamaged:
            known = file.places.at(at)
            beyond = at + (file.places.get(*known) or (at, 0))[1] if known else 0
            # What no index names is the index itself, the last, or lies behind a damaged one.
            mended = mended_chunk(data[at : beyond or len(data) - END_BYTES])
            if mended is not None:
                kind, tag = decode_chunk(mended)[:2]
                damage = _chunk_damage(file, (kind, tag), begin_ns, end_ns)
                yield replace(damage, what=f"{damage.what}, {ONE_BIT}", cost=Cost.NOTHING)
            else:
                yield _chunk_damage(file, known, begin_ns, end_ns)
            at = beyond if beyond > at else _next_mark(data, at)
            continue
        at += size
    if cut:
        yield Damage(name, f"cut off behind {len(data)} bytes", Cost.BEHIND, (), begin_ns, end_ns)
    elif file.damaged and not _index_sound(data):
        yield Damage(name, "its index", Cost.NOTHING)


def _late_damages(storage: PartlyReadable, file: LateFile) -> Iterator[Damage]:
    """What is damaged in a file of late values: the sealed files of the same time, where they are, hold them too."""
    data = storage.read(file.name)
    try:
        decode_frames(decode_chunk(data))
    except LogDamaged:
        first = min((r.first_sequence for r in sealed_ranges_all(storage.names())), default=file.last_sequence)
        if mended_chunk(data) is not None:
            yield Damage(file.name, f"late values, {ONE_BIT}", Cost.NOTHING)
        else:
            yield Damage(file.name, "late values", Cost.NOTHING if first <= file.first_sequence else Cost.LATE)


def _quarter_damages(storage: PartlyReadable, range_: QuarterRange) -> Iterator[Damage]:
    """What is damaged in a file of quarters of an hour: it costs time alone."""
    file = open_quarters(storage, range_)
    if file.damaged:
        yield Damage(range_.name, "its head or its index", Cost.NOTHING)
    for tag in file.tags(ChunkKind.QUARTERS):
        known = file.damaged
        if file.quarters(tag) is None or file.damaged > known:
            what = "the quarters of an hour of a tag, whose points are there"
            yield Damage(range_.name, what, Cost.NOTHING, (tag,), file.head.low_ns, file.head.high_ns)


def _whole(held: Held) -> bytes:
    return held.part(0, held.length())


def _next_mark(data: bytes, at: int) -> int:
    found = data.find(MARK, at + 1)
    return found if found >= 0 else len(data)


def _ends(data: bytes) -> bool:
    """Whether a sealed file has its end, be it with a spoiled byte or two in its mark."""
    mark = data[-END_BYTES:][: len(END_MAGIC)]
    return sum(a == b for a, b in zip(mark, END_MAGIC, strict=False)) >= len(END_MAGIC) - 2


def _index_sound(data: bytes) -> bool:
    end = data[-END_BYTES:]
    return len(end) == END_BYTES and crc32c(end[:-4]) == int.from_bytes(end[-4:], "little")


def _chunk_damage(file: SealedFile, key: tuple[int, int] | None, begin_ns: int, end_ns: int) -> Damage:
    """What a damaged chunk costs."""
    if key is None:  # the index is damaged, or does not know this one
        return Damage(file.name, "a piece that nothing names", Cost.TAGS, (), begin_ns, end_ns)
    kind, tag = key
    if kind == ChunkKind.POINTS:
        return Damage(file.name, "the points of a tag", Cost.TAGS, (tag,), begin_ns, end_ns)
    if kind == ChunkKind.MINUTES:
        return Damage(file.name, "the minutes of a tag, whose points are there", Cost.NOTHING, (tag,), begin_ns, end_ns)
    if kind == ChunkKind.SCANS:
        return Damage(file.name, "the times of its scans", Cost.ALL, (), begin_ns, end_ns)
    if kind == ChunkKind.FRAMES:
        return Damage(file.name, "its events", Cost.EVENTS, (), begin_ns, end_ns)
    if kind == ChunkKind.OPENING:
        return Damage(file.name, "what was in force before it", Cost.TAGS, (), begin_ns, end_ns)
    return Damage(file.name, "its index", Cost.NOTHING)


# ------------------------------------------------------------------------------------------------ log files


def log_damages(storage: PartlyReadable, name: str, newest: bool, running: bool) -> Iterator[Damage]:
    """What is damaged in a log file."""
    file = load_file(storage, name)
    if not file.data:
        return
    if file.head is None:
        yield Damage(name, "its head", Cost.NOTHING if len(file.index) else Cost.ALL)
    index, offset_ns = file.index, 0
    if file.head is not None:
        offset_ns = file.head.created_utc_ns - file.head.created_mono_ns
    whole = np.array(
        [is_whole(file.data, o, n) for o, n in zip(index.offset.tolist(), index.length.tolist(), strict=True)], np.bool_
    )
    sound = np.flatnonzero(whole)
    ends = np.concatenate(([LOG_HEAD_BYTES], (index.offset + index.length)[sound]))
    starts = np.append(index.offset[sound], len(file.data))
    for gap in np.flatnonzero(starts > ends).tolist():
        last = gap == len(sound)
        if last and newest and running:
            continue
        before, after = sound[gap - 1] if gap else -1, sound[gap] if not last else -1
        begin_ns = int(index.mono_ns[before]) + offset_ns if before >= 0 and offset_ns else 0
        end_ns = int(index.mono_ns[after]) + offset_ns if after >= 0 and offset_ns else begin_ns
        size = int(starts[gap] - ends[gap])
        torn = ", its end: as a loss of power leaves it, the next start cuts it" if last and newest else ""
        yield Damage(name, f"{size} bytes{torn}", Cost.ALL, (), begin_ns, end_ns)


def plan_damages(storage: PartlyReadable, name: str) -> Iterator[Damage]:
    """What is damaged in the text of a plan."""
    found = decode_plan(storage.read(name))
    if found.lost:
        yield Damage(name, f"{found.lost} line{'s' if found.lost > 1 else ''} of the plan's text", Cost.NAMES)
    elif not found.summed and ("\nfile " not in found.text and not found.text.endswith("\n")):  # sources come last
        yield Damage(name, "the plan's text, which is cut off", Cost.NAMES)
    elif not found.sound:
        yield Damage(name, "the check sums of the plan's text", Cost.NOTHING)
