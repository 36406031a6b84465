"""Area controller PLC-4 of a circuit of one to four cells, with the loops beside the catholyte or without.

Each cycle (100 ms): take the commands, judge the rows of type P, move contactors, valves, motors and analogue outputs,
and once a sampling period show what is measured. The PLC carries out what the supervisory controller writes and holds
it when that falls silent, except for what it does by itself:

- heartbeat: after the first toggle of XY-9031 it must go on; 5 s without one is row 46: feed to 0, bleed shut (without
  feed it would drain the tank), contactors open when the current is below 1 A or 5 s later, pump on for 10 min more;
- its rows (`area_rows`) and those of the safety PLC (`safety`, the effects of its lines): while one stands its outputs
  are overwritten in the data block, so that the controller sees its own command gone and nothing starts by itself
  after the reset;
- a set-point that is not a finite number, or outside its range, is put back or limited in the data block;
- temperature of the tank: its own loop, while TIC-4214.MODE is 1.

Where the recirculation pump has a drive of its own on the bus, this PLC holds its stop line (`stop_lines`) instead of
its command. After a loss of its own power or in STOP everything goes to the fail-safe column of 4.1.
"""

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Final, NamedTuple

from simulators.circuit_names import of_cell
from simulators.devices import area_rows
from simulators.devices import plc_signals as sig
from simulators.devices.data_block import Channel, DataBlock, Number, channel_of
from simulators.devices.plc_parts import NO_CURRENT_A, Contactor, Motor, TemperatureLoop, Valve
from simulators.devices.plc_rows import NOTHING, SECOND_NS, Effect, RowLatches, placed
from simulators.devices.plc_signals import Key, Layout, cell_tag
from simulators.devices.registers import PlantSignals, quantise

CYCLE_NS: Final = 100_000_000
HEARTBEAT_LIMIT_NS: Final = 5 * SECOND_NS
PUMP_AFTER_HEARTBEAT_NS: Final = 600 * SECOND_NS
TEMPERATURE_CYCLES: Final = 5
TURBID_NTU: Final = 10.0
RUPTURE_KG_M3: Final = 5.0

# Status word of the drive (FC profile).
READY, DRIVE_READY, ENABLED, TRIPPED, AT_SPEED, BUS, RUNNING = (1 << i for i in (0, 1, 2, 3, 8, 9, 11))

_CELL: Final = (
    *("cell.current_a", "cell.voltage_v", "cell.flow_m3_h", "cell.felt_dp_bar", "cell.membrane_dp_bar"),
    "outlet_probe.temperature_c",
)
_LOOPS: Final = (
    *("anode_gas.chlorine_ppm", "acid.turbidity_ntu", "acid_line.density_kg_m3", "anolyte.orp_mv"),
    *("acid.level_percent", "anolyte.level_percent"),
)


_SHUT_BY: Final[dict[str, Effect]] = {
    sig.FEED: ("E5", 0),
    sig.ACID_PRODUCT: ("E11", 0),
    sig.ACID_WATER: ("acid-water", 0),
    sig.ANOLYTE_WATER: ("anolyte-water", 0),
    sig.BLEED: ("bleed-shut", 0),
}
_OPENED_BY: Final[dict[str, Effect]] = {sig.BLEED: ("bleed", 0)}


class StopLines(NamedTuple):
    """Hard wires to drives that hang on the bus: which pumps must stand."""

    recirculation: bool = False
    acid: bool = False
    anolyte: bool = False


