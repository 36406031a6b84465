"""What survives the end of a plant's process: plain data, by name, and what became of it at the next start.

Names, not places: the plan may have changed meanwhile. Numbers are kept as bits, so that a NaN keeps its payload.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from plantctl.core.field import InputColumns
from plantctl.plan.plan import RETAIN_FOR_NS

Bits = npt.NDArray[np.int64]
CLOCK_SLACK_NS: Final = 5_000_000_000
TOLD_MAX: Final = 20


class Start(IntEnum):
    """How a run begins."""

    COLD = 0  # nothing was retained: as configured
    WARM = 1  # after a power-up or a stop: as it was, but what trips is tripped
    STALE = 2  # the state is too old or cannot be read: loops in manual, all that trips tripped
    RESTART = 3  # the scan alone was replaced within its plant's life: exactly as it was


@dataclass(frozen=True, slots=True)
class RetainedKind:
    """The rows of one kind: `tags`, and of each column one number a tag.

    `values` are bits by field (`mode`) or part of a port (`op.v`); `units` are the text ids of the units of what each
    port and point was wired to, 0 where there was none: a number means nothing in another unit.
    """

    kind: str
    tags: tuple[str, ...]
    values: Mapping[str, Bits]
    units: Mapping[str, Bits]


@dataclass(frozen=True, slots=True)
class RetainedParameter:
    """A parameter that a person changed: what the configuration said then, and what it was changed to, both as bits."""

    tag: str
    kind: str
    name: str
    configured: int
    present: int


@dataclass(frozen=True, slots=True)
class RetainedPoint:
    """A value of the image that no block holds: entered by hand (`source_ns` is when, UTC), or calculated."""

    name: str
    unit: str
    value: int
    quality: int
    source_ns: int


@dataclass(frozen=True, slots=True)
class RetainedState:
    """Everything retained of a plant at the end of one scan."""

    plan_hash: int
    kinds: tuple[RetainedKind, ...]
    parameters: tuple[RetainedParameter, ...]
    points: tuple[RetainedPoint, ...]


@dataclass(frozen=True, slots=True)
class Entered:
    """A value entered by hand that is to stand again in the input columns: the number of the input, and the value."""

    index: int
    value: float
    quality: int
    source_ns: int


@dataclass(slots=True)
class RestoreReport:
    """What became of a retained state. All numbers are counts; `told` says of the first of them which and why.

    `rows` blocks, `parameters` and `points` were restored. `unknown` of any of them are not in the plan; `fresh` blocks
    of the plan are not in the state; `misfits` were left as configured since a number or a unit does not fit;
    `overruled` parameters were changed in the configuration since. `manual` and `tripped` name the loops put into MAN
    and the effects tripped. `entered` are values for the input columns.
    """

    start: Start
    rows: int = 0
    parameters: int = 0
    points: int = 0
    unknown: int = 0
    fresh: int = 0
    misfits: int = 0
    overruled: int = 0
    manual: list[str] = field(default_factory=list)
    tripped: list[str] = field(default_factory=list)
    entered: list[Entered] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Keep a sentence for the journal, as long as there is room."""
        if len(self.told) < TOLD_MAX:
            self.told.append(text)

    def lay(self, inputs: InputColumns, mono_ns: int) -> None:
        """Lay the values entered by hand into the input columns, received now."""
        for e in self.entered:
            inputs.value[e.index : e.index + 1].view(np.int64)[0] = np.float64(e.value).view(np.int64)
            inputs.quality[e.index], inputs.source_ns[e.index] = e.quality, e.source_ns
            inputs.receive_ns[e.index] = mono_ns


def judge(age_ns: int, retain_for_ns: int = RETAIN_FOR_NS) -> tuple[Start, str]:
    """How to begin from a state of the age `age_ns`, and why where it is not WARM.

    The age is by the monotonic clock within one life of the machine, else by UTC. A state from the future, by more than
    5 s, has an age that nobody knows.
    """
    if age_ns < -CLOCK_SLACK_NS:
        return Start.STALE, f"the state is {-age_ns / 1e9:.0f} s younger than now: a clock was set back"
    if age_ns > retain_for_ns:
        return Start.STALE, f"the state is {age_ns / 3.6e12:.1f} h old, it counts for {retain_for_ns / 3.6e12:g} h"
    return Start.WARM, ""
