"""Times as people and programs write them, read to the ns: what an answer tells can be asked for again.

Rules of the file: pure; UTC ns since 1970; what does not say its zone is no time, and `ValueError` tells a person what
is wrong.
"""

import re
from datetime import UTC, datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN_MAX: Final = 40
# `datetime` ends at the microsecond.
_BEYOND: Final = re.compile(r"[.,][0-9]{6}([0-9]+)")


def utc_ns_of(moment: datetime) -> int:
    """UTC ns of a moment, exact to the microsecond. Raises `ValueError` where it does not say its zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} does not say which zone it is in")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


def time_in(text: str) -> int:
    """UTC ns of a time as RFC 3339 has it, digits behind the ninth left out. Raises `ValueError`."""
    shown = text[:_SHOWN_MAX]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{shown}` is no time; write it as 2026-11-22T13:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"`{shown}` does not say which zone it is in; for UTC write {shown}Z")
    more = _BEYOND.search(text)
    return utc_ns_of(moment) + (int(more[1][:3].ljust(3, "0")) if more else 0)


def time_or_ns_in(text: str) -> int:
    """The same, or a whole number of ns since 1970."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else time_in(text)


def moment_text(utc_ns: int, digits: int) -> str:
    """A time as in RFC 3339 with so many digits (1 to 9) behind the second; the rest is cut off."""
    second, ns = divmod(utc_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(second, UTC).isoformat()[:19]}.{ns:09d}"[: 20 + digits] + "Z"
