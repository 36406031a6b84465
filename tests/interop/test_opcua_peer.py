"""The secured link against a server of another make: node-opcua, with Basic256Sha256, a trust list and an account.

The peer runs in a process of its own, in real time; it is installed by `make interop` from tests/interop's lock.
"""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from plantctl.app.certificates import Application, make_pair, plant_application, trust, write_secret
from plantctl.core.clock import RealClock
from plantctl.core.field import WriteError
from plantctl.drivers._certificates import certificate_from
from plantctl.drivers._opcua_offers import ask_offers
from tests.wire.field_rig import plan, running

HERE = Path(__file__).parent
URI, NAMESPACE, USER, PASSWORD = "urn:peer", "urn:peer:bench", "plantctl", "sesame-canary-73"
START_S = 60.0
SECURE = {"policy": "Basic256Sha256", "mode": "SignAndEncrypt", "user": USER, "password_file": "peer.password"}
ITEMS = [("FLOW", {"node": "s=FLOW"})], [("SP", {"node": "s=SP", "access": "rw"})]


class Peer:
    """The other make's server over `folder`; `ours` is our side's security folder."""

    def __init__(self, folder):
        self.theirs, self.ours = folder / "theirs", folder / "ours"
        now_ns = RealClock().utc_ns()
        server = make_pair(self.theirs, Application("peer", URI, ["127.0.0.1"]), now_ns)
        client = make_pair(self.ours, plant_application("bench", "localhost"), now_ns)
        trust(self.theirs, client, "plant")
        trust(self.ours, server, "peer")
        write_secret(self.ours / "peer.password", PASSWORD.encode())
        account = {"uri": URI, "namespace": NAMESPACE, "user": USER, "password": PASSWORD}
        account["variables"] = {"FLOW": 0.5, "SP": 1.0}
        (self.theirs / "account.json").write_text(json.dumps(account))

    def __enter__(self):
        words = ["node", str(HERE / "opcua_server.js"), str(self.theirs)]
        self.child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = f"opc.tcp://127.0.0.1:{self.answer()['port']}"
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        try:
            self.child.wait(20.0)
        finally:
            self.child.kill()
            self.child.stdout.close()

    def answer(self):
        """The next line that is JSON; the library prints others."""
        for line in self.child.stdout:
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
        raise AssertionError(f"the peer ended with {self.child.wait()}; is it installed? make interop")

    def say(self, line):
        self.child.stdin.write(f"{line}\n")
        self.child.stdin.flush()

    def ask(self, line):
        self.say(line)
        return self.answer()

    def driven(self, story, **security):
        """`story(rig)` with the driver at work on the peer."""
        config = {"namespace": NAMESPACE, "poll": "100 ms", "timeout": "4 s", "connect_timeout": "20 s"}
        device = plan("PEER", "opcua", self.url, {**config, "security": {**SECURE, **security}}, *ITEMS)

        async def main():
            async with running(RealClock(), device, self.ours) as rig:
                return await story(rig)

        return asyncio.run(main())


@pytest.fixture(scope="module")
def peer(tmp_path_factory):
    """One for all tests: it takes many seconds to start, most of them for keys of its own."""
    with Peer(tmp_path_factory.mktemp("peer")) as peer:
        yield peer


@pytest.mark.timeout(120)
def test_values_come_and_writes_go_over_a_secured_link_to_another_make(peer):
    async def story(rig):
        await rig.until(rig.good, START_S)
        peer.say("SET FLOW 0.25")
        await rig.until(lambda: rig.values() == [0.25], START_S)
        rig.want(0, 7.5)
        await rig.until(lambda: rig.written(0), START_S)
        return WriteError(int(rig.outputs.error[0])), [e.text for e in rig.happened()]

    assert peer.driven(story) == (WriteError.NONE, ["the device answers"])
    assert peer.ask("GET SP") == 7.5


def refusal(peer, **security):
    """What is told of a link that this peer does not let in."""

    async def story(rig):
        await rig.until(rig.happened, START_S)
        return rig.qualities(), rig.happened()[0].text

    qualities, text = peer.driven(story, **security)
    assert qualities == ["bad, config"]
    assert PASSWORD not in text
    return text


@pytest.mark.timeout(120)
def test_another_makes_refusals_are_understood(peer):
    write_secret(peer.ours / "wrong.password", b"open")
    assert f"the server refuses the user {USER}" in refusal(peer, password_file="wrong.password")
    text = refusal(peer, policy="Aes256Sha256RsaPss")
    assert "offers Basic256Sha256 SignAndEncrypt, and not Aes256Sha256RsaPss SignAndEncrypt" in text
    assert "not for plc-9" in refusal(peer, host="plc-9")
    make_pair(peer.ours / "stranger", plant_application("stranger", "localhost"), RealClock().utc_ns())
    text = refusal(peer, certificate="stranger/own.der", key="stranger/own.key")
    assert "the server does not trust our certificate (it refused the channel): add" in text


@pytest.mark.timeout(120)
def test_its_certificate_is_fetched_as_it_is(peer):
    offers = asyncio.run(ask_offers(peer.url, 10.0))
    shown = {certificate_from(offer.certificate, "peer").fingerprint for offer in offers}
    own = (peer.theirs / "own.der").read_bytes()
    assert shown == {certificate_from(own, "own").fingerprint}
