"""SIGKILL for recorder, scan and feeds at random moments, at full rate, 25 of them (a thousand: `feed-kills`)."""

import pytest

from tests.process.feed_kills import kills


@pytest.mark.timeout(120)
def test_processes_are_killed_at_random_and_the_peer_has_every_row_once(tmp_path):
    figures = kills(tmp_path, 11, seed=5, pause_s=0.3)
    assert figures["killed"] >= 25
    # Of a processor, not of the clock: how long a start takes beside others is the campaign's to measure.
    busy_s = {role: took for role, took in figures["start_s_max"].items() if role.endswith("_cpu")}
    assert set(busy_s) == {"recorder_cpu", "feeds_cpu"}
    assert max(busy_s.values()) < 2.0, "a start looks through more of the record than its end"
