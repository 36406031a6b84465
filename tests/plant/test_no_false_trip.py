"""A healthy cell does not trip, whether its instruments are noisy or quiet.

The flat-line window of the flow meter (20 s) can only tell a frozen meter from a healthy one where the healthy one
moves. It does: 0.5 % of noise are three steps of its 0.001 m3/h, and the flow itself is unsteady by nearly one. The
chance that a hundred samples of 200 ms agree is below 1e-20. Below its cut-off it shows 0 for as long as the pump is
off: its `flat_line_above` says so. `make campaign NAME=no-false-trip` runs the full hours.
"""

import pytest

from plantctl.log.storage import FolderStorage
from tests.plant.circuit_rig import demo_plan
from tests.plant.memory_rig import MemoryCircuit

SAMPLE_S = 150


def trips_in(folder, seconds, quiet):
    """Trips, and changes of quality at the flow meter, while the cell is in operation."""
    circuit = MemoryCircuit(demo_plan(), FolderStorage(folder))
    circuit.start_up()
    circuit.run(5.0)
    if quiet:
        circuit.inject("noise-off", "all")
    circuit.events.clear()
    circuit.run(seconds)
    circuit.close()
    assert circuit.plant.read("cell.current_a") == pytest.approx(85.0, abs=1.0)
    return [
        (e.kind.word, e.target)
        for e in circuit.events
        if e.kind.word in ("trip", "first-out", "alarm") or e.target == "40-FI-4013"
    ]


def test_a_cell_at_rest_is_silent(tmp_path):
    """Three windows of the flow meter with the pump off: it shows 0, and nothing is wrong with it."""
    circuit = MemoryCircuit(demo_plan(), FolderStorage(tmp_path), start="stopped")
    circuit.run(5.0)
    assert circuit.value("40-FI-4013") == 0.0
    circuit.events.clear()
    circuit.run(60.0)
    circuit.close()
    assert [(e.kind.word, e.target) for e in circuit.events] == []


@pytest.mark.parametrize("quiet", [False, True], ids=["noisy", "quiet"])
def test_a_healthy_cell_does_not_trip(quiet, tmp_path):
    assert trips_in(tmp_path, SAMPLE_S, quiet) == []
