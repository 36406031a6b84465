"""The three drivers on the simulated line's real servers, with their profiles, in virtual time."""

import asyncio
from contextlib import asynccontextmanager

from plantctl.core.field import FieldEvents, InputColumns, OutputColumns
from plantctl.core.quality import GOOD, describe
from plantctl.drivers._profile import TagAddress, assemble, profiles_from, shipped_profiles
from plantctl.drivers._runner import build
from tests.wire import sim_rig

PROFILES = profiles_from(shipped_profiles())
DEVICES = {
    "RECT-01": ("modbus", {"profile": "rectifier", "watchdog": "2 s", "backoff_first": "100 ms"}),
    "GW-4A": ("modbus", {"poll": "1 s", "backoff_first": "100 ms"}),
    "PLC-4": ("opcua", {"profile": "s7-plc", "security": {"insecure": True}, "backoff_first": "100 ms"}),
}
INPUTS = {
    "40-II-4010": ("RECT-01", {"unit": "A", "item": "I_MON"}),
    "40-EI-4010": ("RECT-01", {"unit": "V", "item": "V_MON"}),
    "40-XS-4010": ("RECT-01", {"item": "STAT"}),
    "40-IC-4010.read": ("RECT-01", {"unit": "A", "item": "I_SET"}),
    "40-AI-4011": ("GW-4A", {"unit": "pH", "profile": "arc-ph", "station": 1}),
    "40-TI-4011": ("GW-4A", {"unit": "degC", "profile": "arc-ph", "station": 1, "item": "T"}),
    "40-AI-4212": ("GW-4A", {"unit": "pH", "profile": "arc-ph", "station": 11}),
    "40-AI-4213": ("GW-4A", {"unit": "pH", "profile": "arc-ph", "station": 12}),
    "40-FI-4013": ("PLC-4", {"unit": "m3/h", "item": "MEASURED"}),
    "40-LI-4211": ("PLC-4", {"unit": "%", "item": "MEASURED"}),
    "40-FY-4215": ("PLC-4", {"unit": "L/h", "item": "FC_4215.OP"}),
    "40-ZI-4010": ("PLC-4", {}),
}
OUTPUTS = {
    "40-IC-4010": ("RECT-01", {"unit": "A", "item": "I_SET"}),
    "40-HS-4010": ("RECT-01", {"item": "OUT"}),
    "40-FC-4215": ("PLC-4", {"unit": "L/h", "item": "SP"}),
}


class LineRig:
    """The columns of the line, its runners, and a scan that lives while `scan_alive`."""

    def __init__(self, rig):
        self.sim = rig
        self.clock = rig.clock
        self.inputs = InputColumns(len(INPUTS))
        self.outputs = OutputColumns(len(OUTPUTS))
        self.events = FieldEvents()
        self.scan_alive = True
        self.latched = []
        endpoints = rig.serving.addresses()
        self.runners = {}
        for order, (name, (kind, settings)) in enumerate(DEVICES.items()):
            tags = [TagAddress(t, n, **where) for n, (t, (d, where)) in enumerate(INPUTS.items()) if d == name]
            tags += [
                TagAddress(t, n, **where, write=True) for n, (t, (d, where)) in enumerate(OUTPUTS.items()) if d == name
            ]
            plan, problems = assemble(order, name, kind, {**settings, "connect": endpoints[name]}, tags, PROFILES)
            assert problems == []
            self.runners[name] = build(plan, self.inputs, self.outputs, rig.clock, self.events)

    async def scan(self):
        schedule = self.clock.register("scan", 100_000_000, 700_000)
        while True:
            await self.clock.sleep_until(schedule.next_after(self.clock.monotonic_ns()))
            columns = (self.inputs.value, self.inputs.quality, self.inputs.source_ns)
            self.latched.append(b"".join(c.tobytes() for c in columns))
            if self.scan_alive:
                self.outputs.scan_heartbeat_ns = self.clock.monotonic_ns()

    def value(self, tag):
        return float(self.inputs.value[list(INPUTS).index(tag)])

    def quality(self, tag):
        return describe(int(self.inputs.quality[list(INPUTS).index(tag)]))

    def want(self, tag, value):
        row = list(OUTPUTS).index(tag)
        self.outputs.value[row], self.outputs.quality[row] = value, GOOD
        self.outputs.sequence[row] += 1

    def error(self, tag):
        row = list(OUTPUTS).index(tag)
        answered = self.outputs.write_sequence[row] == self.outputs.sequence[row]
        return int(self.outputs.error[row]) if answered else None

    def all_good(self):
        return bool((self.inputs.quality == GOOD).all())

    async def until(self, condition, within_s=20.0):
        try:
            return await self.sim.until(condition, within_s)
        except AssertionError as fault:
            told = [f"{e.device}: {e.text}" for e in self.events.drain()]
            fault.add_note(f"{[(t, self.quality(t)) for t in INPUTS]}, {told}")
            raise


@asynccontextmanager
async def working(rig):
    line = LineRig(rig)
    tasks = [asyncio.create_task(r.run(), name=n) for n, r in line.runners.items()]
    tasks.append(asyncio.create_task(line.scan(), name="scan"))
    try:
        yield line
        assert not any(t.done() for t in tasks), [t for t in tasks if t.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def situation(story, **settings):
    """`story(line)` with the line served and the drivers at work."""

    async def begin(rig):
        async with working(rig) as line:
            return await story(line)

    return sim_rig.situation(begin, **settings)
