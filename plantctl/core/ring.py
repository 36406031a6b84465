"""A ring of frames that one process writes and any number read, without ever waiting for each other.

The scan appends what it did; the recorder, the screens and a flight recorder read at their own pace. The ring holds at
least the last minute: a reader that died and came back within it has missed nothing. A reader that was away for longer
is told how many frames it lost and goes on at the oldest whole frame. The memory is the caller's: bytes of this
process, or a shared segment that only the writer may write.

    64 bytes head: u8 magic, capacity, head, oldest, next sequence, first sequence, done sequence, done head
    `capacity` bytes of frames

`head` and `oldest` are byte counts since the ring was made; modulo the capacity they are places. A frame never wraps:
what is left at the end is a pad (`u4 length, u2 0`).

Rules of the file: the writer first moves `oldest` past what it will spoil, then writes, then raises the next sequence,
then moves `head`, and last notes both as done; a reader first reads `head`, then the frame, then looks whether `oldest`
has passed it, and if so throws the frame away. Stores must be seen in order, as x86-64 keeps them. Nothing grows.
A writer may die between any two stores: what it noted as done tells the next one whether the last frame counts.
"""

import struct
from collections.abc import Iterator
from typing import Final

from plantctl.core.frame import Buffer, Frame, decode_frame, encode_frame, frame_bytes, rows_bytes

MAGIC: Final = int.from_bytes(b"PLANTRNG", "little")
HEAD_BYTES: Final = 64
RING_BYTES_MIN: Final = 16 << 20
RING_SECONDS: Final = 60
_CAPACITY, _HEAD, _OLDEST, _NEXT, _FIRST, _DONE_NEXT, _DONE_HEAD = range(1, 8)
_PAD: Final = struct.Struct("<IHH")
_LENGTH: Final = struct.Struct("<I")
_SEQUENCE: Final = struct.Struct("<Q")
Place = tuple[int, int, int]
_FRAME_SLACK: Final = 4 * frame_bytes(256)


