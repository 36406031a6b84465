"""A simulated value as it is served: to the page, to Prometheus, over OPC UA. The measured one beside it is as ever."""

import json
from dataclasses import replace

import pytest

from plantctl.core.metrics_serving import MetricsServing
from plantctl.core.quality import SIMULATED
from tests import opcua_bench, page_bench
from tests.exposition_reader import read
from tests.gateway_bench import demo_plan
from tests.page_bench import FLOW, LEVEL

ROWS = {FLOW: (0.75, SIMULATED), LEVEL: (55.5, 0)}


@pytest.fixture(scope="module")
def plan():
    """All of its devices are simulated, one of its values is not: a device may be led to the real one."""
    devices = tuple(replace(device, simulated=True) for device in demo_plan().devices)
    return replace(demo_plan(), devices=devices, metrics=MetricsServing(loopback=True, points=("40-*",)))


def test_the_page_is_told_of_each_value_and_prometheus_too(plan, tmp_path):
    async def situation(page):
        page.publish(ROWS)
        await page.log_in()
        async with page.connected([FLOW, LEVEL]) as client:
            await client.next("snap")
            assert client.values() == ROWS
        _, _, body = await page.ask("GET", "/api/v1/plant")
        assert json.loads(body)["simulated"] is True
        status, _, body = await page.ask("GET", "/metrics", accept="text/plain")
        assert status == 200
        found = read(body.decode(), False)
        assert found["plant_quality"].of(point=FLOW) == SIMULATED
        assert found["plant_quality"].of(point=LEVEL) == 0
        assert set(found["plantctl_device_simulated"].samples.values()) == {1.0}

    page_bench.served(plan, tmp_path, situation)


def test_a_client_of_opc_ua_that_takes_good_values_only_takes_no_simulated_one(plan, tmp_path):
    async def situation(plant):
        async with plant.scanning(values=lambda k: ROWS), plant.connected() as client:

            async def names():
                nodes = [plant.node(client, name) for name in ROWS]
                return [(await n.read_data_value(raise_on_bad_status=False)).StatusCode.name for n in nodes]

            while await names() != ["UncertainSimulatedValue", "Good"]:
                await page_bench.CLOCK.sleep(0.02)

    opcua_bench.served(plan, tmp_path, situation)
