"""Days of circuit A recorded as a plant records them, and what really was, kept beside it sample by sample.

One cell with its loops (`one_cell`: 217 points, the devices in memory) is scanned every 100 ms of virtual time; its
frames go through ring, recorder, log and sealing as in a plant. Meanwhile things happen: faults of the catalogue,
restarts after a pause, a recorder that was away or died, UTC set forwards and backwards, room that runs out. `Truth`
keeps, without any of the historian's code, what each watched point was at every scan of which the record can know.

What a record can know (docs/reference/log-format.md): a frame's UTC is monotonic time and what the last time frame,
told once a second, was ahead of it; behind a hole a point is known again when it is next told, by a change or by the
key frame of every 10 s. Rules of the file: the disk is not waited for, power cuts are asked for elsewhere.

A plant hour costs some 11 CPU-s. For days, `live` a few hours with `tape`, and `repeat` them: what all 217 points
were once a second is put into the image again, with drift and other times, and goes the same way from there on:
comparison, ring, recorder, log, sealing. Nothing is computed then, and a scan takes 1 s.
"""

import random
from contextlib import suppress

import numpy as np

from plantctl.app.plan_text import plan_text
from plantctl.core.keeping import Keeping
from plantctl.core.ring import RingReader, RingWriter, ring_bytes
from plantctl.history.upkeep.seal import Sealer, sealed_through
from plantctl.log.storage import FolderStorage
from plantctl.log.writer import Recorder
from plantctl.scan.executive import Executive
from simulators import faults
from tests.gateway_bench import demo_plan
from tests.plant.memory_rig import TICK_NS, MemoryCircuit

S = 1_000_000_000
WATCHED = (
    *("40-FI-4013", "40-AI-4212", "40-II-4010", "40-JQI-4010", "40-FI-4215"),
    *("40-IC-4010", "40-AIC-4212", "40-AIC-4212.mode", "40-FI-4013.low.active", "40-AY-4212"),
)
FAULTS = (("meter-nan", "cell.flow_m3_h"), ("probe-broken", ""), ("pump-trip", ""), ("feed-stopped", ""))
PIECE = 6_000
POINT = np.dtype(
    [("at_ns", "i8"), ("until_ns", "i8"), ("utc_ns", "i8"), ("value", "f8"), ("quality", "u2"), ("source_ns", "i8")]
)


class Unforced(FolderStorage):
    """A folder whose files nobody waits for."""

    def sync(self, file):
        pass

    def sync_folder(self):
        pass


