"""Columns of numbers as few bytes: what a historian does to measurements before a general compressor sees them.

A measurement moves little from one sample to the next, so a column is kept as differences, and a difference fits in its
lowest byte or two. The bytes of equal rank are laid side by side (planes): those of high rank are all zero and cost
nothing, those of low rank look alike and compress.

    whole numbers   difference to the one before, less a common step, sign folded into the lowest bit, planes
    values          as whole numbers of 0.1, 0.01 and so on, where that gives the very same bits back; the few that do
                    not (NaN, infinities, -0.0) stand in a list of exceptions. Else the bits, XOR with those before

Each comes with a long head, or with a short one for those who know how many numbers there are: a short chunk is mostly
heads.

Rules of the file: every bit comes back, whatever the column held; what cannot be read raises `LogDamaged`. Sources:
zigzag and planes ("byte shuffle") as in Protocol Buffers and Blosc; XOR after Pelkonen et al., Gorilla, VLDB 2015.
"""

import struct
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import LogDamaged

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint64]

DECIMALS_MAX: Final = 9
SAMPLE: Final = 32
# So few are kept as they are: finding a form for them costs more than it saves.
VALUES_FEW: Final = 8
# A column with more exceptions than one in so many is not one of decimals.
EXCEPTION_SHARE: Final = 8
WHOLE_MAX: Final = float(1 << 53)
UP: Final = np.array([float(f"1e{k}") for k in range(DECIMALS_MAX + 1)])
DOWN: Final = np.array([float(f"1e-{k}") for k in range(DECIMALS_MAX + 1)])
INTS: Final = struct.Struct("<IBqq")
VALUES: Final = struct.Struct("<BBI")
VALUES_SHORT: Final = struct.Struct("<BB")
EXCEPTIONS: Final = 0x80  # in a short head of values: there are some
EXCEPTION_COUNT: Final = struct.Struct("<I")
COUNT_MAX: Final = 1 << 28

DOWN_F4: Final = DOWN.astype(np.float32)
ALL: Final = slice(None)
# How a whole number becomes the value again: how the device or its driver came to it.
BITS, DIVIDED, MULTIPLIED, DIVIDED_F4, MULTIPLIED_F4 = range(5)
# A decimal costs so many bytes a value, an exception some ten.
COST: Final = 0.42 * np.arange(DECIMALS_MAX + 1)
# So few decimals that come back without an exception: no other form is looked for.
FORMS_QUICK: Final = 4

_ONE: Final = np.uint64(1)
# What a folded difference of one byte stands for.
_SMALL: Final = np.array([n >> 1 if n % 2 == 0 else -(n + 1 >> 1) for n in range(256)], np.int64)


class Taken(NamedTuple):
    """A column read from bytes, and where in them it ended."""

    column: npt.NDArray[np.int64]
    end: int


def sample_places(count: I8) -> npt.NDArray[np.intp]:
    """`SAMPLE` places in each column of these lengths that hit no rhythm: the golden section of the length.

    Of a shorter column there are so many places as it is long, then places that count for nothing.
    """
    length = count[:, None].astype(np.float64)
    places: npt.NDArray[np.intp] = (np.arange(SAMPLE) * 0.6180339887498949 * length % length).astype(np.intp)
    return places


def _planes(words: U8) -> tuple[int, bytes]:
    """Which of the eight byte ranks hold anything, from the first to the last, as bits, and those ranks in turn."""
    together = int(np.bitwise_or.reduce(words)) if len(words) else 0
    if not together:
        return 0, b""
    first, beyond = ((together & -together).bit_length() - 1) // 8, (together.bit_length() + 7) // 8
    table = np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(-1, 8)
    return (1 << beyond) - (1 << first), table[:, first:beyond].T.tobytes()


def _words(mask: int, count: int, data: bytes, at: int) -> tuple[U8, int]:
    """The words behind planes, and where these ended."""
    ranks = mask.bit_count()
    end = at + count * ranks
    if end > len(data):
        raise LogDamaged("a column is cut short")
    return spread(np.frombuffer(data, np.uint8, count * ranks, at).reshape(ranks, count), mask), end


