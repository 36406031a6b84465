"""Plain JSON topics, against a broker that answers, refuses, falls silent and goes away."""

import asyncio
import contextlib
import json
import socket
from dataclasses import replace

import pytest
from pydantic import ValidationError

from plantctl.core.batch import PointLabel, SampleLabel
from plantctl.core.quality import Reason, bad_because
from plantctl.sinks._mqtt_client import Client
from plantctl.sinks._mqtt_settings import MqttSettings
from plantctl.sinks._sink import SinkNotAdmitted, SinkRejected, SinkUnreachable
from plantctl.sinks.mqtt import Config, Sink, level
from tests.wire.feed_rig import LABELS, NAN, T0, alarm, batch, place
from tests.wire.mqtt_broker import Broker

ROOT = "works/bench"


def run(story):
    async def bounded():
        async with asyncio.timeout(30):
            return await story()

    return asyncio.run(bounded())


@contextlib.asynccontextmanager
async def feeding(broker, labels=None, **settings):
    """A sink that is connected to the broker."""
    settings = {"prefix": "works", "timeout": 5.0, **settings}
    sink = Sink(place(labels), Config(url=f"mqtt://127.0.0.1:{broker.port}", **settings))
    try:
        await sink.open()
        yield sink
    finally:
        await sink.close()


def values(broker, topic=f"{ROOT}/40-TI-4216"):
    return [json.loads(m.payload)["v"] for m in broker.told if m.topic == topic]


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_rows_and_transitions_are_messages_in_the_order_of_the_log(protocol):
    async def story():
        async with Broker() as broker, feeding(broker, protocol=protocol) as sink:
            rows = [(0, 3, 80.5), (0, 4, 1.0), (1, 3, NAN, bad_because(Reason.COMM), T0 - 1)]
            await sink.write(batch(*rows, events=[alarm(1, actor="anna", reason='why: "because"')]))
            return broker.told, broker.violations

    told, violations = run(story)
    assert violations == []
    assert [(m.topic, m.qos, m.retain) for m in told[1:-1]] == [
        (f"{ROOT}/40-TI-4216", 1, False),
        (f"{ROOT}/40-XI-4216", 1, True),
        (f"{ROOT}/events", 1, False),
        (f"{ROOT}/40-TI-4216", 1, True),
    ]
    assert [json.loads(m.payload) for m in told[1:-1]] == [
        {"t": "2025-11-23T06:00:00.000000000Z", "v": 80.5, "q": "good", "unit": "degC"},
        {"t": "2025-11-23T06:00:00.000000000Z", "v": 1, "word": "running", "q": "good"},
        {
            "t": "2025-11-23T06:00:01.000000000Z",
            "kind": "alarm",
            "target": "40-TI-4216.high",
            "old": "normal",
            "new": "active",
            "actor": "anna",
            "reason": 'why: "because"',
            "scan": 7,
            "frame": 1,
            "place": 0,
        },
        {
            "t": "2025-11-23T06:00:01.000000000Z",
            "v": None,
            "q": "bad, comm",
            "unit": "degC",
            "src": "2025-11-23T05:59:59.999999999Z",
        },
    ]


def test_what_is_historical_says_so_and_is_never_retained():
    async def story():
        async with Broker() as broker, feeding(broker) as sink:
            await sink.write(batch((5, 3, 5.0)))
            await sink.write(batch((1, 3, 1.0), (2, 3, 2.0), events=[alarm(1)], historical=True))
            return broker

    broker = run(story)
    old = [m for m in broker.told if b'"historical":true' in m.payload]
    assert len(old) == 3
    assert not any(m.retain for m in old)
    assert json.loads(broker.retained[f"{ROOT}/40-TI-4216"].payload)["v"] == 5.0


def test_a_laboratory_value_says_which_sample_it_is_of():
    async def story():
        async with Broker() as broker, feeding(broker) as sink:
            rows = batch((1, 3, 1.0), (2, 3, 2.0), historical=True)
            await sink.write(replace(rows, samples=(SampleLabel('S "1"', "L"), SampleLabel())))
            return [json.loads(m.payload) for m in broker.told if m.topic == f"{ROOT}/40-TI-4216"]

    first, second = run(story)
    assert (first["sample"], first["lot"], first["historical"]) == ('S "1"', "L", True)
    assert {"sample", "lot"}.isdisjoint(second)


def test_more_messages_than_may_be_under_way_arrive_in_order():
    async def story():
        async with Broker() as broker:
            broker.in_flight_max, broker.late = 7, True
            async with feeding(broker, in_flight=1_000) as sink:
                await sink.write(batch(*((i, 3, float(i)) for i in range(30))))
            return values(broker), broker.violations

    assert run(story) == ([float(i) for i in range(30)], [])


