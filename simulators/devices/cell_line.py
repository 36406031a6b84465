"""The devices of the one-cell line and the plant behind them, advanced together, one step after the other.

A step is: the controllers act on what they measured last (area PLC, then rectifier), the plant moves, then every
instrument has its new value. Nothing here waits or looks at a clock; servers, tests and the in-memory wiring all
drive the same object.
"""

from typing import Final, Protocol

from simulators.devices.arc_probe import ArcProbe
from simulators.devices.area_plc import AreaPlc
from simulators.devices.rectifier import Profile, Rectifier
from simulators.devices.registers import PlantSignals

STEP_NS: Final = 100_000_000
STEP_S: Final = 0.1

RECTIFIER: Final = "RECT-01"
GATEWAY: Final = "GW-4A"
PLC: Final = "PLC-4"

OUTLET_UNIT, PROBE_A_UNIT, PROBE_B_UNIT = 1, 11, 12


class SteppedPlant(PlantSignals, Protocol):
    """A plant that moves when it is told to."""

    def step(self, dt_s: float) -> None:
        """Advance by `dt_s` seconds."""


class CellLine:
    """All twins of the demo circuit: `rectifier` (RECT-01), `probes` by unit number (GW-4A), `plc` (PLC-4)."""

    def __init__(self, plant: SteppedPlant, *, watchdog_profile: Profile = "writes") -> None:
        self.plant = plant
        self.rectifier = Rectifier(plant, profile=watchdog_profile)
        self.probes = {
            OUTLET_UNIT: ArcProbe(plant, "outlet_probe", name="AI-4011"),
            PROBE_A_UNIT: ArcProbe(plant, "probe_a", name="AI-4212"),
            PROBE_B_UNIT: ArcProbe(plant, "probe_b", name="AI-4213"),
        }
        self.plc = AreaPlc(plant)
        self.steps = 0

    def settle(self, now_ns: int, utc_ns: int) -> None:
        """Take the first samples, so that no device answers with nothing before its first step."""
        self.rectifier.sense(now_ns, 0.0)
        self.plc.sample(now_ns, utc_ns)

    def step(self, now_ns: int, utc_ns: int) -> None:
        """One step of 100 ms that ends at `now_ns` (monotonic) and `utc_ns` (UTC)."""
        self.plc.cycle(now_ns, STEP_S)
        self.rectifier.external_interlock = self.plc.interlock_line
        self.rectifier.drive(now_ns)
        self.plant.step(STEP_S)
        self.rectifier.sense(now_ns, STEP_S)
        self.plc.sample(now_ns, utc_ns)
        self.steps += 1
