"""Instrument of one number on Modbus TCP, by the project's own profile: power meters, feeders, scales, analysers.

    holding  content
    0-1      value, float, high word first
    2-3      set-point, float, where the instrument has one
    4        status: 0 good, 1 uncertain, 2 bad
    5        heartbeat, counts once a second, rolls over

Source: section 4.4 of the design basis; the heartbeat's rhythm is assumed.
"""

import math
import struct
from collections.abc import Mapping, Sequence

from simulators.devices.register_instrument import UNKNOWN, Reading, RegisterInstrument, Status
from simulators.devices.registers import (
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    READ_HOLDING,
    PlantSignals,
    RegisterRefused,
    quantise,
)

LIFE_NS = 5_000_000_000


class ScalarInstrument(RegisterInstrument):
    """One instrument. `setpoint` is the plant's signal that its set-point moves, empty where it has none."""

    functions = (READ_HOLDING,)

    def __init__(self, plant: PlantSignals, signal: str, *, step: float, setpoint: str = "") -> None:
        super().__init__(plant, [signal])
        self._step = step
        self._setpoint = setpoint
        self.asked = plant.read(setpoint) if setpoint else 0.0
        self.hangs = False
        self._beat = 0
        self._lived_ns = 0

    def reading(self, item: str, now_ns: int) -> Reading:
        """`VALUE`, with status and heartbeat judged as the profile says."""
        if self.garbled():
            return math.nan, "bad"
        if not self.hangs:
            self._lived_ns = now_ns
        value = self.value(0)
        if not math.isfinite(value):
            return UNKNOWN
        status: Status = "bad" if self.trouble == "sensor-failed" else "good"
        return quantise(value, self._step), "stale" if now_ns - self._lived_ns > LIFE_NS else status

    def words(self, now_ns: int, function: int) -> Mapping[int, int]:
        """Its six registers."""
        if not self.hangs:
            self._beat = now_ns // 1_000_000_000 & 0xFFFF
        value = self.value(0)
        failed = self.trouble == "sensor-failed" or (self.trouble != "nan" and not math.isfinite(value))
        found = self.float_at(0, quantise(value, self._step)) | {4: 2 if failed else 0, 5: self._beat}
        return found | self.float_at(2, self.asked) if self._setpoint else found

    def write(self, address: int, values: list[int]) -> None:
        """The set-point, whole; what is not a finite number is exception 3."""
        if address != 2 or not self._setpoint:
            raise RegisterRefused(ILLEGAL_ADDRESS)
        if len(values) != 2:
            raise RegisterRefused(ILLEGAL_VALUE)
        (asked,) = struct.unpack(">f", struct.pack(">2H", *values))
        if not math.isfinite(asked):
            raise RegisterRefused(ILLEGAL_VALUE)
        self.asked = asked
        self._plant.write(self._setpoint, asked)


class PowerMeter(ScalarInstrument):
    """Power meter of the rectifiers' feeder, kW: what the cells take, an efficiency of 0.90 and 50 W of idling.

    `pairs` are the signals of current (A) and voltage (V) of each rectifier.
    """

    def __init__(self, plant: PlantSignals, pairs: Sequence[tuple[str, str]]) -> None:
        super().__init__(plant, pairs[0][0], step=0.01)
        self._pairs = tuple(pairs)
        self._kw = math.nan

    def value(self, place: int) -> float:
        """The feeder's power."""
        if self.trouble == "nan":
            return math.nan
        if self.trouble not in ("frozen", "sensor-failed") or math.isnan(self._kw):
            read = self._plant.read
            watts = sum(abs(read(current) * read(voltage)) for current, voltage in self._pairs)
            self._kw = (watts / 0.90 + 50.0) / 1000.0
        return self._kw
