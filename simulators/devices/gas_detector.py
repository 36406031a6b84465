"""Gas detector on Modbus TCP (Honeywell Midas class); also stands for the header's gas analysers.

    register   content
    40001      bits 0-3 state: 0 warm-up, 1 monitoring, 2-4 inhibited, 5 simulation, 7-8 calibration
               bits 4-5 fault: 0 none, 1 maintenance, 2 instrument;  6 alarm 1;  7 alarm 2;  8-10 relays
               bit 11 heartbeat, toggles every 2 s
    40002      number of the gas
    40003-4    concentration, float, high word first

40001 is PDU address 0, function 3 or 4. Only while it monitors is the concentration a reading: inhibited it stands at
0, in simulation and calibration it is the test gas's. When its electronics hang the registers go on being answered,
with the last value, state 1 and no fault: only the heartbeat stands.

Sources: section 4.2 of the design basis; relays (alarm 1, alarm 2, fault) and numbers of gases are assumed.
"""

import math
from collections.abc import Mapping
from typing import Final

from simulators.devices.register_instrument import UNKNOWN, Reading, RegisterInstrument, Status
from simulators.devices.registers import READ_HOLDING, PlantSignals, quantise

WARM_UP, MONITORING, INHIBITED, SIMULATION, CALIBRATION = 0, 1, 2, 5, 7
MAINTENANCE, INSTRUMENT = 1, 2
ALARM_1, ALARM_2, RELAY_1, RELAY_2, RELAY_FAULT, HEARTBEAT = (1 << i for i in range(6, 12))
BEAT_NS: Final = 2_000_000_000
LIFE_NS: Final = 6_000_000_000
WARM_UP_NS: Final = 30_000_000_000
GASES: Final = {"H2": 23, "Cl2": 9, "HCl": 12}


class GasDetector(RegisterInstrument):
    """One detector. `state` and `fault` are what a person or a failure made of it; `hangs` stops its electronics."""

    def __init__(self, plant: PlantSignals, signal: str, *, gas: str, alarms: tuple[float, float], step: float) -> None:
        super().__init__(plant, [signal])
        self.gas = gas
        self.alarms = alarms
        self.state = MONITORING
        self.fault = 0
        self.hangs = False
        self.test_gas = 0.5 * alarms[0]
        self._step = step
        self._stood: dict[int, int] = {}
        self._stood_at = math.nan
        self._rebooted = False
        self._warm_ns = 0
        self._lived_ns = 0

    def reboot(self) -> None:
        """Warm up for 30 s, then monitor."""
        self._rebooted = True

    def concentration(self) -> float:
        """What stands in 40003-4."""
        state = self.state
        if state == WARM_UP or INHIBITED <= state < SIMULATION:
            return 0.0
        return self.test_gas if state >= SIMULATION else quantise(self.value(0), self._step)

    def reading(self, item: str, now_ns: int) -> Reading:
        """`GAS` or `STATUS`, with the heartbeat judged as the profile says."""
        words = self.words(now_ns, READ_HOLDING)
        if self.garbled():
            return math.nan, "bad"
        if item == "STATUS":
            return float(words[0]), "good"
        if not self.hangs:
            self._lived_ns = now_ns
        value = self.concentration()
        if not math.isfinite(value):
            return UNKNOWN
        status: Status = "good" if self.state == MONITORING else "out-of-service"
        if self.trouble == "sensor-failed" or self.fault == INSTRUMENT:
            status = "sensor"
        elif now_ns - self._lived_ns > LIFE_NS:
            status = "stale"
        elif self.fault and status == "good":
            status = "uncertain"
        return value, status

    def words(self, now_ns: int, function: int) -> Mapping[int, int]:
        """Its four registers."""
        if self._rebooted:
            self._rebooted, self._warm_ns, self.state, self.fault = False, now_ns + WARM_UP_NS, WARM_UP, 0
        if self.state == WARM_UP and self._warm_ns and now_ns >= self._warm_ns:
            self.state, self._warm_ns = MONITORING, 0
        if self.hangs and self._stood:
            return self._stood
        shown = self.concentration()
        fault = self.fault or (INSTRUMENT if self.trouble == "sensor-failed" else 0)
        word = self.state | fault << 4 | (HEARTBEAT if now_ns // BEAT_NS % 2 else 0)
        if self.state == MONITORING:
            word |= (ALARM_1 | RELAY_1) if shown >= self.alarms[0] else 0
            word |= (ALARM_2 | RELAY_2) if shown >= self.alarms[1] else 0
        word |= RELAY_FAULT if fault else 0
        self._stood_at = shown
        self._stood = {0: word, 1: GASES[self.gas]} | self.float_at(2, shown)
        return self._stood
