"""`displays:` what a person sees together: an overview of groups, or a matrix with a row for each equal thing.

    overview: {text: circuit A, groups: {catholyte: [FIC-4216, {tag: LI-4211, show: indicator}]}}
    cells: {text: cells, template: cell, row: "CELL-<cell>", columns: {current: {tag: "II-4<cell>0", deviation: 2 A}}}

A matrix has a row for each instance of its template, or the rows that it names itself. What `template` stands for is
written into `rows` before the form is checked (`expand_display`), so that everything behind it knows rows only.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from plantctl.plan.shapes import Name, Quantity, Reference, Text
from plantctl.plan.source_forms import STRICT, Short


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayItem:
    """One thing of a group: `TAG`, `LOOP`, or `{tag: TAG, show: value}`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    tag: Reference
    show: Literal["", "indicator", "value", "state", "valve", "pump"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`columns:` of a matrix: the tag of each row, or `{tag, text, deviation}`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    tag: Text = ""
    text: Text = ""
    deviation: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """`displays:` either `groups` or `columns`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT
    text: Text = ""
    groups: dict[Text, tuple[Annotated[DisplayItem, Short("tag")], ...]] = field(default_factory=dict)
    columns: dict[Text, Annotated[Column, Short("tag")]] = field(default_factory=dict)
    template: Name = ""
    row: Text = ""
    rows: dict[Text, dict[Text, Reference]] = field(default_factory=dict)
