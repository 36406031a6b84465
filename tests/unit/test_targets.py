"""The names a mistyped target is compared with are those that the gate knows: no hint leads to the next refusal."""

import pytest

from plantctl.core.command import UNKNOWN_TARGET
from plantctl.scan.targets import targets
from tests.unit.test_gate import Bench

EXPECTED = {
    "set": ("HS-1", "IC-1", "FC-1", "AIC-1.sp", "AY-1", "AI-1", "HY-1"),
    "mode": ("AIC-1",),
    "output": ("AIC-1",),
    "ack": ("FI-1", "FI-1.low"),
    "reset": ("E-1", "G"),
    "shelve": (),
}


@pytest.mark.parametrize("verb", EXPECTED)
def test_what_a_command_can_be_given_to(verb):
    assert targets(Bench().plan, verb) == EXPECTED[verb]


@pytest.mark.parametrize("verb", ["set", "mode", "output", "tune", "ack", "reset"])
def test_the_gate_knows_every_one_of_them_and_nothing_like_them(verb):
    bench = Bench()
    known = targets(bench.plan, verb)
    assert known
    for name in known:
        assert bench.command(verb, name, "1")[0].code != UNKNOWN_TARGET, name
        assert bench.command(verb, f"{name}x", "1")[0].code == UNKNOWN_TARGET, name


def test_a_parameter_that_counts_wires_is_none_to_be_tuned():
    known = targets(Bench().plan, "tune")
    assert {"AIC-1.gain", "AIC-1.out_high", "FI-1.low.limit"} <= set(known)
    assert not {"AIC-1.has_cas", "FC-1.n_force", "AIC-1.sp"} & set(known)


def test_whatever_has_a_value_can_be_got():
    bench = Bench()
    known = targets(bench.plan, "get")
    assert set(known) == {*bench.plan.rows, *bench.plan.addresses}
    assert len(known) == len(set(known))
