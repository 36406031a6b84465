"""The plant's OPC UA server in the gateway process: follows the scan, tells who monitors, serves who asks.

What the scan says comes in once and is laid over the picture of the plant; who reads is answered from that picture, and
of what has changed only what somebody monitors is told. While the scan is dead every value is the last usable one and
the service level says so. The listening socket is the supervisor's; the process may go and come back.
"""

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from asyncua import ua as typed_ua

from plantctl.core.clock import Clock
from plantctl.core.event import Event
from plantctl.core.frame import Rows, RowsFlag
from plantctl.drivers._certificates import read_pair
from plantctl.history.reading.query import History
from plantctl.hmi.change_ring import Change, ChangeRing
from plantctl.hmi.gate import Gate, StandStill
from plantctl.hmi.live_plant import WatchedPlant
from plantctl.hmi.opcua import limits
from plantctl.hmi.opcua.commands import Commands
from plantctl.hmi.opcua.connection import Connection, Door
from plantctl.hmi.opcua.core import PlantServer
from plantctl.hmi.opcua.past import Past
from plantctl.hmi.opcua.people import People
from plantctl.hmi.opcua.settings import ADDRESS_NAME, OpcuaSettings
from plantctl.hmi.opcua.space import PlantSpace, node_id
from plantctl.hmi.opcua.standard_nodes import standard_nodes
from plantctl.hmi.opcua.tree import Node, Tree
from plantctl.hmi.opcua.values import Told, told, utc_of
from plantctl.hmi.users import Users, write_secret

ua: Any = typed_ua

LOOK_S: Final = 0.5
TIME_EVERY: Final = 2
# What waits to be told; where more does, the picture as it is now is told in its place.
CHANGES_WAITING_MAX: Final = 50
SEND_BUFFER_BYTES: Final = 1 << 18
# By the plant's pulse (OPC 10000-4, 6.6.2.4.2: 200 and above is healthy, 1 is without data).
LEVELS: Final = {"ok": 255, "held": 150, "scan-replaced": 2, "scan-dead": 1}
ALIVE: Final = frozenset(("ok", "held"))


