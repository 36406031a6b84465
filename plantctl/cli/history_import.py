"""`plantctl history import FILE.csv`: values of a logger or another system, each at the time that it is of.

The whole file is looked at before anything of it is taken: every wrong line is named. What is there already is left
out, so a file that was cut off on its way is given again.
"""

import argparse
import csv
import math
from pathlib import Path
from typing import Any, Final

from plantctl.app.control_client import ControlClient
from plantctl.cli.exit_code import DONE, FINDINGS, REFUSED, USAGE, fail
from plantctl.cli.running import connect

HEADER: Final = ("time", "tag", "value", "quality")
# As many rows as the plant takes in one record.
PART_ROWS: Final = 100
ANSWER_S: Final = 30.0
SHOWN_MAX: Final = 100
Row = tuple[int, str, float | None, str]


def bring(arguments: argparse.Namespace) -> int:
    """Bring the file; the exit code: 1 where lines are wrong, 4 where the plant refused."""
    if len(arguments.tags) != 2:
        return fail(USAGE, "import takes one file: plantctl history import FILE.csv")
    path = Path(arguments.tags[1])
    try:
        lines, rows, wrong = read_rows(path)
    except (UnicodeDecodeError, csv.Error) as error:
        return fail(FINDINGS, f"{path}: {error}")
    with connect(arguments, ANSWER_S) as client:
        parts = range(0, len(rows), PART_ROWS)
        for at in parts:
            told = _ask(client, path, rows[at : at + PART_ROWS], check=True)
            if "error" in told:
                return fail(REFUSED, told["error"])
            wrong += [(lines[at + place], why) for place, why in told["imported"]["wrong"]]
        if wrong:
            shown = [f"{path}:{line}: {why}" for line, why in sorted(wrong)]
            more = [f"and {len(shown) - SHOWN_MAX} more"] if len(shown) > SHOWN_MAX else []
            return fail(FINDINGS, "\n".join([*shown[:SHOWN_MAX], *more, "nothing was taken"]))
        new = 0
        for at in parts:
            told = _ask(client, path, rows[at : at + PART_ROWS], first=not new)
            if "error" in told:
                text = f"{told['error']}\n{new} values were taken; give the file again, nothing is taken twice"
                return fail(REFUSED, text)
            new += told["imported"]["new"]
    print(f"{path.name}: {new} values taken, {len(rows) - new} were there already")
    return DONE


def _ask(
    client: ControlClient, path: Path, rows: list[Row], *, check: bool = False, first: bool = False
) -> dict[str, Any]:
    return client.ask({"lab": {"do": "import", "name": path.name, "rows": rows, "check": check, "first": first}})


def read_rows(path: Path) -> tuple[list[int], list[Row], list[tuple[int, str]]]:
    """Line numbers and rows of a file, and what is wrong in it: line and sentence. Raises `OSError`, `csv.Error`."""
    lines: list[int] = []
    rows: list[Row] = []
    wrong: list[tuple[int, str]] = []
    seen: dict[tuple[int, str], int] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        header = tuple(next(reader, ()))
        if header not in (HEADER, HEADER[:3]):
            return [], [], [(1, f"the header must be {','.join(HEADER)}")]
        for cells in reader:
            if not cells:
                continue
            line = reader.line_num
            try:
                row = _row(cells, len(header))
            except ValueError as error:
                wrong.append((line, str(error)))
                continue
            before = seen.setdefault(row[:2], line)
            if before != line:
                wrong.append((line, f"line {before} has a value of `{row[1]}` at this time"))
                continue
            lines.append(line)
            rows.append(row)
    return lines, rows, wrong


def _row(cells: list[str], columns: int) -> Row:
    if len(cells) != columns:
        raise ValueError(f"{len(cells)} columns, {columns} expected")
    time, tag, text, quality = (*cells, "")[:4]
    value: float | None = None
    if text.strip():
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"`{text}` is no number") from None
        if not math.isfinite(value):
            raise ValueError(f"`{text}` is no number; leave it empty, with quality bad")
    return _utc_ns(time.strip()), tag.strip(), value, quality.strip()


def _utc_ns(text: str) -> int:
    from plantctl.history.reading.moments import time_or_ns_in

    utc_ns = time_or_ns_in(text)
    if utc_ns <= 0:
        raise ValueError(f"`{text}` is before 1970")
    return utc_ns
