"""HTTP on one connection, with the deadlines and limits that uvicorn leaves to others.

A client that opens connections and says nothing, or says it byte by byte, must not keep others away: the head of a
request is there within `HEAD_S`, a connection that asks nothing more ends after `IDLE_S`, and of too many connections
the oldest one that is not at work gives way. The WebSocket that a connection becomes has deadlines of its own.
"""

import asyncio
import logging
from typing import Any, Final

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

HEAD_S: Final = 5.0
IDLE_S: Final = 15.0
HEAD_BYTES_MAX: Final = 16_384
CONNECTIONS_MAX: Final = 256
MESSAGE_BYTES_MAX: Final = 65_536


class Connections:
    """All connections of a server that are not WebSockets yet, oldest first."""

    def __init__(self) -> None:
        self.open: dict[HttpConnection, None] = {}

    def make_room(self) -> None:
        """End the oldest connection that is not at work, where there are too many; the oldest of all if need be."""
        if len(self.open) > CONNECTIONS_MAX:
            oldest = next((each for each in self.open if not each.at_work), next(iter(self.open)))
            oldest.abort()


class HttpConnection(H11Protocol):
    """One connection, until it ends or becomes a WebSocket."""

    def __init__(self, config: Config, state: ServerState, connections: Connections) -> None:
        super().__init__(config, state, {"abort": self.abort})
        self._connections_open = connections
        self._head_timer: asyncio.TimerHandle | None = None

    @property
    def at_work(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def abort(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._connections_open.open[self] = None
        self._connections_open.make_room()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._connections_open.open.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.cycle is not None and self.cycle.response_complete and self.conn.their_state is h11.SEND_BODY:
            # It was answered and still goes on with its question.
            self.abort()
            return
        if not self.at_work:
            self._await_head()
        super().data_received(data)
        if self.at_work:
            self._stop_waiting()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._stop_waiting()
        self._connections_open.open.pop(self, None)
        super().handle_websocket_upgrade(event)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self.abort)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def wire_settings(app: Any) -> Config:
    """Uvicorn's settings for our protocol: nothing of it that logs, compresses, pings or waits for ever."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    settings = Config(
        app,
        interface="asgi3",
        http=HttpConnection,
        ws="wsproto",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(IDLE_S),
        h11_max_incomplete_event_size=HEAD_BYTES_MAX,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=None,
        ws_ping_timeout=None,
        ws_per_message_deflate=False,
    )
    settings.load()
    return settings
