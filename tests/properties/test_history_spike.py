"""Spikes of a single scan and gaps of a few frames in hours of noise: both show at every zoom, in every tier."""

from random import Random

import numpy as np
import pytest

from plantctl.core.frame import Kind
from plantctl.core.late import LateAct, LateRecord, encode_late, late_row
from plantctl.history.reading.query import Tier
from tests.history_bench import NAMES, Plant

SECOND = 1_000_000_000
ZOOMS = (1, 2, 7, 60, 239, 600, 1200, 3000, 11_000, 20_000)
SPIKE = 5000.0


@pytest.fixture(scope="module", params=range(3))
def story(request):
    """Four hours, sealed in pieces and at the end not; where the spike was in force, and where frames were lost."""
    draw = Random(request.param)
    plant = Plant(draw, span_ns=3_000 * SECOND, minutes_from=10)
    spikes, gaps = {}, []
    at = {draw.randrange(30, 1400): "spike" for _ in range(3)} | {draw.randrange(30, 1400): "gap" for _ in range(2)}
    at |= {1420: "spike", 1430: "gap"}  # of what is not sealed yet
    for scan in range(1440):
        if at.get(scan) == "spike":
            plant.value[0], plant.quality[0] = SPIKE + scan, 0
            plant.count += 1
            plant.mono_ns += SECOND
            plant.frames.scan(plant.count, plant.mono_ns, plant.utc_ns, [0.1])
            begin = plant.utc_ns
            plant.value[0] = 50.0
            plant.count += 1
            plant.mono_ns += SECOND // 10
            plant.frames.scan(plant.count, plant.mono_ns, plant.utc_ns, [0.1])
            spikes[SPIKE + scan] = begin, plant.utc_ns
        elif at.get(scan) == "gap":
            plant.keep()
            gaps.append([plant.utc_ns, 0])
            plant.lose()
            plant.scan(1, 4 * SECOND)
            gaps[-1][1] = plant.utc_ns
        else:
            plant.scan(1, draw.choice((4, 4, 5, 10)) * SECOND // 2)
            plant.value[~(np.abs(plant.value) < 100)] = 50.0  # nothing larger than a spike
        if scan % 400 == 399:
            plant.seal()
    for _ in range(5):  # spikes that came late: each of a moment between two scans, until the next of them
        utc_ns = draw.randrange(*plant_extent(plant))
        value = 2 * SPIKE + len(spikes)
        plant.ring.append(Kind.LATE, plant.count, plant.mono_ns, imported(utc_ns, value))
        spikes[value] = utc_ns, utc_ns + 1
    plant.keep()
    return plant.history(), spikes, gaps


def plant_extent(plant):
    plant.keep()
    return plant.history().extent_ns()


def imported(utc_ns, value):
    return encode_late(LateRecord(LateAct.IMPORTED, 1, late_row(11, utc_ns, value, 0)))


@pytest.mark.parametrize("points", ZOOMS)
def test_at_every_zoom(story, points):
    history, spikes, gaps = story
    first, last = history.extent_ns()
    trend = history.trend(NAMES[11], first, last + 1, points)
    tiers = trend.tier, trend.width_ns >= 60 * SECOND
    assert tiers in ((Tier.MINUTES, True), (Tier.POINTS, False))
    width = -(-(last + 1 - first) // points)
    exact = history.spans(NAMES[11], np.arange(first, last + 1, width), width)
    answers = (trend.buckets, trend.width_ns), (exact, width)
    for found, width in answers:
        for value, (begin, end) in spikes.items():
            inside = (found.begin_ns < end) & (found.begin_ns + width > begin)
            assert inside.any()
            assert found.high[inside].max() >= value
        for begin, end in gaps:
            inside = (found.begin_ns < end) & (found.begin_ns + width > begin)
            assert (~found.told[inside] | (found.known_ns[inside] < width)).any(), "the gap does not show"
            missing = (width - found.known_ns[inside]).sum()
            assert missing >= end - begin


def test_both_tiers_are_looked_at(story):
    history, *_ = story
    first, last = history.extent_ns()
    tiers = {history.trend(NAMES[11], first, last + 1, points).tier for points in ZOOMS}
    assert tiers == {Tier.MINUTES, Tier.POINTS}
