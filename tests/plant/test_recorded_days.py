"""Minutes of the plant recorded with restarts, gaps and steps of the clock: every interface gives the same answers.

A sample of `benchmarks/campaigns/seven_days.py`; data frames and databases are asked in tests/interop.
"""

import shutil

import pytest

from plantctl.history.files.sealed import sealed_ranges
from plantctl.history.reading.query import History
from plantctl.hmi.opcua import past
from plantctl.log.storage import ReadOnlyFolder
from tests.answering_ways import Questions
from tests.days_asked import Asked
from tests.plant.recorded_days import RecordedDays, S, live

TAGS = ("40-FI-4013", "40-AIC-4212.mode")


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """A place and what really was there."""
    place = tmp_path_factory.mktemp("days")
    circuit = RecordedDays(place, span_ns=60 * S)
    live(circuit, 230.0, 1, pace_s=14.0)
    truth = circuit.finish()
    assert all(circuit.counted[what] for what in ("restart", "kill", "lost", "clock", "fault")), circuit.counted
    return place, truth


@pytest.fixture(scope="module", params=["whole", "oldest-file-gone"])
def asked(days, request, tmp_path_factory):
    """The record as it is, and as one that begins with what came before it."""
    place, truth = days
    if request.param == "whole":
        return Asked(place, truth, tags=TAGS)
    later = tmp_path_factory.mktemp("later") / "days"
    shutil.copytree(place, later)
    sealed = later / "history"
    (sealed / sealed_ranges(ReadOnlyFolder(sealed).names())[0].name).unlink()
    found = Asked(later, truth, tags=TAGS)
    begun = [found.right(each) for each in found.questions if (each.kind, each.over) == ("raw", "the beginning")]
    assert any(points[0].utc_ns < found.first_ns for points in begun)
    return found


@pytest.fixture(autouse=True)
def nothing_wrong(asked):
    with asked.nothing_wrong():
        yield


def test_questions_and_pages(asked):
    asked.ask_python()
    assert {each.over for each in asked.questions} >= {"a gap", "a seam", "a clock set back", "the end", "nothing"}


def test_the_verbs(asked, tmp_path):
    asked.ask_verbs(tmp_path, (".csv", ".json"), every=23)


def test_http(asked):
    asked.ask_http(("json", "csv"), every=9)


def test_opcua(asked, monkeypatch):
    monkeypatch.setattr(past, "PAGE_MAX", 50)  # so that pages end everywhere, where UTC was set back as well
    asked.ask_opcua(every=3)


def test_a_backup_restored_elsewhere(asked, tmp_path):
    asked.ask_restored(tmp_path, every=3)


def test_an_answer_that_is_wrong_is_seen(asked, monkeypatch):
    """The comparison itself: a history that takes a gap for knowledge disagrees."""
    real = History.at
    monkeypatch.setattr(History, "at", lambda self, tag, utc_ns: real(self, tag, [t - 10**9 for t in utc_ns]))
    asked.ask(Questions(asked.place), every=3)
    assert asked.wrong
    asked.wrong.clear()
