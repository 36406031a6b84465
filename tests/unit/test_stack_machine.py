"""What the stack machine does with bad inputs and undefined results; every run is interpreted and compiled."""

import math

import numpy as np
import pytest

from plantctl.core.quality import BAD, FORCED, GOOD, LIMIT_HIGH, SIMULATED, UNCERTAIN, Reason, bad_because
from plantctl.plan.expression_table import pack
from plantctl.scan import stack_machine
from tests.expression_runs import BEFORE, compiled, compiled_run, evaluate

UNITS = {"A": "1", "B": "1", "C": "1"}
COMM = bad_because(Reason.COMM)
STALE = UNCERTAIN | Reason.STALE << 9
OUT_OF_RANGE = bad_because(Reason.RANGE)


def run(text, kind="number", **values):
    return evaluate(text, UNITS, values, None, kind)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (GOOD, GOOD, GOOD),
        (GOOD, STALE, STALE),
        (STALE, COMM, COMM),
        (COMM, STALE, COMM),
        (COMM, bad_because(Reason.DEVICE), COMM),
        (GOOD | SIMULATED, COMM, COMM | SIMULATED),
        (GOOD | FORCED, GOOD | SIMULATED, GOOD | FORCED | SIMULATED),
        (GOOD | LIMIT_HIGH, GOOD, GOOD),
        (COMM | 1 << 6 | 3 << 4, GOOD, COMM | 1 << 6),
        (GOOD, GOOD | 4 << 6, GOOD | 4 << 6),
        (SIMULATED, GOOD | 4 << 6, SIMULATED | 4 << 6),
    ],
)
def test_a_result_has_the_worse_quality_with_its_reason(a, b, expected):
    assert run("{A} + {B}", A=(2.0, a), B=(3.0, b)) == (5.0, expected)


def test_the_choice_of_where_decides_whose_quality_counts():
    values = {"A": (1.0, GOOD), "B": (2.0, COMM), "C": (3.0, GOOD)}
    assert run("where({A} > 0, {C}, {B})", **values) == (3.0, GOOD)
    assert run("where({A} < 0, {C}, {B})", **values) == (2.0, COMM)
    assert run("where({B} > 0, {A}, {C})", **values) == (1.0, COMM)


def test_asking_for_quality_does_not_hand_it_on():
    values = {"A": (1.0, COMM), "B": (2.0, GOOD)}
    assert run("where(good({A}), {A}, {B})", **values) == (2.0, GOOD)
    assert run("where(bad({A}), {B}, {A})", **values) == (2.0, GOOD)
    assert run("good({A})", "condition", A=(1.0, STALE | SIMULATED)) == (0.0, GOOD)
    assert run("bad({A})", "condition", A=(1.0, STALE)) == (0.0, GOOD)
    assert run("good({A})", "condition", A=(1.0, LIMIT_HIGH)) == (1.0, GOOD)
    assert run("bad({A})", "condition", A=(math.nan, GOOD)) == (1.0, GOOD)
    assert run("good({A})", "condition", A=(2e30, GOOD)) == (0.0, GOOD)


def test_a_side_that_would_decide_alone_does_not_hide_a_bad_one():
    assert run("{A} or {B}", "condition", A=(1.0, GOOD), B=(0.0, COMM)) == (1.0, COMM)
    assert run("{A} and {B}", "condition", A=(0.0, GOOD), B=(1.0, COMM)) == (0.0, COMM)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, -1e300])
def test_an_input_that_is_no_number_is_bad_whatever_its_status(value):
    assert run("{A} > 5", "condition", A=(value, SIMULATED))[1] == OUT_OF_RANGE | SIMULATED
    assert run("min({A}, {B})", A=(value, GOOD), B=(1.0, GOOD))[1] == OUT_OF_RANGE
    assert run("{A} > 5", "condition", A=(value, COMM))[1] == COMM


@pytest.mark.parametrize(
    "text",
    [
        "{B} / {A}",
        "{A} / {A}",
        "1 / {A}^2",
        "sqrt({A} - 1)",
        "log({A})",
        "log10({A})",
        "log({A} - 1)",
        "exp({B} * 1e6)",
        "({B} * 1e20) ^ 16",
        "-({B} / {A})",
        "where({B} > 0, {B} / {A}, 0)",
        "abs({B} / {A}) + 1",
    ],
)
def test_what_is_not_defined_keeps_the_last_value_and_turns_bad(text):
    assert run(text, A=0.0, B=7.0) == (BEFORE, OUT_OF_RANGE)


