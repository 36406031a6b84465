"""The simulated area controller carries out commands, holds them, shows what is measured and holds the temperature."""

import math

import pytest

from simulators.devices import plc_signals as sig
from simulators.devices.area_plc import AreaPlc
from tests.unit.bench_plant import BenchPlant
from tests.unit.plc_bench import Bench


def test_a_running_plant_is_taken_over_without_a_move():
    bench = Bench()
    before = dict(bench.plant.values)
    bench.run(10.0)
    moved = {name for name in before if before[name] != bench.plant.values[name]}
    assert moved <= {"heater.output", "cooling.output"}
    assert bench.plant.values["heater.output"] == pytest.approx(before["heater.output"], abs=0.02)
    assert bench.shown(sig.CONTACTOR, "CMD") == 1
    assert bench.tripped() == set()


def test_identifiers_have_the_quotes_of_the_controllers_maker():
    assert sig.identifier(("40-FI-4013", "PV")) == '"DB_A40"."FI_4013"."PV"'
    assert sig.identifier((sig.HEARTBEAT_IN, "CMD")) == '"DB_A90"."XY_9031"."CMD"'
    nodes = AreaPlc(BenchPlant()).nodes
    assert len({sig.identifier(node.key) for node in nodes}) == len(nodes)


def test_values_are_rounded_to_the_instrument_and_unchanged_ones_are_not_served():
    bench = Bench(cell__flow_m3_h=0.60049)
    bench.twin.take_changes()
    bench.set(cell__flow_m3_h=0.60031)
    bench.run(0.9)
    assert not {key for key in bench.twin.take_changes() if key[0] == "40-FI-4013"}
    bench.set(cell__flow_m3_h=0.6016)
    bench.run(0.2)
    assert bench.twin.take_changes()["40-FI-4013", "PV"].value == pytest.approx(0.602)


def test_source_time_is_the_instant_of_the_sample():
    bench = Bench()
    bench.run(1.0)
    bench.set(cell__flow_m3_h=0.3)
    bench.run(0.2)
    assert bench.twin.shown["40-FI-4013", "PV"].source_ns in (1_100_000_000, 1_200_000_000)


@pytest.mark.parametrize(
    ("trouble", "value", "status"),
    [("nan", math.nan, "good"), ("bad-status", 0.5, "bad"), ("uncertain-status", 0.5, "uncertain")],
)
def test_channel_troubles_show_as_named(trouble, value, status):
    bench = Bench()
    bench.twin.troubles["40-FI-4013"] = trouble
    bench.set(cell__flow_m3_h=0.5)
    bench.run(0.2)
    sample = bench.twin.shown["40-FI-4013", "PV"]
    assert sample.status == status
    assert sample.value == value or (math.isnan(sample.value) and math.isnan(value))


def test_a_frozen_channel_moves_its_source_time_only_and_a_stale_one_nothing():
    bench = Bench()
    bench.twin.troubles.update({"40-FI-4013": "frozen", "40-PDI-4014": "stale"})
    bench.run(1.0)
    bench.set(cell__flow_m3_h=0.1, cell__felt_dp_bar=0.3)
    bench.run(1.0)
    assert bench.shown("40-FI-4013") == 0.6
    assert bench.twin.shown["40-FI-4013", "PV"].source_ns >= 1_900_000_000
    assert bench.twin.shown["40-PDI-4014", "PV"].source_ns == 0


def test_a_broken_wire_is_bad_with_the_last_value():
    bench = Bench()
    bench.set(cell__flow_m3_h=math.nan)
    bench.run(0.2)
    assert bench.twin.shown["40-FI-4013", "PV"].value == 0.6
    assert bench.twin.shown["40-FI-4013", "PV"].status == "bad"
    assert bench.shown("40-FI-4013", "QUAL") == 2


def test_a_signal_far_outside_its_range_is_bad():
    bench = Bench(cell__flow_m3_h=1.2)
    assert bench.twin.shown["40-FI-4013", "PV"].status == "bad"


def test_set_points_reach_the_plant_limited_and_are_put_back():
    bench = Bench()
    bench.twin.command((sig.FEED, "SP"), 25.0)
    bench.twin.command((sig.PUMP_SPEED, "SP"), 55.0)
    bench.run(0.1)
    assert bench.plant.values["feed.stroke"] == 1.0
    assert bench.plant.values["pump.speed_command"] == 0.55
    assert bench.shown(sig.FEED, "SP") == 10.0
    bench.twin.command((sig.FEED, "SP"), math.nan)
    bench.run(0.1)
    assert bench.shown(sig.FEED, "SP") == 10.0
    bench.twin.command((sig.FEED, "SP"), -math.inf)
    bench.run(0.1)
    assert bench.plant.values["feed.stroke"] == 1.0


