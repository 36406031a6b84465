"""The real half of the campaign `feed-outage`: a plant at full rate, real peers that are killed, an unkind proxy.

The plant is a real one in processes, as `plantctl run` makes it: 500 calculated tags that change in each scan of
100 ms, its recorder and its feeds. These send every row to VictoriaMetrics through the proxy, and 20 of the tags to a
mosquitto with TLS, as JSON at QoS 1 and as a Sparkplug node with a host. A database that was killed may have forgotten
what it took last, and a broker what it acknowledged, so the sinks settle for some seconds.
"""

import json
import threading
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack, contextmanager
from random import Random

import numpy as np

from benchmarks._outage_broker import Heard, hearing, in_a_thread
from benchmarks._split_plant import instants
from benchmarks._unkind_proxy import Proxied, Proxy
from benchmarks.scan_lateness import scan_lateness
from plantctl.app.split.segments import Role
from plantctl.core.clock import RealClock
from plantctl.log.rows import LogRows
from plantctl.log.storage import ReadOnlyFolder
from tests.interop.databases import VictoriaMetrics
from tests.interop.mosquitto_rig import Mosquitto
from tests.process.command_rig import ended, running
from tests.process.split_rig import Split

CLOCK = RealClock()
NAME = "bench"
TAGS = 500
BESIDE = 20  # tags that the broker gets as well: those of two digits that begin with 1 or 2
PERIOD_NS = 100_000_000
RATE = TAGS * 1_000_000_000 // PERIOD_NS
WAIT_S = 240.0
SINKS = """\
sinks:
  archive: {{kind: influx, url: "http://127.0.0.1:{port}", insecure: true, org: works, bucket: plant, text: false,
            tags: ["10-AY-*"], events: false, patience: 5 s, backoff_most: 2 s, backfill: 200000,
            batch: 20000, gzip: false}}
"""
BROKER = """\
  topics: {{kind: mqtt, url: "{url}", ca: authority.pem, user: bench, password_file: bench.password, settle: 5 s,
           timeout: 3 s, backoff_most: 1 s, tags: ["10-AY-[12]?"], events: false, backfill: 2000}}
  node: {{kind: sparkplug, url: "{url}", ca: authority.pem, user: bench, password_file: bench.password, settle: 5 s,
         timeout: 3 s, backoff_most: 1 s, group: works, primary_host: scada, tags: ["10-AY-[12]?"], events: false,
         backfill: 2000}}
"""


class RealPlant(Split):
    """The plant; `sinks` are its sinks in order."""

    def __init__(self, child, state, text):
        super().__init__(child, state, None, text)
        self.folder = state / NAME
        self.sinks = [sink.name for sink in self.plan.sinks]

    def feed(self, name):
        """How a sink is: state, lag in s, frames in holes, quarantined, lost."""
        columns, n = self.columns(Role.FEEDS), self.sinks.index(name)
        return {k: int(columns[k][n]) for k in ("lag_ns", "missing", "quarantined", "lost", "failures", "needed")}


def text_of(folder, port, broker):
    """The plant's text in `folder`: a tag that counts its scans, and others that follow it."""
    folder.mkdir(parents=True)
    lines = [
        f"plant: {{name: {NAME}, text: rows that change in every scan}}",
        "tasks: {fast: 100 ms}",
        "area: 10",
        "calculated:",
        '  AY-1: {expression: "where(good({AY-1}), {AY-1} + 1, 0)", unit: "1", service: scans, delay: 1 scan}',
        *(f'  AY-{n}: {{expression: "{{AY-1}} + {n}", unit: "1", service: follows}}' for n in range(2, TAGS + 1)),
        SINKS.format(port=port) + (BROKER.format(url=broker.url) if broker else ""),
    ]
    (folder / "plant.yaml").write_text("\n".join(lines))
    return folder


@contextmanager
def real_plant(folder, port, broker, options):
    """The plant in processes, with the secrets that its sinks need."""
    state, security = folder / "state", folder / "state" / NAME / "security"
    security.mkdir(parents=True, mode=0o700)
    if broker:
        for name in ("authority.pem", "bench.password"):
            (security / name).write_bytes((broker.folder / name).read_bytes())
            (security / name).chmod(0o600)
    text = text_of(folder / "text", port, broker)
    with running("run", text, "--topology", "split", "--page", "0", *options, state=state) as child:
        plant = RealPlant(child, state, text)
        plant.wait((plant.folder / "control.sock").exists, WAIT_S)
        plant.wait(lambda: plant.scans() > 20, WAIT_S)
        yield plant
        child.terminate()
        ended(child, 60.0)


# ------------------------------------------------------------------------------------------------ torment


