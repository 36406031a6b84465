"""The retained file, cut anywhere, flipped anywhere, on a full or broken disk, and at every moment of a loss of power:
there is always the newest or the one before it, or an honest none.
"""

import json
import struct
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from plantctl.core.errors import LogDamaged
from plantctl.core.frame import crc32c
from plantctl.log.retained import HEAD_BYTES, SLOTS, Moment, RetainedFile, decode_slot, encode_slot
from plantctl.log.retained_format import decode_state, encode_state
from plantctl.log.storage import FolderStorage
from plantctl.scan.retain import Retention
from plantctl.scan.retained_state import RetainedKind, RetainedParameter, RetainedPoint, RetainedState, Start
from tests.plan_bench import PlanBench
from tests.restart_bench import CASCADE
from tests.unit.simulated_storage import BROKEN, FULL, PowerCut, SimFile, SimulatedStorage

PLAN = 0x8F12_34AB_77C0_D1E5
BOOT = bytes(range(16))


def bits(*numbers):
    return np.array(numbers, np.int64)


def state(number):
    """A small state that tells its number, with a NaN of a payload and umlauts in it."""
    kind = RetainedKind(
        "pid",
        ("40-FIC-1", "Füllstand"),
        {"i": bits(number, 0x7FF8_0000_0000_BEEF), "op.q": bits(0, 2)},
        {"pv": bits(1, 0)},
    )
    empty = RetainedKind("lag", (), {"y.v": bits()}, {})
    tuned = RetainedParameter("40-FIC-1", "pid", "gain", 5, -number)
    point = RetainedPoint("QI-1", "g/L", number, 0, 1_790_000_000_000_000_000 + number)
    return RetainedState(PLAN, (kind, empty), (tuned,) * (number % 3), (point,) * (number % 2))


def moment(number):
    return Moment(1_790_000_000_000_000_000 + number, number, BOOT)


def told(s):
    """A state as something that can be compared."""
    kinds = [
        (k.kind, k.tags, {n: b.tolist() for n, b in k.values.items()}, {n: b.tolist() for n, b in k.units.items()})
        for k in s.kinds
    ]
    return s.plan_hash, kinds, s.parameters, s.points


def number_of(kept):
    number = kept.moment.mono_ns
    assert told(kept.state) == told(state(number))
    assert kept.moment == moment(number)
    return number


def saved(storage, *numbers):
    file = RetainedFile(storage)
    file.load()
    for number in numbers:
        assert file.save(state(number), moment(number))
    return file


def test_what_is_saved_is_found_the_newest_of_two():
    storage = SimulatedStorage()
    assert RetainedFile(storage).load() is None
    for number in range(1, 6):
        assert saved(storage, number).sequence == number
        file = RetainedFile(storage)
        assert number_of(file.load()) == number
        assert (file.why, file.saved, file.sequence) == ("", moment(number), number)


def test_it_lies_in_a_real_folder(tmp_path):
    saved(FolderStorage(tmp_path / "state"), 1, 2, 3)
    assert sorted(p.name for p in (tmp_path / "state").iterdir()) == list(SLOTS)
    assert number_of(RetainedFile(FolderStorage(tmp_path / "state")).load()) == 3


@pytest.mark.parametrize("seed", range(6))
def test_power_lost_at_every_operation_leaves_the_newest_that_was_told_or_a_newer(seed):
    """Two lives: the second one saves on what the first left, and loses power as well."""
    at = 0
    while True:
        storage = SimulatedStorage(cut_at=at, seed=seed)
        done = 0
        try:
            file = RetainedFile(storage)
            file.load()
            for number in range(1, 5):
                if file.save(state(number), moment(number)):
                    done = number
        except PowerCut:
            pass
        disk = storage.after_power_cut(seed * 1000 + at)
        file = RetainedFile(disk)
        kept = file.load()
        number = 0 if kept is None else number_of(kept)
        assert done <= number <= done + 1, f"cut at {at}"
        assert file.save(state(9), moment(9))
        assert number_of(RetainedFile(disk).load()) == 9
        if not storage.is_cut:
            break
        at += 1
    assert at > 15


