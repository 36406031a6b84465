"""Which recording this is: two plants that were one until a backup have the same name and count the same frames.

    recording    its identity, 16 hexadecimal digits, drawn when feeds first begin and anew by a restore; behind it
                 those of the recordings that it was put in the place of; their check sum
    held         while it is there, no sink is fed; what it says is for a person, who removes it

Both lie beside the positions of sinks. What names a transition by its frame names the recording too.

Rules of the file: one turned bit is turned back, what has more of them is as good as no recording; `OSError` passes
through.
"""

import re
from random import Random
from typing import Final

from plantctl.core.one_bit import line_of, with_sum
from plantctl.log.open_file import replace_file
from plantctl.log.rows import PartlyReadable
from plantctl.log.storage import Storage

RECORDING: Final = "recording"
HELD_NAME: Final = "held"
# So many recordings that it stands for are told; older ones are forgotten.
OLDER_MAX: Final = 32
_BYTES_MAX: Final = 1 << 12
_IDENTITY: Final = re.compile("[0-9a-f]{16}")


def encode_recording(identity: str, *older: str) -> bytes:
    """The bytes of the file."""
    return with_sum(" ".join((identity, *older[:OLDER_MAX])).encode())


def decode_recording(data: bytes) -> tuple[str, ...]:
    """The identity and those that it stands for. Raises ValueError where more than one bit was turned."""
    found = line_of(data)
    told = found[0].decode("ascii").split(" ") if found else []
    if not told or not all(map(_IDENTITY.fullmatch, told)):
        raise ValueError("no recording")
    return tuple(told)


def recordings_in(storage: PartlyReadable | Storage) -> tuple[str, ...]:
    """The identity that is kept, and those it stands for; empty where there is none, or damaged. Raises `OSError`."""
    if RECORDING not in storage.names():
        return ()
    try:
        return decode_recording(storage.read(RECORDING, _BYTES_MAX))
    except ValueError:
        return ()


def draw_recording(storage: Storage, chance: Random) -> str:
    """The identity that is kept; where there is none a new one, kept from now on. Raises `OSError`."""
    kept = recordings_in(storage)
    if kept:
        return kept[0]
    identity = f"{chance.getrandbits(64):016x}"
    replace_file(storage, RECORDING, encode_recording(identity))
    return identity
