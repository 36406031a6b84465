"""What instruments with a register map share: a map made of the present values at each read, and troubles by name.

An instrument says what its registers hold in `words`; here are the ways to refuse (a function it does not know, an
address it does not have, exception 4 while its electronics fail) and the ways to be wrong on the wire without saying
so: values that stand still, not-a-number with a good status, floats in another order than the set-up says.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from simulators.devices.registers import (
    DEVICE_FAILURE,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    READ_HOLDING,
    READ_INPUT,
    WRITE_MANY,
    WRITE_ONE,
    PlantSignals,
    RegisterRefused,
    words_of_float,
)

FloatOrder = Literal["3-2-1-0", "1-0-3-2", "0-1-2-3", "2-3-0-1"]
"""Bytes of a float as they come on the wire, 3 the one with the sign; `1-0-3-2` is the low word first."""

Trouble = Literal["", "frozen", "nan", "exception", "sensor-failed", "word-swap", "byte-swap"]
Status = Literal["good", "uncertain", "bad", "sensor", "stale", "config", "range", "out-of-service"]
"""How far a reading is to be believed: words of the profiles."""
Reading = tuple[float, Status]
UNKNOWN: Final[Reading] = (math.nan, "range")
SWAPPED: Final[Mapping[tuple[str, FloatOrder], FloatOrder]] = {
    ("word-swap", "3-2-1-0"): "1-0-3-2",
    ("word-swap", "1-0-3-2"): "3-2-1-0",
    ("byte-swap", "3-2-1-0"): "2-3-0-1",
    ("byte-swap", "1-0-3-2"): "0-1-2-3",
}


LOW_FIRST: Final[tuple[FloatOrder, ...]] = ("1-0-3-2", "0-1-2-3")


def float_words(value: float, order: FloatOrder) -> list[int]:
    """Two registers of an IEEE 754 single in a byte order of the device's choice."""
    words = words_of_float(value, low_first=order in LOW_FIRST)
    if order in ("0-1-2-3", "2-3-0-1"):
        words = [(word & 0xFF) << 8 | word >> 8 for word in words]
    return words


class RegisterInstrument:
    """One instrument. `trouble` is what is wrong with all of it, by name; `order` how its floats are set up.

    `frozen`: all values stand, the rest lives on; `nan`: not a number with a good status; `exception`: every request
    is answered with exception 4; `sensor-failed`: the last value with a bad status; `word-swap`, `byte-swap`: floats
    in another order, as after a change of the set-up.
    """

    functions: tuple[int, ...] = (READ_HOLDING, READ_INPUT)
    order: FloatOrder = "3-2-1-0"

    def __init__(self, plant: PlantSignals, signals: Sequence[str]) -> None:
        self._plant = plant
        self._signals = tuple(signals)
        self._last = [math.nan] * len(self._signals)
        self.trouble: Trouble = ""
        self.troubled: dict[str, Trouble] = {}

    def words(self, now_ns: int, function: int) -> Mapping[int, int]:
        """Every register that `function` reads, by PDU address."""
        raise NotImplementedError

    def write(self, address: int, values: list[int]) -> None:
        """Take a write of whole registers from `address` on. Most instruments have nothing to set."""
        raise RegisterRefused(ILLEGAL_ADDRESS)

    def reading(self, item: str, now_ns: int) -> Reading:
        """What a good driver makes of the profile's `item`: the number in its unit, and how far to believe it."""
        raise NotImplementedError

    def command(self, item: str, value: float) -> None:
        """Take `value` in the item's unit as a driver would send it. KeyError for what cannot be written."""
        raise KeyError(item)

    def reboot(self) -> None:
        """Back to the factory's settings."""

    def trouble_of(self, place: int) -> Trouble:
        """What is wrong with the value at `place` of the signals: with it alone, or with the whole instrument."""
        return self.troubled.get(self._signals[place]) or self.trouble

    def place_of(self, item: str) -> str:
        """The signal behind `item`, where an instrument has several sensors that fail by themselves; else empty."""
        return ""

    def garbled(self) -> bool:
        """Whether its floats come in an order that nobody expects, or nothing comes at all."""
        return self.trouble in ("word-swap", "byte-swap", "exception")

    def value(self, place: int) -> float:
        """The reading at `place` of the signals as the instrument has it now."""
        trouble = self.trouble_of(place)
        if trouble == "nan":
            return math.nan
        if trouble not in ("frozen", "sensor-failed") or math.isnan(self._last[place]):
            self._last[place] = self._plant.read(self._signals[place])
        return self._last[place]

    @property
    def order_now(self) -> FloatOrder:
        """The order that is set, or the one that trouble made of it."""
        return SWAPPED.get((self.trouble, self.order), self.order)

    def float_at(self, address: int, value: float) -> dict[int, int]:
        """The two registers of a float from `address` on."""
        return dict(enumerate(float_words(value, self.order_now), address))

    def read_block(self, address: int, count: int, *, now_ns: int, function: int = READ_HOLDING) -> list[int]:
        """Registers from PDU `address`; exception 1, 2 or 4 as the file says."""
        if self.trouble == "exception":
            raise RegisterRefused(DEVICE_FAILURE)
        if function not in self.functions:
            raise RegisterRefused(ILLEGAL_FUNCTION)
        words = self.words(now_ns, function)
        try:
            return [words[address + i] for i in range(count)]
        except KeyError:
            raise RegisterRefused(ILLEGAL_ADDRESS) from None

    def write_block(self, address: int, values: list[int], *, now_ns: int, function: int = WRITE_MANY) -> None:
        """Write registers; exception 1, 2, 3 or 4 where the instrument does not take them."""
        if self.trouble == "exception":
            raise RegisterRefused(DEVICE_FAILURE)
        if function not in (WRITE_ONE, WRITE_MANY):
            raise RegisterRefused(ILLEGAL_FUNCTION)
        self.write(address, values)
