"""One connection on the wire: bytes in, whole messages out, within limits and deadlines; and the door they come by.

A client that connects and says nothing, says it byte by byte, announces a gigabyte or does not read must cost little
and soon nothing. So there is room for one chunk and no more, its announced length is looked at before any of it is
kept, nothing is read while a message is worked at and another waits, and what waits to be sent has a bound. Where too
many are connected the oldest that has not logged in gives way, so that a crowd of silent ones keeps nobody out.
"""

import asyncio
from collections import deque
from typing import Any, Final

from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import header_from_binary

from plantctl.core.clock import Clock
from plantctl.hmi.opcua import limits
from plantctl.hmi.opcua.processor import Broken, Processor

HEAD_BYTES: Final = 8
# Which kinds of message may come: first, then until the channel is open, then.
FIRST: Final = frozenset((b"HEL",))
OPENING: Final = frozenset((b"OPN",))
TALKING: Final = frozenset((b"OPN", b"MSG", b"CLO"))
SIZES: Final = {b"HEL": limits.HELLO_BYTES_MAX, b"OPN": limits.OPEN_BYTES_MAX}
TOO_LARGE: Final = 0x80800000  # BadTcpMessageTooLarge
WRONG_KIND: Final = 0x807E0000  # BadTcpMessageTypeInvalid


class Outlet:
    """The way out of one connection, as the library writes to a transport; what waits in it has a bound."""

    def __init__(self, transport: asyncio.Transport, connection: "Connection") -> None:
        self._transport = transport
        self._connection = connection

    def get_extra_info(self, name: str) -> Any:
        """What is known of the socket."""
        return self._transport.get_extra_info(name)

    def write(self, data: bytes) -> None:
        """Send, or end the connection of who does not read."""
        if self._transport.get_write_buffer_size() + len(data) > limits.OUT_BYTES_MAX:
            self._connection.abort("it does not read what it asked for")
        elif not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """End the connection, once all is sent."""
        self._transport.close()


class Door:
    """All connections of a server, the oldest first. `most` at once; `refused` counts those that had to go."""

    def __init__(self, most: int) -> None:
        self.most = most
        # Who asks for much work at once does so one after the other.
        self.heavy = asyncio.Lock()
        self.open: dict[Connection, None] = {}
        self.refused = 0

    def enter(self, newcomer: "Connection") -> bool:
        """Whether a newcomer may stay. Of those that have not logged in, the one that came least far makes room for it,
        the oldest of these.
        """
        if len(self.open) >= self.most:
            strangers = [each for each in self.open if not each.logged_in]
            self.refused += 1
            if not strangers:
                return False
            oldest = min(strangers, key=lambda each: each.progress)
            self.open.pop(oldest)
            oldest.abort("another needs its place")
        self.open[newcomer] = None
        return True

    def leave(self, connection: "Connection") -> None:
        """A connection is gone."""
        self.open.pop(connection, None)


