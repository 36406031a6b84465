"""Modbus servers: a twin's registers behind pymodbus' framing, on the loopback, at a port that the system chooses.

The library does frames and function codes; what is read and written, and every refusal, is the twin's. Registers are
taken from the twin when they are asked for, so nothing has to be copied in between.

What is done here because pymodbus 3.16's own server would not do it: the request is kept with its connection until it
is answered (the library keeps only the last one, and a request that arrives meanwhile would get the wrong transaction
number), every request of a TCP segment is answered, not only the first, one request at a time is served, as real
devices and gateways do, and a station that does not exist is silent.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusIOException
from pymodbus.framer import FramerType
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.transaction import TransactionManager

from plantctl.core.clock import Clock
from simulators.devices.registers import WRITE_MANY, WRITE_ONE, RegisterRefused, RegisterTwin

LOOPBACK: Final = "127.0.0.1"
ANY_UNIT: Final = 0
REGISTERS: Final = 8192
MBAP_BYTES: Final = 7
# What the library can bring to a twin's registers; all else is refused before it gets there.
SERVED: Final = (1, 2, 3, 4, 5, 6, 15, 16, 22, 23)


class RegisterServer:
    """Serves twins by unit number; unit 0 stands for every number. Frames are Modbus TCP unless `framer` says RTU."""

    def __init__(
        self, clock: Clock, twins: Mapping[int, RegisterTwin], *, framer: FramerType = FramerType.SOCKET
    ) -> None:
        self._clock = clock
        self.twins = twins
        self._framer = framer
        self._server: _Server | None = None
        self._requests: asyncio.Queue[tuple[_Conversation, ModbusPDU]] = asyncio.Queue()

    async def start(self, tasks: asyncio.TaskGroup) -> int:
        """Listen and serve until `stop`; the port."""
        devices = [SimDevice(unit, _memory(), action=self._action(twin)) for unit, twin in self.twins.items()]
        self._server = _Server(devices, framer=self._framer, address=(LOOPBACK, 0))
        self._server.requests = self._requests
        await self._server.serve_forever(background=True)
        listener: Any = self._server.transport
        self._task = tasks.create_task(self._serve(), name="modbus server")
        return int(listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None
            self._task.cancel()

    def has_unit(self, unit: int) -> bool:
        """Whether somebody answers to `unit`."""
        return unit in self.twins or ANY_UNIT in self.twins

    async def pace(self, request: ModbusPDU) -> bool:
        """Let the time of the line and the device pass for `request`; False when no answer will come."""
        return self.has_unit(request.dev_id)

    async def _serve(self) -> None:
        while True:
            conversation, request = await self._requests.get()
            if not await self.pace(request):
                continue
            if request.function_code in SERVED:
                response = await request.datastore_update(conversation.server.context, request.dev_id)
            else:
                response = ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_FUNCTION)
            response.transaction_id = request.transaction_id
            response.dev_id = request.dev_id
            if conversation.is_active():
                conversation.answer(response)

    def _action(self, twin: RegisterTwin) -> Any:
        async def action(
            function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | None
        ) -> ExcCodes | None:
            now_ns = self._clock.monotonic_ns()
            try:
                if values is not None:
                    twin.write_block(address, values, now_ns=now_ns, function=function)
                elif function not in (WRITE_ONE, WRITE_MANY):  # with these the library asks for the echo of a write
                    words = twin.read_block(address, count, now_ns=now_ns, function=function)
                    registers[address - start : address - start + count] = words
            except RegisterRefused as refusal:
                return ExcCodes(refusal.code)
            return None

        return action


def _memory() -> list[SimData]:
    return [SimData(0, count=REGISTERS, values=0, datatype=DataType.REGISTERS)]


class _Server(ModbusTcpServer):
    """The library's server, with conversations that keep their requests."""

    requests: asyncio.Queue[Any]

    def callback_new_connection(self) -> "_Conversation":
        return _Conversation(  # type: ignore[no-untyped-call]
            self, self.trace_packet, self.trace_pdu, self.trace_connect
        )


class _Conversation(ServerRequestHandler):
    """One connection: every request goes into the queue of its device, with the way back."""

    def callback_data(self, data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        """Take every whole request out of `data`; how many bytes they were."""
        used = 0
        while True:
            try:
                used += TransactionManager.callback_data(self, data[used:], addr)
            except ModbusIOException as unknown:
                function = unknown.fcode or data[used + MBAP_BYTES]  # which the library has lost
                refusal = ExceptionResponse(function, ExcCodes.ILLEGAL_FUNCTION, unknown.dev_id, unknown.transaction_id)
                self.answer(refusal)
                return len(data)
            if self.last_pdu is None:
                return used
            self.server.requests.put_nowait((self, self.last_pdu))

    def answer(self, response: ModbusPDU) -> None:
        """Send a response; part of a next request that already came in is kept."""
        begun = self.recv_buffer
        self.server_send(response, None)  # type: ignore[no-untyped-call]
        self.recv_buffer = begun
