"""Reads a sealed file of history in plain Python, written from docs/reference/history-format.md alone."""

import struct
import zlib

from tests.log_decoder import crc32c

WRAP = 1 << 64


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, form):
        found = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found if len(found) > 1 else found[0]

    def planes(self, mask, count):
        words = [0] * count
        for rank in range(8):
            if mask >> rank & 1:
                for i in range(count):
                    words[i] |= self.data[self.at + i] << 8 * rank
                self.at += count
        return words

    def whole(self):
        count, mask, first, step = self.take("IBqq")
        if not count:
            return []
        found = [first]
        for folded in self.planes(mask, count - 1):
            move = (folded >> 1) ^ -(folded & 1)
            number = (found[-1] + move + step) % WRAP
            found.append(number - WRAP if number >= WRAP // 2 else number)
        return found

    def values(self):
        form, detail, number = self.take("BBI")
        if form == 0:
            bits, last = [], 0
            for word in self.planes(detail, number):
                last ^= word
                bits.append(last)
            return [struct.unpack("<d", struct.pack("<Q", b))[0] for b in bits]
        found = [restored(n, form, detail) for n in self.whole()]
        if number:
            for place, bits in zip(self.whole(), self.whole(), strict=True):
                found[place] = struct.unpack("<d", struct.pack("<q", bits))[0]
        return found

    def runs(self, count):
        begin, words = self.whole(), self.whole()
        return [words[k] for k, end in enumerate([*begin[1:], count]) for _ in range(end - begin[k])]

    def source(self, count):
        step = self.take("I")
        return [n * step for n in self.whole()] if step else [0] * count


def single(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def restored(number, form, decimals):
    down = float(f"1e-{decimals}")
    if form == 1:
        return number / 10**decimals
    if form == 2:
        return number * down
    if form == 3:
        return single(number / 10**decimals)
    return single(single(number) * single(down))


def decode(data):
    """The chunks of a file by kind and tag, as lists of columns."""
    assert data[:8] == b"PLANTHIS"
    assert struct.unpack_from("<HH", data, 8) == (1, 64)
    assert crc32c(data[:60]) == struct.unpack_from("<I", data, 60)[0]
    assert data[-24:-16] == b"PLANTEND"
    found, places, at = {}, [], 64
    while at < len(data) - 24:
        mark, kind, _, tag, rows, size, crc = struct.unpack_from("<4sHHIIII", data, at)
        assert mark == b"CHNK"
        body = data[at + 24 : at + 24 + size]
        assert crc32c(data[at : at + 20] + body) == crc
        places.append((kind, tag, at, 24 + size))
        found[kind, tag] = columns(kind, rows, Reader(zlib.decompress(body, -15)))
        at += 24 + size
    assert struct.unpack_from("<Q", data, len(data) - 16)[0] == places[-1][2]
    assert list(zip(*found[6, 0], strict=True)) == places[:-1]
    return found


def columns(kind, rows, r):
    if kind == 1:
        return [r.take("q"), r.whole(), r.whole()]
    if kind == 2:
        return [r.whole(), r.whole(), r.values(), r.whole(), r.whole()]
    if kind == 3:
        return [r.whole(), r.values(), r.runs(rows), r.source(rows)]
    if kind == 4:
        return [r.whole(), *(r.values() for _ in range(5)), r.whole(), r.whole(), r.whole()]
    if kind == 5:
        return [r.data]
    return [r.whole() for _ in range(4)]
