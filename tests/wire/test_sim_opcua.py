"""The simulated area PLC on the wire, read and written by asyncua's client."""

import math

import pytest
from asyncua import ua
from asyncua.ua.uaerrors import BadTypeMismatch, BadUserAccessDenied

from plantctl.core.clock import RealClock
from simulators.devices import plc_signals as sig
from simulators.devices.area_plc import row_bits
from tests.wire.sim_rig import situation


def test_the_namespace_has_to_be_resolved():
    async def story(rig):
        async with rig.opcua() as plc:
            return plc.index

    assert situation(story) == 4


def test_every_item_of_the_data_blocks_is_there_with_its_type():
    async def story(rig):
        async with rig.opcua() as plc:
            nodes = [plc.node(*node.key) for node in rig.line.plc.nodes]
            answers = await plc.client.read_attributes(nodes, ua.AttributeIds.Value)
            found = [(answer.StatusCode.is_good(), answer.Value.VariantType.name) for answer in answers]
            return found, [(True, node.type) for node in rig.line.plc.nodes]

    found, expected = situation(story)
    assert found == expected


def test_the_tree_can_be_browsed_by_block_and_tag():
    async def story(rig):
        async with rig.opcua() as plc:
            objects = plc.client.nodes.objects
            names = ["PCT-PLC-4", "DB_A40", "FI_4013", "PV"]
            node = await objects.get_child([f"{plc.index}:{name}" for name in names])
            return node.nodeid.Identifier

    assert situation(story) == '"DB_A40"."FI_4013"."PV"'


def test_a_value_carries_the_source_time_of_its_sample():
    async def story(rig):
        async with rig.opcua() as plc:
            await rig.clock.sleep(1.0)
            rig.set(cell__flow_m3_h=0.3)
            await rig.clock.sleep(1.0)
            answer = await plc.read("40-FI-4013")
            return answer.Value.Value, answer.SourceTimestamp.timestamp() - rig.clock.start_utc_ns / 1e9

    value, source_s = situation(story)
    assert value == pytest.approx(0.3)
    assert 1.0 < source_s <= 1.24


def test_a_set_point_reaches_the_plant_and_reads_back():
    async def story(rig):
        async with rig.opcua() as plc:
            await plc.write(sig.FEED, "SP", 2.5)
            await rig.until(lambda: rig.plant.values["feed.stroke"] == 0.25, 0.2)
            return (await plc.read(sig.FEED, "OP")).Value.Value

    assert situation(story) == pytest.approx(2.5)


def test_what_the_plc_limits_or_puts_back_is_seen_by_the_client():
    async def story(rig):
        async with rig.opcua() as plc:
            await plc.write(sig.FEED, "SP", 99.0)
            await rig.clock.sleep(0.2)
            limited = (await plc.read(sig.FEED, "SP")).Value.Value
            await plc.write(sig.FEED, "SP", math.nan)
            await rig.clock.sleep(0.2)
            return limited, (await plc.read(sig.FEED, "SP")).Value.Value

    assert situation(story) == (10.0, 10.0)


def test_measurements_cannot_be_written_and_types_are_kept():
    async def story(rig):
        async with rig.opcua() as plc:
            with pytest.raises(BadUserAccessDenied):
                await plc.write("40-FI-4013", "PV", 0.5)
            with pytest.raises(BadTypeMismatch):
                await plc.write(sig.FEED, "SP", 3, ua.VariantType.Int16)

    situation(story)


def test_nobody_is_administrator_by_name():
    async def story(rig):
        from asyncua import Client

        client = Client(rig.serving.addresses()["PLC-4"], timeout=2.0)
        client.set_user("admin")
        with pytest.raises(ua.UaError):
            await client.connect()

    situation(story)


