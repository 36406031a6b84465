"""What happens when a part of a working cell dies or stands still: one function a situation, each with its figures.

The tests ride each situation once, the campaign many times. Every function brings the cell to work first, so that they
may follow each other in any order, fails with a sentence where something must not be so, and returns its times in s.
"""

import os
import random
import signal

import numpy as np

from plantctl.app.split.segments import CHILDREN, FRAMES, Role
from plantctl.app.state_folder import LOGS_NAME
from plantctl.blocks.out import BY_TRIP
from plantctl.core.frame import Kind, decode_records, decode_rows
from plantctl.core.quality import BAD, SEVERITY_MASK
from plantctl.core.ring import RingReader
from tests.process.command_rig import processes_about, running, wait
from tests.process.split_rig import CURRENT_A, NEAR_A
from tests.process.split_watch import now_ns

BYSTANDERS = (Role.GATEWAY, Role.FEEDS, Role.RECORDER)
INPUTS = ("40-FI-4013", "40-AI-4212", "40-II-4010")
# The rectifier's own watchdog is set to 2 s; then its current falls to nothing in 1 s, each seen a step of 0.1 s later.
WATCHDOG_S = 2.0 + 1.0 + 0.3
RECTIFIER = "RECT-01"
# Fail-safe values: three periods and one more until the scan counts as dead, then writing and the current's fall.
FAIL_SAFE_S = 2.0
INPUTS_BAD_S = 2.0
# What was on its way when a process died reaches the device within a cycle of its own.
UNDER_WAY_NS = 300_000_000
# A scan whose last heartbeat was new when it died counts as dead after four periods, seen a turn of the field later.
DEAD_NS = 550_000_000
# Fail-safe values have reached every device so long after the scan's death, or the devices' watchdogs must do.
SAFE_WRITES_NS = 3_000_000_000
# The watchdog has switched the rectifier off; and the PLC has missed the heartbeat for 5 s, stopped the feed and opened
# the contactor: what a device changes in the very scan of the release is followed one scan late.
AT_REST_NS = 6_500_000_000
# The set-point is on its way there, at 5 A/s, when the field is killed.
RAMP_TO_A = 60.0
# So long a process may stand and nobody is called: three periods of the scan, a second of the field.
SHORT_S = {Role.SCAN: (0.02, 0.22), Role.FIELD: (0.02, 0.85)}
SHORT_LIMIT_S = {Role.SCAN: 0.27, Role.FIELD: 0.95}
FIRST_OUTPUT = 0.001
BACK_LIMIT_S = 40.0


def killed_bystander(plant, role, phase_s=0.0):
    """SIGKILL of a process that nobody needs for control: the scan goes on and the cell has its current."""
    plant.operate()
    plant.let_pass(phase_s)
    scan, generation = plant.pid(Role.SCAN), plant.segment(role).generation
    pid = plant.send(role, signal.SIGKILL)
    back_s = plant.wait(lambda: plant.replaced(role, pid, generation), BACK_LIMIT_S, f"{role} does not come back")
    unnoticed(plant, scan, f"{role} was killed")
    return {"back_s": back_s}


def stopped_bystander(plant, role, seconds):
    """SIGSTOP of a process that nobody needs for control."""
    plant.operate()
    scan, generation = plant.pid(Role.SCAN), plant.segment(role).generation
    with plant.stopped(role) as pid:
        plant.let_pass(seconds)
        unnoticed(plant, scan, f"{role} stood still")
    if plant.pid(role) != pid:  # it stood so long that the supervisor took another one
        plant.wait(lambda: plant.replaced(role, pid, generation), BACK_LIMIT_S, f"{role} does not come back")
    return {"stopped_s": seconds}


