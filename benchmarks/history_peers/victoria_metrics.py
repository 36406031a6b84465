"""VictoriaMetrics, the server of Debian's package, fed and asked over HTTP the quickest way that was found.

Fed: a POST a second of plant time with all rows of it (4,000 to 10,000 lines) to `/api/v1/import/prometheus`, lines
made with prepared names, over two connections that stay open, so that lines are made while the server works. Tried as
well, and slower here: one connection (0.6 to 0.9 times as quick), InfluxDB's line protocol at `/write` (0.75), gzip
(0.7), JSON lines at `/api/v1/import` (0.6 at 1 Hz, as quick at 10 Hz).

Asked: `/api/v1/export`, every row as it was stored, over a connection that stays open. `/api/v1/query_range` with a
step of a scan is measured too, and `/api/v1/export/native`, which is its blocks as they are: nothing is decoded by
anyone, so it is a bound and no answer.

What was POSTed is in the server's memory, and on its disk some seconds later: a loss of power costs these. Times are
kept in ms, and there is no quality. `bytes` is its folder of data once everything is merged (`/internal/force_merge`);
its index of names is told beside it, since plantctl's names are not in its own figure either.
"""

import os
import shutil
import socket
import subprocess
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

import msgspec
import numpy as np

from benchmarks._keep_alive import KeepAlive
from benchmarks.history_peers import PeerMissing

PROGRAM = "victoria-metrics"
CONNECTIONS = 2
UNDER_WAY_MAX = 4
LIMIT_S = 60
MS = 1_000_000


class Lines(msgspec.Struct):
    """A line of an export: some rows of a series."""

    values: list[float]
    timestamps: list[int]


class VictoriaMetrics:
    """A server of its own, at a free port of 127.0.0.1, ended by its pid."""

    text = True

    def __init__(self, folder, tags, every):
        self.every = every
        self.label = f"VictoriaMetrics, {'every sample' if every else 'what changed'}"
        if shutil.which(PROGRAM) is None:
            raise PeerMissing(f"{PROGRAM} is not installed (Debian: apt install {PROGRAM})")
        self.folder = folder / "data"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        said = folder / "said.txt"
        with said.open("wb") as out:
            address = f"-httpListenAddr=127.0.0.1:{self.port}"
            kept = (f"-storageDataPath={self.folder}", "-retentionPeriod=10y")
            self.child = subprocess.Popen([PROGRAM, *kept, address, "-search.latencyOffset=0s"], stderr=out, stdout=out)
        try:
            self.asking = self._reached(said)
            self.idle = SimpleQueue()
            for _ in range(CONNECTIONS):
                self.idle.put(KeepAlive(self.port))
        except BaseException:
            self._end()
            raise
        self.pool = ThreadPoolExecutor(CONNECTIONS)
        self.under_way = deque()
        self.names = [f"T_{tag} " for tag in range(tags)]
        self.lines = []
        self.took_ms = []
        self.from_ms = self.to_ms = self.scans = 0

    def _reached(self, said):
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            try:
                asking = KeepAlive(self.port)
                asking.ask("GET", "/health")
            except OSError:
                self._lives_for(0.02)
            else:
                return asking
        raise TimeoutError(f"{PROGRAM} did not answer in {LIMIT_S} s: {said.read_text(errors='replace')[-500:]}")

    def _lives_for(self, seconds):
        """Waits so long; a server that ends meanwhile is an error."""
        with suppress(subprocess.TimeoutExpired):
            raise OSError(f"{PROGRAM} ended with {self.child.wait(seconds)}; {self.folder.parent} has what it said")

    def scan(self, utc_ns, which, values, second):
        names, at_ms = self.names, utc_ns // MS
        self.from_ms, self.to_ms, self.scans = self.from_ms or at_ms, at_ms, self.scans + 1
        tail = f" {at_ms}\n"
        self.lines += [f"{names[tag]}{value}{tail}" for tag, value in zip(which.tolist(), values.tolist(), strict=True)]
        if second:
            self._send()

    def _send(self):
        if len(self.under_way) >= UNDER_WAY_MAX:
            self.under_way.popleft().result()
        self.under_way.append(self.pool.submit(self._post, "".join(self.lines).encode()))
        self.lines = []

    def _post(self, body):
        connection = self.idle.get()
        begin = time.perf_counter()
        connection.ask("POST", "/api/v1/import/prometheus", body)
        self.took_ms.append((time.perf_counter() - begin) * 1e3)
        self.idle.put(connection)

    def finish(self):
        if self.lines:
            self._send()
        while self.under_way:
            self.under_way.popleft().result()
        self.asking.ask("GET", "/internal/force_flush")  # what came can be asked for

    def settle(self):
        """Everything is on the disk and merged into one part. What came last is in memory for some seconds first."""
        end, parts = time.monotonic() + LIMIT_S, 0
        while time.monotonic() < end:
            if parts <= 1 and self._size("data"):
                self._lives_for(1.0)  # what was merged is removed behind it
                if self._parts() == 1:
                    return
            self.asking.ask("GET", "/internal/force_merge")
            self._lives_for(1.0)
            parts = self._parts()
        raise TimeoutError(f"{PROGRAM} merged for {LIMIT_S} s and has {parts} parts")

    def _parts(self):
        told = self.asking.ask("GET", "/metrics").decode().splitlines()
        return sum(int(line.rpartition(" ")[2]) for line in told if line.startswith('vm_parts{type="storage'))

    def _size(self, name):
        files = [Path(at) / file for at, _, names in os.walk(self.folder / name) for file in names]
        return sum(file.stat().st_size for file in files if file.exists())

    def bytes(self):
        return {"bytes": self._size("data"), "index": self._size("indexdb")}

    # -- asking

    def query(self, tag):
        return self.asking.ask("GET", f"/api/v1/export?{self._asked(tag)}&reduce_mem_usage=1")

    def points(self, answer):
        lines = [msgspec.json.decode(line, type=Lines) for line in answer.splitlines()]
        if not lines:
            return np.zeros(0, np.int64), np.zeros(0)
        at_ns = np.concatenate([np.array(line.timestamps) for line in lines]) * MS
        value = np.concatenate([np.array(line.values) for line in lines])
        order = np.argsort(at_ns, kind="stable")
        return at_ns[order], value[order]

    def other_queries(self):
        """Other ways to ask for the same, by name, undecoded."""
        step_s = (self.to_ms - self.from_ms) / 1e3 / (self.scans - 1)
        span = f"start={self.from_ms / 1e3}&end={self.to_ms / 1e3}&step={step_s}&nocache=1"
        return {
            "range": lambda tag: self.asking.ask("GET", f"/api/v1/query_range?query=T_{tag}&{span}"),
            "native": lambda tag: self.asking.ask("GET", f"/api/v1/export/native?{self._asked(tag)}"),
        }

    def _asked(self, tag):
        return f"match%5B%5D=T_{tag}&start={self.from_ms / 1e3}&end={self.to_ms / 1e3}"

    def cpu_s(self):
        fields = Path(f"/proc/{self.child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.pool.shutdown()
        self._end()

    def _end(self):
        self.child.terminate()
        try:
            self.child.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
