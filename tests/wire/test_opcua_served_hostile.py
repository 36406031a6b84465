"""Clients that mean harm to the OPC UA server: they cost little, are let go, and keep nobody out.

A sample: the full figure, with a whole plant and the lateness of its scan, is benchmarks/opcua_hostile.py.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from asyncua import ua

from plantctl.hmi.opcua import connection, limits
from plantctl.hmi.opcua.server import OpcuaServer
from tests.gateway_bench import demo_plan
from tests.opcua_bench import CLOCK, INDEX, served
from tests.opcua_hostile import HELLO, KINDS, Talker, attack, greedy_subscriber, message
from tests.raw_connection import ended, opened
from tests.wire.test_opcua_served_values import FLOW, Heard, until

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def the_server(monkeypatch):
    """The server that a situation is served by, once it is made."""
    made = []
    begin = OpcuaServer.__init__

    def noted(self, *arguments):
        begin(self, *arguments)
        made.append(self)

    monkeypatch.setattr(OpcuaServer, "__init__", noted)
    return made


def test_a_hundred_of_all_kinds_cost_less_than_64_mb_leave_nothing_and_keep_nobody_out(plan, tmp_path, monkeypatch):
    made = the_server(monkeypatch)

    async def situation(plant):
        heard = Heard()
        async with plant.scanning(), plant.connected() as client:
            subscription = await client.create_subscription(200, heard)
            await subscription.subscribe_data_change(plant.node(client, FLOW))
            server = made[0]._server
            before, most, told, afterwards = resident(), 0, [], []
            for _ in range(2):
                count = len(heard.values)
                words = [
                    sys.executable,
                    "-m",
                    "tests.opcua_hostile",
                    "127.0.0.1",
                    str(plant.settings.port),
                    "100",
                    "2.5",
                ]
                child = await asyncio.create_subprocess_exec(*words, cwd=ROOT)
                while child.returncode is None:
                    most = max(most, resident() - before)
                    assert len(server.sessions) <= 40
                    await CLOCK.sleep(0.05)
                told.append(len(heard.values) - count)
                began_ns = CLOCK.monotonic_ns()

                async def alone():
                    return made[0].clients == 1 and len(server.sessions) == 1

                await until(alone, 10)
                assert CLOCK.monotonic_ns() - began_ns < 10_000_000_000
                assert sum(len(s.monitored_item_srv) for s in server.subscription_service.subscriptions.values()) == 1
                assert list(server.aspace.watched) == [plan.rows[FLOW]]
                afterwards.append(resident() - before)
            assert most < 64 * MIB
            # What is free is used again: a second crowd finds room where the first one was.
            assert afterwards[1] - afterwards[0] < 12 * MIB
            assert min(told) > 5
            async with plant.connected() as another:
                await plant.node(another, FLOW).read_data_value(raise_on_bad_status=False)

    served(plan, tmp_path, situation)


def test_all_that_greedy_clients_monitored_goes_with_them(plan, tmp_path, monkeypatch):
    """A crowd on a busy machine hardly comes to monitor anything: these are waited for."""
    made = the_server(monkeypatch)

    async def situation(plant):
        async with plant.scanning(), plant.connected() as client:
            server = made[0]._server
            kept = server.subscription_service.subscriptions

            def items():
                return sum(len(each.monitored_item_srv) for each in kept.values())

            greedy = [attack("127.0.0.1", plant.settings.port, greedy_subscriber, 60.0) for _ in range(2)]
            work = [asyncio.create_task(each) for each in greedy]

            async def full():
                return items() == 2 * 50

            await until(full, 60)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

            async def alone():
                nothing = not kept and not any(server.aspace.watched.values())
                return made[0].clients == 1 and len(server.sessions) == 1 and nothing

            await until(alone, 30)
            await plant.node(client, FLOW).read_data_value(raise_on_bad_status=False)

    served(plan, tmp_path, situation, items=50)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_is_let_go_and_another_client_is_served(plan, tmp_path, kind, monkeypatch):
    for name in ("HELLO_S", "CHANNEL_S", "LOGIN_S", "STALLED_S"):
        monkeypatch.setattr(limits, name, 1.0)
    monkeypatch.setattr(limits, "SESSION_MS_MAX", 1_000.0)
    monkeypatch.setattr(limits, "SESSION_MS_MIN", 100.0)
    made = the_server(monkeypatch)

    async def situation(plant):
        work = [asyncio.create_task(attack("127.0.0.1", plant.settings.port, kind, 30.0)) for _ in range(3)]
        async with plant.scanning():
            await CLOCK.sleep(0.3)
            async with plant.connected() as client:
                await plant.node(client, FLOW).read_data_value(raise_on_bad_status=False)
            if kind.__name__ not in ("swollen", "many_sessions"):
                # These behave as far as the server can see; all others are let go by it.
                await asyncio.wait_for(asyncio.gather(*work), 25)
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

            async def nobody():
                return made[0].clients == 0

            await until(nobody)

    served(plan, tmp_path, situation)


def test_where_too_many_are_connected_the_oldest_stranger_gives_way(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client, AsyncExitStack() as stack:
            silent = [await stack.enter_async_context(opened(plant)) for _ in range(20)]
            async with plant.connected() as another:
                await plant.node(another, FLOW).read_data_value(raise_on_bad_status=False)
            await plant.node(client, FLOW).read_data_value(raise_on_bad_status=False)
            assert await ended(silent[0][0]) == b""

    served(plan, tmp_path, situation, connections=5, sessions=5)


def test_where_all_who_are_connected_have_logged_in_the_newcomer_is_turned_away(plan, tmp_path):
    async def situation(plant):
        async with plant.connected(), plant.connected() as client:
            async with opened(plant) as (reader, _):
                assert await ended(reader) == b""
            await plant.node(client, FLOW).read_data_value(raise_on_bad_status=False)

    served(plan, tmp_path, situation, connections=2, sessions=2)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (message(b"OPN", b"x" * 100), connection.WRONG_KIND),
        (message(b"ACK", HELLO), connection.WRONG_KIND),
        (message(b"HEL", HELLO, size=0xFFFF_FFFF), connection.TOO_LARGE),
        (message(b"HEL", b"", size=3), connection.TOO_LARGE),
        (message(b"HEL", HELLO) + message(b"HEL", HELLO), connection.WRONG_KIND),
        (message(b"HEL", HELLO) + message(b"MSG", b"x" * 100), connection.WRONG_KIND),
        (message(b"HEL", HELLO) + message(b"OPN", b"x" * 9_000), connection.TOO_LARGE),
        (b"GET / HTTP/1.1\r\n\r\n", connection.WRONG_KIND),
    ],
)
def test_what_is_no_message_is_told_so_and_ended_before_it_is_read(plan, tmp_path, said, code):
    async def situation(plant):
        async with opened(plant) as (reader, writer):
            writer.write(said)
            told = await ended(reader)
        assert told[-16:-8] == b"ERRF\x10\x00\x00\x00"
        assert int.from_bytes(told[-8:-4], "little") == code

    served(plan, tmp_path, situation)


def test_a_message_out_of_sequence_ends_the_connection(plan, tmp_path):
    async def situation(plant):
        async with opened(plant) as (reader, writer):
            talker = await Talker(reader, writer).open()
            writer.write(talker.frame(b"x" * 50, b"C", sequence=9))
            assert (await ended(reader))[:3] == b"ERR"

    served(plan, tmp_path, situation)


def test_more_than_may_be_asked_for_at_once_is_refused_whole(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            params = ua.ReadParameters()
            params.NodesToRead = [ua.ReadValueId(ua.NodeId(FLOW, INDEX), 13)] * (limits.OPERATIONS_MAX + 1)
            with pytest.raises(ua.UaStatusCodeError) as told:
                await client.uaclient.read(params)
            assert type(told.value).__name__ == "BadTooManyOperations"
            named = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead
            assert await client.get_node(ua.NodeId(named)).read_value() == limits.OPERATIONS_MAX

    served(plan, tmp_path, situation)


def test_more_items_than_a_session_may_have_are_refused_one_by_one(plan, tmp_path):
    async def situation(plant):
        async with plant.connected() as client:
            subscription = await client.create_subscription(100, Heard())
            names = [name for name in plan.rows if plan.points[plan.rows[name]].name == name][:30]
            told = await subscription.subscribe_data_change([plant.node(client, name) for name in names])
            fine = [each for each in told if isinstance(each, int)]
            assert len(fine) == 10
            assert {each.name for each in told if not isinstance(each, int)} == {"BadTooManyMonitoredItems"}
            await subscription.unsubscribe(fine[:5])
            told = await subscription.subscribe_data_change([plant.node(client, name) for name in names])
            assert len([each for each in told if isinstance(each, int)]) == 5

    served(plan, tmp_path, situation, items=10)
