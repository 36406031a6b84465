"""The gate of the scan: what it accepts, what it refuses and why, and how a write is followed to its end."""

import pytest

from plantctl.core.command import Command, Stage
from plantctl.core.field import InputColumns, OutputColumns, WriteError
from plantctl.core.frame import ANSWERED_BEFORE, Kind, decode_records
from plantctl.core.ring import HEAD_BYTES, RingReader, RingWriter
from plantctl.plan.build import build
from plantctl.plan.source import from_texts
from plantctl.scan.answers import Answers
from plantctl.scan.executive import Executive
from plantctl.scan.journal import Journal
from plantctl.scan.schedule import Schedule

PLANT = """
plant: {name: gate}
tasks: {protect: 100 ms, control: 1 s}
devices: {D: {kind: modbus, connect: "tcp://127.0.0.1:1"}}
tags:
  AY-1: {unit: mol/L, range: [0, 2], initial: 0.6}
  FI-1: {unit: m3/h, range: [0, 1], device: D, item: "1"}
  AI-1: {unit: pH, range: [0, 14]}
  HY-1: {range: [0, 1]}
  HS-1: {range: [0, 1], access: write, readback: HY-1}
  IC-1: {unit: A, range: [0, 120], access: write}
  FC-1: {unit: L/h, range: [0, 10], access: write}
outputs:
  IC-1: {rate_up: 5 A/s}
loops:
  AIC-1: {pv: AI-1, out: FC-1, setpoint: 8.0 pH, action: direct, tuning: {gain: 1 L/h/pH, integral: 60 s},
          limits: {setpoint: [7 pH, 9 pH]}}
causes:
  C-1: {text: no flow, when: "{FI-1} < 0.2 [m3/h]", clear: "{FI-1} > 0.3 [m3/h]"}
effects:
  E-1: {force: {HS-1: 0}, group: G}
chart: {C-1: {E-1: latched}}
permissives:
  HS-1: {enough flow: "{FI-1} > 0.5 [m3/h]"}
alarms:
  FI-1: {low: 0.4 m3/h, priority: 1, cause: pump, consequence: trip, response: check the pump}
"""
SCAN_NS = 100_000_000


class Bench:
    """A plan being scanned by hand, its flow good and high enough."""

    def __init__(self, text=PLANT):
        built = build("plant.yaml", from_texts({"plant.yaml": text}))
        assert built.plan is not None, built.findings
        self.plan = built.plan
        self.executive = Executive(self.plan, compiled=False, ages=False)
        self.inputs, self.outputs = InputColumns(len(self.plan.inputs)), OutputColumns(len(self.plan.outputs))
        self.schedule = Schedule(self.plan.tasks, self.plan.period_ns)
        self.number = 0
        self.sequence = 0
        self.set("FI-1", 0.6)
        self.set("AI-1", 8.0)
        self.scan()

    def set(self, tag, value, quality=0):
        index = next(i for i, row in enumerate(self.plan.inputs) if row.tag == tag)
        self.inputs.value[index], self.inputs.quality[index] = value, quality

    def value(self, name):
        return float(self.executive.image.v[self.plan.rows[name]])

    def scan(self, *commands, write=True):
        now_ns = self.number * SCAN_NS
        dt_s = self.schedule.begin(self.number, now_ns)
        done = self.executive.scan(self.number, now_ns, now_ns, dt_s, self.inputs, self.outputs, commands)
        self.number += 1
        if write:
            self.outputs.write_sequence[:] = self.outputs.sequence
            self.outputs.written_value[:] = self.outputs.value
        return done

    def command(self, verb, target, value="", **more):
        self.sequence += 1
        command = Command(verb, target, str(value), "op", "why", sequence=self.sequence, **more)
        done = self.scan(command)
        result = next(r for r in done.results if r.sequence == self.sequence)
        return result, done

    def image(self):
        return self.executive.image.v.tobytes(), [m.rows.tobytes() for m in self.executive.stepper.memories]


def released():
    bench = Bench()
    assert bench.command("reset", "G")[0].stage is Stage.ACCEPTED
    return bench


