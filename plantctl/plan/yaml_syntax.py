"""Says in plain words what broke the syntax of a YAML file, and where to look.

PyYAML's two readers (C and Python) report the same break in different words and partly at different columns. The cause
is told here from the text around the reported position, so both give the same finding, and the words are about the
engineer's line, not about the grammar.
"""

import re
from typing import Any

from plantctl.core.errors import Diagnostic, Place

_CLOSING = {"sequence": "]", "mapping": "}"}


def explain_syntax(file: str, text: str, error: Any) -> Diagnostic:
    """The finding for one `yaml.MarkedYAMLError`; `text` is the whole file."""
    mark = error.problem_mark or error.context_mark
    lines = re.split("\r\n|\r|\n", text)
    return _Break(file, lines, error, mark).explain()


class _Break:
    """One break: the lines of the file, what PyYAML says about it, and the position it names (from 0)."""

    def __init__(self, file: str, lines: list[str], error: Any, mark: Any) -> None:
        self.file = file
        self.lines = lines
        self.problem = error.problem or ""
        self.context = error.context or ""
        self.start = error.context_mark
        self.line = mark.line if mark else 0
        self.column = mark.column if mark else 0
        self.line_text = lines[self.line] if self.line < len(lines) else ""

    def explain(self) -> Diagnostic:
        for test in (self._tab, self._quote, self._bracket, self._colon, self._first_character, self._layout):
            finding = test()
            if finding is not None:
                return finding
        return self._find("PC101", "the text cannot be read as YAML from here", self.line, self.column)

    def _find(self, code: str, what: str, line: int, column: int, hint: str = "") -> Diagnostic:
        width = len(self.lines[line]) if line < len(self.lines) else 0
        if line >= len(self.lines) or (line == len(self.lines) - 1 and not width and line > 0):
            line, column = self._last_written()
        return Diagnostic(code, what, Place(self.file, line + 1, column + 1, column + 2), hint)

    def _last_written(self) -> tuple[int, int]:
        for number in range(len(self.lines) - 1, -1, -1):
            if self.lines[number].strip():
                return number, len(self.lines[number].rstrip()) - 1
        return 0, 0

    def _indent(self, line: int) -> int:
        return len(self.lines[line]) - len(self.lines[line].lstrip())

    def _tab(self) -> Diagnostic | None:
        indent = re.match(r"[ \t]*", self.line_text)
        tab = indent[0].find("\t") if indent else -1
        if tab < 0 or self.column > len(indent[0] if indent else ""):
            return None
        return self._find("PC102", "a tab stands in the indentation", self.line, tab, "indent with spaces only")

    def _quote(self) -> Diagnostic | None:
        if "quoted scalar" not in self.context:
            return None
        if "escape" in self.problem or "hexdecimal" in self.problem or "hexadecimal" in self.problem:
            column = self.line_text.rfind("\\", 0, self.column + 1)
            what = f"`{self.line_text[column : column + 2]}` is no escape inside double quotes"
            return self._find("PC101", what, self.line, max(column, 0), "double the backslash, or use single quotes")
        what = "the quote that opens here is not closed"
        return self._find("PC103", what, self.start.line, self.start.column, "close it on the same line")

    def _bracket(self) -> Diagnostic | None:
        match = re.search(r"flow (sequence|mapping)", self.context)
        if match is None or self.start is None:
            return None
        closing = _CLOSING[match[1]]
        if self.line == self.start.line:
            return self._find("PC103", f"`,` or `{closing}` is missing before this", self.line, self.column)
        opening = "[" if closing == "]" else "{"
        what = f"the bracket `{opening}` that opens here is not closed"
        return self._find("PC103", what, self.start.line, self.start.column, f"`,` or `{closing}` is missing")

    def _colon(self) -> Diagnostic | None:
        if "mapping values are not allowed" in self.problem:
            before = self.line_text[: self.column]
            if re.search(r":\s|^\s*-\s.*:\s", before):
                what = "a second `: ` in one value"
                return self._find("PC101", what, self.line, self.column, "quote the text that holds the colon")
            if self.line and self._indent(self.line) <= self._indent(self.line - 1):
                what = "a key without its colon"
                hint = "`key: value`, a space behind the colon"
                return self._find("PC101", what, self.line - 1, self._indent(self.line - 1), hint)
            what = "this line stands further right than the one before, which has its value already"
            return self._find(
                "PC101",
                what,
                self.line,
                self._indent(self.line),
                "line it up, or take the value of the line before away",
            )
        for column in (self.column, self.column - 1):
            if column > 0 and re.match(r":[^\s:]", self.line_text[column : column + 2]):
                what = "a colon without a space behind it"
                return self._find("PC101", what, self.line, column, "`key: value`; quote a text that holds a colon")
        if "could not find expected ':'" in self.problem and self.start is not None:
            what = "a key without its colon"
            return self._find(
                "PC101", what, self.start.line, self.start.column, "`key: value`, a space behind the colon"
            )
        return None

    def _first_character(self) -> Diagnostic | None:
        if "cannot start any token" in self.problem:
            character = self.line_text[self.column : self.column + 1]
            what = f"a plain text cannot begin with `{character}`"
            return self._find("PC101", what, self.line, self.column, "quote the text")
        if "directive" in self.context:
            return self._find("PC101", "a line cannot begin with `%`", self.line, 0, "quote the text")
        return None

    def _layout(self) -> Diagnostic | None:
        if "sequence entries are not allowed" in self.problem:
            hint = "begin the list on the next line, or write [a, b]"
            return self._find("PC101", "a list cannot begin on the line of its key", self.line, self.column, hint)
        if "block sequence" in self.problem:
            return self._find("PC101", "a list cannot begin here", self.line, self.column)
        if "block mapping" in self.context or "block collection" in self.context or "document start" in self.problem:
            before = self.line_text[: self.column].strip()
            if before and before != "-":
                return self._find("PC101", "this stands behind a value that is complete", self.line, self.column)
            also: tuple[tuple[Place | None, str], ...] = ()
            if self.start is not None:
                also = ((Place(self.file, self.start.line + 1, self.start.column + 1), "the lines begin here"),)
            what = "this line does not line up with the lines it belongs to"
            found = self._find("PC101", what, self.line, self.column, "the same number of spaces on each")
            return Diagnostic(found.code, found.what, found.where, found.hint, also)
        return None
