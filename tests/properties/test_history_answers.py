"""Whatever was recorded, sealed or not: history gives back what the log said, bit by bit, at every zoom."""

import math
from random import Random

import numpy as np
import pytest

from plantctl.core.quality import SEVERITY_MASK
from plantctl.history.reading.query import Tier
from tests.history_bench import NAMES, SCAN_NS, Naive, Plant, bits, hours_of_slow_scans


def recorded(seed, rounds=14, **settings):
    """A plant with some runs, lost frames, clock changes and restarts of the sealer behind it."""
    draw = Random(seed)
    plant = Plant(draw, file_bytes=draw.choice((3000, 30_000)), **settings)
    for _ in range(rounds):
        plant.scan(draw.randint(1, 30))
        happening = draw.choice(("lose", "stop", "event", "pause", "seal", "seal", "restart", "none"))
        if happening == "lose":
            plant.keep()
            plant.lose()
        elif happening == "stop":
            plant.stop(draw.choice((SCAN_NS, 30 * SCAN_NS, 90 * SCAN_NS)))
        elif happening == "pause":
            plant.mono_ns += draw.choice((2, 7)) * 1_000_000_000
        elif happening == "event":
            plant.event(f"event {plant.count}")
        elif happening == "restart":
            plant.keep()
            plant.sealer.__init__(plant.log, plant.sealed, span_ns=20 * SCAN_NS, minutes_from=10)
        if happening in ("seal", "restart"):
            plant.seal()
    plant.keep()
    return plant


def rows(series):
    columns = (series.utc_ns, series.value.view(np.int64), series.quality, series.source_ns)
    return list(zip(*(c.tolist() for c in columns), strict=True))


@pytest.mark.parametrize("seed", range(25))
def test_raw_gives_every_point_back_and_no_other(seed):
    plant = recorded(seed)
    history = plant.history()
    for tag, name in NAMES.items():
        naive = Naive(plant.log, tag)
        expected = [(t, bits(v), q, s) for t, v, q, s in naive.points]
        found = history.raw(name, 0, 1 << 62)
        assert rows(found) == expected
        assert found.until_ns.tolist() == [p[1] for p in naive.pieces]
        draw = Random(seed)
        for _ in range(5):
            start, end = sorted(draw.choice(naive.points)[0] + draw.randint(-(10**8), 10**8) for _ in range(2))
            before = naive.at(start)
            inside = [p for p in expected if start <= p[0] < end]
            if before is not None and not (inside and inside[0][0] == start):
                inside = [(before[0], bits(before[1]), *before[2:]), *inside]
            assert rows(history.raw(name, start, end + 1)) == inside or start == end
    assert history.damaged == 0


@pytest.mark.parametrize("seed", range(10))
def test_the_value_at_a_moment(seed):
    plant = recorded(seed)
    history = plant.history()
    draw = Random(seed)
    first, last = history.extent_ns()
    for tag, name in NAMES.items():
        naive = Naive(plant.log, tag)
        moments = [draw.randint(first - 10**9, last + 10**9) for _ in range(20)] + [p[0] for p in naive.points[::7]]
        for moment, found in zip(moments, history.at(name, moments), strict=True):
            expected = naive.at(moment)
            if expected is None:
                assert found is None
            else:
                assert found is not None
                assert (found.utc_ns, bits(found.value), found.quality, found.source_ns) == (
                    expected[0],
                    bits(expected[1]),
                    *expected[2:],
                )


def check_trend(history, naive, name, start, end, points):
    trend = history.trend(name, start, end, points)
    found = trend.buckets
    assert len(found) <= points + (trend.tier is Tier.MINUTES)
    for k, begin in enumerate(found.begin_ns.tolist()):
        pieces = list(naive.touching(begin, begin + trend.width_ns))
        assert found.told[k] == bool(pieces)
        if not pieces:
            continue
        values = [v for _, _, v, _ in pieces if not math.isnan(v)]
        if values:
            assert (found.low[k], found.high[k]) == (min(values), max(values)), "a spike is lost"
        else:
            assert math.isnan(found.low[k])
            assert math.isnan(found.high[k])
        known = sum(max(0, b - a) for a, b, v, _ in pieces if not math.isnan(v))
        assert found.known_ns[k] == known, "a gap is lost, or made up"
        assert found.quality[k] & SEVERITY_MASK == max(q & SEVERITY_MASK for *_, q in pieces)
        assert found.count[k] == sum(begin <= p[0] < begin + trend.width_ns for p in naive.points)
        assert bits(found.first[k]) == bits(pieces[0][2])
        assert bits(found.last[k]) == bits(pieces[-1][2])
        if known and all(map(math.isfinite, values)) and max(map(abs, values)) < 1e6:
            mean = sum((b - a) * v for a, b, v, _ in pieces if b > a and not math.isnan(v)) / known
            assert found.mean[k] == pytest.approx(mean, rel=1e-6, abs=1e-6)
    return trend


@pytest.mark.parametrize("seed", range(12))
def test_a_spike_and_a_gap_show_at_every_zoom(seed):
    """Buckets of points, from less than a scan to longer than the record."""
    plant = recorded(seed)
    history = plant.history()
    first, last = history.extent_ns()
    draw = Random(seed)
    for tag, name in NAMES.items():
        naive = Naive(plant.log, tag)
        for points in (1, 7, 300):
            start = draw.randint(first - 10**9, last)
            check_trend(history, naive, name, start, draw.randint(start + 1, last + 10**9), points)


@pytest.mark.parametrize("seed", range(6))
def test_minutes_tell_the_same_as_points(seed):
    """Slow scans, so that the record is hours long: buckets of whole minutes, from sealed minutes and from the log."""
    draw = Random(seed)
    plant = hours_of_slow_scans(draw)
    history = plant.history()
    first, last = history.extent_ns()
    for tag, name in NAMES.items():
        naive = Naive(plant.log, tag)
        for points in (1, 3, 10):
            trend = check_trend(history, naive, name, first, last + 1, points)
            assert trend.tier is (Tier.MINUTES if last - first >= points * 6e10 else Tier.POINTS)


@pytest.mark.parametrize("seed", range(3))
def test_the_last_span_of_minutes_is_whole_though_less_was_asked_for(seed):
    """It ends behind what was asked for, in a part of the record that has nothing else to say."""
    history = hours_of_slow_scans(Random(seed)).history()
    first_ns, last_ns = history.extent_ns()
    for name in NAMES.values():
        for share in (0.2, 0.45, 0.8):
            trend = history.trend(name, first_ns, first_ns + int(share * (last_ns - first_ns)), 3)
            assert trend.tier is Tier.MINUTES
            right = history.spans(name, trend.buckets.begin_ns, trend.width_ns)
            for column in ("low", "high", "first", "last", "count", "known_ns", "quality"):
                assert np.array_equal(
                    getattr(trend.buckets, column),
                    getattr(right, column),
                    equal_nan=column in ("low", "high", "first", "last"),
                ), column