class AreaPlc(DataBlock):
    """PLC-4. `stopped` is the CPU in STOP; `interlocked` the cells whose rectifier it holds off."""

    product = "PCT-PLC-4"

    def __init__(self, plant: PlantSignals, layout: Layout | None = None) -> None:
        self.layout = layout = layout or sig.layout(1, loops=False)
        self._plant = plant
        cells = range(1, layout.cells + 1)
        self.latches = RowLatches(placed(area_rows.rows(layout.loops), layout.cells), layout.cells)
        super().__init__(sig.nodes(layout, tuple(p.tag("XA") for p in self.latches.rows)))
        self.stopped = False
        self.interlocked: frozenset[int] = frozenset()
        self.stop_lines = StopLines()
        self._asked_of = itemgetter(*((s.tag, "SP") for s in layout.setpoints))
        self._asked: tuple[tuple[Number, ...], frozenset[Effect], bool] = ((), NOTHING, False)
        self._read_cells = [plant.reader(*(of_cell(name, k) for name in _CELL), of_cell(sig.CONTACT, k)) for k in cells]
        self._read_circuit = plant.reader("tank.temperature_c", "tank.level_percent")
        self._read_loops = plant.reader(*_LOOPS) if layout.loops else None
        self._read_fork = plant.reader(layout.overfill, "tank.level_percent")
        self._channels = _channels(plant, layout)
        self._specs = {s.tag: s for s in layout.setpoints}
        self._positions = [s for s in layout.setpoints if s.position]
        self._contactors = [(of_cell(sig.CONTACT, k), (cell_tag("ZI", k, 0), "PV")) for k in cells]
        self._clear_kg_m3 = math.nan
        self._cycles = 0
        self._seen: tuple[Number, ...] = ()
        self._beat = False
        self._heartbeat_ns: int | None = None
        self._heartbeat_lost_ns: int | None = None
        self._take_over()
        measured = {(m.tag, member) for m in layout.measurements for member in ("PV", "QUAL", "SIM", "ALM")}
        rows = {node.key for p in self.latches.rows for node in sig.row_nodes(p.tag("XA"))}
        self._states = tuple(node.key for node in self.nodes if node.key not in measured | rows)
        self._states_of = itemgetter(*self._states)

    def _take_over(self) -> None:
        """The blocks start with what the plant is doing, whether it runs or stands."""
        plant, layout, values = self._plant, self.layout, self.values
        cells = range(1, layout.cells + 1)
        for s in layout.setpoints:
            if s.signal:
                values[s.tag, "SP"] = s.high * plant.read(s.signal)
        self.contactors = [
            Contactor(plant, self, cell_tag("HZ", k, 0), of_cell("contactor.position", k)) for k in cells
        ]
        self.valves = [Valve(plant, self, spec) for spec in layout.valves]
        motor = (sig.WASH_PUMP, "wash.run", "wash.running") if layout.loops else (sig.PUMP, "pump.run", "pump.running")
        self.motor = Motor(plant, self, *motor)
        self.temperature = TemperatureLoop(plant, self)
        for s in layout.setpoints:
            values[s.tag, "OP"] = values[s.tag, "SP"]

    def command(self, key: Key, value: Number) -> None:
        """A client wrote `value` to the item; it takes effect in the next cycle. KeyError for an unknown item."""
        super().command(key, value)
        # The block holds the client's value now: if the program puts another there, that is a change to show.
        self._seen = ()

    def cycle(self, now_ns: int, dt_s: float, safety: frozenset[Effect] = NOTHING, utc_ns: int = 0) -> None:
        """One program cycle on the plant's present values; `dt_s` is the time since the last, s."""
        if self.stopped:
            self._fail_safe()
            return
        self._heed_heartbeat(now_ns)
        cells = self._cell_readings()
        self.latches.step(cells, self._circuit_readings(), now_ns, utc_ns)
        if self.values[sig.RESET, "CMD"]:
            self.values[sig.RESET, "CMD"] = False
            self.latches.reset()
        effects = self.latches.effects | safety if safety else self.latches.effects
        currents = [abs(r.current_a) for r in cells]
        self._protect(effects, safety, currents, now_ns)
        self._run_pumps(effects, max(currents), now_ns, dt_s)
        for valve in self.valves:
            valve.step(self._forced(valve, effects), dt_s)
        if self._cycles % TEMPERATURE_CYCLES == 0:
            self.temperature.step(self._limited(sig.TEMPERATURE_LOOP), dt_s * TEMPERATURE_CYCLES)
        self._put_out(effects)

    def sample(self, now_ns: int, utc_ns: int) -> None:
        """Show the plant's values after its step: each measurement at its own period, states when they change."""
        if self.stopped:
            return
        for cycles, channels, read in self._channels:
            if self._cycles % cycles == 0:
                for channel, raw in zip(channels, read(), strict=True):
                    self.measure(channel, raw * channel.factor, utc_ns)
        values = self.values
        if self._cycles % 10 == 0:
            values[sig.HEARTBEAT_OUT, "PV"] = (int(values[sig.HEARTBEAT_OUT, "PV"]) + 1) & 0xFFFF
            for s in self._positions:
                values[s.tag, "PV"] = quantise(100.0 * self._plant.read(s.position), 0.5)
        self._cycles += 1
        for signal, key in self._contactors:
            values[key] = int(self._plant.read(signal))
        values[sig.OVERFILL, "PV"] = self._read_fork()[0] >= sig.OVERFILL_PERCENT
        values[sig.ROWS, "PV"] = self._row_word()
        if self.layout.loops:
            values[sig.WASH_PUMP, "RUN"] = values[sig.WASH_RUNS, "PV"] = bool(self._plant.read("wash.running"))
        else:
            values[sig.PUMP, "RUN"] = bool(self._plant.read("pump.running"))
            values[sig.DRIVE_STATUS, "PV"] = self._drive_status(self._plant.read("pump.speed") * 100.0)
        self.show_rows(self.latches, utc_ns, "XA")
        states = self._states_of(values)
        if states != self._seen:
            seen = self._seen or (None,) * len(states)
            for key, value, last in zip(self._states, states, seen, strict=True):
                if value != last:
                    self.show(key, value, "good", utc_ns)
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

    def _cell_readings(self) -> list[area_rows.CellReadings]:
        found = []
        sets = self.valves[1 : 1 + self.layout.cells] if self.layout.loops else []
        for n, read in enumerate(self._read_cells):
            current, voltage, flow, felt, membrane, outlet, position = read()
            to_circuit = to_wash = False
            if sets:
                to_circuit, to_wash = (end or sets[n].fault for end in (sets[n].is_open, sets[n].is_closed))
            order = self.contactors[n].order
            found.append(
                area_rows.CellReadings(
                    *(current, voltage, flow, felt, membrane, outlet, to_circuit, to_wash, order, int(position))
                )
            )
        return found

    def _circuit_readings(self) -> area_rows.CircuitReadings:
        celsius, level = self._read_circuit()
        lost = self._heartbeat_lost_ns is not None
        if self._read_loops is None:
            return area_rows.CircuitReadings(celsius, level, lost)
        chlorine, turbidity, density, orp, acid, anolyte = self._read_loops()
        if turbidity < TURBID_NTU or math.isnan(self._clear_kg_m3):
            self._clear_kg_m3 = density
        confirmed = not abs(density - self._clear_kg_m3) < RUPTURE_KG_M3
        return area_rows.CircuitReadings(celsius, level, lost, chlorine, turbidity, confirmed, orp, acid, anolyte)

    def _protect(self, effects: frozenset[Effect], safety: frozenset[Effect], currents: list[float], now: int) -> None:
        """Interlock lines and contactors. Only the heartbeat's own row is patient with the current."""
        self.interlocked = frozenset(k for name, k in effects if name == "E1")
        patient = False
        if self.latches.tripped:
            opening = {self.latches.rows[n].row for n in self.latches.tripped}
            patient = {row.number for row in opening if "E4" in row.effects} == {46}
            patient = patient and not any(name == "E4" for name, _ in safety)
        for k, contactor in enumerate(self.contactors, 1):
            contactor.step(("E4", k) in effects, patient, currents[k - 1], now)

    def _run_pumps(self, effects: frozenset[Effect], current_a: float, now_ns: int, dt_s: float) -> None:
        """Stop what must stop, once the current is gone: E7 outranks E8 while it flows."""
        quiet = current_a < NO_CURRENT_A
        lost = self._heartbeat_lost_ns
        silent = lost is not None and now_ns - lost >= PUMP_AFTER_HEARTBEAT_NS
        stop = (("E8", 0) in effects and quiet) or silent
        if not self.layout.loops:
            run = self.motor.step(stop, now_ns, dt_s)
            speed = self._limited(sig.PUMP_SPEED)
            self.values[sig.PUMP_SPEED, "OP"] = speed if run else 0.0
            self._plant.write("pump.speed_command", speed / 100.0)
            return
        self.motor.step(("wash-stop", 0) in effects, now_ns, dt_s)
        acid = (("acid-stop", 0) in effects and quiet) or silent
        anolyte = (("anolyte-stop", 0) in effects and quiet) or silent
        self.stop_lines = StopLines(stop, acid, anolyte)

    def _forced(self, valve: Valve, effects: frozenset[Effect]) -> bool | None:
        """What the rows make of a valve, None where they leave it alone."""
        if valve.spec.tag == sig.DRAWOFF:
            return True if ("draw-off", 0) in effects else None
        if not valve.spec.opened:
            return None
        return False if ("E6", self.valves.index(valve)) in effects else None

    def _put_out(self, effects: frozenset[Effect]) -> None:
        """Analogue outputs, where anything is new: what the data block asks for, limited, unless a row has them."""
        values = self.values
        own = values[sig.TEMPERATURE_LOOP, "MODE"] == 1
        asked = (self._asked_of(values), effects, own)
        if asked == self._asked:
            return
        for s in self.layout.setpoints:
            if not s.signal or s.tag == sig.PUMP_SPEED:
                continue
            values[s.tag, "MODE"] = sig.OWN_LOOP if own and s.tag in (sig.COOLING, sig.HEATER) else sig.REMOTE
            if effects and _SHUT_BY.get(s.tag) in effects:
                values[s.tag, "SP"], values[s.tag, "MODE"] = 0.0, sig.BY_ROW
            if effects and _OPENED_BY.get(s.tag) in effects:
                values[s.tag, "SP"], values[s.tag, "MODE"] = s.high, sig.BY_ROW
            used = self._limited(s.tag)
            values[s.tag, "OP"] = used
            self._plant.write(s.signal, used / s.high)
        self._asked = (self._asked_of(values), effects, own)

    def _limited(self, tag: str) -> float:
        """The set-point in use: limited to its range, the last one where it is not finite; put back if changed."""
        spec = self._specs[tag]
        asked = float(self.values[tag, "SP"])
        if not math.isfinite(asked):
            asked = self._plant.read(spec.signal) * spec.high if spec.signal else 40.0
        used = max(spec.low, min(spec.high, asked))
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

    def _row_word(self) -> int:
        """The tripped rows in one word, one bit a number of the chart in its order, of whatever cell."""
        if not self.latches.tripped:
            return 0
        bits = row_bits(self.layout)
        return sum(bits[number] for number in self.latches.numbers())

    def _fail_safe(self) -> None:
        """STOP: contactors open, outputs and valves to their fail-safe ends, pumps on until the current is gone."""
        cells = range(1, self.layout.cells + 1)
        self.interlocked = frozenset(cells)
        for contactor in self.contactors:
            contactor.fail_safe()
        for valve in self.valves:
            valve.fail_safe()
        for s in self.layout.setpoints:
            if s.signal and s.tag != sig.PUMP_SPEED:
                self._plant.write(s.signal, s.fail_safe)
        self._asked = ((), NOTHING, False)
        quiet = all(abs(read()[0]) < NO_CURRENT_A for read in self._read_cells)
        if self.layout.loops:
            self.motor.stop()
            self.stop_lines = StopLines(quiet, quiet, quiet)
        elif quiet:
            self.motor.stop()


def row_bits(layout: Layout) -> dict[int, int]:
    """The bit of each row's number in the word of rows, in the order of the chart."""
    numbers = sorted({row.number for row in area_rows.rows(layout.loops)})
    return {number: 1 << i for i, number in enumerate(numbers)}


def _channels(plant: PlantSignals, layout: Layout) -> list[tuple[int, list[Channel], Callable[[], tuple[float, ...]]]]:
    """Cycles between two samples, the channels sampled then, and what reads them."""
    found = []
    for period_ms in (sig.FAST_MS, sig.SLOW_MS):
        channels = [channel_of(m) for m in layout.measurements if m.period_ms == period_ms]
        found.append((period_ms * 1_000_000 // CYCLE_NS, channels, plant.reader(*(c.signal for c in channels))))
    return found