def unnoticed(plant, scan, what):
    """Nobody has noticed `what`."""
    assert plant.pid(Role.SCAN) == scan, f"{what}, and the scan is another one"
    assert plant.value("scan.held") == 0.0, f"{what}, and the outputs wait for a person"
    assert abs(plant.true("cell.current_a") - CURRENT_A) < NEAR_A, f"{what}, and the cell has lost its current"


def killed_field(plant, phase_s=0.0):
    """SIGKILL of the field in the middle of a ramp of the current: its inputs are bad, the devices make the cell safe,
    nothing is written before a release, and the set-point goes on from where the rectifier has it.
    """
    plant.operate()
    plant.command("set", "40-IC-4010", f"{RAMP_TO_A:g}", wait_s=0.1)
    plant.wait(lambda: plant.true("cell.current_a") > CURRENT_A + 2.0, 5.0, "the current does not rise")
    plant.let_pass(phase_s)
    field = plant.segment(Role.FIELD)
    generation = field.generation
    died_ns = now_ns()
    pid = plant.send(Role.FIELD, signal.SIGKILL)
    bad_s = plant.wait(lambda: all_bad(plant), INPUTS_BAD_S, f"no inputs bad within {INPUTS_BAD_S} s of field's death")
    safe_s = switched_off(plant, died_ns, "field's death")
    plant.wait(lambda: plant.replaced(Role.FIELD, pid, generation), BACK_LIMIT_S, "field does not come back")
    back_s = (field.started_ns - died_ns) / 1e9
    assert plant.value("scan.held") == 1.0, "the field was replaced, and the outputs do not wait for a person"
    figures = {"bad_s": bad_s, "safe_s": safe_s, "back_s": back_s}
    figures |= released(plant, died_ns + UNDER_WAY_NS, died_ns + AT_REST_NS)
    set_a = plant.value("40-IY-4010")
    # A field that is away for the 5 s of the trip's bad-quality delay finds the trip's value.
    kept = CURRENT_A < set_a < RAMP_TO_A or (figures["tripped"] and set_a == 0.0)
    assert kept, f"the set-point is {set_a} A and was killed between {CURRENT_A} and {RAMP_TO_A}"
    return figures


def killed_scan(plant, phase_s=0.0):
    """SIGKILL of the scan: fail-safe values once, then nothing before a release, however soon the scan is back."""
    plant.operate()
    plant.let_pass(phase_s)
    generation = plant.segment(Role.SCAN).generation
    died_ns = now_ns()
    pid = plant.send(Role.SCAN, signal.SIGKILL)
    safe_s = plant.wait(plant.safe, FAIL_SAFE_S, f"the cell is not safe within {FAIL_SAFE_S} s of the scan's death")
    plant.wait(lambda: plant.replaced(Role.SCAN, pid, generation), BACK_LIMIT_S, "the scan does not come back")
    back_s = (plant.segment(Role.SCAN).started_ns - died_ns) / 1e9
    plant.wait(lambda: plant.scans() > 3)
    return {"safe_s": safe_s, "back_s": back_s} | fail_safe_once(plant, died_ns)


def stopped_scan(plant, seconds):
    """SIGSTOP of the scan for longer than three periods: dead to the field; it writes nothing when it is back."""
    plant.operate()
    stopped_ns = now_ns()
    with plant.stopped(Role.SCAN):
        safe_s = plant.wait(plant.safe, FAIL_SAFE_S, f"the cell is not safe within {FAIL_SAFE_S} s of the scan's stop")
        plant.let_pass(max(0.0, seconds - safe_s))
    plant.wait(lambda: plant.value("scan.held") == 1.0, 5.0, "a scan that stood still goes on as if nothing had been")
    return {"stopped_s": seconds, "safe_s": safe_s} | fail_safe_once(plant, stopped_ns)


