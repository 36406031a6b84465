"""A device's task that dies of a mistake of ours: back within a second, given a rest when it dies again and again."""

import asyncio
from itertools import pairwise

import pytest

from plantctl.app.field import DEVICE_LIMITS, Field
from plantctl.core.device_statistics import DeviceStatistics
from plantctl.core.field import DevicePlan, FieldEventKind, FieldEvents, InputColumns, ItemPlan, OutputColumns
from plantctl.core.quality import GOOD, describe
from plantctl.core.virtual_run import run_virtual
from plantctl.drivers._driver import DriverDefaults, Job, Port
from plantctl.drivers._runner import DeviceRunner
from plantctl.drivers._settings import DeviceSettings

S = 1_000_000_000


class Mortal(DriverDefaults):
    """Reads a 7; where the runner cannot catch it, in closing, it breaks as long as `breaks` says so."""

    def __init__(self, port, world):
        self.port, self.world = port, world
        self.settings = DeviceSettings()
        self.jobs = [Job("all", 0.1)]
        world.begun.append((port.device.name, port.clock.monotonic_ns()))

    async def open(self):
        self.port.statistics.connects += 1

    async def read(self, job):
        if self.world.breaks(self.port.device.name):
            raise OSError("the link is lost")
        self.port.put(0, 7.0)

    async def close(self):
        if self.world.breaks(self.port.device.name):
            raise RuntimeError("a mistake of ours")


class World:
    def __init__(self, clock):
        self.clock = clock
        self.begun = []
        self.broken = set()
        self.inputs, self.outputs, self.events = InputColumns(2), OutputColumns(0), FieldEvents()
        self.told = []
        devices = [DevicePlan(f"D-{n}", "mortal", "", inputs=(ItemPlan("T", n),), order=n) for n in range(2)]
        self.field = Field(self.inputs, self.outputs, self.events, [self.made(d) for d in devices], self.made)

    def made(self, device):
        port = Port(device, self.inputs, self.outputs, self.clock, self.events)
        return DeviceRunner(Mortal(port, self), port)

    def breaks(self, name):
        return name in self.broken

    def begins(self, name):
        return [ns for begun, ns in self.begun if begun == name]


def story(tell):
    async def main(clock):
        world = World(clock)
        task = asyncio.create_task(world.field.run())
        try:
            await clock.sleep(1.01)
            assert (world.inputs.quality == GOOD).all()
            await tell(world)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    run_virtual(main, wall_limit_s=30)


def test_a_task_that_dies_once_is_back_at_once_and_its_counters_go_on():
    async def tell(world):
        await world.clock.sleep(5)
        before = world.field.runners[0].statistics.answers
        world.broken.add("D-0")
        await world.clock.sleep(0.101)
        world.broken.clear()
        assert describe(int(world.inputs.quality[0])) == "bad, comm"
        assert world.inputs.quality[1] == GOOD
        await world.clock.sleep(1)
        assert world.inputs.quality[0] == GOOD
        statistics = world.field.runners[0].statistics
        assert isinstance(statistics, DeviceStatistics)
        assert statistics.answers > before > 40
        (event,) = [e for e in world.events.drain() if e.kind is FieldEventKind.DEVICE_ERROR]
        assert event.text == "the device's task died, started again: RuntimeError: a mistake of ours"

    story(tell)


@pytest.mark.parametrize("other_breaks_too", [False, True])
def test_a_task_that_dies_again_and_again_rests_for_a_minute_and_troubles_nobody(other_breaks_too):
    async def tell(world):
        world.broken.add("D-0")
        if other_breaks_too:
            world.broken.add("D-1")
        await world.clock.sleep(50)
        begins = world.begins("D-0")
        assert len(begins) == DEVICE_LIMITS.deaths + 1, "the first start and five more"
        assert max(b - a for a, b in pairwise(begins[1:])) <= 1.2 * S
        assert describe(int(world.inputs.quality[0])) == "bad, comm"
        assert (world.inputs.quality[1] == GOOD) is not other_breaks_too
        told = [e.text for e in world.events.drain() if e.device == "D-0" and e.kind is FieldEventKind.DEVICE_ERROR]
        assert [t.split(":")[0] for t in told] == [
            *["the device's task died, started again"] * 5,
            "the device's task died, left alone for 60 s",
        ]
        world.broken.clear()
        await world.clock.sleep(20)
        assert (world.inputs.quality == GOOD).all(), "after its rest it is tried again"

    story(tell)