def test_a_broker_that_hangs_up_instead_of_answering_is_not_waited_for():
    async def story():
        async with Broker() as broker:
            broker.hangs_up = True
            with pytest.raises(SinkUnreachable, match="instead of answering"):
                async with feeding(broker):
                    pass

    run(story)


def test_a_socket_that_was_closed_meanwhile_is_not_waited_for():
    """Its number may be another's by then."""

    async def story():
        faults = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        with socket.socket() as closed:
            pass
        Client("127.0.0.1")._on_socket_register_write(None, None, closed)
        await asyncio.to_thread(lambda: None)
        return faults

    assert run(story) == []


def test_the_status_is_retained_and_becomes_offline_however_it_ends():
    async def story():
        async with Broker() as broker:
            async with feeding(broker):
                broker.drop_all()
                await broker.until(lambda: broker.told[-1].will)
            async with feeding(broker):
                assert json.loads(broker.retained[f"{ROOT}/status"].payload) == {"online": True}
            return [(m.payload, m.will, m.retain) for m in broker.told if m.topic == f"{ROOT}/status"]

    online, offline = b'{"online":true}', b'{"online":false}'
    assert run(story) == [(online, False, True), (offline, True, True), (online, False, True), (offline, False, True)]


def test_a_batch_whose_answers_were_lost_is_unreachable_and_goes_again():
    async def story():
        async with Broker() as broker, feeding(broker) as sink:
            broker.deaf_after = 3
            with pytest.raises(SinkUnreachable):
                await sink.write(batch(*((i, 3, float(i)) for i in range(10))))
            broker.deaf_after = -1
            await sink.close()
            await sink.open()
            await sink.write(batch(*((i, 3, float(i)) for i in range(10))))
            return values(broker)

    assert run(story) == [0.0, 1.0, 2.0, *(float(i) for i in range(10))]


def test_a_connection_that_was_lost_meanwhile_is_known_before_anything_is_sent():
    async def story():
        async with Broker() as broker, feeding(broker) as sink:
            broker.drop_all()
            await broker.until(lambda: not broker.sessions)
            with pytest.raises(SinkUnreachable):
                await sink._link.hear()  # until the loop has seen the end of the connection
            with pytest.raises(SinkUnreachable, match="lost"):
                await sink.write(batch((0, 3, 1.0)))

    run(story)


def test_a_broker_that_answers_nothing_any_more_is_unreachable():
    async def story():
        async with Broker() as broker, feeding(broker, timeout=0.3) as sink:
            broker.silent = True
            with pytest.raises(SinkUnreachable, match="not answered"):
                await sink.write(batch((0, 3, 1.0)))

    run(story)


def test_a_dead_link_is_known_by_its_silence_where_nothing_is_sent():
    """The shortest keep-alive is a second, and it must pass twice."""

    async def story():
        async with Broker() as broker, feeding(broker, keepalive=1) as sink:
            broker.silent = True
            with pytest.raises(SinkUnreachable):
                await sink._link.hear()

    run(story)


def test_a_broker_that_takes_the_connection_and_says_nothing_is_unreachable():
    async def story():
        async with Broker() as broker:
            broker.silent = True
            with pytest.raises(SinkUnreachable):
                async with feeding(broker, timeout=0.3):
                    pass

    run(story)


def test_nobody_at_the_address_is_unreachable():
    async def story():
        async with Broker() as broker:
            pass
        with pytest.raises(SinkUnreachable):
            async with feeding(broker):
                pass

    run(story)


def test_giving_up_to_connect_leaves_nothing_behind():
    async def story():
        async with Broker() as broker:
            broker.silent = True
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2), feeding(broker, timeout=20.0):
                    pass
            await broker.until(lambda: not broker.sessions)

    run(story)


@pytest.mark.parametrize(
    ("protocol", "code", "kind"),
    [
        ("3.1.1", 4, SinkNotAdmitted),
        ("3.1.1", 5, SinkNotAdmitted),
        ("3.1.1", 3, SinkUnreachable),
        ("5", 0x86, SinkNotAdmitted),
        ("5", 0x87, SinkNotAdmitted),
        ("5", 0x88, SinkUnreachable),
        ("5", 0x97, SinkUnreachable),
    ],
)
def test_refused_connections(protocol, code, kind):
    async def story():
        async with Broker() as broker:
            broker.refuse = code
            with pytest.raises(kind):
                async with feeding(broker, protocol=protocol):
                    pass

    run(story)


@pytest.mark.parametrize(
    ("code", "kind"), [(0x87, SinkNotAdmitted), (0x99, SinkRejected), (0x97, SinkUnreachable), (0x10, None)]
)
def test_refused_messages_are_understood_in_version_5(code, kind):
    async def story():
        async with Broker() as broker, feeding(broker) as sink:
            broker.publish_codes[f"{ROOT}/40-TI-4216"] = code
            with pytest.raises(kind) if kind else contextlib.nullcontext():
                await sink.write(batch((0, 4, 1.0), (0, 3, 1.0), (1, 4, 1.0)))
            broker.publish_codes.clear()
            await sink.write(batch((0, 4, 1.0)))

    run(story)


