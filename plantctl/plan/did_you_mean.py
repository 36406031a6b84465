"""Finds the name that was probably meant: the nearest of the known ones, by a few mistyped characters."""

from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache


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
    found = get_close_matches(_fold(name), list(folded), n=1, cutoff=0.7)
    return folded[found[0]] if found else ""


def _fold(name: str) -> str:
    return name.lower().replace("_", "-")
