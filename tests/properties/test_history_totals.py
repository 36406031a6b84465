"""Averages, totals, the last value, the straight line and pages, each beside a naive history made frame by frame."""

import math
from random import Random

import numpy as np
import pytest

from plantctl.core.quality import SEVERITY_MASK
from plantctl.history.reading.query import NothingAsked
from plantctl.history.reading.totals import NotARate
from plantctl.history.upkeep.seal import Sealer
from tests.history_bench import NAMES, SCAN_NS, Naive, bits, hours_of_slow_scans
from tests.properties.test_history_answers import recorded, rows


def good_in(naive, begin, end):
    """The good time of a span in ns, and the integral of value x s over it."""
    pieces = [(max(a, begin), min(b, end), v) for a, b, v, q in naive.pieces if not q & SEVERITY_MASK]
    held = [(b - a, v) for a, b, v in pieces if b > a and math.isfinite(v)]
    return sum(t for t, _ in held), math.fsum(v * t / 1e9 for t, v in held)


def usual(values):
    return all(abs(v) < 1e6 for v in values)


@pytest.mark.parametrize("seed", range(12))
def test_only_what_was_good_counts_in_averages_and_totals(seed):
    plant = recorded(seed)
    history = plant.history()
    first, last = history.extent_ns()
    draw = Random(seed)
    for tag, name in NAMES.items():
        naive = Naive(plant.log, tag)
        for _ in range(6):
            start = draw.randint(first - 10**9, last)
            end = draw.randint(start + 1, last + 10**9)
            good_ns, integral = good_in(naive, start, end)
            found = history.average(name, start, end)
            assert found.good == pytest.approx(good_ns / (end - start), abs=1e-12)
            assert found.unit == "m3/h"
            if not good_ns:
                assert math.isnan(found.value)
                assert history.total(name, start, end).value == 0.0
            elif usual([v for a, b, v, q in naive.pieces if math.isfinite(v) and not q & SEVERITY_MASK]):
                assert found.value == pytest.approx(integral / (good_ns / 1e9), rel=1e-6, abs=1e-9)
                total = history.total(name, start, end)
                assert (total.unit, total.value) == ("m3", pytest.approx(integral / 3600, rel=1e-6, abs=1e-9))
                assert history.total(name, start, end, "L").value == pytest.approx(1000 * total.value)


