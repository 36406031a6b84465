"""Eclipse Tahu reads what the node says over mosquitto, the strict checker judges it, and Tahu's requests are heard."""

import asyncio
import contextlib
import json
import subprocess
from pathlib import Path

import pytest

from plantctl.core.quality import Reason, bad_because
from tests.interop.mosquitto_rig import Listener, Mosquitto
from tests.interop.test_mosquitto import node, run
from tests.sparkplug_checker import Checker
from tests.wire.feed_rig import NAN, T0, alarm, batch

PEER = Path(__file__).parent / "sparkplug_peer.js"
TOPIC = "spBv1.0/works/{}/bench"
REBIRTH = {"name": "Node Control/Rebirth", "type": "Boolean", "value": True}


class Tahu:
    """The reference decoder in a process of its own."""

    def __enter__(self):
        self.child = subprocess.Popen(["node", str(PEER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        try:
            self.child.wait(20.0)
        finally:
            self.child.kill()
            self.child.stdout.close()

    def ask(self, **what):
        self.child.stdin.write(json.dumps(what) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        assert line, "the peer ended; is it installed? make interop"
        answer = json.loads(line)
        assert "error" not in answer, answer
        return answer

    def read(self, payload):
        return self.ask(decode=payload.hex())

    def said(self, *metrics, time_ms):
        return bytes.fromhex(self.ask(encode={"timestamp": time_ms, "seq": 0, "metrics": metrics})["hex"])


@pytest.fixture(scope="module")
def tahu():
    with Tahu() as tahu:
        yield tahu


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


@contextlib.asynccontextmanager
async def heard(broker):
    """A host that listens to the node."""
    async with Listener(broker, "spBv1.0/works/#", user="scada", host="scada").listening() as host:
        yield host


def of_kind(host, kind):
    return [payload for topic, payload, *_ in host.told if topic == TOPIC.format(kind)]


def lived(broker, story, **settings):
    """A node's life by `story(sink, host)`; every message that the host was told, judged."""

    async def life():
        async with heard(broker) as host:
            sink = node(broker, **settings)
            try:
                await sink.open()
                await story(sink, host)
            finally:
                await sink.close()
            await host.until(lambda: of_kind(host, "NDEATH"))
            return host.told

    told = run(life)
    checker = Checker("works", "bench", data_qos=settings.get("qos", 0))
    for message in told:
        if "/NCMD/" not in message[0]:
            checker.take(*message)
    assert checker.faults == []
    assert not checker.alive, [(t, p.hex()[:60], q) for t, p, q, _ in told]
    return told, checker


@pytest.mark.parametrize(("protocol", "qos"), [("3.1.1", 0), ("5", 1)])
def test_tahu_reads_births_data_and_deaths(broker, tahu, protocol, qos):
    async def story(sink, _):
        rows = [(0, 3, 80.5), (0, 4, 1.0), (1, 5, 3.0), (2, 3, NAN, bad_because(Reason.SENSOR)), (3, 6, 2.0**40)]
        await sink.write(batch(*rows, events=[alarm(0.5)]))
        await sink.write(batch((-9, 3, 7.25), historical=True))

    told, checker = lived(broker, story, protocol=protocol, qos=qos)
    read = {
        kind: [tahu.read(p) for topic, p, *_ in told if f"/{kind}/" in topic] for kind in ("NBIRTH", "NDATA", "NDEATH")
    }
    (birth,), (death,) = read["NBIRTH"], read["NDEATH"]
    born = {metric["name"]: metric for metric in birth["metrics"]}
    assert (born["40-TI-4216"]["type"], born["40-TI-4216"]["value"]) == ("Double", None)
    assert born["40-TI-4216"]["properties"]["engUnit"] == {"type": "String", "value": "degC"}
    assert born["40-TI-4216"]["properties"]["Quality"] == {"type": "Int32", "value": 500}
    assert (born["40-XI-4216"]["type"], born["TIC-4216.mode"]["type"]) == ("Boolean", "Int64")
    assert death["metrics"][0]["value"] == born["bdSeq"]["value"]
    assert [payload["seq"] for payload in read["NDATA"]] == ["1", "2"]
    live, old = (payload["metrics"] for payload in read["NDATA"])
    t0 = T0 // 1_000_000
    assert [(m["alias"], int(m["timestamp"]) - t0, m["value"]) for m in live if m["type"] != "String"] == [
        ("3", 0, 80.5),
        ("4", 0, True),
        ("5", 1000, "3"),
        ("3", 2000, None),
        ("6", 3000, str(2**40)),
    ]
    assert live[4]["properties"]["Quality"]["value"] == 0
    assert [(m["value"], m["isHistorical"]) for m in old] == [(7.25, True)]
    assert len(checker.rows) == 7


def test_a_birth_that_tahu_asks_for_comes(broker, tahu):
    async def story(sink, host):
        await sink.write(batch((0, 3, 80.5)))
        attending = asyncio.create_task(sink.attend())
        while len(of_kind(host, "NBIRTH")) < 2:  # it gives none within a second of the last
            asked = tahu.said(REBIRTH, time_ms=sink._place.clock.utc_ns() // 1_000_000)
            await host.say(TOPIC.format("NCMD"), asked, 0)
            await host.turn()
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)
        await sink.write(batch((1, 3, 81.0)))

    told, checker = lived(broker, story)
    last = [tahu.read(p) for topic, p, *_ in told if "/NBIRTH/" in topic][-1]
    assert {m["name"]: m["value"] for m in last["metrics"]}["40-TI-4216"] == 80.5
    assert checker.births == 2


def test_a_command_of_tahu_reaches_the_gate_alone(broker, tahu):
    asked = []

    async def gate(*wish):
        asked.append(wish)
        return "accepted"

    async def story(sink, host):
        object.__setattr__(sink._place, "command", gate)
        attending = asyncio.create_task(sink.attend())
        wish = {"name": "", "alias": 5, "type": "Int64", "value": 2}
        while not asked:
            now_ms = sink._place.clock.utc_ns() // 1_000_000
            await host.say(TOPIC.format("NCMD"), tahu.said(wish, time_ms=now_ms), 0)
            await host.turn()
        attending.cancel()
        await asyncio.gather(attending, return_exceptions=True)

    lived(broker, story, commands=True)
    assert asked[0] == ("TIC-4216.mode", 2.0, "sparkplug cloud")


def test_a_node_that_is_cut_off_dies_by_its_will(broker):
    async def story(sink, host):
        await sink.write(batch((0, 3, 80.5)))
        sink._link.check().drop()
        await host.until(lambda: of_kind(host, "NDEATH"))

    _, checker = lived(broker, story)
    assert checker.deaths == 1


def test_a_primary_host_that_goes_ends_the_node(broker):
    async def life():
        sink = node(broker, primary_host="scada")
        async with Listener(broker, "spBv1.0/works/#").listening() as witness:
            async with heard(broker):
                await sink.open()
                await sink.write(batch((0, 3, 80.5)))
                attending = asyncio.create_task(sink.attend())
            (ended,) = await asyncio.gather(attending, return_exceptions=True)
            await sink.close()
            await witness.until(lambda: of_kind(witness, "NDEATH"))
            return str(ended)

    assert "offline" in run(life)
