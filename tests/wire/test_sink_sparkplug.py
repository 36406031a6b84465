"""The Sparkplug edge node on the wire: every message judged by a checker that shares no line with it."""

import asyncio
import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from plantctl.core.batch import PointLabel, SampleLabel
from plantctl.core.quality import Reason, bad_because, uncertain_because
from plantctl.sinks._sink import SinkNotAdmitted, SinkRejected, SinkUnreachable
from plantctl.sinks._sparkplug_payload import DataType
from plantctl.sinks.sparkplug import Config, Sink
from tests.wire.feed_rig import LABELS, NAN, alarm, batch
from tests.wire.mqtt_broker import Broker
from tests.wire.sparkplug_rig import NCMD, STATE, T0_MS, Rig, metrics, run


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_life_from_birth_to_death(protocol, qos):
    async def story(rig):
        await rig.born()
        await rig.sink.write(batch((0, 3, 80.5), (0, 4, 1.0), (1, 3, 81.0), (1, 5, 3.0), events=[alarm(0.5)]))
        await rig.sink.close()
        await rig.until("NBIRTH", "NDATA", "NDEATH")

    _, checker = run(story, protocol=protocol, qos=qos)
    assert [(r.name, r.time_ms - T0_MS, r.value) for r in checker.rows if r.name != "Journal"] == [
        ("40-TI-4216", 0, 80.5),
        ("40-XI-4216", 0, True),
        ("40-TI-4216", 1000, 81.0),
        ("TIC-4216.mode", 1000, 3),
    ]
    (told,) = [r for r in checker.rows if r.name == "Journal"]
    assert (told.time_ms - T0_MS, json.loads(told.value)["target"]) == (500, "40-TI-4216.high")
    assert (checker.births, checker.deaths, checker.alive) == (1, 1, False)


def test_a_birth_says_what_each_point_is_and_that_nothing_is_known_yet():
    async def story(rig):
        await rig.born()
        return metrics(rig.broker, "NBIRTH")[0]

    born, _ = run(story)
    told = {m.name: m for m in born}
    assert set(told) == {
        *(label.name for label in LABELS.values()),
        *("Journal", "Properties/plant", "Properties/configuration", "bdSeq", "Node Control/Rebirth"),
    }
    temperature = told["40-TI-4216"]
    assert (temperature.alias, temperature.datatype, temperature.value) == (3, DataType.DOUBLE, None)
    assert temperature.properties == {
        "Quality": 500,
        "qualityText": "bad, not-yet",
        "engUnit": "degC",
        "engLow": 0.0,
        "engHigh": 150.0,
        "documentation": "catholyte",
    }
    assert told["40-XI-4216"].datatype is DataType.BOOLEAN
    assert json.loads(told["TIC-4216.mode"].properties["words"]) == ["oos", "iman", "man", "auto"]
    assert told["TIC-4216.mode"].datatype is told["scan.count"].datatype is DataType.INT64


def test_only_points_that_are_wanted_are_born():
    async def story(rig):
        await rig.born()
        return {m.name for m in metrics(rig.broker, "NBIRTH")[0]}

    names, _ = run(story, tags=("40-*",), events=False)
    assert {"40-TI-4216", "40-XI-4216"} < names
    assert not names & {"scan.count", "Journal"}


def test_qualities_are_those_of_the_specification_and_say_why():
    async def story(rig):
        await rig.born()
        await rig.sink.write(
            batch(
                (0, 3, 1.0),
                (1, 3, NAN, bad_because(Reason.SENSOR)),
                (2, 3, 2.0, bad_because(Reason.STALE)),
                (3, 3, 2.0, uncertain_because(Reason.RANGE)),
            )
        )
        return [m.properties.get("qualityText") for m in metrics(rig.broker, "NDATA")[0]]

    words, checker = run(story)
    assert [r.quality for r in checker.rows] == [192, 0, 500, 500]
    assert checker.rows[1].value is None
    assert words == [None, "bad, sensor", "bad, stale", "uncertain, range"]


def test_a_laboratory_value_has_its_sample_among_the_properties():
    async def story(rig):
        await rig.born()
        rows = batch((1, 3, 1.0), (2, 3, 2.0), historical=True)
        await rig.sink.write(replace(rows, samples=(SampleLabel("S-1", "L-7"), SampleLabel(lot="L-8"))))
        return [(m.properties.get("sample"), m.properties.get("lot")) for m in metrics(rig.broker, "NDATA")[0]]

    of, checker = run(story)
    assert of == [("S-1", "L-7"), (None, "L-8")]
    assert [r.quality for r in checker.rows] == [192, 192]


