"""Seals the log: turns what is on disk there into small files that are quick to ask, and lets old log files go.

The recorder calls `turn` between its commits. Each turn does a little, a few milliseconds at most: read on in the log,
encode a few tags, write a piece. What is sealed is what a commit mark vouches for; a kill at any moment leaves the log,
the sealed files, and perhaps a `.part` that the next start removes. The next start finds by the names of the files how
far sealing came, and goes on behind.

A file is sealed when it holds an hour, or a million rows. A log file may go when all its frames are sealed, and goes
when the log is larger than it may be.

Rules of the file: no method raises `OSError`: errors are counted in `status` and tried again; time is an argument.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from plantctl.history.chunk import Opening, encode_opening, encode_points, encode_scans
from plantctl.history.gathering import Gathering, State, closing, cut, in_force, points_in
from plantctl.history.log_rows import LogRows, Stretch
from plantctl.history.minutes import MINUTE_NS, encode_minutes, minutes_of
from plantctl.history.sealed import Range, SealedHead, encode_file, encode_frames, extent, open_sealed, sealed_ranges
from plantctl.log.files import first_sequence_of, log_names
from plantctl.log.open_file import close_quietly
from plantctl.log.storage import Storage

SEAL_SPAN_NS: Final = 3_600_000_000_000
SEAL_ROWS: Final = 1_000_000
# A plant of many tags seals more at a time: a chunk should hold some hundred points.
SEAL_ROWS_A_TAG: Final = 500
LOG_BYTES_MAX: Final = 2 << 30
BLOCK_BYTES: Final = 1 << 17
PIECE_BYTES: Final = 1 << 18
RETRY_NS: Final = 10_000_000_000
PART: Final = ".part"
# Minutes are kept of so many points or more, where they are fewer by a factor; else the points are as quick to read.
MINUTES_FROM: Final = 600
MINUTES_WORTH: Final = 4
_GROUP_ROWS: Final = 10_000
# A slice encodes so many rows, where a tag costs as much as so many more: some 2 ms.
SLICE_COST: Final = 6_000
SLICE_TAG: Final = 500


@dataclass(slots=True)
class SealStatus:
    """What the sealer has to say about itself; numbers count since it was made.

    `sealed_sequence` is the newest frame in a sealed file, `points` and `bytes` what was sealed, `removed_files` the
    log files that retention removed. `failing` is true from an error until the next turn that worked.
    """

    sealed_sequence: int = 0
    files: int = 0
    points: int = 0
    bytes: int = 0
    removed_files: int = 0
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
        log_bytes_max: int = LOG_BYTES_MAX,
        minutes_from: int = MINUTES_FROM,
    ) -> None:
        self.status = SealStatus()
        self._log = log
        self._history = history
        self._span_ns = span_ns
        self._rows_max = rows_max
        self._log_bytes_max = log_bytes_max
        self._minutes_from = minutes_from
        self._states: dict[int, State] = {}
        self._gathering = Gathering()
        self._rows = LogRows(log, 0, BLOCK_BYTES)
        self._work: Iterator[None] | None = self._resume()
        self._retry_ns: int | None = None

    def turn(self, durable_sequence: int, mono_ns: int) -> bool:
        """Does a little of what there is to do about frames up to `durable_sequence`; whether more is left."""
        if self._retry_ns is not None and mono_ns < self._retry_ns:
            return False
        try:
            if self._work is None:
                if durable_sequence <= self._rows.last_sequence:
                    return False
                self._work = self._follow(durable_sequence)
            if next(self._work, self) is self:
                self._work = None
        except OSError as e:
            self._failed(e, mono_ns)
            return False
        self._retry_ns = None
        self.status.failing = False
        return self._work is not None or durable_sequence > self._rows.last_sequence

    def finish(self, durable_sequence: int, mono_ns: int) -> None:
        """All that is due now, for whoever has time: tests, tools."""
        while self.turn(durable_sequence, mono_ns):
            pass

    def finish_early(self, durable_sequence: int, mono_ns: int) -> None:
        """The same, and then what is not due yet: all up to `durable_sequence` is in files, or `status` says why."""
        self.finish(durable_sequence, mono_ns)
        if self._work is None:
            self._work = self._seal()
            self.finish(durable_sequence, mono_ns)

    def _failed(self, error: OSError, mono_ns: int) -> None:
        """Counts an error and begins again from what is sealed, after a while."""
        self.status.errors += 1
        self.status.failing = True
        self.status.last_error = f"{errno.errorcode.get(error.errno or 0, 'UNKNOWN')}: {error.strerror}"
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
        self._states, begin_ns, last = {}, None, 0
        if found:
            newest = open_sealed(self._history, found[-1])
            last, begin_ns = found[-1].last_sequence, newest.head.high_ns
            scans, opening = newest.scans(), newest.opening()
            if scans is not None:
                begin_ns = int(scans.utc_ns[-1])
            if opening is not None:
                self._states = states_of(opening)
            done = set()
            for tag in newest.tags() if scans is not None else []:
                points = newest.points(tag)
                done.add(tag)
                if points is not None and scans is not None:
                    self._keep(tag, closing(points, scans, self._states.get(tag)))
                else:
                    self._states.pop(tag, None)
                if len(done) % 8 == 0:
                    yield
            if scans is None:
                self._states = {}
            elif len(scans.holes):  # what did nothing since a hole is not known
                self._states = {tag: state for tag, state in self._states.items() if tag in done}
        self.status.sealed_sequence = last
        self._gathering = Gathering(begin_ns)
        self._rows = LogRows(self._log, last, BLOCK_BYTES)

    def _keep(self, tag: int, state: State | None) -> None:
        if state is None:
            self._states.pop(tag, None)
        else:
            self._states[tag] = state

    def _follow(self, durable_sequence: int) -> Iterator[None]:
        """Gathers what is new, and seals where it is enough."""
        for stretch in self._rows.read(durable_sequence):
            self._gathering.add(stretch)
            if self._due(self._gathering):
                yield from self._seal()
            yield

    def _due(self, gathering: Gathering) -> bool:
        rows_max = max(self._rows_max, SEAL_ROWS_A_TAG * max(len(self._states), gathering.width))
        return gathering.rows >= rows_max or abs(gathering.span_ns()) >= self._span_ns

    # ------------------------------------------------------------------------------------------------ sealing

    def _seal(self) -> Iterator[None]:
        """Seals what is gathered, and begins anew behind it."""
        gathering = self._gathering
        scans = gathering.scans()
        if not len(scans.utc_ns):
            return
        continues = not (len(scans.holes) and scans.holes[0] == 0)
        before = self._states if continues else {}
        after = {} if len(scans.holes) else dict(before)
        chunks = [encode_scans(scans), encode_opening(opening_of(before))]
        yield
        points_sealed = cost = 0
        for group in _groups(gathering):
            for tag, rows in _tag_by_tag(group):
                cost += len(rows) + SLICE_TAG
                if cost > SLICE_COST:
                    cost = len(rows) + SLICE_TAG
                    yield
                points = points_in(rows, scans.holes, before.get(tag))
                state = closing(points, scans, before.get(tag))
                if state is not None:
                    after[tag] = state
                if len(points):
                    points_sealed += len(points)
                    chunks.append(encode_points(tag, points))
                    if len(points) >= max(self._minutes_from, MINUTES_WORTH * int(np.ptp(scans.utc_ns)) // MINUTE_NS):
                        chunks.append(encode_minutes(tag, minutes_of(in_force(points, scans, before.get(tag)))))
        if gathering.kept:
            chunks.append(encode_frames(gathering.kept))
        sealed = Range(self.status.sealed_sequence + 1, gathering.last_sequence)
        head = SealedHead(gathering.plan_hash, *sealed, *extent(scans))
        yield
        data = encode_file(head, chunks)
        yield
        yield from self._write(sealed.name, data)
        self._states = after
        self._gathering = Gathering(int(scans.utc_ns[-1]))
        self.status.sealed_sequence = sealed.last_sequence
        self.status.files += 1
        self.status.points += points_sealed
        self.status.bytes += len(data)
        yield
        self.status.removed_files += trim(self._log, self.status.sealed_sequence, self._log_bytes_max)

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


def states_of(opening: Opening) -> dict[int, State]:
    """What was in force, by tag."""
    columns = (opening.utc_ns, opening.value, opening.quality, opening.source_ns)
    rows = zip(*(c.tolist() for c in columns), strict=True)
    return dict(zip(opening.tag.tolist(), map(State._make, rows), strict=True))


def opening_of(states: dict[int, State]) -> Opening:
    """The same as columns."""
    tags = sorted(states)
    rows = [states[tag] for tag in tags]
    return Opening(
        np.array(tags, np.int64),
        np.array([r.utc_ns for r in rows], np.int64),
        np.array([r.value for r in rows], np.float64),
        np.array([r.quality for r in rows], np.uint16),
        np.array([r.source_ns for r in rows], np.int64),
    )


def _groups(gathering: Gathering) -> Iterator[Stretch]:
    """The rows by groups of neighbouring tags, some ten thousand rows each."""
    tags = gathering.tags()
    step = max(1, int(_GROUP_ROWS * len(tags) / max(1, gathering.rows)))
    for begin in range(0, len(tags), step):
        rows = gathering.rows_of(int(tags[begin]), int(tags[min(begin + step, len(tags)) - 1]))
        if rows is not None:
            yield rows


def _tag_by_tag(rows: Stretch) -> Iterator[tuple[int, Stretch]]:
    """The rows of each tag."""
    begin = np.flatnonzero(np.concatenate(([True], rows.tag[1:] != rows.tag[:-1])))
    for low, high in zip(begin.tolist(), [*begin[1:].tolist(), len(rows)], strict=True):
        yield int(rows.tag[low]), cut(rows, slice(low, high))


def trim(log: Storage, sealed_sequence: int, bytes_max: int, needed_sequence: int | None = None) -> int:
    """Removes the oldest files of a log until it is no larger than `bytes_max`; how many went. Raises `OSError`.

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
    return gone
