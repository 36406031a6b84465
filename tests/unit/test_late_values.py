"""What came after its time goes through the scan into the log, and out of the log to whoever stores it elsewhere."""

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from plantctl.app.feed_log import FeedLog
from plantctl.core.batch import SampleLabel
from plantctl.core.command import BAD_VALUE, NOT_WRITABLE, UNKNOWN_TARGET, Command, Stage
from plantctl.core.errors import LogDamaged
from plantctl.core.frame import IN_LATE_FRAME, Kind, decode_records, encode_frame
from plantctl.core.late import (
    LATE,
    LATE_ROW,
    NOTE_BYTES_MAX,
    ROWS_MAX,
    LabNote,
    LateAct,
    LateRecord,
    decode_late,
    encode_late,
    entry_number,
    lab_note,
    late_row,
    late_text,
    number_text,
)
from plantctl.core.message import TEXT_BYTES_MAX
from plantctl.core.quality import BAD, Reason, reason_of
from plantctl.core.ring import RingReader, RingWriter
from plantctl.history.reading.late import LateRows
from plantctl.history.reading.late_index import NONE, LateIndex, LateSaid
from plantctl.history.reading.late_log import LateLog
from plantctl.hmi.describe import description
from plantctl.scan.targets import targets
from tests.feed_bench import NoWords
from tests.history_bench import SCAN_NS, Plant
from tests.plan_bench import PlanBench

PLANT = """
plant: {name: Lab}
tags:
  AY-1: {unit: mol/L, range: [0, 2], initial: 0.6, lab: {limits: [0.5, 0.7], signatures: two}}
  AY-2: {unit: mol/L, range: [0, 2]}
"""
COLUMNS = ("utc_ns", "tag", "value", "quality", "source_ns")


def rows(count, tag=1):
    return np.array([(k / 3, 1000 + k, tag, k % 3, 0) for k in range(count)], LATE_ROW)


@pytest.mark.parametrize("count", [0, 1, ROWS_MAX])
def test_a_record_comes_back_and_the_largest_fits_a_command_between_processes(count):
    record = LateRecord(LateAct.IMPORTED, 2**40 - 1, rows(count), "å" * 40, "x" * NOTE_BYTES_MAX)
    data = encode_late(record)
    back = decode_late(data + bytes(4))
    assert (back.act, back.number, back.actor, back.note) == (record.act, record.number, record.actor, record.note)
    assert back.rows.tobytes() == record.rows.tobytes()
    assert len(late_text(record)) <= TEXT_BYTES_MAX


def test_what_is_no_record_is_damage():
    data = encode_late(LateRecord(LateAct.ENTERED, 1, rows(2), "ann", "note"))
    for spoilt in (b"", data[:20], data[:-1], data[:4] + b"\xff" + data[5:], data[:-8] + b"\xff" * 8):
        with pytest.raises(LogDamaged):
            decode_late(spoilt)


def test_notes_and_numbers_of_entries_are_for_people():
    note = LabNote(sample="4711", given="1.2 g/L")
    assert lab_note(note.text()) == note
    assert lab_note("no json") == LabNote(comment="no json") == lab_note(LabNote(comment="no json").text())
    assert number_text(entry_number("a")) == number_text(entry_number("a")) != number_text(entry_number("b"))
    assert len(number_text(entry_number("a"))) == 8


class Bench(PlanBench):
    """A plant with a laboratory tag, and its ring."""

    def __init__(self):
        buffer = bytearray(1 << 20)
        super().__init__(PLANT, ring=lambda plan: RingWriter(buffer, plan.hash))
        self.reader = RingReader(buffer, after=0)
        self.executive.start(0, 0)
        self.numbered = 0

    def give(self, target, record, key="", reason="why"):
        self.numbered += 1
        text = late_text(record) if isinstance(record, LateRecord) else record
        now_ns = self.number * self.plan.period_ns
        dt_s = self.schedule.begin(self.number, now_ns)
        command = Command(LATE, target, text, "ann", reason, key, 0, self.numbered)
        done = self.executive.scan(self.number, now_ns, 5000 + now_ns, dt_s, self.inputs, self.outputs, [command])
        self.number += 1
        return done

    def frames(self, kind):
        found = []
        while (frame := self.reader.read()) is not None:
            found += [frame] if frame.kind == kind else []
        return found

    def id(self, tag):
        return self.plan.points[self.plan.rows[tag]].id


def entered(bench, value=0.55, *, current=True, quality=0):
    return LateRecord(LateAct.ENTERED, 9, late_row(bench.id("AY-1"), 77, value, quality, current=current), "ann", "{}")


