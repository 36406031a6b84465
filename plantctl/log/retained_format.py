"""The bytes of a retained state: what a slot of the retained file holds behind its head.

    u4 bytes of the directory, u4 numbers, then the directory, zeros to a multiple of 8, then the numbers, i8 each

The directory is JSON: the names, in the order of the numbers. For each kind one number a tag and column, values first,
then units; for each parameter two, configured and present; for each point three, value, quality, source time.
Little-endian. Values are bits.

Rules of the file: whatever the bytes are, reading them gives a state or raises `LogDamaged`, nothing else.
"""

import json
import struct
from typing import Any, Final

import numpy as np

from plantctl.core.errors import LogDamaged
from plantctl.scan.retained_state import Bits, RetainedKind, RetainedParameter, RetainedPoint, RetainedState

_SIZES: Final = struct.Struct("<II")
I8: Final = np.dtype("<i8")


def encode_state(state: RetainedState) -> bytes:
    """The bytes of a state; its plan's hash belongs in the head."""
    directory = {
        "kinds": [
            {"kind": k.kind, "tags": k.tags, "values": list(k.values), "units": list(k.units)} for k in state.kinds
        ],
        "parameters": [[p.tag, p.kind, p.name] for p in state.parameters],
        "points": [[p.name, p.unit] for p in state.points],
    }
    columns = [bits for k in state.kinds for part in (k.values, k.units) for bits in part.values()]
    single = [number for p in state.parameters for number in (p.configured, p.present)]
    single += [number for p in state.points for number in (p.value, p.quality, p.source_ns)]
    columns.append(np.array(single, np.int64))
    text = json.dumps(directory, separators=(",", ":")).encode()
    numbers = sum(len(bits) for bits in columns)
    parts = [_SIZES.pack(len(text), numbers), text, bytes(-len(text) % 8)]
    return b"".join(parts + [bits.astype(I8, copy=False).tobytes() for bits in columns])


def decode_state(plan_hash: int, data: bytes) -> RetainedState:
    """The state in `data`. Bytes that are none raise `LogDamaged`."""
    try:
        directory_bytes, count = _SIZES.unpack_from(data)
        text = data[_SIZES.size : _SIZES.size + directory_bytes]
        at = _SIZES.size + directory_bytes + -directory_bytes % 8
        numbers = np.frombuffer(data, I8, count, at).astype(np.int64)
        return _Reader(json.loads(text), numbers).state(plan_hash)
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise LogDamaged(f"the retained state cannot be read: {e}") from e


class _Reader:
    """Takes numbers in the order of the directory. What does not fit raises one of the errors `decode_state` knows."""

    def __init__(self, directory: Any, numbers: Bits) -> None:
        self._directory = directory
        self._numbers = numbers
        self._at = 0

    def state(self, plan_hash: int) -> RetainedState:
        """The whole state."""
        directory = self._directory
        kinds = tuple(self._kind(entry) for entry in directory["kinds"])
        parameters = tuple(self._parameter(entry) for entry in directory["parameters"])
        points = tuple(self._point(entry) for entry in directory["points"])
        if self._at != len(self._numbers):
            raise ValueError(f"{len(self._numbers)} numbers for the names of {self._at}")
        return RetainedState(plan_hash, kinds, parameters, points)

    def _kind(self, entry: Any) -> RetainedKind:
        tags = _words(entry["tags"], len(entry["tags"]))
        values = {name: self._take(len(tags)) for name in _words(entry["values"], len(entry["values"]))}
        units = {name: self._take(len(tags)) for name in _words(entry["units"], len(entry["units"]))}
        (kind,) = _words([entry["kind"]], 1)
        return RetainedKind(kind, tags, values, units)

    def _parameter(self, entry: Any) -> RetainedParameter:
        tag, kind, name = _words(entry, 3)
        configured, present = self._take(2).tolist()
        return RetainedParameter(tag, kind, name, configured, present)

    def _point(self, entry: Any) -> RetainedPoint:
        name, unit = _words(entry, 2)
        value, quality, source_ns = self._take(3).tolist()
        return RetainedPoint(name, unit, value, quality, source_ns)

    def _take(self, count: int) -> Bits:
        self._at += count
        return self._numbers[self._at - count : self._at]


def _words(entry: Any, count: int) -> tuple[str, ...]:
    if not isinstance(entry, list) or len(entry) != count or not all(isinstance(word, str) for word in entry):
        raise ValueError("the directory is none")
    "".join(entry).encode()  # half a character is none: it could not be told to anyone
    return tuple(entry)
