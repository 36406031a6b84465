"""The one log file that is being written: how it is made and how it stays whole when the disk refuses.

Rules of the file: after an error the file may be longer than what counts, and `mend` cuts it before anything follows;
a file that was made but never got a frame is used again rather than joined by another.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from plantctl.core.frame import Kind, encode_frame, encode_texts
from plantctl.log.files import (
    FileHead,
    encode_head,
    first_sequence_of,
    load_file,
    log_name,
    log_names,
    plan_name,
)
from plantctl.log.plan_file import decode_plan, encode_plan
from plantctl.log.recovery import has_frames
from plantctl.log.storage import Storage

TEXT_PAYLOAD_BYTES = 60_000

# The end of the name of a file that is being written: nobody reads it before it has its own.
PART = ".part"


@dataclass(slots=True)
class OpenFile:
    """A log file open to append; `size` are the bytes that count, `empty_size` those it began with, without frames."""

    storage: Storage
    file: int
    plan_hash: int
    size: int
    empty_size: int = 0
    ragged: bool = False

    def append(self, data: bytes | bytearray) -> None:
        """Appends whole frames. After an `OSError` the file is ragged until `mend` worked."""
        assert not self.ragged
        self.ragged = True
        self.storage.append(self.file, data)
        self.ragged = False
        self.size += len(data)

    def mend(self) -> None:
        """Cuts what an interrupted `append` may have left. Raises `OSError`."""
        if self.ragged:
            self.storage.truncate(self.file, self.size)
            self.ragged = False

    def has_room(self, plan_hash: int, batch_bytes: int, frame_bytes: int, file_bytes: int) -> bool:
        """Whether a frame of that plan goes into this file behind a batch; an empty file takes a frame of any size."""
        size = self.size + batch_bytes
        return plan_hash == self.plan_hash and (size + frame_bytes <= file_bytes or size <= self.empty_size)

    def close(self) -> None:
        """Gives the file up, whatever the disk says."""
        close_quietly(self.storage, self.file)


def close_quietly(storage: Storage, file: int) -> None:
    """Closes; an error of closing adds nothing to what is known."""
    try:
        storage.close(file)
    except OSError:
        return


def reopen(storage: Storage, name: str, plan_hash: int, size: int, torn_bytes: int) -> OpenFile:
    """Goes on in a file, its torn end cut, all of it and its name forced to disk. Raises `OSError`."""
    file = storage.open(name)
    try:
        if torn_bytes:
            storage.truncate(file, size)
        storage.sync(file)
        storage.sync_folder()
    except OSError:
        close_quietly(storage, file)
        raise
    return OpenFile(storage, file, plan_hash, size)


def create(storage: Storage, head: FileHead, texts: Mapping[int, str]) -> OpenFile:
    """A new file with its head and a copy of all texts, on disk with its name. Raises `OSError`."""
    file = storage.open(_free_name(storage, head.first_sequence))
    try:
        storage.truncate(file, 0)
        data = encode_head(head) + b"".join(
            encode_frame(Kind.TEXT, head.first_sequence - 1, 0, head.created_mono_ns, head.plan_hash, payload)
            for payload in _text_payloads(texts)
        )
        storage.append(file, data)
        storage.sync(file)
        storage.sync_folder()
    except OSError:
        close_quietly(storage, file)
        raise
    return OpenFile(storage, file, head.plan_hash, len(data), len(data))


def _free_name(storage: Storage, first_sequence: int) -> str:
    """A name for a file that begins with this frame: the next number, or that of a file without any frame in it."""
    taken = [name for name in log_names(storage.names()) if first_sequence_of(name) == first_sequence]
    if not taken:
        return log_name(first_sequence)
    try:
        if not has_frames(load_file(storage, taken[-1])):
            return taken[-1]
    except OSError:
        pass  # what cannot be read is left alone
    return log_name(first_sequence, int(taken[-1][-7:-4]) + 1)


def _text_payloads(texts: Mapping[int, str]) -> list[bytes]:
    """The texts in payloads of a moderate size."""
    groups: list[dict[int, str]] = []
    room = 0
    for number, text in texts.items():
        room -= len(text.encode()) + 24
        if room < 0:
            groups.append({})
            room = TEXT_PAYLOAD_BYTES
        groups[-1][number] = text
    return [encode_texts(group) for group in groups]


def keep_plan(storage: Storage, plan_hash: int, text: str) -> None:
    """Keeps a plan's text beside the log unless it is there, sound and with check sums. Raises `OSError`."""
    name = plan_name(plan_hash)
    if name in storage.names() and _is_sound(storage, name):
        return
    replace_file(storage, name, encode_plan(text))


def replace_file(storage: Storage, name: str, data: bytes) -> None:
    """Has `data` on disk as the whole of the file `name`. Raises `OSError`; the file is then what it was."""
    part = name + PART
    file = storage.open(part)
    try:
        storage.truncate(file, 0)
        storage.append(file, data)
        storage.sync(file)
    finally:
        close_quietly(storage, file)
    storage.rename(part, name)
    storage.sync_folder()


def _is_sound(storage: Storage, name: str) -> bool:
    """Whether a plan's text can stay as it is; one that cannot be read is written anew."""
    try:
        found = decode_plan(storage.read(name))
    except OSError:
        return False
    return found.sound and found.summed
