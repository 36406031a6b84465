"""A thinned tag says in every form of an answer how its points are to be joined, and how far off they may be."""

import json
from random import Random

import pytest

from plantctl.core.keeping import Keeping
from plantctl.core.recording import Keep, Recording
from plantctl.history.reading.columns import Aggregate, columns
from plantctl.history.reading.table import csv_text, points_table
from tests.history_bench import SCAN_NS, Plant

RECORDING = {11: Recording(Keep.DEAD_BAND, 0.2), 12: Recording(Keep.SWINGING_DOOR, 0.2)}


@pytest.fixture(scope="module")
def history():
    plant = Plant(Random(4), span_ns=200 * SCAN_NS, keeping=Keeping(recording=RECORDING))
    for _ in range(60):
        plant.scan(5)
    plant.keep()
    plant.sealer.finish_early(plant.recorder.durable_sequence, 0)
    return plant.history()


def test_json(history):
    found = json.loads(json.dumps(columns(history, ["A-1", "A-2", "A-3"], 0, 1 << 62, 10**6, Aggregate.RAW)))
    assert (found["A-1"]["interpolation"], found["A-1"]["off_by"]) == ("step", 0.2)
    assert (found["A-2"]["interpolation"], found["A-2"]["off_by"]) == ("line", 0.2)
    assert len(found["A-2"]["line"]) == len(found["A-2"]["t"])
    assert 0 < sum(found["A-2"]["line"]) < len(found["A-2"]["t"])
    assert "interpolation" not in found["A-3"]


def test_a_table(history):
    series = [(name, history.raw(name, 0, 1 << 62)) for name in ("A-1", "A-2", "A-3")]
    table = points_table(series)
    assert table["value"].off_by == 0.2
    lines = csv_text(table).split("\r\n")
    assert lines[0].endswith(",source,interpolation")
    told = {name: {line.rpartition(",")[2] for line in lines if line.startswith(name)} for name, _ in series}
    assert told == {"A-1": {"step"}, "A-2": {"step", "line"}, "A-3": {"step"}}
    assert csv_text(points_table(series[2:])).split("\r\n")[0].endswith(",source"), "no column that says nothing"


def test_pages_say_the_same_as_the_whole(history):
    whole = history.raw("A-2", 0, 1 << 62)
    told, token = [], None
    while token != "":
        page = history.page("A-2", 0, 1 << 62, 7, token or "")
        series, token = page.series, page.token
        assert series.off_by == 0.2
        told += [False] * len(series.utc_ns) if series.line is None else series.line.tolist()
    assert told == whole.line.tolist()


def test_averages_and_moments_go_by_the_lines(history):
    """Held from point to point the mean would be off by more than the tolerance."""
    plain = Plant(Random(4), span_ns=200 * SCAN_NS)
    for _ in range(60):
        plain.scan(5)
    plain.keep()
    plain.sealer.finish_early(plain.recorder.durable_sequence, 0)
    scanned = plain.history()
    first, last = scanned.extent_ns()
    width = (last - first) // 7
    for name in ("A-1", "A-2"):
        for k in range(7):
            span = first + k * width + 12_345, first + (k + 1) * width
            found, wanted = history.average(name, *span), scanned.average(name, *span)
            assert found.good == wanted.good
            near = max(0.2, 1e-9 * abs(wanted.value))
            assert wanted.good == 0 or abs(found.value - wanted.value) <= near
