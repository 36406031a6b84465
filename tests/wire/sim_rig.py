"""The served line on a bench plant, in virtual time, with independent clients of the protocol libraries."""

from contextlib import asynccontextmanager

from asyncua import Client, ua
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient

from plantctl.app.library_clocks import library_clocks
from plantctl.core.virtual_run import run_virtual
from simulators.control import Control
from simulators.devices.plc_signals import NAMESPACE_URI, identifier
from simulators.serve import import_servers, serve
from tests.unit.bench_plant import BenchPlant

import_servers()

RUNNING = {
    "rectifier.on": 1.0,
    "rectifier.current_set_a": 85.0,
    "contactor.position": 1.0,
    "cell.current_a": 85.0,
    "cell.voltage_v": 3.0,
    "cell.flow_m3_h": 0.6,
    "pump.run": 1.0,
    "pump.running": 1.0,
    "pump.speed": 0.8,
}


class Rig:
    """What a story has in its hands: clock, plant, the serving and its faults, and clients on demand."""

    def __init__(self, clock, plant, serving):
        self.clock = clock
        self.plant = plant
        self.serving = serving
        self.line = serving.line
        self.control = Control(serving)
        self.board = self.control.board

    def set(self, **signals):
        self.plant.values.update({name.replace("__", "."): value for name, value in signals.items()})

    def now_s(self):
        return self.clock.monotonic_ns() / 1e9

    async def until(self, condition, within_s=10.0):
        """Wait in steps of 10 ms until `condition()`; the seconds it took."""
        began = self.now_s()
        while not condition():
            assert self.now_s() - began < within_s, "it did not happen in time"
            await self.clock.sleep(0.01)
        return self.now_s() - began

    @asynccontextmanager
    async def modbus(self, device="RECT-01", timeout=0.5):
        url = self.serving.addresses()[device]
        framer = FramerType.RTU if url.startswith("rtu") else FramerType.SOCKET
        client = AsyncModbusTcpClient(
            "127.0.0.1", port=int(url.rsplit(":", 1)[1]), framer=framer, timeout=timeout, retries=0, reconnect_delay=0
        )
        assert await client.connect()
        try:
            yield client
        finally:
            client.close()

    @asynccontextmanager
    async def opcua(self):
        async with Client(self.serving.addresses()["PLC-4"], timeout=2.0) as client:
            yield Peer(client, await client.get_namespace_index(NAMESPACE_URI))


class Peer:
    """An OPC UA client that knows where PLC-4's items are."""

    def __init__(self, client, index):
        self.client = client
        self.index = index

    def node(self, tag, member="PV"):
        return self.client.get_node(ua.NodeId(identifier((tag, member)), self.index))

    async def read(self, tag, member="PV"):
        return await self.node(tag, member).read_data_value(raise_on_bad_status=False)

    async def write(self, tag, member, value, kind=ua.VariantType.Float):
        await self.node(tag, member).write_value(ua.DataValue(ua.Variant(value, kind)))


def situation(story, *, wires="tcp", seed=1, real_clock=None, plc_security=None, **signals):
    """Serve a running bench plant in virtual time and return what `story(rig)` returns."""
    plant = BenchPlant()
    plant.values.update(RUNNING)
    plant.values.update({name.replace("__", "."): value for name, value in signals.items()})

    async def main(clock):
        with library_clocks(clock):
            async with serve(plant, clock, wires, plc_security=plc_security) as serving:
                return await story(Rig(clock, plant, serving))

    if real_clock is not None:
        import asyncio

        return asyncio.run(asyncio.wait_for(main(real_clock), 20.0))
    return run_virtual(main, seed=seed, wall_limit_s=30.0)
