"""Who is let in to the plant over OPC UA, and what becomes of what they ask of it: accounts, keys, writes, methods."""

import asyncio
import struct

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import UaError

from plantctl.app.certificates import trust
from plantctl.app.state_folder import SECURITY_NAME
from plantctl.core import command as codes
from plantctl.core.command import Stage
from plantctl.hmi.opcua import server as server_module
from tests.gateway_bench import demo_plan
from tests.opcua_bench import INDEX, PASSWORD, served
from tests.wire.test_opcua_served_values import FLOW, MODE, alive, until

SP = "40-AIC-4212.sp"
REFUSALS = (UaError, ConnectionError, TimeoutError, asyncio.CancelledError)


@pytest.fixture(scope="module")
def plan():
    return demo_plan()


def accounts(plant):
    plant.users().add("ada", "operator", PASSWORD)
    plant.users().add("eve", "viewer", PASSWORD)


async def refused(plant, **settings):
    """How a client is refused; it must be."""
    try:
        async with plant.connected(timeout=4, **settings):
            pass
    except REFUSALS as error:
        return type(error).__name__
    raise AssertionError("it was let in")


def taken(plant):
    """A scan's answer that takes everything; the commands it was given."""
    given = []

    def answer(command):
        given.append(command)
        plant.scan.say(command, Stage.ACCEPTED, publish=False)
        plant.bench.on_disk()

    return given, answer


@pytest.mark.parametrize("policy", ["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"])
def test_an_account_is_let_in_over_a_channel_of_each_policy_and_sees_values(plan, tmp_path, policy):
    async def situation(plant):
        accounts(plant)
        async with plant.scanning(), plant.connected("eve", secure=policy) as client:
            await until(alive(plant, client))
            assert 0.4 < await plant.node(client, FLOW).read_value() < 0.7

    served(plan, tmp_path, situation, secure=True)


