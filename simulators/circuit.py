"""Catholyte circuit A as a flowsheet: tank, recirculation pump, one to four cells, feed, draw-off, instruments.

    feed ─┐
    tank ─┴─ pump ─ supply pipe ─ manifold ─ cells ─ return pipe ─ tank   cells ─ acid loop   tank ─ thickener ─ tank

One cell needs no manifold.

Two starts: `running` at the operating point (pH 8.0, 85 A a cell, 0.6 m3/h a cell, 40 g/L), `stopped` with the same
liquor, no current, no flow, contactor open.
"""

from simulators import circuit_loops
from simulators.chemistry.constants import FARADAY_C_MOL, NEODYMIUM, RE_OH3_G_MOL, WATER_KG_L
from simulators.chemistry.equilibrium import saturated
from simulators.circuit_instruments import measure
from simulators.circuit_names import names, of_cell
from simulators.flowsheet import Flowsheet
from simulators.stream import COMPONENTS, HEAT_J_L_K
from simulators.units.thickener import DRAWN_L_H

CELSIUS = 40.0
TANK_PH = 8.0
SOLIDS_G_L = 40.0
SALT_MOL_L = 0.5
LIQUOR_L = 60.0
"""Liquor in the whole circuit, on which the loop tuning of 5.2 rests; what is not in pipes and cells is in the tank."""
ZONE_L, PIPE_L, CELL_L, STORE_L = 5.0, 0.5, 1.55, 20.0
LEVEL = 0.60
UNSTEADY = 0.005
"""Of the flow: so a healthy meter never shows one value for long, with or without noise of its own."""
CELL_HEAT_J_K = 25000.0
CURRENT_A = 85.0
FEED_L_H = 30.0
"""Full stroke of the dosing pump of the whole circuit; that of a circuit without loops gives 10 L/h."""
EFFICIENCY = 0.852
FEED_RE_MOL_L, FEED_HCL_MOL_L = 0.60, 0.05
STARTS = ("running", "stopped")
BRANCH_M, COMMON_M = 6.0, 13.07
"""Resistance of a cell's branch and of what all share, m per (m3/h)2 of one cell's flow: 19.07 together."""

OUTLET_RE_MOL_L, OUTLET_ACID_MOL_L = 1.605e-3, -2.252e-3
"""Dissolved rare earth and free acid (negative: hydroxide held by it) that leave a cell at the operating point."""


def at_ph(ph: float) -> tuple[float, float]:
    """Dissolved rare earth and free acid, mol/L, of the circuit's liquor at `ph` in equilibrium with its solid."""
    answer = saturated(NEODYMIUM, CELSIUS, SALT_MOL_L / WATER_KG_L, ph)
    return answer[1] * WATER_KG_L, (answer[5] - 3.0 * answer[1]) * WATER_KG_L


def liquor(litres: float, re_mol_l: float, acid_mol_l: float, solids_g_l: float = SOLIDS_G_L) -> tuple[float, ...]:
    """What a vessel of `litres` holds at 40 degC; `acid_mol_l` is chloride less sodium less 3 x rare earth."""
    solid = solids_g_l / RE_OH3_G_MOL[NEODYMIUM]
    amounts = (1.0, SALT_MOL_L, SALT_MOL_L + 3.0 * re_mol_l + acid_mol_l, re_mol_l, solid, 0.0)
    return (*(litres * amount for amount in amounts), litres * HEAT_J_L_K * CELSIUS)


def feed_flow_l_h(current_a: float, re_mol_l: float = FEED_RE_MOL_L, hcl_mol_l: float = FEED_HCL_MOL_L) -> float:
    """Feed that just meets a current, L/h: eta I / (F (3 c_RE + c_H))."""
    return EFFICIENCY * current_a / (FARADAY_C_MOL * (3.0 * re_mol_l + hcl_mol_l)) * 3600.0


def circuit_a(cells: int = 1, start: str = "running", *, loops: bool = False) -> Flowsheet:
    """The flowsheet with `cells` cells (1 to 4), with its loops or with boundaries in their place.

    Raises ValueError on another number or an unknown start.
    """
    if not 1 <= cells <= 4:
        raise ValueError(f"circuit A has 1 to 4 cells, not {cells}")
    if start not in STARTS:
        raise ValueError(f"no start '{start}': {', '.join(STARTS)}")
    runs = start == "running"
    sheet = Flowsheet()
    _equipment(sheet, cells, runs, loops)
    _piping(sheet, cells, loops)
    _knowledge(sheet, cells, loops)
    if loops:
        circuit_loops.connect(sheet, cells)
    measure(sheet, cells, loops)
    for name in names(cells, loops):
        sheet.signal(name.name, name.end, written=name.written)
    return sheet