def test_read_only_and_unknown_items_refuse_commands():
    bench = Bench()
    with pytest.raises(PermissionError):
        bench.twin.command(("40-FI-4013", "PV"), 1.0)
    with pytest.raises(KeyError):
        bench.twin.command(("40-FI-4013", "SP"), 1.0)


def test_the_contactor_closes_only_without_current_and_never_turns_over_at_once():
    bench = Bench()
    bench.set(cell__current_a=0.0)
    bench.twin.command((sig.CONTACTOR, "CMD"), 2)
    bench.run(0.1)
    assert bench.plant.values["contactor.position"] == 0.0
    bench.run(0.4)
    assert bench.plant.values["contactor.position"] == 0.0
    bench.run(0.1)
    assert bench.plant.values["contactor.position"] == 2.0


def test_nonsense_at_the_contactor_is_put_back():
    bench = Bench()
    bench.twin.command((sig.CONTACTOR, "CMD"), 7)
    bench.run(0.1)
    assert bench.shown(sig.CONTACTOR, "CMD") == 1


def test_a_pump_that_does_not_turn_is_a_drive_trip_until_it_is_switched_off():
    bench = Bench()
    bench.set(pump__running=0.0)
    bench.run(2.2)
    assert bench.shown(sig.PUMP, "FLT") is True
    assert bench.shown(sig.DRIVE_STATUS) & 8
    assert bench.plant.values["pump.run"] == 0.0
    bench.twin.command((sig.PUMP, "CMD"), False)
    bench.run(0.1)
    bench.twin.command((sig.PUMP, "CMD"), True)
    bench.set(pump__running=1.0)
    bench.run(0.1)
    assert bench.plant.values["pump.run"] == 1.0
    assert not bench.shown(sig.DRIVE_STATUS) & 8
    assert bench.shown(sig.DRIVE_STATUS) & 1 << 11


def test_the_draw_off_valve_travels_two_seconds_and_shows_its_ends():
    bench = Bench()
    bench.twin.command((sig.DRAWOFF, "CMD"), True)
    bench.run(1.0)
    assert bench.shown(sig.DRAWOFF_POSITION) == 2
    bench.run(1.0)
    assert bench.shown(sig.DRAWOFF_POSITION) == 1
    assert bench.shown(sig.DRAWOFF, "ZSO") is True
    assert bench.plant.values["drawoff.open"] == pytest.approx(1.0)


def test_a_stuck_valve_is_a_fault():
    bench = Bench()
    bench.twin.troubles[sig.DRAWOFF] = "stuck"
    bench.twin.command((sig.DRAWOFF, "CMD"), True)
    bench.run(4.2)
    assert bench.shown(sig.DRAWOFF_POSITION) == 3
    assert bench.shown(sig.DRAWOFF, "FLT") is True


@pytest.mark.parametrize(("degrees", "cooling", "heater"), [(44.0, 94.5, 0.0), (37.0, 0.0, 86.0)])
def test_the_temperature_is_held_by_the_plc_itself(degrees, cooling, heater):
    bench = Bench(tank__temperature_c=degrees)
    bench.twin.temperature.integral = 54.0
    bench.run(0.5)
    assert bench.plant.values["cooling.output"] * 100 == pytest.approx(cooling, abs=1.0)
    assert bench.plant.values["heater.output"] * 100 == pytest.approx(heater, abs=1.0)


def test_in_manual_the_heater_follows_its_set_point_and_returns_without_a_bump():
    bench = Bench()
    bench.twin.command((sig.TEMPERATURE_LOOP, "MODE"), 0)
    bench.twin.command((sig.HEATER, "SP"), 30.0)
    bench.run(1.0)
    assert bench.plant.values["heater.output"] == 0.3
    bench.twin.command((sig.TEMPERATURE_LOOP, "MODE"), 1)
    bench.run(0.5)
    assert bench.plant.values["heater.output"] == pytest.approx(0.3, abs=0.006)


def test_the_heartbeat_counter_counts_seconds():
    bench = Bench()
    start = bench.shown(sig.HEARTBEAT_OUT)
    bench.run(10.0)
    assert bench.shown(sig.HEARTBEAT_OUT) == start + 10


def test_in_stop_everything_goes_to_its_fail_safe_state_and_nothing_is_shown_any_more():
    bench = Bench()
    bench.twin.stopped = True
    bench.run(1.0)
    values = bench.plant.values
    assert [values[n] for n in ("contactor.position", "feed.stroke", "heater.output", "cooling.output")] == [0, 0, 0, 1]
    assert values["pump.run"] == 1.0
    assert bench.twin.interlocked == {1}
    bench.twin.take_changes()
    bench.set(cell__current_a=0.0, cell__flow_m3_h=0.2)
    bench.run(1.0)
    assert values["pump.run"] == 0.0
    assert bench.twin.take_changes() == {}
