"""OPC UA by subscription against a real server: values, ages, status codes, missing nodes, identity, writes."""

import asyncio
import sys

import pytest
from asyncua import ua
from asyncua.common.callback import CallbackType

from plantctl.core.field import FieldEventKind, WriteError
from plantctl.core.quality import BAD, SEVERITY_MASK, Reason, bad_because, describe, reason_of
from plantctl.drivers._opcua_item import Config, Item, value_for
from plantctl.drivers._opcua_status import STATUS, quality_of
from plantctl.plan.rows import STALE_POLLS
from tests.wire.field_rig import running
from tests.wire.opcua_rig import COMMAND, CONFIG, FLOW, QUALITY, RUN, SETPOINT, URI, plc, situation, world

S = 1_000_000_000


def test_values_come_with_the_devices_time_and_status_and_age_by_any_word_of_the_server():
    async def story(rig, controller, wire):
        flow = lambda: float(rig.inputs.value[0])  # noqa: E731
        await rig.until(rig.good)
        await controller.set(FLOW, 0.25)
        await rig.until(lambda: flow() == 0.25)
        source_ns = int(rig.inputs.source_ns[0])
        assert 0 <= rig.clock.utc_ns() - source_ns < S

        # Nothing changes: the source time stands still, the keep-alive keeps the value younger than a plan lets it be.
        oldest_ns = 0
        for _ in range(100):
            await rig.clock.sleep(0.1)
            oldest_ns = max(oldest_ns, rig.clock.monotonic_ns() - int(rig.inputs.receive_ns[0]))
        assert oldest_ns < (STALE_POLLS - 1) * 0.2 * S
        assert int(rig.inputs.source_ns[0]) == source_ns

        # Not a number, and the server says good.
        await controller.set(FLOW, float("nan"))
        await rig.until(lambda: not rig.good(0))
        assert reason_of(int(rig.inputs.quality[0])) is Reason.RANGE

        await controller.set(FLOW, 0.5, ua.StatusCodes.BadSensorFailure)
        await rig.until(lambda: reason_of(int(rig.inputs.quality[0])) is Reason.SENSOR)
        await controller.set(FLOW, 0.5, ua.StatusCodes.UncertainLastUsableValue)
        await rig.until(lambda: describe(int(rig.inputs.quality[0])) == "uncertain, last-known")
        await controller.set(FLOW, 0.5)
        await rig.until(rig.good)

        # The controller's own word beside the value.
        await controller.set(QUALITY, 2)
        await rig.until(lambda: reason_of(int(rig.inputs.quality[0])) is Reason.DEVICE)
        assert rig.good(1)
        await controller.set(QUALITY, 0)
        await rig.until(rig.good)
        return [e.text for e in rig.happened()]

    beside = [{"node": QUALITY, "means": {0: "good", 1: "uncertain", 2: "bad"}}]
    inputs = [("FI", {"node": FLOW, "beside": beside}), ("FI.fast", {"node": FLOW, "poll": "100 ms"})]
    assert situation(story, lambda wire: plc(wire, inputs)) == ["the device answers"]


def test_nodes_of_every_period_share_one_subscription_and_each_is_sampled_at_its_own():
    async def story(clock, controller, wire):
        asked = []
        controller.server.subscribe_server_callback(
            CallbackType.ItemSubscriptionCreated, lambda event, _: asked.append(event.request_params.ItemsToCreate)
        )
        inputs = [("FI", {"node": FLOW, "poll": "100 ms"}), ("FC", {"node": SETPOINT, "poll": "60 s"})]
        async with running(clock, plc(wire, inputs)) as rig:
            await rig.until(rig.good)
            (subscription,) = controller.server.iserver.subscription_service.subscriptions.values()
            oldest_ns = 0
            for _ in range(50):
                await clock.sleep(0.1)
                oldest_ns = max(oldest_ns, clock.monotonic_ns() - int(rig.inputs.receive_ns[1]))
            sampled_ms = [i.RequestedParameters.SamplingInterval for items in asked for i in items]
            return subscription.data.RevisedPublishingInterval, sampled_ms, oldest_ns

    published_ms, sampled_ms, oldest_ns = world(story)
    assert published_ms == 100.0
    assert sampled_ms == [100.0, 60_000.0]
    assert oldest_ns <= 0.7 * S  # the keep-alive of the fast one is life of the slow one


def test_a_missing_node_costs_its_own_item_and_is_found_when_it_appears():
    async def story(rig, controller, wire):
        await rig.until(lambda: rig.good(0))
        before = rig.qualities()
        await controller.add("LATER", 7.0, ua.VariantType.Double)
        await rig.until(lambda: rig.good(0, 1))
        return before, rig.values()[:2], [e for e in rig.happened() if e.kind is FieldEventKind.DISCREPANCY]

    inputs = [
        ("FI", {"node": FLOW}),
        ("NEW", {"node": "s=LATER"}),
        ("TXT", {"node": "TEXT"}),
        ("N", {"node": "i=99999"}),
    ]
    before, values, told = situation(story, lambda wire: plc(wire, inputs, retry="3 s"))
    assert before == ["good", "bad, config", "bad, config", "bad, config"]
    assert values == [0.5, 7.0]
    assert [e.point for e in told] == ["s=LATER", "i=99999"]


