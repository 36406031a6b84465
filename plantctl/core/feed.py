"""What the plan says of its sinks, and the points that tell how each is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, NamedTuple


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """One sink: its name, its kind, its settings as the text has them, and the ids of the points it gets."""

    name: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)
    tags: frozenset[int] = frozenset()


class AlarmLabel(NamedTuple):
    """What a person is told of an alarm: its priority (1 is the highest), what it is, its limit with unit, guidance."""

    priority: int
    text: str = ""
    limit: str = ""
    cause: str = ""
    effect: str = ""
    response: str = ""


class SinkState(IntEnum):
    """How a sink is. `FILLING`: what is new arrives, and holes behind it are being filled; `DISK`: the log, the
    position or the quarantine cannot be read or written; `COMPLAINING`: everything arrives, and somebody on the way has
    a complaint; `AWAY`: the feeds process stands still or is gone, which the scan says in its place.
    """

    IDLE = 0
    RUNNING = 1
    FILLING = 2
    UNREACHABLE = 3
    NOT_ADMITTED = 4
    DISK = 5
    COMPLAINING = 6
    AWAY = 7


# The words of `feed.NAME.state`.
STATE_WORDS: Final = tuple(state.name.lower().replace("_", "-") for state in SinkState)

# The points `feed.NAME.*` of every sink: last part, unit, what it says, whether it is a whole number.
FEED_POINTS: Final = (
    ("state", "1", "how the sink is", True),
    ("lag", "s", "how old the oldest of its newest rows is that has not arrived", False),
    ("missing", "1", "frames of the log that are still to be sent behind the newest", True),
    ("quarantined", "1", "records that it did not take, set aside with the reason", True),
    ("lost", "1", "frames that were gone from the record before they were sent", True),
    ("failures", "1", "attempts that failed since the feeds began", True),
)


# The feeds process says how the sinks are ten times a second; after so long without a word it is away.
FEEDS_AWAY_NS: Final = 5_000_000_000


def feed_point(sink: str, what: str) -> str:
    """The name of the point that tells `what` of a sink."""
    return f"feed.{sink}.{what}"
