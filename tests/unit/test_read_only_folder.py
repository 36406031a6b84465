"""A folder that is only looked at: its names are read again when it changed, however coarse its time stamps are."""

import os

from plantctl.core.clock import RealClock
from plantctl.log.storage import FOLDER_STEP_NS, ReadOnlyFolder

LONG_AGO_NS = RealClock().utc_ns() - 3600 * 10**9


def quiet(folder, utc_ns=LONG_AGO_NS):
    """The folder as if it had not been changed since."""
    os.utime(folder, ns=(utc_ns, utc_ns))
    return folder


def test_a_file_that_comes_into_a_quiet_folder_is_seen(tmp_path):
    (tmp_path / "b").touch()
    folder = ReadOnlyFolder(quiet(tmp_path))
    assert folder.names() == ["b"]
    (tmp_path / "a").touch()
    assert folder.names() == ["a", "b"]


def test_names_of_a_quiet_folder_are_not_read_again(tmp_path):
    (tmp_path / "a").touch()
    folder = ReadOnlyFolder(quiet(tmp_path))
    assert folder.names() is folder.names()


def test_a_file_that_leaves_the_time_of_the_folder_as_it_was_is_seen_where_that_is_recent(tmp_path):
    changed_ns = RealClock().utc_ns() - FOLDER_STEP_NS // 2
    folder = ReadOnlyFolder(quiet(tmp_path, changed_ns))
    assert folder.names() == []
    (tmp_path / "a").touch()
    quiet(tmp_path, changed_ns)  # a clock with coarse steps gave it the time of the change before
    assert folder.names() == ["a"]


def test_a_clock_that_was_set_back_hides_no_file(tmp_path):
    later_ns = RealClock().utc_ns() + 3600 * 10**9
    folder = ReadOnlyFolder(quiet(tmp_path, later_ns))
    assert folder.names() == []
    (tmp_path / "a").touch()
    quiet(tmp_path, later_ns)
    assert folder.names() == ["a"]


def test_a_folder_that_is_removed_and_comes_back_is_another_one(tmp_path):
    place = tmp_path / "log"
    place.mkdir()
    (place / "a").touch()
    folder = ReadOnlyFolder(quiet(place))
    assert folder.names() == ["a"]
    (place / "a").unlink()
    place.rmdir()
    assert folder.names() == []
    place.mkdir()
    (place / "b").touch()
    quiet(place)
    assert folder.names() == ["b"]
