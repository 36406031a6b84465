"""The executive: one scan after the other over a plan. Latch, commands, step, publish; no clock, no loop, no input or
output of its own.

Who drives it (the real loop, virtual time, `exec`, a replay) hands in the scan's number and times, the field's columns
and the commands, and takes what the scan wants written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plantctl.core.command import Command, Result
from plantctl.core.event import DEVICE_WORDS, Event, EventKind
from plantctl.core.field import FieldEvent, InputColumns, OutputColumns
from plantctl.core.late import LATE, late_payload
from plantctl.core.ring import RingWriter
from plantctl.plan.link_hold import FIELD_GENERATION, GRANTED_GENERATION, HELD
from plantctl.plan.plan import Plan
from plantctl.scan.answers import Answers
from plantctl.scan.gate import COMMANDS_PER_SCAN, Change, Gate
from plantctl.scan.journal import Journal, Transitions
from plantctl.scan.latch import Latch
from plantctl.scan.memory import Array, StateMemory, StateRefused
from plantctl.scan.person_behind import PersonBehind
from plantctl.scan.publish import Publication
from plantctl.scan.release import ONE_PROCESS, FieldState, Release
from plantctl.scan.retain import Retention
from plantctl.scan.retained_state import RestoreReport, RetainedState, Start
from plantctl.scan.step import Stepper
from plantctl.scan.verify import Verifier


@dataclass(slots=True)
class ScanResult:
    """What one scan gave: the events in order, and the stages that commands reached."""

    events: list[Event] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)


class Executive:
    """A plan being executed. `ring` takes the frames; without one nothing is journalled. `ages` as for the latch.

    `memory` is where the plan runs, by default memory of its own. `release` is `Release.at_start()` where the field is
    a process of its own; without it nothing is ever held. `answers` are those of a scan process before this one, where
    there was one.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        compiled: bool,
        ring: RingWriter | None = None,
        cache: Path | None = None,
        ages: bool = True,
        memory: StateMemory | None = None,
        release: Release | None = None,
        answers: Answers | None = None,
    ) -> None:
        self.plan = plan
        self.stepper = Stepper(plan, compiled=compiled, cache=cache, memory=memory)
        self.image = self.stepper.image
        self.release = Release() if release is None else release
        self.gate = Gate(plan, self.stepper, self.release, answers)
        self.latch = Latch(plan, self.image, ages=ages, compiled=compiled, cache=cache)
        self.verifier = Verifier(plan)
        self.publication = Publication(plan, self.image, compiled=compiled, cache=cache)
        self.transitions = Transitions(plan, self.stepper, self.latch)
        self.behind = PersonBehind(plan, self.stepper)
        self.journal = Journal(plan, self.image, ring, compiled=compiled, cache=cache) if ring is not None else None
        self._noted: list[Event] = []
        self._release_rows = [plan.statistics[name] for name in (FIELD_GENERATION, GRANTED_GENERATION, HELD)]
        self.image.q[self._release_rows] = 0
        self._show_release()

    def bind(self, inputs: InputColumns, outputs: OutputColumns) -> None:
        """Make ready for the columns that scans will get; else the first scan with them takes the time."""
        self.latch.bind(inputs)
        self.publication.bind(outputs)

    def start(self, mono_ns: int, utc_ns: int, scan: int = 0) -> None:
        """Note the image, and the records unless all are fresh, before the first scan of a run.

        Whatever the run is to begin from (`load`, or a retained state) must be in the memory by then.
        """
        self.latch.begin(mono_ns)
        self._show_release()
        if self.journal is not None:
            self.journal.start(scan, mono_ns, utc_ns)
            if not self.stepper.memory.is_fresh():
                self.journal.state(scan, mono_ns, self.stepper.memory)

    def restore(self, state: RetainedState | None, start: Start, inputs: InputColumns, mono_ns: int) -> RestoreReport:
        """Begin from a retained state instead of from nothing, before `start`; what became of it.

        Values entered by hand go into `inputs`, received at `mono_ns`.
        """
        report = Retention(self.plan).restore(self.stepper.memory, state, start)
        report.lay(inputs, mono_ns)
        return report

    def load(self, columns: Mapping[str, Array], outputs: OutputColumns) -> None:
        """Go on from what a dead scan of this plan published last: memory (`StateMemory.columns`) and `outputs.*`.

        Latches are as they were. Columns that do not fit raise `StateRefused`, and nothing is changed.
        """
        wanted = {"outputs." + name: getattr(outputs, name) for name in ("value", "quality", "sequence")}
        for name, own in wanted.items():
            if name not in columns or columns[name].shape != own.shape:
                raise StateRefused(f"`{name}` of the state does not fit this plan")
        self.stepper.memory.load(columns)
        for name, own in wanted.items():
            own[:] = columns[name]

    def scan(
        self,
        number: int,
        mono_ns: int,
        utc_ns: int,
        dt_s: Sequence[float],
        inputs: InputColumns,
        outputs: OutputColumns,
        commands: Sequence[Command] = (),
        field_events: Iterable[FieldEvent] = (),
        field_state: FieldState = ONE_PROCESS,
    ) -> ScanResult:
        """One scan over live columns, which are aged at the latch. `field_state` is that of the field's process."""
        told = self.release.observe(field_state)
        self.latch.take(inputs, mono_ns, field_lost=self.release.field_lost)
        return self._after_latch(number, mono_ns, utc_ns, dt_s, inputs, outputs, commands, field_events, told)

    def scan_latched(
        self,
        number: int,
        mono_ns: int,
        utc_ns: int,
        dt_s: Sequence[float],
        inputs: InputColumns,
        outputs: OutputColumns,
        commands: Sequence[Command] = (),
    ) -> ScanResult:
        """One scan over columns as they are: recorded ones, aged when they were latched.

        The image's `scan.field_generation` is the recorded one; what was granted and held follows from it.
        """
        told = self.release.observe(FieldState(int(self.image.v[self._release_rows[0]])))
        self.latch.take(inputs, mono_ns, aged=True)
        return self._after_latch(number, mono_ns, utc_ns, dt_s, inputs, outputs, commands, (), told)

    def take_up(self) -> None:
        """Begin with the release as it stands in the image: that of a recorded run before its first scan."""
        generation, granted, held = (int(self.image.v[row]) for row in self._release_rows)
        self.release = self.gate.release = Release(generation, granted, held=bool(held))

    def _after_latch(
        self,
        number: int,
        mono_ns: int,
        utc_ns: int,
        dt_s: Sequence[float],
        inputs: InputColumns,
        outputs: OutputColumns,
        commands: Sequence[Command],
        field_events: Iterable[FieldEvent],
        told: str,
    ) -> ScanResult:
        done = ScanResult()
        journal, release = self.journal, self.release
        before, void = float(release.held), release.check(self.plan, self.image)
        for why, now in ((told, before), (void, 1.0)):
            if why:
                done.events.append(Event(EventKind.WATCHED, number, mono_ns, utc_ns, HELD, 1.0 - now, now, reason=why))
        if journal is not None:
            journal.writes(number, mono_ns, outputs)
        done.results += self.verifier.look(self.image, outputs, mono_ns)
        if journal is not None:
            journal.commands(number, mono_ns, commands, [self.gate.answers.from_before(c, mono_ns) for c in commands])
        asked: list[int] = []
        late_values: list[bytes] = []
        granted = release.granted
        for place, command in enumerate(commands):
            late = place >= COMMANDS_PER_SCAN
            result, events, changes = self.gate.apply(command, number, mono_ns, utc_ns, late=late)
            done.results.append(result)
            done.events += events
            if command.verb == LATE and changes:
                late_values.append(late_payload(command.value))
            self.behind.note(command, [change.target for change in changes])
            for change in changes:
                if change.entered:
                    self._enter(inputs, change, mono_ns, utc_ns)
                if change.output:
                    asked.append(change.output)
                    done.results += self.verifier.begin(
                        command, change.output, change.new, change.ramp_s, outputs, mono_ns
                    )
        if release.granted != granted:
            # What the field wrote last is not known: everything is asked for again.
            asked = [o.row for o in self.plan.outputs]
        self._show_release()
        self.stepper.step(dt_s)
        self.publication.give(outputs, asked)
        outputs.granted_generation = release.granted
        done.events += self.behind.name(self.transitions.take(number, mono_ns, utc_ns))
        done.events += self._noted
        self._noted.clear()
        done.events += [_device_event(e, number, mono_ns, utc_ns) for e in field_events]
        if journal is not None:
            journal.scan(number, mono_ns, utc_ns, dt_s)
            journal.events(number, mono_ns, done.events)
            journal.late(number, mono_ns, late_values)
            journal.results(number, mono_ns, done.results)
        outputs.scan_heartbeat_ns = mono_ns
        return done

    @staticmethod
    def _enter(inputs: InputColumns, change: Change, mono_ns: int, utc_ns: int) -> None:
        """Lay a value entered by hand where no driver writes; the next latch takes it, as it would a device's."""
        index = change.entered - 1
        inputs.value[index], inputs.quality[index] = change.new, change.quality
        inputs.receive_ns[index], inputs.source_ns[index] = mono_ns, change.source_ns or utc_ns

    def _show_release(self) -> None:
        """The three points of the release, as the step of this scan meets them."""
        v, release = self.image.v, self.release
        generation, granted, held = self._release_rows
        v[generation], v[granted], v[held] = release.generation, release.granted, release.held

    def note(self, event: Event) -> None:
        """Journal an event of the shell with the next scan: a clock that was set, a process that died."""
        self._noted.append(event)

    def tell_time(self, offset_ns: int, *, locked: bool) -> None:
        """What the time frames shall say of UTC: the error a time service still corrects, and whether it is certain."""
        if self.journal is not None:
            self.journal.offset_ns, self.journal.locked = offset_ns, locked

    def set_statistics(self, values: dict[str, float], quality: int = 0) -> None:
        """Write the executive's own points; names that the plan does not have are passed over."""
        for name, value in values.items():
            row = self.plan.statistics.get(name)
            if row is not None:
                self.image.v[row] = value
                self.image.q[row] = quality


def _device_event(event: FieldEvent, scan: int, mono_ns: int, utc_ns: int) -> Event:
    target = f"{event.device} {event.point}".strip()
    kind = float(int(event.kind))
    reason = event.text
    return Event(EventKind.DEVICE, scan, mono_ns, utc_ns, target, 0.0, kind, DEVICE_WORDS, "", reason, event.utc_ns)