def test_an_entry_is_in_the_log_as_it_came_with_an_event_for_people_and_becomes_the_value_of_its_tag():
    bench = Bench()
    record = entered(bench)
    done = bench.give("AY-1", record)
    assert [r.stage for r in done.results] == [Stage.ACCEPTED]
    event = done.events[0]
    assert (event.kind.word, event.target, event.new, event.actor, event.source_ns) == (
        "command",
        "AY-1",
        0.55,
        "ann",
        77,
    )
    bench.scan()
    assert bench["AY-1"] == 0.55
    assert bench.executive.image.source_ns[bench.plan.rows["AY-1"]] == 77
    late = bench.frames(Kind.LATE)
    assert [frame.payload[: len(encode_late(record))] for frame in late] == [encode_late(record)]


def test_a_value_that_is_not_the_newest_signed_one_changes_nothing_in_the_plant():
    bench = Bench()
    bench.give("AY-1", entered(bench, current=False))
    bench.scan()
    assert bench["AY-1"] == 0.6
    assert len(bench.frames(Kind.LATE)) == 1


def test_a_tag_whose_only_value_was_withdrawn_has_none():
    bench = Bench()
    bench.give("AY-1", entered(bench, math.nan, quality=BAD))
    bench.scan()
    assert bench.severity("AY-1") == BAD


def test_the_same_key_is_one_record():
    bench = Bench()
    for _ in range(2):
        done = bench.give("AY-1", entered(bench), key="once")
        assert [r.stage for r in done.results] == [Stage.ACCEPTED]
    assert len(bench.frames(Kind.LATE)) == 1


def test_the_command_of_an_entry_says_that_a_replay_has_it_from_elsewhere():
    bench = Bench()
    bench.give("AY-1", entered(bench))
    commands = [
        record for frame in bench.frames(Kind.COMMAND) for record in decode_records(Kind.COMMAND, frame.payload)
    ]
    assert [(int(c["text"]), int(c["flags"])) for c in commands] == [(0, IN_LATE_FRAME)]


def test_an_import_is_told_once_however_many_records_it_has():
    bench = Bench()
    bench.scan()
    rows_ = rows(3, bench.id("AY-2"))
    done = [bench.give("log.csv", LateRecord(LateAct.IMPORTED, 3, rows_), reason=why) for why in ("log.csv", "")]
    assert [len(d.events) for d in done] == [1, 0]
    assert len(bench.frames(Kind.LATE)) == 2
    assert bench["AY-2"] != rows_["value"][-1]


@pytest.mark.parametrize(
    ("target", "record", "code"),
    [
        ("AY-1", "no record", BAD_VALUE),
        ("AY-2", lambda b: LateRecord(LateAct.ENTERED, 1, rows(1, b.id("AY-2"))), NOT_WRITABLE),
        ("AY-1", lambda b: LateRecord(LateAct.ENTERED, 1, rows(1, b.id("AY-2"))), NOT_WRITABLE),
        ("AY-1", lambda b: LateRecord(LateAct.ENTERED, 1, rows(2, b.id("AY-1"))), NOT_WRITABLE),
        ("file", lambda b: LateRecord(LateAct.IMPORTED, 1, rows(1, 999_999)), UNKNOWN_TARGET),
        ("file", lambda b: LateRecord(LateAct.IMPORTED, 1, rows(0)), UNKNOWN_TARGET),
    ],
)
def test_what_is_not_this_plans_is_refused_and_not_in_the_log(target, record, code):
    bench = Bench()
    done = bench.give(target, record(bench) if callable(record) else record)
    assert [(r.stage, r.code) for r in done.results] == [(Stage.REFUSED, code)]
    assert not bench.frames(Kind.LATE)


def test_a_laboratory_tag_is_not_set_past_its_signatures():
    bench = Bench()
    result = bench.scan(("set", "AY-1", 0.5)).results[0]
    assert (result.stage, result.code) == (Stage.REFUSED, NOT_WRITABLE)
    assert "plantctl lab enter" in result.text


def test_neither_the_page_nor_completion_offers_to_set_a_laboratory_tag():
    plan = Bench().plan
    written = {tag["tag"]: tag["write"] for tag in description(plan)["tags"]}
    assert written["AY-1"] is None
    assert written["AY-2"] is not None
    assert targets(plan, "set") == ("AY-2",)


