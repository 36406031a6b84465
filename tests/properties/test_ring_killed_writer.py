"""A writer of a ring that is killed between any two stores: who goes on in its ring, and who reads it, notice nothing.

The memory dies after a given number of stores; a store of frame bytes may also stop half-way. Readers of every age
look at once and after the ring was taken over: no frame is torn, none that was published is lost or told twice.
"""

from contextlib import suppress
from random import Random

import pytest

from plantctl.core import ring as rings
from plantctl.core.frame import Kind
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter

PLAN, OTHER = 7, 8
CAPACITY = 4096


class Killed(BaseException):
    """The process is no more; nothing in the program may catch it."""


class Dying:
    """Memory whose writer is killed before its store number `lives`; of the last one `share` may have arrived."""

    def __init__(self, view, life, share=0.0):
        self.view, self.life, self.share = view, life, share

    def __len__(self):
        return len(self.view)

    def __getitem__(self, key):
        return self.view[key]

    def __setitem__(self, key, value):
        if self.life.left == 0:
            if isinstance(key, slice):
                part = int(len(value) * self.share)
                self.view[key.start : key.start + part] = value[:part]
            raise Killed
        self.life.left -= 1
        self.view[key] = value


class Life:
    def __init__(self, stores):
        self.left = stores


class DyingPad:
    """`struct` packs into memory behind Python's back: the pad as one more store."""

    def __init__(self, packer):
        self.packer = packer
        self.size = packer.size

    def unpack_from(self, *arguments):
        return self.packer.unpack_from(*arguments)

    def pack_into(self, frames, at, *numbers):
        if isinstance(frames, Dying):
            frames[at : at + self.size] = self.packer.pack(*numbers)
        else:
            self.packer.pack_into(frames, at, *numbers)


@pytest.fixture(autouse=True)
def _pad(monkeypatch):
    monkeypatch.setattr(rings, "_PAD", DyingPad(rings._PAD))
    length = rings._LENGTH

    class Length:
        def unpack_from(self, frames, at):
            return length.unpack_from(frames.view if isinstance(frames, Dying) else frames, at)

    monkeypatch.setattr(rings, "_LENGTH", Length())


def dying(writer, stores, share=0.0):
    """The same writer, to be killed after so many stores."""
    life = Life(stores)
    writer._fields, writer._frames = Dying(writer._fields, life, share), Dying(writer._frames, life, share)
    return life


def put(writer, size):
    number = writer.next_sequence
    writer.append(Kind.TEXT, number, 0, bytes([number % 251]) * size)


def whole(frame):
    return set(frame.payload) <= {frame.sequence % 251, 0}


def sizes(chance):
    return [chance.choice((chance.randint(0, 1990), 1990, 0)) for _ in range(chance.randint(0, 9))]


@pytest.mark.parametrize("stores", range(9))
@pytest.mark.parametrize("seed", range(60))
def test_who_goes_on_and_who_reads_lose_nothing_that_was_published(stores, seed):
    chance = Random(seed)
    before, after = sizes(chance), sizes(chance)
    last, share, read = chance.randint(0, 1990), chance.choice((0.0, 0.3, 0.99)), chance.randint(0, 9)
    buffer = bytearray(HEAD_BYTES + CAPACITY)
    writer = RingWriter(buffer, PLAN, 5)
    behind, beside = RingReader(buffer, after=4), RingReader(buffer, after=4)
    seen = []
    for size in before:
        put(writer, size)
        seen += [f.sequence for f in beside]
    for _ in range(read):
        behind.read()
    head = head_of(buffer)
    dying(writer, stores, share)
    with suppress(Killed):
        put(writer, last)
    there = list(RingReader(buffer))  # what the ring still holds, for whoever comes new
    assert all(whole(f) for f in there)
    published = 5 + len(before) + (head_of(buffer) != head)
    seen += [f.sequence for f in beside]
    resumed = RingWriter.resume(buffer, OTHER)
    assert resumed.next_sequence == published == (there[-1].sequence + 1 if there else published)
    for size in after:
        put(resumed, size)
        new = list(beside)
        assert all(whole(f) and f.plan_hash == OTHER for f in new)
        seen += [f.sequence for f in new]
    assert seen == list(range(5, 5 + len(seen)))
    assert len(seen) == published - 5 + len(after)
    assert beside.lost == 0
    late = list(behind)
    assert all(whole(f) for f in late)
    assert [f.sequence for f in late] == list(range(published + len(after) - len(late), published + len(after)))


def head_of(buffer):
    return memoryview(buffer)[:HEAD_BYTES].cast("Q")[2]


@pytest.mark.parametrize("stores", range(9))
@pytest.mark.parametrize("again", range(4))
def test_killed_twice_the_second_time_while_going_on(stores, again):
    """The second death comes at any store of `resume` itself."""
    buffer = bytearray(HEAD_BYTES + CAPACITY)
    writer = RingWriter(buffer, PLAN)
    for size in (1900, 1900):
        put(writer, size)
    reader = RingReader(buffer, after=0)
    got = [f.sequence for f in reader]
    dying(writer, stores)
    with suppress(Killed):
        put(writer, 1900)  # spoils all that is there
    got += [f.sequence for f in reader]
    done = bytearray(buffer)
    RingWriter.resume(done, PLAN)
    # `resume` stores next sequence, done sequence, done head in this order: any first part of them may be all there is.
    for field in (4, 6, 7)[:again]:
        buffer[8 * field : 8 * field + 8] = done[8 * field : 8 * field + 8]
    resumed = RingWriter.resume(buffer, PLAN)
    assert resumed.next_sequence == got[-1] + 1
    put(resumed, 10)
    got += [f.sequence for f in reader]
    assert got == list(range(1, len(got) + 1))
    assert reader.lost == 0


def test_a_dead_writer_of_nothing_is_followed():
    buffer = bytearray(HEAD_BYTES + CAPACITY)
    RingWriter(buffer, PLAN, 77)
    resumed = RingWriter.resume(buffer, PLAN)
    put(resumed, 3)
    assert [f.sequence for f in RingReader(buffer, after=0)] == [77]


def test_a_ring_that_was_never_finished_is_none():
    buffer = bytearray(HEAD_BYTES + CAPACITY)
    with pytest.raises(ValueError, match="not a frame ring"):
        RingWriter.resume(buffer, PLAN)
    writer = RingWriter(buffer, PLAN)
    put(writer, 10)
    with pytest.raises(ValueError, match="not a frame ring of 4088"):
        RingWriter.resume(memoryview(buffer)[:-8], PLAN)


@pytest.mark.parametrize(("field", "number"), [(2, 1 << 40), (3, 1 << 40), (4, 9), (6, 9)])
def test_numbers_that_contradict_each_other_are_refused(field, number):
    buffer = bytearray(HEAD_BYTES + CAPACITY)
    put(RingWriter(buffer, PLAN), 10)
    memoryview(buffer)[:HEAD_BYTES].cast("Q")[field] = number
    with pytest.raises(ValueError, match="contradict"):
        RingWriter.resume(buffer, PLAN)