def spread(planes: npt.NDArray[np.uint8], mask: int) -> U8:
    """The words behind planes that lie one behind the other in the last but one dimension."""
    *others, ranks, count = planes.shape
    cells = np.zeros((*others, count, 8), np.uint8)
    if mask and mask + (mask & -mask) == 1 << mask.bit_length():  # side by side, as they always are
        first = mask.bit_length() - ranks
        cells[..., first : first + ranks] = planes.swapaxes(-2, -1)
    else:
        cells[..., [rank for rank in range(8) if mask >> rank & 1]] = planes.swapaxes(-2, -1)
    words: U8 = cells.view("<u8").reshape(*others, count)
    return words


def moves_in(planes: npt.NDArray[np.uint8], mask: int) -> I8:
    """The differences behind planes, as `spread`, their signs unfolded."""
    if mask == 1:  # nearly every column: small moves
        small: I8 = _SMALL.take(planes[..., 0, :], mode="clip")  # a byte is never outside
        return small
    if mask == 3:
        pairs = planes[..., 1, :].astype(np.int32)
        pairs <<= 8
        pairs |= planes[..., 0, :]
        odd = pairs & 1
        pairs >>= 1
        pairs ^= -odd
        return pairs.astype(np.int64)
    words = spread(planes, mask)
    signs = words & _ONE
    np.negative(signs, out=signs)
    words >>= _ONE
    words ^= signs
    return words.view(np.int64)


def long_head(count: int, mask: int, first: int, step: int) -> bytes:
    """What stands before the planes of a column of so many numbers."""
    return INTS.pack(count, mask, first, step)


def short_head(_count: int, mask: int, first: int, step: int) -> bytes:
    """The same for those who know how many there are: `first` and `step` with as many bytes as they need."""
    firsts, steps = (first.bit_length() + 8) // 8, (step.bit_length() + 8) // 8
    return (
        bytes((mask, firsts | steps << 4))
        + first.to_bytes(firsts, "little", signed=True)
        + step.to_bytes(steps, "little", signed=True)
    )


def pack_whole(column: I8, step: int = 0, short: bool = False) -> bytes:
    """A column of whole numbers, as differences less `step`, the difference that is usual. Any int64 comes back.

    Differences go round at 64 bits, and so does the step. `short`: with a short head.
    """
    head = short_head if short else long_head
    step = (step + 2**63) % 2**64 - 2**63
    first = int(column[0]) if len(column) else 0
    if len(column) < 2:
        return head(len(column), 0, first, step)
    words = np.ascontiguousarray(column, np.int64).view(np.uint64)
    moves = words[1:] - words[:-1] - np.uint64(step & 0xFFFF_FFFF_FFFF_FFFF)
    folded = (moves << np.uint64(1)) ^ (np.uint64(0) - (moves >> np.uint64(63)))
    mask, planes = _planes(folded)
    return head(len(column), mask, first, step) + planes


def take_whole(data: bytes, at: int) -> Taken:
    """The column of whole numbers at `at`."""
    if at + INTS.size > len(data):
        raise LogDamaged("a column is cut short")
    count, mask, first, step = INTS.unpack_from(data, at)
    if count > COUNT_MAX:
        raise LogDamaged(f"a column of {count} numbers")
    return _taken(data, at + INTS.size, count, mask, first, step)


def take_short(data: bytes, at: int, count: int) -> Taken:
    """The column of `count` whole numbers with a short head at `at`."""
    if at + 2 > len(data) or count > COUNT_MAX:
        raise LogDamaged("a column is cut short")
    mask, widths = data[at], data[at + 1]
    at += 2
    steps = at + (widths & 15)
    end = steps + (widths >> 4)
    if end > len(data):
        raise LogDamaged("a column is cut short")
    first = int.from_bytes(data[at:steps], "little", signed=True)
    step = int.from_bytes(data[steps:end], "little", signed=True)
    if not -(2**63) <= first < 2**63 or not -(2**63) <= step < 2**63:
        raise LogDamaged("a column begins with more than 64 bits")
    return _taken(data, end, count, mask, first, step)


