"""The devices without sockets: tags read and written as the wires would carry them, in declared units.

For tests and plans that need the plant but no protocol: a feeder fills columns with what a good driver would make of
the devices' answers (rounded to the instrument's counts, with the device's own status), `write` gives a set-point to
the device. The step is the caller's: one call of `step` is 100 ms of plant.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from plantctl.core.field import InputColumns
from plantctl.core.quality import GOOD, Reason, bad_because, uncertain_because
from simulators.devices import arc_probe, rectifier
from simulators.devices.area_plc import Sample
from simulators.devices.cell_line import PLC, RECTIFIER, STEP_NS, CellLine
from simulators.devices.plc_signals import KEYS
from simulators.signals import SIGNALS, Signal

Reading = tuple[float, int]

_PLC_QUALITY: Final = {
    "good": GOOD,
    "uncertain": uncertain_because(Reason.DEVICE),
    "bad": bad_because(Reason.SENSOR),
}
_CONVERSIONS: Final[dict[str, Callable[[float], float | int | bool]]] = {"Float": float, "Boolean": bool}
_UNKNOWN: Final[Reading] = (math.nan, bad_because(Reason.SENSOR))


class MemoryField:
    """The line's tags as values and quality words, without a wire. Plant time starts at 0, UTC at `utc_ns`."""

    def __init__(self, line: CellLine, *, utc_ns: int = 0) -> None:
        self.line = line
        self.now_ns = 0
        self.utc_ns = utc_ns
        line.settle(0, utc_ns)

    def step(self) -> None:
        """Advance devices and plant by 100 ms."""
        self.now_ns += STEP_NS
        self.utc_ns += STEP_NS
        self.line.step(self.now_ns, self.utc_ns)
        self.line.plc.take_changes()

    def feeder(self, rows: Mapping[int, str | Signal], columns: InputColumns) -> Callable[[], None]:
        """A function that lays what the devices show now into `rows` of `columns`, with the times of now.

        Tags unknown to the table are a KeyError; a signal that it does not have is given whole. The function is made to
        be called at every poll and is the only writer of its rows: an item of the PLC that did not change is passed by.
        """
        signals = {row: tag if isinstance(tag, Signal) else SIGNALS[tag] for row, tag in rows.items()}
        items: list[list[Any]] = [[r, s.key, self] for r, s in signals.items() if s.device == PLC]
        registers = [(r, s) for r, s in signals.items() if s.device == RECTIFIER]
        blocks = [
            (r, self.line.probes[s.station], s.register) for r, s in signals.items() if s.device not in (PLC, RECTIFIER)
        ]
        arrays: list[Any] = [columns.value, columns.quality, columns.receive_ns, columns.source_ns]
        views: list[Any] = [memoryview(array) for array in arrays]
        value, quality, receive_ns, source_ns = views

        def feed() -> None:
            shown, device = self.line.plc.shown, self.line.rectifier
            now_ns, utc_ns = self.now_ns, self.utc_ns
            for item in items:
                row, key, last = item
                sample = shown.get(key)
                if sample is not last:
                    item[2] = sample
                    value[row], quality[row] = _item(sample)
            status = device.status() if registers else 0
            for row, signal in registers:
                value[row], quality[row] = _register(device, signal, status), GOOD
            for row, probe, register in blocks:
                value[row], quality[row] = _block(probe, register)
            for row in signals:
                receive_ns[row] = now_ns
                source_ns[row] = utc_ns

        return feed

    def read(self, tag: str) -> Reading:
        """One tag's value in its unit and its quality word; NaN where the device has no number. KeyError if unknown."""
        columns = InputColumns(1)
        self.feeder({0: tag}, columns)()
        return float(columns.value[0]), int(columns.quality[0])

    def write(self, tag: str, value: float) -> None:
        """Write a set-point or command in the tag's unit; the device limits or ignores it as it would over the wire.

        KeyError for an unknown tag, PermissionError for a read-only one, ValueError for what a register cannot hold.
        """
        signal = SIGNALS[tag]
        if not signal.writable:
            raise PermissionError(f"{tag} is read-only")
        if signal.device == PLC:
            self.line.plc.command(signal.key, _CONVERSIONS.get(KEYS[signal.key].type, int)(value))
            return
        counts = round(value / signal.scale) if math.isfinite(value) else -1
        if not 0 <= counts <= 0xFFFF:
            raise ValueError(f"{tag}: {value} does not fit a register")
        self.line.rectifier.write_block(signal.register, [counts], now_ns=self.now_ns)


def _item(sample: Sample | None) -> Reading:
    if sample is None:
        return _UNKNOWN
    value = float(sample.value)
    return value, _PLC_QUALITY[sample.status] if math.isfinite(value) else bad_because(Reason.RANGE)


def _block(probe: arc_probe.ArcProbe, register: int) -> Reading:
    probe.sense()
    main = register == arc_probe.PMC1
    if main and probe.unit != arc_probe.UNIT_PH:
        return math.nan, bad_because(Reason.CONFIG)
    value = probe.ph if main else probe.temperature_c
    if probe.trouble in ("nan", "word-swap") or not math.isfinite(value):
        return math.nan, bad_because(Reason.RANGE)
    status = probe.status()
    if status & arc_probe.ERROR:
        return value, bad_because(Reason.SENSOR)
    return value, uncertain_because(Reason.DEVICE) if status else GOOD


def _register(device: rectifier.Rectifier, signal: Signal, status: int) -> float:
    counts = device.register(signal.register)
    if signal.register == rectifier.AH:
        counts = counts << 16 | device.register(rectifier.AH + 1)
    value = counts * signal.scale
    return -value if status & signal.sign_bit else value
