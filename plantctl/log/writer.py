"""The recorder: moves frames from the ring to disk and says until when nothing can be lost any more.

A few times a second the app calls `drain`; once a second, and at once after an event or a command, it commits: the
file is forced to disk and a mark behind it says so. What came before the last mark survives any loss of power. What
the disk refuses is not lost as long as the ring still holds it: the recorder goes back in the ring to what it last
had safely and tries again, once a second, until it works.

    disk full                  the file is cut to its last whole frame, the ring is read again from there
    other error, sync failed   the file is given up (a second sync would claim success for what is gone); what was not
                               committed is read again from the ring into a new file, which readers prefer
    open failed                tried again; nothing was taken from the ring

Rules of the file: no method raises `OSError`: errors are counted in `status` and mended; times are arguments; after
opening, the log takes frames whatever was found on the disk.
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from plantctl.core.frame import HEAD, VERSION, Kind, encode_frame, encode_records
from plantctl.core.ring import Place, RingReader
from plantctl.core.text import text_id
from plantctl.log.files import FILE_BYTES, FileHead, is_whole
from plantctl.log.open_file import OpenFile, create, keep_plan, reopen
from plantctl.log.recovery import find_end, frame_texts
from plantctl.log.storage import Storage

COMMIT_PERIOD_NS: Final = 1_000_000_000
RETRY_NS: Final = 1_000_000_000
BATCH_BYTES: Final = 1 << 20
TEXTS_MAX: Final = 65_536
_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT))
_SPARED: Final = frozenset((Kind.KEY, Kind.DELTA))
_URGENT: Final = frozenset((Kind.EVENT, Kind.COMMAND, Kind.RESULT, Kind.LATE))


@dataclass(slots=True)
class LogStatus:
    """What the recorder has to say about itself; numbers count since it was made.

    `failing` is true from an error until the next commit that worked; `errors` counts by name (`ENOSPC`, `EIO`).
    `lost_frames` were overwritten in the ring before they could be written, `refused_frames` came damaged or out of
    order, `spared_frames` were values left out to save room, `cut_bytes` were torn when the log was opened.
    """

    frames: int = 0
    bytes: int = 0
    commits: int = 0
    files: int = 0
    lost_frames: int = 0
    refused_frames: int = 0
    spared_frames: int = 0
    cut_bytes: int = 0
    failing: bool = False
    last_error: str = ""
    errors: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit under way: `sync` may run in another thread, everything else of the recorder may not."""

    storage: Storage
    file: int
    last: "_Last"

    def sync(self) -> OSError | None:
        """Forces the file to disk; returns what went wrong."""
        try:
            self.storage.sync(self.file)
        except OSError as e:
            return e
        return None


class _Last(NamedTuple):
    """The newest frame taken from the ring, and where in the ring it ended."""

    sequence: int
    scan: int = 0
    mono_ns: int = 0
    place: Place | None = None