class Truth:
    """What was in force of some rows and until when, from the columns of every scan.

    A run of scans without a hole begins with `begin` and ends with `end`; `scan` takes what a scan left behind.
    `found[k]`: pieces of POINT of the k-th row, in the order of the record.
    """

    def __init__(self, rows, inputs):
        self.rows, self.inputs = np.array(rows), np.array(inputs)
        self.columns = [np.zeros((PIECE, len(rows)), kind) for kind in (np.int64, np.uint16, np.int64)]
        self.utc_ns = np.zeros(PIECE, np.int64)
        self.key = np.zeros(PIECE, np.bool_)
        self.count = 0
        self.found = [[] for _ in rows]
        self.known = [False] * len(rows)
        self.before = [None] * len(rows)  # as the scan itself saw it: what a delta frame is compared with
        self.open_ns = 0

    def scan(self, utc_ns, value, quality, source_ns, key):
        k = self.count
        self.columns[0][k] = value[self.rows].view(np.int64)
        self.columns[1][k] = quality[self.rows]
        self.columns[2][k] = np.where(self.inputs, source_ns[self.rows], 0)
        self.utc_ns[k], self.key[k] = utc_ns, key
        self.count += 1
        if self.count == PIECE:
            self.take()

    def take(self, *, seen=True):
        """What was gathered becomes points; where it was not `seen`, only what the next scan is compared with."""
        count, self.count = self.count, 0
        if not count:
            return
        for k in range(len(self.rows)):
            v, q, s = (column[:count, k] for column in self.columns)
            last = self.before[k] or (v[0], q[0], s[0])
            moved = [
                np.append(column[:1] != was, column[1:] != column[:-1])
                for column, was in zip((v, q, s), last, strict=True)
            ]
            changed = moved[0] | moved[1] | moved[2]
            self.before[k] = v[-1], q[-1], s[-1]
            if not seen:
                continue
            first = 0
            if not self.known[k]:
                told = np.flatnonzero(changed | self.key[:count])
                if not len(told):
                    continue
                first = int(told[0])
                changed[first] = True
                self.known[k] = True
            at = np.flatnonzero(changed[first:]) + first
            made = np.zeros(len(at), POINT)
            made["utc_ns"], made["value"] = self.utc_ns[at], v[at].view(np.float64)
            made["quality"], made["source_ns"] = q[at], s[at]
            self.found[k].append(made)
        if seen:
            self.open_ns = int(self.utc_ns[count - 1])

    def end(self):
        """Nothing is known behind the last scan: a stop, a loss."""
        self.take()
        for k, found in enumerate(self.found):
            if self.known[k]:
                mark = np.zeros(1, POINT)
                mark["until_ns"], mark["utc_ns"] = -1, self.open_ns
                found.append(mark)
            self.known[k] = False

    def points(self, k):
        """The k-th row whole: `at_ns` ascends where the clock was set back, `until_ns` ends at the next or at a gap."""
        every = np.concatenate([*self.found[k], np.zeros(0, POINT)])
        at_ns = np.maximum.accumulate(every["utc_ns"]) if len(every) else every["utc_ns"]
        every["at_ns"] = at_ns
        mark = every["until_ns"] < 0
        end_ns = max(self.open_ns, int(at_ns[-1])) if len(every) else 0
        every["until_ns"] = np.append(at_ns[1:], end_ns)
        return every[~mark]


