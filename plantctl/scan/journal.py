"""The journal of a scan: what changed, as frames in the ring, and events as the tools read them.

Order within a scan: the commands as taken, the rows that changed (with the `dt` of every task, one frame every scan),
the transitions in plan order, the stages of commands, what the field did about outputs. A reader that has the frames
can rebuild every input and every `dt`, so a replay gives the same outputs.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from plantctl.core.block import fields
from plantctl.core.command import Command, Result
from plantctl.core.event import SEVERITY_WORDS, Event, EventKind
from plantctl.core.field import OutputColumns
from plantctl.core.frame import (
    ANSWERED_BEFORE,
    IN_LATE_FRAME,
    IN_WORDS,
    NO_TAG,
    Kind,
    encode_records,
    encode_states,
    encode_texts,
)
from plantctl.core.image import Image
from plantctl.core.late import LATE
from plantctl.core.quality import SEVERITY_MASK
from plantctl.core.ring import RingWriter
from plantctl.core.text import TextTable, text_id
from plantctl.plan.plan import Plan, Writer
from plantctl.scan.image_frames import ImageFrames
from plantctl.scan.latch import Latch
from plantctl.scan.memory import StateMemory
from plantctl.scan.step import Stepper

TIME_PERIOD_NS = 1_000_000_000
UTF8_BYTES_MAX = 4  # of one character
CUT = " ..."


class Transitions:
    """Reads the event ring of the blocks and what the latch noticed, and tells what changed."""

    def __init__(self, plan: Plan, stepper: Stepper, latch: Latch) -> None:
        self.plan = plan
        self._stepper = stepper
        self._latch = latch
        self._declared = [fields(k.kind.block) for k in plan.kinds]
        self._ring_head = memoryview(stepper.ring[0])
        self.lost = 0

    def take(self, scan: int, mono_ns: int, utc_ns: int) -> list[Event]:
        """The transitions of one scan: inputs whose severity changed, then the blocks' in plan order."""
        events = self._quality(scan, mono_ns, utc_ns) if self._latch.changes else []
        head = self._ring_head
        for kind, row, field, old, new in self._stepper.ring[1 : head[0] + 1].tolist() if head[0] else ():
            declared = self._declared[kind][field]
            tag = self.plan.kinds[kind].tags[row]
            word = declared.declared.event
            main = word not in ("watched", "quality")
            target = tag if main else f"{tag}.{declared.name}"
            words = declared.declared.words
            events.append(Event(EventKind.of(word), scan, mono_ns, utc_ns, target, old, new, words))
        self.lost += head[2]
        head[0] = head[2] = 0
        return events

    def _quality(self, scan: int, mono_ns: int, utc_ns: int) -> list[Event]:
        image = self._stepper.image
        return [
            Event(
                EventKind.QUALITY,
                scan,
                mono_ns,
                utc_ns,
                self.plan.inputs[i].tag,
                before,
                int(image.q[i + 1]) & SEVERITY_MASK,
                SEVERITY_WORDS,
                source_ns=int(image.source_ns[i + 1]),
            )
            for i, before in self._latch.changed[: self._latch.changes].tolist()
        ]


