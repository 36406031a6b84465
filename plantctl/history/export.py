"""What was recorded, lot by lot, for whoever works on: a folder or a zip with one table a lot, and a manifest.

Time in a table is told twice: as UTC, and as seconds since the lot's zero, so that lots lie over each other. The
manifest says what the numbers are: units, meanings, what quality words stand for, how values hold between points, which
plans (configurations) wrote which lot, what is missing, and of each file its SHA-256.

    manifest.json   all of that
    lots.csv        a row a lot
    0001-NAME.csv   a row a point, or a row a span, tag after tag

Rules of the file: only reads the record; one tag of one lot is in memory, at most `PAGE` points of it; the result gets
its name once all of it is on disk, and nothing is left where it fails.
"""

import csv
import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from plantctl import __version__
from plantctl.core.errors import PlantctlError
from plantctl.core.quality import describe
from plantctl.history.arrow import ParquetFile
from plantctl.history.buckets import Buckets
from plantctl.history.lots import Lot
from plantctl.history.names import NamedPoint
from plantctl.history.query import BUCKETS_MAX, History, Series
from plantctl.history.table import Column, Holds, Table, csv_text, interpolation, quality_columns, utc_texts

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
LOTS: Final = "lots.csv"
PAGE: Final = 200_000
FORMS: Final = ("csv", "parquet")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")
COLUMNS: Final = {
    "tag": "the tag's name",
    "unit": "unit of value, or of mean, min and max; empty: a plain number",
    "since_zero": "time since the lot's zero, s",
    "utc": "when the value came, or where the span begins; the first point of a tag came before its lot",
    "until": "up to when the value was in force; earlier than the next point: a gap",
    "value": "in `unit`",
    "mean, min, max": "over the good time of the span; empty where nothing was good",
    "count": "points in the span, good or not",
    "good": "share of the span in which the value was good, 0 to 1",
    "quality": "in words, of a span the worst in it",
    "quality_word": "as 16 bits; `qualities` of this file has the words",
    "source": "the device's time, empty where it gave none",
}


class ExportRefused(PlantctlError):
    """An export that cannot be made; the message says why. Nothing is left behind."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export shall hold: `every_ns` 0 for points, else spans so long; `form` one of `FORMS`.

    `asked` is how the lots were asked for, `command` the words that make the export again, `made_ns` when (UTC).
    """

    tags: Sequence[str]
    lots: Sequence[Lot]
    every_ns: int = 0
    form: str = "csv"
    asked: str = ""
    command: str = ""
    made_ns: int = 0


@dataclass(slots=True)
class Told:
    """What an export holds: lots, rows, bytes; `qualities` are the words that were met."""

    lots: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0
    qualities: dict[int, str] = field(default_factory=dict)


