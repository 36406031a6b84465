"""Circuit A and its controller without sockets: the devices in memory, the plan's scan, the log on disk.

One tick is 100 ms: the devices and the plant step, the columns take what a driver would have read by then, the plan is
scanned, outputs that changed go to the devices, the recorder takes the frames. Plant hours in seconds, for questions of
the process; what wires do to values is asked in `circuit_rig`.
"""

from plantctl.app.one import plan_text
from plantctl.core.command import Command, Stage
from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.core.ring import RingReader, RingWriter, ring_bytes
from plantctl.log.writer import Recorder
from plantctl.scan.executive import Executive
from plantctl.scan.release import ONE_PROCESS
from plantctl.scan.schedule import Schedule
from simulators import faults
from simulators.devices.cell_line import PLC, CellLine
from simulators.in_memory import MemoryField
from simulators.plant import Plant
from simulators.signals import Signal

TICK_NS = 100_000_000
START_UTC_NS = 1_790_000_000_000_000_000
SCAN_LATER_NS = 700_000


class MemoryCircuit:
    """Plant, devices, scan and log in one loop of ticks."""

    def __init__(self, plan, storage, *, seed=1, start="running", compiled=True, release=None, plant=None):
        self.plan = plan
        self.field_state = ONE_PROCESS
        self.plant = plant or Plant(seed, start)
        self.field = MemoryField(CellLine(self.plant), utc_ns=START_UTC_NS)
        self.recorder = Recorder(storage, plan.name, {plan.hash: plan_text(plan)})
        last = self.recorder.open(START_UTC_NS)
        buffer = bytearray(ring_bytes(len(plan.points), 1e9 / plan.period_ns, len(plan.inputs)))
        ring = RingWriter(buffer, plan.hash, last + 1)
        self.executive = Executive(plan, compiled=compiled, ring=ring, release=release)
        self.reader = RingReader(buffer)
        self.schedule = Schedule(plan.tasks, plan.period_ns)
        self.inputs, self.outputs = InputColumns(len(plan.inputs)), OutputColumns(len(plan.outputs))
        self.events, self.results = [], []
        self.ticks = 0
        self._commands = []
        self._given = 0
        self._reads = self._groups()
        self._tags = [o.tag for o in plan.outputs]
        for i, row in enumerate(plan.inputs):
            if not row.device:
                self.inputs.value[i], self.inputs.quality[i] = row.initial, 0
        self.executive.bind(self.inputs, self.outputs)
        self.executive.start(self.now_ns, self.utc_ns)

    @property
    def now_ns(self):
        """Monotonic time of the scan."""
        return self.field.now_ns + SCAN_LATER_NS

    @property
    def utc_ns(self):
        """UTC of the scan."""
        return self.field.utc_ns + SCAN_LATER_NS

    def _groups(self):
        """`(ticks between two polls, what reads then)` of each poll period of the plan."""
        groups = {}
        for device in self.plan.devices:
            for item in device.inputs:
                every = _ticks(item.config.get("poll", device.config["poll"]))
                groups.setdefault(every, {})[item.index] = self._signal(device.name, item.tag)
        return [(every, self.field.feeder(rows, self.inputs)) for every, rows in sorted(groups.items())]

    def _signal(self, device, tag):
        """How the devices serve a tag of the plan: as the tag itself, or as the item that it names."""
        known, item = self.field.signals, self.plan.shown.tags[tag].item
        of, _, member = item.partition(".")
        if member:
            return Signal(tag, "", PLC, "", 0.0, 0.0, 200, key=(of, member))
        return known[tag] if tag in known else next(s for s in known.values() if (s.device, s.item) == (device, item))

    def tick(self):
        """One tick of 100 ms."""
        self.field.step()
        now_ns, utc_ns = self.now_ns, self.utc_ns
        for every, read in self._reads:
            if self.ticks % every == 0:
                read()
        commands, self._commands = self._commands, []
        dt_s = self.schedule.begin(self.ticks, now_ns)
        done = self.executive.scan(
            self.ticks, now_ns, utc_ns, dt_s, self.inputs, self.outputs, commands, (), self.field_state
        )
        self.events += done.events
        self.results += done.results
        if self.outputs.granted_generation == self.field_state.generation:
            self._write(now_ns)
        self.recorder.drain(self.reader, now_ns, utc_ns)
        if self.recorder.commit_due(now_ns):
            commit = self.recorder.begin_commit()
            if commit is not None:
                self.recorder.end_commit(commit, commit.sync(), now_ns, utc_ns)
        self.ticks += 1

    def _write(self, now_ns):
        outputs = self.outputs
        if outputs.sequence.tobytes() == outputs.write_sequence.tobytes():
            return
        for i in (outputs.sequence != outputs.write_sequence).nonzero()[0].tolist():
            if outputs.quality[i] & SEVERITY_MASK < BAD:
                self._give(self._tags[i], float(outputs.value[i]))
                outputs.written_value[i] = outputs.value[i]
                outputs.write_ns[i] = now_ns
                outputs.write_sequence[i] = outputs.sequence[i]

    def _give(self, tag, value):
        of, _, member = self.plan.shown.tags[tag].item.partition(".")
        if member:
            self.field.line.plc.command((of, member), round(value))
        else:
            self.field.write(tag, value)

    def run(self, seconds):
        """So many seconds of plant."""
        for _ in range(round(seconds * 10)):
            self.tick()

    def until(self, condition, limit_s):
        """Tick until `condition()`; fail after `limit_s` of plant time."""
        for _ in range(round(limit_s * 10)):
            if condition():
                return
            self.tick()
        assert condition(), f"not within {limit_s} s"

    def value(self, name):
        """The value of a point now."""
        return float(self.executive.image.v[self.plan.rows[name]])

    def command(self, verb, target, value=""):
        """Give a command, accepted or verified within 3 s."""
        self._given += 1
        number = self._given
        expiry_ns = self.now_ns + 10_000_000_000
        self._commands.append(Command(verb, target, str(value), "test", "test", "", expiry_ns, number))
        self.until(lambda: any(r.sequence == number for r in self.results), 1.0)
        last = [r for r in self.results if r.sequence == number][-1]
        assert last.stage is not Stage.REFUSED, last
        return last

    def start_up(self, pump_speed=80, current_a=85.0):
        """The circuit in AUTO at its current, as after `start.csv`."""
        self.run(2.0)
        self.command("set", "40-SC-4216", pump_speed)
        self.command("set", "40-HS-4216", 1)
        self.command("reset", "CELL-01")
        self.command("set", "40-HZ-4010", 1)
        self.command("set", "40-EC-4010", 5)
        self.until(lambda: self.value("40-HS-4010.permit") == 1.0, 60.0)
        self.command("set", "40-HS-4010", 1)
        self.command("mode", "40-AIC-4212", "auto")
        self.command("set", "40-IC-4010", current_a)
        self.until(lambda: abs(self.value("40-II-4010") - current_a) < 2.0, 60.0)

    def inject(self, name, target="", **parameters):
        """Put a fault of the plant in."""
        faults.inject(self.plant, name, target, **parameters)

    def close(self):
        """End the log."""
        self.recorder.drain(self.reader, self.now_ns, self.utc_ns)
        self.recorder.close(self.now_ns, self.utc_ns)


def _ticks(poll):
    """A poll period of the plan's text (`200 ms`, `1 s`) in ticks."""
    number, unit = poll.split()
    return max(1, round(float(number) * {"ms": 0.01, "s": 10.0}[unit]))
