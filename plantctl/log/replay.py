"""A recorded run, scan by scan, as the executive met it: what it latched, the commands it took, the steps it made.

Fed to the same plan this gives the same outputs, bit for bit: values are what the latch held after ageing, times are
the recorded ones, and the time steps are those the blocks got, jitter and missed scans included.

Rules of the file: a run with a hole in it is replayed up to the hole and then refused, never bridged.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import COMMAND, Frame, Kind, Rows, RowsFlag, decode_records, decode_rows, decode_state
from plantctl.log.reader import Folder, Run, read_frames, runs

_NO_COMMANDS: Final = np.zeros(0, COMMAND)


@dataclass(frozen=True, slots=True)
class ReplayScan:
    """One recorded scan. `rows` are the rows that changed, input rows first, after the scan's last step.

    `commands` are those the scan took, in order, as `frame.COMMAND` records; `utc_ns` is the scan's time.
    """

    scan: int
    mono_ns: int
    utc_ns: int
    rows: Rows
    commands: npt.NDArray[np.void]

    @property
    def inputs(self) -> Rows:
        """The input rows among `rows`: what to lay into the image before the step."""
        return _part(self.rows, slice(0, self.rows.inputs))

    @property
    def outputs(self) -> Rows:
        """The other rows that changed: what the step has to give."""
        return _part(self.rows, slice(self.rows.inputs, None))


def _part(rows: Rows, which: slice) -> Rows:
    return replace(
        rows,
        tag=rows.tag[which],
        value=rows.value[which],
        quality=rows.quality[which],
        source_ns=rows.source_ns[which],
        receive_ns=rows.receive_ns[which],
    )


@dataclass(frozen=True, slots=True)
class RunState:
    """What the blocks remembered before the first scan of a run; `layout` names the memory that the bytes fit."""

    layout: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Replay:
    """A run to be replayed: the image before its first scan, the state where it did not begin fresh, and the scans."""

    run: Run
    start: Rows
    state: RunState | None
    scans: Iterator[ReplayScan]


def replay(folder: Folder, run: Run | None = None) -> Replay:
    """The run `run` of a log, by default its newest. A log without a run or a damaged start raises `LogDamaged`.

    So does `scans` where a frame of the run is missing, after it gave every scan before.
    """
    if run is None:
        found = runs(folder)
        if not found:
            raise LogDamaged("the log holds no run")
        run = found[-1]
    frames = _frames(folder, run)
    first = next(frames, None)
    start = decode_rows(first[1].payload) if first is not None and first[1].kind == Kind.KEY else None
    if start is None or RowsFlag.RUN_START not in start.flags:
        raise LogDamaged("the beginning of the run is not in the log")
    after = next(frames, None)
    state = None
    if after is not None and after[1].kind == Kind.STATE:
        state = _state(after[1], frames)
        after = None
    return Replay(run, start, state, _scans(frames if after is None else chain((after,), frames)))


def _state(first: Frame, frames: Iterator[tuple[int, Frame]]) -> RunState:
    """The state that begins with the frame `first`, its parts in order. A part that is missing: `LogDamaged`."""
    part = decode_state(first.payload)
    layout, data = part.layout, bytearray(part.data)
    while part.offset == len(data) - len(part.data) and part.layout == layout:
        if len(data) == part.size:
            return RunState(layout, bytes(data))
        _, frame = next(frames, (0, None))
        if frame is None or frame.kind != Kind.STATE:
            break
        part = decode_state(frame.payload)
        data += part.data
    raise LogDamaged("the state at the beginning of the run is not whole")


def _frames(folder: Folder, run: Run) -> Iterator[tuple[int, Frame]]:
    """The frames of the run, without a hole."""
    expected = run.first_sequence
    for utc_ns, frame in read_frames(folder, from_sequence=run.first_sequence):
        if frame.sequence > run.last_sequence:
            return
        if frame.sequence != expected:
            raise LogDamaged(f"frames {expected} to {frame.sequence - 1} of the run are not in the log")
        expected += 1
        yield utc_ns, frame
    if expected <= run.last_sequence:
        raise LogDamaged(f"frames {expected} to {run.last_sequence} of the run are not in the log")


def _scans(frames: Iterator[tuple[int, Frame]]) -> Iterator[ReplayScan]:
    """Collects the commands of each scan and yields at its delta frame."""
    commands: list[npt.NDArray[np.void]] = []
    scan_of_commands = 0
    for utc_ns, frame in frames:
        if frame.kind == Kind.COMMAND:
            commands.append(decode_records(Kind.COMMAND, frame.payload))
            scan_of_commands = frame.scan
        elif frame.kind == Kind.DELTA:
            if commands and scan_of_commands != frame.scan:
                raise LogDamaged(f"the commands of scan {scan_of_commands} have no scan")
            taken = np.concatenate(commands) if commands else _NO_COMMANDS
            commands = []
            yield ReplayScan(frame.scan, frame.mono_ns, utc_ns, decode_rows(frame.payload), taken)
