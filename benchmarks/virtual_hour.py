"""What virtual time costs: a plant hour over the real protocol stacks, and a tick with the devices in memory.

`python benchmarks/virtual_hour.py [SECONDS]` runs the demo circuit with all its signals over OPC UA, Modbus TCP and RTU
over TCP: start-up, half the current and back, feed that is 5 % stronger. It prints CPU seconds of one core a plant hour
(goal 90) and how far the pH went; then milliseconds a tick of 100 ms without sockets (goal 0.2), best and median of
blocks of ticks in CPU time with everything that happens once a second, then best and median of single calls, part by
part; with SECONDS 0 only that. Files in `results/`. The yardstick says how fast the machine was meanwhile.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._record import record, yardstick_ns
from plantctl.log.storage import FolderStorage
from tests.plant.circuit_rig import demo_plan, run_circuit
from tests.plant.memory_rig import MemoryCircuit

SEED = 1
BLOCK, BLOCKS = 300, 12


def over_the_wires(seconds, folder):
    """Figures of `seconds` of plant over real stacks."""
    found = {}

    async def script(circuit):
        begin = time.process_time()
        await circuit.start_up()
        ph, measured = [], []
        circuit.events.clear()
        for upset in (None, ("set", "40-IC-4010", 42.5), ("set", "40-IC-4010", 85.0), "feed"):
            if upset == "feed":
                circuit.faults.inject("feed-strength", percent=5.0)
            elif upset:
                await circuit.command(*upset, 40.0)
            for _ in range(int(seconds / 4)):
                await circuit.wait(1.0)
                ph.append(circuit.plant.read("true.tank_ph"))
                measured.append(circuit.value("40-AI-4212"))
        plant_s = circuit.clock.monotonic_ns() / 1e9
        means = [statistics.fmean(ph[i : i + 60]) for i in range(max(1, len(ph) - 59))]
        found.update(
            plant_s=round(plant_s, 1),
            cpu_s_per_plant_hour=round((time.process_time() - begin) / plant_s * 3600.0, 1),
            signals=sum(len(d.inputs) for d in circuit.running.plan.devices),
            ph_mean_60_s_off=round(max(abs(m - 8.0) for m in means), 4),
            ph_measured_sigma=round(statistics.pstdev(measured), 4),
            trips=sum(e.kind.word == "trip" and bool(e.new) for e in circuit.events),
        )

    run_circuit(script, folder, seed=SEED, wall_limit_s=3000.0)
    return found


def clocked(owner, method):
    """The times in ns that `method` of `owner` takes from now on, a list that grows with its calls."""
    call, times_ns = getattr(owner, method), []

    def timed(*given, **named):
        begin = time.perf_counter_ns()
        answer = call(*given, **named)
        times_ns.append(time.perf_counter_ns() - begin)
        return answer

    setattr(owner, method, timed)
    return times_ns


def in_memory(folder):
    """Milliseconds of a tick, and of its parts."""
    circuit = MemoryCircuit(demo_plan(), FolderStorage(folder), seed=SEED)
    circuit.start_up()
    circuit.run(60.0)
    found, blocks = {}, []
    for _ in range(BLOCKS):
        begin = time.process_time()
        for _ in range(BLOCK):
            circuit.tick()
        blocks.append((time.process_time() - begin) / BLOCK * 1e3)
    found["tick_ms_best"], found["tick_ms_median"] = round(min(blocks), 4), round(statistics.median(blocks), 4)
    parts = (
        ("whole_tick", circuit, "tick"),
        ("plant_step", circuit.plant, "step"),
        ("plant_and_devices_step", circuit.field, "step"),
        ("scan", circuit.executive, "scan"),
        ("drain_to_log", circuit.recorder, "drain"),
    )
    taken = {name: clocked(owner, method) for name, owner, method in parts}
    for _ in range(BLOCK * BLOCKS):
        circuit.tick()
    for name, times_ns in taken.items():
        found[f"{name}_ms_best"] = round(min(times_ns) / 1e6, 4)
        found[f"{name}_ms_median"] = round(statistics.median(times_ns) / 1e6, 4)
    circuit.close()
    return found


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    with tempfile.TemporaryDirectory() as folder:
        record("virtual-tick", {"seed": SEED, **in_memory(Path(folder) / "memory")})
        if not seconds:
            return
        before_ns = yardstick_ns()
        record(
            "virtual-hour", {"seed": SEED, "yardstick_before_ns": before_ns, **over_the_wires(seconds, Path(folder))}
        )


if __name__ == "__main__":
    main()
