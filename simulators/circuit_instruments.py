"""Instruments of circuit A: what each measures, its lag, noise and range, as in 2.7 and 4.1 of the design basis."""

from simulators.circuit_names import of_cell
from simulators.flowsheet import Flowsheet

PROBES = (("probe_a", "tank"), ("probe_b", "tank"))
TRANSMITTERS = (
    ("level_meter", "tank.level_percent", 2.0, 0.05, 0.0, 100.0),
    ("temperature_meter", "tank.celsius", 5.0, 0.02, 0.0, 100.0),
    ("density_meter", "tank.density_kg_m3", 0.3, 0.2, 0.0, 2000.0),
    ("conductivity_meter", "tank.conductivity_ms_cm", 2.0, 0.05, 0.0, 200.0),
    ("purge_meter", "", 1.0, 0.005, 0.0, 2.0),
)
"""Name, what it measures, time constant s, noise, lowest and highest reading."""
OF_A_CELL = (
    ("current_monitor", "rectifier.current_a", 0.02, 0.03, -150.0, 150.0),
    ("voltage_monitor", "rectifier.terminal_v", 0.02, 0.002, -10.0, 10.0),
    ("cathode_meter", "cell.cathode_v", 0.2, 0.002, -2.5, 0.5),
    ("felt_meter", "cell.felt_dp_bar", 0.3, 0.0005, 0.0, 1.0),
    ("membrane_meter", "cell.membrane_dp_bar", 0.3, 0.0005, -0.5, 0.5),
)
"""The same of every cell."""


LOOP_FLOW_METERS = (
    ("acid_flow_meter", "acid_pump.flow_m3_h", 0.0, 4.0),
    ("acid_water_meter", "acid_water.flow_l_h", 0.0, 30.0),
    ("acid_product_meter", "acid.product_l_h", 0.0, 40.0),
    ("anolyte_flow_meter", "anolyte_pump.flow_m3_h", 0.0, 6.0),
)
LOOP_TRANSMITTERS = (
    ("acid_level_meter", "acid.level_percent", 2.0, 0.05, 0.0, 100.0),
    ("acid_temperature_meter", "acid.celsius", 5.0, 0.02, 0.0, 100.0),
    ("acid_conductivity_meter", "acid.conductivity_ms_cm", 2.0, 0.2, 0.0, 900.0),
    ("acid_turbidity_meter", "acid.turbidity_ntu", 5.0, 0.1, 0.0, 100.0),
    ("anolyte_level_meter", "anolyte.level_percent", 2.0, 0.05, 0.0, 100.0),
    ("anolyte_temperature_meter", "anolyte.celsius", 5.0, 0.02, 0.0, 100.0),
    ("anolyte_conductivity_meter", "anolyte.conductivity_ms_cm", 2.0, 0.1, 0.0, 400.0),
    ("orp_probe", "anolyte.orp_mv", 10.0, 1.0, 0.0, 1500.0),
    ("hydrogen_meter_a", "header.lel_percent", 5.4, 0.05, 0.0, 100.0),
    ("hydrogen_meter_b", "header.lel_percent", 5.4, 0.05, 0.0, 100.0),
    ("hydrogen_meter_c", "header.lel_percent", 5.4, 0.05, 0.0, 100.0),
    ("header_pressure_meter", "header.pressure_mbar", 0.3, 0.02, -20.0, 20.0),
    ("header_oxygen_meter", "header.oxygen_percent", 5.0, 0.01, 0.0, 25.0),
    ("dilution_meter", "header.air_nm3_h", 1.0, 0.4, 0.0, 200.0),
    ("chlorine_meter", "header.chlorine_ppm", 20.0, 0.2, 0.0, 1000.0),
    ("wash_level_meter", "wash.level_percent", 2.0, 0.05, 0.0, 100.0),
)
CORIOLIS = (
    ("recirculation_meter", "tank.density_kg_m3", "pump.flow_m3_h", 1.0, 4000.0),
    ("acid_line_meter", "acid.density_kg_m3", "acid_pump.flow_m3_h", 0.5, 2000.0),
)
"""Name, density, flow, share of the flow that goes through the meter, highest mass flow kg/h."""


def measure(sheet: Flowsheet, cells: int, loops: bool) -> None:
    """Place every instrument of the circuit, after its equipment."""
    for cell in range(1, cells + 1):
        probe = of_cell("outlet_probe", cell)
        _probe(sheet, probe, of_cell("cell", cell))
        sheet.wire(of_cell("cell.velocity_m_s", cell), f"{probe}.velocity_m_s")
        _flow_meter(sheet, of_cell("flow_meter", cell), of_cell("cell.flow_m3_h", cell), 0.0, 1.0)
        for name, source, tau_s, noise, low, high in OF_A_CELL:
            _transmitter(sheet, of_cell(name, cell), of_cell(source, cell), tau_s, noise, low, high)
    for name, of in PROBES:
        _probe(sheet, name, of)
    _flow_meter(sheet, "feed_meter", "feed.flow_l_h", 0.0, 30.0 if loops else 10.0)
    for name, source, low, high in LOOP_FLOW_METERS if loops else ():
        _flow_meter(sheet, name, source, low, high)
    for name, source, tau_s, noise, low, high in TRANSMITTERS + (LOOP_TRANSMITTERS if loops else ()):
        _transmitter(sheet, name, source, tau_s, noise, low, high)
    for name, density, flow, share, most in CORIOLIS if loops else ():
        sheet.add(name, "coriolis", low=0.0, high=2000.0, share=share, full_kg_h=most)
        sheet.wire(density, f"{name}.measured")
        sheet.wire(flow, f"{name}.flow_m3_h")
    if loops:
        sheet.add("wash_probe", "ph_probe", noise=0.005, low=0.0, high=14.0)
        sheet.wire("wash.ph", "wash_probe.measured")


def _flow_meter(sheet: Flowsheet, name: str, source: str, low: float, high: float) -> None:
    sheet.add(name, "flow_meter", low=low, high=high)
    sheet.wire(source, f"{name}.measured")


def _probe(sheet: Flowsheet, name: str, of: str) -> None:
    sheet.add(name, "ph_probe", noise=0.005, low=0.0, high=14.0)
    sheet.wire(f"{of}.ph", f"{name}.measured")
    sheet.wire(f"{of}.celsius", f"{name}.celsius")


def _transmitter(sheet: Flowsheet, name: str, source: str, tau_s: float, noise: float, low: float, high: float) -> None:
    sheet.add(name, "transmitter", tau_s=tau_s, noise=noise, low=low, high=high, measured=1.0)
    if source:
        sheet.wire(source, f"{name}.measured")
