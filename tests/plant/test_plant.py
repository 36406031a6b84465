"""The plant as devices use it: names, reading, writing, repeating, compiled and interpreted."""

import hashlib
import math
import random

import numpy as np
import pytest

from simulators.circuit import circuit_a
from simulators.faults import CATALOGUE, clear, inject
from simulators.plant import Plant

DEVICES_WRITE = {
    "rectifier.on",
    "rectifier.current_set_a",
    "rectifier.voltage_limit_v",
    "contactor.position",
    "pump.run",
    "pump.speed_command",
    "feed.stroke",
    "heater.output",
    "cooling.output",
    "drawoff.open",
}
FLOAT_MAX = 1.7e308


def faults_of(plant):
    """Faults of which the plant has the first target."""
    firsts = {name: next(iter(fault.targets.values())) for name, fault in CATALOGUE.items() if fault.changes}
    return sorted(name for name, unit in firsts.items() if unit == "*" or (unit in plant.sheet.units))


def play(plant, seconds):
    """A short run with something happening; gives a digest of all signals of each second."""
    digest = hashlib.sha256()
    for second in range(seconds):
        if second == 2:
            plant.write("rectifier.current_set_a", 60.0)
            inject(plant, "pump-trip")
        if second == 4:
            plant.write("feed.stroke", 0.3)
            inject(plant, "meter-nan", "cell.flow_m3_h")
        for _ in range(10):
            plant.step()
        digest.update(plant.linked.memory.tobytes())
    return digest.hexdigest()


