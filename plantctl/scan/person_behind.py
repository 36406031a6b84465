"""Who is behind a transition: the person whose acknowledgement or reset it is, with the reason that was given.

A block tells of its own state, and a block knows no persons. What a person asks of an alarm or of a latched effect is
a flag that its block takes at its next step, which in a slow task is some scans later: until then the command is
remembered by its target, one for each flag of the plan at most. What the plant does in that scan stays the plant's: an
alarm that comes is nobody's.
"""

from collections.abc import Sequence
from dataclasses import replace

from plantctl.blocks.limit_alarm import UNACK
from plantctl.core.command import Command
from plantctl.core.event import Event, EventKind
from plantctl.plan.plan import Plan
from plantctl.scan.step import Stepper

FLAGS = frozenset({"ack", "reset"})  # verbs, and the fields that they set


class PersonBehind:
    """The commands of one plan's persons that its blocks have yet to take."""

    def __init__(self, plan: Plan, stepper: Stepper) -> None:
        self._plan = plan
        self._stepper = stepper
        self._asked: dict[tuple[str, str], Command] = {}

    def note(self, command: Command, targets: Sequence[str]) -> None:
        """An accepted command that set the flag of its verb in the blocks `targets`; other verbs are passed over."""
        if command.verb in FLAGS:
            for target in targets:
                self._asked.setdefault((target, command.verb), command)

    def name(self, events: list[Event]) -> list[Event]:
        """The transitions of a scan, those that a person brought about with actor and reason."""
        if not self._asked:
            return events
        taken: dict[str, Command] = {}
        for (target, verb), command in list(self._asked.items()):
            address = self._plan.addresses[f"{target}.{verb}"]
            if not self._stepper.memories[address.kind].rows[address.field][address.row]:
                taken[target] = command
                del self._asked[target, verb]
        return [
            replace(event, actor=taken[event.target].actor, reason=taken[event.target].reason)
            if event.target in taken and _is_a_persons(event)
            else event
            for event in events
        ]


def _is_a_persons(event: Event) -> bool:
    """Whether a transition of what a person acknowledged or reset is that, and not the plant's own."""
    return (event.kind is EventKind.ALARM and event.new != UNACK) or (event.kind is EventKind.TRIP and event.new == 0.0)
