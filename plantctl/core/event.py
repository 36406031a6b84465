"""What happened, as one row of the journal: every transition, every command and every refusal."""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

# What is told of what is no block's: qualities, devices (by `FieldEventKind`), the clock of the plant.
SEVERITY_WORDS: Final = ("good", "uncertain", "bad")
DEVICE_WORDS: Final = ("", "link-up", "link-down", "device-error", "discrepancy", "outputs")
CLOCK: Final = "clock.synchronised"
CLOCK_WORDS: Final = ("doubtful", "synchronised")


class EventKind(IntEnum):
    """The closed list of kinds; `word` is what files and interfaces say."""

    COMMAND = 1
    REFUSED = 2
    MODE = 3
    ALARM = 4
    TRIP = 5
    FIRST_OUT = 6
    BYPASS = 7
    PERMISSIVE = 8
    SEQUENCE = 9
    QUALITY = 10
    WATCHED = 11
    DEVICE = 12

    @property
    def word(self) -> str:
        """The kind as written in `ev.csv` and shown to people."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def of(cls, word: str) -> "EventKind":
        """The kind written `word`; `KeyError` if there is none."""
        return cls[word.upper().replace("-", "_")]


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `target` is a tag or point; `old` and `new` are numbers, told with `words` where there is an
    enumeration; `mono_ns` and `utc_ns` are the scan's; `source_ns` (UTC) is the device's where it told, else 0.
    """

    kind: EventKind
    scan: int
    mono_ns: int
    utc_ns: int
    target: str
    old: float
    new: float
    words: tuple[str, ...] = ()
    actor: str = ""
    reason: str = ""
    source_ns: int = 0

    @property
    def old_text(self) -> str:
        """`old` as a file or a person reads it."""
        return spoken(self.old, self.words)

    @property
    def new_text(self) -> str:
        """`new` as a file or a person reads it."""
        return spoken(self.new, self.words)


def in_words(event: Event) -> dict[str, str]:
    """What an event says, as files and interfaces write it; its times are the writer's."""
    return {
        "kind": event.kind.word,
        "target": event.target,
        "old": event.old_text,
        "new": event.new_text,
        "actor": event.actor,
        "reason": event.reason,
    }


def spoken(value: float, words: tuple[str, ...]) -> str:
    """A value as text: its word where there is one, whole numbers without a point, others exact, NaN `nan`."""
    if math.isfinite(value) and abs(value) < 2**53 and value == int(value):
        number = int(value)
        return words[number] if 0 <= number < len(words) else str(number)
    return repr(value)
