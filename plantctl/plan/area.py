"""Puts the area before tag names that have none: `FI-4013` in a file of area 40 is `40-FI-4013` everywhere else.

Which values are tag names is read from the types of `source_plant`: a reference is a tag name, an expression holds tag
names in braces, a key of a section of tags is one. A block's own keys are not known here; there a value is taken for a
tag name when the plant has the completed name, or when it looks like an ISA-5.1 name and the plant has no such name
without an area.

A completed text remembers what was put in, so that a column inside it can be found again in the file.
"""

import dataclasses
import re
from collections.abc import Container
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from plantctl.plan.node import Node
from plantctl.plan.shapes import BRACED, Shape
from plantctl.plan.source_forms import OneOrMore, Short, yaml_key

EXECUTIVE: Final = ("scan.", "clock.", "log.", "feed.")
_HAS_AREA: Final = re.compile(r"[0-9]+-")
_TAG_LIKE: Final = re.compile(r"[A-Z]{1,6}-[0-9][0-9A-Z]*(?:\.[a-z][a-z0-9_]*)?")


def full_name(name: str, area: str) -> str:
    """A tag's name with its area; unchanged when it has one, the file has none, or it is the executive's."""
    bare = not area or not name or _HAS_AREA.match(name) or name.startswith(EXECUTIVE)
    return name if bare else f"{area}-{name}"


def complete(node: Node, form: Any, area: str) -> None:
    """Completes all tag names below a node of the given type, in place. Wrong forms are left for the schema."""
    if not area:
        return
    origin, arguments = get_origin(form), get_args(form)
    if origin is Annotated:
        _complete_annotated(node, form, area)
    elif origin in (Union, UnionType):
        for argument in arguments:
            if argument is not NoneType:
                complete(node, argument, area)
    elif origin is dict:
        if _shape(arguments[0]) == "reference":
            complete_keys(node, area)
        for _, value in node.entries.values():
            complete(value, arguments[1], area)
    elif origin is tuple:
        for item in node.items:
            complete(item, arguments[0], area)
    elif dataclasses.is_dataclass(form) and isinstance(form, type):
        forms = keys_of(form)
        for key, (_, value) in node.entries.items():
            if key in forms:
                complete(value, forms[key], area)


def complete_keys(node: Node, area: str) -> None:
    """Completes the keys of a mapping of tag names; a name that then stands twice is left as it was written."""
    completed: dict[str, tuple[Node, Node]] = {}
    for key, pair in node.entries.items():
        name = full_name(key, area)
        completed[key if name in completed or (name != key and name in node.entries) else name] = pair
    node.entries = completed


def complete_block(node: Node, area: str, known: Container[str]) -> None:
    """Completes tag names among a block's own keys: values, values in lists, `tag` of a wire, expressions."""
    if not area:
        return
    for _, value in node.entries.values():
        complete_block(value, area, known)
    for item in node.items:
        complete_block(item, area, known)
    text = node.value
    if node.kind != "value" or not isinstance(text, str):
        return
    if "{" in text:
        _complete_expression(node, area)
        return
    name = full_name(text.split(".")[0], area)
    if name in known or (_TAG_LIKE.fullmatch(text) and text.split(".")[0] not in known):
        _insert(node, text, [0] if name != text.split(".")[0] else [], area)


def _complete_annotated(node: Node, form: Any, area: str) -> None:
    inner, *marks = get_args(form)
    for mark in marks:
        if isinstance(mark, Shape):
            if mark.name == "expression":
                _complete_expression(node, area)
            elif mark.name == "reference" and isinstance(node.value, str):
                _insert(node, node.value, [0] if full_name(node.value, area) != node.value else [], area)
            return
        if isinstance(mark, Short) and node.kind != "mapping":
            complete(node, keys_of(inner)[mark.key], area)
            return
        if isinstance(mark, OneOrMore) and node.kind != "list":
            complete(node, get_args(inner)[0], area)
            return
    complete(node, inner, area)


def _complete_expression(node: Node, area: str) -> None:
    if isinstance(node.value, str):
        names = [m.start(1) for m in BRACED.finditer(node.value) if full_name(m[1], area) != m[1]]
        _insert(node, node.value, names, area)


def _insert(node: Node, text: str, offsets: list[int], area: str) -> None:
    """Puts the area in at each offset of the text and remembers where, counted in the completed text."""
    prefix = f"{area}-"
    parts, inserted, last = [], [], 0
    for count, offset in enumerate(offsets):
        parts += [text[last:offset], prefix]
        inserted.append((offset + count * len(prefix), len(prefix)))
        last = offset
    node.value = "".join([*parts, text[last:]])
    node.inserted = tuple(inserted)


def _shape(form: Any) -> str:
    marks = get_args(form)[1:] if get_origin(form) is Annotated else ()
    return next((mark.name for mark in marks if isinstance(mark, Shape)), "")


@cache
def keys_of(form: type) -> dict[str, Any]:
    """The keys of a class of `source_plant` as they stand in the text, each with its type."""
    hints = get_type_hints(form, include_extras=True)
    return {yaml_key(name.name): hints[name.name] for name in dataclasses.fields(form)}