def ring_bytes(rows: int, rate_hz: float, inputs: int | None = None) -> int:
    """The bytes of a ring that holds 60 s of `rows` rows changing in every scan at `rate_hz`, at least 16 MiB.

    `inputs` says how many of the rows are input rows (30 bytes a row against 14); unknown, half of them, which is
    22 bytes a row. Key frames, texts and small frames are counted in.
    """
    inputs = rows // 2 if inputs is None else inputs
    scan_bytes = frame_bytes(rows_bytes(rows, inputs, 8)) + _FRAME_SLACK
    key_bytes = frame_bytes(rows_bytes(rows, inputs, 0))
    size = int(RING_SECONDS * rate_hz * scan_bytes) + (RING_SECONDS // 10 + 2) * key_bytes
    return HEAD_BYTES + max(RING_BYTES_MIN, (size + 7) & ~7)


class RingWriter:
    """The one writer of a ring over `buffer`; whatever the buffer held before is gone.

    `plan_hash` goes into every frame and may be set when another plan takes over. `first_sequence` continues the
    count of the log that the frames will be drained into.
    """

    def __init__(self, buffer: bytearray | memoryview, plan_hash: int, first_sequence: int = 1) -> None:
        view = memoryview(buffer).cast("B")
        self.capacity = (len(view) - HEAD_BYTES) & ~7
        if self.capacity < 4096:
            raise ValueError(f"a ring needs at least {HEAD_BYTES + 4096} bytes, not {len(view)}")
        self._fields = view[:HEAD_BYTES].cast("Q")
        self._frames = view[HEAD_BYTES : HEAD_BYTES + self.capacity]
        self._head = 0
        self._oldest = 0
        self.next_sequence = first_sequence
        self.plan_hash = plan_hash
        # The magic comes last: a writer that died here has left no ring, rather than one of two halves.
        self._fields[0] = 0
        head = (MAGIC, self.capacity, 0, 0, first_sequence, first_sequence, first_sequence, 0)
        for i in (*range(1, len(head)), 0):
            self._fields[i] = head[i]

    @classmethod
    def resume(cls, buffer: bytearray | memoryview, plan_hash: int) -> "RingWriter":
        """Go on in a ring whose writer is dead, behind its last whole frame; readers notice nothing.

        The dead one may have been killed between any two stores. Memory that holds no ring of this size, or whose
        numbers contradict each other, raises `ValueError`: then a new ring is needed.
        """
        view = memoryview(buffer).cast("B")
        writer = cls.__new__(cls)
        writer.capacity = (len(view) - HEAD_BYTES) & ~7
        writer._fields = fields = view[:HEAD_BYTES].cast("Q")
        if fields[0] != MAGIC or fields[_CAPACITY] != writer.capacity:
            raise ValueError(f"this memory is not a frame ring of {writer.capacity} bytes")
        writer._frames = view[HEAD_BYTES : HEAD_BYTES + writer.capacity]
        writer.plan_hash = plan_hash
        writer._head, writer._oldest, writer.next_sequence = fields[_HEAD], fields[_OLDEST], fields[_NEXT]
        unfinished = writer.next_sequence - fields[_DONE_NEXT]
        if unfinished not in (0, 1) or not 0 <= writer._head - writer._oldest <= writer.capacity:
            raise ValueError("the numbers of the frame ring contradict each other")
        if unfinished and writer._head == fields[_DONE_HEAD]:
            # Numbered, but its place was not published: nobody has seen it.
            writer.next_sequence -= 1
            fields[_NEXT] = writer.next_sequence
        fields[_DONE_NEXT] = writer.next_sequence
        fields[_DONE_HEAD] = writer._head
        return writer

    def append(self, kind: int, scan: int, mono_ns: int, payload: Buffer) -> int:
        """Appends one frame and returns its sequence. A frame above half the ring raises `ValueError`."""
        sequence = self.next_sequence
        frame = encode_frame(kind, sequence, scan, mono_ns, self.plan_hash, payload)
        length = len(frame)
        if length > self.capacity // 2:
            raise ValueError(f"a frame of {length} bytes is above half the ring of {self.capacity}")
        at = self._head % self.capacity
        room = self.capacity - at
        skip = room if room < length else 0
        self._make_room(skip + length)
        if skip:
            _PAD.pack_into(self._frames, at, skip, 0, 0)
            at = 0
        self._frames[at : at + length] = frame
        self._head += skip + length
        self.next_sequence = sequence + 1
        self._fields[_NEXT] = sequence + 1
        self._fields[_HEAD] = self._head
        self._fields[_DONE_NEXT] = sequence + 1
        self._fields[_DONE_HEAD] = self._head
        return sequence

    def _make_room(self, size: int) -> None:
        """Moves `oldest` past every frame that the next `size` bytes spoil."""
        limit = self._head + size - self.capacity
        if self._oldest < limit:
            while self._oldest < limit:
                self._oldest += _LENGTH.unpack_from(self._frames, self._oldest % self.capacity)[0]
            self._fields[_OLDEST] = self._oldest


class RingReader:
    """One reader with its own place in the ring over `buffer`.

    It starts behind the frame `after` (0: at the first frame ever written), or, without it, at the oldest frame the
    ring still holds. `lost` counts frames that were overwritten before they were read. A ring that has not come as
    far as `after` belongs to another log: `ValueError`.
    """

    def __init__(self, buffer: bytes | bytearray | memoryview, after: int | None = None) -> None:
        view = memoryview(buffer).cast("B").toreadonly()
        self._fields = view[:HEAD_BYTES].cast("Q")
        if self._fields[0] != MAGIC:
            raise ValueError("this memory is not a frame ring")
        self._capacity = self._fields[_CAPACITY]
        self._frames = view[HEAD_BYTES : HEAD_BYTES + self._capacity]
        self._position = 0
        self._length = 0
        self._expected = 0  # the sequence of the next frame, 0 where any will do
        self.lost = 0
        if after is not None:
            if after >= self._fields[_NEXT]:
                raise ValueError(f"the ring's next frame is {self._fields[_NEXT]}, not above {after}")
            self._expected = max(after + 1, self._fields[_FIRST])

    @property
    def waiting(self) -> bool:
        """Whether there may be a frame that was not read yet."""
        return bool(self._position != self._fields[_HEAD])

    def skip_all(self) -> None:
        """Steps behind the newest frame: only what is written from now on will be seen."""
        self._position, self._expected, self._length = self._fields[_HEAD], 0, 0

    @property
    def place(self) -> Place:
        """Where the reader stands, for `go_back`."""
        return self._position, self._expected, self.lost

    def go_back(self, place: Place) -> None:
        """Stands at an earlier `place` again; frames overwritten since are counted as lost at the next `view`."""
        self._position, self._expected, self.lost = place
        self._length = 0

    def view(self) -> memoryview | None:
        """The next frame as it lies in the ring, None when there is none. Ask `take` whether it was still whole.

        Behind a length that no frame has, everything is passed over, and counted as lost with the next frame.
        """
        fields, frames = self._fields, self._frames
        while self._position != fields[_HEAD]:
            oldest = fields[_OLDEST]
            if self._position < oldest:
                # A large frame being written may spoil all there is: then there is nothing here either.
                self._position = oldest
                continue
            at = self._position % self._capacity
            length, kind, _ = _PAD.unpack_from(frames, at)
            sequence = 0 if kind == 0 else _SEQUENCE.unpack_from(frames, at + 8)[0]
            if fields[_OLDEST] > self._position:
                continue
            if not 0 < length <= self._capacity - at:
                # No writer leaves such a length, and nobody can tell where the next frame begins.
                self._position = fields[_HEAD]
                continue
            if kind == 0 or sequence < self._expected:
                self._position += length
                continue
            if self._expected:
                self.lost += sequence - self._expected
            self._expected = sequence
            self._length = length
            return frames[at : at + length]
        return None

    def take(self) -> bool:
        """Steps past the frame last viewed. False: the writer overran it meanwhile, what was read is not to be used."""
        whole = self._fields[_OLDEST] <= self._position and self._length > 0
        if whole:
            self._position += self._length
            self._expected += 1
        self._length = 0
        return whole

    def read(self) -> Frame | None:
        """The next frame, checked and copied out, None when there is none.

        A frame whose check sum is wrong although nobody overran it raises `LogDamaged`; the next call goes on behind.
        """
        while (view := self.view()) is not None:
            data = bytes(view)
            if self.take():
                return decode_frame(data)
        return None

    def __iter__(self) -> Iterator[Frame]:
        """The frames that are there now, oldest first."""
        while (frame := self.read()) is not None:
            yield frame
