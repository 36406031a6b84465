"""The text of a plan as it lies beside the log: its lines, and behind them a line with the check sum of each.

    first line
    second line
    sums 01234567 89abcdef      (without the space: CRC-32C of each line, eight hexadecimal digits)

A damaged line is left out and counted; the others stand. A text of an older version has no sums and is taken as it is,
until its plan runs again and writes it anew.

Rules of the file: whatever the bytes are, nothing is raised.
"""

import re
from typing import Final, NamedTuple

from plantctl.core.frame import crc32c

_KEY: Final = b"sums "
_DIGITS: Final = 8
# The line of sums with at most one byte of its key spoiled.
_SUMS: Final = re.compile(rb"(?=((?:sums |.ums |s.ms |su.s |sum. |sums.)[^\n]*)(?:\n|\Z|[^\n]\Z)\Z)", re.DOTALL)
_HEX: Final = frozenset(b"0123456789abcdef")


class PlanText(NamedTuple):
    """What can be read of a plan's text: `lost` lines are missing in it; `summed` whether it has check sums at all.

    `sound` is false where any byte is not as it was written, the sums themselves included.
    """

    text: str
    lost: int = 0
    summed: bool = True
    sound: bool = True


def encode_plan(text: str) -> bytes:
    """The bytes of the file."""
    lines = text.encode().split(b"\n")
    return b"\n".join([*lines, _KEY + b"".join(_sum(line) for line in lines)]) + b"\n"


def decode_plan(data: bytes) -> PlanText:
    """What can be read of a file."""
    found = _parted(data)
    if found is None:
        text = data.decode("utf-8", "replace")
        return PlanText(text, summed=False, sound="�" not in text)
    lines, sums = found
    if data.endswith(b"\n" + _KEY + b"".join(map(_sum, lines)) + b"\n"):  # nearly always
        return PlanText(b"\n".join(lines).decode("utf-8", "replace"))
    kept = _fitting(lines, sums)
    text = b"\n".join(line for line in kept if line is not None).decode("utf-8", "replace")
    return PlanText(text, kept.count(None), sound=False)


def mended_plan(data: bytes) -> bytes | None:
    """The file as it was written, where one flipped bit is all that is wrong with it; else None."""
    found = _parted(data)
    if found is None:
        return None
    for lines in (found[0], *_newlines_back(data, found[1])):
        if len(lines) == len(found[1]):
            whole = [_mended(line, sum_) for line, sum_ in zip(lines, found[1], strict=True)]
            if None not in whole:
                return encode_plan(b"\n".join(line for line in whole if line is not None).decode("utf-8", "replace"))
    return None


def _sum(line: bytes) -> bytes:
    return b"%08x" % crc32c(line)


def _parted(data: bytes) -> tuple[list[bytes], list[bytes]] | None:
    """The lines and the sums; None where there are no sums."""
    for match in _SUMS.finditer(data, max(0, data.rfind(b"\n", 0, max(0, len(data) - 2)))):
        digits = match[1][len(_KEY) :]
        count = round(len(digits) / _DIGITS)
        if count and sum(digit not in _HEX for digit in digits) <= 1:
            at = match.start(1)
            lines = data[: max(0, at - 1)].split(b"\n")
            return lines, [digits[_DIGITS * i : _DIGITS * (i + 1)] for i in range(count)]
    return None


def _fitting(lines: list[bytes], sums: list[bytes]) -> list[bytes | None]:
    """The lines whose sums fit, None in place of each that is lost; a break more or less spoils its two."""
    front = 0
    while front < min(len(lines), len(sums)) and _sum(lines[front]) == sums[front]:
        front += 1
    back = 0
    while back < min(len(lines), len(sums)) - front and _sum(lines[-1 - back]) == sums[-1 - back]:
        back += 1
    middle: list[bytes | None] = [None] * (len(sums) - front - back)
    if len(lines) == len(sums):
        between = zip(lines[front : len(lines) - back], sums[front : len(sums) - back], strict=True)
        middle = [line if _sum(line) == sum_ else None for line, sum_ in between]
    return [*lines[:front], *middle, *lines[len(lines) - back :]]


def _mended(line: bytes, sum_: bytes) -> bytes | None:
    """The line as it was, where it or its sum has one flipped bit; else None."""
    ours = _sum(line)
    if sum(a != b for a, b in zip(ours, sum_, strict=False)) + abs(len(ours) - len(sum_)) <= 1:
        return line
    for at in range(8 * len(line)):
        tried = bytearray(line)
        tried[at // 8] ^= 1 << at % 8
        if _sum(bytes(tried)) == sum_:
            return bytes(tried)
    return None


def _newlines_back(data: bytes, sums: list[bytes]) -> list[list[bytes]]:
    """The lines with one break more or less, where these are not as many as the sums."""
    found = _parted(data)
    lines = found[0] if found else []
    kept = _fitting(lines, sums)
    first = kept.index(None) if None in kept else len(kept)
    if len(lines) == len(sums) - 1 and first < len(lines):  # a break became something else
        line = lines[first]
        cuts = [at for at in range(len(line)) if (line[at] ^ 10).bit_count() == 1]
        return [[*lines[:first], line[:at], line[at + 1 :], *lines[first + 1 :]] for at in cuts]
    if len(lines) == len(sums) + 1 and first + 1 < len(lines):  # something else became a break
        joined = [lines[first] + bytes([10 ^ 1 << bit]) + lines[first + 1] for bit in range(8)]
        return [[*lines[:first], each, *lines[first + 2 :]] for each in joined]
    return []
