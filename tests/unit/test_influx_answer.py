"""What answers to a write mean, in the words that real servers use."""

import json
from email.utils import formatdate

import numpy as np
import pytest

from plantctl.core.batch import Batch, PointLabel
from plantctl.core.event import Event, EventKind
from plantctl.sinks._influx_answer import Answer, refusal
from plantctl.sinks._line_protocol import LineEncoder
from plantctl.sinks._sink import SinkNotAdmitted, SinkRejected, SinkUnreachable

UTC = 1_763_880_000_000_000_000


def batch(*seconds, events=0):
    """Rows of a point at these seconds, behind so many transitions of second 0."""
    count = len(seconds)
    told = [Event(EventKind.TRIP, 1, 0, UTC, f"T{at}", 0.0, 1.0) for at in range(events)]
    return Batch(
        1,
        1,
        UTC + np.array(seconds, np.int64) * 10**9,
        np.full(count, 1, np.uint32),
        np.arange(count, dtype=np.float64),
        np.zeros(count, np.uint16),
        np.zeros(count, np.int64),
        tuple(told),
        (1,) * events,
    )


def lines_of(whole):
    return LineEncoder("plant", "it's: ': x", {1: PointLabel("A", "m")}).lines(whole)


def asked(status, told="", whole=None, **more):
    whole = batch(0, 1, 2) if whole is None else whole
    body = told if isinstance(told, bytes) else (json.dumps(told) if isinstance(told, dict) else told).encode()
    return refusal(Answer(status, body, **more), whole, lines_of(whole), UTC)


def rejected(told, whole=None, status=400, **more):
    fault = asked(status, told, whole, **more)
    assert type(fault) is SinkRejected
    return fault.records


def test_only_204_has_arrived():
    assert asked(204) is None
    for status in (200, 201, 202, 206, 100):
        assert type(asked(status, '{"error": "no"}')) is SinkUnreachable


@pytest.mark.parametrize("status", [401, 403, 404, 405, 406, 407, 411, 415, 421, 451])
def test_what_a_person_must_mend(status):
    fault = asked(status, {"code": "unauthorized", "message": "unauthorized access"})
    assert type(fault) is SinkNotAdmitted
    assert fault.what == f"{status}: unauthorized access"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_not_followed(status):
    fault = asked(status, location="https://elsewhere.example/write")
    assert type(fault) is SinkNotAdmitted
    assert "`https://elsewhere.example/write`, where nothing is sent" in fault.what


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_what_may_be_over_soon(status):
    fault = asked(status, "<html>busy</html>", retry_after="7")
    assert type(fault) is SinkUnreachable
    assert fault.after_s == 7.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("99999999999999999999", 3600.0),
        (formatdate(UTC / 1e9 + 90, usegmt=True), 90.0),
        (formatdate(UTC / 1e9 - 90, usegmt=True), 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("²", None),
    ],
)
def test_how_long_to_wait(header, seconds):
    assert asked(503, retry_after=header).after_s == seconds


def test_what_the_request_names_wrongly_is_not_the_records_fault():
    for status, words in [
        (500, "retention policy not found: yearly"),  # so influxd 1.6.7
        (400, "database is required"),
        (400, "invalid precision; valid precision units are ns, us, ms, and s"),
        (400, "bucket not found"),
    ]:
        assert type(asked(status, {"error": words})) is SinkNotAdmitted, words


def test_a_gateway_that_says_400_in_plain_words_does_not_mean_the_records():
    for words in ('cannot find the provided auth token "Bearer x" in config', "<html>Bad Request</html>", "", "[1]"):
        assert type(asked(400, words)) is SinkNotAdmitted


def test_a_refused_batch_that_does_not_say_where():
    assert rejected({"error": "unable to parse 'bad': invalid field format"}) == ()
    assert rejected({"code": "invalid", "message": "unable to parse 'bad': missing fields", "line": 2}) == ()
    conflict = 'partial write: field type conflict: input field "value" on measurement "plant" is type float dropped=1'
    assert rejected({"error": conflict}) == ()
    internal = {"code": "internal error", "message": f"unexpected error writing points to database: {conflict}"}
    assert rejected(internal, status=500) == ()
    assert rejected(internal, status=422) == ()
    assert rejected("Request Entity Too Large", status=413) == ()


def test_lines_that_influxdb_1_could_not_read_are_named_by_their_text():
    whole = batch(0, 1, 2, 3, events=2)
    sent = lines_of(whole).decode().split("\n")
    quoted = [f"unable to parse '{sent[at]}': point time is outside it's range: 'x': y" for at in (1, 4)]
    words = "partial write: " + "\n".join(quoted) + " dropped=0"
    assert rejected({"error": words}, whole) == (1, 4)
    assert rejected({"error": words.replace(sent[4], sent[4][:-1])}, whole) == ()


def test_an_answer_that_was_too_long_names_nothing():
    whole = batch(0, 1)
    line = lines_of(whole).decode().split("\n")[0]
    told = {"error": f"partial write: unable to parse '{line}': bad timestamp dropped=0"}
    body = json.dumps(told).encode()
    assert refusal(Answer(400, body), whole, lines_of(whole), UTC).records == (0,)
    assert refusal(Answer(400, body, whole=False), whole, lines_of(whole), UTC).records == ()


def test_what_is_older_than_the_database_keeps_is_the_oldest():
    words = {"error": "partial write: points beyond retention policy dropped=2"}
    assert rejected(words, batch(5, 6, 7)) == (0, 1)
    assert rejected(words, batch(7, 6, 5)) == (1, 2)
    assert rejected(words, batch(5, 6, events=1)) == (0, 1)
    assert rejected(words, batch(5, 6)) == (0, 1)
    # Two of three rows of one time cannot be told apart, and more than there are were dropped by somebody else.
    assert rejected(words, batch(5, 5, 5, 6)) == ()
    assert rejected(words, batch(5)) == ()
    v2 = {"message": "failure writing points to database: partial write: points beyond retention policy dropped=1"}
    assert rejected(v2, batch(5, 6), status=422) == (0,)


def test_lines_that_influxdb_3_names_by_number():
    told = {"error": "partial write of line protocol occurred", "data": [{"line_number": 3}, {"line_number": 1}]}
    assert rejected(told) == (0, 2)
    for strange in ({"line_number": 4}, {"line_number": 0}, {"line_number": "1"}, {}, "1", None):
        assert rejected({**told, "data": [{"line_number": 1}, strange]}) == ()


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[]", b"null", b'"x"', b"[" * 100_000, b'{"error": 5}', b"{}"])
def test_answers_without_sense_do_no_harm(body):
    for status in (400, 401, 500, 204):
        fault = asked(status, body)
        assert fault is None or len(fault.what) < 400
