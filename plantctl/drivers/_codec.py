"""From registers to numbers and back: types, word order, scale, status words, signs, signs of life.

A register is 16 bits; everything wider is an agreement that differs by maker, sometimes by a setting of the device.
ABCD is the order of the Modbus specification (high word first, high byte first), CDAB swaps the words, BADC the bytes
of each word, DCBA both. `detect` tries the two word orders until the item's own check (a unit word, a constant) is
met; an item that meets none is bad, config, because a swapped float looks plausible in a quarter of all cases.
"""

import math
import struct
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plantctl.core.quality import (
    GOOD,
    NE107_SHIFT,
    SEVERITY_MASK,
    SIMULATED,
    UNCERTAIN,
    Ne107,
    Reason,
    bad_because,
    uncertain_because,
)
from plantctl.drivers._settings import Seconds, Settings

Registers = npt.NDArray[np.uint16]
NumberType = Literal["u16", "i16", "u32", "i32", "f32", "f64"]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
AnyOrder = Literal["ABCD", "CDAB", "BADC", "DCBA", "detect"]
Register = Annotated[int, Field(ge=0, le=65_536)]

WORDS: Final = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "f64": 4}
_NUMPY: Final = {"u16": ">u2", "i16": ">i2", "u32": ">u4", "i32": ">i4", "f32": ">f4", "f64": ">f8"}
_STRUCT: Final = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "f32": ">f", "f64": ">d"}
_LIMITS: Final = {"u16": (0, 0xFFFF), "i16": (-0x8000, 0x7FFF), "u32": (0, 0xFFFFFFFF), "i32": (-(2**31), 2**31 - 1)}

# What a word in a status table does to a value's quality.
STATUS_QUALITY: Final = {
    "good": GOOD,
    "uncertain": UNCERTAIN | (Ne107.OUT_OF_SPECIFICATION << NE107_SHIFT),
    "maintenance": UNCERTAIN | (Ne107.MAINTENANCE_REQUIRED << NE107_SHIFT),
    "bad": bad_because(Reason.DEVICE) | (Ne107.FAILURE << NE107_SHIFT),
    "sensor": bad_because(Reason.SENSOR) | (Ne107.FAILURE << NE107_SHIFT),
    "config": bad_because(Reason.CONFIG),
    "out-of-service": bad_because(Reason.OUT_OF_SERVICE) | (Ne107.FUNCTION_CHECK << NE107_SHIFT),
    "substituted": uncertain_because(Reason.SUBSTITUTED) | (Ne107.FUNCTION_CHECK << NE107_SHIFT),
    "simulated": GOOD | SIMULATED,
}
StatusWord = Literal[
    "good", "uncertain", "maintenance", "bad", "sensor", "config", "out-of-service", "substituted", "simulated"
]
OUT_OF_RANGE: Final = bad_because(Reason.RANGE) | (Ne107.OUT_OF_SPECIFICATION << NE107_SHIFT)
NO_LIFE: Final = bad_because(Reason.STALE) | (Ne107.FAILURE << NE107_SHIFT)


class NotRepresentable(ValueError):
    """The number cannot be written into registers of this type."""


def columns(words: int, order: Order) -> tuple[tuple[int, ...], bool]:
    """Which register stands for each word, high word first, and whether the bytes of each word are swapped."""
    forward = tuple(range(words))
    return (forward if order in {"ABCD", "BADC"} else forward[::-1]), order in {"BADC", "DCBA"}


@cache
def _form(kind: NumberType, order: Order) -> tuple[tuple[int, ...], struct.Struct, struct.Struct]:
    """Which register stands for each word, how the words become bytes, and how the bytes become the number."""
    places, swap = columns(WORDS[kind], order)
    return places, struct.Struct(f"{'<' if swap else '>'}{len(places)}H"), struct.Struct(_STRUCT[kind])


