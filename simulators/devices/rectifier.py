"""DC rectifier 0-10 V, 0-150 A on Modbus TCP, the project's register profile.

    PDU      name       access
    100      V_SET      RW  voltage limit, counts
    101      I_SET      RW  current set-point, counts
    102      OUT        RW  0 off, 1 on
    110,111  V_MON I_MON R  magnitudes, counts; the signs are bits 12 and 11 of STAT
    112      STAT       R   bits below
    113      FAULT      RW  latched copy of STAT bits 3-8, writing 0 clears what is no longer there
    114      POL        R   0 open, 1 forward, 2 reverse (contactor feedback)
    120-121  AH         R   u32, 0.1 Ah, high word first, rolls over
    122      T_HS       R   heat sink, 0.1 degC
    900-907  MODEL      R   16 ASCII characters
    908-911  SERIAL     R   8 ASCII characters
    935      SYST_ERR   R   last error, reading clears it
    1021     WDG_EN     RW  0 or 1
    1022     WDG_TIME   RW  1-3600 s

53620 counts are 100 % of the rating, 0xDBED (105 %) is the largest that is accepted. Function codes 3, 6 and 16 only.
What the device is known to do and a driver must survive: a value out of range is ignored without an exception and
leaves 222 in SYST_ERR; OUT := 1 is refused with 301 while an interlock bit stands; in local mode every set-point is
ignored with 302; a read that touches an address without a register is exception 2, as is a write to a read-only one.

Watchdog: it runs while WDG_EN is 1 and the output is on. In the profile `writes` (default) only an accepted write to
101, 102 or 1022 re-arms it, so that reading alone cannot keep a cell alive after its controller died; in the profile
`any-request` every valid request does. At its end the current goes to 0 A in 1 s, then OUT goes off and bit 8 stays
until FAULT is written 0. The rectifier has no ramp of its own otherwise: set-point ramps are the controller's.

Ratings and scaling follow section 4.4 of the design basis; over-voltage trip 6.0 V (row 18), over-current 105 % of
rating, over-temperature 85 degC and the codes 302 are this project's assumptions.
"""

from collections.abc import Callable
from typing import Final, Literal

from simulators.circuit_names import of_cell
from simulators.devices.plc_signals import CONTACT
from simulators.devices.registers import (
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    READ_HOLDING,
    WORD_MASK,
    WRITE_MANY,
    WRITE_ONE,
    PlantSignals,
    RegisterRefused,
    words_of_text,
    words_of_u32,
)

RATED_V: Final = 10.0
RATED_A: Final = 150.0
COUNTS: Final = 53620
COUNTS_MAX: Final = 0xDBED

ON, CV, CC, OVP, OCP, OTP, AC_FAIL, INTERLOCK, WATCHDOG, LOCAL, FAN, I_NEGATIVE, V_NEGATIVE = (
    1 << i for i in range(13)
)
LATCHED: Final = OVP | OCP | OTP | AC_FAIL | INTERLOCK | WATCHDOG

OUT_OF_RANGE: Final = 222
REFUSED_INTERLOCK: Final = 301
REFUSED_LOCAL: Final = 302

OVP_V: Final = 6.0
OCP_A: Final = 1.05 * RATED_A
OTP_C: Final = 85.0
WATCHDOG_RAMP_NS: Final = 1_000_000_000
SECOND_NS: Final = 1_000_000_000

MODEL: Final = "PCT-RECT-10-150"
V_SET, I_SET, OUT, FAULT, SYST_ERR, WDG_EN, WDG_TIME = 100, 101, 102, 113, 935, 1021, 1022
STAT: Final = 112
AH: Final = 120
TERMINALS: Final = (
    *("cell.current_a", "cell.voltage_v", "rectifier.heat_sink_c"),
    *(CONTACT, "rectifier.cv", "rectifier.cc", "rectifier.fan_failed"),
)
ACTUATORS: Final = ("rectifier.voltage_limit_v", "rectifier.current_set_a", "rectifier.on")
RANGES: Final = {
    V_SET: (0, COUNTS_MAX),
    I_SET: (0, COUNTS_MAX),
    OUT: (0, 1),
    FAULT: (0, 0),
    WDG_EN: (0, 1),
    WDG_TIME: (1, 3600),
}
REARMING: Final = (I_SET, OUT, WDG_TIME)