def _taken(data: bytes, at: int, count: int, mask: int, first: int, step: int) -> Taken:
    """The column whose planes are at `at`."""
    if count == 0:
        return Taken(np.zeros(0, np.int64), at)
    if count == 1:
        return Taken(np.array([first]), at)
    if mask == 1 and at + count - 1 <= len(data):  # nearly every column: small moves
        small = np.empty(count, np.int64)
        small[0] = first
        moves = small[1:]
        _SMALL.take(np.frombuffer(data, np.uint8, count - 1, at), out=moves, mode="clip")  # a byte is never outside
        if step:
            moves += step
        return Taken(np.add.accumulate(small, out=small), at + count - 1)
    column = np.empty(count, np.int64)
    column[0] = first
    moves = column[1:]
    if not mask:  # as even as the scans
        moves.fill(step)
        return Taken(np.add.accumulate(column, out=column), at)
    ranks = mask.bit_count()
    end = at + (count - 1) * ranks
    if end > len(data):
        raise LogDamaged("a column is cut short")
    planes = np.frombuffer(data, np.uint8, (count - 1) * ranks, at).reshape(ranks, count - 1)
    np.add(moves_in(planes, mask), step, out=moves)
    return Taken(np.add.accumulate(column, out=column), end)


def restored(whole: F8, form: int, decimals: int | slice | I8) -> F8:
    """The values that whole numbers stand for."""
    if form == MULTIPLIED_F4:
        single: F8 = (whole.astype(np.float32) * DOWN_F4[decimals]).astype(np.float64)
        return single
    values: F8 = whole * DOWN[decimals] if form == MULTIPLIED else whole / UP[decimals]
    return values.astype(np.float32).astype(np.float64) if form == DIVIDED_F4 else values


def _form_of(values: F8, bits: U8) -> tuple[int, int] | None:
    """The form and the decimals under which a sample of the column comes back, None where there is none."""
    pick = sample_places(np.array([len(values)]))[0, : len(values)]
    some, wanted = values[pick], bits[pick]
    usable = np.abs(some) < WHOLE_MAX  # false for NaN
    some, wanted = some[usable, None], wanted[usable, None]
    if not len(some):
        return None
    whole = np.rint(some * UP)
    fits = np.abs(whole) < WHOLE_MAX
    best, least = None, np.inf
    for form in (DIVIDED, DIVIDED_F4, MULTIPLIED, MULTIPLIED_F4):
        misses = len(some) - ((restored(whole, form, ALL).view(np.uint64) == wanted) & fits).sum(axis=0)
        bytes_each = np.where(misses * EXCEPTION_SHARE > len(some), np.inf, misses * (10.0 / len(some)) + COST)
        found = int(np.argmin(bytes_each))
        if bytes_each[found] < least:
            best, least = (form, found), float(bytes_each[found])
            if misses[found] == 0 and found <= FORMS_QUICK:
                return best
    return best


def pack_values(values: F8, short: bool = False) -> bytes:
    """A column of values; every bit comes back. `short`: with a short head."""
    values = np.ascontiguousarray(values, np.float64)
    bits = values.view(np.uint64)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        form = _form_of(values, bits) if len(values) >= VALUES_FEW else None
        if form is not None:
            whole = np.rint(values * UP[form[1]]) + 0.0  # -0.0 is no whole number: an exception
            right = (restored(whole, *form).view(np.uint64) == bits) & (np.abs(whole) < WHOLE_MAX)
            wrong = np.flatnonzero(~right)
            if len(wrong) <= len(values) // EXCEPTION_SHARE + 1:
                return _pack_decimals(whole, bits, right, wrong, *form, short)
    changed = bits.copy()
    changed[1:] ^= bits[:-1]
    mask, planes = _planes(changed)
    return bits_head(mask, len(values), short) + planes


def bits_head(mask: int, count: int, short: bool) -> bytes:
    """What stands before the planes of values that are kept as their bits."""
    return VALUES_SHORT.pack(BITS, mask) if short else VALUES.pack(BITS, mask, count)


