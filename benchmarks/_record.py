"""Where figures go that a document or an issue may quote: one JSON file a measurement, with what made it."""

import json
import platform
import subprocess
import timeit
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"


def yardstick_ns():
    """Time of one addition of two arrays of 35 doubles, ns: how fast this machine was when something was measured.

    About 400 ns on one idle core of 2020; figures taken beside other work scale with it.
    """
    a = b = np.zeros(35)
    return round(min(timeit.repeat(lambda: a + b, number=20000, repeat=5)) / 20000 * 1e9)


def record(name, figures):
    """Write `figures` to `results/<name>.json` beside commit, machine and yardstick, and print them."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", "plantctl", "simulators", "config"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    said = {
        "name": name,
        "commit": commit or "unknown",
        "changed_since": bool(changed),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "yardstick_ns": yardstick_ns(),
        **figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(said, indent=2) + "\n")
    print(json.dumps(said, indent=2))
