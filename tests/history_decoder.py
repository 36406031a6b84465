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

    def short(self, count):
        mask, widths = self.take("BB")
        first, step = (self.signed(width) for width in (widths & 15, widths >> 4))
        return self.moved(mask, count, first, step)

    def moved(self, mask, count, first, step):
        if not count:
            return []
        found = [first]
        for folded in self.planes(mask, count - 1):
            move = (folded >> 1) ^ -(folded & 1)
            number = (found[-1] + move + step) % WRAP
            found.append(number - WRAP if number >= WRAP // 2 else number)
        return found

    def signed(self, width):
        self.at += width
        return int.from_bytes(self.data[self.at - width : self.at], "little", signed=True)

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
        return self.moved(mask, count, first, step)

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

    def short_values(self, count):
        form, detail = self.take("BB")
        if form == 0:
            bits, last = [], 0
            for word in self.planes(detail, count):
                last ^= word
                bits.append(last)
            return [struct.unpack("<d", struct.pack("<Q", b))[0] for b in bits]
        number = self.take("I") if form & 0x80 else 0
        found = [restored(n, form & 0x7F, detail) for n in self.short(count)]
        for place, bits in zip(self.short(number), self.short(number), strict=True) if number else ():
            found[place] = struct.unpack("<d", struct.pack("<q", bits))[0]
        return found

    def short_points(self, count, utc_ns):
        flags = self.take("B")
        off_by = self.take("d") if flags & 2 else 0.0
        scan, value = self.short(count), self.short_values(count)
        runs = self.take("I") if flags & 4 else 1
        begin, words = (self.short(runs), self.short(runs)) if flags & 4 else ([0], [self.take("H")])
        quality = [words[k] for k, end in enumerate([*begin[1:], count]) for _ in range(end - begin[k])]
        source = [0] * count
        if flags & 8:
            step = (1_000_000_000, 1_000_000, 100_000, 1_000, 100, 1)[self.take("B")]
            rows = zip(self.short(count), scan, strict=True)
            source = [signed((late + utc_ns[at] // step) * step) for late, at in rows]
        return [scan, value, quality, source, bool(flags & 1), off_by]

    def runs(self, count):
        begin, words = self.whole(), self.whole()
        return [words[k] for k, end in enumerate([*begin[1:], count]) for _ in range(end - begin[k])]

    def source(self, count):
        step = self.take("I")
        return [n * step for n in self.whole()] if step else [0] * count


def signed(number):
    return (number + WRAP // 2) % WRAP - WRAP // 2


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
    assert struct.unpack_from("<HH", data, 8) == (2, 64)
    assert crc32c(data[:60]) == struct.unpack_from("<I", data, 60)[0]
    assert data[-24:-16] == b"PLANTEND"
    found, places, at, utc_ns = {}, [], 64, []
    while at < len(data) - 24:
        mark, kind, layout, tag, rows, size, crc = struct.unpack_from("<4sHHIIII", data, at)
        assert mark == b"CHNK"
        body = data[at + 24 : at + 24 + size]
        assert crc32c(data[at : at + 20] + body) == crc
        places.append((kind, tag, at, 24 + size))
        found[kind, tag] = columns(kind, layout, rows, Reader(zlib.decompress(body, -15)), utc_ns)
        utc_ns = found[kind, tag][1] if kind == 1 else utc_ns
        at += 24 + size
    assert struct.unpack_from("<Q", data, len(data) - 16)[0] == places[-1][2]
    assert list(zip(*found[6, 0], strict=True)) == places[:-1]
    return found


def columns(kind, layout, rows, r, utc_ns):
    if kind == 1:
        return [r.take("q"), r.whole(), r.whole()]
    if kind == 2:
        return [r.whole(), r.whole(), r.values(), r.whole(), r.whole()]
    if kind == 3 and layout == 1:
        return r.short_points(rows, utc_ns)
    if kind == 4 and layout == 1:
        return [r.short(rows), *(r.short_values(rows) for _ in range(5)), *(r.short(rows) for _ in range(3))]
    if kind == 3:
        return [r.whole(), r.values(), r.runs(rows), r.source(rows)]
    if kind == 4:
        return [r.whole(), *(r.values() for _ in range(5)), r.whole(), r.whole(), r.whole()]
    if kind == 5:
        return [r.data]
    return [r.whole() for _ in range(4)]