def stopped_field(plant, seconds):
    """SIGSTOP of the field for longer than three periods: it writes nothing when it is back."""
    plant.operate()
    stopped_ns = now_ns()
    with plant.stopped(Role.FIELD):
        plant.let_pass(seconds)
    plant.wait(lambda: plant.value("scan.held") == 1.0, 5.0, "a field that stood still goes on as if nothing had been")
    switched_off(plant, stopped_ns, "field's stop")
    return {"stopped_s": seconds} | released(plant, stopped_ns + UNDER_WAY_NS, stopped_ns + AT_REST_NS)


def blocked_field(plant):
    """Something in the field blocks its loop for 5 s: its heartbeat stands, inputs are bad, the devices make the cell
    safe, the supervisor has the stack written, and nothing stale follows. No process is replaced for it.
    """
    plant.operate()
    field, stack = plant.segment(Role.FIELD), plant.folder / LOGS_NAME / "field.stack"
    blocked_ns = now_ns()
    pid = plant.send(Role.FIELD, signal.SIGUSR2)
    bad_s = plant.wait(lambda: all_bad(plant), INPUTS_BAD_S, f"no inputs bad within {INPUTS_BAD_S} s of a blocked loop")
    safe_s = switched_off(plant, blocked_ns, "a blocked loop")
    assert now_ns() - field.heartbeat_ns > 1_000_000_000, "the heartbeat of a blocked loop goes on"
    what = "the stack of a blocked process is not written"
    stack_s = safe_s + plant.wait(lambda: stack.exists() and "stand_still_here" in stack.read_text(), 6.0, what)
    plant.wait(lambda: field.heartbeat_ns > blocked_ns + 5_000_000_000, 10.0, "the field does not go on")
    assert plant.pid(Role.FIELD) == pid, "a field that stood still for 5 s was replaced"
    plant.wait(lambda: plant.value("scan.held") == 1.0, 5.0, "a field that stood still goes on as if nothing had been")
    figures = {"bad_s": bad_s, "safe_s": safe_s, "stack_s": stack_s}
    return figures | released(plant, blocked_ns + UNDER_WAY_NS, blocked_ns + AT_REST_NS)


def switched_off(plant, silent_ns, since):
    """Wait until the rectifier's own watchdog has made the cell safe; how long after `silent_ns`, s.

    Its seconds are those of the simulated plant, which a busy machine lets go on late, and begin with the last write
    that it took: one may be on its way at `silent_ns`.
    """
    at_ns = [0]

    def safe():
        current_a, at_ns[0] = plant.true_at("cell.current_a")
        if abs(current_a) < NEAR_A:
            return True
        if at_ns[0] - silent_ns > WATCHDOG_S * 1e9:
            last_ns = max([silent_ns, *(w.mono_ns for w in plant.written(silent_ns) if w.device == RECTIFIER)])
            assert at_ns[0] - last_ns <= WATCHDOG_S * 1e9, f"the cell is not safe within {WATCHDOG_S} s of {since}"
        return False

    plant.wait(safe, what=f"the cell is not safe after {since}")
    return (at_ns[0] - silent_ns) / 1e9


def stopped_shortly(plant, role, chance, times):
    """Stops that are short enough: nobody is called. A stop that this machine made longer does not count."""
    plant.operate()
    valid, limit_s = 0, SHORT_LIMIT_S[role]
    for _ in range(10 * times):
        begin_ns = now_ns()
        with plant.stopped(role):
            plant.let_pass(chance.uniform(*SHORT_S[role]))
        stopped_s = (now_ns() - begin_ns) / 1e9
        plant.let_pass(0.6)
        if stopped_s <= limit_s:
            valid += 1
            assert plant.value("scan.held") == 0.0, f"{role} stood still for {stopped_s:.3f} s, and a person must come"
        elif plant.value("scan.held"):
            plant.operate()
        if valid == times:
            break
    assert valid == times, f"this machine does not stop a process for less than {limit_s} s"
    assert plant.working(), "the cell has lost its current"
    return {"stops": valid}


