"""The gateway process: what people and programs see of the plant, and the way their commands take to the scan.

It is disposable: it holds nothing that another process cannot tell it again. A command goes into a ring that the scan
reads; the answer comes back through the frame ring. What the scan accepted is told as accepted once the log and the
retained state that hold it are on disk. While no scan lives, a command is refused at once.
"""

import asyncio
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from plantctl.app.control_socket import ControlSocket
from plantctl.app.field import connected
from plantctl.app.live_plant import LogWord, Snapshot
from plantctl.app.split.deadline import monotonic_ns, utc_ns
from plantctl.app.split.frame_feed import FrameFeed
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.segments import (
    CHILDREN,
    COMMANDS,
    FRAMES,
    SCAN_NUMBER,
    STATISTICS,
    Role,
)
from plantctl.app.state_folder import SOCKET_NAME
from plantctl.core.clock import RealClock
from plantctl.core.command import Command, Result, Stage
from plantctl.core.device_statistics import DeviceStatistics, LinkState
from plantctl.core.event import Event
from plantctl.core.field import DevicePlan
from plantctl.core.frame import Kind
from plantctl.core.message import encode_command
from plantctl.core.ring import RingWriter
from plantctl.core.segment import ProcessState, SegmentReader
from plantctl.plan.plan import Plan

WAITING_MAX: Final = 256
# A process whose heartbeat is older is not there.
SILENCE_NS: Final = 500_000_000
SILENCE_PERIODS: Final = 4
DURABLE_WITHIN_NS: Final = 2_000_000_000
TURN_NS: Final = 20_000_000
BEAT_NS: Final = 100_000_000
LAST_STAGES: Final = frozenset(
    (Stage.REFUSED, Stage.VERIFIED, Stage.MISMATCH, Stage.TIMED_OUT, Stage.SUPERSEDED, Stage.EXPIRED)
)

SCAN_DEAD: Final = "scan-dead"
SCAN_REPLACED: Final = "scan-replaced"
NOT_DURABLE: Final = "not-durable"


@dataclass(slots=True)
class Asked:
    """A command under way: who hears of it, what is held back until the acceptance is durable, until when."""

    tell: Callable[[Result], None]
    held: deque[Result] = field(default_factory=deque)
    frame: int = 0
    until_ns: int = 0


