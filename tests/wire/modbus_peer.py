"""A Modbus peer that misbehaves on demand: late, mute, torn, refusing, one request after the other as on a real bus.

Framing is written out here, apart from any library, so that it cannot share a mistake with what it tests.
"""

import asyncio
import struct
from contextlib import asynccontextmanager


def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class Peer:
    """Stations of holding registers. `transcript` holds every request as (station, function, first, words or count).

    `trick(number, request)` is asked for each request and gives None for a normal answer, or one of
    ("late", s) (answered s later while others go on), ("slow", s) (everything behind it waits as well), ("mute",),
    ("raw", bytes), ("exception", code), ("close",).
    """

    def __init__(self, registers, *, rtu=False):
        self.registers = registers  # {station: {address: word}}
        self.rtu = rtu
        self.transcript = []
        self.trick = lambda number, request: None
        self.after_write = None
        self.read_clears = ()
        self.sockets = []
        self._late = []
        self._tasks = []

    @property
    def url(self):
        port = self._server.sockets[0].getsockname()[1]
        return f"{'rtu+' if self.rtu else ''}tcp://127.0.0.1:{port}"

    @asynccontextmanager
    async def serving(self, clock):
        self._clock = clock
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield self
        finally:
            self._server.close()
            for timer in self._late:
                timer.cancel()
            self.drop()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks)
            await self._server.wait_closed()

    def drop(self):
        """Close every connection, as a switch that loses power does."""
        for writer in self.sockets:
            writer.transport.abort()
        self.sockets.clear()

    async def _serve(self, reader, writer):
        self.sockets.append(writer)
        self._tasks.append(asyncio.current_task())
        try:
            while True:
                await self._answer(*await (self._rtu if self.rtu else self._tcp)(reader), writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _tcp(self, reader):
        header = await reader.readexactly(7)
        transaction, _, length, station = struct.unpack(">HHHB", header)
        return station, await reader.readexactly(length - 1), transaction

    async def _rtu(self, reader):
        head = await reader.readexactly(7)
        rest = head[6] + 2 if head[1] == 16 else 1
        frame = head + await reader.readexactly(rest)
        assert crc(frame[:-2]) == frame[-2:], f"a broken request: {frame.hex()}"
        return frame[0], frame[1:-2], 0

    def frame(self, station, body, transaction):
        if self.rtu:
            data = bytes([station]) + body
            return data + crc(data)
        return struct.pack(">HHHB", transaction, 0, len(body) + 1, station) + body

    async def _answer(self, station, body, transaction, writer):
        function, first, word = struct.unpack(">BHH", body[:5])
        words = [w for (w,) in struct.iter_unpack(">H", body[6:])] if function == 16 else word
        request = (station, function, first, words)
        number = len(self.transcript)
        self.transcript.append(request)
        trick = self.trick(number, request)
        if station not in self.registers or trick == ("mute",):
            return
        if trick == ("close",):
            writer.transport.abort()
            return
        answer = self.frame(
            station, self._content(self.registers[station], function, first, words, body, trick), transaction
        )
        if trick and trick[0] == "raw":
            answer = trick[1]
        if trick and trick[0] == "slow":
            await self._clock.sleep(trick[1])
        if trick and trick[0] == "late":
            self._late.append(asyncio.get_running_loop().call_later(trick[1], self._send, writer, answer))
        else:
            self._send(writer, answer)

    @staticmethod
    def _send(writer, data):
        if not writer.transport.is_closing():
            writer.write(data)

    def _content(self, registers, function, first, words, body, trick):
        if trick and trick[0] == "exception":
            return bytes([function | 0x80, trick[1]])
        if function in (3, 4):
            try:
                found = [registers[first + n] for n in range(words)]
            except KeyError:
                return bytes([function | 0x80, 2])
            registers.update({a: 0 for a in self.read_clears if first <= a < first + words})
            return struct.pack(f">BB{words}H", function, 2 * words, *found)
        for n, word in enumerate(words if function == 16 else [words]):
            if first + n not in registers:
                return bytes([function | 0x80, 2])
            registers[first + n] = word
            if self.after_write:
                self.after_write(registers, first + n, word)
        return body[:5]