class Decoder:
    """Many numbers of one type and order, taken out of one array of registers at once.

    `positions` are those of each number's first register. Called with the registers it gives the numbers as f8, in
    the order of the positions; NaN and infinities pass as the device sent them.
    """

    def __init__(self, kind: NumberType, order: Order, positions: Sequence[int]) -> None:
        places, self._swap = columns(WORDS[kind], order)
        self._index = np.array([[p + o for o in places] for p in positions], dtype=np.intp).reshape(-1, len(places))
        self._type = _NUMPY[kind]

    def __call__(self, registers: Registers) -> npt.NDArray[np.float64]:
        words = registers[self._index]
        if self._swap:
            words = words.byteswap()
        # A signalling NaN of the device is a NaN, not a complaint.
        with np.errstate(invalid="ignore"):
            numbers: npt.NDArray[np.float64] = words.astype(">u2").view(self._type)[:, 0].astype(np.float64)
        return numbers


def decode(kind: NumberType, order: Order, words: Sequence[int]) -> float:
    """One number from its registers, in their order in the device."""
    places, registers, number = _form(kind, order)
    return float(number.unpack(registers.pack(*[words[p] for p in places]))[0])


def encode(kind: NumberType, order: Order, number: float) -> list[int]:
    """The registers that hold the number, rounded to a whole one for integer types.

    Raises NotRepresentable for NaN, infinities and whatever the type cannot hold: a device would keep the low bits.
    """
    if not math.isfinite(number):
        raise NotRepresentable(f"{number} is not a finite number")
    if kind in _LIMITS:
        low, high = _LIMITS[kind]
        whole = round(number)
        if not low <= whole <= high:
            raise NotRepresentable(f"{whole} is outside {low} to {high} of {kind}")
        data = struct.pack(_STRUCT[kind], whole)
    else:
        try:
            data = struct.pack(_STRUCT[kind], number)
        except OverflowError:
            raise NotRepresentable(f"{number:g} is too large for {kind}") from None
    places, registers, _ = _form(kind, order)
    words = [0] * len(places)
    for word, place in zip(registers.unpack(data), places, strict=True):
        words[place] = word
    return words


def text(words: Sequence[int]) -> str:
    """ASCII of two characters a register, without padding; what is not ASCII becomes `?`."""
    data = struct.pack(f">{len(words)}H", *(int(w) for w in words))
    return "".join(chr(b) if 32 <= b < 127 else "?" for b in data.rstrip(b"\0 ").split(b"\0")[0])


class Word(Settings):
    """A whole number beside the value that says something about it: `address` as printed in the device's manual."""

    address: Register
    type: Literal["u16", "u32"] = "u16"
    mask: int = Field(default=0xFFFFFFFF, gt=0)
    shift: int = Field(default=0, ge=0, lt=32)

    def of(self, number: float) -> int:
        """The masked and shifted bits."""
        return (int(number) & self.mask) >> self.shift


class Check(Word):
    """The word must have this value, else the device is not set up as the profile says: bad, config."""

    equals: int


class Proof(Settings):
    """A number in the value's own type and order whose size is known, by which a swapped word order is found."""

    address: Register
    type: NumberType = "f32"
    between: tuple[float, float]

    def holds(self, number: float) -> bool:
        """Whether the number is where it must be."""
        return self.between[0] <= number <= self.between[1]


class Status(Word):
    """What the device says about the value: which number means what; others mean `otherwise`."""

    means: dict[int, StatusWord]
    otherwise: StatusWord = "bad"

    def quality(self, number: float) -> int:
        """The quality of a value that stands beside this status."""
        return STATUS_QUALITY[self.means.get(self.of(number), self.otherwise)]


class Sign(Settings):
    """The value is a magnitude; this bit of another register set means that it is negative."""

    address: Register
    bit: int = Field(ge=0, lt=16)


class Life(Word):
    """The word must change within this time, else the value is bad, stale, however good it looks."""

    within: Seconds


class Scale(Settings):
    """`counts` in the register are `value` in the item's unit."""

    counts: float = Field(gt=0.0)
    value: float

    @model_validator(mode="after")
    def _not_nothing(self) -> Self:
        if self.value == 0.0:
            raise ValueError("a full scale of 0 makes every value 0")
        return self


def worse(first: int, second: int) -> int:
    """The worse of two qualities; between equals the first."""
    return second if (second & SEVERITY_MASK) > (first & SEVERITY_MASK) else first