def decimals_head(form: int, decimals: int, exceptions: int, short: bool) -> bytes:
    """What stands before the whole numbers of values that are kept as decimals."""
    if not short:
        return VALUES.pack(form, decimals, exceptions)
    if not exceptions:
        return VALUES_SHORT.pack(form, decimals)
    return VALUES_SHORT.pack(form | EXCEPTIONS, decimals) + EXCEPTION_COUNT.pack(exceptions)


def _pack_decimals(
    whole: F8,
    bits: U8,
    right: npt.NDArray[np.bool_],
    wrong: npt.NDArray[np.intp],
    form: int,
    decimals: int,
    short: bool,
) -> bytes:
    """Whole numbers, each exception standing still at the one before it, and the exceptions."""
    if len(wrong):
        last = np.maximum.accumulate(np.where(right, np.arange(len(whole)), -1))
        whole = np.where(last >= 0, whole[np.maximum(last, 0)], 0.0)
    data = decimals_head(form, decimals, len(wrong), short) + pack_whole(whole.astype(np.int64), short=short)
    if not len(wrong):
        return data
    return data + pack_whole(wrong.astype(np.int64), short=short) + pack_whole(bits[wrong].view(np.int64), short=short)


class Values(NamedTuple):
    """Values read from bytes, and where in them they ended."""

    column: F8
    end: int


def take_values(data: bytes, at: int) -> Values:
    """The column of values at `at`."""
    if at + VALUES.size > len(data):
        raise LogDamaged("a column is cut short")
    form, detail, number = VALUES.unpack_from(data, at)
    at += VALUES.size
    if form == BITS:
        changed, at = _words(detail, number, data, at)
        return Values(np.bitwise_xor.accumulate(changed).view(np.float64), at)
    whole, at = take_whole(data, at)
    values = _from_decimals(whole, form, detail)
    if number:
        wrong, at = take_whole(data, at)
        bits, at = take_whole(data, at)
        _put_exceptions(values, wrong, bits, number)
    return Values(values, at)


def take_values_short(data: bytes, at: int, count: int) -> Values:
    """The column of `count` values with a short head at `at`."""
    if at + VALUES_SHORT.size > len(data):
        raise LogDamaged("a column is cut short")
    form, detail = data[at], data[at + 1]
    at += VALUES_SHORT.size
    if form == BITS:
        changed, at = _words(detail, count, data, at)
        return Values(np.bitwise_xor.accumulate(changed).view(np.float64), at)
    number = 0
    if form & EXCEPTIONS:
        if at + EXCEPTION_COUNT.size > len(data):
            raise LogDamaged("a column is cut short")
        number = int(EXCEPTION_COUNT.unpack_from(data, at)[0])
        at += EXCEPTION_COUNT.size
    whole, at = take_short(data, at, count)
    values = _from_decimals(whole, form & ~EXCEPTIONS, detail)
    if number:
        wrong, at = take_short(data, at, number)
        bits, at = take_short(data, at, number)
        _put_exceptions(values, wrong, bits, number)
    return Values(values, at)


def _from_decimals(whole: I8, form: int, decimals: int) -> F8:
    """The values behind whole numbers; a form that is not known: `LogDamaged`."""
    if not BITS < form <= MULTIPLIED_F4 or decimals > DECIMALS_MAX:
        raise LogDamaged(f"values of the unknown form {form}")
    if form in (DIVIDED, MULTIPLIED):
        return restored(whole.astype(np.float64), form, decimals)
    with np.errstate(over="ignore", under="ignore"):
        return restored(whole.astype(np.float64), form, decimals)


def _put_exceptions(values: F8, wrong: I8, bits: I8, number: int) -> None:
    """Puts the bits that are no decimals in their places; places that are nowhere: `LogDamaged`."""
    if len(wrong) != number or len(bits) != number or wrong.min() < 0 or wrong.max() >= len(values):
        raise LogDamaged("the exceptions of a column do not fit it")
    values.view(np.int64)[wrong] = bits
