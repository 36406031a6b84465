"""What stands beside the catholyte of circuit A: acid loop, anolyte loop, cooling, bleed, wash skid, gas.

    water ─ acid tank ─ pump ─ acid tank       cells ─ acid tank ─ product       anolyte tank ─ pump ─ cooler ─ tank
    return ─ cooler ─ catholyte tank           wash skid ─ cells ─ wash skid     cells ─ headers ─ dilution fans
    thickener ─ overflow ─ bleed valve ─ evaporator, and what is not bled back to the catholyte tank

The acid loop holds 150 L of 2 mol/L, the anolyte 200 L of half-molar sulfuric acid, both at a level of 60 %; pumps
are laid out for the 2.4 and 3.6 m3/h of the whole pilot. In the start `running` water, product and bleed are as much
as the current needs.
"""

import math

from simulators.chemistry.constants import FARADAY_C_MOL
from simulators.chemistry.membrane import OSMOSIS_L_MOL
from simulators.circuit_names import of_cell
from simulators.flowsheet import Flowsheet
from simulators.stream import COMPONENTS, HEAT_J_L_K
from simulators.units.thickener import BLEED_L_H

ACID_L, ACID_MOL_L, ACID_C, ACID_ZONE_L = 150.0, 2.0, 38.0, 45.0
ANOLYTE_L, ANOLYTE_MOL_L, ANOLYTE_C = 200.0, 0.5, 40.0
WASH_L, WASH_MOL_L, WASH_C = 80.0, 0.5, 22.0
LEVEL = 0.60
WATER_L_H, PRODUCT_L_H, COOLING_L_H, RATIO = 30.0, 40.0, 500.0, 50.0
ACID_M3_H, ANOLYTE_M3_H, PUMP_M, SPEED = 2.4, 3.6, 12.0, 0.8
UNSTEADY = 0.005
CELL = {"acid_w_k": 20.0, "anolyte_w_k": 40.0, "anolyte_heat_share": 0.3}
"""Of a cell: heat transfer to both loops (a membrane of 0.2 m2 at 100 and 200 W/m2K), heat made at the anode."""
MADE_MOL_S = 0.852 * 85.0 / FARADAY_C_MOL


def heat_from_cells_w(runs: bool) -> float:
    """Heat that one cell gives to acid and anolyte when they stand at their temperatures, W."""
    return CELL["acid_w_k"] * (40.0 - ACID_C) + (CELL["anolyte_heat_share"] * 98.0 if runs else 0.0)


def acid(litres: float, mol_l: float, celsius: float) -> tuple[float, ...]:
    """What a vessel of hydrochloric acid holds."""
    return (litres, 0.0, litres * mol_l, 0.0, 0.0, 0.0, litres * HEAT_J_L_K * celsius)


def sulfuric(litres: float) -> tuple[float, ...]:
    """What a vessel of anolyte holds."""
    return (litres, 0.0, 0.0, 0.0, 0.0, litres * ANOLYTE_MOL_L, litres * HEAT_J_L_K * ANOLYTE_C)


def place_before_cells(sheet: Flowsheet, cells: int) -> None:
    """Wash skid and three-way sets: what feeds the cells."""
    sheet.add("wash", "wash_skid", contents=acid(WASH_L, WASH_MOL_L, WASH_C), mains=(0.0,) * COMPONENTS)
    for cell in range(1, cells + 1):
        sheet.add(of_cell("cell_valve", cell), "cell_valve")


def place_after_cells(sheet: Flowsheet, cells: int, runs: bool, liquor: tuple[float, ...]) -> None:
    """Coolers, loops and gas; `liquor` is one litre of what comes back from the cells."""
    sheet.add("cooling_valve", "control_valve", full_l_h=COOLING_L_H, ratio=1.0, fails_to=1.0)
    sheet.add("cooler", "heat_exchanger", contents=liquor)
    _acid_loop(sheet, MADE_MOL_S * cells if runs else 0.0, runs)
    _anolyte_loop(sheet, runs)
    share = {"run": float(runs), "reference": 0.6 * runs, "speed": 0.6 * runs, "air_nm3_h": 90.0 * runs}
    sheet.add("fan_a", "fan", **share)
    sheet.add("fan_b", "fan")
    made = 85.0 / (2.0 * FARADAY_C_MOL) * cells if runs else 0.0
    sheet.add("header", "header", rising_mol_s=made, hydrogen=made * 22.414 * 3.6 / 91.0)
    sheet.add("spent", "store")


