"""A small plant on real wires in one virtual loop: Modbus TCP, Modbus RTU over TCP, OPC UA, and a thread that reports.

The plant walks at random every 100 ms; the clients poll or subscribe; a scan with instants of its own notes what it
sees. Everything that was seen, with its virtual time, is the run's record.
"""

import asyncio
import hashlib
import json
import math
import struct
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from asyncua import Client, Server, ua
from asyncua.ua.uaprotocol_auto import CreateSubscriptionParameters
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from plantctl.core.clock import ticks
from simulators.servers.standard_nodes import QuickServer
from tests.wire.late_bytes import LateBytes

HOST = "127.0.0.1"
MS = 1_000_000
ITEMS = 6
PUBLISHING_MS = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Record:
    """What a run saw: `(virtual ns, value)` by source; the scan's rows."""

    seen: dict = field(default_factory=dict)
    scans: list = field(default_factory=list)
    source_ages_ns: set = field(default_factory=set)
    running_s: float = 0.0  # of one core, without start and stop
    late_bytes: LateBytes | None = None

    def see(self, source, now_ns, value):
        self.seen.setdefault(source, []).append((now_ns, value))

    def digest(self, seconds):
        """Over everything seen in the first seconds of the run."""
        until_ns = seconds * 1000 * MS
        seen = {source: [row for row in rows if row[0] < until_ns] for source, rows in sorted(self.seen.items())}
        scans = [row for row in self.scans if row[0] < until_ns]
        return hashlib.sha256(json.dumps([seen, scans]).encode()).hexdigest()

    def gaps_ns(self, source):
        times = [now_ns for now_ns, _ in self.seen[source]]
        return [later - earlier for earlier, later in pairwise(times)]


class Rig:
    """One run: `await Rig(clock).run(seconds)` returns the record."""

    def __init__(self, clock, watch_bytes=False):
        self.watch_bytes = watch_bytes
        self.clock = clock
        self.record = Record()
        self.levels = [50.0] * ITEMS
        self.live = []
        self.latest = {}

    def periodic(self, name, period_ms, phase_ms, work):
        schedule = self.clock.register(name, period_ms * MS, round(phase_ms * MS))

        async def act():
            async for _ in ticks(self.clock, schedule):
                await work()

        self.live.append(asyncio.create_task(act(), name=name))

    async def run(self, seconds):
        chance = self.clock.random("plant")

        async def step():
            self.levels = [level + chance.gauss(0.0, 0.5) for level in self.levels]

        async def report():
            self.take("thread", await asyncio.to_thread(math.fsum, self.levels))

        self.periodic("plant", 100, 0.3, step)
        self.periodic("report", 1000, 5.3, report)
        closing = [
            await self.serve_modbus("tcp", FramerType.SOCKET, 1.3),
            await self.serve_modbus("rtu", FramerType.RTU, 2.3),
            await self.serve_opcua(),
        ]
        self.periodic("scan", 100, 0.7, self.scan)
        self.record.late_bytes = LateBytes() if self.watch_bytes else None
        started_s = time.process_time()
        await self.clock.sleep(seconds)
        self.record.running_s = time.process_time() - started_s
        for task in self.live:
            task.cancel()
        await asyncio.wait(self.live)
        for close in closing:
            await close()
        return self.record

    async def scan(self):
        now_ns = self.clock.monotonic_ns()
        self.record.scans.append([now_ns, sorted(self.latest.items())])

    def take(self, source, value):
        self.latest[source] = value
        self.record.see(source, self.clock.monotonic_ns(), value)

    async def serve_modbus(self, name, framer, phase_ms):
        async def action(function, start, address, count, registers, values):
            words = [word for level in self.levels for word in struct.unpack(">2H", struct.pack(">f", level))]
            registers[: len(words)] = words

        device = SimDevice(1, SimData(0, count=2 * ITEMS, values=0, datatype=DataType.REGISTERS), action=action)
        server = ModbusTcpServer(device, framer=framer, address=(HOST, 0))
        await server.serve_forever(background=True)
        port = server.transport.sockets[0].getsockname()[1]
        client = AsyncModbusTcpClient(HOST, port=port, framer=framer, timeout=0.2, retries=0)
        assert await client.connect()

        async def poll():
            await self.clock.sleep(self.clock.random(name).random() * 0.02)
            answer = await client.read_holding_registers(0, count=2 * ITEMS)
            raw = struct.pack(f">{2 * ITEMS}H", *answer.registers)
            self.take(name, struct.unpack(f">{ITEMS}f", raw)[0])

        self.periodic(f"{name} poll", 200, phase_ms, poll)

        async def close():
            client.close()
            await server.shutdown()

        return close

    async def serve_opcua(self):
        server = await new_server()
        server.set_endpoint(f"opc.tcp://{HOST}:0")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        space = await server.register_namespace("urn:rig")
        nodes = [
            await server.nodes.objects.add_variable(ua.NodeId(f"level {k}", space), f"{space}:level {k}", 50.0)
            for k in range(ITEMS)
        ]
        await server.start()

        async def publish():
            now = EPOCH + timedelta(microseconds=self.clock.utc_ns() // 1000)
            for node, level in zip(nodes, self.levels, strict=True):
                await server.write_attribute_value(
                    node.nodeid, ua.DataValue(ua.Variant(level, ua.VariantType.Double), SourceTimestamp=now)
                )

        self.periodic("publish", 100, 0.5, publish)
        # The name makes the library look the address up, which needs a thread in an ordinary loop.
        client = Client(f"opc.tcp://127.0.0.1:{server.bserver.port}", auto_reconnect=False)
        await client.connect()
        parameters = CreateSubscriptionParameters(
            RequestedPublishingInterval=PUBLISHING_MS, RequestedMaxKeepAliveCount=10, RequestedLifetimeCount=60
        )
        subscription = await client.create_subscription(parameters, Watcher(self))
        await subscription.subscribe_data_change([client.get_node(node.nodeid) for node in nodes])

        async def close():
            await subscription.delete()
            await client.disconnect()
            await server.stop()

        return close


class Watcher:
    """Notes every notification of the subscription, and how old its source time is."""

    def __init__(self, rig):
        self.rig = rig

    def datachange_notification(self, node, value, data):
        self.rig.take(f"opcua {node.nodeid.Identifier}", value)
        source = data.monitored_item.Value.SourceTimestamp
        if source is not None:
            age = EPOCH + timedelta(microseconds=self.rig.clock.utc_ns() // 1000) - source
            self.rig.record.source_ages_ns.add(age // timedelta(microseconds=1) * 1000)


async def new_server():
    server = Server(iserver=QuickServer())
    await server.init()
    server.disable_clock(True)
    return server