def test_a_slot_cut_at_any_byte_leaves_the_other():
    storage = SimulatedStorage()
    saved(storage, 1, 2)
    newest = bytes(storage.files[SLOTS[1]].seen)
    assert decode_slot(newest).sequence == 2
    for size in range(len(newest)):
        storage.files[SLOTS[1]] = SimFile(newest[:size], newest[:size])
        file = RetainedFile(storage)
        assert number_of(file.load()) == 1
        assert file.why.startswith("retained-1: torn")
    # The next save must not go over what is whole.
    assert file.begin_save(state(3), moment(3)).slot == 1


def test_any_flipped_bit_is_noticed():
    storage = SimulatedStorage()
    saved(storage, 1, 2)
    newest = bytes(storage.files[SLOTS[1]].seen)
    for at in range(8 * len(newest)):
        bad = bytearray(newest)
        bad[at // 8] ^= 1 << at % 8
        storage.files[SLOTS[1]] = SimFile(bad, bad)
        file = RetainedFile(storage)
        assert number_of(file.load()) == 1
        assert "damaged" in file.why


@pytest.mark.parametrize("seed", range(200))
def test_rubbish_is_no_state(seed):
    chance = Random(seed)
    data = chance.randbytes(chance.randint(0, 400))
    storage = SimulatedStorage({SLOTS[0]: SimFile(data, data)})
    file = RetainedFile(storage)
    assert file.load() is None
    assert file.why


@pytest.mark.parametrize("seed", range(300))
def test_rubbish_under_a_right_sum_is_a_state_or_damage_never_anything_else(seed):
    """As a faulty version of plantctl might write it."""
    chance = Random(seed)
    data = bytearray(encode_state(state(2)))
    for _ in range(chance.randint(1, 8)):
        what = chance.randint(0, 3)
        at = chance.randrange(len(data))
        if what == 0:
            data[at] ^= 1 << chance.randint(0, 7)
        elif what == 1:
            del data[at : at + chance.randint(1, 30)]
        elif what == 2:
            data[at:at] = chance.randbytes(chance.randint(1, 9))
        else:
            data[at : at + 1] = chance.choice((b"{", b"[", b'"', b"0", b"null", b","))
        if not data:
            break
    try:
        found = decode_state(PLAN, bytes(data))
    except LogDamaged:
        return
    plant = PlanBench(CASCADE)
    plant.executive.restore(found, Start.WARM, plant.inputs, 1)
    plant.scan()


def test_a_directory_without_end_is_damage():
    text = b"[" * 200_000
    with pytest.raises(LogDamaged):
        decode_state(PLAN, struct.pack("<II", len(text), 0) + text)


def test_another_format_is_named():
    slot = bytearray(encode_slot(1, moment(1), state(1)))
    slot[8] = 2
    slot[HEAD_BYTES - 4 : HEAD_BYTES] = struct.pack("<I", crc32c(bytes(slot[: HEAD_BYTES - 4])))
    storage = SimulatedStorage({SLOTS[0]: SimFile(slot, slot)})
    file = RetainedFile(storage)
    assert file.load() is None
    assert file.why == "retained-0: it has format 2, this version reads 1"


@pytest.mark.parametrize("operation", ["open", "truncate", "append", "sync", "sync_folder"])
@pytest.mark.parametrize("code", [FULL, BROKEN], ids=["full", "broken"])
def test_a_disk_that_refuses_costs_the_save_and_not_the_state(operation, code):
    storage = SimulatedStorage()
    file = saved(storage, 1, 2)
    storage.faults = {operation: code}
    for number in (3, 4):
        assert not file.save(state(number), moment(number))
        assert file.saved == moment(2)
    assert file.status.failing
    assert sum(file.status.errors.values()) == 2
    assert number_of(RetainedFile(storage).load()) >= 2
    storage.faults = {}
    assert file.save(state(5), moment(5))
    assert not file.status.failing
    assert number_of(RetainedFile(storage).load()) == 5
    assert storage.open_files == {}


@pytest.mark.parametrize("operation", ["names", "read"])
def test_a_disk_that_cannot_be_read_is_told(operation):
    storage = SimulatedStorage()
    saved(storage, 1)
    storage.faults = {operation: BROKEN}
    file = RetainedFile(storage)
    assert file.load() is None
    assert "Input/output error" in file.why
    assert file.status.errors == {"EIO": 1}


def test_one_save_at_a_time():
    file = RetainedFile(SimulatedStorage())
    save = file.begin_save(state(1), moment(1))
    assert file.begin_save(state(2), moment(2)) is None
    assert not file.save(state(2), moment(2))
    assert file.end_save(save, save.write())
    assert file.save(state(2), moment(2))


def test_a_stranger_reads_it_by_the_page_alone():
    """As docs/reference/retained-state.md says it."""
    slot = encode_slot(7, moment(5), state(5))
    assert slot[:8] == b"PLANTRET"
    number, head, crc, sequence, plan, utc_ns, mono_ns = struct.unpack_from("<HHIQQqq", slot, 8)
    boot, (size, _, head_crc) = slot[48:64], struct.unpack_from("<QII", slot, 64)
    assert (number, head, sequence, plan, utc_ns, mono_ns) == (1, 80, 7, PLAN, moment(5).utc_ns, 5)
    assert (boot, size, head_crc, crc) == (BOOT, len(slot) - 80, crc32c(slot[:76]), crc32c(slot[80:]))
    length, count = struct.unpack_from("<II", slot, 80)
    directory = json.loads(slot[88 : 88 + length])
    numbers = iter(struct.unpack_from(f"<{count}q", slot, 88 + length + -length % 8))
    found = []
    for kind in directory["kinds"]:
        parts = [{name: [next(numbers) for _ in kind["tags"]] for name in kind[part]} for part in ("values", "units")]
        found.append((kind["kind"], tuple(kind["tags"]), *parts))
    assert found == told(state(5))[1]
    tuned = [(*names, next(numbers), next(numbers)) for names in directory["parameters"]]
    assert tuned == [(p.tag, p.kind, p.name, p.configured, p.present) for p in state(5).parameters] != []
    points = [(*names, next(numbers), next(numbers), next(numbers)) for names in directory["points"]]
    assert points == [(p.name, p.unit, p.value, p.quality, p.source_ns) for p in state(5).points] != []
    assert list(numbers) == []


def test_it_is_saved_once_a_second_and_at_once_where_it_matters():
    second = 1_000_000_000
    file = RetainedFile(SimulatedStorage())
    assert file.save_due(0)
    save = file.begin_save(state(5), Moment(0, 5 * second, BOOT))
    assert not file.save_due(9 * second, urgent=True), "one at a time"
    file.end_save(save, save.write())
    assert not file.save_due(6 * second - 1)
    assert file.save_due(6 * second - 1, urgent=True)
    assert file.save_due(6 * second)


def test_a_count_that_cannot_be_is_damage():
    for count, whole in (((1 << 62) - 1, True), (1 << 62, False)):
        slot = encode_slot(count, moment(1), state(1))
        storage = SimulatedStorage({SLOTS[0]: SimFile(slot, slot)})
        assert (RetainedFile(storage).load() is not None) is whole


def test_the_age_follows_the_clock_that_did_not_stop():
    hour = 3_600_000_000_000
    taken = Moment(10 * hour, 5 * hour, BOOT)
    assert taken.age_ns(Moment(99 * hour, 6 * hour, BOOT)) == hour, "the same life: UTC may have been set"
    assert taken.age_ns(Moment(12 * hour, 1 * hour, bytes(15) + b"x")) == 2 * hour
    nameless = replace(taken, boot=bytes(16))
    assert nameless.age_ns(Moment(12 * hour, 6 * hour)) == 2 * hour


def test_a_real_plant_is_found_again_to_the_bit():
    plant = PlanBench(CASCADE)
    plant.scan(("tune", "FIC-1.gain", 0.75), ("set", "QI-1", 5.0), **{"LI-1": 55.0, "FI-1": 30.0})
    plant.scans(20)
    gathered = Retention(plant.plan).gather(plant.executive.stepper.memory)
    assert told(decode_state(gathered.plan_hash, encode_state(gathered))) == told(gathered)
    assert len(gathered.parameters) == 1