Profile = Literal["writes", "any-request"]


def counts_of(value: float, rated: float) -> int:
    """The monitor register of a magnitude: counts of the rating, 0 to 65535."""
    return max(0, min(WORD_MASK, round(abs(value) / rated * COUNTS)))


class Rectifier:
    """The rectifier of `cell` (1 to 4). Currents in A, voltages in V, temperatures in degC, times in ns of the plant's
    monotonic clock.

    `external_interlock`, `ac_failed`, `fan_failed` and `local` are the lines and switches at its back; faults and the
    PLCs set them.
    """

    def __init__(self, plant: PlantSignals, *, cell: int = 1, serial: str = "", profile: Profile = "writes") -> None:
        self._plant = plant
        self._terminals = plant.reader(*(of_cell(name, cell) for name in TERMINALS))
        self._volts, self._amperes, self._on = (of_cell(name, cell) for name in ACTUATORS)
        self._identity = dict(enumerate(words_of_text(MODEL, 8) + words_of_text(serial or f"RECT{cell:04d}", 4), 900))
        self.profile: Profile = profile
        self.external_interlock = False
        self.ac_failed = False
        self.fan_failed = False
        self.local = False
        self.charge_ah = 0.0
        self._current_a = 0.0
        self._voltage_v = 0.0
        self._heat_sink_c = 25.0
        self._polarity = 0
        self._fan_stands = False
        self._limit_bits = 0
        self._conditions = 0
        self.reboot(0)
        self._take_over()

    def _take_over(self) -> None:
        """A plant that starts in operation finds its rectifier set as it runs, with the watchdog off."""
        read = self._plant.read
        self.settings[V_SET] = counts_of(read(self._volts), RATED_V)
        self.settings[I_SET] = counts_of(read(self._amperes), RATED_A)
        self.settings[OUT] = int(read(self._on))

    def reboot(self, now_ns: int) -> None:
        """Start with the factory's settings: output off, set-points 0, watchdog off at 10 s, no errors, no latches."""
        self.settings = {V_SET: 0, I_SET: 0, OUT: 0, WDG_EN: 0, WDG_TIME: 10}
        self.fault = 0
        self.error = 0
        self._armed_ns = now_ns
        self._expired_ns: int | None = None
        self._ramp_from_a = 0.0

    def drive(self, now_ns: int) -> None:
        """Bring the power stage to what settings, latches and watchdog say; writes the plant's actuators."""
        self._watch(now_ns)
        self._judge()
        current_a = self.settings[I_SET] * RATED_A / COUNTS
        if self._expired_ns is not None:
            left = 1.0 - (now_ns - self._expired_ns) / WATCHDOG_RAMP_NS
            current_a = max(0.0, self._ramp_from_a * left)
            if left <= 0.0:
                self._trip(WATCHDOG)
        self._plant.write(self._volts, self.settings[V_SET] * RATED_V / COUNTS)
        self._plant.write(self._amperes, current_a if self.settings[OUT] else 0.0)
        self._plant.write(self._on, float(self.settings[OUT]))

    def sense(self, now_ns: int, dt_s: float) -> None:
        """Take the plant's new terminal values after a step of `dt_s` and let the protections judge them."""
        self._current_a, self._voltage_v, self._heat_sink_c, polarity, at_voltage, at_current, fan = self._terminals()
        self._polarity, self._fan_stands = int(polarity), fan > 0.5
        self._limit_bits = (CV if at_voltage else 0) | (CC if at_current else 0)
        self.charge_ah += abs(self._current_a) * dt_s / 3600.0
        self._judge()

    def status(self) -> int:
        """The STAT word: what is now, with the watchdog's bit held by its latch."""
        word = self._conditions | (self.fault & WATCHDOG)
        if self.settings[OUT]:
            word |= ON | self._limit_bits
        if self._expired_ns is not None:
            word |= WATCHDOG
        word |= (LOCAL if self.local else 0) | (FAN if self.fan_failed or self._fan_stands else 0)
        word |= I_NEGATIVE if self._current_a < 0.0 else 0
        word |= V_NEGATIVE if self._voltage_v < 0.0 else 0
        return word

    def read_block(self, address: int, count: int, *, now_ns: int, function: int = READ_HOLDING) -> list[int]:
        """Holding registers from PDU `address`; exception 2 where a register is missing, 1 for other functions."""
        if function != READ_HOLDING:
            raise RegisterRefused(ILLEGAL_FUNCTION)
        try:
            words = [self.register(address + i) for i in range(count)]
        except KeyError:
            raise RegisterRefused(ILLEGAL_ADDRESS) from None
        if address <= SYST_ERR < address + count:
            self.error = 0
        if self.profile == "any-request":
            self._armed_ns = now_ns
        return words

    def write_block(self, address: int, values: list[int], *, now_ns: int, function: int = WRITE_MANY) -> None:
        """Write settings; a value out of range is ignored and leaves 222 in SYST_ERR, without an exception."""
        if function not in (WRITE_ONE, WRITE_MANY):
            raise RegisterRefused(ILLEGAL_FUNCTION)
        if any(address + i not in RANGES for i in range(len(values))):
            raise RegisterRefused(ILLEGAL_ADDRESS)
        for i, value in enumerate(values):
            self._set(address + i, value, now_ns)
        if self.profile == "any-request":
            self._armed_ns = now_ns

    def _set(self, address: int, value: int, now_ns: int) -> None:
        low, high = RANGES[address]
        if not low <= value <= high:
            self.error = OUT_OF_RANGE
            return
        if self.local and address in (V_SET, I_SET, OUT):
            self.error = REFUSED_LOCAL
            return
        if address == OUT and value and (self.fault or self._conditions or self._expired_ns is not None):
            self.error = REFUSED_INTERLOCK
            return
        if address == FAULT:
            self.fault = self._conditions & LATCHED
            return
        starts = (address == WDG_EN and value and not self.settings[WDG_EN]) or address in REARMING
        if address == OUT and not value:
            self._expired_ns = None
        self.settings[address] = value
        if starts:
            self._armed_ns = now_ns

    def _watch(self, now_ns: int) -> None:
        if not (self.settings[WDG_EN] and self.settings[OUT]) or self._expired_ns is not None:
            return
        if now_ns - self._armed_ns >= self.settings[WDG_TIME] * SECOND_NS:
            self._expired_ns = now_ns
            self.fault |= WATCHDOG
            self._ramp_from_a = min(self.settings[I_SET] * RATED_A / COUNTS, abs(self._current_a))

    def _judge(self) -> None:
        on = bool(self.settings[OUT])
        self._conditions = (
            (OVP if on and abs(self._voltage_v) > OVP_V else 0)
            | (OCP if abs(self._current_a) > OCP_A else 0)
            | (OTP if self._heat_sink_c > OTP_C else 0)
            | (AC_FAIL if self.ac_failed else 0)
            | (INTERLOCK if self.external_interlock else 0)
        )
        if self._conditions:
            self._trip(self._conditions)

    def _trip(self, bits: int) -> None:
        self.fault |= bits & LATCHED
        self.settings[OUT] = 0
        self._expired_ns = None

    def register(self, address: int) -> int:
        """One register as it stands, without the side effects of a read. KeyError where there is none."""
        word = _MONITORS.get(address)
        if word is not None:
            return word(self)
        setting = self.settings.get(address)
        return self._identity[address] if setting is None else setting

    def _charge_word(self, place: int) -> int:
        return words_of_u32(round(self.charge_ah * 10.0), low_first=False)[place]


_MONITORS: Final[dict[int, Callable[[Rectifier], int]]] = {
    110: lambda r: counts_of(r._voltage_v, RATED_V),
    111: lambda r: counts_of(r._current_a, RATED_A),
    STAT: Rectifier.status,
    FAULT: lambda r: r.fault,
    114: lambda r: r._polarity,
    AH: lambda r: r._charge_word(0),
    AH + 1: lambda r: r._charge_word(1),
    122: lambda r: max(0, round(r._heat_sink_c * 10.0)) & WORD_MASK,
    SYST_ERR: lambda r: r.error,
}
