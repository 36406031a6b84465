"""The InfluxDB sink and https: who is believed to be the server, and who never gets the token."""

import asyncio
import ssl

import pytest

from plantctl.sinks._sink import SinkNotAdmitted, SinkUnreachable
from tests.authority import authority
from tests.wire.influx_peer import InfluxPeer
from tests.wire.influx_rig import HURRIED, batch, open_sink, refused, sink_at, token_folder, told


@pytest.fixture
def secrets(tmp_path):
    return token_folder(tmp_path)


def tls_of(folder, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


def secured(peer, **config):
    return {"url": f"https://127.0.0.1:{peer.port}", "insecure": None, "ca_file": "works.pem", **config}


def test_a_server_whose_certificate_is_from_our_authority_is_believed(secrets):
    authority(secrets, "server", issuer=authority(secrets, "works"))

    async def story(peer):
        async with open_sink(peer, secrets, **secured(peer)) as sink:
            await sink.write(batch())
            await sink.write(batch())
        assert (len(peer.rows), peer.connections, peer.faults) == (4, 1, [])

    told(story, tls=tls_of(secrets, "server"))


@pytest.mark.parametrize("wrong", ["authority", "host", "system"])
def test_a_server_that_is_not_the_one_never_gets_the_token(secrets, wrong):
    ours, other = authority(secrets, "works"), authority(secrets, "other")
    host = "127.0.0.2" if wrong == "host" else "127.0.0.1"
    authority(secrets, "server", (host,), issuer=other if wrong == "authority" else ours)

    async def story(peer):
        config = {"ca_file": None} if wrong == "system" else {}
        async with open_sink(peer, secrets, **secured(peer, **config)) as sink:
            fault = await refused(sink, SinkNotAdmitted)
            assert "certificate" in fault.what
        assert peer.requests == []

    told(story, tls=tls_of(secrets, "server"))


def test_a_server_without_tls_never_gets_the_token(secrets):
    authority(secrets, "works")

    async def story(peer):
        # This peer waits for the end of a request that never ends.
        async with open_sink(peer, secrets, **secured(peer, patience=HURRIED)) as sink:
            await refused(sink, SinkUnreachable)
        assert peer.requests == []

    told(story)


def test_an_authority_that_is_not_there_is_named(secrets):
    (secrets / "works.pem").write_text("no certificate")
    for name in ("works.pem", "none.pem"):
        sink = sink_at(InfluxPeer(), secrets, url="https://127.0.0.1:1", insecure=None, ca_file=name)
        with pytest.raises(SinkNotAdmitted, match=f"{secrets}/{name}"):
            asyncio.run(sink.open())
