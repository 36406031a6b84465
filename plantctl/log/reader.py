"""Reads a log: frames in order, the runs in it, the history of a tag.

A linear reader: it looks at every frame of the time asked for. It may run beside the recorder and sees what was there
when it opened each file. A log that another plan wrote is read with that plan's text, which lies beside it.

Rules of the file: nothing is written and nothing is raised for damage: what is bad is left out and counted in `Losses`;
a frame that a later file holds too is taken from the later one; UTC comes from the time frames, never from here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import KEY_PERIOD_NS, TIME, Frame, Kind, RowsFlag, decode_frame, decode_rows, find_row
from plantctl.log.files import (
    HEAD_BYTES,
    Column,
    LogFile,
    Readable,
    decode_head,
    first_sequence_of,
    is_whole,
    load_file,
    log_names,
    plan_name,
)
from plantctl.log.plan_file import decode_plan
from plantctl.log.recovery import has_frames, texts_of
from plantctl.log.storage import ReadOnlyFolder

Folder = Path | Readable
KEY_LATE_NS: Final = 1_000_000_000
_F8: Final = struct.Struct("<d")
_I8: Final = struct.Struct("<q")


@dataclass(slots=True)
class Losses:
    """What a reader could not give: frames with a wrong sum, damaged stretches, sequences that are not there."""

    damaged_frames: int = 0
    skipped_stretches: int = 0
    missing_frames: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the executive, from the frame with all rows at its start to the last before the next such frame.

    `missing_frames` counts sequences that the log does not hold; `start_utc_ns` and `end_utc_ns` are the times of the
    first and the last rows.
    """

    plan_hash: int
    first_sequence: int
    last_sequence: int
    first_scan: int
    last_scan: int
    start_utc_ns: int
    end_utc_ns: int
    missing_frames: int


class HistoryRow(NamedTuple):
    """One value of a tag. `utc_ns` is the scan's time, `source_ns` the device's word and `receive_utc_ns` when it came
    in; both are 0 for computed tags. `quality` as in `core.quality`.
    """

    utc_ns: int
    source_ns: int
    receive_utc_ns: int
    value: float
    quality: int


def _readable(folder: Folder) -> Readable:
    return ReadOnlyFolder(folder) if isinstance(folder, Path) else folder


class _Dated(NamedTuple):
    """A file's frames from the ring (and its commit marks left out), each with its UTC."""

    file: LogFile
    utc_ns: Column


def _files(folder: Folder, from_sequence: int, start_utc_ns: int | None, losses: Losses) -> Iterator[_Dated]:
    """The files that may hold what is asked for, oldest first, each frame in one of them only."""
    storage = _readable(folder)
    names = log_names(storage.names())
    begin = 0
    for i in range(1, len(names)):
        head = None if start_utc_ns is None else decode_head(storage.read(names[i], HEAD_BYTES))
        early = head is not None and start_utc_ns is not None and head.created_utc_ns < start_utc_ns
        if first_sequence_of(names[i]) <= from_sequence or early:
            begin = i
    offset_ns = 0
    older: LogFile | None = None
    for name in names[begin:]:
        newer = load_file(storage, name)
        losses.skipped_stretches += newer.index.skipped
        if not has_frames(newer):
            continue
        if older is not None:
            dated, offset_ns = _dated(older, first_sequence_of(newer.name), offset_ns, losses)
            yield dated
        older = newer
    if older is not None:
        yield _dated(older, None, offset_ns, losses)[0]


def _dated(log_file: LogFile, before_sequence: int | None, offset_ns: int, losses: Losses) -> tuple[_Dated, int]:
    """The frames of a file below `before_sequence` with their UTC, and the last difference of UTC and plant clock."""
    index = log_file.index
    if log_file.head is not None:
        offset_ns = log_file.head.created_utc_ns - log_file.head.created_mono_ns
    places, offsets = [], [offset_ns]
    for i in log_file.places(Kind.TIME).tolist():
        frame = log_file.frame(i)
        if frame is not None:
            mono_ns, utc_ns, *_ = np.frombuffer(frame.payload, TIME, 1)[0].tolist()
            places.append(i)
            offsets.append(utc_ns - mono_ns)
    if log_file.head is None and places:
        offsets[0] = offsets[1]
    utc_ns_column = index.mono_ns + np.array(offsets)[np.searchsorted(places, np.arange(len(index)), side="right")]
    wanted = (index.kind != Kind.COMMIT) & (index.sequence >= first_sequence_of(log_file.name))
    for i in np.flatnonzero(~wanted).tolist():  # left out by a number that may be damaged itself
        losses.damaged_frames += not is_whole(log_file.data, int(index.offset[i]), int(index.length[i]))
    if before_sequence is not None:
        wanted &= index.sequence < before_sequence
    log_file.index = index.pick(wanted)
    return _Dated(log_file, utc_ns_column[wanted]), offsets[-1]


def read_frames(
    folder: Folder,
    from_sequence: int = 0,
    start_utc_ns: int | None = None,
    end_utc_ns: int | None = None,
    losses: Losses | None = None,
) -> Iterator[tuple[int, Frame]]:
    """The frames from the ring with their UTC ns, in order: from a sequence on, or those with start <= UTC < end.

    Raises `OSError` where a file cannot be read.
    """
    losses = losses if losses is not None else Losses()
    expected = 0
    for log_file, utc_ns in _files(folder, from_sequence, start_utc_ns, losses):
        wanted = log_file.index.sequence >= from_sequence
        if start_utc_ns is not None:
            wanted &= utc_ns >= start_utc_ns
        if end_utc_ns is not None:
            wanted &= utc_ns < end_utc_ns
        for i in np.flatnonzero(wanted).tolist():
            frame = log_file.frame(i)
            if frame is None:
                losses.damaged_frames += 1
                continue
            losses.missing_frames += max(0, frame.sequence - expected) if expected else 0
            expected = frame.sequence + 1
            yield int(utc_ns[i]), frame


