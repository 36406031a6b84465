"""Who is to be called, from transitions and times: steps, repeats, the end of a call, old news, and replays."""

import pytest

from plantctl.core.event import Event, EventKind
from plantctl.sinks._callout_book import WORDS, CallBook, Step

S = 1_000_000_000
MIN = 60 * S
T0 = 1_763_877_600 * S
STEPS = (Step(2 * MIN, ("shift",)), Step(10 * MIN, ("engineer", "works")))
NUMBERS = {word: number for number, word in enumerate(("normal", "unack", "acked", "rtn", "latched", "latched-acked"))}


class Story:
    def __init__(self, **settings):
        given = {"steps": STEPS, "repeat_ns": 30 * MIN, "oldest_ns": 720 * MIN} | settings
        self.book = CallBook(**given)
        self.frame = 0

    def alarm(self, word, at, target="TI-1.high", heard=None, actor=""):
        self.frame += 1
        words = ("normal", "unack", "acked", "rtn", "latched", "latched-acked")
        event = Event(EventKind.ALARM, 1, 0, T0 + at, target, 0.0, float(NUMBERS[word]), words, actor)
        return self.book.take(event, (self.frame, 0), T0 + (at if heard is None else heard))

    def calls(self, at):
        """Who is told what now, and that it arrives."""
        due = self.book.due(T0 + at)
        for person, tellings in due.items():
            self.book.told(person, tellings, T0 + at)
        return {(person, t.target, t.state) for person, tellings in due.items() for t in tellings}


def test_the_words_are_those_of_the_block():
    from plantctl.blocks.limit_alarm import LimitAlarm
    from plantctl.core.block import fields

    (state,) = [f.declared.words for f in fields(LimitAlarm) if f.name == "state"]
    assert set(state) == set(WORDS)


def test_an_alarm_goes_up_the_steps_until_somebody_acknowledges():
    story = Story()
    story.alarm("unack", 0)
    assert story.calls(119 * S) == set()
    assert story.calls(2 * MIN) == {("shift", "TI-1.high", "unack")}
    assert story.calls(9 * MIN) == set()
    assert story.calls(10 * MIN) == {("engineer", "TI-1.high", "unack"), ("works", "TI-1.high", "unack")}
    story.alarm("acked", 11 * MIN, actor="ada")
    people = ("shift", "engineer", "works")
    assert story.calls(11 * MIN) == {(person, "TI-1.high", "acked") for person in people}
    assert story.calls(60 * MIN) == set()
    story.alarm("normal", 70 * MIN)
    assert story.calls(70 * MIN) == {(person, "TI-1.high", "normal") for person in people}
    assert story.calls(700 * MIN) == set()


def test_who_was_not_called_hears_nothing_of_the_end():
    story = Story()
    story.alarm("unack", 0)
    story.alarm("acked", MIN)
    story.alarm("normal", 2 * MIN)
    assert story.calls(30 * MIN) == set()


def test_it_is_told_again_and_no_more_than_that():
    story = Story()
    story.alarm("unack", 0)
    told = [at for at in range(100) if ("shift", "TI-1.high", "unack") in story.calls(at * MIN)]
    assert told == [2, 32, 62, 92]


def test_one_that_comes_and_goes_is_one_call():
    story = Story()
    story.alarm("unack", 0)
    assert story.calls(2 * MIN)
    told = 0
    for k in range(60):
        at = 2 * MIN + k * 10 * S
        story.alarm("rtn" if k % 2 == 0 else "unack", at)
        told += len(story.calls(at))
    assert told <= 8  # in ten minutes, of 60 transitions
    assert story.book.calls["TI-1.high"].came_ns == T0


def test_one_that_returned_is_not_called_and_is_not_forgotten():
    story = Story()
    story.alarm("unack", 0)
    assert story.calls(2 * MIN)
    story.alarm("rtn", 3 * MIN)
    assert story.calls(3 * MIN) == {("shift", "TI-1.high", "rtn")}
    assert story.calls(60 * MIN) == set()
    assert story.book.waiting() == 1


def test_what_is_long_past_is_told_to_nobody():
    story = Story()
    story.alarm("unack", 0, heard=721 * MIN)
    assert story.calls(721 * MIN) == set()
    story.alarm("acked", 722 * MIN)
    story.alarm("normal", 723 * MIN)
    story.alarm("unack", 724 * MIN)
    assert story.calls(726 * MIN) == {("shift", "TI-1.high", "unack")}


def test_an_alarm_that_nobody_ends_is_not_told_for_ever():
    story = Story()
    story.alarm("unack", 0)
    told = [at for at in range(0, 3000, 10) if story.calls(at * MIN)]
    assert len(told) > 10
    assert max(told) <= 720


def test_events_that_come_twice_and_out_of_order_change_nothing():
    story = Story()
    events = [("unack", 0), ("acked", MIN), ("normal", 2 * MIN)]
    for word, at in events:
        assert story.alarm(word, at)
    story.frame = 0
    for word, at in events:
        assert not story.alarm(word, at)
    assert story.calls(30 * MIN) == set()


def test_a_message_that_was_under_way_while_the_alarm_changed_is_followed_by_another():
    story = Story()
    story.alarm("unack", 0)
    due = story.book.due(T0 + 2 * MIN)
    story.alarm("acked", 2 * MIN)
    story.book.told("shift", due["shift"], T0 + 2 * MIN)
    assert story.calls(3 * MIN) == {("shift", "TI-1.high", "acked")}


def test_what_is_kept_goes_on_where_it_was():
    story = Story()
    story.alarm("unack", 0)
    story.alarm("unack", MIN, target="LI-2.low")
    story.calls(2 * MIN)
    story.book.tested["shift"] = T0
    later = Story()
    later.book.decode(story.book.encode())
    assert later.book == story.book
    assert later.calls(3 * MIN) == {("shift", "LI-2.low", "unack")}


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format": 2}', b'{"format":1,"calls":{"a":[1]},"tested":{}}', b"[1]"])
def test_what_is_no_list_of_calls_is_refused(data):
    with pytest.raises(ValueError):  # noqa: PT011
        Story().book.decode(data)


def test_tests_come_in_time_and_after_the_clock_went_back():
    book = Story().book
    assert book.tests(["a", "b"], 60 * MIN, T0) == ["a", "b"]
    book.tested |= {"a": T0, "b": T0 - 30 * MIN}
    assert book.tests(["a", "b"], 60 * MIN, T0 + 30 * MIN) == ["b"]
    assert book.tests(["a"], 60 * MIN, T0 - 1) == ["a"]
