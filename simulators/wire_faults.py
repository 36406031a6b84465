"""What can go wrong between the instrument and the controller, by name: cables, stations, servers, channels, devices.

The physical faults of the plant (`simulators.faults`) are injected through the same board, so that one name is enough
for a test, the control socket or a scenario: `board.inject("link-dead", device="PLC-4")`,
`board.clear("link-dead")`. Parameters not named take the default that the catalogue shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, get_args

from simulators.devices import arc_probe, area_plc
from simulators.devices.cell_line import GATEWAY, OUTLET_UNIT, PLC, PROBE_A_UNIT, PROBE_B_UNIT, RECTIFIER
from simulators.devices.plc_signals import DRAWOFF, MEASUREMENTS
from simulators.serve import SCHEMES, Serving

Value = float | int | str
Values = Mapping[str, Any]

PROBE_TAGS: Final = {
    "40-AI-4011": OUTLET_UNIT,
    "40-TI-4011": OUTLET_UNIT,
    "40-AI-4212": PROBE_A_UNIT,
    "40-AI-4213": PROBE_B_UNIT,
}
PLC_TAGS: Final = tuple(measurement.tag for measurement in MEASUREMENTS)


class FaultRefused(Exception):
    """The fault cannot be injected or cleared as asked; the message says why and what would be right."""


@dataclass(frozen=True, slots=True)
class WireFault:
    """One entry: name, what happens, parameters with defaults, how it is put in and taken out."""

    name: str
    text: str
    parameters: Mapping[str, Value]
    put: Callable[[Serving, Values], None]
    lift: Callable[[Serving, Values], None]


def _once(serving: Serving, values: Values) -> None:
    """Nothing to take out: it happened."""


def _dead(serving: Serving, values: Values) -> None:
    serving.wires[values["device"]].set_dead(True)


def _alive(serving: Serving, values: Values) -> None:
    serving.wires[values["device"]].set_dead(False)


def _refuse(serving: Serving, values: Values) -> None:
    serving.wires[values["device"]].refuse()


def _accept(serving: Serving, values: Values) -> None:
    serving.tasks.create_task(serving.wires[values["device"]].listen(), name="listen again")


def _late(serving: Serving, values: Values) -> None:
    serving.wires[values["device"]].late_s = values["late_s"]


def _prompt(serving: Serving, values: Values) -> None:
    serving.wires[values["device"]].late_s = 0.0


def _reset(serving: Serving, values: Values) -> None:
    serving.wires[values["device"]].reset()


def _restart(serving: Serving, values: Values) -> None:
    serving.tasks.create_task(serving.restart(values["device"], values["off_s"]), name="server restart")


def _reboot(serving: Serving, values: Values) -> None:
    device = values["device"]
    if device == RECTIFIER:
        serving.line.rectifier.reboot(serving.clock.monotonic_ns())
    elif device == GATEWAY:
        for probe in serving.line.probes.values():
            probe.reboot()
    else:
        raise FaultRefused(f"{device} does not reboot to defaults; use server-restart or plc-stop")
    serving.wires[device].reset()


def _silence(serving: Serving, values: Values) -> None:
    serving.gateway.silent.add(_unit(values))


def _unsilence(serving: Serving, values: Values) -> None:
    serving.gateway.silent.discard(_unit(values))


def _station_late(serving: Serving, values: Values) -> None:
    serving.gateway.late_s[_unit(values)] = values["late_s"]


def _station_prompt(serving: Serving, values: Values) -> None:
    serving.gateway.late_s.pop(_unit(values), None)


def _unit(values: Values) -> int:
    unit = int(values["unit"])
    if unit not in PROBE_TAGS.values():
        raise FaultRefused(f"no station {unit} on {GATEWAY}; there are {sorted(set(PROBE_TAGS.values()))}")
    return unit


def _millivolts(serving: Serving, values: Values) -> None:
    serving.line.probes[_unit(values)].unit = arc_probe.UNIT_MV


def _ph(serving: Serving, values: Values) -> None:
    serving.line.probes[_unit(values)].unit = arc_probe.UNIT_PH


def _channel(trouble: str) -> tuple[Callable[[Serving, Values], None], Callable[[Serving, Values], None]]:
    """Put in and take out the trouble of one tag's channel, at the probe or at the PLC that serves it."""

    def put(serving: Serving, values: Values) -> None:
        tag = values["tag"]
        if tag in PROBE_TAGS and trouble in get_args(arc_probe.Trouble):
            serving.line.probes[PROBE_TAGS[tag]].trouble = trouble  # type: ignore[assignment]
        elif tag in PLC_TAGS and trouble in get_args(area_plc.Trouble):
            serving.line.plc.troubles[tag] = trouble  # type: ignore[assignment]
        else:
            where = [t for t in PROBE_TAGS if trouble in get_args(arc_probe.Trouble)]
            where += [t for t in PLC_TAGS if trouble in get_args(area_plc.Trouble)]
            raise FaultRefused(f"`{trouble}` is not known of {tag}; it is of {', '.join(where)}")

    def lift(serving: Serving, values: Values) -> None:
        tag = values["tag"]
        if tag in PROBE_TAGS:
            serving.line.probes[PROBE_TAGS[tag]].trouble = ""
        serving.line.plc.troubles.pop(tag, None)

    return put, lift


