"""A disk that is full, broken, or gives no more open files, at each operation of files beside log and sealed history.

In each case: nothing ends, something says it, what was there stays whole, and it goes on by itself.
"""

import asyncio
from random import Random

import pytest

from plantctl.core.feed import SinkState
from plantctl.core.keeping import Keeping
from plantctl.core.late import LateAct, late_row
from plantctl.core.recording import Keep, Recording
from plantctl.history.files.quarters import quarter_ranges
from plantctl.history.files.sealed import sealed_ranges
from plantctl.history.reading.late import late_files
from plantctl.history.reading.late_log import LateLog
from plantctl.history.upkeep.inspection import inspect
from plantctl.history.upkeep.quarter_files import Quarters
from plantctl.history.upkeep.retention import trim_history
from plantctl.history.upkeep.seal import RETRY_NS
from plantctl.sinks._bd_seq import decode_bd_seq, encode_bd_seq
from plantctl.sinks._callout_book import CallBook
from plantctl.sinks.sparkplug import KEEP_AGAIN_NS
from tests.failing_disk import CODES, FailingDisk
from tests.history_bench import NAMES, SCAN_NS, Plant
from tests.properties.test_late_values import LAB, SCANNED, tell
from tests.unit.test_callout import story, telephone  # noqa: F401 - a fixture
from tests.wire.feed_rig import batch
from tests.wire.mqtt_broker import Broker
from tests.wire.sparkplug_rig import Rig

PEOPLE = {"shift", "engineer"}


def test_the_book_of_calls(tmp_path, telephone):  # noqa: F811
    def lived(folder, at):
        failed = []

        async def tell(plant):
            with pytest.MonkeyPatch.context() as patch:
                disk = FailingDisk(patch, folder, at, CODES[at % 3])
                plant.alarm("unack")
                await plant.live(8)
                await plant.end()
                plant.begin()
                await plant.live(8)
                plant.alarm("acked")
                await plant.live(12)
                failed.append(disk.failed)
            statistics = plant.runner.statistics
            assert statistics.state in (SinkState.RUNNING, SinkState.FILLING), statistics.last_error
            assert plant.runner.position.lost == 0

        telephone.heard.clear()
        folder.mkdir()
        story(tell, folder, steps=[{"to": ["shift", "engineer"]}])
        book = CallBook((), 0, 0)
        book.decode((folder / "standby.calls").read_bytes())
        assert book.calls["TI-1.high"].told.keys() == PEOPLE
        assert not list(folder.glob("*.part"))
        # twice at most, never not at all
        assert set(telephone.heard) == {
            (person, "TI-1.high", state) for person in PEOPLE for state in ("unack", "acked")
        }
        return failed[0]

    at = 1
    while lived(tmp_path / str(at), at):
        at += 1
    assert at > 20


@pytest.mark.parametrize("code", CODES)
def test_the_number_of_a_sparkplug_connection(tmp_path, code):
    told = []

    async def lived(folder, at):
        async with asyncio.timeout(30), Broker() as broker:
            rig = Rig(broker, None, {}, {"folder": folder})
            with pytest.MonkeyPatch.context() as patch:
                disk = FailingDisk(patch, folder, at, code)
                await rig.born()
                told.append(rig.sink.complaint)
            rig.clock.now_ns += KEEP_AGAIN_NS
            await rig.sink.write(batch((1.0, 3, 20.0)))
            assert not rig.sink.complaint
            await rig.sink.close()
            assert decode_bd_seq((folder / "cloud.bdseq").read_bytes()) == rig.sink._bd_seq != 41
            assert not list(folder.glob("*.part"))
            return disk.failed

    at, failed = 0, True
    while failed:
        at += 1
        folder = tmp_path / str(at)
        folder.mkdir()
        (folder / "cloud.bdseq").write_bytes(encode_bd_seq(41))
        failed = asyncio.run(lived(folder, at))
    assert at > 6
    assert sum("cannot be kept" in each for each in told) == at - 2, "all but that of reading, and of the end"


def recording_plant(draw):
    """A plant with thinned tags, values of a laboratory and of a logger, and files of quarters of two files each."""
    keeping = Keeping(history_bytes=2_300, recording={12: Recording(Keep.SWINGING_DOOR, 0.2), 13: Recording(Keep.NONE)})
    plant = Plant(draw, span_ns=30 * 60 * 10**9, keeping=keeping)
    plant.sealer._quarters = Quarters(plant.sealed, together=2)
    return plant


