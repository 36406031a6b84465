"""What an export says of itself: `manifest.json`, and a row a lot in `lots.csv`.

Who works on with the numbers years later finds here what they were: units, meanings, what quality words stand for, how
values hold between points, which plans wrote which lot, what is missing, and of each file its SHA-256.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from plantctl import __version__
from plantctl.history.export.lots import Lot
from plantctl.history.export.places import Entry
from plantctl.history.reading.names import NamedPoint
from plantctl.history.reading.query import History
from plantctl.history.reading.table import utc_texts

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
LOTS: Final = "lots.csv"
BETWEEN: Final = (
    "a value holds until the next point, up to `until`, or goes straight to it where `interpolation` is `line`; "
    "nothing is filled in"
)
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
    "interpolation": "`line`: from here straight to the next point; `step`: the value holds until it",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export shall hold: `every_ns` 0 for points, else spans so long; `form` is `csv` or `parquet`.

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


def _utc(utc_ns: int) -> str:
    return utc_texts(np.array([utc_ns], np.int64))[0]


def lot_told(history: History, lot: Lot, file: Entry, rows: int, tags: dict[str, Any]) -> dict[str, Any]:
    """What is said of one lot, whose table is in `file`."""
    plans = history.plans(lot.start_ns, lot.end_ns)
    return {
        "name": lot.name,
        "file": file.name,
        "rows": rows,
        "bytes": file.bytes,
        "sha256": file.sha256,
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


def lots_csv(lots: Sequence[dict[str, Any]]) -> str:
    """A row a lot: from when to when, how much is known and good, which plan wrote it."""
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


def manifest(
    history: History, plant: str, wanted: Wanted, points: Sequence[NamedPoint], told: Told, lots_sha256: str
) -> dict[str, Any]:
    """All that is said of an export; the SHA-256 is that of `lots.csv`."""
    extent = history.extent_ns()
    spans = f"spans of {wanted.every_ns / 1e9:g} s from the start of each lot; the last may end behind it"
    others = ("until", "value", "source", "interpolation") if wanted.every_ns else ("mean, min, max", "count", "good")
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
        "between_points": BETWEEN,
        "times": "UTC, ns",
        "columns": {name: text for name, text in COLUMNS.items() if name not in others},
        "tags": [{"name": p.name, "id": p.id, "unit": p.unit, "meaning": p.text} for p in points],
        "qualities": {str(word): text for word, text in sorted(told.qualities.items())},
        "plans": list(dict.fromkeys(plan["hash"] for lot in told.lots for plan in lot["plans"])),
        "damaged_pieces_left_out": history.left_out,
        "lots": told.lots,
        "lots_csv_sha256": lots_sha256,
    }
