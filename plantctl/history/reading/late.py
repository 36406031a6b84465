"""Late values in the record: found again by tag and by the time that they are of, whenever they were told.

The log has them where they were told, and so have the sealed files, among their frames. So that nobody has to look
through the frames of years, what a stretch of the log told of late values is sealed once more, in a file of its own:
`late-<first sequence>-<last sequence>.seg`, one chunk of frames. It is written before the sealed file of its stretch;
frames that two files hold count once. Small files are put together with the new one, so that there are never many.

Of several rows of one tag and time the newest counts, a withdrawn one is not there. A damaged file, or one that the
disk cannot read any more, is counted once, and told with its one turned bit turned back, or else from the sealed files
of the same frames, where these still are. Where nothing of it is missing that way the next file that is put together
takes its place, and is sound; else it stays as it is, for whoever can read something of it. One that the disk did not
give is asked for again, ever less often.

Rules of the file: `OSError` passes through, but for `EIO` of a file of late values; no clock.
"""

import errno
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy.typing as npt

from plantctl.core.batch import SampleLabel
from plantctl.core.errors import LogDamaged
from plantctl.core.frame import Kind, decode_frame
from plantctl.core.late import LateAct, LateRecord, decode_late, lab_note
from plantctl.history.files.chunk import decode_chunk, mended_chunk
from plantctl.history.files.sealed import Range, decode_frames, encode_frames, open_sealed, sealed_ranges
from plantctl.history.reading.late_index import NONE, LateIndex, LateOf, LateSaid
from plantctl.log.rows import PartlyReadable
from plantctl.log.storage import Storage

_NAME: Final = re.compile(r"late-(\d{20})-(\d{20})\.seg")
# A file is put together with those before it that are no larger than so many times what it holds itself.
ABSORBED_TIMES: Final = 4
TRIES: Final = 5
PATIENCE_MOST: Final = 1 << 12  # questions between two tries to read a bad sector
Told = tuple[int, bytes]  # UTC ns at which the scan took it, the frame


class LateFile(NamedTuple):
    """A file of late values, by the frames that it covers."""

    first_sequence: int
    last_sequence: int

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"late-{self.first_sequence:020d}-{self.last_sequence:020d}.seg"


def late_files(names: Iterable[str]) -> list[LateFile]:
    """The files of late values among `names`, the oldest first."""
    some = (name for name in names if name.startswith("late-"))  # a folder of years holds nine thousand others
    return sorted(LateFile(int(m[1]), int(m[2])) for m in map(_NAME.fullmatch, some) if m)


def late_frames(frames: Iterable[Told]) -> list[Told]:
    """Those of the frames that hold late values."""
    return [told for told in frames if int.from_bytes(told[1][4:6], "little") == Kind.LATE]


def of_laboratory(frames: list[Told]) -> list[Told]:
    """Those of some frames of late values that are the laboratory's, or that cannot be read."""
    imported = {one.sequence for one in _records(frames) if one.record.act is LateAct.IMPORTED}
    return [told for told in frames if _sequence_of(told) not in imported]


def late_file(frames: Iterable[Told]) -> tuple[str, bytes]:
    """A file of these frames, each once, and of no others: its name, by the first and the last, and its bytes."""
    once = {_sequence_of(told): told for told in frames}
    return LateFile(min(once), max(once)).name, encode_frames([once[sequence] for sequence in sorted(once)])


def _sequence_of(told: Told) -> int:
    return int.from_bytes(told[1][8:16], "little")


def read_late(storage: PartlyReadable, file: LateFile) -> list[Told]:
    """The frames in a file of late values. Damaged: `LogDamaged`."""
    return decode_frames(decode_chunk(storage.read(file.name)))


class Found(NamedTuple):
    """What is told of a file of late values; `sound`: as it lies there; `whole`: nothing of it is missing; `read`: the
    disk gave it.
    """

    frames: list[Told]
    sound: bool
    whole: bool
    read: bool = True


def found_late(storage: PartlyReadable, file: LateFile, ranges: Sequence[Range]) -> Found:
    """The frames of a file of late values, of a damaged one as far as there are any, here or in the sealed files."""
    try:
        data = storage.read(file.name)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return _in_sealed(storage, file, ranges)._replace(read=False)  # the sector may be read another time
    try:
        return Found(decode_frames(decode_chunk(data)), sound=True, whole=True)
    except LogDamaged:
        mended = mended_chunk(data)
    if mended is not None:
        return Found(decode_frames(decode_chunk(mended)), sound=False, whole=True)
    return _in_sealed(storage, file, ranges)


def _in_sealed(storage: PartlyReadable, file: LateFile, ranges: Sequence[Range]) -> Found:
    frames: list[Told] = []
    whole, behind = True, file.first_sequence
    for one in ranges:
        if one.first_sequence <= file.last_sequence and one.last_sequence >= file.first_sequence:
            try:
                sealed = open_sealed(storage, one)
            except FileNotFoundError:  # retention removed it since the folder was listed
                continue
            frames += late_frames(sealed.frames())
            whole &= one.first_sequence <= behind and not sealed.left_out
            behind = one.last_sequence + 1
    return Found(frames, sound=False, whole=whole and behind > file.last_sequence and bool(frames))


def late_in_sealed(storage: PartlyReadable, file: LateFile, ranges: Sequence[Range]) -> list[Told]:
    """The frames of a file of late values as the sealed files hold them."""
    return _in_sealed(storage, file, ranges).frames


class ToWrite(NamedTuple):
    """A file of late values that is to be written, and those that it takes the place of."""

    name: str
    data: bytes
    absorbed: tuple[str, ...]


