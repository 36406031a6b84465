"""The book of the laboratory: of every sample what was entered, signed, corrected and withdrawn, by whom and when.

It is made from the record alone, so it is the same for everybody who reads it, and nobody can change what was said.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from plantctl.core.late import LabNote, LateAct, lab_note, number_text, person_of
from plantctl.core.quality import Reason, reason_of
from plantctl.history.reading.late_index import LateSaid


@dataclass(frozen=True, slots=True)
class LabStep:
    """What was said of a sample: when (UTC ns), by whom; the value after it, and as it was given."""

    act: LateAct
    utc_ns: int
    actor: str
    value: float
    note: LabNote


@dataclass(slots=True)
class LabEntry:
    """One sample of one tag: `utc_ns` is its time, `value` in the tag's unit and `quality` as they stand."""

    number: int
    tag: int
    utc_ns: int
    value: float
    quality: int
    steps: list[LabStep] = field(default_factory=list)

    @property
    def name(self) -> str:
        """As people call it."""
        return number_text(self.number)

    @property
    def note(self) -> LabNote:
        """Which sample it is, as it was entered."""
        return self.steps[0].note

    @property
    def withdrawn(self) -> bool:
        """Whether it counts no more."""
        return self.steps[-1].act is LateAct.WITHDRAWN

    @property
    def unsigned(self) -> bool:
        """Whether somebody else has yet to sign it."""
        return not self.withdrawn and reason_of(self.quality) is Reason.UNSIGNED

    @property
    def state(self) -> str:
        """In a word."""
        return "withdrawn" if self.withdrawn else "unsigned" if self.unsigned else "signed"

    @property
    def person(self) -> str:
        """Who gave the value as it stands."""
        given = [step for step in self.steps if step.act in (LateAct.ENTERED, LateAct.CORRECTED)]
        return person_of(given[-1].actor)

    @property
    def was_signed(self) -> bool:
        """Whether it was signed by all who must at some time, so that the plant took it."""
        return not self.unsigned or any(step.act is LateAct.SIGNED for step in self.steps)


def lab_book(said: Iterable[LateSaid]) -> dict[int, LabEntry]:
    """Every entry by its number, in the order in which they were entered."""
    book: dict[int, LabEntry] = {}
    for one in said:
        record = one.record
        if record.act in (LateAct.IMPORTED, LateAct.STANDS) or not len(record.rows):
            continue
        row = record.rows[0]
        value, quality = float(row["value"]), int(row["quality"])
        entry = book.get(record.number)
        if entry is not None and entry.withdrawn:
            continue  # told again to a plant that had lost it
        if entry is None:
            if record.act is not LateAct.ENTERED:
                continue
            entry = book[record.number] = LabEntry(record.number, int(row["tag"]), int(row["utc_ns"]), value, quality)
        entry.value, entry.quality = value, quality
        entry.steps.append(LabStep(record.act, one.utc_ns, record.actor, value, lab_note(record.note)))
    return book


def in_plant(book: Mapping[int, LabEntry], tag: int) -> LabEntry | None:
    """The entry whose value the plant counts with: the newest sample of a tag that was signed and not withdrawn."""
    mine = [e for e in book.values() if e.tag == tag and not e.withdrawn and e.was_signed]
    return max(mine, key=lambda e: e.utc_ns, default=None)
