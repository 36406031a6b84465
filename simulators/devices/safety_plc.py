"""Safety PLC of the circuit: the rows of type S, hard-wired to what they stop, readable and not writable.

Each cycle (100 ms) it judges its rows on transmitters of its own loops (the same instruments, split before the area
PLC), latches them and holds its lines: rectifier interlock and contactor of each cell, feed stop, draw-off and bleed
open, pump stop, fans at full speed. Nothing from above reaches it; the key at the cabinet (`reset`) releases rows
whose cause is gone. A channel that is not a number counts as a vote for the trip, so that a failed one turns 2oo3 into
1oo2 of the others.

Rows of type S that are not here: 3 and 9 (cell room gas) and 43 (earth leakage) for want of their instruments, 44 (full
scale only), 56 and 65 (other areas). Row 5 confirms the low flow by nothing: no fan running is a demand by itself. Row
37 stops the pump 60 s after the trip if the level is higher than it was then.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from simulators.circuit_names import of_cell
from simulators.devices.data_block import DataBlock
from simulators.devices.plc_rows import Effect, Row, RowLatches, placed
from simulators.devices.plc_signals import OVERFILL_PERCENT, Layout, Node, row_nodes
from simulators.devices.registers import PlantSignals

RISING_NS: Final = 60_000_000_000
RUNNING_A: Final = 5.0
FAN_TURNS: Final = 0.1


class CellReadings(NamedTuple):
    """Of one cell."""

    current_a: float
    flow_m3_h: float


class CircuitReadings(NamedTuple):
    """Of the circuit; without loops only the first three count."""

    level_percent: float
    overfill: bool
    emergency_stop: bool
    current_a: float  # the largest of the cells
    acid_flow_m3_h: float = 2.4
    anolyte_flow_m3_h: float = 3.6
    hydrogen_lel: tuple[float, ...] = (0.0, 0.0, 0.0)
    dilution_nm3_h: float = 90.0
    fan_turns: bool = True
    header_mbar: float = -2.0
    oxygen_percent: float = 0.0


def votes(values: tuple[float, ...], limit: float) -> int:
    """How many channels vote for a trip: above `limit`, or no number."""
    return sum(not value <= limit for value in values)


FLOW: Final = Row(
    15,
    2.0,
    ("E1", "E4"),
    "catholyte flow LL with current above 5 A",
    lambda r: not abs(r.current_a) <= RUNNING_A and not r.flow_m3_h >= 0.24,
    True,
)
LEVEL: Final = Row(
    37, 2.0, ("E5", "draw-off", "bleed"), "tank level HH", lambda r: r.overfill or not r.level_percent <= 92.0
)
STOP: Final = Row(49, 0.0, ("E3", "E4", "E5", "E11"), "emergency stop", lambda r: r.emergency_stop)
GAS: Final = (
    Row(
        1,
        1.0,
        ("E3", "E4", "E5", "E9", "E10"),
        "hydrogen in the header HH, two of three",
        lambda r: votes(r.hydrogen_lel, 25.0) >= 2,
    ),
    Row(
        5,
        3.0,
        ("E3", "E4", "E9", "E10"),
        "dilution air LL, or no fan turns",
        lambda r: not r.dilution_nm3_h >= 60.0 or not r.fan_turns,
    ),
    Row(6, 5.0, ("E3", "E9"), "hydrogen header pressure HH", lambda r: not r.header_mbar <= 5.0),
    Row(7, 5.0, ("E3", "E4", "E10"), "oxygen in the hydrogen header HH", lambda r: not r.oxygen_percent <= 4.0),
)
FLOWS: Final = (
    Row(
        16,
        2.0,
        ("E3",),
        "acid loop flow LL with current",
        lambda r: not r.current_a <= RUNNING_A and not r.acid_flow_m3_h >= 0.8,
    ),
    Row(
        17,
        2.0,
        ("E3",),
        "anolyte flow LL with current",
        lambda r: not r.current_a <= RUNNING_A and not r.anolyte_flow_m3_h >= 1.5,
    ),
)


def rows(loops: bool) -> tuple[Row, ...]:
    """The rows of a circuit with its loops or without, in the order of the chart."""
    return (*GAS, FLOW, *FLOWS, LEVEL, STOP) if loops else (FLOW, LEVEL, STOP)


class SafetyPlc(DataBlock):
    """The safety PLC. `effects` are what its lines do now; `emergency_stop` is the button in the cell room."""

    product = "PCT-SIS-4"

    def __init__(self, plant: PlantSignals, layout: Layout) -> None:
        found = placed(rows(layout.loops), layout.cells)
        super().__init__(nodes(layout))
        self.latches = RowLatches(found, layout.cells)
        self.emergency_stop = False
        self._cells = [
            plant.reader(of_cell("cell.current_a", k), of_cell("cell.flow_m3_h", k)) for k in range(1, layout.cells + 1)
        ]
        self._circuit = _reader(plant, layout)
        self._level_percent = 0.0
        self._tripped_ns: int | None = None
        self._rising = False

    @property
    def effects(self) -> frozenset[Effect]:
        """What the lines hold now."""
        return self.latches.effects | {("E8", 0)} if self._rising else self.latches.effects

    def reset(self) -> None:
        """Turn the key at the cabinet: rows whose cause is gone are released."""
        self.latches.reset()

    def cycle(self, now_ns: int, utc_ns: int) -> None:
        """One cycle on the plant's present values."""
        cells = [CellReadings(*read()) for read in self._cells]
        circuit = self._circuit(max(abs(c.current_a) for c in cells), self.emergency_stop)
        self.latches.step(cells, circuit, now_ns, utc_ns)
        self._watch_level(circuit.level_percent, now_ns)
        self.show_rows(self.latches, utc_ns, "XZ")

    def _watch_level(self, level_percent: float, now_ns: int) -> None:
        """The second stage of row 37."""
        if ("draw-off", 0) not in self.latches.effects:
            self._tripped_ns, self._rising = None, False
        elif self._tripped_ns is None:
            self._tripped_ns, self._level_percent = now_ns, level_percent
        elif now_ns - self._tripped_ns >= RISING_NS:
            self._rising = self._rising or not level_percent <= self._level_percent


