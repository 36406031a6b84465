"""A scan and a recorder played by hand beside the real gateway parts: memory as the supervisor makes it, time at will.

`ScanPlayed` writes frames and publishes as a scan process does, `die` and `come_back` are its death and its successor.
"""

import os
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from plantctl.app.split.commands_under_way import CommandsUnderWay
from plantctl.app.split.frame_feed import FrameFeed
from plantctl.app.split.hand_over import Settings, received
from plantctl.app.split.log_watch import DURABLE
from plantctl.app.split.plant_memory import PlantMemory
from plantctl.app.split.segments import COMMANDS, FRAMES, SCAN_FRAME, SCAN_NUMBER, Role
from plantctl.core.command import Command, Stage
from plantctl.core.frame import IN_WORDS, NO_TAG, Kind, Rows, RowsFlag, encode_records, encode_rows, encode_texts
from plantctl.core.message import decode_command
from plantctl.core.ring import RingReader, RingWriter
from plantctl.core.segment import ProcessState
from plantctl.core.text import text_id
from plantctl.plan.build import build_path

SECOND_NS = 1_000_000_000
UTC_NS = 1_700_000_000 * SECOND_NS
GATEWAY = os.getpid()


class Memory:
    """A plant's whole memory in this process; `for_role` is what a process of that role is handed."""

    def __init__(self, plan, folder, page=None, opcua=None):
        self.plan = plan
        self._memory = PlantMemory(plan, Settings(folder, 0, compiled=False, page=page, opcua=opcua), 1)

    def for_role(self, role):
        return received(self._memory.handed(role, GATEWAY)[0])

    def close(self):
        self._memory.close()


class ScanPlayed:
    """The scan's side: `now_ns` is its time, `offset_ns` what UTC is ahead of it."""

    def __init__(self, memory, now_ns=SECOND_NS):
        self._memory = memory
        self.now_ns = now_ns
        self.offset_ns = UTC_NS
        self.number = 0
        self.writer = None

    def come_back(self, state=ProcessState.READY):
        """A new scan process begins, behind all commands that are in the ring by then."""
        given = self._memory.for_role(Role.SCAN)
        self.writer = given.own()
        before = self.writer.last()
        if before is not None:
            self.writer.live["image.v"][:] = before["image.v"]
        self.ring = RingWriter.resume(self.writer.area(FRAMES), self._memory.plan.hash)
        self.time()
        self.writer.take_over(self.now_ns)
        self._commands = RingReader(given.reader(Role.GATEWAY).area(COMMANDS))
        self._commands.skip_all()
        self.writer.say(state)
        return self

    def time(self):
        record = {"mono_ns": self.now_ns, "utc_ns": self.now_ns + self.offset_ns, "locked": 1}
        self.ring.append(Kind.TIME, self.number, self.now_ns, encode_records(Kind.TIME, [record]))

    def commands(self):
        """What the gateway asked for since."""
        return [decode_command(frame.payload) for frame in self._commands]

    def say(self, command, stage, code="", text="", *, publish=True):
        """A stage of a command, in a scan of its own."""
        self.texts(code, text)
        record = {
            "number": command.sequence,
            "mono_ns": self.now_ns,
            "stage": int(stage),
            "code": text_id(code),
            "text": text_id(text),
        }
        self.ring.append(Kind.RESULT, self.number, self.now_ns, encode_records(Kind.RESULT, [record]))
        if publish:
            self.publish()

    def event(self, kind, target, old, new, reason="", *, texts=True):
        row = self._memory.plan.rows.get(target)
        if texts:
            self.texts(reason, "" if row else target)
        record = {
            "old": old,
            "new": new,
            "reason": text_id(reason),
            "field": 0 if row else text_id(target),
            "tag": self._memory.plan.points[row].id if row else NO_TAG,
            "code": int(kind),
            "flags": IN_WORDS,
        }
        self.ring.append(Kind.EVENT, self.number, self.now_ns, encode_records(Kind.EVENT, [record]))

    def rows(self, changed, flags=RowsFlag.NONE):
        """A delta frame, or with `flags` a key frame: (value, quality) by name, for inputs with a source time."""
        points = self._memory.plan.points
        inputs = len(self._memory.plan.inputs)
        rows = sorted((self._memory.plan.rows[name], told) for name, told in changed.items())
        sources = [self.now_ns + self.offset_ns for row, _ in rows if row <= inputs]
        columns = (
            np.array([points[row].id for row, _ in rows], np.uint32),
            np.array([told[0] for _, told in rows], np.float64),
            np.array([told[1] for _, told in rows], np.uint16),
            np.array(sources, np.int64),
            np.zeros(len(sources), np.int64),
        )
        for row, (value, quality) in rows:
            self.writer.live["image.v"][row], self.writer.live["image.q"][row] = value, quality
            self.writer.live["image.receive_ns"][row] = self.now_ns
        payload = encode_rows(Rows(flags, np.array([0.1]), *columns))
        self.ring.append(Kind.KEY if flags else Kind.DELTA, self.number, self.now_ns, payload)

    def texts(self, *texts):
        told = {text_id(text): text for text in texts if text}
        if told:
            self.ring.append(Kind.TEXT, self.number, self.now_ns, encode_texts(told))

    def set(self, name, value):
        self.writer.live["image.v"][self._memory.plan.rows[name]] = value

    def publish(self):
        said = self.writer.live["scan"]
        said[SCAN_NUMBER], said[SCAN_FRAME] = self.number, self.ring.next_sequence - 1
        self.writer.publish()
        self.writer.beat(self.now_ns)
        self.number += 1

    @property
    def frame(self):
        """The last frame written."""
        return self.ring.next_sequence - 1


