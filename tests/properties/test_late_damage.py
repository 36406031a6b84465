"""Files of late values that are damaged or unreadable: told all the same where they can be, counted once, replaced."""

import errno
from random import Random

import pytest

from plantctl.core.frame import Kind, encode_frame
from plantctl.core.keeping import Keeping
from plantctl.core.late import LateAct, LateRecord, encode_late, late_row
from plantctl.history.files.sealed import Range, sealed_ranges
from plantctl.history.reading.late import LateRows, late_file, late_files
from plantctl.history.upkeep.inspection import inspect
from plantctl.history.upkeep.retention import trim_history
from tests.history_bench import PLAN, SCAN_NS, Plant
from tests.properties.test_late_values import LAB, found_in, small, tell
from tests.unit.simulated_storage import SimFile, SimulatedStorage


def test_a_damaged_file_of_late_values_is_told_and_what_it_held_comes_from_the_sealed_files():
    plant = Plant(Random(2))
    for rows in small(plant):  # noqa: B007
        pass
    name = late_files(plant.sealed.names())[0].name
    file = plant.sealed.files[name]
    spoilt = bytearray(file.seen)
    spoilt[40] ^= 20
    plant.sealed.files[name] = SimFile(bytes(spoilt), bytes(spoilt))
    assert found_in(plant) == sorted(rows)
    assert [d.file for d in inspect(plant.log, plant.sealed).damages] == [name]


def entered(plant, k):
    """A value of the laboratory, sealed; its row."""
    plant.scan(15)
    utc_ns = plant.utc_ns - 5 * SCAN_NS
    tell(plant, LateAct.ENTERED, late_row(LAB, utc_ns, float(k), 0), k)
    plant.keep()
    plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)
    return utc_ns, float(k)


def values_of(history, plant):
    series = history.raw("B-3", 0, plant.utc_ns)
    return list(zip(series.utc_ns.tolist(), series.value.tolist(), strict=True))


def spoil(plant, name, damage):
    """Damage a file; `unreadable`: the disk gives an error wherever it is read."""
    data = bytearray(plant.sealed.files[name].seen)
    data[40] ^= 20 if damage == "two bits" else 4
    if damage != "unreadable":
        plant.sealed.files[name] = SimFile(bytes(data), bytes(data))
        return
    read = plant.sealed.read

    def refused(wanted):
        if wanted == name:
            raise OSError(errno.EIO, "Input/output error")
        return read(wanted)

    plant.sealed.read = refused


@pytest.mark.parametrize("damage", ["one bit", "two bits", "unreadable"])
def test_a_damaged_file_that_can_be_told_whole_is_counted_once_and_the_next_one_takes_its_place(damage):
    plant = Plant(Random(2))
    rows = [entered(plant, 0), entered(plant, 1)]
    (file,) = late_files(plant.sealed.names())
    spoil(plant, file.name, damage)
    history = plant.history()
    assert values_of(history, plant) == rows
    assert (history.damaged, history.left_out) == (1, 0)
    rows.append(entered(plant, 2))
    assert values_of(history, plant) == rows
    assert (history.damaged, history.left_out) == (1, 0)
    (after,) = late_files(plant.sealed.names())
    assert (after != file, inspect(plant.log, plant.sealed).damages) == (True, [])


def test_behind_a_damaged_file_that_nothing_can_mend_late_values_are_still_put_together_and_it_is_counted_once():
    plant = Plant(Random(2))
    entered(plant, 0), entered(plant, 1)
    (file,) = late_files(plant.sealed.names())
    spoil(plant, file.name, "two bits")
    plant.sealed.remove(sealed_ranges(plant.sealed.names())[0].name)
    history = plant.history()
    rows = []
    for k in range(2, 5):
        rows.append(entered(plant, k))
        assert set(rows) <= set(values_of(history, plant))
        assert (history.late.damaged, history.late.mended) == (1, 0)
    assert values_of(plant.history(), plant) == values_of(history, plant)
    assert late_files(plant.sealed.names())[0] == file
    assert len(late_files(plant.sealed.names())) == 2


def test_a_damaged_file_of_which_nothing_is_left_is_counted_once_however_often_the_folder_changes():
    rows, name = LateRows(), "late-00000000000000000001-00000000000000000009.seg"
    storage = SimulatedStorage({name: SimFile(b"no chunk", b"no chunk")})
    for k in range(10, 14):
        rows.refresh(storage, storage.names(), [Range(10, 20)], [])
        assert (rows.damaged, rows.mended, len(rows.said())) == (1, 0, k - 10)
        payload = encode_late(LateRecord(LateAct.ENTERED, k, late_row(LAB, k, 1.0, 0), "ann", ""))
        further, data = late_file([(k, encode_frame(Kind.LATE, k, 1, k, PLAN, payload))])
        storage.files[further] = SimFile(data, data)


def test_a_damaged_file_is_told_from_the_sealed_file_of_its_stretch_as_soon_as_that_is_there():
    plant = Plant(Random(2))
    row, rows = entered(plant, 0), LateRows()
    (file,) = late_files(plant.sealed.names())
    spoil(plant, file.name, "two bits")
    ranges = sealed_ranges(plant.sealed.names())
    rows.refresh(plant.sealed, [file.name], [], [])
    assert (rows.damaged, rows.mended, rows.said()) == (1, 0, [])
    rows.refresh(plant.sealed, plant.sealed.names(), ranges, [])
    assert (rows.damaged, rows.mended) == (1, 1)
    assert [float(one.record.rows["value"][0]) for one in rows.said()] == [row[1]]


def test_what_is_kept_is_trimmed_also_where_the_disk_cannot_read_a_file_of_late_values():
    plant = Plant(Random(2))
    for k in range(3):
        entered(plant, k)
    (file,) = late_files(plant.sealed.names())
    spoil(plant, file.name, "unreadable")
    plant.scan(15)
    plant.keep()
    plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)
    assert trim_history(plant.sealed, Keeping(history_bytes=1)).gone == 3
    assert file.name in plant.sealed.names()
    assert len(sealed_ranges(plant.sealed.names())) == 1
