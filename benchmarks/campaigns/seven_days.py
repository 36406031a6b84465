"""Seven days of the plant, recorded in virtual time, asked through every interface and compared with what really was.

`make campaign NAME=seven-days` or `python benchmarks/campaigns/seven_days.py [HOURS [REAL [FOLDER]]]` (174 hours, 8 of
them real) records circuit A with one cell (217 points, 35 of them measured): REAL hours scanned every 100 ms, plant,
devices and blocks computed; the rest plays these hours again, once a second, each time with drift and with other times.
All of it goes through comparison, ring, recorder, log, sealing and retention (7 days kept of 7 days and 6 hours), with
faults, restarts, kills, frames lost and UTC set to and fro. Then every question of `tests/plain_history.py` is asked in
every way there is, and of a restored backup; the last day is fed to VictoriaMetrics and asked there. Libraries that are
not installed are named. FOLDER keeps the record and what was really there, for another look: it is not made again.

Writes benchmarks/results/seven-days.json; ends with 1 where any answer was not the plain one.
"""

import importlib.util
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks._record import record
from plantctl.core.keeping import Keeping
from plantctl.history.files.sealed import open_sealed, sealed_ranges
from plantctl.log.storage import ReadOnlyFolder
from tests.days_asked import COLUMNS, Asked
from tests.days_fed import Victoria, fed
from tests.interop.databases import VictoriaMetrics, running
from tests.plant.recorded_days import RecordedDays, S, live, repeat

HOUR_NS = 3600 * S
LET_GO_H = 6.0
LOG_BYTES = 64_000_000
FED_TAGS = ("40-FI-4013", "40-AIC-4212", "40-AIC-4212.mode")


def recorded(folder, hours, real):
    """What was really there by tag, what happened, CPU s of recording; from `folder`, made if it is not there."""
    truth, begin = folder / "truth.npz", time.process_time()
    if not truth.exists():
        keeping = Keeping(log_bytes=LOG_BYTES, history_ns=max(0, round((hours - LET_GO_H) * HOUR_NS)))
        circuit = RecordedDays(folder, keeping=keeping)
        circuit.taping = True
        live(circuit, real * 3600, 1, told=print)
        repeat(circuit, (hours - real) * 3600, 2, told=print)
        found, happened = circuit.finish(), {name: int(count) for name, count in circuit.counted.items()}
        spent = np.array([time.process_time() - begin])
        np.savez(truth, **found, happened=np.array([list(happened.values())]), cpu_s=spent)
    with np.load(truth) as kept:
        found = {name: kept[name] for name in kept.files if name not in ("happened", "cpu_s")}
        names = ("restart", "kill", "lost", "clock", "fault", "trip")
        return found, dict(zip(names, kept["happened"][0].tolist(), strict=True)), float(kept["cpu_s"][0])


def ask_all(asked, folder):
    """Every way, the slow ones each so many questions; the names of what is not installed."""
    has = {name: importlib.util.find_spec(name) is not None for name in ("polars", "pandas", "pyarrow")}
    missing = [name for name, there in has.items() if not there]
    arrow = has["pyarrow"]
    for what, ask in (
        ("Python", lambda: asked.ask_python(7_919, 2)),
        ("frames", lambda: asked.ask_frames([c for c in COLUMNS if has["pyarrow" if c == "arrow" else c]], 23)),
        ("verbs", lambda: asked.ask_verbs(folder, (".csv", ".json", *((".arrow", ".parquet") if arrow else ())), 43)),
        ("HTTP", lambda: asked.ask_http(("json", "csv", *(("arrow", "parquet") if arrow else ())), 19)),
        ("OPC UA", lambda: asked.ask_opcua(every=7)),
        ("restored", lambda: asked.ask_restored(folder, every=7)),
    ):
        ask()
        print(
            f"{what}: {asked.count.total()} asked, {len(asked.wrong)} wrong", *asked.wrong[:3], sep="\n  ", flush=True
        )
    if shutil.which("victoria-metrics") is None:
        return [*missing, "victoria-metrics"]
    sealed = ReadOnlyFolder(asked.place / "history")
    ranges = sealed_ranges(sealed.names())
    day = next(r for r in ranges if open_sealed(sealed, r).head.low_ns > asked.last_ns - 24 * HOUR_NS)
    with running(VictoriaMetrics, folder / "victoria") as server:
        fed(asked.place, server, FED_TAGS, day.first_sequence - 1)
        asked.ask(Victoria(server, FED_TAGS, open_sealed(sealed, day).head.low_ns + 11 * S))
    return missing


def main():
    words = sys.argv[1:]
    hours, real = float(words[0]) if words else 174.0, float(words[1]) if len(words) > 1 else 8.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(words[2]) if len(words) > 2 else Path(name) / "days"
        folder.mkdir(parents=True, exist_ok=True)
        truth, happened, recorded_s = recorded(folder, hours, real)
        begin = time.process_time()
        asked = Asked(folder, truth)
        missing = ask_all(asked, Path(name))
        sealed = [path.stat().st_size for path in (folder / "history").glob("*.seg")]
        record(
            "seven-days",
            {
                "what": "one cell, 217 points: the first hours computed at 100 ms, the rest played again at 1 s",
                "hours": hours,
                "hours_computed": real,
                "hours_kept": round((asked.last_ns - asked.first_ns) / HOUR_NS, 2),
                "happened": happened,
                "points_of_watched": {name: len(points) for name, points in truth.items()},
                "sealed_files": len(sealed),
                "sealed_bytes": sum(sealed),
                "record_cpu_s": round(recorded_s, 1),
                "ask_cpu_s": round(time.process_time() - begin, 1),
                "asked": asked.count.total(),
                "asked_by_way": dict(sorted(asked.count.items())),
                "wrong": len(asked.wrong),
                "wrong_first": asked.wrong[:20],
                "not_installed": missing,
            },
        )
    return 1 if asked.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
