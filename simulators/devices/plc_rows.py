"""The rows of the cause and effect chart that PLC-4 and the safety PLC execute themselves, for one cell.

Written apart from plantctl on purpose: a controller and the last line behind it must not share a mistake. A row is
true for its delay, then it latches with its effects; a latch is released only when its cause is gone: rows P by the
reset command of the PLC, rows S by the key at the safety cabinet, never from above.

Rows of section 6.3 that are not here: 25 (the outlet temperature hangs on a gateway, not on this PLC) and all that
need instruments which the one-cell circuit does not have.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

E1_RECTIFIER_OFF, E4_CONTACTOR_OPEN, E5_FEED_STOP, E8_PUMP_STOP, DRAWOFF_OPEN = (1 << i for i in range(5))
SECOND_NS: Final = 1_000_000_000


class Readings(NamedTuple):
    """What the rows look at; magnitudes as the PLC's own transducers give them. Not-a-number counts as tripped."""

    current_a: float
    voltage_v: float
    flow_m3_h: float
    felt_dp_bar: float
    membrane_dp_bar: float
    tank_temperature_c: float
    level_percent: float
    overfill: bool
    contactor_command: int
    contactor_position: int
    heartbeat_lost: bool  # 5 s without a toggle; the delay of row 46 is in it


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number in the chart, who executes it (`P` area PLC, `S` safety PLC), delay in s, effects."""

    number: int
    by: str
    delay_s: float
    effects: int
    text: str


ROWS: Final = (
    Row(15, "S", 2.0, E1_RECTIFIER_OFF | E4_CONTACTOR_OPEN, "catholyte flow LL with current above 5 A"),
    Row(18, "P", 0.5, E1_RECTIFIER_OFF | E4_CONTACTOR_OPEN, "cell voltage HH"),
    Row(20, "P", 2.0, E1_RECTIFIER_OFF | E4_CONTACTOR_OPEN, "cell voltage low above 40 A, internal short"),
    Row(22, "P", 0.2, E1_RECTIFIER_OFF | E4_CONTACTOR_OPEN, "overcurrent"),
    Row(23, "P", 1.0, E4_CONTACTOR_OPEN, "reverse current"),
    Row(24, "P", 1.0, E1_RECTIFIER_OFF, "contactor position not as commanded"),
    Row(26, "P", 10.0, E1_RECTIFIER_OFF, "tank temperature HH"),
    Row(27, "P", 2.0, E1_RECTIFIER_OFF, "membrane differential pressure HH"),
    Row(28, "P", 5.0, E1_RECTIFIER_OFF, "felt differential pressure HH"),
    Row(37, "S", 2.0, E5_FEED_STOP | DRAWOFF_OPEN, "tank level HH"),
    Row(38, "P", 5.0, E1_RECTIFIER_OFF | E8_PUMP_STOP, "tank level LL"),
    Row(46, "P", 0.0, E4_CONTACTOR_OPEN | E5_FEED_STOP, "supervisory heartbeat lost"),
)
BITS: Final = {row.number: 1 << i for i, row in enumerate(ROWS)}


def demands(r: Readings) -> dict[int, bool]:
    """Which rows ask to trip now, delays apart. Limits are section 6.3's: m3/h, V, A, degC, bar, %.

    A limit is written as what is still allowed: not-a-number is neither above nor below, so it is not allowed.
    """
    current, voltage = abs(r.current_a), abs(r.voltage_v)
    return {
        15: not current <= 5.0 and not r.flow_m3_h >= 0.24,
        18: not voltage <= 5.5,
        20: not current <= 40.0 and not voltage >= 1.9,
        22: not current <= 110.0,
        23: r.contactor_command != 2 and not r.current_a >= -2.0,
        24: r.contactor_position != r.contactor_command,
        26: not r.tank_temperature_c <= 60.0,
        27: not abs(r.membrane_dp_bar) <= 0.3,
        28: not r.felt_dp_bar <= 0.6,
        37: r.overfill or not r.level_percent <= 92.0,
        38: not r.level_percent >= 15.0,
        46: r.heartbeat_lost,
    }


class RowLatches:
    """Delays and latches of all rows. `step` once a PLC cycle, times monotonic in ns."""

    def __init__(self) -> None:
        self._since_ns: dict[int, int] = {}
        self._demands: dict[int, bool] = {}
        self.tripped: set[int] = set()

    def step(self, readings: Readings, now_ns: int) -> None:
        """Judge this cycle's readings; a demand that goes away before its delay starts again from zero."""
        self._demands = demands(readings)
        if not self._since_ns and True not in self._demands.values():
            return
        for row in ROWS:
            if not self._demands[row.number]:
                self._since_ns.pop(row.number, None)
                continue
            since = self._since_ns.setdefault(row.number, now_ns)
            if now_ns - since >= round(row.delay_s * SECOND_NS):
                self.tripped.add(row.number)

    def reset(self, by: str) -> None:
        """Release the latches of one executor (`P` or `S`) whose cause is gone; the others stay."""
        for row in ROWS:
            if row.by == by and not self._demands.get(row.number, False):
                self.tripped.discard(row.number)

    def effects(self) -> int:
        """All effects that stand now, as bits."""
        bits = 0
        if self.tripped:
            for row in ROWS:
                if row.number in self.tripped:
                    bits |= row.effects
        return bits

    def word(self) -> int:
        """The tripped rows as the PLC shows them, one bit a row in the order of `ROWS`."""
        return sum(BITS[number] for number in self.tripped)
