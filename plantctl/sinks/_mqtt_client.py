"""aiomqtt's client with what a feed needs and it does not have, imported when the first connection is made.

It drives paho in the loop. Added are: many messages under way at once without a task each; what the broker answers to
each of them in MQTT 5, where a refusal is an answer too; a connection that is closed before it was answered told at
once; how many messages the broker lets be under way; taking note of a message before any answer behind it is told;
letting go of a connection without a good-bye; no waiting to write to a socket that has been closed meanwhile. All of it
stands on names of aiomqtt 2.5 that begin with an underscore, hence in this file alone; pyproject.toml has the version.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from plantctl.sinks._mqtt_settings import Sent


class Client(aiomqtt.Client):
    """One connection; never used for a second one."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.in_flight_max = 65_535
        self.refusals: list[ReasonCode] = []
        self.note: Callable[[str, bytes, bool], None] | None = None
        self._awaited: set[int] = set()
        self._few = 0
        self._answered = asyncio.Event()
        self._given_up = False
        self._disconnected.add_done_callback(self._ended)

    @property
    def lost(self) -> str:
        """Why the connection is gone; empty while it is not."""
        if not self._disconnected.done():
            return ""
        return str(self._disconnected.exception() or "disconnected")

    async def publish_all(self, messages: Iterable[Sent], qos: int, in_flight: int) -> None:
        """Send in order; at QoS 1 return when all are answered, at QoS 0 when they are on their way.

        What the broker refused is in `refusals`. Raises MqttError where the connection is lost, and where nothing is
        answered for the time-out.
        """
        window = min(in_flight, self.in_flight_max)
        try:
            for message in messages:
                if len(self._awaited) >= window:
                    await self._wait_until(window // 2)
                told = self._client.publish(message.topic, message.payload, qos, message.retain)
                if told.rc != 0 or self._disconnected.done():
                    raise aiomqtt.MqttError(self.lost or "the message cannot be sent")
                if qos:
                    self._awaited.add(told.mid)
            await self._wait_until(0)
        finally:
            self._awaited.clear()

    async def _wait_until(self, few: int) -> None:
        """Wait until so few messages are unanswered."""
        while len(self._awaited) > few:
            self._few = max(few, len(self._awaited) - 16)  # so often, at least, the time-out begins anew
            self._answered.clear()
            await self._wait_for(self._answered.wait(), timeout=None)
            if self._disconnected.done():
                raise aiomqtt.MqttError(self.lost)

    def _ended(self, how: "asyncio.Future[None]") -> None:
        """Nothing that waits for an answer will get one."""
        why = aiomqtt.MqttError(str(how.exception() or "disconnected"))
        self._answered.set()
        for waiting in self._pending_subscribes.values():
            if not waiting.done():
                waiting.set_exception(why)

    def drop(self) -> None:
        """Let go of the connection without a word, so that the broker says the will."""
        self._given_up = True
        self._client._sock_close()
        if not self._disconnected.done():
            self._disconnected.set_result(None)

    async def leave(self, *, say_the_will: bool) -> None:
        """Disconnect in order. `say_the_will`: have the broker say it nevertheless, which MQTT 5 can."""
        reason = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message") if say_the_will else None
        if self._client.disconnect(reason) == 0:
            await self._wait_for(asyncio.shield(self._disconnected), timeout=None)

    # ---- what paho calls

    def _client_connect(self) -> None:
        super()._client_connect()
        if self._given_up:  # the loop has not waited for this thread
            self._loop.call_soon_threadsafe(self.drop)

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        self.in_flight_max = getattr(properties, "ReceiveMaximum", self.in_flight_max)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("the broker closed the connection instead of answering"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if self.note is not None:
            self.note(message.topic, message.payload, message.retain)
        super()._on_message(client, userdata, message)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        def write() -> None:
            try:
                client.loop_write()
            except Exception as fault:
                if not self._disconnected.done():
                    self._disconnected.set_exception(fault)

        def begin() -> None:
            if sock.fileno() >= 0:  # it may be closed by now, and its number another's
                self._loop.add_writer(sock.fileno(), write)

        self._loop.call_soon_threadsafe(begin)

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        if mid not in self._awaited:
            super()._on_publish(client, userdata, mid, reason_code, properties)
            return
        self._awaited.discard(mid)
        if reason_code.is_failure:
            self.refusals.append(reason_code)
        if len(self._awaited) <= self._few:
            self._answered.set()
