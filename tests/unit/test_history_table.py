"""History as a table: units in the head, nothing that a cell cannot hold, and the same numbers as the question gave."""

import csv
import io
import sys

import numpy as np
import pytest

from plantctl.history.files.buckets import nothing
from plantctl.history.reading.arrow import LibraryMissing, arrow_bytes, arrow_table, parquet_bytes
from plantctl.history.reading.query import Series, Tier, Trend
from plantctl.history.reading.table import csv_text, figures_table, points_table, spans_table, utc_texts
from plantctl.history.reading.totals import Average
from plantctl.hmi.history_forms import NotAcceptable, wanted_form

UTC_NS = 1_790_000_000_123_456_789


def series(name="FI-1", unit="L/h", values=(1.5, float("nan"), 0.1 + 0.2)):
    n = len(values)
    utc_ns = UTC_NS + np.arange(n) * 1_000_000_001
    quality = np.arange(n).astype(np.uint16) % 3
    return Series(name, unit, utc_ns, utc_ns + 7, np.array(values), quality, utc_ns * (np.arange(n) % 2), 0, False)


def read(text):
    return list(csv.reader(io.StringIO(text, newline="")))


def test_points_as_csv_carry_the_unit_in_the_head_and_every_digit():
    text = csv_text(points_table([("FI-1", series())]))
    assert text.count("\r\n") == 4
    head, *rows = read(text)
    assert head == ["tag", "utc", "until", "value [L/h]", "quality", "quality_word", "source"]
    assert rows[0] == [
        "FI-1",
        "2026-09-21T14:13:20.123456789Z",
        "2026-09-21T14:13:20.123456796Z",
        "1.5",
        "good",
        "0",
        "",
    ]
    assert [float(row[3]) for row in rows[::2]] == [1.5, 0.1 + 0.2]
    assert (rows[1][3], rows[1][6]) == ("nan", "2026-09-21T14:13:21.123456790Z")


def test_tags_of_several_units_get_a_column_for_it():
    head, *rows = read(csv_text(points_table([("a,b", series()), ('say "pH"', series(unit="pH"))])))
    assert head[:4] == ["tag", "unit", "utc", "until"]
    assert head[4] == "value"
    assert [row[:2] for row in rows[::3]] == [["a,b", "L/h"], ['say "pH"', "pH"]]


def test_a_span_of_which_nothing_is_told_is_empty_cells():
    buckets = nothing(np.array([UTC_NS, UTC_NS + 10]))
    for column, value in ((buckets.low, 1.0), (buckets.high, 3.0), (buckets.mean, 2.0)):
        column[1] = value
    buckets.told[1], buckets.known_ns[1], buckets.count[1], buckets.quality[1] = True, 5, 4, 2
    head, first, second = read(csv_text(spans_table([("FI-1", Trend("FI-1", "L/h", 10, buckets, Tier.POINTS))])))
    assert head[2:5] == ["min [L/h]", "max [L/h]", "mean [L/h]"]
    assert first[2:] == ["", "", "", "", "", "0", "0.0", "", ""]
    assert second[2:] == ["1.0", "3.0", "2.0", "", "", "4", "0.5", "bad", "2"]


def test_averages_a_row_a_tag():
    found = [("A", Average("A", "pH", 7.0, 0.5, 1, 9)), ("B", Average("B", "pH", float("nan"), 0.0, 2, 0))]
    assert read(csv_text(figures_table(found))) == [
        ["tag", "value [pH]", "good", "count", "quality", "quality_word"],
        ["A", "7.0", "0.5", "9", "uncertain", "1"],
        ["B", "", "0.0", "0", "bad", "2"],
    ]


def test_times_keep_their_ns():
    assert utc_texts(np.array([0, UTC_NS])) == ["1970-01-01T00:00:00.000000000Z", "2026-09-21T14:13:20.123456789Z"]


@pytest.mark.parametrize("make", [arrow_table, arrow_bytes, parquet_bytes])
def test_without_pyarrow_the_way_to_it_is_said(monkeypatch, make):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(LibraryMissing, match=r"need pyarrow.*pip install 'plantctl\[arrow\]'"):
        make(points_table([("FI-1", series())]))


CSV, ARROW, PARQUET = "text/csv", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/csv", CSV),
        ("TEXT/CSV; header=present", CSV),
        ("text/*", CSV),
        ("application/json;q=0.5, text/csv", CSV),
        (f"{ARROW};q=0.9, {PARQUET}", PARQUET),
        ("application/json;q=0, application/*;q=0.1", ARROW),
    ],
)
def test_the_form_is_what_is_liked_best(accept, kind):
    assert wanted_form(accept) == kind


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "text/csv;q=x", ";;", ","])
def test_a_form_that_there_is_not_is_refused_with_those_there_are(accept):
    with pytest.raises(NotAcceptable, match="application/json, text/csv"):
        wanted_form(accept)
