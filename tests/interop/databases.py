"""VictoriaMetrics and influxd as Debian packages them, each in a folder and on a port of its own."""

import base64
import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

from plantctl.core.clock import RealClock

START_S = 30.0
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Database:
    """A server over `folder`. `start`, `kill` (as a power cut would) and `start` again keep folder and port."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.child = None

    def words(self):
        raise NotImplementedError

    def alive(self):
        raise NotImplementedError

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.child = subprocess.Popen(self.words(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        clock = RealClock()
        until_ns = clock.monotonic_ns() + int(START_S * 1e9)
        while True:
            try:
                self.ask(self.alive())
                return
            except OSError as fault:
                if self.child.poll() is not None or clock.monotonic_ns() > until_ns:
                    said = (self.folder / "log").read_text()[-2000:]
                    raise AssertionError(f"{self.words()[0]} does not start: {fault}; make interop? {said}") from None

    def stop(self):
        self.child.terminate()
        self.child.wait(30.0)

    def kill(self):
        self.child.kill()
        self.child.wait(30.0)

    def ask(self, path, data=None, headers=None, **query):
        """The answer to a GET, or to a POST of `data`. Raises OSError, HTTPError among them."""
        url = f"{self.url}{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        with OPENER.open(urllib.request.Request(url, data=data, headers=headers or {}), timeout=30.0) as answer:
            return answer.read().decode()


class VictoriaMetrics(Database):
    def words(self):
        return [
            "victoria-metrics",
            f"-storageDataPath={self.folder}/data",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=10y",
            "-search.latencyOffset=0s",
            "-dedup.minScrapeInterval=1ms",
        ]

    def alive(self):
        return "/health"

    def flush(self):
        self.ask("/internal/force_flush")

    def series(self, match):
        """Every series: its labels, and its values by time in ms."""
        self.flush()
        found = []
        for line in self.ask("/api/v1/export", **{"match[]": match, "reduce_mem_usage": "0"}).splitlines():
            told = json.loads(line)
            times = told["timestamps"]
            assert len(set(times)) == len(times), "the same time twice in one series"
            found.append((told["metric"], dict(zip(times, told["values"], strict=True))))
        return found

    def dropped_lines(self):
        """How many lines it could not read, by its log; nobody who sent one is told."""
        return (self.folder / "log").read_text().count("cannot unmarshal InfluxDB line")


class Influx(Database):
    """influxd 1.x with accounts: `admin` to look, `feed` to write."""

    PASSWORDS = {"admin": "look-73", "feed": "canary-token"}  # noqa: RUF012

    def words(self):
        config = self.folder / "influxdb.conf"
        config.write_text(
            "reporting-disabled = true\n"
            'bind-address = "127.0.0.1:0"\n'
            f'[meta]\ndir = "{self.folder}/meta"\n'
            f'[data]\ndir = "{self.folder}/data"\nwal-dir = "{self.folder}/wal"\nquery-log-enabled = false\n'
            f'[http]\nbind-address = "127.0.0.1:{self.port}"\nauth-enabled = true\nlog-enabled = false\n'
            "[monitor]\nstore-enabled = false\n"
        )
        return ["influxd", "-config", str(config)]

    def alive(self):
        return "/ping"

    def start(self):
        fresh = not (self.folder / "meta").exists()
        super().start()
        if fresh:
            self.query("CREATE USER admin WITH PASSWORD 'look-73' WITH ALL PRIVILEGES")
            self.query("CREATE USER feed WITH PASSWORD 'canary-token'")
            self.query("CREATE DATABASE plant")
            self.query("GRANT WRITE ON plant TO feed")

    def headers(self, user="admin"):
        pair = base64.b64encode(f"{user}:{self.PASSWORDS[user]}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def query(self, text):
        """The rows of a statement, each a dict; times in ns."""
        data = urllib.parse.urlencode({"q": text}).encode()
        told = json.loads(self.ask("/query", data, self.headers(), db="plant", epoch="ns"))
        (result,) = told["results"]
        assert "error" not in result, result
        return [
            dict(zip(series["columns"], row, strict=True)) | series.get("tags", {})
            for series in result.get("series", [])
            for row in series["values"]
        ]


@contextmanager
def running(kind, folder):
    folder.mkdir(parents=True, exist_ok=True)
    server = kind(folder)
    try:
        server.start()
        yield server
    finally:
        if server.child is not None:
            server.kill()
