"""Lines of line protocol: what they look like, and what the strict reader of the tests refuses."""

import math
from dataclasses import replace

import numpy as np
import pytest

from plantctl.core.batch import Batch, PointLabel, SampleLabel
from plantctl.core.event import Event, EventKind
from plantctl.core.quality import BAD, FORCED, SIMULATED, Reason, bad_because
from plantctl.sinks._line_protocol import LineEncoder, measurement_text, name_text, string_text
from tests.line_protocol import BadLine, read_line, read_lines

UTC = 1_763_880_000_000_000_000
LABELS = {
    1: PointLabel("40-AIC-4212", "pH"),
    2: PointLabel("40-AIC-4212.mode", words=("man", "auto"), whole=True),
    3: PointLabel("40-FT-4201", "L/h"),
}


def batch(*rows, events=(), sequences=()):
    """Rows `(tag, value, quality, source after the scan, scan)`, the later parts by default 0."""
    full = [(*row, *(0, 0, 0)[: 5 - len(row)]) for row in rows]
    tag, value, quality, source, scan = zip(*full, strict=True) if full else ((),) * 5
    return Batch(
        1,
        9,
        UTC + np.array(scan, np.int64),
        np.array(tag, np.uint32),
        np.array(value, np.float64),
        np.array(quality, np.uint16),
        np.array([UTC + nanos if nanos else 0 for nanos in source], np.int64),
        tuple(events),
        tuple(sequences),
    )


def encoder(labels=LABELS, **settings):
    return LineEncoder("plant", "demo", labels, **settings)


def alarm(target="40-AIC-4212.high", **changed):
    given = {"kind": EventKind.ALARM, "scan": 4711, "mono_ns": 5, "utc_ns": UTC, "target": target, "old": 0.0}
    return Event(**{**given, "new": 1.0, **changed})


