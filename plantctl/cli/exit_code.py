"""The exit codes of every verb, and the one way to end with one: a line on standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC, EROFS
from pathlib import Path
from typing import Final

DONE: Final = 0
FINDINGS: Final = 1
USAGE: Final = 2
UNKNOWN_INPUT: Final = 3
CONNECTION: Final = 3
REFUSED: Final = 4
HELD: Final = 5
MISTAKE: Final = 70  # of plantctl itself, as sysexits.h has it
INTERRUPTED: Final = 130  # as a shell says that SIGINT ended it
CLOSED: Final = 141  # as a shell says that SIGPIPE ended it


def fail(code: int, what: str) -> int:
    """Say what is wrong on standard error; the exit code is returned for the caller to end with."""
    print(f"plantctl: {what}", file=sys.stderr)
    return code


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Names `path` in the `OSError` of a disk that takes nothing more: the kernel names no file there."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno in (ENOSPC, EDQUOT, EFBIG, EROFS):
            error.filename = str(path)
        raise
