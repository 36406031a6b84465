"""What each process of a plant writes down about itself: one JSON object a line, in `logs/ROLE.jsonl` of the state
folder, up to 5 MB and five files before it, then the oldest goes.

    {"time": "2026-03-01T12:00:00.123Z", "level": "WARNING", "role": "scan", "pid": 77, "message": "...",
     "fields": {...}, "traceback": "..."}

`fields` are what a program may want to compare: `log.warning("it died", extra={"fields": {"exit": -9}})`. Values and
events of the plant are not here but in its log (`log/`), which is durable and can be replayed; this one may be lost.

Rules of the file: a log that cannot be written costs one line on standard error, never the process.
"""

import contextlib
import io
import json
import logging
import logging.handlers
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final

FILE_BYTES: Final = 5_000_000
FILES_BEFORE: Final = 5


class JsonLines(logging.Formatter):
    """A record of `role` as one line of JSON."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """The line. A value that JSON does not have is written as its text."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "role": self._role,
            "pid": record.process,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if fields:
            line["fields"] = fields
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class QuietFile(logging.handlers.RotatingFileHandler):
    """A rotating file that says once that it cannot be written, and once that it can again.

    Lines go to the system one by one: what a full disk refuses is dropped, not kept for later in growing memory.
    """

    failing = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; a full disk is no reason to stop."""
        before, self.failing = self.failing, ""
        super().emit(record)
        if bool(before) != bool(self.failing):
            how = f"cannot be written: {self.failing}" if self.failing else "is written again"
            with contextlib.suppress(OSError):
                print(f"plantctl: {self.baseFilename} {how}", file=sys.stderr)

    def handleError(self, record: logging.LogRecord) -> None:
        """What `logging` calls when a record could not be written."""
        self.failing = str(sys.exc_info()[1])

    def _open(self) -> io.TextIOWrapper:
        raw = Path(self.baseFilename).open("ab", buffering=0)  # noqa: SIM115 - closed by the class above
        return io.TextIOWrapper(raw, encoding="utf-8", write_through=True)


def log_path(folder: Path, role: str) -> Path:
    """Where the process of `role` writes, in the plant's folder of logs."""
    return folder / f"{role}.jsonl"


def start_log(folder: Path, role: str, size: int = FILE_BYTES) -> logging.Logger:
    """Begin the log of this process in `folder`, which is made; the logger `plantctl`.

    A crash is written there too, before Python prints it. Where the folder cannot be used, warnings go to standard
    error instead.
    """
    log = logging.getLogger("plantctl")
    root = logging.getLogger()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = QuietFile(log_path(folder, role), maxBytes=size, backupCount=FILES_BEFORE, encoding="utf-8")
    except OSError as error:
        print(f"plantctl: no log of {role}: {error}", file=sys.stderr)
    else:
        file.setFormatter(JsonLines(role))
        root.addHandler(file)
    log.setLevel(logging.INFO)
    sys.excepthook = _crashed
    return log


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("plantctl").critical("crashed: %s", error or kind.__name__, exc_info=(kind, error, trace))
    sys.__excepthook__(kind, error, trace)
