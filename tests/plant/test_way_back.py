"""Circuit A quiet while it starts, and the way back after its recirculation drive has tripped, in virtual time."""

import pytest

from plantctl.core.command import Stage
from plantctl.core.event import EventKind
from plantctl.log.storage import FolderStorage
from simulators import circuit_faults
from simulators.faults import clear
from tests.plant.whole_circuit import CELLS, WholeCircuit

assert circuit_faults.VALVE, "importing it enters its faults"


def alarm_events(circuit, since=0):
    return {event.target for event in circuit.events[since:] if event.kind is EventKind.ALARM}


def refused(circuit, verb, target, value=""):
    """The code of the refusal of a command."""
    with pytest.raises(AssertionError, match="REFUSED") as told:
        circuit.command(verb, target, value)
    return str(told.value)


def stage(circuit, result):
    return [r.stage for r in circuit.results if r.sequence == result.sequence][-1]


def test_no_alarm_comes_from_power_up_to_the_operating_point(circuit):
    circuit.run(60.0)
    assert alarm_events(circuit) == set()


def test_a_flow_that_does_not_come_with_its_pump_is_an_alarm(tmp_path):
    circuit = WholeCircuit(FolderStorage(tmp_path))
    circuit.inject("cell-flow-lost", "cell_2")
    with pytest.raises(AssertionError, match="40-HS-4020"):
        circuit.start_by_text()
    assert circuit.value("40-FI-4023.low.active") == 1.0
    assert alarm_events(circuit) == {"40-FI-4023.low"}


def test_the_way_back_after_a_drive_has_tripped(circuit):
    circuit.run(60.0)
    since = len(circuit.events)
    circuit.inject("pump-trip")
    circuit.until(lambda: circuit.value("40-XI-4216.low.active") == 1.0, 10.0)
    circuit.until(lambda: circuit.value("40-II-4200") < 1.0, 10.0)
    assert {f"E1-{cell}" for cell in CELLS} <= set(circuit.tripped())
    assert alarm_events(circuit, since) == {"40-XI-4216.low"}, "the flows' alarms would say the same again"

    # The cause is still there: the drive takes the bit and stays tripped.
    assert "pump commanded off" in refused(circuit, "set", "40-HS-4216R", 1)
    circuit.command("set", "40-HS-4216", 0)
    circuit.command("set", "40-HS-4216R", 1)
    circuit.run(5.0)
    assert circuit.value("40-XA-4216") == 1.0

    clear(circuit.plant, "pump-trip")
    circuit.run(5.0)
    assert circuit.value("40-XA-4216") == 1.0, "the fault is latched"
    reset = circuit.command("set", "40-HS-4216R", 1)
    circuit.until(lambda: circuit.value("40-XA-4216") == 0.0, 1.0)
    circuit.until(lambda: circuit.value("40-HS-4216R") == 0.0, 4.0)
    assert stage(circuit, reset) is Stage.VERIFIED
    circuit.run(1.0)
    assert circuit.value("40-HY-4216") == 0.0
    assert circuit.value("40-XI-4216") == 0.0, "a reset starts nothing"
    assert "drive reports a fault" in refused(circuit, "set", "40-HS-4216R", 1)

    assert "C15-01" in refused(circuit, "reset", "CELL-01")
    circuit.command("set", "40-HS-4216", 1)
    for cell in CELLS:
        circuit.give("reset", f"CELL-{cell}")
        for tag, value in ((f"40-XA-4{cell}0", 0), (f"40-HZ-4{cell}0", 1), (f"40-HS-4{cell}0", 1)):
            circuit.give("set", tag, value)
    circuit.until(lambda: abs(circuit.value("40-II-4200") - 340.0) < 4.0, 60.0)
    circuit.run(60.0)
    assert circuit.tripped() == []
    assert circuit.alarms() == []
    assert circuit.value("40-FI-4200") == pytest.approx(2.4, abs=0.1)
    assert circuit.value("40-AI-4212") == pytest.approx(8.0, abs=0.2)


@pytest.mark.parametrize(
    ("area", "drive", "fault", "target"),
    [
        ("40", "4265", "pump-trip", "anolyte_pump"),
        ("40", "4274", "pump-trip", "acid_pump"),
        ("80", "8012", "fan-trip", "fan_a"),
    ],
)
def test_every_drive_is_reset_by_its_own_button(circuit, area, drive, fault, target):
    start, button, latched = f"{area}-HS-{drive}", f"{area}-HS-{drive}R", f"{area}-XA-{drive}"
    circuit.inject(fault, target)
    circuit.until(lambda: circuit.value(latched) == 1.0, 5.0)
    clear(circuit.plant, fault, target)
    circuit.command("set", start, 0)
    circuit.give("set", button, 1)
    circuit.until(lambda: circuit.value(latched) == 0.0, 2.0)
    circuit.give("set", start, 1)
    circuit.until(lambda: circuit.value(f"{area}-XI-{drive}") == 1.0, 5.0)
