"""The release: which field process may write to the devices, and whether the outputs wait for a person.

Where the field is a process of its own, a new one may be back before any value has aged, and its devices may have gone
to their fail-safe values meanwhile. So every field process has a generation, the scan grants one of them, and a field
that was not granted writes nothing. A new scan grants nobody; a field that is replaced, that raises its generation by
itself (it had to write fail-safe values) or that stops living loses its grant at once. Only a person gives it again:
nothing starts by itself after a fault that nobody saw.

Where scan and field are one process, and where a plan runs without devices, the field is generation 1, granted from the
start and for ever.

The three numbers `generation`, `granted` and `held` are points of the image: given those of the scan before and the
generation seen, everything here follows, so that a replay decides as the scan did.
"""

import math
from dataclasses import dataclass
from typing import Final

from plantctl.blocks.out import BY_TRIP
from plantctl.core.quality import GOOD, SEVERITY_MASK, describe
from plantctl.plan.link_tags import ARBITER
from plantctl.plan.plan import Plan
from plantctl.scan.step import Stepper

NOBODY: Final = 0


@dataclass(frozen=True, slots=True)
class FieldState:
    """What the scan's driver sees of the field: its generation, 1 and above, and whether its heartbeat is young."""

    generation: int = 1
    alive: bool = True


ONE_PROCESS: Final = FieldState()


class Release:
    """The grant of one scan process.

    `generation` is the field's, 0 while it is not alive. `granted` is the generation that may write, 0 for none. `held`
    tells whether outputs wait in this scan; a release given in a scan ends the hold with the next one, so that the
    first values written are those that the devices have. `why` says why outputs wait. `field_lost` tells that nothing
    that came from the field before this scan counts any more. `settled` tells that the field was the same one scan ago.
    """

    def __init__(self, generation: int = 1, granted: int = 1, *, held: bool = False) -> None:
        self.generation = generation
        self.granted = granted
        self.held = held
        self.why = "the scan is new" if held else ""
        self.field_lost = False
        self.settled = False
        self._first = held

    @classmethod
    def at_start(cls) -> "Release":
        """That of a new scan process beside a field process: nobody may write, a person has to look first."""
        return cls(NOBODY, NOBODY, held=True)

    def observe(self, field: FieldState) -> str:
        """Look at the field at the begin of a scan. Where a hold begins or ends with it, why; else empty."""
        generation = field.generation if field.alive else NOBODY
        first, self._first = self._first, False
        self.settled = generation == self.generation
        # A new scan has no values of an earlier field: what it finds is as old as it says.
        self.field_lost = generation == NOBODY or not (self.settled or first)
        self.generation = generation
        if self.granted == NOBODY:
            return self.why if first else ""
        if generation == self.granted:
            ends, self.held, self.why = self.held, False, ""
            return f"field generation {generation} may write" if ends else ""
        lost = f"field generation {self.granted}"
        self.why = f"{lost} is not alive" if generation == NOBODY else f"{lost} was followed by {generation}"
        self.granted, self.held = NOBODY, True
        return self.why

    def hindrance(self) -> str:
        """Why the field cannot be granted now, in words; empty where it can."""
        if self.generation == NOBODY:
            return "the field process is not alive"
        if not self.settled:
            return f"field generation {self.generation} was not there one scan ago"
        return ""

    def give(self) -> None:
        """A person releases the outputs to the field as it is; the hold ends with the next scan."""
        self.granted = self.generation


def unknown_devices(plan: Plan, stepper: Stepper) -> list[str]:
    """The held outputs that would not go on from what their device has, each with its reason.

    Only those with a read-back can know. One that a trip forces gets the trip's value whatever its device has, and a
    tag that a block writes by itself is not held: neither hinders a release.
    """
    image, found = stepper.image, []
    for output in plan.outputs:
        kind, row = output.arbiter
        back = output.read_back
        if not (output.device and back) or kind < 0 or plan.kinds[kind].kind.name != ARBITER:
            continue
        arbiter = stepper.memories[kind].rows
        if arbiter["source"][row] == BY_TRIP:
            continue
        quality = int(image.q[back])
        if quality & SEVERITY_MASK != GOOD or not math.isfinite(image.v[back]):
            found.append(f"{plan.points[back].name} is {describe(quality)}")
        elif not arbiter["followed"][row]:
            found.append(f"{output.tag} has not taken over {plan.points[back].name} yet")
    return found
