"""A device's task ends when it is told to, also where the library it waits in forgets that it was told."""

import asyncio

import pytest

from plantctl.core.field import DevicePlan, FieldEvents, InputColumns, OutputColumns
from plantctl.core.virtual_run import run_virtual
from plantctl.drivers._driver import DriverDefaults, Job, Port
from plantctl.drivers._runner import DeviceRunner
from plantctl.drivers._settings import DeviceSettings


class Forgetful(DriverDefaults):
    """Forgets a cancel at one place, as `asyncio.wait_for` does when an answer comes in the same turn."""

    def __init__(self, port, place):
        self.port, self.place = port, place
        self.settings = DeviceSettings()
        self.jobs = [Job("all", 0.1)]
        self.waits = asyncio.Event()

    async def _wait(self, place):
        if place == self.place:
            self.waits.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return

    async def open(self):
        await self._wait("open")

    async def read(self, job):
        await self._wait("read")
        if self.place == "close":
            raise OSError("the link is lost")

    async def close(self):
        await self._wait("close")


@pytest.mark.parametrize("place", ["open", "read", "close"])
def test_a_cancel_that_a_library_forgets_still_ends_the_device(place):
    async def situation(clock):
        port = Port(DevicePlan("D-1", "forgetful", ""), InputColumns(1), OutputColumns(1), clock, FieldEvents())
        driver = Forgetful(port, place)
        task = asyncio.create_task(DeviceRunner(driver, port).run())
        await driver.waits.wait()
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=10.0)
        task.cancel()
        assert done, "the device runs on"
        assert task.cancelled()

    run_virtual(situation, wall_limit_s=20)
