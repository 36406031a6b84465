"""Coriolis meter on Modbus TCP (Endress+Hauser Promass 300 class), read by its scan list.

    register  entry of the scan list (two registers each)
    5051      mass flow, kg/h
    5053      density, kg/m3
    5055      temperature, degC
    5057      volume flow, L/h
    5059      totalizer, kg, rolls over at 10 million
    5061      number of the present diagnosis (u32): 0 none, 46 sensor limit, 862 gas or a partly filled pipe
    5063-5080 not assigned: 0
    5081      fixed reference density 1000.0 kg/m3: the known constant

Printed numbers; the wire carries one less. Reading is function 3 or 4, they give the same. The order of the bytes of a
float is a setting of the meter, from the factory 1-0-3-2 (low word first): nothing but the constant tells which one
it is, and a swapped density is a number as well.

Gas in the liquid above 1 % by volume makes the tube hunt: the values, noisy and low (the plant's instrument makes them
so), keep coming, and 862 stands.

Sources: section 4.2 of the design basis for scan list, byte order and 16 entries; 2.7 for gas. Which parameters stand
in the list is the project's set-up; numbers of diagnoses are assumed.
"""

import math
from collections.abc import Mapping
from typing import Final

from simulators.devices.register_instrument import (
    LOW_FIRST,
    UNKNOWN,
    FloatOrder,
    Reading,
    RegisterInstrument,
    Status,
)
from simulators.devices.registers import PlantSignals, quantise, words_of_u32

FIRST: Final = 5050
ENTRIES: Final = 16
CONSTANT_KG_M3: Final = 1000.0
TOTAL_ROLLS_KG: Final = 1.0e7
GAS_SEEN_PERCENT: Final = 1.0
SENSOR_LIMIT, GAS = 46, 862
ITEMS: Final = ("MASS_FLOW", "DENSITY", "TEMPERATURE", "VOLUME_FLOW", "TOTAL")


class Coriolis(RegisterInstrument):
    """One meter. Signals: mass flow in kg/h, density in kg/m3, temperature in degC; empty names are not measured.

    `gas_percent` is gas in the liquid by volume, as its electronics know it. `total_kg` counts with `advance`, the time
    given in s.
    """

    order: FloatOrder = "1-0-3-2"

    def __init__(self, plant: PlantSignals, flow: str, density: str, temperature: str) -> None:
        super().__init__(plant, [flow, density, temperature])
        self.gas_percent = 0.0
        self.total_kg = 0.0

    def reboot(self) -> None:
        """The factory's byte order, the totalizer at 0."""
        self.order = "1-0-3-2"
        self.total_kg = 0.0

    def advance(self, dt_s: float) -> None:
        """Count the mass of `dt_s` seconds."""
        self.total_kg = (self.total_kg + max(0.0, self._plant.read(self._signals[0])) * dt_s / 3600.0) % TOTAL_ROLLS_KG

    def shown(self) -> tuple[float, float, float, float, float]:
        """Mass flow, density, temperature, volume flow, total, as the meter shows them now."""
        flow, density, celsius = self.value(0), self.value(1), self.value(2)
        volume = flow / density * 1000.0 if density > 1.0 else 0.0
        rounded = (quantise(flow, 0.1), quantise(density, 0.1), quantise(celsius, 0.01), quantise(volume, 0.1))
        return (*rounded, quantise(self.total_kg, 0.1))

    def diagnosis(self) -> int:
        """The number of the present diagnosis."""
        return GAS if self.gas_percent > GAS_SEEN_PERCENT else SENSOR_LIMIT if self.trouble == "sensor-failed" else 0

    def reading(self, item: str, now_ns: int) -> Reading:
        """An entry of the scan list."""
        if self.order_now != "1-0-3-2" or self.trouble == "exception":
            return math.nan, "config"
        if item == "DIAGNOSIS":
            return float(self.diagnosis()), "good"
        value = self.shown()[ITEMS.index(item)]
        status: Status = "uncertain" if self.diagnosis() == GAS else "sensor" if self.diagnosis() else "good"
        return (value, status) if math.isfinite(value) else UNKNOWN

    def words(self, now_ns: int, function: int) -> Mapping[int, int]:
        """The scan list."""
        found = dict.fromkeys(range(FIRST, FIRST + 2 * ENTRIES), 0)
        for place, value in enumerate(self.shown()):
            found |= self.float_at(FIRST + 2 * place, value)
        diagnosis = words_of_u32(self.diagnosis(), low_first=self.order_now in LOW_FIRST)
        found |= dict(enumerate(diagnosis, FIRST + 10))
        return found | self.float_at(FIRST + 2 * (ENTRIES - 1), CONSTANT_KG_M3)
