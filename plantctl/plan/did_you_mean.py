"""Finds the name that was probably meant: the nearest of the known ones, by a few mistyped characters.

Of a short word one slip of the finger is a large part: `lba` has two letters of three in common with `lab`. So where
nothing is alike enough, a word that is one slip away is near too; not so a name with digits, which number other things.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from itertools import takewhile
from typing import Final

# One slip makes of two letters any other two.
SLIP_LETTERS: Final = 3


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name nearest to `name`, empty when none is near; case, `-` and `_` count little."""
    return _nearest(name, tuple(known))


def meant(name: str, known: Iterable[str]) -> str:
    """A hint in words, `did you mean `unit`?`, or empty."""
    near = nearest(name, known)
    return f"did you mean `{near}`?" if near else ""


@lru_cache(maxsize=1024)
def _nearest(name: str, known: tuple[str, ...]) -> str:
    """Kept for some time: one mistake is often made many times."""
    folded = {_fold(candidate): candidate for candidate in known}
    typed = _fold(name)
    found = get_close_matches(typed, list(folded), n=1, cutoff=0.7)
    if not found and len(typed) >= SLIP_LETTERS and not any(map(str.isdigit, typed)):
        slips = (other for other in folded if len(other) >= SLIP_LETTERS and _one_slip(typed, other))
        found = sorted(slips, key=lambda other: sorted(other) != sorted(typed))  # first those with the same letters
    return folded[found[0]] if found else ""


def _one_slip(one: str, other: str) -> bool:
    """Whether a letter more, less or other, or two neighbours exchanged, makes one of the other."""
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    one, other = one[alike:], other[alike:]
    return one[1:] in (other, other[1:]) or other[1:] == one or (one[1::-1] + one[2:]) == other


def _fold(name: str) -> str:
    return name.lower().replace("_", "-")
