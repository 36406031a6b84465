"""The data blocks of PLC-4: every item that it serves over OPC UA, with type, unit, range, resolution and rhythm.

An item is a (tag, member) pair and lies at the string identifier `"DB_A<area>"."<FFF_NNNN>"."<member>"` in the
namespace of the controller's maker. Members: PV the value, QUAL its quality number (0 good, 1 uncertain, 2 bad), SIM
true while the value is simulated by the PLC, ALM its alarm word (bits 0 LL, 1 L, 2 H, 3 HH), SP an analogue set-point,
OP what is used of it, CMD a command, MODE of the PLC's own loop 0 manual 1 automatic (written), of a final element 1 a
chart row has it, 2 the PLC's own loop, 3 whoever writes its SP, RUN FLT REM HRS of a motor, ZSO ZSC TRV FLT of a valve;
of a chart row PV latched, DEMAND cause stands, FIRST first-out.

What there is follows from the number of cells and from whether the loops beside the catholyte are there; without them
PLC-4 also drives the recirculation pump and reads density and conductivity, which else are devices of their own.

Resolutions are those of the cards and meters: 16-bit-class 4-20 mA cards serve 27648 steps of the range but the
transmitters behind them resolve less, so that a still plant serves still values: magnetic flow meter 0.001 m3/h,
dp cells 0.001 bar, level 0.1 %, temperatures 0.05 degC, dosing flow 0.01 L/h, Coriolis density 0.1 kg/m3,
conductivity 0.1 mS/cm, electrode potential 5 mV, N2 0.01 Nm3/h, speed 0.1 %.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from simulators.circuit_names import of_cell

NAMESPACE_URI: Final = "http://www.siemens.com/simatic-s7-opcua"

BY_ROW, OWN_LOOP, REMOTE = 1, 2, 3
"""Who has a final element: a chart row, the PLC's own loop, the controller above."""
FAST_MS: Final = 200
SLOW_MS: Final = 500
OVERFILL_PERCENT: Final = 95.0
MOST_CELLS: Final = 4

