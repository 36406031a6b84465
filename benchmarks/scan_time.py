"""How long a scan's control takes: PID loops and limit alarms compiled from block files, against C and simple-pid.

`python benchmarks/scan_time.py` writes benchmarks/results/scan-time.json and prints the table. In one run:

    plantctl   the compiled runs over the plan's records: back, step, alarms, with events and every point published
    C          the same logic by hand (scan_time.c, cc -O3), over the same records, compared bit for bit first
    simple-pid one Python object a loop, without alarms, modes, limits of rate, quality or cascades
    demo       the demo's whole program, and what of it is the calls alone
    start-up   a process that loads the demo's halves from the cache, and one that has to compile them

The goal is 3 times C. Medians of many scans; only ratios of one run count.
"""

import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import simple_pid

from plantctl.plan import bind, load
from plantctl.plan.build import build_path
from plantctl.plan.kind import find_kind
from plantctl.plan.record import fresh_rows, record_dtype
from plantctl.plan.runner_text import RING_COLUMNS, input_slots, output_slots
from plantctl.scan.step import Stepper

HERE = Path(__file__).parent
DT = ctypes.c_double(0.1)
C_TYPES = {"f": "double", "i": "int64_t"}


def struct_text(kind):
    """The C struct of a kind's row."""
    lines = [f"struct {kind.name} {{"]
    for field in kind.fields:
        element = record_dtype(kind.block)[field.name]
        if field.is_port:
            members = " ".join(f"{C_TYPES[element[m].kind]} {m};" for m in element.names)
            lines.append(f"    struct {{ {members} }} {field.name};")
        elif field.count:
            lines.append(f"    {C_TYPES[element.base.kind]} {field.name}[{field.count}];")
        else:
            lines.append(f"    {C_TYPES[element.kind]} {field.name};")
    return "\n".join([*lines, "};"])


