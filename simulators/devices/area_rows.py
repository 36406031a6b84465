"""The rows that the area PLC executes: type P of section 6.3, as far as the circuit has their instruments.

Rows of type P that are not here need what lies outside the circuit: 10 to 14 the scrubber and the stack, 11, 53 to 60,
64 other areas, 40, 41 tank farms, 50 to 52 the utilities. Row 29 needs the density beside the turbidity to confirm a
rupture (less by 5 kg/m3 than what it was when the turbidity was low); row 31 and 8 isolate nothing, since the scrubber
is not there. Outlet temperature, turbidity, ORP, conductivity and gas values reach this PLC on current outputs of
those instruments.
"""

from typing import Final, NamedTuple

from simulators.devices.plc_rows import Row


class CellReadings(NamedTuple):
    """What the rows of a cell look at, as the PLC's own transducers give it."""

    current_a: float
    voltage_v: float
    flow_m3_h: float
    felt_dp_bar: float
    membrane_dp_bar: float
    outlet_c: float
    process_open: bool
    wash_open: bool
    contactor_command: int
    contactor_position: int


class CircuitReadings(NamedTuple):
    """What the rows of the circuit look at. Without loops only the first three count, the others are as they should."""

    tank_temperature_c: float
    level_percent: float
    heartbeat_lost: bool  # 5 s without a toggle; the delay of row 46 is in it
    chlorine_ppm: float = 0.0
    turbidity_ntu: float = 0.0
    rupture_confirmed: bool = False
    orp_mv: float = 0.0
    acid_level_percent: float = 60.0
    anolyte_level_percent: float = 60.0


def _each(number: int, delay_s: float, effects: str, text: str, when: object) -> Row:
    return Row(number, delay_s, tuple(effects.split()), text, when, True)  # type: ignore[arg-type]


def _circuit(number: int, delay_s: float, effects: str, text: str, when: object, place: int = 0) -> Row:
    return Row(number, delay_s, tuple(effects.split()), text, when, place=place)  # type: ignore[arg-type]


OUTLET: Final = _each(25, 5.0, "E1 E4", "cell outlet temperature HH", lambda r: not r.outlet_c <= 65.0)
OPEN_BOTH: Final = _each(
    42, 0.5, "E1 E4 wash-stop", "wash and process valve both not closed", lambda r: r.process_open and r.wash_open
)
CELL_ROWS: Final = (
    _each(18, 0.5, "E1 E4", "cell voltage HH", lambda r: not abs(r.voltage_v) <= 5.5),
    _each(
        20,
        2.0,
        "E1 E4 E6",
        "cell voltage low above 40 A, internal short",
        lambda r: not abs(r.current_a) <= 40.0 and not abs(r.voltage_v) >= 1.9,
    ),
    _each(22, 0.2, "E1 E4", "overcurrent", lambda r: not abs(r.current_a) <= 110.0),
    _each(23, 1.0, "E4", "reverse current", lambda r: r.contactor_command != 2 and not r.current_a >= -2.0),
    _each(
        24,
        1.0,
        "E1",
        "contactor position not as commanded",
        lambda r: r.contactor_position != r.contactor_command,
    ),
    _each(27, 2.0, "E1 E6", "membrane differential pressure HH", lambda r: not abs(r.membrane_dp_bar) <= 0.3),
    _each(28, 5.0, "E1 E6", "felt differential pressure HH", lambda r: not r.felt_dp_bar <= 0.6),
)
CIRCUIT_ROWS: Final = (
    _circuit(26, 10.0, "E2", "tank temperature HH", lambda r: not r.tank_temperature_c <= 60.0),
    _circuit(38, 5.0, "E2 E8", "tank level LL", lambda r: not r.level_percent >= 15.0),
    _circuit(46, 0.0, "E4 E5 bleed-shut", "supervisory heartbeat lost", lambda r: r.heartbeat_lost),
)
LOOP_ROWS: Final = (
    _circuit(8, 5.0, "E2", "anode gas chlorine HH", lambda r: not r.chlorine_ppm <= 200.0),
    _circuit(
        29,
        10.0,
        "E3 E11",
        "rare earth in the acid loop HH, membrane rupture",
        lambda r: not r.turbidity_ntu <= 40.0 and r.rupture_confirmed,
    ),
    _circuit(31, 10.0, "E3", "anolyte ORP HH", lambda r: not r.orp_mv <= 1250.0),
    _circuit(39, 5.0, "acid-water", "acid tank HH", lambda r: not r.acid_level_percent <= 92.0, 1),
    _circuit(39, 5.0, "E3 acid-stop", "acid tank LL", lambda r: not r.acid_level_percent >= 15.0, 2),
    _circuit(39, 5.0, "anolyte-water", "anolyte tank HH", lambda r: not r.anolyte_level_percent <= 92.0, 3),
    _circuit(39, 5.0, "E3 anolyte-stop", "anolyte tank LL", lambda r: not r.anolyte_level_percent >= 15.0, 4),
)


def rows(loops: bool) -> tuple[Row, ...]:
    """The rows of a circuit with its loops or without, each cell's first, then the circuit's, in their order."""
    cells = (*CELL_ROWS, OUTLET, OPEN_BOTH) if loops else CELL_ROWS
    circuit = (*CIRCUIT_ROWS, *LOOP_ROWS) if loops else CIRCUIT_ROWS
    return (*sorted(cells, key=lambda r: r.number), *sorted(circuit, key=lambda r: (r.number, r.place)))
