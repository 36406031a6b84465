"""Circuit A whole, in memory: four cells with all loops as in `config/demo`, started as by its text."""

from functools import cache
from pathlib import Path

from plantctl.cli.run_inputs import read_commands
from plantctl.core.command import Command, Stage
from plantctl.core.late import LATE, LabNote, LateAct, LateRecord, late_row, late_text
from plantctl.plan.build import build_path
from simulators.plant import Plant
from tests.plant.memory_rig import MemoryCircuit

FOLDER = Path(__file__).resolve().parents[2] / "config" / "demo"
CELLS = ("01", "02", "03", "04")
STEP_S = 30.0


@cache
def circuit_plan():
    """The plan of circuit A; a finding fails the test with its text."""
    built = build_path(FOLDER)
    assert built.plan is not None, built.findings
    return built.plan


class WholeCircuit(MemoryCircuit):
    """Four cells and all loops; `start` as of the plant: `stopped` is after power-up, `running` at 85 A a cell."""

    def __init__(self, storage, *, seed=1, start="stopped", compiled=True):
        plant = Plant(seed, start, cells=4, loops=True)
        super().__init__(circuit_plan(), storage, seed=seed, compiled=compiled, plant=plant)

    def give(self, verb, target, value="", limit_s=STEP_S):
        """Give a command until the plant takes it, as `plantctl demo` does."""
        last = None
        for _ in range(round(limit_s)):
            self._given += 1
            number = self._given
            expiry_ns = self.now_ns + 10_000_000_000
            self._commands.append(Command(verb, target, str(value), "test", "test", "", expiry_ns, number))
            self.until(lambda number=number: any(r.sequence == number for r in self.results), 1.0)
            last = [r for r in self.results if r.sequence == number][-1]
            if last.stage is not Stage.REFUSED:
                return last
            self.run(1.0)
        raise AssertionError(f"{verb} {target} {value}: {last}")

    def enter(self, tag, value):
        """The laboratory enters a value of a sample that is signed."""
        utc_ns = self.now_ns
        row = late_row(self.plan.points[self.plan.rows[tag]].id, utc_ns, value, 0, current=True)
        self.give(LATE, tag, late_text(LateRecord(LateAct.ENTERED, utc_ns, row, "test", LabNote().text())))

    def start_by_text(self):
        """Everything of `start.csv`, one after the other; until the current flows."""
        self.run(3.0)
        for timed in read_commands(FOLDER / "start.csv"):
            if timed.command.target == f"CELL-{CELLS[0]}":
                # The safety PLC has tripped for want of dilution air; with the fans running the key is turned.
                self.until(lambda: self.value("80-FI-8014") > 80.0, 60.0)
                self.field.line.safety.reset()
            self.give(timed.command.verb, timed.command.target, timed.command.value)
        self.until(lambda: abs(self.value("40-II-4200") - 340.0) < 8.0, 120.0)

    def alarms(self):
        """The alarms that are on."""
        kind = next(rows for rows in self.plan.kinds if rows.kind.name == "limit_alarm")
        return [tag for tag in kind.tags if self.value(f"{tag}.active")]

    def tripped(self):
        """The effects that stand."""
        return [tag for tag in self.plan.effects if self.value(tag)]
