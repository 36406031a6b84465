"""The Modbus driver with the profile of the drives: start, stop, trip, reset, local control, dead line."""

import pytest

from simulators.devices import drive
from simulators.devices.drive import Drive
from tests.wire.instrument_rig import Numbers, situation

PUMP_IN = {"SI": ("SPEED", "%"), "XS": ("STATUS", ""), "XI": ("RUNNING", ""), "HY": ("START", "")}
PUMP_OUT = {"HS": ("START", ""), "SC": ("SPEED_SET", "%"), "CW": ("CONTROL", ""), "RS": ("RESET", "")}
STOPPED = {"p__run": 0.0, "p__speed_command": 0.5, "p__running": 0.0, "p__speed": 0.0}


def pump(**values):
    """A drive whose motor does as it is told, at once, unless `stuck` is set."""
    plant = Numbers(**{**STOPPED, "p__stuck": 0.0, **values})
    twin = Drive(plant, "p")

    def step(now_ns):
        twin.drive(now_ns)
        turns = plant.values["p.run"] > 0.5 and not plant.values["p.stuck"]
        plant.values["p.running"] = float(turns)
        plant.values["p.speed"] = plant.values["p.speed_command"] if turns else 0.0

    return twin, step


def drive_situation(story, **values):
    twin, step = pump(**values)
    return situation(lambda line: story(line, twin), twin, "fc-drive", PUMP_IN, PUMP_OUT, step)


def test_a_drive_starts_runs_at_its_reference_and_stops():
    async def story(line, twin):
        await line.until(line.rig.good)
        assert await line.write(1, 80.0) == 0
        assert await line.write(0, 1.0) == 0
        await line.until(lambda: line.value("XI") == 1.0 and line.value("SI") == pytest.approx(80.0, abs=0.01))
        await line.until(lambda: line.value("HY") == 1.0, 1.0)
        at_speed, control = int(line.value("XS")) & drive.AT_SPEED, line.value("HY")
        await line.write(0, 0.0)
        await line.until(lambda: line.value("XI") == 0.0)
        return bool(at_speed), control, twin._plant.values["p.run"]

    assert drive_situation(story) == (True, 1.0, 0.0)


def test_a_control_word_without_valid_data_and_a_drive_in_local_take_nothing():
    async def story(line, twin):
        await line.until(line.rig.good)
        assert await line.write(2, 0x007C) == 0, "the telegram is confirmed"
        await line.clock.sleep(1.0)
        without = line.value("XI")
        twin.local = True
        await line.write(2, drive.START)
        await line.clock.sleep(1.0)
        return without, line.value("XI"), bool(int(line.value("XS")) & drive.REMOTE)

    assert drive_situation(story) == (0.0, 0.0, False)


def test_after_a_trip_the_start_must_come_anew():
    async def story(line, twin):
        await line.until(line.rig.good)
        twin._plant.values["p.stuck"] = 1.0
        await line.write(2, drive.START)
        await line.until(lambda: int(line.value("XS")) & drive.TRIPPED)
        twin._plant.values["p.stuck"] = 0.0
        await line.write(2, drive.START | drive.RESET_BIT)
        await line.clock.sleep(1.0)
        stood = line.value("XI"), int(line.value("XS")) & drive.TRIPPED
        await line.write(2, drive.STOP)
        await line.write(2, drive.START)
        await line.until(lambda: line.value("XI") == 1.0)
        return stood

    assert drive_situation(story) == (0.0, 0)


def tripped(line):
    return bool(int(line.value("XS")) & drive.TRIPPED)


def test_the_reset_bit_resets_a_trip_once_its_cause_has_gone_and_starts_nothing():
    async def story(line, twin):
        await line.until(line.rig.good)
        await line.write(0, 1.0)
        await line.until(lambda: line.value("XI") == 1.0)
        twin.overload = True
        await line.until(lambda: tripped(line))
        seen = []
        await line.write(0, 0.0)
        for overload in (True, False):
            twin.overload = overload
            assert await line.write(3, 1.0) == 0
            await line.clock.sleep(1.0)
            seen.append((tripped(line), line.value("XI")))
            assert await line.write(3, 0.0) == 0
        await line.write(0, 1.0)
        await line.until(lambda: line.value("XI") == 1.0)
        return seen

    assert drive_situation(story) == [(True, 0.0), (False, 0.0)]


def test_a_reset_bit_that_stands_resets_nothing_a_second_time():
    async def story(line, twin):
        await line.until(line.rig.good)
        await line.write(3, 1.0)
        twin.overload = True
        await line.until(lambda: tripped(line))
        twin.overload = False
        await line.write(3, 1.0)
        await line.clock.sleep(1.0)
        return tripped(line)

    assert drive_situation(story) is True


def test_the_reset_bit_comes_and_goes_beside_a_running_pump():
    async def story(line, twin):
        await line.until(line.rig.good)
        await line.write(0, 1.0)
        await line.until(lambda: line.value("XI") == 1.0)
        words = []
        for bit in (1.0, 0.0):
            await line.write(3, bit)
            words.append(twin._control)
            await line.clock.sleep(1.0)
        return words, line.value("XI")

    assert drive_situation(story) == ([drive.START | drive.RESET_BIT, drive.START], 1.0)


def test_a_dead_line_leaves_the_pump_running_and_the_wires_of_the_plc_stop_it():
    async def story(line, twin):
        await line.until(line.rig.good)
        line.wire.set_dead(True)
        await line.until(lambda: line.quality("SI") == "bad, comm")
        await line.clock.sleep(30.0)
        alone = twin._plant.values["p.run"]
        twin.stop_line = True
        await line.clock.sleep(0.3)
        return alone, twin._plant.values["p.run"]

    assert drive_situation(story, p__run=1.0, p__running=1.0, p__speed=0.5) == (1.0, 0.0)


def test_the_full_speed_wire_runs_a_drive_whatever_the_bus_asks():
    twin, step = pump()
    twin.full_line = True
    for now in range(5):
        step(now * 100_000_000)
    assert twin._plant.values["p.speed"] == 1.0
    assert twin.status() & drive.AT_SPEED