@pytest.mark.parametrize(
    ("verb", "target", "value", "code", "said"),
    [
        ("set", "HS-1", 1, "tripped", "E-1 is tripped, its causes are clear: reset it first"),
        ("set", "NO-1", 1, "unknown-target", "`NO-1`"),
        ("set", "FI-1", 1, "not-writable", "the field"),
        ("set", "FC-1", 1, "not-writable", "put it in man"),
        ("set", "AIC-1", 1, "not-writable", "`AIC-1.sp`"),
        ("set", "C-1", 1, "not-writable", "written by `C-1`"),
        ("set", "scan.overruns", 1, "not-writable", "the scan"),
        ("set", "IC-1", 200, "out-of-range", "0 to 120"),
        ("set", "IC-1", "much", "bad-value", "`much`"),
        ("set", "IC-1", "nan", "bad-value", "finite"),
        ("set", "AIC-1.sp", 12, "out-of-range", "7 to 9"),
        ("set", "XIC-1.sp", 8, "unknown-target", "not a loop"),
        ("mode", "AIC-1", "fast", "bad-value", "man auto"),
        ("mode", "AIC-1", "cas", "not-in-this-plan", "no master"),
        ("mode", "AIC-1", "trk", "not-in-this-plan", "nothing to track"),
        ("mode", "AIC-1", "rcas", "not-in-this-plan", "remote master"),
        ("mode", "AIC-1", "iman", "bad-value", "own answer"),
        ("mode", "FI-1", "man", "unknown-target", "not a loop"),
        ("output", "AIC-1", 11, "out-of-range", "0 to 10"),
        ("tune", "AIC-1.gain", 0, "out-of-range", "above 0"),
        ("tune", "AIC-1.wisdom", 1, "unknown-target", "not a parameter"),
        ("tune", "AIC-1.out_low", 20, "out-of-range", "below `out_high`"),
        ("tune", "AIC-1.initial_mode", 2.5, "bad-value", "whole numbers"),
        ("ack", "FI-1", "", "not-active", "no alarm of `FI-1` waits"),
        ("ack", "AI-1", "", "unknown-target", "has no alarm"),
        ("reset", "H", "", "unknown-target", "no effect and no group"),
        ("shelve", "FI-1.low", 5, "not-in-this-plan", "not-in-this-plan"),
        ("start", "SEQ", "", "not-in-this-plan", "not-in-this-plan"),
    ],
)
def test_a_refused_command_names_its_reason_is_journalled_and_changes_nothing(verb, target, value, code, said):
    bench, other = Bench(), Bench()
    result, done = bench.command(verb, target, value)
    assert (result.stage, result.code) == (Stage.REFUSED, code)
    assert said in result.text
    refused = [e for e in done.events if e.kind.word == "refused"]
    assert [(e.target, e.actor) for e in refused] == [(target, "op")]
    assert refused[0].reason.startswith(code)
    other.scan()
    assert bench.image() == other.image()


def test_the_start_of_an_output_needs_its_permissive_and_stopping_does_not():
    bench = released()
    bench.set("FI-1", 0.45)
    bench.scan()
    result, _ = bench.command("set", "HS-1", 1)
    assert (result.code, "enough flow ({FI-1} > 0.5 [m3/h])" in result.text) == ("not-permitted", True)
    assert bench.command("set", "HS-1", 0)[0].stage is Stage.ACCEPTED
    bench.set("FI-1", 0.6)
    bench.scan()
    assert bench.command("set", "HS-1", 1)[0].stage is Stage.ACCEPTED
    assert bench.value("HS-1") == 1.0


def test_a_reset_is_refused_while_a_cause_stands_and_releases_without_starting_anything():
    bench = released()
    bench.command("set", "HS-1", 1)
    bench.set("FI-1", 0.1)
    bench.scan()
    assert bench.value("HS-1") == 0.0
    result, _ = bench.command("reset", "E-1")
    assert result.code == "cause-active"
    assert "C-1 is active (no flow, clears at {FI-1} > 0.3 [m3/h])" in result.text
    bench.set("FI-1", 0.6)
    bench.scan()
    assert bench.command("reset", "E-1")[0].stage is Stage.ACCEPTED
    bench.scan()
    assert (bench.value("E-1"), bench.value("HS-1")) == (0.0, 0.0)