class Population:
    """`loops` PIDs in AUTO and `alarms` limit alarms over one image, each with its own moving input."""

    def __init__(self, loops, alarms):
        self.pid, self.alarm = find_kind("pid"), find_kind("limit_alarm")
        pid_in, pid_out = len(input_slots(self.pid.block)), len(output_slots(self.pid.block))
        alarm_in, alarm_out = len(input_slots(self.alarm.block)), len(output_slots(self.alarm.block))
        self.inputs = loops + alarms
        points = 1 + self.inputs + loops * pid_out + alarms * alarm_out
        rng = np.random.default_rng(7)
        self.v, self.q = np.zeros(points), np.zeros(points, np.uint16)
        self.q[0] = 2
        self.used, self.status = np.zeros(points), np.zeros(points, np.int64)
        self.ring = np.zeros((1 + 2 * 2 * (loops + alarms), RING_COLUMNS), np.int64)
        pids, ins = fresh_rows(self.pid.block, loops), np.zeros((loops, pid_in), np.int64)
        pids["gain"], pids["integral"], pids["derivative"] = 2.0, 30.0, 1.0
        pids["out_low"], pids["out_high"], pids["sp"], pids["initial_mode"] = 0.0, 100.0, 50.0, 4
        pids["rate_up"] = pids["rate_down"] = 50.0
        ins[:, 0] = 1 + np.arange(loops)
        outs = (1 + self.inputs + np.arange(loops * pid_out)).reshape(loops, pid_out)
        rows = fresh_rows(self.alarm.block, alarms)
        rows["limit"], rows["high"] = rng.uniform(20, 80, alarms), rng.integers(0, 2, alarms)
        rows["on_delay"], rows["off_delay"], rows["dead_band"] = 1.0, 1.0, 1.0
        alarm_ins = np.zeros((alarms, alarm_in), np.int64)
        alarm_ins[:, 0] = 1 + loops + np.arange(alarms)
        alarm_outs = (1 + self.inputs + loops * pid_out + np.arange(alarms * alarm_out)).reshape(alarms, alarm_out)
        image = (self.v, self.q, self.used, self.status)
        self.pids = bind.Memory(*image, pids, ins, outs, self.ring)
        self.alarms = bind.Memory(*image, rows, alarm_ins, alarm_outs, self.ring)
        self.loops, self.alarm_count = loops, alarms
        self.walk = rng.normal(0.0, 0.5, (200, self.inputs))
        self.v[1 : 1 + self.inputs] = rng.uniform(30, 70, self.inputs)

    def disturb(self, k):
        """Move every input, and empty the event ring as the scan does."""
        self.v[1 : 1 + self.inputs] += self.walk[k % 200] * (1 if (k // 200) % 2 == 0 else -1)
        self.ring[0, 0] = 0

    def compiled(self):
        """The calls of the compiled runs, in their order."""
        halves = [(self.pid, "back", self.pids, 0, self.loops), (self.pid, "step", self.pids, 0, self.loops)]
        halves.append((self.alarm, "step", self.alarms, 1, self.alarm_count))
        calls = [
            bind.BoundRun(load.load_half(kind, half, compiled=True), memory, number, 0, count, 1).call
            for kind, half, memory, number, count in halves
        ]

        def scan():
            for call in calls:
                call(DT)

        return scan

    def by_hand(self, library):
        """The same scan in C."""
        address = [a.ctypes.data_as(ctypes.c_void_p) for a in (self.pids.rows, self.pids.ins, self.pids.outs)]
        address += [ctypes.c_int64(self.loops)]
        address += [a.ctypes.data_as(ctypes.c_void_p) for a in (self.alarms.rows, self.alarms.ins, self.alarms.outs)]
        address += [ctypes.c_int64(self.alarm_count)]
        address += [a.ctypes.data_as(ctypes.c_void_p) for a in (self.v, self.q, self.used, self.status, self.ring)]

        def scan():
            library.scan(*address, DT)

        return scan


def c_library(folder):
    """scan_time.c, compiled for this machine."""
    kinds = [find_kind("pid"), find_kind("limit_alarm")]
    sizes = [
        f"#define {name}_{what} {len(slots(kind.block))}"
        for name, kind in zip(("PID", "ALARM"), kinds, strict=True)
        for what, slots in (("INS", input_slots), ("OUTS", output_slots))
    ]
    head = "\n".join([*(struct_text(k) for k in kinds), *sizes])
    (folder / "rows.h").write_text(head + "\n")
    library = folder / "scan_time.so"
    command = ["cc", "-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared", f"-I{folder}"]
    subprocess.run([*command, str(HERE / "scan_time.c"), "-o", str(library), "-lm"], check=True)
    return ctypes.CDLL(str(library))


def median_us(scan, disturb, scans):
    """The median time of a scan, us, inputs moved in between."""
    times = []
    for k in range(scans):
        disturb(k)
        start = time.perf_counter_ns()
        scan()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e3


def agree(loops, alarms, library):
    """Whether C and the compiled blocks give the same bits over 400 scans."""
    ours, theirs = Population(loops, alarms), Population(loops, alarms)
    scans = ours.compiled(), theirs.by_hand(library)
    for k in range(400):
        for population, scan in zip((ours, theirs), scans, strict=True):
            population.disturb(k)
            scan()
    return all(getattr(ours, n).tobytes() == getattr(theirs, n).tobytes() for n in ("v", "q", "used", "status"))


def simple_pids(loops, scans):
    """The median time of one update of `loops` objects of simple-pid, us."""
    objects = [simple_pid.PID(2.0, 0.07, 2.0, setpoint=50.0, output_limits=(0, 100)) for _ in range(loops)]
    population = Population(loops, 1)

    def scan():
        for pid, value in zip(objects, population.v[1 : 1 + loops].tolist(), strict=True):
            pid(value, dt=0.1)

    return median_us(scan, population.disturb, scans)


def demo(scans):
    """The demo's program: whole scan of control, us, and the share that is the call alone."""
    plan = build_path(HERE.parent / "config" / "demo").plan
    stepper = Stepper(plan, compiled=True)
    dt_s = [task.period_ns / 1e9 for task in plan.tasks]
    whole = median_us(lambda: stepper.step(dt_s), lambda k: stepper.ring.__setitem__((0, 0), 0), scans)
    # With no task due what is left is the one call of the program.
    nothing = [0.0] * len(dt_s)
    empty = median_us(lambda: stepper.step(nothing), lambda k: None, scans)
    return {"runs": len(plan.runs), "scan_us": whole, "calls_us": empty, "share_of_calls": empty / whole}


START = """
import time, sys
begin = time.perf_counter()
from pathlib import Path
from plantctl.plan.build import build_path
from plantctl.scan.step import Stepper
plan = build_path(Path(sys.argv[1])).plan
built = time.perf_counter()
Stepper(plan, compiled=True)
print(built - begin, time.perf_counter() - built)
"""


def start_up(folder):
    """Seconds to build and to load the demo: cold (everything compiled), then from the cache."""
    environment = os.environ | {"PLANTCTL_CACHE": str(folder / "cache")}
    found = {}
    for name in ("cold", "cached"):
        command = [sys.executable, "-c", START, str(HERE.parent / "config" / "demo")]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        build_s, load_s = (float(x) for x in done.stdout.split())
        found[name] = {"build_s": build_s, "load_s": load_s}
    return found


def main():
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    result = {"commit": commit}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        library = c_library(folder)
        for loops, alarms, scans in ((1000, 3000, 2000), (10000, 10000, 400)):
            same = agree(loops, alarms, library)
            population = Population(loops, alarms)
            ours = median_us(population.compiled(), population.disturb, scans)
            population = Population(loops, alarms)
            theirs = median_us(population.by_hand(library), population.disturb, scans)
            peer = simple_pids(loops, max(20, scans // 40))
            row = {"plantctl_us": ours, "c_us": theirs, "ratio_to_c": ours / theirs, "same_bits": same}
            result[f"{loops} pid + {alarms} alarms"] = row | {"simple_pid_us": peer, "simple_pid_ratio": peer / ours}
        result["demo"] = demo(2000)
        result["start_up"] = start_up(folder)
    print(json.dumps(result, indent=1))
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "scan-time.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
