"""The simulated rectifier and gateway on the wire, read by pymodbus' client: frames, refusals, the line's own time."""

import struct

import pytest
from pymodbus.exceptions import ModbusIOException

from plantctl.core.clock import RealClock
from simulators.devices.rectifier import COUNTS
from tests.wire.sim_rig import situation


def number(words):
    return struct.unpack(">f", struct.pack(">HH", words[1], words[0]))[0]


def test_a_real_clock_serves_as_well():
    async def story(rig):
        async with rig.modbus() as client:
            first = (await client.read_holding_registers(110, count=5)).registers
            rig.set(cell__current_a=60.0)
            await rig.clock.sleep(0.25)
            return first, (await client.read_holding_registers(111, count=1)).registers

    first, later = situation(story, real_clock=RealClock())
    assert first == [round(0.3 * COUNTS), round(85 / 150 * COUNTS), 1, 0, 1]
    assert later == [round(60 / 150 * COUNTS)]


def test_the_rectifier_answers_reads_writes_and_refusals():
    async def story(rig):
        async with rig.modbus() as client:
            assert (await client.read_holding_registers(900, count=8)).registers[0] == 0x5043
            assert (await client.read_holding_registers(103, count=1)).exception_code == 2
            assert (await client.read_holding_registers(8500, count=1)).exception_code == 2
            assert (await client.read_input_registers(110, count=1)).exception_code == 1
            assert (await client.read_coils(100, count=1)).exception_code == 1
            assert (await client.write_coil(100, True)).exception_code == 1
            assert (
                await client.readwrite_registers(read_address=110, read_count=1, write_address=101, values=[5])
            ).exception_code == 1
            assert (await client.report_device_id()).exception_code == 1
            assert (await client.write_register(110, 1)).exception_code == 2
            written = await client.write_registers(100, [26810, 20000])
            assert not written.isError()
            assert (await client.read_holding_registers(100, count=3)).registers == [26810, 20000, 1]
            await rig.clock.sleep(0.1)
            return rig.plant.values["rectifier.current_set_a"]

    assert situation(story) == pytest.approx(20000 / COUNTS * 150)


def test_an_ignored_write_echoes_as_if_it_had_been_taken():
    async def story(rig):
        async with rig.modbus() as client:
            answer = await client.write_register(101, 60000)
            assert not answer.isError()
            assert answer.registers == [60000]
            assert (await client.read_holding_registers(101, count=1)).registers != [60000]
            errors = [(await client.read_holding_registers(935, count=1)).registers[0] for _ in range(2)]
            assert errors == [222, 0]

    situation(story)


def test_the_watchdog_lives_in_plant_time():
    async def story(rig):
        async with rig.modbus() as client:
            await client.write_registers(1021, [1, 2])
            await rig.until(lambda: rig.plant.values["rectifier.on"] == 0.0)
            return rig.now_s(), (await client.read_holding_registers(112, count=2)).registers

    at_s, (status, fault) = situation(story)
    assert at_s == pytest.approx(3.0, abs=0.21)
    assert (status & 0x100, fault) == (0x100, 0x100)


def test_every_unit_number_reaches_the_rectifier():
    async def story(rig):
        async with rig.modbus() as client:
            return [(await client.read_holding_registers(114, count=1, device_id=n)).registers for n in (0, 1, 247)]

    assert situation(story) == [[1], [1], [1]]


def test_the_gateway_serves_each_station_in_the_lines_own_time():
    async def story(rig):
        rig.set(probe_a__ph=7.5, probe_b__ph=7.6, outlet_probe__temperature_c=41.5)
        async with rig.modbus("GW-4A") as client:
            began = rig.now_s()
            a = (await client.read_holding_registers(2090, count=10, device_id=11)).registers
            took = rig.now_s() - began
            b = (await client.read_input_registers(2090, count=10, device_id=12)).registers
            t = (await client.read_holding_registers(2410, count=10, device_id=1)).registers
            part = await client.read_holding_registers(2092, count=2, device_id=11)
            return took, number(a[2:4]), number(b[2:4]), number(t[2:4]), part.exception_code

    took, a, b, t, refused = situation(story)
    assert took == pytest.approx(0.035, abs=0.0005)
    assert (a, b, t) == pytest.approx((7.5, 7.6, 41.5))
    assert refused == 2


