"""What PLC-4 and the safety PLC end by themselves: heartbeat and chart rows, latched until they are reset."""

import math

import pytest

from simulators.devices import plc_signals as sig
from simulators.devices.area_plc import row_bits
from tests.unit.plc_bench import Bench


def test_a_silent_controller_loses_feed_and_contactor_but_not_the_pump():
    bench = Bench()
    bench.run(3.0, beating=True)
    bench.run(4.9)
    assert bench.tripped() == set()
    bench.run(0.1)
    assert bench.tripped() == {46}
    assert bench.plant.values["feed.stroke"] == 0.0
    assert bench.plant.values["pump.run"] == 1.0
    assert bench.plant.values["contactor.position"] == 1.0
    assert bench.twin.interlocked == frozenset()
    bench.set(cell__current_a=0.5)
    bench.run(0.1)
    assert bench.plant.values["contactor.position"] == 0.0


def test_with_current_still_flowing_the_contactor_opens_five_seconds_later():
    bench = Bench()
    bench.run(3.0, beating=True)
    bench.run(9.9)
    assert bench.plant.values["contactor.position"] == 1.0
    bench.run(0.2)
    assert bench.plant.values["contactor.position"] == 0.0


def test_without_a_first_toggle_nothing_is_lost():
    bench = Bench()
    bench.run(30.0)
    assert bench.tripped() == set()


def test_ten_minutes_without_a_heartbeat_end_the_pump():
    bench = Bench()
    bench.run(2.0, beating=True)
    bench.set(cell__current_a=0.0)
    bench.run(604.0)
    assert bench.plant.values["pump.run"] == 1.0
    bench.run(2.0)
    assert bench.plant.values["pump.run"] == 0.0


def test_after_the_heartbeat_is_back_a_reset_releases_and_nothing_starts_by_itself():
    bench = Bench()
    bench.run(2.0, beating=True)
    bench.set(cell__current_a=0.0)
    bench.run(6.0)
    bench.twin.command((sig.RESET, "CMD"), True)
    bench.run(0.1)
    assert bench.tripped() == {46}
    bench.run(3.0, beating=True)
    bench.twin.command((sig.RESET, "CMD"), True)
    bench.run(2.0, beating=True)
    assert bench.tripped() == set()
    assert bench.shown(sig.RESET, "CMD") is False
    assert bench.plant.values["contactor.position"] == 0.0
    assert bench.plant.values["feed.stroke"] == 0.0
    bench.twin.command((sig.CONTACTOR, "CMD"), 1)
    bench.run(0.6, beating=True)
    assert bench.plant.values["contactor.position"] == 1.0


TRIPS = [
    (15, 2.0, {"cell__flow_m3_h": 0.23}),
    (18, 0.5, {"cell__voltage_v": 5.6}),
    (20, 2.0, {"cell__voltage_v": 1.8}),
    (22, 0.2, {"cell__current_a": 111.0}),
    (23, 1.0, {"cell__current_a": -2.5}),
    (26, 10.0, {"tank__temperature_c": 60.5}),
    (27, 2.0, {"cell__membrane_dp_bar": -0.31}),
    (28, 5.0, {"cell__felt_dp_bar": 0.61}),
    (37, 2.0, {"tank__level_percent": 92.5}),
    (38, 5.0, {"tank__level_percent": 14.0}),
]


@pytest.mark.parametrize(("row", "delay", "signals"), TRIPS)
def test_rows_trip_after_their_delay_and_not_before(row, delay, signals):
    bench = Bench()
    bench.set(**signals)
    bench.run(delay)
    assert row not in bench.tripped()
    bench.run(0.1)
    assert row in bench.tripped()
    if row not in (15, 37):
        assert bench.shown(sig.ROWS) == row_bits(bench.twin.layout)[row]


@pytest.mark.parametrize(("row", "delay", "signals"), TRIPS)
def test_a_demand_shorter_than_its_delay_is_forgotten(row, delay, signals):
    bench = Bench()
    good = {name: bench.plant.values[name.replace("__", ".")] for name in signals}
    for _ in range(3):
        bench.set(**signals)
        bench.run(delay - 0.1)
        bench.set(**good)
        bench.run(0.1)
    assert row not in bench.tripped()


def test_a_contactor_that_does_not_follow_trips_row_24():
    bench = Bench()
    bench.plant.write = lambda name, value: None
    bench.twin.command((sig.CONTACTOR, "CMD"), 0)
    bench.run(2.0)
    assert 24 in bench.tripped()


def test_an_unreadable_input_of_a_row_counts_as_tripped():
    bench = Bench()
    bench.set(cell__felt_dp_bar=math.nan)
    bench.run(5.1)
    assert 28 in bench.tripped()


def test_no_flow_without_current_is_no_demand():
    bench = Bench(cell__current_a=0.0, cell__flow_m3_h=0.0)
    bench.run(5.0)
    assert 15 not in bench.tripped()


def test_a_tripped_row_opens_the_interlock_line_and_the_contactor():
    bench = Bench()
    bench.set(cell__voltage_v=5.6)
    bench.run(0.6)
    assert bench.twin.interlocked == {1}
    bench.run(0.5)
    assert bench.plant.values["contactor.position"] == 0.0
    assert bench.shown(sig.CONTACTOR, "CMD") == 0


def test_safety_rows_are_released_only_by_the_key_at_the_cabinet():
    bench = Bench()
    bench.set(cell__flow_m3_h=0.1)
    bench.run(2.1)
    bench.set(cell__current_a=0.0, cell__flow_m3_h=0.6)
    bench.twin.command((sig.RESET, "CMD"), True)
    bench.run(0.1)
    assert 15 in bench.tripped()
    bench.safety.reset()
    assert 15 not in bench.tripped()


def test_the_key_releases_nothing_whose_cause_stands():
    bench = Bench()
    bench.set(cell__flow_m3_h=0.1)
    bench.run(2.1)
    bench.safety.reset()
    assert 15 in bench.tripped()


def test_low_level_stops_the_pump_only_when_the_current_is_gone():
    bench = Bench(tank__level_percent=14.0)
    bench.run(6.0)
    assert bench.plant.values["pump.run"] == 1.0
    bench.set(cell__current_a=0.0)
    bench.run(0.1)
    assert bench.plant.values["pump.run"] == 0.0


@pytest.mark.parametrize(("later_percent", "pump"), [(92.6, 0.0), (92.5, 1.0), (92.4, 1.0)])
def test_a_minute_after_a_very_high_level_the_pump_stops_only_where_it_rises_on(later_percent, pump):
    bench = Bench(tank__level_percent=92.5, cell__current_a=0.0)
    bench.run(2.1)
    assert 37 in bench.tripped()
    bench.set(tank__level_percent=later_percent)
    bench.run(59.8)
    assert bench.plant.values["pump.run"] == 1.0
    bench.run(60.0)
    assert bench.plant.values["pump.run"] == pump


def test_a_tank_that_rises_on_keeps_its_pump_while_current_flows():
    bench = Bench(tank__level_percent=92.5)
    bench.run(2.1)
    bench.set(tank__level_percent=93.5)
    bench.run(120.0)
    assert bench.plant.values["pump.run"] == 1.0
    bench.set(cell__current_a=0.0)
    bench.run(0.2)
    assert bench.plant.values["pump.run"] == 0.0
