"""Clients that mean harm, or are only broken: none of them keeps others away, and none reaches the plant."""

import asyncio
import json
import os
import socket
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from plantctl.hmi import client as client_module
from plantctl.hmi import guard, server, wire
from tests.gateway_bench import demo_plan
from tests.page_bench import CLOCK, FLOW, served
from tests.raw_connection import ended, opened


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


async def code_of(client):
    """The close code that the server gave."""
    try:
        while True:
            await asyncio.wait_for(client.websocket.recv(), 30)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
def test_a_websocket_from_another_page_is_refused_though_it_has_the_cookie(plan, tmp_path, origin):
    async def situation(page):
        await page.log_in()
        with pytest.raises(InvalidStatus) as told:
            async with page.connected(origin=origin):
                pass
        assert told.value.response.status_code == 403

    served(plan, tmp_path, situation)


def test_a_websocket_without_a_session_or_under_another_name_is_refused(plan, tmp_path):
    async def situation(page):
        with pytest.raises(InvalidStatus) as told:
            async with page.connected(cookie="plantctl-1=forged"):
                pass
        assert told.value.response.status_code == 401
        await page.log_in()
        page.host = page.host.replace("127.0.0.1", "127.0.0.2")
        with pytest.raises((InvalidStatus, OSError)):
            async with page.connected(origin=page.origin):
                pass

    served(plan, tmp_path, situation)


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "HEAD_S", 0.4)

    async def situation(page):
        async with opened(page) as (reader, writer):

            async def trickle():
                for byte in b"GET / HTTP/1.1\r\nhost: x" + b"a" * 500:
                    writer.write(bytes([byte]))
                    await CLOCK.sleep(0.02)

            work = asyncio.create_task(trickle())
            assert await ended(reader) == b""
            assert not work.done(), "it was waited for to its end"
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        assert (await page.ask("GET", "/api/v1/session"))[0] == 401

    served(plan, tmp_path, situation)


def test_a_body_that_does_not_come_or_never_ends_is_not_waited_for(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "BODY_S", 0.4)

    async def situation(page):
        head = f"POST /api/v1/session HTTP/1.1\r\nhost: {page.host}\r\norigin: {page.origin}\r\n"
        async with opened(page) as (reader, writer):
            writer.write(f"{head}content-type: application/json\r\ncontent-length: 50\r\n\r\n{{".encode())
            assert b" 408 " in await ended(reader)
        async with opened(page) as (reader, writer):
            writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
            for _ in range(20):
                writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            assert b" 413 " in await ended(reader)

    served(plan, tmp_path, situation)


