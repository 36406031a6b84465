"""Digital pH or redox probe on RS-485 (Hamilton Arc class), one station of an RTU gateway.

    PDU   length  content
    1032  8       firmware version, text
    1920  4 a unit  text of unit n at 1920 + 4 n (n = bit of the unit mask)
    2048  2       channels present: PMC1 and PMC6
    2080  8       name of PMC1, text
    2088  2       units PMC1 allows
    2090  10      PMC1: unit, value, status, lowest, highest (two words each); unit may be written, length 2
    2400  8       name of PMC6, text
    2408  2       units PMC6 allows
    2410  10      PMC6, the probe's own temperature, same layout
    4736  8       active warnings (calibration word: bit 0 recommended, bit 1 last calibration failed)
    4800  8       active errors

Numbers are two words, low word first. Reading is function 3 or 4, writing 16. A block is read whole: any other length
or a start inside it is refused with exception 2, so that no master can pair the words of two samples. The unit belongs
to the device, not to the master: another master can switch PMC1 to mV, and a driver that does not look at words 1-2
then takes millivolts for pH. A redox probe has the same map with millivolts only. Status 0 is good; bits: 1 below or
above the measuring range, 2 outside the operating range, 4 calibration not valid, 8 warning, 16 error (with an error
the value is the last one).

Resolution 0.001 pH and 0.01 degC; each read answers the value of the last plant step. Sources:
section 4.2 of the design basis for the addresses; 2.7, slope 1, for E = 0.198416 mV/K T (7 - pH); the status bits
are assumed.
"""

import math
from typing import Final, Literal

from simulators.devices.registers import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    READ_HOLDING,
    READ_INPUT,
    WRITE_MANY,
    PlantSignals,
    RegisterRefused,
    quantise,
    words_of_float,
    words_of_text,
    words_of_u32,
)

UNIT_PH: Final = 0x1000
UNIT_MV: Final = 0x200000
UNIT_C: Final = 0x4
UNIT_TEXTS: Final = {UNIT_PH: "pH", UNIT_MV: "mV", UNIT_C: "degC"}
CHANNELS: Final = 1 | 1 << 5

OUT_OF_RANGE: Final = 1
OUT_OF_OPERATION: Final = 2
NOT_CALIBRATED: Final = 4
WARNING: Final = 8
ERROR: Final = 16

PMC1: Final = 2090
PMC6: Final = 2410
PH_RANGE: Final = (0.0, 14.0)
TEMPERATURE_RANGE: Final = (-10.0, 140.0)
ORP_RANGE: Final = (-1500.0, 1500.0)
MV_PER_K: Final = 0.198416
MV_LIMIT: Final = 600.0

Trouble = Literal["", "sensor-failed", "frozen", "nan", "calibration-due", "word-swap"]


def millivolts(ph: float, temperature_c: float) -> float:
    """Glass electrode voltage in mV of an ideal probe at `ph` and `temperature_c` (degC), zero point at pH 7."""
    return MV_PER_K * (temperature_c + 273.15) * (7.0 - ph)