def test_the_quality_of_a_laboratory_value_says_who_has_yet_to_sign_and_what_is_out_of_specification():
    lab = Bench().plan.lab["AY-1"]
    assert lab.quality(0.6, signed=True) == 0
    assert reason_of(lab.quality(0.6, signed=False)) is Reason.UNSIGNED
    assert [lab.specification(v) for v in (0.4, 0.6, 0.8)] == ["below", "", "above"]
    assert len({lab.quality(v, signed=True) for v in (0.4, 0.6, 0.8)}) == 3
    assert not lab.quality(0.8, signed=True) & 3, "it is good: the sample is, the plant is not"


def told(plant, *values, utc_ns=None):
    """Late values of tag 23, each of another moment, or all of `utc_ns`."""
    begin_ns = plant.utc_ns - 60 * SCAN_NS + round(10 * values[0])
    row = np.array([(v, begin_ns + n if utc_ns is None else utc_ns, 23, 0, 0) for n, v in enumerate(values)], LATE_ROW)
    plant.ring.append(Kind.LATE, plant.count, plant.mono_ns, encode_late(LateRecord(LateAct.IMPORTED, 1, row)))


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("rows_max", [1, 7, 10_000])
def test_sinks_are_given_late_values_in_batches_of_their_own_with_the_time_that_they_are_of(sealed, rows_max):
    plant = Plant(Random(5), file_bytes=3000)
    for k in range(6):
        plant.scan(4)
        told(plant, float(k))
        plant.event(f"something {k}")
        told(plant, float(k) + 0.5, BAD)
        plant.keep()
    plant.seal()
    plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)
    if sealed:
        for name in [n for n in plant.log.names() if n.endswith(".log")][:-2]:
            plant.log.remove(name)
    last = plant.recorder.durable_sequence
    cursor = FeedLog(plant.log, plant.sealed, NoWords(), lambda: (last, plant.utc_ns)).cursor(0)
    batches, given = all_of(cursor, rows_max), 0
    for batch in batches:
        assert batch.first_sequence == given + 1
        given = batch.last_sequence
    assert given == last
    assert cursor.lost_frames == 0
    late = [b for b in batches if b.historical]
    assert [v for b in late for v in b.value.tolist()] == [v for k in range(6) for v in (k, k + 0.5, BAD)]
    for b in late:
        assert b.source_ns.tolist() == b.utc_ns.tolist()
        assert set(b.tag.tolist()) == {23}
    assert all(b.rows <= rows_max or b.historical or len(set(b.utc_ns.tolist())) == 1 for b in batches)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_late_value_goes_out_as_it_stands_whichever_of_its_records_is_read_once_that_is_on_disk(sealed):
    plant = Plant(Random(5), file_bytes=3000)
    plant.scan(4)
    utc_ns = plant.utc_ns - 60 * SCAN_NS
    told(plant, 7.25, utc_ns=utc_ns)
    plant.scan(4)
    plant.keep()
    first = plant.recorder.durable_sequence
    for _ in range(40):
        plant.scan(4)
    plant.keep()
    if sealed:
        plant.seal()
        plant.sealer.finish_early(plant.recorder.durable_sequence, plant.mono_ns)
        for name in [n for n in plant.log.names() if n.endswith(".log")][:-2]:
            plant.log.remove(name)
    told(plant, 7.75, utc_ns=utc_ns)
    plant.keep()
    last = plant.recorder.durable_sequence

    def sent(durable):
        cursor = FeedLog(plant.log, plant.sealed, NoWords(), lambda: (durable, 0)).cursor(0, durable)
        return [v for batch in all_of(cursor) if batch.historical for v in batch.value.tolist()]

    assert sent(last) == [7.75, 7.75]
    if not sealed:
        assert sent(first) == [7.25]


def test_a_late_value_tells_sinks_which_sample_it_is_of_in_every_part_of_a_batch():
    plant = Plant(Random(5), file_bytes=3000)
    plant.scan(4)
    taken_ns = plant.utc_ns - 60 * SCAN_NS
    note = LabNote(sample="S-1", lot="L-7").text()
    steps = ((LateAct.ENTERED, 5.0, 0, note), (LateAct.IMPORTED, 6.0, 1, "logger.csv"), (LateAct.SIGNED, 5.0, 0, "{}"))
    for act, value, later, text in steps:
        row = np.array([(value, taken_ns + later, 23, 0, 0)], LATE_ROW)
        plant.ring.append(Kind.LATE, plant.count, plant.mono_ns, encode_late(LateRecord(act, 1, row, "ann", text)))
    plant.scan(4)
    plant.keep()
    last = plant.recorder.durable_sequence
    batches = all_of(FeedLog(plant.log, plant.sealed, NoWords(), lambda: (last, 0)).cursor(0))
    late = [batch for batch in batches if batch.historical]
    of, none = SampleLabel("S-1", "L-7"), SampleLabel()
    assert [batch.samples or (none,) * batch.rows for batch in late] == [(of,), (none,), (of,)]
    assert all(batch.samples == () for batch in batches if not batch.historical)
    both = replace(late[0], **{name: np.repeat(getattr(late[0], name), 2) for name in COLUMNS}, samples=(of, none))
    assert [both.part(k, k + 1).samples for k in range(2)] == [(of,), (none,)]
    assert both.where(np.array([False, True])).samples == (none,)
    assert late[1].where(np.array([True])).samples == ()


