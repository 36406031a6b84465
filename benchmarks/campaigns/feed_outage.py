"""An outage of a day, and ten minutes of every fault at full rate: what the peer ends up with, row by row.

`make campaign NAME=feed-outage` or `python -m benchmarks.campaigns.feed_outage [HOURS [MINUTES]]`.

In virtual time: HOURS (default 24) of a plant with 60 rows a second whose peer is away, then comes back. In real time:
MINUTES (default 10) of 5,000 rows a second through the InfluxDB sink into a real VictoriaMetrics, which is killed and
started again at random, behind a proxy that answers 503, 429 and 400, cuts requests and answers, and hangs. At the end
every row of the log must be there, with its value, once.
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
        plant = FedPlant(clock, storage, ledger, peer, inputs=3, file_bytes=64 << 20, backfill=600.0, batch=5_000)
        plant.begin()
        await plant.live(60)
        peer.down = True
        await plant.live(hours * 3600)
        peer.down, peer.worst_lag_ns = False, 0
        rows = plant.runner.statistics.filled_rows
        began_ns = clock.monotonic_ns()
        await plant.live(60)  # the back-off ends, and some of the hole is filled
        while plant.runner.position.holes:
            await plant.live(60)
        seconds = (clock.monotonic_ns() - began_ns) / 1e9
        await plant.until(plant.arrived)
        await plant.end()
        filled = plant.runner.statistics.filled_rows - rows
        told.update(
            outage_h=hours,
            rows_a_second=60,
            filled_rows=filled,
            filled_rows_a_second=round(filled / seconds),
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


if __name__ == "__main__":
    main()
