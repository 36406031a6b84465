"""The page's server in the gateway process: the listening socket, the application behind it, and its end.

The address with the one-time token is kept in the state folder, for whoever started the plant to open; it is printed
when it is new.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

from uvicorn.server import ServerState

from plantctl.core.clock import Clock
from plantctl.history.reading.query import History
from plantctl.hmi.api import Api
from plantctl.hmi.history_answer import HistoryAnswers
from plantctl.hmi.lab_desk import LabDesk
from plantctl.hmi.lab_route import LabRoute
from plantctl.hmi.live import Live
from plantctl.hmi.live_plant import WatchedPlant
from plantctl.hmi.sessions import Sessions
from plantctl.hmi.settings import PAGE_NAME, PageSettings
from plantctl.hmi.users import UserRefused, Users, write_secret
from plantctl.hmi.wire import Connections, HttpConnection, wire_settings

TLS_HANDSHAKE_S: Final = 5.0
END_S: Final = 1.5
# What the kernel keeps for a client that does not read: values in it only grow old.
SEND_BUFFER_BYTES: Final = 1 << 18
TOKEN_MARK: Final = "#token="


class PageServer:
    """Serves one plant's page at the socket of `settings`, with users and sessions in `folder`.

    `history` opens the plant's history, when it is first asked for; `desk` gives the laboratory's desk.
    """

    def __init__(
        self,
        plant: WatchedPlant,
        settings: PageSettings,
        folder: Path,
        history: Callable[[], History],
        desk: Callable[[], LabDesk],
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._sessions = Sessions(folder, Users(folder))
        self.live = Live(plant, self._sessions)
        answers = HistoryAnswers(plant.plan, history)
        lab = LabRoute(desk, self.live.given_ns)
        self._app = Api(plant, self.live, self._sessions, answers, lab, settings).app

    async def serve(self, clock: Clock, say: Callable[[str], None]) -> None:
        """Serve until cancelled; `say` hears the address once the page is there."""
        config, state, connections = wire_settings(self._app), ServerState(), Connections()
        listening = socket.socket(fileno=socket.dup(self._settings.descriptor))
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        context = _context(self._settings)
        server = await asyncio.get_running_loop().create_server(
            lambda: HttpConnection(config, state, connections),
            sock=listening,
            ssl=context,
            ssl_handshake_timeout=TLS_HANDSHAKE_S if context else None,
        )
        try:
            self._tell_address(say)
            await self.live.beats(clock)
        finally:
            server.close()
            self.live.end()
            await self._let_go(state, connections, clock)

    async def _let_go(self, state: ServerState, connections: Connections, clock: Clock) -> None:
        """Let the pages hear that it ends, then end every connection."""
        end_ns = clock.monotonic_ns() + round(END_S * 1e9)
        while state.tasks and clock.monotonic_ns() < end_ns:
            await clock.sleep(0.01)
        for task in list(state.tasks):
            task.cancel()
        for connection in [*connections.open]:
            connection.abort()
        for websocket in list(state.connections):
            websocket.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)

    def _tell_address(self, say: Callable[[str], None]) -> None:
        path = self._folder / PAGE_NAME
        try:
            before = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            before = ""
        address, _, known = before.partition(TOKEN_MARK)
        try:
            token = self._sessions.token(known)
        except UserRefused as error:
            logging.getLogger("plantctl").error("nobody can log in: %s", error)
            token = ""
        address = self._settings.address + (f"{TOKEN_MARK}{token}" if token else "")
        write_secret(path, f"{address}\n".encode())
        if address != before:
            say(f"page: {address}")


def _context(settings: PageSettings) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.certificate, settings.key)
    return context
