"""The bridge between the devices' columns and the shared memory: what the field process does besides driving devices.

The drivers fill live columns that nobody else sees. The bridge publishes them when something has changed and always
shortly before the scan takes its next look, passes on what happened to the devices, looks at the scan and lets its
outputs through, or puts the devices to their fail-safe values, as the gate says (`output_gate`).

Rules of the file: nothing here waits and nothing lasts, so that a turn costs the drivers nothing; the gate's word is
published before any driver can act on it; the heartbeat is the last thing of a turn.
"""

import logging
import os
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from plantctl.app.field import Field, Table, lay_initial
from plantctl.app.split.hand_over import HandOver
from plantctl.app.split.output_gate import FailSafe, OutputGate, ScanSeen, Taken, Verdict, published_sequences
from plantctl.app.split.segments import EVENTS, STATISTICS, Role
from plantctl.core.clock import Clock, ticks
from plantctl.core.field import FieldEvent, FieldEventKind, FieldEvents, InputColumns, OutputColumns
from plantctl.core.frame import Kind
from plantctl.core.message import encode_field_event
from plantctl.core.ring import RingWriter
from plantctl.core.schedule import SCAN_PHASE_NS, Schedule
from plantctl.core.segment import ProcessState, SegmentWriter
from plantctl.drivers._driver import Permit
from plantctl.plan.plan import Plan

# So long before the scan's instant the columns are published: a loop's timer may be more than a millisecond late.
LEAD_NS: Final = 2_000_000
# Turns between two scans: what is published at them is what the scan finds should we be held up at the last one.
TURN_LEAST_NS: Final = 5_000_000
TURNS_MOST: Final = 4
STATISTICS_EVERY_NS: Final = 250_000_000
# Above these bits of a sequence stands under which word of the gate it was wished.
SEQUENCE_BITS: Final = 32
TRIES: Final = 3

WISHES: Final = frozenset({"outputs.value", "outputs.quality", "outputs.sequence", "outputs.granted"})
LIVING: Final = frozenset({ProcessState.STARTING, ProcessState.READY})
_INPUTS: Final = ("value", "quality", "receive_ns", "source_ns")
# The sequences are not laid over the segment: what is published are those of the scan's own count.
_OUTPUTS: Final = ("written_value", "write_ns", "error")


class GatePermit(Permit):
    """The gate's word as the drivers ask for it."""

    def __init__(self, gate: OutputGate, fail_safe: FailSafe, clock: Clock) -> None:
        self.refreshes = False
        self._gate = gate
        self._fail_safe = fail_safe
        self._clock = clock

    def take(self) -> Taken:
        return self._gate.take(self._clock.monotonic_ns())

    def holds(self, taken: object) -> bool:
        return isinstance(taken, Taken) and self._gate.permits(taken, self._clock.monotonic_ns())

    def quiet(self, order: int) -> bool:
        return self._gate.verdict is not Verdict.OPEN and self._fail_safe.quiet(order, self._clock.monotonic_ns())


