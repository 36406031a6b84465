"""A feed that was away for longer than the log goes back is given the rest of the record from the sealed history."""

import struct
from itertools import pairwise
from random import Random

import pytest

from plantctl.app.feed_log import FeedLog
from plantctl.core.event import EventKind
from plantctl.core.frame import Kind, encode_records, encode_texts
from plantctl.log.reader import read_frames
from tests.feed_bench import NoWords
from tests.history_bench import NAMES, SCAN_NS, Naive, Plant
from tests.unit.simulated_storage import SimFile, SimulatedStorage


def alarm(plant, text):
    number = plant.texts.add(text)
    if new := plant.texts.take_new():
        plant.ring.append(Kind.TEXT, plant.count, plant.mono_ns, encode_texts(new))
    record = {"reason": number, "code": int(EventKind.ALARM), "tag": 11, "new": 1.0}
    plant.ring.append(Kind.EVENT, plant.count, plant.mono_ns, encode_records(Kind.EVENT, [record]))


def lived(seed):
    """A plant that has sealed most of its log: it, and the whole log as it was before any of it was let go."""
    plant = Plant(Random(seed), file_bytes=4_000, span_ns=20 * SCAN_NS)
    for k in range(20):
        plant.scan(15)
        if k % 3 == 1:
            alarm(plant, f"flow low {k}")
        if k == 9:
            plant.stop(3_000_000_000)
        plant.keep()
        plant.sealer.turn(plant.recorder.durable_sequence, plant.mono_ns)
    plant.seal()
    plant.scan(20)
    plant.keep()
    files = {name: SimFile(bytes(file.seen), bytes(file.seen)) for name, file in plant.log.files.items()}
    return plant, SimulatedStorage(files)


def let_go(plant):
    """Remove every file of the log that is sealed whole."""
    names = [n for n in plant.log.names() if n.endswith(".log")]
    sealed = plant.sealer.status.sealed_sequence
    gone = [n for n, following in pairwise(names) if int(following[:20]) <= sealed + 1]
    assert len(gone) > 2
    for name in gone:
        plant.log.remove(name)


def record_of(plant):
    durable = plant.recorder.durable_sequence
    return FeedLog(plant.log, plant.sealed, NoWords(), lambda: (durable, plant.utc_ns))


def given(cursor, rows_max=50):
    batches = []
    while (batch := cursor.next(rows_max)) is not None:
        batches.append(batch)
    return batches


def points(batches, tag):
    """What a tag did: rows that repeat the one before left out."""
    found, last = [], None
    for b in batches:
        rows = zip(b.utc_ns.tolist(), b.value.tolist(), b.quality.tolist(), b.source_ns.tolist(), strict=True)
        for t, row in zip(b.tag.tolist(), rows, strict=True):
            state = (struct.pack("<d", row[1]), *row[2:])
            if t == tag and state != last:
                found.append((row[0], *state))
                last = state
    return found


def naive(storage, tag):
    found, last = [], None
    for utc_ns, value, quality, source_ns in Naive(storage, tag).points:
        state = (struct.pack("<d", value), quality, source_ns)
        if state != last:
            found.append((utc_ns, *state))
            last = state
    return found


@pytest.mark.parametrize("seed", range(6))
def test_what_the_log_let_go_comes_from_the_history_and_nothing_is_lost(seed):
    plant, whole = lived(seed)
    let_go(plant)
    cursor = record_of(plant).cursor(0)
    batches = given(cursor, Random(seed).choice((1, 7, 50, 100_000)))
    assert cursor.lost_frames == 0
    assert cursor.last_sequence == plant.recorder.durable_sequence
    assert [b.first_sequence for b in batches] == [1, *(b.last_sequence + 1 for b in batches[:-1])]
    for tag in NAMES:
        assert points(batches, tag) == naive(whole, tag), NAMES[tag]
    told = [e.reason for b in batches for e in b.events]
    assert list(dict.fromkeys(told)) == [f"flow low {k}" for k in range(20) if k % 3 == 1]


@pytest.mark.parametrize("after", [3, 40, 111, 200])
def test_one_who_goes_on_in_the_middle_is_given_everything_behind_it(after):
    plant, whole = lived(3)
    let_go(plant)
    cursor = record_of(plant).cursor(after)
    batches = given(cursor)
    assert cursor.lost_frames == 0
    beginning = min(int(b.utc_ns[0]) for b in batches if b.rows)
    for tag in NAMES:
        assert {p for p in naive(whole, tag) if p[0] > beginning} <= set(points(batches, tag))
    first = next(s for s, frames in frames_of(whole) if s > after)
    assert beginning <= dict(frames_of(whole))[first]


def frames_of(storage):
    return [(frame.sequence, utc_ns) for utc_ns, frame in read_frames(storage) if frame.kind == Kind.DELTA]


@pytest.mark.parametrize("before", [30, 77, 150])
def test_a_hole_that_ends_in_the_history_is_given_to_its_last_row(before):
    plant, whole = lived(4)
    let_go(plant)
    cursor = record_of(plant).cursor(0, before)
    batches = given(cursor)
    assert cursor.last_sequence == before == batches[-1].last_sequence
    until = max(u for s, u in frames_of(whole) if s <= before)
    for tag in NAMES:
        wanted = [p for p in naive(whole, tag) if p[0] <= until]
        assert points(batches, tag)[: len(wanted)] == wanted


def test_what_neither_holds_is_counted():
    plant, _ = lived(5)
    let_go(plant)
    oldest = next(n for n in plant.sealed.names() if n.endswith(".seg"))
    plant.sealed.remove(oldest)
    cursor = record_of(plant).cursor(0)
    given(cursor)
    assert cursor.lost_frames == int(oldest[21:41])


def test_a_log_that_lets_go_while_it_is_read_is_continued_from_the_history():
    plant, whole = lived(2)
    cursor = record_of(plant).cursor(0)
    batches = [cursor.next(10)]
    let_go(plant)
    batches += given(cursor)
    assert cursor.lost_frames == 0
    for tag in NAMES:
        seen = points(batches, tag)
        assert set(naive(whole, tag)) <= set(seen)
