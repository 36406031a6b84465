"""A desk over a real scan, a real recorder and a log in memory: what is asked of it is on disk before the answer."""

import asyncio
import math
from dataclasses import replace

from plantctl.app.plan_text import plan_text
from plantctl.core.event import EventKind
from plantctl.core.quality import NOT_YET
from plantctl.core.ring import RingReader, RingWriter
from plantctl.history.reading.late_log import LateLog
from plantctl.history.reading.query import History
from plantctl.hmi.lab_desk import LabDesk
from plantctl.hmi.live_plant import LogWord, Snapshot
from plantctl.log.writer import Recorder
from tests.plan_bench import PlanBench
from tests.unit.simulated_storage import SimulatedStorage

HOUR_NS = 3_600_000_000_000
UTC_NS = 1_790_000_000_000_000_000
PLANT = """
plant: {name: Lab}
tags:
  AY-1:
    {unit: mol/L, range: [0, 2], initial: 0.6 mol/L, lab: {limits: [0.5, 0.7], signatures: two, method: titration}}
  AY-2: {unit: "%", range: [0, 100], lab: {within: 12 h}}
  FI-1: {unit: L/h, range: [0, 10]}
"""


class LabPlant(PlanBench):
    """A plant with laboratory tags, as a desk sees it; `said` is what its journal has of commands.

    `deaf`: commands are taken, and nothing is ever answered.
    """

    durable_answers = True
    TEXT = PLANT

    def __init__(self):
        buffer = bytearray(1 << 20)
        super().__init__(self.TEXT, ring=lambda plan: RingWriter(buffer, plan.hash))
        self.ring = RingReader(buffer, after=0)
        self.log_storage, self.sealed = SimulatedStorage(), SimulatedStorage()
        self.recorder = Recorder(self.log_storage, "bench", {self.plan.hash: plan_text(self.plan)})
        self.recorder.open(self.utc_ns(), 0)
        self.executive.start(0, self.utc_ns())
        self.deaf = False
        self.said = []
        self.numbered = 0
        self.desk = LabDesk(self, lambda: LateLog(self.log_storage, self.sealed))

    def monotonic_ns(self):
        return self.number * self.plan.period_ns

    def utc_ns(self):
        return UTC_NS + self.monotonic_ns()

    def log(self):
        return LogWord(durable_utc_ns=self.recorder.durable_utc_ns)

    def keep(self):
        self.recorder.drain(self.ring, self.monotonic_ns(), self.utc_ns())
        assert self.recorder.commit(self.monotonic_ns(), self.utc_ns())

    def give(self, commands):
        """A scan with some commands, all on disk."""
        now_ns, utc_ns = self.monotonic_ns(), self.utc_ns()
        dt_s = self.schedule.begin(self.number, now_ns)
        done = self.executive.scan(self.number, now_ns, utc_ns, dt_s, self.inputs, self.outputs, commands)
        self.number += 1
        self.said += [event for event in done.events if event.kind is EventKind.COMMAND]
        self.keep()
        return done

    def submit(self, command, tell, heard_ns=0):
        if not self.deaf:
            self.numbered += 1
            for result in self.give([replace(command, sequence=self.numbered)]).results:
                tell(result)
        return True

    def do(self, asked, actor="ann (operator)", **more):
        """What the desk answers; the plant has scanned once more by then."""
        told = asyncio.run(self.desk.act(asked, actor, **more))
        self.give([])
        return told

    def snapshot(self):
        image = self.executive.image
        return Snapshot(self.number - 1, image.v, image.q, image.receive_ns, image.source_ns, [])

    def forget(self, value=math.nan, quality=NOT_YET, source_ns=0, tag="AY-1"):
        """As after a power cut: the tag begins with what was saved before, or with nothing."""
        i = self.numbers[tag]
        self.inputs.value[i], self.inputs.quality[i], self.inputs.source_ns[i] = value, quality, source_ns
        self.give([])

    def tell_lost(self):
        told = asyncio.run(self.desk.tell_lost())
        self.give([])
        return told

    def entries(self, *tag, **more):
        return asyncio.run(self.desk.entries(*tag, **more))

    def history(self):
        return History(self.log_storage, self.sealed)
