"""Faults of the wire by name: what a client sees while they are in, and that it all comes back."""

import asyncio
import socket

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException

from simulators import faults
from simulators.fault_board import FaultRefused
from simulators.wire_faults import ON_THE_WIRE
from tests.wire.sim_rig import situation


def test_a_dead_link_keeps_the_connection_and_says_nothing():
    async def story(rig):
        async with rig.modbus(timeout=0.5) as client:
            rig.board.inject("link-dead", "RECT-01")
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(110, count=1)
            connected = client.connected
            rig.board.clear("link-dead")
            return connected, (await client.read_holding_registers(114, count=1)).registers

    assert situation(story) == (True, [1])


def test_while_the_link_is_dead_new_connections_are_taken_and_not_answered():
    async def story(rig):
        rig.board.inject("link-dead", "RECT-01")
        async with rig.modbus(timeout=0.5) as client:
            with pytest.raises(ModbusIOException):
                await client.read_holding_registers(114, count=1)
            rig.board.clear("link-dead")
            return (await client.read_holding_registers(114, count=1)).registers

    assert situation(story) == [1]


def test_a_write_that_waited_in_a_dead_link_arrives_when_it_comes_back():
    async def story(rig):
        async with rig.modbus(timeout=0.5) as client:
            rig.board.inject("link-dead", "RECT-01")
            with pytest.raises(ModbusIOException):
                await client.write_register(101, 20000)
            before = rig.line.rectifier.settings[101]
            rig.board.clear("link-dead")
            await rig.clock.sleep(0.01)
            return before, rig.line.rectifier.settings[101]

    before, after = situation(story)
    assert before != 20000
    assert after == 20000


def test_a_dead_link_of_the_plc_stops_reads_and_ends():
    async def story(rig):
        async with rig.opcua() as plc:
            rig.board.inject("link-dead")
            with pytest.raises((TimeoutError, asyncio.TimeoutError)):
                await plc.read("40-FI-4013")
            rig.board.clear("link-dead", "PLC-4")
            return (await plc.read("40-FI-4013")).Value.Value

    assert situation(story) == pytest.approx(0.6)


def test_a_refused_link_resets_and_refuses_and_keeps_its_port():
    async def story(rig):
        url = rig.serving.addresses()["RECT-01"]
        async with rig.modbus() as client:
            rig.board.inject("link-refused", "RECT-01")
            with pytest.raises((ConnectionException, ModbusIOException)):
                await client.read_holding_registers(114, count=1)
        port = int(url.rsplit(":", 1)[1])
        refused = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=0.5, retries=0, reconnect_delay=0)
        assert not await refused.connect()
        refused.close()
        rig.board.clear("link-refused")
        await rig.clock.sleep(0.01)
        assert rig.serving.addresses()["RECT-01"] == url
        async with rig.modbus() as client:
            return (await client.read_holding_registers(114, count=1)).registers

    assert situation(story) == [1]


def test_a_reset_link_takes_new_connections_at_once():
    async def story(rig):
        async with rig.modbus() as client:
            rig.board.inject("link-reset", "RECT-01")
            with pytest.raises((ConnectionException, ModbusIOException)):
                await client.read_holding_registers(114, count=1)
        async with rig.modbus() as client:
            return (await client.read_holding_registers(114, count=1)).registers

    assert situation(story) == [1]


def test_late_answers_are_late_by_as_much_as_asked():
    async def story(rig):
        async with rig.modbus(timeout=2.0) as client:
            rig.board.inject("late-answers", "RECT-01", late_s=0.75)
            began = rig.now_s()
            await client.read_holding_registers(114, count=1)
            late = rig.now_s() - began
            rig.board.clear("late-answers")
            began = rig.now_s()
            await client.read_holding_registers(114, count=1)
            return late, rig.now_s() - began

    assert situation(story) == (pytest.approx(0.75), 0.0)


def test_a_restarted_server_has_forgotten_its_sessions_but_not_its_values():
    async def story(rig):
        async with rig.opcua() as plc:
            rig.board.inject("server-restart", "PLC-4", off_s=2.0)
            with pytest.raises((ConnectionError, TimeoutError, asyncio.TimeoutError)):
                await plc.read("40-FI-4013")
        rig.set(cell__flow_m3_h=0.4)
        await rig.clock.sleep(3.0)
        async with rig.opcua() as plc:
            return (await plc.read("40-FI-4013")).Value.Value

    assert situation(story) == pytest.approx(0.4)


def test_a_rebooted_rectifier_is_off_with_its_watchdog_disarmed():
    async def story(rig):
        async with rig.modbus() as client:
            await client.write_registers(1021, [1, 5])
            rig.board.inject("device-reboot", "RECT-01")
        async with rig.modbus() as client:
            out = (await client.read_holding_registers(102, count=1)).registers
            return out, (await client.read_holding_registers(1021, count=2)).registers

    assert situation(story) == ([0], [0, 10])


