"""Catholyte circuit A as a flowsheet: tank, recirculation pump, one to four cells, feed, draw-off, instruments.

    feed ─┐
    tank ─┴─ pump ─ supply pipe ─ cell(s) ─ return pipe ─ tank        cell ─ acid loop        tank ─ thickener ─ tank

Two starts: `running` at the operating point (pH 8.0, 85 A a cell, 0.6 m3/h a cell, 40 g/L), `stopped` with the same
liquor, no current, no flow, contactor open.
"""

from simulators.chemistry.constants import FARADAY_C_MOL, NEODYMIUM, RE_OH3_G_MOL, WATER_KG_L
from simulators.chemistry.equilibrium import saturated
from simulators.flowsheet import Flowsheet
from simulators.stream import COMPONENTS, HEAT_J_L_K

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
EFFICIENCY = 0.852
FEED_RE_MOL_L, FEED_HCL_MOL_L = 0.60, 0.05
STARTS = ("running", "stopped")


OUTLET_RE_MOL_L, OUTLET_ACID_MOL_L = 1.605e-3, -2.252e-3
"""Dissolved rare earth and free acid (negative: hydroxide held by it) that leave a cell at the operating point."""


def at_ph(ph: float) -> tuple[float, float]:
    """Dissolved rare earth and free acid, mol/L, of the circuit's liquor at `ph` in equilibrium with its solid."""
    answer = saturated(NEODYMIUM, CELSIUS, SALT_MOL_L / WATER_KG_L, ph)
    return answer[1] * WATER_KG_L, (answer[5] - 3.0 * answer[1]) * WATER_KG_L


def liquor(litres: float, re_mol_l: float, acid_mol_l: float, solids_g_l: float = SOLIDS_G_L) -> tuple[float, ...]:
    """What a vessel of `litres` holds at 40 degC; `acid_mol_l` is chloride less sodium less 3 x rare earth."""
    solid = solids_g_l / RE_OH3_G_MOL[NEODYMIUM]
    amounts = (1.0, SALT_MOL_L, SALT_MOL_L + 3.0 * re_mol_l + acid_mol_l, re_mol_l, solid)
    return (*(litres * amount for amount in amounts), litres * HEAT_J_L_K * CELSIUS)


def feed_flow_l_h(current_a: float, re_mol_l: float = FEED_RE_MOL_L, hcl_mol_l: float = FEED_HCL_MOL_L) -> float:
    """Feed that just meets a current, L/h: eta I / (F (3 c_RE + c_H))."""
    return EFFICIENCY * current_a / (FARADAY_C_MOL * (3.0 * re_mol_l + hcl_mol_l)) * 3600.0


def circuit_a(cells: int = 1, start: str = "running") -> Flowsheet:
    """The flowsheet with `cells` cells (1 to 4). Raises ValueError on another number or an unknown start."""
    if not 1 <= cells <= 4:
        raise ValueError(f"circuit A has 1 to 4 cells, not {cells}")
    if start not in STARTS:
        raise ValueError(f"no start '{start}': {', '.join(STARTS)}")
    runs = start == "running"
    names = ["cell", *(f"cell_{n}" for n in range(2, cells + 1))]
    sheet = Flowsheet()
    _equipment(sheet, names, runs)
    _piping(sheet, names)
    _knowledge(sheet, names)
    _instruments(sheet)
    _signals(sheet, names)
    return sheet


