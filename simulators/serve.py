"""The simulated plant in operation: model, device twins and their servers on one loop, whatever its clock.

`serve` is the one way to run it: in its own process on the real clock, in a test's loop on a virtual clock, or without
sockets. The model moves every 100 ms at a phase of its own; each move is one step of the line, and what the area PLC
changed is published right after it. A real clock that was held up is caught up with, up to 5 s; beyond that the plant
loses time, which is counted in `skipped`.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from plantctl.core.clock import Clock
from plantctl.core.field import SIMULATOR
from simulators.devices.cell_line import GATEWAY, PLC, SAFETY, STEP_NS, CellLine, SteppedPlant
from simulators.devices.rectifier import Profile
from simulators.signals import signals
from simulators.writes import Writes

if TYPE_CHECKING:
    from simulators.servers.modbus_tcp import RegisterServer
    from simulators.servers.opcua_plc import PlcServer
    from simulators.servers.rtu_gateway import RtuGateway
    from simulators.servers.wire import Wire

PHASE_NS: Final = 37_300_000
CATCH_UP_STEPS: Final = 50
SCHEMES: Final = {GATEWAY: "rtu+tcp", PLC: "opc.tcp", SAFETY: "opc.tcp"}
"""Of a device's address; all others speak Modbus TCP."""

Wires = Literal["tcp", "memory"]


