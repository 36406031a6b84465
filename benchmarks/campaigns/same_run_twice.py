"""Ten plant minutes over the real protocol stacks, twice in two interpreters, a third time under another hash seed
beside two busy loops, and once with another seed: the first three logs must be equal to the byte.

`make campaign NAME=same-run-twice`
"""

import sys
import tempfile
from pathlib import Path

from benchmarks._record import record
from tests.plant.test_same_run_twice import busy_loops, run_elsewhere

SECONDS, LIMIT_S = 600.0, 1200.0
RUNS = {"first": (1, 0, 0), "second": (1, 0, 0), "beside two busy loops": (1, 4711, 2), "another seed": (2, 0, 0)}


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    digests = {}
    for name, (seed, hash_seed, busy) in RUNS.items():
        with tempfile.TemporaryDirectory() as folder, busy_loops(busy, 4.0 * LIMIT_S):
            digests[name] = run_elsewhere(Path(folder), seconds, seed, hash_seed, LIMIT_S)
    equal = len({digests[n] for n in RUNS if n != "another seed"}) == 1
    other = digests["another seed"] != digests["first"]
    record("same-run-twice", {"seeds": [1, 2], "plant_s": seconds, "digests": digests, "equal": equal, "other": other})
    return 0 if equal and other else 1


if __name__ == "__main__":
    sys.exit(main())
