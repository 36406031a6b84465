"""One Modbus connection: one request at a time, and no answer believed that might belong to another question.

Modbus TCP numbers its telegrams, so a late answer is recognised. RTU frames carry no number: an answer that comes
after its time-out is taken for the answer to the next question, a wrong value without any error (measured: 19 of 200
reads). After any time-out, broken frame or stray byte such a link is therefore in quarantine: nothing is asked until
it has been silent for the longest time an answer can be late, and each station must then prove its identity again
before its values count. A new RTU connection begins in quarantine, because a former one may have left a question open.
How late answers can be is a setting; a link that sees a later one learns it, says so once, and takes back what was
read since.

pymodbus does the framing and nothing else: no retries, no reconnection. It is imported when the first link opens.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from plantctl.core.errors import DeviceError, Garbled, Refused, Unreachable
from plantctl.core.field import FieldEventKind
from plantctl.drivers._driver import Port
from plantctl.drivers._modbus_item import Config, Table

QUIET_ROUNDS: Final = 5
NEVER: Final = 2**31
# Exceptions by which a gateway, or the device itself, says that the station did not answer.
SILENT_STATION: Final = frozenset({4, 5, 6, 10, 11})
_READ_FUNCTION: Final = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledge",
    6: "busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not answer",
}


class Silent(DeviceError):
    """One request was not answered in time; the connection itself stands."""


def parse(connect: str) -> tuple[str, int, bool]:
    """Host, port and whether RTU frames are used, from `tcp://host:port` or `rtu+tcp://host:port`.

    The port is 502 by default. Raises ValueError.
    """
    parts = urlsplit(connect)
    if parts.scheme not in {"tcp", "rtu+tcp"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError(f"`{connect}` is not an address like tcp://host:502 or rtu+tcp://host:5020")
    return parts.hostname, parts.port or 502, parts.scheme == "rtu+tcp"


class Link:
    """The connection of one device. `suspect` is true while an RTU link must not be believed."""

    def __init__(self, port: Port, config: Config, take_back: Callable[[], None]) -> None:
        self._host, self._port_number, self.rtu = parse(port.device.connect)
        self._port = port
        self._config = config
        self._client: Any = None
        self._asking = False
        self._received = 0
        self._take_back = take_back
        self._open_question_ns = 0
        self._settling = False
        self.late_s = config.late
        self.suspect = False
        self.quarantines = 0

    async def open(self) -> None:
        """Connect; raises Unreachable. A new RTU link is in quarantine."""
        from pymodbus import FramerType
        from pymodbus.client import AsyncModbusTcpClient

        _silence("pymodbus")
        self._asking = False
        self.suspect = self.rtu
        client = AsyncModbusTcpClient(
            self._host,
            port=self._port_number,
            framer=FramerType.RTU if self.rtu else FramerType.SOCKET,
            timeout=self._config.timeout,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._trace,
        )
        client.set_max_no_responses(NEVER)
        self._client = client
        if not await client.connect():
            raise Unreachable(self._port.device.name, f"cannot connect to {self._host}:{self._port_number}")

    async def close(self) -> None:
        """Let go of the socket."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _trace(self, sending: bool, data: bytes) -> bytes:
        """Every packet passes here: a byte that nobody asked for makes an RTU link suspect."""
        if not sending:
            self._received += len(data)
            if not self._asking:
                self._port.statistics.discarded += len(data)
                self.suspect = self.suspect or self.rtu
                self._learn()
        return data

    def _learn(self) -> None:
        """Something came that nobody waits for: if it may be a late answer, believe nothing that came since."""
        if not self.rtu or not self._open_question_ns:
            return
        lateness_s = (self._port.clock.monotonic_ns() - self._open_question_ns) / 1e9
        most_s = self._config.patience / (QUIET_ROUNDS + 1)
        if lateness_s > most_s:
            return
        if not self._settling:
            self._take_back()
        if 1.5 * lateness_s > self.late_s:
            self.late_s = min(1.5 * lateness_s, most_s)
            if lateness_s > self._config.late:
                text = f"an answer came {lateness_s:.2f} s after its question, later than `late` allows"
                self._port.trouble("link", text, FieldEventKind.DISCREPANCY, cause="late")

    async def settle(self) -> bool:
        """Wait out the quarantine, if there is one; true when there was. Raises Garbled when the line stays noisy."""
        if not self.suspect:
            return False
        self.quarantines += 1
        self._settling = True
        try:
            for _ in range(QUIET_ROUNDS):
                before = self._received
                await self._port.clock.sleep(self.late_s)
                if self._client is None or not self._client.connected:
                    raise Unreachable(self._port.device.name, "the connection was closed")
                if self._received == before:
                    self.suspect = False
                    return True
        finally:
            self._settling = False
        raise Garbled(self._port.device.name, "the line does not become silent")

    async def read(self, station: int, table: Table, first: int, count: int) -> list[int]:
        """`count` registers (or bits, as 0 and 1) from `first`, as on the wire.

        Raises Silent, Refused with the exception's number, Garbled, Unreachable.
        """
        ask = {
            "holding": "read_holding_registers",
            "input": "read_input_registers",
            "coil": "read_coils",
            "discrete": "read_discrete_inputs",
        }[table]
        async with self._asked(station):
            answer = await getattr(self._client, ask)(first, count=count, device_id=station)
        self._check(answer, _READ_FUNCTION[table], station, f"{table} {first} to {first + count - 1}")
        bits = table in {"coil", "discrete"}
        values: list[int] = [int(b) for b in answer.bits[:count]] if bits else answer.registers
        if len(values) != count:
            raise self._garbled(station, f"{len(values)} registers came instead of {count}")
        return values

    async def write(self, station: int, table: Table, first: int, words: Sequence[int], function: int | None) -> None:
        """Write registers (or a coil). Raises as `read`, and Withdrawn when it is not to be sent any more."""
        self._port.ask_to_write()
        async with self._asked(station):
            if table == "coil":
                function = 5
                answer = await self._client.write_coil(first, bool(words[0]), device_id=station)
            elif len(words) == 1 and function != 16:
                function = 6
                answer = await self._client.write_register(first, words[0], device_id=station)
            else:
                function = 16
                answer = await self._client.write_registers(first, list(words), device_id=station)
        self._check(answer, function, station, f"write of {table} {first}")
        if answer.address != first:
            raise self._garbled(station, f"a write to {first} was confirmed as one to {answer.address}")

    @asynccontextmanager
    async def _asked(self, station: int) -> AsyncIterator[None]:
        """One question on the wire: what the library raises becomes ours, doubt becomes quarantine."""
        from pymodbus.exceptions import ConnectionException, ModbusException, ModbusIOException

        name = self._port.device.name
        if self._client is None or not self._client.connected:
            raise Unreachable(name, "the connection was closed")
        began_ns = self._port.clock.monotonic_ns()
        self._asking = True
        trusted = False
        try:
            yield
            trusted = True
        except ModbusIOException as fault:
            if self._client is None or not self._client.connected:
                raise Unreachable(name, "the connection was lost") from fault
            raise Silent(name, f"station {station} did not answer within {self._config.timeout:g} s") from fault
        except (ConnectionException, OSError, TimeoutError) as fault:
            raise Unreachable(name, "the connection was lost") from fault
        except ModbusException as fault:
            raise Garbled(name, str(fault)) from fault
        finally:
            self._asking = False
            if trusted:
                self._port.statistics.answered(began_ns, self._port.clock.monotonic_ns())
            else:
                self._port.statistics.failed()
                self.suspect = self.suspect or self.rtu
                self._open_question_ns = began_ns

    def _check(self, answer: Any, function: int, station: int, what: str) -> None:
        """The answer must be one to this question, and not an exception."""
        if answer.isError() and hasattr(answer, "exception_code"):
            code = int(answer.exception_code)
            word = _EXCEPTIONS.get(code, "unknown")
            self._port.statistics.errors += 1
            raise Refused(self._port.device.name, f"station {station}: {what}: exception {code}, {word}", status=code)
        if answer.function_code != function or answer.dev_id != station:
            raise self._garbled(station, f"an answer to another question came for {what}")

    def _garbled(self, station: int, what: str) -> Garbled | Silent:
        """A wrong answer: on RTU most likely a late one, and the quarantine deals with it; else reconnect."""
        self._port.statistics.errors += 1
        self._port.statistics.discarded += 1
        self.suspect = self.suspect or self.rtu
        self._learn()
        kind = Silent if self.rtu else Garbled
        return kind(self._port.device.name, f"station {station}: {what}")


def _silence(logger: str) -> None:
    """A library's own log would tell each failure of each request; ours tells each loss once."""
    log = logging.getLogger(logger)
    if log.level == logging.NOTSET:
        log.setLevel(logging.CRITICAL)
