"""Kills the processes of a plant that is fed to a peer, at random moments, and looks at what the peer ends up with.

For the test and the campaign `feed-kills`; `python -m tests.process.feed_kills FOLDER DEATHS SEED KIND` prints the
figures of one plant. The children are forked from a process that has loaded its modules, so that a thousand deaths take
minutes: what a SIGKILL leaves on disk is the same.
"""

import asyncio
import contextlib
import gzip
import json
import multiprocessing
import re
import sys
import time
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random

import numpy as np

from plantctl.core.frame import Kind
from plantctl.history.reading.query import History
from plantctl.log.storage import ReadOnlyFolder
from tests.process.fed_plant import CLOCK, LABELS, RUN, Cells, begin, wanted_by
from tests.wire.influx_peer import InfluxPeer
from tests.wire.mqtt_broker import Broker

ROLES = ("scan", "recorder", "feeds")
# Who dies together. A scan's ring dies with it, so its recorder does too.
DEATHS = (("feeds",), ("recorder",), ("feeds", "recorder"), ("scan", "recorder"), ROLES)
LIBRARY = "influxdb_client.client.influxdb_client_async"
BACK_S = 30.0  # nobody waits longer; how long it took is in the figures
END_S = 300.0  # for what is still to be filled in the end
ROW = re.compile(rb"plant,plant=fed,point=(P-\d+) quality=(\d+)i,value=(-?[\d.e+]+)(?:,source=\d+i)? (\d+)", re.ASCII)
EVENT = re.compile(rb"plant_event,kind=alarm,plant=fed,target=\S+ sequence=\d+i,place=0i,scan=(\d+)i,\S+ (\d+)")
MESSAGE = re.compile(
    rb'\{"t":"([^"]+)\.(\d{9})Z","v":(-?[\d.e+]+),"q":"good"(?:,"src":"[^"]+")?(,"historical":true)?\}'
)


class Taken:
    """What a peer was given: each row by its point and time, how often, and whether each lane kept its order."""

    def __init__(self):
        self.rows = {}
        self.events = {}
        self.again = Counter()
        self.faults = []
        self.disorder = 0
        self._lanes = {}

    def row(self, point, utc_ns, value, lane, historical=None):
        key = (point, utc_ns)
        if key in self.rows:
            self.again["rows"] += 1
            if self.rows[key] != value:
                self.faults.append(f"{key}: {self.rows[key]} and {value}")
        self.rows[key] = value
        newest, old = self._lanes.get((lane, point), (0, 0))
        if historical or (historical is None and utc_ns < newest):
            self.disorder += utc_ns < old
            old = utc_ns
        else:
            self.disorder += utc_ns < newest
            newest = utc_ns
        self._lanes[lane, point] = newest, old

    def event(self, utc_ns, scan):
        self.again["events"] += utc_ns in self.events
        self.events[utc_ns] = scan


class Database(InfluxPeer):
    """Takes lines of one form and nothing else; a connection is a lane of its own."""

    def __init__(self, taken):
        super().__init__()
        self.taken = taken

    def _fault(self, request):
        return ""

    def _keep(self, request):
        body, lane = request.body, self.connections
        self.requests.clear()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        for line in body.splitlines():
            if (row := ROW.fullmatch(line)) is not None:
                self.taken.row(row[1], int(row[4]), float(row[3]), lane)
            elif (event := EVENT.fullmatch(line)) is not None:
                self.taken.event(int(event[2]), int(event[1]))
            else:
                self.taken.faults.append(line.decode())
        return ""


class Topics(Broker):
    """The strict broker, which keeps what it was told by point and time; a connection is a lane of its own."""

    def __init__(self, taken):
        super().__init__()
        self.taken = taken
        self.in_flight_max = 1000
        self._seconds = {}

    def _route(self, message):
        topic = message.topic.removeprefix("plant/fed/").encode()
        if topic == b"status":
            return
        if topic == b"events":
            told = json.loads(message.payload)
            self.taken.event(self._utc_ns(*told["t"][:-1].split(".")), told["scan"])
        elif (row := MESSAGE.fullmatch(message.payload)) is not None:
            utc_ns = self._utc_ns(row[1].decode(), row[2])
            self.taken.row(topic, utc_ns, float(row[3]), len(self.connects), bool(row[4]))
        else:
            self.taken.faults.append(message.payload.decode())

    def _utc_ns(self, second, rest):
        if second not in self._seconds:
            self._seconds[second] = int(np.datetime64(second, "s").astype(np.int64)) * 10**9
        return self._seconds[second] + int(rest)


@contextlib.asynccontextmanager
async def peer_of(kind, taken):
    if kind == "mqtt":
        async with Topics(taken) as broker:
            yield broker
        assert broker.violations == []
    else:
        database = Database(taken)
        async with database.serving():
            yield database