class Torment:
    """What is done to the peers of a plant, and what is seen meanwhile."""

    def __init__(self, plant, database, proxy, heard):
        self.plant, self.database, self.proxy, self.heard = plant, database, proxy, heard
        self.killed = Counter()
        self._chance = Random(11)
        self._over = threading.Event()

    def again_and_again(self, seconds):
        """The database is killed and started again, behind a proxy that spoils a fifth of all requests."""
        until, chance = time.monotonic() + seconds, self._chance
        self.proxy.unkind = 0.2
        while time.monotonic() < until:
            self._over.wait(chance.uniform(0.04, 0.12) * seconds)
            self.database.kill()
            self.killed["database"] += 1
            self._over.wait(chance.uniform(0.0, 0.04) * seconds)
            self.database.start()

    @contextmanager
    def broker_dies(self, seconds):
        """The broker is killed at random while the block runs, at most every 2 s of 20."""
        ended, chance = threading.Event(), Random(12)

        def work():
            while not ended.wait(chance.uniform(0.05, 0.15) * seconds):
                self.heard.do(self.heard.broker.end)
                self.killed["broker"] += 1
                ended.wait(chance.uniform(0.0, 0.05) * seconds)
                self.heard.do(self.heard.broker.start)

        thread = threading.Thread(target=work, name="the broker dies") if self.heard.broker else None
        if thread:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if thread:
                thread.join()

    def away(self, seconds):
        """The database is away for so long, and comes back; lag and rate while the hole is filled."""
        self.database.kill()
        self.killed["database"] += 1
        self._over.wait(seconds)
        self.proxy.unkind = 0.0
        self.database.start()
        feed, lags, back_s = self.plant.feed, [], time.monotonic()
        self.plant.wait(lambda: feed("archive")["lag_ns"] < 2e9 and feed("archive")["missing"], WAIT_S, "it stays away")
        first, begun_s = feed("archive"), time.monotonic()
        filled_s, left = begun_s, first["missing"]
        while (now := feed("archive"))["missing"]:
            lags.append(now["lag_ns"] / 1e9)
            if now["missing"] < left:
                left, filled_s = now["missing"], time.monotonic()
            self._over.wait(0.05)
            assert time.monotonic() < begun_s + WAIT_S, "the hole is not filled"
        rows = (first["missing"] - left) * TAGS
        return {
            "away_s": round(seconds),
            "live_lag_s_max_while_filling": round(max(lags, default=0.0), 2),
            "filled_rows": first["missing"] * TAGS,
            "filled_rows_a_second": round(first["missing"] * TAGS / max(0.05, time.monotonic() - begun_s)),
            "fullest_rows_a_second": round(rows / max(0.05, filled_s - begun_s)),
            "filled_after_s": round(time.monotonic() - back_s, 1),
        }


def lateness_of(plant, schedule, from_ns, to_ns):
    """How late the scans of a stretch began, from the log."""
    late_ns, missed = scan_lateness(plant.frames(), schedule, from_ns, to_ns)
    found = {name: float(np.quantile(late_ns, share)) for name, share in QUANTILES.items()}
    told = {f"{name}_us": round(value / 1e3, 1) for name, value in found.items()}
    return {**told, "max_us": round(float(late_ns.max()) / 1e3, 1), "scans": len(late_ns), "missed": missed}


QUANTILES = {"p50": 0.5, "p99": 0.99}


def lived(seconds, plant, torment):
    """Calm, then the torment, then the way back; the figures."""
    schedule = instants(plant, PERIOD_NS)
    calm_s = 0.2 * seconds
    began_ns = CLOCK.monotonic_ns()
    plant.let_pass(calm_s)
    calm_ns = CLOCK.monotonic_ns()
    with torment.broker_dies(0.8 * seconds):
        torment.again_and_again(0.45 * seconds)
        filled = torment.away(0.25 * seconds)
        rest_s = seconds - (CLOCK.monotonic_ns() - began_ns) / 1e9
        plant.let_pass(max(1.0, rest_s))
    end_ns = CLOCK.monotonic_ns()
    plant.wait(lambda: not any(plant.feed(name)["missing"] for name in plant.sinks), WAIT_S, "a hole is not filled")
    plant.let_pass(1.0)
    lateness = {
        "calm": lateness_of(plant, schedule, began_ns, calm_ns),
        "outage": lateness_of(plant, schedule, calm_ns, end_ns),
    }
    feeds = {name: plant.feed(name) for name in plant.sinks}
    return {
        "rows_a_second": RATE,
        "minutes": round((end_ns - began_ns) / 6e10, 1),
        "killed": dict(torment.killed),
        "proxy": dict(sorted(torment.proxy.done.items())),
        "connections_lost": {name: feed["failures"] for name, feed in feeds.items()},
        **filled,
        "fill_to_live": round(filled["filled_rows_a_second"] / RATE, 1),
        "scan_lateness": lateness,
        "lost_frames": sum(feed["lost"] for feed in feeds.values()),
        "quarantined": sum(feed["quarantined"] for feed in feeds.values()),
    }


# ------------------------------------------------------------------------------------------------ what is there


