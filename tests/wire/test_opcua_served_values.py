"""What another program sees of the plant over OPC UA: nodes that stay, values with their quality and time, changes."""

import asyncio
import itertools
import math
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua

from plantctl.core.quality import BAD, FORCED, GOOD, LIMIT_HIGH, REASON_SHIFT, SEVERITY_MASK, UNCERTAIN, Reason
from plantctl.drivers._opcua_status import quality_of
from plantctl.hmi.opcua.values import status_of
from tests.gateway_bench import SECOND_NS, demo_plan
from tests.opcua_bench import CLOCK, INDEX, served

FLOW, MODE = "40-FI-4013", "40-AIC-4212.mode"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


async def until(holds, limit_s=20):
    """Wait until the coroutine function says yes."""
    async with asyncio.timeout(limit_s):
        while not await holds():
            await CLOCK.sleep(0.02)


def alive(plant, client):
    """Whether the server says that the plant is there."""

    async def level():
        return await client.get_node(ua.NodeId(ua.ObjectIds.Server_ServiceLevel)).read_value() == 255

    return level


class Heard:
    """What a subscription told: data values by name, in order."""

    def __init__(self):
        self.values = []

    def datachange_notification(self, node, value, data):
        self.values.append((node.nodeid.Identifier, data.monitored_item.Value))

    def of(self, name):
        return [value for known, value in self.values if known == name]


