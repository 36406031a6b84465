"""Packs the columns of many tags at once: what `numbers` does to one column, in steps that all tags go together.

A plant of ten thousand tags seals ten thousand short columns, and a step of numpy costs a microsecond however short
its column is. Here the columns of a group of tags lie one behind the other in one array, and every step is taken once
for the group. The bytes are those that `numbers` makes of each column alone; it remains the word on the format.

Rules of the file: byte for byte as `numbers.pack_whole` and `numbers.pack_values`; no column is empty.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from plantctl.history.files.numbers import (
    ALL,
    BITS,
    COST,
    DECIMALS_MAX,
    DIVIDED,
    DIVIDED_F4,
    DOWN,
    DOWN_F4,
    EXCEPTION_SHARE,
    F8,
    FORMS_QUICK,
    I8,
    MULTIPLIED,
    MULTIPLIED_F4,
    SAMPLE,
    U8,
    UP,
    VALUES_FEW,
    WHOLE_MAX,
    bits_head,
    decimals_head,
    long_head,
    pack_whole,
    restored,
    sample_places,
    short_head,
)

Flags = npt.NDArray[np.bool_]
_FORMS: Final = (DIVIDED, DIVIDED_F4, MULTIPLIED, MULTIPLIED_F4)


class Cuts(NamedTuple):
    """Where in one array the columns of the tags begin and how long they are."""

    start: I8
    number: I8

    @property
    def owner(self) -> I8:
        """Each row's tag by number."""
        return self.spread(np.arange(len(self.number)))

    def spread(self, each: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What is told of each tag, in each of its rows."""
        return np.repeat(each, self.number)

    def rows(self, tags: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """The rows that are of some of the tags."""
        chosen = np.zeros(len(self.start), np.bool_)
        chosen[tags] = True
        return np.flatnonzero(self.spread(chosen))


def cuts_of(count: I8) -> Cuts:
    """The cuts between columns of these lengths."""
    return Cuts(np.cumsum(count) - count, count)


def pack_whole_each(column: I8, cuts: Cuts, step: int = 0, short: bool = False) -> list[bytes]:
    """`pack_whole` of each column."""
    head = short_head if short else long_head
    masks, planes = _planes_each(_folded(column, cuts, step), cuts)
    rows = zip(cuts.number.tolist(), masks, column[cuts.start].tolist(), planes, strict=True)
    return [head(count, mask, first, step) + data for count, mask, first, data in rows]


def pack_values_each(values: F8, cuts: Cuts, short: bool = False) -> list[bytes]:
    """`pack_values` of each column."""
    head = short_head if short else long_head
    bits = values.view(np.uint64)
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        form, decimals = _forms_each(values, bits, cuts)
        whole, right = _whole_each(values, bits, cuts, form, decimals)
    misses = cuts.number - np.add.reduceat(right, cuts.start, dtype=np.int64)
    form = np.where(misses <= cuts.number // EXCEPTION_SHARE + 1, form, BITS)
    held = _held(whole, right, cuts)
    words = _folded(held, cuts)
    as_bits = np.flatnonzero(form == BITS)
    if len(as_bits):
        rows = cuts.rows(as_bits)
        words[rows] = bits[rows] ^ bits[rows - 1]
        words[cuts.start[as_bits]] = bits[cuts.start[as_bits]]
    masks, planes = _planes_each(words, cuts, whole_columns=form == BITS)
    packed = []
    tags = zip(
        form.tolist(), decimals.tolist(), misses.tolist(), cuts.start.tolist(), cuts.number.tolist(), strict=True
    )
    firsts = held[cuts.start].tolist()
    for tag, (kind, places, missed, begin, count) in enumerate(tags):
        if kind == BITS:
            packed.append(bits_head(masks[tag], count, short) + planes[tag])
            continue
        data = decimals_head(kind, places, missed, short) + head(count, masks[tag], firsts[tag], 0) + planes[tag]
        if missed:
            wrong = np.flatnonzero(~right[begin : begin + count])
            data += pack_whole(wrong.astype(np.int64), short=short)
            data += pack_whole(bits[begin + wrong].view(np.int64), short=short)
        packed.append(data)
    return packed


def _folded(column: I8, cuts: Cuts, step: int = 0) -> U8:
    """Differences less the step, their signs in the lowest bit; 0 where a column begins. All modulo 2^64."""
    words = column.view(np.uint64)
    folded = np.empty(len(words), np.uint64)
    np.subtract(words[1:], words[:-1], out=folded[1:])
    if step:
        folded -= np.uint64(step & 0xFFFF_FFFF_FFFF_FFFF)
    signs = folded.view(np.int64) >> 63
    folded <<= np.uint64(1)
    folded ^= signs.view(np.uint64)
    folded[cuts.start] = 0
    return folded


def _planes_each(words: U8, cuts: Cuts, whole_columns: Flags | None = None) -> tuple[list[int], list[bytes]]:
    """Which byte ranks each column has, as bits, and these ranks; without its first row but for `whole_columns`."""
    together = np.bitwise_or.reduceat(words, cuts.start)
    if whole_columns is None:
        skip = cuts.start + 1
    else:
        skip = np.where(whole_columns, cuts.start, cuts.start + 1)
    table = np.ascontiguousarray(words, "<u8").view(np.uint8).reshape(-1, 8)
    used = np.ascontiguousarray(together, "<u8").view(np.uint8).reshape(-1, 8) != 0
    some = used.any(axis=1)
    first = np.where(some, used.argmax(axis=1), 0)
    beyond = np.where(some, 8 - used[:, ::-1].argmax(axis=1), 0)
    masks: list[int] = ((1 << beyond) - (1 << first)).tolist()
    # ranks of narrow columns, which most are, are laid for all columns at once
    narrow = some & (beyond - first <= 2)
    ranks = {*first[narrow].tolist(), *(beyond[narrow] - 1).tolist()}
    laid = {rank: table[:, rank].tobytes() for rank in ranks}
    ends = (cuts.start + cuts.number).tolist()
    planes = []
    for low, high, begin, end in zip(first.tolist(), beyond.tolist(), skip.tolist(), ends, strict=True):
        if high - low == 1:
            planes.append(laid[low][begin:end])
        elif high - low == 2:
            planes.append(laid[low][begin:end] + laid[low + 1][begin:end])
        elif high:
            planes.append(table[begin:end, low:high].T.tobytes())
        else:
            planes.append(b"")
    return masks, planes


def _whole_each(values: F8, bits: U8, cuts: Cuts, form: I8, decimals: I8) -> tuple[F8, Flags]:
    """Every value as the whole number of its column's form, and whether that gives its bits back.

    Of a column without a form all is right, and 0.
    """
    whole = np.zeros(len(values))
    right = np.ones(len(values), np.bool_)
    for kind in sorted({*form.tolist()} - {BITS}):
        tags = np.flatnonzero(form == kind)
        rows = ALL if len(tags) == len(form) else cuts.rows(tags)
        places: int | I8 = int(decimals[tags[0]])
        if (decimals[tags] != places).any():
            places = np.repeat(decimals[tags], cuts.number[tags])
        some = np.rint(values[rows] * UP[places])
        some += 0.0  # -0.0 is no whole number: an exception
        right[rows] = (_back(some, kind, places).view(np.uint64) == bits[rows]) & (np.abs(some) < WHOLE_MAX)
        whole[rows] = some
    return whole, right


def _back(whole: F8, form: int, places: int | I8) -> F8:
    """`restored`, with decimals for all rows or for each."""
    if form == MULTIPLIED_F4:
        single: F8 = (whole.astype(np.float32) * DOWN_F4[places]).astype(np.float64)
        return single
    values: F8 = whole * DOWN[places] if form == MULTIPLIED else whole / UP[places]
    return values.astype(np.float32).astype(np.float64) if form == DIVIDED_F4 else values


def _held(whole: F8, right: Flags, cuts: Cuts) -> I8:
    """Whole numbers where each exception stands still at the one before it in its column, 0 where there is none."""
    if not right.all():
        last = np.maximum.accumulate(np.where(right, np.arange(len(whole)), -1))
        inside = last >= cuts.spread(cuts.start)
        whole = np.where(inside, whole[np.where(inside, last, 0)], 0.0)
    return whole.astype(np.int64)


def _forms_each(values: F8, bits: U8, cuts: Cuts) -> tuple[I8, I8]:
    """For each column the form and the decimals under which a sample of it comes back; `BITS` where there is none."""
    form, decimals = np.full(len(cuts.number), BITS, np.int64), np.zeros(len(cuts.number), np.int64)
    tags = np.flatnonzero(cuts.number >= VALUES_FEW)
    if not len(tags):
        return form, decimals
    places = sample_places(cuts.number[tags])
    rows = cuts.start[tags][:, None] + places
    some, wanted = values[rows], bits[rows]
    usable = (np.abs(some) < WHOLE_MAX) & (np.arange(SAMPLE) < cuts.number[tags][:, None])
    some = np.where(usable, some, 0.0)
    number = usable.sum(axis=1)
    least = np.full(len(tags), np.inf)
    still = np.flatnonzero(number)
    for kind in _FORMS:
        cost, found, clean = _decimals_each(some[still], wanted[still], usable[still], number[still], kind)
        better = cost < least[still]
        least[still[better]] = cost[better]
        form[tags[still[better]]], decimals[tags[still[better]]] = kind, found[better]
        still = still[~(better & clean & (found <= FORMS_QUICK))]
        if not len(still):
            break
    return form, decimals


def _decimals_each(some: F8, wanted: U8, usable: Flags, number: I8, form: int) -> tuple[F8, I8, Flags]:
    """What the best decimals of one form cost each sample, which these are, and whether they miss nothing."""
    least = np.full(len(some), np.inf)
    best = np.zeros(len(some), np.int64)
    clean = np.zeros(len(some), np.bool_)
    still = np.arange(len(some))
    for places in range(DECIMALS_MAX + 1):
        whole = np.rint(some * UP[places])
        hits = (restored(whole, form, places).view(np.uint64) == wanted) & usable & (np.abs(whole) < WHOLE_MAX)
        misses = number - hits.sum(axis=1)
        cost = np.where(misses * EXCEPTION_SHARE > number, np.inf, misses * (10.0 / number) + COST[places])
        better = cost < least[still]
        rows = still[better]
        least[rows], best[rows], clean[rows] = cost[better], places, (misses == 0)[better]
        more = misses > 0  # more decimals cost more than what misses nothing
        if not more.any():
            break
        if not more.all():
            still, some, wanted, usable, number = (c[more] for c in (still, some, wanted, usable, number))
    return least, best, clean
