"""Hours of circuit A with faults drawn by seed: what must never be, what an operator does after a fault, the books.

A fault comes, stays for a few minutes and goes; then somebody turns the keys, resets the groups and starts again what
stands. All the time the values that plantctl has read are judged against the list of what must never be true.
"""

import random
from dataclasses import dataclass, field

from simulators import faults
from tests.plant.whole_circuit import CELLS, WholeCircuit

FARADAY_A_H_MOL = 96485.332 / 3600.0
OXIDE_KG_MOL = 0.16824  # half a mole of Nd2O3
# Design basis 1.6 for a cell at 85 A, 40 degC and 2 mol/L of acid; acid per ampere from the 27.2 mol/h at 856 A.
EFFICIENCY, VOLTAGE, KWH_KG, ACID_MOL_A_H = 0.83, 3.03, 1.73, 27.2 / 856.0
FAULTS = (
    *("pump-trip", "feed-stopped", "feed-strength", "probe-fouled", "probe-broken", "meter-nan", "meter-frozen"),
    *("rectifier-trip", "rectifier-cv", "cell-open-circuit", "cell-clogged", "purge-lost"),
)
HOUR_S, STAY_S, LOOK_S = 3600, 300, 1.0
LOOPS = ("AIC-4212", "FIC-4216", "TIC-4214", "FIC-4274", "CIC-4272", "LIC-4271", "LIC-4211", "FIC-4265", "TIC-4264")


@dataclass
class Watch:
    """How long each thing that must never be true has been true, s, and what was true for too long."""

    circuit: WholeCircuit
    since_s: dict = field(default_factory=dict)
    broken: list = field(default_factory=list)

    def look(self):
        """Judge what was read last."""
        c, seen = self.circuit, {}
        flows = c.value("40-FI-4274") < 0.8 or c.value("40-FI-4265") < 1.5
        for n, cell in enumerate(CELLS, 1):
            current = c.value(f"40-II-4{cell}0")
            low = flows or c.value(f"40-FI-4{cell}3") < 0.24
            seen[f"current of cell {cell} without flow", 4.0] = abs(current) > 5.0 and low
            seen[f"reverse current of cell {cell}", 2.0] = current < -2.0
            seen[f"outlet pH of cell {cell}", 20.0] = current > 5.0 and c.value(f"40-AI-4{cell}1") > 10.5
            ends = [f"cell_valve{'' if n == 1 else f'_{n}'}.at_{side}" for side in ("process", "wash")]
            seen[f"both sides of cell {cell} open", 0.0] = all(c.plant.read(end) >= 0.5 for end in ends)
        seen["tank above 100 %", 0.0] = c.value("40-LI-4211") > 100.0
        now_s = c.ticks / 10.0
        for (what, allowed_s), true in seen.items():
            if not true:
                self.since_s.pop(what, None)
            elif now_s - self.since_s.setdefault(what, now_s) > allowed_s or allowed_s == 0.0:
                self.broken.append((round(now_s, 1), what))

    def run(self, seconds):
        """So many seconds of plant, looked at every second."""
        for _ in range(round(seconds / LOOK_S)):
            self.circuit.run(LOOK_S)
            self.look()


def draw(rng):
    """A fault and what it happens to."""
    name = rng.choice(FAULTS)
    return name, rng.choice(sorted(faults.CATALOGUE[name].targets))


def tried(circuit, verb, target, value=""):
    """Give a command that may be refused."""
    try:
        circuit.give(verb, target, value, limit_s=5.0)
    except AssertionError:
        return False
    return True


