"""Circuit A with nobody above it: what the PLCs and the rectifiers end by themselves, on the real model."""

import pytest

from simulators import faults
from simulators.circuit_names import of_cell
from simulators.devices import plc_signals as sig
from simulators.devices.cell_line import STEP_NS, CellLine
from simulators.plant import Plant

CELLS = (1, 2, 3, 4)


class Alone:
    """The circuit at 85 A a cell; the heartbeat and the rectifiers' watchdogs are kept by a hand that can let go."""

    def __init__(self):
        self.plant = Plant(1, cells=4, loops=True)
        self.line = CellLine(self.plant)
        self.now = 0
        self.held = True
        self.line.settle(0, 0)
        for rectifier in self.line.rectifiers.values():
            rectifier.write_block(1021, [1, 2], now_ns=0)
        self.run(5.0)

    def run(self, seconds):
        for _ in range(round(seconds * 10)):
            self.now += STEP_NS
            if self.held and self.now % 500_000_000 == 0:
                key = (sig.HEARTBEAT_IN, "CMD")
                self.line.plc.command(key, not self.line.plc.values[key])
                for rectifier in self.line.rectifiers.values():
                    rectifier.write_block(1022, [2], now_ns=self.now)
            self.line.step(self.now, self.now)

    def currents(self):
        return [abs(self.plant.read(of_cell("true.cell_current_a", k))) for k in CELLS]

    def until_off(self, limit_s):
        """Seconds until every cell is below 1 A."""
        for tenth in range(round(limit_s * 10)):
            if max(self.currents()) < 1.0:
                return tenth / 10.0
            self.run(0.1)
        raise AssertionError(f"{self.currents()} after {limit_s} s")


@pytest.mark.parametrize(
    ("drive", "row", "within_s"), [("VFD-4274", 16, 8.0), ("VFD-4265", 17, 8.0), ("VFD-8012", 5, 10.0)]
)
def test_a_drive_that_trips_ends_every_cell_and_the_reason_is_told(drive, row, within_s):
    circuit = Alone()
    circuit.line.drives[drive].tripped = True
    circuit.until_off(within_s)
    assert circuit.line.safety.latches.numbers() == {row}


def test_the_recirculation_pump_that_trips_ends_every_cell_by_its_own_flow():
    circuit = Alone()
    circuit.line.drives["VFD-4216"].tripped = True
    circuit.until_off(8.0)
    assert {f"15{k:02d}" for k in CELLS} <= {
        circuit.line.safety.latches.rows[n].tag("XZ")[-4:] for n in circuit.line.safety.latches.tripped
    }


def test_a_short_ends_its_own_cell_and_leaves_the_others_at_work():
    circuit = Alone()
    faults.inject(circuit.plant, "cell-short", "cell_2", ohm=0.01)
    circuit.run(5.0)
    currents = circuit.currents()
    assert currents[1] < 1.0
    assert min(currents[0], currents[2], currents[3]) > 80.0


def test_when_the_hand_lets_go_the_rectifiers_end_first_and_the_contactors_follow_without_current():
    circuit = Alone()
    circuit.held = False
    assert circuit.until_off(5.0) < 4.0
    assert circuit.line.plc.latches.numbers() == set()
    circuit.run(4.0)
    assert 46 in circuit.line.plc.latches.numbers()
    assert [circuit.plant.read(of_cell("contactor.feedback", k)) for k in CELLS] == [0.0] * 4
    assert circuit.plant.read("pump.running") == 1.0


def test_ten_minutes_at_work_trip_nothing():
    circuit = Alone()
    circuit.run(600.0)
    assert circuit.line.plc.latches.numbers() | circuit.line.safety.latches.numbers() == set()
    assert min(circuit.currents()) > 80.0