class RecordedDays(MemoryCircuit):
    """A circuit that records into `folder` (log and history below it); `truth` of the points in WATCHED."""

    def __init__(self, folder, *, seed=1, keeping=None, span_ns=3600 * S):
        self.log, self.sealed = Unforced(folder / "log"), Unforced(folder / "history")
        self.keeping, self.span_ns = keeping or Keeping(), span_ns
        self.counted = dict.fromkeys(("restart", "kill", "lost", "clock", "fault", "trip"), 0)
        plan = demo_plan()
        places = [plan.rows[name] for name in WATCHED]
        self.truth = Truth(places, [0 < row <= len(plan.inputs) for row in places])
        self.in_run, self.step_ns = 0, TICK_NS
        self.tape, self.taping, self._played = [], False, 0
        super().__init__(plan, self.log, seed=seed)
        self._begin_run()

    # -- a run

    def _begin_run(self):
        self.sealer = Sealer(self.log, self.sealed, keeping=self.keeping, span_ns=self.span_ns, minutes_from=100)
        self.in_run = 0
        self._time_ns = self._key_ns = self.now_ns
        self._offset_ns = self.utc_ns - self.now_ns
        image = self.executive.image
        self.truth.before = [None] * len(self.truth.rows)
        # The run begins with a key frame of the image as it is before the first scan.
        self.truth.scan(self.utc_ns, image.v, image.q, image.source_ns, True)

    def tick(self):
        if self.step_ns == TICK_NS:
            super().tick()
            if self.taping and self.ticks % 10 == 0:
                image = self.executive.image
                age_ns = np.where(image.source_ns, image.source_ns - self.utc_ns, 1)
                self.tape.append((image.v.copy(), image.q.copy(), age_ns))
        else:
            self._play()
        self.in_run += 1
        now_ns, key = self.now_ns, False
        if now_ns - self._time_ns >= S:
            self._time_ns, self._offset_ns = now_ns, self.utc_ns - now_ns
        if now_ns - self._key_ns >= 10 * S:
            self._key_ns, key = now_ns, True
        image = self.executive.image
        self.truth.scan(now_ns + self._offset_ns, image.v, image.q, image.source_ns, key)
        if self.in_run % 600 == 0:
            self.sealer.finish(self.recorder.durable_sequence, now_ns)
            self.events.clear()
            del self.results[:-10]

    def _play(self):
        """A second from the tape: measured values drift by a thousandth each time that the tape is played."""
        self.field.now_ns += self.step_ns
        self.field.utc_ns += self.step_ns
        again, at = divmod(self._played, len(self.tape))
        self._played += 1
        value, quality, age_ns = self.tape[at]
        image = self.executive.image
        image.v[:], image.q[:] = value, quality
        drifts = slice(1, len(self.plan.inputs) + 1)
        image.v[drifts] = np.round(value[drifts] * (1.0 + 0.001 * again), 6)
        image.source_ns[:] = np.where(age_ns == 1, 0, age_ns + self.utc_ns)
        self.executive.journal.scan(self.ticks, self.now_ns, self.utc_ns, [1.0] * len(self.plan.tasks))
        self.ticks += 1
        self.recorder.drain(self.reader, self.now_ns, self.utc_ns)
        if self.recorder.commit_due(self.now_ns):
            commit = self.recorder.begin_commit()
            self.recorder.end_commit(commit, commit.sync(), self.now_ns, self.utc_ns)

    # -- what happens

    def restart(self, pause_s, killed=False):
        """The plant's programs end, in order or killed, and begin anew after `pause_s`; the process went on."""
        self.counted["kill" if killed else "restart"] += 1
        self.recorder.drain(self.reader, self.now_ns, self.utc_ns)
        if not killed:
            self.recorder.close(self.now_ns, self.utc_ns)
        self.truth.end()
        for _ in range(round(pause_s * 10)):
            if self.step_ns == TICK_NS:
                self.field.step()
            else:
                self.field.now_ns += TICK_NS
                self.field.utc_ns += TICK_NS
        plan = self.plan
        self.recorder = Recorder(self.log, plan.name, {plan.hash: plan_text(plan)})
        last = self.recorder.open(self.utc_ns, sealed_through(self.sealed))
        buffer = bytearray(ring_bytes(len(plan.points), 1e9 / plan.period_ns, len(plan.inputs)))
        self.executive = Executive(plan, compiled=True, ring=RingWriter(buffer, plan.hash, last + 1))
        self.reader = RingReader(buffer)
        self.executive.bind(self.inputs, self.outputs)
        self.executive.start(self.now_ns, self.utc_ns)
        self._begin_run()

    def lose(self, seconds):
        """The recorder is away for longer than the ring holds: frames that nobody wrote down."""
        self.counted["lost"] += 1
        self.recorder.drain(self.reader, self.now_ns, self.utc_ns)
        self.truth.end()
        recorder, self.recorder = self.recorder, _Away()
        for _ in range(round(seconds * S / self.step_ns)):
            self.tick_unseen()
        while self.reader.view() is not None:
            self.reader.take()
        self.recorder = recorder
        self.truth.take(seen=False)

    def tick_unseen(self):
        """A tick that is not in the record, but which the scan compares the next one with."""
        sealer, self.sealer = self.sealer, _Away()
        self.tick()
        self.sealer = sealer
        if self.truth.count > PIECE // 2:
            self.truth.take(seen=False)

    def set_clock(self, seconds):
        """UTC is set, at a scan in which the record is told the time."""
        self.counted["clock"] += 1
        while self.now_ns + self.step_ns - self._time_ns < S:
            self.tick()
        self.field.utc_ns += round(seconds * S)

    def disturb(self, draw, stay_s):
        """A fault of the catalogue for a while, and what an operator does behind it."""
        name, target = draw.choice(FAULTS)
        self.counted["fault"] += 1
        target = target or next(iter(faults.CATALOGUE[name].targets))
        self.inject(name, target)
        self.run(stay_s)
        faults.clear(self.plant, name, target)
        self.operate()

    def operate(self):
        """Start what stands, as far as the plant lets it."""
        self.counted["trip"] += self.value("E1-01") == 1.0
        self.field.line.safety.reset()
        self.run(1.0)
        for words in (
            ("set", "40-SC-4216", 80),
            ("set", "40-HS-4216", 0),
            ("set", "40-HS-4216", 1),
            ("reset", "CELL-01"),
            ("set", "40-HZ-4010", 1),
            ("set", "40-EC-4010", 5),
            ("set", "40-HS-4010", 1),
            ("mode", "40-AIC-4212", "auto"),
            ("set", "40-IC-4010", 85),
        ):
            with suppress(AssertionError):
                self.command(*words)
            self.run(2.0)

    def finish(self):
        """All on disk; the last of it in the log alone. What was really there, by name."""
        self.sealer.finish(self.recorder.durable_sequence, self.now_ns)
        for _ in range(50):
            self.tick()
        self.close()
        self.truth.take()
        return {name: self.truth.points(k) for k, name in enumerate(WATCHED)}


