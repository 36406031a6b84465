"""The forms in which the past is told over HTTP, by what the one who asks accepts: JSON, CSV, Arrow, Parquet.

JSON is told by `history_answer` itself; the others are the table of `history.reading.table`. Arrow and Parquet need
pyarrow, which is the user's own.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np

from plantctl.core.errors import PlantctlError
from plantctl.history.reading.arrow import LibraryMissing, arrow_bytes, parquet_bytes
from plantctl.history.reading.gathering import State
from plantctl.history.reading.query import Series
from plantctl.history.reading.table import Table, csv_pieces
from plantctl.hmi.history_pieces import byte_pieces

JSON: Final = "application/json"
FORMS: Final[dict[str, tuple[str, Callable[[Table], Iterator[bytes]]]]] = {
    "text/csv": ("csv", lambda table: (piece.encode() for piece in csv_pieces(table))),
    "application/vnd.apache.arrow.stream": ("arrows", lambda table: byte_pieces(arrow_bytes(table))),
    "application/vnd.apache.parquet": ("parquet", lambda table: byte_pieces(parquet_bytes(table))),
}
_SHARE: Final = re.compile(r"[01](\.[0-9]{0,3})?")


class NotAcceptable(PlantctlError):
    """No form of ours is accepted, or the one that is cannot be made here; the message says what to do."""


class Formed(NamedTuple):
    """An answer piece by piece, of so many rows: its media type, the ending of a file of it (none of JSON).

    `truncated`: more points were asked than are in it; `following` is the token to go on with.
    """

    pieces: Iterator[bytes]
    rows: int
    kind: str
    ending: str
    truncated: bool
    following: str


def wanted_form(accept: str) -> str:
    """The media type to answer with, of those an `Accept` names the one it likes best. Raises `NotAcceptable`.

    What matches two of its ranges is judged by the closer one, as RFC 9110 has it (12.5.1).
    """
    ranges: dict[str, float] = {}
    for each in accept.split(",") if accept.strip() else ["*/*"]:
        kind, *settings = (part.strip().lower() for part in each.split(";"))
        share = next((s[2:] for s in settings if s.startswith("q=")), "1")
        ranges[kind] = float(share) if _SHARE.fullmatch(share) else 0.0
    best, most = "", 0.0
    for kind in (JSON, *FORMS):
        near = (kind, f"{kind.partition('/')[0]}/*", "*/*")
        liked = next((ranges[each] for each in near if each in ranges), 0.0)
        if liked > most:
            best, most = kind, liked
    if not best:
        raise NotAcceptable(f"the past is told as {', '.join((JSON, *FORMS))}")
    return best


def formed(kind: str, table: Table, truncated: bool, following: str) -> Formed:
    """The table in one of `FORMS`. Raises `NotAcceptable` where what makes it is not installed."""
    ending, make = FORMS[kind]
    try:
        return Formed(make(table), len(table), kind, ending, truncated, following)
    except LibraryMissing as error:
        raise NotAcceptable(str(error)) from error


def series_of(name: str, unit: str, state: State | None) -> Series:
    """One point, or none, as a series."""
    rows = [] if state is None else [state]
    utc_ns = np.array([r.utc_ns for r in rows], np.int64)
    return Series(
        name,
        unit,
        utc_ns,
        utc_ns,
        np.array([r.value for r in rows], np.float64),
        np.array([r.quality for r in rows], np.uint16),
        np.array([r.source_ns for r in rows], np.int64),
        int(utc_ns[-1]) if rows else 0,
        False,
    )