def test_a_row_is_a_line_with_names_quality_value_source_and_time():
    sent = encoder().lines(batch((1, 7.01, 0, -80), (3, 312.0, 0)))
    assert sent.decode().splitlines() == [
        f"plant,plant=demo,point=40-AIC-4212,unit=pH quality=0i,value=7.01,source={UTC - 80}i {UTC}",
        f"plant,plant=demo,point=40-FT-4201,unit=L/h quality=0i,value=312.0 {UTC}",
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_goes_out_as_its_quality_alone(value):
    quality = bad_because(Reason.RANGE)
    (line,) = read_lines(encoder().lines(batch((1, value, quality, 7))))
    assert line.fields == {"quality": quality, "source": UTC + 7}


def test_a_laboratory_value_says_which_sample_it_is_of_where_text_is_sent():
    of = (SampleLabel('S "1"', "L 7"), SampleLabel(), SampleLabel(lot="L"))
    rows = replace(batch((1, 7.0, 0, 5), (1, 7.5, 0, 0, 1), (3, math.nan, BAD)), samples=of)
    first, second, third = read_lines(encoder().lines(rows))
    assert (first.fields["value"], first.fields["sample"], first.fields["lot"]) == (7.0, 'S "1"', "L 7")
    assert second.fields == {"quality": 0, "value": 7.5}
    assert third.fields == {"quality": BAD, "lot": "L"}
    assert [line.tags for line in (first, second)] == [second.tags] * 2, "no series of its own for a sample"
    assert "sample" not in read_lines(encoder(text=False).lines(rows))[0].fields


def test_the_last_known_value_of_a_dead_link_goes_out_with_its_quality():
    quality = bad_because(Reason.COMM)
    (line,) = read_lines(encoder().lines(batch((1, 7.25, quality))))
    assert line.fields == {"quality": quality, "value": 7.25}


def test_simulated_and_forced_values_are_marked():
    lines = read_lines(encoder().lines(batch((1, 7.0, SIMULATED), (1, 7.0, FORCED | SIMULATED | BAD, 0, 1))))
    assert [line.fields.get("simulated") for line in lines] == [True, True]
    assert [line.fields.get("forced") for line in lines] == [None, True]


def test_the_number_of_an_enumeration_has_its_word_and_one_beyond_has_none():
    rows = (2, 1.0, 0), (2, 0.0, 0, 0, 1), (2, 2.0, 0, 0, 2), (2, 0.5, 0, 0, 3), (2, math.nan, 2, 0, 4), (2, 1e300, 0)
    lines = read_lines(encoder().lines(batch(*rows)))
    assert [line.fields.get("word") for line in lines] == ["auto", "man", None, None, None, None]
    assert [line.fields.get("value") for line in lines] == [1.0, 0.0, 2.0, 0.5, None, 1e300]


def test_without_text_only_numbers_go_out():
    events = [alarm(words=("clear", "active"), actor="mueller", reason="test")]
    sent = encoder(text=False).lines(batch((2, 1.0, 0), events=events, sequences=[812]))
    assert b'"' not in sent
    assert read_lines(sent)[1].fields["value"] == 1.0


def test_a_transition_is_a_line_of_its_own_measurement():
    event = alarm(words=("clear", "active"), actor='O"Neill', reason="a\\b\nc", source_ns=UTC - 9)
    (line,) = read_lines(encoder().lines(batch(events=[event], sequences=[812])))
    assert line.measurement == "plant_event"
    assert line.tags == {"kind": "alarm", "plant": "demo", "target": "40-AIC-4212.high"}
    assert line.time_ns == UTC
    numbers = {"sequence": 812, "place": 0, "scan": 4711, "old": 0.0, "new": 1.0, "source": UTC - 9}
    words = {"actor": 'O"Neill', "reason": "a\\b␊c", "old_word": "clear", "new_word": "active"}
    assert line.fields == numbers | words


def test_transitions_of_one_scan_do_not_meet_whatever_part_of_them_is_sent():
    events = [alarm(new=float(number)) for number in range(5)]
    whole = batch((1, 7.0, 0), events=events, sequences=[8, 8, 8, 9, 9])
    at_once = encoder().lines(whole)
    assert [line.time_ns - UTC for line in read_lines(at_once)] == [0, 1, 2, 0, 1, 0]
    assert b"".join(encoder().lines(whole.part(at, at + 1)) for at in range(len(whole))) == at_once
    half = whole.part(1, 5)
    assert encoder().lines(half.part(1, 3)) == encoder().lines(whole.part(2, 4))
    assert encoder().lines(half.where(np.zeros(0, bool))) == encoder().lines(half)


def test_the_number_of_a_line_is_the_record():
    mixed = batch((1, 7.0, 0), (3, math.nan, 2), (2, 1.0, 0), events=[alarm()], sequences=[1])
    lines = read_lines(encoder().lines(mixed))
    names = ["40-AIC-4212.high", "40-AIC-4212", "40-FT-4201", "40-AIC-4212.mode"]
    assert [line.tags.get("target") or line.tags["point"] for line in lines] == names


def test_nothing_is_no_bytes():
    assert encoder().lines(batch()) == b""


def test_names_that_are_hostile_come_back_as_they_were_or_as_pictures():
    labels = {1: PointLabel('a b,c="d"', "% of x=1"), 2: PointLabel("end\\", "")}
    lines = read_lines(encoder(labels).lines(batch((1, 1.0, 0), (2, 1.0, 0))))
    assert lines[0].tags == {"plant": "demo", "point": 'a b,c="d"', "unit": "% of x=1"}
    assert lines[1].tags == {"plant": "demo", "point": "end⧵"}


def test_a_measurement_that_is_a_remark_or_nothing_is_refused():
    for name in ("", "#plant"):
        with pytest.raises(ValueError, match="no name"):
            measurement_text(name)
    assert measurement_text("my plant,x=1") == "my\\ plant\\,x=1"
    assert name_text("µS/cm\r\n\ud800") == "µS/cm␍␊?"
    assert string_text('say "a\\b"\x00') == '"say \\"a\\\\b\\"␀"'


def test_new_points_and_words_are_seen_when_the_labels_grow():
    labels = {1: PointLabel("A", "m")}
    ours = encoder(labels)
    assert b"point=A," in ours.lines(batch((1, 1.0, 0)))
    labels |= {1: PointLabel("A", "km"), 2: PointLabel("B", words=("off", "on"))}
    lines = read_lines(ours.lines(batch((1, 1.0, 0), (2, 1.0, 0))))
    assert lines[0].tags["unit"] == "km"
    assert lines[1].fields["word"] == "on"


def test_heads_do_not_grow_without_end(monkeypatch):
    monkeypatch.setattr("plantctl.sinks._line_protocol.HEADS_MAX", 8)
    ours = encoder()
    for quality in range(40):
        assert read_lines(ours.lines(batch((1, 1.0, quality))))[0].fields["quality"] == quality
        assert sum(len(heads.texts) for heads in ours._known.values()) <= 9


def test_a_label_that_changes_is_told_also_where_there_are_as_many_as_before():
    labels = {1: PointLabel("A", "m"), 2: PointLabel("B")}
    ours = encoder(labels)
    assert read_lines(ours.lines(batch((1, 1.0, 0))))[0].tags["unit"] == "m"
    labels[1] = PointLabel("A", "km")
    assert read_lines(ours.lines(batch((1, 1.0, 0))))[0].tags["unit"] == "km"
    del labels[1]
    labels[1] = PointLabel("C", "km")
    assert read_lines(ours.lines(batch((1, 1.0, 0))))[0].tags["point"] == "C"


def test_rows_of_an_older_plan_have_its_unit_between_those_of_now():
    ours = encoder()
    now = batch((1, 7.0, 0), (2, 1.0, 0), (3, 312.0, 0))
    old = replace(
        now, plan_hash=5, otherwise={3: PointLabel("40-FT-4201", "m3/h"), 2: PointLabel("40-AIC-4212.was", "%")}
    )
    for _ in range(2):
        assert [line.tags.get("unit") for line in read_lines(ours.lines(now))] == ["pH", None, "L/h"]
        lines = read_lines(ours.lines(old))
        assert [line.tags.get("unit") for line in lines] == ["pH", "%", "m3/h"]
        assert lines[1].tags["point"] == "40-AIC-4212.was"
        assert "word" not in lines[1].fields
    assert len(ours._known) == 2, "what was worked out for one is kept while the other has its turn"


def test_a_point_without_a_label_is_named():
    with pytest.raises(KeyError, match="77"):
        encoder().lines(batch((77, 1.0, 0)))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# remark",
        " m v=1 1",
        "m v=1",
        "m v= 1",
        "m =1 1",
        "m 1",
        "m,t=a",
        "m,t= v=1 1",
        "m,=a v=1 1",
        "m,t=a,t=b v=1 1",
        "m,u=a,t=b v=1 1",
        "m,t=a=b v=1 1",
        "m,t=a\\ v=1 1",
        "m,t=a\\\\ v=1 1",
        "m,t=a\\b v=1 1",
        "m v=nan 1",
        "m v=NaN 1",
        "m v=inf 1",
        "m v=1e999 1",
        "m v=1., 1",
        "m v=01 1",
        "m v=null 1",
        "m v=9223372036854775808i 1",
        'm v="a 1',
        'm v="a\\c" 1',
        'm v="a"b 1',
        "m v=1,v=2 1",
        "m v=1, 1",
        "m v=1  1",
        "m v=1 1 ",
        "m v=1 1.5",
        "m v=1 9223372036854775807",
        "m v=1 1\r",
        'm v="a\tb" 1',
    ],
)
def test_the_strict_reader_refuses(line):
    with pytest.raises(BadLine):
        read_line(line.encode())


def test_the_strict_reader_wants_the_end_of_the_last_line():
    with pytest.raises(BadLine, match="line 2"):
        read_lines(b"m v=1 1\nm v=1 2")


def test_a_transition_names_the_recording_whose_frames_it_counts():
    told = batch(events=[alarm()], sequences=[812])
    (line,) = read_lines(encoder(recording="5f0c").lines(told))
    assert (line.fields["recording"], line.fields["sequence"]) == ("5f0c", 812)
    (line,) = read_lines(encoder(recording="5f0c", text=False).lines(told))
    assert "recording" not in line.fields
