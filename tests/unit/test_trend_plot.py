"""A trend drawn as text: a spike has its dot, a gap its mark, the axis its numbers."""

import numpy as np
import pytest

from plantctl.cli.plot import BAND, buckets_for, plot, ticks_of
from plantctl.core.quality import BAD, UNCERTAIN
from plantctl.history.files.buckets import InForce, in_buckets
from plantctl.history.reading.query import Tier, Trend

S = 1_000_000_000
BEGIN = 1_790_000_000 * S


def trend(values, quality=(), gap=(), tier=Tier.POINTS, points=120):
    """One value a second; nothing is known in the seconds of `gap`."""
    n = len(values)
    at = BEGIN + S * np.arange(n)
    known = np.array([k not in gap for k in range(n)])
    word = np.zeros(n, np.uint16)
    for k, q in quality:
        word[k] = q
    width = n * S // points
    columns = (at, at + S, at, np.array(values, float), word, at * 0, np.ones(n, bool))
    force = InForce(*(column[known] for column in columns))
    return Trend("40-FI-4013", "m3/h", width, in_buckets(BEGIN + width * np.arange(points), width, force), tier)


def test_the_picture_has_the_size_that_was_asked_for():
    lines = plot(trend(np.sin(np.arange(1200) / 100)), 110, 14, "catholyte flow")
    assert len(lines) == 14
    assert max(map(len, lines)) <= 110
    assert lines[0].startswith("40-FI-4013  catholyte flow  [m3/h]  last ")
    assert "min -0.999997  mean 0.0132" in lines[0]
    assert plot(trend(np.ones(1200)), 60, 14, "catholyte flow")[0].startswith("40-FI-4013  [m3/h]  last 1  min 1")
    assert [line.split("┤")[0].strip() for line in lines if "┤" in line] == ["1", "0", "-1"]
    assert lines[-1].strip() == "2026-09-21 UTC"
    assert lines[-2].split() == ["14:13:20", "14:23:20", "14:33:20"]


def test_one_spike_in_a_day_is_a_column_from_top_to_bottom():
    values = np.full(86_400, 5.0)
    values[50_000] = 9.0
    lines = plot(trend(values, points=120, tier=Tier.MINUTES), 69, 13)
    column = {len(line) - 1 for line in lines[1:9] if BAND in line}
    assert len(column) == 1
    assert sum(BAND in line for line in lines) >= 4
    assert "max 9" in lines[0]
    assert "drawn from minutes" in lines[-1]


def test_what_is_not_known_is_empty_and_marked():
    lines = plot(trend(np.linspace(0, 1, 1200), gap=range(400, 500)), 69, 13)
    axis = lines[-3].split("└")[1]
    assert axis.count("×") == pytest.approx(len(axis) / 12, abs=1)
    first = axis.index("×")
    margin = lines[-3].index("└") + 1
    inside = margin + first + 1
    assert all(len(line) <= inside or line[inside] in " " for line in lines[1:-3])
    assert "× not all known" in lines[-1]


def test_one_bad_second_shows_among_good_ones():
    lines = plot(trend(np.ones(1200), quality=[(600, BAD), (100, UNCERTAIN)]), 69, 13)
    axis = lines[-3].split("└")[1]
    assert axis.count("!") == 1
    assert axis.count("?") == 1
    assert "! bad" in lines[-1]
    assert "? uncertain" in lines[-1]


@pytest.mark.parametrize("values", [[0.0] * 240, [1e-300] * 240, [-7.5] * 240, [1e200, -1e200] * 120, [3.0] * 240])
def test_a_flat_or_enormous_line_is_drawn(values):
    lines = plot(trend(values), 60, 12)
    assert len(lines) == 12
    assert any("⠀" < c <= "⣿" for line in lines[1:] for c in line)


def test_nothing_to_draw_is_said():
    assert plot(trend([float("nan")] * 240), 60, 12) == ["40-FI-4013  [m3/h]", "  no value in this span"]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0.0, 0.5, 1.0]),
        (7.98, 8.03, [7.95, 8.0, 8.05]),
        (-3.0, 120.0, [-100.0, 0.0, 100.0, 200.0]),
    ],
)
def test_ticks_are_round_numbers_around_the_values(low, high, ticks):
    assert ticks_of(low, high, 2) == pytest.approx(ticks)


def test_each_bucket_has_a_column_of_dots():
    assert buckets_for(80) == 142
    assert buckets_for(1) == 2
