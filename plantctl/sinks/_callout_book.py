"""Who has been called about which alarm, and who is to be called next: worked out of transitions and times alone.

An alarm that nobody has acknowledged is told step by step, to more and more people. What somebody was told of is told
to them to its end: that it returned, that it was acknowledged. There is no queue: what is due is the difference between
how alarms are and what each person was told, so that what could not be delivered is told later as it is by then, once.

Rules of the file: pure, times are UTC ns; an event that comes again changes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from plantctl.core.event import Event, EventKind
from plantctl.core.one_bit import line_of, with_sum

BOOK: Final = ".calls"  # the end of the name of its file
# Of format 1 nothing said whether it was whole.
FORMAT: Final = 2
CALLS: Final = "unack"
WAITS: Final = ("rtn", "latched")  # returned, and nobody has acknowledged
WORDS: Final = ("normal", "unack", "acked", *WAITS, "latched-acked")
# Who was told that it returned is called again, but not at every coming and going.
AGAIN_NS: Final = 300_000_000_000
# More alarms than any plant has: names that nobody knows cannot fill the disk.
CALLS_MAX: Final = 20_000


class Step(NamedTuple):
    """From `after_ns` behind its coming on an alarm that nobody has acknowledged is told to these people."""

    after_ns: int
    to: tuple[str, ...]


@dataclass(slots=True)
class Call:
    """One alarm: its last transition, since when it asks for somebody, and what each person was told last, and when.

    `silent`: it is not told to anybody, since it was long past when it was first heard of.
    """

    key: tuple[int, int]
    state: str
    came_ns: int
    changed_ns: int
    actor: str = ""
    silent: bool = False
    told: dict[str, tuple[str, int]] = field(default_factory=dict)


class Telling(NamedTuple):
    """What one person is to be told of one alarm: how it is, since when, who did it, whether it was told before."""

    target: str
    state: str
    came_ns: int
    changed_ns: int
    actor: str
    again: bool


@dataclass(slots=True)
class CallBook:
    """All calls of one call-out. `oldest_ns`: alarms that came longer ago are not told; `repeat_ns`: told again."""

    steps: Sequence[Step]
    repeat_ns: int
    oldest_ns: int
    calls: dict[str, Call] = field(default_factory=dict)
    tested: dict[str, int] = field(default_factory=dict)

    def take(self, event: Event, key: tuple[int, int], now_ns: int) -> bool:
        """A transition, itself by `key` (its frame, its place in it). False where it changes nothing."""
        word, target = event.new_text, event.target
        known = self.calls.get(target)
        if event.kind is not EventKind.ALARM or word not in WORDS or (known is not None and key <= known.key):
            return False
        if known is None and len(self.calls) >= CALLS_MAX:
            return False
        # An alarm that returned unacknowledged and comes again is the same call: nobody has seen to it yet.
        goes_on = known is not None and not known.silent and (word != CALLS or known.state in (CALLS, *WAITS))
        if known is not None and goes_on:
            known.key, known.state, known.changed_ns, known.actor = key, word, event.utc_ns, event.actor
        else:
            silent = word != CALLS or now_ns - event.utc_ns > self.oldest_ns
            self.calls[target] = Call(key, word, event.utc_ns, event.utc_ns, event.actor, silent=silent)
        return True

    def due(self, now_ns: int) -> dict[str, list[Telling]]:
        """What each person is to be told now, by person, oldest alarm first."""
        found: dict[str, list[Telling]] = {}
        for target, call in sorted(self.calls.items(), key=lambda each: each[1].came_ns):
            if call.silent:
                continue
            people = self._called(call, now_ns) if call.state == CALLS else self._followed(call)
            for person in people:
                telling = Telling(target, call.state, call.came_ns, call.changed_ns, call.actor, person in call.told)
                found.setdefault(person, []).append(telling)
        return found

    def _called(self, call: Call, now_ns: int) -> list[str]:
        waited_ns = now_ns - call.came_ns
        if waited_ns > self.oldest_ns:
            return []
        people = dict.fromkeys(p for step in self.steps if waited_ns >= step.after_ns for p in step.to)
        return [p for p in people if p not in call.told or now_ns - call.told[p][1] >= self._pause_ns(call.told[p][0])]

    def _pause_ns(self, word: str) -> int:
        """How long after somebody was told `word` they are called again."""
        return self.repeat_ns if word == CALLS else min(self.repeat_ns, AGAIN_NS)

    def _followed(self, call: Call) -> list[str]:
        return [person for person, (word, _) in call.told.items() if word != call.state]

    def told(self, person: str, tellings: Sequence[Telling], now_ns: int) -> None:
        """A person was told; where the alarm has changed meanwhile, that is still to be told."""
        for telling in tellings:
            call = self.calls.get(telling.target)
            if call is not None and call.came_ns == telling.came_ns:
                call.told[person] = (telling.state, now_ns)

    def waiting(self) -> int:
        """How many alarms nobody has acknowledged."""
        return sum(call.state in (CALLS, *WAITS) for call in self.calls.values())

    def tests(self, people: Sequence[str], every_ns: int, now_ns: int) -> list[str]:
        """Who is to get a test message; also after the clock was put back."""
        last = self.tested
        return [p for p in people if p not in last or not 0 <= now_ns - last[p] < every_ns]

    # -- what outlives the process

    def encode(self) -> bytes:
        """Everything as a line of JSON with its sum."""
        calls = {
            target: [*c.key, c.state, c.came_ns, c.changed_ns, c.actor, c.silent, c.told]
            for target, c in self.calls.items()
        }
        return with_sum(json.dumps({"format": FORMAT, "calls": calls, "tested": self.tested}).encode())

    def decode(self, data: bytes) -> None:
        """Take up what was kept. Raises ValueError where it cannot be read: more than one bit of it was turned."""
        found = line_of(data)
        try:
            said: Mapping[str, Any] = json.loads(data if found is None else found[0])
            if said["format"] != (1 if found is None else FORMAT):
                raise ValueError(f"format {said['format']}")
            calls = {}
            for target, (frame, place, state, came, changed, actor, silent, told) in said["calls"].items():
                heard = {person: (str(word), int(at)) for person, (word, at) in told.items()}
                key = (int(frame), int(place))
                calls[target] = Call(key, state, int(came), int(changed), actor, silent=silent, told=heard)
            self.calls, self.tested = calls, {person: int(at) for person, at in said["tested"].items()}
        except (KeyError, TypeError, AttributeError) as fault:
            raise ValueError(f"no list of calls: {fault!r}") from fault
