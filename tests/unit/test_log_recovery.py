import time

from plantctl.core.frame import Kind, decode_records, encode_frame, encode_records
from plantctl.log.files import load_file, log_name, log_names
from plantctl.log.reader import Losses, read_frames, runs, tag_history
from plantctl.log.recovery import find_end
from plantctl.log.storage import FolderStorage
from tests.unit.log_bench import PLAN, Scan, scans_of
from tests.unit.simulated_storage import SimFile, SimulatedStorage


def one_file(scans=6, events=(), **kwargs):
    """The name and the bytes of a log of one file, cleanly closed."""
    storage = SimulatedStorage()
    plant = Scan(storage, **kwargs)
    for scan in range(scans):
        plant.scan()
        if scan in events:
            plant.event(f"event at {scan}")
        plant.drain()
        if scan % 2:
            plant.commit()
    plant.close()
    (name,) = log_names(storage.files)
    return name, bytes(storage.files[name].seen)


def on_disk(**files):
    return SimulatedStorage({name: SimFile(data, data) for name, data in files.items()})


def sequences(storage):
    return [frame.sequence for _, frame in read_frames(storage)]


def test_a_flipped_bit_at_each_byte_costs_one_frame_at_most_and_the_log_goes_on():
    name, data = one_file(scans=3, inputs=1, events={1})
    whole = sequences(on_disk(**{name: data}))
    index = load_file(on_disk(**{name: data}), name).index
    own = dict(zip(index.offset.tolist(), index.sequence.tolist(), strict=True))
    for at in range(len(data)):
        bad = bytearray(data)
        bad[at] ^= 1 << at % 8
        storage = on_disk(**{name: bytes(bad)})
        losses = Losses()
        found = [frame.sequence for _, frame in read_frames(storage, losses=losses)]
        start = max((o for o in own if o <= at), default=0)
        lost = set(whole) - set(found)
        assert lost <= {own.get(start)}, at
        assert found == sorted(found)
        if lost:
            assert losses.damaged_frames + losses.skipped_stretches + losses.missing_frames >= 1, at
        list(tag_history(storage, 0, 0, 1 << 62))
        runs(storage)
        again = Scan(storage, inputs=1, run=2)
        again.scan(2)
        again.close()
        assert set(found) <= set(sequences(storage)), at
        assert {scan for _, run, scan in scans_of(storage) if run == 2} == {1, 2}, at


def test_a_file_cut_anywhere_gives_its_beginning_and_the_log_goes_on():
    name, data = one_file(scans=2, inputs=1)
    whole = sequences(on_disk(**{name: data}))
    for size in range(len(data)):
        storage = on_disk(**{name: data[:size]})
        found = sequences(storage)
        assert found == whole[: len(found)]
        again = Scan(storage, inputs=1, run=2)
        again.scan(2)
        again.close()
        kept = sequences(storage)
        assert kept[: len(found)] == found
        assert kept == list(range(1, len(kept) + 1))
        assert again.recorder.status.cut_bytes <= 200


def test_a_torn_end_is_cut_and_said():
    name, data = one_file()
    storage = on_disk(**{name: data[:-100]})
    again = Scan(storage, run=2)
    assert again.recorder.status.cut_bytes > 0
    again.scan()
    again.close()
    losses = Losses()
    scans_of(storage, losses)
    assert losses == Losses()


def test_what_lies_behind_a_hole_in_the_uncommitted_end_is_cut_too():
    """Pages reach the disk in any order: what follows the hole was never committed and would not be a prefix."""
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan(3)
    plant.drain()
    plant.commit()
    plant.scan(5)
    plant.drain()
    (name,) = log_names(storage.files)
    data = bytearray(storage.files[name].seen)
    index = load_file(storage, name).index
    data[int(index.offset[-3]) + 50] ^= 1
    disk = on_disk(**{name: bytes(data)})
    again = Scan(disk, run=2)
    again.scan(2)
    again.close()
    found = sequences(disk)
    assert found == list(range(1, len(found) + 1))
    assert [(run, scan) for _, run, scan in scans_of(disk)] == [(1, s) for s in range(1, 6)] + [(2, 1), (2, 2)]


