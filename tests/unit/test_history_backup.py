"""A backup while the plant records: what is in it is one moment, and restored it gives the same answers."""

import errno
import json
import os
import shutil
import tarfile
from random import Random

import pytest

from plantctl.app.state_folder import held
from plantctl.cli.main import main
from plantctl.core.keeping import Keeping
from plantctl.history.reading.data_frame import ReadRefused, read
from plantctl.history.reading.query import History
from plantctl.history.upkeep import backup as subject
from plantctl.history.upkeep.backup import BackupRefused, back_up, restore
from plantctl.history.upkeep.inspection import inspect
from plantctl.log.recording import HELD_NAME, RECORDING, draw_recording, recordings_in
from plantctl.log.recovery import find_end
from plantctl.log.storage import FolderStorage, ReadOnlyFolder
from tests.history_bench import NAMES, SCAN_NS, UTC_NS, Plant
from tests.properties.test_history_answers import rows


def plant_in(folder, seed=1, **settings):
    log, sealed = FolderStorage(folder / "log"), FolderStorage(folder / "history")
    return Plant(Random(seed), log, sealed, file_bytes=8000, span_ns=25 * SCAN_NS, **settings)


def answers(folder):
    history = History(ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history"))
    first, last = history.extent_ns()
    found = {name: rows(history.raw(name, 0, 1 << 62)) for name in NAMES.values()}
    minutes = [history.trend(name, first, last + 1, 3).buckets.count.tolist() for name in NAMES.values()]
    assert history.damaged == 0
    return found, minutes, list(history.frames(0, 1 << 62))


@pytest.fixture
def recorded(tmp_path):
    folder = tmp_path / "one" / "bench"
    plant = plant_in(folder)
    for number in range(5):
        plant.scan(40)
        plant.event(f"event {number}")
        plant.seal()
    (folder / "feeds").mkdir()
    (folder / "feeds" / "archive.position").write_text("position")
    (folder / "retained-0").write_bytes(b"slot")
    (folder / "users.json").write_text("{}")
    return folder, plant


def test_restored_on_a_fresh_machine_it_gives_the_same_answers(recorded, tmp_path, capsys):
    folder, _ = recorded
    right = answers(folder)
    out = tmp_path / "bench.tar"
    assert main(["backup", str(folder), str(out)]) == 0
    assert "plant bench" in capsys.readouterr().out
    other = tmp_path / "other"
    assert main(["restore", str(out), "--state", str(other)]) == 0
    found = other / "bench"
    assert answers(found) == right
    assert (found / "feeds" / "archive.position").read_text() == "position"
    assert (found / "retained-0").read_bytes() == b"slot"
    assert not (found / "users.json").exists()
    assert inspect(ReadOnlyFolder(found / "log"), ReadOnlyFolder(found / "history")).damages == []
    capsys.readouterr()
    for verb in ("history", "trend"):
        said = []
        for place in (folder, found):
            assert main([verb, "A-1", "--last", "1h", "--from", str(place)]) == 0
            said.append(capsys.readouterr().out)
        assert said[0] == said[1] != ""
    again = plant_in(found, 2, mono_ns=10**13)
    again.scan(10)
    again.seal()
    assert again.recorder.last_sequence > find_end(ReadOnlyFolder(folder / "log")).sequence


def test_a_backup_taken_while_the_plant_records_seals_and_lets_go_is_one_moment(recorded, tmp_path, monkeypatch):
    """Between any two files that are held, the plant goes on: it records, rolls its log, seals and removes."""
    folder, plant = recorded
    plant.sealer.__init__(
        plant.log, plant.sealed, span_ns=25 * SCAN_NS, minutes_from=10, keeping=Keeping(log_bytes=9000)
    )
    real, held_files = subject.ReadOnlyFolder.hold, []

    def hold(storage, name):
        found = real(storage, name)
        held_files.append(name)
        if len(held_files) % 3 == 2:
            plant.scan(90)
            plant.seal()
        return found

    monkeypatch.setattr(subject.ReadOnlyFolder, "hold", hold)
    before = answers(folder)[0]
    back_up(folder, tmp_path / "b.tar", UTC_NS, running=True)
    monkeypatch.undo()
    assert len(held_files) > 8
    state = tmp_path / "restored"
    state.mkdir()
    restore(tmp_path / "b.tar", state)
    found = answers(state)[0]
    truth = answers(folder)[0]
    for name in NAMES.values():
        newest = found[name][-1][0]
        assert [p for p in found[name] if p[0] <= before[name][-1][0]] == before[name], "nothing is missing"
        kept = [p for p in truth[name] if p[0] <= newest]
        assert found[name][-len(kept) :] == kept, "and nothing is there that never was"
    assert find_end(ReadOnlyFolder(state / "log")).torn_bytes == 0


def test_a_frame_that_no_commit_vouches_for_is_not_in_it(recorded, tmp_path):
    folder, plant = recorded
    durable = plant.recorder.durable_sequence
    plant.scan(5)
    plant.recorder.drain(plant.reader, plant.mono_ns, plant.utc_ns)
    (tmp_path / "running").mkdir()
    back_up(folder, tmp_path / "b.tar", UTC_NS, running=True)
    restore(tmp_path / "b.tar", tmp_path / "running")
    assert find_end(ReadOnlyFolder(tmp_path / "running" / "log")).sequence == durable


def test_a_record_that_is_there_is_refused_or_set_aside(recorded, tmp_path, capsys):
    folder, _ = recorded
    out = tmp_path / "b.tar"
    assert main(["backup", str(folder), str(out)]) == 0
    right = answers(folder)
    assert main(["restore", str(out), "--state", str(folder.parent)]) == 3
    assert "holds a record already (feeds, log, history, retained-0); nothing is changed" in capsys.readouterr().err
    with held(folder, "a test"):
        assert main(["restore", str(out), "--state", str(folder.parent), "--overwrite"]) == 5
    assert main(["restore", str(out), "--state", str(folder.parent), "--overwrite"]) == 0
    assert answers(folder) == right
    assert answers(folder / "replaced-0") == right
    assert (folder / "users.json").exists()


@pytest.mark.parametrize("spoil", ["a bit", "cut short", "no tar", "another name", "another format"])
def test_what_is_no_whole_backup_changes_nothing(recorded, tmp_path, capsys, spoil):
    folder, _ = recorded
    out, place = tmp_path / "b.tar", tmp_path / "fresh"
    back_up(folder, out, UTC_NS, running=False)
    data = bytearray(out.read_bytes())
    if spoil == "a bit":
        data[512 * 9 + 100] ^= 4
    elif spoil == "cut short":
        del data[len(data) // 2 :]
    elif spoil == "no tar":
        data = bytearray(b"nothing at all")
    elif spoil == "another name":
        data = data.replace(b'"log/0', b'"../g/0')
    else:
        data = data.replace(b'"format": 1', b'"format": 9')
    out.write_bytes(data)
    assert main(["restore", str(out), "--state", str(place), "--plant", "bench"]) == 3
    assert "nothing is changed" in capsys.readouterr().err
    assert [p.name for p in (place / "bench").iterdir()] == ["holder"]


def test_a_plant_without_a_record_is_told_which_have_one(tmp_path, capsys):
    for plant in ("Circuit-A", "bench"):
        (tmp_path / plant / "log").mkdir(parents=True)
    said = f"{tmp_path / 'demo'}; there are records of Circuit-A, bench"
    assert main(["backup", "demo", str(tmp_path / "b.tar"), "--state", str(tmp_path)]) == 2
    assert f"there is no record in {said}" in capsys.readouterr().err
    assert main(["history", "T", "--plant", "demo", "--state", str(tmp_path)]) == 3
    assert f"there is no log in {said}" in capsys.readouterr().err
    with pytest.raises(ReadRefused, match="there are records of Circuit-A, bench"):
        read(tmp_path / "demo", "T", 0, 1)


def test_no_record_no_backup(tmp_path, capsys):
    assert main(["backup", "nobody", str(tmp_path / "b.tar"), "--state", str(tmp_path)]) == 2
    assert "there is no record in" in capsys.readouterr().err
    with pytest.raises(BackupRefused):
        back_up(tmp_path, tmp_path / "b.tar", UTC_NS, running=False)
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_tells_every_file(recorded, tmp_path):
    folder, _ = recorded
    made = back_up(folder, tmp_path / "b.tar", UTC_NS, running=False)
    with tarfile.open(tmp_path / "b.tar") as tar:
        told = json.load(tar.extractfile("backup.json"))
        assert [each["name"] for each in told["files"]] == tar.getnames()[:-1]
    assert (told["plant"], told["utc_ns"], len(told["files"])) == ("bench", UTC_NS, made.files)
    assert told["files"][0]["name"].startswith("feeds/"), "positions before the log"


class Failing:
    """The operation of this number of those that are watched fails, once; `done` counts them."""

    WATCHED = ((os, "fsync"), (os, "replace"), (os, "rename"), (os, "open"), (tarfile.TarFile, "addfile"))

    def __init__(self, monkeypatch, at, code):
        self.done, self._at, self._code = 0, at, code
        for owner, name in self.WATCHED:
            monkeypatch.setattr(owner, name, self._watched(getattr(owner, name)))

    def _watched(self, real):
        def act(*arguments, **more):
            self.done += 1
            if self.done == self._at:
                raise OSError(self._code, os.strerror(self._code))
            return real(*arguments, **more)

        return act


@pytest.mark.parametrize(("verb", "code"), [("backup", errno.ENOSPC), ("backup", errno.EMFILE), ("restore", errno.EIO)])
def test_each_operation_fails_once_and_no_record_is_half(recorded, tmp_path, capsys, verb, code):
    folder, _ = recorded
    out, right = tmp_path / "b.tar", answers(folder)
    back_up(folder, out, UTC_NS, running=False)
    before, at, done = out.read_bytes(), 0, 0
    while at <= done:
        at += 1
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, at, code)
            if verb == "backup":
                exit_code = main(["backup", str(folder), str(out)])
            else:
                exit_code = main(["restore", str(out), "--state", str(folder.parent), "--overwrite"])
            done = failing.done
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert exit_code or not said, "it says what failed"
        assert not said or code != errno.ENOSPC or str(tmp_path) in said or str(folder) in said, (
            "and which disk is full"
        )
        assert not list(tmp_path.glob("*.part"))
        assert answers(folder) == right, f"operation {at}"
        assert not (exit_code and (folder / "restoring").exists())
        if verb == "backup" and exit_code:
            assert out.read_bytes() == before, "the backup before stays"
        for aside in folder.glob("replaced-*"):
            shutil.rmtree(aside)
    assert done > 10


def test_a_restored_record_is_another_recording_and_its_sinks_wait_unless_a_person_knows_better(
    recorded, tmp_path, capsys
):
    folder, _ = recorded
    own = draw_recording(FolderStorage(folder / "feeds"), Random(1))
    out = tmp_path / "b.tar"
    assert main(["backup", str(folder), str(out)]) == 0

    def restored(name, *words):
        capsys.readouterr()
        assert main(["restore", str(out), "--state", str(tmp_path / name), *words]) == 0
        feeds = tmp_path / name / "bench" / "feeds"
        return recordings_in(FolderStorage(feeds))[0], (feeds / HELD_NAME).exists(), capsys.readouterr().out

    first, second, third = restored("x"), restored("y"), restored("z", "--go-on")
    assert len({own, first[0], second[0], third[0], ""}) == 5
    assert (first[1], second[1], third[1]) == (True, True, False)
    assert f"remove {tmp_path / 'x' / 'bench' / 'feeds' / HELD_NAME}" in first[2]
    assert "wait" not in third[2]


def test_a_record_that_is_put_back_where_it_was_is_another_recording_and_nothing_waits(recorded, tmp_path, capsys):
    folder, _ = recorded
    own = draw_recording(FolderStorage(folder / "feeds"), Random(1))
    out = tmp_path / "b.tar"
    assert main(["backup", str(folder), str(out)]) == 0
    seen = {own}
    for count in range(2, 4):
        assert main(["restore", str(out), "--state", str(folder.parent), "--overwrite"]) == 0
        seen.add(recordings_in(FolderStorage(folder / "feeds"))[0])
        assert len(seen) == count, "the frames behind the backup are written once more"
        assert not (folder / "feeds" / HELD_NAME).exists()


def test_a_standby_that_takes_each_backup_of_a_plant_that_runs_never_feeds_its_sinks(recorded, tmp_path):
    folder, _ = recorded
    draw_recording(FolderStorage(folder / "feeds"), Random(1))
    out, standby = tmp_path / "b.tar", tmp_path / "standby"
    for _ in range(2):
        assert main(["backup", str(folder), str(out)]) == 0
        assert main(["restore", str(out), "--state", str(standby), "--overwrite"]) == 0
        assert (standby / "bench" / "feeds" / HELD_NAME).exists()


def test_a_record_that_never_fed_anything_has_nothing_that_waits(recorded, tmp_path):
    folder, _ = recorded
    shutil.rmtree(folder / "feeds")
    back_up(folder, tmp_path / "b.tar", UTC_NS, running=False)
    (tmp_path / "x").mkdir()
    assert not restore(tmp_path / "b.tar", tmp_path / "x").waits
    assert recordings_in(FolderStorage(tmp_path / "x" / "feeds"))


def test_a_damaged_identity_is_found(recorded, capsys):
    folder, _ = recorded
    (folder / "feeds" / "archive.position").unlink()
    draw_recording(FolderStorage(folder / "feeds"), Random(1))
    path = folder / "feeds" / RECORDING
    whole = path.read_bytes()
    for at in (0, 5, 16, 20, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        main(["history", "check", str(folder)])
        assert "which recording it is" in capsys.readouterr().out, at
    path.write_bytes(whole)
    main(["history", "check", str(folder)])
    assert "which recording it is" not in capsys.readouterr().out
