"""The simulated pH probe serves whole blocks, low word first, with the unit and status a driver has to look at."""

import math
import struct

import pytest

from simulators.devices import arc_probe
from simulators.devices.arc_probe import ArcProbe
from simulators.devices.registers import RegisterRefused, words_of_float, words_of_text, words_of_u32
from tests.unit.bench_plant import BenchPlant


def probe(**signals):
    return ArcProbe(BenchPlant(**signals), "probe_a", name="AI-4212")


def read(twin, address=2090, count=10, function=3):
    return twin.read_block(address, count, now_ns=0, function=function)


def number(words, low_first=True):
    low, high = words if low_first else reversed(words)
    return struct.unpack(">f", struct.pack(">HH", high, low))[0]


def u32(words):
    return words[0] | words[1] << 16


def test_the_block_has_unit_value_status_and_range_low_word_first():
    words = read(probe(probe_a__ph=8.1236))
    assert u32(words[0:2]) == 0x1000
    assert number(words[2:4]) == pytest.approx(8.124, abs=1e-6)
    assert u32(words[4:6]) == 0
    assert [number(words[6:8]), number(words[8:10])] == [0.0, 14.0]


def test_the_temperature_block_is_pmc6():
    words = read(probe(probe_a__temperature_c=41.237), 2410)
    assert u32(words[0:2]) == 0x4
    assert number(words[2:4]) == pytest.approx(41.24, abs=1e-5)


@pytest.mark.parametrize("function", [3, 4])
def test_both_read_functions_answer_alike(function):
    assert read(probe(), function=function) == read(probe())


@pytest.mark.parametrize(("address", "count"), [(2092, 2), (2090, 2), (2090, 9), (2090, 11), (2412, 2), (2091, 9)])
def test_a_part_of_a_block_is_refused(address, count):
    with pytest.raises(RegisterRefused) as caught:
        read(probe(), address, count)
    assert caught.value.code == 2


def test_other_functions_are_refused():
    with pytest.raises(RegisterRefused) as caught:
        read(probe(), function=1)
    assert caught.value.code == 1
    with pytest.raises(RegisterRefused) as caught:
        probe().write_block(2090, [0x1000, 0], now_ns=0, function=6)
    assert caught.value.code == 1


def test_identity_names_and_units_are_text():
    twin = probe()
    assert read(twin, 1032, 8) == words_of_text("EPHUM021", 8)
    assert read(twin, 2080, 8) == words_of_text("AI-4212", 8)
    assert read(twin, 1920 + 4 * 12, 4) == words_of_text("pH", 4)
    assert read(twin, 1920 + 4 * 21, 4) == words_of_text("mV", 4)
    assert read(twin, 2048, 2) == [0b100001, 0]
    assert u32(read(twin, 2088, 2)) == 0x201000
    assert u32(read(twin, 2408, 2)) == 4
    assert read(twin, 2400, 8) == words_of_text("T", 8)


def test_another_master_can_switch_the_unit_to_millivolts():
    twin = probe(probe_a__ph=8.0, probe_a__temperature_c=25.0)
    twin.write_block(2090, [0, 0x20], now_ns=0)
    words = read(twin)
    assert u32(words[0:2]) == 0x200000
    assert number(words[2:4]) == pytest.approx(-59.2, abs=0.01)
    twin.reboot()
    assert u32(read(twin)[0:2]) == 0x1000


@pytest.mark.parametrize(("address", "values", "code"), [(2090, [4, 0], 3), (2090, [0], 2), (2410, [4, 0], 2)])
def test_other_writes_are_refused(address, values, code):
    with pytest.raises(RegisterRefused) as caught:
        probe().write_block(address, values, now_ns=0)
    assert caught.value.code == code


def test_a_failed_sensor_says_so_and_keeps_its_last_value():
    twin = probe(probe_a__ph=8.0)
    read(twin)
    twin.trouble = "sensor-failed"
    twin._plant.values["probe_a.ph"] = 9.0
    words = read(twin)
    assert number(words[2:4]) == 8.0
    assert u32(words[4:6]) & arc_probe.ERROR
    assert read(twin, 4800, 8)[0] == 1


def test_a_frozen_probe_says_nothing():
    twin = probe(probe_a__ph=8.0)
    read(twin)
    twin.trouble = "frozen"
    twin._plant.values["probe_a.ph"] = 9.0
    words = read(twin)
    assert (number(words[2:4]), u32(words[4:6])) == (8.0, 0)


def test_not_a_number_comes_with_good_status():
    twin = probe()
    twin.trouble = "nan"
    words = read(twin)
    assert math.isnan(number(words[2:4]))
    assert u32(words[4:6]) == 0


def test_swapped_words_show_in_the_value_but_not_in_the_unit():
    twin = probe(probe_a__ph=8.0)
    twin.trouble = "word-swap"
    words = read(twin)
    assert u32(words[0:2]) == 0x1000
    assert number(words[2:4], low_first=False) == 8.0
    assert number(words[2:4]) != 8.0


def test_a_due_calibration_is_a_warning_with_a_good_value():
    twin = probe(probe_a__ph=8.0)
    twin.trouble = "calibration-due"
    words = read(twin)
    assert number(words[2:4]) == 8.0
    assert u32(words[4:6]) == arc_probe.WARNING
    assert read(twin, 4736, 8) == [1, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("ph", "bit"), [(14.2, arc_probe.OUT_OF_RANGE), (-0.1, arc_probe.OUT_OF_RANGE)])
def test_outside_the_range_is_flagged(ph, bit):
    assert u32(read(probe(probe_a__ph=ph))[4:6]) == bit


def test_registers_pack_numbers_as_documented():
    assert words_of_u32(0x12345678, low_first=False) == [0x1234, 0x5678]
    assert words_of_float(1e300, low_first=False) == [0x7F80, 0]
    assert words_of_float(-1e300, low_first=False) == [0xFF80, 0]
    assert words_of_text("abc", 2) == [0x6162, 0x6300]
    assert words_of_text("abcdef", 2) == [0x6162, 0x6364]
