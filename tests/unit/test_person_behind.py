"""What a person brings about in an alarm or an effect names the person; what the plant does names nobody."""

import pytest

from plantctl.core.event import EventKind
from tests.plan_bench import PlanBench

PLANT = """
plant: {name: persons}
tasks: {protect: 100 ms, control: 1 s}
tags:
  LI-1: {unit: "%", range: [0, 100], initial: 50}
  TI-1: {unit: degC, range: [0, 100], initial: 20}
  HS-1: {range: [0, 1], access: write}
causes:
  C-1: {text: level high, when: "{LI-1} > 90 [%]"}
effects:
  E-1: {force: {HS-1: 0}, group: G}
chart: {C-1: {E-1: latched}}
alarms:
  LI-1: {high: 80 %, priority: 2, cause: a, consequence: b, response: c}
  TI-1: {high: 60 degC, priority: 2, cause: a, consequence: b, response: c, latched: true}
blocks:
  SLOW: {kind: limit_alarm, task: control, pv: TI-1, limit: 50 degC}
"""
PERSON = ("bench", "a test")


def told(events, *kinds):
    """Target, what it became, and who did it and why."""
    return [(e.target, e.new_text, e.actor, e.reason) for e in events if e.kind in kinds]


@pytest.fixture
def plant():
    bench = PlanBench(PLANT)
    bench.scans(20)
    bench.scans(11, ("reset", "E-1"))
    return bench


def alarms(events):
    return told(events, EventKind.ALARM)


def test_who_acknowledges_is_named_by_the_alarms_own_transition_and_who_raises_it_is_nobody(plant):
    assert alarms(plant.scans(11, **{"LI-1": 85.0})) == [("LI-1.high", "unack", "", "")]
    assert alarms(plant.scans(11, ("ack", "LI-1.high"))) == [("LI-1.high", "acked", *PERSON)]
    assert alarms(plant.scans(11, **{"LI-1": 50.0})) == [("LI-1.high", "normal", "", "")]


def test_what_had_returned_before_it_was_acknowledged_ends_by_the_person(plant):
    plant.scans(11, **{"LI-1": 85.0})
    assert alarms(plant.scans(11, **{"LI-1": 50.0})) == [("LI-1.high", "rtn", "", "")]
    assert alarms(plant.scans(11, ("ack", "LI-1"))) == [("LI-1.high", "normal", *PERSON)]


def test_an_alarm_that_comes_with_the_acknowledgement_of_the_one_before_is_nobodys(plant):
    plant.scans(11, **{"LI-1": 85.0})
    plant.scans(11, **{"LI-1": 50.0})
    assert alarms(plant.scans(11, ("ack", "LI-1.high"), **{"LI-1": 85.0})) == [("LI-1.high", "unack", "", "")]
    assert alarms(plant.scans(11, **{"LI-1": 50.0})) == [("LI-1.high", "rtn", "", "")]


def test_a_slow_alarm_takes_the_acknowledgement_scans_later_and_names_the_person_all_the_same(plant):
    plant.scans(11, **{"TI-1": 55.0})
    while plant.number % 10 != 5:
        plant.scan()
    events = plant.scan(("ack", "SLOW")).events
    assert alarms(events) == []
    for _ in range(10):
        events += plant.scan().events
    assert alarms(events) == [("SLOW", "acked", *PERSON)]


def test_the_reset_of_a_latched_alarm_and_of_an_effect_names_the_person(plant):
    plant.scans(11, **{"TI-1": 70.0, "LI-1": 95.0})
    plant.scans(11, ("ack", "TI-1"), ("ack", "LI-1"), **{"TI-1": 20.0, "LI-1": 50.0})
    assert alarms(plant.scans(11, ("reset", "TI-1"))) == [("TI-1.high", "normal", *PERSON)]
    found = plant.scans(11, ("reset", "E-1"))
    assert [(t, *who) for t, new, *who in told(found, EventKind.TRIP)] == [("E-1", *PERSON)]


def test_a_refused_acknowledgement_puts_its_name_to_nothing(plant):
    plant.scan(("ack", "LI-1.high"))
    assert alarms(plant.scans(11, **{"LI-1": 85.0})) == [("LI-1.high", "unack", "", "")]