def nodes(layout: Layout) -> tuple[Node, ...]:
    """What it shows: three bits a row."""
    return tuple(node for p in placed(rows(layout.loops), layout.cells) for node in row_nodes(p.tag("XZ")))


def _reader(plant: PlantSignals, layout: Layout) -> Callable[[float, bool], CircuitReadings]:
    """A function of the largest current and the emergency stop that reads the circuit."""
    level = plant.reader("tank.level_percent", layout.overfill)
    if not layout.loops:

        def alone(current_a: float, stop: bool) -> CircuitReadings:
            percent, fork = level()
            return CircuitReadings(percent, fork >= OVERFILL_PERCENT, stop, current_a)

        return alone
    loops = plant.reader(
        *("acid.flow_m3_h", "anolyte.flow_m3_h", "hydrogen_a.lel_percent", "hydrogen_b.lel_percent"),
        *("hydrogen_c.lel_percent", "dilution.flow_nm3_h", "fan_a.speed", "fan_b.speed"),
        *("header.pressure_mbar", "header.oxygen_percent"),
    )

    def whole(current_a: float, stop: bool) -> CircuitReadings:
        percent, fork = level()
        acid, anolyte, lel_a, lel_b, lel_c, air, fan_a, fan_b, pressure, oxygen = loops()
        turns = fan_a > FAN_TURNS or fan_b > FAN_TURNS
        return CircuitReadings(
            percent,
            fork >= OVERFILL_PERCENT,
            stop,
            current_a,
            acid,
            anolyte,
            (lel_a, lel_b, lel_c),
            air,
            turns,
            pressure,
            oxygen,
        )

    return whole
