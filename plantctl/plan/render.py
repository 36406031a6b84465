"""Shows findings to people, and as plain dictionaries to programs.

    cells.yaml:9:31: PC201 `units` is no key of `AI-4011`
        9 |       "AI-4<cell>1": {device: GW-4A, units: pH}
          |                                      ^^^^^
      cells.yaml:11:20: in this instance of `cell`
       11 | instances: {cell: [{cell: "01", station: 1}]}
          |                    ^
      help: did you mean `unit`?

Findings stand in the order of the text. Equal findings of several instances of a template are one, with a count.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from plantctl.core.errors import Diagnostic, Place

WIDTH_MAX: Final = 110
"""Longer lines are cut around the caret."""

FINDINGS_SHOWN_MAX: Final = 200


def in_text_order(findings: Sequence[Diagnostic], texts: Mapping[str, str]) -> list[Diagnostic]:
    """The findings sorted by file (in the order of `texts`), line and column; repetitions by instances joined."""
    order = {name: number for number, name in enumerate(texts)}

    def key(finding: Diagnostic) -> tuple[int, str, int, int, str]:
        where = finding.where
        if where is None:
            return (-1, "", 0, 0, finding.code)
        return (order.get(where.file, len(order)), where.file, where.line, where.column, finding.code)

    joined: dict[tuple[str, Place | None, str], tuple[Diagnostic, int]] = {}
    for finding in findings:
        # One line of a template is one mistake, however the names of its instances differ.
        of_template = any(note.startswith("in this instance") for _, note in finding.also)
        same = (finding.code, finding.where, "" if of_template else finding.what)
        first, count = joined.get(same, (finding, 0))
        joined[same] = (first, count + 1)
    return sorted((_counted(first, count) for first, count in joined.values()), key=key)


def _counted(finding: Diagnostic, count: int) -> Diagnostic:
    if count == 1 or not finding.also:
        return finding
    place, note = finding.also[-1]
    more = "one more" if count == 2 else f"{count - 1} more"
    return replace(finding, also=(*finding.also[:-1], (place, f"{note}, and {more} like it")))


def render(findings: Sequence[Diagnostic], texts: Mapping[str, str]) -> str:
    """All findings for a terminal, each with its excerpt, and a line with their number; empty without findings.

    `texts` has the files by name, in the order of the text; a file that is not there is shown without excerpt.
    """
    if not findings:
        return ""
    ordered = in_text_order(findings, texts)
    lines = {name: re.split("\r\n|\r|\n", text) for name, text in texts.items()}
    blocks = ["\n".join(_finding(finding, lines)) for finding in ordered[:FINDINGS_SHOWN_MAX]]
    number = "1 finding" if len(ordered) == 1 else f"{len(ordered)} findings"
    if len(ordered) > FINDINGS_SHOWN_MAX:
        number += f", the first {FINDINGS_SHOWN_MAX} shown"
    return "\n\n".join([*blocks, number]) + "\n"


def _finding(finding: Diagnostic, lines: Mapping[str, list[str]]) -> list[str]:
    shown = [f"{_address(finding.where)}{finding.code} {finding.what}", *_excerpt(finding.where, lines)]
    for place, note in finding.also:
        shown += [f"  {_address(place)}{note}", *_excerpt(place, lines)]
    if finding.hint:
        shown.append(f"  help: {finding.hint}")
    return shown


def _address(place: Place | None) -> str:
    return "" if place is None else f"{place.file}:{place.line}:{place.column}: "


def _excerpt(place: Place | None, lines: Mapping[str, list[str]]) -> list[str]:
    """The line of a place and its caret. A tab is shown as one space, so that the caret stays under its character."""
    if place is None or not 0 < place.line <= len(lines.get(place.file, ())):
        return []
    text = "".join(character if character.isprintable() else " " for character in lines[place.file][place.line - 1])
    start = place.column - 1
    end = max(place.column_end - 1, start + 1) if place.column_end else max(len(text.rstrip()), start + 1)
    cut = max(0, min(start - WIDTH_MAX // 3, len(text) - WIDTH_MAX))
    end = min(end, cut + WIDTH_MAX)
    shown = text[cut : cut + WIDTH_MAX].rstrip()
    if cut:
        shown = "..." + shown[3:]
    return [f"{place.line:5} | {shown}".rstrip(), f"      | {' ' * (start - cut)}{'^' * max(1, end - start)}"]


def as_dictionary(finding: Diagnostic) -> dict[str, Any]:
    """One finding for a program: `--format json`."""
    also = [{**_place_dictionary(place), "note": note} for place, note in finding.also]
    return {
        "code": finding.code,
        "what": finding.what,
        "hint": finding.hint,
        **_place_dictionary(finding.where),
        "also": also,
    }


def _place_dictionary(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {"file": None, "line": None, "column": None, "column_end": None}
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "column_end": place.column_end or None,
    }
