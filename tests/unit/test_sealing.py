"""When the sealer works, when it leaves the machine to others, and what it lets go of what was recorded."""

import contextlib
import errno
from random import Random

import pytest

from plantctl.core.keeping import Keeping
from plantctl.history.files.sealed import open_sealed, sealed_ranges
from plantctl.history.reading.query import History
from plantctl.history.upkeep.retention import AGED_MAX, trim_history
from plantctl.history.upkeep.seal import FOLLOW_NS, LOOK_NS, Sealer, sealed_through
from plantctl.log.files import log_names
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from tests.history_bench import Plant
from tests.unit.simulated_storage import PowerCut

SECOND = 1_000_000_000


def test_the_log_is_read_on_in_steps_of_some_seconds_and_by_whoever_has_time_at_once():
    plant = Plant(Random(1), span_ns=1)
    sealer = plant.sealer

    def turns(mono_ns):
        while sealer.turn(plant.recorder.durable_sequence, mono_ns):
            pass
        return sealer.status.sealed_sequence

    plant.scan(5)
    plant.keep()
    first = turns(SECOND)
    assert first == plant.recorder.durable_sequence
    plant.scan(5)
    plant.keep()
    assert turns(FOLLOW_NS) == first, "too soon"
    assert turns(SECOND + FOLLOW_NS) == plant.recorder.durable_sequence
    plant.scan(5)
    plant.keep()
    sealer.finish(plant.recorder.durable_sequence, SECOND + FOLLOW_NS)
    assert sealer.status.sealed_sequence == plant.recorder.durable_sequence


@pytest.mark.timeout(20)
@pytest.mark.parametrize("scans", [0, 5, 100], ids=["a log without frames", "a few scans", "several files"])
def test_a_log_that_ends_before_the_frame_that_is_asked_for_is_said_and_sealing_goes_on_when_it_has_it(scans):
    plant = Plant(Random(3))
    if scans:
        plant.scan(scans)
        plant.keep()
    last = plant.recorder.durable_sequence
    for finish in (plant.sealer.finish, plant.sealer.finish_early, plant.sealer.finish):
        with pytest.raises(LookupError, match=f"^frames {last + 1} to {last + 500} are not in the log$"):
            finish(last + 500, 0)
        assert plant.sealer.status.errors == 0
    assert not plant.sealer.turn(last + 500, 0, at_once=True), "nothing is left that could be done"
    plant.scan(600)
    plant.keep()
    plant.sealer.finish(last + 500, 0)
    plant.sealer.finish_early(plant.recorder.durable_sequence, 0)
    assert plant.sealer.status.sealed_sequence == plant.recorder.durable_sequence > last + 500
    assert plant.history().damaged == 0


@pytest.mark.timeout(20)
def test_a_disk_that_refuses_is_in_the_status_not_taken_for_frames_that_are_missing():
    plant = Plant(Random(3))
    plant.scan(100)
    plant.keep()
    plant.sealed.faults = {"rename": errno.ENOSPC}
    durable = plant.recorder.durable_sequence
    plant.sealer.finish(durable, 0)
    assert plant.sealer.status.last_error.startswith("ENOSPC")
    plant.sealer.finish(durable, SECOND)
    assert plant.sealer.status.failing, "it is too soon to try again"
    plant.sealed.faults = {}
    with pytest.raises(LookupError, match="are not in the log"):
        plant.sealer.finish(durable + 1, 100 * SECOND)
    assert not plant.sealer.status.failing
    assert plant.sealer.status.files


def kept(rounds=12, **keeping):
    """A plant that sealed so many files, about 1.5 kB and 4 s each, of which it keeps only so much."""
    plant = Plant(Random(2), file_bytes=3000, keeping=Keeping(**keeping))
    for _ in range(rounds):
        plant.scan(40)
        plant.seal()
    return plant