def fail_safe_once(plant, died_ns):
    """Nothing was written since the scan's death but each fail-safe value once; then the release."""
    until_ns = died_ns + SAFE_WRITES_NS
    writes = [w for w in plant.written(died_ns + UNDER_WAY_NS) if w.mono_ns < until_ns]
    # Until it counts as dead the scan is let through; the demo's fail-safe values are all 0.
    writes = [w for w in writes if w.mono_ns >= died_ns + DEAD_NS or w.value == 0]
    items = [(w.device, w.what) for w in writes]
    twice = {item for item in items if items.count(item) > 1}
    assert not twice, f"written more than once after the scan's death: {[w for w in writes if w[1:3] in twice]}"
    assert plant.value("scan.held") == 1.0, "the scan is another one, and the outputs do not wait for a person"
    return released(plant, died_ns + SAFE_WRITES_NS, died_ns + SAFE_WRITES_NS + 500_000_000)


def released(plant, silent_ns, rest_ns):
    """Nothing is written from `silent_ns` on; at `rest_ns` at the earliest a person releases, and the first outputs
    are what the devices have.
    """
    plant.wait(lambda: now_ns() > rest_ns)
    refused = plant.command("set", "40-SC-4216", "70")["stages"][-1]
    assert (refused["stage"], refused["code"]) == ("refused", "not-permitted"), refused
    assert plant.safe(), "something starts before a person has released"
    settled(plant)
    outputs = {o.tag: plant.plan.points[o.read_back].name for o in plant.plan.outputs if o.read_back and o.device}
    ring = RingReader(plant.new_reader(Role.SCAN).area(FRAMES))
    ring.skip_all()
    before = {tag: plant.value(back) for tag, back in outputs.items()}
    writes = plant.written(silent_ns)
    assert not writes, f"written before a person released: {writes[:5]}"
    tripped = {o.tag for o in plant.plan.outputs if by_trip(plant, o)}
    plant.release()
    first, backs = first_writes(plant, ring, outputs, before)
    # A trip that came meanwhile (the flow was unknown for 5 s) forces its value, 0 in the demo, whatever devices have.
    expected = {tag: 0.0 if tag in tripped else back for tag, back in backs.items()}
    off = {tag: abs(first[tag] - expected[tag]) / span(plant.plan, tag) for tag in first}
    assert first, "nothing was written after the release"
    assert max(off.values()) <= FIRST_OUTPUT, f"first outputs {first} are not {expected}"
    assert plant.safe(), "the release alone has started the cell"
    return {"first_output_off": max(off.values()), "tripped": float(bool(tripped))}


def steepest(plant, tag, begin_ns):
    """How fast an output rose and fell at most since then, in its unit a second, by the log of what the scan wanted and
    the time steps its blocks got; with the rates that are configured.
    """
    number, last_ns = int(plant.plan.ids[plant.plan.rows[tag]]), now_ns()
    plant.wait(lambda: (frames := plant.frames()) and frames[-1].mono_ns > last_ns, 10.0, "the log does not go on")
    slopes, value = [0.0], None
    for frame in plant.frames():
        if frame.kind == Kind.DELTA:
            changed = decode_rows(frame.payload)
            new = dict(zip(changed.tag.tolist(), changed.value.tolist(), strict=True)).get(number, value)
            if value is not None and frame.mono_ns > begin_ns:
                # The arbiter runs with the protection, the first of the tasks.
                slopes.append((new - value) / float(changed.dt_s[0]))
            value = new
    kind, row = next(o for o in plant.plan.outputs if o.tag == tag).arbiter
    record = plant.plan.kinds[kind].rows[row]
    return max(slopes), -min(slopes), float(record["rate_up"]), float(record["rate_down"])


def by_trip(plant, output):
    """Whether a trip forces this output."""
    kind, row = output.arbiter
    rows = plant.plan.kinds[kind]
    records = plant.columns(Role.SCAN)[f"records.{rows.kind.name}"].view(rows.rows.dtype)
    return kind >= 0 and "source" in records.dtype.names and records["source"][row] == BY_TRIP