def bleed_l_h(cells: int, feed_l_h: float) -> float:
    """Bleed that keeps the level, L/h: the water of the feed, less what crosses the membranes at the design current."""
    return max(feed_l_h - MADE_MOL_S * cells * OSMOSIS_L_MOL * 3600.0, 0.0)


def place_bleed(sheet: Flowsheet, cells: int, feed_l_h: float) -> None:
    """The valve in the thickener's overflow; without feed it is shut."""
    sheet.add("bleed_valve", "control_valve", **_valve(bleed_l_h(cells, feed_l_h), BLEED_L_H))


def _valve(flow_l_h: float, full_l_h: float) -> dict[str, float]:
    """A control valve that passes `flow_l_h` from the start."""
    position = 1.0 + math.log(flow_l_h / full_l_h) / math.log(RATIO) if flow_l_h > 0.0 else 0.0
    there = dict.fromkeys(("command", "asked", "freed", "position"), position)
    return {"full_l_h": full_l_h, "ratio": RATIO, "share": flow_l_h / full_l_h, "flow_l_s": flow_l_h / 3600.0, **there}


def _pump(sheet: Flowsheet, name: str, flow_m3_h: float, runs: bool, bar: float) -> None:
    """A loop's pump: `flow_m3_h` at a speed of 0.8 against pipes alone."""
    speed = SPEED if runs else 0.0
    flow = flow_m3_h if runs else 0.0
    sheet.add(
        name,
        "pump",
        run=float(runs),
        speed_command=SPEED,
        reference=speed,
        speed=speed,
        felt_m=0.0,
        square_m=PUMP_M * SPEED * SPEED / (flow_m3_h * flow_m3_h),
        nominal_m3_h=flow_m3_h,
        flow_l_s=flow / 3.6,
        flow_m3_h=flow,
        draw_l_s=flow / 3.6,
        cells_bar=bar,
        pressure_bar=bar if runs else 0.0,
        unsteady=UNSTEADY,
    )


def _acid_loop(sheet: Flowsheet, made_mol_s: float, runs: bool) -> None:
    product = made_mol_s / ACID_MOL_L * 3600.0
    water = product - made_mol_s * OSMOSIS_L_MOL * 3600.0
    sheet.add("acid_water_valve", "control_valve", **_valve(water, WATER_L_H))
    sheet.add("acid_water", "water_supply", flow_l_s=water / 3600.0, contents=(0.0,) * COMPONENTS)
    sheet.add("acid_product_valve", "control_valve", **_valve(product, PRODUCT_L_H))
    sheet.add(
        "acid",
        "acid_tank",
        contents=acid(ACID_L - ACID_ZONE_L, ACID_MOL_L, ACID_C),
        zone=acid(ACID_ZONE_L, ACID_MOL_L, ACID_C),
        zone_l=ACID_ZONE_L,
        full_l=ACID_L / LEVEL,
    )
    _pump(sheet, "acid_pump", ACID_M3_H, runs, 0.09)
    sheet.add("product", "store")


def _anolyte_loop(sheet: Flowsheet, runs: bool) -> None:
    sheet.add("anolyte_water_valve", "control_valve", full_l_h=WATER_L_H)
    sheet.add("anolyte_water", "water_supply", contents=(0.0,) * COMPONENTS)
    sheet.add("anolyte", "anolyte_tank", contents=sulfuric(ANOLYTE_L), full_l=ANOLYTE_L / LEVEL)
    _pump(sheet, "anolyte_pump", ANOLYTE_M3_H, runs, 0.0)
    sheet.add("anolyte_cooling_valve", "control_valve", full_l_h=COOLING_L_H, ratio=1.0, fails_to=1.0)
    sheet.add("anolyte_cooler", "heat_exchanger", contents=sulfuric(1.0), clean_w_k=300.0)