class Bench:
    """A gateway's commands over a played scan and a played recorder; `told` is what each asker heard."""

    def __init__(self, plan, folder, page=None, opcua=None):
        self.plan = plan
        self.memory = Memory(plan, folder, page, opcua)
        self.scan = ScanPlayed(self.memory)
        self.recorder = self.memory.for_role(Role.RECORDER).own()
        self.recorder.take_over(self.scan.now_ns)
        self.given = self.memory.for_role(Role.GATEWAY)
        self.new_gateway()

    def new_gateway(self):
        """A gateway that knows nothing."""
        self.writer = self.given.own()
        self.feed = FrameFeed(self.plan, self.given.reader(Role.SCAN).area(FRAMES))
        self.under_way = CommandsUnderWay(
            self.plan,
            RingWriter.resume(self.writer.area(COMMANDS), self.plan.hash),
            self.feed,
            self.given.reader(Role.SCAN, ("scan",)),
            self.given.reader(Role.RECORDER, DURABLE),
        )
        self.under_way.turn(self.scan.now_ns)

    @property
    def now_ns(self):
        return self.scan.now_ns

    def later(self, seconds, *, scanning=True):
        self.scan.now_ns += round(seconds * SECOND_NS)
        if scanning:
            self.scan.publish()

    def ask(self, verb="mode", target="40-AIC-4212", wait_s=5.0, **more):
        """Give a command; the list that fills with what is told of it."""
        told = []
        expires_ns = self.now_ns + round(wait_s * SECOND_NS) if wait_s else 0
        command = replace(Command(verb, target, "auto", "a person", expires_ns=expires_ns), **more)
        assert self.under_way.submit(command, told.append, self.now_ns)
        return told

    def on_disk(self, frame=None):
        """The recorder has everything up to the frame on disk."""
        for name in DURABLE:
            self.recorder.live[name][0] = self.scan.frame if frame is None else frame
        self.recorder.publish()
        self.recorder.beat(self.now_ns)

    def turn(self):
        self.under_way.turn(self.now_ns)


def words(told):
    """The stages and codes that were told."""
    return [f"{result.stage.word} {result.code}".strip() for result in told]


__all__ = ["SECOND_NS", "UTC_NS", "Bench", "Memory", "ScanPlayed", "Stage", "words"]


@cache
def demo_plan():
    """The demo's plan, built once."""
    return build_path(Path(__file__).parents[1] / "tests" / "plant" / "one_cell", {}).plan


@contextmanager
def living(folder):
    """A bench over the demo whose scan has begun."""
    made = Bench(demo_plan(), folder)
    made.scan.come_back().publish()
    try:
        yield made
    finally:
        made.memory.close()
