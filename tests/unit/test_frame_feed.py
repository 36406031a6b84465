"""What a service reads from the frame ring: nothing twice, nothing wrong, and it says what it missed."""

import pytest

from plantctl.app.split import frame_feed
from plantctl.app.split.frame_feed import EVENTS_KEPT, FrameFeed
from plantctl.app.split.segments import FRAMES, Role
from plantctl.core.command import Stage
from plantctl.core.event import EventKind
from plantctl.core.frame import NO_TAG, Kind, encode_records
from plantctl.core.ring import HEAD_BYTES, RingWriter
from tests.gateway_bench import SECOND_NS, UTC_NS, living


@pytest.fixture
def bench(tmp_path):
    with living(tmp_path) as made:
        yield made


def feed_of(bench):
    feed = FrameFeed(bench.plan, bench.given.reader(Role.SCAN).area(FRAMES))
    feed.take()
    return feed


def told(feed):
    return [(e.target, e.old_text, e.new_text, e.reason) for e in feed.recent]


def test_transitions_are_told_with_their_words_and_a_service_that_starts_later_knows_them_as_well(bench):
    scan = bench.scan
    scan.event(EventKind.MODE, "40-AIC-4212", 3, 4)
    scan.event(EventKind.DEVICE, "PLC-4", 0, 2, "no answer")
    scan.event(EventKind.QUALITY, "40-AI-4212", 0, 2)
    scan.event(EventKind.QUALITY, "clock.synchronised", 1, 0, "UTC was set")
    expected = [
        ("40-AIC-4212", "man", "auto", ""),
        ("PLC-4", "", "link-down", "no answer"),
        ("40-AI-4212", "good", "bad", ""),
        ("clock.synchronised", "synchronised", "doubtful", "UTC was set"),
    ]
    bench.feed.take()
    assert told(bench.feed) == expected
    assert told(feed_of(bench)) == expected


def test_what_happened_keeps_its_utc_when_the_clock_is_set_by_an_hour(bench):
    scan = bench.scan
    scan.event(EventKind.WATCHED, "clock.steps", 0, 0)
    bench.later(0.5)
    scan.offset_ns += 3600 * SECOND_NS
    scan.time()
    bench.later(0.25)
    scan.event(EventKind.WATCHED, "clock.steps", 0, 1)
    first = UTC_NS + SECOND_NS
    expected = [first, first + 3600 * SECOND_NS + 750_000_000]
    bench.feed.take()
    assert [e.utc_ns for e in bench.feed.recent] == expected
    assert [e.utc_ns for e in feed_of(bench).recent] == expected


def test_what_lies_before_the_oldest_time_frame_is_dated_by_it(bench):
    area = bench.scan.writer.area(FRAMES)
    bench.scan.ring = RingWriter(area, bench.plan.hash)  # a ring whose oldest frames were overwritten
    bench.scan.event(EventKind.WATCHED, "scan.held", 0, 1, "gone")
    feed = feed_of(bench)
    bench.later(0.5)
    bench.scan.time()
    feed.take()
    assert [e.utc_ns for e in feed.recent] == [UTC_NS + SECOND_NS]
    assert feed.last_hold.utc_ns == UTC_NS + SECOND_NS


def test_words_that_come_after_the_transition_that_needs_them_are_not_too_late(bench):
    bench.scan.event(EventKind.DEVICE, "PLC-4", 0, 1, "it is back", texts=False)
    bench.feed.take()
    assert told(bench.feed) == [("", "", "link-up", "")]
    bench.scan.texts("it is back", "PLC-4")
    bench.feed.take()
    assert told(bench.feed) == [("PLC-4", "", "link-up", "it is back")]


