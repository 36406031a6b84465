"""What the texts of a command mean: numbers, words of modes, and what the target was thought to be."""

import math

from plantctl.core import command as codes
from plantctl.core.block import MODE_WORDS
from plantctl.core.command import Command
from plantctl.core.errors import CommandRejected
from plantctl.core.event import spoken


def number(command: Command) -> float:
    """The command's value. Raises `CommandRejected` where it is no finite number."""
    value = number_or_nan(command.value)
    if not math.isfinite(value):
        raise CommandRejected(codes.BAD_VALUE, f"`{command.value}` is not a finite number")
    return value


def number_or_nan(text: str) -> float:
    """The number that a text stands for: `true` and `false`, a mode's word, else as Python reads it; NaN for others."""
    word = text.strip().lower()
    if word in ("true", "false"):
        return float(word == "true")
    if word in MODE_WORDS:
        return float(MODE_WORDS.index(word))
    try:
        return float(word)
    except ValueError:
        return math.nan


def as_expected(command: Command, present: float) -> None:
    """Refuse where the target is not what whoever gave the command saw; what it is now is told."""
    expected = number_or_nan(command.expect)
    if present != expected and not (math.isnan(present) and math.isnan(expected)):
        now = spoken(present, MODE_WORDS if command.verb == "mode" else ())
        raise CommandRejected(codes.EXPECT_MISMATCH, f"`{command.target}` is {now} by now, not {command.expect}")
