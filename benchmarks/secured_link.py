"""What signing and encrypting the PLC link costs: the same plant minutes open and secured, in turn, in one run.

`python benchmarks/secured_link.py [SECONDS]` runs the circuit of one cell in virtual time over its real protocol
stacks, both ends in this process, three times each way, and compares CPU seconds of one core a plant hour, best and
median. The log of each run must be the same to the byte. Then the time to make a connection, each way, in real time.
File in `results/`.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._record import record, yardstick_ns
from plantctl.core.clock import RealClock
from simulators.serve import import_servers, serve
from tests.field_bench import Plant
from tests.plant.circuit_rig import secured as secured_device
from tests.plant.same_run import one_run
from tests.wire.field_rig import running
from tests.wire.opcua_rig import FLOW, URI
from tests.wire.secured_rig import Ends, remove_pairs

RUNS, SEED, CONNECTIONS = 3, 1, 20


def plant_hours(seconds, folder, ends):
    """CPU seconds a plant hour, and the digests of the logs, open and secured."""
    took, digests = {"open": [], "secured": []}, set()
    for turn in range(RUNS):
        for way in took:
            begin = time.process_time()
            digests.add(one_run(folder / f"{way}{turn}", seconds, SEED, 3000.0, ends if way == "secured" else None))
            took[way].append((time.process_time() - begin) / seconds * 3600.0)
    assert len(digests) == 1, "the logs differ"
    return {
        f"cpu_s_per_plant_hour_{way}_{name}": round(of(figures), 1)
        for way, figures in took.items()
        for name, of in (("best", min), ("median", statistics.median))
    }


async def connections(ends):
    """Milliseconds until the first value is there, best and median, open and secured."""
    from plantctl.core.virtual_loop import START_UTC_NS  # the keys are of the tests' time
    from tests.wire.field_rig import plan

    class Then(RealClock):
        def utc_ns(self):
            return START_UTC_NS + self.monotonic_ns()

    found = {}
    for way in ("open", "secured"):
        clock, times = Then(), []
        async with AsyncExitStack() as stack:
            there = await stack.enter_async_context(
                serve(Plant(SEED, "running"), clock, plc_security=ends.theirs if way == "secured" else None)
            )
            config = {"namespace": URI, "security": {"insecure": True}, "poll": "100 ms"}
            device = plan("PLC-4", "opcua", there.endpoints()["PLC-4"], config, [("FI", {"node": FLOW})])
            for _ in range(CONNECTIONS):
                begin = time.perf_counter()
                async with running(clock, secured_device(device) if way == "secured" else device, ends.ours) as rig:
                    await rig.until(lambda: rig.runner.statistics.connects)
                    times.append((time.perf_counter() - begin) * 1e3)
        found[f"connect_ms_{way}_best"] = round(min(times), 1)
        found[f"connect_ms_{way}_median"] = round(statistics.median(times), 1)
    return found


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
    before_ns = yardstick_ns()
    import_servers()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            ends = Ends(folder / "keys")
            figures = plant_hours(seconds, folder, ends)
            figures |= asyncio.run(connections(ends))
        finally:
            remove_pairs()
    record("secured-link", {"seed": SEED, "seconds": seconds, "yardstick_before_ns": before_ns, **figures})


if __name__ == "__main__":
    main()
