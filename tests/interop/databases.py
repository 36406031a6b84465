"""VictoriaMetrics and influxd as Debian packages them, each in a folder and on a port of its own."""

import base64
import json
import shlex
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

from plantctl.core.clock import RealClock

START_S = 30.0
DEPLOYED = Path(__file__).parents[2] / "deploy" / "databases"
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
                with suppress(subprocess.TimeoutExpired):
                    self.child.wait(0.02)
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
    """As deploy/databases/victoria-metrics has it, but for folder and port."""

    def words(self):
        text = (DEPLOYED / "victoria-metrics" / "victoria-metrics.default").read_text()
        (arguments,) = [line.removeprefix("ARGS=") for line in text.splitlines() if line.startswith("ARGS=")]
        own = {"-storageDataPath": f"{self.folder}/data", "-httpListenAddr": f"127.0.0.1:{self.port}"}
        given = dict(word.split("=", 1) for word in shlex.split(arguments.strip('"')))
        assert own.keys() <= given.keys()
        return ["victoria-metrics", *(f"{name}={value}" for name, value in (given | own).items())]

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


class VmAuth(Database):
    """The gateway of deploy/databases, with TLS from `tls` (a certificate without its suffix).

    `config` is the folder it is from, `behind` the ports there and those that stand for them.
    """

    def __init__(self, folder, config, behind, tls):
        super().__init__(folder)
        self.url = f"https://127.0.0.1:{self.port}"
        self.config, self.behind, self.tls = config, behind, tls

    def words(self):
        text = (DEPLOYED / self.config / "vmauth.yml").read_text()
        for given, own in self.behind.items():
            assert f"http://127.0.0.1:{given}" in text
            text = text.replace(f"http://127.0.0.1:{given}", f"http://127.0.0.1:{own}")
        config = self.folder / "vmauth.yml"
        config.write_text(text)
        own = [f"-auth.config={config}", f"-httpListenAddr=127.0.0.1:{self.port}"]
        return ["vmauth", *own, "-tls", f"-tlsCertFile={self.tls}.pem", f"-tlsKeyFile={self.tls}.key"]

    def alive(self):
        return None  # it answers in TLS only

    def ask(self, path, data=None, headers=None, **query):
        with socket.create_connection(("127.0.0.1", self.port), 5.0):
            return ""


class Influx(Database):
    """influxd 1.x as deploy/databases/influxdb-1 has it, but for folders and ports, and with a policy of years."""

    PASSWORDS = {"admin": "admin-password", "feed": "canary-token"}  # noqa: RUF012

    def words(self):
        text = (DEPLOYED / "influxdb-1" / "influxdb.conf").read_text()
        for given, own in (
            ('"/var/lib/influxdb', f'"{self.folder}'),
            ('"127.0.0.1:8088"', '"127.0.0.1:0"'),
            ('":8086"', f'"127.0.0.1:{self.port}"'),
            ("https-enabled = true", "https-enabled = false"),
        ):
            assert given in text, given
            text = text.replace(given, own)
        config = self.folder / "influxdb.conf"
        config.write_text(text)
        return ["influxd", "-config", str(config)]

    def alive(self):
        return "/ping"

    def start(self):
        fresh = not (self.folder / "meta").exists()
        super().start()
        if fresh:
            for line in (DEPLOYED / "influxdb-1" / "setup.influxql").read_text().splitlines():
                if line and not line.startswith("--"):
                    self.query(line.replace("feed-password", self.PASSWORDS["feed"]))

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
def running(kind, folder, *settings):
    folder.mkdir(parents=True, exist_ok=True)
    server = kind(folder, *settings)
    try:
        server.start()
        yield server
    finally:
        if server.child is not None:
            server.kill()