def test_a_value_has_its_number_its_status_and_the_devices_time(plan, tmp_path):
    async def situation(plant):
        async with plant.scanning(values=lambda k: {FLOW: (0.25, 0)}), plant.connected() as client:
            node = plant.node(client, FLOW)

            async def good():
                return (await node.read_data_value(raise_on_bad_status=False)).StatusCode.value == 0

            await until(good)
            found = await node.read_data_value()
            assert (found.Value.Value, found.Value.VariantType) == (0.25, ua.VariantType.Double)
            source_ns = plant.bench.scan.now_ns + plant.bench.scan.offset_ns
            assert abs(found.SourceTimestamp - (EPOCH + timedelta(microseconds=source_ns // 1000))) < timedelta(
                seconds=2
            )
            assert abs(found.ServerTimestamp - (EPOCH + timedelta(microseconds=CLOCK.utc_ns() // 1000))).seconds < 5

    served(plan, tmp_path, situation)


def test_what_is_bad_says_why_and_what_is_no_number_is_null(plan, tmp_path):
    stale = BAD | Reason.STALE << REASON_SHIFT

    async def situation(plant):
        values = {FLOW: (0.5, stale), "40-LI-4211": (math.nan, BAD | Reason.RANGE << REASON_SHIFT)}
        async with plant.scanning(values=lambda k: values), plant.connected() as client:
            flow, level = plant.node(client, FLOW), plant.node(client, "40-LI-4211")

            async def there():
                return (await flow.read_data_value(raise_on_bad_status=False)).StatusCode.name == "BadNoCommunication"

            await until(there)
            assert (await flow.read_data_value(raise_on_bad_status=False)).Value.Value == 0.5
            found = await level.read_data_value(raise_on_bad_status=False)
            assert (found.StatusCode.name, found.Value.Value) == ("BadOutOfRange", None)

    served(plan, tmp_path, situation)


@pytest.mark.parametrize("severity", [GOOD, UNCERTAIN, BAD])
@pytest.mark.parametrize("reason", list(Reason))
def test_a_quality_that_passes_through_two_plants_keeps_its_severity(severity, reason):
    quality = severity | reason << REASON_SHIFT | LIMIT_HIGH
    back = quality_of(status_of(quality))
    assert back & SEVERITY_MASK == severity
    assert back & LIMIT_HIGH
    lasting = {Reason.COMM, Reason.DEVICE, Reason.SENSOR, Reason.RANGE, Reason.CONFIG, Reason.NOT_YET}
    if severity == BAD and reason in lasting | {Reason.OUT_OF_SERVICE}:
        assert back >> REASON_SHIFT & 31 == reason


def test_a_forced_value_is_a_local_override_and_a_dead_plants_the_last_usable_one():
    assert status_of(GOOD | FORCED) == ua.StatusCodes.GoodLocalOverride
    assert status_of(GOOD, alive=False) == ua.StatusCodes.UncertainNoCommunicationLastUsableValue
    assert status_of(BAD | Reason.SENSOR << REASON_SHIFT, alive=False) == ua.StatusCodes.BadSensorFailure


def test_a_node_is_called_by_the_points_name_and_says_what_it_is(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            assert (await client.get_namespace_array())[INDEX] == "urn:plantctl:plant:circuit-a"
            flow = plant.node(client, FLOW)
            told = {(await p.read_browse_name()).Name: await p.read_value() for p in await flow.get_properties()}
            assert (told["EURange"].Low, told["EURange"].High) == (0.0, 1.0)
            assert (told["EngineeringUnits"].DisplayName.Text, told["EngineeringUnits"].UnitId) == ("m3/h", 5067080)
            assert told["Definition"] == (await flow.read_description()).Text == "catholyte flow"
            assert (await flow.read_type_definition()).Identifier == ua.ObjectIds.AnalogItemType
            words = (await plant.node(client, f"{MODE}/EnumStrings").read_value())[3:6]
            assert [word.Text for word in words] == ["man", "auto", "cas"]
            assert await plant.node(client, MODE).read_data_type() == ua.NodeId(ua.ObjectIds.UInt32)
            # The same names lead to it from the plant's object.
            path = [f"{INDEX}:{name}" for name in ("Circuit A", "Tags", "40", FLOW)]
            assert (await client.nodes.objects.get_child(path)).nodeid == flow.nodeid
            loop = await client.nodes.objects.get_child([f"{INDEX}:{n}" for n in ("Circuit A", "Loops", "40")])
            (found,) = [each for each in await loop.get_children() if each.nodeid.Identifier == "/loop/40-AIC-4212"]
            names = [(await child.read_browse_name()).Name for child in await found.get_children()]
            assert {"sp", "op", "mode"} <= set(names)
            assert plan.shown.loops["40-AIC-4212"].pv in names

    served(plan, tmp_path, situation)


def test_every_point_of_the_plan_is_found_below_the_plant_once(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            found = []

            async def walk(node):
                kinds = ua.ObjectIds.HasComponent, ua.ObjectIds.Organizes
                for kind in kinds:
                    for child in await node.get_referenced_nodes(kind, ua.BrowseDirection.Forward):
                        name = child.nodeid.Identifier
                        known = name in found
                        found.append(name)
                        if not known:
                            await walk(child)

            await walk(plant.node(client, "/"))
            wanted = {p.name for p in plan.points[1:] if p.name in plan.rows and not p.name.endswith(".delayed")}
            assert wanted <= set(found)

    served(plan, tmp_path, situation)


def test_a_monitored_value_is_told_each_time_it_changes_and_no_other(plan, tmp_path):
    async def situation(plant):
        heard = Heard()
        async with plant.connected() as client, plant.scanning():
            await until(alive(plant, client))
            subscription = await client.create_subscription(100, heard)
            await subscription.subscribe_data_change(plant.node(client, FLOW), queuesize=20)

            async def enough():
                return len(heard.values) > 12

            await until(enough)
            numbers = [round(value.Value.Value * 1e4) for value in heard.of(FLOW)][1:]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            times = [value.SourceTimestamp for value in heard.of(FLOW)]
            assert times == sorted(times)
            assert {name for name, _ in heard.values} == {FLOW}

    served(plan, tmp_path, situation)


def test_a_dead_scan_is_told_by_the_level_and_makes_every_value_the_last_usable_one(plan, tmp_path):
    async def situation(plant):
        heard = Heard()
        async with plant.connected() as client:
            level = client.get_node(ua.NodeId(ua.ObjectIds.Server_ServiceLevel))
            async with plant.scanning():
                await until(alive(plant, client))
                subscription = await client.create_subscription(100, heard)
                await subscription.subscribe_data_change([plant.node(client, FLOW), level])

                async def good():
                    return bool(heard.of(FLOW)) and heard.of(FLOW)[-1].StatusCode.value == 0

                await until(good)

            async def dead():
                return heard.of(FLOW)[-1].StatusCode.value != 0

            await until(dead)
            assert heard.of(FLOW)[-1].StatusCode.name == "UncertainNoCommunicationLastUsableValue"
            assert await level.read_value() == 1
            async with plant.scanning():
                await until(alive(plant, client))
                await until(good)
            levels = [value.Value.Value for value in heard.of(ua.ObjectIds.Server_ServiceLevel)]
            assert levels[:2] == [255, 1]

    served(plan, tmp_path, situation)


def test_held_outputs_lower_the_level_while_values_stay_good(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client, plant.scanning():
            await until(alive(plant, client))
            plant.bench.scan.set("scan.held", 1.0)
            level = client.get_node(ua.NodeId(ua.ObjectIds.Server_ServiceLevel))

            async def lower():
                return await level.read_value() == 150

            await until(lower)
            assert (await plant.node(client, FLOW).read_data_value()).StatusCode.value == 0

    served(plan, tmp_path, situation)


def test_a_dead_band_is_measured_from_what_was_told_last(plan, tmp_path):
    async def situation(plant):
        heard = Heard()
        async with plant.connected() as client:
            async with plant.scanning(period_s=0.1, values=lambda k: {FLOW: (0.02 * k, 0)}):
                await until(alive(plant, client))
                subscription = await client.create_subscription(100, heard)
                await subscription.deadband_monitor(plant.node(client, FLOW), 0.05, queuesize=50)

                async def enough():
                    return len(heard.of(FLOW)) > 5

                await until(enough)
            steps = [round(v.Value.Value / 0.02) for v in heard.of(FLOW) if v.StatusCode.value == 0]
            # A ramp slower than the band is told every third step, not never.
            assert {b - a for a, b in itertools.pairwise(steps)} <= {3}
            assert len(steps) > 3

    served(plan, tmp_path, situation)


def test_what_a_filter_cannot_do_is_said_at_once(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            subscription = await client.create_subscription(100, Heard())
            percent = ua.DataChangeFilter(DeadbandType=ua.DeadbandType.Percent, DeadbandValue=1.0)
            for wanted, said in [
                (
                    ua.MonitoredItemCreateRequest(
                        ItemToMonitor=ua.ReadValueId(plant.node(client, FLOW).nodeid, ua.AttributeIds.Value),
                        RequestedParameters=ua.MonitoringParameters(1, 100.0, percent, 1, True),
                    ),
                    "BadMonitoredItemFilterUnsupported",
                ),
                (
                    ua.MonitoredItemCreateRequest(
                        ItemToMonitor=ua.ReadValueId(ua.NodeId(2253), ua.AttributeIds.EventNotifier)
                    ),
                    "BadNotSupported",
                ),
                (
                    ua.MonitoredItemCreateRequest(
                        ItemToMonitor=ua.ReadValueId(ua.NodeId("40-NO-1", INDEX), ua.AttributeIds.Value)
                    ),
                    "BadNodeIdUnknown",
                ),
            ]:
                (result,) = await subscription.create_monitored_items([wanted])
                assert result.name == said

    served(plan, tmp_path, situation)


def test_more_references_than_asked_for_come_with_the_next_browse(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            wanted = ua.BrowseDescription()
            wanted.NodeId = ua.NodeId("/tags/40", INDEX)
            wanted.BrowseDirection = ua.BrowseDirection.Forward
            wanted.ResultMask = ua.BrowseResultMask.All
            params = ua.BrowseParameters(RequestedMaxReferencesPerNode=7, NodesToBrowse=[wanted])
            (result,) = await client.uaclient.browse(params)
            names = [reference.NodeId.Identifier for reference in result.References]
            while result.ContinuationPoint:
                assert len(result.References) <= 7
                more = ua.BrowseNextParameters(ContinuationPoints=[result.ContinuationPoint])
                more.ReleaseContinuationPoints = False
                (result,) = await client.uaclient.browse_next(more)
                names += [reference.NodeId.Identifier for reference in result.References]
            children = await plant.node(client, "/tags/40").get_children()
            assert len(names) > 14
            assert set(names) >= {child.nodeid.Identifier for child in children}
            more = ua.BrowseNextParameters(ContinuationPoints=[b"made up"], ReleaseContinuationPoints=False)
            (result,) = await client.uaclient.browse_next(more)
            assert result.StatusCode.name == "BadContinuationPointInvalid"

    served(plan, tmp_path, situation)


def test_a_change_that_nobody_monitors_costs_no_notification(plan, tmp_path):
    async def situation(plant):
        heard = Heard()
        async with plant.connected() as client, plant.scanning():
            await until(alive(plant, client))
            subscription = await client.create_subscription(100, heard)
            handle = await subscription.subscribe_data_change(plant.node(client, FLOW))

            async def some():
                return len(heard.values) > 2

            await until(some)
            await subscription.unsubscribe(handle)
            await client.get_node(ua.NodeId(2258)).read_value()
            count = len(heard.values)
            began_ns = CLOCK.monotonic_ns()

            async def later():
                await plant.node(client, FLOW).read_value()
                return CLOCK.monotonic_ns() - began_ns > SECOND_NS // 2

            await until(later)
            assert len(heard.values) <= count + 1

    served(plan, tmp_path, situation)
