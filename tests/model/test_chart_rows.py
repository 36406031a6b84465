"""The area PLC and the safety PLC execute their rows of the cause and effect chart on circuit A, each by itself.

Each row: nothing before its delay, latched after it, its effects at the actuators, released by the right reset only.
"""

import math

import pytest

from simulators.devices import plc_signals as sig
from simulators.devices.cell_line import STEP_NS, CellLine
from tests.unit.bench_circuit import BenchCircuit

OFF = [f"RECT-0{k}" for k in (1, 2, 3, 4)]


class Bench:
    """All devices of the circuit on a plant of plain numbers, with a heartbeat from above."""

    def __init__(self):
        self.plant = BenchCircuit()
        self.line = CellLine(self.plant)
        self.now = 0
        self.beating = True
        self.line.settle(0, 0)
        self.run(1.0)

    def run(self, seconds):
        for _ in range(round(seconds * 10)):
            self.now += STEP_NS
            if self.beating and self.now % 1_000_000_000 == 0:
                key = (sig.HEARTBEAT_IN, "CMD")
                self.line.plc.command(key, not self.line.plc.values[key])
            self.line.step(self.now, self.now)

    def off(self):
        """The rectifiers that are off."""
        return [name for name, rectifier in self.line.rectifiers.items() if not rectifier.settings[102]]

    def open(self):
        """The cells whose contactor is open."""
        values = self.plant.values
        names = ["contactor.position", *(f"contactor_{k}.position" for k in (2, 3, 4))]
        return [k for k, name in enumerate(names, 1) if values[name] == 0.0]

    def bit(self, tag, member="PV"):
        block = self.line.safety if "-XZ-" in tag else self.line.plc
        sample = block.shown[tag, member]
        return bool(sample.value), sample.source_ns

    def value(self, name):
        return self.plant.values[name]


# tag of the bit, delay, signals that demand, rectifiers off, contactors open, other effects
P_ROWS = [
    ("40-XA-0800", 5.0, {"anode_gas__chlorine_ppm": 210.0}, OFF, [], {}),
    ("40-XA-1802", 0.5, {"cell_2__voltage_v": 5.6}, ["RECT-02"], [2], {}),
    ("40-XA-2003", 2.0, {"cell_3__voltage_v": 1.8}, ["RECT-03"], [3], {"cell_valve_3.process": 0.0}),
    ("40-XA-2204", 0.2, {"cell_4__current_a": 111.0}, ["RECT-04"], [4], {}),
    ("40-XA-2301", 1.0, {"cell__current_a": -2.5}, [], [1], {}),
    ("40-XA-2501", 5.0, {"outlet_probe__temperature_c": 65.5}, ["RECT-01"], [1], {}),
    ("40-XA-2600", 10.0, {"tank__temperature_c": 60.5}, OFF, [], {}),
    ("40-XA-2702", 2.0, {"cell_2__membrane_dp_bar": -0.31}, ["RECT-02"], [], {"cell_valve_2.process": 0.0}),
    ("40-XA-2804", 5.0, {"cell_4__felt_dp_bar": 0.61}, ["RECT-04"], [], {"cell_valve_4.process": 0.0}),
    (
        "40-XA-2900",
        10.0,
        {"acid__turbidity_ntu": 41.0, "acid_line__density_kg_m3": 1040.0},
        OFF,
        [],
        {"acid_product.valve": 0.0},
    ),
    ("40-XA-3100", 10.0, {"anolyte__orp_mv": 1260.0}, OFF, [], {}),
    ("40-XA-3800", 5.0, {"tank__level_percent": 14.0}, OFF, [], {}),
    ("40-XA-3901", 5.0, {"acid__level_percent": 93.0}, [], [], {"acid_water.valve": 0.0}),
    ("40-XA-3902", 5.0, {"acid__level_percent": 14.0}, OFF, [], {}),
    ("40-XA-3903", 5.0, {"anolyte__level_percent": 93.0}, [], [], {"anolyte_water.valve": 0.0}),
    ("40-XA-3904", 5.0, {"anolyte__level_percent": 14.0}, OFF, [], {}),
]
FANS = {"fan_a.run": 1.0, "fan_a.speed_command": 1.0, "fan_b.run": 1.0, "fan_b.speed_command": 1.0}
ALL = [1, 2, 3, 4]
S_ROWS = [
    (
        "40-XZ-0100",
        1.0,
        {"hydrogen_a__lel_percent": 26.0, "hydrogen_c__lel_percent": 26.0},
        OFF,
        ALL,
        {"feed.stroke": 0.0, **FANS},
    ),
    ("40-XZ-0500", 3.0, {"dilution__flow_nm3_h": 59.0}, OFF, ALL, FANS),
    ("40-XZ-0600", 5.0, {"header__pressure_mbar": 5.5}, OFF, [], FANS),
    ("40-XZ-0700", 5.0, {"header__oxygen_percent": 4.5}, OFF, ALL, {}),
    ("40-XZ-1503", 2.0, {"cell_3__flow_m3_h": 0.23}, ["RECT-03"], [3], {}),
    ("40-XZ-1600", 2.0, {"acid__flow_m3_h": 0.7}, OFF, [], {}),
    ("40-XZ-1700", 2.0, {"anolyte__flow_m3_h": 1.4}, OFF, [], {}),
    (
        "40-XZ-3700",
        2.0,
        {"tank__level_percent": 92.5},
        [],
        [],
        {"feed.stroke": 0.0, "drawoff.open": 1.0, "bleed.valve": 1.0},
    ),
]


