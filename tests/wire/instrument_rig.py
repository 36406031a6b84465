"""One simulated instrument behind its server and a wire, and its driver with the shipped profile, in virtual time."""

import asyncio
from contextlib import asynccontextmanager

from plantctl.app.library_clocks import library_clocks
from plantctl.core.virtual_run import run_virtual
from plantctl.drivers._profile import TagAddress, assemble, profiles_from, shipped_profiles
from simulators.serve import import_servers
from simulators.servers.modbus_tcp import ANY_UNIT, RegisterServer
from simulators.servers.wire import Wire
from tests.wire.field_rig import running

import_servers()

PROFILES = profiles_from(shipped_profiles())


class Numbers:
    """A plant of plain numbers: whatever is written can be read."""

    def __init__(self, **values):
        self.values = {name.replace("__", "."): value for name, value in values.items()}

    def read(self, name):
        return self.values[name]

    def reader(self, *names):
        return lambda: tuple(self.values[name] for name in names)

    def write(self, name, value):
        self.values[name] = value


class Behind:
    """What a situation has in its hands beside the rig of the driver."""

    def __init__(self, clock, twin, wire, rig, tags):
        self.clock, self.twin, self.wire, self.rig = clock, twin, wire, rig
        self._tags = list(tags)

    def value(self, tag):
        return float(self.rig.inputs.value[self._tags.index(tag)])

    def quality(self, tag):
        return self.rig.qualities()[self._tags.index(tag)]

    async def until(self, condition, limit_s=20.0):
        began = self.clock.monotonic_ns()
        await self.rig.until(condition, limit_s)
        return (self.clock.monotonic_ns() - began) / 1e9

    async def write(self, row, value):
        """Ask for an output and wait until the device has answered; the kind of error, 0 is none."""
        self.rig.want(row, value)
        await self.rig.until(lambda: self.rig.written(row))
        return int(self.rig.outputs.error[row])


@asynccontextmanager
async def served(clock, twin):
    """The twin at an address of the loopback; gives the wire."""
    async with asyncio.TaskGroup() as tasks:
        server, wire = RegisterServer(clock, {ANY_UNIT: twin}), Wire()
        wire.device = await server.start(tasks)
        await wire.listen()
        try:
            yield wire
        finally:
            wire.close()
            await server.stop()


def situation(story, twin, profile, inputs, outputs=(), step=None, **settings):
    """`story(behind)` with the driver at work. `inputs` and `outputs` are `tag: (item, unit)`; `step(now_ns)` runs
    each 100 ms as the plant's step would."""

    async def main(clock):
        with library_clocks(clock):
            async with served(clock, twin) as wire:
                tags = [TagAddress(t, n, unit, item) for n, (t, (item, unit)) in enumerate(inputs.items())]
                tags += [
                    TagAddress(t, n, unit, item, write=True)
                    for n, (t, (item, unit)) in enumerate(dict(outputs).items())
                ]
                section = {
                    "profile": profile,
                    "connect": f"tcp://127.0.0.1:{wire.port}",
                    "backoff_first": "100 ms",
                    **settings,
                }
                plan, problems = assemble(0, "DEV", "modbus", section, tags, PROFILES)
                assert problems == []
                async with running(clock, plan) as rig:
                    behind = Behind(clock, twin, wire, rig, inputs)
                    stepping = asyncio.create_task(_steps(clock, step)) if step else None
                    try:
                        return await story(behind)
                    finally:
                        if stepping:
                            stepping.cancel()

    return run_virtual(main, wall_limit_s=30.0)


async def _steps(clock, step):
    while True:
        await clock.sleep(0.1)
        step(clock.monotonic_ns())
