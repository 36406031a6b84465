"""A plant hour with instrument noise and one without: a healthy cell must not trip, nor its flow meter be doubted.

`make campaign NAME=no-false-trip`
"""

import sys
import tempfile
from pathlib import Path

from benchmarks._record import record
from tests.plant.test_no_false_trip import trips_in

SECONDS = 3600.0


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    found = {}
    for name, quiet in (("noisy", False), ("quiet", True)):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = trips_in(Path(folder), seconds, quiet)
    record("no-false-trip", {"seed": 1, "plant_s": seconds, "trips": found})
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
