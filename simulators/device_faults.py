"""What can go wrong in a device, by name: channels, electronics, set-up, switches, counters.

These enter the one catalogue of `simulators.faults`; their rig is the `Serving`: `inject(serving, "frozen",
"40-FI-4013")`. Targets are tags, devices or stations of the gateway. What goes wrong in the sensor, before the device's
electronics, changes the plant's own numbers and is in `instrument_faults`.
"""

from typing import Any, Final, get_args

from simulators.devices import arc_probe, data_block, register_instrument
from simulators.devices.cell_line import DETECTORS, DRIVES, GATEWAY, METERS, PLC, POWER_METER, SAFETY, TRANSMITTER
from simulators.devices.coriolis import TOTAL_ROLLS_KG
from simulators.devices.gas_detector import MONITORING, GasDetector
from simulators.devices.plc_signals import DRAWOFF, MOST_CELLS
from simulators.faults import Fault, register
from simulators.serve import Serving
from simulators.signals import Signal, signals
from simulators.wire_faults import STATIONS, Values, of

_FIRST: Final = ("40-FI-4013", "40-AI-4212", "40-AI-4213", "40-AI-4011")
_TABLES: Final = (signals(1, loops=False), signals(MOST_CELLS, loops=True))
_TAGS: Final = tuple(dict.fromkeys((*_FIRST, *_TABLES[0], *_TABLES[1])))
_OF_INSTRUMENTS: Final = ("GAS", "VALUE", "MASS_FLOW", "DENSITY", "SPEED")
RECTIFIERS: Final = tuple(f"RECT-{cell:02d}" for cell in range(1, MOST_CELLS + 1))
REBOOTED: Final = (RECTIFIERS[0], GATEWAY, *RECTIFIERS[1:], *DRIVES, *METERS, TRANSMITTER, *DETECTORS)


def _once(serving: Serving, target: str) -> None:
    """Nothing to take out: it happened."""


def _reboot(serving: Serving, target: str, values: Values) -> None:
    line = serving.line
    if target in line.rectifiers:
        line.rectifiers[target].reboot(serving.clock.monotonic_ns())
    elif target in line.instruments:
        line.instruments[target].reboot()
    else:
        for probe in line.probes.values():
            probe.reboot()
    if serving.wires:
        serving.wires[target].reset()


def _millivolts(serving: Serving, target: str, values: Values) -> None:
    serving.line.probes[int(target)].unit = arc_probe.UNIT_MV


def _ph(serving: Serving, target: str) -> None:
    serving.line.probes[int(target)].reboot()


def _plc_stop(serving: Serving, target: str, values: Values) -> None:
    serving.line.plc.stopped = True


def _plc_run(serving: Serving, target: str) -> None:
    serving.line.plc.stopped = False


def _stick(serving: Serving, target: str, values: Values) -> None:
    serving.line.plc.troubles[target] = "stuck"


def _unstick(serving: Serving, target: str) -> None:
    serving.line.plc.troubles.pop(target, None)


def _trouble(serving: Serving, signal: Signal, name: str) -> None:
    """Put the trouble `name` on the channel that serves `signal`, nothing to take it out."""
    line = serving.line
    if signal.device in line.instruments:
        instrument = line.instruments[signal.device]
        place = instrument.place_of(signal.item)
        if place and name not in _WHOLE:
            instrument.troubled[place] = name  # type: ignore[assignment]
        else:
            instrument.trouble = name  # type: ignore[assignment]
        if not name:
            instrument.troubled.pop(place, None)
    elif signal.station:
        line.probes[signal.station].trouble = name  # type: ignore[assignment]
    elif name:
        line.plc.troubles[signal.tag] = name  # type: ignore[assignment]
    else:
        line.plc.troubles.pop(signal.tag, None)


_WHOLE: Final = ("exception", "word-swap", "byte-swap", "")


def _troubles(signal: Signal) -> tuple[str, ...]:
    """What can go wrong with the channel of a tag, by name: at the PLC, the probe or the instrument that serves it."""
    if signal.device == PLC:
        return get_args(data_block.Trouble) if signal.item == "MEASURED" else ()
    if signal.station:
        return get_args(arc_probe.Trouble)
    served = signal.item in _OF_INSTRUMENTS or signal.device == TRANSMITTER
    return get_args(register_instrument.Trouble) if served else ()


def _channel(name: str, text: str) -> Fault:
    """The trouble `name` of one tag's channel."""
    targets = {tag: tag for tag in _TAGS if any(tag in table and name in _troubles(table[tag]) for table in _TABLES)}

    def offered(serving: Serving, target: str) -> bool:
        return name in _troubles(serving.table[target])

    def put(serving: Serving, target: str, values: Values) -> None:
        _trouble(serving, serving.table[target], name)

    def lift(serving: Serving, target: str) -> None:
        _trouble(serving, serving.table[target], "")

    return Fault(name, text, targets, apply=put, undo=lift, offered=offered)


