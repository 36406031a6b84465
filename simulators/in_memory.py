"""The devices without sockets: tags read and written as the wires would carry them, in declared units.

For tests and plans that need the plant but no protocol: `read` gives what a good driver would make of the device's
answer (rounded to the instrument's counts, with the device's own status), `write` what the device makes of a set-point.
The step is the caller's: one call of `step` is 100 ms of plant.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final

from plantctl.core.quality import GOOD, Reason, bad_because, uncertain_because
from simulators.devices import arc_probe, rectifier
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

    def reader(self, tags: Sequence[str]) -> Callable[[], list[Reading]]:
        """A function that reads all `tags` at once: value in the tag's unit, quality word. KeyError if unknown."""
        reads = [self._reader(SIGNALS[tag]) for tag in tags]
        return lambda: [read() for read in reads]

    def read(self, tag: str) -> Reading:
        """One tag's value in its unit and its quality word; NaN where the device has no number. KeyError if unknown."""
        return self._reader(SIGNALS[tag])()

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

    def _reader(self, signal: Signal) -> Callable[[], Reading]:
        if signal.device == PLC:
            return lambda: self._plc(signal)
        if signal.device == RECTIFIER:
            return lambda: self._register(signal)
        return lambda: self._probe(signal)

    def _plc(self, signal: Signal) -> Reading:
        sample = self.line.plc.shown.get(signal.key)
        if sample is None:
            return _UNKNOWN
        value = float(sample.value)
        return value, _PLC_QUALITY[sample.status] if math.isfinite(value) else bad_because(Reason.RANGE)

    def _register(self, signal: Signal) -> Reading:
        twin = self.line.rectifier
        counts = twin.register(signal.register)
        if signal.register == rectifier.AH:
            counts = counts << 16 | twin.register(rectifier.AH + 1)
        value = counts * signal.scale
        return (-value if twin.status() & signal.sign_bit else value), GOOD

    def _probe(self, signal: Signal) -> Reading:
        probe = self.line.probes[signal.station]
        probe.sense()
        main = signal.register == arc_probe.PMC1
        if main and probe.unit != arc_probe.UNIT_PH:
            return math.nan, bad_because(Reason.CONFIG)
        value = probe.ph if main else probe.temperature_c
        if probe.trouble in ("nan", "word-swap") or not math.isfinite(value):
            return math.nan, bad_because(Reason.RANGE)
        status = probe.status()
        if status & arc_probe.ERROR:
            return value, bad_because(Reason.SENSOR)
        return value, uncertain_because(Reason.DEVICE) if status else GOOD
