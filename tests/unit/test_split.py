"""Split range: the parts, what is answered when one output or both are taken, and releases without a bump."""

import math

import pytest

from plantctl.core.block import HELD, HIGH, INIT, LOW, NONE
from plantctl.core.quality import BAD, NOT_YET
from tests.row_bench import Bench


def temperature(**parameters):
    """A cooling valve over 50..0 % and a heater over 50..100 %, both 0..100 %."""
    ends = {"first_from": 50.0, "first_to": 0.0, "second_from": 50.0, "second_to": 100.0}
    return Bench("split", **(ends | parameters))


def scan(bench, request=None, first=None, second=None):
    """One scan: both outputs do as they are asked where nothing else is said (value, status)."""
    for name, told in (("first", first), ("second", second)):
        used, status = told if told is not None else (0.0 if math.isnan(bench[name]) else bench[name], NONE)
        bench.hear(name, used, status)
    bench.back()
    if request is not None:
        bench["cas"] = request
    bench.step()
    return bench["first"], bench["second"]


@pytest.mark.parametrize(
    ("x", "outputs"),
    [
        (0.0, (100.0, 0.0)),
        (25.0, (50.0, 0.0)),
        (50.0, (0.0, 0.0)),
        (75.0, (0.0, 50.0)),
        (100.0, (0.0, 100.0)),
        (-10.0, (100.0, 0.0)),
        (120.0, (0.0, 100.0)),
    ],
)
def test_each_output_has_its_part_of_the_range(x, outputs):
    bench = temperature()
    assert scan(bench, x) == outputs
    assert bench["y"] == x


def test_parts_may_overlap_and_outputs_have_ends_of_their_own():
    bench = temperature(first_from=60.0, second_from=40.0, second_low=10.0, second_high=20.0)
    first, second = scan(bench, 50.0)
    assert first == pytest.approx(100.0 / 6.0)
    assert second == pytest.approx(10.0 + 10.0 / 6.0)


def test_what_is_used_as_asked_is_answered_as_it_is():
    bench = temperature()
    scan(bench, 30.0)
    scan(bench, 30.0)
    assert bench.answer("cas") == (30.0, NONE)


@pytest.mark.parametrize(
    ("x", "told", "answer"),
    [
        (25.0, {"first": (30.0, HIGH)}, (35.0, LOW)),
        (25.0, {"first": (80.0, LOW)}, (10.0, HIGH)),
        (75.0, {"second": (20.0, HIGH)}, (60.0, HIGH)),
        (75.0, {"second": (90.0, LOW)}, (95.0, LOW)),
        (25.0, {"first": (0.0, INIT)}, (50.0, LOW)),
        (75.0, {"second": (0.0, INIT)}, (50.0, HIGH)),
        (75.0, {"first": (40.0, INIT)}, (75.0, NONE)),
        (25.0, {"second": (40.0, INIT)}, (25.0, NONE)),
        (25.0, {"first": (30.0, INIT), "second": (0.0, INIT)}, (35.0, INIT)),
        (25.0, {"first": (0.0, INIT), "second": (30.0, INIT)}, (65.0, INIT)),
        (25.0, {"first": (0.0, INIT), "second": (0.0, INIT)}, (50.0, INIT)),
        (25.0, {"first": (math.nan, NONE), "second": (math.nan, NONE)}, (25.0, NONE)),
    ],
)
def test_the_loop_is_told_what_was_used_and_which_way_leads_no_further(x, told, answer):
    bench = temperature()
    scan(bench, x)
    scan(bench, x, **told)
    assert bench.answer("cas") == answer


def test_an_output_that_is_taken_is_asked_for_what_stands_there():
    bench = temperature()
    scan(bench, 25.0)
    assert scan(bench, 25.0, first=(12.345, INIT)) == (12.345, 0.0)
    assert scan(bench, 75.0, second=(54.321, INIT)) == (0.0, 54.321)
    assert scan(bench, 25.0, first=(math.nan, INIT), second=(math.nan, INIT)) == (50.0, 0.0)


def test_while_the_one_in_use_is_taken_the_loop_goes_on_being_told():
    bench = temperature()
    for _ in range(3):
        scan(bench, 25.0, first=(0.0, INIT))
    assert bench.answer("cas") == (50.0, LOW)


def test_after_the_release_of_both_nothing_moves():
    bench = temperature()
    scan(bench, 25.0)
    scan(bench, 25.0, first=(30.0, INIT), second=(0.0, INIT))
    request = bench.answer("cas")[0]
    assert scan(bench, request) == (pytest.approx(30.0), 0.0)


@pytest.mark.parametrize("request_of_the_loop", [(math.nan, 0), (30.0, BAD)])
def test_a_request_that_cannot_be_known_holds_both(request_of_the_loop):
    bench = temperature()
    assert math.isnan(scan(bench)[0]) or bench.quality("first") == NOT_YET
    scan(bench, 25.0)
    assert scan(bench, request_of_the_loop) == (50.0, 0.0)
    assert (bench.quality("first"), bench.quality("second"), bench.quality("y")) == (HELD,) * 3


def test_parts_and_outputs_without_width_stand_closed():
    bench = temperature(first_to=50.0, second_low=7.0, second_high=7.0)
    assert scan(bench, 0.0) == (0.0, 7.0)
    scan(bench, 100.0, first=(0.0, INIT), second=(7.0, INIT))
    assert bench.answer("cas") == (50.0, INIT)
