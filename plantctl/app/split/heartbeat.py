"""Whether the process that writes a segment is there, as its readers see it: by its heartbeat, never by its number.

A process that stands still is as little there as one that is dead.
"""

from typing import Final

from plantctl.core.segment import ProcessState, SegmentReader
from plantctl.plan.plan import Plan

# Below half a second a process may have been busy; less than four scans of silence say nothing of a slow plant.
SILENCE_NS: Final = 500_000_000
SILENCE_PERIODS: Final = 4
# A field that stood for less than a second keeps its grant (`output_gate`): nobody may count it as gone before it does.
FIELD_SILENCE_NS: Final = 1_200_000_000
FIELD_SILENCE_PERIODS: Final = 5


def silence_ns(plan: Plan) -> int:
    """How old the heartbeat of a process of this plant may be, in ns, before it counts as gone; not the field's."""
    return max(SILENCE_NS, SILENCE_PERIODS * plan.period_ns)


def field_silence_ns(plan: Plan) -> int:
    """The same of its field process."""
    return max(FIELD_SILENCE_NS, FIELD_SILENCE_PERIODS * plan.period_ns)


def lives(segment: SegmentReader, now_ns: int, limit_ns: int) -> bool:
    """Whether the writer of `segment` spoke within `limit_ns` and has not said that it ends."""
    young = now_ns - segment.heartbeat_ns < limit_ns
    return young and segment.state in (ProcessState.STARTING, ProcessState.READY)
