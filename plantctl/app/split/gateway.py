"""The gateway process: what people and programs see of the plant, and the way their commands take to the scan.

It is disposable: it holds nothing that another process cannot tell it again, and nobody but its own clients waits for
it. What it shows is in `seen_plant`, what becomes of commands in `commands_under_way`; it serves the control socket
and, where that is wanted, the page (`plantctl.hmi`) and the OPC UA server (`plantctl.hmi.opcua`), which are imported
only then.
"""

import asyncio
import contextlib
import importlib
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from plantctl.app.control_socket import ControlSocket
from plantctl.app.lab import Desk, keep_standing, lab_desk
from plantctl.app.split.commands_under_way import CommandsUnderWay
from plantctl.app.split.deadline import monotonic_ns, utc_ns
from plantctl.app.split.frame_feed import Follower
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.log_watch import DURABLE
from plantctl.app.split.seen_plant import SeenPlant
from plantctl.app.split.segments import COMMANDS, Role
from plantctl.app.state_folder import HISTORY_NAME, LOG_NAME, SOCKET_NAME
from plantctl.core.clock import RealClock
from plantctl.core.command import NOT_DURABLE, Command, Result
from plantctl.core.device_statistics import DeviceStatistics
from plantctl.core.event import Event
from plantctl.core.field import DevicePlan
from plantctl.core.ring import RingWriter
from plantctl.core.segment import ProcessState
from plantctl.hmi.live_plant import Load, LogWord, Pulse, Snapshot
from plantctl.log.storage import ReadOnlyFolder
from plantctl.plan.plan import Plan

if TYPE_CHECKING:
    from plantctl.history.reading.query import History
    from plantctl.hmi.opcua.server import OpcuaServer
    from plantctl.hmi.server import PageServer

# How long the gateway waits for the scan's wake-up before it looks by itself.
LOOK_NS: Final = 20_000_000
BEAT_NS: Final = 100_000_000
PAGE_SERVER: Final = "plantctl.hmi.server"
OPCUA_SERVER: Final = "plantctl.hmi.opcua.server"


class Gateway:
    """The plant as the gateway shows and commands it (`live_plant.LivePlant`)."""

    durable_answers: Final = True

    def __init__(self, hand_over: HandOver) -> None:
        self.writer = hand_over.own()
        self._seen = SeenPlant(hand_over)
        self._log = logging.getLogger("plantctl")
        ring = RingWriter.resume(self.writer.area(COMMANDS), hand_over.plan.hash)
        scan = hand_over.reader(Role.SCAN, ("scan",))
        recorder = hand_over.reader(Role.RECORDER, DURABLE)
        self.under_way = CommandsUnderWay(hand_over.plan, ring, self._seen.feed, scan, recorder)

    @property
    def plan(self) -> Plan:
        """The plan all processes run."""
        return self._seen.plan

    def monotonic_ns(self) -> int:
        """The plant's monotonic time."""
        return monotonic_ns()

    def utc_ns(self) -> int:
        """The plant's UTC."""
        return utc_ns()

    def snapshot(self) -> Snapshot:
        """The plant after the newest scan."""
        return self._seen.snapshot()

    def device_statistics(self) -> list[tuple[DevicePlan, DeviceStatistics]]:
        """Every device with its counters."""
        return self._seen.device_statistics(monotonic_ns())

    def events(self) -> list[Event]:
        """The last transitions, oldest first."""
        return self._seen.events()

    def log(self) -> LogWord:
        """How the log is."""
        return self._seen.log(monotonic_ns())

    def processes(self) -> list[dict[str, Any]]:
        """The processes of the plant."""
        return self._seen.processes(monotonic_ns())

    def realtime(self) -> list[dict[str, Any]]:
        """What makes the scan punctual."""
        return self._seen.realtime()

    def hold(self) -> str:
        """Why the outputs wait for a release; empty where they do not."""
        return self._seen.hold()

    def pulse(self) -> Pulse:
        """Whether scan and field are there now."""
        return self._seen.pulse(monotonic_ns())

    def load(self) -> Load:
        """How punctual and how long the scans are."""
        return self._seen.load()

    def follow(self, follower: Follower) -> None:
        """Tell `follower` everything that the scan says, in every turn."""
        self._seen.feed.follow(follower)

    def submit(self, command: Command, tell: Callable[[Result], None], heard_ns: int = 0) -> bool:
        """Hand a command to the scan; `tell` hears every stage, until it expires or until `heard_ns` where that is
        later. False where too many are under way already.
        """

        def told(result: Result) -> None:
            if result.code == NOT_DURABLE:
                self._log.warning("%s %s: %s", command.verb, command.target, result.text)
            tell(result)

        return self.under_way.submit(command, told, monotonic_ns(), heard_ns)

    def turn(self, clients: int) -> None:
        """Hear what the scan said since, tell whoever asked, and say that the gateway lives."""
        self.under_way.turn(monotonic_ns())
        self.writer.live["clients"][0] = clients
        self.writer.publish()
        self.writer.beat(monotonic_ns())