def late_to_write(storage: Storage, new: list[Told], covers: Range) -> ToWrite:
    """The file for the late values that a stretch of the log told, with those of the small files before it."""
    first, last = covers
    frames, size, absorbed = list(new), sum(len(data) for _, data in new), []
    names = storage.names()
    ranges = sealed_ranges(names)
    for file in reversed(late_files(names)):
        if storage.length(file.name) > ABSORBED_TIMES * size:
            break
        before = found_late(storage, file, ranges)
        if not before.whole:
            break  # those before it stay too: they are few, for each holds several times what the next one does
        frames = [*before.frames, *frames]
        size += sum(len(data) for _, data in before.frames)
        first, last = min(first, file.first_sequence), max(last, file.last_sequence)
        absorbed.append(file.name)
    name = LateFile(first, last).name
    _, data = late_file(frames)
    return ToWrite(name, data, tuple(old for old in absorbed if old != name))


class _Patience:
    """How long to wait before a bad sector is asked for again: twice as many questions each time, for each costs the
    disk its own tries.
    """

    def __init__(self) -> None:
        self._asked, self._wait = 0, 1

    def over(self) -> bool:
        """Whether this question is the one."""
        self._asked += 1
        if self._asked < self._wait:
            return False
        self._asked, self._wait = 0, min(2 * self._wait, PATIENCE_MOST)
        return True


class LateRows:
    """The late values of a record."""

    def __init__(self) -> None:
        self._damaged: set[LateFile] = set()
        self._whole: set[LateFile] = set()  # of these
        self._later: set[LateFile] = set()  # of these: the sealed file that may have the rest was not there yet
        self._unread: set[LateFile] = set()  # of these: the disk did not give them, and values are missing
        self._patience = _Patience()
        self._names: list[str] = []
        self._files: dict[LateFile, list[LateSaid]] = {}
        self._kept: list[Told] | None = None
        self._seen = 0
        self._tail: list[LateSaid] = []
        self._index: LateIndex | None = None

    @property
    def damaged(self) -> int:
        """How many damaged files there were."""
        return len(self._damaged)

    @property
    def mended(self) -> int:
        """How many of these nothing is missing of in what is told."""
        return len(self._whole)

    def refresh(self, sealed: PartlyReadable, names: list[str], ranges: Sequence[Range], kept: list[Told]) -> None:
        """Sees which files there are now, and what the log holds behind the sealed files: `kept`, a list that grows."""
        changed = names is not self._names and names != self._names
        if (changed or (self._unread and self._patience.over())) and self._read_files(sealed, names, ranges):
            self._names = names  # not before: what could not be read is asked for again
        if kept is not self._kept:
            self._kept, self._seen, self._tail = kept, 0, []
            self._forget()
        if len(kept) > self._seen:
            new = list(_records(late_frames(kept[self._seen :])))
            self._seen = len(kept)
            self._tail += new
            if self._index is not None and new and new[0].sequence <= self._index.last_sequence:
                self._forget()  # a file has it already
            elif self._index is not None:
                self._index.add(new)

    def _forget(self) -> None:
        self._index = None

    def _read_files(self, sealed: PartlyReadable, names: list[str], ranges: Sequence[Range]) -> bool:
        """Reads what is new; whether that worked. Where a file went meanwhile, part of another, all is listed again."""
        for _ in range(TRIES):
            wanted, again = late_files(names), self._later | self._unread
            if wanted == list(self._files) and not again:
                return True
            known = {file: said for file, said in self._files.items() if file not in again}
            try:
                found = {file: known[file] if file in known else self._read(sealed, file, ranges) for file in wanted}
            except FileNotFoundError:
                names = [*sealed.names()]
                continue
            self._files = found
            self._later &= found.keys()
            self._unread &= found.keys()
            self._forget()
            return True
        return False

    def _read(self, sealed: PartlyReadable, file: LateFile, ranges: Sequence[Range]) -> list[LateSaid]:
        found = found_late(sealed, file, ranges)
        missing = not found.sound and not found.whole
        due = missing and (not ranges or ranges[-1].last_sequence < file.last_sequence)
        (self._damaged.discard if found.sound else self._damaged.add)(file)
        (self._whole.discard if found.sound or missing else self._whole.add)(file)
        (self._later.add if due else self._later.discard)(file)
        (self._unread.discard if found.read or not missing else self._unread.add)(file)
        return list(_records(found.frames))

    def said(self) -> list[LateSaid]:
        """Every record, the oldest first."""
        every = {one.sequence: one for part in (*self._files.values(), self._tail) for one in part}
        return [every[sequence] for sequence in sorted(every)]

    def index(self) -> LateIndex:
        """Every row, where each is found; good until `refresh` is called."""
        if self._index is None:
            self._index = LateIndex()
            self._index.add(self.said())
        return self._index

    def of(self, tag: int) -> LateOf | None:
        """The late values of a tag, None where it never had any."""
        return self.index().of(tag)

    def samples(self, tag: npt.ArrayLike, utc_ns: npt.ArrayLike) -> tuple[SampleLabel, ...]:
        """Which sample the laboratory's value of each tag and time was found in; () where none of them was entered."""
        index = self.index()
        rows = index.told_last(tag, utc_ns, entered=True)
        if (rows == NONE).all():
            return ()
        return tuple(SampleLabel() if row == NONE else _sample(index.record_of(row)) for row in rows.tolist())


def _sample(record: LateRecord) -> SampleLabel:
    note = lab_note(record.note)
    return SampleLabel(note.sample, note.lot)


def _records(frames: Iterable[Told]) -> Iterator[LateSaid]:
    """The records in frames of late values; what is damaged is left out."""
    for utc_ns, data in frames:
        try:
            frame = decode_frame(data)
            yield LateSaid(frame.sequence, utc_ns, decode_late(frame.payload))
        except LogDamaged:
            continue