STREAMS = (
    ("return.outlet", "cooler.inlet"),
    ("cooler.outlet", "tank.inlet"),
    ("acid_water.outlet", "acid.inlet"),
    ("acid.outlet", "acid_pump.suction"),
    ("acid_pump.discharge", "acid.inlet"),
    ("acid.product", "product.inlet"),
    ("anolyte_water.outlet", "anolyte.inlet"),
    ("anolyte.outlet", "anolyte_pump.suction"),
    ("anolyte_pump.discharge", "anolyte_cooler.inlet"),
    ("anolyte_cooler.outlet", "anolyte.inlet"),
    ("anolyte.overflow", "spent.inlet"),
    ("wash.away", "spent.inlet"),
)
WIRES = (
    ("cooling_valve.share", "cooler.water_share"),
    ("anolyte_cooling_valve.share", "anolyte_cooler.water_share"),
    ("acid_water_valve.flow_l_s", "acid_water.flow_l_s"),
    ("acid_product_valve.flow_l_s", "acid.product_l_s"),
    ("anolyte_water_valve.flow_l_s", "anolyte_water.flow_l_s"),
    ("bleed_valve.flow_l_s", "thickener.bleed_l_s"),
    ("acid_pump.draw_l_s", "acid.draw_l_s"),
    ("acid_pump.speed", "acid.pump_speed"),
    ("acid.level_percent", "acid_pump.level_percent"),
    ("anolyte_pump.draw_l_s", "anolyte.draw_l_s"),
    ("anolyte_pump.speed", "anolyte.pump_speed"),
    ("anolyte.level_percent", "anolyte_pump.level_percent"),
    ("anolyte.stripped_mol_s", "header.chlorine_mol_s"),
    ("fan_a.air_nm3_h", "header.fan_a_nm3_h"),
    ("fan_b.air_nm3_h", "header.fan_b_nm3_h"),
)
OF_A_CELL = (
    ("cell_valve.wash_share", "cell.wash_share"),
    ("acid.chloride_mol_l", "cell.acid_chloride_mol_l"),
    ("acid.re_mol_l", "cell.acid_re_mol_l"),
    ("acid.sulfate_mol_l", "cell.acid_sulfate_mol_l"),
    ("acid.sodium_mol_l", "cell.acid_sodium_mol_l"),
    ("acid.celsius", "cell.acid_c"),
    ("acid_pump.pressure_bar", "cell.acid_bar"),
    ("anolyte.acid_mol_l", "cell.anolyte_mol_l"),
    ("anolyte.chloride_mol_l", "cell.anolyte_chloride_mol_l"),
    ("anolyte.celsius", "cell.anolyte_c"),
    ("cell.hydrogen_mol_s", "header.hydrogen_mol_s"),
    ("cell.oxygen_mol_s", "header.oxygen_mol_s"),
    ("cell.chlorine_mol_s", "anolyte.chlorine_mol_s"),
    ("cell.acid_mol", "account.acid"),
    ("cell.hydrogen_mol", "account.hydrogen"),
)
"""Wires of every cell: ends that begin with `cell` are of that cell."""


def connect(sheet: Flowsheet, cells: int) -> None:
    """Streams and wires of everything that this file places."""
    for source, target in STREAMS:
        sheet.stream(source, target)
    for source, target in WIRES:
        sheet.wire(source, target)
    for cell in range(1, cells + 1):
        sheet.stream(of_cell("cell.acid_side", cell), "acid.inlet")
        sheet.stream(of_cell("cell.anolyte_side", cell), "anolyte.inlet")
        sheet.stream(of_cell("cell.wash_outlet", cell), "wash.inlet")
        for source, target in OF_A_CELL:
            sheet.wire(_own(source, cell), _own(target, cell))
        sheet.wire(of_cell("cell_valve.process_side", cell), f"manifold.opening_{cell}")
        sheet.wire(of_cell("cell_valve.wash_side", cell), f"wash.opening_{cell}")
        sheet.wire(of_cell("cell.ph", cell), f"wash.ph_{cell}")
    for branch in range(1, 5):
        sheet.stream(f"wash.outlet_{branch}", of_cell("cell.inlet", branch if branch <= cells else 1))


def _own(end: str, cell: int) -> str:
    return of_cell(end, cell) if end.startswith("cell") else end
