"""The simulated rectifier answers, refuses and protects itself as its register profile says."""

import pytest

from simulators.devices import rectifier as rect
from simulators.devices.rectifier import COUNTS, COUNTS_MAX, FAULT, I_SET, OUT, SYST_ERR, V_SET, WDG_EN, WDG_TIME
from simulators.devices.registers import RegisterRefused
from tests.unit.bench_plant import BenchPlant

SECOND = 1_000_000_000
STEP = 100_000_000


class Bench:
    """A rectifier on a bench plant with a clock in the hand."""

    def __init__(self, profile="writes", **signals):
        self.plant = BenchPlant(**signals)
        self.plant.obeys = True
        self.twin = rect.Rectifier(self.plant, serial="SN000042", profile=profile)
        self.now = 0

    def run(self, seconds):
        for _ in range(round(seconds * 10)):
            self.now += STEP
            self.twin.drive(self.now)
            self.plant.step(0.1)
            self.twin.sense(self.now, 0.1)

    def read(self, address, count=1, function=3):
        return self.twin.read_block(address, count, now_ns=self.now, function=function)

    def write(self, address, *values, function=16):
        self.twin.write_block(address, list(values), now_ns=self.now, function=function)

    def amps(self):
        return self.plant.values["rectifier.current_set_a"]

    def start(self, amps=75.0):
        self.write(I_SET, round(amps / 150 * COUNTS))
        self.write(OUT, 1)
        self.run(0.2)