def test_a_late_value_whose_state_cannot_be_read_is_given_at_the_next_attempt(monkeypatch):
    plant = Plant(Random(5), file_bytes=3000)
    plant.scan(4)
    told(plant, 7.25)
    plant.keep()
    last = plant.recorder.durable_sequence
    cursor = FeedLog(plant.log, plant.sealed, NoWords(), lambda: (last, 0)).cursor(0)
    monkeypatch.setattr(LateLog, "refresh", refused)
    with pytest.raises(OSError, match="disk"):
        all_of(cursor)
    given = cursor.last_sequence
    monkeypatch.undo()
    batch = cursor.next(100)
    assert (batch.first_sequence, batch.value.tolist()) == (given + 1, [7.25])


def all_of(cursor, rows_max=100):
    """All batches that the cursor gives."""
    batches = []
    while (batch := cursor.next(rows_max)) is not None:
        batches.append(batch)
    return batches


def refused(_log, _through=None):
    raise OSError("no disk")


def frame(sequence, record):
    return 0, encode_frame(Kind.LATE, sequence, 0, 0, 0, encode_late(record))


def test_what_was_told_last_of_a_tag_and_time_is_found_whatever_came_between():
    chance, late, told = Random(5), LateRows(), {}
    kept, acts = [], (LateAct.ENTERED, LateAct.CORRECTED, LateAct.IMPORTED)
    for sequence in range(1, 200):
        act, tag, utc_ns = chance.choice(acts), chance.randint(1, 3), chance.randint(10, 40)
        value, sample = chance.random(), f"S{sequence}"
        last = told.get((tag, utc_ns), (0.0, SampleLabel()))[1]
        told[tag, utc_ns] = value, SampleLabel(sample) if act is LateAct.ENTERED else last
        record = LateRecord(
            act, sequence, late_row(tag, utc_ns, value, 0, current=False), "ann", LabNote(sample).text()
        )
        kept.append(frame(sequence, record))
    for some in (kept[:50], kept[:120], kept):  # the same list would not be looked at anew
        late.refresh(None, [], [], some)
        assert late.index().told_last([1, 9], [9, 20]).tolist() == [NONE, NONE]
        assert late.samples([1], [41]) == ()
    tags, times = zip(*told, strict=True)
    found = late.index().values(late.index().told_last(tags, times))[0]
    assert list(zip(found.tolist(), late.samples(tags, times), strict=True)) == list(told.values())


def test_tags_and_times_that_make_the_same_number_are_told_apart(monkeypatch):
    monkeypatch.setattr("plantctl.history.reading.late_index._OF_TAG", np.uint64(10))
    index, told = LateIndex(), {}
    chance = Random(3)
    for sequence in range(1, 120):
        tag, utc_ns, value = chance.randint(1, 5), 10 * chance.randint(1, 9), chance.random()
        told[tag, utc_ns] = value
        index.add([LateSaid(sequence, 0, LateRecord(LateAct.IMPORTED, 1, late_row(tag, utc_ns, value, 0)))])
        tags, times = zip(*told, strict=True)
        assert index.values(index.told_last(tags, times))[0].tolist() == list(told.values())
        assert index.told_last([6, 1], [10, 200]).tolist() == [NONE, NONE], "60 and 210 are of others"


def test_what_is_told_during_a_long_import_is_not_sorted_again_with_each_record(monkeypatch):
    late, kept, moved = LateRows(), [], []

    def counted(keys, *arguments, sort=np.argsort, **more):
        moved.append(len(keys))
        return sort(keys, *arguments, **more)

    monkeypatch.setattr(np, "argsort", counted)
    records = 256
    for sequence in range(1, records + 1):
        told = rows(ROWS_MAX)
        told["utc_ns"] = 1000 * told["utc_ns"] + sequence
        kept.append(frame(sequence, LateRecord(LateAct.IMPORTED, 7, told, "ann", "log.csv")))
        late.refresh(None, [], [], kept)
        assert (late.index().told_last(told["tag"], told["utc_ns"]) != NONE).all()
    assert sum(moved) <= 12 * records * ROWS_MAX, "each row some times, and not once a record"
