"""Faults of cells, rectifiers, valves and loops, in the catalogue: which field of the plant takes which value.

Imported by whoever wants them by name; `simulators.faults` has the way in which they come and go, and those of a
circuit of one cell.
"""

from simulators.circuit_names import of_cell
from simulators.faults import CELL, RECTIFIER, Fault, fixed, given, register


def _units_named(*units: str) -> dict[str, str]:
    return {unit: unit for unit in units}


CELL_VALVE = _units_named(*(of_cell("cell_valve", cell) for cell in range(1, 5)))
CONTACTOR = {of_cell("contactor", cell): of_cell("rectifier", cell) for cell in range(1, 5)}
VALVE = {
    name: f"{name}_valve"
    for name in ("acid_water", "acid_product", "cooling", "anolyte_water", "anolyte_cooling", "bleed")
}
WATER, COOLER = _units_named("acid_water", "anolyte_water"), _units_named("cooler", "anolyte_cooler")

for _fault in (
    Fault("fan-trip", "a fan's drive trips", _units_named("fan_a", "fan_b"), {"tripped": fixed(1.0)}),
    Fault("wash-pump-trip", "the wash pump's starter trips", _units_named("wash"), {"tripped": fixed(1.0)}),
    Fault("rectifier-fan-stands", "the fan stands: the heat sink gets hot", RECTIFIER, {"fan_failed": fixed(1.0)}),
    Fault("rectifier-hot", "the air at the heat sink is hot", RECTIFIER, {"ambient_c": given("c")}, {"c": 80.0}),
    Fault("rectifier-phase-lost", "a mains phase is missing: half the current", RECTIFIER, {"phase_lost": fixed(1.0)}),
    Fault(
        "rectifier-backfeed",
        "the output does not block: switched off, the cell drives a current backwards",
        RECTIFIER,
        {"bleeder_ohm": given("ohm")},
        {"ohm": 0.1},
    ),
    Fault(
        "contactor-welded",
        "a contactor stays where it is: 0 open, 1 forward, 2 reverse",
        CONTACTOR,
        {"welded": given("position")},
        {"position": 1.0},
    ),
    Fault("cell-crossed", "a cell is connected the wrong way round", RECTIFIER, {"crossed": fixed(1.0)}),
    Fault(
        "cell-flow-lost",
        "the line to a cell is blocked, in whole or in part",
        CELL,
        {"blocked": given("share")},
        {"share": 1.0},
    ),
    Fault("electrode-aged", "anode and contacts have served for long", CELL, {"age_h": given("h")}, {"h": 5000.0}),
    Fault(
        "anion-pinhole",
        "a hole in the anion membrane: slurry or acid passes with the pressure, acid diffuses",
        CELL,
        {"anion_hole_l_h": given("l_h"), "membrane_leak": fixed(100.0)},
        {"l_h": 0.5},
    ),
    Fault(
        "anion-rupture",
        "the anion membrane is torn",
        CELL,
        {"anion_hole_l_h": given("l_h"), "membrane_leak": fixed(100.0)},
        {"l_h": 60.0},
    ),
    Fault(
        "cation-rupture",
        "the cation membrane is torn: chloride reaches the anode",
        CELL,
        {"cation_hole_l_h": given("l_h")},
        {"l_h": 20.0},
    ),
    Fault("cell-valve-stuck", "a three-way set stays where it is", CELL_VALVE, {"stuck": fixed(1.0)}),
    Fault("cell-valve-slow", "a three-way set is slow", CELL_VALVE, {"slow": given("times")}, {"times": 5.0}),
    Fault("cell-valve-switch-lost", "its limit switches are silent", CELL_VALVE, {"switch_lost": fixed(1.0)}),
    Fault("cell-valve-no-air", "no air: it goes to the wash side", CELL_VALVE, {"no_air": fixed(1.0)}),
    Fault("cell-valve-leaks", "its seat is worn", CELL_VALVE, {"worn": given("share")}, {"share": 0.1}),
    Fault("control-valve-stuck", "a control valve's stem does not move", VALVE, {"stuck": fixed(1.0)}),
    Fault(
        "control-valve-sticky",
        "a control valve sticks: the band as a share of its stroke",
        VALVE,
        {"band": given("band"), "jump": given("band", scale=0.5)},
        {"band": 0.05},
    ),
    Fault("water-lost", "the water mains are without pressure", WATER, {"lost": fixed(1.0)}),
    Fault("cooling-water-lost", "no cooling water comes", COOLER, {"lost": fixed(1.0)}),
    Fault(
        "cooler-fouled",
        "a cooler is fouled, m2 K/W",
        COOLER,
        {"fouled_m2k_w": given("m2k_w")},
        {"m2k_w": 1e-3},
    ),
    Fault(
        "header-blocked",
        "the hydrogen header is blocked in part",
        _units_named("header"),
        {"blocked": given("share")},
        {"share": 0.5},
    ),
    Fault(
        "header-leak",
        "air leaks into the hydrogen header",
        _units_named("header"),
        {"leak_nm3_h": given("nm3_h")},
        {"nm3_h": 0.3},
    ),
):
    register(_fault)
