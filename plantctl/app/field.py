"""The field of a plan: one runner a device, the columns they share with the scan, and where the devices are.

A device's task that dies of a mistake of ours is started again within a second; one that dies again and again is left
alone for a minute, its inputs bad, so that it can never take the others with it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import yaml

from plantctl.app.split.restart_policy import SECOND_NS, RestartLimits, RestartPolicy
from plantctl.core.clock import Clock
from plantctl.core.errors import PlantctlError
from plantctl.core.field import SIMULATOR, DevicePlan, FieldEventKind, FieldEvents, InputColumns, OutputColumns
from plantctl.drivers._driver import ALWAYS, Permit
from plantctl.drivers._runner import DeviceRunner, build
from plantctl.plan.plan import Plan

# A task that dies is back within a second; one that died more than five times in a minute rests for one.
DEVICE_LIMITS: Final = RestartLimits(longest_ns=SECOND_NS, rest_ns=60 * SECOND_NS)


class EndpointMissing(PlantctlError):
    """The endpoints file does not fit the plan; the message names the device."""


def read_endpoints(path: Path) -> dict[str, str]:
    """`device: url` of an endpoints file, `device: url#simulated` where a simulator listens.

    Raises `EndpointMissing` where it cannot be read.
    """
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise EndpointMissing(f"the endpoints file {path} cannot be read: {why}") from error
    if not isinstance(read, dict) or not all(isinstance(k, str) and isinstance(v, str) for k, v in read.items()):
        raise EndpointMissing(f"{path}: an endpoints file holds `device: url` lines")
    return dict(read)


def connected(devices: tuple[DevicePlan, ...], endpoints: Mapping[str, str] | None) -> tuple[DevicePlan, ...]:
    """The devices with their addresses taken from `endpoints`; a device it lacks raises `EndpointMissing`.

    Those whose address says so are simulated. A plant's text cannot say it: a copy of it that is led to real devices
    would still do so.
    """
    if endpoints is None:
        return devices
    lacking = [d.name for d in devices if d.name not in endpoints]
    if lacking:
        raise EndpointMissing(f"the endpoints file has no line for {', '.join(lacking)}; each is `device: url`")
    found = ((d, endpoints[d.name]) for d in devices)
    return tuple(replace(d, connect=e.removesuffix(SIMULATOR), simulated=e.endswith(SIMULATOR)) for d, e in found)


@dataclass(slots=True)
class Field:
    """Columns, events and runners of the devices of one plan. `rebuild` makes the runner of a device anew."""

    inputs: InputColumns
    outputs: OutputColumns
    events: FieldEvents
    runners: list[DeviceRunner]
    rebuild: Callable[[DevicePlan], DeviceRunner]

    async def run(self) -> None:
        """Run every device until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for place, runner in enumerate(self.runners):
                tasks.create_task(self._keep(place), name=f"device {runner.device.name}")

    async def _keep(self, place: int) -> None:
        """Run one device; when its task dies, which it never should, run it again."""
        policy = RestartPolicy(essential=False, limits=DEVICE_LIMITS)
        clock = self.runners[place].port.clock
        while True:
            runner, since_ns = self.runners[place], clock.monotonic_ns()
            try:
                await runner.run()
            except Exception as fault:
                why = f"{type(fault).__name__}: {fault}"
            else:
                why = "it returned"
            now_ns = clock.monotonic_ns()
            policy.ran(since_ns, now_ns)
            again_ns = policy.died(now_ns) or now_ns
            rests = again_ns - now_ns >= DEVICE_LIMITS.rest_ns
            then = f"left alone for {DEVICE_LIMITS.rest_ns // SECOND_NS} s" if rests else "started again"
            runner.port.tell(FieldEventKind.DEVICE_ERROR, f"the device's task died, {then}: {why}")
            await clock.sleep_until(again_ns)
            anew = self.rebuild(runner.device)
            anew.port.statistics = runner.port.statistics
            self.runners[place] = anew

    def release(self) -> None:
        """Strike the devices from the clock's timetable."""
        for runner in self.runners:
            runner.release()


@dataclass(frozen=True, slots=True)
class Table:
    """What devices and scan share: the columns, the events, and whether what is wished may be written."""

    inputs: InputColumns
    outputs: OutputColumns
    events: FieldEvents
    permit: Permit = ALWAYS


def make_table(plan: Plan) -> Table:
    """A table in this process's own memory, for a scan in the same loop."""
    return Table(InputColumns(len(plan.inputs)), OutputColumns(len(plan.outputs)), FieldEvents())


def lay_initial(plan: Plan, inputs: InputColumns) -> None:
    """Inputs that no device supplies begin with the value that the text gives them."""
    for i, row in enumerate(plan.inputs):
        if row.initial == row.initial and not row.device:
            inputs.value[i], inputs.quality[i] = row.initial, 0


def make_field(
    plan: Plan,
    clock: Clock,
    endpoints: Mapping[str, str] | None = None,
    table: Table | None = None,
    secrets: Path | None = None,
) -> Field:
    """The field of a plan over `table`, by default one of its own; inputs with an initial value start with it.

    `secrets` is the folder of the plant's keys, certificates and passwords.
    """
    table = table or make_table(plan)
    lay_initial(plan, table.inputs)
    devices = connected(plan.devices, endpoints)

    def made(device: DevicePlan) -> DeviceRunner:
        return build(device, table.inputs, table.outputs, clock, table.events, table.permit, secrets)

    return Field(table.inputs, table.outputs, table.events, [made(d) for d in devices], made)