def test_rows_without_a_name_are_told_when_the_rest_has_arrived():
    async def story():
        async with Broker() as broker, feeding(broker) as sink:
            with pytest.raises(SinkRejected) as refused:
                await sink.write(batch((0, 3, 1.0), (0, 99, 1.0), (1, 3, 2.0), events=[alarm(0)]))
            return refused.value.records, values(broker)

    assert run(story) == ((2,), [1.0, 2.0])


def test_a_point_that_is_called_otherwise_now_has_another_topic():
    async def story():
        labels = dict(LABELS)
        async with Broker() as broker, feeding(broker, labels) as sink:
            await sink.write(batch((0, 3, 1.0)))
            labels[3] = PointLabel("40-TI-4217", "K")
            await sink.write(batch((1, 3, 2.0)))
            return [m.topic for m in broker.told[1:]], json.loads(broker.told[-1].payload)["unit"]

    topics, unit = run(story)
    assert (topics[:2], unit) == ([f"{ROOT}/40-TI-4216", f"{ROOT}/40-TI-4217"], "K")


def test_a_password_that_others_can_read_is_not_used(tmp_path):
    secret = tmp_path / "broker.password"
    secret.write_text("sesame-canary-90")

    async def story():
        async with Broker() as broker:
            account = {"user": "bench", "password_file": "broker.password"}
            config = Config(url=f"mqtt://127.0.0.1:{broker.port}", **account)
            sink = Sink(place(secrets=tmp_path), config)
            secret.chmod(0o644)
            with pytest.raises(SinkNotAdmitted, match="chmod 600") as refused:
                await sink.open()
            secret.chmod(0o600)
            await sink.open()
            await sink.close()
            (session,) = broker.connects
            return str(refused.value), session.user, session.password

    text, user, password = run(story)
    assert (user, password) == ("bench", b"sesame-canary-90")
    assert "canary" not in text


def test_names_are_one_level_of_a_topic():
    assert level("a/b+c#d%e\n") == "a%2Fb%2Bc%23d%25e%0A"
    assert (level("events"), level("status"), level("$x")) == ("%65vents", "%73tatus", "%24x")


URL = "mqtt://127.0.0.1:1883"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"url": "mqtt://broker.plant:1883"}, "insecure: true"),
        ({"url": "http://broker.plant"}, "not the address of a broker"),
        ({"url": "mqtts://user:secret@broker.plant"}, "not the address of a broker"),
        ({"url": "mqtts://broker.plant/path"}, "not the address of a broker"),
        ({"url": "mqtts://broker.plant:70000"}, "[Pp]ort"),
        ({"url": "mqtts://broker.plant", "insecure": True}, "no meaning"),
        ({"url": URL, "ca": "ca.pem"}, "need `mqtts`"),
        ({"url": "mqtts://broker.plant", "key": "a.key"}, "belong together"),
        ({"url": URL, "user": "plant"}, "belong together"),
        ({"url": URL, "user": "plant", "password_file": "../x"}, "secrets folder"),
        ({"url": URL, "prefix": "a/#"}, "before a topic"),
        ({"url": URL, "prefix": "/a"}, "before a topic"),
        ({"url": URL, "unknown": 1}, "Extra"),
    ],
)
def test_settings_that_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        Config(**settings)


def test_settings_that_hold():
    assert MqttSettings(url="mqtts://[fd00::7]", protocol=5).host == "fd00::7"
    assert MqttSettings(url="mqtts://broker.plant").port == 8883
    assert MqttSettings(url="mqtt://broker.plant", insecure=True).port == 1883
    assert not MqttSettings(url="mqtt://[::1]:1").tls


def test_rows_of_an_older_plan_have_the_unit_that_it_had():
    async def story():
        async with Broker() as broker, feeding(broker) as sink:
            rows = batch((0, 3, 80.0), (1, 3, 81.0))
            await sink.write(replace(rows, plan_hash=5, otherwise={3: PointLabel("40-TI-4216", "degF")}))
            await sink.write(rows)
            return [json.loads(m.payload)["unit"] for m in broker.told if m.topic == f"{ROOT}/40-TI-4216"]

    assert run(story) == ["degF", "degF", "degC", "degC"]


def test_a_transition_names_the_recording_whose_frames_it_counts():
    async def story():
        async with Broker() as broker:
            sink = Sink(place(recording="5f0c"), Config(url=f"mqtt://127.0.0.1:{broker.port}", prefix="works"))
            await sink.open()
            await sink.write(batch(events=[alarm(1)], first=812))
            await sink.close()
            return [json.loads(m.payload) for m in broker.told if m.topic == f"{ROOT}/events"]

    (told,) = run(story)
    assert (told["recording"], told["frame"], told["place"]) == ("5f0c", 812, 0)
