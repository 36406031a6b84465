"""The Modbus driver with the shipped profiles on the circuit's instruments: what each one's traps become."""

import math

import pytest

from simulators.devices import gas_detector
from simulators.devices.coriolis import Coriolis
from simulators.devices.gas_detector import GasDetector
from simulators.devices.liquiline import Input, Liquiline
from simulators.devices.scalar_instrument import ScalarInstrument
from tests.wire.instrument_rig import Numbers, situation

LINE = {"FI": ("MASS_FLOW", "kg/h"), "DI": ("DENSITY", "kg/m3"), "XI": ("DIAGNOSIS", "")}


def meter(**values):
    return Coriolis(Numbers(**{"a": 1600.0, "b": 1044.0, "c": 40.0, **values}), "a", "b", "c")


def test_the_scan_list_arrives_with_its_words_in_order():
    async def story(line):
        await line.until(line.rig.good)
        return line.value("FI"), line.value("DI"), line.value("XI")

    assert situation(story, meter(), "promass", LINE) == pytest.approx((1600.0, 1044.0, 0.0), abs=0.1)


def test_a_meter_with_another_byte_order_is_not_taken_for_the_one_that_was_set_up():
    twin = meter()
    twin.order = "3-2-1-0"

    async def story(line):
        await line.until(lambda: line.quality("DI") == "bad, config")
        text = " ".join(e.text for e in line.rig.happened())
        twin.order = "1-0-3-2"
        await line.until(line.rig.good, 60.0)
        return text, line.value("DI")

    text, density = situation(story, twin, "promass", LINE)
    assert "register 5081 holds" in text
    assert density == pytest.approx(1044.0, abs=0.1)


@pytest.mark.parametrize("trouble", ["word-swap", "byte-swap"])
def test_a_byte_order_that_changes_in_operation_is_bad_at_the_next_read(trouble):
    twin = meter()
    seen = set()

    async def story(line):
        await line.until(line.rig.good)
        twin.trouble = trouble
        await line.until(lambda: line.quality("DI") == "bad, config", 1.1)
        seen.update(float(values[1]) for values, qualities in line.rig.latched if qualities[1] == 0)
        return [e.text for e in line.rig.happened() if "5081" in e.text]

    assert situation(story, twin, "promass", LINE)
    assert seen == {1044.0}


def test_gas_in_the_liquid_makes_what_the_meter_shows_uncertain():
    twin = meter()

    async def story(line):
        await line.until(line.rig.good)
        twin.gas_percent = 5.0
        await line.until(lambda: "uncertain" in line.quality("DI") and "uncertain" in line.quality("FI"), 1.1)
        diagnosis = line.value("XI")
        twin.gas_percent = 0.5
        await line.until(line.rig.good, 1.1)
        return diagnosis

    assert situation(story, twin, "promass", LINE) == 862.0


def test_the_totalizer_counts_mass_and_rolls_over():
    twin = meter(a=3600.0)
    twin.advance(10.0)
    assert twin.total_kg == pytest.approx(10.0)
    twin.total_kg = 9_999_999.0
    twin.advance(2.0)
    assert twin.total_kg == pytest.approx(1.0)


SENSORS = (Input(1, "k1", "mS/cm", 0, 200, 0.1), Input(6, "k6", "mS/cm", 0, 900, 0.1))
CHANNELS = {"CI1": ("AI1", "mS/cm"), "CI6": ("AI6", "mS/cm"), "CI9": ("AI9", "mS/cm")}


def transmitter():
    return Liquiline(Numbers(k1=61.25, k6=640.0), SENSORS, tag="LQ-40")


def test_an_input_without_a_sensor_is_out_of_service_and_the_others_are_good():
    async def story(line):
        await line.until(lambda: line.rig.good(0, 1))
        return line.value("CI1"), line.value("CI6"), line.value("CI9"), line.quality("CI9")

    first, sixth, none, quality = situation(story, transmitter(), "liquiline", CHANNELS)
    assert (first, sixth) == (pytest.approx(61.2, abs=0.1), pytest.approx(640.0))
    assert math.isnan(none)
    assert quality == "bad, out-of-service"


@pytest.mark.parametrize(
    ("trouble", "value", "quality"),
    [("sensor-failed", 61.25, "bad, device"), ("nan", math.nan, "bad, range"), ("frozen", 61.25, "good")],
)
def test_what_ails_one_input_shows_at_that_input_only(trouble, value, quality):
    twin = transmitter()

    async def story(line):
        await line.until(lambda: line.rig.good(0, 1))
        twin.troubled["k1"] = trouble
        twin._plant.values["k1"] = 90.0
        await line.clock.sleep(3.0)
        return line.value("CI1"), line.quality("CI1"), line.quality("CI6")

    found, said, other = situation(story, twin, "liquiline", CHANNELS)
    assert found == pytest.approx(value, abs=0.1, nan_ok=True)
    assert (said, other) == (quality, "good")


