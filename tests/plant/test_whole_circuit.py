"""Circuit A whole, in virtual time: from power-up to work, each row of the chart, a current step, a cell that drops."""

import pytest

from simulators.faults import clear
from tests.plant.whole_circuit import CELLS

ANALYSERS = ("hydrogen_a.lel_percent", "hydrogen_b.lel_percent")
PROBES = ("probe_a.ph", "probe_b.ph")


@pytest.fixture
def circuit(circuit):
    """The circuit at work at 85 A a cell, a minute after its start."""
    circuit.run(60.0)
    return circuit


def currents(circuit):
    return [circuit.value(f"40-II-4{cell}0") for cell in CELLS]


def stuck(circuit, signal, value):
    circuit.inject("meter-stuck", signal, value=value)


def mended(circuit, *signals):
    for signal in signals:
        clear(circuit.plant, "meter-stuck", signal)


def test_from_power_up_to_work_by_its_text_without_an_alarm(circuit):
    assert currents(circuit) == pytest.approx([85.0] * 4, abs=0.5)
    assert circuit.value("40-AIC-4212.mode") == 4
    assert circuit.value("40-AI-4212") == pytest.approx(8.0, abs=0.1)
    assert [circuit.value(f"40-FI-4{cell}3") for cell in CELLS] == pytest.approx([0.6] * 4, abs=0.03)
    assert circuit.value("40-FI-4274") == pytest.approx(2.4, abs=0.1)
    assert circuit.value("40-FI-4265") == pytest.approx(3.6, abs=0.15)
    assert circuit.value("40-AI-4272") == pytest.approx(2.0, abs=0.03)
    assert circuit.tripped() == []
    assert circuit.alarms() == []


@pytest.mark.parametrize(
    ("name", "signal", "value", "within_s", "effects"),
    [
        ("15", "cell.flow_m3_h", 0.1, 2.0, ["E1-01", "E4-01"]),
        ("19", "cell.voltage_v", 4.7, 11.0, ["D19-01"]),
        ("16", "acid.flow_m3_h", 0.3, 2.5, ["E1-01", "E1-02", "E1-03", "E1-04"]),
        ("17", "anolyte.flow_m3_h", 0.3, 2.5, ["E1-01", "E1-02", "E1-03", "E1-04"]),
        ("37", "tank.level_percent", 94.0, 3.0, ["E5", "E5-37"]),
    ],
)
def test_a_row_fires_within_its_time_and_with_its_effects(circuit, name, signal, value, within_s, effects):
    stuck(circuit, signal, value)
    circuit.until(lambda: circuit.tripped() == effects, within_s)


def test_row_2_halves_the_current_in_ten_seconds_and_gives_it_back_by_itself(circuit):
    for analyser in ANALYSERS:
        stuck(circuit, analyser, 18.0)
    circuit.until(lambda: "D02" in circuit.tripped(), 7.0)
    circuit.run(10.0)
    assert currents(circuit) == pytest.approx([42.5] * 4, abs=0.5)
    assert circuit.value("80-SC-8013") == 100.0
    mended(circuit, *ANALYSERS)
    circuit.until(lambda: min(currents(circuit)) > 84.0, 30.0)
    assert circuit.tripped() == []


def test_row_2_asks_two_analysers_of_three(circuit):
    stuck(circuit, "hydrogen_a.lel_percent", 20.0)
    circuit.run(10.0)
    assert circuit.tripped() == []


def test_row_19_takes_a_fifth_and_keeps_it_until_the_reset(circuit):
    stuck(circuit, "cell.voltage_v", 4.7)
    circuit.until(lambda: circuit.value("40-II-4010") < 68.5, 20.0)
    assert currents(circuit)[1:] == pytest.approx([85.0] * 3, abs=0.5)
    mended(circuit, "cell.voltage_v")
    circuit.run(30.0)
    assert circuit.value("40-II-4010") == pytest.approx(68.0, abs=0.5)
    circuit.give("reset", "D19-01")
    circuit.until(lambda: circuit.value("40-II-4010") > 84.0, 10.0)


def test_row_21_switches_a_rectifier_off_that_does_not_do_as_it_is_told(circuit):
    stuck(circuit, "cell_2.current_a", 50.0)
    circuit.until(lambda: "E1-02" in circuit.tripped(), 2.0)
    assert "E1-01" not in circuit.tripped()


def test_row_33_halves_the_current_and_two_minutes_later_takes_the_rest(circuit):
    for probe in PROBES:
        stuck(circuit, probe, 10.6)
    circuit.until(lambda: "D33" in circuit.tripped(), 60.0)
    circuit.run(11.0)
    assert currents(circuit) == pytest.approx([42.5] * 4, abs=0.5)
    circuit.run(100.0)
    assert max(currents(circuit)) > 40.0
    circuit.until(lambda: max(currents(circuit)) < 1.0, 12.0)


def test_row_33_believes_the_higher_probe_where_they_disagree(circuit):
    stuck(circuit, "probe_b.ph", 10.6)
    circuit.until(lambda: "D33" in circuit.tripped(), 60.0)


def test_row_34_stops_the_feed_of_an_acid_tank(circuit):
    stuck(circuit, "probe_b.ph", 6.0)
    circuit.until(lambda: "E5" in circuit.tripped(), 60.0)
    circuit.until(lambda: circuit.value("40-FI-4215") < 0.1, 10.0)


def test_row_35_switches_off_the_cell_whose_outlet_stands_too_high(circuit):
    stuck(circuit, "outlet_probe_3.ph", 10.8)
    circuit.until(lambda: "E1-03" in circuit.tripped(), 40.0)
    assert [tag for tag in circuit.tripped() if tag.startswith("E1-")] == ["E1-03"]


def test_half_the_current_and_back_leaves_the_ph_within_a_tenth(circuit):
    circuit.run(300.0)
    seen = []
    for total in (170, 340):
        circuit.give("set", "40-IC-4200", total)
        for _ in range(120):
            circuit.run(5.0)
            seen.append(circuit.value("40-AI-4212"))
    assert max(seen) - min(seen) < 0.1
    assert circuit.alarms() == []


def test_a_cell_that_drops_leaves_its_current_to_the_others_within_two_seconds(circuit):
    circuit.give("set", "40-IC-4200", 270)
    circuit.run(30.0)
    assert currents(circuit) == pytest.approx([67.5] * 4, abs=0.5)
    circuit.inject("rectifier-trip", "rectifier_4")
    circuit.until(lambda: circuit.value("40-JIC-400.available") == 3, 3.0)
    assert circuit.value("40-JIC-400") == 90.0
    circuit.run(6.0)
    assert currents(circuit)[:3] == pytest.approx([90.0] * 3, abs=0.5)
    assert circuit.value("40-II-4200") == pytest.approx(270.0, abs=2.0)