@pytest.mark.parametrize("name", ["ac-fail", "rectifier-local", "rectifier-fan"])
def test_the_rectifiers_own_faults_show_in_its_status(name):
    bits = {"ac-fail": 1 << 6, "rectifier-local": 1 << 9, "rectifier-fan": 1 << 10}

    async def story(rig):
        rig.board.inject(name)
        await rig.clock.sleep(0.2)
        with_fault = rig.line.rectifier.status() & bits[name]
        rig.board.clear(name)
        await rig.clock.sleep(0.2)
        return bool(with_fault), bool(rig.line.rectifier.status() & bits[name])

    assert situation(story, wires="memory") == (True, False)


def test_every_fault_of_the_wires_can_be_put_in_on_every_target_and_taken_out():
    async def story(rig):
        mine = [name for name, fault in faults.CATALOGUE.items() if fault.apply is not None]
        assert set(mine) >= ON_THE_WIRE
        offered = rig.board.catalogue()
        for name in (name for name in mine if name in offered):
            for target in offered[name]["targets"]:
                rig.board.inject(name, target)
                assert [(a.name, a.target) for a in rig.board.active()] == [(name, target)]
                await rig.clock.sleep(0.15)
                assert rig.board.clear("all") == 1
                await rig.clock.sleep(0.15)
        await rig.clock.sleep(3.0)
        async with rig.modbus() as client, rig.modbus("GW-4A") as gateway, rig.opcua() as plc:
            assert (await client.read_holding_registers(110, count=5)).registers
            assert not (await gateway.read_holding_registers(2090, count=10, device_id=11)).isError()
            assert (await plc.read("40-FI-4013")).StatusCode.is_good()
        return rig.line.plc.troubles

    assert situation(story) == {}


@pytest.mark.parametrize(
    ("name", "target", "given", "says"),
    [
        ("link-ded", "", {}, "did you mean `link-dead`?"),
        ("link-dead", "PLC4", {}, "did you mean `PLC-4`?"),
        ("late-answers", "PLC-4", {"later_s": 1}, "did you mean `late_s`?"),
        ("late-answers", "PLC-4", {"late_s": "soon"}, "is not a number"),
        ("nan", "40-TI-9999", {}, "it happens to:"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(name, target, given, says):
    async def story(rig):
        with pytest.raises(FaultRefused, match=r"fault|happen|parameter|number") as caught:
            rig.board.inject(name, target, **given)
        return str(caught.value)

    assert says in situation(story, wires="memory")


def test_a_fault_of_the_wire_is_refused_without_a_wire():
    async def story(rig):
        with pytest.raises(FaultRefused, match="without sockets"):
            rig.board.inject("link-dead")
        with pytest.raises(FaultRefused, match="no fault"):
            rig.board.clear("link-ded")
        return rig.board.clear("all")

    assert situation(story, wires="memory") == 0


def digest(seed, **signals):
    async def story(rig):
        rows = []
        async with rig.modbus() as client, rig.modbus("GW-4A") as gateway, rig.opcua() as plc:
            rig.board.inject("late-answers", "RECT-01", late_s=0.3)
            for _ in range(20):
                rig.set(cell__flow_m3_h=0.6 + 0.01 * rig.clock.random("story").random())
                rows.append((await client.read_holding_registers(110, count=5)).registers)
                rows.append((await gateway.read_holding_registers(2090, count=10, device_id=11)).registers)
                answer = await plc.read("40-FI-4013")
                rows.append((answer.Value.Value, answer.SourceTimestamp, rig.now_s()))
                await rig.clock.sleep(0.0613)
        return rows

    return situation(story, seed=seed, **signals)


def test_two_runs_in_virtual_time_are_equal_and_another_seed_is_not():
    first = digest(1)
    assert digest(1) == first
    assert digest(2) != first


def test_what_was_said_into_a_dead_link_arrives_when_it_comes_back():
    async def story(rig):
        async with rig.modbus("GW-4A", timeout=3.0) as client, asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(client.read_holding_registers(2090, count=10, device_id=11))
            await rig.clock.sleep(0.01)
            rig.board.inject("link-dead", "GW-4A")
            await rig.clock.sleep(1.0)
            assert not reading.done()
            rig.board.clear("link-dead")
            answer = await reading
            return answer.isError(), rig.now_s()

    error, at_s = situation(story)
    assert not error
    assert at_s == pytest.approx(1.01, abs=0.001)


def test_small_answers_are_not_held_back_by_the_kernel():
    async def story(rig):
        async with rig.modbus() as client:
            await client.read_holding_registers(114, count=1)
            (end,) = rig.serving.wires["RECT-01"]._ends
            return end.client.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert situation(story) != 0