class ArcProbe:
    """One probe. `signal` is the plant's name of it (`probe_a`): `.ph` in pH and `.temperature_c` in degC are read,
    of a redox probe (`main_unit` mV) `.orp_mv` instead of pH; `temperature` names another signal.

    `trouble` is what is wrong with it, by name: `sensor-failed` (error bit, last value), `frozen` (last value, good
    status), `nan` (no number, good status), `calibration-due` (warning, good value), `word-swap` (floats high word
    first, as after a change of firmware; unit and status words stay).
    """

    def __init__(
        self,
        plant: PlantSignals,
        signal: str,
        *,
        name: str = "pH Arc",
        firmware: str = "",
        main_unit: int = UNIT_PH,
        temperature: str = "",
    ) -> None:
        self._plant = plant
        self._signal = signal
        self._temperature = temperature or f"{signal}.temperature_c"
        self.name = name
        self._main_unit = main_unit
        glass = main_unit == UNIT_PH
        self._quantity, self._step, self._range = ("ph", 0.001, PH_RANGE) if glass else ("orp_mv", 0.1, ORP_RANGE)
        self.firmware = firmware or ("EPHUM021" if glass else "EORPUM021")
        self.unit = main_unit
        self.trouble: Trouble = ""
        self.ph = math.nan
        self.temperature_c = math.nan
        self.sense()

    def reboot(self) -> None:
        """Back to the factory's unit; troubles of the sensor stay."""
        self.unit = self._main_unit

    @property
    def in_its_unit(self) -> bool:
        """Whether PMC1 is in the unit that it has from the factory."""
        return self.unit == self._main_unit

    def sense(self) -> None:
        """Take a new sample from the plant, at every read, unless the sensor is gone or hangs."""
        if self.trouble in ("sensor-failed", "frozen"):
            return
        self.ph = quantise(self._plant.read(f"{self._signal}.{self._quantity}"), self._step)
        self.temperature_c = quantise(self._plant.read(self._temperature), 0.01)

    def status(self) -> int:
        """The status word of PMC1, 0 is good."""
        word = 0
        if self.trouble == "sensor-failed":
            word |= ERROR
        if self.trouble == "calibration-due":
            word |= WARNING
        if not self._range[0] <= self.ph <= self._range[1]:
            word |= OUT_OF_RANGE
        if not TEMPERATURE_RANGE[0] <= self.temperature_c <= TEMPERATURE_RANGE[1]:
            word |= OUT_OF_OPERATION
        return word if self.trouble != "nan" else 0

    def read_block(self, address: int, count: int, *, now_ns: int, function: int = READ_HOLDING) -> list[int]:
        """One whole block from its first register; anything else is exception 2. `now_ns` has no influence."""
        if function not in (READ_HOLDING, READ_INPUT):
            raise RegisterRefused(ILLEGAL_FUNCTION)
        self.sense()
        words = self._block(address)
        if words is None or len(words) != count:
            raise RegisterRefused(ILLEGAL_ADDRESS)
        return words

    def write_block(self, address: int, values: list[int], *, now_ns: int, function: int = WRITE_MANY) -> None:
        """Only the unit of PMC1 can be written, two words to 2090; one that it does not offer is exception 3."""
        if function != WRITE_MANY:
            raise RegisterRefused(ILLEGAL_FUNCTION)
        if address != PMC1 or len(values) != 2:
            raise RegisterRefused(ILLEGAL_ADDRESS)
        unit = values[0] | values[1] << 16
        if not unit & self._units() or unit & unit - 1:
            raise RegisterRefused(ILLEGAL_VALUE)
        self.unit = unit

    def _units(self) -> int:
        """The units that PMC1 offers, as bits."""
        return UNIT_PH | UNIT_MV if self._main_unit == UNIT_PH else UNIT_MV

    def _block(self, address: int) -> list[int] | None:
        match address:
            case 1032:
                return words_of_text(self.firmware, 8)
            case 2048:
                return words_of_u32(CHANNELS, low_first=True)
            case 2080:
                return words_of_text(self.name, 8)
            case 2088:
                return words_of_u32(self._units(), low_first=True)
            case 2090:
                return self._main_block()
            case 2400:
                return words_of_text("T", 8)
            case 2408:
                return words_of_u32(UNIT_C, low_first=True)
            case 2410:
                value = math.nan if self.trouble == "nan" else self.temperature_c
                bad = ERROR if self.trouble == "sensor-failed" else 0
                return self._measurement(UNIT_C, value, bad, TEMPERATURE_RANGE)
            case 4736:
                return words_of_u32(1 if self.trouble == "calibration-due" else 0, low_first=True) + [0] * 6
            case 4800:
                return words_of_u32(1 if self.trouble == "sensor-failed" else 0, low_first=True) + [0] * 6
        for unit, text in UNIT_TEXTS.items():
            if address == 1920 + 4 * (unit.bit_length() - 1):
                return words_of_text(text, 4)
        return None

    def _main_block(self) -> list[int]:
        value, limits = self.ph, self._range
        if self.unit != self._main_unit:
            value, limits = quantise(millivolts(self.ph, self.temperature_c), 0.1), (-MV_LIMIT, MV_LIMIT)
        if self.trouble == "nan":
            value = math.nan
        return self._measurement(self.unit, value, self.status(), limits)

    def _measurement(self, unit: int, value: float, status: int, limits: tuple[float, float]) -> list[int]:
        low_first = self.trouble != "word-swap"
        words = words_of_u32(unit, low_first=True) + words_of_float(value, low_first=low_first)
        words += words_of_u32(status, low_first=True)
        for limit in limits:
            words += words_of_float(limit, low_first=low_first)
        return words
