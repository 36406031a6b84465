"""A cursor gives every row and every transition that is durable once, in order, whatever it is asked for at a time."""

import random

import pytest

from plantctl.core.event import EventKind
from plantctl.core.frame import Kind, decode_rows
from plantctl.log.cursor import LogCursor
from plantctl.log.reader import read_frames
from plantctl.scan.event_records import EventRecords
from tests.unit.log_bench import Scan
from tests.unit.simulated_storage import SimulatedStorage


class NoWords(EventRecords):
    """Records of a plant without a plan: every target is a number or a text."""

    def __init__(self):
        self._names, self._words = {}, {}


def plant(storage, **settings):
    scan = Scan(storage, **settings)
    for k in range(120):
        scan.scan()
        if k % 20 == 3:
            scan.event(f"flow low {k}", code=int(EventKind.ALARM), tag=5, new=1.0)
    scan.close()
    return scan


def all_of(cursor, rows_max):
    found = []
    while (batch := cursor.next(rows_max)) is not None:
        found.append(batch)
    return found


def rows_in(batches):
    found = [
        row
        for b in batches
        for row in zip(
            b.utc_ns.tolist(),
            b.tag.tolist(),
            b.value.tolist(),
            b.quality.tolist(),
            b.source_ns.tolist(),
            strict=True,
        )
    ]
    once = list(dict.fromkeys(found))
    assert len(found) - len(once) < 60  # the same row twice only where a file ends between
    return once


def rows_of_log(storage, after=0, before=1 << 60):
    found = []
    for utc_ns, frame in read_frames(storage):
        if frame.kind in (Kind.KEY, Kind.DELTA) and after < frame.sequence <= before:
            rows = decode_rows(frame.payload)
            source = rows.source_ns.tolist() + [0] * (len(rows.tag) - len(rows.source_ns))
            told = zip(rows.tag.tolist(), rows.value.tolist(), rows.quality.tolist(), source, strict=True)
            found += sorted((utc_ns, *row) for row in told)
    return list(dict.fromkeys(found))  # a scan may tell all rows behind those that it changed


@pytest.mark.parametrize("rows_max", [1, 7, 8, 9, 100, 10_000])
def test_every_row_once_in_the_order_of_scans_in_batches_of_whole_frames(rows_max):
    storage = SimulatedStorage()
    end = plant(storage, file_bytes=4096).recorder.durable_sequence
    cursor = LogCursor(storage, NoWords(), lambda: end)
    batches = all_of(cursor, rows_max)
    assert rows_in(batches) == rows_of_log(storage)
    assert [b.first_sequence for b in batches] == [1, *(b.last_sequence + 1 for b in batches[:-1])]
    assert batches[-1].last_sequence == cursor.last_sequence == end
    assert all(b.rows <= rows_max or len(set(b.utc_ns.tolist())) == 1 for b in batches)
    assert cursor.lost_frames == 0


def test_a_row_that_a_scan_tells_twice_is_given_once():
    storage = SimulatedStorage()
    end = plant(storage).recorder.durable_sequence
    (batch,) = all_of(LogCursor(storage, NoWords(), lambda: end), 10_000)
    keys = list(zip(batch.utc_ns.tolist(), batch.tag.tolist(), strict=True))
    assert len(keys) == len(set(keys)) == len(rows_of_log(storage))


def test_transitions_come_with_their_texts_and_frames_also_to_one_who_begins_in_the_middle():
    storage = SimulatedStorage()
    end = plant(storage, file_bytes=4096).recorder.durable_sequence
    batches = all_of(LogCursor(storage, NoWords(), lambda: end), 20)
    told = [(s, e) for b in batches for s, e in zip(b.event_sequences, b.events, strict=True)]
    assert [e.reason for _, e in told] == [f"flow low {k}" for k in (3, 23, 43, 63, 83, 103)]
    assert [e.utc_ns for _, e in told] == sorted(e.utc_ns for _, e in told)
    assert all(b.first_sequence <= s <= b.last_sequence for b in batches for s in b.event_sequences)
    for after, _ in told:
        later = all_of(LogCursor(storage, NoWords(), lambda: end, after=after), 20)
        again = [(s, e) for b in later for s, e in zip(b.event_sequences, b.events, strict=True)]
        assert again == [t for t in told if t[0] > after]
        assert rows_in(later) == rows_of_log(storage, after)


def test_nothing_is_given_before_it_is_durable_and_a_log_that_grows_is_followed():
    storage = SimulatedStorage()
    scan = Scan(storage, file_bytes=4096)
    durable = 0
    cursor = LogCursor(storage, NoWords(), lambda: durable)
    found = []
    for _ in range(30):
        scan.scan(3)
        scan.drain()
        scan.commit()
        assert cursor.next(1000) is None
        durable = scan.recorder.durable_sequence
        found += all_of(cursor, 1000)
        assert cursor.last_sequence == durable
    assert rows_in(found) == rows_of_log(storage)


def test_a_stretch_of_the_log_is_given_from_its_first_frame_to_its_last():
    storage = SimulatedStorage()
    end = plant(storage, file_bytes=4096).recorder.durable_sequence
    cursor = LogCursor(storage, NoWords(), lambda: end, after=10, before=30)
    assert rows_in(all_of(cursor, 25)) == rows_of_log(storage, 10, 30)
    assert cursor.ended
    assert cursor.last_sequence == 30


def test_what_retention_removed_is_counted_and_passed_over():
    storage = SimulatedStorage()
    end = plant(storage, file_bytes=2048).recorder.durable_sequence
    names = [n for n in storage.names() if n.endswith(".log")]
    assert len(names) > 3
    for name in names[:2]:
        storage.remove(name)
    first = int(names[2][:20])
    cursor = LogCursor(storage, NoWords(), lambda: end)
    batches = all_of(cursor, 50)
    assert cursor.lost_frames == first - 1
    assert batches[0].first_sequence == 1  # the count of what has been dealt with has no holes
    assert rows_in(batches) == rows_of_log(storage)

    gone = LogCursor(storage, NoWords(), lambda: end, after=0, before=first - 1)
    assert all_of(gone, 50) == []
    assert gone.ended
    assert gone.lost_frames == first - 1


def test_after_an_error_of_the_disk_the_same_is_given_again():
    storage = SimulatedStorage()
    end = plant(storage, file_bytes=1024).recorder.durable_sequence
    cursor = LogCursor(storage, NoWords(), lambda: end, block_bytes=400)
    found, errors, chance = [], 0, random.Random(3)
    while cursor.last_sequence < end:
        storage.faults = {len(storage.operations) + chance.randint(0, 15): 5}
        try:
            batch = cursor.next(30)
        except OSError:
            errors += 1
            continue
        found += [batch] if batch else []
    storage.faults = {}
    assert errors > 3
    assert rows_in(found) == rows_of_log(storage)
