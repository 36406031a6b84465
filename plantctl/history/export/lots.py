"""Lots: named stretches of a plant's time, written down in a file, or found in what was recorded.

    from a file     name, start, end: campaigns, batches, shifts as people keep them
    by a condition  each stretch in which `{40-XI-4216} == 1 for 5 min` is true, by the tags' own units
    around events   each transition that a pattern names, `trip E1-*`, or each moment in which a condition becomes true

A condition is the one of the plant's text, run by the machine that runs it in the plant. It is looked at whenever a tag
in it changes. What is not known, in a gap or with bad quality, is not true: it ends a stretch, but for gaps that are as
short as whoever asks lets pass.

Rules of the file: nothing is written; a long span is read in pieces, so that memory is bounded; time is an argument.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.bytecode import CONST, FIRST_UNARY, Program
from plantctl.core.errors import LogDamaged, PlantctlError
from plantctl.core.event import Event, EventKind
from plantctl.core.frame import Kind, decode_frame
from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.core.units import Unit, parse_unit
from plantctl.history.files.chunk import U2
from plantctl.history.files.numbers import F8, I8
from plantctl.history.reading.query import POINTS_MAX, History, Series
from plantctl.log.recovery import frame_texts
from plantctl.plan.expression import compile_expression, parse_expression, references, split_duration
from plantctl.scan.event_records import EventRecords
from plantctl.scan.stack_machine import run

LOTS_MAX: Final = 2_000
# 146 years to both sides of 1970: times may be added and subtracted without a thought.
TIME_MAX_NS: Final = 1 << 62
PIECE_NS: Final = 6 * 3600 * 1_000_000_000
# A text is told again at most 10 s before it is used (log-format.md, Texts).
TEXTS_BEFORE_NS: Final = 20_000_000_000
_COPIES: Final = 4_096
Flags = npt.NDArray[np.bool_]


class LotsRefused(PlantctlError):
    """Lots that cannot be found as they were asked for; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Lot:
    """From `start_ns` to `end_ns`, UTC, the end left out; `zero_ns` is where its time begins to count.

    `why`: what it was found by; `ended`: what ended it, where it was found in the record.
    """

    name: str
    start_ns: int
    end_ns: int
    zero_ns: int
    why: str = ""
    ended: str = ""


def widened(lots: Iterable[Lot], before_ns: int, after_ns: int) -> list[Lot]:
    """The same with so much time before and after. Raises `LotsRefused` where no record can reach so far."""
    wide = [replace(lot, start_ns=lot.start_ns - before_ns, end_ns=lot.end_ns + after_ns) for lot in lots]
    if any(lot.start_ns < -TIME_MAX_NS or lot.end_ns > TIME_MAX_NS for lot in wide):
        raise LotsRefused("with the time before and after them, lots lie where no record can reach")
    return wide


def few_enough(lots: Iterable[Lot]) -> list[Lot]:
    """The lots, numbered names made different. Raises `LotsRefused` where they are too many, or none."""
    found: list[Lot] = []
    for lot in lots:
        found.append(lot)
        if len(found) > LOTS_MAX:
            raise LotsRefused(f"there are more than {LOTS_MAX}: ask for less time, or name a least length with `for`")
    if not found:
        raise LotsRefused("there is no such lot in this span")
    return found


# ------------------------------------------------------------------------------------------------ conditions


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which a condition was one thing: True, False, or None: not known."""

    start_ns: int
    end_ns: int
    true: bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition over recorded tags, true for `least_ns` at least before it counts."""

    text: str
    program: Program
    least_ns: int


def condition_of(history: History, text: str) -> Condition:
    """A condition as the plant's text has it, `for` included. Raises `ExpressionRefused` and `UnknownTag`."""
    bare, least_s = split_duration(text)
    ast = parse_expression(bare)
    units: dict[str, Unit | None] = {}
    for name, _ in references(ast):
        units[name] = parse_unit(history.names.point(name).unit or "1")
    return Condition(text, compile_expression(ast, units, None, "condition"), round((least_s or 0.0) * 1e9))


