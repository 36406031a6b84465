"""What `plantctl.history.read` refuses, and where a library is missing; what it gives is tested in tests/interop."""

import sys
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

import plantctl.history
from plantctl.history.reading.arrow import LibraryMissing
from plantctl.history.reading.data_frame import ReadRefused, read
from plantctl.history.reading.names import UnknownTag
from plantctl.log.storage import FolderStorage
from tests.history_bench import SCAN_NS, Plant


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state") / "bench"
    plant = Plant(Random(1), FolderStorage(folder / "log"), FolderStorage(folder / "history"), span_ns=300 * SCAN_NS)
    plant.scan(30)
    plant.seal()
    return folder


START, END = "2026-09-21T00:00:00Z", datetime(2026, 9, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "words"),
    {
        "no zone": ({"start": "2026-11-22T12:00:00"}, "start: .* does not say which zone"),
        "no time": ({"end": "noon"}, "end: `noon` is no time"),
        "backwards": ({"end": 5}, "no length: it begins at 2026-09-21T00:00:00.000000000Z and ends at 1970-01-01"),
        "a date": ({"start": END.date()}, "start: an aware datetime, .*date"),
        "a number that is not whole": ({"start": 1.79e18}, "start: .*whole ns of UTC, not 1.79e"),
        "a time that no record has": ({"end": 10**30}, "end: .* is no time from 1900 to 2200"),
        "a width that is not whole": ({"every": 60e9}, "every: .*whole ns, not 6"),
        "no tags": ({"tags": [], "every": "1min"}, "tags: name at least one"),
        "tags that are numbers": ({"tags": [1]}, "tags: name at least one, each a text"),
        "points put together": ({"agg": "max"}, "name `every`"),
        "no unit": ({"every": "1 parsec"}, "every: "),
        "no width": ({"every": timedelta(0)}, "longer than nothing"),
        "too many": ({"every": 1}, "more than 5000000 spans"),
        "no aggregate": ({"every": "1min", "agg": ["mean", "median"]}, "agg: .*not `median`"),
        "wide points": ({"wide": True}, "name `every`"),
        "no library": ({"to": "excel"}, "not `excel`"),
        "no place": ({"place": "nowhere"}, "there is no record at"),
    }.values(),
)
def test_what_cannot_be_read_is_said(place, monkeypatch, tmp_path, change, words):
    monkeypatch.setenv("PLANTCTL_STATE", str(tmp_path))
    with pytest.raises(ReadRefused, match=words):
        read(**({"place": place, "tags": "A-1", "start": START, "end": END} | change))


@pytest.mark.parametrize(
    ("to", "way"), [("polars", "pip install polars"), ("pandas", "pip install pandas"), ("arrow", "plantctl")]
)
def test_a_library_that_is_missing_is_named_with_the_way_to_it(place, monkeypatch, to, way):
    for name in ("polars", "pandas", "pyarrow"):
        monkeypatch.setitem(sys.modules, name, None)
    for settings in ({}, {"every": "1min"}):
        with pytest.raises(LibraryMissing, match=way):
            plantctl.history.read(place, ["A-1", "B-1"], START, END, to=to, **settings)


def test_a_tag_that_there_is_not(place):
    with pytest.raises(UnknownTag, match="did you mean `A-1`"):
        read(place, "A_1", START, END)