def _equipment(sheet: Flowsheet, cells: list[str], runs: bool) -> None:
    """Units in the order in which streams pass through them: a unit that passes on comes after its sources."""
    count = float(len(cells))
    current = CURRENT_A if runs else 0.0
    feed = feed_flow_l_h(current) * count
    flow = 0.6 * count / 3.6 if runs else 0.0
    re, acid = at_ph(TANK_PH)
    # the liquor carries the feed of one pass to the cell, and what the cell has not yet precipitated back to the tank
    fed = feed / 3600.0 / flow if runs else 0.0
    there = liquor(0.25 * PIPE_L * count, re + fed * FEED_RE_MOL_L, acid + fed * FEED_HCL_MOL_L)
    back = (OUTLET_RE_MOL_L, OUTLET_ACID_MOL_L) if runs else (re, acid)
    inside = list(liquor(CELL_L, *back))
    inside[-1] = CELL_HEAT_J_K * CELSIUS
    empty = (0.0,) * COMPONENTS
    tank = LIQUOR_L - (2.0 * PIPE_L + CELL_L) * count
    loss_w = 8.0 * 18.0 + (2.0 * 18.0 + (25.0 - 98.0 if runs else 0.0)) * count
    sheet.add("feed", "dosing_pump", stroke=feed / 10.0, flow_l_h=feed, flow_l_s=feed / 3600.0, contents=empty)
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
        cells=count,
        run=float(runs),
        reference=speed,
        speed=speed,
        flow_l_s=flow,
        draw_l_s=flow,
        unsteady=UNSTEADY,
    )
    sheet.add("supply", "pipe", volume_l=PIPE_L * count, contents=there * 4)
    for cell in cells:
        sheet.add(
            _beside("rectifier", cell),
            "rectifier_power",
            enabled=float(runs),
            current_set_a=current,
            position=float(runs),
            ramped_a=current,
            output_a=current,
            heat_sink_c=28.0 + 30.0 * (current / 150.0) ** 2,
            current_a=current,
        )
        sheet.add(
            cell,
            "cell",
            contents=tuple(inside),
            overpotential=0.3598 if runs else 0.0,
            made_mol_s=7.5e-4 if runs else 0.0,
            gas=0.0629 if runs else 0.0,
            voltage_v=3.073 if runs else 1.5,
            ph=8.6 if runs else TANK_PH,
        )
    sheet.add("return", "pipe", volume_l=PIPE_L * count, contents=liquor(0.25 * PIPE_L * count, *back) * 4)
    sheet.add("acid", "acid_loop")
    sheet.add("thickener", "thickener", contents=liquor(STORE_L, re, acid, 0.0))
    sheet.add("account", "account")


def _piping(sheet: Flowsheet, cells: list[str]) -> None:
    sheet.stream("feed.outlet", "pump.suction")
    sheet.stream("tank.outlet", "pump.suction")
    sheet.stream("pump.discharge", "supply.inlet")
    for cell in cells:
        sheet.stream("supply.outlet", f"{cell}.inlet", share=1.0 / len(cells))
        sheet.stream(f"{cell}.outlet", "return.inlet")
        sheet.stream(f"{cell}.acid_side", "acid.inlet")
    sheet.stream("return.outlet", "tank.inlet")
    sheet.stream("tank.drain", "thickener.inlet")
    sheet.stream("thickener.outlet", "tank.inlet")


def _knowledge(sheet: Flowsheet, cells: list[str]) -> None:
    sheet.wire("pump.draw_l_s", "tank.draw_l_s")
    sheet.wire("thickener.drain_l_s", "tank.drain_l_s")
    sheet.wire("feed.flow_l_s", "pump.feed_l_s")
    sheet.wire("tank.level_percent", "pump.level_percent")
    sheet.wire("tank.level_percent", "thickener.level_percent")
    sheet.wire("tank.precipitated_mol", "account.precipitated")
    for cell in cells:
        rectifier = _beside("rectifier", cell)
        sheet.wire(f"{cell}.felt_m", "pump.felt_m", 1.0 / len(cells))
        sheet.wire(f"{cell}.voltage_v", f"{rectifier}.cell_v")
        sheet.wire(f"{cell}.slope_ohm", f"{rectifier}.cell_ohm")
        sheet.wire(f"{cell}.is_open", f"{rectifier}.cell_open")
        sheet.wire(f"{rectifier}.current_a", f"{cell}.current_a")
        sheet.wire("acid.acid_mol_l", f"{cell}.acid_mol_l")
        sheet.wire("tank.ph", f"{cell}.tank_ph")
        sheet.wire(f"{cell}.charge_c", "account.charge")
        sheet.wire(f"{cell}.precipitated_mol", "account.precipitated")


def _instruments(sheet: Flowsheet) -> None:
    """One row is name, what it measures, lag s, noise, range; ranges and noise as in 2.7 and 4.1."""
    for name, of, velocity in (
        ("probe_a", "tank", ""),
        ("probe_b", "tank", ""),
        ("outlet_probe", "cell", "cell.velocity_m_s"),
    ):
        sheet.add(name, "ph_probe", noise=0.005, low=0.0, high=14.0)
        sheet.wire(f"{of}.ph", f"{name}.measured")
        sheet.wire(f"{of}.celsius", f"{name}.celsius")
        if velocity:
            sheet.wire(velocity, f"{name}.velocity_m_s")
    for name, source, low, high in (
        ("flow_meter", "cell.flow_m3_h", 0.0, 1.0),
        ("feed_meter", "feed.flow_l_h", 0.0, 10.0),
    ):
        sheet.add(name, "flow_meter", low=low, high=high)
        sheet.wire(source, f"{name}.measured")
    for name, source, tau_s, noise, low, high in (
        ("current_monitor", "rectifier.current_a", 0.02, 0.03, -150.0, 150.0),
        ("voltage_monitor", "rectifier.terminal_v", 0.02, 0.002, -10.0, 10.0),
        ("cathode_meter", "cell.cathode_v", 0.2, 0.002, -2.5, 0.5),
        ("felt_meter", "cell.felt_dp_bar", 0.3, 0.0005, 0.0, 1.0),
        ("membrane_meter", "cell.membrane_dp_bar", 0.3, 0.0005, -0.5, 0.5),
        ("level_meter", "tank.level_percent", 2.0, 0.05, 0.0, 100.0),
        ("temperature_meter", "tank.celsius", 5.0, 0.02, 0.0, 100.0),
        ("density_meter", "tank.density_kg_m3", 0.3, 0.2, 0.0, 2000.0),
        ("conductivity_meter", "tank.conductivity_ms_cm", 2.0, 0.05, 0.0, 200.0),
        ("purge_meter", "", 1.0, 0.005, 0.0, 2.0),
    ):
        sheet.add(name, "transmitter", tau_s=tau_s, noise=noise, low=low, high=high, measured=1.0)
        if source:
            sheet.wire(source, f"{name}.measured")