def test_frames_that_came_in_during_a_commit_are_not_vouched_for_by_its_mark():
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.scan(3)
    plant.drain()
    commit = plant.recorder.begin_commit()
    plant.scan(5)
    plant.drain()
    plant.recorder.end_commit(commit, commit.sync(), plant.mono_ns, plant.utc_ns)
    (name,) = log_names(storage.files)
    log_file = load_file(storage, name)
    mark = decode_records(Kind.COMMIT, log_file.frame(int(log_file.places(Kind.COMMIT)[0])).payload)
    assert mark["sequence"].tolist() == [5]
    data = bytearray(storage.files[name].seen)
    data[int(log_file.index.offset[6]) + 50] ^= 1  # the second scan after the commit began
    disk = on_disk(**{name: bytes(data)})
    end = find_end(disk)
    assert (end.durable_sequence, end.sequence) == (5, 6)
    Scan(disk, run=2).close()
    found = sequences(disk)
    assert found == list(range(1, len(found) + 1))


def test_an_old_frame_behind_the_end_does_not_count():
    name, data = one_file()
    stale = encode_frame(Kind.TEXT, 2, 0, 0, PLAN, b"")
    end = find_end(on_disk(**{name: data + stale}))
    assert (end.size, end.torn_bytes) == (len(data), len(stale))


def test_a_file_of_another_plan_behind_the_end_does_not_count():
    name, data = one_file()
    other = encode_frame(Kind.TEXT, 99, 0, 0, PLAN ^ 1, b"")
    assert find_end(on_disk(**{name: data + other})).size == len(data)


def test_a_file_that_was_only_made_keeps_its_promise_of_what_comes():
    """Its name says 150: a frame below would be sorted behind it and be hidden by it."""
    name, data = one_file()
    storage = on_disk(**{name: data, log_name(150): data[:40]})
    again = Scan(storage, run=2)
    again.scan(3)
    again.close()
    assert again.ring.next_sequence > 150
    assert len(log_names(storage.files)) == 2
    assert [(run, scan) for _, run, scan in scans_of(storage)] == [(1, s) for s in range(1, 7)] + [
        (2, s) for s in range(1, 4)
    ]


def test_a_text_that_looks_like_a_frame_is_not_taken_for_one():
    """Its own check sum is right; it lies inside another frame, and that one decides."""
    forged = encode_frame(Kind.TEXT, 77, 5, 5, PLAN, b"")
    storage = SimulatedStorage()
    plant = Scan(storage)
    plant.ring.append(Kind.TEXT, 1, 1, bytes(16) + forged)
    plant.scan(3)
    plant.close()
    losses = Losses()
    assert [frame.sequence for _, frame in read_frames(storage, losses=losses)] == list(range(1, 7))
    assert losses == Losses()


def test_a_full_file_opens_within_two_seconds_though_torn_and_damaged(tmp_path):
    """64 MiB of a plan of 40 rows, an hour of it; damage in the middle makes every check sum count."""
    storage = FolderStorage(tmp_path)
    Scan(storage, inputs=1).close()
    (name,) = log_names(storage.names())
    payload = bytes(952)
    with (tmp_path / name).open("ab") as file:
        for sequence in range(3, 67_000):
            file.write(encode_frame(Kind.DELTA, sequence, sequence, sequence, PLAN, payload))
            if sequence % 10 == 0:
                mark = encode_records(Kind.COMMIT, [{"sequence": sequence}])
                file.write(encode_frame(Kind.COMMIT, sequence, 0, sequence, PLAN, mark))
        file.write(b"torn")
    with (tmp_path / name).open("r+b") as file:
        file.seek(32 << 20)
        file.write(b"damage")
    assert (tmp_path / name).stat().st_size > 60 << 20
    before = time.process_time()
    again = Scan(storage)
    assert time.process_time() - before < 2.0
    assert again.ring.next_sequence > 66_999
    assert again.recorder.status.cut_bytes == 4
