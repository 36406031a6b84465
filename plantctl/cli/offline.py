"""Runs a compiled plan over files of inputs and commands: what `plantctl exec` does once its arguments are read."""

import argparse
import csv
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from plantctl.cli.exit_code import FINDINGS, UNKNOWN_INPUT, USAGE, fail
from plantctl.cli.findings import show_findings
from plantctl.cli.plant_text import read_plant
from plantctl.core.command import VERB_NAMES, Command
from plantctl.core.errors import PlantctlError
from plantctl.core.event import Event
from plantctl.core.quality import BAD, GOOD, UNCERTAIN, severity_word
from plantctl.core.units import UnitError, parse_duration_ns
from plantctl.plan.did_you_mean import meant
from plantctl.plan.plan import Plan
from plantctl.scan.executive import Executive
from plantctl.scan.offline import InputSample, OfflineScan, TimedCommand, run_offline

QUALITY_WORDS = {"": GOOD, "good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}
QUALITY = ".quality"
INTERPRETED_LIMIT = 1_000_000
EVENT_HEADER = ("time_s", "scan", "kind", "target", "old", "new", "actor", "reason")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class InputRefused(PlantctlError):
    """A file of inputs or commands cannot be used; the message names file and line."""


def run(arguments: argparse.Namespace) -> int:
    """Carry out `exec`; the exit code."""
    built = read_plant(arguments.plant)
    if built.plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    plan = built.plan
    if arguments.log is None and (arguments.inputs is None or arguments.until is None):
        return fail(USAGE, "exec needs --inputs IN.csv and --until TIME, or --from LOG")
    if arguments.log is None and arguments.run is not None:
        return fail(USAGE, "--run names a run of a log: it needs --from LOG")
    try:
        until_ns = None if arguments.until is None else parse_duration_ns(arguments.until)
    except UnitError as error:
        return fail(USAGE, f"--until: {error}")
    columns = list(plan.default_columns)
    if arguments.record is not None:
        columns = [name.strip() for name in arguments.record.split(",") if name.strip()]
        unknown = [name for name in columns if not recordable(plan, name)]
        if unknown:
            near = meant(unknown[0], (*plan.rows, *plan.addresses))
            return fail(USAGE, f"--record: `{unknown[0]}` is not a tag of this plant{'; ' + near if near else ''}")
    if arguments.log is not None:
        from plantctl.cli.replay import replay_log

        return replay_log(plan, arguments, columns, until_ns)
    assert until_ns is not None
    try:
        samples = read_inputs(plan, arguments.inputs)
        commands = read_commands(arguments.commands) if arguments.commands else []
    except InputRefused as error:
        return fail(UNKNOWN_INPUT, str(error))
    executive = Executive(plan, compiled=_compiled(arguments, plan, until_ns), ages=arguments.ages)
    scans = run_offline(plan, executive, samples, commands, until_ns)
    try:
        write_run(plan, executive, scans, columns, arguments)
    except OSError as error:
        return fail(USAGE, f"cannot write the result: {error}")
    return 0


def _compiled(arguments: argparse.Namespace, plan: Plan, until_ns: int) -> bool:
    if arguments.interpreted or arguments.compiled:
        return bool(arguments.compiled)
    rows = sum(len(k.rows) for k in plan.kinds) + len(plan.expressions)
    return rows * (until_ns // plan.period_ns + 1) >= INTERPRETED_LIMIT


# -- reading ---------------------------------------------------------------------------------------------------------


def _rows(path: Path, header: Sequence[str], needed: int) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file with its line numbers; columns beyond `needed` may be missing at the right."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.reader(file, strict=True)
            first = next(reader, None)
            if first is None or not needed <= len(first) <= len(header) or first != list(header[: len(first)]):
                raise InputRefused(f"{path}:1: the header must be {','.join(header)}")
            for row in reader:
                if not row:
                    continue
                if not needed <= len(row) <= len(first):
                    raise InputRefused(f"{path}:{reader.line_num}: {len(row)} columns, {len(first)} expected")
                yield reader.line_num, row + [""] * (len(header) - len(row))
    except OSError as error:
        raise InputRefused(f"{path}: {(error.strerror or str(error)).lower()}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputRefused(f"{path}: {error}") from error


def _time_ns(text: str, place: str, before_ns: int) -> int:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds) or seconds < 0.0:
        raise InputRefused(f"{place}: `{text}` is not a time in s")
    time_ns = round(seconds * 1e9)
    if time_ns < before_ns:
        raise InputRefused(f"{place}: time runs backwards: {text} after {before_ns / 1e9!r}")
    return time_ns


def value_of(text: str) -> float | None:
    """A value as a file may write it: decimal, `nan`, `inf`, `-inf`, `true`, `false`; None for anything else."""
    if text in ("true", "false"):
        return float(text == "true")
    if text in ("nan", "inf", "-inf") or _NUMBER.fullmatch(text):
        return float(text)
    return None


def read_inputs(plan: Plan, path: Path) -> list[InputSample]:
    """The rows of `in.csv`. Raises `InputRefused` for an unknown tag, a bad value, or time that runs backwards."""
    numbers = {row.tag: i for i, row in enumerate(plan.inputs)}
    samples: list[InputSample] = []
    before_ns = 0
    for line, (time_s, tag, value, quality) in _rows(path, ("time_s", "tag", "value", "quality"), 3):
        place = f"{path}:{line}"
        before_ns = _time_ns(time_s, place, before_ns)
        if tag not in numbers:
            what = "is written by the plan, not an input" if tag in plan.rows else "is not a tag of this plant"
            raise InputRefused(f"{place}: `{tag}` {what}")
        number = value_of(value)
        if number is None:
            raise InputRefused(f"{place}: `{value}` is not a number, nan, inf, -inf, true or false")
        if quality not in QUALITY_WORDS:
            raise InputRefused(f"{place}: `{quality}` is not a quality: good, uncertain or bad")
        samples.append(InputSample(before_ns, numbers[tag], number, QUALITY_WORDS[quality]))
    return samples


def read_commands(path: Path) -> list[TimedCommand]:
    """The rows of `cmd.csv`. Raises `InputRefused` for an unknown command or time that runs backwards."""
    found: list[TimedCommand] = []
    before_ns = 0
    header = ("time_s", "command", "target", "value", "actor", "reason")
    for line, (time_s, verb, target, value, actor, reason) in _rows(path, header, 3):
        place = f"{path}:{line}"
        before_ns = _time_ns(time_s, place, before_ns)
        if verb not in VERB_NAMES:
            raise InputRefused(f"{place}: `{verb}` is not a command: {' '.join(VERB_NAMES)}")
        number = len(found) + 1
        found.append(TimedCommand(before_ns, Command(verb, target, value, actor, reason, str(number), 0, number)))
    return found


# -- writing ---------------------------------------------------------------------------------------------------------


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
