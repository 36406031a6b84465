"""The text of a plan beside the log: any one flipped bit costs a line or two, is found, and can be mended."""

from pathlib import Path

import pytest

from plantctl.history.upkeep.repair import QUARANTINE, repair_plans
from plantctl.log.files import plan_name
from plantctl.log.open_file import keep_plan
from plantctl.log.plan_file import PlanText, decode_plan, encode_plan, mended_plan
from plantctl.log.storage import FolderStorage
from tests.unit.simulated_storage import BROKEN, SimFile, SimulatedStorage

TEXT = "plant bench\n\n11\tA-1\tm3/h\tflow\n12\tA-2\tpH\tµ of the outlet\nfile a.yaml\nx: 1\nJ*\n# sums up\n"


@pytest.mark.parametrize("text", [TEXT, "", "one line", "\n\n"])
def test_what_is_kept_comes_back(text):
    data = encode_plan(text)
    assert decode_plan(data) == PlanText(text)
    assert mended_plan(data) == data


def test_every_bit_in_turn():
    data, lines = encode_plan(TEXT), set(TEXT.split("\n"))
    for bit in range(8 * len(data)):
        spoiled = bytearray(data)
        spoiled[bit // 8] ^= 1 << bit % 8
        found = decode_plan(bytes(spoiled))
        assert not found.sound
        assert found.lost <= 2
        assert set(found.text.split("\n")) <= lines, "a line that never was"
        # One in three, and each where a break of a line became something else or something else one.
        if bit % 3 == 0 or 10 in (data[bit // 8], spoiled[bit // 8]):
            assert mended_plan(bytes(spoiled)) == data


def test_more_than_one_bit_is_found_and_not_guessed():
    data = encode_plan(TEXT)
    spoiled = data.replace(b"A-1", b"B-9").replace(b"x: 1", b"y: 2")
    found = decode_plan(spoiled)
    assert (found.lost, found.sound) == (2, False)
    assert "B-9" not in found.text
    assert mended_plan(spoiled) is None


def test_a_text_of_an_older_version_has_no_sums():
    assert decode_plan(TEXT.encode()) == PlanText(TEXT, summed=False)
    assert mended_plan(TEXT.encode()) is None
    assert not decode_plan(b"\xff\xff").sound


@pytest.mark.parametrize("was", [TEXT.encode(), encode_plan(TEXT)[:-3], encode_plan(TEXT).replace(b"A-1", b"A-3")])
def test_a_plan_that_runs_again_writes_its_text_anew(was):
    storage = SimulatedStorage({plan_name(5): SimFile(was)})
    keep_plan(storage, 5, TEXT)
    assert bytes(storage.files[plan_name(5)].seen) == encode_plan(TEXT)


def test_a_sound_text_stays_and_one_that_cannot_be_read_does_not():
    storage = SimulatedStorage({plan_name(5): SimFile(encode_plan(TEXT))})
    keep_plan(storage, 5, "another wording of the same plan")
    assert "append" not in storage.operations
    storage.faults = {"read": BROKEN}
    keep_plan(storage, 5, TEXT)
    assert "rename" in storage.operations


def test_repair_mends_one_bit_and_leaves_what_is_worse(tmp_path):
    log, history = tmp_path / "log", tmp_path / "history"
    log.mkdir()
    once, worse = encode_plan(TEXT).replace(b"A-1", b"A-3"), encode_plan(TEXT).replace(b"A-1", b"B-9")
    names = [plan_name(1), plan_name(2)]
    for name, data in zip(names, (once, worse), strict=True):
        (log / name).write_bytes(data)
    became = repair_plans(log, history, names)
    assert (log / names[0]).read_bytes() == encode_plan(TEXT)
    assert (log / names[1]).read_bytes() == worse
    assert Path(history / QUARANTINE / names[0]).read_bytes() == once
    assert [word.split(",")[0].split(":")[0] for word in became.values()] == ["mended", "kept"]
    assert FolderStorage(log).names() == names