def _equipment(sheet: Flowsheet, cells: int, runs: bool, loops: bool) -> None:
    """Units in the order in which streams pass through them: a unit that passes on comes after its sources."""
    feed = feed_flow_l_h(CURRENT_A if runs else 0.0) * cells
    flow = 0.6 * cells / 3.6 if runs else 0.0
    re, acid = at_ph(TANK_PH)
    # the liquor carries the feed of one pass to the cell, and what the cell has not yet precipitated back to the tank
    fed = feed / 3600.0 / flow if runs else 0.0
    there = liquor(0.25 * PIPE_L * cells, re + fed * FEED_RE_MOL_L, acid + fed * FEED_HCL_MOL_L)
    back = (OUTLET_RE_MOL_L, OUTLET_ACID_MOL_L) if runs else (re, acid)
    empty = (0.0,) * COMPONENTS
    tank = LIQUOR_L - (2.0 * PIPE_L + CELL_L) * cells
    loss_w = 8.0 * 18.0 + (2.0 * 18.0 + (25.0 - 98.0 if runs else 0.0)) * cells
    if loops:
        loss_w += circuit_loops.heat_from_cells_w(runs) * cells
    full = FEED_L_H if loops else 10.0
    delivered = {"stroke": feed / full, "full_l_h": full, "flow_l_h": feed, "flow_l_s": feed / 3600.0}
    sheet.add("feed", "dosing_pump", contents=empty, **delivered)
    sheet.add(
        "tank",
        "tank",
        contents=liquor(tank - ZONE_L, re, acid),
        zone=liquor(ZONE_L, *back),
        full_l=tank / LEVEL,
        heater=max(loss_w, 0.0) / 2000.0,
        ph=TANK_PH,
        solids_g_l=SOLIDS_G_L,
    )
    speed = 0.8 if runs else 0.0
    sheet.add(
        "pump",
        "pump",
        cells=float(cells),
        run=float(runs),
        reference=speed,
        speed=speed,
        flow_l_s=flow,
        flow_m3_h=flow * 3.6,
        draw_l_s=flow,
        unsteady=UNSTEADY,
        **_network(cells, flow * 3.6, loops),
    )
    sheet.add("supply", "pipe", volume_l=PIPE_L * cells, contents=there * 4)
    if cells > 1 or loops:
        sheet.add("manifold", "manifold", branches=float(cells), square_m=BRANCH_M)
    if loops:
        circuit_loops.place_before_cells(sheet, cells)
    for cell in range(1, cells + 1):
        _cell(sheet, cell, back, runs, circuit_loops.CELL if loops else {})
    sheet.add("return", "pipe", volume_l=PIPE_L * cells, contents=liquor(0.25 * PIPE_L * cells, *back) * 4)
    if loops:
        circuit_loops.place_after_cells(sheet, cells, runs, liquor(1.0, *back))
        circuit_loops.place_bleed(sheet, cells, feed)
    else:
        sheet.add("acid", "acid_loop")
    # Where no bleed valve stands, the boundary holds the level by itself.
    drawn = {"rate_l_h": DRAWN_L_H * cells, **({"gain_l_h": 0.0} if loops else {})}
    sheet.add("thickener", "thickener", contents=_brine(re, acid), **drawn)
    sheet.add("account", "account")


def _brine(re_mol_l: float, acid_mol_l: float) -> tuple[float, ...]:
    """What the thickener's store holds after long work: the tank's liquor, stronger by the water that is evaporated."""
    water = circuit_loops.bleed_l_h(1, feed_flow_l_h(CURRENT_A))
    stronger = DRAWN_L_H / (DRAWN_L_H - water)
    litres, *salts, heat = liquor(STORE_L, re_mol_l, acid_mol_l, 0.0)
    return (litres, *(stronger * amount for amount in salts), heat)


def _network(cells: int, flow_m3_h: float, loops: bool) -> dict[str, float]:
    """What the pump knows of a manifold before its first step."""
    if cells == 1 and not loops:
        return {}
    each = flow_m3_h / cells
    felt = 0.816 / 0.6
    return {
        "network": 1.0,
        "square_m": COMMON_M,
        "network_m3_h": flow_m3_h,
        "network_m": BRANCH_M * each * each + felt * each,
        "network_slope_m": (2.0 * BRANCH_M * each + felt) / cells,
    }


