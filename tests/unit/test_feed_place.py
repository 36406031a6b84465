"""A state folder that was copied by hand, moved, or numbered anew by its disk: whether its sinks are to wait."""

import shutil
from random import Random

import pytest

from plantctl.app import feed_place
from plantctl.app.feed_place import PLACE, hold_where_copied
from plantctl.log.recording import HELD_NAME, RECORDING, draw_recording, recordings_in
from plantctl.log.storage import FolderStorage
from tests.failing_disk import CODES, FailingDisk


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The state of a plant that was started and feeds, and a machine with a name."""
    machine = tmp_path / "machine-id"
    machine.write_text("one\n")
    monkeypatch.setattr(feed_place, "MACHINE", machine)
    state = tmp_path / "my plant"
    state.mkdir()
    assert not hold_where_copied(state / "feeds")
    draw_recording(FolderStorage(state / "feeds"), Random(1))
    return state


def identity(state):
    return recordings_in(FolderStorage(state / "feeds"))


def waits(state):
    return (state / "feeds" / HELD_NAME).exists()


def copy_of(state):
    return shutil.copytree(state, state.with_name("copy"))


def test_a_copy_is_another_recording_and_waits_until_a_person_says_so(state):
    copy = copy_of(state)
    assert hold_where_copied(copy / "feeds")
    assert waits(copy)
    assert len({identity(state), identity(copy), ()}) == 3
    (copy / "feeds" / HELD_NAME).unlink()
    own = identity(copy)
    assert not hold_where_copied(copy / "feeds")
    assert (identity(copy), waits(copy)) == (own, False)
    assert not hold_where_copied(state / "feeds"), "the one that it was copied of goes on"


def test_the_same_path_on_another_machine_is_a_copy(state, tmp_path):
    copy = copy_of(state)
    state.rename(tmp_path / "aside")
    copy.rename(state)
    (tmp_path / "machine-id").write_text("two\n")
    assert hold_where_copied(state / "feeds")


def test_a_folder_that_is_renamed_or_carried_with_its_disk_is_no_copy(state, tmp_path):
    own, moved = identity(state), state.rename(tmp_path / "moved")
    for machine in ("one\n", "two\n"):
        (tmp_path / "machine-id").write_text(machine)
        assert not hold_where_copied(moved / "feeds")
    (tmp_path / "machine-id").unlink()
    assert not hold_where_copied(moved / "feeds")
    assert not waits(moved)
    assert identity(moved) == own


def test_a_disk_that_numbers_its_folders_anew_alarms_nobody(state):
    aside = state.with_name("aside")
    copy_of(state).rename(aside)
    shutil.rmtree(state)
    aside.rename(state)
    assert not hold_where_copied(state / "feeds")
    assert not waits(state)


def test_a_record_that_never_fed_anything_has_nothing_that_waits(state):
    (state / "feeds" / RECORDING).unlink()
    assert not hold_where_copied(copy_of(state) / "feeds")


@pytest.mark.parametrize("bits", [1, 2])
def test_a_damaged_place_is_mended_or_written_anew(state, bits):
    path = state / "feeds" / PLACE
    whole = path.read_bytes()
    path.write_bytes(bytes([whole[0] ^ (1 << bits) - 1]) + whole[1:])
    copy = copy_of(state)
    assert not hold_where_copied(state / "feeds")
    assert hold_where_copied(copy / "feeds") == (bits == 1)
    hold_where_copied(state / "feeds")


@pytest.mark.parametrize("code", CODES)
def test_a_disk_that_refuses_any_step_hinders_no_start_and_the_copy_is_seen_at_the_next(state, code):
    for at in range(1, 40):
        copy = copy_of(state)
        with pytest.MonkeyPatch.context() as patch:
            disk = FailingDisk(patch, copy, at, code)
            hold_where_copied(copy / "feeds")
        hold_where_copied(copy / "feeds")
        assert waits(copy)
        assert identity(copy) not in ((), identity(state)), at
        shutil.rmtree(copy)
        if not disk.failed:
            break
    assert not disk.failed
    assert at > 10
