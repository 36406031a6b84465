"""Puts back a sealed file in which one bit was turned, whatever of it that hit: head, chunk, index or end.

Each of these has its own check sum, which says which bit it was (`core.one_bit`). Rules of the file: pure; what comes
back differs from what was given by one bit and is sound from the first byte to the last, or nothing comes back.
"""

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import crc32c
from plantctl.core.one_bit import mended
from plantctl.history.files.chunk import chunk_bytes, decode_chunk, mended_chunk
from plantctl.history.files.sealed import END_BYTES, HEAD_BYTES, places_in


def mended_file(data: bytes) -> bytes | None:
    """A damaged sealed file as it was, where one bit of it was turned; None where more is wrong."""
    head, end = _summed(data[:HEAD_BYTES]), _summed(data[-END_BYTES:])
    if head is None or end is None:
        return None
    begin = int.from_bytes(end[8:16], "little")
    index = _chunk(data[begin:-END_BYTES])
    if index is None:
        return None
    try:
        places = places_in(decode_chunk(index)).in_order()
    except LogDamaged:
        return None
    chunks = [_chunk(data[at : at + size]) for at, size in places]
    whole = b"".join([head, *(chunk or b"" for chunk in chunks), index, end])
    if len(whole) != len(data):
        return None
    differs = int.from_bytes(whole, "little") ^ int.from_bytes(data, "little")
    return whole if differs.bit_count() == 1 else None


def _summed(data: bytes) -> bytes | None:
    """Bytes whose last four are the sum of those before."""
    found = mended(data[:-4], int.from_bytes(data[-4:], "little"))
    return None if found is None else found + crc32c(found).to_bytes(4, "little")


def _chunk(data: bytes) -> bytes | None:
    """One chunk, sound."""
    try:
        decode_chunk(data)
    except LogDamaged:
        return mended_chunk(data)
    return data if chunk_bytes(data, 0) == len(data) else None
