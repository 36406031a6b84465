"""The names by which devices and tests know circuit A: what each instrument shows and what each actuator takes.

A name is `place.quantity_unit`. What exists once a cell carries the cell's number from the second cell on:
`cell.current_a` is cell 1, `cell_3.current_a` cell 3, `true.cell_outlet_ph_3` its truth; `of_cell` makes the name.
Commands are shares of the full range (0..1) or switches (0, 1); a contactor is 0 open, 1 forward, 2 reverse. Names that
begin with `true.` are the truth, which no device serves. The page `docs/reference/plant-signals.md` is made from here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Name:
    """A signal: its name, the field behind it (`unit.field`), what it is, whether devices write it."""

    name: str
    end: str
    text: str
    written: bool = False


def of_cell(name: str, cell: int) -> str:
    """A name, a unit or an end (`unit.field`) of cell 1 as that of `cell` (1 to 4)."""
    if cell == 1:
        return name
    place, dot, quantity = name.partition(".")
    return f"{name}_{cell}" if place == "true" else f"{place}_{cell}{dot}{quantity}"


def _shown(*rows: tuple[str, str, str]) -> tuple[Name, ...]:
    return tuple(Name(*row) for row in rows)


def _written(*rows: tuple[str, str, str]) -> tuple[Name, ...]:
    return tuple(Name(*row, True) for row in rows)


EACH_CELL = (
    *_written(
        ("rectifier.on", "rectifier.enabled", "rectifier output, 0 or 1"),
        ("rectifier.current_set_a", "rectifier.current_set_a", "current set-point, A"),
        ("rectifier.voltage_limit_v", "rectifier.voltage_limit_v", "voltage limit, V"),
        ("contactor.position", "rectifier.position", "contactor ordered: 0 open, 1 forward, 2 reverse"),
    ),
    *_shown(
        ("cell.current_a", "current_monitor.reading", "current, A"),
        ("cell.voltage_v", "voltage_monitor.reading", "voltage at the rectifier, V"),
        ("cell.flow_m3_h", "flow_meter.reading", "catholyte flow, m3/h"),
        ("cell.cathode_potential_v", "cathode_meter.reading", "cathode against Ag/AgCl, V"),
        ("cell.felt_dp_bar", "felt_meter.reading", "pressure lost in the felt, bar"),
        ("cell.membrane_dp_bar", "membrane_meter.reading", "catholyte less acid pressure, bar"),
        ("outlet_probe.ph", "outlet_probe.reading", "outlet pH"),
        ("outlet_probe.temperature_c", "outlet_probe.temperature_c", "outlet temperature, degC"),
        ("rectifier.heat_sink_c", "rectifier.heat_sink_c", "heat sink, degC"),
        ("rectifier.cv", "rectifier.cv", "1: limited by voltage"),
        ("rectifier.cc", "rectifier.cc", "1: limited by current"),
        ("rectifier.fan_failed", "rectifier.fan_failed", "1: the fan stands"),
        ("rectifier.phase_lost", "rectifier.phase_lost", "1: a mains phase is missing"),
        ("contactor.feedback", "rectifier.contact", "where the contactor really is: 0, 1, 2"),
        ("true.cell_outlet_ph", "cell.ph", "pH at the outlet"),
        ("true.cell_current_a", "rectifier.current_a", "current, A"),
        ("true.cell_voltage_v", "cell.voltage_v", "cell voltage, V"),
        ("true.cell_flow_m3_h", "cell.flow_m3_h", "catholyte flow, m3/h"),
        ("true.cell_temperature_c", "cell.celsius", "temperature, degC"),
        ("true.cell_efficiency", "cell.efficiency", "charge efficiency"),
        ("true.cell_fouled", "cell.fouled", "blocked share of the felt"),
        ("true.cell_scale_g_m2", "cell.scale_g_m2", "scale in the felt, g/m2"),
        ("true.cell_reverse_ah", "cell.reverse_ah", "charge passed in reverse, Ah"),
    ),
)
"""Of every cell, also where there is only one."""

EACH_CELL_WASHED = (
    *_written(("cell_valve.process", "cell_valve.process_command", "three-way set: 1 process side, 0 wash side")),
    *_shown(
        ("cell_valve.at_process", "cell_valve.at_process", "limit switch of the process side, 0 or 1"),
        ("cell_valve.at_wash", "cell_valve.at_wash", "limit switch of the wash side, 0 or 1"),
        ("true.cell_valve_process", "cell_valve.process_side", "opening to the process, 0..1"),
        ("true.cell_valve_wash", "cell_valve.wash_side", "opening to the wash skid, 0..1"),
    ),
)
"""Of every cell, where the loops beside the catholyte are there."""

CATHOLYTE = (
    *_written(
        ("pump.run", "pump.run", "recirculation pump, 0 or 1"),
        ("pump.speed_command", "pump.speed_command", "its speed reference, 0..1"),
        ("feed.stroke", "feed.stroke", "dosing pump, 0..1 of 10 L/h, of 30 L/h where the loops are there"),
        ("heater.output", "tank.heater", "heater, 0..1"),
        ("drawoff.open", "thickener.open", "slurry draw-off, 0 or 1"),
        ("feed.re_mol_l", "feed.re_mol_l", "rare earth in the feed, mol/L (for tests)"),
        ("feed.hcl_mol_l", "feed.hcl_mol_l", "free acid in the feed, mol/L (for tests)"),
    ),
    *_shown(
        ("probe_a.ph", "probe_a.reading", "tank pH, probe A"),
        ("probe_a.temperature_c", "probe_a.temperature_c", "temperature in probe A, degC"),
        ("probe_b.ph", "probe_b.reading", "tank pH, probe B"),
        ("probe_b.temperature_c", "probe_b.temperature_c", "temperature in probe B, degC"),
        ("tank.level_percent", "level_meter.reading", "tank level, %"),
        ("tank.temperature_c", "temperature_meter.reading", "tank temperature, degC"),
        ("feed.flow_l_h", "feed_meter.reading", "feed, L/h"),
        ("pump.speed", "pump.speed", "recirculation pump, 0..1 of full speed"),
        ("pump.running", "pump.running", "1: the drive is on and turns"),
        ("density.kg_m3", "density_meter.reading", "slurry density, kg/m3"),
        ("conductivity.ms_cm", "conductivity_meter.reading", "conductivity, mS/cm"),
        ("purge.flow_nm3_h", "purge_meter.reading", "nitrogen to the tank, Nm3/h"),
        ("true.tank_ph", "tank.ph", "pH of the tank"),
        ("true.re_dissolved_mol_l", "tank.re_mol_l", "dissolved rare earth, mol/L"),
        ("true.solids_g_l", "tank.solids_g_l", "RE(OH)3, g/L"),
        ("true.tank_level_percent", "tank.level_percent", "tank level, %"),
        ("true.charge_ah", "account.charge_ah", "charge passed in all cells, Ah"),
        ("true.re_precipitated_mol", "account.precipitated_mol", "rare earth precipitated, mol"),
        ("true.feed_re_mol_l", "feed.true_re_mol_l", "rare earth in the feed, mol/L"),
    ),
)
"""Tank, pump, feed and draw-off: always there."""

ALONE = (
    *_written(("cooling.output", "tank.cooling", "cooling, 0..1")),
    *_shown(("true.acid_made_mol", "acid.made_mol", "acid made since the start, mol")),
)
"""Where the loops are boundaries: the cooling acts at once, the acid is only counted."""

LOOPS = (
    *_written(
        ("cooling.output", "cooling_valve.command", "cooling water valve of the catholyte, 0..1"),
        ("acid_pump.run", "acid_pump.run", "acid pump, 0 or 1"),
        ("acid_pump.speed_command", "acid_pump.speed_command", "its speed reference, 0..1"),
        ("acid_water.valve", "acid_water_valve.command", "DI water to the acid loop, 0..1"),
        ("acid_product.valve", "acid_product_valve.command", "acid product, 0..1"),
        ("bleed.valve", "bleed_valve.command", "bleed of the thickener's overflow, 0..1; the rest returns"),
        ("anolyte_pump.run", "anolyte_pump.run", "anolyte pump, 0 or 1"),
        ("anolyte_pump.speed_command", "anolyte_pump.speed_command", "its speed reference, 0..1"),
        ("anolyte_water.valve", "anolyte_water_valve.command", "water to the anolyte, 0..1"),
        ("anolyte_cooling.valve", "anolyte_cooling_valve.command", "cooling water of the anolyte, 0..1"),
        ("fan_a.run", "fan_a.run", "dilution fan A, 0 or 1"),
        ("fan_a.speed_command", "fan_a.speed_command", "its speed reference, 0..1"),
        ("fan_b.run", "fan_b.run", "dilution fan B, 0 or 1"),
        ("fan_b.speed_command", "fan_b.speed_command", "its speed reference, 0..1"),
        ("wash.run", "wash.run", "wash pump, 0 or 1"),
        ("rinse.open", "wash.rinse_command", "DI rinse in place of wash acid, 0 or 1"),
    ),
    *_shown(
        ("cooling.position", "cooling_valve.position", "cooling water valve, 0..1"),
        ("pump.tripped", "pump.tripped", "1: what trips the drive of the recirculation pump is there"),
        ("recirculation.mass_flow_kg_h", "recirculation_meter.mass_flow_kg_h", "recirculation, kg/h (Coriolis)"),
        ("recirculation.density_kg_m3", "recirculation_meter.reading", "its density, kg/m3 (the same Coriolis)"),
        ("acid.level_percent", "acid_level_meter.reading", "acid tank level, %"),
        ("acid.temperature_c", "acid_temperature_meter.reading", "acid temperature, degC"),
        ("acid.conductivity_ms_cm", "acid_conductivity_meter.reading", "acid conductivity, not compensated, mS/cm"),
        ("acid.turbidity_ntu", "acid_turbidity_meter.reading", "rare earth in the acid as turbidity, NTU"),
        ("acid.flow_m3_h", "acid_flow_meter.reading", "acid loop flow, m3/h"),
        ("acid_line.mass_flow_kg_h", "acid_line_meter.mass_flow_kg_h", "acid density line, kg/h (Coriolis)"),
        ("acid_line.density_kg_m3", "acid_line_meter.reading", "acid density, kg/m3 (the same Coriolis)"),
        ("acid_pump.speed", "acid_pump.speed", "acid pump, 0..1 of full speed"),
        ("acid_pump.running", "acid_pump.running", "1: the drive is on and turns"),
        ("acid_pump.tripped", "acid_pump.tripped", "1: what trips its drive is there"),
        ("acid_water.flow_l_h", "acid_water_meter.reading", "DI water to the acid loop, L/h"),
        ("acid_water.position", "acid_water_valve.position", "its valve, 0..1"),
        ("acid_product.flow_l_h", "acid_product_meter.reading", "acid product, L/h"),
        ("acid_product.position", "acid_product_valve.position", "its valve, 0..1"),
        ("bleed.position", "bleed_valve.position", "bleed valve, 0..1"),
        ("anolyte.level_percent", "anolyte_level_meter.reading", "anolyte tank level, %"),
        ("anolyte.temperature_c", "anolyte_temperature_meter.reading", "anolyte temperature, degC"),
        ("anolyte.conductivity_ms_cm", "anolyte_conductivity_meter.reading", "anolyte conductivity, raw, mS/cm"),
        ("anolyte.orp_mv", "orp_probe.reading", "anolyte ORP, mV"),
        ("anolyte.flow_m3_h", "anolyte_flow_meter.reading", "anolyte flow, m3/h"),
        ("anolyte_pump.speed", "anolyte_pump.speed", "anolyte pump, 0..1 of full speed"),
        ("anolyte_pump.running", "anolyte_pump.running", "1: the drive is on and turns"),
        ("anolyte_pump.tripped", "anolyte_pump.tripped", "1: what trips its drive is there"),
        ("anolyte_water.position", "anolyte_water_valve.position", "water valve, 0..1"),
        ("anolyte_cooling.position", "anolyte_cooling_valve.position", "cooling water valve, 0..1"),
        ("hydrogen_a.lel_percent", "hydrogen_meter_a.reading", "H2 in the header, analyser A, % of LEL"),
        ("hydrogen_b.lel_percent", "hydrogen_meter_b.reading", "analyser B, % of LEL"),
        ("hydrogen_c.lel_percent", "hydrogen_meter_c.reading", "analyser C, % of LEL"),
        ("header.pressure_mbar", "header_pressure_meter.reading", "H2 header pressure, mbar"),
        ("header.oxygen_percent", "header_oxygen_meter.reading", "oxygen before the dilution, vol%"),
        ("dilution.flow_nm3_h", "dilution_meter.reading", "dilution air, Nm3/h"),
        ("fan_a.speed", "fan_a.speed", "dilution fan A, 0..1 of full speed"),
        ("fan_a.running", "fan_a.running", "1: the drive is on and turns"),
        ("fan_a.tripped", "fan_a.tripped", "1: what trips its drive is there"),
        ("fan_b.speed", "fan_b.speed", "dilution fan B, 0..1 of full speed"),
        ("fan_b.running", "fan_b.running", "1: the drive is on and turns"),
        ("fan_b.tripped", "fan_b.tripped", "1: what trips its drive is there"),
        ("anode_gas.chlorine_ppm", "chlorine_meter.reading", "chlorine in the anode gas, ppm"),
        ("wash.level_percent", "wash_level_meter.reading", "wash acid tank level, %"),
        ("wash.running", "wash.running", "1: the wash pump runs"),
        ("wash.ph", "wash_probe.reading", "pH of the wash return"),
        ("rinse.position", "wash.rinse", "rinse valve, 0..1"),
        ("true.bleed_l_h", "thickener.bled_l_h", "bleed, L/h"),
        ("true.acid_made_mol", "account.acid_mol", "acid made since the start, mol"),
        ("true.acid_mol_l", "acid.acid_mol_l", "acid strength, mol/L"),
        ("true.acid_re_mg_l", "acid.re_mg_l", "rare earth in the acid, mg/L as oxide"),
        ("true.acid_level_percent", "acid.level_percent", "acid tank level, %"),
        ("true.acid_flow_m3_h", "acid_pump.flow_m3_h", "acid loop flow, m3/h"),
        ("true.anolyte_mol_l", "anolyte.acid_mol_l", "sulfuric acid in the anolyte, mol/L"),
        ("true.anolyte_chloride_mol_l", "anolyte.chloride_mol_l", "chloride in the anolyte, mol/L"),
        ("true.anolyte_level_percent", "anolyte.level_percent", "anolyte tank level, %"),
        ("true.anolyte_flow_m3_h", "anolyte_pump.flow_m3_h", "anolyte flow, m3/h"),
        ("true.hydrogen_lel_percent", "header.lel_percent", "H2 in the header, % of LEL"),
        ("true.hydrogen_made_mol", "account.hydrogen_mol", "hydrogen made since the start, mol"),
    ),
)
"""Acid loop, anolyte loop, cooling, wash skid and gas, where they are there."""


def names(cells: int, loops: bool) -> tuple[Name, ...]:
    """Every name of a circuit of `cells` cells (1 to 4), with its loops or without, in their order."""
    each = EACH_CELL + (EACH_CELL_WASHED if loops else ())
    own = [Name(of_cell(n.name, k), of_cell(n.end, k), n.text, n.written) for k in range(1, cells + 1) for n in each]
    return (*own, *CATHOLYTE, *(LOOPS if loops else ALONE))


def page() -> str:
    """The reference page, whole, in Markdown."""
    lines = [_HEAD]
    for title, rows in _PARTS:
        lines += [f"\n## {title}\n", "| Name | | What it is |", "|---|---|---|"]
        lines += [f"| `{row.name}` | {'write' if row.written else 'read'} | {row.text} |" for row in rows]
    return "\n".join(lines) + "\n"


_PARTS = (
    ("Every cell", EACH_CELL),
    ("Every cell, where the loops are there", EACH_CELL_WASHED),
    ("Catholyte", CATHOLYTE),
    ("Without the loops", ALONE),
    ("With the loops: acid, anolyte, cooling, wash, gas", LOOPS),
)
_HEAD = """# Signals of the simulated plant

What the simulated circuit A offers to its simulated devices, made by `simulators/circuit_names.py`. `Plant(seed)` is
the circuit of one cell, `Plant(seed, cells=4, loops=True)` the whole one. Names of a cell carry its number from the
second on: `cell.current_a`, `cell_2.current_a`, `outlet_probe_2.ph`, `true.cell_outlet_ph_2`. Commands are shares of
the full range or switches. What begins with `true.` is the truth, which no device serves."""
