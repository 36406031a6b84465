"""Circuit A with one cell and its controller in one virtual loop: real servers and clients, bytes, jumping time."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from plantctl.app.library_clocks import library_clocks
from plantctl.app.one import Running, make
from plantctl.core.command import Command, Result, Stage
from plantctl.core.event import Event
from plantctl.core.quality import SIMULATED
from plantctl.core.virtual_run import run_virtual
from plantctl.drivers._runner import load as load_driver
from plantctl.log.storage import FolderStorage
from plantctl.plan.build import build_path
from simulators.fault_board import FaultBoard
from simulators.plant import Plant
from simulators.serve import Serving, import_servers, serve
from tests.wire.secured_rig import SECURE

DEMO = Path(__file__).resolve().parent / "one_cell"
FINAL = (Stage.REFUSED, Stage.VERIFIED, Stage.MISMATCH, Stage.TIMED_OUT, Stage.SUPERSEDED, Stage.EXPIRED)


def demo_plan():
    """The plan of the circuit; a finding fails the test with its text."""
    built = build_path(DEMO)
    assert built.plan is not None, built.findings
    return built.plan


@dataclass
class Circuit:
    """The running circuit as a test sees it."""

    clock: Any
    plant: Plant
    serving: Serving
    running: Running
    faults: FaultBoard
    events: list[Event] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)

    def value(self, name):
        """The value of a point now."""
        return float(self.running.executive.image.v[self.running.plan.rows[name]])

    def quality(self, name):
        """The quality word of a point now."""
        return int(self.running.executive.image.q[self.running.plan.rows[name]])

    def events_of(self, kind, target=None):
        """The events of a kind so far."""
        return [e for e in self.events if e.kind.word == kind and target in (None, e.target)]

    def listen(self, heard):
        """Call `heard()` after every scan."""
        self.running.listeners.append(lambda *_: heard())

    async def wait(self, seconds):
        """Let plant time pass."""
        await self.clock.sleep(seconds)

    async def until(self, condition, limit_s, what="it"):
        """Wait, scan by scan, until `condition()`; fail after `limit_s` of plant time. Returns the time waited, s."""
        begin_ns = self.clock.monotonic_ns()
        while not condition():
            waited_s = (self.clock.monotonic_ns() - begin_ns) / 1e9
            assert waited_s < limit_s, f"{what} did not come within {limit_s} s"
            await self.clock.sleep(0.1)
        return (self.clock.monotonic_ns() - begin_ns) / 1e9

    async def command(self, verb, target, value="", limit_s=6.0):
        """Give a command and wait for its end; the last stage and its text."""
        stages: list[Result] = []
        assert self.running.submit(Command(verb, target, str(value), "test", "test"), stages.append)
        outputs = {o.tag for o in self.running.plan.outputs}

        def ended():
            if not stages:
                return False
            last = stages[-1].stage
            return last in FINAL or (last is Stage.ACCEPTED and (verb != "set" or target not in outputs))

        await self.until(ended, limit_s, f"{verb} {target}")
        return stages[-1]

    async def start_up(self, current_a=85.0):
        """What an operator does after power-up, to the cell making hydroxide in AUTO."""
        await self.until(lambda: self.running.scans > 30 and self.quality("40-FI-4013") == SIMULATED, 30.0, "the field")
        for verb, target, value in (
            ("set", "40-SC-4216", PUMP_SPEED),
            ("set", "40-HS-4216", 1),
            ("reset", "CELL-01", ""),
            ("set", "40-HZ-4010", 1),
            ("set", "40-EC-4010", 5),
        ):
            last = await self.command(verb, target, value)
            assert last.stage in (Stage.ACCEPTED, Stage.VERIFIED), (verb, target, last)
        await self.until(lambda: self.value("40-HS-4010.permit") == 1.0, 60.0, "the permit to start")
        for verb, target, value in (
            ("set", "40-HS-4010", 1),
            # Before the current: taken over later, the loop would hold the feed as it is and find the rest slowly.
            ("mode", "40-AIC-4212", "auto"),
            ("set", "40-IC-4010", current_a),
        ):
            last = await self.command(verb, target, value, 30.0)
            assert last.stage in (Stage.ACCEPTED, Stage.VERIFIED, Stage.MISMATCH), (verb, target, last)
        await self.until(lambda: abs(self.value("40-II-4010") - current_a) < 2.0, 60.0, "the current")


PUMP_SPEED = 80


def run_circuit(script, folder, *, seed=1, wall_limit_s=120.0, start="running", compiled=True, plan=None, ends=None):
    """Run `script(circuit)` over the circuit in virtual time; the circuit afterwards.

    `ends` are the key folders of both ends of a secured PLC link (`tests.wire.secured_rig.Ends`); without them it is
    open.
    """
    import_servers()
    plan = plan or demo_plan()
    if ends is not None:
        plan = replace(plan, devices=tuple(map(secured, plan.devices)))
    for device in plan.devices:
        load_driver(device.kind)
    import asyncua.client  # noqa: F401  put on the plant's clock below, so it must be there
    import pymodbus.client  # noqa: F401

    kept: list[Circuit] = []

    async def main(clock):
        with library_clocks(clock):
            async with running_circuit(clock, plan, folder, seed, start, compiled, ends) as circuit:
                kept.append(circuit)
                await script(circuit)

    run_virtual(main, seed=seed, wall_limit_s=wall_limit_s)
    return kept[0]


def secured(device):
    """The device with a secured link, where it has one that can be."""
    return replace(device, config={**device.config, "security": SECURE}) if device.kind == "opcua" else device


@asynccontextmanager
async def running_circuit(clock, plan, folder, seed, start, compiled, ends=None):
    """The circuit and its controller while the body runs."""
    plant = Plant(seed, start)
    async with serve(plant, clock, plc_security=ends and ends.theirs) as serving:
        storage, secrets = FolderStorage(folder), ends and ends.ours
        running = make(plan, clock, storage, compiled=compiled, endpoints=serving.endpoints(), secrets=secrets)
        circuit = Circuit(clock, plant, serving, running, FaultBoard(serving))
        listen(circuit)
        task = asyncio.get_running_loop().create_task(running.run(), name="plant")
        try:
            yield circuit
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def listen(circuit):
    """Keep the events and results of the run; everything else is in its log."""

    def heard(number, events, results):
        circuit.events += events
        circuit.results += results

    circuit.running.listeners.append(heard)
