"""The devices of a circuit and the plant behind them, advanced together, one step after the other.

What devices there are follows from the plant: a rectifier and an outlet probe a cell, and with the loops beside the
catholyte their meters, drives, detectors and transmitters. A step is: the controllers act on what they measured last
(safety PLC, area PLC, drives, rectifiers), the plant moves, then every instrument has its new value. Nothing here waits
or looks at a clock; servers, tests and the in-memory wiring all drive the same object.
"""

from collections.abc import Collection
from typing import Final, Protocol

from simulators.circuit_names import of_cell
from simulators.devices.arc_probe import UNIT_MV, ArcProbe
from simulators.devices.area_plc import AreaPlc
from simulators.devices.coriolis import Coriolis
from simulators.devices.data_block import DataBlock
from simulators.devices.drive import Drive
from simulators.devices.gas_detector import GasDetector
from simulators.devices.liquiline import Input, Liquiline
from simulators.devices.plc_signals import MOST_CELLS, Layout, layout
from simulators.devices.rectifier import Profile, Rectifier
from simulators.devices.register_instrument import RegisterInstrument
from simulators.devices.registers import PlantSignals
from simulators.devices.safety_plc import SafetyPlc
from simulators.devices.scalar_instrument import PowerMeter

STEP_NS: Final = 100_000_000
STEP_S: Final = 0.1

RECTIFIER: Final = "RECT-01"
GATEWAY: Final = "GW-4A"
PLC: Final = "PLC-4"
SAFETY: Final = "SIS-4"

OUTLET_UNIT, PROBE_A_UNIT, PROBE_B_UNIT, ORP_UNIT, WASH_UNIT = 1, 11, 12, 13, 14

DRIVES: Final = {
    "VFD-4216": "pump",
    "VFD-4265": "anolyte_pump",
    "VFD-4274": "acid_pump",
    "VFD-8012": "fan_a",
    "VFD-8013": "fan_b",
}
FANS: Final = ("VFD-8012", "VFD-8013")
TRANSMITTER: Final = "LQ-40"
CHANNELS: Final = (
    Input(1, "conductivity.ms_cm", "mS/cm", 0.0, 200.0, 0.1),
    Input(5, "anolyte.conductivity_ms_cm", "mS/cm", 0.0, 400.0, 0.2),
    Input(6, "acid.conductivity_ms_cm", "mS/cm", 0.0, 900.0, 0.5),
    Input(7, "acid.temperature_c", "degC", 0.0, 100.0, 0.05),
    Input(8, "acid.turbidity_ntu", "NTU", 0.0, 100.0, 0.1),
)
DETECTORS: Final = {
    "AT-8016": ("hydrogen_a.lel_percent", "H2", (15.0, 25.0), 0.1),
    "AT-8017": ("hydrogen_b.lel_percent", "H2", (15.0, 25.0), 0.1),
    "AT-8018": ("hydrogen_c.lel_percent", "H2", (15.0, 25.0), 0.1),
    "AT-8022": ("anode_gas.chlorine_ppm", "Cl2", (50.0, 200.0), 0.5),
}
METERS: Final = {
    "FT-4216": ("recirculation.mass_flow_kg_h", "recirculation.density_kg_m3", "tank.temperature_c"),
    "FT-4273": ("acid_line.mass_flow_kg_h", "acid_line.density_kg_m3", "acid.temperature_c"),
}
POWER_METER: Final = "JT-9011"


class SteppedPlant(PlantSignals, Protocol):
    """A plant that moves when it is told to."""

    def names(self) -> Collection[str]:
        """Every signal it has: the devices follow from them."""

    def step(self, dt_s: float) -> None:
        """Advance by `dt_s` seconds."""


def layout_of(plant: SteppedPlant) -> Layout:
    """How many cells the plant has, and whether the loops beside the catholyte are there."""
    names = set(plant.names())
    cells = sum(of_cell("cell.current_a", k) in names for k in range(1, MOST_CELLS + 1))
    return layout(cells, "acid.flow_m3_h" in names)


