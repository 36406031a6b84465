"""An InfluxDB sink opened on a peer, and a batch for it; for the tests of the sink on the wire."""

import asyncio
from contextlib import asynccontextmanager

import numpy as np
import pytest

from plantctl.core.batch import Batch, PointLabel
from plantctl.core.clock import RealClock
from plantctl.core.event import Event, EventKind
from plantctl.sinks._sink import SinkPlace
from plantctl.sinks.influx import Config, Sink
from tests.wire.influx_peer import InfluxPeer

UTC = 1_763_880_000_000_000_000
TOKEN = "canary-token"
LABELS = {1: PointLabel("40-AIC-4212", "pH"), 2: PointLabel("40-AIC-4212.mode", words=("man", "auto"))}
V2 = {"org": "works", "bucket": "line a&b", "token_file": "influx.token"}
V1 = {"api": "v1", "database": "plant", "user": "feed", "password_file": "influx.token"}
PATIENT, HURRIED = 20.0, 0.2


def batch(first=0, rows=3, events=1):
    tags = np.arange(rows, dtype=np.uint32) % 2 + 1
    told = [Event(EventKind.TRIP, 1, 0, UTC, f"T{at}", 0.0, 1.0, ("off", "on")) for at in range(events)]
    times = UTC + (first + np.arange(rows, dtype=np.int64)) * 10**9
    value = np.where(tags == 2, 1.0, 7.0)
    zero = np.zeros(rows, np.int64)
    return Batch(1, 1, times, tags, value, zero.astype(np.uint16), zero, tuple(told), (1,) * events)


def token_folder(folder):
    """A secrets folder with the peer's token."""
    path = folder / "influx.token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return folder


def sink_at(peer, secrets, **config):
    given = {"insecure": True, "patience": PATIENT, **(V2 if peer.api == "v2" else V1), **config}
    url = given.pop("url", f"http://127.0.0.1:{peer.port}/")
    return Sink(SinkPlace("archive", "demo", LABELS, RealClock(), secrets), Config(url=url, **given))


@asynccontextmanager
async def open_sink(peer, secrets, **config):
    sink = sink_at(peer, secrets, **config)
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


def told(story, peer=None, tls=None):
    """`story(peer)` with the peer serving."""

    async def main():
        async with (peer or InfluxPeer()).serving(tls) as serving:
            return await story(serving)

    return asyncio.run(main())


async def refused(sink, kind, what=batch):
    with pytest.raises(kind) as fault:
        await sink.write(what())
    assert type(fault.value) is kind
    assert TOKEN not in str(fault.value)
    return fault.value
