"""The cable in front of a simulated device: it passes bytes on, until it is told not to.

Clients connect to the wire, over TCP; the device's protocol object hangs directly on it. So a device can fall silent
with its connection open, refuse connections, answer late, or restart behind the same address, whatever its protocol
library, and no client can tell the difference from a real cable, switch or frozen controller.

- `dead`: nothing is read or said any more; connections stay open and new ones are accepted, as with a stopped process
  or a pulled cable. What was in flight, either way, arrives when the wire comes back.
- `refused`: the listener is gone, open connections are reset; the port stays reserved meanwhile.
- `late_s`: what the device says arrives that many seconds later, in order.

Only the loopback is ever bound, at a port that the system chooses.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

LOOPBACK: Final = "127.0.0.1"

Device = Callable[[], asyncio.Protocol]
"""Makes the device's protocol object for a new connection."""


class Wire:
    """One cable. `port` is where clients connect, `device` what is behind it; without a device it resets them."""

    def __init__(self) -> None:
        self._reserved = _bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self.device: Device | None = None
        self.dead = False
        self.late_s = 0.0
        self._server: asyncio.Server | None = None
        self._ends: dict[_End, None] = {}

    async def listen(self) -> None:
        """Accept connections."""
        if self._server is None:
            self._server = await asyncio.get_running_loop().create_server(lambda: _End(self), sock=_bound(self.port))

    def refuse(self) -> None:
        """Close the listener and reset every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()

    def reset(self) -> None:
        """Reset every connection; new ones are still accepted."""
        for end in list(self._ends):
            end.abort()

    def set_dead(self, dead: bool) -> None:
        """Stop passing bytes in both directions, or go on with what waits on both sides."""
        self.dead = dead
        for end in list(self._ends):
            end.hold(dead)

    def close(self) -> None:
        """Let go of every socket."""
        self.refuse()
        self._reserved.close()


def _bound(port: int) -> socket.socket:
    """A socket at `port` of the loopback that shares it with our own others, so that the port stays ours.

    The protocol is named because asyncio switches Nagle's delay off only where it is: a second small answer would else
    wait 40 ms in the kernel, where a virtual clock cannot see it.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((LOOPBACK, port))
    return bound


class _End(asyncio.Protocol):
    """One connection: the client's socket on one side, the device's protocol object on the other."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.client: asyncio.Transport | None = None
        self.device: asyncio.Protocol | None = None
        self._held: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.client = transport
        self.wire._ends[self] = None
        if self.wire.dead:
            transport.pause_reading()
        else:
            self._reach()

    def _reach(self) -> None:
        """Have the device take the connection."""
        if self.wire.device is None:
            self.abort()
            return
        self.device = self.wire.device()
        self.device.connection_made(_Carrier(self))

    def hold(self, held: bool) -> None:
        """Stop reading the client, or go on: with what the device said meanwhile, then with what the client says."""
        client = self.client
        if client is None or client.is_closing():
            return
        if held:
            if client.is_reading():
                client.pause_reading()
            return
        if self.device is None:
            self._reach()
        said, self._held = self._held, []
        for data in said:
            self.say(data)
        if not client.is_closing() and not client.is_reading():
            client.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self.device is not None:
            self.device.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.wire._ends.pop(self, None)
        self.client = None
        device, self.device = self.device, None
        if device is not None:
            device.connection_lost(exc)

    def say(self, data: bytes) -> None:
        """What the device says, on its way to the client."""
        if self.wire.dead:
            self._held.append(data)
        elif self.wire.late_s > 0.0:
            asyncio.get_running_loop().call_later(self.wire.late_s, self._send, data)
        else:
            self._send(data)

    def _send(self, data: bytes) -> None:
        if self.client is not None and not self.client.is_closing():
            self.client.write(data)

    def abort(self) -> None:
        """Reset the connection; the device hears of it as of a lost one."""
        self.wire._ends.pop(self, None)
        if self.client is not None:
            self.client.abort()


class _Carrier(asyncio.Transport):
    """What the device's protocol object holds in place of a socket."""

    def __init__(self, end: _End) -> None:
        super().__init__()
        self._end = end

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the client's socket knows: `peername` is the client, `sockname` the wire's address."""
        return default if self._end.client is None else self._end.client.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._end.say(bytes(data))

    def is_closing(self) -> bool:
        return self._end.client is None or self._end.client.is_closing()

    def close(self) -> None:
        """Close towards the client, when all is said; the device's object hears of it from the loop."""
        if self._end.client is not None:
            self._end.client.close()

    def abort(self) -> None:
        self._end.abort()
