"""Lots as people write them down: lines `name,start,end` under a head that says so; further columns are theirs.

Rules of the file: pure; how a time is read is given.
"""

import csv
import io
from collections.abc import Callable
from typing import Final

from plantctl.history.export.lots import Lot, LotsRefused

HEAD: Final = ("name", "start", "end")


def lots_written(text: str, place: str, shown: str, time_ns: Callable[[str, str], int]) -> list[Lot]:
    """The lots of a text, which is at `place`; `shown` is what a lot says of where it was found.

    `time_ns` makes UTC ns of a time's text, given where that stands. Raises `LotsRefused` with the line that cannot be
    read, and what `time_ns` raises.
    """
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise LotsRefused(f"{place}: {error}") from None
    if not rows or tuple(cell.strip() for cell in rows[0][:3]) != HEAD:
        raise LotsRefused(f"{place}: it begins with a line `{','.join(HEAD)}`")
    lots: dict[str, Lot] = {}
    for line, row in enumerate(rows[1:], 2):
        if not any(row):
            continue
        if len(row) < len(HEAD) or not row[0].strip():
            raise LotsRefused(f"{place}:{line}: a lot has a name, a start and an end")
        name = row[0].strip()
        start_ns, end_ns = (time_ns(f"{place}:{line}", cell.strip()) for cell in row[1:3])
        if start_ns >= end_ns:
            raise LotsRefused(f"{place}:{line}: {name} ends before it begins")
        if name in lots:
            raise LotsRefused(f"{place}:{line}: {name} is there twice")
        lots[name] = Lot(name, start_ns, end_ns, start_ns, f"{shown}:{line}")
    return list(lots.values())
