"""The shapes that a single value of a configuration can have: quantity, duration, name, expression, text.

A value stays what the engineer wrote (`10.7 L/h/pH` stays text); only its outer form is checked here, so that a
mistake is found at its place and with a hint. What a unit means and whether a name exists is the link's business.

Each shape is an annotation for the fields of `source_plant`. `schema.py` hands the field types to pydantic, which asks
a shape for its validator through `__get_pydantic_core_schema__`; the answer is a plain dictionary, so this file does
not import pydantic.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from plantctl.core.units import parse_duration_ns

NAME_LENGTH_MAX: Final = 64
"""A longer name does not fit a screen, a log column or a person's memory."""

TIME_UNITS: Final = ("us", "ms", "s", "min", "h", "d")

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_QUANTITY = re.compile(rf"({_NUMBER})(?:\s*([^\s\d.,+-].*)|\s+(1/.+))?")
_DURATION = re.compile(rf"({_NUMBER})\s*({'|'.join(TIME_UNITS)})")
SIZE_UNITS: Final = {"MB": 10**6, "GB": 10**9, "TB": 10**12}
SIZE_LEAST: Final = 256 * 10**6
PORT_MAX: Final = 65_535
COUNT_MAX: Final = 100_000
KEEPING_LEAST_NS: Final = 86_400 * 10**9
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(MB|GB|TB)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_REFERENCE = re.compile(r"(?:feed\.)?[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[a-z][a-z0-9_]*)?")
_VOTE = re.compile(r"[1-9]oo[1-9]")
BRACED: Final = re.compile(r"\{([^{}]*)\}")


class ShapeError(ValueError):
    """A value of the wrong form: `code` is the diagnostic's, `hint` says what to write."""

    def __init__(self, code: str, what: str, hint: str = "") -> None:
        self.code = code
        self.what = what
        self.hint = hint
        super().__init__(what)


class Shape:
    """One form of value: `check` gives the value as it is kept or raises `ShapeError`; `json` is its JSON Schema."""

    def __init__(self, name: str, check: Callable[[object], object], json: Mapping[str, object]) -> None:
        self.name = name
        self.check = check
        self.json = json

    def __get_pydantic_core_schema__(self, source: object, inner: object) -> dict[str, Any]:
        return {"type": "function-plain", "function": {"type": "no-info", "function": self.check}}

    def __get_pydantic_json_schema__(self, core_schema: object, inner: object) -> dict[str, Any]:
        return dict(self.json)


def kind_of(value: object) -> str:
    """A value's kind in the words of a configuration: `a text`, `a number`, `a mapping` and so on."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "nothing"


def _text(value: object) -> str:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, str):
        raise ShapeError("PC203", "a text is due here, this one is empty", "write it, or leave the key out")
    hint = f'quote it: "{str(value).lower()}"' if isinstance(value, int | float) else ""
    raise ShapeError("PC203", f"a text is due here, this is {kind_of(value)}", hint)


def _item(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _text(value)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ShapeError("PC203", f"true or false is due here, this is {kind_of(value)}")


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    what = "this is " + (f"{value}" if isinstance(value, int | float) else kind_of(value))
    raise ShapeError("PC203", f"a whole number of 0 or more is due here, {what}")


def _port(value: object) -> int:
    port = _whole(value)
    if port > PORT_MAX:
        raise ShapeError("PC203", f"{port} is no port: 0 to {PORT_MAX}", "0 takes any free one")
    return port


def _count(value: object) -> int:
    count = _whole(value)
    if not 1 <= count <= COUNT_MAX:
        raise ShapeError("PC203", f"a whole number of 1 to {COUNT_MAX} is due here, this is {count}")
    return count


def _file_name(value: object) -> str:
    text = _text(value)
    if ".." in text.split("/") or not text.strip("/"):
        what = f"`{text}` is not the name of a file in the plant's security folder"
        raise ShapeError("PC203", what, "a name like own.der, or a whole path")
    return text


def _number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ShapeError("PC203", f"a number without a unit is due here, this is {kind_of(value)}")


def quantity_parts(text: str) -> tuple[float, str] | None:
    """Number and unit of a quantity's text (`10.7 L/h/pH` -> 10.7, `L/h/pH`); the unit may be empty.

    None when the text has not this form or the number is not finite. The unit's text is not looked into.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or not math.isfinite(float(match[1])):
        return None
    return float(match[1]), match[2] or match[3] or ""


