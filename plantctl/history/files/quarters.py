"""Quarters of an hour of many sealed files in one: what months and years are drawn from.

A plant seals a file an hour, and a year would be nine thousand to open. So what every tag did in quarters of an hour is
kept in files of their own beside them: one for each 24 sealed files (a day of an hour each), and for each 24 of those
one in their place.

    <first sequence>-<last sequence>.q1    quarters of the sealed files in this stretch
    <first sequence>-<last sequence>.q2    the same of a longer stretch, from files `.q1` that are then removed

They hold nothing that the sealed files do not: one that is missing or damaged costs time alone, and is made again
(`quarter_files`). In the file they are chunks as in sealed files, one a tag (`chunk`, `sealed`).

Rules of the file: of two files of quarters that tell of the same, the wider counts.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from plantctl.history.files.sealed import Range, SealedFile, open_sealed
from plantctl.log.rows import PartlyReadable

_NAME: Final = re.compile(r"(\d{20})-(\d{20})\.q([12])")
_ENDS: Final = (".q1", ".q2")


class QuarterRange(NamedTuple):
    """The frames of whose sealed files a file of quarters tells, by its name; `level` is 1 or 2."""

    first_sequence: int
    last_sequence: int
    level: int

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"{self.first_sequence:020d}-{self.last_sequence:020d}.q{self.level}"


def quarter_ranges_all(names: Iterable[str]) -> list[QuarterRange]:
    """The files of quarters among `names` in the order of time, the wider of two that begin together first."""
    some = (name for name in names if name.endswith(_ENDS))  # a folder of years holds nine thousand others
    found = (QuarterRange(int(m[1]), int(m[2]), int(m[3])) for m in map(_NAME.fullmatch, some) if m)
    return sorted(found, key=lambda q: (q.first_sequence, -q.last_sequence, -q.level))


def quarter_ranges(names: Iterable[str]) -> list[QuarterRange]:
    """The files of quarters among `names` in the order of time; one that reaches into another is left out."""
    kept: list[QuarterRange] = []
    for one in quarter_ranges_all(names):
        if not kept or one.first_sequence > kept[-1].last_sequence:
            kept.append(one)
    return kept


def open_quarters(storage: PartlyReadable, range_: QuarterRange) -> SealedFile:
    """Opens a file of quarters, as `open_sealed`."""
    return open_sealed(storage, Range(range_.first_sequence, range_.last_sequence), range_.name)
