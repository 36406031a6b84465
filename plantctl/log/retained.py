"""The retained file: what a plant remembers through a loss of power, in two slots of which one is always whole.

Each save goes into the slot that does not hold the newest whole state, is forced to disk, and only then counts. A kill,
a loss of power or a full disk in the middle of it costs that one save: the other slot is as it was.

A slot is a file, `retained-0` or `retained-1`, little-endian:

    0   8 bytes  PLANTRET
    8   u2       format, 1
    10  u2       bytes of this head, 80
    12  u4       CRC-32C of what follows the head
    16  u8       sequence: the higher is the newer
    24  u8       plan hash
    32  i8       UTC ns, and 40 i8 monotonic ns, of the scan the state is from
    48  16 bytes the life of the machine (its boot id) that the monotonic time belongs to
    64  u8       bytes of what follows the head
    72  u4       0
    76  u4       CRC-32C of bytes 0 to 75

What follows the head: `log.retained_format`.

Rules of the file: nothing on the disk makes a method raise; errors are counted and told in `status`, and the next save
tries again; times are arguments.
"""

import errno
import struct
from dataclasses import dataclass, field
from typing import Final

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import crc32c
from plantctl.log.open_file import close_quietly
from plantctl.log.retained_format import decode_state, encode_state
from plantctl.log.storage import Storage
from plantctl.scan.retained_state import RetainedState

SLOTS: Final = ("retained-0", "retained-1")
SAVE_PERIOD_NS: Final = 1_000_000_000
FORMAT: Final = 1
MAGIC: Final = b"PLANTRET"
BOOT_BYTES: Final = 16
SEQUENCE_END: Final = 1 << 62
_HEAD: Final = struct.Struct("<8sHHIQQqq16sQI")
_CRC: Final = struct.Struct("<I")
HEAD_BYTES: Final = _HEAD.size + _CRC.size


@dataclass(frozen=True, slots=True)
class Moment:
    """When a state was taken: `utc_ns`, and `mono_ns` in the life of the machine `boot`, 16 bytes."""

    utc_ns: int
    mono_ns: int
    boot: bytes = bytes(BOOT_BYTES)

    def age_ns(self, now: "Moment") -> int:
        """How old it is at `now`: by the monotonic clock within one life of the machine, else by UTC."""
        if self.boot == now.boot and any(self.boot):
            return now.mono_ns - self.mono_ns
        return now.utc_ns - self.utc_ns


@dataclass(frozen=True, slots=True)
class Kept:
    """A state as it was found: `sequence` is that of its save, `moment` when it was taken."""

    sequence: int
    moment: Moment
    state: RetainedState


@dataclass(slots=True)
class RetainedStatus:
    """The file's word on itself. `failing` from an error until the next save that worked; `errors` counts by name."""

    saves: int = 0
    bytes: int = 0
    failing: bool = False
    last_error: str = ""
    errors: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Save:
    """A save under way: `write` may run in another thread, everything else of the file may not."""

    storage: Storage
    slot: int
    sequence: int
    moment: Moment
    data: bytes

    def write(self) -> OSError | None:
        """Writes the slot and forces it to disk; what went wrong."""
        try:
            file = self.storage.open(SLOTS[self.slot])
            try:
                self.storage.truncate(file, 0)
                self.storage.append(file, self.data)
                self.storage.sync(file)
            finally:
                close_quietly(self.storage, file)
            self.storage.sync_folder()
        except OSError as e:
            return e
        return None


