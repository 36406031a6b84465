"""Instruments of circuit A: what each measures, its lag, noise and range, as in 2.7 and 4.1 of the design basis."""

from simulators.circuit_names import of_cell
from simulators.flowsheet import Flowsheet

PROBES = (("probe_a", "tank"), ("probe_b", "tank"))
FLOW_METERS = (("feed_meter", "feed.flow_l_h", 0.0, 10.0),)
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


def measure(sheet: Flowsheet, cells: int) -> None:
    """Place every instrument of the catholyte circuit, after its equipment."""
    for cell in range(1, cells + 1):
        probe = of_cell("outlet_probe", cell)
        _probe(sheet, probe, of_cell("cell", cell))
        sheet.wire(of_cell("cell.velocity_m_s", cell), f"{probe}.velocity_m_s")
        meter = of_cell("flow_meter", cell)
        sheet.add(meter, "flow_meter", low=0.0, high=1.0)
        sheet.wire(of_cell("cell.flow_m3_h", cell), f"{meter}.measured")
        for name, source, tau_s, noise, low, high in OF_A_CELL:
            _transmitter(sheet, of_cell(name, cell), of_cell(source, cell), tau_s, noise, low, high)
    for name, of in PROBES:
        _probe(sheet, name, of)
    for name, source, low, high in FLOW_METERS:
        sheet.add(name, "flow_meter", low=low, high=high)
        sheet.wire(source, f"{name}.measured")
    for name, source, tau_s, noise, low, high in TRANSMITTERS:
        _transmitter(sheet, name, source, tau_s, noise, low, high)


def _probe(sheet: Flowsheet, name: str, of: str) -> None:
    sheet.add(name, "ph_probe", noise=0.005, low=0.0, high=14.0)
    sheet.wire(f"{of}.ph", f"{name}.measured")
    sheet.wire(f"{of}.celsius", f"{name}.celsius")


def _transmitter(sheet: Flowsheet, name: str, source: str, tau_s: float, noise: float, low: float, high: float) -> None:
    sheet.add(name, "transmitter", tau_s=tau_s, noise=noise, low=low, high=high, measured=1.0)
    if source:
        sheet.wire(source, f"{name}.measured")