class Recorder:
    """The one writer of a log. `plans` are the texts of the plans whose frames will come, by hash.

    `status` is its word on itself; `durable_sequence`, `durable_mono_ns` and `durable_utc_ns` tell the newest frame
    that is on disk (the times are 0 until the first commit).
    """

    def __init__(
        self, storage: Storage, plant: str, plans: Mapping[int, str] | None = None, file_bytes: int = FILE_BYTES
    ) -> None:
        self.status = LogStatus()
        self.durable_mono_ns = 0
        self.durable_utc_ns = 0
        self._storage = storage
        self._plant = text_id(plant)
        self._plans = dict(plans or {})
        self._plans_kept: set[int] = set()
        self._texts: dict[int, str] = {}
        self._file_bytes = file_bytes
        self._file: OpenFile | None = None
        self._last = _Last(0)  # in the file
        self._durable = _Last(0)  # on disk
        self._committing = False
        self._dirty = False
        self._urgent = False
        self._commit_ns: int | None = None
        self._retry_ns: int | None = None
        self._go_back: Place | None = None
        self.sparing = False  # values are left out while the room is for transitions alone

    @property
    def last_sequence(self) -> int:
        """The sequence of the newest frame in the log, 0 where there is none."""
        return self._last.sequence

    @property
    def durable_sequence(self) -> int:
        """The sequence of the newest frame that is on disk."""
        return self._durable.sequence

    def add_plan(self, plan_hash: int, text: str) -> None:
        """Makes the text of a plan known, best before its first frame is drained."""
        self._plans[plan_hash] = text

    def open(self, utc_ns: int, floor: int = 0) -> int:
        """Finds the end of the log, cuts what is torn and returns `last_sequence`: the ring's count begins above it.

        It is not below `floor`, the newest frame that is kept elsewhere: history outlives a log that was removed.
        Where the disk cannot even be listed, the sequence follows from `utc_ns`, so that it still grows.
        """
        try:
            end = find_end(self._storage)
        except OSError as e:
            self._failed(e)
            self._last = self._durable = _Last(max(floor, utc_ns // 1000))
            return self.last_sequence
        if end.error is not None:
            self._failed(end.error)
        self._texts = end.texts
        self._last = self._durable = _Last(max(end.sequence, floor))
        if end.name:
            try:
                self._file = reopen(self._storage, end.name, end.plan_hash, end.size, end.torn_bytes)
                self.status.cut_bytes += end.torn_bytes
            except OSError as e:
                # What follows the last mark may not survive; a new file begins above it.
                self._failed(e)
                self._durable = _Last(max(end.durable_sequence, floor))
        return self.last_sequence

    # --------------------------------------------------------------------------------------------------- draining

    def newest(self) -> tuple[int, int]:
        """The newest frame that is on disk, and its time (UTC ns)."""
        return self.durable_sequence, self.durable_utc_ns

    def drain(self, reader: RingReader, mono_ns: int, utc_ns: int) -> int:
        """Moves what the ring holds into the log and returns the number of frames moved.

        It stops early at an error, which is tried again after 1 s, and when a new file is due during a commit.
        """
        if self._retry_ns is not None and mono_ns < self._retry_ns:
            return 0
        self._retry_ns = None
        if self._durable.place is None:
            self._durable = _Last(self._durable.sequence, place=reader.place)
        frames = self.status.frames
        try:
            if self._file is not None:
                self._file.mend()
            if self._go_back is not None:
                reader.go_back(self._go_back)
                self._go_back = None
            while (head := self._move_batch(reader)) is not None:
                if self._committing or not self._roll(head, mono_ns, utc_ns):
                    break
        except OSError as e:
            self._failed(e, mono_ns)
            if self._file is not None and self._file.ragged and e.errno not in _FULL and not self._committing:
                self._give_up()
        self.status.lost_frames = reader.lost
        return self.status.frames - frames

    def _move_batch(self, reader: RingReader) -> tuple[int, int] | None:
        """Appends frames until the ring is empty (None) or a new file is due (sequence and plan of its first frame)."""
        while True:
            batch = bytearray()
            begin, last = reader.place, self._last
            texts: dict[int, str] = {}
            frames, urgent, due = 0, False, None
            while len(batch) < BATCH_BYTES and (view := reader.view()) is not None:
                length, kind, version, sequence, scan, mono_ns, plan_hash = HEAD.unpack_from(view)
                file = self._file
                if file is None or not file.has_room(plan_hash, len(batch), length, self._file_bytes):
                    due = (sequence, plan_hash)
                    break
                data = bytes(view)
                if not reader.take():
                    continue
                if self.sparing and kind in _SPARED:
                    self.status.spared_frames += 1
                    continue
                if sequence <= last.sequence or version != VERSION or not is_whole(data, 0, length):
                    self.status.refused_frames += 1
                    continue
                batch += data
                frames += 1
                urgent |= kind in _URGENT
                if kind == Kind.TEXT:
                    texts |= frame_texts(data)
                last = _Last(sequence, scan, mono_ns, reader.place)
            if batch and self._file is not None:
                self._go_back = begin
                self._file.append(batch)
                self._go_back = None
                self._last = last
                self._dirty = True
                self._urgent |= urgent
                self._texts |= texts if len(self._texts) < TEXTS_MAX else {}
                self.status.frames += frames
                self.status.bytes += len(batch)
            if due or len(batch) < BATCH_BYTES:
                return due

    def _roll(self, head: tuple[int, int], mono_ns: int, utc_ns: int) -> bool:
        """Begins a new file, once all of the old one is on disk. False: it was not. Raises `OSError`."""
        if self._file is not None:
            if not self.commit(mono_ns, utc_ns):
                return False
            self._leave(self._file)
        sequence, plan_hash = head
        self._keep_plan(plan_hash)
        self._file = create(self._storage, FileHead(plan_hash, self._plant, sequence, utc_ns, mono_ns), self._texts)
        self.status.files += 1
        return True

    def _keep_plan(self, plan_hash: int) -> None:
        """Keeps the plan's text beside the log; a log without it is better than none, so an error stops nothing."""
        if plan_hash in self._plans_kept or plan_hash not in self._plans:
            return
        try:
            keep_plan(self._storage, plan_hash, self._plans[plan_hash])
            self._plans_kept.add(plan_hash)
        except OSError as e:
            self._failed(e)

    # -------------------------------------------------------------------------------------------------- committing

    def commit_due(self, mono_ns: int) -> bool:
        """Whether it is time to commit: 1 s after the last, or at once after an event, a command or a result."""
        if not self._dirty or self._committing or self._retry_ns is not None:
            return False
        return self._urgent or self._commit_ns is None or mono_ns - self._commit_ns >= COMMIT_PERIOD_NS

    def begin_commit(self) -> Commit | None:
        """A commit of all that was drained so far, None where there is nothing or one is under way.

        Call its `sync`, in a thread if need be, and then `end_commit` with what it returned.
        """
        if self._file is None or self._committing or not self._dirty:
            return None
        self._committing = True
        self._dirty = self._urgent = False
        return Commit(self._storage, self._file.file, self._last)

    def end_commit(self, commit: Commit, error: OSError | None, mono_ns: int, utc_ns: int) -> bool:
        """Marks what `commit` forced to disk; after an `error` gives the file up. Returns whether it worked."""
        self._committing = False
        self._commit_ns = mono_ns
        if error is not None:
            self._failed(error, mono_ns)
            self._give_up()
            return False
        self._durable = commit.last
        self.durable_mono_ns = commit.last.mono_ns
        self.durable_utc_ns = utc_ns - (mono_ns - commit.last.mono_ns)
        self.status.commits += 1
        self.status.failing = False
        self._mark(mono_ns, utc_ns)
        return True

    def commit(self, mono_ns: int, utc_ns: int) -> bool:
        """Commits here and now; blocks for as long as the disk takes. True as well where there was nothing to do."""
        commit = self.begin_commit()
        return commit is None or self.end_commit(commit, commit.sync(), mono_ns, utc_ns)

    def close(self, mono_ns: int, utc_ns: int) -> bool:
        """Commits and closes the file, its last mark on disk too. Returns whether all was committed."""
        done = self.commit(mono_ns, utc_ns)
        if self._file is not None:
            self._leave(self._file)
        return done

    def _leave(self, file: OpenFile) -> None:
        """Closes the file, its last mark on disk too; all else in it is already."""
        error = Commit(self._storage, file.file, self._last).sync()
        if error is not None:
            self._failed(error)
        file.close()
        self._file = None

    def _mark(self, mono_ns: int, utc_ns: int) -> None:
        """Writes the commit mark, and the plan's text where it is still missing."""
        durable, file = self._durable, self._file
        if file is None or file.ragged:
            return
        self._keep_plan(file.plan_hash)
        payload = encode_records(Kind.COMMIT, [{"sequence": durable.sequence, "utc_ns": utc_ns}])
        try:
            file.append(encode_frame(Kind.COMMIT, self._last.sequence, durable.scan, mono_ns, file.plan_hash, payload))
        except OSError as e:
            self._failed(e, mono_ns)

    def _give_up(self) -> None:
        """Leaves the file; what it has above the last commit is read again from the ring."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._last, self._go_back = self._durable, self._durable.place

    def _failed(self, error: OSError, mono_ns: int | None = None) -> None:
        """Counts an error; with a time given, nothing is tried for 1 s."""
        name = errno.errorcode.get(error.errno or 0, "UNKNOWN")
        self.status.errors[name] = self.status.errors.get(name, 0) + 1
        self.status.last_error = f"{name}: {error.strerror}"
        self.status.failing = True
        if mono_ns is not None:
            self._retry_ns = mono_ns + RETRY_NS
