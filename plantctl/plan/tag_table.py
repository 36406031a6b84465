"""Reads a table of tags (CSV, RFC 4180) into the same tree as the YAML sections `tags:` and `alarms:`.

The header names the columns, in any order: `tag` and the keys of a tag (`device`, `item`, `station`, `unit` ...), the
range as `low` and `high`, the alarm limits as `LL`, `L`, `H`, `HH`. An empty cell is a key that is not there. A number
alone in `low`, `high` and the limits is in the tag's unit.

Every cell keeps its line and column, so a finding points at the cell, not at the row. Lines end in LF or CR LF; fields
with commas, quotes or line ends stand in double quotes, a quote inside them is doubled.
"""

import re
from dataclasses import dataclass, fields
from typing import Final

from plantctl.core.errors import Diagnostic, Place
from plantctl.plan.did_you_mean import nearest
from plantctl.plan.node import Node
from plantctl.plan.source_plant import Tag
from plantctl.plan.yaml_scalar import resolve

RANGE: Final = ("low", "high")
LIMITS: Final = {"LL": "low_low", "L": "low", "H": "high", "HH": "high_high"}
TAG_KEYS: Final = tuple(field.name for field in fields(Tag) if field.name not in ("range", "states", "lab", "record"))
COLUMNS: Final = ("tag", *TAG_KEYS, *RANGE, *LIMITS)
NUMERIC: Final = frozenset(("station", "initial", "fail_safe", "decimals", *RANGE, *LIMITS))
"""Columns whose cells may be numbers; all others are text, whatever they look like."""

