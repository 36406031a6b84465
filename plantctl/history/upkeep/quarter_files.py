"""Makes the files of quarters of an hour beside the sealed ones (`quarters`), and removes those that are not needed.

Rules of the file: made in slices of a few milliseconds when there is nothing to seal; an `OSError` ends the attempt, of
which nothing is left, and the next turn begins another.
"""

from collections.abc import Generator, Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Final

import numpy as np

from plantctl.history.files.buckets import Buckets, InForce, joined, merged
from plantctl.history.files.chunk import HEAD, ChunkKind, Opening
from plantctl.history.files.minutes import QUARTER_NS, encode_minutes, minutes_of
from plantctl.history.files.quarters import QuarterRange, open_quarters, quarter_ranges, quarter_ranges_all
from plantctl.history.files.sealed import (
    Range,
    SealedHead,
    encode_head,
    encode_tail,
    open_sealed,
    read_head,
    sealed_ranges,
)
from plantctl.history.reading.many_minutes import encode_each
from plantctl.history.reading.ranges import Ranges
from plantctl.history.reading.record import Part, Record
from plantctl.history.reading.seams import seamless
from plantctl.history.reading.states import without
from plantctl.log.open_file import PART, close_quietly
from plantctl.log.storage import Storage

TOGETHER: Final = 24
PIECE_BYTES: Final = 1 << 18
# So many tags that rest are encoded at a time.
SLICE_TAGS: Final = 32


class Quarters:
    """Keeps the files of quarters of one folder of sealed files. `look` tells it of each new one."""

    def __init__(self, storage: Storage, together: int = TOGETHER) -> None:
        self._storage = storage
        self._together = together
        self._due = True
        self._new = 0
        self._work: Iterator[None] | None = None
        self._told: dict[Range, tuple[int, int]] = {}  # from when to when the sealed files without quarters tell

    def look(self) -> None:
        """A file was sealed. It is looked when these are enough for another: a folder of years takes long to list."""
        self._new += 1
        self._due |= self._new >= self._together

    def turn(self) -> bool:
        """Does a little; whether more is left. Raises `OSError`."""
        if self._work is None:
            if not self._due:
                return False
            self._due, self._new, self._work = False, 0, self._next_one()
        try:
            if next(self._work, self) is self:
                self._work = None
        except OSError:
            self._work, self._due = None, True
            raise
        return self._work is not None or self._due

    def _reaching_back(self, ranges: list[Range], kept: list[QuarterRange]) -> Generator[None, None, frozenset[Range]]:
        """The sealed files without quarters that reach back behind one before them, since UTC was set back.

        They stay without: quarters of theirs would count time twice, and say nothing of where it begins to be new.
        """
        apart: set[Range] = set()
        told: dict[Range, tuple[int, int]] = {}
        later, high_ns = list(reversed(kept)), -1 << 63
        for each in ranges:
            while later and later[-1].last_sequence < each.first_sequence:
                later.pop()
            if later and later[-1].first_sequence == each.first_sequence:
                high_ns = max(high_ns, open_quarters(self._storage, later[-1]).head.high_ns)
                yield
            if later and later[-1].first_sequence <= each.first_sequence:
                continue
            if each not in self._told:
                yield
                try:
                    head = read_head(self._storage, each) or open_sealed(self._storage, each).head
                except FileNotFoundError:  # retention removed it since the folder was listed
                    continue
                self._told[each] = head.low_ns, head.high_ns
            told[each] = self._told[each]
            apart |= {each} if told[each][0] < high_ns else set()
            high_ns = max(high_ns, told[each][1])
        self._told = told
        return frozenset(apart)

    def _next_one(self) -> Iterator[None]:
        """Removes what is not needed, and makes the next file; where it made one it looks again."""
        names = self._storage.names()
        ranges = sealed_ranges(names)
        kept = quarter_ranges(names)
        needless = [q for q in quarter_ranges_all(names) if q not in kept]
        needless += [q for q in kept if not ranges or q.last_sequence < ranges[0].first_sequence]
        for each in needless:
            self._storage.remove(each.name)
        yield
        apart = yield from self._reaching_back(ranges, kept)
        first = _first_level(ranges, kept, self._together, apart)
        second = _second_level(kept, ranges, self._together)
        if second:
            yield from self._write(2, second)
        elif first:
            yield from self._write(1, first)
        self._due |= bool(first or second)

    def _write(self, level: int, ranges: list[Range] | list[QuarterRange]) -> Iterator[None]:
        """Makes one file of others."""
        source = _Quartered(self._storage, ranges)
        made = QuarterRange(ranges[0].first_sequence, ranges[-1].last_sequence, level)
        head = SealedHead(source.plan_hash, made.first_sequence, made.last_sequence, *source.extent)
        storage, part = self._storage, made.name + PART
        file = storage.open(part)
        try:
            storage.truncate(file, 0)
            waiting, heads, sizes = [encode_head(head)], [], []
            for chunks in source.chunks():
                waiting += chunks
                heads += [chunk[: HEAD.size] for chunk in chunks]
                sizes += [len(chunk) for chunk in chunks]
                yield
                if sum(map(len, waiting)) >= PIECE_BYTES:
                    storage.append(file, b"".join(waiting))
                    storage.sync(file)
                    waiting = []
                    yield
            storage.append(file, b"".join([*waiting, encode_tail(heads, sizes)]))
            storage.sync(file)
            storage.rename(part, made.name)
        except OSError:
            with suppress(OSError):
                storage.remove(part)
            raise
        finally:
            close_quietly(storage, file)
        storage.sync_folder()


