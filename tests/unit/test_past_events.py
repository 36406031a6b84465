"""What happened before a page came: from the record and from memory, each once, bounded, and since when it is all."""

import json
import random

import pytest

from plantctl.core.event import Event, EventKind
from plantctl.core.frame import IN_WORDS, Kind, encode_records, encode_texts
from plantctl.core.text import text_id
from plantctl.hmi import past_events
from plantctl.hmi.past_events import KEPT, LOOK_BACK_NS, PastEvents, recorded_events
from tests import history_bench
from tests.history_bench import SCAN_NS, UTC_NS, Plant
from tests.plan_bench import PlanBench

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
PLANT = """
plant: {name: past}
tasks: {protect: 100 ms}
tags:
  LI-1: {unit: "%", range: [0, 100]}
alarms:
  LI-1: {high: 80 %, priority: 2, cause: a, consequence: b, response: c}
"""


@pytest.fixture(scope="module")
def plan():
    return PlanBench(PLANT).plan


@pytest.fixture
def plant(plan):
    return Recording(plan)


class Recording(Plant):
    """A plant with a record, whose alarm comes and is acknowledged as one likes; `told` is what the scan told."""

    def __init__(self, plan):
        super().__init__(random.Random(7))
        self.plan = plan
        self.told = []

    def quality_change(self):
        """The quality of a value changes."""
        record = {
            "old": 0,
            "new": 1,
            "tag": self.plan.points[self.plan.rows["LI-1"]].id,
            "code": int(EventKind.QUALITY),
        }
        self.ring.append(Kind.EVENT, self.count, self.mono_ns, encode_records(Kind.EVENT, [record]))
        return Event(EventKind.QUALITY, self.count, self.mono_ns, self.utc_ns, "LI-1", 0, 1)

    def alarm(self, old=0, new=1, actor="", tag=None):
        point = self.plan.points[self.plan.rows["LI-1.high"]]
        texts = {text_id(actor): actor} if actor else {}
        if texts:
            self.ring.append(Kind.TEXT, self.count, self.mono_ns, encode_texts(texts))
        record = {"old": old, "new": new, "actor": text_id(actor), "tag": point.id if tag is None else tag}
        record |= {"code": int(EventKind.ALARM), "flags": IN_WORDS}
        self.ring.append(Kind.EVENT, self.count, self.mono_ns, encode_records(Kind.EVENT, [record]))
        words = ("normal", "unack", "acked")
        event = Event(
            EventKind.ALARM, self.count, self.mono_ns, self.utc_ns, "LI-1.high", old, new, words, actor, "", 0
        )
        self.told.append(event)
        return event

    def later(self, span_ns):
        """The plant runs on, and what it said is on disk."""
        self.scan(1, span_ns)
        self.keep()

    def recorded(self):
        return recorded_events(self.history(), self.plan, self.utc_ns)


def said(past):
    """The answer: since when, why, and each event's time, target, change and person."""
    answer = json.loads(past.answer())
    shown = [(int(e["t"]), e["target"], e["old"], e["new"], e["actor"]) for e in answer["events"]]
    return int(answer["since"]), answer["why"], shown


def test_the_record_tells_what_happened_before_with_words_and_person(plant, plan):
    plant.scan(3)
    first_ns = plant.utc_ns
    plant.alarm()
    plant.scan(5)
    plant.alarm(1, 2, "ada (operator)")
    plant.later(SCAN_NS)
    past = PastEvents(plan, [], plant.utc_ns)
    assert said(past) == (plant.utc_ns, "unread", [])
    past.fill(plant.recorded(), 0)
    since_ns, why, events = said(past)
    assert why == "record"
    assert since_ns <= first_ns
    assert events == [
        (first_ns, "LI-1.high", "normal", "unack", ""),
        (plant.told[1].utc_ns, "LI-1.high", "unack", "acked", "ada (operator)"),
    ]
    assert json.loads(past.answer())["events"][0]["text"] == plan.points[plan.rows["LI-1.high"]].text


def test_what_record_and_memory_both_have_is_told_once_and_what_is_not_yet_on_disk_as_well(plant, plan):
    plant.scan(3)
    both = plant.alarm()
    plant.later(SCAN_NS)
    only_in_memory = plant.alarm(1, 2)
    past = PastEvents(plan, [both], plant.utc_ns)
    past.take(only_in_memory)
    past.fill(plant.recorded(), 0)
    past.take(plant.alarm(2, 0))
    assert [event[2:4] for event in said(past)[2]] == [("normal", "unack"), ("unack", "acked"), ("acked", "normal")]
    assert past.complete


def test_it_is_looked_back_for_eight_hours_over_sealed_files_and_no_farther(plant, plan):
    for _ in range(10):
        plant.scan()
        plant.alarm()
        plant.scan()
        plant.later(HOUR_NS)
        plant.seal()
    found = plant.recorded()
    assert (found.why, found.since_ns) == ("hours", plant.utc_ns - LOOK_BACK_NS)
    assert [e.utc_ns for e in found.events] == [e.utc_ns for e in plant.told if e.utc_ns >= found.since_ns]
    assert 7 <= len(found.events) <= 9


