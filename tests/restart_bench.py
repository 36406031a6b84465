"""A plant that is run, lost, and run again from what was left, with its log: for questions of warm starts.

`Logged` is a `PlanBench` with a recorder; a second one over the same folder is the next process.
"""

from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from tests.plan_bench import PlanBench

UTC_NS = 1_790_000_000_000_000_000
CASCADE = """
plant: {name: warm}
tasks: {protect: 100 ms, control: 500 ms}
tags:
  LI-1: {unit: "%", range: [0, 100]}
  FI-1: {unit: L/h, range: [0, 100]}
  QI-1: {unit: g/L, range: [0, 100]}
  XI-1: {range: [0, 1], initial: 0}
  LV-1: {unit: "%", range: [0, 100], access: write}
  PV-1: {unit: "%", range: [0, 100], access: write}
blocks:
  LIC-1: {kind: pid, task: control, unit: L/h, pv: LI-1, gain: 1 L/h/%, integral: 20 s, out_low: 0 L/h,
          out_high: 100 L/h, sp: 50 %, initial_mode: 4}
  FIC-1: {kind: pid, task: control, unit: "%", pv: FI-1, cas: LIC-1, gain: 0.5 %*h/L, integral: 5 s, out_low: 0 %,
          out_high: 100 %, initial_mode: 5}
  YIC-1: {kind: pid, task: control, unit: "%", pv: LI-1, gain: 9 %/%, integral: 20 s, out_low: 0 %, out_high: 20 %,
          sp: 50 %, initial_mode: 4, direct: true}
  LV-1: {kind: out, auto: FIC-1, low: 0 %, high: 100 %}
causes:
  C1: {when: "{XI-1} > 0.5"}
effects:
  E1: {force: {PV-1: "0 %"}}
chart:
  C1: {E1: latched}
alarms:
  LI-1: {high: 70 %, priority: 2, cause: inlet, consequence: overflow, response: close it}
"""


class Logged(PlanBench):
    """A plant with a log in `folder`; `begin` starts the run, and scans go on from the time of `after`."""

    def __init__(self, text, folder, after=None, **made):
        self.recorder = Recorder(FolderStorage(folder), "warm", {})
        last = self.recorder.open(UTC_NS)
        buffer = bytearray(HEAD_BYTES + (1 << 20))

        def ring(plan):
            self.recorder.add_plan(plan.hash, plan_text(plan))
            return RingWriter(buffer, plan.hash, last + 1)

        super().__init__(text, ring=ring, **made)
        self.reader = RingReader(buffer, after=last)
        self.buffer = buffer
        self.first = 0 if after is None else after.number
        self.number = self.first

    def begin(self):
        self.executive.start(self.number * self.plan.period_ns, UTC_NS, self.number)

    def live(self, count, *commands, **inputs):
        """Scans of a small process: level and flow follow the valve; the values of every scan."""
        given = [self.scan(*commands, **inputs)]
        seen = [self.values()]
        for _ in range(count - 1):
            self.move()
            given.append(self.scan())
            seen.append(self.values())
        self.events = [e for result in given for e in result.events]
        return seen

    def move(self):
        level, flow = (float(self.inputs.value[self.numbers[tag]]) for tag in ("LI-1", "FI-1"))
        self.feed("FI-1", flow + 0.3 * (self["LV-1"] - flow))
        self.feed("LI-1", level + 0.05 * (flow - 40.0))

    def values(self):
        """Every point as it is now, as bits, by name."""
        image = self.executive.image
        return {p.name: (int(image.v.view("i8")[p.row]), int(image.q[p.row])) for p in self.plan.points if p.name}

    def end(self):
        now_ns = self.number * self.plan.period_ns
        self.recorder.drain(self.reader, now_ns, UTC_NS + now_ns)
        assert self.recorder.close(now_ns, UTC_NS + now_ns)


def other_schedule(plant):
    """A schedule that has seen the scans before: steps are due as they were."""
    schedule = type(plant.schedule)(plant.plan.tasks, plant.plan.period_ns)
    for number in range(plant.number):
        schedule.begin(number, number * plant.plan.period_ns)
    return schedule


def plan_text(plan):
    from plantctl.app.one import plan_text as told

    return told(plan)
