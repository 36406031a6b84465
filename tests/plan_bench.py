"""A bench for a whole plan without devices: inputs and commands in, one scan at a time."""

from plantctl.core.command import Command
from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.quality import SEVERITY_MASK
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from plantctl.scan.executive import Executive
from plantctl.scan.schedule import Schedule


class PlanBench:
    """A plant from its text, stepped scan by scan: `plant.scan(**{"PI-1": 3.0})`, `plant["LOOP.mode"]`."""

    def __init__(self, text, compiled=False, cache=None, ring=None, release=None):
        built = build("plant.yaml", from_texts({"plant.yaml": text}))
        assert built.plan is not None, built.findings
        self.plan = built.plan
        ring = ring and ring(self.plan)
        self.executive = Executive(self.plan, compiled=compiled, cache=cache, ages=False, ring=ring, release=release)
        self.inputs, self.outputs = InputColumns(len(self.plan.inputs)), OutputColumns(len(self.plan.outputs))
        self.numbers = {row.tag: i for i, row in enumerate(self.plan.inputs)}
        for row in self.plan.inputs:
            if row.initial == row.initial:
                self.feed(row.tag, row.initial)
        self.schedule = Schedule(self.plan.tasks, self.plan.period_ns)
        self.number = 0
        self.commands = 0

    def feed(self, tag, value):
        v, q = value if isinstance(value, tuple) else (value, 0)
        self.inputs.value[self.numbers[tag]], self.inputs.quality[self.numbers[tag]] = v, q

    def command(self, verb, target, value=""):
        self.commands += 1
        return Command(verb, target, str(value), "bench", "a test", f"key {self.commands}", 0, self.commands)

    def scan(self, *commands, **inputs):
        """One scan after the inputs changed; the scan's result (events, results of commands)."""
        for tag, value in inputs.items():
            self.feed(tag, value)
        now_ns = self.number * self.plan.period_ns
        dt_s = self.schedule.begin(self.number, now_ns)
        given = [self.command(*c) for c in commands]
        result = self.executive.scan(self.number, now_ns, now_ns, dt_s, self.inputs, self.outputs, given)
        self.number += 1
        return result

    def scans(self, count, *commands, **inputs):
        """`count` scans, commands and inputs at the first; every event."""
        events = list(self.scan(*commands, **inputs).events)
        for _ in range(count - 1):
            events += self.scan().events
        return events

    def __getitem__(self, name):
        row = self.plan.rows.get(name)
        if row is not None:
            return float(self.executive.image.v[row])
        address = self.plan.addresses[name]
        return float(self.executive.stepper.memories[address.kind].rows[address.field][address.row])

    def severity(self, name):
        return int(self.executive.image.q[self.plan.rows[name]]) & SEVERITY_MASK