def _first_level(ranges: list[Range], kept: list[QuarterRange], together: int, apart: frozenset[Range]) -> list[Range]:
    """The next sealed files to put together: so many, or what is left between files of quarters and those `apart`."""
    found: list[Range] = []
    later = list(reversed(kept))
    for each in ranges:
        while later and later[-1].last_sequence < each.first_sequence:
            later.pop()
            if found:
                return found
        if each in apart or (later and later[-1].first_sequence <= each.first_sequence):
            if found:
                return found
            continue
        found.append(each)
        if len(found) == together:
            return found
    return []


def _second_level(kept: list[QuarterRange], ranges: list[Range], together: int) -> list[QuarterRange]:
    """The next files of quarters to put together: none of a sealed file between two of them would be told."""
    follows = dict(pairwise(each.first_sequence for each in ranges))
    behind = {each.last_sequence: follows.get(each.first_sequence) for each in ranges}
    found: list[QuarterRange] = []
    for each in kept:
        on = bool(found) and behind.get(found[-1].last_sequence) == each.first_sequence
        found = [] if each.level != 1 else [*found, each] if on else [each]
        if len(found) == together:
            return found
    return []


class _Quartered(Record):
    """What every tag did in quarters of an hour, in some sealed files or files of quarters."""

    def __init__(self, storage: Storage, ranges: list[Range] | list[QuarterRange]) -> None:
        super().__init__(storage, storage)
        self._ranges = Ranges(storage.names())
        self._each = [open_quarters(storage, r) if isinstance(r, QuarterRange) else self._file(r) for r in ranges]
        self._of_quarters = isinstance(ranges[0], QuarterRange)
        self.plan_hash = self._each[-1].head.plan_hash

    @property
    def extent(self) -> tuple[int, int]:
        """The earliest and the latest moment that they tell of, UTC ns."""
        return min(f.head.low_ns for f in self._each), max(f.head.high_ns for f in self._each)

    def chunks(self) -> Iterator[list[bytes]]:
        """The chunks of all tags, some of them at a time."""
        rest = self._resting()
        force = self._rest_in_force() if rest is not None else None
        if rest is not None and force is not None:
            template = minutes_of(force, QUARTER_NS)
            for first in range(0, len(rest.tag), SLICE_TAGS):
                yield _at_rest(rest, slice(first, first + SLICE_TAGS), template)
        resting = set(rest.tag.tolist()) if rest is not None and force is not None else set()
        for tag in sorted(self._tags() - resting):
            found = self._quarters_of(tag)
            yield [] if found is None else [encode_minutes(tag, found, ChunkKind.QUARTERS, QUARTER_NS)]

    def _tags(self) -> set[int]:
        """The tags of which they may tell."""
        found: set[int] = set()
        for file in self._each:
            if self._of_quarters:
                found.update(file.tags(ChunkKind.QUARTERS))
                continue
            opening = file.opening()
            found.update(file.tags(), [] if opening is None else opening.tag.tolist())
        return found

    def _resting(self) -> Opening | None:
        """What did nothing in any of the sealed files, as it was at the beginning of the first."""
        opening = None if self._of_quarters else self._each[0].opening()
        return None if opening is None else without(opening, {tag for file in self._each for tag in file.tags()})

    def _rest_in_force(self) -> InForce | None:
        """From when to when anything that rests was in force; None where that is not one stretch of time."""
        scans = [file.scans() for file in self._each]
        sound = [each for each in scans if each is not None and each.ascend and not len(each.holes)]
        joints = pairwise(self._each)
        if len(sound) < len(scans) or any(a.range.last_sequence + 1 != b.range.first_sequence for a, b in joints):
            return None
        if any(int(a.utc_ns[-1]) != b.begin_ns for a, b in pairwise(sound)):
            return None
        begin_ns, end_ns = np.array([sound[0].begin_ns]), np.array([int(sound[-1].utc_ns[-1])])
        no_point, quality = np.zeros(1, np.bool_), np.zeros(1, np.uint16)
        return InForce(begin_ns, end_ns, begin_ns, np.ones(1), quality, np.zeros(1, np.int64), no_point)

    def _quarters_of(self, tag: int) -> Buckets | None:
        """What a tag did."""
        found: list[Buckets] = []
        forces: list[InForce] = []
        for file in self._each:
            kept = file.quarters(tag) if self._of_quarters else file.minutes(tag)
            if kept is None and not self._of_quarters:
                force = self._in_force(Part(file.head.low_ns, file.head.high_ns, file, None), tag)
                forces += [] if force is None else [force]
                continue
            found += _together(forces)
            forces = []
            found += [] if kept is None else [kept]
        found += _together(forces)
        if not sum(map(len, found)):
            return None
        whole = joined(found)
        begin_ns = np.sort(whole.begin_ns - whole.begin_ns % QUARTER_NS)
        return merged(whole, begin_ns[np.append(True, begin_ns[1:] != begin_ns[:-1])])


def _together(forces: list[InForce]) -> list[Buckets]:
    return [minutes_of(seamless(forces), QUARTER_NS)] if forces else []


def _at_rest(rest: Opening, which: slice, template: Buckets) -> list[bytes]:
    """The chunks of some tags that rest, from the quarters of one that rests as long."""
    tags, value, quality = rest.tag[which], rest.value[which], rest.quality[which]
    owner = np.repeat(np.arange(len(tags)), len(template))
    values = value[owner]
    spans = Buckets(
        np.tile(template.begin_ns, len(tags)),
        values,
        values,
        values,
        values,
        values,
        np.where(np.isnan(values), 0, np.tile(template.known_ns, len(tags))),
        np.zeros(len(owner), np.int64),
        quality[owner],
        np.ones(len(owner), np.bool_),
    )
    return encode_each(tags, spans, spans.begin_ns // QUARTER_NS, owner, ChunkKind.QUARTERS)
