"""Whom the simulated area PLC lets in when it is protected, tried with asyncua's client."""

import pytest
from asyncua import Client, ua
from asyncua.crypto import security_policies
from asyncua.ua.uaerrors import (
    BadCertificateTimeInvalid,
    BadCertificateUntrusted,
    BadCertificateUriInvalid,
    BadIdentityTokenRejected,
    BadUserAccessDenied,
)

from plantctl.app.certificates import trust
from plantctl.drivers._certificates import read_pair
from simulators.devices import plc_signals as sig
from simulators.devices.plc_signals import NAMESPACE_URI
from tests.wire.secured_rig import PASSWORD, USER, Ends, pair, remove_pairs
from tests.wire.sim_rig import Peer, situation

URI = "urn:host:plantctl:bench"


@pytest.fixture(scope="module", autouse=True)
def _pairs():
    yield
    remove_pairs()


@pytest.fixture
def ends(tmp_path):
    return Ends(tmp_path)


class Session:
    """One client's way in, each step by itself."""

    def __init__(self, rig, ends, folder=None, uri=URI, mode="SignAndEncrypt", device="PLC-4"):
        self.client = Client(rig.serving.addresses()[device], timeout=2.0)
        self.client.application_uri = uri
        if folder is not None:
            papers = read_pair(folder / "own.der", folder / "own.key")
            policy = security_policies.SecurityPolicyBasic256Sha256(
                ends.server.parsed, papers.certificate.parsed, papers.key, ua.MessageSecurityMode[mode]
            )
            self.client.security_policy = policy
            self.client.uaclient.set_security(policy)

    async def channel(self):
        await self.client.connect_socket()
        await self.client.send_hello()
        await self.client.open_secure_channel()

    async def enter(self, user=USER, password=PASSWORD):
        await self.channel()
        await self.client.create_session()
        await self.client.activate_session(user, password)
        return Peer(self.client, await self.client.get_namespace_index(NAMESPACE_URI))

    def leave(self):
        self.client.disconnect_socket()


def attempt(ends, steps, **settings):
    """What became of `steps(session)`: its result, or the error."""

    async def story(rig):
        session = Session(rig, ends, **settings)
        try:
            return await steps(session)
        except Exception as fault:
            return type(fault)
        finally:
            session.leave()

    return situation(story, plc_security=ends.theirs)


def test_it_offers_one_way_in_only(ends):
    async def steps(session):
        await session.channel()
        return [
            (
                e.SecurityPolicyUri.rpartition("#")[2],
                e.SecurityMode.name,
                [t.TokenType.name for t in e.UserIdentityTokens],
            )
            for e in await session.client.get_endpoints()
        ]

    assert attempt(ends, steps) == [("Basic256Sha256", "SignAndEncrypt", ["UserName"])]


def test_a_trusted_client_with_an_account_reads_and_writes(ends):
    async def steps(session):
        peer = await session.enter()
        await peer.write(sig.FEED, "SP", 2.5)
        return (await peer.read("40-FI-4013")).Value.Value > 0.0, (await peer.read(sig.FEED, "SP")).Value.Value

    assert attempt(ends, steps, folder=ends.ours) == (True, 2.5)


def test_the_safety_plc_is_as_well_protected_and_lets_nobody_write(ends):
    async def steps(session):
        peer = await session.enter()
        with pytest.raises(BadUserAccessDenied):
            await peer.write("40-XZ-1501", "PV", True, ua.VariantType.Boolean)
        return (await peer.read("40-XZ-1501")).Value.Value

    assert attempt(ends, steps, folder=ends.ours, device="SIS-4") is False
    assert attempt(ends, steps, device="SIS-4") is not False


def test_an_account_for_reading_reads_and_does_not_write(ends):
    (ends.theirs / "writers").rename(ends.theirs / "readers")

    async def steps(session):
        peer = await session.enter()
        before = (await peer.read(sig.FEED, "SP")).Value.Value
        with pytest.raises(BadUserAccessDenied):
            await peer.write(sig.FEED, "SP", before + 1.0)
        return (await peer.read(sig.FEED, "SP")).Value.Value - before

    assert attempt(ends, steps, folder=ends.ours) == 0.0


@pytest.mark.parametrize(
    ("user", "password"), [(USER, "sesame"), (USER, ""), ("", PASSWORD), ("nobody", PASSWORD), ("../writers", PASSWORD)]
)
def test_no_account_no_session(ends, user, password):
    async def steps(session):
        await session.enter(user, password)

    assert attempt(ends, steps, folder=ends.ours) in (BadUserAccessDenied, BadIdentityTokenRejected)


def test_a_name_and_password_over_an_open_channel_are_not_enough(ends):
    """The library's server takes an open channel for discovery, and a session on it unless somebody says no."""

    async def steps(session):
        await session.channel()
        with pytest.raises(ua.UaError, match="No matching endpoints"):
            await session.client.create_session()
        await session.client.activate_session(USER, PASSWORD)

    assert attempt(ends, steps) is BadUserAccessDenied


def test_a_stranger_is_refused_at_the_session(ends, tmp_path):
    pair(tmp_path / "stranger", "stranger", uri=URI)

    async def steps(session):
        await session.enter()

    assert attempt(ends, steps, folder=tmp_path / "stranger") is BadCertificateUntrusted


def test_a_stranger_who_shows_a_trusted_certificate_is_refused_by_its_channel(ends, tmp_path):
    pair(tmp_path / "stranger", "stranger", uri=URI)

    async def steps(session):
        await session.channel()
        asked = ua.CreateSessionParameters()
        asked.ClientDescription = ua.ApplicationDescription(ApplicationUri=URI)
        asked.ClientCertificate = ends.client.der
        asked.ClientNonce = bytes(32)
        asked.EndpointUrl = session.client.server_url.geturl()
        answer = await session.client.uaclient.create_session(asked)
        session.client._server_nonce = answer.ServerNonce
        session.client._policy_ids = answer.ServerEndpoints[0].UserIdentityTokens
        await session.client.activate_session(USER, PASSWORD)

    assert attempt(ends, steps, folder=tmp_path / "stranger") is BadUserAccessDenied


@pytest.mark.parametrize(
    ("begin_days", "uri", "refusal"),
    [
        (-40, URI, BadCertificateTimeInvalid),
        (2, URI, BadCertificateTimeInvalid),
        (0, "urn:x", BadCertificateUriInvalid),
    ],
)
def test_a_trusted_certificate_must_be_in_its_time_and_for_the_application(ends, tmp_path, begin_days, uri, refusal):
    trust(ends.theirs, pair(tmp_path / "other", "other", uri=URI, begin_days=begin_days, days=39), "other")

    async def steps(session):
        await session.enter()

    assert attempt(ends, steps, folder=tmp_path / "other", uri=uri) is refusal


def test_signing_alone_is_not_offered(ends):
    async def steps(session):
        await session.enter()

    assert attempt(ends, steps, folder=ends.ours, mode="Sign") is TimeoutError
