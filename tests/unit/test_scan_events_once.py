"""What the field has told is told on once, however many scan processes die one after the other."""

import pytest

from plantctl.app.split.deadline import monotonic_ns, utc_ns
from plantctl.app.split.scan import build
from plantctl.app.split.segments import EVENTS, SCAN_EVENT, Role
from plantctl.core.field import FieldEvent, FieldEventKind
from plantctl.core.frame import Kind
from plantctl.core.message import encode_field_event
from plantctl.core.ring import RingWriter
from tests.gateway_bench import Memory
from tests.plant.circuit_rig import demo_plan


@pytest.fixture
def memory(tmp_path):
    made = Memory(demo_plan(), tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("scans", [1, 0], ids=["after a scan", "before its first scan"])
def test_an_event_is_not_told_again_by_the_scan_that_follows_one_to_which_nothing_was_told(memory, scans):
    field = memory.for_role(Role.FIELD).own()
    ring = RingWriter.resume(field.area(EVENTS), memory.plan.hash)
    told = FieldEvent(monotonic_ns(), utc_ns(), FieldEventKind.DEVICE_ERROR, "PLC-4", "out of paper")
    last = ring.append(Kind.EVENT, 0, told.mono_ns, encode_field_event(told))

    def one(count):
        """A scan process that lives for so many scans; the newest event that it knows as taken."""
        scan = build(memory.for_role(Role.SCAN))
        taken = []
        inbox = scan.events.take
        scan.events.take = lambda: taken.append(inbox()) or taken[-1]
        for number in range(count):
            due_ns = monotonic_ns()
            scan.scan(number, due_ns, due_ns)
        return sum(map(len, taken)), int(scan.writer.live["scan"][SCAN_EVENT])

    assert one(1) == (1, last)
    assert one(scans) == (0, last)
    assert one(1) == (0, last)