class OpcuaServer:
    """Serves one plant at the socket of `settings`, with the users in `folder`; to be made in a running loop.

    It follows the frames (`rows`, `event`, `lost`) and is told of every `turn`. `history` opens the plant's history,
    when it is first asked for. Raises `Unusable` for keys that cannot be used.
    """

    def __init__(
        self, plant: WatchedPlant, settings: OpcuaSettings, folder: Path, history: Callable[[], History]
    ) -> None:
        # The library tells everything at length; what matters of it is in our own notes.
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)
        self._plant = plant
        self._settings = settings
        self._folder = folder
        self._tree = Tree(plant.plan)
        self._ring = ChangeRing(plant.plan, kept_ns=0)
        self._still = StandStill()
        self._alive = True
        self._level = 255
        self._changes: deque[Change] = deque()
        self._all = False
        self._changed = asyncio.Event()
        self._words: dict[str, int] = {}
        pair = None if settings.insecure else read_pair(Path(settings.certificate), Path(settings.key))
        self._space = PlantSpace(self._tree, standard_nodes(), self)
        people = People(Users(folder), "viewer" if settings.anonymous else None)
        self._server = PlantServer(plant, self._space, people, settings, pair)
        self._server.past = Past(self._space, self._tree, history)
        self._server.commands = Commands(
            Gate(plant, self._ring, self._still), self._space, self._tree, plant.monotonic_ns
        )
        self._door = Door(settings.connections)
        self._begin(None)

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._door.open)

    # -- what the scan says

    def rows(self, rows: Rows, utc_ns: int, mono_ns: int) -> None:
        """All rows, or those that a scan changed."""
        if rows.flags & RowsFlag.RUN_START:
            self._begin(rows, utc_ns)
        elif rows.flags & RowsFlag.PERIODIC:
            self._spread(self._ring.key(rows, utc_ns, mono_ns))
        else:
            self._spread(self._ring.scan(rows, utc_ns, mono_ns))

    def event(self, event: Event) -> None:
        """A transition: what it changes is in the rows."""

    def lost(self) -> None:
        """Frames are lost: go on with what the plant is now."""
        self._begin(None)

    def turn(self) -> None:
        """What the frames said so far is complete."""
        now_ns = self._plant.monotonic_ns()
        self._still.turn(now_ns)
        self._spread(self._ring.close(now_ns))

    def _begin(self, rows: Rows | None, utc_ns: int = 0) -> None:
        plant = self._plant
        self._ring.begin(rows, utc_ns or plant.utc_ns(), None if rows is not None else plant.snapshot())
        self._tell_all()

    def _spread(self, change: Change | None) -> None:
        if change is None or not self._space.watched:
            return
        if len(self._changes) >= CHANGES_WAITING_MAX:
            self._tell_all()
        elif not self._all:
            self._changes.append(change)
            self._changed.set()

    def _tell_all(self) -> None:
        self._changes.clear()
        self._all = True
        self._changed.set()

    # -- values

    def value(self, node: Node) -> Told:
        """What a point is now."""
        ring, row = self._ring, node.row
        return self._told(node, float(ring.value[row]), int(ring.quality[row]), int(ring.source_ns[row]), ring.utc_ns)

    def _told(self, node: Node, value: float, quality: int, source_ns: int, utc_ns: int) -> Told:
        words = self._words.get(node.id)
        if words is None:
            words = self._words[node.id] = len(self._tree.words(node))
        server = utc_of(self._plant.utc_ns())
        return told(value, quality, utc_of(source_ns or utc_ns), server, words=words, alive=self._alive)

    async def _tell(self, clock: Clock) -> None:
        """Tell what has changed to who monitors it, change by change, until cancelled."""
        space = self._space
        while True:
            if not self._changes and not self._all:
                self._changed.clear()
                await self._changed.wait()
            if self._all:
                self._all = False
                pending = [(node, self.value(node)) for nodes in space.watched.values() for node in nodes.values()]
            else:
                pending = self._values_of(self._changes.popleft())
            begun_ns = clock.monotonic_ns()
            for node, value in pending:
                for callback in space.listeners(node_id(node.id)):
                    await callback(value)
                    if (took_ns := clock.monotonic_ns() - begun_ns) > limits.REQUEST_LONG_NS:
                        # Half of the loop at most: what is too much for that gives way to newer values.
                        await clock.sleep(took_ns / 1e9)
                        begun_ns = clock.monotonic_ns()

    def _values_of(self, change: Change) -> list[tuple[Node, Told]]:
        """The values of a change that somebody monitors."""
        watched = self._space.watched
        columns = (change.rows, change.value, change.quality, change.source_ns)
        found = []
        for row, value, quality, source_ns in zip(*[column.tolist() for column in columns], strict=True):
            for node in watched.get(row, {}).values():
                found.append((node, self._told(node, value, quality, source_ns, change.utc_ns)))
        return found

    # -- serving

    async def serve(self, clock: Clock, say: Callable[[str], None]) -> None:
        """Serve until cancelled; `say` hears the address once the server is there."""
        await self._server.begin()
        listening = socket.socket(fileno=socket.dup(self._settings.descriptor))
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        loop = asyncio.get_running_loop()
        served = await loop.create_server(lambda: Connection(self._server, self._door, clock), sock=listening)
        telling = loop.create_task(self._tell(clock), name="opc ua values")
        try:
            self._tell_address(say)
            await self._looks(clock)
        finally:
            served.close()
            telling.cancel()
            for connection in list(self._door.open):
                connection.abort("the server ends")
            await asyncio.gather(telling, return_exceptions=True)
            await self._server.stop()

    async def _looks(self, clock: Clock) -> None:
        """Look after the plant's pulse, the connections and the sessions, until cancelled."""
        looks = 0
        while True:
            await self._look_at_plant()
            now_ns = self._plant.monotonic_ns()
            for connection in list(self._door.open):
                connection.look(now_ns)
            await self._server.look()
            if looks % TIME_EVERY == 0:
                await self._server.tell_time()
            looks += 1
            await clock.sleep(LOOK_S)

    async def _look_at_plant(self) -> None:
        link = self._plant.pulse().link
        alive, level = link in ALIVE, LEVELS.get(link, 1)
        if alive != self._alive:
            self._alive = alive
            self._tell_all()
        if level != self._level:
            self._level = level
            await self._server.tell_level(level)

    def _tell_address(self, say: Callable[[str], None]) -> None:
        path = self._folder / ADDRESS_NAME
        try:
            before = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            before = ""
        write_secret(path, f"{self._settings.url}\n".encode())
        if before != self._settings.url:
            say(f"OPC UA: {self._settings.url}")
