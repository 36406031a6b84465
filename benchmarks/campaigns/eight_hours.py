"""Eight hours of circuit A in virtual time, one fault an hour drawn by seed, and nothing that must never be true.

`python benchmarks/campaigns/eight_hours.py [SEED] [HOURS]` (seed 1, 8 hours) starts the whole circuit from power-up by
the text of config/demo, keeps the books of an undisturbed hour against design basis 1.6, then puts a fault in each
hour, mends it after five minutes and starts again what stands. It writes benchmarks/results/eight-hours.json.
Ends with 1 where something that must never be true was, a figure is off by more than 3 %, or the current was not back
at the end of an hour.
"""

import sys
import tempfile
import time
from pathlib import Path

from benchmarks._record import record
from plantctl.log.storage import FolderStorage
from tests.plant.hours_of_plant import ride

ASKED_A = 340.0


def main():
    """Ride, tell, record."""
    seed, hours = (int(word) for word in (sys.argv[1:] + ["1", "8"][len(sys.argv) - 1 :])[:2])
    begin_s = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        broken, figures, ridden, circuit = ride(FolderStorage(Path(folder)), seed, hours)
    plant_s = circuit.ticks / 10.0
    off = {name: value for name, value in figures.items() if abs(value - 1.0) > 0.03}
    result = {"seed": seed, "plant_s": plant_s, "wall_s": time.perf_counter() - begin_s, "over_design": figures}
    record("eight-hours", result | {"hours": ridden, "never_true": broken})
    stands = [hour for hour in ridden if abs(hour["current_a"] - ASKED_A) > 4.0]
    return 1 if broken or off or stands else 0


if __name__ == "__main__":
    sys.exit(main())
