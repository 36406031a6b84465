"""The InfluxDB sink on the wire, with a peer that is stricter than any database and plays every trick of one."""

import asyncio
import base64
import json
import logging

import pytest

from plantctl.sinks._sink import SinkNotAdmitted, SinkRejected, SinkUnreachable
from plantctl.sinks.influx import ANSWER_BYTES_MAX
from tests.wire.influx_peer import Act, InfluxPeer
from tests.wire.influx_rig import HURRIED, TOKEN, UTC, batch, open_sink, refused, sink_at, token_folder, told


@pytest.fixture
def secrets(tmp_path):
    return token_folder(tmp_path)


@pytest.mark.parametrize("gzip", [True, False])
@pytest.mark.parametrize("api", ["v2", "v1"])
def test_all_of_a_batch_is_there_and_twice_is_once(secrets, api, gzip):
    async def story(peer):
        async with open_sink(peer, secrets, gzip=gzip) as sink:
            await sink.write(batch())
            once = {series: dict(fields) for series, fields in peer.rows.items()}
            await sink.write(batch())
            await sink.write(batch(0, 0, 0))  # nothing to say is not said
        assert (peer.faults, peer.rows, len(peer.requests), peer.connections) == ([], once, 2, 1)
        assert [request.headers.get("content-encoding") for request in peer.requests] == ["gzip" if gzip else None] * 2
        own = ("plant", "demo"), ("point", "40-AIC-4212"), ("unit", "pH")
        assert once["plant", own, UTC] == {"quality": 0, "value": 7.0}
        assert len(once) == 4

    told(story, InfluxPeer(api))


def test_a_database_under_a_path_with_a_policy(secrets):
    peer = InfluxPeer("v1", {"db": "plant", "rp": "one year", "precision": "n"}, base="/insert/0/influx")

    async def story(peer):
        config = {"retention_policy": "one year", "url": f"http://127.0.0.1:{peer.port}{peer.base}/"}
        async with open_sink(peer, secrets, **config) as sink:
            await sink.write(batch())
        assert (peer.faults, len(peer.rows)) == ([], 4)

    told(story, peer)


def test_a_large_batch_goes_in_one_piece(secrets):
    async def story(peer):
        async with open_sink(peer, secrets, gzip=False) as sink:
            await sink.write(batch(rows=12_000))
        assert len(peer.rows) == 12_001
        assert len(peer.requests[0].body) > 2**20

    told(story)


def test_a_wrong_token_is_told_and_the_right_one_read_when_opened_again(secrets):
    async def story(peer):
        peer.secret = "another"
        async with open_sink(peer, secrets) as sink:
            fault = await refused(sink, SinkNotAdmitted)
            assert fault.what == "401: authorization Token ..."
            (secrets / "influx.token").write_text("another\n")
            await sink.close()
            await sink.open()
            await sink.write(batch())
        assert len(peer.rows) == 4

    told(story)


def test_a_token_file_that_others_can_read_is_not_used(secrets):
    async def story(peer):
        (secrets / "influx.token").chmod(0o644)
        sink = sink_at(peer, secrets)
        with pytest.raises(SinkNotAdmitted, match="chmod 600"):
            await sink.open()
        await sink.close()
        assert peer.connections == 0

    told(story)


def test_a_token_that_the_server_says_back_is_in_no_message_and_in_no_log(secrets, caplog):
    caplog.set_level(logging.DEBUG)

    async def story(peer):
        peer.play = [
            Act(500, f"who is {TOKEN}?".encode()),
            Act(307, headers={"Location": f"https://thief/{TOKEN}"}),
            Act(400, json.dumps({"error": f"unable to parse 'Token {TOKEN}'"}).encode()),
        ]
        async with open_sink(peer, secrets) as sink:
            for kind in (SinkUnreachable, SinkNotAdmitted, SinkRejected):
                fault = await refused(sink, kind)
                assert "..." in fault.what
        assert TOKEN not in repr(sink.settings)

    told(story)
    assert TOKEN not in caplog.text


