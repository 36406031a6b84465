"""What an unquoted value of a YAML file means: YAML 1.2's core schema, and a finding wherever readers disagree.

YAML 1.1 and 1.2 read the same plain text differently: `no` is false or a text, `010` is 8 or 10, `1:30` is 90 or a
text. A plant's text must not depend on that, so each such value is a finding with the hint what to write instead.
Only `true` and `false` are booleans. Numbers are finite; integers stay exact in the image, so within 2^53.

Source: YAML 1.2.2 chapter 10.3.2 for what is read; YAML 1.1 type repository (bool, int, float, timestamp) for what is
refused.
"""

import math
import re
from typing import Final

from plantctl.plan.node import Scalar

Doubt = tuple[str, str, str]
"""Code, what is wrong, what to write instead."""

INTEGER_MAX: Final = 2**53

FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufdcf\ufdf0-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What YAML does not take as text, and the line ends that only some readers see (U+0085, U+2028, U+2029)."""

_MAYBE_NOT_TEXT: Final = frozenset("0123456789+-.~tTfFyYnNoO")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO: Final = re.compile(r"([-+]?)0+([0-9]+)")
_OTHER_BASE: Final = re.compile(r"[-+]?0[xXoObB][0-9a-fA-F_]+")
_UNDERSCORE: Final = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?")
_SEXAGESIMAL: Final = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ][0-9: .TtZz+-]*)?")


def resolve(text: str) -> tuple[Scalar, Doubt | None]:
    """The value of a plain (unquoted) text, and the doubt about it, if any. With a doubt the value is the text."""
    if not text:
        return None, None
    if text[0] not in _MAYBE_NOT_TEXT:
        return text, None
    if text[0] in "0123456789+-.":
        return _number(text)
    if text == "true":
        return True, None
    if text == "false":
        return False, None
    return text, _doubtful_word(text)


def _doubtful_word(text: str) -> Doubt | None:
    word = text.lower()
    if word in ("true", "false"):
        return "PC104", f"`{text}` is not a boolean here: only `true` and `false` are", f"write {word}, or quote it"
    if word in ("yes", "y", "on"):
        return (
            "PC104",
            f"plain `{text}` is true to some readers and a text to others",
            f'quote it: "{text}"; or write true',
        )
    if word in ("no", "n", "off"):
        return (
            "PC104",
            f"plain `{text}` is false to some readers and a text to others",
            f'quote it: "{text}"; or write false',
        )
    if word in ("~", "null"):
        return "PC109", f"`{text}` stands for no value", "leave the key out"
    return None


def _number(text: str) -> tuple[Scalar, Doubt | None]:
    if _INTEGER.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        return _integer(text)
    leading_zero = _LEADING_ZERO.fullmatch(text)
    if leading_zero is not None:
        number = leading_zero[1] + leading_zero[2]
        return text, ("PC105", f"plain `{text}` is octal to some readers", f'quote it: "{text}"; or write {number}')
    if _FLOAT.fullmatch(text):
        value = float(text)
        return (value, None) if math.isfinite(value) else (text, _too_large(text))
    if _NOT_FINITE.fullmatch(text):
        return text, ("PC110", f"`{text}` is no finite number", "leave the key out where there is no limit")
    return text, _doubtful_number(text)


def _integer(text: str) -> tuple[Scalar, Doubt | None]:
    if len(text) > 20:
        return text, _too_large(text)
    value = int(text, 0)
    return (value, None) if abs(value) <= INTEGER_MAX else (text, _too_large(text))


def _too_large(text: str) -> Doubt:
    shown = text if len(text) <= 24 else text[:20] + "..."
    return "PC110", f"`{shown}` is too large to be kept exactly", "a text goes in quotes"


def _doubtful_number(text: str) -> Doubt | None:
    if _SEXAGESIMAL.fullmatch(text):
        hint = f'quote it: "{text}"; a duration is written like 90 s'
        return "PC105", f"plain `{text}` is a number in base 60 to some readers", hint
    if _OTHER_BASE.fullmatch(text):
        return (
            "PC105",
            f"plain `{text}` is a number to some readers only",
            f'write it in base 10; or quote it: "{text}"',
        )
    if _UNDERSCORE.fullmatch(text):
        hint = f'write {text.replace("_", "")}; or quote it: "{text}"'
        return "PC105", f"plain `{text}` is a number to some readers only", hint
    if _DATE.fullmatch(text):
        return "PC105", f"plain `{text}` is a date to some readers", f'quote it: "{text}"'
    return None
