"""Finds the one bit that was turned in bytes that do not fit their CRC-32C any more, and turns it back.

The check sum is linear: what is there and what was there have sums that differ by the sum of the difference alone. Of
one turned bit that difference is the remainder of a power of x by the polynomial, another one for each place up to
2^31 bits; so it names the place. Two turned bits never look like one. More, as rubbish in place of a sector, may: once
in 2^32 / bits; so whoever uses what comes back looks whether it makes sense, and says that the file is damaged.

Rules of the file: pure. Source: P. Koopman, 32-bit cyclic redundancy codes for Internet applications, DSN 2002:
CRC-32C has the Hamming distance 4 up to 2^31 - 1 bits.
"""

from functools import cache, reduce
from operator import xor
from typing import Final

from plantctl.core.frame import crc32c

POLYNOMIAL: Final = 0x82F63B78
# Rubbish in what is longer would look like a turned bit more often than once in four thousand times.
BYTES_MAX: Final = 1 << 17
_LONG: Final = 1 << 10
_SUM_DIGITS: Final = 8


def mended(data: bytes, crc: int) -> bytes | None:
    """`data` as it was when its CRC-32C was `crc`, where one bit of either was turned; None where more is wrong."""
    differs = crc32c(data) ^ crc
    if differs.bit_count() <= 1:  # a bit of the sum itself, or none
        return data
    if len(data) > BYTES_MAX:
        return None
    place = _place(differs, 8 * len(data))
    if place is None:
        return None
    turned = bytearray(data)
    turned[place // 8] ^= 1 << place % 8
    return bytes(turned)


def _place(differs: int, bits: int) -> int | None:
    """The bit, of so many, that makes this difference of the sums; None where none does.

    One by one a million places take a tenth of a second. Instead some steps are gone from the difference, and from the
    last bit long steps of as many, until both meet.
    """
    near: dict[int, int] = {}
    state = differs
    for steps in range(_LONG):
        near[state] = steps
        state = _step(state)
    columns = _long_step()
    state = 1
    for gone in range(_LONG, bits + _LONG, _LONG):
        state = reduce(xor, (column for bit, column in enumerate(columns) if state >> bit & 1), 0)
        found = near.get(state)
        if found is not None:
            behind = gone - found - 1
            return bits - 1 - behind if behind < bits else None
    return None


def _step(state: int) -> int:
    """The difference that a bit makes, from that of the bit behind it."""
    return state >> 1 ^ (POLYNOMIAL if state & 1 else 0)


@cache
def _long_step() -> tuple[int, ...]:
    """What `_LONG` steps make of each bit of a difference."""
    columns = []
    for bit in range(32):
        state = 1 << bit
        for _ in range(_LONG):
            state = _step(state)
        columns.append(state)
    return tuple(columns)


def with_sum(line: bytes) -> bytes:
    """A small file of one line, and the sum that says it is whole."""
    return b"%s\n%08x\n" % (line, crc32c(line))


def line_of(data: bytes) -> tuple[bytes, bool] | None:
    """The line of a small file, and whether the file is sound; None where more than one bit of it was turned."""
    line, said = data[: -_SUM_DIGITS - 2], data[-_SUM_DIGITS - 1 : -1]
    if data == with_sum(line):
        return line, True
    if sum((a ^ b).bit_count() for a, b in zip(with_sum(line), data, strict=False)) <= 1 and len(data) > len(line):
        return line, False  # the bit is in the sum, or in the end of a line
    try:
        found = mended(line, int(said, 16))
    except ValueError:
        return None
    return None if found is None or with_sum(found)[len(line) :] != data[len(line) :] else (found, False)
