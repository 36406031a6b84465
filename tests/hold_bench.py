"""A bench for a plan whose field is a process of its own: devices that keep what was written, a field that can die.

The field writes nothing unless the scan granted its generation; `written` lists every write, (scan, tag, value). A
read-back shows what its device has, received in the very scan, while the field is alive; one that is in `unasked` stays
what it was.
"""

from plantctl.core.command import Command, Stage
from plantctl.core.field import InputColumns, OutputColumns
from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from plantctl.scan.executive import Executive
from plantctl.scan.release import FieldState, Release
from plantctl.scan.schedule import Schedule


class HoldBench:
    """A plan from its text, its scan just started beside field generation 1; `devices` are output tags and values."""

    def __init__(self, text, devices, inputs, compiled=False, cache=None):
        built = build("plant.yaml", from_texts({"plant.yaml": text}))
        assert built.plan is not None, built.findings
        self.plan = built.plan
        self.executive = Executive(self.plan, compiled=compiled, cache=cache, ages=False, release=Release.at_start())
        self.columns, self.outputs = InputColumns(len(self.plan.inputs)), OutputColumns(len(self.plan.outputs))
        self.schedule = Schedule(self.plan.tasks, self.plan.period_ns)
        self.devices, self.fed, self.lost = dict(devices), dict(inputs), set()
        self.unasked = set()
        self.field = FieldState(1)
        self.written, self.events = [], []
        self.number = 0
        self.sequence = 0

    def restart(self, generation):
        """Another field process is there before the next scan; it has written nothing yet."""
        self.field = FieldState(generation)
        self.outputs.write_sequence[:] = 0

    def die(self):
        self.field = FieldState(self.field.generation, alive=False)

    def restart_scan(self):
        """Another scan process goes on from what the dead one published last."""
        columns = {name: column.copy() for name, column in self.executive.stepper.memory.columns.items()}
        columns |= {f"outputs.{n}": getattr(self.outputs, n).copy() for n in ("value", "quality", "sequence")}
        self.outputs = OutputColumns(len(self.plan.outputs))
        self.outputs.write_sequence[:] = columns["outputs.sequence"]
        self.executive = Executive(self.plan, compiled=False, ages=False, release=Release.at_start())
        self.executive.load(columns, self.outputs)
        self.executive.start(self.number * self.plan.period_ns, 0, self.number)

    def _read(self, now_ns):
        tag_of = {o.row: o.tag for o in self.plan.outputs}
        for i, row in enumerate(self.plan.inputs):
            if row.tag in self.unasked:
                continue
            value = self.devices.get(tag_of[row.reads_back]) if row.reads_back else self.fed[row.tag]
            known = value is not None and row.tag not in self.lost
            self.columns.value[i] = value if known else float("nan")
            self.columns.quality[i] = 0 if known else BAD
            self.columns.receive_ns[i] = now_ns

    def _write(self):
        moved = self.outputs.sequence != self.outputs.write_sequence
        for i in moved.nonzero()[0].tolist():
            if self.outputs.quality[i] & SEVERITY_MASK < BAD:
                tag = self.plan.outputs[i].tag
                self.devices[tag] = float(self.outputs.value[i])
                self.written.append((self.number, tag, self.devices[tag]))
                self.outputs.write_sequence[i] = self.outputs.sequence[i]

    def scan(self, *given):
        """One scan; `given` are commands (verb, target, value). What the executive gave."""
        now_ns = (self.number + 1) * self.plan.period_ns
        if self.field.alive:
            self._read(now_ns)
        commands = []
        for verb, target, value in given:
            self.sequence += 1
            commands.append(Command(verb, target, str(value), "op", "looked at it", sequence=self.sequence))
        dt_s = self.schedule.begin(self.number, now_ns)
        done = self.executive.scan(
            self.number, now_ns, now_ns, dt_s, self.columns, self.outputs, commands, (), self.field
        )
        self.events += done.events
        if self.field.alive and self.outputs.granted_generation == self.field.generation:
            self._write()
        self.number += 1
        return done

    def scans(self, count):
        for _ in range(count):
            self.scan()

    def ask(self, verb, target, value=""):
        """One scan with a command; its first result."""
        done = self.scan((verb, target, value))
        return next(r for r in done.results if r.sequence == self.sequence)

    def release(self):
        result = self.ask("release", "plant")
        assert result.stage is Stage.ACCEPTED, result

    def told(self, target):
        """The events of a point or tag: (kind, old, new, reason)."""
        return [(e.kind.word, e.old_text, e.new_text, e.reason) for e in self.events if e.target == target]

    def __getitem__(self, name):
        return float(self.executive.image.v[self.plan.rows[name]])

    def severity(self, name):
        return int(self.executive.image.q[self.plan.rows[name]]) & SEVERITY_MASK