def test_a_cause_that_cannot_be_known_holds_the_reset():
    bench = released()
    bench.set("FI-1", 0.6, quality=2)
    bench.scan()
    bench.scan()
    assert bench.value("E-1") == 1.0
    assert bench.command("reset", "G")[0].code == "cause-active"


def test_an_expired_command_is_not_executed():
    bench = released()
    result, done = bench.command("set", "IC-1", 10, expires_ns=bench.number * SCAN_NS - 1)
    assert (result.stage, result.code) == (Stage.EXPIRED, "expired")
    assert [e.kind.word for e in done.events if e.actor] == ["refused"]
    assert bench.value("IC-1.manual_set") == 0.0


def test_the_same_key_acts_once_and_gives_the_first_answer_again():
    bench = released()
    assert bench.command("set", "IC-1", 10, key="k")[0].stage is Stage.ACCEPTED
    result, done = bench.command("set", "IC-1", 50, key="k")
    assert result.stage is Stage.ACCEPTED
    assert not [e for e in done.events if e.actor]
    assert bench.value("IC-1.manual") == 10.0
    bench.number += 6001 * 10
    bench.command("set", "IC-1", 50, key="k")
    assert bench.value("IC-1.manual") == 50.0


class Lives:
    """Scan processes one after the other over one ring of answers."""

    def __init__(self):
        self.area = bytearray(HEAD_BYTES + (1 << 16))
        self.bench = self.begin(RingWriter(self.area, 1))

    def begin(self, ring, until_ns=0):
        bench = released()
        answers = Answers(ring)
        self.known = answers.recall(RingReader(self.area), until_ns)
        bench.executive.gate.answers = answers
        return bench

    def die(self, published_ns):
        """The scan process is another one, which goes on from the state of a scan published then."""
        number = self.bench.number
        self.bench = self.begin(RingWriter.resume(self.area, 1), published_ns)
        self.bench.number = number + 5


def test_a_scan_that_follows_one_that_died_knows_what_was_answered_and_does_it_once():
    lives = Lives()
    lives.bench.command("set", "IC-1", 10, key="done")
    lives.bench.command("set", "IC-1", 500, key="refused")
    published_ns = (lives.bench.number - 1) * SCAN_NS
    lives.bench.command("set", "IC-1", 30, key="unseen")
    lives.die(published_ns)
    assert lives.known == 2
    bench = lives.bench
    result, done = bench.command("set", "IC-1", 10, key="done")
    assert (result.stage, [e for e in done.events if e.actor]) == (Stage.ACCEPTED, [])
    result, done = bench.command("set", "IC-1", 500, key="refused")
    assert (result.stage, result.code, [e for e in done.events if e.actor]) == (Stage.REFUSED, "out-of-range", [])
    assert bench.value("IC-1.manual_set") == 0.0
    # What nobody saw of a scan is not done: whoever repeats it, wants it.
    bench.command("set", "IC-1", 30, key="unseen")
    assert bench.value("IC-1.manual") == 30.0
    lives.die((bench.number - 1) * SCAN_NS)
    assert lives.known == 3, "what was answered two lives ago is known as well"
    lives.bench.number += 6001 * 10
    lives.bench.command("set", "IC-1", 20, key="done")
    assert lives.bench.value("IC-1.manual") == 20.0, "after ten minutes a key is forgotten"


def test_an_answer_that_cannot_be_read_is_forgotten_and_the_others_are_known():
    lives = Lives()
    for key in ("one", "two", "three"):
        lives.bench.command("set", "IC-1", 10, key=key)
    lives.area[lives.area.index(b"two")] ^= 1
    lives.die(lives.bench.number * SCAN_NS)
    assert lives.known == 2


def test_a_command_that_was_answered_before_is_marked_in_the_log_so_that_a_replay_passes_it_over():
    lives = Lives()
    lives.bench.command("set", "IC-1", 10, key="k")
    lives.die(lives.bench.number * SCAN_NS)
    memory = bytearray(HEAD_BYTES + (1 << 20))
    executive = lives.bench.executive
    executive.journal = Journal(lives.bench.plan, executive.image, RingWriter(memory, 1))
    for key in ("k", "k", "new", "new", "", ""):
        lives.bench.command("set", "IC-1", 10, key=key)
    frames = [f for f in RingReader(memory) if f.kind == Kind.COMMAND]
    flags = [int(r["flags"]) for f in frames for r in decode_records(Kind.COMMAND, f.payload)]
    assert flags == [ANSWERED_BEFORE, ANSWERED_BEFORE, 0, 0, 0, 0]