@pytest.mark.parametrize(("tag", "delay", "signals", "off", "opened", "others"), [*P_ROWS, *S_ROWS])
def test_a_row_trips_after_its_delay_with_its_effects_and_no_others(tag, delay, signals, off, opened, others):
    bench = Bench()
    bench.plant.set(**signals)
    bench.run(delay)
    assert bench.bit(tag) == (False, 0)
    assert bench.bit(tag, "DEMAND")[0]
    assert bench.off() == []
    bench.run(0.1)
    assert bench.bit(tag) == (True, bench.now)
    assert bench.bit(tag, "FIRST")[0]
    assert bench.off() == off
    bench.run(2.5)
    assert bench.open() == opened
    assert {name: bench.value(name) for name in others} == others


@pytest.mark.parametrize(("tag", "delay", "signals"), [row[:3] for row in (*P_ROWS, *S_ROWS)])
def test_a_demand_shorter_than_its_delay_is_forgotten(tag, delay, signals):
    bench = Bench()
    good = {name: bench.value(name.replace("__", ".")) for name in signals}
    for _ in range(2):
        bench.plant.set(**signals)
        bench.run(delay - 0.1)
        bench.plant.set(**good)
        bench.run(0.1)
    assert bench.bit(tag) == (False, 0)
    assert bench.off() == []


@pytest.mark.parametrize(("tag", "delay", "signals"), [row[:3] for row in (*P_ROWS, *S_ROWS)])
def test_a_reset_releases_only_the_rows_of_its_own_plc_and_only_without_their_cause(tag, delay, signals):
    bench = Bench()
    good = {name: bench.value(name.replace("__", ".")) for name in signals}
    bench.plant.set(**signals)
    bench.run(delay + 0.1)
    own, other = bench.line.plc, bench.line.safety
    safety = "-XZ-" in tag

    def reset(of_safety):
        if of_safety:
            other.reset()
        else:
            own.command((sig.RESET, "CMD"), True)
        bench.run(0.2)

    reset(safety)
    assert bench.bit(tag)[0], "its cause stands"
    quiet = {name: 0.0 for name in bench.plant.values if name.endswith("current_a") and "true" not in name}
    bench.plant.values.update(quiet)
    bench.plant.set(**{k: v for k, v in good.items() if "current" not in k})
    bench.run(0.2)
    reset(not safety)
    assert bench.bit(tag)[0], "the other PLC's reset"
    before = bench.off()
    reset(safety)
    assert not bench.bit(tag)[0]
    assert bench.off() == before, "nothing starts by itself"


def test_a_welded_contactor_trips_its_rectifier():
    bench = Bench()
    step = bench.plant.step
    bench.plant.step = lambda dt_s: (step(dt_s), bench.plant.set(contactor_3__feedback=1.0))
    bench.line.plc.command(("40-HZ-4030", "CMD"), 0)
    bench.run(2.0)
    assert bench.bit("40-XA-2403")[0]
    assert bench.off() == ["RECT-03"]
    assert bench.line.plc.shown["40-ZI-4030", "PV"].value == 1


def test_an_open_contactor_of_one_cell_trips_that_cell_alone():
    bench = Bench()
    bench.plant.deaf.add("contactor_2.position")
    bench.line.plc.command(("40-HZ-4020", "CMD"), 0)
    bench.run(2.0)
    assert bench.bit("40-XA-2402")[0]
    assert bench.off() == ["RECT-02"]


