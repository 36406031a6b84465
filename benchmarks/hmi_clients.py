"""What pages cost: 100 WebSocket clients with 1,000 values a second each, beside one message a value in the same run.

`python benchmarks/hmi_clients.py [CLIENTS] [SECONDS]` (100 clients, 90 s each part) has two parts.

    plant     the demo in topology `split` with a scan of 10 ms and 104 more tags that follow one measurement; the
              lateness of the scan without pages, with all of them, with one more that reads a message a second, and
              with one that asks for all that was recorded of 32 tags, again and again. Beside all of them somebody
              asks for `/metrics` once a second
    framing   the same server fed by a played scan, 100 values ten times a second, beside a server on the same HTTP and
              WebSocket code that sends one JSON object a value, encoded for each client, as some bridges do

Latency is from the scan's UTC to the moment a client has read the message; clients share the machine, in one process
of their own, and their time counts. Goals: p99 below 50 ms with all clients, also beside a slow one; the lateness of
the scan unchanged (benchmarks/_punctuality.py); nothing left out for anybody but the slow one. Needs rt-tests, which it
installs where it may. Figures of a machine that does other work as well are worth nothing but their ratios.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._punctuality import Spans, unchanged
from benchmarks._record import ROOT, record
from benchmarks._split_plant import PERIOD_NS, needed
from plantctl.app.split.segments import Role
from tests.process.page_client import PageClient
from tests.process.split_rig import fast_text, split

GOAL_MS = 50.0
MORE_TAGS = 104
EXPORTED = 32
BUSY = ("with_pages", "with_a_slow_one", "with_an_export")
FEW = 10  # clients of the other framing that it can still serve


def cpu_s(pid):
    """What a process has used of a processor so far, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def crowd(asked, server, seconds, clients, slow=0):
    """What a crowd found that followed `asked`, and what the process `server` used for it."""
    said = json.dumps({**asked, "seconds": seconds, "count": clients, "slow": slow})
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._page_readers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    child.stdin.write(said)
    child.stdin.close()
    assert child.stdout.readline() == "ready\n", "the crowd did not come to read"
    used_s = cpu_s(server)
    found = json.loads(child.stdout.read())
    found["server_cpu_percent"] = round((cpu_s(server) - used_s) / seconds * 100, 1)
    child.stdout.close()
    assert child.wait(60) == 0
    return found


@contextmanager
def asker(asked, path, every_s, accept="*/*"):
    """One more client beside a crowd, that asks for `path`; what it found is in the dict it gives, afterwards."""
    found = {}
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._page_asker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    said = {"origin": asked["origin"], "cookie": asked["cookie"], "path": path, "every_s": every_s, "accept": accept}
    child.stdin.write(json.dumps(said) + "\n")
    child.stdin.flush()
    try:
        yield found
    finally:
        child.stdin.close()
        told = child.stdout.read()
        child.stdout.close()
        assert child.wait(120) == 0
        found.update(json.loads(told))


@contextmanager
def source(framing, values=100):
    """A served page whose values change; what clients must know of it."""
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._page_source", framing, str(values)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    try:
        yield json.loads(child.stdout.readline()), child.pid
    finally:
        child.stdin.close()
        child.stdout.close()
        child.wait(60)


def busy_text(folder):
    """The fast demo with tags more that follow a noisy measurement."""
    text = fast_text(folder)
    lines = [
        f'  40-XY-{9000 + k}: {{expression: "{1 + k / 1000} * {{40-II-4010}}", unit: A, service: measured {k}}}'
        for k in range(MORE_TAGS)
    ]
    file = text / "plant.yaml"
    file.write_text(file.read_text() + "\ncalculated:\n" + "\n".join(lines) + "\n")
    return text


def on_plant(seconds, clients):
    """The part over a whole plant."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with split(place, text=busy_text(place)) as plant:
            assert plant.plan.period_ns == PERIOD_NS
            plant.operate()
            page = PageClient(plant.folder)
            tags = [f"40-XY-{9000 + k}" for k in range(MORE_TAGS)]
            asked = {
                "url": f"ws{page.origin[4:]}/api/v1/live",
                "origin": page.origin,
                "cookie": page.cookie,
                "tags": tags,
            }
            spans = Spans(plant, place)
            with spans.span("without_pages"):
                plant.let_pass(seconds)
            server = plant.pid(Role.GATEWAY)
            export = f"/api/v1/history?agg=raw&points=50000&start=0&end={1 << 62}&tags={','.join(tags[:EXPORTED])}"
            with asker(asked, "/metrics", 1.0) as scraped:
                with spans.span("with_pages"):
                    with_all = crowd(asked, server, seconds, clients)
                with spans.span("with_a_slow_one"):
                    with_slow = crowd(asked, server, seconds, clients, slow=1)
                with asker(asked, export, 0.0, "text/csv") as exported, spans.span("with_an_export"):
                    with_export = crowd(asked, server, seconds, clients)
            plant.let_pass(2.0)  # the recorder writes once a second
            return {
                "with_pages": with_all,
                "with_a_slow_one": with_slow,
                "with_an_export": {**with_export, "export": exported},
                "metrics": scraped,
                "scan_lateness_us": spans.lateness(),
            }


def framings(seconds, clients):
    """The part that compares what is sent."""
    found = {}
    for framing, count in (("delta", FEW), ("value", FEW), ("delta", clients), ("value", clients)):
        with source(framing) as (asked, server):
            found[f"{framing} x {count}"] = crowd(asked, server, seconds, count)
    return found


def main():
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 90.0
    needed({"cyclictest": "rt-tests"})
    plant = on_plant(seconds, clients)
    found = framings(min(seconds, 10.0), clients)
    late = plant["scan_lateness_us"]
    punctual = all(unchanged(late, name, "without_pages") for name in BUSY)
    in_time = all(plant[name]["latency_ms"]["p99"] < GOAL_MS for name in BUSY)
    whole = not any(plant[name][what] for name in BUSY for what in ("gaps", "holes"))
    reached = {"p99_below_50_ms": in_time, "scan_as_punctual": punctual, "nothing_left_out": whole}
    record(
        "hmi-clients", {"clients": clients, "seconds": seconds, "plant": plant, "framing": found, "reached": reached}
    )
    return 0 if all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