def _cell(sheet: Flowsheet, cell: int, back: tuple[float, float], runs: bool, values: dict[str, float]) -> None:
    """A cell with its rectifier; `back` is rare earth and acid of what it holds, mol/L."""
    current = CURRENT_A if runs else 0.0
    inside = list(liquor(CELL_L, *back))
    inside[-1] = CELL_HEAT_J_K * CELSIUS
    sheet.add(
        of_cell("rectifier", cell),
        "rectifier_power",
        enabled=float(runs),
        current_set_a=current,
        position=float(runs),
        contact=float(runs),
        ramped_a=current,
        output_a=current,
        heat_sink_c=28.0 + 30.0 * (current / 150.0) ** 2,
        current_a=current,
    )
    sheet.add(
        of_cell("cell", cell),
        "cell",
        contents=tuple(inside),
        overpotential=0.3598 if runs else 0.0,
        made_mol_s=7.5e-4 if runs else 0.0,
        gas=0.0629 if runs else 0.0,
        reserve_c=1200.0 if runs else 0.0,
        voltage_v=3.073 if runs else 1.5,
        ph=8.6 if runs else TANK_PH,
        **values,
    )


def _piping(sheet: Flowsheet, cells: int, loops: bool) -> None:
    sheet.stream("feed.outlet", "pump.suction")
    sheet.stream("tank.outlet", "pump.suction")
    sheet.stream("pump.discharge", "supply.inlet")
    if cells > 1 or loops:
        sheet.stream("supply.outlet", "manifold.inlet")
        for branch in range(1, 5):
            # an outlet must lead somewhere; that of a branch which is not there carries nothing
            sheet.stream(f"manifold.outlet_{branch}", of_cell("cell.inlet", branch if branch <= cells else 1))
    else:
        sheet.stream("supply.outlet", "cell.inlet")
    for cell in range(1, cells + 1):
        sheet.stream(of_cell("cell.outlet", cell), "return.inlet")
        for side in () if loops else ("acid_side", "anolyte_side", "wash_outlet"):
            sheet.stream(of_cell(f"cell.{side}", cell), "acid.inlet")
    if not loops:
        sheet.stream("return.outlet", "tank.inlet")
    sheet.stream("tank.drain", "thickener.inlet")
    sheet.stream("thickener.outlet", "tank.inlet")


def _knowledge(sheet: Flowsheet, cells: int, loops: bool) -> None:
    """What one unit tells another."""
    for source, target in (
        ("pump.draw_l_s", "tank.draw_l_s"),
        ("thickener.drain_l_s", "tank.drain_l_s"),
        ("feed.flow_l_s", "pump.feed_l_s"),
        ("tank.level_percent", "pump.level_percent"),
        ("tank.level_percent", "thickener.level_percent"),
        ("tank.precipitated_mol", "account.precipitated"),
    ):
        sheet.wire(source, target)
    if cells > 1 or loops:
        for source, target in (
            ("manifold.loss_m", "pump.network_m"),
            ("manifold.slope_m", "pump.network_slope_m"),
            ("manifold.flow_m3_h", "pump.network_m3_h"),
            ("manifold.shut", "pump.network_shut"),
        ):
            sheet.wire(source, target)
    else:
        sheet.wire("cell.felt_m", "pump.felt_m")
    for cell in range(1, cells + 1):
        for source, target in (
            ("cell.voltage_v", "rectifier.cell_v"),
            ("cell.slope_ohm", "rectifier.cell_ohm"),
            ("cell.is_open", "rectifier.cell_open"),
            ("rectifier.current_a", "cell.current_a"),
        ):
            sheet.wire(of_cell(source, cell), of_cell(target, cell))
        sheet.wire("acid.acid_mol_l", of_cell("cell.acid_mol_l", cell))
        sheet.wire("tank.ph", of_cell("cell.tank_ph", cell))
        sheet.wire(of_cell("cell.charge_c", cell), "account.charge")
        sheet.wire(of_cell("cell.precipitated_mol", cell), "account.precipitated")
        if cells > 1 or loops:
            sheet.wire(of_cell("cell.felt_m", cell), f"manifold.felt_{cell}_m")
            sheet.wire(of_cell("cell.blocked", cell), f"manifold.blocked_{cell}")
