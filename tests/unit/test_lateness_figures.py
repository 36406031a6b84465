"""The figures of the benchmark of lateness, from frames and from a histogram whose truth is known."""

import json

import numpy as np
import pytest

from benchmarks._split_plant import PERIOD_NS, cyclictest_latencies
from benchmarks.scan_lateness import of_cyclictest, of_scan, periods_stalled, scan_lateness, verdict
from plantctl.core.frame import Frame, Kind
from plantctl.core.schedule import Schedule

ORIGIN_NS = 123_456_789_012_345
INSTANTS = Schedule("scan", PERIOD_NS, 700_000, ORIGIN_NS)
FIRST = 37  # the instant of scan 0


def frames(late_ns):
    """A delta frame for each scan number in `late_ns`, so late; and frames that do not count."""
    found = []
    for number, late in late_ns.items():
        mono_ns = INSTANTS.due_ns(FIRST + number) + late
        found += [Frame(kind, 1, 0, number, mono_ns, 0, b"") for kind in (Kind.TIME, Kind.DELTA)]
    return found


def figures(late_ns):
    return scan_lateness(frames(late_ns), INSTANTS, ORIGIN_NS, ORIGIN_NS + 10_000 * PERIOD_NS)


def test_each_scan_is_as_late_as_it_was_to_the_nanosecond():
    late_ns, missed = figures({5: 40_001, 6: 3, 7: 900_000})
    assert late_ns.tolist() == [40_001, 3, 900_000]
    assert missed == 0


def test_a_scan_that_is_later_than_its_period_is_that_late_and_the_next_turns_are_missed():
    late_ns, missed = figures({5: 10_000, 6: 25_000_000, 9: 20_000})
    assert late_ns.tolist() == [10_000, 25_000_000, 20_000]
    assert missed == 2


def test_scans_outside_the_window_do_not_count():
    late = frames({1: 5_000, 2: 6_000, 3: 7_000})
    late_ns, _ = scan_lateness(late, INSTANTS, INSTANTS.due_ns(FIRST + 2), INSTANTS.due_ns(FIRST + 3))
    assert late_ns.tolist() == [6_000]


def test_a_scan_and_cyclictest_with_the_same_latencies_have_the_same_figures(tmp_path):
    late_us = np.array([20] * 600 + [30] * 390 + [400] * 9 + [25_000])
    ours = of_scan(late_us * 1000, 2)
    counts = dict(zip(*(x.tolist() for x in np.unique(late_us, return_counts=True)), strict=True))
    file = tmp_path / "cyclictest.json"
    worse = {"histogram": {"50": 1000}, "cycles": 1000, "max": 50}
    file.write_text(json.dumps({"thread": {"0": {"histogram": counts, "cycles": 1000, "max": 25_000}, "1": worse}}))
    theirs = of_cyclictest(cyclictest_latencies(file))
    assert ours["p50_us"] == theirs["p50_us"] == 20
    assert ours["max_us"] == 25_000
    assert theirs["max_us"] == 50, "the better thread's"
    assert (ours["missed"], ours["missed_since_woken_late"]) == (2, 2)
    assert theirs["scans"] == 2000


def test_what_was_too_late_for_the_histogram_counts_as_the_latest(tmp_path):
    file = tmp_path / "cyclictest.json"
    file.write_text(json.dumps({"thread": {"0": {"histogram": {"20": 8}, "cycles": 10, "max": 130_000}}}))
    threads = cyclictest_latencies(file)
    assert of_cyclictest(threads)["p99_us"] == 130_000
    assert periods_stalled(threads) == 26


@pytest.mark.parametrize(("latest_us", "periods"), [(8_999, 0), (9_000, 1), (18_999, 1), (19_000, 2)])
def test_a_processor_that_stalls_for_a_period_at_any_phase_shows_in_the_meter(latest_us, periods):
    # The meter wakes each millisecond: a stall began up to one before the latency it leaves.
    assert periods_stalled([[(20, 1000), (latest_us, 1)], [(30, 1000)]]) == periods


@pytest.mark.parametrize(("missed", "reached"), [(1, True), (2, False)])
def test_a_scan_may_miss_what_cyclictest_misses_too_and_no_more(missed, reached):
    ratio = {"p50_us": 1.4, "p99_us": 3.1, "p999_us": 9.0, "max_us": 9.0}
    said = verdict([{"ratio": ratio, "scan": {"missed": missed}, "cyclictest": {"missed": 1}}])
    assert said["reached"] == {"p50_us": True, "p99_us": False, "missed": reached}
