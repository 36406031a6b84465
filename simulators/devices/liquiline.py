"""Multi-channel analysis transmitter on Modbus TCP (Endress+Hauser Liquiline CM44x class).

    input register   content (function 4), analogue input n = 1..16 at 4 (n - 1)
    4(n-1)           value, float, high word first
    4(n-1)+2         status: 0 good, 1 uncertain, 2 bad, 3 not assigned
    4(n-1)+3         number of the unit
    64-95            current outputs 1..16, float, mA
    holding register content (function 3)
    1016             unit of temperature: 0 degC
    1024             Modbus watchdog, s, float; 0 is off
    1151             device tag, 16 registers of text

A channel without a sensor is not assigned: status 3 beside not-a-number 7FA0 0000. Nothing but the status word says
that a value is doubtful, and the value of a failed sensor goes on being served.

Sources: section 4.2 of the design basis; numbers of units and the current outputs' scaling are assumed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from simulators.devices.register_instrument import (
    UNKNOWN,
    Reading,
    RegisterInstrument,
    Status,
    Trouble,
    float_words,
)
from simulators.devices.registers import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    PlantSignals,
    RegisterRefused,
    quantise,
    words_of_text,
)

CHANNELS: Final = 16
GOOD, UNCERTAIN, BAD, NOT_ASSIGNED = range(4)
_STATUS: Final[tuple[Status, ...]] = ("good", "uncertain", "bad", "out-of-service")
NOTHING: Final = (0x7FA0, 0x0000)
CURRENTS: Final = 64
TEMPERATURE_UNIT, WATCHDOG, TAG = 1016, 1024, 1151
UNITS: Final = {"mS/cm": 34, "degC": 1, "NTU": 120, "": 0}


@dataclass(frozen=True, slots=True)
class Input:
    """An analogue input that has a sensor: its number 1..16, the plant's signal, unit, range and resolution."""

    number: int
    signal: str
    unit: str
    low: float
    high: float
    step: float


class Liquiline(RegisterInstrument):
    """One transmitter with its sensors. `troubled` says by signal which input is in trouble."""

    def __init__(self, plant: PlantSignals, inputs: Sequence[Input], *, tag: str) -> None:
        super().__init__(plant, [i.signal for i in inputs])
        self._inputs = tuple(inputs)
        self._tag = tag
        self._watchdog = [0, 0]

    def reboot(self) -> None:
        """The factory's settings: the Modbus watchdog is off."""
        self._watchdog = [0, 0]

    def status(self, place: int, value: float) -> int:
        """Status of the input at `place`: beyond its range a value is uncertain."""
        trouble: Trouble = self.trouble_of(place)
        if trouble == "sensor-failed" or (trouble != "nan" and not math.isfinite(value)):
            return BAD
        inside = self._inputs[place].low <= value <= self._inputs[place].high
        return GOOD if inside or trouble == "nan" else UNCERTAIN

    def place_of(self, item: str) -> str:
        """The signal of an analogue input."""
        return next((i.signal for i in self._inputs if item == f"AI{i.number}"), "")

    def reading(self, item: str, now_ns: int) -> Reading:
        """An analogue input, `AI1` to `AI16`."""
        if self.garbled():
            return math.nan, "bad"
        for place, channel in enumerate(self._inputs):
            if item == f"AI{channel.number}":
                value = self.value(place)
                status: Status = _STATUS[self.status(place, value)]
                return (quantise(value, channel.step), status) if math.isfinite(value) else UNKNOWN
        return math.nan, "out-of-service"

    def words(self, now_ns: int, function: int) -> Mapping[int, int]:
        """Input registers for function 4, settings for function 3."""
        if function == READ_HOLDING:
            found = {TEMPERATURE_UNIT: 0} | dict(enumerate(self._watchdog, WATCHDOG))
            return found | dict(enumerate(words_of_text(self._tag, 16), TAG))
        assert function == READ_INPUT
        registers = [*NOTHING, NOT_ASSIGNED, 0] * CHANNELS + [0] * (2 * CHANNELS)
        for place, channel in enumerate(self._inputs):
            value = self.value(place)
            served = quantise(value, channel.step)
            base = 4 * (channel.number - 1)
            registers[base : base + 2] = float_words(served, self.order_now)
            registers[base + 2 : base + 4] = [self.status(place, value), UNITS[channel.unit]]
            share = (min(max(value, channel.low), channel.high) - channel.low) / (channel.high - channel.low)
            base = CURRENTS + 2 * (channel.number - 1)
            registers[base : base + 2] = float_words(4.0 + 16.0 * share, self.order_now)
        return dict(enumerate(registers))

    def write(self, address: int, values: list[int]) -> None:
        """Only the Modbus watchdog can be set, whole."""
        if address != WATCHDOG:
            raise RegisterRefused(ILLEGAL_ADDRESS)
        if len(values) != 2:
            raise RegisterRefused(ILLEGAL_VALUE)
        self._watchdog = list(values)
