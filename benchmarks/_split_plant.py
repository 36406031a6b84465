"""Circuit A with one cell in topology `split` with a scan of 10 ms, at work, and the tools to measure beside it.

The plant is a copy of tests/plant/one_cell whose fast task is 10 ms instead of 100: the devices, their polls and every
age limit stay as they are, so that scan, frame ring, recorder and all readers have ten times its work and the
protocols theirs.
"""

import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections import Counter
from contextlib import contextmanager

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import SOCKET_NAME
from plantctl.core.schedule import SCAN_PHASE_NS, Schedule
from tests.process.split_rig import fast_text, split

PERIOD_NS = 10_000_000
READERS = 5
LOOK_S = 0.5


def needed(tools):
    """See to it that the programs are there, each with its Debian package in `tools`; installs where it may."""
    missing = sorted({package for tool, package in tools.items() if shutil.which(tool) is None})
    if not missing:
        return
    told = f"this benchmark needs {' and '.join(missing)}: apt-get install {' '.join(missing)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.exit(told)
    print(f"installing {' '.join(missing)}", file=sys.stderr)
    done = subprocess.run(["apt-get", "install", "--yes", "--quiet", *missing], stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        sys.exit(f"{told} (it failed here; perhaps apt-get update is needed first)")


@contextmanager
def fast_split(folder, *options):
    """The fast demo beside its simulator, released and with the cell at its current."""
    with split(folder, *options, text=fast_text(folder)) as plant:
        assert plant.plan.period_ns == PERIOD_NS
        plant.operate()
        yield plant


def instants(plant, period_ns=PERIOD_NS):
    """The instants of the scan, as the supervisor told all processes: from the sealed memory that holds them."""
    descriptors = f"/proc/{plant.child.pid}/fd"
    for name in os.listdir(descriptors):
        if os.readlink(f"{descriptors}/{name}").startswith("/memfd:plantctl-plan "):
            with open(f"{descriptors}/{name}", "rb") as file:
                _, settings = pickle.load(file)  # of our own child, sealed by it
                return Schedule("scan", period_ns, SCAN_PHASE_NS % period_ns, settings.origin_ns)
    raise AssertionError("the supervisor does not hold its plan any more")


@contextmanager
def read_by(plant, readers=READERS):
    """People who look at everything, each twice a second, while the block runs; gives the answers they got."""
    ended, looks = threading.Event(), [0] * readers

    def look(place):
        with ControlClient(plant.folder / SOCKET_NAME) as client:
            while not ended.wait(LOOK_S):
                try:
                    client.ask({"snapshot": True})
                except NotRunning:
                    return
                looks[place] += 1

    threads = [threading.Thread(target=look, args=(place,)) for place in range(readers)]
    for thread in threads:
        thread.start()
    try:
        yield looks
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@contextmanager
def stressed(cpu=2, io=1):
    """stress-ng beside the block: two processors busy, one process that syncs disks."""
    line = ["stress-ng", "--cpu", str(cpu), "--io", str(io), "--quiet"]
    child = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        assert child.poll() is None, "stress-ng ended too soon"
    finally:
        child.terminate()
        child.wait(30)


def scan_pid(plant):
    """The process number of the scan."""
    return plant.pid(Role.SCAN)


def cyclictest(seconds, priority, offset_us, file, period_us=PERIOD_NS // 1000):
    """Start cyclictest, by default with the scan's period, woken at `offset_us` past each full second; the child.

    One thread on each processor: the scan may be on any, and what stalls one of them must be seen.
    """
    line = ["cyclictest", "-S", "-m", "-q", f"-p{priority}", f"-i{period_us}", "-h100000", f"-D{seconds}"]
    line += [f"--secaligned={offset_us}", f"--json={file}"]
    return subprocess.Popen(line, stdout=subprocess.DEVNULL)


def cyclictest_latencies(file):
    """The latencies in us of each of its threads, as (value, count) rising; those above 0.1 s are at the maximum."""
    threads = []
    for said in json.loads(file.read_text())["thread"].values():
        found = Counter({int(value): count for value, count in said["histogram"].items()})
        found[int(said["max"])] += said["cycles"] - sum(said["histogram"].values())
        threads.append(sorted((value, count) for value, count in found.items() if count))
    return threads
