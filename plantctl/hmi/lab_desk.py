"""The laboratory's desk: where values are entered, signed, corrected and withdrawn, whoever comes by whatever way.

Everything that is done is one record in the plant's log, which is on disk before the answer is given; the book is read
from there again before the next is decided, one after the other. So the desk itself knows nothing that could be lost.

Rules of the file: what cannot be done raises `LabRefused` with a word for programs and a sentence for people.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.core import command as codes
from plantctl.core.clock import RealClock
from plantctl.core.command import Command, Result, Stage
from plantctl.core.errors import PlantctlError
from plantctl.core.late import (
    ACTOR_BYTES_MAX,
    LATE,
    LabNote,
    LateAct,
    LateRecord,
    entry_number,
    late_row,
    late_text,
    number_text,
    person_of,
)
from plantctl.core.units import UnitError, convert, parse_unit
from plantctl.history.reading.lab_book import LabEntry, in_plant, lab_book
from plantctl.history.reading.lab_lost import AGAIN, TELLER, WITHDRAWN, lost
from plantctl.history.reading.late import LateRows
from plantctl.history.reading.late_log import LateLog
from plantctl.history.reading.moments import time_or_ns_in
from plantctl.hmi.lab_import import LabImport, LabImported, import_rows, known_rows
from plantctl.hmi.lab_messages import (
    LAB_VALID_MS,
    LabCorrect,
    LabEnter,
    LabEntryTold,
    LabRequest,
    LabSign,
    LabWithdraw,
)
from plantctl.hmi.lab_told import entry_told
from plantctl.hmi.live_plant import LivePlant, is_last
from plantctl.plan.lab import LabTag
from plantctl.plan.plan import Point

# A clock of whoever took the sample may be ahead of the plant's by so much.
AHEAD_NS: Final = 60_000_000_000
GRACE_NS: Final = 3_000_000_000
# How often is looked whether the disk has what a plant in one process accepted.
LOOK_S: Final = 0.02
# Codes of refusals that only the desk gives.
TOO_OLD: Final = "too-old"
KNOWN: Final = "known-sample"
SAME_PERSON: Final = "same-person"
SIGNED: Final = "signed"
GONE: Final = "withdrawn"


class LabRefused(PlantctlError):
    """What cannot be done: `code` is a word for programs, the text is for the person, `field` what of it is meant."""

    def __init__(self, code: str, text: str, field: str = "") -> None:
        self.code = code
        self.field = field
        super().__init__(text)


class _Tag(NamedTuple):
    """A laboratory tag with its point."""

    lab: LabTag
    point: Point


class _By(NamedTuple):
    """Who asks, under which key, until when it counts (monotonic ns), and the book as it stands."""

    actor: str
    key: str
    expires_ns: int
    book: dict[int, LabEntry]


class LabDesk:
    """The desk of one plant; `opened` gives its late values, and is asked once, when they are first needed."""

    def __init__(self, plant: LivePlant, opened: Callable[[], LateLog]) -> None:
        self._plant = plant
        self._opened = opened
        self._late: LateLog | None = None
        self._one = asyncio.Lock()
        points = plant.plan.points
        self._tags = {name: _Tag(lab, points[plant.plan.rows[name]]) for name, lab in plant.plan.lab.items()}
        self._by_id = {tag.point.id: tag for tag in self._tags.values()}

    async def entries(self, tag: str = "", *, unsigned: bool = False, last: int = 0) -> list[LabEntryTold]:
        """The book, the newest sample first; of one tag, or of what is not signed yet. `last`: of each tag so many of
        its newest samples and what is not signed yet; 0: all.
        """
        if tag:
            self._tag(tag)
        async with self._one:
            book = await self._book()
        told, seen = [], Counter[int]()
        for e in sorted(book.values(), key=lambda e: -e.utc_ns):
            if e.tag not in self._by_id or tag not in ("", self._by_id[e.tag].point.name):
                continue
            seen[e.tag] += 1
            if e.unsigned or (not unsigned and (not last or seen[e.tag] <= last)):
                told.append(self._told(e))
        return told

    async def act(self, asked: LabRequest, actor: str, given_ns: int | None = None) -> LabEntryTold:
        """Do what `actor` asks, who may; the entry as it stands then. Raises `LabRefused` and `OSError`.

        `given_ns` is when it may have been sent (monotonic), where that is known to be before now.
        """
        for text in (asked.idem, *(value for value in _texts(asked))):
            if not text.isprintable():
                raise LabRefused(codes.BAD_VALUE, "texts are of one line each")
        now_ns = self._plant.monotonic_ns()
        expires_ns = (now_ns if given_ns is None else min(given_ns, now_ns)) + asked.valid_ms * 1_000_000
        async with self._one:
            if expires_ns <= self._plant.monotonic_ns():
                raise LabRefused(codes.EXPIRED, "this was on its way for longer than it counts: nothing was done")
            book = await self._book()
            by = _By(_actor(actor), f"{person_of(actor)}/{asked.idem}" if asked.idem else "", expires_ns, book)
            if isinstance(asked, LabEnter):
                number = await self._enter(asked, by)
            else:
                entry = self._find(book, asked.entry)
                number = entry.number
                if isinstance(asked, LabSign):
                    await self._sign(asked, entry, by)
                elif isinstance(asked, LabCorrect):
                    await self._correct(asked, entry, by)
                else:
                    await self._withdraw(asked, entry, by)
            return self._told((await self._book())[number])

    # ------------------------------------------------------------------------------------------------ what is done

    async def _enter(self, asked: LabEnter, by: _By) -> int:
        tag, note = self._tag(asked.tag), LabNote(asked.sample.strip(), asked.lot.strip(), comment=asked.comment)
        if not by.key:
            raise LabRefused(codes.BAD_VALUE, "an entry has a key (idem), so that it is made once")
        number = entry_number(by.key)
        value, given = self._value(tag, asked.value, asked.unit)
        utc_ns, now_ns = _sample_time_ns(asked.sampled), self._plant.utc_ns()
        made = by.book.get(number)
        if made is not None:
            if (made.tag, made.utc_ns, made.steps[0].value) != (tag.point.id, utc_ns, value):
                raise LabRefused(KNOWN, f"this key (idem) is that of another entry, {made.name}")
            return number
        if not note.sample and not note.lot:
            raise LabRefused(codes.BAD_VALUE, "which sample is it? give its number or its lot", "sample")
        if utc_ns > now_ns + AHEAD_NS:
            raise LabRefused(codes.BAD_VALUE, "the sample's time lies in the future", "sampled")
        if utc_ns < now_ns - tag.lab.within_ns:
            hours = tag.lab.within_ns / 3.6e12
            raise LabRefused(TOO_OLD, f"samples of `{tag.point.name}` are entered within {hours:g} h", "sampled")
        for other in by.book.values():
            if (other.tag, other.utc_ns, other.withdrawn) == (tag.point.id, utc_ns, False):
                text = f"there is an entry of that time already, {other.name}: correct or withdraw it"
                raise LabRefused(KNOWN, text, "sampled")
        signed = not tag.lab.two
        row = self._row(by.book, tag, utc_ns, value, signed=signed, stands=signed)
        record = LateRecord(LateAct.ENTERED, number, row, by.actor, replace(note, given=given).text())
        which = f"sample {note.sample}" if note.sample else f"lot {note.lot}"
        await self._tell(tag, record, f"{which} of {_utc_text(utc_ns)}: {asked.comment}".rstrip(": "), by)
        return number

    async def _sign(self, asked: LabSign, entry: LabEntry, by: _By) -> None:
        self._not_withdrawn(entry)
        tag = self._by_id[entry.tag]
        if not entry.unsigned:
            if person_of(entry.steps[-1].actor) == person_of(by.actor) and entry.steps[-1].act is LateAct.SIGNED:
                return  # the same once more
            raise LabRefused(SIGNED, f"{entry.name} is signed")
        if person_of(by.actor) == entry.person:
            raise LabRefused(SAME_PERSON, f"{entry.name} is your own value: another person signs it")
        row = self._row(by.book, tag, entry.utc_ns, entry.value, signed=True, stands=True)
        note = LabNote(comment=asked.comment)
        await self._tell(tag, LateRecord(LateAct.SIGNED, entry.number, row, by.actor, note.text()), asked.comment, by)

    async def _correct(self, asked: LabCorrect, entry: LabEntry, by: _By) -> None:
        self._not_withdrawn(entry)
        tag, reason = self._by_id[entry.tag], _reason(asked.reason)
        value, given = self._value(tag, asked.value, asked.unit)
        row = self._row(by.book, tag, entry.utc_ns, value, signed=not tag.lab.two, stands=entry.was_signed)
        note = LabNote(given=given, reason=reason)
        await self._tell(tag, LateRecord(LateAct.CORRECTED, entry.number, row, by.actor, note.text()), reason, by)

    async def _withdraw(self, asked: LabWithdraw, entry: LabEntry, by: _By) -> None:
        if entry.withdrawn and person_of(entry.steps[-1].actor) == person_of(by.actor):
            return  # the same once more
        self._not_withdrawn(entry)
        tag, reason = self._by_id[entry.tag], _reason(asked.reason)
        stood = in_plant(by.book, entry.tag)
        before = in_plant({n: e for n, e in by.book.items() if e is not entry}, entry.tag)
        if stood is entry and before is not None:
            # First what counts instead: whoever is cut off between the two withdraws once more, and both are done.
            again = late_row(before.tag, before.utc_ns, before.value, before.quality, current=True)
            record = LateRecord(LateAct.STANDS, before.number, again, by.actor)
            key = f"{by.key} stands" if by.key else ""
            await self._tell(tag, record, f"stands again, since {entry.name} is withdrawn", by._replace(key=key))
        bad = stood is entry and before is None
        row = late_row(entry.tag, entry.utc_ns, math.nan, WITHDRAWN, current=bad)
        record = LateRecord(LateAct.WITHDRAWN, entry.number, row, by.actor, LabNote(reason=reason).text())
        await self._tell(tag, record, reason, by)

    async def bring(self, asked: LabImport, actor: str) -> LabImported:
        """Take a part of a file of late values, or nothing of it where a row is wrong. Raises `LabRefused`."""
        if not asked.name.isprintable():
            raise LabRefused(codes.BAD_VALUE, "the name of a file is one line")
        plant = self._plant
        ids = {p.name: p.id for p in plant.plan.points if p.row}
        rows, wrong = import_rows(asked, ids, self._tags, plant.utc_ns() + AHEAD_NS)
        if wrong or asked.check:
            return LabImported(0, 0, wrong)
        async with self._one:
            new = rows[~await asyncio.to_thread(lambda: known_rows(self._rows(), rows))]
            if len(new):
                record = LateRecord(LateAct.IMPORTED, entry_number(asked.name), new, _actor(actor), asked.name)
                reason = f"values from {asked.name}" if asked.first else ""
                await self._give(asked.name, record, reason, "", plant.monotonic_ns() + LAB_VALID_MS * 1_000_000)
        return LabImported(len(new), len(rows) - len(new), [])

    async def tell_lost(self) -> list[str]:
        """Tell the scan again what stands in the book and the plant does not know; of which tags. Where it knows all,
        nothing is told. Raises `LabRefused` and `OSError`; what was told before counts.
        """
        plant, told = self._plant, []
        async with self._one:
            book, image = await self._book(), plant.snapshot()
            rows = [(tag, tag.point.row) for tag in self._tags.values()]
            known = [(float(image.v[row]), int(image.q[row]), int(image.source_ns[row])) for _, row in rows]
            for (tag, _), present in zip(rows, known, strict=True):
                record = lost(book, tag.point.id, present, two=tag.lab.two)
                if record is not None:
                    expires_ns = plant.monotonic_ns() + LAB_VALID_MS * 1_000_000
                    await self._tell(tag, record, AGAIN, _By(TELLER, "", expires_ns, book))
                    told.append(tag.point.name)
        return told

    # ------------------------------------------------------------------------------------------------ parts

    def _row(
        self, book: dict[int, LabEntry], tag: _Tag, utc_ns: int, value: float, *, signed: bool, stands: bool
    ) -> npt.NDArray[np.void]:
        """The row of a sample; where it `stands` and is the newest that does, it becomes the tag's value."""
        newest = in_plant(book, tag.point.id)
        current = stands and (newest is None or newest.utc_ns <= utc_ns)
        return late_row(tag.point.id, utc_ns, value, tag.lab.quality(value, signed=signed), current=current)

    async def _book(self) -> dict[int, LabEntry]:
        return await asyncio.to_thread(lambda: lab_book(self._rows().said()))

    def _rows(self) -> LateRows:
        if self._late is None:
            self._late = self._opened()
        return self._late.refresh()

    def _tag(self, name: str) -> _Tag:
        found = self._tags.get(name)
        if found is None:
            known = ", ".join(self._tags) or "this plant has none"
            raise LabRefused(codes.UNKNOWN_TARGET, f"`{name}` is no laboratory tag; there are: {known}", "tag")
        return found

    def _find(self, book: dict[int, LabEntry], name: str) -> LabEntry:
        """The entry that is meant: its number, or the beginning of it."""
        found = [e for e in book.values() if e.name.startswith(name.strip().lower()) and e.tag in self._by_id]
        if len(found) != 1 or len(name.strip()) < 4:
            what = "several entries begin so" if len(found) > 1 else "there is no such entry"
            raise LabRefused(codes.UNKNOWN_TARGET, f"`{name}`: {what}; plantctl lab list shows them")
        return found[0]

    def _value(self, tag: _Tag, value: float, unit: str) -> tuple[float, str]:
        """The value in the tag's unit, and as it was given."""
        point = tag.point
        wanted = point.unit or "1"
        given = f"{value:.12g} {unit.strip() or ('' if wanted == '1' else wanted)}".strip()
        try:
            number = convert(value, parse_unit(unit or wanted), parse_unit(wanted))
        except UnitError as error:
            raise LabRefused(codes.BAD_VALUE, str(error), "unit") from None
        if not math.isfinite(number):
            raise LabRefused(codes.BAD_VALUE, "a value is a finite number", "value")
        if not point.low <= number <= point.high:
            text = f"{number:g} is outside what is plausible, {point.low:g} to {point.high:g} {point.unit}"
            raise LabRefused(codes.OUT_OF_RANGE, text, "value")
        return number, given

    @staticmethod
    def _not_withdrawn(entry: LabEntry) -> None:
        if entry.withdrawn:
            raise LabRefused(GONE, f"{entry.name} was withdrawn: enter the sample anew")

    async def _tell(self, tag: _Tag, record: LateRecord, why: str, by: _By) -> None:
        """Have one record of an entry in the log."""
        reason = f"laboratory {number_text(record.number)} {record.act.word}{': ' if why else ''}{why}"
        await self._give(tag.point.name, record, reason, by.key, by.expires_ns)

    async def _give(self, target: str, record: LateRecord, reason: str, key: str, expires_ns: int) -> None:
        """Hand a record to the scan, and wait until it is on disk. Raises `LabRefused` where it is not."""
        plant = self._plant
        try:
            text = late_text(record)
        except ValueError:
            raise LabRefused(
                codes.BAD_VALUE, "the texts of an entry are too long for one record: shorten them"
            ) from None
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Result] = loop.create_future()
        command = Command(LATE, target, text, record.actor, reason, key, expires_ns)

        def heard(result: Result) -> None:
            if is_last(plant.plan, command, result) and not ended.done():
                ended.set_result(result)

        if not plant.submit(command, heard):
            raise LabRefused(codes.TOO_MANY, "too many commands are under way; try again")
        try:
            async with asyncio.timeout((expires_ns - plant.monotonic_ns() + GRACE_NS) / 1e9):
                result = await ended
                if result.stage is Stage.ACCEPTED and not plant.durable_answers:
                    accepted_ns = plant.utc_ns()
                    while plant.log().durable_utc_ns < accepted_ns:
                        await RealClock().sleep(LOOK_S)
        except TimeoutError:
            raise LabRefused(codes.NO_ANSWER, "no answer: look at the book before you try again") from None
        if result.stage is not Stage.ACCEPTED or result.code:
            raise LabRefused(result.code or result.stage.word, result.text or result.stage.word)

    def _told(self, entry: LabEntry) -> LabEntryTold:
        tag = self._by_id[entry.tag]
        return entry_told(entry, tag.lab, tag.point)


def _texts(asked: LabRequest) -> list[str]:
    return [value for name in asked.__struct_fields__ if isinstance(value := getattr(asked, name), str)]


def _reason(text: str) -> str:
    if not text.strip():
        raise LabRefused(codes.NO_REASON, "this is done for a reason, and none was given", "reason")
    return text.strip()


def _actor(actor: str) -> str:
    return actor.encode()[:ACTOR_BYTES_MAX].decode(errors="ignore")


def _sample_time_ns(text: str) -> int:
    """UTC ns of a time as RFC 3339 has it, with its zone, or in ns."""
    try:
        return time_or_ns_in(text)
    except ValueError as error:
        raise LabRefused(codes.BAD_VALUE, str(error), "sampled") from None


def _utc_text(utc_ns: int) -> str:
    return datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
