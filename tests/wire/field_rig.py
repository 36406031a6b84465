"""One device under its runner, in virtual time, with a scan that can be made to live, to want and to die."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np

from plantctl.core.field import DevicePlan, FieldEvents, InputColumns, ItemPlan, OutputColumns
from plantctl.core.quality import GOOD, describe
from plantctl.drivers._runner import build

MS = 1_000_000


def plan(name, kind, connect, config=None, inputs=(), outputs=(), order=0):
    """A device plan from `(tag, settings)` or `(tag, settings, factor, offset)` rows; numbered as they come."""

    def items(rows):
        return tuple(
            ItemPlan(
                row[0], n, factor=row[2] if len(row) > 2 else 1.0, offset=row[3] if len(row) > 3 else 0.0, config=row[1]
            )
            for n, row in enumerate(rows)
        )

    return DevicePlan(name, kind, connect, config or {}, items(inputs), items(outputs), order)


class Rig:
    """The columns, the runner and its task; `scan_every_ms` None is a dead scan."""

    def __init__(self, clock, device, secrets=None):
        self.clock = clock
        self.device = device
        self.inputs = InputColumns(len(device.inputs))
        self.outputs = OutputColumns(len(device.outputs))
        self.events = FieldEvents()
        self.told = []
        self.runner = build(device, self.inputs, self.outputs, clock, self.events, secrets=secrets)
        self.scan_alive = True
        self.latched = []

    async def scan(self):
        """A scan every 100 ms that latches the inputs and shows its heartbeat after its outputs."""
        schedule = self.clock.register("scan", 100 * MS, 700_000)
        while True:
            await self.clock.sleep_until(schedule.next_after(self.clock.monotonic_ns()))
            if self.scan_alive:
                self.latched.append((self.inputs.value.copy(), self.inputs.quality.copy()))
                self.outputs.scan_heartbeat_ns = self.clock.monotonic_ns()

    def want(self, row, value, quality=GOOD):
        self.outputs.value[row] = value
        self.outputs.quality[row] = quality
        self.outputs.sequence[row] += 1

    def written(self, row):
        """Whether the last wish of the row was answered."""
        return self.outputs.write_sequence[row] == self.outputs.sequence[row]

    async def until(self, condition, limit_s=20.0):
        """Wait for what must happen; a situation that never comes fails by name."""
        end_ns = self.clock.monotonic_ns() + round(limit_s * 1e9)
        while not condition():
            assert self.clock.monotonic_ns() < end_ns, f"never happened; {self.shown()}"
            await self.clock.sleep(0.0101)

    def shown(self):
        rows = [f"{v:g} ({describe(int(q))})" for v, q in zip(self.inputs.value, self.inputs.quality, strict=True)]
        return f"inputs {rows}, events {[e.text for e in self.happened()]}"

    def happened(self):
        """All events so far."""
        self.told += self.events.drain()
        return self.told

    def good(self, *rows):
        return all(self.inputs.quality[r] == GOOD for r in (rows or range(len(self.inputs))))

    def qualities(self):
        return [describe(int(q)) for q in self.inputs.quality]

    def values(self):
        return [None if np.isnan(v) else float(v) for v in self.inputs.value]


@asynccontextmanager
async def running(clock, device, secrets=None):
    """A device at work, and put away again whatever happens."""
    rig = Rig(clock, device, secrets)
    tasks = [asyncio.create_task(rig.runner.run(), name="runner"), asyncio.create_task(rig.scan(), name="scan")]
    try:
        yield rig
        assert not tasks[0].done(), tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
