"""100,000 hostile steps of every block kind, on a seed of its own: `make campaign NAME=hostile_blocks`.

The storm is that of tests/properties/test_blocks_hostile.py, which rides a twentieth of it in every run of the tests.
`SEED=n` repeats a ride. What was ridden stands in benchmarks/results/hostile-blocks.json with the commit and the seed.
"""

import json
import os
import secrets
import subprocess
from pathlib import Path

import pytest

from plantctl.plan.kind import kind_names
from tests.properties.test_blocks_hostile import ROWS, ride

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "benchmarks" / "results" / "hostile-blocks.json"
STEPS = 100_000


def commit():
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    return done.stdout.strip() or "unknown"


@pytest.mark.timeout(3600)
def test_every_kind_rides_out_a_hundred_thousand_hostile_steps(compile_cache):
    seed = int(os.environ.get("SEED", "0")) or 1 + secrets.randbelow(2**31)
    ridden = {}
    for name in kind_names():
        print(f"{name}, seed {seed}", flush=True)
        ridden[name] = ride(name, seed, STEPS // ROWS, compile_cache)
    RESULT.parent.mkdir(exist_ok=True)
    result = {
        "what": "hostile steps a kind, interpreted and compiled: no bit of difference, no output that is not finite",
        "commit": commit(),
        "seed": seed,
        "steps": ridden,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