def test_one_request_at_a_time_on_the_line_whoever_asks():
    async def story(rig):
        async with rig.modbus("GW-4A") as first, rig.modbus("GW-4A") as second:
            import asyncio

            async with asyncio.TaskGroup() as tasks:
                ended = []
                for client, unit in ((first, 11), (second, 12)):
                    task = tasks.create_task(client.read_holding_registers(2090, count=10, device_id=unit))
                    task.add_done_callback(lambda _: ended.append(rig.now_s()))
            return ended

    ended = situation(story)
    assert ended[1] - ended[0] == pytest.approx(0.035, abs=0.0005)


def test_nobody_answers_for_a_station_that_is_not_there():
    async def story(rig):
        async with rig.modbus("GW-4A", timeout=0.2) as client:
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(2090, count=10, device_id=5)
            return (await client.read_holding_registers(2090, count=10, device_id=11)).isError()

    assert situation(story) is False


def test_a_station_without_power_is_silent_until_it_is_back():
    async def story(rig):
        rig.board.inject("station-silent", "11")
        async with rig.modbus("GW-4A", timeout=0.2) as client:
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(2090, count=10, device_id=11)
            assert not (await client.read_holding_registers(2090, count=10, device_id=12)).isError()
            rig.board.clear("station-silent")
            return (await client.read_holding_registers(2090, count=10, device_id=11)).isError()

    assert situation(story) is False


def test_a_late_station_answers_the_next_question_with_a_wrong_value():
    """The trap that a driver has to survive: this client does not."""

    async def story(rig):
        rig.set(probe_a__temperature_c=40.0, probe_a__ph=8.0)
        rig.board.inject("station-late", "11", late_s=0.25)
        async with rig.modbus("GW-4A", timeout=0.2) as client:
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(2410, count=10, device_id=11)
            rig.board.clear("station-late")
            answer = await client.read_holding_registers(2090, count=10, device_id=11)
            return number(answer.registers[2:4])

    assert situation(story) == 40.0


def test_a_probe_in_millivolts_shows_its_unit():
    async def story(rig):
        rig.board.inject("probe-unit-mv", "12")
        async with rig.modbus("GW-4A") as client:
            words = (await client.read_holding_registers(2090, count=10, device_id=12)).registers
            return words[0] | words[1] << 16, number(words[2:4])

    unit, value = situation(story)
    assert unit == 0x200000
    assert value == pytest.approx(-62.1, abs=0.1)


def test_the_unit_can_be_written_over_the_wire():
    async def story(rig):
        async with rig.modbus("GW-4A") as client:
            answer = await client.write_registers(2090, [0, 0x20], device_id=11)
            return answer.isError(), rig.line.probes[11].unit

    assert situation(story) == (False, 0x200000)


def test_several_requests_in_one_segment_are_all_answered_in_order():
    async def story(rig):
        import asyncio

        port = int(rig.serving.addresses()["RECT-01"].rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        requests = [bytes([0, n, 0, 0, 0, 6, 1, 3, 0, 114, 0, 1]) for n in (1, 2, 3)]
        writer.write(requests[0] + requests[1] + requests[2][:5])
        first = await reader.readexactly(22)
        writer.write(requests[2][5:])
        rest = await reader.readexactly(11)
        writer.close()
        return (first + rest)[1::11]

    assert list(situation(story)) == [1, 2, 3]


def test_an_unknown_function_is_refused_and_the_next_request_served():
    async def story(rig):
        import asyncio

        port = int(rig.serving.addresses()["RECT-01"].rsplit(":", 1)[1])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(bytes([0, 1, 0, 0, 0, 2, 1, 0x63]))
        refused = await reader.readexactly(9)
        writer.write(bytes([0, 2, 0, 0, 0, 6, 1, 3, 0, 114, 0, 1]))
        served = await reader.readexactly(11)
        writer.close()
        return refused[-2:], served[-2:]

    assert situation(story) == (bytes([0xE3, 1]), bytes([0, 1]))
