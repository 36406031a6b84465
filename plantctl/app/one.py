"""Topology `one`: scan, field and recorder in one process and one loop; for demos, tests and virtual time.

The scan owns instants of its own, so that whatever the devices did up to then has settled. Deadlines are absolute; a
scan that comes late skips the turns it missed and counts them, it never hurries after them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from plantctl.app.field import Field, make_field
from plantctl.core.clock import Clock, ticks
from plantctl.core.command import Command, Result, Stage
from plantctl.core.event import Event
from plantctl.core.ring import RingReader, RingWriter, ring_bytes
from plantctl.core.schedule import SCAN_PHASE_NS
from plantctl.log.storage import Storage
from plantctl.log.writer import Recorder
from plantctl.plan.link_protection import OVERRUN_TRIP
from plantctl.plan.plan import Plan
from plantctl.scan.executive import Executive
from plantctl.scan.schedule import Schedule

RECORDER_PERIOD_NS: Final = 100_000_000
RECORDER_PHASE_NS: Final = 900_000
COMMANDS_WAITING_MAX: Final = 256
EVENTS_KEPT: Final = 200
STATISTICS_EVERY_NS: Final = 1_000_000_000


@dataclass(slots=True)
class Waiting:
    """A command on its way, and everyone it is told to."""

    command: Command
    tell: Callable[[Result], None]


@dataclass(slots=True)
class Load:
    """The executive's own figures over the last second: worst execution and lateness, us."""

    execution_us: float = 0.0
    lateness_us: float = 0.0


