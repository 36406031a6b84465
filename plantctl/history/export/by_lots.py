"""What was recorded, lot by lot, for whoever works on: a folder or a zip with one table a lot, and a manifest.

Time in a table is told twice: as UTC, and as seconds since the lot's zero, so that lots lie over each other. The
manifest says what the numbers are: units, meanings, what quality words stand for, how values hold between points, which
plans (configurations) wrote which lot, what is missing, and of each file its SHA-256.

    manifest.json   all of that
    lots.csv        a row a lot
    0001-NAME.csv   a row a point, or a row a span, tag after tag

Rules of the file: only reads the record; one tag of one lot is in memory, at most a page of points of it; on disk the
result gets its name once all of it is there, and nothing is left where it fails; a zip that is sent away has its
manifest and its directory last, so that half of one is none.
"""

import json
import os
import re
import shutil
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np

from plantctl.core.errors import PlantctlError
from plantctl.core.quality import describe
from plantctl.history.export.lots import Lot
from plantctl.history.export.manifest import LOTS, MANIFEST, Told, Wanted, lot_told, lots_csv, manifest
from plantctl.history.export.places import CsvTables, Entry, FolderPlace, ParquetTables, Place, Sent, ZipPlace, sync
from plantctl.history.export.tables import lot_tables
from plantctl.history.reading.names import NamedPoint
from plantctl.history.reading.query import History

PAGE: Final = 200_000
# Whoever sends an export has others to answer: so many points are read in some 10 ms.
PAGE_SENT: Final = 20_000
FORMS: Final[dict[str, type[CsvTables] | type[ParquetTables]]] = {"csv": CsvTables, "parquet": ParquetTables}
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")


class ExportRefused(PlantctlError):
    """An export that cannot be made; the message says why. Nothing is left behind."""


def export(history: History, plant: str, wanted: Wanted, out: Path) -> Told:
    """Writes the export to `out`: a zip where it ends in `.zip`, else a folder; what is there is not replaced.

    Raises `ExportRefused`, `UnknownTag`, `LibraryMissing` and `OSError`.
    """
    points = _points(history, wanted)
    if out.exists():
        raise ExportRefused(f"{out} is there already")
    part, told = out.with_name(f"{out.name}.part"), Told()
    _remove(part)
    try:
        if out.suffix == ".zip":
            with part.open("wb") as file:
                _finish(_steps(history, plant, wanted, points, ZipPlace(file, wanted.made_ns), told, PAGE))
            sync(part)
            os.replace(part, out)
        else:
            _finish(_steps(history, plant, wanted, points, FolderPlace(part), told, PAGE))
            os.rename(part, out)
        sync(out.absolute().parent)
    finally:
        _remove(part)
    return told


def zip_pieces(history: History, plant: str, wanted: Wanted) -> Iterator[bytes]:
    """The same as a zip in pieces, some of them empty: each is made in some 10 ms when it is asked for.

    What can be refused is refused at once: `UnknownTag`, `LibraryMissing`; `OSError` on the way.
    """
    sent, points = Sent(), _points(history, wanted)
    if wanted.form == "parquet":
        FORMS[wanted.form](Entry("", cast(IO[bytes], sent), lambda: None))
    place = ZipPlace(cast(IO[bytes], sent), wanted.made_ns)
    return _sent(sent, _steps(history, plant, wanted, points, place, Told(), PAGE_SENT))


def _sent(sent: Sent, steps: Iterator[None]) -> Iterator[bytes]:
    for _ in steps:
        yield sent.taken()
    yield sent.taken()


def _points(history: History, wanted: Wanted) -> list[NamedPoint]:
    return [history.names.point(tag) for tag in wanted.tags]


def _remove(part: Path) -> None:
    shutil.rmtree(part, ignore_errors=True)
    if part.is_file():
        part.unlink()


def _finish(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


def _steps(
    history: History, plant: str, wanted: Wanted, points: Sequence[NamedPoint], place: Place, told: Told, page: int
) -> Iterator[None]:
    """Writes all of it, a little at each step."""
    try:
        for number, lot in enumerate(wanted.lots, 1):
            entry = place.entry(f"{number:04d}{_tail(lot.name, number)}.{wanted.form}")
            file = FORMS[wanted.form](entry)
            tags, rows = {}, 0
            try:
                for point in points:
                    said, count = yield from _write_tag(
                        history, point, lot, wanted.every_ns, page, file, told.qualities
                    )
                    tags[point.name], rows = said, rows + count
            finally:
                file.close()
            told.lots.append(lot_told(history, lot, entry, rows, tags))
            told.rows, told.bytes = told.rows + rows, told.bytes + entry.bytes
            yield
        lots_sha256 = _put(place.entry(LOTS), lots_csv(told.lots).encode())
        said = manifest(history, plant, wanted, points, told, lots_sha256)
        _put(place.entry(MANIFEST), json.dumps(said, indent=1).encode() + b"\n")
    finally:
        place.close()


def _tail(name: str, number: int) -> str:
    plain = _PLAIN.sub("_", name).strip("._")[:60]
    return f"-{plain}" if plain and plain != f"{number:04d}" else ""


def _put(entry: Entry, data: bytes) -> str:
    try:
        entry.write(data)
    finally:  # also where the disk refused: nobody can close a zip with an entry open
        entry.close()
    return entry.sha256


def _write_tag(
    history: History,
    point: NamedPoint,
    lot: Lot,
    every_ns: int,
    page: int,
    file: CsvTables | ParquetTables,
    qualities: dict[int, str],
) -> Generator[None, None, tuple[dict[str, Any], int]]:
    """Writes what a tag did in a lot; what the manifest says of it, and how many rows it has."""
    rows = points = 0
    for table, count in lot_tables(history, point, lot, every_ns, page):
        rows, points = rows + len(table), points + count
        words = table["quality_word"]
        there = words.data if words.there is None else words.data[words.there]
        qualities |= {int(word): describe(int(word)) for word in np.unique(there)}
        yield from file.add(table)
    found = history.average(point.name, lot.start_ns, lot.end_ns)
    known = history.spans(point.name, np.array([lot.start_ns], np.int64), lot.end_ns - lot.start_ns)
    yield
    return {
        "rows": rows,
        "points": points,
        "known": round(int(known.known_ns[0]) / (lot.end_ns - lot.start_ns), 9),
        "good": round(found.good, 9),
        "worst_quality": describe(found.quality) if known.told[0] else None,
    }, rows
