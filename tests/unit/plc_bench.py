"""PLC-4 and the safety PLC beside it in the hand of a test: a running plant of plain numbers, a clock that is turned,
a heartbeat that may stop.
"""

from simulators.devices import plc_signals as sig
from simulators.devices.area_plc import AreaPlc
from simulators.devices.safety_plc import SafetyPlc
from tests.unit.bench_plant import BenchPlant

STEP = 100_000_000
RUNNING = {
    "contactor__position": 1.0,
    "pump__run": 1.0,
    "pump__running": 1.0,
    "pump__speed": 0.8,
    "feed__stroke": 0.2,
    "cell__current_a": 85.0,
    "cell__voltage_v": 3.0,
    "cell__flow_m3_h": 0.6,
}


class Bench:
    """PLC-4 with the lines of the safety PLC, on a plant of plain numbers."""

    def __init__(self, **signals):
        self.plant = BenchPlant(**{**RUNNING, **signals})
        self.twin = AreaPlc(self.plant)
        self.safety = SafetyPlc(self.plant, self.twin.layout)
        self.now = 0
        self.beat = False
        self.twin.sample(0, 0)

    def run(self, seconds, beating=False):
        for _ in range(round(seconds * 10)):
            self.now += STEP
            if beating and self.now % 1_000_000_000 == 0:
                self.beat = not self.beat
                self.twin.command((sig.HEARTBEAT_IN, "CMD"), self.beat)
            self.safety.cycle(self.now, self.now)
            self.twin.cycle(self.now, 0.1, self.safety.effects, self.now)
            self.twin.sample(self.now, self.now)

    def set(self, **signals):
        self.plant.values.update({name.replace("__", "."): value for name, value in signals.items()})

    def shown(self, tag, member="PV"):
        return self.twin.shown[tag, member].value

    def tripped(self):
        """The numbers of the rows that either PLC has latched."""
        return self.twin.latches.numbers() | self.safety.latches.numbers()
