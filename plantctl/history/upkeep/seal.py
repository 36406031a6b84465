"""Seals the log: turns what is on disk there into small files that are quick to ask, and lets old log files go.

The recorder calls `turn` between its commits. Each turn does a little, a few milliseconds at most: read on in the log,
encode a few tags, write a piece. What is sealed is what a commit mark vouches for; a kill at any moment leaves the log,
the sealed files, and perhaps a `.part` that the next start removes. The next start finds by the names of the files how
far sealing came, and goes on behind.

A file is sealed when it holds an hour, or a million rows. Then, at the start, and where nothing was sealed for two
hours, what is more than the plant keeps goes (`retention`).

Rules of the file: no method raises `OSError`: errors are counted in `status` and tried again; time is an argument.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from plantctl.core.keeping import Keeping
from plantctl.history.files.chunk import Scans, encode_opening, encode_scans
from plantctl.history.files.many_points import (
    SLICE_COST,
    SLICE_TAG,
    encode_points_each,
    ends_of_each,
    points_of_each,
)
from plantctl.history.files.minutes import MINUTE_NS
from plantctl.history.files.sealed import (
    Range,
    SealedFile,
    SealedHead,
    encode_file,
    encode_frames,
    extent,
    open_sealed,
    sealed_ranges,
)
from plantctl.history.reading.gathering import Gathering, State, closing
from plantctl.history.reading.late import late_frames, late_to_write
from plantctl.history.reading.many_minutes import encode_minutes_each
from plantctl.history.reading.states import NOTHING, newest_of, opening_of, state_in, without
from plantctl.history.upkeep.policies import MINUTES_WORTH, Policies
from plantctl.history.upkeep.quarter_files import Quarters
from plantctl.history.upkeep.retention import drop_values, trim_history, trim_log
from plantctl.log.open_file import PART, close_quietly
from plantctl.log.rows import LogRows
from plantctl.log.storage import Storage

SEAL_SPAN_NS: Final = 3_600_000_000_000
SEAL_ROWS: Final = 1_000_000
# A plant of many tags seals more at a time: a chunk should hold some hundred points.
SEAL_ROWS_A_TAG: Final = 500
KEEPING: Final = Keeping()
BLOCK_BYTES: Final = 1 << 20
# The log is read on no more often: a step of a second's frames costs as much as one of ten.
FOLLOW_NS: Final = 10_000_000_000
PIECE_BYTES: Final = 1 << 18
RETRY_NS: Final = 10_000_000_000
# A plant that seals looks then, each hour; this is for one that stands still or cannot seal while its log grows.
LOOK_NS: Final = 2 * SEAL_SPAN_NS
# While the disk is short.
SHORT_NS: Final = 10_000_000_000
# Minutes are kept of so many points or more, where they are fewer by a factor; else the points are as quick to read.
MINUTES_FROM: Final = 2000
# So many slices are packed together: what is done to many tags at once costs little more than what is done to few.
SLICES: Final = 4


@dataclass(slots=True)
class SealStatus:
    """What the sealer has to say about itself; numbers count since it was made.

    `sealed_sequence` is the newest frame in a sealed file, `points` and `bytes` what was sealed; `removed_log_files`
    and `removed_files` were more than the plant keeps of its log and its history, `log_bytes` and `sealed_bytes` what
    these held when it was last looked; `files_without_values` lost them for want of room. `failing` is true from an
    error until the next turn that worked.
    """

    sealed_sequence: int = 0
    files: int = 0
    points: int = 0
    bytes: int = 0
    removed_log_files: int = 0
    removed_files: int = 0
    files_without_values: int = 0
    log_bytes: int = 0
    sealed_bytes: int = 0
    errors: int = 0
    failing: bool = False
    last_error: str = ""


def sealed_through(storage: Storage) -> int:
    """The newest frame in the sealed files of a folder, 0 where there is none. Raises `OSError`."""
    found = sealed_ranges(storage.names())
    return found[-1].last_sequence if found else 0


class Sealer:
    """Seals the log in `log` into `history`, both folders of one plant."""

    def __init__(
        self,
        log: Storage,
        history: Storage,
        *,
        span_ns: int = SEAL_SPAN_NS,
        rows_max: int = SEAL_ROWS,
        keeping: Keeping = KEEPING,
        minutes_from: int = MINUTES_FROM,
        follow_ns: int = FOLLOW_NS,
    ) -> None:
        self.status = SealStatus()
        self._log = log
        self._history = history
        self._span_ns = span_ns
        self._rows_max = rows_max
        self._keeping = keeping
        self._policies = Policies(keeping.recording)
        self._minutes_from = minutes_from
        self._quarters = Quarters(history)
        self._lengths: dict[str, int] = {}
        self._states = NOTHING
        self._gathering = Gathering()
        self._rows = LogRows(log, 0, BLOCK_BYTES)
        self._work: Iterator[None] | None = self._resume()
        self._retry_ns: int | None = None
        self._quarters_retry_ns: int | None = None  # while files of quarters cannot be made
        self._follow_ns = follow_ns
        self._followed_ns: int | None = None
        self._asked = 0  # up to which frame the log was last read, though it may end before it
        self._now_ns = 0
        self._looked_ns: int | None = None
        self.wanted_bytes = 0  # how many bytes more the disk should have free: what can be given up is (`space`)

    def turn(self, durable_sequence: int, mono_ns: int, at_once: bool = False) -> bool:
        """Does a little of what there is to do about frames up to `durable_sequence`; whether more is left.

        The log is followed in steps of `FOLLOW_NS`; what came since the last is left for the next but for `at_once`.
        """
        if self._retry_ns is not None and mono_ns < self._retry_ns:
            return False
        self._now_ns = mono_ns
        try:
            look_ns = SHORT_NS if self.wanted_bytes else LOOK_NS
            if self._looked_ns is not None and mono_ns - self._looked_ns >= look_ns:
                self._trim()
                self._works()
                return True
            if self._work is None:
                if durable_sequence <= self._rows.last_sequence or not (at_once or self._follow_due(mono_ns)):
                    return self._turn_quarters(mono_ns)
                self._followed_ns, self._asked = mono_ns, durable_sequence
                self._work = self._follow(durable_sequence)
            if next(self._work, self) is self:
                self._work = None
        except OSError as e:
            self._failed(e, mono_ns)
            return False
        self._retry_ns = None
        self._works()
        behind = durable_sequence > max(self._asked, self._rows.last_sequence)
        return self._work is not None or (behind and (at_once or self._follow_due(mono_ns)))

    def _follow_due(self, mono_ns: int) -> bool:
        return self._followed_ns is None or not 0 <= mono_ns - self._followed_ns < self._follow_ns

    def finish(self, durable_sequence: int, mono_ns: int) -> None:
        """All that is due now, for whoever has time: tests, tools. `status` says whether an error ended it.

        Raises `LookupError` where the log ends before `durable_sequence`; what it has is taken, and a later call goes
        on behind it.
        """
        while self.turn(durable_sequence, mono_ns, at_once=True):
            pass
        last = self._rows.last_sequence
        if last < durable_sequence and not self.status.failing:
            raise LookupError(f"frames {last + 1} to {durable_sequence} are not in the log")

    def finish_early(self, durable_sequence: int, mono_ns: int) -> None:
        """The same, and then what is not due yet: all up to `durable_sequence` is in files, or `status` says why.

        Raises `LookupError` as `finish`; what is not due yet is then not sealed.
        """
        self.finish(durable_sequence, mono_ns)
        if self._work is None:
            self._work = self._seal()
            self.finish(durable_sequence, mono_ns)

    def _turn_quarters(self, mono_ns: int) -> bool:
        """Does a little for the files of quarters, whether more is left; what a disk refuses them delays no sealing."""
        if self._quarters_retry_ns is not None and mono_ns < self._quarters_retry_ns:
            return False
        try:
            more = self._quarters.turn()
        except OSError as e:
            self._tell(e)
            self._quarters_retry_ns = mono_ns + RETRY_NS
            return False
        if not more:
            self._quarters_retry_ns = None
            self._works()
        return more

    def _works(self) -> None:
        self.status.failing = self._quarters_retry_ns is not None

    def _tell(self, error: OSError) -> None:
        self.status.errors += 1
        self.status.failing = True
        self.status.last_error = f"{errno.errorcode.get(error.errno or 0, 'UNKNOWN')}: {error.strerror}"

    def _failed(self, error: OSError, mono_ns: int) -> None:
        """Counts an error and begins again from what is sealed, after a while."""
        self._tell(error)
        self._retry_ns = mono_ns + RETRY_NS
        self._work = self._resume()

    # ------------------------------------------------------------------------------------------------ going on

    def _resume(self) -> Iterator[None]:
        """Finds how far sealing came, and what was in force there."""
        names = self._history.names()
        for name in names:
            if name.endswith(PART):
                self._history.remove(name)
        found = sealed_ranges(names)
        self._states, begin_ns, last = NOTHING, None, 0
        if found:
            newest = open_sealed(self._history, found[-1])
            last, begin_ns = found[-1].last_sequence, newest.head.high_ns
            scans = newest.scans()
            if scans is not None:
                begin_ns = int(scans.utc_ns[-1])
                yield from self._take_states(newest, scans)
        self.status.sealed_sequence = last
        self._gathering = Gathering(begin_ns)
        self._rows, self._asked = LogRows(self._log, last, BLOCK_BYTES), 0
        if self._looked_ns is None:  # once: a folder from which nothing can be removed is sealed into all the same
            yield
            self._trim()

    def _take_states(self, newest: SealedFile, scans: Scans) -> Iterator[None]:
        """What was in force at the end of the newest file; of a tag whose chunk is damaged nothing is known."""
        before = newest.opening() or NOTHING
        ended: dict[int, State] = {}
        tags = newest.tags()
        for done, tag in enumerate(tags, 1):
            points = newest.points(tag)
            state = None if points is None else closing(points, scans, state_in(before, tag))
            if state is not None:
                ended[tag] = state
            if done % 8 == 0:
                yield
        # what did nothing since a hole is not known
        rest = NOTHING if len(scans.holes) else without(before, tags)
        self._states = newest_of([rest, opening_of(ended)])

    def _follow(self, durable_sequence: int) -> Iterator[None]:
        """Gathers what is new, and seals where it is enough."""
        for stretch in self._rows.read(durable_sequence):
            self._gathering.add(stretch)
            if self._due(self._gathering):
                yield from self._seal()
            yield

    def _due(self, gathering: Gathering) -> bool:
        rows_max = max(self._rows_max, SEAL_ROWS_A_TAG * max(len(self._states.tag), gathering.width))
        return gathering.rows >= rows_max or abs(gathering.span_ns()) >= self._span_ns

    # ------------------------------------------------------------------------------------------------ sealing

    def _seal(self) -> Iterator[None]:
        """Seals what is gathered, and begins anew behind it."""
        gathering = self._gathering
        scans = gathering.scans()
        if not len(scans.utc_ns):
            return
        continues = not (len(scans.holes) and scans.holes[0] == 0)
        before = self._policies.known(self._states) if continues else NOTHING
        after = [] if len(scans.holes) else [before]
        chunks = [encode_scans(scans), encode_opening(before)]
        yield
        span_ns = int(scans.utc_ns.max()) - int(scans.utc_ns.min())
        minutes_from = max(self._minutes_from, MINUTES_WORTH * span_ns // MINUTE_NS)
        points_sealed = 0
        tags = gathering.tags()
        yield
        for rows in gathering.groups_of(tags, _group_size(len(tags), gathering.rows)):
            yield
            points = points_of_each(rows, scans.holes, before)
            after.append(ends_of_each(points, scans))
            yield
            whole, thin = self._policies.parted(points, span_ns)
            some = points.pick(whole)
            points_sealed += len(some.scan)
            for pieces in encode_points_each(some, scans.utc_ns):
                chunks += pieces
                yield
            for more, count in self._policies.encoded(points, thin, scans, before):
                chunks += more
                points_sealed += count
                yield
            long = np.concatenate((whole[some.cuts.number >= minutes_from], thin))
            chunks += encode_minutes_each(points, np.sort(long), scans, before)
            yield
        if gathering.kept:
            chunks.append(encode_frames(gathering.kept))
        sealed = Range(self.status.sealed_sequence + 1, gathering.last_sequence)
        head = SealedHead(gathering.plan_hash, *sealed, *extent(scans))
        yield
        data = encode_file(head, chunks)
        yield
        yield from self._seal_late(gathering, sealed)
        yield from self._write(sealed.name, data)
        self._states = newest_of([NOTHING, *after])
        self._gathering = Gathering(int(scans.utc_ns[-1]))
        self.status.sealed_sequence = sealed.last_sequence
        self.status.files += 1
        self.status.points += points_sealed
        self.status.bytes += len(data)
        self._quarters.look()
        yield
        self._trim()

    def _seal_late(self, gathering: Gathering, sealed: Range) -> Iterator[None]:
        """Writes what came after its time where it is found again; before the sealed file, so that none is missed."""
        told = late_frames(gathering.kept)
        if not told:
            return
        late = late_to_write(self._history, told, sealed)
        yield from self._write(late.name, late.data)
        for name in late.absorbed:
            self._history.remove(name)

    def _trim(self) -> None:
        """Lets go what is more than the plant keeps."""
        status, self._looked_ns = self.status, self._now_ns
        log = trim_log(self._log, status.sealed_sequence, 0 if self.wanted_bytes else self._keeping.log_bytes)
        status.log_bytes, status.removed_log_files = log.bytes, status.removed_log_files + log.gone
        sealed = trim_history(self._history, self._keeping, self._lengths)
        status.sealed_bytes, status.removed_files = sealed.bytes, status.removed_files + sealed.gone
        if self.wanted_bytes and not log.gone:
            thinned = drop_values(self._history, self.wanted_bytes, self._lengths)
            status.files_without_values += thinned.gone
            status.sealed_bytes = sealed.bytes - thinned.bytes

    def _write(self, name: str, data: bytes) -> Iterator[None]:
        """Writes a file under another name, piece by piece, each on disk before the next, and gives it its name."""
        storage, part = self._history, name + PART
        file = storage.open(part)
        try:
            storage.truncate(file, 0)
            for at in range(0, len(data), PIECE_BYTES):
                storage.append(file, data[at : at + PIECE_BYTES])
                storage.sync(file)
                yield
        finally:
            close_quietly(storage, file)
        storage.rename(part, name)
        storage.sync_folder()


def _group_size(tags: int, rows: int) -> int:
    """How many tags are packed together."""
    return max(1, SLICES * SLICE_COST * tags // max(1, rows + SLICE_TAG * tags))
