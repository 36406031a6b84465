"""The devices without sockets: tags read and written as the wires would carry them, in declared units.

For tests and plans that need the plant but no protocol: a feeder fills columns with what a good driver would make of
the devices' answers (rounded to the instrument's counts, with the device's own status), `write` gives a set-point to
the device. The step is the caller's: one call of `step` is 100 ms of plant.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from plantctl.core.field import InputColumns
from plantctl.core.quality import GOOD, Reason, bad_because, uncertain_because
from simulators.devices import arc_probe, rectifier
from simulators.devices.cell_line import STEP_NS, CellLine
from simulators.devices.data_block import Sample
from simulators.signals import Signal, signals

Reading = tuple[float, int]

_PLC_QUALITY: Final = {
    "good": GOOD,
    "uncertain": uncertain_because(Reason.DEVICE),
    "bad": bad_because(Reason.SENSOR),
}
_STATUS_QUALITY: Final = {
    "good": GOOD,
    "uncertain": uncertain_because(Reason.DEVICE),
    "bad": bad_because(Reason.DEVICE),
    "sensor": bad_because(Reason.SENSOR),
    "stale": bad_because(Reason.STALE),
    "config": bad_because(Reason.CONFIG),
    "range": bad_because(Reason.RANGE),
    "out-of-service": bad_because(Reason.OUT_OF_SERVICE),
}
_CONVERSIONS: Final[dict[str, Callable[[float], float | int | bool]]] = {"Float": float, "Boolean": bool}
_UNKNOWN: Final[Reading] = (math.nan, bad_because(Reason.SENSOR))


class MemoryField:
    """The line's tags as values and quality words, without a wire. Plant time starts at 0, UTC at `utc_ns`."""

    def __init__(self, line: CellLine, *, utc_ns: int = 0) -> None:
        self.line = line
        self.now_ns = 0
        self.utc_ns = utc_ns
        self.signals = signals(line.layout.cells, line.layout.loops)
        line.settle(0, utc_ns)

    def step(self) -> None:
        """Advance devices and plant by 100 ms."""
        self.now_ns += STEP_NS
        self.utc_ns += STEP_NS
        self.line.step(self.now_ns, self.utc_ns)
        for block in self.line.blocks.values():
            block.take_changes()

    def feeder(self, rows: Mapping[int, str | Signal], columns: InputColumns) -> Callable[[], None]:
        """A function that lays what the devices show now into `rows` of `columns`, with the times of now.

        Tags unknown to the table are a KeyError; a signal that it does not have is given whole. The function is made to
        be called at every poll and is the only writer of its rows: an item of the PLC that did not change is passed by.
        """
        found = {row: tag if isinstance(tag, Signal) else self.signals[tag] for row, tag in rows.items()}
        line = self.line
        items: list[list[Any]] = [
            [r, s.key, self, line.blocks[s.device].shown] for r, s in found.items() if s.device in line.blocks
        ]
        registers = [(r, s, line.rectifiers[s.device]) for r, s in found.items() if s.device in line.rectifiers]
        blocks = [(r, line.probes[s.station], s.register) for r, s in found.items() if s.station]
        others = [(r, line.instruments[s.device], s.item) for r, s in found.items() if s.device in line.instruments]
        # One number at a time is laid faster through a view, the times of all rows at once through the array.
        arrays: list[Any] = [columns.value, columns.quality]
        views: list[Any] = [memoryview(array) for array in arrays]
        value, quality = views
        receive_ns, source_ns, places = columns.receive_ns, columns.source_ns, np.array(list(found), np.intp)

        def feed() -> None:
            now_ns, utc_ns = self.now_ns, self.utc_ns
            for item in items:
                row, key, last, shown = item
                sample = shown.get(key)
                if sample is not last:
                    item[2] = sample
                    value[row], quality[row] = _item(sample)
            for row, signal, device in registers:
                value[row], quality[row] = _register(device, signal), GOOD
            for row, probe, register in blocks:
                value[row], quality[row] = _block(probe, register)
            for row, instrument, name in others:
                value[row], status = instrument.reading(name, now_ns)
                quality[row] = _STATUS_QUALITY[status]
            receive_ns[places] = now_ns
            source_ns[places] = utc_ns

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
        signal = self.signals[tag]
        if not signal.writable:
            raise PermissionError(f"{tag} is read-only")
        block = self.line.blocks.get(signal.device)
        if block is not None:
            block.command(signal.key, _CONVERSIONS.get(block.keys[signal.key].type, int)(value))
            return
        if signal.device in self.line.instruments:
            if not math.isfinite(value):
                raise ValueError(f"{tag}: {value} does not fit a register")
            self.line.instruments[signal.device].command(signal.item, value)
            return
        counts = round(value / signal.scale) if math.isfinite(value) else -1
        if not 0 <= counts <= 0xFFFF:
            raise ValueError(f"{tag}: {value} does not fit a register")
        self.line.rectifiers[signal.device].write_block(signal.register, [counts], now_ns=self.now_ns)


def _item(sample: Sample | None) -> Reading:
    if sample is None:
        return _UNKNOWN
    value = float(sample.value)
    return value, _PLC_QUALITY[sample.status] if math.isfinite(value) else bad_because(Reason.RANGE)


def _block(probe: arc_probe.ArcProbe, register: int) -> Reading:
    probe.sense()
    main = register == arc_probe.PMC1
    if main and not probe.in_its_unit:
        return math.nan, bad_because(Reason.CONFIG)
    value = probe.ph if main else probe.temperature_c
    if probe.trouble in ("nan", "word-swap") or not math.isfinite(value):
        return math.nan, bad_because(Reason.RANGE)
    status = probe.status()
    if status & arc_probe.ERROR:
        return value, bad_because(Reason.SENSOR)
    return value, uncertain_because(Reason.DEVICE) if status else GOOD


def _register(device: rectifier.Rectifier, signal: Signal) -> float:
    counts = device.register(signal.register)
    if signal.register == rectifier.AH:
        counts = counts << 16 | device.register(rectifier.AH + 1)
    value = counts * signal.scale
    return -value if signal.sign_bit and device.status() & signal.sign_bit else value
