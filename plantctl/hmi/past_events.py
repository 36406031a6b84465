"""What happened lately, for a page that is opened later: the newest transitions, and since when all of them are there.

A gateway knows what happened while it ran, and the last minute before that; what is older it reads from the record,
the newest first and no more than `KEPT` or `LOOK_BACK_NS`, once. From then on nobody's question costs a look at the
disk: the answer is made once for all who ask, and anew only when something happened.

A field bus that stutters changes the quality of its values by the hundred: of what is too much, such transitions go
first, so that they do not push out who acknowledged what an hour ago; since when they are all there is told apart.

Rules of the file: what is kept is bounded; a transition that record and memory both have is told once; where the record
cannot be read, the answer says so and the next question tries again.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from plantctl.core.errors import LogDamaged
from plantctl.core.event import Event, EventKind
from plantctl.core.frame import Kind, decode_frame
from plantctl.history.reading.query import History
from plantctl.hmi.messages import Beginning, Events, PastEvent, encode
from plantctl.log.recovery import frame_texts
from plantctl.plan.plan import Plan
from plantctl.scan.event_records import EventRecords

KEPT: Final = 300
LOOK_BACK_NS: Final = 8 * 3600 * 1_000_000_000
# So much of the record is looked through at a time, from its end on.
WINDOW_NS: Final = 3600 * 1_000_000_000
# A text is told again at most 10 s before it is used (log-format.md, Texts).
TEXTS_BEFORE_NS: Final = 20_000_000_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """The transitions of a record, oldest first; all from `since_ns` on (UTC), where they begin because of `why`; but
    those of quality only behind `quality_ns`.
    """

    events: list[Event]
    since_ns: int
    why: Beginning
    quality_ns: int = 0


class PastEvents:
    """The last transitions of one plant, at most `KEPT`. `complete`: the record was read, as far as it goes."""

    def __init__(self, plan: Plan, recent: Iterable[Event], now_ns: int) -> None:
        self._texts: Mapping[str, str] = {p.name: p.text for p in plan.points if p.text}
        self._events = deque(recent)
        self._since_ns = self._events[0].utc_ns if self._events else now_ns
        self._quality_ns = 0  # the latest transition of quality that was left out
        self._why: Beginning = "unread"
        self._answer = ""
        self.complete = False
        self.losses = 0

    def take(self, event: Event) -> None:
        """A transition, as it happens."""
        self._events.append(event)
        self._bound()

    def _bound(self) -> None:
        while len(self._events) > KEPT:
            place = next((i for i, event in enumerate(self._events) if event.kind is EventKind.QUALITY), -1)
            if place >= 0:
                self._quality_ns = max(self._quality_ns, self._events[place].utc_ns)
                del self._events[place]
            else:
                self._events.popleft()
                self._since_ns = self._events[0].utc_ns
                self._why = "many" if self.complete else self._why
        self._answer = ""

    def lost(self, now_ns: int) -> None:
        """Transitions may have passed unseen: the record is read again when next it is asked."""
        self._since_ns, self._why = now_ns, "unread"
        self.complete = False
        self.losses += 1
        self._answer = ""

    def fill(self, recorded: Recorded, losses: int) -> None:
        """What the record has, read when `losses` was what it is; transitions that are known stay as they are."""
        known = {(event.scan, event.mono_ns) for event in recorded.events}
        newer = [event for event in self._events if (event.scan, event.mono_ns) not in known]
        events = sorted([*recorded.events, *newer], key=lambda event: event.utc_ns)
        self._events = deque(events)
        self._since_ns, self._why = min(self._since_ns, recorded.since_ns), recorded.why
        self._quality_ns = max(self._quality_ns, recorded.quality_ns)
        self.complete = self.losses == losses
        self._bound()

    def answer(self) -> str:
        """The answer to who asks what happened."""
        if not self._answer:
            quality_ns = max(self._since_ns, self._quality_ns + 1)
            told = [self._told(event) for event in self._events]
            self._answer = encode(Events(str(self._since_ns), str(quality_ns), self._why, told))
        return self._answer

    def _told(self, event: Event) -> PastEvent:
        return PastEvent(
            str(event.utc_ns),
            event.kind.word,
            event.target,
            event.old_text,
            event.new_text,
            event.actor,
            event.reason,
            self._texts.get(event.target, ""),
        )


def recorded_events(history: History, plan: Plan, now_ns: int) -> Recorded:
    """The newest transitions in the record. Reads, and so blocks; raises `OSError`, and what the history raises."""
    extent = history.extent_ns()
    if extent is None:
        return Recorded([], now_ns, "record")
    end_ns = max(now_ns, extent[1]) + 1
    floor_ns = max(extent[0], now_ns - LOOK_BACK_NS)
    records, names = EventRecords(plan), _Names(history)
    found: list[Event] = []  # the newest first
    others = quality_ns = 0
    begin_ns = end_ns
    while begin_ns > floor_ns and others <= KEPT:
        end_ns, begin_ns = begin_ns, max(floor_ns, begin_ns - WINDOW_NS)
        for event in _newest_first(history, records, begin_ns, end_ns):
            if event.kind is EventKind.QUALITY and len(found) >= KEPT:
                quality_ns = max(quality_ns, event.utc_ns)
                continue
            found.append(names.named(event))
            others += event.kind is not EventKind.QUALITY
            if others > KEPT:
                break
    if others > KEPT:
        found.pop()
        return Recorded(found[::-1], found[-1].utc_ns, "many", quality_ns)
    return Recorded(found[::-1], floor_ns, "record" if floor_ns == extent[0] else "hours", quality_ns)


def _newest_first(history: History, records: EventRecords, begin_ns: int, end_ns: int) -> Iterator[Event]:
    """The transitions of a span, the newest first; frames that cannot be read are left out."""
    frames = list(history.frames(begin_ns - TEXTS_BEFORE_NS, end_ns))
    texts: dict[int, str] = {}
    for _, data in frames:
        if _kind(data) == Kind.TEXT:
            texts |= frame_texts(data)
    for utc_ns, data in reversed(frames):
        if utc_ns < begin_ns or _kind(data) != Kind.EVENT:
            continue
        try:
            yield from reversed(records.events(decode_frame(data), utc_ns, texts))
        except LogDamaged:
            continue


def _kind(data: bytes) -> int:
    return int.from_bytes(data[4:6], "little")


class _Names:
    """Names of tags that today's plan does not have any more, asked of the record when one comes."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._names: dict[str, str] | None = None

    def named(self, event: Event) -> Event:
        if not event.target.startswith("#"):
            return event
        if self._names is None:
            self._names = {f"#{point.id}": point.name for point in self._history.names.all().values()}
        return replace(event, target=self._names.get(event.target, event.target))