def test_beyond_the_range_of_its_sensor_a_value_is_uncertain():
    twin = transmitter()
    twin._plant.values["k1"] = 230.0

    async def story(line):
        await line.until(lambda: line.rig.good(1))
        return line.quality("CI1")

    assert "uncertain" in situation(story, twin, "liquiline", CHANNELS)


def test_a_transmitter_whose_electronics_fail_is_bad_until_they_work_again():
    twin = transmitter()

    async def story(line):
        await line.until(lambda: line.rig.good(0, 1))
        twin.trouble = "exception"
        took = await line.until(lambda: line.quality("CI1").startswith("bad"))
        twin.trouble = ""
        await line.until(lambda: line.rig.good(0, 1), 60.0)
        return took

    assert situation(story, twin, "liquiline", CHANNELS) < 5.0


def test_the_device_tag_of_another_transmitter_is_the_wrong_device():
    other = {"address": 1151, "type": "ascii", "count": 16, "equals": "LQ-41"}

    async def story(line):
        await line.until(lambda: line.quality("CI1") == "bad, config")
        return [e.text for e in line.rig.happened()]

    told = situation(story, transmitter(), "liquiline", CHANNELS, identity=other)
    assert any("LQ-40" in text for text in told)


AIR = {"AI": ("GAS", "%LEL"), "STATE": ("STATE", ""), "AL": ("ALARM_1", "")}


def detector():
    return GasDetector(Numbers(h2=2.0), "h2", gas="H2", alarms=(10.0, 25.0), step=0.1)


def test_a_detector_that_hangs_is_bad_although_its_value_and_status_are_good():
    twin = detector()

    async def story(line):
        await line.until(line.rig.good)
        await line.clock.sleep(60.0)
        good = {int(q[0]) for _, q in line.rig.latched[30:]}
        twin.hangs = True
        twin._plant.values["h2"] = 40.0
        took = await line.until(lambda: line.quality("AI") == "bad, stale")
        value = line.value("AI")
        twin.hangs = False
        await line.until(lambda: line.quality("AI") == "good")
        return good, took, value, line.value("AI")

    good, took, stood, later = situation(story, twin, "midas", AIR)
    assert good == {0}, "a living detector is never bad"
    assert 4.0 < took <= 9.0
    assert (stood, later) == (pytest.approx(2.0), pytest.approx(40.0))


@pytest.mark.parametrize("state", [0, 2, 3, 4, 5, 7, 8, 9])
def test_only_a_monitoring_detector_gives_readings(state):
    twin = detector()

    async def story(line):
        await line.until(line.rig.good)
        twin.state = state
        await line.until(lambda: line.quality("AI").startswith("bad"), 3.0)
        return line.quality("AI"), line.value("STATE")

    expected = "bad, device" if state == 9 else "bad, out-of-service"
    assert situation(story, twin, "midas", AIR) == (expected, state)


@pytest.mark.parametrize(
    ("fault", "quality"), [(gas_detector.MAINTENANCE, "uncertain"), (gas_detector.INSTRUMENT, "bad, sensor")]
)
def test_a_detectors_own_faults_are_its_quality(fault, quality):
    twin = detector()

    async def story(line):
        await line.until(line.rig.good)
        twin.fault = fault
        await line.until(lambda: line.quality("AI") != "good", 3.0)
        return line.quality("AI")

    assert situation(story, twin, "midas", AIR).startswith(quality)


def test_after_a_power_cut_a_detector_warms_up_before_it_counts():
    twin = detector()
    twin._plant.values["h2"] = 12.0

    async def story(line):
        await line.until(lambda: line.value("AL") == 1.0)
        twin.reboot()
        await line.until(lambda: line.quality("AI") == "bad, out-of-service", 3.0)
        return await line.until(lambda: line.quality("AI") == "good", 60.0)

    assert situation(story, twin, "midas", AIR) == pytest.approx(30.0, abs=2.0)


METER = {"JI": ("VALUE", "kW"), "XS": ("STATUS", "")}


def power_meter():
    return ScalarInstrument(Numbers(kw=1.2, sp=0.0), "kw", step=0.01, setpoint="sp")


@pytest.mark.parametrize(
    ("attribute", "value", "quality"),
    [("hangs", True, "bad, stale"), ("trouble", "sensor-failed", "bad, device"), ("trouble", "nan", "bad, range")],
)
def test_a_scalar_instrument_in_trouble(attribute, value, quality):
    twin = power_meter()

    async def story(line):
        await line.until(line.rig.good)
        first = line.value("JI")
        setattr(twin, attribute, value)
        await line.until(lambda: line.quality("JI") == quality, 10.0)
        return first

    assert situation(story, twin, "scalar", METER) == pytest.approx(1.2)


def test_a_scalar_set_point_is_written_whole_and_nonsense_is_refused():
    async def story(line):
        await line.until(line.rig.good)
        return await line.write(0, 2.5)

    twin = power_meter()
    assert situation(story, twin, "scalar", METER, {"JC": ("SETPOINT", "kW")}) == 0
    assert twin._plant.values["sp"] == 2.5
