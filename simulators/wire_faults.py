"""What can go wrong between the device and the controller, by name: cables, stations, servers.

These enter the one catalogue of `simulators.faults`; they change what serves the plant, so their rig is the `Serving`:
`inject(serving, "link-dead", "PLC-4")`. Targets are devices or stations of the
gateway. What goes wrong in a device itself is in `device_faults`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from simulators.devices.cell_line import GATEWAY, ORP_UNIT, PLC, PROBE_A_UNIT, PROBE_B_UNIT, RECTIFIER, WASH_UNIT
from simulators.devices.plc_signals import MOST_CELLS
from simulators.faults import Fault, register
from simulators.serve import Serving
from simulators.signals import signals

Values = Mapping[str, float]
Put = Callable[[Serving, str, Values], None]
Lift = Callable[[Serving, str], None]

# Every device there can be, those of one cell first: what a plant does not have, its board does not offer.
DEVICES: Final = tuple(
    dict.fromkeys((PLC, RECTIFIER, GATEWAY, *(s.device for s in signals(MOST_CELLS, loops=True).values())))
)


def _once(serving: Serving, target: str) -> None:
    """Nothing to take out: it happened."""


def _dead(serving: Serving, target: str, values: Values) -> None:
    serving.wires[target].set_dead(True)


def _alive(serving: Serving, target: str) -> None:
    serving.wires[target].set_dead(False)


def _refuse(serving: Serving, target: str, values: Values) -> None:
    serving.wires[target].refuse()


def _accept(serving: Serving, target: str) -> None:
    serving.tasks.create_task(serving.wires[target].listen(), name="listen again")


def _late(serving: Serving, target: str, values: Values) -> None:
    serving.wires[target].late_s = values["late_s"]


def _prompt(serving: Serving, target: str) -> None:
    serving.wires[target].late_s = 0.0


def _reset(serving: Serving, target: str, values: Values) -> None:
    serving.wires[target].reset()


def _restart(serving: Serving, target: str, values: Values) -> None:
    serving.tasks.create_task(serving.restart(target, values["off_s"]), name="server restart")


def _silence(serving: Serving, target: str, values: Values) -> None:
    serving.gateway.silent.add(int(target))


def _unsilence(serving: Serving, target: str) -> None:
    serving.gateway.silent.discard(int(target))


def _station_late(serving: Serving, target: str, values: Values) -> None:
    serving.gateway.late_s[int(target)] = values["late_s"]


def _station_prompt(serving: Serving, target: str) -> None:
    serving.gateway.late_s.pop(int(target), None)


def of(targets: tuple[str, ...], name: str, text: str, put: Put, lift: Lift, **parameters: float) -> Fault:
    """A fault of what serves the plant, on any of `targets`."""
    return Fault(name, text, {target: target for target in targets}, {}, parameters, put, lift)


STATIONS: Final = tuple(
    str(unit) for unit in (PROBE_A_UNIT, PROBE_B_UNIT, *range(1, MOST_CELLS + 1), ORP_UNIT, WASH_UNIT)
)
ON_THE_WIRE: Final = frozenset(
    {
        "link-dead",
        "link-refused",
        "link-reset",
        "late-answers",
        "server-restart",
        "station-silent",
        "station-late",
    }
)
"""Faults of these names need a socket to happen on."""

for _fault in (
    of(DEVICES, "link-dead", "no bytes pass any more, the connection stays open", _dead, _alive),
    of(DEVICES, "link-refused", "connections are reset and refused", _refuse, _accept),
    of(DEVICES, "link-reset", "connections are reset once", _reset, _once),
    of(DEVICES, "late-answers", "every answer comes late", _late, _prompt, late_s=1.0),
    of(DEVICES, "server-restart", "the server goes away with its sessions", _restart, _once, off_s=2.0),
    of(STATIONS, "station-silent", "one station of the gateway has no power", _silence, _unsilence),
    of(
        STATIONS,
        "station-late",
        "one station answers late, into the next question",
        _station_late,
        _station_prompt,
        late_s=1.0,
    ),
):
    register(_fault)
