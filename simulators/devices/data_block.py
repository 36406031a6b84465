"""The data blocks of a PLC as its server shows them: values, what changed, what a client may command.

A PLC twin is a `DataBlock` with a program of its own. The server calls `command` for what a client wrote and
`take_changes` after each cycle; an item whose value and status stand is not shown again, so that a still plant costs
its server nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from simulators.devices.plc_rows import RowLatches
from simulators.devices.plc_signals import NO_LIMITS, Key, Limits, Measurement, Node, identifier
from simulators.devices.registers import quantise

Number = float | int | bool
Status = Literal["good", "uncertain", "bad"]
# Just inside 3.6 and 21 mA of a range of 4 to 20 mA, which are -2.5 % and 106.25 %.
BROKEN_SHARE, SHORTED_SHARE = -0.0245, 0.0620
QUAL: Final = {"good": 0, "uncertain": 1, "bad": 2}
Trouble = Literal["frozen", "stale", "nan", "bad-status", "uncertain-status", "stuck"]


class Sample(NamedTuple):
    """What the data block shows of one item: value, status, and the UTC instant (ns) it was taken at."""

    value: Number
    status: Status
    source_ns: int


class DataBlock:
    """The items of one PLC. `troubles` is what is wrong with a tag's channel, by name.

    `frozen`: same value, moving source time; `stale`: nothing new at all; `nan`: not a number, status good;
    `bad-status`, `uncertain-status`; `stuck` is for valves.
    """

    product = "PCT-PLC"

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = tuple(nodes)
        self.keys: Mapping[Key, Node] = {node.key: node for node in nodes}
        self.troubles: dict[str, Trouble] = {}
        self.values: dict[Key, Number] = {node.key: node.initial for node in nodes}
        self.shown: dict[Key, Sample] = {}
        self._changes: dict[Key, Sample] = {}
        self._seen_rows = -1

    def command(self, key: Key, value: Number) -> None:
        """A client wrote `value` to the item; it takes effect in the next cycle. KeyError for an unknown item."""
        if not self.keys[key].writable:
            raise PermissionError(f"{identifier(key)} is read-only")
        self.values[key] = value
        last = self.shown.get(key)
        self.shown[key] = Sample(value, "good", 0 if last is None else last.source_ns)

    def take_changes(self) -> dict[Key, Sample]:
        """What changed in the data block since the last call, in the order it changed."""
        changes, self._changes = self._changes, {}
        return changes

    def show(self, key: Key, value: Number, status: Status, utc_ns: int) -> None:
        """Show the item, if anything about it is new."""
        last = self.shown.get(key)
        if last is None or last.status != status or not _same(last.value, value):
            self.shown[key] = self._changes[key] = Sample(value, status, utc_ns)

    def show_rows(self, latches: RowLatches, utc_ns: int, letters: str) -> None:
        """Show the bits of all rows, if any is new: a latched row with the instant it came as its source time."""
        if latches.changes == self._seen_rows:
            return
        self._seen_rows = latches.changes
        for n, placed in enumerate(latches.rows):
            tag = placed.tag(letters)
            self.show((tag, "PV"), n in latches.tripped, "good", latches.tripped.get(n, utc_ns))
            self.show((tag, "DEMAND"), bool(latches.demands[n]), "good", utc_ns)
            self.show((tag, "FIRST"), n in latches.first, "good", utc_ns)

    def measure(self, channel: "Channel", raw: float, utc_ns: int) -> None:
        """Show a measured value as its card and its transmitter give it."""
        status: Status = "good" if channel.lowest <= raw <= channel.highest else "bad"
        value = quantise(raw, channel.step)
        last = self.shown.get(channel.key)
        if channel.tag in self.troubles and last is not None:
            trouble = self.troubles[channel.tag]
            if trouble == "stale":
                return
            if trouble == "frozen":
                self.shown[channel.key] = self._changes[channel.key] = Sample(last.value, "good", utc_ns)
                return
            if trouble == "nan":
                value, status = math.nan, "good"
            else:
                status = "bad" if trouble == "bad-status" else "uncertain"
        elif last is not None and not math.isfinite(raw):
            value = float(last.value)
        if last is None or last.status != status:
            self.show((channel.tag, "QUAL"), QUAL[status], "good", utc_ns)
            self.show((channel.tag, "SIM"), False, "good", utc_ns)
        elif _same(last.value, value):
            return
        if channel.limits is not None and (last is None or last.value != value):
            self.show((channel.tag, "ALM"), alarm_word(channel.limits, value), "good", utc_ns)
        self.shown[channel.key] = self._changes[channel.key] = Sample(value, status, utc_ns)


@dataclass(frozen=True, slots=True)
class Channel:
    """A measurement with what each sample of it needs: its key, the limits beyond which the card sees a fault."""

    tag: str
    key: Key
    signal: str
    factor: float
    step: float
    lowest: float
    highest: float
    limits: Limits | None


def alarm_word(limits: Limits, value: float) -> int:
    """Bits 0 LL, 1 L, 2 H, 3 HH; not-a-number raises none."""
    low_low, low, high, high_high = limits
    word = (1 if value < low_low else 0) | (2 if value < low else 0)
    return word | (4 if value > high else 0) | (8 if value > high_high else 0)


def channel_of(m: Measurement) -> Channel:
    """The channel of a measurement: at 3.6 mA and below a loop is broken, at 21 mA and above shorted (NE 43)."""
    span = m.high - m.low
    lowest, highest = m.low + BROKEN_SHARE * span, m.high + SHORTED_SHARE * span
    limits = None if m.limits == NO_LIMITS else m.limits
    return Channel(m.tag, (m.tag, "PV"), m.signal, m.factor, m.step, lowest, highest, limits)


def _same(a: Number, b: Number) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))