def test_a_crowd_of_silent_connections_keeps_nobody_away(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(wire, "CONNECTIONS_MAX", 20)

    async def situation(page):
        await page.log_in()
        async with page.connected([FLOW]) as client, AsyncExitStack() as silent, page.scanning():
            for _ in range(60):
                await silent.enter_async_context(opened(page))
            for _ in range(5):
                await client.next("delta")
            assert (await page.ask("GET", "/api/v1/session"))[0] == 200

    served(plan, tmp_path, situation)


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 2000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 5000 + b"\r\n",
        b"GET /api/v1/live HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_garbage_is_answered_or_ended_and_the_server_goes_on(plan, tmp_path, said):
    async def situation(page):
        async with opened(page) as (reader, writer):
            writer.write(said)
            answer = await ended(reader)
        assert answer == b"" or answer.split(b" ")[1][:1] == b"4"
        assert (await page.ask("GET", "/api/v1/session"))[0] == 401

    served(plan, tmp_path, situation)


def test_messages_that_are_none_are_said_to_be_none(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([]) as client:
            for text, number in [
                ("", None),
                ("nonsense", None),
                ("[" * 30_000, None),
                ('{"type":"sub","id":5}', 5),
                ('{"type":"command","id":6,"command":"set","target":"x","rights":"all"}', 6),
                ('{"type":"destroy","id":7}', 7),
                ('{"type":"command","id":8,"command":"set","target":"x","value":1e999}', 8),
                (json.dumps({"type": "sub", "id": 9, "tags": ["*"] * 65}), 9),
            ]:
                await client.websocket.send(text)
                told = await client.next("error", "stage")
                if told["type"] == "error":
                    assert (told["id"], told["code"] in ("bad-message", "too-many")) == (number, True)
                else:
                    assert (told["id"], told["stage"]) == (number, "refused")

    served(plan, tmp_path, situation)


def test_a_client_that_sends_too_much_or_too_often_has_to_go(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        async with page.connected([]) as client:
            await client.websocket.send("x" * (wire.MESSAGE_BYTES_MAX + 1))
            assert await code_of(client) == 1009
        async with page.connected([]) as client:
            await client.websocket.send(b"binary")
            assert await code_of(client) == 1003
        async with page.connected([]) as client:
            for _ in range(200):
                await client.websocket.send('{"type":"sub","id":1,"tags":[]}')
            assert await code_of(client) == 4029

    served(plan, tmp_path, situation)


def test_broken_frames_end_their_own_connection_only(plan, tmp_path):
    async def situation(page):
        await page.log_in()
        frames = [
            b"\xff\xff" + os.urandom(50),
            b"\x81\x05hello",  # a client's frame must be masked
            b"\x81\x84\0\0\0\0\xff\xff\xff\xff",  # text that is no UTF-8
            # 2^63 bytes are announced; it is over with the first that is too many.
            b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"\0\0\0\0" + b"a" * (wire.MESSAGE_BYTES_MAX + 1),
            b"\x89\xfe\x01\x00\0\0\0\0" + bytes(256),  # a ping that is too long
        ]
        async with page.connected([FLOW]) as other, page.scanning():
            for frame in frames:
                async with page.connected([]) as client:
                    client.websocket.transport.write(frame)
                    begin_ns = CLOCK.monotonic_ns()
                    assert await code_of(client) in (1002, 1006, 1007, 1009)
                    # By the server: the client itself waits 20 s before it doubts.
                    assert CLOCK.monotonic_ns() - begin_ns < 15_000_000_000
            assert (await other.next("delta"))["seq"] > 0

    served(plan, tmp_path, situation)


def test_a_client_that_does_not_read_has_to_go_and_costs_the_others_nothing(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(client_module, "SEND_S", 0.5)
    monkeypatch.setattr(server, "SEND_BUFFER_BYTES", 8192)
    names = [p.name for p in plan.points if p.row and p.name in plan.rows]

    async def situation(page):
        await page.log_in()
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(slow, ("127.0.0.1", page.settings.port))
        head = (
            f"GET /api/v1/live HTTP/1.1\r\nhost: {page.host}\r\norigin: {page.origin}\r\ncookie: {page.cookie}\r\n"
            "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
            "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        sub = b'{"type":"sub","id":1,"tags":["*"]}'
        await asyncio.get_running_loop().sock_sendall(slow, head.encode())
        assert b" 101 " in await asyncio.get_running_loop().sock_recv(slow, 100)
        await asyncio.get_running_loop().sock_sendall(slow, b"\x81" + bytes([0x80 | len(sub)]) + bytes(4) + sub)
        values = lambda k: {name: (k + n / 7, 0) for n, name in enumerate(names)}  # noqa: E731
        async with page.connected([FLOW]) as client, page.scanning(period_s=0.05, values=values):
            begin = (await client.next("delta"))["seq"]
            late = []
            for k in range(60):
                delta = await client.next("delta")
                assert delta["seq"] == begin + 1 + k
                late.append(page.scan.now_ns + page.scan.offset_ns - int(delta["t"]))
            assert sorted(late)[len(late) // 2] < 200_000_000
        # What was on its way is still there to be read; then it is over, without a word.
        gone = b""
        async with asyncio.timeout(20):
            while True:
                try:
                    gone = await asyncio.get_running_loop().sock_recv(slow, 1 << 16)
                except ConnectionError:
                    break
                if not gone:
                    break
        slow.close()

    served(plan, tmp_path, situation)
