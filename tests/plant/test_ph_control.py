"""The tank's pH under control: feedforward carries the flow, the loop trims it.

What to expect (process design basis 2.2, 5.2): 85 A make 0.852 x 85/F mol/s of hydroxide, which 1.46 L/h of feed use
up. The tank answers to a wrong flow with k' = -0.033 pH/min per L/h, so 1 L/h too much is 0.033 pH lower each minute.
Without feedforward half the current would leave 0.73 L/h too much feed, and the loop (Kc 10.7 L/h/pH, Ti 15 min) would
have to find that by an error of 0.07 pH; feed that is 5 % stronger leaves 0.07 L/h, an error of 0.007 pH.
"""

import pytest

from plantctl.log.storage import FolderStorage
from tests.plant.circuit_rig import demo_plan
from tests.plant.memory_rig import MemoryCircuit

SETPOINT_PH = 8.0
MEAN_S = 60
AT_REST_S = 300
AFTER_STEP_S = 480


@pytest.fixture
def circuit(tmp_path):
    """The circuit in AUTO at 85 A and at rest."""
    circuit = MemoryCircuit(demo_plan(), FolderStorage(tmp_path))
    circuit.start_up()
    circuit.run(AT_REST_S)
    circuit.events.clear()
    yield circuit
    circuit.close()


def follow(circuit, seconds):
    """True pH, measured pH and feed demand, once a second."""
    rows = []
    for _ in range(seconds):
        circuit.run(1.0)
        rows.append((circuit.plant.read("true.tank_ph"), circuit.value("40-AI-4212"), circuit.value("40-FC-4215")))
    return [list(column) for column in zip(*rows, strict=True)]


def means(values):
    """Means over 60 s, sliding."""
    return [sum(values[i : i + MEAN_S]) / MEAN_S for i in range(len(values) - MEAN_S + 1)]


def sigma(values):
    """Standard deviation."""
    mean = sum(values) / len(values)
    return (sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5


@pytest.mark.timeout(240)
def test_half_the_current_and_feed_5_percent_off_leave_the_ph_where_it_is(circuit):
    true_ph, measured_ph, mean_feed_l_h = [], [], {}
    for name, upset in {
        "half current": lambda: circuit.command("set", "40-IC-4010", 42.5),
        "full current": lambda: circuit.command("set", "40-IC-4010", 85.0),
        "stronger feed": lambda: circuit.inject("feed-strength", percent=5.0),
        "weaker feed": lambda: circuit.inject("feed-strength", percent=-5.0),
    }.items():
        upset()
        true, measured, feed = follow(circuit, AFTER_STEP_S)
        true_ph += true
        measured_ph += measured
        mean_feed_l_h[name] = sum(feed[MEAN_S:]) / len(feed[MEAN_S:])
    assert max(abs(ph - SETPOINT_PH) for ph in means(true_ph)) < 0.05
    assert sigma(measured_ph) < 0.08
    assert sigma(measured_ph) > 0.003, "the noise is on"
    # Half the current needs half the feed, a stronger feed less of it: the loop did it, not a lucky tank.
    assert mean_feed_l_h["half current"] == pytest.approx(0.73, abs=0.03)
    assert mean_feed_l_h["full current"] == pytest.approx(1.46, abs=0.03)
    assert mean_feed_l_h["stronger feed"] < mean_feed_l_h["full current"] < mean_feed_l_h["weaker feed"]
    assert not [e for e in circuit.events if e.kind.word in ("trip", "first-out")]


@pytest.mark.timeout(120)
def test_the_loop_takes_over_without_a_bump_and_gives_the_feed_the_current_needs(circuit):
    assert circuit.value("40-AIC-4212.mode") == 4
    assert circuit.value("40-AIC-4212.ff") == pytest.approx(
        0.852 * 85 / (96485.33212 * (3 * 0.60 + 0.05)) * 3600, rel=2e-3
    )
    assert circuit.value("40-FC-4215") == pytest.approx(1.46, abs=0.2)
    assert circuit.plant.read("cell.flow_m3_h") == pytest.approx(0.6, abs=0.02)
