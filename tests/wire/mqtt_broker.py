"""A small broker for tests: MQTT 3.1.1 and 5 as far as a feed needs them, strict, and able to misbehave on demand.

It keeps retained messages and wills, answers at QoS 0 and 1, and remembers everything that it was sent in order.
Whatever a client does that the standard forbids ends its connection and is in `violations`.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import NamedTuple

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 13, 14
PROPERTY_BYTES = {0x01: 1, 0x02: 4, 0x11: 4, 0x17: 1, 0x18: 4, 0x19: 1, 0x21: 2, 0x22: 2, 0x23: 2, 0x27: 4}


class Told(NamedTuple):
    """A message that the broker was given; `will` where it said it for a client that is gone."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    client: str
    will: bool = False


class Violation(Exception):
    """What the standard forbids."""


@dataclass
class Session:
    """One connection."""

    writer: asyncio.StreamWriter
    client: str = ""
    version: int = 4
    clean: bool = True
    keepalive: int = 0
    user: str | None = None
    password: bytes | None = None
    will: Told | None = None
    will_told: Told | None = None  # as it was given, whatever becomes of it
    filters: dict[str, int] = field(default_factory=dict)
    packet: int = 0
    unanswered: list[bytes] = field(default_factory=list)

    def send(self, kind, body, flags=0):
        size, length = len(body), b""
        while True:
            size, byte = divmod(size, 128)
            length += bytes([byte | 0x80 if size else byte])
            if not size:
                break
        if not self.writer.is_closing():
            self.writer.write(bytes([kind << 4 | flags]) + length + body)

    def answer(self):
        """Acknowledge what has not been."""
        for body in self.unanswered:
            self.send(PUBACK, body)
        self.unanswered = []

    def end(self, *, hard=False):
        if hard:
            self.writer.transport.abort()
        else:
            self.writer.close()


class Reader:
    """What is left of a packet."""

    def __init__(self, data):
        self.data = data

    def take(self, size):
        if size > len(self.data):
            raise Violation("a packet ends early")
        part, self.data = self.data[:size], self.data[size:]
        return part

    def number(self, size=2):
        return int.from_bytes(self.take(size))

    def binary(self):
        return self.take(self.number())

    def text(self):
        text = self.binary().decode()
        if "\0" in text:
            raise Violation("a zero in a text")
        return text

    def properties(self, version):
        """Skip the properties of version 5; only those a feed may send are known."""
        if version < 5:
            return {}
        inside, found = Reader(self.take(self.variable())), {}
        while inside.data:
            kind = inside.number(1)
            if kind not in PROPERTY_BYTES:
                raise Violation(f"property {kind:#x}")
            found[kind] = inside.number(PROPERTY_BYTES[kind])
        return found

    def variable(self):
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value


def matches(wanted, topic):
    """Whether a topic falls under a filter."""
    levels, have = wanted.split("/"), topic.split("/")
    for i, level in enumerate(levels):
        if level == "#":
            return True
        if i >= len(have) or level not in ("+", have[i]):
            return False
    return len(levels) == len(have)