class Plant:
    """The plant as the gateway knows it, from the segments of the other processes (`live_plant.LivePlant`)."""

    def __init__(self, hand_over: HandOver) -> None:
        self._plan = hand_over.plan
        self.writer = hand_over.own()
        self._scan = hand_over.reader(Role.SCAN)
        self._field = hand_over.reader(Role.FIELD)
        self._recorder = hand_over.reader(Role.RECORDER)
        self._supervisor = hand_over.reader(Role.SUPERVISOR)
        self._devices = connected(self._plan.devices, hand_over.settings.endpoints)
        self._commands = RingWriter.resume(self.writer.area(COMMANDS), self._plan.hash)
        self._feed = FrameFeed(self._plan, self._scan.area(FRAMES))
        self._silence_ns = max(SILENCE_NS, SILENCE_PERIODS * self._plan.period_ns)
        self._asked: dict[int, Asked] = {}
        self._generation = self._scan.generation
        self._feed.take(monotonic_ns(), utc_ns())

    @property
    def plan(self) -> Plan:
        """The plan all processes run."""
        return self._plan

    def monotonic_ns(self) -> int:
        """The plant's monotonic time."""
        return monotonic_ns()

    def utc_ns(self) -> int:
        """The plant's UTC."""
        return utc_ns()

    def snapshot(self) -> Snapshot:
        """The plant after the newest scan that was published; before the first all is zero."""
        self._scan.take()
        columns = self._scan.columns
        records = [columns[f"records.{rows.kind.name}"].view(rows.rows.dtype) for rows in self._plan.kinds]
        v, q, receive_ns, source_ns = (columns[f"image.{name}"] for name in ("v", "q", "receive_ns", "source_ns"))
        return Snapshot(int(columns["scan"][SCAN_NUMBER]), v, q, receive_ns, source_ns, records)

    def device_statistics(self) -> list[tuple[DevicePlan, DeviceStatistics]]:
        """Every device with its counters; all are down while the field process is."""
        self._field.take()
        columns = self._field.columns
        alive = self._lives(self._field)
        found = []
        for i, device in enumerate(self._devices):
            numbers = {name: int(columns[f"devices.{name}"][i]) for name in STATISTICS}
            state = LinkState(numbers.pop("state")) if alive else LinkState.DOWN
            found.append((device, DeviceStatistics(LinkState.DOWN, **numbers)))
            found[-1][1].state = state
        return found

    def events(self) -> list[Event]:
        """The last transitions, oldest first."""
        return list(self._feed.recent)

    def log(self) -> LogWord:
        """How the log is, as the recorder said last."""
        self._recorder.take()
        said = self._recorder.columns
        error = bytes(said["last_error"]).rstrip(b"\0").decode(errors="replace")
        failing = bool(said["failing"][0])
        if not self._lives(self._recorder):
            failing, error = True, "the recorder is away; the last minute is kept in memory"
        return LogWord(int(said["frames"][0]), int(said["durable_utc_ns"][0]), failing, error if failing else "")

    def processes(self) -> list[dict[str, Any]]:
        """The processes that the supervisor keeps."""
        self._supervisor.take()
        said = self._supervisor.columns
        return [
            {
                "role": role.value,
                "pid": int(said["pid"][i]),
                "alive": int(said["pid"][i]) > 0,
                "starts": int(said["starts"][i]),
                "gave_up": bool(said["gave_up"][i]),
            }
            for i, role in enumerate(CHILDREN)
        ]

    def _lives(self, reader: SegmentReader) -> bool:
        young = monotonic_ns() - reader.heartbeat_ns < self._silence_ns
        return young and reader.state in (ProcessState.STARTING, ProcessState.READY)

    # -- commands --------------------------------------------------------------------------------------------------

    def submit(self, command: Command, tell: Callable[[Result], None]) -> bool:
        """Hand a command to the scan; refused at once while none lives. False where too many wait already."""
        if len(self._asked) >= WAITING_MAX:
            return False
        if not self._lives(self._scan):
            text = "no scan is running: nothing can be done until it is back, and this command is not kept for then"
            tell(Result(0, Stage.REFUSED, monotonic_ns(), SCAN_DEAD, text))
            return True
        numbered = replace(command, sequence=self._commands.next_sequence)
        self._asked[numbered.sequence] = Asked(tell)
        self._commands.append(Kind.COMMAND, 0, monotonic_ns(), encode_command(numbered))
        return True

    def turn(self) -> None:
        """Hear what the scan said since, and tell whoever asked."""
        now_ns = monotonic_ns()
        for frame, result in self._feed.take(now_ns, utc_ns()):
            asked = self._asked.get(result.sequence)
            if asked is None:
                continue
            if result.stage is Stage.ACCEPTED:
                asked.frame, asked.until_ns = frame, now_ns + DURABLE_WITHIN_NS
            asked.held.append(result)
        if self._scan.generation != self._generation:
            self._generation = self._scan.generation
            self._scan_replaced(now_ns)
        self._tell(now_ns)

    @property
    def waiting(self) -> bool:
        """Whether an acceptance waits for the disk."""
        return any(asked.held for asked in self._asked.values())

    def _tell(self, now_ns: int) -> None:
        """Tell every stage that may be told: an acceptance when it is durable or took too long, others after it."""
        durable = self._durable_frame()
        for sequence, asked in list(self._asked.items()):
            while asked.held:
                result = asked.held[0]
                if result.stage is Stage.ACCEPTED and asked.frame > durable:
                    if now_ns < asked.until_ns:
                        break
                    text = "accepted, but not on disk yet: after a loss of power it would be forgotten"
                    result = replace(result, code=NOT_DURABLE, text=text)
                asked.held.popleft()
                asked.tell(result)
                if result.stage in LAST_STAGES:
                    self._asked.pop(sequence, None)

    def _durable_frame(self) -> int:
        """The newest frame that is on disk."""
        self._recorder.take()
        said = self._recorder.columns
        return int(said["durable_sequence"][0])

    def _scan_replaced(self, now_ns: int) -> None:
        """The scan that was asked is dead; whoever has no answer gets one."""
        text = "the scan was replaced before it had answered; look at the plant before asking again"
        for sequence, asked in list(self._asked.items()):
            stage = Stage.TIMED_OUT if asked.frame else Stage.REFUSED
            if not asked.held or asked.held[-1].stage not in LAST_STAGES:
                asked.held.append(Result(sequence, stage, now_ns, SCAN_REPLACED, text))

    def forget(self, sequence: int) -> None:
        """Nobody listens for this command any more."""
        self._asked.pop(sequence, None)

    def beat(self, clients: int) -> None:
        """Say that the gateway lives."""
        self.writer.live["clients"][0] = clients
        self.writer.publish()
        self.writer.beat(monotonic_ns())


async def serve(hand_over: HandOver, ended: asyncio.Event) -> None:
    """Serve people and programs until `ended`."""
    plant = Plant(hand_over)
    plant.writer.take_over(monotonic_ns())
    control = ControlSocket(plant, hand_over.settings.folder / SOCKET_NAME)
    woken = asyncio.Event()
    hand_over.listen(asyncio.get_running_loop(), woken.set)
    clock = RealClock()

    async def turns() -> None:
        while True:
            woken.clear()
            plant.turn()
            plant.beat(control.clients)
            try:
                async with asyncio.timeout((TURN_NS if plant.waiting else BEAT_NS) / 1e9):
                    await woken.wait()
            except TimeoutError:
                continue

    async with asyncio.TaskGroup() as tasks:
        work = [
            tasks.create_task(control.serve(), name="control socket"),
            tasks.create_task(turns(), name="turns"),
        ]
        plant.writer.say(ProcessState.READY)
        await ended.wait()
        plant.writer.say(ProcessState.ENDING)
        await clock.sleep(0)
        for task in work:
            task.cancel()


def run(hand_over: HandOver) -> int:
    """Serve until SIGTERM; the exit code."""

    async def main() -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await serve(hand_over, ended)

    asyncio.run(main())
    return 0