def recover(circuit, watch):
    """What an operator does when the fault is mended: keys, resets, pumps, modes, cells."""
    circuit.field.line.safety.reset()
    tried(circuit, "set", "40-HS-4000", 1)
    watch.run(5.0)
    tried(circuit, "set", "40-HS-4000", 0)
    for pump in ("4265", "4274", "4216"):
        if circuit.value(f"40-XI-{pump}") == 0.0:
            tried(circuit, "set", f"40-HS-{pump}", 0)
            if circuit.value(f"40-XA-{pump}") == 1.0:
                tried(circuit, "set", f"40-HS-{pump}R", 1)
            tried(circuit, "set", f"40-HS-{pump}", 1)
    for loop in LOOPS:
        if circuit.value(f"40-{loop}.mode") == 3.0:
            tried(circuit, "mode", f"40-{loop}", "auto")
    watch.run(60.0)
    if circuit.tripped():
        tried(circuit, "reset", "CIRCUIT")
    for target, value in (("80-HS-8012", 1), ("80-SC-8012", 60), ("80-HS-8013", 0), ("40-XV-4218", 1)):
        tried(circuit, "set", target, value)
    for cell in CELLS:
        if circuit.value(f"40-XY-4{cell}0") == 0.0:
            tried(circuit, "reset", f"CELL-{cell}")
            for tag, value in ((f"40-XA-4{cell}0", 0), (f"40-HZ-4{cell}0", 1), (f"40-EC-4{cell}0", 5)):
                tried(circuit, "set", tag, value)
            watch.run(2.0)
            tried(circuit, "set", f"40-HS-4{cell}0", 0)
            tried(circuit, "set", f"40-HS-4{cell}0", 1)
    watch.run(60.0)


@dataclass
class Books:
    """What went through the circuit since it was opened, from simulated flows."""

    circuit: WholeCircuit

    def __post_init__(self):
        self.begin = self._now()
        self.energy_kwh, self.volts, self.looks = 0.0, 0.0, 0

    def _now(self):
        read = self.circuit.plant.read
        return [read(f"true.{name}") for name in ("charge_ah", "re_precipitated_mol", "acid_made_mol")]

    def look(self):
        """Once a second: energy and mean voltage."""
        c = self.circuit
        self.energy_kwh += c.value("40-JI-4200") / 3600.0
        self.volts += sum(c.value(f"40-EI-4{cell}0") for cell in CELLS) / len(CELLS)
        self.looks += 1

    def against_design(self):
        """Each figure over that of the design basis."""
        charge, made, acid = (now - then for now, then in zip(self._now(), self.begin, strict=True))
        return {
            "efficiency": 3.0 * made * FARADAY_A_H_MOL / charge / EFFICIENCY,
            "voltage": self.volts / self.looks / VOLTAGE,
            "energy": self.energy_kwh / (made * OXIDE_KG_MOL) / KWH_KG,
            "acid": acid / charge / ACID_MOL_A_H,
        }


def ride(storage, seed, hours, *, hour_s=HOUR_S, settle_s=1200, books_s=2400, stay_s=STAY_S, told=print):
    """`hours` hours of plant after one for the books, each with one fault; (broken, figures, each hour, circuit)."""
    rng = random.Random(seed)
    circuit = WholeCircuit(storage, seed=seed)
    circuit.start_by_text()
    watch = Watch(circuit)
    watch.run(settle_s)
    books = Books(circuit)
    for _ in range(books_s):
        watch.run(1.0)
        books.look()
    figures = books.against_design()
    told(f"books over design: {', '.join(f'{k} {v:.3f}' for k, v in figures.items())}")
    ridden = []
    for hour in range(hours):
        name, target = draw(rng)
        begin = circuit.ticks
        watch.run(rng.uniform(0.0, 0.3 * hour_s))
        circuit.inject(name, target)
        watch.run(stay_s)
        tripped = circuit.tripped()
        faults.clear(circuit.plant, name, target)
        recover(circuit, watch)
        watch.run(max(0.0, hour_s - (circuit.ticks - begin) / 10.0))
        current_a = round(circuit.value("40-II-4200"), 1)
        told(f"hour {hour + 1}: {name} on {target}: {tripped or 'no trip'}; now {current_a:.0f} A")
        ridden.append({"fault": name, "on": target, "tripped": tripped, "current_a": current_a})
    return watch.broken, figures, ridden, circuit