def settled(plant):
    """Wait until every read-back is good, as a release asks for."""
    backs = [plant.plan.points[o.read_back].name for o in plant.plan.outputs if o.read_back and o.device]
    plant.wait(lambda: not any(plant.quality(b) & SEVERITY_MASK for b in backs), 20.0, "read-backs do not get good")


def first_writes(plant, ring, outputs, before):
    """The first value that the field wrote of each output, and what its device had in the scan that let it.

    `ring` was opened while outputs were held, `outputs` are read-backs by output, `before` what these were then.
    """
    ids, rows = plant.plan.ids, plant.plan.rows
    tag_of = {int(ids[rows[tag]]): tag for tag in outputs}
    back_of = {int(ids[rows[back]]): tag for tag, back in outputs.items()}
    held = int(ids[rows["scan.held"]])
    first, backs, free = {}, dict(before), []

    def all_written():
        while (frame := ring.read()) is not None:
            if frame.kind == Kind.DELTA and not free:
                changed = decode_rows(frame.payload)
                values = dict(zip(changed.tag.tolist(), changed.value.tolist(), strict=True))
                backs.update({tag: values[back] for back, tag in back_of.items() if back in values})
                free.extend(["released"] * (values.get(held) == 0.0))
            elif frame.kind == Kind.WRITE:
                for record in decode_records(frame.kind, frame.payload):
                    tag = tag_of.get(int(record["tag"]))
                    if tag and record["sequence"] > 0 and not record["error"]:
                        first.setdefault(tag, float(record["value"]))
        return len(first) == len(outputs)

    try:
        plant.wait(all_written, 5.0)
    except AssertionError:
        raise AssertionError(f"after the release only {sorted(first)} of {sorted(outputs)} were written") from None
    return first, backs


def span(plan, tag):
    """The span of a tag."""
    point = plan.points[plan.rows[tag]]
    return point.high - point.low


def all_bad(plant):
    """Whether the inputs of every device are bad."""
    return all((plant.quality(name) & SEVERITY_MASK) >= BAD for name in INPUTS)


def killed_supervisor(plant):
    """SIGKILL of the supervisor of a working plant: nobody is left and the cell is safe."""
    plant.operate()
    pids = [plant.pid(role) for role in CHILDREN]
    died_ns = now_ns()
    plant.child.send_signal(signal.SIGKILL)
    plant.child.wait(10)
    wait(lambda: not any(alive(pid) for pid in pids), 5.0, what="a child has survived the supervisor")
    gone_s = (now_ns() - died_ns) / 1e9
    wait(plant.safe, WATCHDOG_S, what=f"the cell is not safe within {WATCHDOG_S} s of the supervisor's death")
    return {"gone_s": gone_s, "safe_s": (now_ns() - died_ns) / 1e9}


def killed_while_starting(plant, words, state, after_s):
    """A supervisor that is killed `after_s` seconds after its start: nobody is left and the cell stays safe."""
    with running(*words, state=state) as child:
        plant.let_pass(after_s)
        os.kill(child.pid, signal.SIGKILL)
        child.wait(10)
        wait(lambda: not processes_about(f'"parent": {child.pid},'), 5.0, what="a child has survived the supervisor")
    assert plant.safe(), "a plant that only started has switched the cell on"
    return {"after_s": after_s}


def alive(pid):
    """Whether a process of that number runs (a zombie does not)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def phase(chance, plan):
    """A random instant within a scan, s."""
    return chance.uniform(0.0, plan.period_ns / 1e9)


def seeded(seed):
    """The chance of a ride."""
    return random.Random(seed)


def worst(figures):
    """The largest of each figure over many rides."""
    names = sorted({name for f in figures for name in f})
    return {name: round(float(np.max([f[name] for f in figures if name in f])), 4) for name in names}