def test_turbidity_without_a_change_of_density_is_no_rupture():
    bench = Bench()
    bench.plant.set(acid__turbidity_ntu=60.0)
    bench.run(20.0)
    assert not bench.bit("40-XA-2900")[0]
    bench.plant.set(acid_line__density_kg_m3=1026.0)
    bench.run(10.2)
    assert bench.bit("40-XA-2900")[0]


@pytest.mark.parametrize(
    ("channels", "trips"),
    [
        ({"hydrogen_a__lel_percent": 40.0}, False),
        ({"hydrogen_a__lel_percent": math.nan}, False),
        ({"hydrogen_a__lel_percent": math.nan, "hydrogen_b__lel_percent": 26.0}, True),
        ({"hydrogen_a__lel_percent": math.nan, "hydrogen_b__lel_percent": math.nan}, True),
        ({"hydrogen_b__lel_percent": 26.0, "hydrogen_c__lel_percent": 26.0}, True),
    ],
)
def test_two_of_three_analysers_vote_and_a_failed_one_counts_as_a_vote(channels, trips):
    bench = Bench()
    bench.plant.set(**channels)
    bench.run(5.0)
    assert bench.bit("40-XZ-0100")[0] is trips


def test_no_fan_is_a_demand_of_its_own_whatever_the_flow_meter_says():
    bench = Bench()
    bench.line.drives["VFD-8012"].tripped = True
    bench.run(3.5)
    assert bench.bit("40-XZ-0500")[0]
    assert bench.value("fan_b.run") == 1.0, "the other fan is started by wire"


def test_loop_flows_count_only_with_current():
    bench = Bench()
    quiet = {name: 0.0 for name in bench.plant.values if name.endswith("current_a") and "true" not in name}
    bench.plant.values.update(quiet)
    bench.plant.set(acid__flow_m3_h=0.0, anolyte__flow_m3_h=0.0, cell__flow_m3_h=0.0)
    bench.run(10.0)
    assert bench.line.safety.latches.numbers() == set()


def test_a_level_that_still_rises_a_minute_later_stops_the_pump_when_the_current_is_gone():
    bench = Bench()
    bench.plant.set(tank__level_percent=93.0)
    bench.run(30.0)
    bench.plant.set(tank__level_percent=94.0)
    bench.run(33.0)
    assert bench.value("pump.run") == 1.0, "not with the current on"
    quiet = {name: 0.0 for name in bench.plant.values if name.endswith("current_a") and "true" not in name}
    bench.plant.values.update(quiet)
    bench.run(0.3)
    assert bench.value("pump.run") == 0.0


def test_a_tank_too_full_has_its_bleed_opened_also_when_the_heartbeat_is_lost_and_keeps_it_until_it_is_told():
    bench = Bench()
    bench.run(2.0)
    bench.plant.set(tank__level_percent=93.0)
    bench.beating = False
    bench.run(6.0)
    assert bench.value("bleed.valve") == 1.0
    bench.line.plc.command((sig.BLEED, "SP"), 20.0)
    bench.run(0.2)
    assert bench.value("bleed.valve") == 1.0
    assert bench.line.plc.shown[sig.BLEED, "MODE"].value == sig.BY_ROW
    bench.beating = True
    bench.plant.set(tank__level_percent=60.0)
    bench.run(2.0)
    bench.line.plc.command((sig.RESET, "CMD"), True)
    bench.line.safety.reset()
    bench.run(0.2)
    assert bench.value("bleed.valve") == 1.0, "nothing moves by itself"
    bench.line.plc.command((sig.BLEED, "SP"), 20.0)
    bench.run(0.2)
    assert bench.value("bleed.valve") == pytest.approx(0.2)


def test_the_fork_alone_trips_the_level_row_while_the_meter_stands():
    bench = Bench()
    bench.plant.set(true__tank_level_percent=96.0)
    bench.run(2.2)
    assert bench.bit("40-XZ-3700")[0]
    assert bench.line.plc.shown[sig.OVERFILL, "PV"].value is True


@pytest.mark.parametrize(
    ("level", "drive", "motor"),
    [("tank", "VFD-4216", "pump"), ("acid", "VFD-4274", "acid_pump"), ("anolyte", "VFD-4265", "anolyte_pump")],
)
def test_an_empty_tank_stops_its_pump_by_wire_once_the_current_is_gone(level, drive, motor):
    bench = Bench()
    bench.plant.set(**{f"{level}__level_percent": 10.0})
    bench.run(6.0)
    assert bench.value(f"{motor}.run") == 1.0
    quiet = {name: 0.0 for name in bench.plant.values if name.endswith("current_a") and "true" not in name}
    bench.plant.values.update(quiet)
    bench.run(0.3)
    assert bench.line.drives[drive].stop_line
    assert bench.value(f"{motor}.run") == 0.0


