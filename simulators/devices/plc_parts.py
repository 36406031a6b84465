"""The function blocks of the area PLC: contactor, on/off valve, motor, temperature loop.

Each keeps what it needs between two cycles, takes its command out of the data block, puts back what it will not do and
writes the plant's actuator. Times in ns of the plant's clock, `dt_s` in s.
"""

import math
from typing import Final

from simulators.devices.data_block import DataBlock
from simulators.devices.plc_signals import COOLING, HEATER, TEMPERATURE_LOOP, ValveSpec
from simulators.devices.registers import PlantSignals, quantise

SECOND_NS: Final = 1_000_000_000
OPEN_WAIT_NS: Final = SECOND_NS // 2
OPEN_WAIT_HEARTBEAT_NS: Final = 5 * SECOND_NS
DRIVE_TRIP_NS: Final = 2 * SECOND_NS
NO_CURRENT_A: Final = 1.0
VALVE_TRAVEL_S: Final = 2.0
VALVE_LIMIT_S: Final = 4.0

TEMPERATURE_FILTER_S: Final = 20.0
GAIN_PERCENT_PER_K: Final = 12.9
INTEGRAL_S: Final = 960.0


class Contactor:
    """The polarity contactor of one cell: 0 open, 1 forward, 2 reverse.

    It closes only without current, never from forward to reverse without 0.5 s open between, opens when the current is
    below 1 A or after 0.5 s; for a lost heartbeat alone after 5 s.
    """

    def __init__(self, plant: PlantSignals, block: DataBlock, tag: str, signal: str) -> None:
        self._plant, self._block, self._key, self._signal = plant, block, (tag, "CMD"), signal
        self._opening_ns: int | None = None
        self._opened_ns = 0
        self.order = int(plant.read(signal))
        block.values[self._key] = self.order

    def step(self, forced: bool, patient: bool, current_a: float, now_ns: int) -> None:
        """Go where the command says; `forced` opens, `patient` with the heartbeat's longer wait."""
        values = self._block.values
        wanted = values[self._key]
        if forced or wanted not in (0, 1, 2):
            wanted = values[self._key] = 0 if forced else self.order
        if wanted == self.order:
            self._opening_ns = None
            return
        if self.order != 0:
            if self._opening_ns is None:
                self._opening_ns = now_ns
            wait_ns = OPEN_WAIT_HEARTBEAT_NS if patient else OPEN_WAIT_NS
            if current_a < NO_CURRENT_A or now_ns - self._opening_ns >= wait_ns:
                self.order, self._opening_ns, self._opened_ns = 0, None, now_ns
        elif current_a < NO_CURRENT_A and now_ns - self._opened_ns >= OPEN_WAIT_NS:
            self.order = int(wanted)
        self._plant.write(self._signal, float(self.order))

    def fail_safe(self) -> None:
        """Open at once."""
        self.order = 0
        self._plant.write(self._signal, 0.0)


class Valve:
    """An on/off valve with its two limit switches; 4 s without the end that was ordered are a fault."""

    def __init__(self, plant: PlantSignals, block: DataBlock, spec: ValveSpec) -> None:
        self._plant, self._block, self.spec = plant, block, spec
        self._share = plant.read(spec.signal)
        self._moving_s = 0.0
        self._state: tuple[bool, ...] = ()
        self.fault = False
        self.is_open = self._share > 0.5
        self.is_closed = not self.is_open
        block.values[spec.tag, "CMD"] = self.is_open

    def step(self, forced: bool | None, dt_s: float) -> None:
        """Go where the command says, or `forced`."""
        values, spec = self._block.values, self.spec
        if forced is not None:
            values[spec.tag, "CMD"] = forced
        wanted = bool(values[spec.tag, "CMD"])
        self._look(1.0 if wanted else 0.0, dt_s)
        there = self.is_open and not self.is_closed if wanted else self.is_closed and not self.is_open
        self._moving_s = 0.0 if there else self._moving_s + dt_s
        self.fault = self._moving_s > VALVE_LIMIT_S
        state = (wanted, self.is_open, self.is_closed, self.fault)
        if state == self._state:
            return
        self._state = state
        values[spec.tag, "ZSO"], values[spec.tag, "ZSC"] = self.is_open, self.is_closed
        values[spec.tag, "TRV"], values[spec.tag, "FLT"] = not there, self.fault
        values[spec.position_tag, "PV"] = 3 if self.fault else int(wanted) if there else 2

    def _look(self, wanted: float, dt_s: float) -> None:
        """Order the end and read the switches."""
        spec, read = self.spec, self._plant.read
        if spec.opened:
            self._plant.write(spec.signal, wanted)
            self.is_open, self.is_closed = read(spec.opened) > 0.5, read(spec.closed) > 0.5
            return
        if spec.position:
            self._plant.write(spec.signal, wanted)
            self._share = read(spec.position)
        else:
            if self._block.troubles.get(spec.tag) != "stuck":
                travel = dt_s / VALVE_TRAVEL_S
                self._share += max(-travel, min(travel, wanted - self._share))
            self._plant.write(spec.signal, self._share)
        self.is_open, self.is_closed = self._share >= 0.95, self._share <= 0.05

    def fail_safe(self) -> None:
        """The end without air."""
        self._share = 0.0
        self._plant.write(self.spec.signal, 0.0)


