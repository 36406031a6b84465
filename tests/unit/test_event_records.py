"""Whoever reads transitions back from the frames sees what the executive told, to the word."""

from plantctl.app.split.frame_feed import FrameFeed
from plantctl.core.event import Event, EventKind
from plantctl.core.frame import IN_WORDS, Kind, encode_records
from tests.restart_bench import CASCADE, UTC_NS, Logged


def test_every_kind_of_transition_is_read_back_as_it_was_told(tmp_path):
    plant = Logged(CASCADE, tmp_path)
    plant.begin()
    told = []
    for commands in (
        [],
        [("reset", "E1")],
        [("mode", "FIC-1", "man"), ("set", "LIC-1.sp", "60")],
        [("output", "FIC-1", "30"), ("tune", "LIC-1.gain", "2"), ("mode", "FIC-1", "fly"), ("set", "NONE", "1")],
        [("set", "XI-1", "1")],
        [],
        [("reset", "E1")],
        [("set", "PV-1", "5")],
    ):
        told += plant.scan(*commands).events
    told += plant.scan(**{"LI-1": 75.0}).events
    told += plant.scan(**{"LI-1": (20.0, 2)}).events
    feed = FrameFeed(plant.plan, plant.buffer)
    feed.take()

    def seen(event):
        return (event.kind, event.scan, event.mono_ns, event.target, event.old_text, event.new_text)

    who = [(e.actor, e.reason, e.source_ns) for e in told]
    assert [seen(e) for e in feed.recent] == [seen(e) for e in told]
    assert [(e.actor, e.reason, e.source_ns) for e in feed.recent] == who
    # The bench's UTC follows its monotonic time from the second scan on.
    assert {e.utc_ns - e.mono_ns for e in feed.recent} <= {0, UTC_NS}
    kinds = {e.kind for e in told}
    assert {EventKind.COMMAND, EventKind.REFUSED, EventKind.MODE, EventKind.ALARM, EventKind.TRIP} <= kinds
    assert {EventKind.QUALITY} <= kinds


def test_a_kind_that_a_later_version_writes_is_left_out_and_the_others_are_told(tmp_path):
    plant = Logged(CASCADE, tmp_path)
    plant.begin()
    ring = plant.executive.journal._ring
    tag = plant.plan.points[plant.plan.rows["LI-1"]].id
    records = [{"new": 1.0, "tag": tag, "code": code, "flags": IN_WORDS} for code in (999, int(EventKind.QUALITY), 0)]
    ring.append(Kind.EVENT, 3, 50, encode_records(Kind.EVENT, records))
    unknown = {"new": 2.0, "tag": 4_000_000_000, "code": int(EventKind.WATCHED)}
    ring.append(Kind.EVENT, 3, 50, encode_records(Kind.EVENT, [unknown]))
    feed = FrameFeed(plant.plan, plant.buffer)
    feed.take()
    words = ("good", "uncertain", "bad")
    assert feed.recent == [
        Event(EventKind.QUALITY, 3, 50, UTC_NS + 50, "LI-1", 0.0, 1.0, words),
        Event(EventKind.WATCHED, 3, 50, UTC_NS + 50, "#4000000000", 0.0, 2.0),
    ]
