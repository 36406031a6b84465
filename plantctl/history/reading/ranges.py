"""The sealed files of a folder by their names, seen as columns: one an hour is nine thousand a year.

Whoever asks about a day looks at some thirty of them. So the names are checked and compared all at once, and a `Range`
is made of those that are looked at.

Rules of the file: pure; the same as `sealed.sealed_ranges`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Final, overload

import numpy as np
import numpy.typing as npt

from plantctl.history.files.sealed import Range, sealed_ranges

_DIGITS: Final = 20
_NAME_BYTES: Final = len(Range(0, 0).name)
_FIRST: Final = slice(0, _DIGITS)
_LAST: Final = slice(_DIGITS + 1, 2 * _DIGITS + 1)
_WORD: Final = f"S{_DIGITS}"


class Ranges(Sequence[Range]):
    """The sealed files among `names`, which are in text order; one that lies inside another is left out."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = [name for name in names if len(name) == _NAME_BYTES]
        if not _go_on(self._names):
            self._names = [one.name for one in sealed_ranges(names)]

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, at: int) -> Range: ...

    @overload
    def __getitem__(self, at: slice) -> list[Range]: ...

    def __getitem__(self, at: int | slice) -> Range | list[Range]:
        return [_range(name) for name in self._names[at]] if isinstance(at, slice) else _range(self._names[at])

    def __contains__(self, one: object) -> bool:
        return isinstance(one, Range) and self.place(one) is not None

    def place(self, one: Range) -> int | None:
        """Where a file is in the row, None where it is not."""
        name = one.name
        at = bisect_left(self._names, name)
        return at if at < len(self._names) and self._names[at] == name else None

    def last_from(self, sequence: int) -> int:
        """The place of the last file that begins with this frame or before it; -1 where there is none."""
        # what stands behind the number in a name is before this sign
        return bisect_right(self._names, f"{max(0, sequence):0{_DIGITS}d}.") - 1


def others(names: Sequence[str]) -> list[str]:
    """The names that are none of sealed files, by their length."""
    return [name for name in names if len(name) != _NAME_BYTES]


def first_reaching(count: int, utc_ns: int, high_ns: Callable[[int], int], guess: int) -> int:
    """The first of `count` places whose `high_ns` is not before `utc_ns`; `count` where none is.

    `high_ns` mostly ascends, and each look at it opens a file: it begins at the guess, goes in steps that double to
    where the answer lies between two places, and halves what is between them.
    """
    low, high, step = -1, count, 1
    at = guess
    while high - low > 1:
        at = min(max(at, low + 1), high - 1)
        if high_ns(at) >= utc_ns:
            high = at
        else:
            low = at
        if low >= 0 and high < count:
            at = (low + high) // 2
        else:
            at = high - step if high < count else low + step
            step *= 2
    return high


def _range(name: str) -> Range:
    return Range(int(name[_FIRST]), int(name[_LAST]))


def _go_on(names: list[str]) -> bool:
    """Whether all are names of sealed files, each of which begins behind and ends behind the one before.

    Words of digits of one length compare as their numbers do.
    """
    text = "".join(names).encode()
    if len(text) != len(names) * _NAME_BYTES:  # a sign that is no digit
        return False
    table = np.frombuffer(text, np.uint8).reshape(-1, _NAME_BYTES)
    first, last = (np.ascontiguousarray(table[:, part]) for part in (_FIRST, _LAST))
    signs = bytes(table[:, _DIGITS]) + bytes(table[:, _LAST.stop :])
    if _foreign(first) or _foreign(last) or signs != b"-" * len(names) + b".seg" * len(names):
        return False
    firsts, lasts = first.view(_WORD).ravel(), last.view(_WORD).ravel()
    return bool((firsts[1:] > firsts[:-1]).all() and (lasts[1:] > lasts[:-1]).all())


def _foreign(cells: npt.NDArray[np.uint8]) -> bool:
    """Whether anything in here is no digit."""
    return bool((cells - np.uint8(ord("0")) > 9).any())
