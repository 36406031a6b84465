"""A real OPC UA server in virtual time, and a wire between it and the driver that can be frozen and cut."""

import asyncio
from contextlib import asynccontextmanager

import asyncua
from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole

from plantctl.app.library_clocks import library_clocks
from plantctl.core.virtual_run import run_virtual
from simulators.servers.standard_nodes import QuickServer
from tests.wire.field_rig import plan, running

URI = "http://www.siemens.com/simatic-s7-opcua"
FLOW = '"DB_A40"."FI_4013"."PV"'
QUALITY = '"DB_A40"."FI_4013"."QUAL"'
SETPOINT = '"DB_A40"."FC_4215"."SP"'
COMMAND = '"DB_A40"."HZ_4010"."CMD"'
RUN = '"DB_A40"."HS_4216"."CMD"'
NODES = {
    FLOW: (0.5, ua.VariantType.Float),
    QUALITY: (0, ua.VariantType.Int16),
    SETPOINT: (1.0, ua.VariantType.Float),
    COMMAND: (0, ua.VariantType.Int16),
    RUN: (False, ua.VariantType.Boolean),
    "TEXT": ("words", ua.VariantType.String),
}
CONFIG = {
    "namespace": URI,
    "security": {"insecure": True},
    "poll": "200 ms",
    "backoff_first": 0.1,
}


class Everyone:
    """Whoever comes may read and write."""

    def get_user(self, iserver, username=None, password=None, certificate=None):
        return User(role=UserRole.User)


class Controller:
    """The server. `set` changes a value with the clock's source time; `spare` namespaces shift the index."""

    def __init__(self, clock, spare=0):
        self.clock = clock
        self.spare = spare
        self.nodes = {}

    @asynccontextmanager
    async def serving(self):
        server = self.server = asyncua.Server(iserver=QuickServer(user_manager=Everyone()))
        await server.init()
        server.set_endpoint("opc.tcp://127.0.0.1:0")
        await self.protect(server)
        for n in range(self.spare):
            await server.register_namespace(f"urn:spare:{n}")
        self.index = await server.register_namespace(URI)
        for name, (value, kind) in NODES.items():
            await self.add(name, value, kind)
        await server.start()
        try:
            yield self
        finally:
            # Sessions that were cut off live on in the server until they are overdue; the library leaves their tasks.
            await self.clock.sleep(30.0)
            await server.stop()

    async def protect(self, server):
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])

    @property
    def port(self):
        return self.server.bserver._server.sockets[0].getsockname()[1]

    async def add(self, name, value, kind):
        node = ua.NodeId(name, self.index)
        variable = await self.server.nodes.objects.add_variable(node, name.split(".")[-1], value, varianttype=kind)
        await variable.set_writable()
        self.nodes[name] = variable

    async def set(self, name, value, status=0, source=None):
        kind = NODES[name][1]
        data = ua.DataValue(ua.Variant(value, kind), ua.StatusCode(status), source)
        await self.server.write_attribute_value(self.nodes[name].nodeid, data)

    async def get(self, name):
        return await self.nodes[name].read_value()


class Wire:
    """Forwards bytes, through `change` where one is given, and keeps them; `freeze` holds them back with the
    connections open, `cut` closes them.
    """

    def __init__(self, port):
        self._target = port
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.connections = 0
        self.carried = bytearray()
        self.change = None
        self._tasks = []
        self._writers = []

    @asynccontextmanager
    async def laid(self):
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        try:
            yield self
        finally:
            self._server.close()
            self.cut()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()

    @property
    def url(self):
        return f"opc.tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self):
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _carry(self, reader, writer):
        self.connections += 1
        self._tasks.append(asyncio.current_task())
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers += [writer, there_writer]
            back = asyncio.create_task(self._pump(there_reader, writer))
            self._tasks.append(back)
            await self._pump(reader, there_writer)
            there_writer.close()
        except (ConnectionError, asyncio.CancelledError):
            pass

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.flowing.wait()
                data = self.change(data) if self.change else data
                self.carried += data
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


def plc(wire, inputs=(("FI", {"node": FLOW}),), outputs=(), **config):
    return plan("PLC-4", "opcua", wire.url, {**CONFIG, **config}, inputs, outputs)


def world(story, spare=0, make=None, **limits):
    """A server, by default a `Controller`, and a wire to it in virtual time: `story(clock, controller, wire)`."""

    async def main(clock):
        with library_clocks(clock):
            made = make(clock) if make else Controller(clock, spare)
            async with made.serving() as controller, Wire(controller.port).laid() as wire:
                return await story(clock, controller, wire)

    return run_virtual(main, wall_limit_s=90.0, **limits)


def situation(story, device=plc, **limits):
    """The same with the driver at work: `story(rig, controller, wire)`."""

    async def begin(clock, controller, wire):
        async with running(clock, device(wire)) as rig:
            return await story(rig, controller, wire)

    return world(begin, **limits)
