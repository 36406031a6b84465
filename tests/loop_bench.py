"""A PID loop on a bench, with an actuator that does what it is told."""

from plantctl.core.block import AUTO
from tests.row_bench import Bench

H = 1.0
LIMITS = {"out_low": -1e6, "out_high": 1e6}


def loop(**parameters):
    """A loop that starts in AUTO at output 0."""
    wanted = {"gain": 2.0, "integral": 8.0, "initial_mode": AUTO, **LIMITS, **parameters}
    bench = Bench("pid", **wanted)
    bench["pv"] = 0.0
    bench.hear("op", 0.0)
    return bench


def scan(bench, dt=H):
    """One scan with an ideal actuator: what was written is what was used."""
    bench.scan(dt)
    bench.hear("op", bench["op"])
    return bench["op"]


def settle(bench, scans=5, **inputs):
    for name, value in inputs.items():
        bench[name] = value
    for _ in range(scans):
        scan(bench)
    return bench["op"]