def test_same_seed_gives_the_same_bits_and_another_seed_does_not():
    first, again, other = (play(Plant(seed=seed), 30) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_compiled_and_interpreted_agree_bit_for_bit():
    assert play(Plant(seed=7), 12) == play(Plant(seed=7, compiled=False), 12)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("start", ["running", "stopped"])
def test_four_cells_agree_bit_for_bit(start, loops):
    runs = [Plant(seed=5, cells=4, start=start, loops=loops, compiled=way) for way in (True, False)]
    for plant in runs:
        plant.run(3.0)
    assert runs[0].snapshot().tobytes() == runs[1].snapshot().tobytes()


def test_hostile_values_agree_bit_for_bit_and_stay_finite():
    """What a broken controller writes: compiled and interpreted alike, and the truth stays a number."""
    hostile = [math.nan, math.inf, -math.inf, FLOAT_MAX, -FLOAT_MAX, 5e-324, -1.0, 0.0]
    runs = [Plant(seed=5, compiled=way) for way in (True, False)]
    for n, value in enumerate(hostile * 4):
        for plant in runs:
            for m, name in enumerate(sorted(DEVICES_WRITE)):
                plant.write(name, hostile[(n * 7 + m * 3) % len(hostile)])
            plant.write("rectifier.on", float(n % 2))
            plant.write("contactor.position", float(n % 3))
            plant.step()
        assert runs[0].snapshot().tobytes() == runs[1].snapshot().tobytes(), (n, value)
        truth = [plant.read(name) for plant in runs for name in plant.names() if name.startswith("true.")]
        assert all(math.isfinite(number) for number in truth)


@pytest.mark.timeout(400)  # one of them compiles the whole circuit
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_mad_controller_and_many_faults_leave_a_plant_of_numbers(seed):
    """5,000 ticks of hostile writes and faults that come and go; afterwards the plant runs again."""
    draw = random.Random(seed)
    plant = Plant(seed, start=draw.choice(["running", "stopped"]), cells=draw.choice([1, 4]), loops=seed == 2)
    faults = faults_of(plant)
    hostile = [math.nan, math.inf, -math.inf, FLOAT_MAX, -FLOAT_MAX, 5e-324, -1.0, 0.0, 0.5, 1.0, 2.0, 5.0, 85.0]
    truth = [name for name in plant.names() if name.startswith("true.")]
    for _ in range(5000):
        if draw.random() < 0.2:
            plant.write(draw.choice(sorted(DEVICES_WRITE)), draw.choice(hostile))
        if draw.random() < 0.01:
            draw.choice([inject, clear])(plant, draw.choice(faults))
        plant.step()
        assert all(math.isfinite(plant.read(name)) for name in truth)
    for name in faults:
        clear(plant, name)
    for name in DEVICES_WRITE:
        plant.write(name, SANE[name])
    if "cell_valve" in plant.sheet.units:
        plant.write("feed.stroke", SANE["feed.stroke"] / 3.0 * 4.0)
    plant.run(120.0)
    assert plant.read("cell.current_a") == pytest.approx(50.0, abs=0.5)
    assert plant.read("cell.flow_m3_h") == pytest.approx(0.6, abs=0.05)
    assert plant.read("probe_a.ph") == pytest.approx(plant.read("true.tank_ph"), abs=0.1)


SANE = {
    "rectifier.on": 1.0,
    "rectifier.current_set_a": 50.0,
    "rectifier.voltage_limit_v": 5.0,
    "contactor.position": 1.0,
    "pump.run": 1.0,
    "pump.speed_command": 0.8,
    "feed.stroke": 0.09,
    "heater.output": 0.05,
    "cooling.output": 0.0,
    "drawoff.open": 0.0,
}


def test_names():
    plant = Plant(seed=1, compiled=False)
    assert set(plant.written_names()) == DEVICES_WRITE | {"feed.re_mol_l", "feed.hcl_mol_l"}
    assert list(plant.signals) == list(plant.names())
    assert plant.signal_array.tolist() == list(plant.signals.values())
    assert plant.read("true.feed_re_mol_l") == 0.6


def test_unknown_names_are_refused():
    plant = Plant(seed=1, compiled=False)
    with pytest.raises(KeyError):
        plant.read("cell.colour")
    with pytest.raises(KeyError):
        plant.write("probe_a.ph", 7.0)
    with pytest.raises(ValueError, match="1 to 4 cells"):
        circuit_a(cells=5)
    with pytest.raises(ValueError, match="running, stopped"):
        circuit_a(start="sideways")


def test_a_step_of_no_time_changes_nothing():
    plant = Plant(seed=1)
    before = plant.snapshot()
    for dt_s in (0.0, -1.0, math.nan):
        plant.step(dt_s)
    assert plant.snapshot().tobytes() == before.tobytes()
    assert plant.time_s == 0.0


def test_a_snapshot_continues_with_the_same_bits():
    plant = Plant(seed=1)
    plant.run(5.0)
    state = plant.snapshot()
    plant.run(5.0)
    there = plant.snapshot()
    plant.restore(state)
    plant.run(5.0)
    assert plant.snapshot().tobytes() == there.tobytes()
    assert plant.time_s == pytest.approx(15.0)


def test_stopped_plant_stands_still():
    plant = Plant(seed=1, start="stopped")
    plant.run(60.0)
    assert plant.read("cell.current_a") == pytest.approx(0.0, abs=0.2)
    assert plant.read("cell.flow_m3_h") == 0.0
    assert plant.read("true.tank_ph") == pytest.approx(8.0, abs=0.01)
    assert plant.read("probe_a.ph") == pytest.approx(8.0, abs=0.03)
    assert plant.read("rectifier.cc") == 0.0


def test_feed_concentration_can_be_set():
    plant = Plant(seed=1)
    plant.write("feed.re_mol_l", 0.57)
    plant.step()
    assert plant.read("true.feed_re_mol_l") == pytest.approx(0.57)


def test_noise_of_a_probe_is_what_its_data_sheet_says():
    plant = Plant(seed=1)
    readings = []
    for _ in range(600):
        plant.step()
        readings.append(plant.read("probe_a.ph") - plant.field("probe_a.followed"))
    assert float(np.std(readings)) == pytest.approx(0.005, rel=0.15)
    assert abs(float(np.mean(readings))) < 0.001
