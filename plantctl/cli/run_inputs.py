"""The files that a plan is run over: `in.csv` with inputs, `cmd.csv` with commands. A bad line is refused by number."""

import csv
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from plantctl.core.command import VERB_NAMES, Command
from plantctl.core.errors import PlantctlError
from plantctl.core.quality import BAD, GOOD, UNCERTAIN
from plantctl.plan.plan import Plan
from plantctl.scan.offline import InputSample, TimedCommand

QUALITY_WORDS = {"": GOOD, "good": GOOD, "uncertain": UNCERTAIN, "bad": BAD}
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class InputRefused(PlantctlError):
    """A file of inputs or commands cannot be used; the message names file and line."""


def rows(path: Path, header: Sequence[str], needed: int) -> Iterator[tuple[int, list[str]]]:
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
    for line, (time_s, tag, value, quality) in rows(path, ("time_s", "tag", "value", "quality"), 3):
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
    for line, (time_s, verb, target, value, actor, reason) in rows(path, header, 3):
        place = f"{path}:{line}"
        before_ns = _time_ns(time_s, place, before_ns)
        if verb not in VERB_NAMES:
            raise InputRefused(f"{place}: `{verb}` is not a command: {' '.join(VERB_NAMES)}")
        number = len(found) + 1
        found.append(TimedCommand(before_ns, Command(verb, target, value, actor, reason, str(number), 0, number)))
    return found
