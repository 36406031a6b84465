"""RTU over TCP: several stations on one RS-485 line behind a transparent gateway, served one request at a time.

The line takes its time in plant time: 11 bits a character at 19,200 baud, 3.5 characters of silence before and after a
frame, and 12.1 ms until a station answers: 35 ms for a read of 10 registers. A request to a number that nobody has, or
to a station without power, is answered by silence; RTU frames carry no number, so a late answer looks like the answer
to the next request. That is the trap this gateway is for: `late_s` makes one station late, `silent` one dead.
"""

from typing import Final

from pymodbus.framer import FramerRTU
from pymodbus.pdu import ModbusPDU

from plantctl.core.clock import Clock
from simulators.devices.registers import RegisterTwin
from simulators.servers.modbus_tcp import NoteWrite, RegisterServer, ignore_write

BAUD: Final = 19_200
BITS_PER_CHARACTER: Final = 11
SILENCE_CHARACTERS: Final = 3.5
TURNAROUND_S: Final = 0.0121


def line_s(request: ModbusPDU) -> float:
    """Seconds from the first character of `request` to the last of its answer on the serial line."""
    registers = len(request.registers) or request.count
    writes = request.function_code == 16
    characters = (9 + 2 * registers + 8) if writes else 8 + 5 + 2 * registers
    return (characters + 2 * SILENCE_CHARACTERS) * BITS_PER_CHARACTER / BAUD + TURNAROUND_S


class RtuGateway(RegisterServer):
    """The stations of one line by unit number. `silent` holds dead stations, `late_s` extra seconds by station."""

    framer = FramerRTU
    paced = True

    def __init__(self, clock: Clock, stations: dict[int, RegisterTwin], note: NoteWrite = ignore_write) -> None:
        super().__init__(clock, stations, note)
        self.silent: set[int] = set()
        self.late_s: dict[int, float] = {}

    async def pace(self, request: ModbusPDU) -> bool:
        """The line is busy for the request and, where a station lives, for its answer."""
        await self._clock.sleep(line_s(request) + self.late_s.get(request.dev_id, 0.0))
        return self.has_unit(request.dev_id) and request.dev_id not in self.silent