class Serving:
    """A plant being served. `line` holds the twins, `table` the signals that they serve by tag, `servers` and `wires`
    what is in front of them by device, `skipped` the lost steps, `writes` what clients sent, `plant_ns` the monotonic
    time that the model has come to: behind the clock where the machine is busy.
    """

    gateway: "RtuGateway"
    plc: "PlcServer"
    safety: "PlcServer"

    def __init__(
        self,
        plant: SteppedPlant,
        clock: Clock,
        tasks: asyncio.TaskGroup,
        profile: Profile,
        plc_security: Path | None = None,
    ) -> None:
        self.clock = clock
        self.plc_security = plc_security
        self.tasks = tasks
        self.line = CellLine(plant, watchdog_profile=profile)
        self.servers: dict[str, RegisterServer | PlcServer] = {}
        self.wires: dict[str, Wire] = {}
        self.skipped = 0
        self.writes = Writes()
        self.table = signals(self.line.layout.cells, self.line.layout.loops)
        devices = {*self.line.rectifiers, *self.line.instruments, GATEWAY, PLC, SAFETY}
        self.targets = frozenset({*self.table, *devices, *(str(unit) for unit in self.line.probes)})
        """What a fault can happen to: devices, tags, stations of the gateway."""
        self._schedule_name = "simulated plant"
        self.plant_ns = clock.monotonic_ns()
        self.line.settle(self.plant_ns, clock.utc_ns())

    @property
    def plant(self) -> SteppedPlant:
        """The model behind the devices."""
        return self.line.plant

    def endpoints(self) -> dict[str, str]:
        """`device: url#simulated` of every served device; empty without sockets. Who reads it marks our values."""
        return {device: f"{url}{SIMULATOR}" for device, url in self.addresses().items()}

    def addresses(self) -> dict[str, str]:
        """`device: url` of every served device, for a client that marks nothing."""
        wires = self.wires.items()
        return {device: f"{SCHEMES.get(device, 'tcp')}://127.0.0.1:{wire.port}" for device, wire in wires}

    async def connect(self) -> None:
        """Start a server behind a wire for every device."""
        from simulators.servers.modbus_tcp import ANY_UNIT, RegisterServer
        from simulators.servers.opcua_plc import PlcServer
        from simulators.servers.plc_access import PlcAccess
        from simulators.servers.rtu_gateway import RtuGateway
        from simulators.servers.wire import Wire

        access = None if self.plc_security is None else PlcAccess(self.plc_security, self.clock)

        def note(device: str) -> Callable[[str, float], None]:
            return lambda what, value: self.writes.note(self.clock.monotonic_ns(), device, what, value)

        self.gateway = RtuGateway(self.clock, dict(self.line.probes), note(GATEWAY))
        self.plc = PlcServer(self.line.plc, self.clock, note(PLC), access)
        self.safety = PlcServer(self.line.safety, self.clock, note(SAFETY), access)
        for device, twin in (self.line.rectifiers | self.line.instruments).items():
            self.servers[device] = RegisterServer(self.clock, {ANY_UNIT: twin}, note(device))
        self.servers |= {GATEWAY: self.gateway, PLC: self.plc, SAFETY: self.safety}
        for device, server in self.servers.items():
            wire = self.wires[device] = Wire()
            wire.device = await server.start(self.tasks)
            await wire.listen()

    async def restart(self, device: str, off_s: float) -> None:
        """Stop the server of `device` with all its sessions and start a new one after `off_s` seconds."""
        wire = self.wires[device]
        wire.refuse()
        await self.servers[device].stop()
        await self.clock.sleep(off_s)
        wire.device = await self.servers[device].start(self.tasks)
        await wire.listen()

    async def disconnect(self) -> None:
        """Close every wire and server."""
        for device, wire in self.wires.items():
            wire.close()
            await self.servers[device].stop()

    async def step(self, now_ns: int, utc_ns: int) -> None:
        """One step of the line, with what clients wrote before it and what they may read after it."""
        if self.wires:
            self.plc.collect()
        self.line.step(now_ns, utc_ns)
        self.plant_ns = now_ns
        if self.wires:
            await self.plc.publish(now_ns, utc_ns)
            await self.safety.publish(now_ns, utc_ns)

    async def run(self) -> None:
        """Step at every instant of the plant's schedule, until cancelled."""
        clock = self.clock
        phase_ns = clock.free_phase_ns(STEP_NS, PHASE_NS)
        schedule = clock.register(self._schedule_name, STEP_NS, PHASE_NS if phase_ns is None else phase_ns)
        try:
            due_ns = schedule.next_after(clock.monotonic_ns())
            while True:
                await clock.sleep_until(due_ns)
                now_ns = clock.monotonic_ns()
                lost = max(0, (now_ns - due_ns) // STEP_NS - CATCH_UP_STEPS)
                self.skipped += lost
                due_ns += lost * STEP_NS
                await self.step(due_ns, clock.utc_ns() - (now_ns - due_ns))
                due_ns += STEP_NS
        finally:
            clock.release(self._schedule_name)


def import_servers() -> None:
    """Import the protocol libraries that `serve` needs, seconds of work, now rather than inside a run.

    Whoever puts the libraries on a virtual clock calls it first, since a module that is not loaded cannot be.
    """
    for module in ("modbus_tcp", "rtu_gateway", "opcua_plc", "wire"):
        importlib.import_module(f"simulators.servers.{module}")


@asynccontextmanager
async def serve(
    plant: SteppedPlant,
    clock: Clock,
    wires: Wires = "tcp",
    *,
    watchdog_profile: Profile = "writes",
    plc_security: Path | None = None,
) -> AsyncIterator[Serving]:
    """A plant that is served while the body of `async with` runs.

    With `wires="tcp"` the devices listen on the loopback at free ports (`serving.endpoints()`); with `"memory"` there
    are no sockets and the twins are called directly. `watchdog_profile` is the rectifier's; `plc_security` is the
    folder of both PLCs' keys and accounts (`servers.plc_access`), None for servers that anybody may use. What the
    body raises comes out as it is; a failure of the simulation itself ends the body and comes out as an exception
    group.
    """
    failure: BaseException | None = None
    async with asyncio.TaskGroup() as tasks:
        serving = Serving(plant, clock, tasks, watchdog_profile, plc_security)
        if wires == "tcp":
            await serving.connect()
        model = tasks.create_task(serving.run(), name="simulated plant")
        try:
            yield serving
        except BaseException as error:
            failure = error
        await serving.disconnect()
        model.cancel()
    if failure is not None:
        raise failure
