"""The MQTT sinks against Debian's mosquitto as deploy/mosquitto sets it up: who is let in, and what arrives."""

import asyncio
import json

import pytest

from plantctl.core.clock import RealClock
from plantctl.sinks import mqtt, sparkplug
from plantctl.sinks._position import Position
from plantctl.sinks._runner import SinkRunner
from plantctl.sinks._sink import SinkNotAdmitted, SinkUnreachable
from tests.interop.mosquitto_rig import Authority, Listener, Mosquitto, secret
from tests.sparkplug_checker import Checker
from tests.wire.feed_rig import T0, batch, place

KILLS = 5
QUICK = {"timeout": 3.0, "backoff_first": 0.05}


def run(story):
    async def bounded():
        async with asyncio.timeout(40):
            return await story()

    return asyncio.run(bounded())


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Mosquitto(tmp_path_factory.mktemp("mosquitto")) as broker:
        yield broker


def plain(broker, secrets=None, **settings):
    """The JSON sink of the plant `bench`."""
    account = {
        "user": "bench",
        "password_file": "bench.password",
        "ca": "authority.pem",
        "timeout": 3.0,
        "backoff_first": 0.05,
    }
    config = mqtt.Config(**{"url": broker.url, **account, **settings})
    return mqtt.Sink(place(secrets=secrets or broker.folder), config)


def node(broker, **settings):
    """The Sparkplug node of the plant `bench`."""
    account = {
        "user": "bench",
        "password_file": "bench.password",
        "ca": "authority.pem",
        "timeout": 3.0,
        "backoff_first": 0.05,
    }
    config = sparkplug.Config(**{"url": broker.url, "group": "works", **account, **settings})
    return sparkplug.Sink(place(secrets=broker.folder, folder=broker.folder), config)


async def opened(sink, *batches):
    await sink.open()
    for some in batches:
        await sink.write(some)


def refused(sink, *batches):
    """Why the sink is not let in, or not let write."""

    async def story():
        try:
            with pytest.raises(SinkNotAdmitted) as told:
                await opened(sink, *batches)
            return told.value.what
        finally:
            await sink.close()

    return run(story)


def live(told, topic="plant/bench/40-TI-4216"):
    """The values of a point that were not kept from before, in order."""
    return [json.loads(m[1])["v"] for m in told if m[0] == topic and not m[3]]


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_rows_arrive_over_tls_and_the_last_is_retained(broker, protocol):
    async def story():
        sink = plain(broker, protocol=protocol, client_id=f"rows-{protocol}")
        async with Listener(broker, "plant/#").listening() as listener:
            before = len(listener.told)
            await sink.open()
            try:
                await sink.write(batch(*((i, 3, float(i)) for i in range(300))))
                await sink.write(batch((-1, 3, -1.0), historical=True))
            finally:
                await sink.close()
            return await listener.until(lambda: live(listener.told[before:])[300:] and live(listener.told[before:]))

    async def kept():
        async with Listener(broker).client(f"late-{protocol}") as client:
            await client.subscribe("plant/bench/#", 1)
            found = {}
            async for message in client.messages:
                found[message.topic.value.removeprefix("plant/bench/")] = (json.loads(message.payload), message.retain)
                if len(found) == 2:
                    break
            return found

    assert run(story) == [*(float(i) for i in range(300)), -1.0]
    found = run(kept)
    assert found["40-TI-4216"][0]["v"] == 299.0
    assert found["status"][0] == {"online": False}
    assert all(retained for _, retained in found.values())


def test_who_is_not_let_in(broker, tmp_path):
    Authority(tmp_path, "stranger")
    secret(tmp_path / "wrong.password", b"open")
    wrong = plain(broker, ca=str(tmp_path / "stranger.pem"))
    assert "certificate" in refused(wrong)
    assert "not let us in" in refused(plain(broker, password_file=str(tmp_path / "wrong.password")))
    assert "not let us in" in refused(plain(broker, user="nobody"))
    assert "not let us in" in refused(plain(broker, user="nobody", protocol="3.1.1"))
    assert "certificate" in refused(plain(broker, url=broker.url.replace("127.0.0.1", "localhost")))


