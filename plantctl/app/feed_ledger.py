"""What is kept of a sink over restarts: its position, and the records that its peer does not take.

`NAME.position` is replaced whole; `NAME.quarantine` grows by a line of JSON a record and, when it is full, becomes
`NAME.quarantine.1` in place of the one before. The records stay in the history in any case: the quarantine says which
did not arrive, and why. The last word of each line, `crc32c`, is the check sum of the line without it.

Rules of the file: what returns is on disk; `OSError` passes through, and what was kept before still stands.
"""

import json
import math
import re
from typing import Final

from plantctl.core.batch import Batch, PointLabels
from plantctl.core.event import in_words
from plantctl.core.frame import crc32c
from plantctl.core.quality import describe
from plantctl.log.open_file import close_quietly, replace_file
from plantctl.log.storage import Storage
from plantctl.sinks._position import Position, decode_position, encode_position

POSITION_BYTES_MAX: Final = 1 << 20
QUARANTINE_BYTES: Final = 16 << 20
_SUM: Final = re.compile(rb'(\{.*), "crc32c": "([0-9a-f]{8})"\}', re.DOTALL)


def quarantine_line(told: dict[str, object]) -> bytes:
    """One line of a quarantine, with its check sum."""
    line = json.dumps(told, ensure_ascii=False).encode()
    return b'%s, "crc32c": "%08x"}\n' % (line[:-1], crc32c(line))


def is_sound(line: bytes) -> bool:
    """Whether a line of a quarantine, without its end, is as it was written; those of older versions have no sum."""
    match = _SUM.fullmatch(line)
    if match is not None:
        return crc32c(match[1] + b"}") == int(match[2], 16)
    try:
        return isinstance(told := json.loads(line), dict) and "why" in told and list(told)[-1] == "why"
    except ValueError:
        return False


class FeedLedger:
    """The ledger of the sink `name` in a folder."""

    def __init__(
        self, storage: Storage, name: str, labels: PointLabels, quarantine_bytes: int = QUARANTINE_BYTES
    ) -> None:
        self._storage = storage
        self._position = f"{name}.position"
        self._quarantine = f"{name}.quarantine"
        self._labels = labels
        self._quarantine_bytes = quarantine_bytes
        self._kept = b""

    def position(self) -> Position | None:
        """The position that was kept last; None where there is none that can be read. Raises `OSError`."""
        if self._position not in self._storage.names():
            return None
        return decode_position(self._storage.read(self._position, POSITION_BYTES_MAX))

    def keep(self, position: Position) -> None:
        """Keep the position in place of the one before, if it is another. Raises `OSError`."""
        data = encode_position(position)
        if data == self._kept:
            return
        replace_file(self._storage, self._position, data)
        self._kept = data

    def set_aside(self, batch: Batch, why: str) -> None:
        """Keep records that the peer does not take, one line each; on disk when this returns. Raises `OSError`."""
        storage, name = self._storage, self._quarantine
        lines = b"".join(quarantine_line(told) for told in self._told(batch, why))
        size = storage.length(name) if name in storage.names() else 0
        if size and size + len(lines) > self._quarantine_bytes:
            storage.rename(name, f"{name}.1")
            size = 0
        torn = size > 0 and storage.read_part(name, size - 1, 1) != b"\n"
        file = storage.open(name)
        try:
            storage.append(file, b"\n" + lines if torn else lines)  # what a full disk cut short stays a line of its own
            storage.sync(file)
        finally:
            close_quietly(storage, file)
        storage.sync_folder()

    def _told(self, batch: Batch, why: str) -> list[dict[str, object]]:
        told: list[dict[str, object]] = []
        for sequence, event in zip(batch.event_sequences, batch.events, strict=True):
            told.append({"utc_ns": event.utc_ns, "frame": sequence, **in_words(event), "why": why})
        for i in range(batch.rows):
            number, value = int(batch.tag[i]), float(batch.value[i])
            label = batch.label(number, self._labels)
            told.append(
                {
                    "utc_ns": int(batch.utc_ns[i]),
                    "tag": label.name if label else f"#{number}",
                    "value": value if math.isfinite(value) else repr(value),
                    "unit": label.unit if label else "",
                    "quality": describe(int(batch.quality[i])),
                    "source_ns": int(batch.source_ns[i]),
                    "why": why,
                }
            )
        return told
