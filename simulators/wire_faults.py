"""What can go wrong between the instrument and the controller, by name: cables, stations, servers, channels, devices.

These enter the one catalogue of `simulators.faults`; they change what serves the plant, so their rig is the `Serving`:
`inject(serving, "link-dead", "PLC-4")`. Targets are devices, stations of the gateway or tags.
"""

from collections.abc import Callable, Mapping
from typing import Final, get_args

from simulators.devices import arc_probe, area_plc
from simulators.devices.cell_line import GATEWAY, OUTLET_UNIT, PLC, PROBE_A_UNIT, PROBE_B_UNIT, RECTIFIER
from simulators.devices.plc_signals import DRAWOFF, MEASUREMENTS
from simulators.faults import Fault, register
from simulators.serve import Serving

Values = Mapping[str, float]
Put = Callable[[Serving, str, Values], None]
Lift = Callable[[Serving, str], None]

PROBE_TAGS: Final = {
    "40-AI-4212": PROBE_A_UNIT,
    "40-AI-4213": PROBE_B_UNIT,
    "40-AI-4011": OUTLET_UNIT,
    "40-TI-4011": OUTLET_UNIT,
    "40-TI-4212": PROBE_A_UNIT,
    "40-TI-4213": PROBE_B_UNIT,
}
PLC_TAGS: Final = ("40-FI-4013", *(m.tag for m in MEASUREMENTS if m.tag != "40-FI-4013"))


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


def _reboot(serving: Serving, target: str, values: Values) -> None:
    if target == RECTIFIER:
        serving.line.rectifier.reboot(serving.clock.monotonic_ns())
    else:
        for probe in serving.line.probes.values():
            probe.reboot()
    if serving.wires:
        serving.wires[target].reset()


def _silence(serving: Serving, target: str, values: Values) -> None:
    serving.gateway.silent.add(int(target))


def _unsilence(serving: Serving, target: str) -> None:
    serving.gateway.silent.discard(int(target))


def _station_late(serving: Serving, target: str, values: Values) -> None:
    serving.gateway.late_s[int(target)] = values["late_s"]


def _station_prompt(serving: Serving, target: str) -> None:
    serving.gateway.late_s.pop(int(target), None)


def _millivolts(serving: Serving, target: str, values: Values) -> None:
    serving.line.probes[int(target)].unit = arc_probe.UNIT_MV


def _ph(serving: Serving, target: str) -> None:
    serving.line.probes[int(target)].unit = arc_probe.UNIT_PH


def _plc_stop(serving: Serving, target: str, values: Values) -> None:
    serving.line.plc.stopped = True


def _plc_run(serving: Serving, target: str) -> None:
    serving.line.plc.stopped = False


def _stick(serving: Serving, target: str, values: Values) -> None:
    serving.line.plc.troubles[DRAWOFF] = "stuck"


def _unstick(serving: Serving, target: str) -> None:
    serving.line.plc.troubles.pop(DRAWOFF, None)


def _channel(name: str, text: str) -> Fault:
    """The trouble `name` of one tag's channel, at the probe or at the PLC that serves it."""
    probes = list(PROBE_TAGS) if name in get_args(arc_probe.Trouble) else []
    tags = list(PLC_TAGS) if name in get_args(area_plc.Trouble) else []

    def put(serving: Serving, target: str, values: Values) -> None:
        if target in PROBE_TAGS:
            serving.line.probes[PROBE_TAGS[target]].trouble = name  # type: ignore[assignment]
        else:
            serving.line.plc.troubles[target] = name  # type: ignore[assignment]

    def lift(serving: Serving, target: str) -> None:
        if target in PROBE_TAGS:
            serving.line.probes[PROBE_TAGS[target]].trouble = ""
        else:
            serving.line.plc.troubles.pop(target, None)

    return Fault(name, text, {tag: tag for tag in (*tags, *probes)}, apply=put, undo=lift)


def _switch(name: str, text: str, attribute: str) -> Fault:
    """A switch or line at the back of the rectifier."""

    def put(serving: Serving, target: str, values: Values) -> None:
        setattr(serving.line.rectifier, attribute, True)

    def lift(serving: Serving, target: str) -> None:
        setattr(serving.line.rectifier, attribute, False)

    return Fault(name, text, {RECTIFIER: RECTIFIER}, apply=put, undo=lift)


def _of(targets: tuple[str, ...], name: str, text: str, put: Put, lift: Lift, **parameters: float) -> Fault:
    return Fault(name, text, {target: target for target in targets}, {}, parameters, put, lift)


_DEVICES: Final = (PLC, RECTIFIER, GATEWAY)
_STATIONS: Final = (str(PROBE_A_UNIT), str(PROBE_B_UNIT), str(OUTLET_UNIT))

# Faults of these names need a socket to happen on.
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

for _fault in (
    _of(_DEVICES, "link-dead", "no bytes pass any more, the connection stays open", _dead, _alive),
    _of(_DEVICES, "link-refused", "connections are reset and refused", _refuse, _accept),
    _of(_DEVICES, "link-reset", "connections are reset once", _reset, _once),
    _of(_DEVICES, "late-answers", "every answer comes late", _late, _prompt, late_s=1.0),
    _of(_DEVICES, "server-restart", "the server goes away with its sessions", _restart, _once, off_s=2.0),
    _of((RECTIFIER, GATEWAY), "device-reboot", "the device forgets its settings", _reboot, _once),
    _of(_STATIONS, "station-silent", "one station of the gateway has no power", _silence, _unsilence),
    _of(
        _STATIONS,
        "station-late",
        "one station answers late, into the next question",
        _station_late,
        _station_prompt,
        late_s=1.0,
    ),
    _of(_STATIONS, "probe-unit-mv", "another master switched the probe to mV", _millivolts, _ph),
    _channel("frozen", "same value, good status, moving source time"),
    _channel("stale", "nothing new from this channel, its source time stands"),
    _channel("nan", "not a number with good status"),
    _channel("bad-status", "bad status"),
    _channel("uncertain-status", "uncertain status"),
    _channel("sensor-failed", "error bit, last value"),
    _channel("calibration-due", "warning bit, good value"),
    _channel("word-swap", "floats come with the high word first"),
    _switch("ac-fail", "the rectifier's mains are gone", "ac_failed"),
    _switch("rectifier-fan", "the rectifier's fan stands", "fan_failed"),
    _switch("rectifier-local", "somebody switched the rectifier to local", "local"),
    _of((DRAWOFF,), "valve-stuck", "the draw-off valve does not move", _stick, _unstick),
    _of((PLC,), "plc-stop", "the area PLC's program stands, its server answers", _plc_stop, _plc_run),
):
    register(_fault)
