"""Topology `one`: scan, field and recorder in one process and one loop; for demos, tests and virtual time.

The scan owns instants of its own, so that whatever the devices did up to then has settled. Deadlines are absolute; a
scan that comes late skips the turns it missed and counts them, it never hurries after them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from plantctl.app.clock_sync import ClockService, Synchronisation
from plantctl.app.disk_watch import DiskWatch
from plantctl.app.feeds import Feeds
from plantctl.app.field import Field, make_field
from plantctl.app.plan_text import plan_text
from plantctl.core.clock import Clock, ticks
from plantctl.core.command import Command, Result
from plantctl.core.device_statistics import DeviceStatistics
from plantctl.core.event import Event
from plantctl.core.field import DevicePlan
from plantctl.core.ring import RingReader, RingWriter, ring_bytes
from plantctl.core.schedule import SCAN_PHASE_NS
from plantctl.history.upkeep.seal import Sealer, SealStatus, sealed_through
from plantctl.history.upkeep.space import DiskSpace
from plantctl.hmi.live_plant import LogWord, Snapshot, is_last
from plantctl.log.storage import FolderStorage, Storage
from plantctl.log.writer import Recorder
from plantctl.plan.plan import HISTORY_REMOVED, Plan
from plantctl.scan.executive import Executive
from plantctl.scan.schedule import Schedule, turns
from plantctl.scan.statistics import Statistics

RECORDER_PERIOD_NS: Final = 100_000_000
RECORDER_PHASE_NS: Final = 900_000
COMMANDS_WAITING_MAX: Final = 256
EVENTS_KEPT: Final = 200


@dataclass(slots=True)
class Waiting:
    """A command on its way, and everyone it is told to."""

    command: Command
    tell: Callable[[Result], None]


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
    statistics: Statistics
    sealer: Sealer | None = None
    feeds: Feeds | None = None
    disk: DiskWatch | None = None
    recent: deque[Event] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    listeners: list[Callable[[int, list[Event], list[Result]], None]] = field(default_factory=list)
    scans: int = 0
    _waiting: deque[Waiting] = field(default_factory=deque)
    _told: dict[int, Waiting] = field(default_factory=dict)
    _sequence: int = 0
    _time_service: ClockService | None = None

    # -- as others see it (`live_plant.LivePlant`) -----------------------------------------------------------------

    def monotonic_ns(self) -> int:
        """The plant's monotonic time."""
        return self.clock.monotonic_ns()

    def utc_ns(self) -> int:
        """The plant's UTC."""
        return self.clock.utc_ns()

    def snapshot(self) -> Snapshot:
        """The image and the records themselves, as the last scan left them."""
        image = self.executive.image
        records = [memory.rows for memory in self.executive.stepper.memories]
        return Snapshot(self.scans - 1, image.v, image.q, image.receive_ns, image.source_ns, records)

    def device_statistics(self) -> list[tuple[DevicePlan, DeviceStatistics]]:
        """Every device with its counters, in the plan's order."""
        return [(runner.device, runner.statistics) for runner in self.devices.runners]

    def processes(self) -> list[dict[str, Any]]:
        """None: the plant is one process."""
        return []

    @property
    def durable_answers(self) -> bool:
        """No: an answer does not wait for the disk."""
        return False

    def realtime(self) -> list[dict[str, Any]]:
        """Nothing: the scan shares its process."""
        return []

    def hold(self) -> str:
        """Nothing waits: the field is this process."""
        return ""

    def log(self) -> LogWord:
        """How the log is."""
        status = self.recorder.status
        return LogWord(status.frames, self.recorder.durable_utc_ns, status.failing, status.last_error)

    def events(self) -> list[Event]:
        """The last transitions, oldest first."""
        return list(self.recent)

    def submit(self, command: Command, tell: Callable[[Result], None]) -> bool:
        """Queue a command for the next scan; `tell` hears every stage. False where too many wait already."""
        if len(self._waiting) >= COMMANDS_WAITING_MAX:
            return False
        self._sequence += 1
        self._waiting.append(Waiting(replace(command, sequence=self._sequence), tell))
        return True

    async def run(self) -> None:
        """Run scan, field and recorder until cancelled; what was scanned is on disk when this returns."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.devices.run(), name="field")
                tasks.create_task(self._scan(), name="scan")
                tasks.create_task(self._record(), name="recorder")
                if self.feeds is not None:
                    tasks.create_task(self.feeds.run(), name="feeds")
        finally:
            self.devices.release()
            for name in ("scan", "recorder"):
                self.clock.release(name)
            now_ns, utc_ns = self.clock.monotonic_ns(), self.clock.utc_ns()
            self.recorder.drain(self.reader, now_ns, utc_ns)
            self.recorder.close(now_ns, utc_ns)

    async def _scan(self) -> None:
        clock, period_ns = self.clock, self.plan.period_ns
        instants = clock.register("scan", period_ns, SCAN_PHASE_NS)
        first: int | None = None
        async for tick in ticks(clock, instants):
            if first is None:
                first = tick.index
                self.executive.start(clock.monotonic_ns(), clock.utc_ns())
            number = tick.index - first
            for turn in turns(number - tick.skipped - 1, number, self.plan.overrun_catch_up):
                self.scan_once(turn, tick.due_ns - (number - turn) * period_ns)

    def scan_once(self, number: int, due_ns: int) -> None:
        """One scan, due at `due_ns`."""
        clock = self.clock
        now_ns, utc_ns = clock.monotonic_ns(), clock.utc_ns()
        commands: list[Command] = []
        while self._waiting and len(commands) < 64:
            waiting = self._waiting.popleft()
            self._told[waiting.command.sequence] = waiting
            commands.append(waiting.command)
        dt_s = self.schedule.begin(number, now_ns)
        self.statistics.watch_overruns()
        if self.statistics.due(now_ns):
            self._tell_statistics(number, now_ns, utc_ns)
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
        self.statistics.count(now_ns - due_ns, clock.monotonic_ns() - now_ns)

    def _tell(self, result: Result) -> None:
        waiting = self._told.get(result.sequence)
        if waiting is None:
            return
        waiting.tell(result)
        if is_last(self.plan, waiting.command, result):
            del self._told[result.sequence]

    def _tell_statistics(self, number: int, now_ns: int, utc_ns: int) -> None:
        service, status = self._time_service, self.recorder.status
        sealed = SealStatus() if self.sealer is None else self.sealer.status
        # Virtual time is right by definition.
        time = Synchronisation(True, 0, 0) if service is None else service.look()
        log = {
            "log.durable_utc": self.recorder.durable_utc_ns / 1e9,
            "log.failing": float(status.failing),
            "log.lost_frames": float(status.lost_frames),
            "log.bytes": float(sealed.log_bytes),
            "log.history_bytes": float(sealed.sealed_bytes),
            **(DiskSpace() if self.disk is None else self.disk.space).points(),
            HISTORY_REMOVED: float(sealed.removed_files),
            **({} if self.feeds is None else self.feeds.points()),
        }
        self.statistics.tell(number, now_ns, utc_ns, locked=time.locked, offset_ns=time.offset_ns, log=log)

    async def _record(self) -> None:
        clock, recorder = self.clock, self.recorder
        turns = clock.register("recorder", RECORDER_PERIOD_NS, RECORDER_PHASE_NS)
        loop = asyncio.get_running_loop()
        async for _ in ticks(clock, turns):
            now_ns, utc_ns = clock.monotonic_ns(), clock.utc_ns()
            recorder.drain(self.reader, now_ns, utc_ns)
            if self.disk is not None:
                self.disk.look(now_ns)
            if self.sealer is not None:
                self.sealer.turn(recorder.durable_sequence, now_ns)
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
    history: Storage | None = None,
    feeds: Storage | None = None,
    *,
    compiled: bool = True,
    endpoints: Mapping[str, str] | None = None,
    cache: Path | None = None,
    secrets: Path | None = None,
) -> Running:
    """Build a plant to run over `storage`, its log, which is sealed into `history`; nothing moves before `run`.

    `secrets` is the plant's security folder. Its sinks are fed where `feeds` is given, the folder of their positions.
    """
    recorder = Recorder(storage, plan.name, {plan.hash: plan_text(plan)})
    sealer = None if history is None else Sealer(storage, history, keeping=plan.keeping)
    # Virtual time has no disk but its own.
    folder = storage.folder if isinstance(storage, FolderStorage) and not clock.virtual else None
    last = recorder.open(clock.utc_ns(), sealed_through(history) if history is not None else 0)
    buffer = bytearray(ring_bytes(len(plan.points), 1e9 / plan.period_ns, len(plan.inputs)))
    writer = RingWriter(buffer, plan.hash, last + 1)
    executive = Executive(plan, compiled=compiled, ring=writer, cache=cache)
    devices = make_field(plan, clock, endpoints, secrets=secrets)
    executive.bind(devices.inputs, devices.outputs)
    schedule = Schedule(plan.tasks, plan.period_ns)
    return Running(
        plan,
        clock,
        executive,
        devices,
        recorder,
        RingReader(buffer),
        schedule,
        Statistics(executive, schedule),
        sealer,
        None if feeds is None else Feeds(plan, clock, storage, history, feeds, recorder.newest, secrets),
        DiskWatch(folder, recorder, sealer),
        _time_service=None if clock.virtual else ClockService(),
    )
