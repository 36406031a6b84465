"""Circuit A whole on its wires: every tag of the table through its driver and shipped profile, and the faults on it."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from plantctl.app.library_clocks import library_clocks
from plantctl.core.field import FieldEvents, InputColumns, OutputColumns
from plantctl.core.quality import GOOD, describe
from plantctl.core.virtual_run import run_virtual
from plantctl.drivers._profile import TagAddress, assemble, profiles_from, shipped_profiles
from plantctl.drivers._runner import build
from simulators.fault_board import FaultBoard
from simulators.in_memory import MemoryField
from simulators.plant import Plant
from simulators.serve import import_servers, serve
from simulators.signals import signals
from tests.unit.bench_circuit import BenchCircuit

import_servers()

TABLE = signals(4, loops=True)
READ = tuple(TABLE)
PROFILES = profiles_from(shipped_profiles())
PROFILE_OF = {"RECT": "rectifier", "FT": "promass", "LQ": "liquiline", "VFD": "fc-drive", "AT": "midas", "JT": "scalar"}
QUICK = {"backoff_first": "100 ms"}


def section(device, url):
    """The device's section of a plant's text."""
    if device == "GW-4A":
        return "modbus", {"connect": url, "poll": "1 s", **QUICK}
    if device in ("PLC-4", "SIS-4"):
        profile = "s7-plc" if device == "PLC-4" else "safety-plc"
        return "opcua", {"connect": url, "profile": profile, "security": {"insecure": True}, **QUICK}
    return "modbus", {"connect": url, "profile": PROFILE_OF[device.partition("-")[0]], **QUICK}


def address(tag, row):
    signal = TABLE[tag]
    profile = "arc-orp" if tag == "40-AI-4263" else "arc-ph" if signal.station else ""
    return TagAddress(tag, row, signal.unit, signal.item, profile, signal.station or None)


class Field:
    """The drivers of all devices at work on one set of columns."""

    def __init__(self, clock, plant, serving):
        self.clock, self.plant, self.serving = clock, plant, serving
        self.board = FaultBoard(serving)
        self.inputs = InputColumns(len(READ))
        self.outputs = OutputColumns(1)
        self.events = FieldEvents()
        self.runners = []
        for order, (device, url) in enumerate(serving.addresses().items()):
            kind, settings = section(device, url)
            tags = [address(t, n) for n, t in enumerate(READ) if TABLE[t].device == device]
            plan, problems = assemble(order, device, kind, settings, tags, PROFILES)
            assert problems == []
            self.runners.append(build(plan, self.inputs, self.outputs, clock, self.events))

    def value(self, tag):
        return float(self.inputs.value[READ.index(tag)])

    def quality(self, tag):
        return describe(int(self.inputs.quality[READ.index(tag)]))

    def doubtful(self):
        return {t: self.quality(t) for t in READ if self.inputs.quality[READ.index(t)] != GOOD}

    async def until(self, condition, limit_s=30.0):
        end_ns = self.clock.monotonic_ns() + round(limit_s * 1e9)
        while not condition():
            assert self.clock.monotonic_ns() < end_ns, (self.doubtful(), [e.text for e in self.events.drain()])
            await self.clock.sleep(0.05)


@asynccontextmanager
async def working(clock):
    plant = BenchCircuit()
    async with serve(plant, clock) as serving:
        field = Field(clock, plant, serving)
        tasks = [asyncio.create_task(r.run(), name="runner") for r in field.runners]
        try:
            yield field
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def situation(story):
    async def main(clock):
        with library_clocks(clock):
            async with working(clock) as field:
                await field.until(lambda: not field.doubtful())
                return await story(field)

    return run_virtual(main, wall_limit_s=60.0)


def test_every_tag_of_the_circuit_arrives_good_and_as_the_in_memory_field_has_it():
    async def story(field):
        await field.clock.sleep(2.0)
        memory = MemoryField(field.serving.line)
        return {tag: (field.value(tag), memory.read(tag)) for tag in READ if "9032" not in tag and "XS-80" not in tag}

    for tag, (value, (expected, quality)) in situation(story).items():
        assert quality == GOOD, tag
        assert value == pytest.approx(expected, rel=1e-4, abs=0.002), tag


@pytest.mark.parametrize(
    ("fault", "target", "given", "tags", "quality"),
    [
        ("word-swap", "40-DI-4273", {}, ("40-DI-4273", "40-FI-4273"), "bad, config"),
        ("byte-swap", "40-DI-4216", {}, ("40-DI-4216", "40-FI-4216"), "bad, config"),
        ("gas-void", "FT-4216", {"percent": 4.0}, ("40-DI-4216", "40-FI-4216"), "uncertain"),
        ("sensor-failed", "40-CI-4272", {}, ("40-CI-4272",), "bad, device"),
        ("nan", "40-AI-4277", {}, ("40-AI-4277",), "bad, range"),
        ("exception", "40-CI-4217", {}, tuple(t for t in READ if TABLE[t].device == "LQ-40"), "bad"),
        ("heartbeat-stuck", "AT-8017", {}, ("80-AI-8017",), "bad, stale"),
        ("detector-state", "AT-8016", {"state": 5}, ("80-AI-8016",), "bad, out-of-service"),
        ("station-silent", "13", {}, ("40-AI-4263",), "bad, comm"),
        ("probe-unit-mv", "3", {}, ("40-AI-4031",), "bad, config"),
        ("sensor-failed", "40-AI-4041", {}, ("40-AI-4041", "40-TI-4041"), "bad"),
        ("link-dead", "VFD-4274", {}, tuple(t for t in READ if TABLE[t].device == "VFD-4274"), "bad, comm"),
        ("bad-status", "40-FI-4033", {}, ("40-FI-4033",), "bad"),
    ],
)
def test_a_fault_shows_at_its_own_tags_only_and_they_come_back(fault, target, given, tags, quality):
    async def story(field):
        field.board.inject(fault, target, **given)
        await field.until(lambda: all(field.quality(t).startswith(quality) for t in tags))
        await field.clock.sleep(1.0)
        touched = set(field.doubtful())
        field.board.clear("all")
        await field.until(lambda: not field.doubtful(), 60.0)
        return touched

    assert situation(story) == set(tags)


def test_every_fault_of_the_whole_circuit_can_be_put_in_on_every_target_and_taken_out():
    async def main(clock):
        with library_clocks(clock):
            plant = Plant(1, cells=4, loops=True)
            async with serve(plant, clock) as serving:
                board, done = FaultBoard(serving), 0
                for name, fault in board.catalogue().items():
                    for target in fault["targets"] or [""]:
                        board.inject(name, target)
                        assert board.clear(name, target) == 1, (name, target)
                        done += 1
                await clock.sleep(3.0)
                return done, plant.faults, serving.line.plc.troubles

    done, left, troubles = run_virtual(main, wall_limit_s=120.0)
    assert done > 1000
    assert (left, troubles) == ({}, {})


def test_the_bits_of_a_safety_row_arrive_with_the_instant_they_came():
    async def story(field):
        field.plant.set(acid__flow_m3_h=0.5)
        await field.until(lambda: field.value("40-XZ-1600") == 1.0)
        stamp_ns = int(field.inputs.source_ns[READ.index("40-XZ-1600")])
        return stamp_ns, next(iter(field.serving.line.safety.latches.tripped.values()))

    stamp_ns, tripped_ns = situation(story)
    assert stamp_ns == pytest.approx(tripped_ns, abs=1000)
