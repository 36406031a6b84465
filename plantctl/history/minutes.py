"""Minutes: the decimated tier. What a tag did in each minute of UTC, kept beside its points.

Days and months are drawn from minutes: a minute of ten scans a second is 600 points, its bucket some ten bytes. A file
that begins or ends within a minute holds its part of it; the parts are put together when they are read.

Rules of the file: means are kept to the 24 bits of a single float, everything else to the last bit.
"""

from typing import Final

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.history.buckets import Buckets, InForce, in_buckets
from plantctl.history.chunk import Chunk, ChunkKind, encode_chunk
from plantctl.history.numbers import F8, pack_values, pack_whole, take_values, take_whole

MINUTE_NS: Final = 60_000_000_000


def minutes_of(force: InForce) -> Buckets:
    """The minutes in which anything is told of a tag."""
    first, last = int(force.at_ns[0]) // MINUTE_NS, int(max(force.at_ns[-1], force.until_ns[-1])) // MINUTE_NS
    found = in_buckets(np.arange(first, last + 1, dtype=np.int64) * MINUTE_NS, MINUTE_NS, force)
    return found.pick(found.told)


def rounded_means(mean: F8) -> F8:
    """Means to 24 bits, where that leaves them finite."""
    with np.errstate(over="ignore", under="ignore"):
        rounded = mean.astype(np.float32).astype(np.float64)
    return np.where(np.isfinite(rounded), rounded, mean)


def encode_minutes(tag: int, minutes: Buckets) -> bytes:
    """The chunk of one tag's minutes."""
    mean = rounded_means(minutes.mean)
    data = b"".join(
        (
            pack_whole(minutes.begin_ns // MINUTE_NS, 1),
            *(pack_values(column) for column in (minutes.low, minutes.high, mean, minutes.first, minutes.last)),
            pack_whole(minutes.known_ns),
            pack_whole(minutes.count),
            pack_whole(minutes.quality.astype(np.int64)),
        )
    )
    return encode_chunk(ChunkKind.MINUTES, tag, len(minutes), data)


def decode_minutes(chunk: Chunk) -> Buckets:
    """The minutes in their chunk. Columns that do not fit each other: `LogDamaged`."""
    begin, at = take_whole(chunk.data, 0)
    low, at = take_values(chunk.data, at)
    high, at = take_values(chunk.data, at)
    mean, at = take_values(chunk.data, at)
    first, at = take_values(chunk.data, at)
    last, at = take_values(chunk.data, at)
    known_ns, at = take_whole(chunk.data, at)
    count, at = take_whole(chunk.data, at)
    quality, _ = take_whole(chunk.data, at)
    columns = (begin, low, high, mean, first, last, known_ns, count, quality)
    if {len(column) for column in columns} != {chunk.rows}:
        raise LogDamaged("the columns of a chunk do not fit each other")
    told = np.ones(len(begin), np.bool_)
    return Buckets(begin * MINUTE_NS, low, high, mean, first, last, known_ns, count, quality.astype(np.uint16), told)