def lots_while(
    history: History, condition: Condition, start_ns: int, end_ns: int, through_ns: int = 0
) -> Iterator[Lot]:
    """Each stretch in which a condition is true; one not known for up to `through_ns` between two of them passes."""
    return lots_in(stretches(history, condition, start_ns, end_ns), condition, through_ns)


def lots_in(found: Iterable[Stretch], condition: Condition, through_ns: int = 0) -> Iterator[Lot]:
    """The same of what the condition was, stretch by stretch."""
    words = {None: "not known any more", False: "not true any more"}
    number = 0
    kept = list(_bridged(side_by_side(found), through_ns))
    for place, stretch in enumerate(kept):
        if stretch.true and stretch.end_ns - stretch.start_ns >= condition.least_ns:
            number += 1
            ended = words[kept[place + 1].true] if place + 1 < len(kept) else "the end of what was asked for"
            yield Lot(f"{number:04d}", stretch.start_ns, stretch.end_ns, stretch.start_ns, condition.text, ended)


def lots_from(history: History, condition: Condition, start_ns: int, end_ns: int, through_ns: int = 0) -> Iterator[Lot]:
    """Each moment in which a condition becomes true, as a lot of no length."""
    for lot in lots_while(history, condition, start_ns, end_ns, through_ns):
        yield replace(lot, end_ns=lot.start_ns)


def pieces(start_ns: int, end_ns: int, piece_ns: int) -> Iterator[tuple[int, int]]:
    """A span in pieces that are looked at one by one."""
    return ((begin_ns, min(begin_ns + piece_ns, end_ns)) for begin_ns in range(start_ns, end_ns, piece_ns))


def stretches(history: History, condition: Condition, start_ns: int, end_ns: int) -> Iterator[Stretch]:
    """What a condition was from start to end, piece by piece."""
    for piece in pieces(start_ns, end_ns, PIECE_NS):
        yield from _stretches(history, condition.program, *piece)


def side_by_side(found: Iterable[Stretch]) -> Iterator[Stretch]:
    """The same, each of the stretches another thing than the one before."""
    last: Stretch | None = None
    for each in found:
        if last is not None and each.true is last.true:
            last = replace(last, end_ns=each.end_ns)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last


def _stretches(history: History, program: Program, start_ns: int, end_ns: int) -> Iterator[Stretch]:
    series = [_Steps(history.raw(name, start_ns, end_ns, 100 * POINTS_MAX), start_ns) for name in program.inputs]
    moments = np.unique(np.concatenate([[start_ns], *(each.moments for each in series)])).astype(np.int64)
    moments = moments[(moments >= start_ns) & (moments < end_ns)]
    known = np.ones(len(moments), np.bool_)
    columns = []
    for each in series:
        there, value, quality = each.at(moments)
        known &= there
        columns.append((value, quality))
    true, bad = _judged(program, columns, len(moments))
    state = np.where(known & ~bad, true, 2)
    new = np.flatnonzero(np.append(True, state[1:] != state[:-1]))
    ends = np.append(moments[new[1:]], end_ns)
    for at, until_ns in zip(new.tolist(), ends.tolist(), strict=True):
        yield Stretch(int(moments[at]), until_ns, (False, True, None)[int(state[at])])


class _Steps:
    """A series as steps of what is in force."""

    def __init__(self, series: Series, start_ns: int) -> None:
        self.at_ns = np.maximum.accumulate(np.maximum(series.utc_ns, start_ns))
        until_ns = np.maximum(series.until_ns, self.at_ns)
        until_ns[:-1] = np.minimum(until_ns[:-1], self.at_ns[1:])
        self.until_ns, self.value, self.quality = until_ns, series.value, series.quality
        gaps = until_ns < np.append(self.at_ns[1:], series.end_ns)
        self.moments = np.concatenate((self.at_ns, until_ns[gaps]))

    def at(self, moments: I8) -> tuple[Flags, F8, U2]:
        """Whether anything is known at each moment, and the value and quality then."""
        row = np.searchsorted(self.at_ns, moments, "right") - 1
        if not len(self.at_ns):
            return row >= 0, np.zeros(len(moments)), np.zeros(len(moments), np.uint16)
        place = np.maximum(row, 0)
        return (row >= 0) & (moments < self.until_ns[place]), self.value[place], self.quality[place]


