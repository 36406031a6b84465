"""A device that changes by itself as it is released: the release is void, and a person looks again."""

import pytest

from plantctl.core.command import Stage
from tests.unit.test_hold import RELEASED, started


def test_a_device_that_switches_itself_off_as_it_is_released_voids_the_release():
    bench = started()
    bench.release()
    bench.devices["HS-1"] = 0.0
    written = len(bench.written)
    bench.scan()
    why = "HS-1 was released at 1, and its device went to 0 by itself"
    assert bench.told("scan.held")[-2:] == [RELEASED, ("watched", "0", "1", why)]
    assert (bench["scan.held"], bench["scan.granted_generation"], bench.outputs.granted_generation) == (1.0, 0.0, 0)
    bench.scans(20)
    assert len(bench.written) == written, "nothing is written again"
    assert (bench["HS-1"], bench["HS-1.source"]) == (0.0, 5.0), "it follows its device"
    bench.release()
    bench.scans(5)
    assert (bench["scan.held"], bench.devices["HS-1"]) == (0.0, 0.0), "what the person saw this time goes on"


def test_a_read_back_that_is_asked_for_seldom_is_watched_until_it_has_come_once():
    bench = started()
    bench.unasked = {"HY-1"}
    bench.release()
    bench.devices["HS-1"] = 0.0
    bench.scans(5)
    assert bench["scan.held"] == 0.0, "nobody knows it yet"
    bench.unasked = set()
    bench.scan()
    assert bench["scan.held"] == 1.0


@pytest.mark.parametrize("ask", [("set", "HS-1", 0), None])
def test_a_device_that_moves_after_the_release_has_been_seen_or_as_it_was_asked_voids_nothing(ask):
    bench = started()
    bench.release()
    bench.scans(2)
    if ask:
        bench.ask(*ask)
    bench.devices["HS-1"] = 0.0
    bench.scans(10)
    assert (bench["scan.held"], bench["scan.granted_generation"]) == (0.0, 1.0)


def test_a_value_asked_for_right_after_the_release_is_not_taken_for_a_device_that_went_by_itself():
    bench = started()
    bench.unasked = {"HY-1", "FY-1"}
    bench.release()
    assert bench.ask("set", "HS-1", 0).stage is Stage.ACCEPTED
    bench.unasked = set()
    bench.scans(10)
    assert (bench["scan.held"], bench.devices["HS-1"]) == (0.0, 0.0)
