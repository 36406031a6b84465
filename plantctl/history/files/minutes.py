"""Minutes and quarters of an hour: the decimated tiers. What a tag did in each of them, in UTC, beside its points.

Days and weeks are drawn from minutes: a minute of ten scans a second is 600 points, its bucket some ten bytes. Months
and years are drawn from quarters, which many sealed files share (`quarters`). A file that begins or ends within one
holds its part of it; the parts are put together when they are read.

Rules of the file: means are kept to the 24 bits of a single float, everything else to the last bit.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.history.files.buckets import Buckets, InForce, in_buckets
from plantctl.history.files.chunk import Chunk, ChunkKind, Layout, encode_chunk
from plantctl.history.files.numbers import (
    F8,
    Taken,
    Values,
    pack_values,
    pack_whole,
    take_short,
    take_values,
    take_values_short,
    take_whole,
)

MINUTE_NS: Final = 60_000_000_000
QUARTER_NS: Final = 15 * MINUTE_NS


def minutes_of(force: InForce, width_ns: int = MINUTE_NS) -> Buckets:
    """The minutes, or longer spans, in which anything is told of a tag."""
    first, last = int(force.at_ns[0]) // width_ns, int(max(force.at_ns[-1], force.until_ns[-1])) // width_ns
    found = in_buckets(np.arange(first, last + 1, dtype=np.int64) * width_ns, width_ns, force)
    return found.pick(found.told)


def rounded_means(mean: F8) -> F8:
    """Means to 24 bits, where that leaves them finite."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = mean.astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(rounded), rounded, mean)


def encode_minutes(tag: int, minutes: Buckets, kind: ChunkKind = ChunkKind.MINUTES, width_ns: int = MINUTE_NS) -> bytes:
    """The chunk of one tag's minutes, or longer spans."""
    mean = rounded_means(minutes.mean)
    values = (minutes.low, minutes.high, mean, minutes.first, minutes.last)
    data = b"".join(
        (
            pack_whole(minutes.begin_ns // width_ns, 1, short=True),
            *(pack_values(column, short=True) for column in values),
            pack_whole(minutes.known_ns, short=True),
            pack_whole(minutes.count, short=True),
            pack_whole(minutes.quality.astype(np.int64), short=True),
        )
    )
    return encode_chunk(kind, tag, len(minutes), data, Layout.SHORT)


def decode_quarters(chunk: Chunk) -> Buckets:
    """The quarters of an hour in their chunk. Columns that do not fit each other: `LogDamaged`."""
    return decode_minutes(chunk, QUARTER_NS)


def decode_minutes(chunk: Chunk, width_ns: int = MINUTE_NS) -> Buckets:
    """The minutes in their chunk. Columns that do not fit each other: `LogDamaged`."""
    whole: Callable[[bytes, int], Taken]
    number: Callable[[bytes, int], Values]
    if chunk.layout == Layout.LONG:
        whole, number = take_whole, take_values
    elif chunk.layout == Layout.SHORT:
        whole, number = partial(take_short, count=chunk.rows), partial(take_values_short, count=chunk.rows)
    else:
        raise LogDamaged(f"minutes of the unknown layout {chunk.layout}")
    begin, at = whole(chunk.data, 0)
    low, at = number(chunk.data, at)
    high, at = number(chunk.data, at)
    mean, at = number(chunk.data, at)
    first, at = number(chunk.data, at)
    last, at = number(chunk.data, at)
    known_ns, at = whole(chunk.data, at)
    count, at = whole(chunk.data, at)
    quality, _ = whole(chunk.data, at)
    columns = (begin, low, high, mean, first, last, known_ns, count, quality)
    if {len(column) for column in columns} != {chunk.rows}:
        raise LogDamaged("the columns of a chunk do not fit each other")
    told = np.ones(len(begin), np.bool_)
    return Buckets(begin * width_ns, low, high, mean, first, last, known_ns, count, quality.astype(np.uint16), told)