def _quantity(value: object) -> str | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        raise ShapeError("PC204", f"a quantity is due here, this is {kind_of(value)}", "a number and its unit: 8.0 pH")
    if quantity_parts(value) is None:
        hint = "a point, not a comma: " + value.replace(",", ".") if quantity_parts(value.replace(",", ".")) else ""
        raise ShapeError("PC204", f"`{value}` is no quantity", hint or "a number and its unit: 8.0 pH")
    return value


def _value(value: object) -> str | float:
    return float(value) if isinstance(value, bool) else _quantity(value)


def _manual_output(value: object) -> str | float:
    return "hold" if value == "hold" else _value(value)


def _duration(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ShapeError("PC205", f"the duration {value} has no unit", f"write {value} s, or another of {_units()}")
    if not isinstance(value, str):
        raise ShapeError("PC205", f"a duration is due here, this is {kind_of(value)}", "a number and its unit: 1.5 s")
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ShapeError("PC205", f"`{value}` is no duration", f"a number and one of {_units()}: 1.5 s")
    if not 0.0 <= float(match[1]) < math.inf:
        raise ShapeError("PC205", f"the duration `{value}` is below zero or endless")
    return value


def _keeping(value: object) -> str:
    text = _duration(value)
    if parse_duration_ns(text) < KEEPING_LEAST_NS:
        raise ShapeError("PC205", f"`{text}` of history is too little", "a day or more: 400 d; or leave the key out")
    return text


def size_bytes(text: str) -> int:
    """The bytes of a size that is written as `20 GB`."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is no size")
    return round(float(match[1]) * SIZE_UNITS[match[2]])


def _size(value: object) -> str:
    hint = f"a number and one of {', '.join(SIZE_UNITS)}: 20 GB"
    if not isinstance(value, str):
        what = f"the size {value} has no unit" if _is_number(value) else f"a size is due here, this is {kind_of(value)}"
        raise ShapeError("PC205", what, hint)
    if _SIZE.fullmatch(value.strip()) is None:
        raise ShapeError("PC205", f"`{value}` is no size", hint)
    if size_bytes(value) < SIZE_LEAST:
        raise ShapeError("PC205", f"`{value}` is too little to work with", "256 MB or more")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _units() -> str:
    return ", ".join(TIME_UNITS)


def _expression(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = _text(value)
    if re.search(r"[{}]", BRACED.sub("", text)):
        raise ShapeError("PC206", "braces do not pair in this expression", "a tag stands in braces: {FI-4013}")
    for name in BRACED.findall(text):
        if not _REFERENCE.fullmatch(name):
            raise ShapeError("PC206", f"`{{{name}}}` does not hold a tag's name", "for example {FI-4013}")
    return text


def _name(value: object) -> str:
    text = _text(value)
    if not _NAME.fullmatch(text):
        hint = "letters, digits, `-` and `_`"
        if re.search(r"<[a-z0-9_]*>", text):
            hint = "a placeholder in angle brackets stands only inside a template"
        raise ShapeError("PC207", f"`{text}` is no name", hint)
    if len(text) > NAME_LENGTH_MAX:
        raise ShapeError("PC207", f"`{text[:20]}...` is longer than {NAME_LENGTH_MAX} characters")
    return text


def _reference(value: object) -> str:
    text = _text(value)
    if not _REFERENCE.fullmatch(text):
        hint = "a tag stands without braces here" if text.startswith("{") else "a tag, or a point of it: AIC-4212.sp"
        raise ShapeError("PC207", f"`{text}` is no tag's name", hint)
    return text


def _state_number(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
        return int(value)
    raise ShapeError("PC203", f"a whole number is due here, this is `{value}`", "states: {0: open, 1: forward}")


def _vote(value: object) -> str:
    text = _text(value)
    if not _VOTE.fullmatch(text):
        raise ShapeError("PC208", f"`{text}` is no vote", "1oo1, 1oo2, 2oo2, 2oo3 and so on")
    if int(text[0]) > int(text[3]):
        raise ShapeError("PC208", f"`{text}` asks for more channels than it has", f"for example {text[3]}oo{text[0]}")
    return text


def _written(pattern: "re.Pattern[str]", **more: object) -> dict[str, object]:
    """The JSON Schema of a text that has the form of a pattern; JSON Schema looks for it anywhere in the text."""
    return {"type": "string", "pattern": f"^\\s*(?:{pattern.pattern})\\s*$", **more}


_TAG_IN_TEXT: Final = re.compile(rf"[^{{}}]*(?:\{{{_REFERENCE.pattern}\}}[^{{}}]*)*")
_JSON_QUANTITY: Final = {"anyOf": [{"type": "number"}, _written(_QUANTITY)], "examples": ["8.0 pH", "0.36 m3/h"]}
_JSON_VALUE: Final = {"anyOf": [{"type": ["number", "boolean"]}, _written(_QUANTITY)]}
_JSON_MANUAL: Final = {"anyOf": [{"const": "hold"}, *_JSON_VALUE["anyOf"]]}
_JSON_EXPRESSION: Final = {
    "anyOf": [{"type": "number"}, _written(_TAG_IN_TEXT)],
    "examples": ["{FI-4013} < 0.24 [m3/h]"],
}
_JSON_DURATION: Final = _written(_DURATION, examples=["1.5 s", "100 ms", "10 min"])

Text = Annotated[str, Shape("text", _text, {"type": "string", "pattern": "\\S"})]
Item = Annotated[str, Shape("item", _item, {"type": ["string", "integer"], "pattern": "\\S"})]
"""A device's datum: a name of its profile, a node, or a register number; kept as text."""
Flag = Annotated[bool, Shape("flag", _flag, {"type": "boolean"})]
Whole = Annotated[int, Shape("whole number", _whole, {"type": "integer", "minimum": 0})]
Port = Annotated[int, Shape("port", _port, {"type": "integer", "minimum": 0, "maximum": PORT_MAX})]
Count = Annotated[int, Shape("count", _count, {"type": "integer", "minimum": 1, "maximum": COUNT_MAX})]
FileName = Annotated[str, Shape("file name", _file_name, {"type": "string", "pattern": "\\S"})]
"""A file of the plant's security folder, or one by its whole path."""
Number = Annotated[float, Shape("number", _number, {"type": "number"})]
Quantity = Annotated[str | float, Shape("quantity", _quantity, _JSON_QUANTITY)]
"""`8.0 pH` as text, or a bare number as float, which is then in the unit that is expected at its place."""
Value = Annotated[str | float, Shape("value", _value, _JSON_VALUE)]
"""A quantity, or true or false, kept as 1.0 and 0.0."""
ManualOutput = Annotated[str | float, Shape("manual output", _manual_output, _JSON_MANUAL)]
"""`hold`, or the output's value."""
Duration = Annotated[str, Shape("duration", _duration, _JSON_DURATION)]
LongDuration = Annotated[str, Shape("duration", _keeping, _JSON_DURATION)]
"""A duration of a day or more."""
Size = Annotated[str, Shape("size", _size, _written(_SIZE, examples=["20 GB"]))]
"""Bytes, 256 MB or more."""
Expression = Annotated[str, Shape("expression", _expression, _JSON_EXPRESSION)]
Name = Annotated[str, Shape("name", _name, _written(_NAME, maxLength=NAME_LENGTH_MAX))]
Reference = Annotated[str, Shape("reference", _reference, _written(_REFERENCE))]
"""A tag's full name, or a point of it after a dot."""
StateNumber = Annotated[int, Shape("state number", _state_number, {"type": "string", "pattern": "^-?[0-9]{1,9}$"})]
"""A key: the number of a state."""
Vote = Annotated[str, Shape("vote", _vote, _written(_VOTE, examples=["1oo1", "1oo2", "2oo3"]))]
