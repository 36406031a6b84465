"""The PID controller is its reference to the last bit, with and without limits; the gap."""

import math
import random

import pytest

from plantctl.core.block import AUTO
from tests.loop_bench import LIMITS, H, loop, settle
from tests.reference_pid import ReferencePid
from tests.row_bench import Bench

CASES = {
    "p-only": {"integral": 0.0},
    "pi": {},
    "direct": {"direct": True},
    "pid": {"derivative": 3.0, "filter": 5.0},
    "two-degrees-of-freedom": {"derivative": 3.0, "beta": 0.6, "gamma": 0.2},
    "limits": {"out_low": -3.0, "out_high": 4.0},
    "limits-that-do-not-hold-zero": {"out_low": 2.0, "out_high": 4.0, "derivative": 2.0},
    "rates": {"rate_up": 0.5, "rate_down": 0.3},
    "one-rate": {"rate_up": 0.5, "out_low": -2.0, "out_high": 2.0},
    "limits-and-rates": {"out_low": -3.0, "out_high": 4.0, "rate_up": 0.5, "rate_down": 2.0, "derivative": 1.0},
    "tracking-time": {"out_low": -1.0, "out_high": 1.0, "tracking": 2.5},
    "tracking-faster-than-the-scan": {"out_low": -1.0, "out_high": 1.0, "tracking": 0.25},
    "fast-integral": {"integral": 0.3, "out_low": -3.0, "out_high": 3.0},
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("actuator", ["ideal", "slow"])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_reference_to_the_last_bit(case, actuator, compiled, compile_cache):
    given = CASES[case]
    draw = random.Random(case)
    names = {"gain": 2.0, "integral": 8.0, "initial_mode": AUTO, **LIMITS, **given}
    bench = Bench("pid", compiled=compiled, cache=compile_cache, **names)
    reference = ReferencePid(
        2.0,
        given.get("integral", 8.0) or math.inf,
        given.get("derivative", 0.0),
        given.get("filter", 10.0),
        given.get("beta", 1.0),
        given.get("gamma", 0.0),
        given.get("tracking"),
        -1.0 if given.get("direct") else 1.0,
        H,
    )
    reference.lo, reference.hi = names["out_low"], names["out_high"]
    reference.rate_up = names.get("rate_up") or math.inf
    reference.rate_dn = names.get("rate_down") or math.inf
    bench["pv"] = 0.5
    bench.scan(H)
    reference.start(max(0.0, reference.lo), 0.0, 0.5)
    assert bench["op"] == reference.u
    r, y, used, limited = 0.0, 0.5, reference.u, 0
    bench.hear("op", used)
    for k in range(300):
        if k % 40 == 0:
            r = draw.uniform(-3.0, 3.0)
        y += 0.2 * (reference.sgn * reference.u - y) + draw.uniform(-0.1, 0.1)
        bench["pv"] = y
        bench.write("sp", r)
        reference.written(used)
        expected = reference.output(r, y)
        bench.scan(H)
        used = expected if actuator == "ideal" else used + 0.7 * (expected - used)
        bench.hear("op", used)
        limited += reference.u != reference.v
        assert bench["op"] - expected == 0.0
        assert bench["v"] - reference.v == 0.0
    if actuator == "ideal":
        assert (limited > 0) == any(name in given for name in ("out_high", "rate_up"))


def test_gap_counts_the_error_inside_it_less_and_is_continuous_at_its_edge():
    bench = loop(gap=1.0, gap_gain=0.25, integral=0.0)
    seen = {}
    for error in (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0):
        bench["pv"] = -error
        settle(bench, 1)
        seen[error] = bench["p"]
    assert seen == {-2.0: -2.5, -1.0: -0.5, -0.5: -0.25, 0.0: 0.0, 0.5: 0.25, 1.0: 0.5, 2.0: 2.5}


def test_gap_keeps_the_weight_of_the_set_point():
    bench = loop(gap=1.0, gap_gain=1.0, beta=0.5, integral=0.0, direct=True)
    bench.write("sp", 4.0)
    settle(bench, 3, pv=1.0)
    assert bench["p"] == 2.0 * -(0.5 * 4.0 - 1.0)
