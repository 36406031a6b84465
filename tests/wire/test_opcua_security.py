"""The secured OPC UA link against a real server: what is let through, what is refused and told, and how it heals."""

import logging
import os
import shutil

import pytest
from asyncua import ua

from plantctl.app.certificates import trust
from plantctl.core.device_statistics import LinkState
from plantctl.core.field import FieldEventKind, WriteError
from plantctl.drivers._opcua_security import Security
from tests.wire.field_rig import running
from tests.wire.opcua_rig import FLOW, SETPOINT, plc, world
from tests.wire.secured_rig import (
    PASSWORD,
    POLICIES,
    SECURE,
    SERVER_URI,
    USER,
    Ends,
    Secured,
    other_key,
    pair,
    remove_pairs,
    secured,
)

WRITTEN = [("FC", {"node": SETPOINT, "access": "w"})]


@pytest.fixture(scope="module", autouse=True)
def _pairs():
    yield
    remove_pairs()


@pytest.fixture
def ends(tmp_path):
    return Ends(tmp_path)


def told(rig):
    return [e.text for e in rig.happened()]


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"])
@pytest.mark.parametrize("mode", ["SignAndEncrypt", "Sign"])
def test_values_and_writes_pass_as_configured_and_nobody_on_the_wire_reads_the_password(ends, policy, mode):
    offered = [POLICIES.NoSecurity, *(p for p in POLICIES if p.name.startswith(("Basic256Sha256", "Aes")))]

    async def story(rig, controller, wire):
        await rig.until(rig.good)
        await controller.set(FLOW, 0.25)
        await rig.until(lambda: rig.values()[0] == 0.25)
        rig.want(0, 7.5)
        await rig.until(lambda: rig.written(0))
        assert controller.sessions() == [(policy.replace("Sha256Rsa", "_Sha256_Rsa"), mode)]
        return await controller.get(SETPOINT), bytes(wire.carried), told(rig)

    security = {**SECURE, "policy": policy, "mode": mode}
    written, carried, events = secured(ends, story, security, {"policies": offered}, outputs=WRITTEN)
    assert written == 7.5
    assert events == ["the device answers"]
    assert PASSWORD.encode() not in carried
    assert (b"FI_4013" in carried) == (mode == "Sign")


def test_the_link_lives_on_when_its_channel_is_renewed(ends):
    async def story(rig, controller, wire):
        await rig.until(rig.good)
        tokens = set()
        for minute in range(100):
            await controller.set(FLOW, float(minute))
            await rig.clock.sleep(60.0)
            assert rig.values()[0] == float(minute)
            tokens.add(rig.runner.driver._link._client.uaclient.protocol._connection.security_token.TokenId)
        return len(tokens), told(rig)

    assert secured(ends, story, poll="20 s", silence="120 s", patience="60 s") == (3, ["the device answers"])


def _no_trust(ends):
    ends.trusted.unlink()


def _not_our_list(ends):
    (ends.ours / "trusted").chmod(0o777)


def _not_in_theirs(ends):
    shutil.rmtree(ends.theirs / "trusted")


def _key_for_all(ends):
    (ends.ours / "own.key").chmod(0o640)


def _password_for_all(ends):
    (ends.ours / "plc-4.password").chmod(0o604)


def _no_key(ends):
    (ends.ours / "own.key").unlink()


def _no_password(ends):
    (ends.ours / "plc-4.password").write_text("")


def _key_of_another(ends):
    shutil.copy2(ends.theirs / "own.key", ends.ours / "own.key")


def _other_password(ends):
    ends.password("sesame-wrong-72")


def _not_a_certificate(ends):
    (ends.ours / "own.der").write_bytes(b"\x30\x82 rubbish")


