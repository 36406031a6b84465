"""Reads transitions and results back from the frames that the journal wrote: for whoever shows a plant from outside."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, Self

from plantctl.core.block import fields
from plantctl.core.command import Result, Stage
from plantctl.core.event import CLOCK, CLOCK_WORDS, DEVICE_WORDS, SEVERITY_WORDS, Event, EventKind
from plantctl.core.frame import IN_WORDS, NO_TAG, Frame, Kind, decode_records
from plantctl.plan.plan import Plan

_STAGES: Final = {int(stage): stage for stage in Stage}
_KINDS: Final = {int(kind): kind for kind in EventKind}


class Named(Protocol):
    """A point of which only the name is known."""

    @property
    def id(self) -> int: ...

    @property
    def name(self) -> str: ...


class EventRecords:
    """The events of one plan: names by id, and the words in which each kind of transition is told."""

    _words: dict[tuple[str, EventKind], tuple[str, ...]]

    @classmethod
    def of(cls, points: Iterable[Named]) -> Self:
        """For whoever has no plan but the names of a record: values are then told as numbers."""
        made = cls.__new__(cls)
        made._names, made._words = {p.id: p.name for p in points if p.name}, {}
        return made

    def __init__(self, plan: Plan) -> None:
        self._names = {p.id: p.name for p in plan.points if p.name}
        self._words = {}
        for rows in plan.kinds:
            for field in fields(rows.kind.block):
                if field.role != "watched":
                    continue
                kind = EventKind.of(field.declared.event)
                for tag in rows.tags:
                    main = field.declared.event not in ("watched", "quality")
                    self._words[tag if main else f"{tag}.{field.name}", kind] = field.declared.words

    def events(self, frame: Frame, utc_ns: int, texts: Mapping[int, str]) -> list[Event]:
        """The transitions in a frame of kind EVENT; `utc_ns` is the scan's, `texts` by id. Unknown kinds are left out.

        A payload that is none raises `LogDamaged`.
        """
        found = []
        for record in decode_records(Kind.EVENT, frame.payload):
            kind = _KINDS.get(int(record["code"]))
            if kind is None:
                continue
            tag = int(record["tag"])
            target = self._names.get(tag, f"#{tag}") if tag != NO_TAG else texts.get(int(record["field"]), "")
            found.append(
                Event(
                    kind,
                    frame.scan,
                    frame.mono_ns,
                    utc_ns,
                    target,
                    float(record["old"]),
                    float(record["new"]),
                    self._told_in(target, kind) if int(record["flags"]) & IN_WORDS else (),
                    texts.get(int(record["actor"]), ""),
                    texts.get(int(record["reason"]), ""),
                    int(record["source_ns"]),
                )
            )
        return found

    def _told_in(self, target: str, kind: EventKind) -> tuple[str, ...]:
        if kind is EventKind.DEVICE:
            return DEVICE_WORDS
        if kind in (EventKind.COMMAND, EventKind.REFUSED):
            return self._words.get((target, EventKind.MODE), ())
        if target == CLOCK:
            return CLOCK_WORDS
        return self._words.get((target, kind), SEVERITY_WORDS if kind is EventKind.QUALITY else ())


def results(frame: Frame, texts: Mapping[int, str]) -> list[Result]:
    """The stages of commands in a frame of kind RESULT. A payload that is none raises `LogDamaged`."""
    found = []
    for record in decode_records(Kind.RESULT, frame.payload):
        stage = _STAGES.get(int(record["stage"]))
        if stage is not None:
            code, text = texts.get(int(record["code"]), ""), texts.get(int(record["text"]), "")
            found.append(Result(int(record["number"]), stage, int(record["mono_ns"]), code, text))
    return found
