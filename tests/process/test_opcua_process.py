"""The OPC UA server of a plant in processes: its address outlives the gateway; one that cannot be served says so."""

import asyncio
import shutil
import signal

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaError

from plantctl.app.split.segments import Role
from plantctl.core.clock import RealClock
from plantctl.hmi.opcua.settings import ADDRESS_NAME
from tests.process.command_rig import DEMO, plantctl, wait
from tests.process.split_rig import split

CLOCK = RealClock()
OPEN = "{port: 0, insecure: true, anonymous: viewer}"


def text_with(folder, asked):
    """The demo with this OPC UA server."""
    text = folder / "text"
    shutil.copytree(DEMO, text)
    file = text / "plant.yaml"
    file.write_text(file.read_text().replace("plant: {", f"plant: {{opcua_server: {asked}, ", 1))
    return text


async def flow(url):
    """A reading of the simulated plant by another program, once it is as good as a simulated one can be."""
    async with asyncio.timeout(60):
        while True:
            try:
                async with Client(url, timeout=5) as client:
                    node = client.get_node(ua.NodeId("40-FI-4013", 2))
                    found = await node.read_data_value(raise_on_bad_status=False)
                    if found.StatusCode.name == "UncertainSimulatedValue":
                        return found.Value.Value
            except (UaError, OSError, TimeoutError):
                pass
            await CLOCK.sleep(0.2)


@pytest.mark.timeout(150)
def test_a_gateway_that_is_killed_comes_back_at_the_same_address(tmp_path):
    with split(tmp_path, text=text_with(tmp_path, OPEN)) as plant:
        wait((plant.folder / ADDRESS_NAME).exists)
        url = (plant.folder / ADDRESS_NAME).read_text().strip()
        before = asyncio.run(flow(url))
        plant.send(Role.GATEWAY, signal.SIGKILL)
        after = asyncio.run(flow(url))
        assert (plant.folder / ADDRESS_NAME).read_text().strip() == url
        assert isinstance(before, float)
        assert isinstance(after, float)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("{port: 0}", "the OPC UA server has no keys"),
        ("{insecure: true, listen: 0.0.0.0}", "an open server that other machines can reach"),
        ("{sessions: 50, connections: 10}", "more sessions than connections"),
        ("{port: 70000}", "70000 is no port"),
        ("{trust: ../elsewhere}", "is not the name of a file in the plant's security folder"),
        ("{polices: []}", "`polices` is no key of `opcua_server`"),
    ],
)
def test_a_server_that_cannot_be_is_told_before_anything_starts(tmp_path, asked, said):
    done = plantctl("run", text_with(tmp_path, asked), "--interpreted", "--no-page", state=tmp_path / "state")
    assert done.returncode != 0
    assert said in done.stderr + done.stdout
