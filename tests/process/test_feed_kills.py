"""SIGKILL for recorder, scan and feeds at random moments, at full rate, 25 of them (a thousand: `feed-kills`)."""

import pytest

from tests.process.feed_kills import kills


@pytest.mark.timeout(120)
def test_processes_are_killed_at_random_and_the_peer_has_every_row_once(tmp_path):
    figures = kills(tmp_path, 11, seed=5, pause_s=0.3)
    assert figures["killed"] >= 25
    assert all(took < 2.0 for took in figures["start_s_max"].values())