@pytest.mark.parametrize("seed", range(6))
def test_spans_of_any_width_tell_the_same_from_minutes_and_from_points(seed):
    """Hours of slow scans: widths that are whole minutes, that hold whole files, and that are neither."""
    draw = Random(seed)
    plant = hours_of_slow_scans(draw)
    history = plant.history()
    first, last = history.extent_ns()
    for tag, name in NAMES.items():
        naive = Naive(plant.log, tag)
        for begin, width in (
            (first // 60_000_000_000 * 60_000_000_000, 180_000_000_000),
            (first - 7, last - first + 8),
            (first - 10**9, (last - first) // 5),
        ):
            spans = np.arange(begin, last + 1, width)
            every, good = history.spans(name, spans, width), history.spans(name, spans, width, good=True)
            for k, start in enumerate(spans.tolist()):
                pieces = list(naive.touching(start, start + width))
                known = [v for _, _, v, _ in pieces if not math.isnan(v)]
                assert every.told[k] == bool(pieces)
                assert every.count[k] == sum(start <= p[0] < start + width for p in naive.points)
                if known:
                    assert (every.low[k], every.high[k]) == (min(known), max(known)), "a spike is lost"
                assert every.known_ns[k] == sum(b - a for a, b, v, _ in pieces if not math.isnan(v)), "a gap is lost"
                assert good.known_ns[k] == good_in(naive, start, start + width)[0]
                assert good.quality[k] == every.quality[k]


@pytest.mark.parametrize("seed", range(8))
def test_the_last_point_before_a_moment_however_old(seed):
    plant = recorded(seed)
    history = plant.history()
    first, last = history.extent_ns()
    draw = Random(seed)
    for tag, name in NAMES.items():
        points = Naive(plant.log, tag).points
        for moment in [draw.randint(first - 10**9, last + 10**10) for _ in range(15)] + [p[0] for p in points[::9]]:
            before = [p for p in points if p[0] < moment]
            found = history.last(name, moment)
            if not before:
                assert found is None
            else:
                t, value, quality, source = before[-1]
                assert (found.utc_ns, bits(found.value), found.quality, found.source_ns) == (
                    t,
                    bits(value),
                    quality,
                    source,
                )


@pytest.mark.parametrize("seed", range(8))
def test_the_straight_line_ends_at_gaps_and_at_what_is_no_number(seed):
    plant = recorded(seed)
    history = plant.history()
    first, last = history.extent_ns()
    draw = Random(seed)
    lines = 0
    for tag, name in NAMES.items():
        naive = Naive(plant.log, tag)
        moments = sorted(draw.randint(first, last) for _ in range(25))
        held, straight = history.at(name, moments), history.at(name, moments, linear=True)
        for moment, step, line in zip(moments, held, straight, strict=True):
            assert (step is None) == (line is None)
            if step is None:
                continue
            k = max(i for i, p in enumerate(naive.pieces) if p[0] <= moment)
            following = naive.pieces[k + 1] if k + 1 < len(naive.pieces) else None
            bridged = following is not None and naive.pieces[k][1] == following[0] and step.utc_ns < moment
            if bridged and math.isfinite(step.value) and math.isfinite(following[2]):
                share = (moment - step.utc_ns) / (following[0] - step.utc_ns)
                assert line.utc_ns == moment
                if usual((step.value, following[2])):
                    expected = step.value + share * (following[2] - step.value)
                    assert line.value == pytest.approx(expected, rel=1e-9, abs=1e-9)
                assert line.quality & SEVERITY_MASK == max(step.quality & SEVERITY_MASK, following[3] & SEVERITY_MASK)
                lines += 1
            else:
                assert (line.utc_ns, bits(line.value), line.quality) == (step.utc_ns, bits(step.value), step.quality)
    assert lines > 10


@pytest.mark.parametrize("seed", range(8))
def test_pages_together_are_the_whole_whatever_is_sealed_between_them(seed):
    """The clock is set back in the middle, where times alone would not say how far the reader came."""
    draw = Random(seed)
    plant = recorded(seed, rounds=6)
    plant.offset_ns -= draw.choice((0, 5 * SCAN_NS, 10**11))
    plant.frames.time(plant.count, plant.mono_ns, plant.utc_ns)
    plant.scan(60)
    plant.keep()
    whole = {name: rows(plant.history().raw(name, 0, 1 << 62)) for name in NAMES.values()}
    history = plant.history()
    for name in NAMES.values():
        found, token, pages = [], "", 0
        while True:
            page = history.page(name, 0, 1 << 62, draw.choice((1, 3, 20)), token)
            found += rows(page.series)
            token = page.token
            pages += 1
            assert page.series.truncated == bool(token)
            if not token:
                break
            if draw.random() < 0.1:
                Sealer(plant.log, plant.sealed, span_ns=7 * SCAN_NS).finish(plant.recorder.durable_sequence, 0)
        assert found == whole[name]
        assert pages > 1 or len(found) <= 20


def test_questions_that_have_no_answer_say_why():
    plant = recorded(1)
    history = plant.history()
    with pytest.raises(NothingAsked, match="no token"):
        history.page("A-1", 0, 10, 5, "7.x")
    with pytest.raises(NothingAsked, match="one point at least"):
        history.page("A-1", 0, 10, 0)
    with pytest.raises(NothingAsked, match="before it begins"):
        history.average("A-1", 10, 10)
    with pytest.raises(NotARate, match="m3/h has no total in kg"):
        history.total("A-1", 0, 10, "kg")