def test_the_heartbeat_is_seen_and_its_loss_ends_the_feed():
    async def story(rig):
        async with rig.opcua() as plc:
            await plc.write(sig.FEED, "SP", 2.0)
            for beat in (True, False, True):
                await plc.write(sig.HEARTBEAT_IN, "CMD", beat, ua.VariantType.Boolean)
                await rig.clock.sleep(1.0)
            last = rig.now_s() - 1.0
            assert rig.plant.values["feed.stroke"] == pytest.approx(0.2)
            await rig.until(lambda: rig.plant.values["feed.stroke"] == 0.0)
            lost = rig.now_s() - last
            await rig.clock.sleep(0.05)
            return lost, (await plc.read(sig.ROWS)).Value.Value, (await plc.read(sig.FEED, "SP")).Value.Value

    lost, word, setpoint = situation(story)
    assert lost == pytest.approx(5.05, abs=0.1)
    assert word == row_bits(sig.layout(1, loops=False))[46]
    assert setpoint == 0.0


@pytest.mark.parametrize(
    ("fault", "status", "value"),
    [
        ("nan", ua.StatusCodes.Good, "nan"),
        ("bad-status", ua.StatusCodes.BadSensorFailure, "none"),
        ("uncertain-status", ua.StatusCodes.UncertainSensorNotAccurate, "number"),
    ],
)
def test_channel_faults_show_on_the_wire(fault, status, value):
    async def story(rig):
        rig.board.inject(fault, "40-FI-4013")
        async with rig.opcua() as plc:
            await rig.clock.sleep(0.5)
            broken = await plc.read("40-FI-4013")
            rig.board.clear(fault)
            await rig.clock.sleep(0.5)
            return broken, await plc.read("40-FI-4013")

    broken, mended = situation(story)
    number = broken.Value.Value
    kind = "none" if number is None else "nan" if math.isnan(number) else "number"
    assert (broken.StatusCode.value, kind) == (status, value)
    assert mended.StatusCode.is_good()
    assert mended.Value.Value == pytest.approx(0.6)


def test_a_frozen_channel_keeps_its_value_while_its_source_time_moves():
    async def story(rig):
        rig.board.inject("frozen", "40-FI-4013")
        async with rig.opcua() as plc:
            answers = []
            for flow in (0.6, 0.1):
                rig.set(cell__flow_m3_h=flow)
                await rig.clock.sleep(1.0)
                answers.append(await plc.read("40-FI-4013"))
            return answers

    first, second = situation(story)
    assert first.Value.Value == second.Value.Value
    assert (second.SourceTimestamp - first.SourceTimestamp).total_seconds() == pytest.approx(1.0)


def test_the_server_clock_moves_once_a_second():
    async def story(rig):
        async with rig.opcua() as plc:
            await rig.clock.sleep(3.0)
            node = plc.client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_CurrentTime))
            return (await node.read_value()).timestamp() - rig.clock.start_utc_ns / 1e9

    assert situation(story) == pytest.approx(2.5, abs=0.6)


class Changes:
    def __init__(self):
        self.values = []

    def datachange_notification(self, node, value, data):
        self.values.append(value)


def test_a_subscription_gets_each_change_once_and_nothing_else():
    async def story(rig):
        seen = Changes()
        async with rig.opcua() as plc:
            subscription = await plc.client.create_subscription(50, seen)
            await subscription.subscribe_data_change([plc.node("40-FI-4013"), plc.node(sig.CONTACTOR, "CMD")])
            for flow in (0.6, 0.5, 0.4):
                rig.set(cell__flow_m3_h=flow)
                await rig.until(lambda flow=flow: pytest.approx(flow) in seen.values, 5.0)
            await rig.clock.sleep(0.5)
        return seen.values

    values = situation(story, real_clock=RealClock())
    assert sorted(values, reverse=True) == pytest.approx([1, 0.6, 0.5, 0.4])


def test_plc_in_stop_keeps_answering_with_what_it_had():
    async def story(rig):
        async with rig.opcua() as plc:
            await rig.clock.sleep(1.0)
            rig.board.inject("plc-stop")
            before = (await plc.read(sig.HEARTBEAT_OUT)).Value.Value
            await rig.clock.sleep(3.0)
            after = (await plc.read(sig.HEARTBEAT_OUT)).Value.Value
            return after - before, rig.plant.values["contactor.position"]

    assert situation(story) == (0, 0.0)
