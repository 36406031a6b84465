"""The recirculation stops while current flows: the mirror of row 15, from the meter to the rectifier and back."""

from plantctl.core.command import Stage
from tests.plant.circuit_rig import run_circuit


async def lose_the_flow(circuit):
    await circuit.start_up()
    await circuit.wait(20.0)
    circuit.faults.inject("pump-trip")
    await circuit.until(lambda: circuit.value("C15-01") == 1.0, 60.0, "the trip")
    circuit.tripped_s = circuit.clock.monotonic_ns() / 1e9
    await circuit.until(lambda: circuit.value("40-II-4010") < 1.0, 3.0, "the end of the current")
    circuit.dead_s = circuit.clock.monotonic_ns() / 1e9
    await circuit.wait(10.0)
    circuit.refused_reset = await circuit.command("reset", "CELL-01")
    circuit.refused_start = await circuit.command("set", "40-HS-4010", 1)
    await circuit.wait(5.0)


def test_a_tripped_drive_ends_the_current_and_nothing_starts_while_the_flow_is_low(tmp_path):
    circuit = run_circuit(lose_the_flow, tmp_path)
    assert [e.target for e in circuit.events_of("first-out")] == ["C15-01"]
    assert circuit.plant.read("cell.current_a") < 1.0
    assert circuit.dead_s - circuit.tripped_s < 1.5
    for result in (circuit.refused_reset, circuit.refused_start):
        assert result.stage is Stage.REFUSED
        assert "C15-01 is active" in result.text
        assert "catholyte flow low" in result.text
    assert circuit.value("E1-01.failed") == 0.0
    assert circuit.value("40-HZ-4010") == 0.0
