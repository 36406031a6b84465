"""The text of measurements: what is written reads back by a strict reader of both formats, whatever is in the names."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantctl.hmi.exposition import END, Family, Sample, histogram, labels, number, wants_openmetrics, written
from tests.exposition_reader import read

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)


def text_of(families, openmetrics):
    return "".join(written(families, openmetrics=openmetrics)) + (END if openmetrics else "")


@pytest.mark.parametrize("openmetrics", [False, True])
@given(name=TEXT, help_=TEXT.map(lambda t: f"a {t}"), value=st.floats())
def test_any_name_help_and_number_reads_back(openmetrics, name, help_, value):
    # Both formats are lines: their readers split at line feeds alone, ours at those alone too.
    family = Family("plant_value", "gauge", f"{help_}.", [Sample(labels(point=name), value)])
    found = read(text_of([family], openmetrics), openmetrics)["plant_value"]
    ((_, told), read_back) = next(iter(found.samples.items()))
    assert dict(told) == ({"point": name} if name else {})
    assert found.help == f"{help_}."
    assert read_back == value or math.isnan(value)


def test_a_counter_is_called_total_where_each_format_wants_it():
    family = Family("plantctl_scans", "counter", "Scans.", [Sample("", 3)])
    assert text_of([family], False).startswith("# TYPE plantctl_scans_total counter\n# HELP plantctl_scans_total ")
    assert "# TYPE plantctl_scans counter" in text_of([family], True)
    assert "\nplantctl_scans_total 3\n" in text_of([family], True)


def test_a_histogram_counts_up_to_each_edge():
    made = histogram("plantctl_scan_lateness_seconds", "Late.", [1e-6, 2e-6], [5, 0, 2])
    found = read(text_of([made], True), True)["plantctl_scan_lateness_seconds"]
    assert [found.of(le=le) for le in ("1e-06", "2e-06", "+Inf")] == [5, 5, 7]
    assert found.unit == "seconds"


def test_numbers_read_back_exactly():
    for value in (0.1, 1e300, -2.5, 2.0**60, 5e-324, 3.0):
        assert float(number(value)) == value
    assert number(3.0) == "3"


def test_a_family_without_a_sample_is_left_out():
    assert text_of([Family("plantctl_sink_state", "gauge", "State.", [])], True) == END


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True),
        ("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5", False),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.9", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=many", False),
    ],
)
def test_openmetrics_goes_to_those_who_prefer_it(accept, wanted):
    assert wants_openmetrics(accept) is wanted
