"""The guided tour of a demo plant: what happens to it one after the other, with a line of text for whoever watches.

A tour is a file beside the plant's text, `tour.csv`: `time_s,do,what,with,text`, times in seconds from its beginning.
`do` is a command of the plant (`set`, `mode`, `reset`, ...), given as a person would and repeated while it is refused;
the same after `try`, given once, for refusals that are worth seeing; `fault` and `clear`, said to the simulated plant;
or `say`, which only tells. The text is the command's reason too, so that the journal tells the same story.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from plantctl.cli.run_inputs import InputRefused, rows
from plantctl.core.command import VERB_NAMES

TOUR: Final = "tour.csv"
HEADER: Final = ("time_s", "do", "what", "with", "text")
SAY, FAULT, CLEAR, TRY = "say", "fault", "clear", "try "
OF_THE_TOUR: Final = (SAY, FAULT, CLEAR)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, `time_s` after the beginning."""

    time_s: float
    do: str
    what: str
    value: str
    text: str


class Interrupted(Exception):
    """The plant cannot be played on any more; the message says why."""


class Stage(Protocol):
    """What a tour is played on."""

    def tell(self, text: str) -> None:
        """Show a line to the person."""

    def command(self, verb: str, target: str, value: str, reason: str, *, once: bool) -> None:
        """Give the plant a command, once or until it takes it. Raises Interrupted where it will take none."""

    def fault(self, verb: str, words: list[str]) -> None:
        """Put a fault on the simulated plant, or take it out."""


def read_tour(path: Path) -> list[Step]:
    """The steps of a tour in their order. Raises InputRefused, which names file and line."""
    steps: list[Step] = []
    for line, (at, do, what, value, text) in rows(path, HEADER, len(HEADER)):
        place = f"{path}:{line}"
        try:
            time_s = float(at)
        except ValueError:
            time_s = math.nan
        if not time_s >= (steps[-1].time_s if steps else 0.0) or math.isinf(time_s):
            raise InputRefused(f"{place}: `{at}` is not a time in s after the step before")
        if do not in OF_THE_TOUR and do.removeprefix(TRY) not in VERB_NAMES:
            raise InputRefused(f"{place}: there is no `{do}`; a tour has {', '.join(OF_THE_TOUR)} and the commands")
        if do == SAY and not text:
            raise InputRefused(f"{place}: nothing is said")
        steps.append(Step(time_s, do, what, value, text))
    if not steps:
        raise InputRefused(f"{path}: a tour without a step")
    return steps


def play(steps: list[Step], stage: Stage, wait: Callable[[float], None] = time.sleep) -> None:
    """Play the tour in real time. A step that takes long moves the later ones, none is left out. Raises Interrupted."""
    at_s = 0.0
    for step in steps:
        wait(step.time_s - at_s)
        at_s = step.time_s
        if step.text:
            stage.tell(step.text)
        if step.do in (FAULT, CLEAR):
            stage.fault(step.do, [step.what, *step.value.split()])
        elif step.do != SAY:
            once = step.do.startswith(TRY)
            stage.command(step.do.removeprefix(TRY), step.what, step.value, step.text or "the tour", once=once)
