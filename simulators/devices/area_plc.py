"""Area controller PLC-4 with the safety PLC's rows beside it, for one cell and its circuit.

Each cycle (100 ms): take the commands, judge the rows of the cause and effect chart, move contactor, pump, feed,
draw-off valve and temperature outputs, and once a sampling period show what is measured. The PLC carries out what the
supervisory controller writes and holds it when that falls silent, except for what it does by itself:

- heartbeat: after the first toggle of XY-9031 it must go on; 5 s without one is row 46: feed to 0, contactor open when
  the current is below 1 A or 5 s later, pump on for 10 min more;
- rows P and S of `plc_rows`: latched; while one stands its outputs are overwritten in the data block, so that the
  controller sees its own command gone and nothing starts by itself after the reset;
- contactor: closes only without current, never from forward to reverse without 0.5 s open between, opens when the
  current is below 1 A or after 0.5 s;
- a set-point that is not a finite number, or outside its range, is put back or limited in the data block;
- temperature: PI on TI-4214 with split range, cooling below 50 %, heating above, while TIC-4214.MODE is 1. Kc 12.9 %/K
  and Ti 16 min on the value filtered by 20 s, by SIMC from 0.35 degC/%, 18 min, 1 min (section 5.2) with tc 3 min;
- drive: run command without a running pump for 2 s is a drive trip, latched until the command goes to 0.

After a loss of its own power or in STOP everything goes to the fail-safe column of 4.1.
"""

import math
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Literal, NamedTuple

from simulators.devices import plc_rows as rows
from simulators.devices import plc_signals as sig
from simulators.devices.plc_signals import Key
from simulators.devices.registers import PlantSignals, quantise

CYCLE_NS: Final = 100_000_000
SECOND_NS: Final = rows.SECOND_NS
HEARTBEAT_LIMIT_NS: Final = 5 * SECOND_NS
OPEN_WAIT_NS: Final = SECOND_NS // 2
OPEN_WAIT_HEARTBEAT_NS: Final = 5 * SECOND_NS
PUMP_AFTER_HEARTBEAT_NS: Final = 600 * SECOND_NS
DRIVE_TRIP_NS: Final = 2 * SECOND_NS
NO_CURRENT_A: Final = 1.0
OVERFILL_PERCENT: Final = 95.0
VALVE_TRAVEL_S: Final = 2.0
VALVE_LIMIT_S: Final = 4.0

TEMPERATURE_FILTER_S: Final = 20.0
TEMPERATURE_CYCLES: Final = 5
GAIN_PERCENT_PER_K: Final = 12.9
INTEGRAL_S: Final = 960.0

# Status word of the drive (FC profile).
READY, DRIVE_READY, ENABLED, TRIPPED, AT_SPEED, BUS, RUNNING = (1 << i for i in (0, 1, 2, 3, 8, 9, 11))

Status = Literal["good", "uncertain", "bad"]
QUAL: Final = {"good": 0, "uncertain": 1, "bad": 2}
Trouble = Literal["frozen", "stale", "nan", "bad-status", "uncertain-status", "stuck"]


class Sample(NamedTuple):
    """What the data block shows of one item: value, status, and the UTC instant (ns) it was taken at."""

    value: float | int | bool
    status: Status
    source_ns: int