def _switch(name: str) -> tuple[Callable[[Serving, Values], None], Callable[[Serving, Values], None]]:
    """A switch at the back of the rectifier."""
    return (
        lambda serving, values: setattr(serving.line.rectifier, name, True),
        lambda serving, values: setattr(serving.line.rectifier, name, False),
    )


def _plc_stop(serving: Serving, values: Values) -> None:
    serving.line.plc.stopped = True


def _plc_run(serving: Serving, values: Values) -> None:
    serving.line.plc.stopped = False


def _stick(serving: Serving, values: Values) -> None:
    serving.line.plc.troubles[DRAWOFF] = "stuck"


def _unstick(serving: Serving, values: Values) -> None:
    serving.line.plc.troubles.pop(DRAWOFF, None)


_DEVICE: Final[dict[str, Value]] = {"device": PLC}
_STATION: Final[dict[str, Value]] = {"unit": PROBE_A_UNIT}
_FLOW: Final[dict[str, Value]] = {"tag": "40-FI-4013"}
_PROBE: Final[dict[str, Value]] = {"tag": "40-AI-4212"}

_ENTRIES: Final = (
    WireFault("link-dead", "no bytes pass any more, the connection stays open", _DEVICE, _dead, _alive),
    WireFault("link-refused", "connections are reset and refused", _DEVICE, _refuse, _accept),
    WireFault("link-reset", "connections are reset once", _DEVICE, _reset, _once),
    WireFault("late-answers", "every answer comes late", {**_DEVICE, "late_s": 1.0}, _late, _prompt),
    WireFault("server-restart", "the server goes away with its sessions", {**_DEVICE, "off_s": 2.0}, _restart, _once),
    WireFault("device-reboot", "the device forgets its settings", {"device": RECTIFIER}, _reboot, _once),
    WireFault("station-silent", "one station of the gateway has no power", _STATION, _silence, _unsilence),
    WireFault(
        "station-late",
        "one station answers late, into the next request",
        {**_STATION, "late_s": 1.0},
        _station_late,
        _station_prompt,
    ),
    WireFault("probe-unit-mv", "another master switched the probe to mV", _STATION, _millivolts, _ph),
    WireFault("frozen", "same value, good status, moving source time", _FLOW, *_channel("frozen")),
    WireFault("stale", "nothing new from this channel, source time stands", _FLOW, *_channel("stale")),
    WireFault("nan", "not a number with good status", _FLOW, *_channel("nan")),
    WireFault("bad-status", "bad status", _FLOW, *_channel("bad-status")),
    WireFault("uncertain-status", "uncertain status", _FLOW, *_channel("uncertain-status")),
    WireFault("sensor-failed", "error bit, last value", _PROBE, *_channel("sensor-failed")),
    WireFault("calibration-due", "warning bit, good value", _PROBE, *_channel("calibration-due")),
    WireFault("word-swap", "floats with the high word first", _PROBE, *_channel("word-swap")),
    WireFault("ac-fail", "the rectifier's mains are gone", {}, *_switch("ac_failed")),
    WireFault("rectifier-fan", "the rectifier's fan stands", {}, *_switch("fan_failed")),
    WireFault("rectifier-local", "somebody switched the rectifier to local", {}, *_switch("local")),
    WireFault("valve-stuck", "the draw-off valve does not move", {}, _stick, _unstick),
    WireFault("plc-stop", "the area PLC's program stands, its server answers", {}, _plc_stop, _plc_run),
)
CATALOGUE: Final = {entry.name: entry for entry in _ENTRIES}


def nearest(word: str, words: list[str]) -> str:
    """` (did you mean ...?)` for a misspelt word, empty when nothing is near."""
    near = get_close_matches(word, words, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""


def converted(fault: str, parameters: Mapping[str, Value], given: Values) -> dict[str, Value]:
    """The given parameters as the catalogue's types, the rest at their defaults; raises FaultRefused."""
    values = dict(parameters)
    for name, text in given.items():
        if name not in parameters:
            known = ", ".join(f"{k}={v}" for k, v in parameters.items()) or "none"
            raise FaultRefused(f"{fault} has no parameter `{name}`{nearest(name, list(parameters))}; it has: {known}")
        try:
            values[name] = type(parameters[name])(text)
        except (TypeError, ValueError):
            raise FaultRefused(f"{fault}: {name}={text} is not a number") from None
    if values.get("device", PLC) not in SCHEMES:
        device = str(values["device"])
        raise FaultRefused(f"no device `{device}`{nearest(device, list(SCHEMES))}; there are {', '.join(SCHEMES)}")
    return values
