"""What one tick of the simulated plant costs: compiled, interpreted, with the reading and writing of every signal.

`python benchmarks/plant_step.py` prints microseconds a tick (best and median of blocks of 500), the equilibrium
solver alone, and what starting costs: cold (nothing in the cache, in a new process) and from the cache. Goals: 60 us a
tick with signals, 20 us a solution, 15 s cold; the whole circuit well below 100 us. Figures are good for comparing
within one run only; those of the steps are in `results/plant-step.json`.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numba
from numba.extending import register_jitable

from benchmarks._record import record
from simulators import compiled
from simulators.chemistry import equilibrium
from simulators.plant import Plant

BLOCK, BLOCKS = 500, 40


def ticks(plant, work, blocks=BLOCKS, size=BLOCK):
    """Microseconds a tick: best and median block."""
    found = []
    for _ in range(blocks):
        start = time.perf_counter()
        for _ in range(size):
            work(plant)
        found.append((time.perf_counter() - start) / size * 1e6)
    return min(found), statistics.median(found)


def step_only(plant):
    plant.step()


def step_with_signals(plant):
    for name in WRITTEN:
        plant.write(name, plant.read(name))
    plant.step()
    for name in SHOWN:
        plant.read(name)


def solver():
    """Microseconds for one solution from a pH that is 0.01 off, as after a tick, and from one that is 5 off."""
    for function in compiled._reached(equilibrium.solve)[:-1]:
        register_jitable(error_model="numpy")(function)
    solve = numba.njit(error_model="numpy")(equilibrium.solve)
    found = []
    for start in (8.01, 3.0):
        solve(1, 40.0, 0.508, 0.5106, 0.00113, start)
        begin = time.perf_counter()
        for _ in range(20000):
            solve(1, 40.0, 0.508, 0.5106, 0.00113, start)
        found.append((time.perf_counter() - begin) / 20000 * 1e6)
    return found


def start(cache):
    """Seconds of wall and of processor for a plant in a new process."""
    program = "import time; from simulators.plant import Plant; Plant(seed=1); print(time.process_time())"
    environment = {**os.environ, "PLANTCTL_CACHE": cache, "PYTHONPATH": str(Path(__file__).parents[1])}
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    return time.perf_counter() - begin, float(done.stdout)


def main():
    figures = {}
    for cells, loops in ((1, False), (4, False), (4, True)):
        plant = Plant(seed=1, cells=cells, loops=loops)
        for name, work in (("step", step_only), ("step, 12 signals written, 23 read", step_with_signals)):
            best, median = ticks(plant, work)
            beside = "and loops" if loops else "alone"
            print(f"{cells} cell(s) {beside}, compiled, {name:36s} {best:8.1f} us best {median:8.1f} us median")
            if work is step_only:
                figures[f"{cells} cells {beside}"] = {"best_us": round(best, 1), "median_us": round(median, 1)}
    record("plant-step", figures)
    best, median = ticks(Plant(seed=1, compiled=False), step_only, blocks=5, size=100)
    print(f"1 cell(s), interpreted, {'step':36s} {best:8.1f} us best {median:8.1f} us median")
    near, far = solver()
    print(f"equilibrium, compiled: {near:.1f} us from a near start, {far:.1f} us from a far one")
    with tempfile.TemporaryDirectory() as cache:
        for name in ("cold", "from the cache"):
            wall, processor = start(cache)
            print(f"new process, {name}: {wall:.1f} s, of them {processor:.1f} s of processor")


WRITTEN = Plant(seed=1, compiled=False).written_names()
SHOWN = tuple(n for n in Plant(seed=1, compiled=False).names() if n not in WRITTEN and not n.startswith("true."))

if __name__ == "__main__":
    main()