def test_the_access_list_keeps_plants_apart(broker):
    assert "not let us" in refused(plain(broker, prefix="plant/other"))

    # Of a message at QoS 0 nobody can be told that it was refused; this broker ends the connection.
    async def of_another():
        for settings in ({"node": "other"}, {"group": "elsewhere"}, {"node": "other", "protocol": "5", "qos": 1}):
            sink = node(broker, **settings)
            with pytest.raises(SinkUnreachable):
                await opened(sink, batch((0, 3, 1.0)))
            await sink.close()

    run(of_another)


def test_an_open_connection_to_a_port_with_tls_is_unreachable(broker):
    async def story():
        sink = mqtt.Sink(place(), mqtt.Config(url=broker.url.replace("mqtts", "mqtt"), timeout=3.0))
        with pytest.raises(SinkUnreachable):
            await sink.open()
        await sink.close()

    run(story)


def test_certificates_in_place_of_passwords(tmp_path):
    with Mosquitto(tmp_path, "client-certificates.conf") as broker:
        broker.authority.issue("bench")
        Authority(tmp_path, "stranger").issue("imposter")
        settings = {"user": None, "password_file": None}

        async def story():
            sink = plain(broker, certificate="bench.pem", key="bench.key", **settings)
            await sink.open()
            await sink.write(batch((0, 3, 1.0)))
            await sink.close()

        async def unknown():
            sink = plain(broker, certificate="imposter.pem", key="imposter.key", **settings)
            with pytest.raises((SinkNotAdmitted, SinkUnreachable)):
                await sink.open()
            await sink.close()

        run(story)
        run(unknown)


class Rows:
    """A log in memory that a runner follows: frame n is one row of the value n; grows by the word of the test."""

    def __init__(self, last=0, after=0, before=None):
        self.last, self.last_sequence, self.before, self.lost_frames = last, after, before, 0
        self.log = self

    def newest(self):
        return self.last, T0 + self.last * 1_000_000

    def cursor(self, after, before=None):
        cursor = Rows(0, after, before)
        cursor.log = self
        return cursor

    def next(self, rows_max):
        first = self.last_sequence + 1
        last = min(self.log.last, first + rows_max - 1, self.before or first + rows_max)
        if last < first:
            return None
        self.last_sequence = last
        return batch(*((n / 1_000, 3, float(n)) for n in range(first, last + 1)), first=first)

    def keep(self, position):
        """The position is for this run alone."""

    def set_aside(self, batch, why):
        raise AssertionError(why)


def killed_again_and_again(broker, sink, listener, seen, name):
    """Feed while the broker is killed again and again, once it has saved what `name` is for; until all was seen."""

    async def story():
        log, position = Rows(), Position()
        runner = SinkRunner("cloud", sink, log, log, position, RealClock())
        async with listener.listening():
            while not broker.knows(name):
                await listener.turn()
            running = asyncio.create_task(runner.run())
            for _ in range(KILLS):
                goal = runner.statistics.rows + 300
                while runner.statistics.rows < goal:
                    log.last += 20 * (log.last < position.through + 100)
                    await listener.turn()
                broker.end()
                broker.start()
            wanted = set(map(float, range(1, log.last + 1)))
            while wanted - seen():
                log.last += position.through == log.last and not position.holes
                await listener.turn()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await sink.close()
            return runner.statistics

    return run(story)


def test_nothing_acknowledged_is_lost_where_the_broker_is_killed(tmp_path):
    values = set()

    def hear(topic, payload, *_):
        if topic == "plant/bench/40-TI-4216":
            values.add(json.loads(payload)["v"])

    with Mosquitto(tmp_path) as broker:
        listener = Listener(broker, "plant/bench/#", hear=hear)
        statistics = killed_again_and_again(broker, plain(broker), listener, lambda: values, "historian")
    assert statistics.connects > KILLS


@pytest.mark.parametrize("qos", [0, 1])
def test_nothing_acknowledged_is_lost_of_a_node_with_a_host(tmp_path, qos):
    checker, values = Checker("works", "bench", data_qos=qos), set()

    def hear(*message):
        checker.take(*message)
        values.update(row.value for row in checker.rows)
        checker.rows.clear()

    with Mosquitto(tmp_path) as broker:
        listener = Listener(broker, "spBv1.0/works/#", hear=hear, user="scada", host="scada")
        sink = node(broker, qos=qos, message=10, primary_host="scada")
        statistics = killed_again_and_again(broker, sink, listener, lambda: values, "STATE/scada")
    assert statistics.connects > KILLS
