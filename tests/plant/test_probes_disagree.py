"""Row 36 in virtual time: what the pH loop goes by when the probes of the tank disagree, with the outlets as judge."""

import pytest

from simulators.faults import clear


@pytest.fixture
def circuit(circuit):
    """The circuit at work at 85 A a cell, five minutes after its start."""
    circuit.run(300.0)
    return circuit


def off(circuit, probe, ph):
    circuit.inject("meter-bias", f"{probe}.ph", value=ph)


def true_ph(circuit):
    return circuit.plant.read("true.tank_ph")


def test_a_control_probe_that_reads_too_low_is_left_for_the_other_before_the_tank_runs_away(circuit):
    """The loop would take feed away until the tank stood at 9.0."""
    off(circuit, "probe_a", -1.0)
    circuit.run(10.0)
    assert circuit.value("40-AY-4213") == pytest.approx(circuit.value("40-AI-4213"), abs=0.1)
    for _ in range(120):
        circuit.run(5.0)
        assert true_ph(circuit) == pytest.approx(8.0, abs=0.12)
    assert circuit.value("40-AIC-4212.mode") == 4.0
    assert "40-AY-4212.high" in circuit.alarms()
    assert circuit.tripped() == []
    clear(circuit.plant, "meter-bias", "probe_a.ph")
    circuit.run(30.0)
    assert circuit.value("40-AY-4213") == pytest.approx(circuit.value("40-AI-4212"), abs=0.03)


def test_the_other_probe_may_read_what_it_likes(circuit):
    off(circuit, "probe_b", 1.0)
    for _ in range(60):
        circuit.run(5.0)
        assert circuit.value("40-AY-4213") == pytest.approx(circuit.value("40-AI-4212"), abs=0.03)
        assert true_ph(circuit) == pytest.approx(8.0, abs=0.05)
    assert circuit.value("40-XY-4213") == 0.0


def test_while_no_two_agree_the_feed_follows_the_current_and_half_an_hour_later_half_the_current_goes(circuit):
    feed = circuit.value("40-FC-4215")
    off(circuit, "probe_a", 1.0)
    off(circuit, "probe_b", -0.9)
    circuit.until(lambda: circuit.value("40-XY-4213") == 1.0, 30.0)
    circuit.run(60.0)
    assert "40-XY-4213.high" in circuit.alarms()
    assert circuit.value("40-AIC-4212.mode") == 4.0
    held = circuit.value("40-FC-4215")
    assert 0.98 * feed < held < 1.15 * feed
    circuit.run(300.0)
    assert circuit.value("40-FC-4215") == pytest.approx(held, rel=0.01), "neither probe moves it"
    circuit.run(1380.0)
    assert circuit.tripped() == []
    circuit.until(lambda: circuit.tripped() == ["D33"], 90.0)
    circuit.run(15.0)
    assert circuit.value("40-II-4200") == pytest.approx(170.0, abs=3.0)
    assert circuit.value("40-FC-4215") == pytest.approx(held - 0.5 * 1.02 * 5.84, abs=0.15)
    assert 7.3 < true_ph(circuit) < 8.3
    for probe in ("probe_a", "probe_b"):
        clear(circuit.plant, "meter-bias", f"{probe}.ph")
    circuit.until(lambda: circuit.tripped() == [], 180.0)
    circuit.until(lambda: circuit.value("40-II-4200") > 335.0, 30.0)


def test_without_the_outlets_word_two_probes_apart_are_no_majority(circuit):
    circuit.inject("meter-nan", "outlet_probe_2.ph")
    off(circuit, "probe_b", 1.0)
    circuit.until(lambda: circuit.value("40-XY-4213") == 1.0, 90.0)
    circuit.run(2.0)
    assert circuit.value("40-AY-4213") == circuit.value("40-AIC-4212.sp")


@pytest.mark.parametrize(("probe", "source"), [("probe_a", 2.0), ("probe_b", 1.0)])
def test_a_probe_that_is_gone_leaves_the_loop_on_the_other_with_its_feedforward(circuit, probe, source):
    circuit.inject("meter-nan", f"{probe}.ph")
    circuit.run(60.0)
    assert (circuit.value("40-AIC-4212.pv_source"), circuit.value("40-AIC-4212.mode")) == (source, 4.0)
    feed = circuit.value("40-FC-4215")
    circuit.give("set", "40-IC-4200", 170)
    circuit.run(15.0)
    assert circuit.value("40-FC-4215") == pytest.approx(feed - 0.5 * 5.84, abs=1.6), "the rest is for the pH to say"
