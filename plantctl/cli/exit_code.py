"""The exit codes of every verb, and the one way to end with one: a line on standard error."""

import sys
from typing import Final

DONE: Final = 0
FINDINGS: Final = 1
USAGE: Final = 2
UNKNOWN_INPUT: Final = 3
CONNECTION: Final = 3
REFUSED: Final = 4
HELD: Final = 5


def fail(code: int, what: str) -> int:
    """Say what is wrong on standard error; the exit code is returned for the caller to end with."""
    print(f"plantctl: {what}", file=sys.stderr)
    return code
