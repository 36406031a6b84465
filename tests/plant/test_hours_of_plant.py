"""Ten minutes of what `make campaign NAME=eight-hours` rides for eight hours: the books, a fault, nothing forbidden."""

import pytest

from plantctl.log.storage import FolderStorage
from tests.plant.hours_of_plant import Watch, ride
from tests.plant.whole_circuit import WholeCircuit


def test_ten_minutes_with_a_fault_keep_the_books_and_break_nothing(tmp_path):
    storage = FolderStorage(tmp_path)
    # Of this seed the fault is the one with the longest way back: the drive of the recirculation pump trips.
    broken, figures, hours, _ = ride(
        storage, 86, 1, hour_s=240, settle_s=240, books_s=120, stay_s=60, told=lambda _: None
    )
    assert broken == []
    assert figures == pytest.approx(dict.fromkeys(figures, 1.0), abs=0.03)
    assert [(hour["fault"], hour["on"]) for hour in hours] == [("pump-trip", "pump")]
    assert [hour["current_a"] for hour in hours] == pytest.approx([340.0], abs=4.0), "the plant is back at work"


def test_the_watch_sees_what_must_never_be(tmp_path):
    circuit = WholeCircuit(FolderStorage(tmp_path), start="running")
    circuit.run(2.0)
    watch = Watch(circuit)
    circuit.value = lambda name: 0.1 if "FI-40" in name else 50.0 if "II-40" in name else 5.0
    for _ in range(6):
        circuit.ticks += 10
        watch.look()
    assert {what for _, what in watch.broken} == {f"current of cell 0{n} without flow" for n in (1, 2, 3, 4)}