class Connection(asyncio.BufferedProtocol):
    """One connection, until either side ends it."""

    def __init__(self, server: Any, door: Door, clock: Clock) -> None:
        self._server = server
        self._door = door
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._processor: Processor | None = None
        self._block = bytearray(limits.HELLO_BYTES_MAX)
        self._filled = 0
        self._kinds = FIRST
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._came = asyncio.Event()
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._work: asyncio.Task[None] | None = None
        self._begun_ns = 0
        self._stalled_ns = 0
        self._ending_ns = 0
        self.peer = ""

    @property
    def logged_in(self) -> bool:
        """Whether somebody has logged in."""
        return self._processor is not None and self._processor.logged_in

    @property
    def progress(self) -> int:
        """How far it came: 0 without a hello, 1 with one, 2 on an open channel."""
        if self._kinds is FIRST or self._processor is None:
            return 0
        return 2 if self._processor.channel.is_open() else 1

    @property
    def processor(self) -> Processor | None:
        """The conversation, where there is one."""
        return self._processor

    def abort(self, why: str) -> None:
        """End it at once, whatever waits."""
        if self._transport is not None and not self._transport.is_closing():
            self._server.note(f"{self.peer} is let go: {why}")
        if self._transport is not None:
            self._transport.abort()

    # -- what the loop says

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        host, *_ = transport.get_extra_info("peername") or ("?",)
        self.peer = str(host)
        if not self._door.enter(self):
            self.abort("too many are connected")
            return
        transport.set_write_buffer_limits(high=limits.OUT_BYTES_MAX // 4)
        self._begun_ns = self._server.now_ns()
        self._processor = Processor(self._server, Outlet(transport, self), self.peer)
        self._work = asyncio.get_running_loop().create_task(self._talk(), name="opc ua client")

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.leave(self)
        self._waiting.clear()
        self._block = bytearray()
        if self._work is not None:
            self._work.cancel()
        if self._processor is not None and self._processor.session is not None:
            self._server.leave(self._processor.session)

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._block)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self._filled += nbytes
        try:
            self._split()
        except Broken as broken:
            self._end(broken)

    def pause_writing(self) -> None:
        self._may_send.clear()
        self._stalled_ns = self._server.now_ns()

    def resume_writing(self) -> None:
        self._stalled_ns = 0
        self._may_send.set()

    # -- now and then

    def look(self, now_ns: int) -> None:
        """To be called now and then: end what has had its time."""
        age_s = (now_ns - self._begun_ns) / 1e9
        processor = self._processor
        if processor is None:
            return
        if self._ending_ns and now_ns - self._ending_ns > limits.ENDING_S * 1e9:
            self.abort("it does not hear that it is over")
        elif self._stalled_ns and now_ns - self._stalled_ns > limits.STALLED_S * 1e9:
            self.abort("it does not read what it asked for")
        elif self._kinds is FIRST and age_s > limits.HELLO_S:
            self.abort("it has not said hello in time")
        elif not processor.channel.is_open() and age_s > limits.CHANNEL_S:
            self.abort("it has not opened a channel in time")
        elif not processor.logged_in and age_s > limits.LOGIN_S:
            self.abort("nobody has logged in in time")
        elif processor.channel.expires_ns and now_ns > processor.channel.expires_ns:
            self.abort("its keys are too old")

    # -- bytes

    def _split(self) -> None:
        """Take whole messages out of the block. Raises `Broken` for what can be none."""
        block, place = self._block, 0
        while self._filled - place >= HEAD_BYTES:
            kind, size = bytes(block[place : place + 3]), int.from_bytes(block[place + 4 : place + 8], "little")
            if kind not in self._kinds:
                raise Broken(WRONG_KIND, f"a message {kind!r} is not due")
            if not HEAD_BYTES <= size <= SIZES.get(kind, limits.CHUNK_BYTES_MAX):
                raise Broken(TOO_LARGE, f"it announces a message of {size} bytes")
            if self._filled - place < size:
                break
            self._waiting.append(bytes(block[place : place + size]))
            self._waiting_bytes += size
            place += size
            if self._kinds is not TALKING:
                self._kinds = OPENING if self._kinds is FIRST else TALKING
        if self._kinds is not FIRST and len(block) < limits.CHUNK_BYTES_MAX:
            self._block = bytearray(limits.CHUNK_BYTES_MAX)
            self._block[: self._filled - place] = block[place : self._filled]
        elif place:
            block[: self._filled - place] = block[place : self._filled]
        self._filled -= place
        if self._waiting:
            self._came.set()
        # Of what is not whole there is at least one byte's room left: a message is no longer than the block.
        if self._waiting_bytes > limits.WAITING_BYTES_MAX and self._transport is not None:
            self._transport.pause_reading()

    async def _talk(self) -> None:
        processor, clock, heavy = self._processor, self._clock, False
        assert processor is not None
        while not self._ending_ns:
            await self._may_send.wait()
            if not self._waiting:
                self._came.clear()
                await self._came.wait()
                continue
            message = self._waiting.popleft()
            self._waiting_bytes -= len(message)
            if not self._waiting and self._transport is not None:
                self._transport.resume_reading()
            if not heavy and processor.gathered(len(message)) <= limits.LIGHT_BYTES_MAX:
                took_ns = await self._hear(processor, message)
            else:
                # All of them together have half of the loop at most: the page, and who asks for little, have the rest.
                async with self._door.heavy:
                    took_ns = await self._hear(processor, message)
                    await clock.sleep(took_ns / 1e9)
            heavy = took_ns > limits.REQUEST_LONG_NS
            await clock.sleep(took_ns / 1e9 if heavy else 0.0)

    async def _hear(self, processor: Processor, message: bytes) -> int:
        """Let the processor hear one message; for how long that kept the loop, ns. It ends what is to end."""
        begun_ns, waited_ns = self._clock.monotonic_ns(), processor.waited_ns
        try:
            buffer = Buffer(message)
            if not await processor.hear(header_from_binary(buffer), buffer):
                self._end(None)
        except Broken as broken:
            self._end(broken)
        # For the plant's answer, the historian or a password it waited without keeping anybody.
        return self._clock.monotonic_ns() - begun_ns - (processor.waited_ns - waited_ns)

    def _end(self, broken: Broken | None) -> None:
        """End it, with a word where something was wrong, once that is sent."""
        if broken is not None:
            self._server.note(f"{self.peer} is let go: {broken}")
            if self._processor is not None:
                self._processor.refuse(broken)
        self._ending_ns = self._server.now_ns()
        if self._transport is not None:
            self._transport.close()
