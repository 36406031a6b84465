"""Twenty seconds of the campaign `feed-outage`: a real database is killed again and again behind an unkind proxy."""

from benchmarks._feed_outage import real_time


def test_every_row_is_at_the_database_once_although_it_was_killed_and_away(tmp_path):
    figures = real_time(20.0, tmp_path, ("--interpreted",), with_broker=False)
    assert figures["killed"]["database"] >= 3
    assert figures["rows_in_log"] > 90_000
    assert (figures["lost"], figures["wrong"], figures["twice_there"]) == (0, 0, 0)
    assert (figures["lost_frames"], figures["quarantined"]) == (0, 0)
    assert figures["scan_lateness"]["outage"]["missed"] <= 2
