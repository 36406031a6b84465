"""What reaches a scan process from others: what cannot be read is counted and told, what was answered is known to the
scan that follows.
"""

import pytest

from plantctl.app.split.deadline import monotonic_ns
from plantctl.app.split.scan import build
from plantctl.app.split.segments import COMMANDS, EVENTS, FRAMES, Role
from plantctl.core.command import Command, Stage
from plantctl.core.frame import Kind, decode_records
from plantctl.core.message import encode_command
from plantctl.core.ring import RingReader, RingWriter
from plantctl.core.text import text_id
from tests.gateway_bench import Memory
from tests.plant.circuit_rig import demo_plan

GAIN = "40-AIC-4212.gain"


@pytest.fixture
def memory(tmp_path):
    made = Memory(demo_plan(), tmp_path)
    yield made
    made.close()


class Scanning:
    """A scan process that goes on from the one before, and the rings that others fill for it."""

    def __init__(self, memory):
        self.memory = memory
        self.process = build(memory.for_role(Role.SCAN))
        rings = ((Role.GATEWAY, COMMANDS), (Role.FIELD, EVENTS))
        self.commands, self.events = (
            RingWriter.resume(memory.for_role(role).own().area(name), memory.plan.hash) for role, name in rings
        )
        self.number = 0
        self.now_ns = monotonic_ns()

    def scan(self, after_s=0.1):
        self.now_ns += round(after_s * 1e9)
        self.process.scan(self.number, self.now_ns, self.now_ns)
        self.number += 1

    def ask(self, value, key):
        """Ask for a gain in the next scan."""
        asked = Command("tune", GAIN, str(value), "op", "test", key, sequence=self.commands.next_sequence)
        self.commands.append(Kind.COMMAND, 0, self.now_ns, encode_command(asked))
        self.scan()

    @property
    def gain(self):
        return self.process.executive.gate._present(GAIN)

    def value(self, name):
        return float(self.process.executive.image.v[self.memory.plan.rows[name]])

    def records(self, kind):
        """The records of a kind in all frames so far."""
        ring = RingReader(self.memory.for_role(Role.SCAN).own().area(FRAMES))
        return [r for frame in ring if frame.kind == kind for r in decode_records(kind, frame.payload)]


def test_what_another_process_said_and_nobody_can_read_is_a_point_and_an_event(memory):
    scanning = Scanning(memory)
    scanning.scan()
    assert scanning.value("scan.damaged_messages") == 0.0
    scanning.commands.append(Kind.COMMAND, 0, 0, b"no command")
    scanning.events.append(Kind.EVENT, 0, 0, b"no event")
    scanning.scan()
    scanning.ask(0.1, "")
    assert scanning.gain == 0.1, "what follows is read"
    for _ in range(3):
        scanning.scan(after_s=1.1)
    assert scanning.value("scan.damaged_messages") == 2.0
    number = int(memory.plan.ids[memory.plan.rows["scan.damaged_messages"]])
    told = [(r["old"], r["new"]) for r in scanning.records(Kind.EVENT) if r["tag"] == number]
    assert told == [(0.0, 2.0)], "once, not every second"


def test_history_that_went_is_an_event_and_its_room_a_point(memory):
    recorder = memory.for_role(Role.RECORDER).own()
    recorder.take_over(monotonic_ns())
    recorder.live["history_removed"][0] = 7  # before this scan began
    recorder.publish()
    scanning = Scanning(memory)
    scanning.scan()
    for count in (7, 9, 9, 2, 3):  # another recorder begins to count anew
        recorder.live["history_removed"][0], recorder.live["history_bytes"][0] = count, 1000 * count
        recorder.publish()
        scanning.scan(after_s=1.1)
    assert scanning.value("log.history_bytes") == 3000.0
    assert scanning.value("log.history_removed") == 3.0
    number = int(memory.plan.ids[memory.plan.rows["log.history_removed"]])
    told = [(r["old"], r["new"]) for r in scanning.records(Kind.EVENT) if r["tag"] == number]
    assert told == [(7.0, 9.0), (2.0, 3.0)]


def test_a_command_that_is_repeated_after_the_scan_was_replaced_is_answered_and_not_done_again(memory):
    first = Scanning(memory)
    first.scan()
    first.ask(0.1, "one")
    first.ask(0.2, "two")
    # It dies after it has written the answer and before it has published what it did.
    first.process.writer.publish = lambda: None
    first.ask(0.3, "unseen")

    second = Scanning(memory)
    assert second.gain == 0.2
    second.ask(0.1, "one")
    assert second.gain == 0.2, "the command was done twice"
    assert second.records(Kind.RESULT)[-1]["stage"] == Stage.ACCEPTED
    second.ask(0.3, "unseen")
    assert second.gain == 0.3, "what nobody saw was not done: whoever repeats it wants it"

    third = Scanning(memory)
    third.ask(0.1, "one")
    assert third.gain == 0.3
    told = [(r["key"] == text_id("one"), int(r["flags"])) for r in third.records(Kind.COMMAND)]
    assert told == [(True, 0), (False, 0), (False, 0), (True, 1), (False, 0), (True, 1)], "a replay would do it again"
