"""The field over the simulated circuit, beside a scan that does what a test tells it.

`in_process` starts the real field process in real time; `in_loop` runs the same in this loop, in virtual time.
"""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from plantctl.app.library_clocks import library_clocks
from plantctl.app.shared_memory import create, map_readable, map_writable, read_only
from plantctl.app.split.field import drive
from plantctl.app.split.hand_over import HandOver, Settings, argument, pack
from plantctl.app.split.segments import EVENTS, Role, layout_of
from plantctl.core.clock import RealClock
from plantctl.core.message import decode_field_event
from plantctl.core.quality import BAD, GOOD, SEVERITY_MASK
from plantctl.core.ring import RingReader
from plantctl.core.schedule import SCAN_PHASE_NS
from plantctl.core.segment import ProcessState, SegmentReader, SegmentWriter
from plantctl.core.virtual_run import run_virtual
from plantctl.drivers._runner import load as load_driver
from plantctl.plan.build import build_path
from simulators.plant import Plant
from simulators.serve import import_servers, serve

ROOT = Path(__file__).parents[1]
CHILD = (
    "import sys; from plantctl.app.split.hand_over import received; from plantctl.app.split.field import run; "
    "sys.exit(run(received(sys.argv[1])))"
)
CURRENT, VOLTAGE, OUTPUT, FEED = "40-IC-4010", "40-EC-4010", "40-HS-4010", "40-FC-4215"
V_SET, I_SET, OUT = 100, 101, 102
LOOK_S = 0.005


class Scan:
    """The scan's side: publishes what it wants every period and beats, until it is told to stand still."""

    def __init__(self, rig, memory):
        self.rig = rig
        self.memory = memory
        self.stands = False
        self.before_publishing = None
        self.begin()

    def begin(self):
        """Be a new scan process: it wants nothing and grants nobody."""
        layout = layout_of(Role.SCAN, self.rig.plan)
        self.writer = SegmentWriter(self.memory, layout, self.rig.plan.hash)
        self.live = self.writer.live
        self.live["outputs.quality"][:] = BAD
        self.writer.take_over(self.rig.clock.monotonic_ns())
        self.writer.say(ProcessState.READY)

    async def run(self):
        clock = self.rig.clock
        turns = clock.register("fake scan", self.rig.plan.period_ns, SCAN_PHASE_NS)
        while True:
            await clock.sleep_until(turns.next_after(clock.monotonic_ns()))
            if not self.stands:
                self.publish()

    def publish(self):
        if self.before_publishing is not None:
            self.before_publishing()
        self.writer.publish()
        self.writer.beat(self.rig.clock.monotonic_ns())
        with suppress(BlockingIOError):
            os.eventfd_write(self.rig.wake, 1)

    def want(self, tag, value):
        row = self.rig.row(tag)
        self.live["outputs.value"][row] = value
        self.live["outputs.quality"][row] = GOOD
        self.live["outputs.sequence"][row] += 1

    def grant(self, generation):
        """What a person does with a release."""
        self.live["outputs.granted"][0] = generation