def _signals(sheet: Flowsheet, cells: list[str]) -> None:
    for name, end in WRITTEN.items():
        sheet.signal(name, end, written=True)
    for name, end in SHOWN.items():
        sheet.signal(name, end)
    for cell in cells[1:]:
        rectifier = _beside("rectifier", cell)
        for name, field in (("on", "enabled"), ("current_set_a",) * 2, ("voltage_limit_v",) * 2):
            sheet.signal(f"{rectifier}.{name}", f"{rectifier}.{field}", written=True)
        sheet.signal(_beside("contactor", cell) + ".position", f"{rectifier}.position", written=True)
        sheet.signal(f"{cell}.current_a", f"{rectifier}.current_a")
        sheet.signal(f"{cell}.voltage_v", f"{rectifier}.terminal_v")


def _beside(kind: str, cell: str) -> str:
    return kind + cell.removeprefix("cell")


WRITTEN = {
    "rectifier.on": "rectifier.enabled",
    "rectifier.current_set_a": "rectifier.current_set_a",
    "rectifier.voltage_limit_v": "rectifier.voltage_limit_v",
    "contactor.position": "rectifier.position",
    "pump.run": "pump.run",
    "pump.speed_command": "pump.speed_command",
    "feed.stroke": "feed.stroke",
    "heater.output": "tank.heater",
    "cooling.output": "tank.cooling",
    "drawoff.open": "thickener.open",
    "feed.re_mol_l": "feed.re_mol_l",
    "feed.hcl_mol_l": "feed.hcl_mol_l",
}
"""Signals that devices write, and the two feed concentrations that a test may set."""

SHOWN = {
    "cell.current_a": "current_monitor.reading",
    "cell.voltage_v": "voltage_monitor.reading",
    "cell.flow_m3_h": "flow_meter.reading",
    "cell.cathode_potential_v": "cathode_meter.reading",
    "cell.felt_dp_bar": "felt_meter.reading",
    "cell.membrane_dp_bar": "membrane_meter.reading",
    "outlet_probe.ph": "outlet_probe.reading",
    "outlet_probe.temperature_c": "outlet_probe.temperature_c",
    "probe_a.ph": "probe_a.reading",
    "probe_a.temperature_c": "probe_a.temperature_c",
    "probe_b.ph": "probe_b.reading",
    "probe_b.temperature_c": "probe_b.temperature_c",
    "tank.level_percent": "level_meter.reading",
    "tank.temperature_c": "temperature_meter.reading",
    "feed.flow_l_h": "feed_meter.reading",
    "pump.speed": "pump.speed",
    "pump.running": "pump.running",
    "density.kg_m3": "density_meter.reading",
    "conductivity.ms_cm": "conductivity_meter.reading",
    "purge.flow_nm3_h": "purge_meter.reading",
    "rectifier.heat_sink_c": "rectifier.heat_sink_c",
    "rectifier.cv": "rectifier.cv",
    "rectifier.cc": "rectifier.cc",
    "true.tank_ph": "tank.ph",
    "true.cell_outlet_ph": "cell.ph",
    "true.re_dissolved_mol_l": "tank.re_mol_l",
    "true.solids_g_l": "tank.solids_g_l",
    "true.charge_ah": "account.charge_ah",
    "true.acid_made_mol": "acid.made_mol",
    "true.re_precipitated_mol": "account.precipitated_mol",
    "true.feed_re_mol_l": "feed.true_re_mol_l",
}
"""What instruments show, and the truth that no device serves."""