def test_the_numbers_of_messages_go_round():
    async def story(rig):
        await rig.born()
        await rig.sink.write(batch(*((i, 3, float(i)) for i in range(600))))
        return rig.kinds().count("NDATA")

    sent, checker = run(story, message=1)
    assert sent == len(checker.rows) == 600
    assert [r.value for r in checker.rows] == [float(i) for i in range(600)]


def test_what_is_historical_says_so_and_does_not_become_the_last_value():
    async def story(rig):
        await rig.born()
        await rig.sink.write(batch((10, 3, 10.0)))
        await rig.sink.write(batch((1, 3, 1.0), (2, 3, 2.0), events=[alarm(1)], historical=True))
        await rig.born()
        await rig.sink.write(batch((11, 3, 11.0)))
        await rig.born()
        return [m for born in metrics(rig.broker, "NBIRTH") for m in born if m.name == "40-TI-4216"]

    last, checker = run(story)
    assert [r.historical for r in checker.rows] == [False, True, True, True, False]
    assert [(m.value, m.time_ms - T0_MS) for m in last[1:]] == [(10.0, 10_000), (11.0, 11_000)]


def test_a_batch_is_not_arrived_before_the_broker_has_read_it():
    async def story(rig):
        await rig.born()
        rig.broker.deaf_after = 1
        with pytest.raises(SinkUnreachable):
            await rig.sink.write(batch((0, 3, 0.0), (1, 3, 1.0)))
        rig.broker.deaf_after = -1
        await rig.born()
        return {m.name: m.value for m in metrics(rig.broker, "NBIRTH")[1]}["40-TI-4216"]

    last, checker = run(story, message=1)
    assert last is None
    assert [r.value for r in checker.rows] == [0.0]
    assert checker.births == 2


def test_a_lost_connection_is_a_death_and_the_next_birth_has_the_next_number():
    async def story(rig):
        await rig.born()
        rig.broker.drop_all()
        await rig.until("NBIRTH", "NDEATH")
        await rig.born()
        return [m.value for born in metrics(rig.broker, "NBIRTH") for m in born if m.name == "bdSeq"]

    numbers, checker = run(story)
    assert (numbers, checker.births, checker.deaths) == ([0, 1], 2, 2)


def test_the_number_of_the_birth_goes_on_over_restarts_and_round(tmp_path):
    async def story(rig):
        for _ in range(3):
            await rig.born()
        (tmp_path / "cloud.bdseq").write_text("255\n")
        for _ in range(2):
            rig.sink = Sink(rig.place, rig.config)
            await rig.born()
            await rig.sink.close()
        (tmp_path / "cloud.bdseq").write_text("what?")
        rig.sink = Sink(rig.place, rig.config)
        await rig.born()
        await rig.sink.close()
        return [m.value for born in metrics(rig.broker, "NBIRTH") for m in born if m.name == "bdSeq"]

    async def judged_apart():
        async with asyncio.timeout(30), Broker() as broker:
            return await story(Rig(broker, None, {}, {"folder": tmp_path}))

    assert asyncio.run(judged_apart()) == [0, 1, 2, 0, 1, 0]


def test_a_folder_that_refuses_does_not_keep_data_from_leaving(tmp_path):
    async def story(rig):
        await rig.born()
        await rig.sink.write(batch((0, 3, 1.0)))

    _, checker = run(story, more={"folder": tmp_path / "missing"})
    assert len(checker.rows) == 1


def test_new_points_and_renamed_ones_are_born_before_their_data():
    async def story(rig):
        await rig.born()
        rig.labels[9] = PointLabel("40-PI-9", "bar")
        await rig.sink.write(batch((0, 3, 1.0)))
        await rig.sink.write(batch((1, 9, 1.0)))
        rig.labels[3] = PointLabel("40-TI-4217", "K")
        await rig.sink.write(batch((2, 3, 1.0)))
        rig.labels[3] = PointLabel("40-TI-4217", "K", low=float("nan"))
        await rig.sink.write(batch((3, 3, 1.0)))
        return rig.kinds()

    kinds, checker = run(story)
    assert kinds == ["NBIRTH", "NDATA", "NBIRTH", "NDATA", "NBIRTH", "NDATA", "NDATA"]
    assert checker.rows[-1].name == "40-TI-4217"