class _Away:
    """A recorder or sealer that does nothing."""

    durable_sequence = 0

    def drain(self, *_):
        return 0

    def commit_due(self, *_):
        return False

    def finish(self, *_):
        pass


def live(circuit, seconds, seed, *, pace_s=3600.0, told=lambda text: None):
    """So much of plant; about every `pace_s` something happens. The set-point goes up and down all the time."""
    draw = random.Random(seed)
    end_ns = circuit.now_ns + round(seconds * S)
    circuit.operate()
    number = 0
    while circuit.now_ns < end_ns:
        rest_s = pace_s * draw.uniform(0.5, 1.5)
        for part in range(4):
            with suppress(AssertionError):
                circuit.command("set", "40-IC-4010", draw.choice((42.5, 60, 85)))
            circuit.run(min(rest_s / 4, max(1.0, (end_ns - circuit.now_ns) / S)))
            if part == 1 and number % 3 == 0:
                circuit.disturb(draw, pace_s * draw.uniform(0.02, 0.1))
        number += 1
        happening = number % 8
        if happening == 1:
            circuit.restart(pace_s * draw.uniform(0.01, 0.2))
            circuit.operate()
        elif happening == 3:
            circuit.lose(draw.uniform(7.0, 70.0))
        elif happening == 5:
            circuit.set_clock(draw.choice((-1, 1)) * draw.uniform(0.5, min(90.0, pace_s / 20)))
        elif happening == 7:
            circuit.restart(draw.uniform(6.0, 20.0), killed=True)
            circuit.operate()
        told(f"{(end_ns - circuit.now_ns) / S / 3600:.1f} h to go, {circuit.counted}")


def repeat(circuit, seconds, seed, *, pace_s=3600.0, told=lambda text: None):
    """So much time more, from the tape; about every `pace_s` something happens to the record."""
    draw = random.Random(seed)
    circuit.step_ns = S
    end_ns = circuit.now_ns + round(seconds * S)
    for number in range(1 << 30):
        for _ in range(round(pace_s * draw.uniform(0.5, 1.5))):
            circuit.tick()
        if circuit.now_ns >= end_ns:
            return
        if number % 4 == 0:
            circuit.restart(pace_s * draw.uniform(0.01, 0.2), killed=number % 8 == 4)
        elif number % 4 == 2:
            circuit.lose(draw.uniform(7.0, 70.0))
        elif number % 8 == 3:
            circuit.set_clock(draw.choice((-1, 1)) * draw.uniform(0.5, min(90.0, pace_s / 20)))
        told(f"{(end_ns - circuit.now_ns) / S / 3600:.1f} h to go, {circuit.counted}")
