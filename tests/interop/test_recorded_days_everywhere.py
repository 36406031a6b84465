"""Minutes of the plant recorded with restarts, gaps and steps of the clock: data frames, files and a database agree.

A sample of `benchmarks/campaigns/seven_days.py`; what needs only Python is asked in tests/plant.
"""

import pytest

from tests.days_asked import Asked
from tests.days_fed import Victoria, fed
from tests.interop.databases import VictoriaMetrics, running
from tests.plant.recorded_days import RecordedDays, S, live

TAGS = ("40-FI-4013", "40-AIC-4212.mode")


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    place = tmp_path_factory.mktemp("days")
    circuit = RecordedDays(place, span_ns=60 * S)
    live(circuit, 230.0, 2, pace_s=14.0)
    return Asked(place, circuit.finish(), tags=TAGS)


@pytest.fixture(autouse=True)
def nothing_wrong(asked):
    with asked.nothing_wrong():
        yield


def test_data_frames(asked):
    asked.ask_frames(every=7)


def test_files_and_answers_in_arrow_and_parquet(asked, tmp_path):
    asked.ask_verbs(tmp_path, (".arrow", ".parquet"), every=23)
    asked.ask_http(("arrow", "parquet"), every=9)


def test_a_database_that_was_fed(asked, tmp_path):
    with running(VictoriaMetrics, tmp_path) as server:
        assert fed(asked.place, server, TAGS) > 500
        asked.ask(Victoria(server, TAGS))
