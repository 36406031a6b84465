"""Times as people and programs write them, read to the ns: what an answer tells can be asked for again.

Rules of the file: pure; UTC ns since 1970.
"""

import re
from datetime import UTC, datetime
from typing import Final

# `datetime` ends at the microsecond.
_BEYOND: Final = re.compile(r"[.,][0-9]{6}([0-9]+)")


def moment_ns(text: str) -> int | None:
    """A time as in RFC 3339, digits behind the ninth left out; None where it names no zone.

    Raises `ValueError` where it is no time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    more = _BEYOND.search(text)
    ns = int(more[1][:3].ljust(3, "0")) if more else 0
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000 + ns


def moment_text(utc_ns: int, digits: int) -> str:
    """A time as in RFC 3339 with so many digits (1 to 9) behind the second; the rest is cut off."""
    second, ns = divmod(utc_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(second, UTC).isoformat()[:19]}.{ns:09d}"[: 20 + digits] + "Z"