NOTHING = lambda ends: None  # noqa: E731
# situation: (settings of the ends, what is changed, settings of the server, security, what the event says)
REFUSED = {
    "a stranger": ({}, _no_trust, {}, {}, ["not in the trust list", "SHA-256", "plantctl certs trust PLANT opc.tcp:"]),
    "a list that others can change": ({}, _not_our_list, {}, {}, ["others can change", "chmod go-w"]),
    "an expired server": ({"theirs": {"begin_days": -40, "days": 39}}, NOTHING, {}, {}, ["it ended on", "clock it is"]),
    "a server of tomorrow": (
        {"theirs": {"begin_days": 2}},
        NOTHING,
        {},
        {},
        ["it is valid from", "by the plant's clock"],
    ),
    "another host": ({"theirs": {"host": "plc-9"}}, NOTHING, {}, {}, ["for the host plc-9, not for 127.0.0.1"]),
    "a host that is named": ({}, NOTHING, {}, {"host": "plc-4"}, ["for the host 127.0.0.1, not for plc-4"]),
    "no protection": (
        {},
        NOTHING,
        {"policies": [POLICIES.NoSecurity]},
        {},
        ["offers no protection, and not Basic256Sha256 SignAndEncrypt"],
    ),
    "signing only": (
        {},
        NOTHING,
        {"policies": [POLICIES.NoSecurity, POLICIES.Basic256Sha256_Sign]},
        {},
        ["offers Basic256Sha256 Sign, no protection, and not Basic256Sha256 SignAndEncrypt"],
    ),
    "no such user": ({}, NOTHING, {}, {"user": "nobody-here"}, ["refuses the user nobody-here (BadUserAccessDenied)"]),
    "a wrong password": ({}, _other_password, {}, {}, [f"refuses the user {USER} (BadUserAccessDenied)", "rarely"]),
    "a user where none is taken": (
        {},
        NOTHING,
        {"tokens": [ua.AnonymousIdentityToken]},
        {},
        ["does not take a user name; it takes Anonymous"],
    ),
    "no user where one is needed": (
        {},
        NOTHING,
        {},
        {"user": None, "password_file": None},
        ["does not take a connection without a user; it takes UserName"],
    ),
    "we are strangers": ({}, _not_in_theirs, {}, {}, ["does not trust our certificate", "own.der to its trust list"]),
    "we are expired": ({"ours": {"begin_days": -40, "days": 39}}, NOTHING, {}, {}, ["our certificate", "it ended on"]),
    "a key that others read": ({}, _key_for_all, {}, {}, ["others can read it", "chmod 600", "plantctl certs check"]),
    "a password that others read": ({}, _password_for_all, {}, {}, ["the password in", "others can read it"]),
    "no key": ({}, _no_key, {}, {}, ["there is no key in", "no such file"]),
    "no password": ({}, _no_password, {}, {}, ["must hold one line"]),
    "a key of another": ({}, _key_of_another, {}, {}, ["is not the key of"]),
    "no certificate": ({}, _not_a_certificate, {}, {}, ["is not a certificate"]),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_a_link_that_is_not_as_it_must_be_stays_down_and_says_once_what_to_do(tmp_path, situation):
    settings, change, server, security, words = REFUSED[situation]
    ends = Ends(tmp_path, **settings)
    change(ends)

    async def story(rig, controller, wire):
        rig.want(0, 9.0)
        await rig.until(rig.happened)
        await rig.clock.sleep(20.0)
        assert rig.qualities() == ["bad, config"]
        assert rig.runner.statistics.state is LinkState.NOT_ADMITTED
        assert rig.outputs.error[0] == WriteError.UNREACHABLE
        assert await controller.get(SETPOINT) == 1.0
        assert controller.sessions() == []
        return [(e.kind, e.text) for e in rig.happened()], bytes(wire.carried)

    [(kind, text)], carried = secured(ends, story, {**SECURE, **security}, server, outputs=WRITTEN)
    assert kind is FieldEventKind.DISCREPANCY
    assert [w for w in words if w not in text] == [], text
    assert not any(p.encode() in carried or p in text for p in (PASSWORD, "sesame-wrong-72"))


class Liar(Secured):
    """A server whose certificate is trusted, and which calls itself something else."""

    async def protect(self, server):
        await super().protect(server)
        await server.set_application_uri("urn:somebody-else")


def test_another_application_with_a_trusted_certificate_is_refused(ends):
    async def story(rig, controller, wire):
        await rig.until(rig.happened)
        return told(rig)

    [text] = secured(ends, story, kind=Liar)
    assert f"it is for {SERVER_URI}, and the peer calls itself urn:somebody-else" in text


def test_who_copied_the_certificate_but_has_not_its_key_is_refused(ends, tmp_path):
    async def story(rig, controller, wire):
        await rig.until(rig.happened)
        await rig.clock.sleep(10.0)
        return told(rig), rig.qualities(), bytes(wire.carried)

    events, qualities, carried = secured(ends, story, server={"key": other_key(tmp_path / "other")})
    assert qualities[0].startswith("bad")
    assert len(events) == 1
    assert "the device answers" not in events
    assert PASSWORD.encode() not in carried


def test_an_endpoint_struck_out_on_the_way_gets_no_weaker_link(ends):
    """Who changes what the server offers before there is a channel gains nothing: there is no link at all."""

    async def story(rig, controller, wire):
        secure = b"http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
        plain = b"http://opcfoundation.org/UA/SecurityPolicy#None"
        wire.change = lambda data: data.replace(
            len(secure).to_bytes(4, "little") + secure, len(secure).to_bytes(4, "little") + plain.ljust(len(secure))
        )
        await rig.until(rig.happened)
        await rig.clock.sleep(10.0)
        struck = told(rig), controller.sessions(), rig.qualities()
        wire.change = None
        await rig.until(rig.good)
        return struck

    events, sessions, qualities = secured(ends, story)
    assert "and not Basic256Sha256 SignAndEncrypt" in events[0]
    assert (sessions, qualities) == ([], ["bad, config"])


def test_a_password_is_not_sent_where_it_would_be_readable(ends):
    async def story(rig, controller, wire):
        for endpoint in controller.server.iserver.endpoints:
            for token in endpoint.UserIdentityTokens:
                token.SecurityPolicyUri = "http://opcfoundation.org/UA/SecurityPolicy#None"
        await rig.until(rig.happened)
        return told(rig), bytes(wire.carried)

    server = {"policies": [POLICIES.Basic256Sha256_Sign]}
    [text], carried = secured(ends, story, {**SECURE, "mode": "Sign"}, server)
    assert "wants the password without encryption" in text
    assert PASSWORD.encode() not in carried


def test_a_refused_user_is_tried_rarely_and_at_once_when_its_password_is_mended(ends):
    ends.password("sesame-wrong-72")

    async def story(rig, controller, wire):
        await rig.clock.sleep(600.0)
        tried = len(controller.access.refused)
        ends.password(PASSWORD)
        os.utime(ends.ours / "plc-4.password", (1, 1))
        began_ns = rig.clock.monotonic_ns()
        await rig.until(rig.good)
        return tried, (rig.clock.monotonic_ns() - began_ns) / 1e9, told(rig)

    tried, healed_s, events = secured(ends, story)
    assert 3 <= tried <= 6
    assert healed_s < 5.0
    assert [e.startswith("PLC-4: the server refuses the user") for e in events] == [True, False]


def test_each_reason_is_told_once_and_what_a_person_mends_counts_at_the_next_attempt(ends):
    kept = ends.trusted.read_bytes()
    ends.trusted.unlink()
    (ends.ours / "own.key").chmod(0o644)

    async def story(rig, controller, wire):
        await rig.clock.sleep(15.0)
        (ends.ours / "own.key").chmod(0o600)
        await rig.clock.sleep(15.0)
        (ends.ours / "trusted" / "plc.der").write_bytes(kept)
        await rig.until(rig.good)
        return [text.split(":")[1] for text in told(rig) if ":" in text], told(rig)

    _, events = secured(ends, story)
    assert ["chmod 600" in events[0], "not in the trust list" in events[1], events[2]] == [
        True,
        True,
        "the device answers",
    ]
    assert len(events) == 3


def test_the_end_of_a_certificate_is_told_and_a_running_link_outlives_it(tmp_path):
    ends = Ends(tmp_path, theirs={"begin_days": -0.996, "days": 1})  # 346 s are left

    async def story(rig, controller, wire):
        await rig.until(rig.good)
        await rig.clock.sleep(360.0)
        await controller.set(FLOW, 0.125)
        await rig.until(lambda: rig.values()[0] == 0.125)
        wire.cut()
        await rig.clock.sleep(30.0)
        return told(rig), rig.qualities()

    events, qualities = secured(ends, story, poll="1 s")
    assert events[0] == "the device answers"
    assert "the server's certificate ends on" in events[1]
    assert events[1].endswith("renew it, or the next connection is refused")
    assert "connection" in events[2]
    assert "it ended on" in events[3]
    assert len(events) == 4
    assert qualities == ["bad, config"]


def test_an_account_that_may_only_read_reads_on_when_its_write_is_refused(ends):
    (ends.theirs / "writers").rename(ends.theirs / "readers")

    async def story(rig, controller, wire):
        await rig.until(rig.good)
        rig.want(0, 9.0)
        await rig.until(lambda: rig.written(0))
        await controller.set(FLOW, 0.125)
        await rig.until(lambda: rig.values()[0] == 0.125)
        return WriteError(int(rig.outputs.error[0])), await controller.get(SETPOINT), rig.runner.statistics.connects

    assert secured(ends, story, outputs=WRITTEN) == (WriteError.REFUSED, 1.0, 1)


def test_no_log_at_any_level_and_no_text_of_ours_holds_the_password(ends, caplog):
    async def story(rig, controller, wire):
        await rig.until(rig.good)
        admission = rig.runner.driver._link._admission
        return repr(admission.read()), repr(rig.device), told(rig)

    offered = [POLICIES.Basic256Sha256_SignAndEncrypt]
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("asyncua.client").setLevel(logging.DEBUG)
        try:
            texts = secured(ends, story, server={"policies": offered})
        finally:
            logging.getLogger("asyncua.client").setLevel(logging.NOTSET)
    ours = [
        r.getMessage() for r in caplog.records if r.name.startswith(("asyncua.client", "asyncua.common", "plantctl"))
    ]
    assert ours
    assert not any(PASSWORD in text for text in (*ours, str(texts)))


def test_a_plant_without_a_security_folder_says_so(ends):
    async def story(clock, controller, wire):
        async with running(clock, plc(wire, security=SECURE)) as rig:
            await rig.until(rig.happened)
            return told(rig)

    [text] = world(story)
    assert "runs without a security folder" in text


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "`policy` and `mode` are needed"),
        ({"policy": "Basic256Sha256"}, "`policy` and `mode` are needed"),
        ({"policy": "None", "mode": "None"}, "Input should be 'Basic256Sha256'"),
        ({"policy": "Basic128Rsa15", "mode": "Sign"}, "Input should be 'Basic256Sha256'"),
        ({"insecure": False}, "Input should be True"),
        ({"insecure": True, "user": "x", "password_file": "y"}, "stands alone"),
        ({**SECURE, "password_file": None}, "belong together"),
        ({**SECURE, "password": "x"}, "Extra inputs"),
        ({**SECURE, "key": "../../other/own.key"}, "not the name of a file"),
    ],
)
def test_security_that_says_too_little_or_too_much_is_refused(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        Security.model_validate(settings)


def test_both_certificates_of_a_peer_that_changes_its_own_are_trusted_until_one_is_removed(ends, tmp_path):
    before = ends.trusted
    after = pair(tmp_path / "new", "server again")
    path = trust(ends.ours, after, "PLC-4")
    assert sorted((ends.ours / "trusted").iterdir()) == sorted([before, path])
    assert trust(ends.ours, after, "under another name") == path
