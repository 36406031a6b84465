"""Modbus servers: a twin's registers behind pymodbus' framing and telegrams.

The library reads and writes frames; what a register holds, and every refusal, is the twin's. Registers are taken from
the twin when they are asked for, so nothing has to be copied in between. pymodbus' own server is not used: version 3.16
keeps only the last request of a connection (one that arrives while another is answered gets the wrong transaction
number), answers only the first of several requests in one TCP segment and calls an unknown function 0. Here every
request is answered with its own number, in order, one at a time, as a device does; a station that does not exist is
silent.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from pymodbus.exceptions import ModbusIOException
from pymodbus.framer import FramerBase, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterResponse,
)

from plantctl.core.clock import Clock
from simulators.devices.registers import (
    ILLEGAL_FUNCTION,
    READ_HOLDING,
    READ_INPUT,
    WRITE_MANY,
    WRITE_ONE,
    RegisterRefused,
    RegisterTwin,
)

ANY_UNIT: Final = 0
MBAP_BYTES: Final = 7
BUFFER_LIMIT: Final = 4096

NoteWrite = Callable[[str, float], None]


def ignore_write(_what: str, _value: float) -> None:
    """Nobody wants to know what clients write."""


class RegisterServer:
    """Serves twins by unit number; unit 0 stands for every number. `paced` says whether answers take plant time.

    `note` hears of every register that a client writes, before the twin does.
    """

    framer: type[FramerBase] = FramerSocket
    paced = False

    def __init__(self, clock: Clock, twins: Mapping[int, RegisterTwin], note: NoteWrite = ignore_write) -> None:
        self._clock = clock
        self._note = note
        self.twins = twins
        self._requests: asyncio.Queue[tuple[Conversation, ModbusPDU]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self, tasks: asyncio.TaskGroup) -> Callable[[], asyncio.Protocol]:
        """Serve until `stop`; what a wire calls for each connection."""
        if self.paced:
            self._task = tasks.create_task(self._serve(), name="modbus line")
        return lambda: Conversation(self)

    async def stop(self) -> None:
        """Forget what waits for an answer. The connections are the wire's to close."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._requests = asyncio.Queue()

    def take(self, conversation: "Conversation", request: ModbusPDU) -> None:
        """A whole request came in: answer it now, or in its turn where answers take time."""
        if self.paced:
            self._requests.put_nowait((conversation, request))
        elif self.has_unit(request.dev_id):
            conversation.answer(request, self.respond(request))

    def has_unit(self, unit: int) -> bool:
        """Whether somebody answers to `unit`."""
        return unit in self.twins or ANY_UNIT in self.twins

    async def pace(self, request: ModbusPDU) -> bool:
        """Let the time of the line and the device pass for `request`; False when no answer will come."""
        return self.has_unit(request.dev_id)

    def respond(self, request: ModbusPDU) -> ModbusPDU:
        """The twin's answer to `request`, an exception where it refuses."""
        twin = self.twins.get(request.dev_id) or self.twins[ANY_UNIT]
        function, now_ns = request.function_code, self._clock.monotonic_ns()
        try:
            if function in (READ_HOLDING, READ_INPUT):
                words = twin.read_block(request.address, request.count, now_ns=now_ns, function=function)
                kind = ReadHoldingRegistersResponse if function == READ_HOLDING else ReadInputRegistersResponse
                return kind(registers=words)
            if function in (WRITE_ONE, WRITE_MANY):
                values = list(request.registers)
                for i, value in enumerate(values):
                    self._note(str(request.address + i), value)
                twin.write_block(request.address, values, now_ns=now_ns, function=function)
                if function == WRITE_ONE:
                    return WriteSingleRegisterResponse(address=request.address, registers=values)
                return WriteMultipleRegistersResponse(address=request.address, count=len(values))
        except RegisterRefused as refusal:
            return ExceptionResponse(function, refusal.code)
        return ExceptionResponse(function, ILLEGAL_FUNCTION)

    async def _serve(self) -> None:
        while True:
            conversation, request = await self._requests.get()
            if await self.pace(request):
                conversation.answer(request, self.respond(request))


class Conversation(asyncio.Protocol):
    """One connection: frames in, frames out."""

    def __init__(self, server: RegisterServer) -> None:
        self._server = server
        self._framer = server.framer(DecodePDU(True))
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received = (self._received + data)[-BUFFER_LIMIT:]
        while self._received:
            try:
                used, request = self._framer.handleFrame(self._received, 0, 0)
            except ModbusIOException as unknown:
                refused = ModbusPDU(dev_id=unknown.dev_id, transaction_id=unknown.transaction_id)
                function = self._received[MBAP_BYTES]
                self._received = b""
                self.answer(refused, ExceptionResponse(function, ILLEGAL_FUNCTION))
                return
            self._received = self._received[used:]
            if request is None:
                return
            self._server.take(self, request)

    def answer(self, request: ModbusPDU, response: ModbusPDU) -> None:
        """Send `response` with the numbers of `request`, unless the client has left."""
        if self._transport is None or self._transport.is_closing():
            return
        response.dev_id = request.dev_id
        response.transaction_id = request.transaction_id
        self._transport.write(self._framer.buildFrame(response))