_FIELD: Final = re.compile(r'"[^"]*(?:""[^"]*)*"|[^,"\r\n]*')
_LINE_END: Final = re.compile("\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; `text` without its quotes, line and column of its first character from 1."""

    text: str
    line: int
    column: int
    column_end: int
    quoted: bool


def parse_tag_table(file: str, text: str) -> tuple[Node | None, list[Diagnostic]]:
    """The table as a tree with the sections `tags` and `alarms`, and all findings; no tree without a header."""
    rows, findings = split_cells(file, text)
    if not rows:
        return None, findings or [Diagnostic("PC130", "the table has no header", Place(file, 1, 1))]
    columns, header_findings = _header(file, rows[0])
    findings += header_findings
    if header_findings:
        return None, findings
    table = _Table(file, columns, findings)
    for row in rows[1:]:
        table.add(row)
    return table.root, findings


def split_cells(file: str, text: str) -> tuple[list[list[Cell]], list[Diagnostic]]:
    """The cells of a text, row by row, empty lines left out; at a broken quote the reading ends with a finding."""
    rows: list[list[Cell]] = []
    row: list[Cell] = []
    position, line, line_start = 0, 1, 0
    while position < len(text):
        match = _FIELD.match(text, position)
        raw = match[0] if match else ""
        column, end = position - line_start + 1, position + len(raw)
        following = text[end : end + 1]
        quoted = raw.startswith('"')
        if following not in (",", "", "\r", "\n"):
            spans_lines = _LINE_END.search(raw) is not None
            return rows, [_broken_quote(file, line, column if spans_lines else end - line_start + 1, quoted)]
        ends = list(_LINE_END.finditer(raw)) if quoted else []
        content = raw[1:-1].replace('""', '"') if quoted else raw
        column_end = 0 if ends else end - line_start + 1
        row.append(Cell(content.strip(), line, column, column_end, quoted))
        if ends:
            line, line_start = line + len(ends), position + ends[-1].end()
        position = end
        if following == ",":
            position += 1
            if position == len(text):
                row.append(Cell("", line, position - line_start + 1, 0, False))
            continue
        line_end = _LINE_END.match(text, position)
        position = line_end.end() if line_end else position
        line, line_start = line + 1, position
        if len(row) > 1 or row[0].text:
            rows.append(row)
        row = []
    if row:
        rows.append(row)
    return rows, []


def _broken_quote(file: str, line: int, column: int, quoted: bool) -> Diagnostic:
    """`column` is that of the text behind the closing quote; of the opening quote where the cell spans lines."""
    if quoted:
        what = "a quoted cell with text behind its closing quote"
        return Diagnostic("PC132", what, Place(file, line, column, column + 1), 'a quote inside a cell is doubled: ""')
    what = "a quote that is not closed, or inside a cell without quotes"
    hint = 'put the cell in quotes and double the quotes inside: "2"" pipe"'
    return Diagnostic("PC132", what, Place(file, line, column, column + 1), hint)


def _header(file: str, row: list[Cell]) -> tuple[list[Cell], list[Diagnostic]]:
    findings = []
    seen: dict[str, Cell] = {}
    for cell in row:
        place = _place(file, cell)
        if not cell.text:
            findings.append(Diagnostic("PC130", "a column without a name", place, "take it out, or name it"))
        elif cell.text in seen:
            also = ((_place(file, seen[cell.text]), "first here"),)
            findings.append(Diagnostic("PC130", f"the column `{cell.text}` stands twice", place, "keep one", also))
        elif cell.text not in COLUMNS:
            findings.append(
                Diagnostic("PC130", f"`{cell.text}` is no column of a tag table", place, _column_hint(cell))
            )
        seen.setdefault(cell.text, cell)
    if "tag" not in seen and not findings:
        findings.append(Diagnostic("PC130", "the column `tag` is missing", _place(file, row[0]), "the header names it"))
    for one, other in (RANGE, RANGE[::-1]):
        if one in seen and other not in seen:
            what = f"the column `{one}` needs the column `{other}`"
            findings.append(Diagnostic("PC130", what, _place(file, seen[one]), "a range has two ends"))
    return row, findings


def _column_hint(cell: Cell) -> str:
    if cell.text == "range":
        return "in a table the range is the columns `low` and `high`"
    near = nearest(cell.text, COLUMNS)
    return f"did you mean `{near}`?" if near else "the columns are " + ", ".join(COLUMNS)


def _place(file: str, cell: Cell) -> Place:
    return Place(file, cell.line, cell.column, cell.column_end and max(cell.column_end, cell.column + 1))


class _Table:
    """Builds the tree row by row."""

    def __init__(self, file: str, columns: list[Cell], findings: list[Diagnostic]) -> None:
        self.file = file
        self.columns = columns
        self.findings = findings
        self.root = Node("mapping", file, 1, 1)
        self.tags = self._section("tags")
        self.alarms = self._section("alarms")

    def _section(self, name: str) -> Node:
        node = Node("mapping", self.file, 1, 1)
        self.root.entries[name] = (Node("value", self.file, 1, 1, value=name, text=name), node)
        return node

    def add(self, row: list[Cell]) -> None:
        """One row is one tag."""
        if len(row) != len(self.columns):
            at = row[len(self.columns)] if len(row) > len(self.columns) else row[-1]
            what = f"this row has {len(row)} cells, the header {len(self.columns)}"
            hint = "a cell with a comma stands in quotes" if len(row) > len(self.columns) else "empty cells count too"
            self.findings.append(Diagnostic("PC131", what, _place(self.file, at), hint))
            return
        cells = {column.text: cell for column, cell in zip(self.columns, row, strict=True)}
        name = cells["tag"]
        if not name.text:
            self.findings.append(Diagnostic("PC133", "a row without a tag", _place(self.file, name)))
            return
        if name.text in self.tags.entries:
            also = ((self.tags.entries[name.text][0].place, "first written here"),)
            what = f"the tag `{name.text}` stands twice"
            self.findings.append(Diagnostic("PC106", what, _place(self.file, name), "keep one", also))
            return
        self.tags.entries[name.text] = (self._key(name), self._tag(name, cells))
        alarm = self._mapping(name, [(LIMITS[column], cells[column]) for column in LIMITS if column in cells])
        if alarm.entries:
            self.alarms.entries[name.text] = (self._key(name), alarm)

    def _tag(self, name: Cell, cells: dict[str, Cell]) -> Node:
        tag = self._mapping(name, [(key, cells[key]) for key in TAG_KEYS if key in cells])
        low, high = cells.get("low"), cells.get("high")
        if low is None or high is None or not (low.text or high.text):
            return tag
        if not (low.text and high.text):
            empty, end = (low, "low") if high.text else (high, "high")
            self.findings.append(
                Diagnostic("PC134", f"the range has no `{end}` end", _place(self.file, empty), "give both, or none")
            )
            tag.tainted = True
            return tag
        ends = Node("list", self.file, low.line, low.column, low.column_end)
        ends.items = [self._value("low", low), self._value("high", high)]
        tag.entries["range"] = (self._key(low, "range"), ends)
        return tag

    def _mapping(self, name: Cell, pairs: list[tuple[str, Cell]]) -> Node:
        node = Node("mapping", self.file, name.line, name.column, name.column_end)
        for key, cell in pairs:
            if cell.text:
                node.entries[key] = (self._key(cell, key), self._value(key, cell))
        return node

    def _key(self, cell: Cell, text: str = "") -> Node:
        key = text or cell.text
        column = cell.column + cell.quoted if not text else 0
        return Node("value", self.file, cell.line, cell.column, cell.column_end, key, key, text_column=column)

    def _value(self, key: str, cell: Cell) -> Node:
        node = self._key(cell)
        if key in NUMERIC or key in LIMITS.values():
            value, doubt = resolve(cell.text)
            if isinstance(value, int | float) and doubt is None:
                node.value = value
        return node