@dataclass(slots=True)
class Running:
    """One plant running in one loop. Built by `make`, moved by `run`."""

    plan: Plan
    clock: Clock
    executive: Executive
    devices: Field
    recorder: Recorder
    reader: RingReader
    schedule: Schedule
    recent: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    listeners: list[Callable[[int, list[Event], list[Result]], None]] = field(default_factory=list)
    scans: int = 0
    load: Load = field(default_factory=Load)
    _waiting: deque[Waiting] = field(default_factory=deque)
    _told: dict[int, Callable[[Result], None]] = field(default_factory=dict)
    _sequence: int = 0
    _statistics_ns: int = 0

    def submit(self, command: Command, tell: Callable[[Result], None]) -> bool:
        """Queue a command for the next scan; `tell` hears every stage. False where too many wait already."""
        if len(self._waiting) >= COMMANDS_WAITING_MAX:
            return False
        self._sequence += 1
        numbered = Command(
            command.verb,
            command.target,
            command.value,
            command.actor,
            command.reason,
            command.key,
            command.expires_ns,
            self._sequence,
        )
        self._waiting.append(Waiting(numbered, tell))
        return True

    async def run(self) -> None:
        """Run scan, field and recorder until cancelled; what was scanned is on disk when this returns."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.devices.run(), name="field")
                tasks.create_task(self._scan(), name="scan")
                tasks.create_task(self._record(), name="recorder")
        finally:
            self.devices.release()
            for name in ("scan", "recorder"):
                self.clock.release(name)
            now_ns, utc_ns = self.clock.monotonic_ns(), self.clock.utc_ns()
            self.recorder.drain(self.reader, now_ns, utc_ns)
            self.recorder.close(now_ns, utc_ns)

    async def _scan(self) -> None:
        clock, period_ns = self.clock, self.plan.period_ns
        turns = clock.register("scan", period_ns, SCAN_PHASE_NS)
        first: int | None = None
        async for tick in ticks(clock, turns):
            if first is None:
                first = tick.index
                self.executive.start(clock.monotonic_ns(), clock.utc_ns())
            self.scan_once(tick.index - first, tick.due_ns)

    def scan_once(self, number: int, due_ns: int) -> None:
        """One scan, due at `due_ns`."""
        clock = self.clock
        now_ns, utc_ns = clock.monotonic_ns(), clock.utc_ns()
        commands: list[Command] = []
        while self._waiting and len(commands) < 64:
            waiting = self._waiting.popleft()
            self._told[waiting.command.sequence] = waiting.tell
            commands.append(waiting.command)
        dt_s = self.schedule.begin(number, now_ns)
        self._tell_statistics(now_ns)
        done = self.executive.scan(
            number,
            now_ns,
            utc_ns,
            dt_s,
            self.devices.inputs,
            self.devices.outputs,
            commands,
            self.devices.events.drain(),
        )
        self.scans = number + 1
        self.recent.extend(done.events)
        for result in done.results:
            self._tell(result)
        for listener in self.listeners:
            listener(number, done.events, done.results)
        self.load.lateness_us = max(self.load.lateness_us, (now_ns - due_ns) / 1e3)
        self.load.execution_us = max(self.load.execution_us, (clock.monotonic_ns() - now_ns) / 1e3)

    def _tell(self, result: Result) -> None:
        tell = self._told.get(result.sequence)
        if tell is not None:
            tell(result)
        if result.stage not in (Stage.QUEUED, Stage.ACCEPTED, Stage.SENT):
            self._told.pop(result.sequence, None)

    def _tell_statistics(self, now_ns: int) -> None:
        """The executive's own points: inputs as far as a replay goes, so once a second, but for what can trip."""
        schedule = self.schedule
        after = self.plan.overrun_trip_after
        late = after > 0 and schedule.late_in_a_row >= after
        self.executive.set_statistics({OVERRUN_TRIP: float(late)})
        if self.scans and now_ns - self._statistics_ns < STATISTICS_EVERY_NS:
            return
        self._statistics_ns = now_ns
        values = {
            "scan.execution_us": self.load.execution_us,
            "scan.lateness_us": self.load.lateness_us,
            "scan.overruns": float(schedule.overruns),
            "scan.lost_events": float(self.executive.transitions.lost),
            "scan.non_finite": float(self.executive.stepper.ring[0, 1]),
        }
        for task, missed in zip(schedule.tasks, schedule.task_overruns, strict=True):
            values[f"scan.{task.name}_overruns"] = float(missed)
        self.executive.set_statistics(values)
        self.load = Load()

    async def _record(self) -> None:
        clock, recorder = self.clock, self.recorder
        turns = clock.register("recorder", RECORDER_PERIOD_NS, RECORDER_PHASE_NS)
        loop = asyncio.get_running_loop()
        async for _ in ticks(clock, turns):
            now_ns, utc_ns = clock.monotonic_ns(), clock.utc_ns()
            recorder.drain(self.reader, now_ns, utc_ns)
            if not recorder.commit_due(now_ns):
                continue
            commit = recorder.begin_commit()
            if commit is not None:
                # The disk may take its time: the scan must not wait for it.
                error = commit.sync() if clock.virtual else await loop.run_in_executor(None, commit.sync)
                recorder.end_commit(commit, error, clock.monotonic_ns(), clock.utc_ns())


def make(
    plan: Plan,
    clock: Clock,
    storage: Storage,
    *,
    compiled: bool = True,
    endpoints: Mapping[str, str] | None = None,
    cache: Path | None = None,
) -> Running:
    """Build a plant to run over `storage`; nothing moves before `run`."""
    recorder = Recorder(storage, plan.name, {plan.hash: plan_text(plan)})
    last = recorder.open(clock.utc_ns())
    buffer = bytearray(ring_bytes(len(plan.points), 1e9 / plan.period_ns, len(plan.inputs)))
    writer = RingWriter(buffer, plan.hash, last + 1)
    executive = Executive(plan, compiled=compiled, ring=writer, cache=cache)
    devices = make_field(plan, clock, endpoints)
    executive.bind(devices.inputs, devices.outputs)
    return Running(
        plan,
        clock,
        executive,
        devices,
        recorder,
        RingReader(buffer),
        Schedule(plan.tasks, plan.period_ns),
    )


def plan_text(plan: Plan) -> str:
    """What is kept beside a log: the points with their ids, then every source, so that an old log stays readable."""
    lines = [f"plant {plan.name}", f"hash {plan.hash:016x}", "", "points: id, name, unit, meaning"]
    lines += [f"{p.id}\t{p.name}\t{p.unit}\t{p.text}" for p in plan.points if p.name]
    for name, text in plan.sources.items():
        lines += ["", f"file {name}", text]
    return "\n".join(lines) + "\n"
