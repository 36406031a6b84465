"""Values of a file that came after their time, as they are brought: each row looked at, and those left out that are
there already, so that the same file brings nothing twice.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from plantctl.core.late import LATE_ROW, ROWS_MAX
from plantctl.core.quality import BAD, GOOD, UNCERTAIN
from plantctl.history.reading.late import LateRows
from plantctl.history.reading.late_index import NONE

QUALITIES: Final = {"": GOOD, "good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}
NAME_LENGTH_MAX: Final = 100
# A row: UTC ns of the value, tag, value (null: none), quality as a word (empty: good).
Row = tuple[Annotated[int, Meta(ge=1)], str, float | None, str]


class LabImport(Struct, tag_field="do", tag="import", forbid_unknown_fields=True, kw_only=True):
    """A part of a file of late values, at the control socket only. `check`: nothing is done, the rows are looked at;
    `first`: the journal tells of it.
    """

    name: Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH_MAX)]
    rows: Annotated[list[Row], Meta(min_length=1, max_length=ROWS_MAX)]
    check: bool = False
    first: bool = False


class LabImported(Struct):
    """What became of a part: how many rows are new, how many were there; `wrong` are places in it, and why."""

    new: int
    known: int
    wrong: list[tuple[int, str]]


def import_rows(
    asked: LabImport, ids: Mapping[str, int], laboratory: Mapping[str, object], latest_ns: int
) -> tuple[npt.NDArray[np.void], list[tuple[int, str]]]:
    """The rows as `LATE_ROW`, and what is wrong with them: place and sentence; `ids` are those of all points."""
    rows, wrong = np.zeros(len(asked.rows), LATE_ROW), []
    for place, (utc_ns, tag, value, quality) in enumerate(asked.rows):
        number = math.nan if value is None else value
        why = ""
        if tag in laboratory:
            why = f"`{tag}` is a laboratory tag: plantctl lab enter"
        elif tag not in ids:
            why = f"`{tag}` is not in this plant"
        elif utc_ns > latest_ns:
            why = "the time lies in the future"
        elif quality not in QUALITIES:
            why = f"`{quality}` is no quality: good, uncertain or bad"
        elif not math.isfinite(number) and quality != "bad":
            why = "a value that is no number is of quality bad"
        if why:
            wrong.append((place, why))
        else:
            rows[place] = (number, utc_ns, ids[tag], QUALITIES[quality], 0)
    return rows, wrong


def known_rows(late: LateRows, rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Which of the rows the record has already, with the same value and quality."""
    index = late.index()
    found = index.told_last(rows["tag"], rows["utc_ns"])
    value, quality = index.values(found)
    same = (value == rows["value"]) | (np.isnan(value) & np.isnan(rows["value"]))
    known: npt.NDArray[np.bool_] = (found != NONE) & ~index.withdrawn(found) & same & (quality == rows["quality"])
    return known