class Bridge:
    """The bridge of one field process. It takes the segment over: the first thing it publishes is that all is bad.

    Build the devices with `table`, then `attach` them; `turns` is the work, `woken` what to call when the scan has
    published. `segment` is the process's own, for it to say where it stands.
    """

    def __init__(self, hand_over: HandOver, clock: Clock) -> None:
        plan = hand_over.plan
        self._clock, self._plan = clock, plan
        self._scan = hand_over.reader(Role.SCAN, WISHES)
        self.segment = hand_over.own()
        last = self.segment.last()
        follows = 0 if last is None else int(last["follows"][0])
        unconfirmed = 0 if last is None else int(last["unconfirmed"][0])
        live = self._live = self.segment.live
        inputs = InputColumns(len(plan.inputs), _named(live, "inputs", _INPUTS))
        outputs = OutputColumns(len(plan.outputs), _named(live, "outputs", _OUTPUTS))
        lay_initial(plan, inputs)
        live["follows"][0], live["unconfirmed"][0] = follows, unconfirmed
        live["safe"][0] = int(unconfirmed > 0)
        self._ring = _ring(self.segment, plan)
        generation = self.segment.take_over(clock.monotonic_ns())
        self.gate = OutputGate(plan.period_ns, generation, follows, unfinished=unconfirmed > 0)
        self.fail_safe = FailSafe(*_fail_safe_values(plan))
        self._permit = GatePermit(self.gate, self.fail_safe, clock)
        self.table = Table(inputs, outputs, FieldEvents(), self._permit)
        self._field: Field | None = None
        self._verdict = Verdict.SHUT
        self._base = 0
        self._copied = 0
        self._answers = -1
        self._counted_ns = 0

    def attach(self, field: Field) -> None:
        """The devices are built: whatever an earlier field process left to be made safe begins now."""
        self._field = field
        self.fail_safe.quiet_ns = tuple(round(r.driver.quiet_s * 1e9) for r in field.runners)
        self.gate.heed_watchdogs(round(r.driver.watchdog_s * 1e9) for r in field.runners if r.driver.watchdog_s)
        now_ns = self._clock.monotonic_ns()
        if self.gate.follows:
            self.fail_safe.leave(now_ns)
        self._obey(now_ns)

    # -- time

    def register(self) -> tuple[Schedule, int]:
        """Enter the bridge in the clock's timetable, before any device; its schedule, and how many turns to a scan."""
        period_ns = self._plan.period_ns
        turns = max(1, min(TURNS_MOST, period_ns // TURN_LEAST_NS))
        while period_ns % turns:
            turns -= 1
        turn_ns = period_ns // turns
        phase_ns = (SCAN_PHASE_NS - LEAD_NS) % turn_ns
        return self._clock.register("field bridge", turn_ns, phase_ns), turns

    async def turns(self, schedule: Schedule, turns: int) -> None:
        """Turn after turn until cancelled."""
        last = (self._plan.period_ns + SCAN_PHASE_NS - LEAD_NS) // schedule.period_ns % turns
        async for tick in ticks(self._clock, schedule):
            self.turn(before_scan=tick.index % turns == last or tick.skipped > 0)

    def turn(self, *, before_scan: bool = True) -> None:
        """One turn: look at the scan, pass on what happened, publish where that is due or worth it, beat."""
        now_ns = self._clock.monotonic_ns()
        self.look(now_ns)
        answers = sum(r.statistics.answers for r in self._field.runners) if self._field else 0
        if before_scan or answers != self._answers or len(self.table.events):
            self._answers = answers
            self.publish(now_ns)
        self.segment.beat(now_ns)

    def woken(self) -> None:
        """The scan has published: take what it wants."""
        self.look(self._clock.monotonic_ns())

    # -- the scan

    def look(self, now_ns: int) -> None:
        """Look at the scan, and do at once what the gate says."""
        seen = self._seen()
        if self.gate.look(now_ns, seen):
            self._obey(now_ns)
        outputs = self.table.outputs
        if self._verdict is Verdict.OPEN:
            self._let_through(seen)
        elif self._verdict is Verdict.SAFE:
            was_pending = self.fail_safe.pending
            for row, error in self.fail_safe.look(outputs, now_ns):
                word = error.name.lower().replace("_", "-")
                self._tell(f"the fail-safe value of {self._plan.outputs[row].tag} is not written: {word}")
            if was_pending and not self.fail_safe.pending:
                missing = self.fail_safe.unconfirmed
                self._tell("all fail-safe values are confirmed" if not missing else f"{missing} could not be made safe")

    def end(self) -> None:
        """Begin to end: what a scan has written is made safe. `fail_safe.pending` tells how far that is."""
        self.gate.end()
        self._obey(self._clock.monotonic_ns())

    def _seen(self) -> ScanSeen:
        """The scan, its columns and its head of one and the same process."""
        scan = self._scan
        for _ in range(TRIES):
            generation = scan.generation
            scan.take()
            if scan.generation == generation:
                break
        else:
            return ScanSeen(scan.generation, 0, 0, lives=False)
        if not scan.taken:
            return ScanSeen(generation, 0, 0, lives=False)
        lives = scan.state in LIVING and scan.plan_hash == self._plan.hash
        return ScanSeen(generation, int(scan.columns["outputs.granted"][0]), scan.heartbeat_ns, lives)

    def _let_through(self, seen: ScanSeen) -> None:
        """The scan's wishes, as the drivers read them."""
        outputs, columns = self.table.outputs, self._scan.columns
        if self._copied != self._scan.taken:
            self._copied = self._scan.taken
            outputs.value[:] = columns["outputs.value"]
            outputs.quality[:] = columns["outputs.quality"]
            wished = columns["outputs.sequence"]
            outputs.sequence[:] = np.where(wished > 0, wished + self._base, 0)
        outputs.scan_heartbeat_ns = seen.heartbeat_ns

    def _obey(self, now_ns: int) -> None:
        """Make the gate's word true and known, before anything else can happen in this process."""
        gate, outputs = self.gate, self.table.outputs
        while self.segment.generation < gate.generation:
            self.segment.raise_generation()
        if gate.verdict is self._verdict:
            self._live["follows"][0] = gate.follows
            return
        self._verdict = gate.verdict
        self._base = gate.epoch << SEQUENCE_BITS
        self._copied = 0
        self._permit.refreshes = gate.verdict is Verdict.OPEN
        if gate.verdict is Verdict.SAFE:
            self.fail_safe.begin(outputs, self._base, now_ns)
        else:
            outputs.sequence[:] = 0
            if gate.verdict is Verdict.SHUT:
                self.fail_safe.leave(now_ns)
            else:
                self.fail_safe.stop()
        words = {Verdict.SHUT: "not written", Verdict.OPEN: "written", Verdict.SAFE: "put to their fail-safe values"}
        self._tell(f"outputs are {words[gate.verdict]}: {gate.why}")
        self.publish(now_ns)

    # -- what others see

    def publish(self, now_ns: int) -> None:
        """Make everything seen: columns, events, counters."""
        live, events = self._live, self.table.events
        for event in events.drain():
            self._ring.append(Kind.EVENT, 0, event.mono_ns, encode_field_event(event))
        live["outputs.write_sequence"][:] = published_sequences(
            self.table.outputs.write_sequence, self._base, self._verdict
        )
        live["safe"][0] = self._verdict is Verdict.SAFE
        live["unconfirmed"][0] = self.fail_safe.unconfirmed
        live["follows"][0] = self.gate.follows
        live["events_dropped"][0] = events.dropped
        if self._field is not None and now_ns - self._counted_ns >= STATISTICS_EVERY_NS:
            self._counted_ns = now_ns
            # Asked each time: it is lent, and may have been given back.
            live["prompt"][0] = os.sched_getscheduler(0) == os.SCHED_FIFO
            for place, runner in enumerate(self._field.runners):
                for name in STATISTICS:
                    live[f"devices.{name}"][place] = getattr(runner.statistics, name)
        self.segment.publish()

    def _tell(self, text: str) -> None:
        now_ns, utc_ns = self._clock.monotonic_ns(), self._clock.utc_ns()
        self.table.events.append(FieldEvent(now_ns, utc_ns, FieldEventKind.OUTPUTS, "field", text))
        # The journal has it when a scan lives to write it there; this says it now.
        logging.getLogger("plantctl").info(text)


def _named(live: Mapping[str, npt.NDArray[Any]], prefix: str, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    return {name: live[f"{prefix}.{name}"] for name in names}


def _ring(segment: SegmentWriter, plan: Plan) -> RingWriter:
    """The ring of events: that of the process before this one, where there was one, so that readers miss nothing."""
    memory = segment.area(EVENTS)
    try:
        return RingWriter.resume(memory, plan.hash)
    except ValueError:
        return RingWriter(memory, plan.hash)


def _fail_safe_values(plan: Plan) -> tuple[list[float], list[int]]:
    """For each output its fail-safe value and its device's number; NaN where no device has the output."""
    values, devices = [float("nan")] * len(plan.outputs), [0] * len(plan.outputs)
    for number, device in enumerate(plan.devices):
        for item in device.outputs:
            values[item.index], devices[item.index] = plan.outputs[item.index].fail_safe, number
    return values, devices
