"""The devices without sockets: tags read and written as the wires would carry them, in declared units.

For tests and plans that need the plant but no protocol: `read` gives what a good driver would make of the device's
answer (rounded to the instrument's counts, with the device's own status), `write` what the device makes of a set-point.
The step is the caller's: one call of `step` is 100 ms of plant.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from plantctl.core.quality import GOOD, Reason, bad_because, uncertain_because
from simulators.devices import arc_probe, rectifier
from simulators.devices.cell_line import PLC, RECTIFIER, STEP_NS, CellLine
from simulators.devices.plc_signals import KEYS, Key
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

    def reader(self, tags: Sequence[str | Signal]) -> Callable[[], list[Reading]]:
        """A function that reads all `tags` at once: value in the tag's unit, quality word. KeyError if unknown.

        A signal that the table does not have is given whole. The function is made to be called every step: what can be
        looked up once is looked up here.
        """
        reads: list[Callable[[dict[int, int]], Reading]] = []
        for signal in (tag if isinstance(tag, Signal) else SIGNALS[tag] for tag in tags):
            if signal.device == PLC:
                reads.append(partial(self._plc, signal.key))
            elif signal.device == RECTIFIER:
                reads.append(partial(_register, signal))
            else:
                reads.append(partial(self._probe, self.line.probes[signal.station], signal.register))
        return lambda: [read(registers) for registers in (self.line.rectifier.image(),) for read in reads]

    def read(self, tag: str) -> Reading:
        """One tag's value in its unit and its quality word; NaN where the device has no number. KeyError if unknown."""
        return self.reader([tag])()[0]

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

    def _plc(self, key: Key, registers: dict[int, int]) -> Reading:
        sample = self.line.plc.shown.get(key)
        if sample is None:
            return _UNKNOWN
        value = float(sample.value)
        return value, _PLC_QUALITY[sample.status] if math.isfinite(value) else bad_because(Reason.RANGE)

    def _probe(self, probe: arc_probe.ArcProbe, register: int, registers: dict[int, int]) -> Reading:
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


def _register(signal: Signal, registers: dict[int, int]) -> Reading:
    counts = registers[signal.register]
    if signal.register == rectifier.AH:
        counts = counts << 16 | registers[rectifier.AH + 1]
    value = counts * signal.scale
    return (-value if registers[rectifier.STAT] & signal.sign_bit else value), GOOD
