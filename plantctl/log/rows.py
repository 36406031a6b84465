"""Reads the log the way history and the feeds need it: not frame by frame, but all rows of a stretch of a file at once.

`LogRows` goes through the files of a log from a sequence on and hands out stretches; asked again later it goes on where
it stopped, so that whoever follows a growing log reads each byte once.

Rules of the file: a frame that a later file holds too is taken from the later one; what is damaged is left out,
counted, and shows as a hole: behind it nothing counts as known until the log tells it anew. `OSError` passes through.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from plantctl.core.frame import HEAD, TIME, Kind, RowsFlag
from plantctl.log.files import (
    HEAD_BYTES,
    FrameIndex,
    decode_head,
    first_sequence_of,
    index_frames,
    is_whole,
    log_names,
)
from plantctl.log.row_columns import in_order, row_columns
from plantctl.log.storage import Held

BLOCK_BYTES: Final = 1 << 20
# So much is enough to see whether a file holds anything.
LOOK_BYTES: Final = 1 << 14
# No scan for so long and no word why: nobody looked at the plant meanwhile.
HOLE_NS: Final = 5_000_000_000
# What history keeps besides the rows: whoever asks what happened wants these, also when the log is gone.
KEPT_KINDS: Final = (Kind.EVENT, Kind.COMMAND, Kind.RESULT, Kind.TEXT, Kind.WRITE, Kind.LATE)

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
U4 = npt.NDArray[np.uint32]
U2 = npt.NDArray[np.uint16]


class PartlyReadable(Protocol):
    """The part of a storage that this reader needs. Every method may raise `OSError`."""

    def names(self) -> list[str]:
        """The names of the files, in text order; a list stays as it is, what changed is told by another one."""
        ...

    def read(self, name: str, size: int = -1) -> bytes:
        """The first `size` bytes of a file, by default the whole."""
        ...

    def read_part(self, name: str, offset: int, size: int) -> bytes:
        """At most `size` bytes of a file from `offset` on."""
        ...

    def expect(self, names: Sequence[str]) -> None:
        """Says that these files will be read soon: a disk reads many at once sooner than one after the other.

        It promises nothing: what is not there is passed over.
        """
        ...

    def hold(self, name: str) -> Held:
        """A file that stays readable while it is held, whoever removes its name meanwhile."""
        ...

    def length(self, name: str) -> int:
        """The length in bytes of a file."""
        ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """The frames of one stretch of a log, in order, as columns.

    `utc_ns` are the times of the frames with rows, `sequence` their numbers, `hole` whether something is missing before
    each. Then the rows, sorted by tag and within a tag by time: `scan` is the place of the row's frame in `utc_ns`;
    `source_ns` is 0 where there is none (`row_columns.no_times` where no row has one). `kept` are the other frames of
    `KEPT_KINDS`, whole, with their UTC.
    """

    plan_hash: int
    first_sequence: int
    last_sequence: int
    utc_ns: I8
    sequence: I8
    hole: npt.NDArray[np.bool_]
    tag: U4
    scan: I8
    value: F8
    quality: U2
    source_ns: I8
    kept: list[tuple[int, bytes]]

    def __len__(self) -> int:
        return len(self.tag)


@dataclass(slots=True)
class _At:
    """Where a reader is: in which file and where in it, what its head says, and where the next file takes over."""

    name: str
    plan_hash: int
    offset: int
    offset_ns: int  # UTC less plant clock
    before_sequence: int | None


class LogRows:
    """Follows a log from the frame behind `after` on. `damaged` counts stretches of a file that could not be read.

    `last_mono_ns` is the plant's clock of the last frame with rows: a scan long behind it shows a hole. `learn` gets
    every frame of texts that lies before what is asked for, or is a copy at the beginning of a file.
    """

    def __init__(
        self,
        storage: PartlyReadable,
        after: int = 0,
        block_bytes: int = BLOCK_BYTES,
        learn: Callable[[bytes], None] | None = None,
    ) -> None:
        self._storage = storage
        self._learn = learn
        self._block_bytes = block_bytes
        self._at: _At | None = None
        self.last_mono_ns: int | None = None
        self._hole = False
        self.names: list[str] = []
        self._newest = ""
        self.last_sequence = after
        self.damaged = 0

    def read(self, through: int | None = None) -> Iterator[Stretch]:
        """What there is up to the frame `through`, stretch by stretch; ends where the log ends for now.

        It may be broken off after any stretch and asked again.
        """
        if self._nothing_new():
            return
        while self._at is not None or self._open_next():
            try:
                found = self._stretch(through)
            except FileNotFoundError:  # retention removed it, since all of it is sealed
                self._at = None
                continue
            if found is not None:
                yield found
            elif not self._leave_file(through):
                return

    def _nothing_new(self) -> bool:
        """Whether all of the newest file was read: what is asked most often, and answered without opening it."""
        names = self._storage.names()
        if names is not self.names:
            self.names, self._newest = names, "".join(log_names(names)[-1:])
        here = self._at
        if here is None or self._newest != here.name:
            return False
        try:
            return self._storage.length(here.name) <= here.offset
        except FileNotFoundError:
            return False

    # ------------------------------------------------------------------------------------------------ files

    def _open_next(self) -> bool:
        """Goes into the file that holds the next frame; False where there is none yet."""
        names = log_names(self._storage.names())
        begun = [n for n in names if first_sequence_of(n) <= self.last_sequence + 1]
        behind = names[len(begun) :]
        # the newest file that may hold the next frame; where it was made but never got one, the one before it
        for name in [*reversed(begun), *behind]:
            self._at = self._entered(name)
            if self._at is not None:
                self._at.before_sequence = self._taken_over(names, name)
                return True
        return False

    def _taken_over(self, names: list[str], name: str) -> int | None:
        """The frame from which on a later file counts, None where there is none with frames."""
        later = next((n for n in names if n > name and self._entered(n)), None)
        return None if later is None else first_sequence_of(later)

    def _entered(self, name: str) -> _At | None:
        """The beginning of a file that holds anything from the ring; copies of texts at its beginning do not count."""
        raw = self._storage.read_part(name, 0, HEAD_BYTES + HEAD.size)
        head = decode_head(raw[:HEAD_BYTES])
        if len(raw) < HEAD_BYTES + HEAD.size:
            return None
        plan_hash = head.plan_hash if head else int(np.frombuffer(raw, "<u8", 1, HEAD_BYTES + 32)[0])
        offset_ns = head.created_utc_ns - head.created_mono_ns if head else 0
        at = _At(name, plan_hash, HEAD_BYTES, offset_ns, None)
        offset, first = HEAD_BYTES, first_sequence_of(name)
        size = min(LOOK_BYTES, self._block_bytes)
        while True:
            _, index = self._block(at, offset, size)
            size = self._block_bytes
            if (index.sequence >= first).any():
                return at
            if not len(index):
                return None
            offset += index.end - HEAD_BYTES

    def _leave_file(self, through: int | None) -> bool:
        """At the end of what is wanted of a file: whether there is more to read, in it or behind it."""
        here = self._at
        assert here is not None
        names = log_names(self._storage.names())
        later = next((n for n in names if n > here.name and self._entered(n)), None)
        if later is None or (through is not None and through < first_sequence_of(later) - 1):
            return False  # its rest is for the next time, however many files there are by then
        if here.before_sequence is None:
            # the writer left the old file for good before it began this one: once more, to its true end
            here.before_sequence = first_sequence_of(later)
            return True
        self._at = self._entered(later)
        assert self._at is not None
        self._at.before_sequence = self._taken_over(names, later)
        return True

    # ------------------------------------------------------------------------------------------------ stretches

    def _block(self, at: _At, offset: int, size: int) -> tuple[bytes, FrameIndex]:
        """So many bytes from `offset` on, behind as many as a head has for `index_frames`, and the frames in them."""
        while True:
            data = self._storage.read_part(at.name, offset - HEAD_BYTES, HEAD_BYTES + size)
            index = index_frames(data, at.plan_hash)
            if len(index) or len(data) < HEAD_BYTES + size or size >= 1 << 26:
                return data, index
            size *= 4  # a frame longer than the block

    def _stretch(self, through: int | None) -> Stretch | None:
        """The next frames of the file, None where there is none up to `through`."""
        at = self._at
        assert at is not None
        while True:
            data, index = self._block(at, at.offset, self._block_bytes)
            whole = np.array(
                [
                    index.checked or is_whole(data, o, n)
                    for o, n in zip(index.offset.tolist(), index.length.tolist(), strict=True)
                ],
                np.bool_,
            )
            ring = (index.kind != Kind.COMMIT) & (index.sequence >= first_sequence_of(at.name))
            limit = min(x for x in (through, (at.before_sequence or 1 << 63) - 1) if x is not None)
            beyond = np.flatnonzero(ring & whole & (index.sequence > limit))
            stop = int(beyond[0]) if len(beyond) else len(index)
            if stop == 0:
                return None
            end = int(index.offset[stop - 1] + index.length[stop - 1]) if stop < len(index) else index.end
            at.offset += end - HEAD_BYTES
            self.damaged += index.skipped + int((~whole[:stop]).sum())
            wanted = (whole & ring & (index.sequence > self.last_sequence))[:stop]
            self._tell_texts(data, index, np.flatnonzero(whole[:stop] & ~wanted & (index.kind[:stop] == Kind.TEXT)))
            found = self._columns(data, index, wanted, at)
            if found is not None:
                return found

    def _tell_texts(self, data: bytes, index: FrameIndex, places: npt.NDArray[np.intp]) -> None:
        if self._learn is not None:
            for i in places.tolist():
                self._learn(data[int(index.offset[i]) : int(index.offset[i] + index.length[i])])

    def _columns(self, data: bytes, index: FrameIndex, wanted: npt.NDArray[np.bool_], at: _At) -> Stretch | None:
        """The wanted frames as columns; None where there are none. Time frames are looked at in any case."""
        count = len(wanted)
        places, offsets = [], [at.offset_ns]
        for i in np.flatnonzero(index.kind[:count] == Kind.TIME).tolist():
            if is_whole(data, int(index.offset[i]), int(index.length[i])):
                said = np.frombuffer(data, TIME, 1, int(index.offset[i]) + HEAD.size)[0]
                places.append(i)
                offsets.append(int(said["utc_ns"]) - int(said["mono_ns"]))
        if not at.offset_ns and places:  # the file's head is damaged: the first word on the time counts backwards too
            offsets[0] = offsets[1]
        offset_of = np.searchsorted(places, np.arange(count), side="right")
        utc_ns = index.mono_ns[:count] + np.array(offsets, np.int64)[offset_of]
        at.offset_ns = offsets[-1]
        which = np.flatnonzero(wanted)
        if not len(which):
            return None
        sequence = index.sequence[which]
        jump = np.diff(sequence, prepend=self.last_sequence) != 1
        jump[0] = jump[0] and self.last_sequence > 0
        first, self.last_sequence = int(sequence[0]), int(sequence[-1])
        kinds = index.kind[which]
        rows = (kinds == Kind.KEY) | (kinds == Kind.DELTA)
        missing = np.cumsum(jump)
        kept = [
            (int(utc_ns[i]), data[int(index.offset[i]) : int(index.offset[i] + index.length[i])])
            for i, kind in zip(which.tolist(), kinds.tolist(), strict=True)
            if kind in KEPT_KINDS
        ]
        columns = row_columns(data, index.offset[which[rows]], index.length[which[rows]])
        run_start = (columns.flags & RowsFlag.RUN_START) != 0
        frame_utc_ns = utc_ns[which[rows]]
        hole = np.diff(missing[rows], prepend=0) > 0
        if len(hole):
            hole[0] |= self._hole
            mono_ns = index.mono_ns[which[rows]]  # UTC may be set, this runs
            late = np.diff(mono_ns, prepend=mono_ns[0] if self.last_mono_ns is None else self.last_mono_ns)
            hole |= run_start | (late > HOLE_NS)
            self.last_mono_ns = int(mono_ns[-1])
            self._hole = bool(missing[-1] > missing[np.flatnonzero(rows)[-1]])
        else:
            self._hole |= bool(missing[-1])
        order = by_tag(columns.tag)
        return Stretch(
            at.plan_hash,
            first,
            self.last_sequence,
            frame_utc_ns,
            sequence[rows],
            hole,
            columns.tag.take(order),
            columns.frame.take(order),
            columns.value.take(order),
            columns.quality.take(order),
            in_order(columns.source_ns, order),
            kept,
        )


def by_tag(tag: U4) -> npt.NDArray[np.intp]:
    """The order of rows by tag, those of one tag as they stand. Ids are mostly near each other: few bytes sort fast."""
    low, high = (int(tag.min()), int(tag.max())) if len(tag) else (0, 0)
    if high - low < 1 << 16:
        near = np.uint8 if high - low < 1 << 8 else np.uint16
        return (tag - np.uint32(low)).astype(near).argsort(kind="stable")
    return tag.argsort(kind="stable")
