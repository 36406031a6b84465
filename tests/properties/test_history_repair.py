"""Bits flipped in each of many files: all are found; one is turned back, and with more the file is sealed again."""

import json
import shutil
from pathlib import Path
from random import Random

import pytest

from plantctl.app.state_folder import held
from plantctl.cli.main import main
from plantctl.history.files.sealed import HEAD_BYTES, sealed_ranges
from plantctl.history.reading.names import UnknownTag
from plantctl.history.reading.query import History
from plantctl.history.upkeep.inspection import Cost, inspect, sealed_damages
from plantctl.history.upkeep.repair import QUARANTINE, repair
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from tests.history_bench import NAMES, SCAN_NS, Plant, some_of_everything
from tests.properties.test_history_answers import rows


def recorded(folder, seed=1):
    draw = Random(seed)
    log, sealed = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    plant = Plant(draw, log, sealed, file_bytes=8000, span_ns=25 * SCAN_NS)
    for number in range(12):
        some_of_everything(plant, draw, number)
        plant.seal()
    assert plant.recorder.close(plant.mono_ns, plant.utc_ns)
    return plant


def flip(path, place, bit, bits=2):
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit | (1 << (bit + 1) % 8 if bits == 2 else 0)
    path.write_bytes(data)


def answers(folder):
    history = History(ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history"))
    return {name: rows(history.raw(name, 0, 1 << 62)) for name in NAMES.values()}, history.damaged


def looked(folder):
    return inspect(ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("record")
    recorded(folder)
    return folder


def test_a_sound_record_is_found_sound(place):
    found = looked(place)
    assert found.damages == []
    files = [p for name in ("log", "history") for p in (place / name).iterdir() if p.suffix in (".log", ".seg", ".txt")]
    assert found.files == len(files) > 12
    assert found.bytes == sum(p.stat().st_size for p in files)


def test_one_bit_in_each_file_is_found_in_each(place, tmp_path):
    """Sealed files and log files, at every place in turn."""
    draw = Random(7)
    for turn in range(25):
        folder = tmp_path / str(turn)
        shutil.copytree(place, folder)
        spoiled = set()
        for path in sorted([*(folder / "log").glob("*.log"), *(folder / "history").glob("*.seg")]):
            flip(path, draw.randrange(path.stat().st_size), draw.randrange(8), bits=1)
            spoiled.add(path.name)
        assert set(looked(folder).damaged_files) == spoiled


def test_every_byte_of_a_sealed_file_is_looked_at(place, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(place, folder)
    path = sorted((folder / "history").glob("*.seg"))[3]
    sound = path.read_bytes()
    costs = set()
    log, sealed = ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history")
    (range_,) = [r for r in sealed_ranges(sealed.names()) if r.name == path.name]
    ends = {*range(HEAD_BYTES), *range(len(sound) - 80, len(sound))}
    for at in sorted(ends | {*range(0, len(sound), 17)}):
        data = bytearray(sound)
        data[at] ^= (3 if at % 2 else 1) << at % 7
        path.write_bytes(data)
        damages = list(sealed_damages(sealed, range_))
        assert damages, f"byte {at}"
        costs |= {d.cost for d in damages}
    path.write_bytes(sound)
    assert inspect(log, sealed).damages == []
    assert costs >= {Cost.NOTHING, Cost.TAGS, Cost.ALL}


@pytest.mark.parametrize(("seed", "bits"), [(0, 1), (1, 1), *((seed, 2) for seed in range(5))])
def test_one_bit_is_turned_back_and_what_the_log_holds_is_sealed_again_byte_for_byte(tmp_path, seed, bits):
    recorded(tmp_path, seed)
    right, _ = answers(tmp_path)
    draw = Random(seed)
    sound = {path: path.read_bytes() for path in (tmp_path / "history").glob("*.seg")}
    for path, data in sound.items():
        flip(path, draw.randrange(len(data)), draw.randrange(8), bits)
    if bits == 1:  # then nobody needs the log
        log_files = {path: path.read_bytes() for path in (tmp_path / "log").glob("*.log")}
        for path in log_files:
            path.unlink()
    log = ReadOnlyFolder(tmp_path / "log")
    became = repair(log, tmp_path / "history", looked(tmp_path).damaged_files, minutes_from=10)
    assert set(became) == {path.name for path in sound}
    assert {path.name: path.read_bytes() for path in sound} == {path.name: data for path, data in sound.items()}
    assert looked(tmp_path).damages == []
    if bits == 1:
        for path, data in log_files.items():
            path.write_bytes(data)
    assert answers(tmp_path) == (right, 0)
    assert {p.name for p in (tmp_path / "history" / QUARANTINE).iterdir()} == {path.name for path in sound}


@pytest.mark.parametrize("size", [0, 10, 63, 64, 70, 600])
def test_a_sealed_file_that_is_cut_off_is_said_to_cost_what_it_held(tmp_path, size):
    recorded(tmp_path)
    name = sealed_ranges(ReadOnlyFolder(tmp_path / "history").names())[1].name
    path = tmp_path / "history" / name
    path.write_bytes(path.read_bytes()[:size])
    found = looked(tmp_path)
    assert found.damaged_files == [name]
    assert {Cost.ALL if size <= 64 else Cost.BEHIND} <= {damage.cost for damage in found.damages}
    repair(FolderStorage(tmp_path / "log"), tmp_path / "history", [name])
    assert looked(tmp_path).damages == []


def test_a_plan_that_wrote_and_whose_text_is_gone_or_cut_costs_the_names(tmp_path):
    recorded(tmp_path)
    (text,) = (tmp_path / "log").glob("plan-*.txt")
    whole = b"plant Bench\nhash 1\n\npoints: id, name, unit, meaning\n1\tA\tK\t\n\nfile plant.yaml\nplant:\n"
    for bytes_, said in ((whole, None), (whole[:58], "cut off"), (b"", "cut off"), (None, "not there")):
        text.unlink()
        if bytes_ is not None:
            text.write_bytes(bytes_)
        told = [(d.file, d.cost, d.what) for d in looked(tmp_path).damages]
        assert [(file, cost) for file, cost, _ in told] == [(text.name, Cost.NAMES)] * (said is not None)
        assert said is None or said in told[0][2]
        if not bytes_:
            with pytest.raises(UnknownTag, match="no text of a plan can be read"):
                answers(tmp_path)
        text.touch()


def test_the_record_of_an_older_version_is_found_sound(tmp_path):
    shutil.copytree(Path(__file__).parents[1] / "cases" / "history" / "format-1", tmp_path / "history")
    (tmp_path / "log").mkdir()
    for text in (tmp_path / "history").glob("plan-*.txt"):
        text.rename(tmp_path / "log" / text.name)
    assert looked(tmp_path).damages == []


def test_without_the_log_what_can_be_read_is_kept_and_a_file_of_which_nothing_can_goes(tmp_path):
    recorded(tmp_path)
    right, _ = answers(tmp_path)
    for path in (tmp_path / "log").glob("*.log"):
        path.unlink()
    one, other = sorted((tmp_path / "history").glob("*.seg"))[2:4]
    data = one.read_bytes()
    flip(one, data.find(b"CHNK", data.find(b"CHNK\x03") - 1) + 40, 3)
    flip(other, HEAD_BYTES + 30, 1)
    found = looked(tmp_path)
    costs = {d.file: (d.cost, len(d.tags)) for d in found.damages}
    assert costs == {one.name: (Cost.TAGS, 1), other.name: (Cost.ALL, 0)}
    became = repair(ReadOnlyFolder(tmp_path / "log"), tmp_path / "history", found.damaged_files)
    assert "kept" in became[one.name]
    assert "in quarantine" in became[other.name]
    assert one.exists()
    assert not other.exists()
    left, _ = answers(tmp_path)
    for name, points in left.items():
        assert len(points) <= len(right[name])
    assert sum(len(p) for p in left.values()) > 0.7 * sum(len(p) for p in right.values())


def test_the_verb_says_which_tags_and_times_are_affected_and_mends_them(tmp_path, capsys):
    recorded(tmp_path)
    right, _ = answers(tmp_path)
    assert main(["history", "check", str(tmp_path)]) == 0
    assert "all sound" in capsys.readouterr().out
    path = sorted((tmp_path / "history").glob("*.seg"))[2]
    data = path.read_bytes()
    flip(path, data.find(b"CHNK\x03") + 40, 3)
    tag = data[data.find(b"CHNK\x03") + 8]
    assert main(["history", "check", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert f"the points of a tag: {NAMES[tag]}, 2026-" in said
    assert "costs what these tags did" in said
    assert "1 damaged" in said
    assert main(["history", "check", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [(d["file"], d["tags"], d["cost"]) for d in told["damages"]] == [(path.name, [NAMES[tag]], "tags")]
    with held(tmp_path, "a test"):
        assert main(["history", "check", str(tmp_path), "--repair"]) == 5
    capsys.readouterr()
    assert main(["history", "check", str(tmp_path), "--repair"]) == 0
    assert "sealed again from the log" in capsys.readouterr().out
    assert answers(tmp_path) == (right, 0)
    assert main(["history", "A-1", "--repair", "--from", str(tmp_path)]) == 2
    assert main(["history", "check", "one", "two"]) == 2
