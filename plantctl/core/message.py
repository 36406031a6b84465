"""Commands, what was answered to them, and device events as they travel through the rings between processes.

Each is a few numbers and a few texts: the numbers as one fixed head, each text as `u2 length, UTF-8`. What cannot be
read is refused as a whole with `LogDamaged`; nothing of it is used.
"""

import struct
from typing import Final

from plantctl.core.command import Command, Result, Stage
from plantctl.core.errors import LogDamaged
from plantctl.core.field import FieldEvent, FieldEventKind

TEXT_BYTES_MAX: Final = 4096
_COMMAND: Final = struct.Struct("<qq")
_ANSWER: Final = struct.Struct("<qqq")
_EVENT: Final = struct.Struct("<qqq")
_LENGTH: Final = struct.Struct("<H")


def encode_command(command: Command) -> bytes:
    """The command as the payload of a frame; a text above 4,096 bytes is cut there."""
    said = (command.verb, command.target, command.value, command.actor, command.reason, command.key, command.expect)
    return _COMMAND.pack(command.sequence, command.expires_ns) + b"".join(map(_text, said))


def decode_command(payload: bytes | memoryview) -> Command:
    """The command in a payload; `LogDamaged` where it holds none."""
    (sequence, expires_ns), texts = _decode(_COMMAND, payload, 7)
    verb, target, value, actor, reason, key, expect = texts
    return Command(verb, target, value, actor, reason, key, expires_ns, sequence, expect)


def encode_answer(key: str, result: Result) -> bytes:
    """What was answered to the command of that key, as the payload of a frame; texts are cut at 4,096 bytes."""
    head = _ANSWER.pack(result.sequence, result.mono_ns, int(result.stage))
    return head + b"".join(map(_text, (key, result.code, result.text)))


def decode_answer(payload: bytes | memoryview) -> tuple[str, Result]:
    """The key and the answer in a payload; `LogDamaged` where it holds none."""
    (sequence, mono_ns, stage), (key, code, text) = _decode(_ANSWER, payload, 3)
    try:
        return key, Result(sequence, Stage(stage), mono_ns, code, text)
    except ValueError:
        raise LogDamaged(f"there is no stage {stage} of a command") from None


def encode_field_event(event: FieldEvent) -> bytes:
    """The event as the payload of a frame; a text above 4,096 bytes is cut there."""
    head = _EVENT.pack(event.mono_ns, event.utc_ns, int(event.kind))
    return head + b"".join(map(_text, (event.device, event.text, event.point)))


def decode_field_event(payload: bytes | memoryview) -> FieldEvent:
    """The event in a payload; `LogDamaged` where it holds none."""
    (mono_ns, utc_ns, kind), (device, text, point) = _decode(_EVENT, payload, 3)
    try:
        return FieldEvent(mono_ns, utc_ns, FieldEventKind(kind), device, text, point)
    except ValueError:
        raise LogDamaged(f"there is no device event of kind {kind}") from None


def _text(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if len(data) > TEXT_BYTES_MAX:
        data = data[:TEXT_BYTES_MAX].decode("utf-8", "ignore").encode()
    return _LENGTH.pack(len(data)) + data


def _decode(head: struct.Struct, payload: bytes | memoryview, texts: int) -> tuple[tuple[int, ...], list[str]]:
    data = bytes(payload)
    try:
        numbers, at = head.unpack_from(data), head.size
        found = []
        for _ in range(texts):
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size
            if at + length > len(data):
                raise LogDamaged("a message between processes ends within a text")
            found.append(data[at : at + length].decode("utf-8"))
            at += length
    except (struct.error, UnicodeDecodeError) as error:
        raise LogDamaged(f"a message between processes cannot be read: {error}") from None
    return numbers, found