def test_the_namespace_index_is_looked_up_and_the_wrong_server_is_left_alone():
    async def story(clock, controller, wire):
        assert controller.index == 5
        async with running(clock, plc(wire)) as rig:
            await rig.until(rig.good)
        told = []
        for wrong in (
            {"namespace": "urn:elsewhere"},
            {"identity": {"application": "urn:another"}},
            {"identity": {"product": "urn:another"}},
        ):
            device = plc(wire, outputs=[("FC", {"node": SETPOINT, "access": "w"})], **wrong)
            async with running(clock, device) as rig:
                rig.want(0, 3.0)
                await rig.until(rig.happened)
                await clock.sleep(2)
                told += [(e.kind, e.text) for e in rig.happened()]
                assert rig.qualities() == ["bad, config"]
                assert rig.outputs.error[0] == WriteError.WRONG_DEVICE
        return told, await controller.get(SETPOINT)

    told, setpoint = world(story, spare=3)
    assert [k for k, _ in told] == [FieldEventKind.DISCREPANCY] * 3
    assert "urn:elsewhere" in told[0][1]
    assert setpoint == 1.0


def test_writes_go_with_the_nodes_own_type_and_each_has_its_answer():
    async def story(rig, controller, wire):
        await rig.until(rig.good)
        for row, value in enumerate((12.5, 2.0, 1.0, 4.0, 5.0)):
            rig.want(row, value)
        await rig.until(lambda: all(rig.written(row) for row in range(5)))
        stored = [await controller.get(n) for n in (SETPOINT, COMMAND, RUN)]
        errors = [WriteError(int(e)) for e in rig.outputs.error]
        refused = []
        for row, value in ((1, 40000.0), (1, float("nan")), (2, 0.5)):
            rig.want(row, value)
            await rig.until(lambda row=row: rig.written(row))
            refused.append(WriteError(int(rig.outputs.error[row])))
        await controller.nodes[SETPOINT].set_read_only()
        rig.want(0, 1.0)
        await rig.until(lambda: rig.written(0))
        refused.append(WriteError(int(rig.outputs.error[0])))
        rig.want(2, 0.0, bad_because(Reason.STALE))
        await rig.clock.sleep(1)
        last = [await controller.get(n) for n in (SETPOINT, COMMAND, RUN)]
        return stored, errors, refused, last, bool(rig.written(2)), rig.outputs.written_value.tolist()[:3]

    nodes = (SETPOINT, COMMAND, RUN, "NOWHERE", "TEXT")
    outputs = [(n, {"node": n, "access": "rw"}) for n in nodes]
    stored, errors, refused, last, bad_was_written, written = situation(story, lambda wire: plc(wire, outputs=outputs))
    assert stored == [12.5, 2, True]
    assert [type(v) for v in stored] == [float, int, bool]
    assert errors == [0, 0, 0, WriteError.CONFIG, WriteError.NOT_REPRESENTABLE]
    assert refused == [*[WriteError.NOT_REPRESENTABLE] * 3, WriteError.REFUSED]
    assert last == stored
    assert written == [12.5, 2.0, 1.0]
    assert not bad_was_written


def test_nothing_is_written_before_a_scan_has_lived():
    async def story(rig, controller, wire):
        rig.scan_alive = False
        rig.want(0, 3.0)
        await rig.clock.sleep(3)
        before = await controller.get(SETPOINT)
        rig.scan_alive = True
        await rig.until(lambda: rig.written(0))
        return before, await controller.get(SETPOINT)

    outputs = [("FC", {"node": SETPOINT, "access": "w"})]
    assert situation(story, lambda wire: plc(wire, outputs=outputs)) == (1.0, 3.0)


@pytest.mark.parametrize("name", STATUS)
def test_the_table_of_status_codes_is_the_standards(name):
    assert STATUS[name][0] == getattr(ua.StatusCodes, name)


def test_a_status_code_nobody_listed_counts_by_its_severity():
    assert quality_of(0x00BA0000) & SEVERITY_MASK == 0
    assert describe(quality_of(0x40FF0000)) == "uncertain"
    assert describe(quality_of(0x80FF0000)) == "bad, device"
    assert quality_of(0xC0000000) & SEVERITY_MASK == BAD


def test_limit_bits_of_the_server_are_kept():
    assert [quality_of(0x0400 | bits << 8) >> 2 & 3 for bits in range(4)] == [0, 1, 2, 3]
    assert quality_of(0x0300) == 0  # not a data value's bits


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "say how the link is protected"),
        ({"security": "none"}, "say how the link is protected"),
        ({"security": {"insecure": False}}, "Input should be True"),
        ({"security": {"policy": "Basic256Sha256"}}, "`policy` and `mode` are needed"),
        ({"security": {"insecure": True}, "keep_alive": 4500}, "less than or equal to 10"),
    ],
)
def test_a_connection_that_cannot_be_had_is_refused_with_the_reason(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        Config.model_validate(settings)


def test_an_index_in_a_node_id_is_refused():
    with pytest.raises(ValueError, match="looked up at each connection"):
        Item.model_validate({"node": "ns=3;s=FLOW"})


@pytest.mark.parametrize(
    ("kind", "number", "value"),
    [
        ("Boolean", 1.0, True),
        ("Int16", -3.0, -3),
        ("UInt64", 2.0**63, 2**63),
        ("Float", 0.1, 0.1),
        ("Double", 1e300, 1e300),
    ],
)
def test_numbers_become_values_of_the_type(kind, number, value):
    assert value_for(kind, number) == value
    assert type(value_for(kind, number)) is type(value)


def test_the_driver_brings_no_library_with_it():
    code = "import sys; from plantctl.drivers._runner import load; load('opcua'); print('asyncua' in sys.modules)"

    async def main():
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
        return (await child.communicate())[0]

    assert asyncio.run(main()).strip() == b"False"
    assert URI in CONFIG.values()
