"""What the page's gate asks of a command before the scan hears of it: a reason where the plant's text wants one."""

import numpy as np
import pytest

from plantctl.core.command import Stage
from plantctl.hmi.gate import Gate, StandStill
from plantctl.hmi.messages import CommandAsked
from plantctl.hmi.sessions import Session
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from tests.unit.test_description import PLANT


class Plant:
    """A plant that takes every command and notes it."""

    def __init__(self, plan):
        self.plan = plan
        self.given = []

    def monotonic_ns(self):
        return 1_000

    def utc_ns(self):
        return 2_000

    def submit(self, command, tell, heard_ns=0):
        self.given.append(command)
        return True


class Ring:
    def __init__(self, plan):
        self.value = np.zeros(len(plan.points))


@pytest.fixture(scope="module")
def plan():
    return build("plant.yaml", from_texts({"plant.yaml": PLANT})).plan


def told(plan, **asked):
    """The last stage of a command and its code, and whether the scan heard of it."""
    plant, said = Plant(plan), []
    session = Session("key", "ada", "operator")
    Gate(plant, Ring(plan), StandStill()).give(CommandAsked(1, **asked), session, None, lambda s, _: said.append(s))
    return said[-1].stage, said[-1].code, len(plant.given)


def test_a_write_of_class_confirm_reason_has_a_reason(plan):
    assert told(plan, command="set", target="40-HS-1", value=1.0) == (Stage.REFUSED.word, "no-reason", 0)
    assert told(plan, command="set", target="40-HS-1", value=1.0, reason="  ")[1] == "no-reason"
    assert told(plan, command="set", target="40-HS-1", value=1.0, dry_run=True)[1] == "no-reason"
    assert told(plan, command="set", target="40-HS-1", value=1.0, reason="felt changed") == (Stage.QUEUED.word, "", 1)


def test_a_write_of_another_class_needs_none(plan):
    assert told(plan, command="set", target="40-AY-1", value=1.0) == (Stage.QUEUED.word, "", 1)


@pytest.mark.parametrize(("command", "target"), [("reset", "TANK"), ("release", "plant")])
def test_who_lets_go_of_a_trip_or_of_held_outputs_says_why(plan, command, target):
    assert told(plan, command=command, target=target) == (Stage.REFUSED.word, "no-reason", 0)
    assert told(plan, command=command, target=target, reason="looked at it") == (Stage.QUEUED.word, "", 1)