class AreaPlc:
    """PLC-4. `troubles` is what is wrong with a tag's channel, by name: `frozen` (same value, moving source time),
    `stale` (nothing new at all), `nan` (not a number, status good), `bad-status`, `uncertain-status`; `stuck` for the
    draw-off valve. `stopped` is the CPU in STOP.
    """

    def __init__(self, plant: PlantSignals) -> None:
        self._plant = plant
        self._read_causes = plant.reader(*_CAUSES)
        self._read_states = plant.reader("contactor.position", "tank.level_percent", "pump.running", "pump.speed")
        self._channels = [
            (cycles, found, plant.reader(*(c.signal for c in found))) for cycles, found in _CHANNELS_EVERY
        ]
        self.troubles: dict[str, Trouble] = {}
        self.stopped = False
        self.interlock_line = False
        self.latches = rows.RowLatches()
        self.values: dict[Key, float | int | bool] = {node.key: node.initial for node in sig.NODES}
        self.shown: dict[Key, Sample] = {}
        self._seen: tuple[float | int | bool, ...] = ()
        self._changes: dict[Key, Sample] = {}
        self._cycles = 0
        self._beat = False
        self._heartbeat_ns: int | None = None
        self._heartbeat_lost_ns: int | None = None
        self._opening_ns: int | None = None
        self._opened_ns = 0
        self._run_ns: int | None = None
        self._valve = 0.0
        self._valve_moving_s = 0.0
        self._run_hours = 0.0
        self._take_over()

    def _take_over(self) -> None:
        """The block starts with what the plant is doing, whether it runs or stands."""
        read, values = self._plant.read, self.values
        self._order = int(read("contactor.position"))
        self._valve = read("drawoff.open")
        values[sig.CONTACTOR, "CMD"] = self._order
        values[sig.PUMP, "CMD"] = bool(read("pump.run"))
        values[sig.PUMP, "REM"] = True
        values[sig.DRAWOFF, "CMD"] = self._valve > 0.5
        values[sig.FEED, "SP"] = 10.0 * read("feed.stroke")
        values[sig.PUMP_SPEED, "SP"] = 100.0 * read("pump.speed_command")
        values[sig.COOLING, "SP"] = 100.0 * read("cooling.output")
        values[sig.HEATER, "SP"] = 100.0 * read("heater.output")
        values[sig.TEMPERATURE_LOOP, "SP"] = 40.0
        values[sig.TEMPERATURE_LOOP, "MODE"] = 1
        for spec in sig.SETPOINTS:
            values[spec.tag, "OP"] = values[spec.tag, "SP"]
        split = 50.0 + 0.5 * float(values[sig.HEATER, "SP"]) - 0.5 * float(values[sig.COOLING, "SP"])
        self._split = split
        self._tank_c = read("tank.temperature_c")
        self._integral = split - GAIN_PERCENT_PER_K * (40.0 - self._tank_c)

    def command(self, key: Key, value: float | int | bool) -> None:
        """A client wrote `value` to the item; it takes effect in the next cycle. KeyError for an unknown item."""
        if not sig.KEYS[key].writable:
            raise PermissionError(f"{sig.identifier(key)} is read-only")
        self.values[key] = value
        # The block holds the client's value now: if the program puts another there, that is a change to show.
        self._seen = ()
        last = self.shown.get(key)
        self.shown[key] = Sample(value, "good", 0 if last is None else last.source_ns)

    def reset_safety(self, now_ns: int) -> None:
        """Turn the key at the safety cabinet: rows S whose cause is gone are released."""
        self.latches.reset("S")

    def take_changes(self) -> dict[Key, Sample]:
        """What changed in the data block since the last call, in the order it changed."""
        changes, self._changes = self._changes, {}
        return changes

    def cycle(self, now_ns: int, dt_s: float) -> None:
        """One program cycle on the plant's present values; `dt_s` is the time since the last, s."""
        if self.stopped:
            self._fail_safe()
            return
        self._heed_heartbeat(now_ns)
        readings = self._readings()
        current_a = readings.current_a
        self.latches.step(readings, now_ns)
        if self.values[sig.RESET, "CMD"]:
            self.values[sig.RESET, "CMD"] = False
            self.latches.reset("P")
        effects = self.latches.effects()
        self.interlock_line = bool(effects & rows.E1_RECTIFIER_OFF)
        self._move_contactor(effects, abs(current_a), now_ns)
        self._run_pump(effects, abs(current_a), now_ns, dt_s)
        self._dose(effects)
        self._move_valve(effects, dt_s)
        if self._cycles % TEMPERATURE_CYCLES == 0:
            self._hold_temperature(dt_s * TEMPERATURE_CYCLES)

    def sample(self, now_ns: int, utc_ns: int) -> None:
        """Show the plant's values after its step: each measurement at its own period, states when they change."""
        if self.stopped:
            return
        for cycles, channels, read in self._channels:
            if self._cycles % cycles == 0:
                for channel, raw in zip(channels, read(), strict=True):
                    self._measure(channel, raw * channel.factor, utc_ns)
        if self._cycles % 10 == 0:
            self.values[sig.HEARTBEAT_OUT, "PV"] = (int(self.values[sig.HEARTBEAT_OUT, "PV"]) + 1) & 0xFFFF
        self._cycles += 1
        values = self.values
        position, level, running, speed = self._read_states()
        values[sig.CONTACTOR_POSITION, "PV"] = int(position)
        values[sig.OVERFILL, "PV"] = level >= OVERFILL_PERCENT
        values[sig.PUMP, "RUN"] = bool(running)
        values[sig.DRIVE_STATUS, "PV"] = self._drive_status(speed * 100.0)
        values[sig.ROWS, "PV"] = self.latches.word()
        states = _states_of(values)
        if states != self._seen:
            for key, value in zip(_STATES, states, strict=True):
                self._show(key, value, "good", utc_ns)
            self._seen = states

    def _heed_heartbeat(self, now_ns: int) -> None:
        beat = bool(self.values[sig.HEARTBEAT_IN, "CMD"])
        if beat != self._beat:
            self._beat = beat
            self._heartbeat_ns = now_ns
        lost = self._heartbeat_ns is not None and now_ns - self._heartbeat_ns >= HEARTBEAT_LIMIT_NS
        if not lost:
            self._heartbeat_lost_ns = None
        elif self._heartbeat_lost_ns is None:
            self._heartbeat_lost_ns = now_ns

    def _readings(self) -> rows.Readings:
        current, voltage, flow, felt, membrane, temperature, level, position = self._read_causes()
        overfill, lost = level >= OVERFILL_PERCENT, self._heartbeat_lost_ns is not None
        return rows.Readings(
            current, voltage, flow, felt, membrane, temperature, level, overfill, self._order, int(position), lost
        )

    def _move_contactor(self, effects: int, current_a: float, now_ns: int) -> None:
        key = (sig.CONTACTOR, "CMD")
        forced = bool(effects & rows.E4_CONTACTOR_OPEN)
        wanted = self.values[key]
        if forced or wanted not in (0, 1, 2):
            wanted = self.values[key] = 0 if forced else self._order
        if wanted == self._order:
            self._opening_ns = None
            return
        if self._order != 0:
            if self._opening_ns is None:
                self._opening_ns = now_ns
            wait_ns = OPEN_WAIT_HEARTBEAT_NS if self._only_heartbeat() else OPEN_WAIT_NS
            if current_a < NO_CURRENT_A or now_ns - self._opening_ns >= wait_ns:
                self._order, self._opening_ns, self._opened_ns = 0, None, now_ns
        elif current_a < NO_CURRENT_A and now_ns - self._opened_ns >= OPEN_WAIT_NS:
            self._order = int(wanted)
        self._plant.write("contactor.position", float(self._order))

    def _only_heartbeat(self) -> bool:
        opening = {row.number for row in rows.ROWS if row.effects & rows.E4_CONTACTOR_OPEN} & self.latches.tripped
        return opening == {46}

    def _run_pump(self, effects: int, current_a: float, now_ns: int, dt_s: float) -> None:
        values = self.values
        stop = bool(effects & rows.E8_PUMP_STOP) and current_a < NO_CURRENT_A
        lost = self._heartbeat_lost_ns
        stop = stop or (lost is not None and now_ns - lost >= PUMP_AFTER_HEARTBEAT_NS)
        if stop:
            values[sig.PUMP, "CMD"] = False
        wanted = bool(values[sig.PUMP, "CMD"])
        running = bool(self._plant.read("pump.running"))
        if not wanted:
            values[sig.PUMP, "FLT"] = False
            self._run_ns = None
        elif running or self._run_ns is None:
            self._run_ns = now_ns
        elif now_ns - self._run_ns >= DRIVE_TRIP_NS:
            values[sig.PUMP, "FLT"] = True
        if running:
            self._run_hours += dt_s / 3600.0
        values[sig.PUMP, "HRS"] = quantise(self._run_hours, 0.1)
        speed = self._limited(sig.PUMP_SPEED, self._plant.read("pump.speed_command") * 100.0)
        run = wanted and not values[sig.PUMP, "FLT"]
        values[sig.PUMP_SPEED, "OP"] = speed if run else 0.0
        self._plant.write("pump.run", float(run))
        self._plant.write("pump.speed_command", speed / 100.0)

    def _dose(self, effects: int) -> None:
        if effects & rows.E5_FEED_STOP:
            self.values[sig.FEED, "SP"] = 0.0
        feed = self._limited(sig.FEED, self._plant.read("feed.stroke") * 10.0)
        self.values[sig.FEED, "OP"] = feed
        self._plant.write("feed.stroke", feed / 10.0)

    def _move_valve(self, effects: int, dt_s: float) -> None:
        values = self.values
        if effects & rows.DRAWOFF_OPEN:
            values[sig.DRAWOFF, "CMD"] = True
        wanted = 1.0 if values[sig.DRAWOFF, "CMD"] else 0.0
        if self.troubles.get(sig.DRAWOFF) != "stuck":
            travel = dt_s / VALVE_TRAVEL_S
            self._valve += max(-travel, min(travel, wanted - self._valve))
        there = abs(wanted - self._valve) <= 0.05
        self._valve_moving_s = 0.0 if there else self._valve_moving_s + dt_s
        fault = self._valve_moving_s > VALVE_LIMIT_S
        values[sig.DRAWOFF, "ZSO"] = self._valve >= 0.95
        values[sig.DRAWOFF, "ZSC"] = self._valve <= 0.05
        values[sig.DRAWOFF, "TRV"] = not there
        values[sig.DRAWOFF, "FLT"] = fault
        values[sig.DRAWOFF_POSITION, "PV"] = 3 if fault else int(wanted) if there else 2
        self._plant.write("drawoff.open", self._valve)

    def _hold_temperature(self, dt_s: float) -> None:
        values = self.values
        setpoint = self._limited(sig.TEMPERATURE_LOOP, 40.0)
        raw = self._plant.read("tank.temperature_c")
        seen = math.isfinite(raw)
        if seen:
            self._tank_c += min(1.0, dt_s / TEMPERATURE_FILTER_S) * (raw - self._tank_c)
        measured = self._tank_c
        if values[sig.TEMPERATURE_LOOP, "MODE"] == 1 and seen:
            error = setpoint - measured
            split = GAIN_PERCENT_PER_K * error + self._integral
            self._split = max(0.0, min(100.0, split))
            if self._split == split:
                self._integral += GAIN_PERCENT_PER_K * error * dt_s / INTEGRAL_S
            values[sig.COOLING, "SP"] = quantise(max(0.0, 100.0 - 2.0 * self._split), 0.5)
            values[sig.HEATER, "SP"] = quantise(max(0.0, 2.0 * self._split - 100.0), 0.5)
        cooling, heater = self._limited(sig.COOLING, 100.0), self._limited(sig.HEATER, 0.0)
        if values[sig.TEMPERATURE_LOOP, "MODE"] != 1:
            self._integral = 50.0 + 0.5 * heater - 0.5 * cooling - GAIN_PERCENT_PER_K * (setpoint - measured)
        values[sig.TEMPERATURE_LOOP, "OP"] = quantise(self._split, 0.5)
        values[sig.COOLING, "OP"], values[sig.HEATER, "OP"] = cooling, heater
        self._plant.write("cooling.output", cooling / 100.0)
        self._plant.write("heater.output", heater / 100.0)

    def _limited(self, tag: str, otherwise: float) -> float:
        """The set-point in use: limited to its range, `otherwise` where it is not finite; put back if changed."""
        spec = _SETPOINTS[tag]
        asked = float(self.values[tag, "SP"])
        used = max(spec.low, min(spec.high, asked if math.isfinite(asked) else otherwise))
        self.values[tag, "SP"] = used
        return used

    def _drive_status(self, speed: float) -> int:
        values = self.values
        run = bool(values[sig.PUMP, "RUN"])
        word = READY | BUS
        if values[sig.PUMP, "FLT"]:
            return word | TRIPPED
        word |= DRIVE_READY
        word |= ENABLED if values[sig.PUMP, "CMD"] else 0
        word |= RUNNING if run else 0
        return word | (AT_SPEED if run and abs(speed - float(values[sig.PUMP_SPEED, "OP"])) < 1.0 else 0)

    def _measure(self, channel: "_Channel", raw: float, utc_ns: int) -> None:
        status: Status = "good" if channel.lowest <= raw <= channel.highest else "bad"
        value = quantise(raw, channel.step)
        last = self.shown.get(channel.key)
        if channel.tag in self.troubles and last is not None:
            trouble = self.troubles[channel.tag]
            if trouble == "stale":
                return
            if trouble == "frozen":
                self.shown[channel.key] = self._changes[channel.key] = Sample(last.value, "good", utc_ns)
                return
            if trouble == "nan":
                value, status = math.nan, "good"
            else:
                status = "bad" if trouble == "bad-status" else "uncertain"
        elif last is not None and not math.isfinite(raw):
            value = float(last.value)
        if last is None or last.status != status:
            self._show((channel.tag, "QUAL"), QUAL[status], "good", utc_ns)
            self._show((channel.tag, "SIM"), False, "good", utc_ns)
        self._show(channel.key, value, status, utc_ns)

    def _show(self, key: Key, value: float | int | bool, status: Status, utc_ns: int) -> None:
        last = self.shown.get(key)
        if last is None or last.status != status or not _same(last.value, value):
            self.shown[key] = self._changes[key] = Sample(value, status, utc_ns)

    def _fail_safe(self) -> None:
        """STOP: contactor open, feed and heater 0, cooling open, draw-off closed, pump on until the current is gone."""
        write = self._plant.write
        self.interlock_line = True
        self._order = 0
        self._valve = 0.0
        write("contactor.position", 0.0)
        write("feed.stroke", 0.0)
        write("heater.output", 0.0)
        write("cooling.output", 1.0)
        write("drawoff.open", 0.0)
        if abs(self._plant.read("cell.current_a")) < NO_CURRENT_A:
            write("pump.run", 0.0)