@pytest.mark.parametrize(
    "text", ["clip({B} / {A}, 0, 5)", "min(1, {B} / {A})", "sign({B} / {A})", "1 / ({B} / {A})", "{B} / {A} * 0"]
)
def test_what_follows_from_an_undefined_number_is_bad_also_where_it_is_finite(text):
    assert run(text, A=0.0, B=7.0)[1] == OUT_OF_RANGE


@pytest.mark.parametrize("text", ["{B} / {A} > 1", "{B} / {A} < 1", "{B} / {A} == 1", "not {B} / {A} > 1"])
def test_a_condition_on_an_undefined_number_is_bad(text):
    assert run(text, "condition", A=0.0, B=7.0)[1] == OUT_OF_RANGE


def test_the_branch_not_chosen_may_be_undefined():
    assert run("where({A} == 0, 0, {B} / {A})", A=0.0, B=7.0) == (0.0, GOOD)


def test_a_bad_reason_from_the_field_is_kept_where_the_result_is_undefined_too():
    assert run("{B} / {A}", A=(0.0, COMM), B=7.0) == (BEFORE, COMM)


def test_a_bad_input_gives_a_value_all_the_same():
    assert run("{A} * 2", A=(21.0, COMM)) == (42.0, COMM)


def test_a_program_recovers_in_the_next_scan():
    program = compiled("{B} / {A}", UNITS)
    table = pack([(program, {"A": 0, "B": 1}, 2)])
    v, q = np.array([0.0, 7.0, 1.0]), np.zeros(3, np.uint16)
    arguments = [table.code, table.constants, table.bounds, table.stack_v, table.stack_q, v, q]
    for machine in (stack_machine.run, compiled_run()):
        v[0], v[2] = 0.0, 1.0
        machine(*arguments, 0, 1)
        assert (v[2], q[2]) == (1.0, OUT_OF_RANGE)
        v[0] = 2.0
        machine(*arguments, 0, 1)
        assert (v[2], q[2]) == (3.5, GOOD)


def test_programs_run_in_order_and_only_those_asked_for():
    texts = ["{A} + 1", "{B} + 1", "{C} + 1"]
    rows = {"A": 0, "B": 1, "C": 2}
    # a chain: each result is the next one's input
    table = pack([(compiled(text, UNITS), rows, row) for text, row in zip(texts, (1, 2, 3), strict=True)])
    arguments = [table.code, table.constants, table.bounds, table.stack_v, table.stack_q]
    for machine in (stack_machine.run, compiled_run()):
        v, q = np.array([10.0, 0.0, 0.0, 0.0]), np.array([SIMULATED, COMM, COMM, COMM], np.uint16)
        assert machine(*arguments, v, q, 0, 2) == 1
        assert v.tolist() == [10.0, 11.0, 12.0, 0.0]
        assert q.tolist() == [SIMULATED, SIMULATED, SIMULATED, COMM]
        assert machine(*arguments, v, q, 2, 1) == 1
        assert (v[3], q[3]) == (13.0, SIMULATED)
        assert machine(*arguments, v, q, 0, 0) == 1
    assert table.constants.tolist() == [1.0]


def test_the_rounding_of_halves_and_large_numbers():
    for x, expected in [(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-0.5, 0.0), (-1.5, -2.0), (2.4, 2.0), (1e18, 1e18)]:
        assert run("round({A})", A=x)[0] == expected
    for x, expected in [(-0.5, -1.0), (2.999, 2.0), (-3.0, -3.0), (4503599627370497.0, 4503599627370497.0)]:
        assert run("floor({A})", A=x)[0] == expected


def test_exponents_up_to_the_largest_are_computed_and_beyond_are_undefined():
    assert run("exp({A})", A=709.0)[0] == math.exp(709.0)
    assert run("exp({A})", A=-800.0) == (0.0, GOOD)
    assert run("exp({A})", A=709.5) == (BEFORE, OUT_OF_RANGE)


def test_a_worse_quality_does_not_depend_on_the_bits_above_severity():
    assert run("{A} + {B}", A=(1.0, UNCERTAIN | 31 << 9), B=(1.0, BAD)) == (2.0, BAD)