def _judged(program: Program, columns: Sequence[tuple[F8, U2]], count: int) -> tuple[Flags, Flags]:
    """Whether a condition is true, and whether that is bad, at each of some moments.

    The plant's own machine runs a copy of the program for each moment over an image that has all of them.
    """
    true, bad = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    inputs = len(columns)
    for first in range(0, count, _COPIES):
        last = min(count, first + _COPIES)
        code: list[tuple[int, int]] = []
        bounds: list[tuple[int, int, int]] = []
        v: list[float] = []
        q: list[int] = []
        for copy, moment in enumerate(range(first, last)):
            base = copy * (inputs + 1)
            moved = [(op, a + base if CONST < op < FIRST_UNARY else a) for op, a in program.code]
            bounds.append((len(code), len(code) + len(moved), base + inputs))
            code += moved
            v += [float(value[moment]) for value, _ in columns] + [0.0]
            q += [int(quality[moment]) for _, quality in columns] + [0]
        deep = program.stack_depth + 1
        run(_Rows(code), program.constants, _Rows(bounds), [0.0] * deep, [0] * deep, v, q, 0, last - first)
        true[first:last] = [x != 0.0 for x in v[inputs :: inputs + 1]]
        bad[first:last] = [word & SEVERITY_MASK >= BAD for word in q[inputs :: inputs + 1]]
    return true, bad


class _Rows:
    """Rows of numbers, asked for by row and column as the machine does."""

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        self._rows = rows

    def __getitem__(self, place: tuple[int, int]) -> int:
        return self._rows[place[0]][place[1]]


def _bridged(found: Iterable[Stretch], through_ns: int) -> Iterator[Stretch]:
    """The same, where what was not known for a short while between two true stretches counts as true."""
    waiting: list[Stretch] = []
    for stretch in found:
        waiting.append(stretch)
        if len(waiting) == 3:
            first, hole, last = waiting
            if first.true and hole.true is None and last.true and hole.end_ns - hole.start_ns <= through_ns:
                waiting = [Stretch(first.start_ns, last.end_ns, True)]
            else:
                yield waiting.pop(0)
    yield from waiting


# ------------------------------------------------------------------------------------------------ events


def lots_around(history: History, pattern: str, start_ns: int, end_ns: int) -> Iterator[Lot]:
    """Each event that a pattern names, `KIND [TARGET [NEW]]` with `*` and `?`, as a lot of no length.

    NEW is the new value, as a number. Raises `LotsRefused` where there is no such kind.
    """
    kind, target, new = (*(pattern.split() or [""]), "*", "*")[:3]
    known = [each.word for each in EventKind]
    if not any(fnmatchcase(word, kind) for word in known):
        raise LotsRefused(f"`{kind}` is no kind of event: {', '.join(known)}; a condition has tags in braces")
    records = EventRecords.of(history.names.all().values())
    number = 0
    for event in events(history, records, start_ns, end_ns):
        words = zip((event.kind.word, event.target, event.new_text), (kind, target, new), strict=True)
        if all(fnmatchcase(word, wanted) for word, wanted in words):
            number += 1
            why = f"{event.kind.word} {event.target} {event.old_text} to {event.new_text}"
            yield Lot(f"{number:04d}", event.utc_ns, event.utc_ns, event.utc_ns, why)


def events(history: History, records: EventRecords, start_ns: int, end_ns: int) -> Iterator[Event]:
    """The events of a span, in the order of the record; those that cannot be read are left out."""
    texts: dict[int, str] = {}
    for utc_ns, data in history.frames(start_ns - TEXTS_BEFORE_NS, end_ns):
        kind = int.from_bytes(data[4:6], "little")
        if kind == Kind.TEXT:
            texts |= frame_texts(data)
        elif kind == Kind.EVENT and utc_ns >= start_ns:
            try:
                yield from records.events(decode_frame(data), utc_ns, texts)
            except LogDamaged:
                continue