def _switch(targets: tuple[str, ...], name: str, text: str, attribute: str) -> Fault:
    """A switch, line or failure that is an attribute of the device's twin."""

    def put(serving: Serving, target: str, values: Values) -> None:
        setattr(_twin(serving, target), attribute, True)

    def lift(serving: Serving, target: str) -> None:
        setattr(_twin(serving, target), attribute, False)

    return of(targets, name, text, put, lift)


def _twin(serving: Serving, target: str) -> object:
    line = serving.line
    twins: dict[str, object] = {**line.rectifiers, **line.instruments, **line.blocks}
    return twins[target]


def _gas(serving: Serving, target: str, values: Values) -> None:
    """Gas is in the liquid, which the plant's instrument feels, and which the meter's electronics know."""
    serving.line.meters[target].gas_percent = values["percent"]
    plant: Any = serving.plant
    if hasattr(plant, "set_field"):
        plant.set_field(_METER_UNITS[target], 0.01 * values["percent"])


def _no_gas(serving: Serving, target: str) -> None:
    _gas(serving, target, {"percent": 0.0})


_METER_UNITS: Final = {"FT-4216": "recirculation_meter.gas", "FT-4273": "acid_line_meter.gas"}


def _state(serving: Serving, target: str, values: Values) -> None:
    _detector(serving, target).state = int(values["state"])


def _monitoring(serving: Serving, target: str) -> None:
    _detector(serving, target).state = MONITORING


def _fault(serving: Serving, target: str, values: Values) -> None:
    _detector(serving, target).fault = int(values["fault"])


def _no_fault(serving: Serving, target: str) -> None:
    _detector(serving, target).fault = 0


def _detector(serving: Serving, target: str) -> GasDetector:
    found = serving.line.instruments[target]
    assert isinstance(found, GasDetector)
    return found


def _roll(serving: Serving, target: str, values: Values) -> None:
    line = serving.line
    if target in line.meters:
        line.meters[target].total_kg = TOTAL_ROLLS_KG - values["left"]
    else:
        line.rectifiers[target].charge_ah = (2**32 - 1) / 10.0 - values["left"]


for _fault_of_all in (
    _channel("frozen", "same value, good status, moving source time"),
    _channel("stale", "nothing new from this channel, its source time stands"),
    _channel("nan", "not a number with good status"),
    _channel("bad-status", "bad status"),
    _channel("uncertain-status", "uncertain status"),
    _channel("sensor-failed", "error bit, last value"),
    _channel("calibration-due", "warning bit, good value"),
    _channel("exception", "the instrument's electronics answer every request with exception 4"),
    _channel("word-swap", "floats come with their words the other way round"),
    _channel("byte-swap", "floats come with the bytes of each word the other way round"),
    of(REBOOTED, "device-reboot", "the device forgets its settings", _reboot, _once),
    of(STATIONS[:-2], "probe-unit-mv", "another master switched the probe to mV", _millivolts, _ph),
    of((DRAWOFF,), "valve-stuck", "the draw-off valve does not move", _stick, _unstick),
    of((PLC,), "plc-stop", "the area PLC's program stands, its server answers", _plc_stop, _plc_run),
    of((*RECTIFIERS, *METERS), "counter-rollover", "a counter is about to roll over", _roll, _once, left=0.05),
    of(tuple(METERS), "gas-void", "gas in the meter's liquid, % by volume", _gas, _no_gas, percent=3.0),
    of(
        tuple(DETECTORS),
        "detector-state",
        "inhibited (2-4), simulating (5) or in calibration (7, 8)",
        _state,
        _monitoring,
        state=2,
    ),
    of(tuple(DETECTORS), "detector-fault", "maintenance (1) or instrument (2) fault", _fault, _no_fault, fault=1),
    _switch((*DETECTORS, POWER_METER), "heartbeat-stuck", "hangs: answers on, its heartbeat stands", "hangs"),
    _switch(RECTIFIERS, "ac-fail", "the rectifier's mains are gone", "ac_failed"),
    _switch(RECTIFIERS, "rectifier-fan", "the rectifier's fan stands", "fan_failed"),
    _switch(RECTIFIERS, "rectifier-local", "somebody switched the rectifier to local", "local"),
    _switch(tuple(DRIVES), "drive-local", "somebody switched the drive to local", "local"),
    _switch(tuple(DRIVES), "drive-trip", "the drive's electronics trip it", "overload"),
    _switch((SAFETY,), "emergency-stop", "somebody pressed the emergency stop", "emergency_stop"),
):
    register(_fault_of_all)
