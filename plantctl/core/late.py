"""Values that come after their time: what a laboratory found in a sample, what a logger kept while nobody listened.

Each is told to the scan as one record, which writes it into the log as it is: the rows with the time that they are of,
who brought them, and what was done. A sample that is signed, corrected or withdrawn is told anew, whole, with the same
tag and time; the newest record of a tag and time counts, the older ones stay in the log for whoever asks who said what.

    u4 rows, u2 act, u2 0, u8 number, u4 bytes of the actor, u4 bytes of the note
    rows: f8 value, i8 utc_ns (of the sample), u4 tag, u2 quality, u2 flags
    the actor, the note: UTF-8

`number` is the entry's: the same for all that is done about one sample; of an import it is that of its file. The note
of a laboratory value is JSON (`LabNote`), else a text.

Rules of the file: pure; what cannot be read raises `LogDamaged`, never anything else.
"""

import base64
import binascii
import json
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.core.errors import LogDamaged

# The verb under which the scan is handed a record. People cannot give it: it is none of `command.VERBS`.
LATE: Final = "late"
# So many rows at most in one record: with actor and note it fits the text of a command between processes.
ROWS_MAX: Final = 100
NOTE_BYTES_MAX: Final = 480
ACTOR_BYTES_MAX: Final = 96
# A row that is the newest good one of its tag: the plant takes it as the tag's value.
CURRENT: Final = 1
_HEAD: Final = struct.Struct("<IHHQII")
LATE_ROW: Final = np.dtype([("value", "<f8"), ("utc_ns", "<i8"), ("tag", "<u4"), ("quality", "<u2"), ("flags", "<u2")])
_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
NUMBER_LETTERS: Final = 8


class LateAct(IntEnum):
    """What is done about the rows. Numbers are part of the format: never reused."""

    IMPORTED = 0
    ENTERED = 1
    SIGNED = 2
    CORRECTED = 3
    WITHDRAWN = 4
    STANDS = 5  # told again as it is: it is the newest of its tag again, since a later one was withdrawn

    @property
    def word(self) -> str:
        """As people read it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class LateRecord:
    """One record: `rows` as `LATE_ROW`, whose arrays are not to be changed."""

    act: LateAct
    number: int
    rows: npt.NDArray[np.void]
    actor: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class LabNote:
    """What belongs to a laboratory value besides the number: which sample, as it was given, what is remarked, why."""

    sample: str = ""
    lot: str = ""
    given: str = ""
    comment: str = ""
    reason: str = ""

    def text(self) -> str:
        """As the note of a record."""
        return json.dumps({key: value for key, value in asdict(self).items() if value}, ensure_ascii=False)


def person_of(actor: str) -> str:
    """Who an actor is, whatever is said of the way by which he came: `ann` of `ann (operator)`."""
    return actor.partition(" (")[0]


def lab_note(text: str) -> LabNote:
    """The note of a record; what is none is a comment."""
    try:
        told: Any = json.loads(text)
        return LabNote(**{key: str(value) for key, value in told.items()})
    except (ValueError, TypeError, AttributeError):
        return LabNote(comment=text)


def late_row(tag: int, utc_ns: int, value: float, quality: int, *, current: bool = False) -> npt.NDArray[np.void]:
    """One row."""
    return np.array([(value, utc_ns, tag, quality, CURRENT if current else 0)], LATE_ROW)


def encode_late(record: LateRecord) -> bytes:
    """The record as the payload of a frame. More rows or longer texts than a record may have: `ValueError`."""
    actor, note = record.actor.encode(), record.note.encode()
    if len(record.rows) > ROWS_MAX or len(actor) > ACTOR_BYTES_MAX or len(note) > NOTE_BYTES_MAX:
        raise ValueError(f"a record has at most {ROWS_MAX} rows and {NOTE_BYTES_MAX} bytes of note")
    head = _HEAD.pack(len(record.rows), int(record.act), 0, record.number, len(actor), len(note))
    return head + record.rows.astype(LATE_ROW, copy=False).tobytes() + actor + note


def decode_late(payload: bytes | memoryview) -> LateRecord:
    """The record in a payload, which may be longer. What is none: `LogDamaged`."""
    data = bytes(payload)
    try:
        count, act, _, number, actor_bytes, note_bytes = _HEAD.unpack_from(data)
        at = _HEAD.size + count * LATE_ROW.itemsize
        if at + actor_bytes + note_bytes > len(data):
            raise LogDamaged("a record of late values is cut short")
        rows = np.frombuffer(data, LATE_ROW, count, _HEAD.size)
        actor = data[at : at + actor_bytes].decode()
        note = data[at + actor_bytes : at + actor_bytes + note_bytes].decode()
        return LateRecord(LateAct(act), number, rows, actor, note)
    except (struct.error, ValueError) as error:
        raise LogDamaged(f"a record of late values cannot be read: {error}") from error


def late_text(record: LateRecord) -> str:
    """The record as the value of a command."""
    return base64.b64encode(encode_late(record)).decode()


def late_payload(text: str) -> bytes:
    """The payload in the value of a command. A text that is none: `LogDamaged`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise LogDamaged("this is no record of late values") from error


def entry_number(key: str) -> int:
    """The number of an entry, from the key under which it was made: whoever repeats the key means the same entry."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") >> (64 - 5 * NUMBER_LETTERS)


def number_text(number: int) -> str:
    """An entry's number as people write it: eight letters and digits, none of which looks like another."""
    return "".join(_LETTERS[(number >> (5 * k)) & 31] for k in reversed(range(NUMBER_LETTERS)))
