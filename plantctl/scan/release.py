"""The release: which field process may write to the devices, and whether the outputs wait for a person.

Where the field is a process of its own, a new one may be back before any value has aged, and its devices may have gone
to their fail-safe values meanwhile. So every field process has a generation, the scan grants one of them, and a field
that was not granted writes nothing. A new scan grants nobody; a field that is replaced, that raises its generation by
itself (it had to write fail-safe values) or that stops living loses its grant at once. Only a person gives it again:
nothing starts by itself after a fault that nobody saw.

Where scan and field are one process, and where a plan runs without devices, the field is generation 1, granted from the
start and for ever.

A device may switch itself off as it is released: its watchdog does not know of the person. What was released is then
not what it has, so the release is void and a person looks again: a read-back that moves away from what was released,
before anybody has asked for something else, ends the grant in that scan.

The three numbers `generation`, `granted` and `held` are points of the image: given those of the scan before and the
generation seen, everything here follows, so that a replay decides as the scan did.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from plantctl.blocks.out import BY_TRIP
from plantctl.core.image import Image
from plantctl.core.quality import GOOD, SEVERITY_MASK, describe
from plantctl.plan.link_tags import ARBITER
from plantctl.plan.plan import Plan
from plantctl.scan.step import Stepper

NOBODY: Final = 0
# So long, in scans, a read-back may take to be received anew after a release: until then it is watched.
WATCHED_SCANS: Final = 20


@dataclass(frozen=True, slots=True)
class FieldState:
    """What the scan's driver sees of the field: its generation, 1 and above, and whether its heartbeat is young."""

    generation: int = 1
    alive: bool = True


ONE_PROCESS: Final = FieldState()


@dataclass(slots=True)
class Standing:
    """An output as it was released: its row, its read-back's, what stood in the device and when that was received."""

    row: int
    read_back: int
    value: float
    tolerance: float
    receive_ns: int


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
        self._standing: list[Standing] = []
        self._watched = 0

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
        return self._void(f"{lost} is not alive" if generation == NOBODY else f"{lost} was followed by {generation}")

    def check(self, plan: Plan, image: Image) -> str:
        """To be asked in every scan, after the latch: why the release is void again; empty where it stands."""
        if self.granted == NOBODY or not self._standing:
            return ""
        self._watched += 1
        left = []
        for was in self._standing:
            back = float(image.v[was.read_back])
            asked_anew = float(image.v[was.row]) != was.value
            if asked_anew or int(image.q[was.read_back]) & SEVERITY_MASK != GOOD:
                continue
            if abs(back - was.value) > was.tolerance:
                tag = plan.points[was.row].name
                return self._void(f"{tag} was released at {was.value:g}, and its device went to {back:g} by itself")
            if int(image.receive_ns[was.read_back]) == was.receive_ns:
                left.append(was)
        self._standing = left if self._watched < WATCHED_SCANS else []
        return ""

    def _void(self, why: str) -> str:
        self.granted, self.held, self.why = NOBODY, True, why
        self._standing = []
        return why

    def hindrance(self) -> str:
        """Why the field cannot be granted now, in words; empty where it can."""
        if self.generation == NOBODY:
            return "the field process is not alive"
        if not self.settled:
            return f"field generation {self.generation} was not there one scan ago"
        return ""

    def give(self, standing: Sequence[Standing] = ()) -> None:
        """A person releases the outputs to the field as it is; the hold ends with the next scan. `standing` are those
        that go on from what their device has.
        """
        self.granted = self.generation
        self._standing, self._watched = list(standing), 0


def standing_outputs(plan: Plan, stepper: Stepper) -> list[Standing]:
    """The outputs that follow their device now, with what stands there."""
    image, found = stepper.image, []
    for output in plan.outputs:
        kind, row = output.arbiter
        follows = output.device and output.read_back and kind >= 0 and plan.kinds[kind].kind.name == ARBITER
        if follows and stepper.memories[kind].rows["followed"][row]:
            value, received_ns = float(image.v[output.read_back]), int(image.receive_ns[output.read_back])
            found.append(Standing(output.row, output.read_back, value, output.read_back_tolerance, received_ns))
    return found


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
