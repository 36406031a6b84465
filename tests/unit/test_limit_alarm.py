"""The alarm: its table, its delays, its dead-band, bad values."""

import math

import pytest

from plantctl.blocks.limit_alarm import ACKED, LATCHED, LATCHED_ACKED, NORMAL, RTN, UNACK
from plantctl.core.quality import BAD
from tests.row_bench import Bench


def alarm(**parameters):
    """An alarm at 10 with a value far from it."""
    bench = Bench("limit_alarm", **{"limit": 10.0, **parameters})
    bench["pv"] = 0.0 if parameters.get("high", True) else 20.0
    bench.step(0.1)
    return bench


def state(bench, pv=None, steps=1, ack=False):
    if pv is not None:
        bench["pv"] = pv
    if ack:
        bench.write("ack", 1)
    for _ in range(steps):
        bench.step(0.1)
    return int(bench["state"])


ON, OFF = 11.0, 0.0


@pytest.mark.parametrize(
    ("way", "event", "after"),
    [
        ((), ("on",), UNACK),
        ((), ("off",), NORMAL),
        (("on",), ("off",), RTN),
        (("on",), ("ack",), ACKED),
        (("on",), ("on",), UNACK),
        (("on", "ack"), ("off",), NORMAL),
        (("on", "ack"), ("on",), ACKED),
        (("on", "off"), ("on",), UNACK),
        (("on", "off"), ("ack",), NORMAL),
        (("on", "off"), ("off",), RTN),
    ],
)
def test_the_table(way, event, after):
    bench = alarm()
    for done in (*way, *event):
        state(bench, {"on": ON, "off": OFF}.get(done), ack=done == "ack")
    assert bench["state"] == after


def test_an_acknowledgement_is_of_what_was_shown_not_of_what_comes_with_it():
    bench = alarm()
    state(bench, ON)
    state(bench, OFF)
    assert state(bench, ON, ack=True) == UNACK
    assert bench["ack"] == 0


def test_it_returns_and_is_acknowledged_in_one_scan():
    bench = alarm()
    state(bench, ON)
    assert state(bench, OFF, ack=True) == NORMAL


@pytest.mark.parametrize(("high", "at", "past"), [(True, 10.0, 9.999), (False, 10.0, 10.001)])
def test_at_the_limit_is_beyond_it(high, at, past):
    bench = alarm(high=high)
    assert state(bench, past) == NORMAL
    assert state(bench, at) == UNACK


@pytest.mark.parametrize(("delay", "steps"), [(0.0, 1), (0.1, 2), (1.0, 11), (0.25, 4)])
def test_it_comes_when_the_value_has_been_beyond_for_the_delay(delay, steps):
    bench = alarm(on_delay=delay)
    if steps > 1:
        assert state(bench, ON, steps - 1) == NORMAL
    assert state(bench, ON) == UNACK


@pytest.mark.parametrize(("delay", "steps"), [(0.0, 1), (0.1, 2), (1.0, 11)])
def test_it_goes_when_the_value_has_been_back_for_the_delay(delay, steps):
    bench = alarm(off_delay=delay)
    state(bench, ON)
    if steps > 1:
        assert state(bench, OFF, steps - 1) == UNACK
    assert state(bench, OFF) == RTN


def test_a_short_peak_starts_the_delay_anew():
    bench = alarm(on_delay=0.5)
    state(bench, ON, 5)
    state(bench, OFF)
    assert state(bench, ON, 5) == NORMAL
    assert state(bench, ON) == UNACK


@pytest.mark.parametrize(("high", "inside", "back"), [(True, 9.5, 9.49), (False, 10.5, 10.51)])
def test_it_goes_only_when_the_value_is_back_by_more_than_the_dead_band(high, inside, back):
    bench = alarm(high=high, dead_band=0.5)
    state(bench, ON if high else 9.0)
    assert state(bench, inside, 50) == UNACK
    assert state(bench, back) == RTN


def test_inside_the_dead_band_an_off_delay_starts_anew():
    bench = alarm(dead_band=1.0, off_delay=0.3)
    state(bench, ON)
    state(bench, 8.0, 3)
    state(bench, 9.5)
    assert state(bench, 8.0, 3) == UNACK
    assert state(bench, 8.0) == RTN


@pytest.mark.parametrize("value", [(99.0, BAD), (math.nan, 0), (math.inf, 0)])
def test_a_bad_value_changes_nothing_and_is_told(value):
    bench = alarm()
    assert state(bench, value, 50) == NORMAL
    assert bench["bad_input"] == 1
    state(bench, ON)
    assert state(bench, value, 50) == UNACK
    assert bench["active"] == 1


