"""After a power cut the laboratory's book may be ahead of the plant: it is told again what stands, and no more."""

import asyncio
import logging

import numpy as np

from plantctl.app.lab import AGAIN_S, keep_standing
from plantctl.core import command as codes
from plantctl.core.quality import BAD
from plantctl.hmi.lab_desk import LabRefused
from plantctl.hmi.lab_messages import LabCorrect, LabEnter, LabSign, LabWithdraw
from plantctl.hmi.live_plant import LogWord, Snapshot
from tests.lab_bench import HOUR_NS, UTC_NS, LabPlant

BOB = "bob (operator)"


def signed(plant, value, hours):
    asked = LabEnter(tag="AY-1", value=value, sampled=str(taken(hours)), sample="S", idem=f"{value} {hours}")
    made = plant.do(asked)
    return plant.do(LabSign(entry=made.entry), BOB)


def taken(hours):
    return UTC_NS - hours * HOUR_NS


def quality(plant):
    return int(plant.executive.image.q[plant.plan.rows["AY-1"]])


def test_what_the_plant_knows_is_not_told_again():
    plant = LabPlant()
    assert plant.tell_lost() == []
    made = signed(plant, 0.55, 2)
    plant.do(LabEnter(tag="AY-1", value=0.9, sampled=str(taken(1)), sample="T", idem="waits"))
    assert plant.tell_lost() == []
    plant.do(LabCorrect(entry=made.entry, value=0.75, reason="dilution"), BOB)
    said = len(plant.said)
    assert plant.tell_lost() == [], "a corrected value that waits, out of specification, is what stands"
    assert len(plant.said) == said


def test_the_value_before_and_nothing_at_all_are_replaced_by_what_stands():
    plant = LabPlant()
    signed(plant, 0.55, 5)
    signed(plant, 0.58, 2)
    before = plant.entries()
    for saved in ((0.55, 0, taken(5)), (0.6, 0, 0), ()):
        plant.forget(*saved)
        assert plant["AY-1"] != 0.58
        assert plant.tell_lost() == ["AY-1"]
        assert (plant["AY-1"], quality(plant)) == (0.58, 0)
        assert plant.tell_lost() == []
    assert plant.entries() == before, "the book has nothing new by that"
    asked = plant.history().raw("AY-1", taken(9), UTC_NS)
    assert list(zip(asked.utc_ns.tolist(), asked.value.tolist(), strict=True)) == [(taken(5), 0.55), (taken(2), 0.58)]
    assert (plant.said[-1].actor, "stands: told again" in plant.said[-1].reason) == ("plantctl", True)


def test_a_correction_that_was_lost_is_there_again_with_its_quality():
    plant = LabPlant()
    made = signed(plant, 0.55, 2)
    plant.do(LabCorrect(entry=made.entry, value=0.58, reason="dilution"), BOB)
    wanted = quality(plant)
    plant.forget(0.55, 0, taken(2))
    assert plant.tell_lost() == ["AY-1"]
    assert (plant["AY-1"], quality(plant)) == (0.58, wanted)


def test_a_withdrawn_value_does_not_come_back_by_a_power_cut():
    plant = LabPlant()
    first, second = signed(plant, 0.55, 5), signed(plant, 0.58, 2)
    plant.do(LabWithdraw(entry=second.entry, reason="another tank"))
    plant.forget(0.58, 0, taken(2))
    assert plant.tell_lost() == ["AY-1"]
    assert plant["AY-1"] == 0.55
    plant.do(LabWithdraw(entry=first.entry, reason="another tank too"))
    before = plant.entries()
    for saved in ((0.55, 0, taken(5)), (0.6, 0, 0)):
        plant.forget(*saved)
        assert plant.tell_lost() == ["AY-1"]
        assert plant.severity("AY-1") == BAD
        assert plant.tell_lost() == []
    assert plant.entries() == before
    assert len(plant.history().raw("AY-1", taken(9), UTC_NS).value) == 0


def test_what_never_counted_takes_nothing_away_and_a_later_value_is_left_alone():
    plant = LabPlant()
    made = plant.do(LabEnter(tag="AY-1", value=0.9, sampled=str(taken(1)), sample="T", idem="waits"))
    plant.do(LabWithdraw(entry=made.entry, reason="spilt"))
    assert plant.tell_lost() == []
    assert plant["AY-1"] == 0.6
    signed(plant, 0.55, 2)
    plant.forget(0.7, 0, UTC_NS)
    assert plant.tell_lost() == []
    assert plant["AY-1"] == 0.7


class Turns:
    """A clock whose sleeps are noted; it stops after some."""

    def __init__(self, plant, turns):
        self.slept, self._plant, self._turns = [], plant, turns

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self._plant.give([])
        if len(self.slept) >= self._turns:
            raise asyncio.CancelledError


def kept(plant, turns, desk=None):
    """The desk is kept for some turns; how long it slept each time."""
    clock = Turns(plant, turns)

    async def main():
        try:
            await keep_standing(plant, lambda: desk or plant.desk, clock)
        except asyncio.CancelledError:
            return

    asyncio.run(main())
    return clock.slept


def test_the_book_is_compared_once_after_each_start_of_the_scan():
    plant = LabPlant()
    signed(plant, 0.55, 2)
    plant.forget(0.6, 0, 0)
    kept(plant, 4)
    assert plant["AY-1"] == 0.55
    scans, compared = iter([0, 50, 51, 52, 40, 3, 3, 4, 5, 6]), []
    plant.snapshot = lambda: Snapshot(next(scans), *[np.zeros(0)] * 4, [])

    class Counting:
        """A desk that notes when it was asked."""

        async def tell_lost(self):
            compared.append(next(scans))
            return []

    kept(plant, 5, Counting())
    assert compared == [52, 5], "at the first start, and where another scan began that was not another before long"


def test_what_fails_is_said_once_and_tried_again_and_a_failing_log_is_waited_for(caplog):
    plant = LabPlant()
    plant.give([])
    plant.give([])

    class Failing:
        async def tell_lost(self):
            raise LabRefused(codes.NO_ANSWER, "no answer")

    with caplog.at_level(logging.WARNING, "plantctl"):
        slept = kept(plant, 6, Failing())
    assert slept.count(AGAIN_S) == 3
    assert [record.getMessage().endswith("no answer") for record in caplog.records] == [True]
    plant.log = lambda: LogWord(failing=True)
    assert AGAIN_S not in kept(plant, 4, Failing())