def runs(folder: Folder) -> list[Run]:
    """The runs in a log, oldest first; rows before the first start of a run (a log whose beginning was removed) are
    a run of their own from their first key frame on.
    """
    found: list[Run] = []
    losses = Losses()
    for log_file, utc_ns in _files(folder, 0, None, losses):
        index = log_file.index
        starts: list[int] = []
        for i in log_file.places(Kind.KEY).tolist():
            if _starts_run(log_file, i, bool(found or starts)):
                starts.append(i)
        # the time frame right before a start tells the new run's time
        ends = [i - (i > 0 and index.kind[i - 1] == Kind.TIME) for i in starts] + [len(index)]
        if ends[0] > 0 and found:
            found[-1] = _longer(found[-1], log_file, utc_ns, 0, ends[0])
        for begin, end in zip(starts, ends[1:], strict=True):
            sequence, scan, at = int(index.sequence[begin]), int(index.scan[begin]), int(utc_ns[begin])
            run = Run(log_file.plan_hash, sequence, sequence - 1, scan, scan, at, at, 0)
            found.append(_longer(run, log_file, utc_ns, begin, end))
    return found


def _starts_run(log_file: LogFile, i: int, known: bool) -> bool:
    """Whether the key frame at `i` begins a run."""
    frame = log_file.frame(i)
    if frame is None:
        return False
    try:
        return not known or RowsFlag.RUN_START in decode_rows(frame.payload).flags
    except LogDamaged:
        return False


def _longer(run: Run, log_file: LogFile, utc_ns: Column, begin: int, end: int) -> Run:
    """The run with the frames from `begin` to `end` of a file added."""
    index = log_file.index
    rows = np.flatnonzero((index.kind[begin:end] == Kind.DELTA) | (index.kind[begin:end] == Kind.KEY)) + begin
    last_sequence = int(index.sequence[end - 1])
    last = int(rows[-1]) if len(rows) else None
    return Run(
        run.plan_hash,
        run.first_sequence,
        last_sequence,
        run.first_scan,
        run.last_scan if last is None else int(index.scan[last]),
        run.start_utc_ns,
        run.end_utc_ns if last is None else int(utc_ns[last]),
        run.missing_frames + max(0, last_sequence - run.last_sequence - (end - begin)),
    )


def tag_history(
    folder: Folder, tag_id: int, start_utc_ns: int, end_utc_ns: int, losses: Losses | None = None
) -> Iterator[HistoryRow]:
    """The values of a tag with start <= UTC < end, as scanned: one row where value, quality or source time changed.

    The first row is what was in force at `start_utc_ns`, with the time of the frame that told it, if the log has it.
    Receive times that move while nothing else changes give no row.
    """
    losses = losses if losses is not None else Losses()
    last: tuple[int, int, int] | None = None
    in_force: HistoryRow | None = None
    # A key frame is at most a period away, so that what rests is found there.
    for log_file, utc_ns in _files(folder, 0, start_utc_ns - KEY_PERIOD_NS - KEY_LATE_NS, losses):
        index = log_file.index
        wanted = ((index.kind == Kind.KEY) | (index.kind == Kind.DELTA)) & (utc_ns < end_utc_ns)
        keys = np.flatnonzero((index.kind == Kind.KEY) & (utc_ns < start_utc_ns))
        if len(keys):
            wanted[: keys[-1]] = False
        for i in np.flatnonzero(wanted).tolist():
            found = _row_of(log_file, i, tag_id, int(utc_ns[i]), losses)
            if found is None:
                continue
            row, bits = found
            state = (bits, row.quality, row.source_ns)
            if state == last:
                continue
            last = state
            if row.utc_ns < start_utc_ns:
                in_force = row
                continue
            if in_force is not None:
                yield in_force
                in_force = None
            yield row
    if in_force is not None:
        yield in_force


def _row_of(log_file: LogFile, i: int, tag_id: int, utc_ns: int, losses: Losses) -> tuple[HistoryRow, int] | None:
    """The row of one tag in a key or delta frame, and the bits of its value; None where the frame has no such row."""
    try:
        frame = decode_frame(log_file.data, int(log_file.index.offset[i]))
        cell = find_row(frame.payload, tag_id)
    except LogDamaged:
        losses.damaged_frames += 1
        return None
    if cell is None:
        return None
    receive_utc_ns = cell.receive_ns and utc_ns - (frame.mono_ns - cell.receive_ns)
    (value,) = _F8.unpack(_I8.pack(cell.bits))
    return HistoryRow(utc_ns, cell.source_ns, receive_utc_ns, value, cell.quality), cell.bits


def texts(folder: Folder) -> dict[int, str]:
    """The texts of a log by id: those of its newest file, which begins with a copy of all before."""
    storage = _readable(folder)
    for name in reversed(log_names(storage.names())):
        log_file = load_file(storage, name)
        if has_frames(log_file):
            return texts_of(log_file)
    return {}


def plan_text(folder: Folder, plan_hash: int) -> str:
    """The text of a plan that wrote frames into this log; `LogDamaged` where any of it is missing."""
    storage = _readable(folder)
    name = plan_name(plan_hash)
    if name not in storage.names():
        raise LogDamaged(f"the log has no text of plan {plan_hash:016x}")
    found = decode_plan(storage.read(name))
    if found.lost or not (found.sound or found.summed):
        raise LogDamaged(f"the text of plan {plan_hash:016x} is damaged: `plantctl history check --repair` may mend it")
    return found.text
