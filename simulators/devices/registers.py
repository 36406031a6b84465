"""How devices pack numbers and text into 16-bit registers, and how they say no.

Every twin that speaks registers offers the same three calls: `read_block`, `write_block` and `step`. A refusal is the
exception code that the device puts on the wire, never a Python accident.
"""

import math
import struct
from collections.abc import Callable
from typing import Final, Protocol

ILLEGAL_FUNCTION: Final = 1
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3
DEVICE_FAILURE: Final = 4

READ_HOLDING: Final = 3
READ_INPUT: Final = 4
WRITE_ONE: Final = 6
WRITE_MANY: Final = 16

WORD_MASK: Final = 0xFFFF


class RegisterRefused(Exception):
    """The device answers a request with exception `code` (1 function, 2 address, 3 value, 4 device failure)."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"exception {code}")


class PlantSignals(Protocol):
    """What a twin sees of the plant: named signals in engineering units."""

    def read(self, name: str) -> float:
        """The value of signal `name` now, in the unit its name ends with."""

    def reader(self, *names: str) -> Callable[[], tuple[float, ...]]:
        """A function that reads `names`, two or more, at once: for what a twin looks at in every step."""

    def write(self, name: str, value: float) -> None:
        """Set the actuator `name`; values outside its range are the plant's to limit."""


class RegisterTwin(Protocol):
    """A device that serves 16-bit registers. All times are plant time, monotonic, in ns."""

    def read_block(self, address: int, count: int, *, now_ns: int, function: int = READ_HOLDING) -> list[int]:
        """`count` registers from PDU `address`; raises `RegisterRefused` where the device answers an exception."""

    def write_block(self, address: int, values: list[int], *, now_ns: int, function: int = WRITE_MANY) -> None:
        """Write registers from PDU `address` on; raises `RegisterRefused` where the device answers an exception."""


def words_of_u32(value: int, *, low_first: bool) -> list[int]:
    """Two registers of an unsigned 32-bit number; bits above 32 are dropped, as a counter rolls over."""
    high, low = (value >> 16) & WORD_MASK, value & WORD_MASK
    return [low, high] if low_first else [high, low]


def words_of_float(value: float, *, low_first: bool) -> list[int]:
    """Two registers of an IEEE 754 single; what does not fit becomes infinity with its sign, NaN stays NaN."""
    try:
        bits = struct.unpack(">I", struct.pack(">f", value))[0]
    except OverflowError:
        bits = struct.unpack(">I", struct.pack(">f", math.copysign(math.inf, value)))[0]
    return words_of_u32(bits, low_first=low_first)


def words_of_text(text: str, count: int) -> list[int]:
    """`count` registers of ASCII text, two characters each, high byte first, filled with zero bytes, cut at the end."""
    raw = text.encode("ascii", "replace")[: 2 * count].ljust(2 * count, b"\0")
    return [raw[2 * i] << 8 | raw[2 * i + 1] for i in range(count)]


def quantise(value: float, step: float) -> float:
    """`value` rounded to the nearest multiple of `step` (same unit); `step` 0 and non-finite values pass unchanged.

    Instruments have a finite resolution; serving it keeps unchanged values unchanged, bit for bit.
    """
    if step <= 0.0 or not math.isfinite(value):
        return value
    return round(value / step) * step