def test_frames_that_were_overwritten_before_they_were_read_are_counted_and_the_rest_is_read(bench):
    ring = bench.scan.ring
    bench.feed.take()
    assert bench.feed.lost == 0
    first = ring.next_sequence
    for _ in range(70):
        ring.append(Kind.STATE, 0, 1, bytes(ring.capacity // 64))
    bench.scan.event(EventKind.MODE, "40-AIC-4212", 3, 4)
    bench.feed.take()
    oldest = bench.feed.sequence - bench.feed.frames  # all frames since the oldest were read
    assert 0 < bench.feed.lost < 71
    assert bench.feed.lost == ring.next_sequence - first - (bench.feed.frames - (first - 1))
    assert oldest == bench.feed.lost
    assert told(bench.feed) == [("40-AIC-4212", "man", "auto", "")]


def test_a_frame_that_is_overwritten_while_it_is_read_is_not_believed(bench, monkeypatch):
    bench.feed.take()
    ring = bench.scan.ring
    bench.scan.event(EventKind.MODE, "40-AIC-4212", 3, 4)
    overran = []

    class Overrunning:
        """The first byte of a frame is looked at when the writer comes around."""

        @staticmethod
        def unpack_from(view):
            if not overran:
                overran.append(1)
                for _ in range(70):
                    ring.append(Kind.STATE, 0, 1, bytes(ring.capacity // 64))
            return frame_feed_head.unpack_from(view)

    frame_feed_head = frame_feed.HEAD
    monkeypatch.setattr(frame_feed, "HEAD", Overrunning)
    bench.feed.take()
    assert told(bench.feed) == []
    assert bench.feed.damaged == 0
    assert bench.feed.lost > 0
    assert bench.feed.frames + bench.feed.lost == bench.feed.sequence == ring.next_sequence - 1


@pytest.mark.parametrize("kind", [Kind.EVENT, Kind.RESULT, Kind.TEXT, Kind.TIME])
def test_a_frame_whose_bytes_changed_is_counted_and_the_next_one_is_read(bench, kind):
    bench.feed.take()
    scan, area = bench.scan, bench.scan.writer.area(FRAMES)
    before = scan.ring._head
    scan.ring.append(kind, 0, scan.now_ns, bytes(64))
    area[HEAD_BYTES + before % scan.ring.capacity + 60] ^= 1
    scan.event(EventKind.MODE, "40-AIC-4212", 3, 4)
    frames = bench.feed.frames
    assert bench.feed.take() == []
    assert (bench.feed.damaged, bench.feed.frames - frames) == (1, 2)
    assert told(bench.feed) == [("40-AIC-4212", "man", "auto", "")]


@pytest.mark.parametrize(("kind", "payload"), [(Kind.TIME, b""), (Kind.TEXT, b"\xff" * 16)])
def test_a_whole_frame_that_says_nothing_sensible_is_counted_as_damaged(bench, kind, payload):
    bench.feed.take()
    bench.scan.ring.append(kind, 0, 1, payload)
    bench.feed.take()
    assert bench.feed.damaged == 1


def test_a_new_scan_goes_on_in_the_ring_and_nothing_is_read_twice(bench):
    bench.ask()
    (command,) = bench.scan.commands()
    bench.scan.event(EventKind.MODE, "40-AIC-4212", 3, 4)
    bench.scan.say(command, Stage.REFUSED, "tripped", "no")
    found = bench.feed.take()
    assert [(r.stage, r.code, r.text) for _, r in found] == [(Stage.REFUSED, "tripped", "no")]
    assert found[0][0] == bench.scan.frame
    bench.scan.come_back()
    bench.scan.event(EventKind.MODE, "40-AIC-4212", 4, 3)
    assert bench.feed.take() == []
    assert told(bench.feed) == [("40-AIC-4212", "man", "auto", ""), ("40-AIC-4212", "auto", "man", "")]
    assert bench.feed.lost == 0


def test_only_the_last_transitions_are_kept_and_the_hold_beyond_them(bench):
    bench.scan.event(EventKind.WATCHED, "scan.held", 0, 1, "field generation 1 is not alive")
    for number in range(EVENTS_KEPT + 5):
        bench.scan.event(EventKind.WATCHED, "clock.steps", number, number + 1)
    bench.feed.take()
    assert [e.new for e in bench.feed.recent] == [float(n + 1) for n in range(5, EVENTS_KEPT + 5)]
    crowd = [{"new": number, "tag": NO_TAG, "code": int(EventKind.WATCHED)} for number in range(EVENTS_KEPT + 7)]
    bench.scan.ring.append(Kind.EVENT, 0, 1, encode_records(Kind.EVENT, crowd))
    bench.feed.take()
    assert [e.new for e in bench.feed.recent] == [float(n) for n in range(7, EVENTS_KEPT + 7)]
    assert bench.feed.last_hold.reason == "field generation 1 is not alive"