def at_database(database, field):
    """Every sample of a field of every point: times in ms and values, in the order of time; how many are twice."""
    url = f"{database.url}/api/v1/export?match%5B%5D=%7B__name__%3D%22plant_{field}%22%7D"
    found, twice = {}, 0
    with urllib.request.urlopen(url, timeout=600) as answer:
        for line in answer:
            told = json.loads(line)
            before = found.get(told["metric"]["point"], (np.zeros(0, np.int64), np.zeros(0)))
            ms = np.concatenate((before[0], np.array(told["timestamps"], np.int64)))
            value = np.concatenate((before[1], np.array(told["values"], float)))
            order = np.argsort(ms, kind="stable")
            found[told["metric"]["point"]] = ms[order], value[order]
    for ms, _ in found.values():
        twice += len(ms) - len(np.unique(ms))
    return found, twice


def in_log(plant):
    """Time in ms, value and quality of every row of every tag, in the order of time.

    A key frame tells the rows before it once more: those are here twice.
    """
    names = {p.id: p.name for p in plant.plan.points if p.name.startswith("10-AY-") and "." not in p.name}
    parts = {name: [] for name in names.values()}
    for stretch in LogRows(ReadOnlyFolder(plant.folder / "log")).read():
        utc_ms = stretch.utc_ns[stretch.scan] // 1_000_000
        begins = np.flatnonzero(np.diff(stretch.tag, prepend=stretch.tag[:1] + 1))
        for begin, end in zip(begins.tolist(), np.append(begins[1:], len(stretch.tag)).tolist(), strict=True):
            name = names.get(int(stretch.tag[begin]))
            if name is not None:
                parts[name].append((utc_ms[begin:end], stretch.value[begin:end], stretch.quality[begin:end]))
    return {name: tuple(np.concatenate(column) for column in zip(*rows, strict=True)) for name, rows in parts.items()}


def compared(wanted, found, through_ms):
    """How many rows are missing, and how many are others; those behind `through_ms` may still be under way.

    `wanted` and `found` are times and numbers by name. What is no number has not to be there.
    """
    lost = wrong = 0
    for name, (ms, value) in wanted.items():
        known = np.isfinite(value) & (ms <= through_ms)
        there_ms, there = found.get(name, (np.zeros(0, np.int64), np.zeros(0)))
        at = np.searchsorted(there_ms, ms[known])
        hit = np.append(there_ms, -1)[at] == ms[known]
        lost += int((~hit).sum())
        wrong += int((there[at[hit]] != value[known][hit]).sum())
    return lost, wrong


def heard_of(heard, sink):
    """The rows of a sink by point: times and values in order."""
    points = {}
    for (name, ms), value in sorted(heard.rows[sink].items()):
        points.setdefault(name, []).append((ms, value))
    return {name: (np.array([r[0] for r in rows]), np.array([r[1] for r in rows])) for name, rows in points.items()}


def real_time(seconds, folder, options=(), *, with_broker=True):
    """The figures of the real half; `options` are for `plantctl run`."""
    (folder / "database").mkdir(parents=True)
    (folder / "broker").mkdir()
    database = VictoriaMetrics(folder / "database")
    database.start()
    with ExitStack() as stack:
        stack.callback(database.kill)
        broker = stack.enter_context(Mosquitto(folder / "broker")) if with_broker else None
        heard = Heard(broker, NAME)
        proxy = stack.enter_context(in_a_thread(lambda: Proxied(Proxy(database.port))))
        if broker:
            stack.enter_context(hearing(heard))
        with real_plant(folder, proxy.port, broker, options) as plant:
            figures = lived(seconds, plant, Torment(plant, database, proxy, heard))
        values, twice = at_database(database, "value")
        qualities, quality_twice = at_database(database, "quality")
    return {**figures, **verdict(plant, values, qualities, twice + quality_twice, heard if with_broker else None)}


def verdict(plant, values, qualities, twice, heard):
    """What is where it should be: every row of the log that had arrived when the plant was ended."""
    logged = in_log(plant)
    through_ms = min(ms[-1] for ms, _, _ in logged.values()) - 3_000
    wanted = {name: (ms, value) for name, (ms, value, _) in logged.items()}
    lost, wrong = compared(wanted, values, through_ms)
    lost_too, wrong_too = compared({n: (ms, q) for n, (ms, _, q) in logged.items()}, qualities, through_ms)
    said = {
        "rows_in_log": sum(len(np.unique(ms)) for ms, _ in wanted.values()),
        "lost": lost + lost_too,
        "wrong": wrong + wrong_too,
        "twice_there": twice,
    }
    for sink in heard.rows if heard else ():
        of_sink = {name: rows for name, rows in wanted.items() if name in {n for n, _ in heard.rows[sink]}}
        lost, wrong = compared(of_sink, heard_of(heard, sink), through_ms)
        said[sink] = {
            "tags": len(of_sink),
            "rows": len(heard.rows[sink]),
            "lost": lost,
            "wrong": wrong + heard.wrong,
            "delivered_twice": heard.again[sink] - len(heard.rows[sink]),
        }
    if heard:
        # a death that the host did not hear of, since the broker was dead as well, leaves a gap in the node's births
        said["node"]["faults"] = [fault for fault in heard.checker.faults if "bdSeq" not in fault][:5]
    return said