class CellLine:
    """All twins of a circuit: `rectifiers` (RECT-01...), `probes` by unit number (GW-4A), `plc` (PLC-4), `safety`
    (SIS-4), `instruments` with registers by device, the drives among them.
    """

    def __init__(self, plant: SteppedPlant, *, watchdog_profile: Profile = "writes") -> None:
        self.plant = plant
        self.layout = layout_of(plant)
        cells = range(1, self.layout.cells + 1)
        self.rectifiers = {f"RECT-{k:02d}": Rectifier(plant, cell=k, profile=watchdog_profile) for k in cells}
        self.rectifier = self.rectifiers[RECTIFIER]
        self.probes = {
            k: ArcProbe(plant, of_cell("outlet_probe.", k).removesuffix("."), name=f"AI-4{k:02d}1") for k in cells
        }
        self.probes[PROBE_A_UNIT] = ArcProbe(plant, "probe_a", name="AI-4212")
        self.probes[PROBE_B_UNIT] = ArcProbe(plant, "probe_b", name="AI-4213")
        self.instruments: dict[str, RegisterInstrument] = {}
        self.drives: dict[str, Drive] = {}
        self.meters: dict[str, Coriolis] = {}
        if self.layout.loops:
            self._add_loops(plant)
        self.plc = AreaPlc(plant, self.layout)
        self.safety = SafetyPlc(plant, self.layout)
        self.steps = 0

    def _add_loops(self, plant: SteppedPlant) -> None:
        self.probes[ORP_UNIT] = ArcProbe(plant, "anolyte", name="AI-4263", main_unit=UNIT_MV)
        # The skid has no thermometer; what comes back from a cell has the circuit's temperature.
        self.probes[WASH_UNIT] = ArcProbe(plant, "wash", name="AI-4284", temperature="tank.temperature_c")
        self.drives = {name: Drive(plant, motor, cause=f"{motor}.tripped") for name, motor in DRIVES.items()}
        self.meters = {name: Coriolis(plant, *signals) for name, signals in METERS.items()}
        self.instruments = {**self.drives, **self.meters}
        self.instruments[TRANSMITTER] = Liquiline(plant, CHANNELS, tag=TRANSMITTER)
        for name, (signal, gas, alarms, step) in DETECTORS.items():
            self.instruments[name] = GasDetector(plant, signal, gas=gas, alarms=alarms, step=step)
        pairs = [(of_cell("cell.current_a", k), of_cell("cell.voltage_v", k)) for k in range(1, self.layout.cells + 1)]
        self.instruments[POWER_METER] = PowerMeter(plant, pairs)

    @property
    def blocks(self) -> dict[str, DataBlock]:
        """The PLCs by device."""
        return {PLC: self.plc, SAFETY: self.safety}

    def settle(self, now_ns: int, utc_ns: int) -> None:
        """Take the first samples, so that no device answers with nothing before its first step."""
        for rectifier in self.rectifiers.values():
            rectifier.sense(now_ns, 0.0)
        self.plc.sample(now_ns, utc_ns)
        self.safety.show_rows(self.safety.latches, utc_ns, "XZ")

    def step(self, now_ns: int, utc_ns: int) -> None:
        """One step of 100 ms that ends at `now_ns` (monotonic) and `utc_ns` (UTC)."""
        plc, safety = self.plc, self.safety
        safety.cycle(now_ns, utc_ns)
        held = safety.effects
        plc.cycle(now_ns, STEP_S, held, utc_ns)
        if self.drives:
            self._wire_drives(now_ns)
        for k, rectifier in enumerate(self.rectifiers.values(), 1):
            rectifier.external_interlock = k in plc.interlocked or ("E1", k) in held
            rectifier.drive(now_ns)
        self.plant.step(STEP_S)
        for rectifier in self.rectifiers.values():
            rectifier.sense(now_ns, STEP_S)
        for meter in self.meters.values():
            meter.advance(STEP_S)
        plc.sample(now_ns, utc_ns)
        self.steps += 1

    def _wire_drives(self, now_ns: int) -> None:
        """What the PLCs' hard wires do to drives that else hang on the bus."""
        drives, lines = self.drives, self.plc.stop_lines
        drives["VFD-4216"].stop_line = lines.recirculation
        drives["VFD-4265"].stop_line = lines.anolyte
        drives["VFD-4274"].stop_line = lines.acid
        full = ("E9", 0) in self.safety.effects
        for fan in FANS:
            drives[fan].full_line = full
        for drive in drives.values():
            drive.drive(now_ns)
