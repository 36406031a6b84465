"""Whatever a plant is called and whatever it measures: what is encoded reads back as the same records, in order."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plantctl.core.batch import Batch, PointLabel
from plantctl.core.event import Event, EventKind, spoken
from plantctl.core.quality import FORCED, SIMULATED
from plantctl.sinks._line_protocol import LineEncoder
from tests.line_protocol import read_lines

# Every kind of letter, and many of those that mean something in a line.
HOSTILE = st.sampled_from([*', ="\\\n\r\t\0#ieu0', "\x7f", "\u2028", "µ", "𝛀", "\ud800", "\x85"])
TEXT = st.text(st.one_of(HOSTILE, st.characters(codec=None)), max_size=12)
NAME = TEXT.filter(bool)
TIME = st.integers(-(2**62), 2**62)
LABEL = st.builds(PointLabel, name=NAME, unit=TEXT, words=st.lists(TEXT, max_size=3).map(tuple))
ROW = st.tuples(st.integers(0, 3), st.floats(width=64), st.integers(0, 2**16 - 1), st.one_of(st.just(0), TIME), TIME)
EVENT = st.builds(
    Event,
    kind=st.sampled_from(EventKind),
    scan=st.integers(0, 2**62),
    mono_ns=TIME,
    utc_ns=TIME,
    target=NAME,
    old=st.floats(),
    new=st.one_of(st.floats(), st.integers(0, 3).map(float)),
    words=st.lists(TEXT, max_size=3).map(tuple),
    actor=TEXT,
    reason=TEXT,
    source_ns=st.one_of(st.just(0), TIME),
)
IDS = [0, 1, 77, 2**32 - 1]


def carried(text, name):
    """What of a text the protocol can carry: a picture for a control character, in names also for a backslash."""
    text = text.encode("utf-8", "replace").decode()
    text = "".join(chr(0x2400 + ord(c)) if ord(c) < 0x20 else "␡" if c == "\x7f" else c for c in text)
    return text.replace("\\", "⧵") if name else text


def expected_row(label, value, quality, source, time, text):
    tags = {"plant": "demo", "point": carried(label.name, True), "unit": carried(label.unit, True)}
    fields = {"quality": quality}
    fields |= {word: True for word, bit in (("simulated", SIMULATED), ("forced", FORCED)) if quality & bit}
    if math.isfinite(value):
        fields["value"] = value
        if text and value in range(len(label.words)) and label.words[int(value)]:
            fields["word"] = carried(label.words[int(value)], False)
    return "m", {key: tag for key, tag in tags.items() if tag}, fields | ({"source": source} if source else {}), time


def expected_event(event, sequence, place, text):
    fields = {"sequence": sequence, "place": place, "scan": event.scan}
    fields |= {key: value for key, value in (("old", event.old), ("new", event.new)) if math.isfinite(value)}
    fields |= {"source": event.source_ns} if event.source_ns else {}
    if text:
        words = {"actor": event.actor, "reason": event.reason}
        numbers = {"old_word": event.old, "new_word": event.new}
        told = {key: spoken(value, event.words) for key, value in numbers.items() if math.isfinite(value)}
        words |= told if event.words else {}
        fields |= {key: carried(word, False) for key, word in words.items() if word}
    tags = {"kind": event.kind.word, "plant": "demo", "target": carried(event.target, True)}
    return "m_event", tags, fields, event.utc_ns + place


@settings(max_examples=300, deadline=None)
@given(st.lists(LABEL, min_size=4, max_size=4), st.lists(ROW, max_size=12), st.lists(EVENT, max_size=4), st.booleans())
def test_what_is_encoded_reads_back(labels, rows, events, text):
    tags, values, qualities, sources, times = ([row[at] for row in rows] for at in range(5))
    whole = Batch(
        1,
        1,
        np.array(times, np.int64),
        np.array([IDS[tag] for tag in tags], np.uint32),
        np.array(values, np.float64),
        np.array(qualities, np.uint16),
        np.array(sources, np.int64),
        tuple(events),
        (5,) * len(events),
    )
    encoder = LineEncoder("m", "demo", dict(zip(IDS, labels, strict=True)), text=text)
    told = [expected_event(event, 5, place, text) for place, event in enumerate(events)]
    told += [expected_row(labels[tag], *rest, text) for tag, *rest in rows]
    for _ in range(2):  # with the heads new, and with them known
        lines = read_lines(encoder.lines(whole))
        assert [tuple(line) for line in lines] == told
        for line, wanted in zip(lines, told, strict=True):
            assert {key: type(value) for key, value in line.fields.items()} == {
                key: type(value) for key, value in wanted[2].items()
            }
            # Equal is not enough for what reads back: minus nothing is not nothing.
            floats = (field for field in line.fields.items() if isinstance(field[1], float))
            assert all(math.copysign(1, value) == math.copysign(1, wanted[2][key]) for key, value in floats)