def test_clocks_stand_still_while_the_value_is_bad():
    bench = alarm(on_delay=0.5)
    state(bench, ON, 3)
    state(bench, (ON, BAD), 50)
    assert state(bench, ON, 2) == NORMAL
    assert state(bench, ON) == UNACK


def test_a_value_beyond_the_limit_at_the_first_scan_alarms_after_its_delay():
    bench = Bench("limit_alarm", limit=10.0, on_delay=0.1)
    bench["pv"] = ON
    bench.step(0.1)
    assert bench["state"] == NORMAL
    bench.step(0.1)
    assert bench["state"] == UNACK


@pytest.mark.parametrize(
    ("way", "after"),
    [
        (("on", "off"), LATCHED),
        (("on", "off", "ack"), LATCHED_ACKED),
        (("on", "ack", "off"), LATCHED_ACKED),
        (("on", "off", "ack", "reset"), NORMAL),
        (("on", "ack", "off", "reset"), NORMAL),
        (("on", "off", "reset"), RTN),
        (("on", "off", "reset", "ack"), NORMAL),
        (("on", "off", "on"), UNACK),
        (("on", "ack", "off", "on"), UNACK),
        (("on", "reset"), UNACK),
        (("on", "ack", "reset"), ACKED),
        (("reset",), NORMAL),
        (("on", "off", "reset", "reset"), RTN),
        (("on", "off", "off"), LATCHED),
        (("on", "ack", "off", "ack"), LATCHED_ACKED),
    ],
)
def test_a_latched_alarm_stays_until_a_person_resets_it(way, after):
    bench = alarm(latched=True)
    for done in way:
        if done == "reset":
            bench.write("reset", 1)
        state(bench, {"on": ON, "off": OFF}.get(done), ack=done == "ack")
    assert bench["state"] == after
    assert bench["reset"] == 0


@pytest.mark.parametrize(("acknowledged", "after"), [(False, RTN), (True, NORMAL)])
def test_an_alarm_that_is_told_not_to_latch_any_more_goes_on_as_the_others(acknowledged, after):
    bench = alarm(latched=True)
    state(bench, ON, ack=False)
    state(bench, ack=acknowledged)
    state(bench, OFF)
    bench.write("latched", 0)
    state(bench)
    assert bench["state"] == after


def armed(bench, true, steps=1, quality=0):
    bench["arm"] = (float(true), quality)
    for _ in range(steps):
        bench.step(0.1)
    return int(bench["state"])


def test_before_the_plant_is_in_the_state_that_arms_it_no_alarm_comes():
    bench = Bench("limit_alarm", limit=10.0, has_arm=True, arm_for=0.5)
    bench["pv"] = ON
    assert armed(bench, False, 50) == NORMAL
    assert bench["suppressed"] == 1
    assert armed(bench, True, 5) == NORMAL
    assert armed(bench, True) == UNACK
    assert bench["suppressed"] == 0


def test_the_delay_of_an_alarm_begins_when_it_is_armed():
    bench = Bench("limit_alarm", limit=10.0, on_delay=0.3, has_arm=True)
    bench["pv"] = ON
    armed(bench, False, 50)
    assert armed(bench, True, 3) == NORMAL
    assert armed(bench, True) == UNACK


@pytest.mark.parametrize(("ack", "after"), [(False, RTN), (True, NORMAL)])
def test_what_stands_returns_when_the_plant_leaves_the_state_that_armed_it(ack, after):
    bench = Bench("limit_alarm", limit=10.0, off_delay=60.0, has_arm=True)
    bench["pv"] = ON
    armed(bench, True)
    state(bench, ack=ack)
    assert armed(bench, False) == after
    assert bench["active"] == 0


def test_a_latched_alarm_stays_latched_when_it_is_suppressed():
    bench = Bench("limit_alarm", limit=10.0, latched=True, has_arm=True)
    bench["pv"] = ON
    armed(bench, True)
    assert armed(bench, False) == LATCHED


@pytest.mark.parametrize(("before", "after"), [(True, UNACK), (False, NORMAL)])
def test_an_arming_condition_that_cannot_be_known_leaves_it_as_it_was(before, after):
    bench = Bench("limit_alarm", limit=10.0, has_arm=True)
    bench["pv"] = OFF
    armed(bench, before)
    bench["pv"] = ON
    assert armed(bench, not before, 50, BAD) == after