NodeType = Literal["Float", "Int16", "UInt16", "UInt32", "Boolean"]
Key = tuple[str, str]
Limits = tuple[float, float, float, float]
NO_LIMITS: Final[Limits] = (-math.inf, -math.inf, math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured value: the plant signal behind it times `factor` in `unit`, range, resolution, sampling period.

    `limits` are LL, L, H, HH of its alarm word.
    """

    tag: str
    service: str
    signal: str
    unit: str
    low: float
    high: float
    step: float
    period_ms: int
    factor: float = 1.0
    limits: Limits = NO_LIMITS


@dataclass(frozen=True, slots=True)
class Setpoint:
    """An analogue output: SP in `unit`, limited to low..high, read back at OP; the plant's `signal` is 0..1 of `high`.

    `fail_safe` is the share after a loss of the PLC's power; `position` the signal (0..1) of a positioner's feedback,
    shown at PV in %.
    """

    tag: str
    service: str
    unit: str
    low: float
    high: float
    signal: str = ""
    fail_safe: float = 0.0
    position: str = ""


@dataclass(frozen=True, slots=True)
class ValveSpec:
    """An on/off valve: command and position tag, the plant's command and its limit switches.

    With `position` instead of switches the ends are 5 % and 95 % of it; with neither the PLC's valve travels 2 s.
    """

    tag: str
    position_tag: str
    service: str
    signal: str
    opened: str = ""
    closed: str = ""
    position: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One item of the data block as the server builds it."""

    key: Key
    type: NodeType
    writable: bool
    initial: float | int | bool


def cell_tag(letters: str, cell: int, last: int) -> str:
    """The tag of a cell's loop: `cell_tag("FI", 2, 3)` is 40-FI-4023."""
    return f"40-{letters}-{4000 + 10 * cell + last}"


CONTACT: Final = "contactor.feedback"
"""Where a contactor really is, which need not be where it was ordered to."""


def limits(low_low: float | None, low: float | None, high: float | None, high_high: float | None) -> Limits:
    """LL, L, H, HH, None where there is none."""
    return (
        -math.inf if low_low is None else low_low,
        -math.inf if low is None else low,
        math.inf if high is None else high,
        math.inf if high_high is None else high_high,
    )


def _of_cell(cell: int) -> Iterator[Measurement]:
    name = f"EC-4{cell:02d}"
    for letters, last, service, signal, unit, low, high, step, alarm in (
        (
            *("EI", 2, "cathode potential against Ag/AgCl", "cell.cathode_potential_v", "V", -2.5, 0.5, 0.005),
            limits(None, -1.7, None, None),
        ),
        ("FI", 3, "catholyte flow", "cell.flow_m3_h", "m3/h", 0.0, 1.0, 0.001, limits(0.24, 0.36, None, None)),
        (
            *("PDI", 4, "felt differential pressure", "cell.felt_dp_bar", "bar", 0.0, 1.0, 0.001),
            limits(None, None, 0.4, 0.6),
        ),
        (
            *("PDI", 5, "membrane differential pressure", "cell.membrane_dp_bar", "bar", -0.5, 0.5, 0.001),
            limits(-0.3, -0.2, 0.2, 0.3),
        ),
    ):
        tag = cell_tag(letters, cell, last)
        yield Measurement(tag, f"{name} {service}", of_cell(signal, cell), unit, low, high, step, FAST_MS, limits=alarm)


LEVEL: Final = limits(15.0, 25.0, 85.0, 92.0)
WARM: Final = limits(None, None, 50.0, 60.0)
FEED: Final = "40-FC-4215"
PUMP_SPEED: Final = "40-SC-4216"
PUMP: Final = "40-HS-4216"
BLEED: Final = "40-LV-4211"
COOLING: Final = "40-TV-4214"
HEATER: Final = "40-JV-4214"
DRAWOFF: Final = "40-XV-4218"
CONTACTOR: Final = "40-HZ-4010"
TEMPERATURE_LOOP: Final = "40-TIC-4214"
ROWS: Final = "40-XS-4000"
RESET: Final = "40-HS-4000"
HEARTBEAT_IN: Final = "90-XY-9031"
HEARTBEAT_OUT: Final = "90-XS-9032"
DRIVE_STATUS: Final = "40-XS-4216"
OVERFILL: Final = "40-LSHH-4211"
DRAWOFF_POSITION: Final = "40-ZI-4218"
CONTACTOR_POSITION: Final = "40-ZI-4010"
WASH_PUMP: Final = "40-HS-4282"
WASH_RUNS: Final = "40-XS-4282"
ACID_WATER: Final = "40-FV-4275"
ACID_PRODUCT: Final = "40-FV-4276"
ANOLYTE_COOLING: Final = "40-TV-4264"
ANOLYTE_WATER: Final = "40-FV-4262"


def _tank(loops: bool) -> Iterator[Measurement]:
    percent = ("%", 0.0, 100.0, 0.1, SLOW_MS)
    low_salt, low_purge = limits(None, 35.0, None, None), limits(0.3, 0.5, None, None)
    yield Measurement("40-LI-4211", "circuit A tank level", "tank.level_percent", *percent, limits=LEVEL)
    warm = ("degC", 0.0, 100.0, 0.05, SLOW_MS)
    yield Measurement("40-TI-4214", "circuit A tank temperature", "tank.temperature_c", *warm, limits=WARM)
    feed = ("L/h", 0.0, 30.0 if loops else 10.0, 0.01, SLOW_MS)
    yield Measurement("40-FI-4215", "circuit A feed flow", "feed.flow_l_h", *feed)
    if not loops:
        dense = ("kg/m3", 900.0, 1400.0, 0.1, SLOW_MS)
        yield Measurement("40-DI-4216", "circuit A recirculation density", "density.kg_m3", *dense)
        salt = ("mS/cm", 0.0, 200.0, 0.1, SLOW_MS)
        yield Measurement("40-CI-4217", "circuit A conductivity", "conductivity.ms_cm", *salt, limits=low_salt)
    purge = ("Nm3/h", 0.0, 2.0, 0.01, SLOW_MS)
    yield Measurement("40-FI-4219", "circuit A N2 purge of the tank", "purge.flow_nm3_h", *purge, limits=low_purge)
    if not loops:
        share = ("%", 0.0, 100.0, 0.1, FAST_MS, 100.0)
        yield Measurement("40-SI-4216", "circuit A recirculation pump speed", "pump.speed", *share)


def _loops() -> Iterator[Measurement]:
    for tag, service, signal, unit, low, high, step, alarm in (
        ("40-LI-4261", "anolyte tank level", "anolyte.level_percent", "%", 0.0, 100.0, 0.1, LEVEL),
        ("40-TI-4264", "anolyte temperature", "anolyte.temperature_c", "degC", 0.0, 100.0, 0.05, WARM),
        (
            *("40-FI-4265", "anolyte flow", "anolyte.flow_m3_h", "m3/h", 0.0, 6.0, 0.005),
            limits(1.5, 2.5, None, None),
        ),
        ("40-LI-4271", "acid loop level", "acid.level_percent", "%", 0.0, 100.0, 0.1, LEVEL),
        (
            *("40-FI-4274", "acid loop flow", "acid.flow_m3_h", "m3/h", 0.0, 4.0, 0.005),
            limits(0.8, 1.2, None, None),
        ),
        ("40-FI-4275", "DI water to the acid loop", "acid_water.flow_l_h", "L/h", 0.0, 30.0, 0.05, NO_LIMITS),
        ("40-FI-4276", "acid product", "acid_product.flow_l_h", "L/h", 0.0, 40.0, 0.05, NO_LIMITS),
        (
            *("40-LI-4281", "wash acid level", "wash.level_percent", "%", 0.0, 100.0, 0.1),
            limits(None, 20.0, 90.0, None),
        ),
        (
            *("80-FI-8014", "H2 header dilution air", "dilution.flow_nm3_h", "Nm3/h", 0.0, 200.0, 0.5),
            limits(60.0, 80.0, None, None),
        ),
        (
            *("80-PI-8015", "H2 header pressure", "header.pressure_mbar", "mbar", -20.0, 20.0, 0.1),
            limits(None, -10.0, 2.0, 5.0),
        ),
        (
            *("80-AI-8021", "H2 header oxygen", "header.oxygen_percent", "vol%", 0.0, 25.0, 0.02),
            limits(None, None, 2.0, 4.0),
        ),
    ):
        yield Measurement(tag, service, signal, unit, low, high, step, SLOW_MS, limits=alarm)


def _setpoints(loops: bool) -> Iterator[Setpoint]:
    yield Setpoint(FEED, "circuit A dosing pump", "L/h", 0.0, 30.0 if loops else 10.0, "feed.stroke")
    if not loops:
        yield Setpoint(PUMP_SPEED, "circuit A recirculation pump speed", "%", 0.0, 100.0, "pump.speed_command")
    yield Setpoint(
        *(COOLING, "circuit A cooling water valve", "%", 0.0, 100.0, "cooling.output", 1.0),
        "cooling.position" if loops else "",
    )
    yield Setpoint(HEATER, "circuit A heater", "%", 0.0, 100.0, "heater.output")
    yield Setpoint(TEMPERATURE_LOOP, "circuit A temperature set-point of the PLC's own loop", "degC", 20.0, 60.0)
    if loops:
        water, product = ("acid_water.valve", 0.0, "acid_water.position"), ("acid_product.valve", 0.0)
        yield Setpoint(ACID_WATER, "DI water valve of the acid loop", "%", 0.0, 100.0, *water)
        yield Setpoint(ACID_PRODUCT, "acid product valve", "%", 0.0, 100.0, *product, "acid_product.position")
        bleed = ("bleed.valve", 0.0, "bleed.position")
        yield Setpoint(BLEED, "circuit A bleed valve, 0 returns all", "%", 0.0, 100.0, *bleed)
        cooling = ("anolyte_cooling.valve", 1.0, "anolyte_cooling.position")
        yield Setpoint(ANOLYTE_COOLING, "cooling water valve of the anolyte", "%", 0.0, 100.0, *cooling)
        water = ("anolyte_water.valve", 0.0, "anolyte_water.position")
        yield Setpoint(ANOLYTE_WATER, "water make-up valve of the anolyte", "%", 0.0, 100.0, *water)


def _valves(cells: int, loops: bool) -> Iterator[ValveSpec]:
    yield ValveSpec(DRAWOFF, DRAWOFF_POSITION, "circuit A slurry draw-off", "drawoff.open")
    if loops:
        for cell in range(1, cells + 1):
            names = ("cell_valve.process", "cell_valve.at_process", "cell_valve.at_wash")
            service = f"EC-4{cell:02d} three-way set, 1 process, 0 wash side"
            own = (of_cell(name, cell) for name in names)
            yield ValveSpec(cell_tag("XV", cell, 6), cell_tag("ZI", cell, 6), service, *own)
        yield ValveSpec("40-XV-4283", "40-ZI-4283", "DI rinse supply", "rinse.open", position="rinse.position")


def identifier(key: Key) -> str:
    """The node's string identifier, with the quotes that belong to it: `"DB_A40"."FI_4013"."PV"`."""
    tag, member = key
    area, letters, number = tag.split("-")
    return f'"DB_A{area}"."{letters}_{number}"."{member}"'


@dataclass(frozen=True)
class Layout:
    """What a PLC-4 of so many cells, with the loops or without, measures, sets, moves and shows."""

    cells: int
    loops: bool
    measurements: tuple[Measurement, ...]
    setpoints: tuple[Setpoint, ...]
    valves: tuple[ValveSpec, ...]

    @property
    def overfill(self) -> str:
        """The signal that the overfill fork feels: the liquor itself, where the plant shows it."""
        return "true.tank_level_percent" if self.loops else "tank.level_percent"


@cache
def layout(cells: int, loops: bool) -> Layout:
    """The layout for 1 to 4 cells."""
    measured = [m for cell in range(1, cells + 1) for m in _of_cell(cell)]
    measured += [*_tank(loops), *(_loops() if loops else ())]
    return Layout(cells, loops, tuple(measured), tuple(_setpoints(loops)), tuple(_valves(cells, loops)))


def row_nodes(tag: str) -> tuple[Node, ...]:
    """The three bits of a chart row."""
    return tuple(Node((tag, member), "Boolean", False, False) for member in ("PV", "DEMAND", "FIRST"))


def nodes(plan: Layout, row_tags: tuple[str, ...]) -> tuple[Node, ...]:
    """Every item of the data blocks; `row_tags` are the bits of the chart rows that the PLC executes."""
    found: list[Node] = []
    for m in plan.measurements:
        found.append(Node((m.tag, "PV"), "Float", False, 0.0))
        found.append(Node((m.tag, "QUAL"), "Int16", False, 0))
        found.append(Node((m.tag, "SIM"), "Boolean", False, False))
        if m.limits != NO_LIMITS:
            found.append(Node((m.tag, "ALM"), "UInt32", False, 0))
    for s in plan.setpoints:
        found.append(Node((s.tag, "SP"), "Float", True, 0.0))
        found.append(Node((s.tag, "OP"), "Float", False, 0.0))
        if s.signal:
            found.append(Node((s.tag, "MODE"), "Int16", False, REMOTE))
        if s.position:
            found.append(Node((s.tag, "PV"), "Float", False, 0.0))
    for v in plan.valves:
        found.append(Node((v.tag, "CMD"), "Boolean", True, False))
        found += [Node((v.tag, member), "Boolean", False, False) for member in ("ZSO", "ZSC", "TRV", "FLT")]
        found.append(Node((v.position_tag, "PV"), "Int16", False, 0))
    for cell in range(1, plan.cells + 1):
        found.append(Node((cell_tag("HZ", cell, 0), "CMD"), "Int16", True, 0))
        found.append(Node((cell_tag("ZI", cell, 0), "PV"), "Int16", False, 0))
    motor = WASH_PUMP if plan.loops else PUMP
    found.append(Node((motor, "CMD"), "Boolean", True, False))
    found += [Node((motor, member), "Boolean", False, False) for member in ("RUN", "FLT", "REM")]
    found.append(Node((motor, "HRS"), "Float", False, 0.0))
    found.append(Node((WASH_RUNS, "PV"), "Boolean", False, False) if plan.loops else _DRIVE)
    found += [node for tag in row_tags for node in row_nodes(tag)]
    return (*found, *_OTHERS)


_DRIVE: Final = Node((DRIVE_STATUS, "PV"), "UInt16", False, 0)
_OTHERS: Final = (
    Node((OVERFILL, "PV"), "Boolean", False, False),
    Node((TEMPERATURE_LOOP, "MODE"), "Int16", True, 0),
    Node((ROWS, "PV"), "UInt32", False, 0),
    Node((RESET, "CMD"), "Boolean", True, False),
    Node((HEARTBEAT_IN, "CMD"), "Boolean", True, False),
    Node((HEARTBEAT_OUT, "PV"), "UInt16", False, 0),
)
