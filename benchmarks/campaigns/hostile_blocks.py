"""100,000 hostile steps of every block kind: no bit between the two ways to run, nothing that is not a number.

`make campaign NAME=hostile-blocks`. The storm is that of tests/properties/test_blocks_hostile.py, which rides a
twentieth of it in every run of the tests. A seed after the module's name repeats a ride.
"""

import secrets
import sys

from benchmarks._record import record
from plantctl.plan.kind import kind_names
from plantctl.plan.load import cache_folder
from tests.properties.test_blocks_hostile import ROWS, ride

STEPS = 100_000


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1 + secrets.randbelow(2**31)
    ridden = {}
    for name in kind_names():
        print(f"{name}, seed {seed}", flush=True)
        ridden[name] = ride(name, seed, STEPS // ROWS, cache_folder())
    record("hostile-blocks", {"seed": seed, "steps": ridden})
    return 0


if __name__ == "__main__":
    sys.exit(main())