def test_a_change_of_tuning_is_bumpless():
    bench = released()
    bench.command("mode", "AIC-1", "auto")
    for _ in range(20):
        bench.scan()
    bench.set("AI-1", 8.6)
    for _ in range(20):
        bench.scan()
    before = bench.value("FC-1")
    assert before > 0.0
    assert bench.command("tune", "AIC-1.gain", 3.0)[0].stage is Stage.ACCEPTED
    while bench.number % 10 != 1:
        bench.scan()
    assert bench.value("FC-1") == before


def test_a_set_point_is_the_masters_in_cas_and_the_operators_below():
    bench = released()
    result, done = bench.command("set", "AIC-1.sp", 8.2)
    assert result.stage is Stage.ACCEPTED
    assert [(e.kind.word, e.target, e.old, e.new) for e in done.events if e.actor] == [
        ("command", "AIC-1.sp", 8.0, 8.2)
    ]


def test_a_write_is_sent_when_the_field_says_so_and_verified_by_its_read_back():
    bench = released()
    first, _ = bench.command("set", "HS-1", 1)
    done = bench.scan()
    assert [(r.sequence, r.stage) for r in done.results] == [(first.sequence, Stage.SENT)]
    assert bench.scan().results == []
    bench.set("HY-1", 1.0)
    assert [r.stage for r in bench.scan().results] == [Stage.VERIFIED]


def test_a_read_back_that_never_comes_is_a_mismatch_after_its_time():
    bench = released()
    bench.command("set", "HS-1", 1)
    stages = [r.stage for _ in range(25) for r in bench.scan().results]
    assert stages == [Stage.SENT, Stage.MISMATCH]


def test_a_write_the_field_cannot_make_times_out_with_the_fields_reason():
    bench = released()
    bench.sequence += 1
    bench.scan(Command("set", "HS-1", "1", "op", sequence=bench.sequence), write=False)
    bench.outputs.error[0] = WriteError.UNREACHABLE
    results = [r for _ in range(25) for r in bench.scan(write=False).results]
    assert [(r.stage, r.code) for r in results] == [(Stage.TIMED_OUT, "unreachable")]


def test_a_later_write_supersedes_an_earlier_one():
    bench = released()
    first, _ = bench.command("set", "HS-1", 1)
    _, done = bench.command("set", "HS-1", 0)
    assert (first.sequence, Stage.SUPERSEDED) in [(r.sequence, r.stage) for r in done.results]


def test_a_ramped_output_has_its_ramps_time_to_be_verified():
    bench = released()
    first, _ = bench.command("set", "IC-1", 20)
    stages = []
    for _ in range(60):
        stages += [r.stage for r in bench.scan().results if r.sequence == first.sequence]
    assert stages[0] is Stage.SENT
    assert Stage.TIMED_OUT not in stages


def test_a_write_asked_for_again_is_written_again_although_nothing_changed():
    bench = released()
    index = next(i for i, o in enumerate(bench.plan.outputs) if o.tag == "IC-1")
    bench.command("set", "IC-1", 0)
    first = int(bench.outputs.sequence[index])
    bench.scan()
    assert bench.outputs.sequence[index] == first
    result, _ = bench.command("set", "IC-1", 0)
    assert bench.outputs.sequence[index] == first + 1
    assert (result.sequence, Stage.SENT) in [(r.sequence, r.stage) for r in bench.scan().results]


def test_a_value_of_the_laboratory_is_entered_by_hand_and_latched_like_any_other():
    bench = released()
    result, done = bench.command("set", "AY-1", 0.58)
    assert result.stage is Stage.ACCEPTED
    assert [(e.kind.word, e.target, e.new) for e in done.events if e.actor] == [("command", "AY-1", 0.58)]
    bench.scan()
    assert bench.value("AY-1") == 0.58
    assert bench.command("set", "AY-1", 3)[0].code == "out-of-range"
