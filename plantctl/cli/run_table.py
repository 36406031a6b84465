"""The files that a run leaves: `out.csv` with recorded columns, `ev.csv` with transitions; whole or not at all."""

import argparse
import csv
import math
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from plantctl.core.event import Event
from plantctl.core.quality import GOOD, severity_word
from plantctl.plan.plan import Plan
from plantctl.scan.executive import Executive
from plantctl.scan.offline import OfflineScan

QUALITY = ".quality"
EVENT_HEADER = ("time_s", "scan", "kind", "target", "old", "new", "actor", "reason")


@dataclass(frozen=True, slots=True)
class Recorder:
    """Picks the recorded columns out of the image, or out of a block's record."""

    plan: Plan
    executive: Executive
    columns: Sequence[str]
    quality: bool

    def header(self) -> list[str]:
        """The header row."""
        names = ["time_s"]
        for name in self.columns:
            names += [name, f"{name}.quality"] if self.quality else [name]
        return names

    def row(self, time_ns: int) -> list[str]:
        """The values after a scan."""
        cells = [repr(time_ns / 1e9)]
        for name in self.columns:
            value, quality, whole = self._value(name.removesuffix(QUALITY))
            cells.append(severity_word(quality) if name.endswith(QUALITY) else number_text(value, whole))
            if self.quality:
                cells.append(severity_word(quality))
        return cells

    def _value(self, name: str) -> tuple[float, int, bool]:
        row = self.plan.rows.get(name)
        if row is not None:
            image = self.executive.image
            return float(image.v[row]), int(image.q[row]), self.plan.points[row].whole
        address = self.plan.addresses[name]
        column = self.executive.stepper.memories[address.kind].rows[address.field]
        return float(column[address.row]), GOOD, column.dtype.kind == "i"


def recordable(plan: Plan, name: str) -> bool:
    """Whether `name` can be a column: a point, `TAG.quality`, or a parameter or state of a block."""
    return name.removesuffix(QUALITY) in plan.rows or name in plan.addresses


def number_text(value: float, whole: bool) -> str:
    """A value as `out.csv` writes it: `repr` precision, booleans and numbers of enumerations without a point."""
    return str(int(value)) if whole and math.isfinite(value) else repr(value)


def write_run(
    plan: Plan,
    executive: Executive,
    scans: Iterable[OfflineScan],
    columns: Sequence[str],
    arguments: argparse.Namespace,
) -> None:
    """Write `out.csv` and, if asked, `ev.csv`: whole or not at all."""
    recorder = Recorder(plan, executive, columns, arguments.quality)
    with ExitStack() as files:
        out = csv.writer(files.enter_context(_whole(arguments.out)), lineterminator="\n")
        out.writerow(recorder.header())
        events = None
        if arguments.events is not None:
            events = csv.writer(files.enter_context(_whole(arguments.events)), lineterminator="\n")
            events.writerow(EVENT_HEADER)
        for scan in scans:
            out.writerow(recorder.row(scan.time_ns))
            if events is not None:
                events.writerows(event_row(event, scan.time_ns) for event in scan.result.events)


def event_row(event: Event, time_ns: int) -> tuple[str, ...]:
    """One row of `ev.csv`."""
    return (
        repr(time_ns / 1e9),
        str(event.scan),
        event.kind.word,
        event.target,
        event.old_text,
        event.new_text,
        event.actor,
        event.reason,
    )


class _whole:
    """A text file that appears under its name only when everything was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")

    def __enter__(self) -> IO[str]:
        self._file = self._temporary.open("w", newline="", encoding="utf-8")
        return self._file

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._file.close()
        if kind is None:
            os.replace(self._temporary, self._path)
        else:
            self._temporary.unlink(missing_ok=True)