def _same(a: float | int | bool, b: float | int | bool) -> bool:
    return a == b or (math.isnan(a) and math.isnan(b))


_SETPOINTS: Final = {spec.tag: spec for spec in sig.SETPOINTS}


@dataclass(frozen=True, slots=True)
class _Channel:
    """A measurement with what each sample of it needs: its key, and the limits beyond which the card sees a fault."""

    tag: str
    key: Key
    signal: str
    factor: float
    step: float
    lowest: float
    highest: float


def _channels(period_ms: int) -> tuple[_Channel, ...]:
    """The channels of one sampling period. 5 % outside its range a 4-20 mA loop is broken or shorted."""
    found = []
    for m in sig.MEASUREMENTS:
        if m.period_ms == period_ms:
            margin = 0.05 * (m.high - m.low)
            found.append(_Channel(m.tag, (m.tag, "PV"), m.signal, m.factor, m.step, m.low - margin, m.high + margin))
    return tuple(found)


_CHANNELS_EVERY: Final = tuple((ms * 1_000_000 // CYCLE_NS, _channels(ms)) for ms in (sig.FAST_MS, sig.SLOW_MS))
_MEASURED: Final = {(m.tag, member) for m in sig.MEASUREMENTS for member in ("PV", "QUAL", "SIM")}
_STATES: Final = tuple(node.key for node in sig.NODES if node.key not in _MEASURED)
_states_of: Final = itemgetter(*_STATES)
# What the rows look at, in the order of `Readings` up to the level, then the contactor's position.
_CAUSES: Final = (
    *("cell.current_a", "cell.voltage_v", "cell.flow_m3_h", "cell.felt_dp_bar", "cell.membrane_dp_bar"),
    *("tank.temperature_c", "tank.level_percent", "contactor.position"),
)