def test_a_valve_set_that_proves_both_sides_open_is_row_42():
    bench = Bench()
    bench.plant.deaf.add("cell_valve_2.process")
    bench.plant.step = lambda dt_s: None
    bench.plant.set(cell_valve_2__at_wash=1.0)
    bench.run(0.7)
    assert bench.bit("40-XA-4202")[0]
    assert bench.off() == ["RECT-02"]


def test_a_valve_set_that_travels_is_no_demand_and_one_that_hangs_is():
    bench = Bench()
    bench.line.plc.command(("40-XV-4016", "CMD"), False)
    bench.plant.step = lambda dt_s: None
    bench.plant.set(cell_valve__at_process=0.0)
    bench.run(3.5)
    assert not bench.bit("40-XA-4201", "DEMAND")[0]
    bench.run(1.5)
    assert bench.bit("40-XA-4201")[0]
    assert bench.line.plc.shown["40-ZI-4016", "PV"].value == 3


def test_a_lost_heartbeat_ends_feed_and_contactors_patiently_and_leaves_the_pumps():
    bench = Bench()
    bench.run(2.0)
    bench.beating = False
    bench.run(6.0)
    assert bench.bit("40-XA-4600")[0]
    assert bench.value("feed.stroke") == 0.0
    assert bench.value("bleed.valve") == 0.0, "without feed it would drain the tank"
    assert bench.open() == []
    bench.run(5.2)
    assert bench.open() == ALL
    assert bench.value("pump.run") == 1.0


def test_the_emergency_stop_ends_everything_at_once_and_only_the_key_releases_it():
    bench = Bench()
    bench.line.safety.emergency_stop = True
    bench.run(0.1)
    assert bench.off() == OFF
    bench.run(0.6)
    assert bench.open() == ALL
    bench.line.safety.reset()
    assert bench.line.safety.latches.numbers() == {49}
    bench.line.safety.emergency_stop = False
    bench.run(0.1)
    bench.line.safety.reset()
    bench.run(0.1)
    assert bench.line.safety.latches.numbers() == set()


def test_first_out_is_the_row_that_came_first_against_each_cell():
    bench = Bench()
    bench.plant.set(cell_2__felt_dp_bar=0.7)
    bench.run(5.2)
    bench.plant.set(tank__temperature_c=61.0)
    bench.run(10.2)
    first = {tag for tag, member in bench.line.plc.shown if member == "FIRST" and bench.bit(tag, "FIRST")[0]}
    assert first == {"40-XA-2802", "40-XA-2600"}
    bench.plant.set(cell_2__felt_dp_bar=0.1)
    bench.line.plc.command((sig.RESET, "CMD"), True)
    bench.run(0.2)
    first = {tag for tag, member in bench.line.plc.shown if member == "FIRST" and bench.bit(tag, "FIRST")[0]}
    assert first == {"40-XA-2600"}


def test_a_plc_in_stop_leaves_the_safety_plc_at_work():
    bench = Bench()
    bench.line.plc.stopped = True
    bench.plant.set(header__pressure_mbar=6.0)
    bench.run(5.3)
    assert bench.bit("40-XZ-0600")[0]
    assert bench.off() == OFF


def test_the_mode_of_a_final_element_says_who_has_it():
    bench = Bench()
    modes = {tag: bench.line.plc.shown[tag, "MODE"].value for tag in (sig.FEED, sig.COOLING, sig.ACID_WATER)}
    assert modes == {sig.FEED: sig.REMOTE, sig.COOLING: sig.OWN_LOOP, sig.ACID_WATER: sig.REMOTE}
    bench.line.plc.command((sig.TEMPERATURE_LOOP, "MODE"), 0)
    bench.plant.set(acid__level_percent=95.0)
    bench.run(5.3)
    modes = {tag: bench.line.plc.shown[tag, "MODE"].value for tag in (sig.FEED, sig.COOLING, sig.ACID_WATER)}
    assert modes == {sig.FEED: sig.REMOTE, sig.COOLING: sig.REMOTE, sig.ACID_WATER: sig.BY_ROW}


def test_the_alarm_word_follows_the_limits_of_the_list():
    bench = Bench()
    for level, word in ((60.0, 0), (20.0, 2), (10.0, 3), (88.0, 4), (92.5, 12)):
        bench.plant.set(anolyte__level_percent=level)
        bench.run(0.6)
        assert bench.line.plc.shown["40-LI-4261", "ALM"].value == word
