"""What the executive says of itself: durations by histogram, UTC that was set, a reference that was lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantctl.scan.load_histogram import LoadHistogram, quantile_us
from plantctl.scan.time_watch import DOUBT_NS, TimeWatch

S = 1_000_000_000
HOUR = 3600 * S


@given(st.lists(st.integers(-5, 1 << 34), min_size=1, max_size=200), st.floats(0.01, 1.0))
def test_a_quantile_is_never_too_good_and_at_most_twice_too_bad(durations_ns, share):
    counts = np.zeros(24, np.int64)
    histogram = LoadHistogram(counts)
    for duration in durations_ns:
        histogram.add(duration)
    assert counts.sum() == len(durations_ns)
    exact_ns = sorted(max(0, d) for d in durations_ns)[max(0, int(np.ceil(share * len(durations_ns))) - 1)]
    if exact_ns < 1000 << 22:
        assert quantile_us(counts, share) * 1000 > exact_ns
        assert quantile_us(counts, share) <= max(1, 2 * (exact_ns // 1000))


def test_nothing_counted_is_zero_and_the_worst_is_taken_once():
    histogram = LoadHistogram(np.zeros(24, np.int64))
    assert quantile_us(histogram.counts, 0.5) == 0.0
    histogram.add(5_000)
    histogram.add(3_000)
    assert histogram.take_worst_us() == 5.0
    assert histogram.take_worst_us() == 0.0


@pytest.mark.parametrize("step_ns", [HOUR, -HOUR, S // 5, -S // 5])
def test_a_clock_that_was_set_is_told_once_with_how_far_and_doubted_for_a_minute(step_ns):
    watch = TimeWatch()
    assert watch.look(0, 1000 * S, True) == (0, True)
    assert watch.look(S, 1001 * S, True) == (0, True)
    assert watch.look(2 * S, 1002 * S + step_ns, True) == (step_ns, False)
    assert watch.look(3 * S, 1003 * S + step_ns, True) == (0, False)
    late = 2 * S + DOUBT_NS
    assert watch.look(late, 1000 * S + late + step_ns, True) == (0, True)


def test_a_clock_that_is_slewed_is_not_a_clock_that_was_set():
    watch = TimeWatch()
    watch.look(0, 0, True)
    # 500 ppm, the fastest the kernel slews, for an hour.
    for k in range(1, 3600):
        assert watch.look(k * S, k * S + k * 500_000, True) == (0, True)


def test_a_clock_without_a_reference_is_not_certain():
    watch = TimeWatch()
    assert not watch.look(0, 0, False).certain
    assert watch.look(S, S, True).certain
