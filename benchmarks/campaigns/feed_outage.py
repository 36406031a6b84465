"""An outage of a day, and ten minutes of every fault at full rate: what the peer ends up with, row by row.

`make campaign NAME=feed-outage` or `python -m benchmarks.campaigns.feed_outage [HOURS [MINUTES]]`; exit code 0 where
every goal is met.

In virtual time: HOURS (default 24) of a plant with 60 rows a second whose peer is away, then comes back. In real time:
MINUTES (default 10) of a plant in processes with 5,000 rows a second through the InfluxDB sink into a real
VictoriaMetrics, which is killed and started again at random, behind a proxy that answers 503, 429 and 400, cuts
requests and answers, and hangs; then it is away for a quarter of the time. Beside it 20 of the tags go to a real
mosquitto, as JSON and as a Sparkplug node, and that is killed at random as well. At the end every row of the log must
be there, with its value, once.

`scan_lateness`: how late the scans of the same run began, calm (its first fifth) and in the outage. `fill_to_live`:
rows a second that fill the hole beside the live ones, to these; goal 10.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._feed_outage import real_time
from benchmarks._record import record
from plantctl.core.virtual_run import run_virtual
from plantctl.log.rows import LogRows
from plantctl.log.storage import FolderStorage
from tests.feed_bench import FedPlant, Peer


class ColumnPeer(Peer):
    """Keeps the columns themselves: a day has five million rows."""

    def __init__(self, clock):
        super().__init__(clock)
        self.batches = []

    def take(self, batch):
        self.batches.append((batch.tag, batch.utc_ns, batch.value.view(np.int64), batch.historical))
        if not batch.historical and batch.rows:
            self.worst_lag_ns = max(self.worst_lag_ns, self.age_ns(int(batch.utc_ns.min())))


def rows_at_peer(batches):
    """Tag, time and bits of every row, sorted; how many came twice; whether each lane kept the order of each point."""
    tag, utc_ns, bits = (np.concatenate([b[k] for b in batches]) for k in range(3))
    in_order = True
    for lane in (True, False):
        parts = [b for b in batches if b[3] is lane]
        if parts:
            t, u = (np.concatenate([b[k] for b in parts]) for k in (0, 1))
            order = np.argsort(t, kind="stable")
            in_order &= not ((np.diff(u[order]) < 0) & (np.diff(t[order].astype(np.int64)) == 0)).any()
    return once(tag, utc_ns, bits), len(tag), in_order


def once(tag, utc_ns, bits):
    """The rows without repetitions, in the order of tag and time."""
    order = np.lexsort((bits, utc_ns, tag))
    rows = np.stack([tag[order].astype(np.int64), utc_ns[order], bits[order]])
    keep = np.ones(rows.shape[1], bool)
    keep[1:] = (np.diff(rows) != 0).any(axis=0)
    return rows[:, keep]


def rows_in_log(storage):
    stretches = list(LogRows(storage).read())
    return once(
        np.concatenate([s.tag for s in stretches]),
        np.concatenate([s.utc_ns[s.scan] for s in stretches]),
        np.concatenate([s.value.view(np.int64) for s in stretches]),
    )


def virtual_time(hours, folder):
    """The outage of a day."""
    told = {}

    async def main(clock):
        peer = ColumnPeer(clock)
        storage = FolderStorage(folder / "log")
        ledger = FolderStorage(folder / "feeds")
        plant = FedPlant(clock, storage, ledger, peer, inputs=3, file_bytes=64 << 20, backfill=1_200.0, batch=5_000)
        plant.begin()
        await plant.live(60)
        peer.down = True
        plant.turn_scans = 100  # while nothing arrives a commit every 10 s will do
        await plant.live(hours * 3600)
        plant.turn_scans = 10
        await plant.live(10)
        peer.down, peer.worst_lag_ns = False, 0
        rows = plant.runner.statistics.filled_rows
        began_ns = clock.monotonic_ns()
        await plant.live(60)  # the back-off ends, and some of the hole is filled
        while plant.runner.position.holes:
            await plant.live(10)
        seconds = (clock.monotonic_ns() - began_ns) / 1e9
        await plant.until(plant.arrived)
        await plant.end()
        filled = plant.runner.statistics.filled_rows - rows
        told.update(
            outage_h=hours,
            rows_a_second=60,
            filled_rows=filled,
            filled_rows_a_second=round(filled / seconds),
            fill_to_live=round(filled / seconds / 60, 1),
            live_lag_s_max=round(peer.worst_lag_ns / 1e9, 2),
            lost_frames=plant.runner.position.lost,
            quarantined=plant.runner.position.quarantined,
        )
        return peer

    began_s = time.monotonic()
    peer = run_virtual(main, wall_limit_s=7_200.0)
    found, delivered, in_order = rows_at_peer(peer.batches)
    wanted = rows_in_log(FolderStorage(folder / "log"))
    same = found.shape == wanted.shape and bool((found == wanted).all())
    return {
        **told,
        "rows_in_log": wanted.shape[1],
        "rows_at_peer": found.shape[1],
        "delivered_twice": delivered - found.shape[1],
        "same_rows": same,
        "in_order": in_order,
        "seconds": round(time.monotonic() - began_s),
    }


def main():
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 24.0
    minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    figures = {}
    with tempfile.TemporaryDirectory() as name:
        if hours:
            figures["virtual"] = virtual_time(hours, Path(name) / "virtual")
            print(figures["virtual"], flush=True)
        if minutes:
            figures["real"] = real_time(minutes * 60.0, Path(name) / "real")
    record("feed-outage", figures)
    missed = [goal for goal, met in goals(figures).items() if not met]
    return f"goals missed: {', '.join(missed)}" if missed else 0


def goals(figures):
    """Which of the goals are met."""
    met = {}
    if (virtual := figures.get("virtual")) is not None:
        met["virtual: every row once, in order"] = virtual["same_rows"] and virtual["in_order"]
        met["virtual: live lag below 2 s"] = virtual["live_lag_s_max"] < 2.0
        met["virtual: filled at 10 times the live rate"] = virtual["fill_to_live"] >= 10.0
    if (real := figures.get("real")) is not None:
        parts = [real, *(real[sink] for sink in ("topics", "node") if sink in real)]
        met["real: nothing lost, wrong or twice"] = not any(
            (*(part["lost"] + part["wrong"] for part in parts), real["twice_there"], real["lost_frames"])
        )
        met["real: nothing set aside, no rule of Sparkplug broken"] = not (
            real["quarantined"] or real.get("node", {}).get("faults")
        )
        met["real: live lag below 2 s"] = real["live_lag_s_max_while_filling"] < 2.0
        met["real: filled at 10 times the live rate"] = real["fill_to_live"] >= 10.0
        late = real["scan_lateness"]
        met["real: no scan missed"] = late["outage"]["missed"] <= late["calm"]["missed"]
    return met


if __name__ == "__main__":
    sys.exit(main())