def test_no_more_are_kept_than_said_and_the_beginning_moves_with_them(plant, plan):
    for k in range(KEPT + 30):
        plant.alarm(k % 2, 1 - k % 2)
        plant.scan()
        if k % 50 == 0:
            plant.keep()
    plant.keep()
    found = plant.recorded()
    assert (found.why, len(found.events)) == ("many", KEPT)
    assert found.since_ns == found.events[0].utc_ns
    assert [e.utc_ns for e in found.events] == [e.utc_ns for e in plant.told[-KEPT:]]
    past = PastEvents(plan, [], plant.utc_ns)
    past.fill(found, 0)
    past.take(plant.alarm())
    since_ns, why, events = said(past)
    assert (why, len(events), since_ns) == ("many", KEPT, plant.told[-KEPT].utc_ns)
    assert len(past.answer()) < 100_000


def test_many_changes_of_quality_do_not_push_out_what_people_did(plant, plan):
    done = plant.alarm(1, 2, "ada (operator)")
    qualities = []
    for k in range(KEPT + 30):
        plant.scan()
        qualities.append(plant.quality_change())
        if k % 50 == 0:
            plant.keep()
    plant.keep()
    found = plant.recorded()
    assert (found.why, found.events[0].utc_ns, len(found.events)) == ("record", done.utc_ns, KEPT + 1)
    past = PastEvents(plan, [], plant.utc_ns)
    past.fill(found, 0)
    answer = json.loads(past.answer())
    assert (answer["why"], len(answer["events"])) == ("record", KEPT)
    assert (answer["events"][0]["actor"], int(answer["since"])) == ("ada (operator)", found.since_ns)
    left_out, first = qualities[-KEPT], qualities[-KEPT + 1]
    assert left_out.utc_ns < int(answer["quality_since"]) <= first.utc_ns == int(answer["events"][1]["t"])
    plant.scan()
    past.take(plant.quality_change())
    assert json.loads(past.answer())["events"][0]["actor"] == "ada (operator)"
    for _ in range(KEPT):
        past.take(plant.alarm())
    assert {each["kind"] for each in json.loads(past.answer())["events"]} == {"alarm"}
    assert json.loads(past.answer())["why"] == "many"


def test_a_record_that_cannot_be_read_is_said_and_memory_told_all_the_same(plant, plan):
    early = plant.alarm()
    past = PastEvents(plan, [early], plant.utc_ns + SECOND_NS)
    assert said(past) == (early.utc_ns, "unread", [(early.utc_ns, "LI-1.high", "normal", "unack", "")])
    assert not past.complete


def test_after_frames_were_lost_the_record_is_asked_again_and_fills_the_hole(plant, plan):
    past = PastEvents(plan, [], plant.utc_ns)
    past.fill(plant.recorded(), 0)
    plant.scan(2)
    unseen = plant.alarm()
    plant.later(SCAN_NS)
    past.lost(plant.utc_ns)
    assert (past.complete, said(past)[:2]) == (False, (plant.utc_ns, "unread"))
    losses = past.losses
    past.lost(plant.utc_ns)
    past.fill(plant.recorded(), losses)
    assert not past.complete, "it was read before the second loss"
    past.fill(plant.recorded(), past.losses)
    assert past.complete
    assert [event[0] for event in said(past)[2]] == [unseen.utc_ns]


def test_a_plant_without_a_record_yet_begins_where_its_gateway_does(plan):
    empty = Recording(plan)
    past = PastEvents(plan, [], UTC_NS)
    past.fill(recorded_events(empty.history(), plan, UTC_NS + SECOND_NS), 0)
    assert said(past) == (UTC_NS, "record", [])


def test_a_tag_that_todays_plan_does_not_have_is_told_by_the_name_it_had(plan, monkeypatch):
    monkeypatch.setattr(history_bench, "PLAN_TEXT", f"{history_bench.PLAN_TEXT}900\tA-9\tm3/h\twas there once\n")
    plant = Recording(plan)
    plant.scan()
    plant.alarm(tag=900)
    plant.alarm(tag=901)
    plant.later(SCAN_NS)
    assert [e.target for e in plant.recorded().events] == ["A-9", "#901"]


def test_the_answer_is_made_once_for_all_who_ask(plant, plan, monkeypatch):
    made = []
    monkeypatch.setattr(past_events, "encode", lambda told: made.append(told) or "{}")
    past = PastEvents(plan, [plant.alarm()], plant.utc_ns)
    for _ in range(100):
        past.answer()
    past.take(plant.alarm(1, 2))
    past.answer()
    assert [len(each.events) for each in made] == [1, 2]
