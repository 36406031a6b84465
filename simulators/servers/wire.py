"""The cable in front of a simulated device: it passes bytes on, until it is told not to.

Every device server stands behind a wire, which keeps the address that clients know. So a device can fall silent with
its connection open, refuse connections, answer late, or restart behind the same address, and neither the protocol
library nor the client's can tell the difference from a real cable, switch or frozen controller.

- `dead`: nothing is read from either side any more; connections stay open and new ones are accepted, as with a
  stopped process or a pulled cable. What was in flight arrives when the wire comes back.
- `refused`: the listener is gone, open connections are reset; the port stays reserved meanwhile.
- `late_s`: what the device says arrives that many seconds later, in order.

Only the loopback is ever bound, at a port that the system chooses.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

LOOPBACK: Final = "127.0.0.1"
BUFFER_LIMIT: Final = 1 << 20

Target = int | Callable[[], asyncio.Protocol]


class Wire:
    """One cable. `port` is where clients connect; `target` what is behind it: the port of a device's server, or what
    makes the device's protocol object for a connection.
    """

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._reserved = _bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self.target: Target = 0
        self.dead = False
        self.late_s = 0.0
        self._server: asyncio.Server | None = None
        self._ends: dict[_Near, None] = {}

    async def listen(self) -> None:
        """Accept connections; without a target they are reset."""
        if self._server is not None:
            return
        self._server = await asyncio.get_running_loop().create_server(lambda: _Near(self), sock=_bound(self.port))

    def refuse(self) -> None:
        """Close the listener and reset every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()

    def reset(self) -> None:
        """Reset every connection; new ones are still accepted."""
        for near in list(self._ends):
            near.cut()

    def set_dead(self, dead: bool) -> None:
        """Stop passing bytes in both directions, or go on with what waits on both sides."""
        self.dead = dead
        for near in list(self._ends):
            near.hold(dead)

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
    """One side of one connection; `other` is the side that gets what arrives here."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.transport: asyncio.Transport | None = None
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(BUFFER_LIMIT)
        if self.wire.dead:
            transport.pause_reading()

    def hold(self, held: bool) -> None:
        """Stop or resume reading what this side says."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if held and transport.is_reading():
            transport.pause_reading()
        elif not held and not transport.is_reading():
            transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Say `data` to the peer of this side."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def abort(self) -> None:
        """Reset this side."""
        if self.transport is not None:
            self.transport.abort()


class _Near(_End):
    """The client's side: finds the device, keeps what the client says until it has."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(wire)
        self._waiting = b""
        self._found = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.wire._ends[self] = None
        if not self.wire.dead:
            self._find()

    def hold(self, held: bool) -> None:
        super().hold(held)
        if self.other is not None:
            self.other.hold(held)
        elif not held:
            self._find()

    def _find(self) -> None:
        if self._found:
            return
        self._found = True
        target = self.wire.target
        if isinstance(target, int):
            self.wire._tasks.create_task(self._connect(target), name="wire to the device")
        else:
            self.other = _Inside(self.wire, self, target())

    async def _connect(self, port: int) -> None:
        far = _Far(self.wire, self)
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, LOOPBACK, port)
        except OSError:
            self.cut()
            return
        if self not in self.wire._ends:
            far.abort()
            return
        self.other = far
        if self._waiting:
            far.send(self._waiting)
            self._waiting = b""

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.send(data)
        else:
            self._waiting = (self._waiting + data)[:BUFFER_LIMIT]

    def connection_lost(self, exc: Exception | None) -> None:
        self.wire._ends.pop(self, None)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def cut(self) -> None:
        """Reset both sides."""
        self.wire._ends.pop(self, None)
        self.abort()
        if self.other is not None:
            self.other.abort()


class _Far(_End):
    """The device's side."""

    def __init__(self, wire: Wire, near: _Near) -> None:
        super().__init__(wire)
        self.other: _End = near

    def data_received(self, data: bytes) -> None:
        if self.wire.late_s > 0.0:
            asyncio.get_running_loop().call_later(self.wire.late_s, self.other.send, data)
        else:
            self.other.send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other.transport is not None:
            self.other.transport.close()


class _Inside(_End):
    """The device's side where the device's protocol object lives in this process: no second connection."""

    def __init__(self, wire: Wire, near: _Near, device: asyncio.Protocol) -> None:
        super().__init__(wire)
        self.other: _End = near
        self.device = device
        self._held: list[bytes] = []
        self.transport = _Carrier(self)
        device.connection_made(self.transport)

    def hold(self, held: bool) -> None:
        if not held:
            said, self._held = self._held, []
            for data in said:
                self.say(data)

    def send(self, data: bytes) -> None:
        self.device.data_received(data)

    def say(self, data: bytes) -> None:
        """What the device says, on its way to the client."""
        if self.wire.dead:
            self._held.append(data)
        elif self.wire.late_s > 0.0:
            asyncio.get_running_loop().call_later(self.wire.late_s, self.other.send, data)
        else:
            self.other.send(data)


class _Carrier(asyncio.Transport):
    """What the device's protocol object holds in place of a socket."""

    def __init__(self, end: _Inside) -> None:
        super().__init__()
        self._end = end
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._end.say(bytes(data))

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Close towards both sides; the device's object hears of it once."""
        if not self._closed:
            self._closed = True
            self._end.device.connection_lost(None)
            near = self._end.other.transport
            if near is not None:
                near.close()

    def abort(self) -> None:
        self.close()
