"""A Sparkplug node with its broker, and the checker's judgement of the whole transcript."""

import asyncio
import contextlib
import json

from plantctl.sinks._sparkplug_payload import Payload, decode, encode
from plantctl.sinks.sparkplug import Config, Sink
from tests.sparkplug_checker import Checker
from tests.wire.feed_rig import LABELS, T0, place
from tests.wire.mqtt_broker import Broker

T0_MS = T0 // 1_000_000
NCMD, STATE = "spBv1.0/works/NCMD/bench", "spBv1.0/STATE/scada"


class SteppedClock:
    """The clock of a place whose time the test moves on."""

    def __init__(self):
        self.now_ns = T0

    def utc_ns(self):
        return self.now_ns

    def monotonic_ns(self):
        return self.now_ns


class Rig:
    """A node, its broker and who listens."""

    def __init__(self, broker, labels, settings, more):
        self.broker, self.clock = broker, SteppedClock()
        self.labels = dict(LABELS) if labels is None else labels
        self.config = Config(url=f"mqtt://127.0.0.1:{broker.port}", **{"group": "works", "timeout": 5.0, **settings})
        self.place = place(self.labels, **more)
        object.__setattr__(self.place, "clock", self.clock)
        self.sink = Sink(self.place, self.config)
        self.ends = []

    @contextlib.asynccontextmanager
    async def attended(self):
        """With the node listening."""
        task = asyncio.create_task(self.sink.attend())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def born(self):
        """Open, and wait for the broker to have the birth."""
        await self.sink.close()
        before = self.kinds().count("NBIRTH")
        await self.sink.open()
        await self.broker.until(lambda: self.kinds().count("NBIRTH") > before)

    def kinds(self):
        return [m.topic.split("/")[2] for m in self.broker.told if m.client != "test"]

    async def until(self, *kinds):
        await self.broker.until(lambda: self.kinds()[-len(kinds) :] == list(kinds))

    def ask(self, *metrics, time_ms=None, retain=False):
        payload = Payload(self.clock.now_ns // 1_000_000 if time_ms is None else time_ms, 0, metrics)
        self.broker.publish(NCMD, encode(payload, names=False), 1, retain)

    def host(self, online, time_ms):
        self.broker.publish(STATE, json.dumps({"online": online, "timestamp": time_ms}).encode(), 1, True)


def run(story, labels=None, *, more=None, **settings):
    """Run the story; what the checker and the broker found of the whole transcript must be nothing."""

    async def bounded():
        async with asyncio.timeout(30), Broker() as broker:
            rig = Rig(broker, labels, settings, more or {})
            try:
                answer = await story(rig)
            finally:
                await rig.sink.close()
        return answer, rig

    answer, rig = asyncio.run(bounded())
    checker = judged(rig.broker, settings.get("qos", 0))
    assert (checker.faults, rig.broker.violations) == ([], [])
    return answer, checker


def judged(broker, qos=0):
    """The whole transcript, connections among the messages where they were made."""
    checker = Checker("works", "bench", data_qos=qos)
    connects = iter(broker.connects)
    for message in broker.told:
        if message.client == "test":
            continue
        if message.topic.split("/")[2] == "NBIRTH" and not checker.alive:
            will = next(connects).will_told
            checker.connected(will.topic, will.payload, will.qos, will.retain, clean=True)
        checker.take(message.topic, message.payload, message.qos, message.retain)
    return checker


def metrics(broker, kind):
    """The metrics of every message of a kind."""
    return [decode(m.payload).metrics for m in broker.told if f"/{kind}/" in m.topic and m.client != "test"]
