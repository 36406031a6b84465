"""Reads the minutes, or quarters of an hour, of many chunks at once: what `minutes.decode_minutes` does to one.

A day of a tag is 24 chunks of sixty rows and nine columns, and a page asks for fifty tags; a step of numpy costs a
microsecond or more however short its column is. Here the heads of the first columns of all chunks are read in one step,
then those of the second, and columns that are packed alike are unpacked together.

Rules of the file: the same numbers as chunk by chunk; what cannot be read raises `LogDamaged`, and whoever asked reads
chunk by chunk then, to lose no more than what is damaged.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from plantctl.core.errors import LogDamaged
from plantctl.history.files.buckets import Buckets
from plantctl.history.files.chunk import Chunk
from plantctl.history.files.minutes import MINUTE_NS
from plantctl.history.files.numbers import (
    BITS,
    COUNT_MAX,
    DECIMALS_MAX,
    EXCEPTION_COUNT,
    EXCEPTIONS,
    I8,
    MULTIPLIED_F4,
    moves_in,
    restored,
    spread,
    take_short,
)

# Minute; low, high, mean, first, last; known time, count, quality.
COLUMNS: Final = 9
VALUES: Final = range(1, 6)
WHOLE: Final = -1  # the form of what is no value
# A head reads beyond the end of damaged data by so much at most before that is seen.
BEYOND: Final = bytes(64)
# Columns of so many rows are put in their places one by one: sooner than all rows each to its own.
LONG: Final = 256
_EIGHT: Final = np.arange(8)
_PLANES: Final = np.array([n.bit_count() for n in range(256)], np.int64)


class _Heads(NamedTuple):
    """The heads of one column of all chunks: where the planes begin and end, and what they mean."""

    at: I8
    end: I8
    mask: I8
    first: I8
    step: I8
    form: I8
    decimals: I8
    exceptions: I8


def decode_minutes_together(chunks: Sequence[Chunk], width_ns: int = MINUTE_NS) -> Buckets:
    """The minutes in chunks of layout `SHORT`, or spans of another width, one behind the other."""
    rows = np.array([chunk.rows for chunk in chunks], np.int64)
    if not rows.all() or rows.max() > COUNT_MAX:
        raise LogDamaged("a chunk of no rows, or of too many")
    data = b"".join([*(chunk.data for chunk in chunks), BEYOND])
    cells = np.frombuffer(data, np.uint8)
    end = np.cumsum([len(chunk.data) for chunk in chunks])
    at = np.concatenate(([0], end[:-1]))
    total, begin = int(rows.sum()), np.cumsum(rows) - rows
    heads: list[_Heads] = []
    wrong: list[tuple[I8, I8]] = []
    for column in range(COLUMNS):
        head = _heads(cells, at, rows, column in VALUES)
        if (head.end > end).any():
            raise LogDamaged("a column is cut short")
        heads.append(head)
        at = head.end
        if head.exceptions.any():
            at = at.copy()
            for k in np.flatnonzero(head.exceptions).tolist():
                places, found, at[k] = _exceptions(data, int(at[k]), int(end[k]), int(head.exceptions[k]))
                if places.min() < 0 or places.max() >= rows[k]:
                    raise LogDamaged("the exceptions of a column do not fit it")
                wrong.append((places + (column * total + begin[k]), found))
    numbers = _numbers(cells, heads, rows, begin, total)
    for places, found in wrong:
        numbers[places] = found
    minute, *values, known_ns, count, quality = numbers.reshape(COLUMNS, total)
    told = np.ones(total, np.bool_)
    low, high, mean, first, last = (column.view(np.float64) for column in values)
    minute *= width_ns
    return Buckets(minute, low, high, mean, first, last, known_ns, count, quality.astype(np.uint16), told)


def _heads(cells: npt.NDArray[np.uint8], at: I8, rows: I8, values: bool) -> _Heads:
    """The heads that stand at `at`, one a chunk."""
    none = np.zeros(len(at), np.int64)
    form, decimals, exceptions, bits = none + WHOLE, none, none, none > 0
    if values:
        form, decimals = cells[at].astype(np.int64), cells[at + 1].astype(np.int64)
        bits = form == BITS
        listed = form & EXCEPTIONS > 0
        if listed.any():
            counts = cells[(at + 2)[:, None] + _EIGHT[: EXCEPTION_COUNT.size]].copy().view("<u4").ravel()
            exceptions = np.where(listed, counts, 0).astype(np.int64)
        at = at + 2 + EXCEPTION_COUNT.size * listed
        form &= ~EXCEPTIONS
        if ((form > MULTIPLIED_F4) | (~bits & ((form == BITS) | (decimals > DECIMALS_MAX)))).any():
            raise LogDamaged("values of an unknown form")
        if (exceptions > rows).any() or (listed & (exceptions == 0)).any():
            raise LogDamaged("the exceptions of a column do not fit it")
    # behind the last byte of damaged data nothing more is read than `BEYOND`
    at = np.minimum(at, len(cells) - len(BEYOND))
    mask, widths = cells[at].astype(np.int64), cells[at + 1].astype(np.int64)
    firsts, steps = widths & 15, widths >> 4
    if not bits.all() and max(int(firsts[~bits].max()), int(steps[~bits].max())) > 8:
        raise LogDamaged("a column begins with 64 bits")  # or with more; whoever reads it alone sees which
    first, step = _signed(cells, at + 2, firsts), _signed(cells, at + 2 + firsts, steps)
    planes_at = at + 2 + firsts + steps
    if bits.any():
        mask, planes_at = np.where(bits, decimals, mask), np.where(bits, at, planes_at)
        first, step = np.where(bits, 0, first), np.where(bits, 0, step)
        decimals = np.where(bits, 0, decimals)
    ends = planes_at + _PLANES[mask] * (rows - ~bits)
    return _Heads(planes_at, np.minimum(ends, len(cells)), mask, first, step, form, decimals, exceptions)


def _signed(cells: npt.NDArray[np.uint8], at: I8, widths: I8) -> I8:
    """The numbers of 0 to 8 bytes at these places."""
    words: I8 = cells[at[:, None] + _EIGHT].view("<i8").ravel().astype(np.int64)
    shift = 64 - 8 * np.clip(widths, 1, 8)
    return np.where(widths > 0, words << shift >> shift, 0)


def _exceptions(data: bytes, at: int, end: int, number: int) -> tuple[I8, I8, int]:
    """The places and bits of what is no decimal, and where these ended."""
    places, at = take_short(data, at, number)
    found, at = take_short(data, at, number)
    if at > end:
        raise LogDamaged("a column is cut short")
    return places, found, at


def _numbers(cells: npt.NDArray[np.uint8], heads: list[_Heads], rows: I8, begin: I8, total: int) -> I8:
    """All columns one behind the other, values as their bits."""
    at, mask, first, step, form, decimals = (
        np.concatenate([getattr(head, name) for head in heads])
        for name in ("at", "mask", "first", "step", "form", "decimals")
    )
    to = np.concatenate([begin + column * total for column in range(COLUMNS)])
    count = np.tile(rows, COLUMNS)
    numbers = np.empty(COLUMNS * total, np.int64)
    alike = count << 16 | mask << 8 | (form - WHOLE)
    order = np.argsort(alike, kind="stable")
    sorted_alike = alike[order]
    edges = np.flatnonzero(np.concatenate(([True], sorted_alike[1:] != sorted_alike[:-1], [True])))
    for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        group = order[low:high]
        one = int(group[0])
        length, kind = int(count[one]), int(form[one])
        words = _planes(cells, at[group], int(mask[one]), length - (kind != BITS))
        if kind == BITS:
            found = np.bitwise_xor.accumulate(spread(words, int(mask[one])), axis=1).view(np.int64)
        else:
            found = np.empty((len(group), length), np.int64)
            found[:, 0] = first[group]
            np.add(moves_in(words, int(mask[one])), step[group, None], out=found[:, 1:])
            np.add.accumulate(found, axis=1, out=found)
        if kind > BITS:
            with np.errstate(over="ignore", under="ignore"):
                found = restored(found.astype(np.float64), kind, decimals[group, None]).view(np.int64)
        if length < LONG:
            numbers[to[group, None] + np.arange(length)] = found
            continue
        for begin_at, column in zip(to[group].tolist(), found, strict=True):
            numbers[begin_at : begin_at + length] = column
    return numbers


def _planes(cells: npt.NDArray[np.uint8], at: I8, mask: int, length: int) -> npt.NDArray[np.uint8]:
    """The planes at these places, a row a place, in it a row a plane."""
    ranks = mask.bit_count()
    width = ranks * length
    windows = as_strided(cells, (len(cells) - width + 1, width), (1, 1), writeable=False)
    return windows[at].reshape(len(at), ranks, length)