def export(history: History, plant: str, wanted: Wanted, out: Path) -> Told:
    """Writes the export to `out`: a zip where it ends in `.zip`, else a folder; what is there is not replaced.

    Raises `ExportRefused`, `UnknownTag`, `LibraryMissing` and `OSError`.
    """
    points = [history.names.point(tag) for tag in wanted.tags]
    if out.exists():
        raise ExportRefused(f"{out} is there already")
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    packed = out.with_name(f"{out.name}.part.zip")
    try:
        part.mkdir()
        told = _written(history, plant, wanted, points, part)
        if out.suffix == ".zip":
            _pack(part, packed)
            os.replace(packed, out)
        else:
            _sync(part)
            os.rename(part, out)
        _sync(out.absolute().parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        packed.unlink(missing_ok=True)
    return told


def _written(history: History, plant: str, wanted: Wanted, points: Sequence[NamedPoint], folder: Path) -> Told:
    told = Told()
    for number, lot in enumerate(wanted.lots, 1):
        path = folder / f"{number:04d}{_tail(lot.name, number)}.{wanted.form}"
        tags, rows = {}, 0
        with _open(path, wanted.form) as add:
            for point in points:
                said, count = _write_tag(history, point, lot, wanted.every_ns, add, told.qualities)
                tags[point.name], rows = said, rows + count
        told.lots.append(_lot_told(history, lot, path, rows, tags))
        told.rows, told.bytes = told.rows + rows, told.bytes + path.stat().st_size
    _put(folder / LOTS, _lots_csv(told.lots).encode())
    said = _manifest(history, plant, wanted, points, told) | {"lots_csv_sha256": _sha256(folder / LOTS)}
    _put(folder / MANIFEST, json.dumps(said, indent=1).encode() + b"\n")
    return told


def _tail(name: str, number: int) -> str:
    plain = _PLAIN.sub("_", name).strip("._")[:60]
    return f"-{plain}" if plain and plain != f"{number:04d}" else ""


# ------------------------------------------------------------------------------------------------ one tag of one lot


def _write_tag(
    history: History, point: NamedPoint, lot: Lot, every_ns: int, add: "Adding", qualities: dict[int, str]
) -> tuple[dict[str, Any], int]:
    """Writes what a tag did in a lot; what the manifest says of it, and how many rows it has."""
    rows = points = 0
    for table, count in _tables(history, point, lot, every_ns):
        add(table)
        rows, points = rows + len(table), points + count
        words = table["quality_word"]
        there = words.data if words.there is None else words.data[words.there]
        qualities |= {int(word): describe(int(word)) for word in np.unique(there)}
    found = history.average(point.name, lot.start_ns, lot.end_ns)
    known = history.spans(point.name, np.array([lot.start_ns], np.int64), lot.end_ns - lot.start_ns)
    return {
        "rows": rows,
        "points": points,
        "known": round(int(known.known_ns[0]) / (lot.end_ns - lot.start_ns), 9),
        "good": round(found.good, 9),
        "worst_quality": describe(found.quality) if known.told[0] else None,
    }, rows


def _tables(history: History, point: NamedPoint, lot: Lot, every_ns: int) -> Iterator[tuple[Table, int]]:
    """Tables of a part of the lot each, and how many points each of them tells of."""
    if every_ns:
        for begin_ns in range(lot.start_ns, lot.end_ns, every_ns * BUCKETS_MAX):
            end_ns = min(lot.end_ns, begin_ns + every_ns * BUCKETS_MAX)
            spans = history.spans(point.name, np.arange(begin_ns, end_ns, every_ns, dtype=np.int64), every_ns, True)
            yield _spans_table(point, lot, spans, every_ns), int(np.where(spans.told, spans.count, 0).sum())
        return
    token, first = "", True
    while token or first:
        page = history.page(point.name, lot.start_ns, lot.end_ns, PAGE, token)
        inside = int((page.series.utc_ns >= lot.start_ns).sum())
        yield _points_table(point, lot, page.series), inside
        token, first = page.token, False


def _front(point: NamedPoint, lot: Lot, utc_ns: Any) -> tuple[Column, ...]:
    none = np.zeros(len(utc_ns), np.int64)
    return (
        Column("tag", Holds.WORDS, none, words=(point.name,)),
        Column("unit", Holds.WORDS, none, words=(point.unit,)),
        Column("since_zero", Holds.NUMBER, (utc_ns - lot.zero_ns) / 1e9, "s"),
        Column("utc", Holds.UTC, utc_ns),
    )


def _points_table(point: NamedPoint, lot: Lot, series: Series) -> Table:
    return Table(
        (
            *_front(point, lot, series.utc_ns),
            Column("until", Holds.UTC, series.until_ns),
            Column("value", Holds.NUMBER, series.value, off_by=series.off_by),
            *quality_columns(series.quality, None),
            Column("source", Holds.UTC, series.source_ns, there=series.source_ns != 0),
            *interpolation([series], always=True),
        )
    )


def _spans_table(point: NamedPoint, lot: Lot, spans: Buckets, every_ns: int) -> Table:
    def number(name: str, data: Any) -> Column:
        return Column(name, Holds.NUMBER, data, there=spans.told & ~np.isnan(data))

    return Table(
        (
            *_front(point, lot, spans.begin_ns),
            number("mean", spans.mean),
            number("min", spans.low),
            number("max", spans.high),
            Column("count", Holds.COUNT, np.where(spans.told, spans.count, 0)),
            Column("good", Holds.NUMBER, spans.known_ns / every_ns),
            *quality_columns(spans.quality, spans.told),
        )
    )


# ------------------------------------------------------------------------------------------------ files


Adding = Callable[[Table], None]


class _CsvFile:
    """A CSV that grows table by table."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._begun = False

    def add(self, table: Table) -> None:
        text = csv_text(table)
        self._file.write((text.partition("\r\n")[2] if self._begun else text).encode())
        self._begun = True

    def close(self) -> None:
        self._file.close()


class _open:
    """A file of a form, open to add tables; forced to disk at the end."""

    def __init__(self, path: Path, form: str) -> None:
        self._path = path
        self._file = ParquetFile(path) if form == "parquet" else _CsvFile(path)

    def __enter__(self) -> Adding:
        return self._file.add

    def __exit__(self, *_: object) -> None:
        self._file.close()
        _sync(self._path)


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    _sync(path)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _pack(folder: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.iterdir()):
            kept = path.suffix == ".parquet"  # is compressed already
            packed.write(path, path.name, zipfile.ZIP_STORED if kept else zipfile.ZIP_DEFLATED)
    _sync(out)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ------------------------------------------------------------------------------------------------ what is said of it


def _utc(utc_ns: int) -> str:
    return utc_texts(np.array([utc_ns], np.int64))[0]


def _lot_told(history: History, lot: Lot, path: Path, rows: int, tags: dict[str, Any]) -> dict[str, Any]:
    plans = history.plans(lot.start_ns, lot.end_ns)
    return {
        "name": lot.name,
        "file": path.name,
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": _sha256(path),
        "start": _utc(lot.start_ns),
        "end": _utc(lot.end_ns),
        "zero": _utc(lot.zero_ns),
        "why": lot.why,
        "ended": lot.ended,
        "plans": [{"hash": f"{h:016x}", "from": _utc(max(utc_ns, lot.start_ns))} for utc_ns, h in plans],
        "plan_changed": len(plans) > 1,
        "tags": tags,
        "tags_without_a_point": [name for name, said in tags.items() if not said["rows"]],
    }


def _lots_csv(lots: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(
        ("name", "file", "start", "end", "zero", "rows", "known", "good", "plan", "changed", "why", "ended")
    )
    for lot in lots:
        shares = [min((tag[share] for tag in lot["tags"].values()), default=0.0) for share in ("known", "good")]
        plan = lot["plans"][0]["hash"] if lot["plans"] else ""
        front = (lot["name"], lot["file"], lot["start"], lot["end"], lot["zero"], lot["rows"])
        writer.writerow((*front, *shares, plan, str(lot["plan_changed"]).lower(), lot["why"], lot["ended"]))
    return out.getvalue()


def _manifest(history: History, plant: str, wanted: Wanted, points: Sequence[NamedPoint], told: Told) -> dict[str, Any]:
    extent = history.extent_ns()
    spans = f"spans of {wanted.every_ns / 1e9:g} s from the start of each lot; the last may end behind it"
    others = ("until", "value", "source") if wanted.every_ns else ("mean, min, max", "count", "good")
    return {
        "format": FORMAT,
        "made_by": f"plantctl {__version__}",
        "made": _utc(wanted.made_ns),
        "command": wanted.command,
        "plant": plant,
        "record": None if extent is None else {"first": _utc(extent[0]), "last": _utc(extent[1])},
        "lots_asked": wanted.asked,
        "form": wanted.form,
        "rows_are": spans if wanted.every_ns else "points: every change of value, quality or device time",
        "between_points": "a value holds until the next point, up to `until`; nothing is interpolated or filled in",
        "times": "UTC, ns",
        "columns": {name: text for name, text in COLUMNS.items() if name not in others},
        "tags": [{"name": p.name, "id": p.id, "unit": p.unit, "meaning": p.text} for p in points],
        "qualities": {str(word): text for word, text in sorted(told.qualities.items())},
        "plans": list(dict.fromkeys(plan["hash"] for lot in told.lots for plan in lot["plans"])),
        "damaged_pieces_left_out": history.damaged,
        "lots": told.lots,
    }