def lived_through(plant, look):
    """Some hours of it; what came late, by tag and time. `look` is called behind each step."""
    rows = set()
    for k in range(3):
        plant.scan(10, 200 * 10**9)
        utc_ns = plant.utc_ns - 200 * 10**9
        for tag, act in ((LAB, LateAct.ENTERED), (SCANNED, LateAct.IMPORTED)):
            tell(plant, act, late_row(tag, utc_ns + tag, float(k), 0), 10 * k + act)
            rows.add((tag, utc_ns + tag, float(k)))
        plant.scan(1)
        plant.sealer.wanted_bytes = 300 if k == 2 else 0  # the disk is short: the oldest lose their values
        for _ in range(2):
            plant.seal()
            look(plant)
            plant.mono_ns += RETRY_NS
    return rows


def told_late(log, sealed):
    return rows_of(LateLog(log, sealed))


def rows_of(late):
    said = late.refresh().said()
    return {(int(r["tag"]), int(r["utc_ns"]), float(r["value"])) for one in said for r in one.record.rows}


def test_late_values_the_laboratorys_book_quarters_and_thinned_files():
    plant = recording_plant(Random(1))
    rows = lived_through(plant, lambda plant: None)
    operations, right = len(plant.sealed.operations), plant.sealed.names()
    assert quarter_ranges(right)
    assert late_files(right)
    assert plant.sealer.status.removed_files
    assert plant.sealer.status.files_without_values
    failed = without = 0
    for at in range(operations):
        plant, failing = recording_plant(Random(1)), []
        plant.sealed.faults = {at: CODES[at % 3]}
        assert lived_through(plant, lambda plant: failing.append(plant.sealer.status.failing)) == rows  # noqa: B023
        plant.sealed.faults = {}
        plant.mono_ns += RETRY_NS
        plant.seal()
        status, names = plant.sealer.status, plant.sealed.names()
        assert (status.errors <= 1, status.failing) == (True, False), f"operation {at}: {status.last_error}"
        assert any(failing) == (status.errors == 1), "it says so, until it works"
        failed += status.errors
        assert not any(name.endswith(".part") for name in names)
        assert not inspect(plant.log, plant.sealed).damages
        without += not quarter_ranges(names)  # made with the next sealed file
        assert status.files_without_values or len(sealed_ranges(names)) == 1, f"operation {at}: no room was made"
        assert told_late(plant.log, plant.sealed) == rows
    assert failed > 0.9 * operations
    assert without < 12


@pytest.mark.parametrize("folder", ["log", "sealed"])
def test_who_reads_late_values_has_them_all_once_the_disk_can_be_read_again(folder):
    plant = recording_plant(Random(1))
    lived_through(plant, lambda plant: None)
    storage, right = getattr(plant, folder), told_late(plant.log, plant.sealed)
    of_laboratory = sorted(value for tag, _, value in right if tag == LAB)
    failed = 0
    for offset in range(40):
        late, history = LateLog(plant.log, plant.sealed), plant.history()
        for ask in (late.refresh, lambda: history.raw(NAMES[LAB], 0, 1 << 62)):  # noqa: B023
            storage.faults = {len(storage.operations) + offset: CODES[offset % 3]}
            try:
                ask()
            except OSError:
                failed += 1
            storage.faults = {}
        assert rows_of(late) == right, f"operation {offset}"
        assert sorted(history.raw(NAMES[LAB], 0, 1 << 62).value.tolist()) == of_laboratory, f"operation {offset}"
    assert failed > 3


@pytest.mark.parametrize("turned", [0, 1], ids=["whole", "one-bit-turned"])
def test_values_that_came_late_go_with_their_span_and_the_laboratorys_book_stays(monkeypatch, turned):
    monkeypatch.setattr("plantctl.history.reading.late.ABSORBED_TIMES", 0)
    plant, told = Plant(Random(1), span_ns=1), {LAB: [], SCANNED: []}
    for k in range(6):
        plant.scan(20)
        for tag, act in ((LAB, LateAct.ENTERED), (SCANNED, LateAct.IMPORTED)):
            tell(plant, act, late_row(tag, plant.utc_ns - 5 * SCAN_NS, float(k), 0), 10 * k + act)
            told[tag].append(float(k))
        plant.keep()
        plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)
    sealed = plant.sealed
    assert len(late_files(sealed.names())) == 6

    def length():
        return sum(map(sealed.length, sealed.names()))

    first = late_files(sealed.names())[0].name
    sealed.files[first].seen[60] ^= turned
    assert trim_history(sealed, Keeping()).bytes == length()
    kept = trim_history(sealed, Keeping(history_bytes=length() - 500))
    assert 0 < kept.gone < 4
    assert kept.bytes == length()
    rows = rows_of(LateLog(plant.log, sealed))
    assert sorted(value for tag, _, value in rows if tag == LAB) == told[LAB]
    assert sorted(value for tag, _, value in rows if tag == SCANNED) == told[SCANNED][kept.gone :]
    names = sealed.names()
    assert trim_history(sealed, Keeping()).bytes == kept.bytes
    assert sealed.names() == names