def test_full_scale_counts_are_the_rating():
    bench = Bench()
    bench.start(150.0)
    bench.plant.values["cell.voltage_v"] = 5.0
    bench.run(0.1)
    assert bench.amps() == 150.0
    assert bench.read(110, 2) == [COUNTS // 2, COUNTS]


def test_settings_read_back_as_written():
    bench = Bench()
    bench.write(V_SET, 26810, 17873)
    assert bench.read(V_SET, 3) == [26810, 17873, 0]


def test_a_reversed_cell_shows_magnitudes_and_two_sign_bits():
    bench = Bench(contactor__position=2.0)
    bench.plant.obeys = False
    bench.plant.values.update({"cell.current_a": -40.0, "cell.voltage_v": -2.5})
    bench.run(0.1)
    volts, amps, status, _, polarity = bench.read(110, 5)
    assert (volts, amps) == (round(0.25 * COUNTS), round(40 / 150 * COUNTS))
    assert status & rect.I_NEGATIVE
    assert status & rect.V_NEGATIVE
    assert polarity == 2


def test_limit_bits_show_only_while_the_output_is_on():
    bench = Bench(rectifier__cv=1.0)
    bench.run(0.1)
    assert bench.read(112) == [0]
    bench.start()
    assert bench.read(112) == [rect.ON | rect.CV]


def test_charge_counts_tenths_of_an_ampere_hour_high_word_first():
    bench = Bench()
    bench.start(100.0)
    bench.run(36.0)
    assert bench.read(120, 2) == [0, 10]
    bench.twin.charge_ah = 6553.7
    assert bench.read(120, 2) == [1, 1]
    bench.twin.charge_ah = 429496729.6
    assert bench.read(120, 2) == [0, 0]


def test_identity_is_text():
    bench = Bench()
    raw = b"".join(word.to_bytes(2, "big") for word in bench.read(900, 12))
    assert raw == b"PCT-RECT-10-150\0SN000042"


@pytest.mark.parametrize(
    ("address", "value"),
    [(I_SET, COUNTS_MAX + 1), (V_SET, 65535), (OUT, 2), (WDG_EN, 2), (WDG_TIME, 0), (WDG_TIME, 3601), (FAULT, 1)],
)
def test_out_of_range_is_ignored_without_an_exception_and_leaves_222(address, value):
    bench = Bench()
    before = bench.read(address)
    bench.write(address, value)
    assert bench.read(address) == before
    assert bench.read(SYST_ERR) == [222]
    assert bench.read(SYST_ERR) == [0]


def test_105_percent_is_accepted():
    bench = Bench()
    bench.write(I_SET, COUNTS_MAX)
    assert bench.read(I_SET) == [COUNTS_MAX]
    assert bench.read(SYST_ERR) == [0]


@pytest.mark.parametrize("function", [1, 2, 4, 5, 15, 22, 23])
def test_other_function_codes_are_refused(function):
    bench = Bench()
    with pytest.raises(RegisterRefused) as caught:
        bench.read(100, function=function)
    assert caught.value.code == 1


@pytest.mark.parametrize(("address", "count"), [(99, 1), (100, 4), (103, 1), (114, 2), (122, 2), (934, 1), (1020, 1)])
def test_addresses_without_a_register_are_refused(address, count):
    with pytest.raises(RegisterRefused) as caught:
        Bench().read(address, count)
    assert caught.value.code == 2


@pytest.mark.parametrize("address", [110, 111, 112, 114, 120, 122, 900, 935])
def test_read_only_registers_refuse_a_write_and_nothing_of_it_is_used(address):
    bench = Bench()
    with pytest.raises(RegisterRefused):
        bench.write(address, 1)
    assert bench.read(SYST_ERR) == [0]


def test_a_write_over_the_end_of_the_settings_changes_nothing():
    bench = Bench()
    with pytest.raises(RegisterRefused):
        bench.write(V_SET, 10, 20, 0, 99)
    assert bench.read(V_SET, 3) == [COUNTS // 2, 0, 0]


def test_on_is_refused_with_301_while_the_interlock_line_is_open():
    bench = Bench()
    bench.twin.external_interlock = True
    bench.run(0.1)
    bench.start()
    assert bench.read(OUT) == [0]
    assert bench.read(SYST_ERR) == [301]
    assert bench.read(112, 2) == [rect.INTERLOCK, rect.INTERLOCK]


def test_the_latch_outlives_its_cause_until_it_is_written_zero():
    bench = Bench()
    bench.start()
    bench.twin.external_interlock = True
    bench.run(0.1)
    assert (bench.read(OUT), bench.amps()) == ([0], 0.0)
    bench.twin.external_interlock = False
    bench.run(0.1)
    assert bench.read(112, 2) == [0, rect.INTERLOCK]
    bench.write(OUT, 1)
    assert bench.read(SYST_ERR) == [301]
    bench.write(FAULT, 0)
    bench.write(OUT, 1)
    assert bench.read(OUT) == [1]


def test_a_latch_whose_cause_stands_cannot_be_cleared():
    bench = Bench()
    bench.twin.ac_failed = True
    bench.run(0.1)
    bench.write(FAULT, 0)
    assert bench.read(FAULT) == [rect.AC_FAIL]


@pytest.mark.parametrize(
    ("signal", "value", "bit"),
    [
        ("cell.voltage_v", 6.01, rect.OVP),
        ("cell.current_a", 157.6, rect.OCP),
        ("rectifier.heat_sink_c", 85.1, rect.OTP),
    ],
)
def test_it_protects_itself(signal, value, bit):
    bench = Bench()
    bench.start()
    bench.plant.obeys = False
    bench.plant.values[signal] = value
    bench.run(0.1)
    assert bench.read(FAULT) == [bit]
    assert bench.read(OUT) == [0]


def test_local_mode_ignores_set_points_and_says_so():
    bench = Bench()
    bench.twin.local = True
    bench.write(I_SET, 100)
    assert bench.read(I_SET) == [0]
    assert bench.read(SYST_ERR) == [302]
    assert bench.read(112) == [rect.LOCAL]


def test_a_reboot_forgets_settings_and_watchdog():
    bench = Bench()
    bench.start()
    bench.write(WDG_EN, 1, 2)
    bench.twin.reboot(bench.now)
    assert bench.read(V_SET, 3) == [0, 0, 0]
    assert bench.read(WDG_EN, 2) == [0, 10]
    bench.run(0.1)
    assert bench.amps() == 0.0


def test_a_plant_in_operation_is_taken_over_as_it_runs():
    bench = Bench(rectifier__on=1.0, rectifier__current_set_a=85.0, rectifier__voltage_limit_v=5.0)
    bench.run(60.0)
    assert bench.amps() == pytest.approx(85.0, abs=0.002)
    assert bench.read(OUT) == [1]


def with_watchdog(profile="writes", seconds=2):
    bench = Bench(profile)
    bench.write(WDG_TIME, seconds)
    bench.write(WDG_EN, 1)
    bench.start(100.0)
    return bench


def test_the_watchdog_ramps_to_zero_in_one_second_then_switches_off():
    bench = with_watchdog()
    bench.run(1.7)
    assert bench.amps() == pytest.approx(100.0, abs=0.01)
    bench.run(0.1)
    assert bench.read(112)[0] & rect.WATCHDOG
    assert bench.read(OUT) == [1]
    bench.run(0.5)
    assert bench.amps() == pytest.approx(50.0, abs=0.1)
    bench.run(0.5)
    assert bench.amps() == 0.0
    assert bench.read(OUT) == [0]
    assert bench.read(112, 2) == [rect.WATCHDOG, rect.WATCHDOG]


def test_reading_alone_does_not_keep_the_cell_alive():
    bench = with_watchdog()
    for _ in range(40):
        bench.run(0.1)
        bench.read(110, 5)
    assert bench.read(OUT) == [0]


@pytest.mark.parametrize("address", [I_SET, OUT, WDG_TIME])
def test_writing_set_point_output_or_time_rearms(address):
    bench = with_watchdog()
    for _ in range(10):
        bench.run(1.0)
        bench.write(address, *bench.read(address))
    assert bench.read(OUT) == [1]


@pytest.mark.parametrize(("address", "value"), [(V_SET, 100), (WDG_EN, 1), (FAULT, 0), (I_SET, 65535)])
def test_other_writes_and_ignored_values_do_not_rearm(address, value):
    bench = with_watchdog()
    for _ in range(4):
        bench.run(1.0)
        bench.write(address, value)
    assert bench.read(OUT) == [0]


def test_with_the_profile_any_request_reading_rearms():
    bench = with_watchdog("any-request")
    for _ in range(40):
        bench.run(0.1)
        bench.read(110, 1)
    assert bench.read(OUT) == [1]
    bench.run(3.1)
    assert bench.read(OUT) == [0]


def test_writes_during_the_ramp_do_not_save_it_and_off_ends_it_at_once():
    bench = with_watchdog()
    bench.run(2.3)
    bench.write(I_SET, COUNTS)
    bench.run(0.1)
    assert bench.amps() < 70.0
    bench.write(OUT, 0)
    bench.run(0.1)
    assert bench.amps() == 0.0
    assert bench.read(FAULT) == [rect.WATCHDOG]


def test_the_watchdog_sleeps_while_the_output_is_off_or_disabled():
    bench = Bench()
    bench.write(WDG_TIME, 2)
    bench.write(WDG_EN, 1)
    bench.run(10.0)
    assert bench.read(FAULT) == [0]
    bench.write(WDG_EN, 0)
    bench.start()
    bench.run(10.0)
    assert bench.read(OUT) == [1]