def test_a_password_that_the_server_says_back_is_in_no_message(secrets):
    async def story(peer):
        pair = base64.b64encode(f"feed:{TOKEN}".encode()).decode()
        peer.play = [Act(500, f"{TOKEN}?".encode()), Act(500, f"Basic {pair}?".encode())]
        async with open_sink(peer, secrets) as sink:
            assert (await refused(sink, SinkUnreachable)).what == "500: ...?"
            assert (await refused(sink, SinkUnreachable)).what == "500: Basic ...?"

    told(story, InfluxPeer("v1"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_does_not_travel_to_another_host(secrets, status):
    async def story(peer):
        thief = InfluxPeer()
        async with thief.serving():
            peer.play = [Act(status, headers={"Location": f"http://127.0.0.1:{thief.port}/api/v2/write"})]
            async with open_sink(peer, secrets) as sink:
                fault = await refused(sink, SinkNotAdmitted)
                assert f"127.0.0.1:{thief.port}" in fault.what
            assert thief.connections == 0

    told(story)


def test_the_environments_proxy_and_its_netrc_are_not_used(secrets, monkeypatch):
    async def story(peer):
        proxy = InfluxPeer()
        async with proxy.serving():
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.delenv("no_proxy", raising=False)
            (secrets / "netrc").write_text("machine 127.0.0.1 login a password b\n")
            monkeypatch.setenv("NETRC", str(secrets / "netrc"))
            async with open_sink(peer, secrets, token_file=None) as sink:
                fault = await refused(sink, SinkNotAdmitted)
                assert fault.what == "401: authorization None"
            assert proxy.connections == 0

    told(story)


def test_busy_databases_say_when(secrets):
    async def story(peer):
        peer.play = [
            Act(503, b"busy", {"Retry-After": "12"}),
            Act(429, b'{"code":"too many requests","message":"slow down"}', {"Retry-After": "3"}),
            Act(503, b""),
        ]
        async with open_sink(peer, secrets) as sink:
            assert (await refused(sink, SinkUnreachable)).after_s == 12.0
            assert (await refused(sink, SinkUnreachable)).what == "429: slow down"
            assert (await refused(sink, SinkUnreachable)).after_s is None
            await sink.write(batch())
        assert (len(peer.rows), peer.connections) == (4, 1)

    told(story)


def test_the_lines_that_were_not_taken_are_named(secrets):
    async def story(peer):
        peer.play = [Act(500, b"not now", keep=True)]
        async with open_sink(peer, secrets, gzip=False) as sink:
            await refused(sink, SinkUnreachable)
            line = peer.requests[0].body.decode().split("\n")[2]
            words = f"partial write: unable to parse '{line}': point is in the future dropped=0"
            peer.play = [Act(400, json.dumps({"error": words}).encode(), keep=True)]
            assert (await refused(sink, SinkRejected)).records == (2,)
            peer.play = [Act(400, b'{"code":"invalid","message":"unable to parse something","line":1}')]
            assert (await refused(sink, SinkRejected)).records == ()

    told(story)


def test_a_body_that_is_too_large_is_refused_also_where_the_server_does_not_read_it(secrets):
    async def story(peer):
        peer.play = [Act(413, b"Request Entity Too Large"), Act(413, b"<html>413</html>", early=True)]
        async with open_sink(peer, secrets, gzip=False) as sink:
            await refused(sink, SinkRejected)
            await refused(sink, SinkRejected, lambda: batch(rows=60_000))
            await sink.write(batch())

    told(story)


@pytest.mark.parametrize("cut", ["request", "before", "within"])
def test_a_connection_that_ends_leaves_it_open_whether_the_batch_arrived(secrets, cut):
    async def story(peer):
        peer.play = [Act(500, b"x" * 40, cut=cut, keep=True)]
        async with open_sink(peer, secrets) as sink:
            await refused(sink, SinkUnreachable)
            await sink.write(batch())
        assert (len(peer.rows), peer.connections, peer.faults) == (4, 2, [])

    told(story)


def test_no_answer_ends_with_the_patience(secrets):
    async def story(peer):
        peer.play = [Act(hang=True)]
        async with open_sink(peer, secrets, patience=HURRIED) as sink:
            assert (await refused(sink, SinkUnreachable)).what == "no answer within 0.2 s"

    told(story)


def test_whoever_cancels_is_obeyed_at_once_and_the_connection_is_not_used_again(secrets):
    async def story(peer):
        peer.play = [Act(hang=True)]
        async with open_sink(peer, secrets) as sink:
            writing = asyncio.create_task(sink.write(batch()))
            await peer.held.wait()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            await sink.write(batch())
        assert (len(peer.rows), peer.connections) == (4, 2)

    told(story)


def test_answers_in_small_pieces_are_put_together(secrets):
    async def story(peer):
        body = json.dumps({"error": "partial write of line protocol occurred", "data": [{"line_number": 2}]}).encode()
        peer.play = [Act(400, body, pieces=len(body)), Act(204, pieces=9, keep=True)]
        async with open_sink(peer, secrets) as sink:
            assert (await refused(sink, SinkRejected)).records == (1,)
            await sink.write(batch())
        assert (len(peer.rows), peer.connections) == (4, 1)

    told(story)


def test_an_answer_without_an_end_is_read_to_a_limit(secrets):
    async def story(peer):
        told_of = {"Content-Length": str(10**12)}
        peer.play = [Act(500, b"x" * (4 * ANSWER_BYTES_MAX), told_of, pieces=50)]
        async with open_sink(peer, secrets) as sink:
            fault = await refused(sink, SinkUnreachable)
            assert fault.what.startswith("500: xxx")
            assert len(fault.what) < 400
            await sink.write(batch())
        assert peer.connections == 2

    told(story)


@pytest.mark.parametrize("status", [200, 201])
def test_somebody_in_between_who_says_yes_is_not_believed(secrets, status):
    async def story(peer):
        peer.play = [Act(status, b'{"results":[{"error":"no such thing"}]}')]
        async with open_sink(peer, secrets) as sink:
            assert "is not the answer of a database" in (await refused(sink, SinkUnreachable)).what

    told(story)


@pytest.mark.parametrize(
    "junk", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 2x4 No\r\n\r\n", b"HTTP/1.1 204 OK\r\nA:" + b"a" * 99_999]
)
def test_a_peer_that_speaks_something_else_is_unreachable(secrets, junk):
    async def main():
        async def speak(reader, writer):
            await reader.read(100)
            writer.write(junk)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        peer = InfluxPeer()
        peer.port = server.sockets[0].getsockname()[1]
        async with server, open_sink(peer, secrets) as sink:
            await refused(sink, SinkUnreachable)

    asyncio.run(main())


def test_nobody_there_is_unreachable(secrets):
    async def main():
        peer = InfluxPeer()
        async with peer.serving():
            pass
        async with open_sink(peer, secrets) as sink:
            assert "ClientConnector" in (await refused(sink, SinkUnreachable)).what

    asyncio.run(main())


def test_a_sink_that_is_closed_says_so(secrets):
    async def story(peer):
        async with open_sink(peer, secrets) as sink:
            await sink.close()
            await sink.close()
            await refused(sink, SinkUnreachable)
            await sink.open()
            await sink.write(batch())

    told(story)


def test_a_connection_in_place_of_another_is_another_link_whoever_ended_that(secrets):
    async def story(peer):
        async with open_sink(peer, secrets) as sink:
            await sink.write(batch())
            peer.play.append(Act(headers={"Connection": "close"}, keep=True))
            await sink.write(batch(1))
            await sink.write(batch(2))
            assert (sink.link, peer.connections) == (2, 2)
            await peer.hang_up()
            await sink.write(batch(3))
            assert (sink.link, peer.connections) == (3, 3)

    told(story)