def test_the_oldest_history_goes_when_it_is_more_than_there_is_room_for():
    everything = kept()
    size = sum(len(f.seen) for f in everything.sealed.files.values())
    plant = kept(history_bytes=size // 2)
    status = plant.sealer.status
    left = sealed_ranges(plant.sealed.names())
    assert left == sealed_ranges(everything.sealed.names())[-len(left) :], "the newest are there, without a hole"
    assert status.removed_files == status.files - len(left) > 3
    assert size // 4 < status.sealed_bytes == sum(plant.sealed.length(r.name) for r in left) <= size // 2


def test_history_goes_by_its_age_a_few_files_at_a_time():
    plant = kept(history_ns=10 * SECOND)
    history = plant.history()
    first, last = history.extent_ns()
    assert 10 * SECOND <= last - first < 20 * SECOND
    assert plant.sealer.status.removed_files > 5
    years_ns = 3 * 365 * 86_400 * SECOND
    before = plant.sealed.names()
    plant.offset_ns += years_ns  # somebody set the clock by years
    plant.frames.time(plant.count, plant.mono_ns, plant.utc_ns)
    plant.scan(40)
    plant.seal()
    assert len(before) - len(set(plant.sealed.names()) & set(before)) <= AGED_MAX


def test_the_newest_file_stays_however_little_is_kept():
    plant = kept(history_bytes=1, log_bytes=1, history_ns=1)
    assert len(plant.sealed.names()) == 1
    assert sealed_through(plant.sealed) == plant.sealer.status.sealed_sequence
    assert len(plant.log.names()) <= 4
    again = Sealer(plant.log, plant.sealed)
    again.finish(plant.recorder.durable_sequence, 0)
    assert again.status.sealed_sequence == plant.sealer.status.sealed_sequence


def test_a_reader_reads_on_in_a_file_that_is_removed_and_leaves_out_one_that_it_never_opened(tmp_path):
    folder = FolderStorage(tmp_path / "history")
    plant = Plant(Random(2), FolderStorage(tmp_path / "log"), folder)
    for _ in range(4):
        plant.scan(40)
        plant.seal()
    oldest, *_ = sealed_ranges(folder.names())
    held = open_sealed(ReadOnlyFolder(tmp_path / "history"), oldest)
    expected = plant.history().raw("A-1", 0, 1 << 62).utc_ns.tolist()
    late = History(plant.log, folder)
    late._refresh()  # has seen the names
    folder.remove(oldest.name)
    mine = held.points(11)
    assert held.damaged == 0
    assert held.scans().utc_ns[mine.scan].tolist() == expected[: len(mine)]
    late._refresh = lambda: None
    assert late.raw("A-1", 0, 1 << 62).utc_ns.tolist()[-20:] == expected[-20:]
    assert late.extent_ns()[0] > int(held.scans().utc_ns[0])
    assert late.damaged == 0


def test_the_power_goes_while_history_is_removed():
    plant = kept(6)
    for operation in range(60):
        disk = plant.sealed.after_power_cut(0)
        disk.cut_at = operation
        keeping = Keeping(history_bytes=2500)
        with contextlib.suppress(PowerCut):
            trim_history(disk, keeping)
        found = disk.after_power_cut(operation)
        left = sealed_ranges(found.names())
        assert left[-1] == sealed_ranges(plant.sealed.names())[-1]
        if not disk.is_cut:
            assert left == sealed_ranges(plant.sealed.names())[-len(left) :]
            assert trim_history(found, keeping).bytes <= 2500
            return
    raise AssertionError("never without a cut")


def test_a_folder_from_which_nothing_can_be_removed_is_sealed_into_all_the_same():
    plant = kept(4)
    plant.sealed.faults = {"remove": errno.EROFS}
    sealer = Sealer(plant.log, plant.sealed, span_ns=1, keeping=Keeping(history_bytes=1))
    sealed = []
    for turn in range(1, 7):
        plant.scan(10)
        plant.keep()
        sealer.finish(plant.recorder.durable_sequence, turn * 100 * SECOND)
        assert sealer.status.errors
        assert "EROFS" in sealer.status.last_error
        sealed.append(sealer.status.sealed_sequence)
    assert sealed[-1] > sealed[2] > sealed[0]
    assert plant.history().damaged == 0


def test_a_plant_that_stands_still_lets_go_what_is_too_old_by_and_by():
    plant = kept()
    durable, files = plant.recorder.durable_sequence, len(plant.sealed.names())
    sealer = Sealer(plant.log, plant.sealed, keeping=Keeping(history_ns=5 * SECOND))
    sealer.finish(durable, 0)
    assert sealer.status.removed_files == AGED_MAX, "at its start"
    sealer.finish(durable, LOOK_NS - 1)
    assert sealer.status.removed_files == AGED_MAX, "too soon"
    for looks in (2, 3, 3):
        sealer.finish(durable, (looks - 1) * LOOK_NS)
        assert sealer.status.removed_files == looks * AGED_MAX
    assert len(plant.sealed.names()) == files - 3 * AGED_MAX


def log_length(plant):
    return sum(plant.log.length(name) for name in log_names(plant.log.names()))


def test_a_plant_that_cannot_seal_makes_room_for_its_log_with_what_was_sealed_before():
    plant = kept(log_bytes=80_000)
    status, begin_ns = plant.sealer.status, plant.mono_ns
    plant.sealed.faults = {"rename": errno.ENOSPC}
    for _ in range(12):
        plant.scan(40)
        plant.seal()
    assert status.failing
    assert log_length(plant) > 100_000
    assert status.removed_log_files == 0, "too soon"
    plant.sealer.finish(plant.recorder.durable_sequence, begin_ns + LOOK_NS)
    assert status.removed_log_files > 3
    assert status.log_bytes == log_length(plant) <= 80_000
    plant.sealed.faults = {}
    plant.sealer.finish(plant.recorder.durable_sequence, begin_ns + 2 * LOOK_NS)
    assert not status.failing
    ends = [(r.first_sequence, r.last_sequence) for r in sealed_ranges(plant.sealed.names())]
    assert [first for first, _ in ends[1:]] == [last + 1 for _, last in ends[:-1]], "nothing that was not sealed went"


def test_a_plant_that_seals_each_hour_is_not_looked_at_in_between(monkeypatch):
    plant, hour_ns, looks = Plant(Random(2), span_ns=1), 3_600 * SECOND, []
    monkeypatch.setattr(
        "plantctl.history.upkeep.seal.trim_history", lambda *said: looks.append(said) or trim_history(*said)
    )
    for hour in range(1, 7):
        plant.scan(10)
        plant.keep()
        files = plant.sealer.status.files
        plant.sealer.finish(plant.recorder.durable_sequence, hour * hour_ns)
        assert plant.sealer.status.files == files + 1
    assert len(looks) == 1 + 6, "at its start, and behind each file"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("history_size: 20 GB, history_for: 400 d, log_size: 1.5 GB", ()),
        ("history_size: 20", ("the size 20 has no unit", "20 GB")),
        ("history_size: 20 gigabyte", ("`20 gigabyte` is no size", "MB, GB, TB")),
        ("log_size: 64 MB", ("`64 MB` is too little", "256 MB or more")),
        ("history_for: 8 h", ("`8 h` of history is too little", "a day or more")),
        ("history_for: long", ("`long` is no duration",)),
    ],
)
def test_the_plant_says_how_much_it_keeps(said, words):
    text = f"plant: {{name: kept, {said}}}\ntasks: {{control: 1 s}}\n"
    built = build("plant.yaml", from_texts({"plant.yaml": text}))
    if not words:
        assert built.plan.keeping == Keeping(1_500_000_000, 20_000_000_000, 400 * 86_400 * SECOND)
        return
    assert built.plan is None
    (finding,) = built.findings
    assert all(word in str(finding) for word in words)