async def serve(hand_over: HandOver, ended: asyncio.Event) -> None:
    """Serve people and programs until `ended`."""
    gateway = Gateway(hand_over)
    desk = lab_desk(gateway, hand_over.settings.folder)
    control = ControlSocket(gateway, hand_over.settings.folder / SOCKET_NAME, desk)
    woken = asyncio.Event()
    gateway.under_way.turn(monotonic_ns())  # the last minute's frames, before anybody counts on this process
    gateway.writer.take_over(monotonic_ns())
    hand_over.listen(asyncio.get_running_loop(), woken.set)
    pages: list[PageServer] = []
    others: list[OpcuaServer] = []
    paged = asyncio.Event()

    async def turns() -> None:
        while True:
            woken.clear()
            clients = sum(page.live.clients for page in pages) + sum(other.clients for other in others)
            gateway.turn(control.clients + clients)
            for page in pages:
                page.live.turn()
            for other in others:
                other.turn()
            try:
                async with asyncio.timeout((LOOK_NS if gateway.under_way.held_back else BEAT_NS) / 1e9):
                    await woken.wait()
            except TimeoutError:
                continue

    async def show() -> None:
        # Half a second of imports: whoever asks at the control socket does not wait for them.
        await asyncio.to_thread(importlib.import_module, PAGE_SERVER)
        pages.append(_page(gateway, hand_over, desk))
        paged.set()
        await pages[0].serve(RealClock(), say)

    async def show_programs() -> None:
        if hand_over.settings.page is not None:
            await paged.wait()  # people first
        await asyncio.to_thread(importlib.import_module, OPCUA_SERVER)
        others.append(await _opcua(gateway, hand_over))
        await others[0].serve(RealClock(), say)

    async with asyncio.TaskGroup() as tasks:
        work = [
            tasks.create_task(control.serve(), name="control socket"),
            tasks.create_task(turns(), name="turns"),
        ]
        if gateway.plan.lab:
            work.append(tasks.create_task(keep_standing(gateway, desk, RealClock()), name="laboratory"))
        if hand_over.settings.page is not None:
            work.append(tasks.create_task(show(), name="page"))
        if hand_over.settings.opcua is not None:
            work.append(tasks.create_task(show_programs(), name="opc ua"))
        gateway.writer.say(ProcessState.READY)
        await ended.wait()
        gateway.writer.say(ProcessState.ENDING)
        await RealClock().sleep(0)
        for task in work:
            task.cancel()


def _page(gateway: Gateway, hand_over: HandOver, desk: Desk) -> "PageServer":
    settings = hand_over.settings
    assert settings.page is not None
    from plantctl.hmi.server import PageServer

    page = PageServer(gateway, settings.page, settings.folder, lambda: _history(settings.folder), desk)
    gateway.follow(page.live)
    return page


async def _opcua(gateway: Gateway, hand_over: HandOver) -> "OpcuaServer":
    settings = hand_over.settings
    assert settings.opcua is not None
    from plantctl.hmi.opcua.server import OpcuaServer
    from plantctl.hmi.opcua.standard_nodes import standard_nodes

    await asyncio.to_thread(standard_nodes)
    server = OpcuaServer(gateway, settings.opcua, settings.folder, lambda: _history(settings.folder))
    gateway.follow(server)
    return server


def _history(folder: Path) -> "History":
    from plantctl.history.reading.query import History

    return History(ReadOnlyFolder(folder / LOG_NAME), ReadOnlyFolder(folder / HISTORY_NAME))


def say(text: str) -> None:
    """Tell the person who started the plant, who may have gone."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def run(hand_over: HandOver) -> int:
    """Serve until SIGTERM; the exit code."""

    async def main() -> None:
        ended = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        await serve(hand_over, ended)

    asyncio.run(main())
    return 0