class RetainedFile:
    """The one writer of a plant's retained file. Call `load` once before the first save.

    `saved` is the moment of the newest state that is on disk, None before there is one; `why` says why `load` gave
    none, or why it gave an older one, empty where all was well.
    """

    def __init__(self, storage: Storage) -> None:
        self.status = RetainedStatus()
        self.saved: Moment | None = None
        self.why = ""
        self._storage = storage
        self._sequence = 0
        self._newest = 1  # the slot that must not be touched
        self._saving = False
        self._begun_ns: int | None = None

    @property
    def sequence(self) -> int:
        """The number of the newest save that is on disk, 0 where there is none."""
        return self._sequence

    def load(self) -> Kept | None:
        """The newest whole state, None where there is none: then `why` says whether there was ever one."""
        found: list[tuple[int, Kept]] = []
        reasons = []
        try:
            names = self._storage.names()
        except OSError as e:
            self._failed(e)
            self.why = f"the folder cannot be read: {e.strerror}"
            return None
        for slot, name in enumerate(SLOTS):
            if name not in names:
                continue
            try:
                found.append((slot, decode_slot(self._storage.read(name))))
            except LogDamaged as e:
                reasons.append(f"{name}: {e}")
            except OSError as e:
                self._failed(e)
                reasons.append(f"{name}: {e.strerror}")
        self.why = "; ".join(reasons)
        if not found:
            return None
        self._newest, kept = max(found, key=lambda entry: entry[1].sequence)
        self._sequence, self.saved = kept.sequence, kept.moment
        return kept

    def save_due(self, mono_ns: int, *, urgent: bool = False) -> bool:
        """Whether to save now: 1 s after the last, or at once where a latch, a mode or a bypass changed (`urgent`)."""
        return not self._saving and (urgent or self._begun_ns is None or mono_ns - self._begun_ns >= SAVE_PERIOD_NS)

    def begin_save(self, state: RetainedState, moment: Moment) -> Save | None:
        """A save of `state`, taken at `moment`; None while one is under way.

        Call its `write`, in a thread if need be, and then `end_save` with what it returned.
        """
        if self._saving:
            return None
        self._saving = True
        self._begun_ns = moment.mono_ns
        sequence = self._sequence + 1
        return Save(self._storage, 1 - self._newest, sequence, moment, encode_slot(sequence, moment, state))

    def end_save(self, save: Save, error: OSError | None) -> bool:
        """Count what was saved; after an `error` the next save tries the same slot. Returns whether it worked."""
        self._saving = False
        if error is not None:
            self._failed(error)
            return False
        self._newest, self._sequence, self.saved = save.slot, save.sequence, save.moment
        self.status.saves += 1
        self.status.bytes = len(save.data)
        self.status.failing = False
        return True

    def save(self, state: RetainedState, moment: Moment) -> bool:
        """Saves here and now; blocks for as long as the disk takes. False where it failed or one is under way."""
        save = self.begin_save(state, moment)
        return save is not None and self.end_save(save, save.write())

    def _failed(self, error: OSError) -> None:
        name = errno.errorcode.get(error.errno or 0, "UNKNOWN")
        self.status.errors[name] = self.status.errors.get(name, 0) + 1
        self.status.last_error = f"{name}: {error.strerror}"
        self.status.failing = True


def encode_slot(sequence: int, moment: Moment, state: RetainedState) -> bytes:
    """The bytes of a slot."""
    data = encode_state(state)
    head = _HEAD.pack(
        MAGIC,
        FORMAT,
        HEAD_BYTES,
        crc32c(data),
        sequence,
        state.plan_hash,
        moment.utc_ns,
        moment.mono_ns,
        moment.boot,
        len(data),
        0,
    )
    return head + _CRC.pack(crc32c(head)) + data


def decode_slot(slot: bytes) -> Kept:
    """What a slot holds. Anything but a whole state of this format raises `LogDamaged` with the reason."""
    if len(slot) < HEAD_BYTES:
        raise LogDamaged("torn: shorter than its head")
    magic, number, head_bytes, crc, sequence, plan_hash, utc_ns, mono_ns, boot, size, _ = _HEAD.unpack_from(slot)
    if magic != MAGIC or crc32c(slot[: _HEAD.size]) != _CRC.unpack_from(slot, _HEAD.size)[0]:
        raise LogDamaged("its head is damaged")
    if number != FORMAT or head_bytes != HEAD_BYTES:
        raise LogDamaged(f"it has format {number}, this version reads {FORMAT}")
    if sequence >= SEQUENCE_END:
        raise LogDamaged(f"no file was ever saved {sequence} times")
    data = slot[HEAD_BYTES:]
    if len(data) != size:
        raise LogDamaged(f"torn: {len(data)} of {size} bytes")
    if crc32c(data) != crc:
        raise LogDamaged("damaged: its check sum is wrong")
    return Kept(sequence, Moment(utc_ns, mono_ns, boot), decode_state(plan_hash, data))