def test_rows_that_their_type_cannot_hold_are_named_when_the_rest_has_arrived():
    async def story(rig):
        await rig.born()
        with pytest.raises(SinkRejected) as refused:
            await rig.sink.write(batch((0, 5, 1.0), (1, 5, 2.5), (2, 99, 1.0), (3, 4, 7.0), events=[alarm(0)]))
        return refused.value.records

    records, checker = run(story)
    assert records == (2, 3, 4)
    assert [r.name for r in checker.rows] == ["Journal", "TIC-4216.mode"]


def test_nothing_is_sent_before_the_primary_host_is_online():
    async def story(rig):
        rig.host(False, 1)
        with pytest.raises(SinkUnreachable, match="scada is offline"):
            await rig.sink.open()
        with pytest.raises(SinkUnreachable):
            await rig.born()
        assert "NBIRTH" not in rig.kinds()
        rig.host(True, 2)
        await rig.born()
        await rig.sink.write(batch((0, 3, 1.0)))

    async def alone():
        async with asyncio.timeout(30), Broker() as broker:
            rig = Rig(broker, None, {"primary_host": "scada", "timeout": 0.2}, {})
            await story(rig)
            await rig.sink.close()
            return rig.kinds(), broker.violations

    kinds, violations = asyncio.run(alone())
    assert kinds[-3:] == ["NBIRTH", "NDATA", "NDEATH"]
    assert set(kinds[:-3]) == {"NDEATH"}
    assert violations == []


def test_a_primary_host_that_goes_offline_ends_the_node_and_what_is_under_way_has_not_arrived():
    async def story(rig):
        rig.host(True, 5)
        await rig.born()
        async with rig.attended() as listening:
            await rig.sink.write(batch((0, 3, 1.0)))
            rig.host(False, 4)  # a will of before, said late: older than what the host said since
            await rig.sink.write(batch((1, 3, 2.0)))
            rig.host(False, 6)
            with pytest.raises(SinkUnreachable, match="offline"):
                await listening
            with pytest.raises(SinkUnreachable, match="offline"):
                await rig.sink.write(batch((2, 3, 3.0)))
            await rig.sink.close()
            await rig.until("NDATA", "NDATA", "NDEATH")

    _, checker = run(story, primary_host="scada")
    assert ([r.value for r in checker.rows], checker.alive) == ([1.0, 2.0], False)


def test_a_primary_host_that_was_away_without_a_word_counts_as_another_connection():
    async def story(rig):
        rig.host(True, 5)
        await rig.born()
        async with rig.attended():
            rig.host(True, 5)
            await rig.sink.write(batch((0, 3, 1.0)))
            before = rig.sink.link
            rig.host(True, 6)
            await rig.sink.write(batch((1, 3, 2.0)))
        return before, rig.sink.link

    assert run(story, primary_host="scada")[0] == (0, 1)


@pytest.mark.parametrize(
    "said",
    [b"ONLINE", b"[]", b'{"online":true}', b'{"online":1,"timestamp":9}', b"\xff", b'{"online":true,"timestamp":"9"}'],
)
def test_a_state_that_is_none_counts_for_nothing(said):
    async def story(rig):
        rig.broker.publish(STATE, said, 1, True)
        with pytest.raises(SinkUnreachable, match="offline"):
            await rig.sink.open()
        return rig.kinds()

    async def alone():
        async with asyncio.timeout(30), Broker() as broker:
            return await story(Rig(broker, None, {"primary_host": "scada", "timeout": 0.1}, {}))

    assert asyncio.run(alone()) == []


def test_a_broker_that_does_not_let_us_hear_commands_does_not_admit_us():
    async def story(rig):
        rig.broker.refuse_filters.add(NCMD)
        with pytest.raises(SinkNotAdmitted, match="subscribe"):
            await rig.sink.open()

    async def alone():
        async with asyncio.timeout(30), Broker() as broker:
            rig = Rig(broker, None, {}, {})
            await story(rig)
            await rig.sink.close()

    asyncio.run(alone())


@pytest.mark.parametrize(
    "settings", [{"group": "a/b"}, {"group": ""}, {"group": "a", "node": "+"}, {"group": "a", "qos": 2}]
)
def test_settings_that_are_refused(settings):
    with pytest.raises(ValidationError):
        Config(url="mqtt://127.0.0.1", **settings)