class Plant:
    """The processes over one folder."""

    def __init__(self, folder, kind, port, file_bytes):
        self.folder, self.kind, self.port, self.file_bytes = folder, kind, port, file_bytes
        (folder / "log").mkdir(parents=True, exist_ok=True)
        self.cells = Cells(folder)
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(["tests.process.fed_plant", "aiomqtt", "aiohttp", "msgspec", LIBRARY])
        self.run = 0
        self.children = {}
        self.told = {}  # by run: until when everything was called durable
        self.killed = Counter()

    def start(self, roles):
        if "scan" in roles:
            self.run += 1
            self.cells["run"] = 0
        for role in roles:
            if role != "scan":
                self.cells[f"{role}_ready"] = 0
            own = {"scan": (self.run,), "recorder": (self.run, self.file_bytes), "feeds": (self.kind, self.port)}[role]
            child = self.context.Process(target=begin, args=(role, str(self.folder), *own), daemon=True)
            child.start()
            self.children[role] = child

    def kill(self, roles):
        run = self.cells["run"]
        for role in roles:
            assert self.children[role].is_alive(), f"{role} ended by itself"
            self.children[role].kill()
            self.killed[role] += 1
        for role in roles:
            self.children.pop(role).join()
        if run:
            self.told[run] = max(self.told.get(run, 0), self.cells["durable_utc"])

    async def until(self, condition, what, within_s=BACK_S):
        begin_s = time.monotonic()
        while not condition():
            dead = [role for role, child in self.children.items() if not child.is_alive()]
            assert not dead, f"{dead} ended by itself"
            assert time.monotonic() - begin_s < within_s, f"{what}: {self.cells.told()}"
            await CLOCK.sleep(0.002)

    async def back(self, roles):
        """Until those that began anew work again; how long each took in seconds, by its own word."""
        took = {}
        for role in roles:
            if role != "scan":
                await self.until(lambda r=role: self.cells[f"{r}_ready"], f"{role} does not come back")
                took[role] = self.cells[f"{role}_ready"] / 1e9
                took[f"{role}_cpu"] = self.cells[f"{role}_cpu"] / 1e9
        return took


async def story(folder, deaths, seed, kind, file_bytes, pause_s):
    """So many moments of death; the figures. Raises AssertionError where a row is lost, wrong or out of order."""
    draw, taken, longest = Random(seed), Taken(), Counter()
    async with peer_of(kind, taken) as peer:
        plant = Plant(folder, kind, peer.port, file_bytes)
        plant.start(ROLES)
        await plant.back(ROLES)
        try:
            for _ in range(deaths):
                await CLOCK.sleep(draw.uniform(0.0, pause_s))
                roles = draw.choice(DEATHS)
                plant.kill(roles)
                plant.start(roles)
                while draw.random() < 0.2:  # once more while it starts
                    await CLOCK.sleep(draw.uniform(0.0, 0.1))
                    again = [role for role in roles if role != "scan"] if plant.cells["run"] else list(roles)
                    plant.kill(again)
                    plant.start(again)
                for role, took in (await plant.back(roles)).items():
                    longest[role] = max(longest[role], took)
            cells = plant.cells
            plant.told[plant.run] = cells["durable_utc"]
            plant.children.pop("scan").kill()
            cells["ending"] = 1
            before = cells["durable"]
            await CLOCK.sleep(0.3)
            await plant.until(
                lambda: not cells["missing"] and before <= cells["durable"] <= cells["through"], "no end", END_S
            )
            assert cells["kept_less"] == 0, "a start found less than was called durable"
        finally:
            for child in plant.children.values():
                child.kill()
                child.join()
    return {
        **looked(folder, taken, plant),
        "start_s_max": dict(longest),
        "killed": plant.killed.total(),
        "roles": dict(plant.killed),
    }


def looked(folder, taken, plant):
    """Compares the peer with log and history, and both with what the scans said."""
    assert taken.faults == [], taken.faults[:3]
    assert taken.disorder == 0, f"{taken.disorder} rows out of order"
    history = History(ReadOnlyFolder(folder / "log"), ReadOnlyFolder(folder / "history"))
    by_point = {}
    for (point, utc_ns), value in taken.rows.items():
        by_point.setdefault(point.decode(), []).append((utc_ns, value))
    wanted = wanted_by(plant.kind)[0]
    for label in (each for each in LABELS.values() if fnmatchcase(each.name, wanted)):
        series = history.raw(label.name, 0, 1 << 62)
        recorded = list(zip(series.utc_ns.tolist(), series.value.tolist(), strict=True))
        arrived = sorted(by_point.pop(label.name))
        changed = [row for before, row in zip([(0, None), *arrived], arrived, strict=False) if row[1] != before[1]]
        ours = [row for before, row in zip([(0, None), *recorded], recorded, strict=False) if row[1] != before[1]]
        assert changed == ours, f"{label.name}: the peer has other rows than the record"
    assert by_point == {}
    values = np.array([value for _, value in ours])
    times = np.array([utc_ns for utc_ns, _ in ours])
    for run, until_ns in plant.told.items():
        of_run = values // RUN == run
        counts = values[of_run] % RUN
        assert np.array_equal(counts, np.arange(len(counts))), f"run {run}: a scan is missing"
        assert len(counts) == 0 or times[of_run].max() >= until_ns or until_ns < times[of_run].min(), f"run {run}: cut"
    events = {utc_ns for utc_ns, frame in history.frames(0, 1 << 62) if frame[4:6] == Kind.EVENT.to_bytes(2, "little")}
    assert taken.events.keys() == events, "the peer has other transitions than the record"
    assert history.damaged == 0
    return {
        "rows": len(taken.rows),
        "events": len(events),
        "delivered_twice": taken.again["rows"],
        "runs": plant.run,
        "sealed_files": len(list((folder / "history").glob("*.seg"))),
    }


def kills(folder, deaths, seed, kind="influx", file_bytes=1 << 20, pause_s=1.2):
    """`deaths` moments, `pause_s` at most apart, at which processes of a plant in `folder` are killed; the figures."""
    return asyncio.run(story(Path(folder), deaths, seed, kind, file_bytes, pause_s))


if __name__ == "__main__":
    name, number, chance, peer_kind, size = sys.argv[1:]
    print(json.dumps(kills(name, int(number), int(chance), peer_kind, int(size))))
