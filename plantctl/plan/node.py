"""One piece of a configuration's text: a mapping, a list or a single value, and where it stands.

All readers (YAML, tag tables) make this one shape, so that one validator serves them all. A node made from a template
also knows the instance it was made for. A node whose text was completed (an area put before a tag's name) knows what
was put in and where, so that a column inside the completed text can be found again in the file.
"""

from dataclasses import dataclass, field
from typing import Literal

from plantctl.core.errors import Place

Scalar = str | int | float | bool | None
Note = tuple[Place | None, str]


@dataclass(slots=True)
class Node:
    """A piece of text. `column_end` is exclusive, 0 when the piece ends on another line.

    A mapping has `entries` (key text -> key node, value node) in the order of the text, a list has `items`, a single
    value has `value`. `plain` tells an unquoted value; `text` is a single value's text as written, after YAML's own
    unfolding. `text_column` is the column of the text's first character (behind a quote), 0 where columns inside the
    text cannot be counted (escapes, several lines). `tainted` tells that this piece, or one inside it, has a finding
    already: what follows from it is not reported again.
    """

    kind: Literal["mapping", "list", "value"]
    file: str
    line: int
    column: int
    column_end: int = 0
    value: Scalar = None
    text: str = ""
    plain: bool = False
    text_column: int = 0
    entries: "dict[str, tuple[Node, Node]]" = field(default_factory=dict)
    items: "list[Node]" = field(default_factory=list)
    instance: tuple[Note, ...] = ()
    inserted: tuple[tuple[int, int], ...] = ()
    tainted: bool = False

    @property
    def place(self) -> Place:
        """Where the piece stands; an empty piece is one column wide."""
        return Place(self.file, self.line, self.column, self.column_end and max(self.column_end, self.column + 1))

    def inside(self, start: int, end: int) -> Place:
        """The place of characters `start` to `end` of the completed text; the whole piece where it cannot be told."""
        if self.text_column == 0:
            return self.place
        start, end = self._written(start), self._written(end)
        return Place(self.file, self.line, self.text_column + start, self.text_column + max(end, start + 1))

    def _written(self, offset: int) -> int:
        """The offset in the text as written of an offset in the completed text; `inserted` is (offset, length)."""
        shift = 0
        for position, length in self.inserted:
            if offset > position:
                shift += min(length, offset - position)
        return offset - shift

    def plain_value(self) -> object:
        """The piece as plain dictionaries, lists and values."""
        if self.kind == "mapping":
            return {key: value.plain_value() for key, (_, value) in self.entries.items()}
        if self.kind == "list":
            return [item.plain_value() for item in self.items]
        return self.value