class Journal:
    """Writes the frames of every scan into a ring."""

    def __init__(
        self, plan: Plan, image: Image, ring: RingWriter, *, compiled: bool = False, cache: Path | None = None
    ) -> None:
        self.plan = plan
        self._ring = ring
        self._texts = TextTable()
        self._ids = plan.ids
        # Delayed copies follow from their originals; the executive's own rows are inputs as far as replay goes.
        logged = sorted(p.row for p in plan.points if p.row and p.writer is not Writer.DELAY)
        inputs = [row for row in logged if row <= len(plan.inputs)]
        others = [row for row in logged if row > len(plan.inputs)]
        self._frames = ImageFrames(
            ring,
            image.v,
            image.q,
            image.receive_ns,
            image.source_ns,
            inputs,
            others,
            self._ids[inputs + others],
            len(plan.tasks),
            compiled=compiled,
            cache=cache,
        )
        self._time_ns: int | None = None
        self.offset_ns = 0
        self.locked = True
        self._writes = np.zeros(len(plan.outputs), np.int64)
        self._writes_bytes = self._writes.tobytes()

    def start(self, scan: int, mono_ns: int, utc_ns: int) -> None:
        """The frames before the first scan of a run: the time, then the image as it stands."""
        self._frames.start(scan, mono_ns, utc_ns)
        self._time_ns = mono_ns
        self._texts.tell_again()

    def state(self, scan: int, mono_ns: int, memory: StateMemory) -> None:
        """What a replay must begin with besides the image: right behind `start`, where not all is fresh."""
        state = bytearray(memory.state_bytes)
        memory.snapshot_into(state)
        for payload in encode_states(memory.layout, state, self._ring.capacity // 2):
            self._ring.append(Kind.STATE, scan, mono_ns, payload)

    def commands(self, scan: int, mono_ns: int, commands: Sequence[Command], before: Sequence[bool]) -> None:
        """The commands as the scan takes them, before they act; `before` tells which an earlier scan had answered."""
        if commands:
            records = [self._command_record(c, mono_ns, known) for c, known in zip(commands, before, strict=True)]
            self._write_texts(scan, mono_ns)
            self._ring.append(Kind.COMMAND, scan, mono_ns, encode_records(Kind.COMMAND, records))

    def scan(self, scan: int, mono_ns: int, utc_ns: int, dt_s: Sequence[float]) -> None:
        """The rows that changed in a scan; every row every 10 s; the time once a second."""
        if self._time_ns is None or mono_ns - self._time_ns >= TIME_PERIOD_NS:
            self._frames.time(scan, mono_ns, utc_ns, self.offset_ns, self.locked)
            self._time_ns = mono_ns
        key_ns = self._frames.key_ns
        self._frames.scan(scan, mono_ns, utc_ns, dt_s)
        if self._frames.key_ns != key_ns:
            # Whoever begins to read at this key frame has none of the texts before.
            self._texts.tell_again()

    def events(self, scan: int, mono_ns: int, events: Sequence[Event]) -> None:
        """The transitions of a scan."""
        if events:
            records = [self._event_record(e) for e in events]
            self._write_texts(scan, mono_ns)
            self._ring.append(Kind.EVENT, scan, mono_ns, encode_records(Kind.EVENT, records))

    def late(self, scan: int, mono_ns: int, payloads: Sequence[bytes]) -> None:
        """Values that came after their time, as they came (`core.late`)."""
        for payload in payloads:
            self._ring.append(Kind.LATE, scan, mono_ns, payload)

    def results(self, scan: int, mono_ns: int, results: Sequence[Result]) -> None:
        """The stages that commands reached in a scan."""
        if results:
            records = [
                {
                    "number": r.sequence,
                    "mono_ns": r.mono_ns,
                    "code": self._text(r.code),
                    "text": self._text(r.text),
                    "stage": int(r.stage),
                }
                for r in results
            ]
            self._write_texts(scan, mono_ns)
            self._ring.append(Kind.RESULT, scan, mono_ns, encode_records(Kind.RESULT, records))

    def writes(self, scan: int, mono_ns: int, columns: OutputColumns) -> None:
        """What the field did about output rows since the last scan."""
        if columns.write_sequence.tobytes() != self._writes_bytes:
            records = [
                {
                    "value": float(columns.written_value[i]),
                    "sequence": int(columns.write_sequence[i]),
                    "write_ns": int(columns.write_ns[i]),
                    "tag": int(self._ids[self.plan.outputs[i].row]),
                    "error": int(columns.error[i]),
                }
                for i in np.flatnonzero(columns.write_sequence != self._writes)
            ]
            self._writes = columns.write_sequence.copy()
            self._writes_bytes = self._writes.tobytes()
            self._ring.append(Kind.WRITE, scan, mono_ns, encode_records(Kind.WRITE, records))

    # -- records ---------------------------------------------------------------------------------------------------

    def _command_record(self, command: Command, mono_ns: int, before: bool) -> dict[str, float | int]:
        row = self.plan.rows.get(command.target)
        return {
            "number": command.sequence,
            "value": float("nan"),
            "given_ns": mono_ns,
            "expiry_ns": command.expires_ns,
            "verb": self._text(command.verb),
            "target": self._text(command.target),
            "actor": self._text(command.actor),
            "reason": self._text(command.reason),
            # The value travels as it was written, so that a replay decides on the very same text.
            "text": self._text(command.value) if command.verb != LATE else 0,
            "expect": self._text(command.expect) if command.expect else 0,
            # Keys are many and only compared: the id is enough.
            "key": text_id(command.key),
            "tag": NO_TAG if row is None else int(self._ids[row]),
            "flags": (ANSWERED_BEFORE if before else 0) | (IN_LATE_FRAME if command.verb == LATE else 0),
        }

    def _event_record(self, event: Event) -> dict[str, float | int]:
        row = self.plan.rows.get(event.target)
        return {
            "old": event.old,
            "new": event.new,
            "source_ns": event.source_ns,
            "field": self._text(event.target) if row is None else 0,
            "actor": self._text(event.actor),
            "reason": self._text(event.reason),
            "tag": NO_TAG if row is None else int(self._ids[row]),
            "code": int(event.kind),
            "flags": IN_WORDS if event.words else 0,
        }

    def _text(self, text: str) -> int:
        if len(text) * UTF8_BYTES_MAX > self._texts.bytes_max:
            text = _cut(text, self._texts.bytes_max)
        return self._texts.note(text)

    def _write_texts(self, scan: int, mono_ns: int) -> None:
        new = self._texts.take_new()
        if new:
            self._ring.append(Kind.TEXT, scan, mono_ns, encode_texts(new))


def _cut(text: str, bytes_max: int) -> str:
    """A text of at most so many bytes: the beginning of a long explanation says more than none."""
    utf8 = text.encode()
    return text if len(utf8) <= bytes_max else utf8[: bytes_max - len(CUT.encode())].decode(errors="ignore") + CUT
