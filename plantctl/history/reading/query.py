"""Asks the history of a plant: every point, the value at a moment, averages, totals, what happened in a row of spans.

What is sealed is read from its files, what is not yet from the log; nobody who asks sees the seam. A gap stays a gap,
a spike of one scan is in the largest or smallest value of its bucket at any width, and the answer says whether it was
made from points or from minutes, and whether it was cut short.

Rules of the file: nothing is written; `read` may run beside the recorder and sees what the log holds when it is called;
damage costs what was damaged and is counted. No loop and no clock: time is an argument, calls block while they read.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.frame import HEAD, Kind
from plantctl.history.files.buckets import Buckets, InForce, in_buckets, joined, merged, nothing
from plantctl.history.files.chunk import U2, ChunkKind
from plantctl.history.files.minutes import MINUTE_NS, minutes_of
from plantctl.history.files.numbers import F8, I8
from plantctl.history.reading.gathering import State
from plantctl.history.reading.points_together import Piece, together, told_by
from plantctl.history.reading.record import Part, state_of
from plantctl.history.reading.seams import bound_at, ends_of, lines_from, points_from, row_at, seamless, told
from plantctl.history.reading.totals import (
    Average,
    Total,
    all_good,
    behind,
    between,
    good_only,
    summed_unit,
    totalled,
    within,
)
from plantctl.history.reading.trends import BUCKETS_MAX, NothingAsked, Tier, Trend, TrendsRecord, check
from plantctl.log.recovery import frame_texts

__all__ = ["BUCKETS_MAX", "POINTS_MAX", "History", "NothingAsked", "Page", "Series", "Tier", "Trend"]

POINTS_MAX: Final = 1_000_000
LINE_NS: Final = 86_400_000_000_000
_TOKEN: Final = re.compile(r"(\d{1,20})\.(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Series:
    """Every point of a tag in a span, and first of all what was in force when it began, with the time of its own; where
    the record begins later (retention), what was in force there, which came before it.

    As columns: `utc_ns`, `value` in the tag's unit, `quality`, `source_ns` (the device's word, 0 where there is none),
    and `until_ns`: where that is before the next point, or before the end of the span, there is a gap. `truncated`:
    there were more points than asked, and `end_ns` is where they were cut off.

    Of a tag that is thinned, what was in force was off by `off_by` at most, in the tag's unit. `line`, where there is
    any, tells from which points the value went straight to the next one; else it held.
    """

    tag: str
    unit: str
    utc_ns: I8
    until_ns: I8
    value: F8
    quality: U2
    source_ns: I8
    end_ns: int
    truncated: bool
    line: npt.NDArray[np.bool_] | None = None
    off_by: float = 0.0


@dataclass(frozen=True, slots=True)
class Page:
    """Some points of a span in the order of the record, and the token to go on with; empty where there are no more."""

    series: Series
    token: str


class History(TrendsRecord):
    """The history of one plant: `log` is the folder of its log, `sealed` that of its sealed files.

    One object may be kept for as long as one likes; it is to be used by one thread at a time. Where more than
    `tail_rows_max` rows of the log are not sealed, because that failed or was never done, the oldest of them are a gap.
    """

    # ------------------------------------------------------------------------------------------------ questions

    def raw(self, tag: str, start_ns: int, end_ns: int, limit: int = POINTS_MAX) -> Series:
        """Every point with start <= UTC < end, the oldest `limit` of them, after what was in force at the start.

        An unknown tag raises `UnknownTag`, an empty span `NothingAsked`.
        """
        check(start_ns, end_ns)
        point = self._point(tag)
        pieces: list[Piece | InForce] = []
        most = 0
        for part in self._parts_of(point.id, start_ns, end_ns):
            piece = self._piece(part, point.id)
            if piece is not None:
                pieces.append(piece)
                most += len(piece) if isinstance(piece, InForce) else len(piece.points)
                if most > limit and points_from([told_by(each) for each in pieces], start_ns) > limit:
                    break
        force = together(pieces)
        found = told(force, start_ns, end_ns, limit)
        rows, end_ns = found.rows, found.end_ns
        until_ns = force.until_ns[found.ends]
        if len(until_ns) and until_ns[-1] > end_ns:
            until_ns = np.minimum(until_ns, end_ns)
        columns = (force.utc_ns[rows], until_ns, force.value[rows], force.quality[rows], force.source_ns[rows])
        line = lines_from(force, rows)
        return Series(tag, point.unit, *columns, end_ns, found.truncated, line, force.off_by)

    def page(self, tag: str, start_ns: int, end_ns: int, limit: int = POINTS_MAX, token: str = "") -> Page:
        """The same in pages: `limit` points, and the token with which the next call goes on behind them.

        Each point comes once, whatever is sealed between two calls; what retention removed meanwhile is left out. Only
        the first page begins with what was in force at the start. A token that is none of ours: `NothingAsked`.
        """
        check(start_ns, end_ns)
        if limit < 1:
            raise NothingAsked("a page has one point at least")
        place = _TOKEN.fullmatch(token)
        if token and not place:
            raise NothingAsked("this is no token of a page before")
        first, skip = (int(place[1]), int(place[2])) if place else (0, 0)
        point = self._point(tag)
        begins: list[int] = []
        parts: list[InForce] = []
        wanted: list[int] = []
        for part in self._parts_of(point.id, start_ns, end_ns):
            if part.last_sequence is not None and part.last_sequence < first:
                continue
            force = self._in_force(part, point.id)
            if force is None:
                continue
            if not parts and part.first_sequence > first:
                skip = 0  # the file that the token was of is gone
            inside = force.is_point & (force.utc_ns >= start_ns) & (force.utc_ns < end_ns)
            begins.append(part.first_sequence)
            parts.append(force)
            wanted.append(int(inside.sum()))
            if sum(wanted) > skip + limit:
                break
        force = seamless(parts)
        inside = force.is_point & (force.utc_ns >= start_ns) & (force.utc_ns < end_ns)
        rows = np.flatnonzero(inside)[skip : skip + limit]
        more = sum(wanted) > skip + limit
        following = ""
        if more:
            end_ns = int(force.utc_ns[np.flatnonzero(inside)[skip + limit]])
            part_ends = np.cumsum(wanted)
            at = int(np.searchsorted(part_ends, skip + limit))
            following = f"{begins[at]}.{skip + limit - (int(part_ends[at - 1]) if at else 0)}"
        before = None if token else bound_at(force, start_ns, end_ns)
        if before is not None and not inside[before]:
            rows = np.concatenate(([before], rows))
        until_ns = force.until_ns[ends_of(force, rows)]
        if not more:
            until_ns = np.minimum(until_ns, end_ns)
        columns = (force.utc_ns[rows], until_ns, force.value[rows], force.quality[rows], force.source_ns[rows])
        line = lines_from(force, rows)
        return Page(Series(tag, point.unit, *columns, end_ns, more, line, force.off_by), following)

    def last(self, tag: str, before_ns: int) -> State | None:
        """The newest point with UTC < before, however old it is and whether or not it was still in force then.

        None where the record has none. An unknown tag raises `UnknownTag`.
        """
        point = self._point(tag)
        late, of = self._late_before(point.id, before_ns), self.late.of(point.id)
        if of is not None and of.lab:
            return late
        told = self._told_before(point.id, before_ns, -1 << 63 if late is None else late.utc_ns)
        return late if told is None or (late is not None and late.utc_ns >= told.utc_ns) else told

    def at(self, tag: str, utc_ns: Sequence[int], linear: bool = False) -> list[State | None]:
        """What was in force at each of some moments; None where the record does not tell.

        `linear` puts the value on the straight line to the next point, with the worse quality of the two, where that
        follows within a day, without a gap, and both are finite numbers; else the value holds. An unknown tag raises
        `UnknownTag`.
        """
        point = self._point(tag)
        found: list[State | None] = []
        for moment_ns in utc_ns:
            force = self._whole(self._parts_of(point.id, moment_ns, moment_ns + 1), point.id)
            row = row_at(force, moment_ns)
            state = None if row is None else state_of(force, row)
            if state is not None and linear and state.utc_ns < moment_ns:
                after = self._following(point.id, moment_ns)
                state = state if after is None else between(state, after, moment_ns)
            found.append(state)
        return found

    def _following(self, tag: int, utc_ns: int) -> State | None:
        """The next point after a moment at which something is in force; None where a gap, the end, a day come first."""
        known_ns = utc_ns
        for part in self._parts_of(tag, utc_ns, utc_ns + LINE_NS):
            force = self._in_force(part, tag)
            if force is None:
                return None
            for row in range(max(0, int(np.searchsorted(force.at_ns, utc_ns, "right")) - 1), len(force)):
                if force.at_ns[row] > known_ns:
                    return None
                if force.is_point[row] and force.utc_ns[row] > utc_ns:
                    return state_of(force, row) if force.utc_ns[row] <= utc_ns + LINE_NS else None
                known_ns = max(known_ns, int(force.until_ns[row]))
        return None

    def spans(self, tag: str, begin_ns: I8, width_ns: int, good: bool = False) -> Buckets:
        """What a tag did in spans of exactly `width_ns` that begin at `begin_ns`, ascending, side by side.

        With `good`, min, max, mean, first, last and `known_ns` are of good values alone; quality and count of all.
        Means may come from sealed minutes, which keep 24 bits of them. Raises as `trend`.
        """
        if not 1 <= len(begin_ns) <= BUCKETS_MAX or width_ns < 1:
            raise NothingAsked(f"1 to {BUCKETS_MAX} spans, not {len(begin_ns)}")
        point = self._point(tag)
        aligned = width_ns % MINUTE_NS == 0 and int(begin_ns[0]) % MINUTE_NS == 0
        found: list[Buckets] = []
        end_ns = int(begin_ns[-1]) + width_ns
        for part, front_ns in self._fronts(self._parts_of(point.id, int(begin_ns[0]), end_ns), point.id):
            whole = front_ns is None
            kept = self._span_minutes(part, point.id, begin_ns, width_ns, aligned, good) if whole else None
            if kept is None:
                force = self._in_force(part, point.id)
                if force is not None and front_ns is not None:
                    force = behind(force, front_ns)
                if force is not None and len(force):
                    first, last = within(force, begin_ns, width_ns)
                    kept = in_buckets(begin_ns[first:last], width_ns, good_only(force) if good else force)
            if kept is not None and len(kept):
                found.append(kept.pick(kept.begin_ns < end_ns))
        return merged(joined(found), begin_ns) if found else nothing(begin_ns)

    def _span_minutes(
        self, part: Part, tag: int, begin_ns: I8, width_ns: int, aligned: bool, good: bool
    ) -> Buckets | None:
        """The minutes of a part where they tell the same of these spans as its points, and are there."""
        if part.file is None or not part.file.has(ChunkKind.MINUTES, tag):
            return None
        of = int(np.searchsorted(begin_ns, part.low_ns, "right")) - 1
        inside = of >= 0 and part.high_ns < int(begin_ns[of]) + width_ns
        if not (aligned or inside):
            return None
        kept = part.file.minutes(tag)
        if kept is None or (good and not all_good(kept)):
            force = self._in_force(part, tag) if aligned else None
            return None if force is None else minutes_of(good_only(force) if good else force)
        if inside:
            kept.begin_ns[:] = np.maximum(kept.begin_ns, part.low_ns)
        return kept

    def average(self, tag: str, start_ns: int, end_ns: int) -> Average:
        """The mean over time of what was good from start to end, UTC ns (`totals` says what counts).

        An unknown tag raises `UnknownTag`, an empty span `NothingAsked`.
        """
        check(start_ns, end_ns)
        found, share = self._good(tag, start_ns, end_ns)
        value = float(found.mean[0]) if found.known_ns[0] > 0 else float("nan")
        unit = self.names.point(tag).unit
        return Average(tag, unit, value, share, int(found.quality[0]), int(found.count[0]))

    def total(self, tag: str, start_ns: int, end_ns: int, unit: str = "") -> Total:
        """What a rate came to while it was good from start to end, UTC ns, in `unit` or the one that people read.

        A tag that is no rate, or does not become that unit: `NotARate`. Else as `average`.
        """
        check(start_ns, end_ns)
        _, text, factor = summed_unit(self._point(tag).unit, unit)
        found, share = self._good(tag, start_ns, end_ns)
        value = totalled(float(found.mean[0]), int(found.known_ns[0]), factor)
        return Total(tag, text, value, share, int(found.quality[0]), int(found.count[0]))

    def _good(self, tag: str, start_ns: int, end_ns: int) -> tuple[Buckets, float]:
        """One span, of good values, and the share of it that they cover."""
        found = self.spans(tag, np.array([start_ns], np.int64), end_ns - start_ns, good=True)
        return found, int(found.known_ns[0]) / (end_ns - start_ns)

    def frames(self, start_ns: int, end_ns: int) -> Iterator[tuple[int, bytes]]:
        """The frames of events, commands, results, texts and writes with start <= UTC < end, whole, with their UTC."""
        self._refresh()
        for part in self._parts(start_ns, end_ns):
            kept = part.file.frames() if part.file else part.tail.gathering.kept if part.tail else []
            yield from ((utc_ns, frame) for utc_ns, frame in kept if start_ns <= utc_ns < end_ns)

    def plans(self, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """The plans that wrote a span: since when (UTC ns) each is seen, and its hash. The first was there before.

        A change is seen at the first event, text or command of the new plan; a part of the record without any counts
        as wholly of the plan that wrote its end.
        """
        self._refresh()
        seen: list[tuple[int, int]] = []
        for part in self._parts(start_ns, end_ns):
            kept = part.file.frames() if part.file else part.tail.gathering.kept if part.tail else []
            here = [(utc_ns, HEAD.unpack_from(frame)[-1]) for utc_ns, frame in kept if utc_ns < end_ns]
            newest = part.file.head.plan_hash if part.file else part.tail.gathering.plan_hash if part.tail else 0
            here.append((min(part.high_ns, end_ns - 1), newest))
            seen += [(part.low_ns, here[0][1]), *here]
        found: list[tuple[int, int]] = []
        for utc_ns, plan_hash in seen:
            if utc_ns < start_ns:
                found = [(utc_ns, plan_hash)]
            elif not found or found[-1][1] != plan_hash:
                found.append((utc_ns, plan_hash))
        return found

    def texts(self, start_ns: int, end_ns: int) -> dict[int, str]:
        """The texts behind the text ids that the frames of a span use."""
        found: dict[int, str] = {}
        # a text is told again at most 10 s before it is used (log-format.md, Texts)
        for _, frame in self.frames(start_ns - 20_000_000_000, end_ns):
            if int.from_bytes(frame[4:6], "little") == Kind.TEXT:
                found |= frame_texts(frame)
        return found