class Motor:
    """A motor on a starter of the PLC: a run command without a running motor for 2 s is a trip, until it goes to 0."""

    def __init__(self, plant: PlantSignals, block: DataBlock, tag: str, command: str, feedback: str) -> None:
        self._plant, self._block, self.tag, self._command, self._feedback = plant, block, tag, command, feedback
        self._run_ns: int | None = None
        self._hours = 0.0
        block.values[tag, "CMD"] = bool(plant.read(command))
        block.values[tag, "REM"] = True

    def step(self, stop: bool, now_ns: int, dt_s: float) -> bool:
        """Run or stand as commanded, unless `stop`; whether the motor is to turn."""
        values, tag = self._block.values, self.tag
        if stop:
            values[tag, "CMD"] = False
        wanted = bool(values[tag, "CMD"])
        running = bool(self._plant.read(self._feedback))
        if not wanted:
            values[tag, "FLT"] = False
            self._run_ns = None
        elif running or self._run_ns is None:
            self._run_ns = now_ns
        elif now_ns - self._run_ns >= DRIVE_TRIP_NS:
            values[tag, "FLT"] = True
        if running:
            self._hours += dt_s / 3600.0
            values[tag, "HRS"] = quantise(self._hours, 0.1)
        run = wanted and not values[tag, "FLT"]
        self._plant.write(self._command, float(run))
        return run

    def stop(self) -> None:
        """Let it stand."""
        self._plant.write(self._command, 0.0)


class TemperatureLoop:
    """PI on TI-4214 with split range, cooling below 50 %, heating above, while TIC-4214.MODE is 1.

    Kc 12.9 %/K and Ti 16 min on the value filtered by 20 s, by SIMC from 0.35 degC/%, 18 min, 1 min (section 5.2) with
    tc 3 min. In manual cooling and heater are whoever's who writes their set-points.
    """

    def __init__(self, plant: PlantSignals, block: DataBlock) -> None:
        self._plant, self._values = plant, block.values
        values = block.values
        values[TEMPERATURE_LOOP, "SP"] = 40.0
        values[TEMPERATURE_LOOP, "MODE"] = 1
        self._split = 50.0 + 0.5 * float(values[HEATER, "SP"]) - 0.5 * float(values[COOLING, "SP"])
        self._seen_c = plant.read("tank.temperature_c")
        self.integral = self._split - GAIN_PERCENT_PER_K * (40.0 - self._seen_c)

    def step(self, setpoint: float, dt_s: float) -> None:
        """Move the set-points of cooling and heater, or follow them."""
        values = self._values
        raw = self._plant.read("tank.temperature_c")
        seen = math.isfinite(raw)
        if seen:
            self._seen_c += min(1.0, dt_s / TEMPERATURE_FILTER_S) * (raw - self._seen_c)
        error = setpoint - self._seen_c
        if values[TEMPERATURE_LOOP, "MODE"] != 1:
            heater, cooling = float(values[HEATER, "OP"]), float(values[COOLING, "OP"])
            self.integral = 50.0 + 0.5 * heater - 0.5 * cooling - GAIN_PERCENT_PER_K * error
        elif seen:
            split = GAIN_PERCENT_PER_K * error + self.integral
            self._split = max(0.0, min(100.0, split))
            if self._split == split:
                self.integral += GAIN_PERCENT_PER_K * error * dt_s / INTEGRAL_S
            values[COOLING, "SP"] = quantise(max(0.0, 100.0 - 2.0 * self._split), 0.5)
            values[HEATER, "SP"] = quantise(max(0.0, 2.0 * self._split - 100.0), 0.5)
        values[TEMPERATURE_LOOP, "OP"] = quantise(self._split, 0.5)
