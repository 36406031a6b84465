"""Whatever a server or somebody in between answers: one of the sink's own errors, and no record that is not there."""

import json

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plantctl.core.batch import Batch, PointLabel
from plantctl.sinks._influx_answer import Answer, refusal
from plantctl.sinks._line_protocol import LineEncoder
from plantctl.sinks._sink import SinkError, SinkRejected

UTC = 1_763_880_000_000_000_000
ROWS = 5
WHOLE = Batch(
    1,
    1,
    UTC + np.array([0, 0, 1, 2, 2]) * 10**9,
    np.ones(ROWS, np.uint32),
    np.arange(ROWS, dtype=np.float64),
    np.zeros(ROWS, np.uint16),
    np.zeros(ROWS, np.int64),
)
LINES = LineEncoder("plant", "demo", {1: PointLabel("A", "m")}).lines(WHOLE)

PHRASES = [
    "partial write: ",
    "unable to parse '",
    "': ",
    "points beyond retention policy dropped=",
    "0",
    "2",
    "9" * 5000,
]
PHRASES += ["٣", "\n", '"', *LINES.decode().splitlines()]
TEXT = st.lists(st.one_of(st.sampled_from(PHRASES), st.text(max_size=5)), max_size=8).map("".join)
LEAF = st.one_of(TEXT, st.none(), st.booleans(), st.integers(-2, 9), st.floats())
NUMBERED = st.lists(st.one_of(st.fixed_dictionaries({"line_number": LEAF}), LEAF), max_size=4)
OBJECT = st.dictionaries(st.sampled_from(["error", "message", "data", "line"]), st.one_of(LEAF, NUMBERED), max_size=4)
BODY = st.one_of(OBJECT.map(json.dumps).map(str.encode), TEXT.map(str.encode), st.binary(max_size=40))
HEADER = st.one_of(TEXT, st.text(max_size=40), st.sampled_from(["Mon, 00 Nov 2026 99:99:99 GMT", "1, 2 3 4 5", "Mon"]))


@settings(max_examples=500, deadline=None)
@example(400, b'{"error": ["x"], "message": "partial write: points"}', True, "", "")
@example(400, b'{"error": "partial write: points beyond retention policy dropped=' + b"9" * 5000 + b'"}', True, "", "")
@given(st.integers(-1, 999), BODY, st.booleans(), HEADER, TEXT)
def test_every_answer_is_judged(status, body, whole, retry_after, location):
    fault = refusal(Answer(status, body, whole, retry_after, location), WHOLE, LINES, UTC)
    assert (fault is None) == (status == 204)
    if fault is not None:
        assert isinstance(fault, SinkError)
        assert len(fault.what) < 500
    if isinstance(fault, SinkRejected):
        assert all(0 <= record < ROWS for record in fault.records)
        assert whole or not fault.records
        assert status in (400, 413, 422) or b"partial" in body


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(0, ROWS - 1), min_size=1), st.text(max_size=20))
def test_the_lines_that_an_answer_quotes_are_the_records(bad, why):
    lines = LINES.decode().splitlines()
    told = "partial write: " + "\n".join(f"unable to parse '{lines[at]}': {why}" for at in sorted(bad)) + " dropped=0"
    fault = refusal(Answer(400, json.dumps({"error": told}).encode()), WHOLE, LINES, UTC)
    assert isinstance(fault, SinkRejected)
    assert set(fault.records) == bad
