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
    """UTC ns of a moment, exact to the microsecond, of one that has ns (pandas) to the ns. Raises `ValueError` where it
    does not say its zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} does not say which zone it is in")
    since = moment - _EPOCH
    more_ns = int(getattr(moment, "nanosecond", 0))
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000 + more_ns


# Far beyond any record, and far within what 64 bits of ns hold.
EARLIEST_NS: Final = utc_ns_of(datetime(1900, 1, 1, tzinfo=UTC))
LATEST_NS: Final = utc_ns_of(datetime(2200, 1, 1, tzinfo=UTC))


def time_in(text: str) -> int:
    """UTC ns of a time from 1900 to 2200 as RFC 3339 has it, digits behind the ninth left out. Raises `ValueError`."""
    shown = text[:_SHOWN_MAX]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{shown}` is no time; write it as 2026-11-22T13:00:00Z") from None
    if moment.tzinfo is None:
        hint = shown if ":" in shown else f"{moment.date()}T00:00"
        raise ValueError(f"`{shown}` does not say which zone it is in; for UTC write {hint}Z")
    more = _BEYOND.search(text)
    return within(utc_ns_of(moment) + (int(more[1][:3].ljust(3, "0")) if more else 0), shown)


def time_or_ns_in(text: str) -> int:
    """The same, or a whole number of ns since 1970."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else time_in(text)


def within(utc_ns: int, shown: object) -> int:
    """The time itself where ns of 64 bits hold it and all that is counted from it, else `ValueError` about `shown`."""
    if not EARLIEST_NS <= utc_ns <= LATEST_NS:
        raise ValueError(f"`{shown}` is no time from 1900 to 2200")
    return utc_ns


def moment_text(utc_ns: int, digits: int) -> str:
    """A time as in RFC 3339 with so many digits (0 to 9) behind the second; the rest is cut off."""
    second, ns = divmod(utc_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(second, UTC).isoformat()[:19]}.{ns:09d}"[: 20 + digits if digits else 19] + "Z"
