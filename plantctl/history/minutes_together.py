"""Reads the minutes of one tag from many files at once: what `minutes.decode_minutes` does to one chunk.

A day is 24 chunks of sixty rows and nine columns, and a step of numpy costs a microsecond or more however short its
column is. Here all columns of all chunks lie one behind the other in one array, and every step is taken once.

Rules of the file: the same numbers as chunk by chunk; what cannot be read raises `LogDamaged`, and whoever asked reads
chunk by chunk then, to lose no more than what is damaged.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import LogDamaged
from plantctl.history.buckets import Buckets
from plantctl.history.chunk import Chunk
from plantctl.history.minutes import MINUTE_NS
from plantctl.history.numbers import (
    BITS,
    DECIMALS_MAX,
    EXCEPTION_COUNT,
    EXCEPTIONS,
    I8,
    MULTIPLIED_F4,
    U8,
    restored,
    take_short,
)

# Minute; low, high, mean, first, last; known time, count, quality.
COLUMNS: Final = 9
VALUES: Final = range(1, 6)
WHOLE: Final = -1  # the form of what is no value


class _Piece(NamedTuple):
    """One column of one chunk: `at` is where its planes begin, `to` where its rows belong among all rows."""

    data: bytes
    at: int
    rows: int
    mask: int
    first: int
    step: int
    form: int
    decimals: int
    to: int


def decode_minutes_together(chunks: Sequence[Chunk]) -> Buckets:
    """The minutes in chunks of layout `SHORT`, one behind the other."""
    total = sum(chunk.rows for chunk in chunks)
    whole: list[_Piece] = []
    bits: list[_Piece] = []
    wrong: list[tuple[I8, I8]] = []
    begin = 0
    for chunk in chunks:
        at = 0
        for column in range(COLUMNS):
            piece, exceptions = _piece(chunk, at, column in VALUES, column * total + begin)
            (bits if piece.form == BITS else whole).append(piece)
            planes = piece.mask.bit_count()
            at = piece.at + planes * (piece.rows if piece.form == BITS else piece.rows - 1)
            if at > len(chunk.data):
                raise LogDamaged("a column is cut short")
            if exceptions:
                places, at = take_short(chunk.data, at, exceptions)
                found, at = take_short(chunk.data, at, exceptions)
                if places.min() < 0 or places.max() >= chunk.rows:
                    raise LogDamaged("the exceptions of a column do not fit it")
                wrong.append((places + piece.to, found))
        begin += chunk.rows
    numbers = np.empty(COLUMNS * total, np.int64)
    for pieces, read in ((whole, _whole), (bits, _bits)):
        if pieces:
            counts = np.array([piece.rows for piece in pieces])
            start = np.cumsum(counts) - counts
            rows = np.arange(int(counts.sum())) + np.repeat(np.array([piece.to for piece in pieces]) - start, counts)
            numbers[rows] = read(pieces, counts, start)
    for places, found in wrong:
        numbers[places] = found
    minute, *values, known_ns, count, quality = numbers.reshape(COLUMNS, total)
    told = np.ones(total, np.bool_)
    low, high, mean, first, last = (column.view(np.float64) for column in values)
    begin_ns, words = minute * MINUTE_NS, quality.astype(np.uint16)
    return Buckets(begin_ns, low, high, mean, first, last, known_ns, count, words, told)


def _piece(chunk: Chunk, at: int, value: bool, to: int) -> tuple[_Piece, int]:
    """The head of the column at `at`, and how many exceptions stand behind it."""
    data, form, decimals, exceptions = chunk.data, WHOLE, 0, 0
    if at + 2 > len(data) or not chunk.rows:
        raise LogDamaged("a column is cut short")
    if value:
        form, decimals = data[at] & ~EXCEPTIONS, data[at + 1]
        if form == BITS:
            return _Piece(data, at + 2, chunk.rows, decimals, 0, 0, BITS, 0, to), 0
        if data[at] & EXCEPTIONS:
            exceptions = int.from_bytes(data[at + 2 : at + 6], "little")
        at += 2 + (EXCEPTION_COUNT.size if data[at] & EXCEPTIONS else 0)
        if form > MULTIPLIED_F4 or decimals > DECIMALS_MAX or at + 2 > len(data):
            raise LogDamaged(f"values of the unknown form {form}")
    mask, widths = data[at], data[at + 1]
    steps = at + 2 + (widths & 15)
    end = steps + (widths >> 4)
    first, step = (int.from_bytes(data[a:b], "little", signed=True) for a, b in ((at + 2, steps), (steps, end)))
    if not -(2**63) <= first < 2**63 or not -(2**63) <= step < 2**63:
        raise LogDamaged("a column begins with more than 64 bits")
    return _Piece(data, end, chunk.rows, mask, first, step, form, decimals, to), exceptions


def _words(pieces: list[_Piece], less: int) -> U8:
    """The words behind the planes of all pieces; the first `less` of each are 0 and not in the planes."""
    together = 0
    for piece in pieces:
        together |= piece.mask
    words = np.zeros(sum(piece.rows for piece in pieces), np.uint64)
    gap = bytes(less)
    for rank in range(8):
        if not together >> rank & 1:
            continue
        planes = []
        for piece in pieces:
            if piece.mask >> rank & 1:
                rows = piece.rows - less
                at = piece.at + rows * (piece.mask & (1 << rank) - 1).bit_count()
                planes += [gap, piece.data[at : at + rows]]
            else:
                planes.append(bytes(piece.rows))
        words |= np.frombuffer(b"".join(planes), np.uint8).astype(np.uint64) << np.uint64(8 * rank)
    return words


def _whole(pieces: list[_Piece], counts: I8, start: I8) -> I8:
    """The numbers of pieces that are differences, values as their bits."""
    folded = _words(pieces, 1)
    first = np.array([piece.first for piece in pieces]).view(np.uint64)
    step = np.array([piece.step for piece in pieces]).view(np.uint64)
    moves = ((folded >> np.uint64(1)) ^ (np.uint64(0) - (folded & np.uint64(1)))) + np.repeat(step, counts)
    moves[start] = first
    sums = np.cumsum(moves, dtype=np.uint64)
    numbers: I8 = (sums - np.repeat(sums[start] - first, counts)).view(np.int64)
    forms = np.repeat(np.array([piece.form * 16 + piece.decimals for piece in pieces]), counts)
    for kind in {piece.form * 16 + piece.decimals for piece in pieces if piece.form > BITS}:
        rows: npt.NDArray[np.bool_] = forms == kind
        with np.errstate(over="ignore", under="ignore"):
            numbers[rows] = restored(numbers[rows].astype(np.float64), kind >> 4, kind & 15).view(np.int64)
    return numbers


def _bits(pieces: list[_Piece], counts: I8, start: I8) -> I8:
    """The bits of values that are kept as they are."""
    changed = np.bitwise_xor.accumulate(_words(pieces, 0))
    before = np.where(start > 0, changed[start - 1], np.uint64(0))
    bits: I8 = (changed ^ np.repeat(before, counts)).view(np.int64)
    return bits
