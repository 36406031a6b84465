"""The benchmark of history says "met" only where it is: its goals judged on figures made up for it."""

import pytest

from benchmarks._history_goals import goals, printed
from benchmarks.history_peers import PeerMissing
from benchmarks.history_peers.victoria_metrics import VictoriaMetrics

OURS = {
    "samples_s": 2_500_000,
    "durable_samples_s": 6_000_000,
    "cpu_us_sample": 0.35,
    "commit_ms_p99": 4.0,
    "bytes_sample": 0.4,
    "bytes_point": 0.9,
    "query_points": 1141,
    "query_ms": 0.09,
    "query_http_ms": 1.5,
}
VICTORIA = {"samples_s": 1_200_000, "bytes_sample": 0.9, "query_ms": 0.6, "query_undecoded_ms": 0.46}
FEED = {
    "plantctl": {"cpu_us_point": 0.6, "encode_us_point": 0.4},
    "plantctl, gzip": {"cpu_us_point": 0.9, "encode_us_point": 0.4},
    "influxdb-client": {"cpu_us_point": 7.0, "encode_us_point": 4.0},
}


def verdicts(hertz=10, victoria=VICTORIA, feed=FEED, with_source=1.9, **ours):
    """Verdicts by goal and what it is about, of one run."""
    run = {"tags": 1000, "hertz": hertz, "fdatasync_80kB_ms_p50_p99": [0.5, 1.0], "feed": feed, "plantctl": OURS | ours}
    run["plantctl with source times"] = {"bytes_point": with_source}
    if victoria:
        run["VictoriaMetrics, every sample"] = victoria
    return {
        (row["goal"], row["what"].replace("VictoriaMetrics, every sample", "VM")): row["met"] for row in goals([run])
    }


def test_a_run_that_reaches_all_meets_all():
    assert set(verdicts().values()) == {True, None}


@pytest.mark.parametrize(
    ("ours", "missed"),
    [
        ({"samples_s": 1_900_000}, {(13, "samples/s"), (13, "samples/s, 2 x VM")}),
        ({"durable_samples_s": 2_300_000}, {(13, "durable samples/s, 2 x VM")}),
        ({"cpu_us_sample": 0.41}, {(13, "CPU us/sample")}),
        ({"commit_ms_p99": 5.1}, {(13, "p99 of a commit, ms, 5 x fdatasync")}),
        ({"bytes_sample": 0.46}, {(14, "bytes/sample, 0.5 x VM")}),
        ({"bytes_point": 1.1}, {(14, "bytes/point, value and quality")}),
        ({"with_source": 2.1}, {(14, "bytes/point with source times")}),
        ({"query_ms": 0.121}, {(15, "query ms, 0.2 x VM"), (15, "query ms, 0.2 x VM, undecoded")}),
    ],
)
def test_one_figure_that_is_worse_misses_its_goal_and_no_other(ours, missed):
    assert {what for what, met in verdicts(**ours).items() if met is False} == missed


def test_an_answer_that_is_quick_beside_the_decoded_one_only_is_no_hit():
    judged = verdicts(query_ms=0.1)
    assert (judged[15, "query ms, 0.2 x VM"], judged[15, "query ms, 0.2 x VM, undecoded"]) == (True, False)


def test_a_query_of_few_points_is_no_measure_for_that_of_1200():
    assert not [goal for goal, _ in verdicts(query_points=283) if goal == 15]


def test_without_peers_the_goals_that_need_none_are_judged():
    judged = verdicts(victoria=None, feed={})
    assert {goal for goal, _ in judged} == {13, 14}


def test_a_second_of_few_samples_may_cost_more_bytes_each():
    assert verdicts(hertz=1, victoria=None, bytes_sample=0.9)[14, "bytes/sample"]


def test_what_was_missed_is_said_in_capitals():
    row = {"goal": 14, "what": "bytes/sample", "where": "here", "figure": 0.6, "limit": 0.5}
    lines = printed([row | {"met": met} for met in (True, False, None)]).splitlines()
    assert [line.rpartition("  ")[2] for line in lines[1:]] == ["met", "MISSED", "told only"]


def test_a_peer_that_is_not_there_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PeerMissing, match="apt install victoria-metrics"):
        VictoriaMetrics(tmp_path, 1, every=True)
