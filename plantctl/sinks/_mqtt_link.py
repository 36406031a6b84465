"""One connection to a broker, with what can go wrong said in the words of sinks.

A refusal of who we are, of a certificate or of a topic is `SinkNotAdmitted`: a person must act. Silence, a lost
connection and a broker that has no room are `SinkUnreachable`. A message that the broker will never take is
`SinkRejected`. A link is made anew for each connection.

Rules of the file: a connection that is gone is known before the next message is sent; whatever waits for an answer
waits no longer than the time-out.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from plantctl.sinks._mqtt_settings import MqttSettings, Sent
from plantctl.sinks._secrets import path_in, secret_bytes_in, secret_in
from plantctl.sinks._sink import SinkError, SinkNotAdmitted, SinkPlace, SinkRejected, SinkUnreachable

if TYPE_CHECKING:
    from plantctl.sinks._mqtt_client import Client

INCOMING_MAX: Final = 1_000
NO_DELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every few messages wait 40 ms for an answer
LEAVE_S: Final = 2.0
# Answers of MQTT 5 (those of 3.1.1 are translated into them) by what is to be done.
_ADMISSION: Final = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x9C, 0x9D})
_NEVER: Final = frozenset({0x90, 0x95, 0x99, 0x9A})
_LOG: Final = logging.getLogger("plantctl.sinks.mqtt")
_LOG.disabled = True  # the library's own words; what is wrong is told by the sink


class Heard(NamedTuple):
    """A message from the broker. `retained` tells that it is an old one, kept for whoever subscribes."""

    topic: str
    payload: bytes
    retained: bool


class _Socket(ssl.SSLSocket):
    """A connection that does not stay open where its handshake fails, as paho leaves it."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class Link:
    """The connection of the sink at `place`; `will` is what the broker says (at QoS 1) when we are gone.

    `note` is given each message when it comes, before it can be heard and before answers that came behind it; it must
    only take note.
    """

    def __init__(
        self,
        place: SinkPlace,
        settings: MqttSettings,
        will: Sent | None = None,
        note: Callable[[Heard], None] | None = None,
    ) -> None:
        self._place = place
        self._note = note
        self._settings = settings
        self._will = will
        self._client: Client | None = None

    async def open(self) -> None:
        """Connect. Raises SinkNotAdmitted, SinkUnreachable; whoever cancels it leaves nothing behind."""
        import aiomqtt

        client = self._made()
        if (note := self._note) is not None:
            client.note = lambda topic, payload, retained: note(Heard(topic, payload, retained))
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as fault:
            client.drop()
            raise self._in_words(fault) from None
        except BaseException:
            client.drop()
            raise
        self._client = client

    def _made(self) -> "Client":
        """A client that is not connected."""
        import aiomqtt

        from plantctl.sinks._mqtt_client import Client

        settings, secrets = self._settings, self._place.secrets
        password = None if settings.password_file is None else secret_in(secrets, settings.password_file, "password")
        will = None if self._will is None else aiomqtt.Will(self._will.topic, self._will.payload, 1, self._will.retain)
        old = settings.protocol == "3.1.1"
        return Client(
            settings.host,
            settings.port,
            username=settings.user,
            password=password,
            logger=_LOG,
            identifier=settings.client_id or f"plantctl-{self._place.plant}-{self._place.name}",
            protocol=aiomqtt.ProtocolVersion.V311 if old else aiomqtt.ProtocolVersion.V5,
            will=will,
            clean_session=True if old else None,
            timeout=settings.timeout,
            keepalive=round(settings.keepalive),
            max_queued_incoming_messages=INCOMING_MAX,
            max_inflight_messages=0,
            tls_context=self._trust() if settings.tls else None,
            socket_options=[
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            ],  # else a few messages wait 40 ms for an answer
        )

    def _trust(self) -> ssl.SSLContext:
        """Whom we believe and who we are. Raises SinkNotAdmitted."""
        settings, secrets = self._settings, self._place.secrets
        where = None if settings.ca is None else path_in(secrets, settings.ca)
        try:
            context = ssl.create_default_context(cafile=where)
        except (OSError, ssl.SSLError) as fault:
            raise SinkNotAdmitted(f"the authorities in {where} cannot be used: {fault}") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = _Socket
        if settings.certificate is not None and settings.key is not None:
            secret_bytes_in(secrets, settings.key, "key")
            certificate, key = path_in(secrets, settings.certificate), path_in(secrets, settings.key)
            try:
                # A key with a pass phrase must not ask the terminal for it.
                context.load_cert_chain(certificate, key, password=lambda: b"")
            except (OSError, ssl.SSLError) as fault:
                why = fault.strerror or str(fault)
                raise SinkNotAdmitted(f"{certificate} and {key} cannot be used: {why}") from None
        return context

    def _in_words(self, fault: Exception) -> SinkError:
        """What a failed connection means."""
        where = f"the broker {self._settings.host}:{self._settings.port}"
        cause = fault.__context__
        if isinstance(cause, ssl.SSLCertVerificationError):
            return SinkNotAdmitted(f"the certificate of {where} does not hold: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return SinkNotAdmitted(f"no encryption with {where}: {cause.reason or cause}")
        code = getattr(getattr(fault, "rc", None), "value", None)
        if code in _ADMISSION:
            return SinkNotAdmitted(f"{where} does not let us in: {str(fault).partition('] ')[2]}")
        return SinkUnreachable(f"{where}: {fault}")

    # ---- while it is open

    def check(self) -> "Client":
        """The client, if the connection is up. Raises SinkUnreachable."""
        if self._client is None:
            raise SinkUnreachable("not connected")
        if lost := self._client.lost:
            raise SinkUnreachable(f"the connection to the broker is lost: {lost}")
        return self._client

    async def publish(self, messages: Iterable[Sent], qos: int) -> None:
        """Send in order; at QoS 1 return when the broker has answered each. Raises `SinkError`."""
        import aiomqtt

        client, silence = self.check(), ""
        try:
            await client.publish_all(messages, qos, self._settings.in_flight)
        except aiomqtt.MqttError as fault:
            silence = str(fault)
        # A broker may end the connection behind its answer: the answer counts.
        refusals, client.refusals = client.refusals, []
        if refusals:
            worst = min(refusals, key=lambda reason: (reason.value not in _ADMISSION, reason.value not in _NEVER))
            if worst.value in _ADMISSION:
                raise SinkNotAdmitted(f"the broker does not let us publish: {worst}")
            if worst.value in _NEVER and not silence:
                raise SinkRejected(f"the broker refuses messages: {worst}")
            raise SinkUnreachable(f"the broker does not take messages now: {worst}")
        if silence:
            raise SinkUnreachable(f"the broker has not answered: {silence}")

    async def subscribe(self, *topics: str) -> None:
        """Be told of topics (QoS 1). Raises SinkNotAdmitted where the broker refuses one, SinkUnreachable.

        A broker answers what it is sent in order: the answer also tells that it has read all that went before.
        """
        import aiomqtt

        client = self.check()
        try:
            granted: Sequence[Any] = await client.subscribe([(topic, 1) for topic in topics], qos=1)
        except aiomqtt.MqttError as fault:
            raise SinkUnreachable(f"the broker has not answered: {fault}") from None
        for topic, answer in zip(topics, granted, strict=True):
            if getattr(answer, "value", answer) >= 0x80:
                raise SinkNotAdmitted(f"the broker does not let us subscribe to {topic}: {answer}")

    @property
    def waiting(self) -> int:
        """How many messages have come that nobody has heard."""
        return len(self._client.messages) if self._client is not None else 0

    async def hear(self) -> Heard:
        """The next message. Raises SinkUnreachable when the connection is lost."""
        import aiomqtt

        try:
            message = await anext(self.check().messages)
        except aiomqtt.MqttError:
            self.check()
            raise SinkUnreachable("the connection to the broker is lost") from None
        payload = message.payload if isinstance(message.payload, bytes) else b""
        return Heard(message.topic.value, payload, message.retain)

    async def close(self, last: Sent | None = None, *, say_the_will: bool = False) -> None:
        """Disconnect, after the message `last` where the connection is up; in two seconds, come what may.

        `say_the_will`: have the broker say it (MQTT 5). Without connection it says it by itself.
        """
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if not client.lost:
                async with asyncio.timeout(LEAVE_S):
                    if last is not None:
                        await client.publish_all([last], 1, 1)
                    await client.leave(say_the_will=say_the_will)
        except Exception:
            pass  # whatever it is: the connection ends here
        finally:
            client.drop()
