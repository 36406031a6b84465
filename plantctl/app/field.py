"""The field of a plan: one runner a device, the columns they share with the scan, and where the devices are."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from plantctl.core.clock import Clock
from plantctl.core.errors import PlantctlError
from plantctl.core.field import DevicePlan, FieldEvents, InputColumns, OutputColumns
from plantctl.drivers._driver import ALWAYS, Permit
from plantctl.drivers._runner import DeviceRunner, build
from plantctl.plan.plan import Plan


class EndpointMissing(PlantctlError):
    """The endpoints file does not fit the plan; the message names the device."""


def read_endpoints(path: Path) -> dict[str, str]:
    """`device: url` of an endpoints file. Raises `EndpointMissing` where it cannot be read."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise EndpointMissing(f"the endpoints file {path} cannot be read: {why}") from error
    if not isinstance(read, dict) or not all(isinstance(k, str) and isinstance(v, str) for k, v in read.items()):
        raise EndpointMissing(f"{path}: an endpoints file holds `device: url` lines")
    return dict(read)


def connected(devices: tuple[DevicePlan, ...], endpoints: Mapping[str, str] | None) -> tuple[DevicePlan, ...]:
    """The devices with their addresses taken from `endpoints`; a device it lacks raises `EndpointMissing`."""
    if endpoints is None:
        return devices
    lacking = [d.name for d in devices if d.name not in endpoints]
    if lacking:
        raise EndpointMissing(f"the endpoints file has no line for {', '.join(lacking)}; each is `device: url`")
    return tuple(replace(d, connect=endpoints[d.name]) for d in devices)


@dataclass(slots=True)
class Field:
    """Columns, events and runners of the devices of one plan."""

    inputs: InputColumns
    outputs: OutputColumns
    events: FieldEvents
    runners: tuple[DeviceRunner, ...]

    async def run(self) -> None:
        """Run every device until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for runner in self.runners:
                tasks.create_task(runner.run(), name=f"device {runner.device.name}")

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
    plan: Plan, clock: Clock, endpoints: Mapping[str, str] | None = None, table: Table | None = None
) -> Field:
    """The field of a plan over `table`, by default one of its own; inputs with an initial value start with it."""
    table = table or make_table(plan)
    lay_initial(plan, table.inputs)
    devices = connected(plan.devices, endpoints)
    runners = tuple(build(d, table.inputs, table.outputs, clock, table.events, table.permit) for d in devices)
    return Field(table.inputs, table.outputs, table.events, runners)
