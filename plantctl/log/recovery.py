"""Finds the end of a log after anything: a clean stop, a killed process, a loss of power, a damaged disk.

What lies before the last commit mark was on disk and is left alone, damaged or not: readers skip what is bad. What
lies behind it was being written when the power went: it counts up to the first frame that is not whole or does not
continue the count, and the rest is cut.

Rules of the file: nothing here writes; an unreadable file is the caller's to report.
"""

from dataclasses import dataclass, field

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import HEAD_BYTES as FRAME_HEAD_BYTES
from plantctl.core.frame import VERSION, Kind, decode_frame, decode_records, decode_texts, frame_bytes
from plantctl.core.text import text_id
from plantctl.log.files import HEAD_BYTES, LogFile, Readable, first_sequence_of, load_file, log_names

# More frames than any file can hold: where a file cannot be read, counting goes on this far above its name.
UNREADABLE_SKIP = 1 << 32


@dataclass(slots=True)
class LogEnd:
    """Where a log ends. `name` is the file to go on in, empty where a new one is needed.

    `size` are its bytes that count and `torn_bytes` those behind; `sequence` is the newest frame, `durable_sequence`
    the newest that a commit mark vouches for; `texts` the texts the log knows.
    """

    name: str = ""
    plan_hash: int = 0
    size: int = 0
    torn_bytes: int = 0
    sequence: int = 0
    durable_sequence: int = 0
    texts: dict[int, str] = field(default_factory=dict)
    error: OSError | None = None


def find_end(storage: Readable) -> LogEnd:
    """The end of the log in `storage`. Raises `OSError` only where the files cannot even be listed."""
    names = log_names(storage.names())
    floor = first_sequence_of(names[-1]) - 1 if names else 0  # a name is a promise that what comes is not below it
    for name in reversed(names):
        try:
            log_file = load_file(storage, name)
        except OSError as e:
            sequence = first_sequence_of(name) + UNREADABLE_SKIP
            return LogEnd(sequence=sequence, durable_sequence=sequence, error=e)
        if not has_frames(log_file):
            continue  # made when the power went, or not ours
        durable, sequence, size = _walk(log_file)
        goes_on = name == names[-1] and log_file.head is not None
        return LogEnd(
            name if goes_on else "",
            log_file.plan_hash,
            size,
            len(log_file.data) - size,
            max(sequence, floor),
            durable,
            texts_of(log_file),
        )
    return LogEnd(sequence=floor, durable_sequence=floor)


def has_frames(log_file: LogFile) -> bool:
    """Whether a file holds anything from the ring; copies of texts that every file begins with do not count."""
    return bool((log_file.index.sequence >= first_sequence_of(log_file.name)).any())


def _walk(log_file: LogFile) -> tuple[int, int, int]:
    """The sequence the last commit mark vouches for, the newest sequence, and the bytes that count."""
    durable, at = last_mark(log_file)
    sequence = durable
    while True:
        try:
            frame = decode_frame(log_file.data, at)
        except LogDamaged:
            return durable, sequence, at
        if frame.plan_hash != log_file.plan_hash or frame.version != VERSION or frame.sequence < sequence:
            return durable, sequence, at
        sequence = frame.sequence
        at += frame_bytes(len(frame.payload))


def last_mark(log_file: LogFile) -> tuple[int, int]:
    """What the last commit mark vouches for, and where that ends; frames may have come in while it was written."""
    index = log_file.index
    for i in reversed(log_file.places(Kind.COMMIT).tolist()):
        mark = log_file.frame(i)
        if mark is None:
            continue
        durable = int(decode_records(Kind.COMMIT, mark.payload)["sequence"][0])
        if durable == mark.sequence:
            return durable, int(index.offset[i] + index.length[i])
        before = np.flatnonzero(index.sequence[:i] <= durable)
        if len(before):
            last = int(before[-1])
            return durable, int(index.offset[last] + index.length[last])
    return first_sequence_of(log_file.name) - 1, HEAD_BYTES


def texts_of(log_file: LogFile) -> dict[int, str]:
    """The texts in a file, which begins with those of the files before; a text that is not its id's is left out."""
    texts: dict[int, str] = {}
    for i in log_file.places(Kind.TEXT).tolist():
        frame = log_file.frame(i)
        if frame is not None:
            texts |= checked_texts(frame.payload)
    return texts


def checked_texts(payload: bytes) -> dict[int, str]:
    """The texts of a text frame's payload whose ids are truly theirs; none where it cannot be read."""
    try:
        return {number: text for number, text in decode_texts(payload).items() if text_id(text) == number}
    except LogDamaged:
        return {}


def frame_texts(data: bytes) -> dict[int, str]:
    """The same from a whole text frame."""
    return checked_texts(data[FRAME_HEAD_BYTES:-4])