def test_who_has_no_account_a_wrong_password_or_none_is_refused(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        assert (
            await refused(plant, user="ada", password="wrong-password", secure="Basic256Sha256")
            == "BadUserAccessDenied"
        )
        assert await refused(plant, user="mallory", secure="Basic256Sha256") == "BadUserAccessDenied"
        assert await refused(plant, user="anonymous", secure="Basic256Sha256") == "BadUserAccessDenied"
        assert await refused(plant, secure="Basic256Sha256") == "BadIdentityTokenRejected"

    served(plan, tmp_path, situation, secure=True)


def test_too_many_wrong_passwords_bar_the_name_for_a_while_and_no_other(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        for _ in range(8):
            await refused(plant, user="ada", password="wrong-password")
        assert await refused(plant, user="ada") == "BadUserAccessDenied"
        async with plant.connected("eve"):
            pass

    served(plan, tmp_path, situation)


def test_nobody_looks_where_the_configuration_does_not_say_that_anybody_may(plan, tmp_path):
    async def situation(plant):
        assert await refused(plant) == "BadIdentityTokenRejected"

    served(plan, tmp_path, situation, anonymous=False)


def test_a_stranger_is_refused_until_a_person_trusts_its_certificate(plan, tmp_path, monkeypatch):
    from plantctl.hmi.opcua import security

    monkeypatch.setattr(security, "READ_AGAIN_NS", 0)

    async def situation(plant):
        accounts(plant)
        assert await refused(plant, user="ada", secure="Basic256Sha256")
        trust(plant.folder / SECURITY_NAME, plant.peer.certificate, "peer")
        async with plant.connected("ada", secure="Basic256Sha256"):
            pass

    served(plan, tmp_path, situation, secure=True, trusted=False)


def test_an_open_channel_is_for_asking_the_way_in_only(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        offers = await Client(plant.url).connect_and_get_server_endpoints()
        assert {(str(o.SecurityPolicyUri).rpartition("#")[2], o.SecurityMode.name) for o in offers} == {
            ("Basic256Sha256", "SignAndEncrypt"),
            ("Aes128_Sha256_RsaOaep", "SignAndEncrypt"),
            ("Aes256_Sha256_RsaPss", "SignAndEncrypt"),
        }
        assert await refused(plant, user="ada") == "BadSecurityPolicyRejected"
        # Nor is there a channel that is only signed.
        client = plant.client("ada", timeout=4)
        await plant.secure(client, "Basic256Sha256")
        client.security_policy.Mode = ua.MessageSecurityMode.Sign
        with pytest.raises(REFUSALS):
            await client.connect()
        await client.disconnect()

    served(plan, tmp_path, situation, secure=True)


def test_a_certificate_is_for_the_application_that_shows_it(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        client = plant.client("ada", timeout=4)
        await plant.secure(client, "Basic256Sha256")
        client.application_uri = "urn:test:another"
        with pytest.raises(UaError) as told:
            await client.connect()
        assert type(told.value).__name__ == "BadCertificateUriInvalid"
        await client.disconnect()

    served(plan, tmp_path, situation, secure=True)


def test_a_user_who_is_removed_is_out_at_once(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "LOOK_S", 0.05)

    async def situation(plant):
        accounts(plant)
        async with plant.connected("eve") as client:
            node = plant.node(client, FLOW)
            await node.read_data_value(raise_on_bad_status=False)
            plant.users().remove("eve")

            async def out():
                try:
                    await node.read_data_value(raise_on_bad_status=False)
                except UaError as error:
                    return type(error).__name__ == "BadSessionClosed"
                return False

            await until(out)

    served(plan, tmp_path, situation)


def test_a_write_of_an_operator_goes_through_the_gate_and_is_good_when_the_plant_took_it(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        given, answer = taken(plant)
        async with plant.scanning(answer), plant.connected("ada") as client:
            await until(alive(plant, client))
            await plant.node(client, SP).write_value(8.1)
            await plant.node(client, MODE).write_value(ua.Variant(4, ua.VariantType.UInt32))
            assert [(c.verb, c.target, c.value, c.actor) for c in given] == [
                ("set", SP, "8.1", "ada (operator)"),
                ("mode", "40-AIC-4212", "auto", "ada (operator)"),
            ]
            assert {c.reason for c in given} == {"OPC UA, 127.0.0.1"}

    served(plan, tmp_path, situation)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (codes.OUT_OF_RANGE, "BadOutOfRange"),
        (codes.WRONG_MODE, "BadInvalidState"),
        (codes.NOT_WRITABLE, "BadNotWritable"),
        (codes.EXPECT_MISMATCH, "BadInvalidState"),
    ],
)
def test_a_refusal_of_the_plant_is_told_by_its_code(plan, tmp_path, code, said):
    async def situation(plant):
        accounts(plant)

        def answer(command):
            plant.scan.say(command, Stage.REFUSED, code, "because", publish=False)

        async with plant.scanning(answer), plant.connected("ada") as client:
            await until(alive(plant, client))
            with pytest.raises(UaError) as told:
                await plant.node(client, SP).write_value(99.0)
            assert type(told.value).__name__ == said

    served(plan, tmp_path, situation)


def test_a_viewer_may_look_but_not_act_and_its_rights_say_so(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        given, answer = taken(plant)
        async with plant.scanning(answer), plant.connected("eve") as client:
            await until(alive(plant, client))
            node = plant.node(client, SP)
            assert ua.AccessLevel.CurrentWrite not in await node.get_user_access_level()
            assert ua.AccessLevel.CurrentWrite in await node.get_access_level()
            with pytest.raises(UaError) as told:
                await node.write_value(8.1)
            assert type(told.value).__name__ == "BadUserAccessDenied"
            with pytest.raises(UaError) as told:
                await acknowledge(plant, client)
            assert type(told.value).__name__ == "BadUserAccessDenied"
            assert given == []

    served(plan, tmp_path, situation)


def test_what_no_write_can_mean_never_reaches_the_plant(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        given, answer = taken(plant)
        async with plant.scanning(answer), plant.connected("ada") as client:
            await until(alive(plant, client))
            for name, value, said in [
                (FLOW, 1.0, "BadNotWritable"),
                ("C15-01", 0.0, "BadNotWritable"),
                (SP, float("nan"), "BadTypeMismatch"),
                (SP, "8", "BadTypeMismatch"),
                (SP, [8.0, 9.0], "BadTypeMismatch"),
                (MODE, ua.Variant(99, ua.VariantType.UInt32), "BadOutOfRange"),
                ("40-NO-1", 1.0, "BadNodeIdUnknown"),
                (f"{SP}/EURange", 1.0, "BadNotWritable"),
            ]:
                (status,) = await client.uaclient.write_attributes(
                    [ua.NodeId(name, INDEX)],
                    [ua.DataValue(value if isinstance(value, ua.Variant) else ua.Variant(value))],
                    ua.AttributeIds.Value,
                )
                assert (name, status.name) == (name, said)
            with pytest.raises(UaError) as told:
                await client.get_node(ua.NodeId(ua.ObjectIds.Server_ServiceLevel)).write_value(
                    ua.Variant(1, ua.VariantType.Byte)
                )
            assert type(told.value).__name__ == "BadNotWritable"
            assert given == []

    served(plan, tmp_path, situation)


async def acknowledge(plant, client, reason="seen"):
    alarm = next(node for node in plan_alarms(plant))
    return await plant.node(client, f"/alarm/{alarm}").call_method(ua.NodeId("/method/Acknowledge", INDEX), reason)


def plan_alarms(plant):
    return [tag for rows in plant.bench.plan.kinds if rows.kind.name == "limit_alarm" for tag in rows.tags]


def test_methods_acknowledge_reset_and_set_with_a_reason_and_what_was_expected(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        given, answer = taken(plant)
        async with plant.scanning(answer), plant.connected("ada") as client:
            await until(alive(plant, client))
            commands = plant.node(client, "/commands")
            assert (await acknowledge(plant, client))[0] == "accepted"
            effect = next(iter(plant.bench.plan.effects))
            await plant.node(client, f"/effect/{effect}").call_method(
                ua.NodeId("/method/Reset", INDEX), "pump is mended"
            )
            await commands.call_method(ua.NodeId("/commands/Set", INDEX), SP, 8.2, "8.0", "thicker feed")
            await commands.call_method(ua.NodeId("/commands/Mode", INDEX), "40-AIC-4212", "man", "", "")
            told = [(c.verb, c.target, c.value, c.expect, c.reason) for c in given]
            assert told == [
                ("ack", plan_alarms(plant)[0], "", "", "seen"),
                ("reset", effect, "", "", "pump is mended"),
                ("set", SP, "8.2", "8.0", "thicker feed"),
                ("mode", "40-AIC-4212", "man", "", "OPC UA, 127.0.0.1"),
            ]
            # A trip is let go of for a reason, over whatever it is asked.
            with pytest.raises(UaError) as refusal:
                await plant.node(client, f"/effect/{effect}").call_method(ua.NodeId("/method/Reset", INDEX), "")
            assert type(refusal.value).__name__ == "BadInvalidArgument"
            for method, arguments, said in [
                ("/commands/Set", (SP,), "BadArgumentsMissing"),
                ("/commands/Set", (SP, "8", "", ""), "BadInvalidArgument"),
                ("/method/Reset", ("why",), "BadMethodInvalid"),
                ("/commands/None", (), "BadMethodInvalid"),
            ]:
                with pytest.raises(UaError) as refusal:
                    await commands.call_method(ua.NodeId(method, INDEX), *arguments)
                assert type(refusal.value).__name__ == said
            assert len(given) == 4

    served(plan, tmp_path, situation)


def test_a_dead_scan_takes_nothing_and_that_is_said(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        async with plant.connected("ada") as client:

            async def dead():
                level = client.get_node(ua.NodeId(ua.ObjectIds.Server_ServiceLevel))
                return await level.read_value() == 1

            await until(dead)
            with pytest.raises(UaError) as told:
                await plant.node(client, SP).write_value(8.1)
            assert type(told.value).__name__ == "BadNoCommunication"

    served(plan, tmp_path, situation)


def test_no_session_reaches_what_is_anothers(plan, tmp_path):
    async def situation(plant):
        accounts(plant)
        async with plant.connected("eve") as one, plant.connected("ada") as other:
            subscription = await one.create_subscription(100, None)
            number = subscription.subscription_id
            params = ua.CreateMonitoredItemsParameters(SubscriptionId=number)
            params.ItemsToCreate = [ua.MonitoredItemCreateRequest(ua.ReadValueId(ua.NodeId(FLOW, INDEX), 13))]
            with pytest.raises(UaError) as told:
                await other.uaclient.create_monitored_items(params)
            assert type(told.value).__name__ == "BadSubscriptionIdInvalid"
            (status,) = await other.uaclient.delete_subscriptions([number])
            assert status.name == "BadSubscriptionIdInvalid"
            # A session that is begun elsewhere cannot be gone on with: the token alone is worth nothing.
            other.uaclient.session.authentication_token = one.uaclient.session.authentication_token
            with pytest.raises(UaError):
                await plant.node(other, FLOW).read_value()

    served(plan, tmp_path, situation)


def test_the_password_in_a_token_is_proved_fresh():
    from asyncua.crypto import uacrypto
    from cryptography.hazmat.primitives.asymmetric import rsa

    from plantctl.hmi.opcua.people import password_in

    key = rsa.generate_private_key(65537, 2048)
    oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep"

    def token(nonce, algorithm=oaep):
        plain = PASSWORD.encode() + nonce
        sealed = uacrypto.encrypt_rsa_oaep(key.public_key(), struct.pack("<I", len(plain)) + plain)
        return ua.UserNameIdentityToken(UserName="ada", Password=sealed, EncryptionAlgorithm=algorithm)

    nonce, other = b"n" * 32, b"o" * 32
    assert password_in(token(nonce), key, nonce, encrypted=True) == PASSWORD
    for wrong in (
        token(other),
        token(nonce, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"),
        ua.UserNameIdentityToken(UserName="ada", Password=b"\x01" * 256, EncryptionAlgorithm=oaep),
    ):
        with pytest.raises(UaError):
            password_in(wrong, key, nonce, encrypted=True)
    plain = ua.UserNameIdentityToken(UserName="ada", Password=PASSWORD.encode())
    assert password_in(plain, key, nonce, encrypted=True) == PASSWORD
    with pytest.raises(UaError):
        password_in(plain, key, nonce, encrypted=False)
