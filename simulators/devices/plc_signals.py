"""The data blocks of PLC-4: every item that it serves over OPC UA, with type, unit, range, resolution and rhythm.

An item is a (tag, member) pair and lies at the string identifier `"DB_A<area>"."<FFF_NNNN>"."<member>"` in the
namespace of the controller's maker. Members: PV the value, QUAL its quality number (0 good, 1 uncertain, 2 bad), SIM
true while the value is simulated by the PLC, SP an analogue set-point, CMD a command, MODE 0 manual 1 automatic,
RUN FLT REM HRS of a motor, ZSO ZSC TRV FLT of a valve.

Resolutions are those of the cards and meters: 16-bit-class 4-20 mA cards serve 27648 steps of the range but the
transmitters behind them resolve less, so that a still plant serves still values: magnetic flow meter 0.001 m3/h,
dp cells 0.001 bar, level 0.1 %, temperatures 0.05 degC, dosing flow 0.01 L/h, Coriolis density 0.1 kg/m3,
conductivity 0.1 mS/cm, electrode potential 5 mV, N2 0.01 Nm3/h, speed 0.1 %.
"""

from dataclasses import dataclass
from typing import Final, Literal

NAMESPACE_URI: Final = "http://www.siemens.com/simatic-s7-opcua"

FAST_MS: Final = 200
SLOW_MS: Final = 500

NodeType = Literal["Float", "Int16", "UInt16", "UInt32", "Boolean"]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured value: the plant signal behind it times `factor` in `unit`, range, resolution, sampling period."""

    tag: str
    signal: str
    unit: str
    low: float
    high: float
    step: float
    period_ms: int
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Setpoint:
    """An analogue output: SP in `unit`, limited to low..high, read back at OP."""

    tag: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Node:
    """One item of the data block as the server builds it."""

    key: Key
    type: NodeType
    writable: bool
    initial: float | int | bool


MEASUREMENTS: Final = (
    Measurement("40-EI-4012", "cell.cathode_potential_v", "V", -2.5, 0.5, 0.005, FAST_MS),
    Measurement("40-FI-4013", "cell.flow_m3_h", "m3/h", 0.0, 1.0, 0.001, FAST_MS),
    Measurement("40-PDI-4014", "cell.felt_dp_bar", "bar", 0.0, 1.0, 0.001, FAST_MS),
    Measurement("40-PDI-4015", "cell.membrane_dp_bar", "bar", -0.5, 0.5, 0.001, FAST_MS),
    Measurement("40-LI-4211", "tank.level_percent", "%", 0.0, 100.0, 0.1, SLOW_MS),
    Measurement("40-TI-4214", "tank.temperature_c", "degC", 0.0, 100.0, 0.05, SLOW_MS),
    Measurement("40-FI-4215", "feed.flow_l_h", "L/h", 0.0, 10.0, 0.01, SLOW_MS),
    Measurement("40-DI-4216", "density.kg_m3", "kg/m3", 900.0, 1400.0, 0.1, SLOW_MS),
    Measurement("40-CI-4217", "conductivity.ms_cm", "mS/cm", 0.0, 200.0, 0.1, SLOW_MS),
    Measurement("40-FI-4219", "purge.flow_nm3_h", "Nm3/h", 0.0, 2.0, 0.01, SLOW_MS),
    Measurement("40-SI-4216", "pump.speed", "%", 0.0, 100.0, 0.1, FAST_MS, 100.0),
)

FEED: Final = "40-FC-4215"
PUMP_SPEED: Final = "40-SC-4216"
PUMP: Final = "40-HS-4216"
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

SETPOINTS: Final = (
    Setpoint(FEED, "L/h", 0.0, 10.0),
    Setpoint(PUMP_SPEED, "%", 0.0, 100.0),
    Setpoint(COOLING, "%", 0.0, 100.0),
    Setpoint(HEATER, "%", 0.0, 100.0),
    Setpoint(TEMPERATURE_LOOP, "degC", 20.0, 60.0),
)

NODE_TYPES: Final[tuple[tuple[Key, NodeType, bool], ...]] = (
    ((CONTACTOR, "CMD"), "Int16", True),
    ((CONTACTOR_POSITION, "PV"), "Int16", False),
    ((PUMP, "CMD"), "Boolean", True),
    ((PUMP, "RUN"), "Boolean", False),
    ((PUMP, "FLT"), "Boolean", False),
    ((PUMP, "REM"), "Boolean", False),
    ((PUMP, "HRS"), "Float", False),
    ((DRIVE_STATUS, "PV"), "UInt16", False),
    ((DRAWOFF, "CMD"), "Boolean", True),
    ((DRAWOFF, "ZSO"), "Boolean", False),
    ((DRAWOFF, "ZSC"), "Boolean", False),
    ((DRAWOFF, "TRV"), "Boolean", False),
    ((DRAWOFF, "FLT"), "Boolean", False),
    ((DRAWOFF_POSITION, "PV"), "Int16", False),
    ((OVERFILL, "PV"), "Boolean", False),
    ((TEMPERATURE_LOOP, "MODE"), "Int16", True),
    ((ROWS, "PV"), "UInt32", False),
    ((RESET, "CMD"), "Boolean", True),
    ((HEARTBEAT_IN, "CMD"), "Boolean", True),
    ((HEARTBEAT_OUT, "PV"), "UInt16", False),
)


def identifier(key: Key) -> str:
    """The node's string identifier, with the quotes that belong to it: `"DB_A40"."FI_4013"."PV"`."""
    tag, member = key
    area, letters, number = tag.split("-")
    return f'"DB_A{area}"."{letters}_{number}"."{member}"'


def _nodes() -> tuple[Node, ...]:
    nodes: list[Node] = []
    for measurement in MEASUREMENTS:
        nodes.append(Node((measurement.tag, "PV"), "Float", False, 0.0))
        nodes.append(Node((measurement.tag, "QUAL"), "Int16", False, 0))
        nodes.append(Node((measurement.tag, "SIM"), "Boolean", False, False))
    for setpoint in SETPOINTS:
        nodes.append(Node((setpoint.tag, "SP"), "Float", True, 0.0))
        nodes.append(Node((setpoint.tag, "OP"), "Float", False, 0.0))
    for key, node_type, writable in NODE_TYPES:
        nodes.append(Node(key, node_type, writable, False if node_type == "Boolean" else 0))
    return tuple(nodes)


NODES: Final = _nodes()
KEYS: Final = {node.key: node for node in NODES}
