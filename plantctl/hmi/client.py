"""One page that is connected: what it wants, what waits for it, and the two halves of its conversation.

It reads at its own pace and is never waited for: what it does not take is left out or, in the end, it is told to go. A
client that says too much is told to go as well. Both halves end together.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from starlette.websockets import WebSocketDisconnect

from plantctl.hmi.channel import Channel
from plantctl.hmi.messages import CommandAsked, Refusal, StageTold, Sub, decode, encode
from plantctl.hmi.outbox import Outbox
from plantctl.hmi.sessions import Session

SEND_S: Final = 10.0
CLOSE_S: Final = 1.0
MESSAGES_PER_S: Final = 20.0
MESSAGES_AT_ONCE: Final = 40.0

SESSION_OVER: Final = 4001
TOO_SLOW: Final = 4008
TOO_MANY: Final = 4029
NO_TEXT: Final = 1003
RESTARTS: Final = 1012


class Connection(Protocol):
    """The parts of a WebSocket that are used here."""

    async def receive(self) -> Any: ...

    async def send_text(self, data: str) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


class Conversation(Protocol):
    """What the messages of a client ask for."""

    def subscribe(self, client: "Client", asked: Sub) -> None: ...

    def command(self, client: "Client", asked: CommandAsked) -> None: ...

    def monotonic_ns(self) -> int: ...


class Client:
    """A connected page. `channel` is what it subscribed to, None before; `under_way` counts its commands.

    `abort` ends the connection at once, whatever waits in it.
    """

    def __init__(self, connection: Connection, session: Session, abort: Callable[[], None]) -> None:
        self.session = session
        self.channel: Channel | None = None
        self.outbox = Outbox(lambda: (0, ""))
        self.under_way = 0
        self._connection = connection
        self._abort = abort
        self._woken = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._budget = MESSAGES_AT_ONCE
        self._heard_ns = 0
        self._sending_ns = 0

    def wake(self) -> None:
        """There is something to send."""
        self._woken.set()

    def look(self, now_ns: int) -> None:
        """To be called now and then: what has not taken a byte for `SEND_S` would not take our farewell either."""
        if self._sending_ns and now_ns - self._sending_ns > SEND_S * 1e9:
            self._abort()

    def close(self, code: int, reason: str) -> None:
        """End the conversation with a word, or without one where the client does not even take that."""
        self._closing = self._closing or (code, reason)
        self._woken.set()

    async def talk(self, with_whom: Conversation) -> None:
        """The whole conversation, until either side ends it."""
        try:
            async with asyncio.TaskGroup() as halves:
                listening = halves.create_task(self._listen(with_whom), name="listening")
                speaking = halves.create_task(self._speak(with_whom.monotonic_ns), name="speaking")
                listening.add_done_callback(lambda _: speaking.cancel())
                speaking.add_done_callback(lambda _: listening.cancel())
        finally:
            if self._closing is not None:
                try:
                    async with asyncio.timeout(CLOSE_S):
                        await self._connection.close(*self._closing)
                except (TimeoutError, RuntimeError, WebSocketDisconnect, OSError):
                    self._abort()

    async def _speak(self, now_ns: Callable[[], int]) -> None:
        outbox, send = self.outbox, self._connection.send_text
        while self._closing is None:
            texts = outbox.take()
            if not texts:
                self._woken.clear()
                await self._woken.wait()
                continue
            self._sending_ns = now_ns()
            try:
                for text in texts:
                    await send(text)
            except (WebSocketDisconnect, OSError):
                return
            self._sending_ns = 0
            if outbox.too_slow:
                self.close(TOO_SLOW, "messages that may not be left out pile up")

    async def _listen(self, with_whom: Conversation) -> None:
        while self._closing is None:
            message = await self._connection.receive()
            if message["type"] != "websocket.receive":
                return
            if not self._may_speak(with_whom.monotonic_ns()):
                self.close(TOO_MANY, "too many messages")
                return
            text = message.get("text")
            if text is None:
                self.close(NO_TEXT, "messages are text")
                return
            self._hear(text, with_whom)

    def _hear(self, text: str, with_whom: Conversation) -> None:
        try:
            asked = decode(text)
        except (ValueError, RecursionError) as error:
            self.outbox.put(encode(_refusal(text, str(error))))
        else:
            if isinstance(asked, Sub):
                with_whom.subscribe(self, asked)
            else:
                with_whom.command(self, asked)
        self.wake()

    def told(self, stage: StageTold, last: bool) -> None:
        """A stage of a command of this client."""
        self.under_way -= last
        self.outbox.put(encode(stage))
        self.wake()

    def _may_speak(self, now_ns: int) -> bool:
        gained = (now_ns - self._heard_ns) / 1e9 * MESSAGES_PER_S if self._heard_ns else 0.0
        self._heard_ns = now_ns
        self._budget = min(MESSAGES_AT_ONCE, self._budget + gained) - 1.0
        return self._budget >= 0.0


class _Named(msgspec.Struct):
    """The one part that is read of a message that is no message."""

    id: int | None = None


def _refusal(text: str, why: str) -> Refusal:
    try:
        number = msgspec.json.decode(text, type=_Named).id
    except (ValueError, RecursionError):
        number = None
    return Refusal(number, "bad-message", why)