class Broker:
    """`async with Broker() as broker`; `port` is where. Set the fields below to have it misbehave."""

    def __init__(self, context=None):
        self._context = context
        self.told: list[Told] = []
        self.connects: list[Session] = []
        self.violations: list[str] = []
        self.retained: dict[str, Told] = {}
        self.sessions: list[Session] = []
        self.in_flight_max = 20
        self.refuse = 0  # the code of CONNACK
        self.refuse_filters: set[str] = set()
        self.publish_codes: dict[str, int] = {}  # by topic: what version 5 is answered
        self.hangs_up = False  # end each connection instead of answering it
        self.late = False  # acknowledge when no more may be under way, or nothing comes any more
        self.silent = False  # read and answer nothing
        self.deaf_after = -1  # read so many messages, then end the connection without answering
        self.news = asyncio.Event()
        self._readers: set[asyncio.Task] = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        self.drop_all()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    def drop_all(self):
        """Cut every connection."""
        for session in list(self.sessions):
            session.end(hard=True)

    async def until(self, condition, seconds=10.0):
        """Wait until something that was told makes the condition true; what it says then."""
        async with asyncio.timeout(seconds):
            while not (found := condition()):
                self.news.clear()
                await self.news.wait()
        return found

    def publish(self, topic, payload, qos=0, retain=False, client="test"):
        """Tell the subscribers, as if a client had."""
        self._route(Told(topic, payload, qos, retain, client))

    # ---- inside

    async def _meet(self, reader, writer):
        task = asyncio.current_task()
        self._readers.add(task)
        session = Session(writer)
        self.sessions.append(session)
        try:
            await self._serve(session, reader)
        except (Violation, UnicodeDecodeError) as fault:
            self.violations.append(f"{session.client}: {fault}")
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.sessions.remove(session)
            self._readers.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            if session.will:
                self._route(session.will)
            self.news.set()

    async def _serve(self, session, reader):
        kind, _, body = await self._packet(reader)
        if kind != CONNECT:
            raise Violation("the first packet is no CONNECT")
        self._connect(session, Reader(body))
        if self.refuse:
            session.will = None
            return
        while True:
            kind, flags, body = await self._packet(reader)
            if kind == DISCONNECT:
                if not (session.version == 5 and body[:1] == b"\x04"):
                    session.will = None
                return
            if kind == PUBLISH:
                self._take(session, flags, Reader(body))
            elif self.silent:
                continue
            elif kind == SUBSCRIBE and flags == 2:
                self._subscribe(session, Reader(body))
            elif kind == PINGREQ and not body:
                session.send(PINGRESP, b"")
            elif kind != PUBACK:
                raise Violation(f"packet {kind} with flags {flags}")

    async def _packet(self, reader):
        first = (await reader.readexactly(1))[0]
        size = shift = 0
        while True:
            byte = (await reader.readexactly(1))[0]
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        return first >> 4, first & 15, await reader.readexactly(size)

    def _connect(self, session, packet):
        if packet.text() != "MQTT":
            raise Violation("another protocol")
        session.version, flags = packet.number(1), packet.number(1)
        if session.version not in (4, 5) or flags & 1:
            raise Violation(f"version {session.version} with flags {flags}")
        session.clean, session.keepalive = bool(flags & 2), packet.number()
        if packet.properties(session.version).get(0x11, 0):
            raise Violation("a session that outlives its connection")
        session.client = packet.text()
        if flags & 4:
            packet.properties(session.version)
            topic, payload = packet.text(), packet.binary()
            session.will = Told(topic, payload, flags >> 3 & 3, bool(flags & 0x20), session.client, True)
            session.will_told = session.will
        session.user = packet.text() if flags & 0x80 else None
        session.password = packet.binary() if flags & 0x40 else None
        if packet.data:
            raise Violation("a CONNECT with more behind it")
        self.connects.append(session)
        for other in self.sessions:
            if other is not session and other.client == session.client:
                other.end(hard=True)
        properties = b"\x03\x21" + self.in_flight_max.to_bytes(2) if session.version == 5 else b""
        if self.hangs_up:
            session.end()
        elif not self.silent:
            session.send(CONNACK, bytes([0, self.refuse]) + properties)
        self.news.set()

    def _take(self, session, flags, packet):
        topic, qos, retain = packet.text(), flags >> 1 & 3, bool(flags & 1)
        if not topic or set(topic) & set("+#") or qos > 1:
            raise Violation(f"a message to {topic!r} at QoS {qos}")
        number = packet.number() if qos else 0
        if qos and not number:
            raise Violation("no number")
        packet.properties(session.version)
        if self.deaf_after >= 0:
            if self.deaf_after == 0:
                session.end(hard=True)
                return
            self.deaf_after -= 1
        code = self.publish_codes.get(topic, 0) if session.version == 5 else 0
        if code < 0x80:
            self._route(Told(topic, packet.data, qos, retain, session.client))
        if qos and not self.silent:
            session.unanswered.append(number.to_bytes(2) + (bytes([code]) if session.version == 5 else b""))
            if len(session.unanswered) > self.in_flight_max:
                raise Violation("more messages under way than may be")
            if self.late:
                asyncio.get_running_loop().call_later(0.05, session.answer)
            else:
                session.answer()

    def _route(self, message):
        self.told.append(message)
        if message.retain:
            self.retained[message.topic] = message
            if not message.payload:
                del self.retained[message.topic]
        for session in self.sessions:
            granted = [qos for wanted, qos in session.filters.items() if matches(wanted, message.topic)]
            if granted:
                self._forward(session, message, max(granted), retained=False)
        self.news.set()

    def _forward(self, session, message, granted, *, retained):
        qos = min(message.qos, granted)
        body = len(message.topic.encode()).to_bytes(2) + message.topic.encode()
        if qos:
            session.packet = session.packet % 65_535 + 1
            body += session.packet.to_bytes(2)
        body += b"\0" if session.version == 5 else b""
        session.send(PUBLISH, body + message.payload, qos << 1 | retained)

    def _subscribe(self, session, packet):
        number, codes, wanted = packet.take(2), b"", []
        packet.properties(session.version)
        while packet.data:
            topic, options = packet.text(), packet.number(1)
            if options & 0xC0 or (session.version < 5 and options > 2):
                raise Violation(f"options {options}")
            refused = topic in self.refuse_filters
            codes += bytes([(0x87 if session.version == 5 else 0x80) if refused else options & 3])
            if not refused:
                session.filters[topic] = options & 3
                wanted.append((topic, options & 3))
        session.send(SUBACK, number + (b"\0" if session.version == 5 else b"") + codes)
        for topic, qos in wanted:
            for message in list(self.retained.values()):
                if matches(topic, message.topic):
                    self._forward(session, message, qos, retained=True)
        self.news.set()