class FieldBench:
    """Simulators, a scan and a field; what the rectifier was told and asked stands in `written` and `asked`."""

    def __init__(self, clock, plan, serving, folder):
        self.clock, self.plan, self.serving, self.folder = clock, plan, serving, folder
        self.opened = []
        memory = {role: self.keep(create(role, layout_of(role, plan).bytes)) for role in (Role.SCAN, Role.FIELD)}
        self.readable = {role: self.keep(read_only(d)) for role, d in memory.items()}
        self.memory = memory
        self.wake = self.keep(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC))
        self.settings = Settings(folder, clock.origin_ns, endpoints=serving.endpoints(), priority=0)
        self.packed = self.keep(pack(plan, self.settings))
        self.scan = Scan(self, map_writable(memory[Role.SCAN]))
        self.field = SegmentReader(map_readable(self.readable[Role.FIELD]), layout_of(Role.FIELD, plan))
        self.events = []
        self._ring = None
        self.child = self.task = None
        self.written = []
        self.asked = []
        self.stop_at = None
        self._listen()

    def keep(self, descriptor):
        self.opened.append(descriptor)
        return descriptor

    def _listen(self):
        """Note every write that the rectifier takes, with the ns it came."""
        rectifier = self.serving.line.rectifier
        write_block, read_block = rectifier.write_block, rectifier.read_block

        def noted(address, values, **times):
            self.written += [(address + n, v, self.clock.monotonic_ns()) for n, v in enumerate(values)]
            if address == self.stop_at:
                # Here the field waits for this answer, with more to write in its hand.
                self.stop_at = None
                self.child.send_signal(signal.SIGSTOP)
            write_block(address, values, **times)

        def asked(address, count, **times):
            self.asked.append(self.clock.monotonic_ns())
            return read_block(address, count, **times)

        rectifier.write_block, rectifier.read_block = noted, asked

    # -- the field

    @property
    def segments(self):
        return {Role.FIELD: self.memory[Role.FIELD], Role.SCAN: self.readable[Role.SCAN]}

    def start_process(self):
        told = argument(Role.FIELD, os.getpid(), self.packed, self.segments, {Role.FIELD: self.wake})
        inherited = [self.packed, *self.segments.values(), self.wake]
        self.child = subprocess.Popen(
            [sys.executable, "-c", CHILD, told], pass_fds=inherited, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

    def start_task(self):
        """A field in this loop; cancelling it is its sudden death, the event its orderly end."""
        told_to_end = asyncio.Event()
        given = HandOver(Role.FIELD, 0, self.plan, self.settings, self.segments, {Role.FIELD: self.wake})
        self.task = asyncio.create_task(drive(given, self.clock, told_to_end), name="field")
        return self.task, told_to_end

    async def ended(self, limit_s=10.0):
        """The exit code."""
        await self.until(lambda: self.child.poll() is not None, limit_s, "the end of the field process")
        return self.child.returncode

    # -- what is seen

    def row(self, tag):
        return next(n for n, o in enumerate(self.plan.outputs) if o.tag == tag)

    def column(self, name):
        self.field.take()
        return self.field.columns[name]

    def answered(self, tag):
        """Which wish of the scan the field has tried last."""
        return int(self.column("outputs.write_sequence")[self.row(tag)])

    def good(self):
        """Whether every input of a device is good."""
        rows = [n for n, i in enumerate(self.plan.inputs) if i.device]
        return bool(((self.column("inputs.quality")[rows] & SEVERITY_MASK) < BAD).all())

    def setting(self, register):
        return self.serving.line.rectifier.settings[register]

    def current_a(self):
        return self.serving.plant.read("cell.current_a")

    def happened(self):
        """The events of the field so far, across its lives."""
        if self._ring is None:
            area = layout_of(Role.FIELD, self.plan).area_slice(EVENTS)
            self._ring = RingReader(memoryview(self.field._memory[area]), after=0)
        self.events += [decode_field_event(frame.payload) for frame in self._ring]
        return self.events

    def told(self, text):
        return [e.text for e in self.happened() if text in e.text]

    async def until(self, condition, limit_s=20.0, what="it"):
        """Wait for what must happen; the seconds it took."""
        begin_ns = self.clock.monotonic_ns()
        while not condition():
            waited_s = (self.clock.monotonic_ns() - begin_ns) / 1e9
            assert waited_s < limit_s, f"{what} did not come within {limit_s} s; {[e.text for e in self.happened()]}"
            assert self.child is None or self.child.poll() in (None, 0, -9), f"the field process: {self.child.poll()}"
            if self.task is not None and self.task.done() and not self.task.cancelled():
                self.task.result()
            await self.clock.sleep(LOOK_S)
        return (self.clock.monotonic_ns() - begin_ns) / 1e9

    async def release(self):
        """The field is there and good, a person grants it, its outputs are open; what was written is forgotten."""
        await self.until(lambda: self.field.state is ProcessState.READY and self.good(), 30.0, "good inputs")
        self.scan.grant(self.field.generation)
        await self.until(lambda: self.column("follows")[0] == self.scan.writer.generation, 5.0, "the open gate")

    async def work(self, current_a=60.0):
        """A released plant whose rectifier makes current for the scan."""
        await self.release()
        for tag, value in ((VOLTAGE, 5.0), (CURRENT, current_a), (OUTPUT, 1.0), (FEED, 3.0)):
            self.scan.want(tag, value)
        await self.until(lambda: abs(self.current_a() - current_a) < 5.0, 10.0, "the current")


def demo_plan():
    built = build_path(ROOT / "tests" / "plant" / "one_cell" / "plant.yaml", {})
    assert built.plan is not None, built.findings
    return built.plan


@asynccontextmanager
async def bench(clock, plan, folder, profile):
    """The simulators and the scan, without a field."""
    async with serve(Plant(1, "running"), clock, watchdog_profile=profile) as serving:
        made = FieldBench(clock, plan, serving, folder)
        scan = asyncio.create_task(made.scan.run(), name="fake scan")
        try:
            yield made
        finally:
            scan.cancel()
            await asyncio.gather(scan, return_exceptions=True)
            for descriptor in made.opened:
                os.close(descriptor)


def in_process(story, folder, profile="writes"):
    """Run `story(bench)` beside the real field process in real time; what it returns."""

    async def main():
        async with bench(RealClock(), demo_plan(), folder, profile) as made:
            made.start_process()
            try:
                return await story(made)
            finally:
                if made.child.poll() is None:
                    made.child.send_signal(signal.SIGKILL)
                made.child.wait(10)

    return asyncio.run(main())


def in_loop(story, folder, profile="writes", change=None):
    """Run `story(bench, field task, its end)` in virtual time; what it returns."""
    import_servers()
    plan = demo_plan() if change is None else change(demo_plan())
    for device in plan.devices:
        load_driver(device.kind)
    import asyncua.client  # noqa: F401  put on the plant's clock below, so it must be there
    import pymodbus.client  # noqa: F401

    async def main(clock):
        with library_clocks(clock):
            async with bench(clock, plan, folder, profile) as made:
                task, told_to_end = made.start_task()
                try:
                    return await story(made, task, told_to_end)
                finally:
                    made.task.cancel()
                    await asyncio.gather(made.task, return_exceptions=True)

    return run_virtual(main, wall_limit_s=100.0)
