"""Clients that mean harm to an OPC UA server, by the name of what they do; raw bytes, no library on their side.

Each is given a connected socket's reader and writer, and does its worst until it is let go or `patience_s` is over.
`session(reader, writer)` is a client that goes as far as a session, for those that need one.
"""

import asyncio
import os
import struct
import sys
from contextlib import suppress

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary, struct_to_binary

from plantctl.core.clock import RealClock

CLOCK = RealClock()
PATIENCE_S = 25.0
HELLO = struct.pack("<IIIII", 0, 65_535, 65_535, 0, 0) + struct.pack("<i", 20) + b"opc.tcp://127.0.0.1/"


def message(kind, body, chunk=b"F", size=None):
    """A message of the transport; `size` where another length is claimed."""
    return kind + chunk + struct.pack("<I", 8 + len(body) if size is None else size) + body


class Talker:
    """A client on an open channel that can say what it wants, in any order."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.channel = self.token = self.sequence = self.request = 0
        self.auth = ua.NodeId()

    async def greet(self):
        self.writer.write(message(b"HEL", HELLO))
        assert (await self.read())[0] == b"ACK"

    async def open(self):
        await self.greet()
        request = ua.OpenSecureChannelRequest()
        request.Parameters.SecurityMode = ua.MessageSecurityMode.None_
        request.Parameters.RequestedLifetime = 600_000
        request.Parameters.ClientNonce = b""
        policy = b"http://opcfoundation.org/UA/SecurityPolicy#None"
        header = struct.pack("<i", len(policy)) + policy + struct.pack("<ii", -1, -1)
        self.sequence += 1
        self.request += 1
        body = struct.pack("<I", 0) + header + struct.pack("<II", self.sequence, self.request)
        self.writer.write(message(b"OPN", body + struct_to_binary(request)))
        kind, body = await self.read()
        assert kind == b"OPN", kind
        response = struct_from_binary(ua.OpenSecureChannelResponse, Buffer(body[4 + len(header) + 8 :]))
        self.channel, self.token = (
            response.Parameters.SecurityToken.ChannelId,
            response.Parameters.SecurityToken.TokenId,
        )
        return self

    def frame(self, body, chunk=b"F", sequence=None):
        """A chunk of a request."""
        self.sequence = self.sequence + 1 if sequence is None else sequence
        head = struct.pack("<IIII", self.channel, self.token, self.sequence, self.request)
        return message(b"MSG", head + body, chunk)

    def say(self, request):
        """A request, as a whole."""
        self.request += 1
        request.RequestHeader.AuthenticationToken = self.auth
        request.RequestHeader.RequestHandle = self.request
        self.writer.write(self.frame(struct_to_binary(request)))

    async def ask(self, request, response):
        self.say(request)
        kind, body = await self.read()
        assert kind == b"MSG", kind
        told = nodeid_from_binary(Buffer(body[16:])).Identifier
        assert told != ua.ObjectIds.ServiceFault_Encoding_DefaultBinary, "refused"
        return struct_from_binary(response, Buffer(body[16:]))

    async def read(self):
        head = await self.reader.readexactly(8)
        return head[:3], await self.reader.readexactly(struct.unpack("<I", head[4:])[0] - 8)

    async def log_in(self):
        await self.open()
        request = ua.CreateSessionRequest()
        request.Parameters.RequestedSessionTimeout = 3_600_000.0
        request.Parameters.ClientNonce = b"n" * 32
        self.auth = (await self.ask(request, ua.CreateSessionResponse)).Parameters.AuthenticationToken
        request = ua.ActivateSessionRequest()
        request.Parameters.UserIdentityToken = ua.AnonymousIdentityToken(PolicyId="anonymous")
        await self.ask(request, ua.ActivateSessionResponse)
        return self


# ---- what they do


async def silent(reader, writer):
    """Says nothing."""


async def half_hello(reader, writer):
    """Says hello byte by byte, and never to its end."""
    for byte in message(b"HEL", HELLO, size=4_000) * 30:
        if reader.at_eof() or writer.is_closing():
            return
        writer.write(bytes([byte]))
        await CLOCK.sleep(0.05)


async def giant_hello(reader, writer):
    """Announces a hello of 4 GB and sends what it can of it."""
    writer.write(message(b"HEL", b"x" * 60_000, size=0xFFFF_FFF0))
    while not reader.at_eof():
        writer.write(b"x" * 65_536)
        await writer.drain()


async def giant_message(reader, writer):
    """Announces a message of 2 GB on an open channel."""
    talker = await Talker(reader, writer).open()
    writer.write(message(b"MSG", struct.pack("<IIII", talker.channel, talker.token, 3, 3), size=0x7FFF_FFFF))
    while not reader.at_eof():
        writer.write(b"x" * 65_536)
        await writer.drain()


async def endless_chunks(reader, writer):
    """One message of chunks without end."""
    talker = await Talker(reader, writer).open()
    while not reader.at_eof():
        writer.write(talker.frame(b"x" * 60_000, b"C"))
        await writer.drain()


async def many_small_chunks(reader, writer):
    """One message of very small chunks without end."""
    talker = await Talker(reader, writer).open()
    while not reader.at_eof():
        writer.write(b"".join(talker.frame(b"x", b"C") for _ in range(500)))
        await writer.drain()


async def channel_only(reader, writer):
    """Opens a channel and stays."""
    await Talker(reader, writer).open()


async def many_sessions(reader, writer):
    """Begins session after session."""
    talker = await Talker(reader, writer).open()
    while not reader.at_eof():
        request = ua.CreateSessionRequest()
        request.Parameters.ClientNonce = b"n" * 32
        talker.say(request)
        await talker.read()


async def slow_reader(reader, writer):
    """Asks for much and reads nothing of it."""
    talker = await Talker(reader, writer).log_in()
    reader._transport.pause_reading()
    request = ua.BrowseRequest()
    wanted = ua.BrowseDescription(ua.NodeId(ua.ObjectIds.Server), ua.BrowseDirection.Forward)
    wanted.ResultMask = 63
    request.Parameters.NodesToBrowse = [wanted] * 500
    while not writer.is_closing():
        talker.say(request)
        await writer.drain()


async def greedy_subscriber(reader, writer):
    """Monitors as much as it is let, with queues as long as it is let, and never asks for what it is told."""
    talker = await Talker(reader, writer).log_in()
    for _ in range(20):
        request = ua.CreateSubscriptionRequest()
        request.Parameters.RequestedPublishingInterval = 0.0
        request.Parameters.RequestedLifetimeCount = 1 << 31
        request.Parameters.RequestedMaxKeepAliveCount = 1 << 31
        request.Parameters.PublishingEnabled = True
        found = await talker.ask(request, ua.CreateSubscriptionResponse)
        if not found.ResponseHeader.ServiceResult.is_good():
            break
        items = ua.CreateMonitoredItemsRequest()
        items.Parameters.SubscriptionId = found.Parameters.SubscriptionId
        node = ua.ReadValueId(ua.NodeId("40-FI-4013", 2), ua.AttributeIds.Value)
        settings = ua.MonitoringParameters(1, 0.0, None, 0xFFFF_FFFF, True)
        items.Parameters.ItemsToCreate = [
            ua.MonitoredItemCreateRequest(node, ua.MonitoringMode.Reporting, settings)
        ] * 800
        await talker.ask(items, ua.CreateMonitoredItemsResponse)


async def garbage(reader, writer):
    """Sends what is no message."""
    writer.write(os.urandom(4_000))


async def garbage_inside(reader, writer):
    """Sends requests that are none on an open channel."""
    talker = await Talker(reader, writer).open()
    while not reader.at_eof():
        talker.request += 1
        writer.write(talker.frame(os.urandom(500)))
        await writer.drain()


async def deep(reader, writer):
    """Sends a value that holds a value that holds a value."""
    talker = await Talker(reader, writer).log_in()
    inner = b"\x18" + struct.pack("<i", 1)  # a variant of a variant, and so on
    body = struct_to_binary(_write_head(talker)) + inner * 8_000
    writer.write(talker.frame(body))


def _write_head(talker):
    talker.request += 1
    request = ua.WriteRequest()
    request.RequestHeader.AuthenticationToken = talker.auth
    return request


async def swollen(reader, writer):
    """Sends arrays whose elements are a byte each on the wire and hundreds in memory, again and again."""
    talker = await Talker(reader, writer).log_in()
    while not reader.at_eof():
        value = ua.WriteValue(ua.NodeId("40-AIC-4212.sp", 2), ua.AttributeIds.Value)
        value.Value = ua.DataValue(ua.Variant([ua.Variant()] * 50_000, ua.VariantType.Variant))
        request = ua.WriteRequest()
        request.Parameters.NodesToWrite = [value]
        talker.say(request)
        await talker.read()


KINDS = (
    silent,
    half_hello,
    giant_hello,
    giant_message,
    endless_chunks,
    many_small_chunks,
    channel_only,
    many_sessions,
    slow_reader,
    greedy_subscriber,
    garbage,
    garbage_inside,
    deep,
    swollen,
)


async def attack(host, port, kind, patience_s=PATIENCE_S):
    """One hostile client, until it is let go or its patience is over."""
    with suppress(OSError, EOFError, AssertionError, asyncio.IncompleteReadError, TimeoutError, ConnectionError):
        async with asyncio.timeout(patience_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                await kind(reader, writer)
                while await reader.read(65_536):
                    pass
            finally:
                writer.transport.abort()


def main():
    """`python -m tests.opcua_hostile HOST PORT COUNT PATIENCE_S [KIND]`"""
    host, port, count, patience_s, *kinds = sys.argv[1:]
    chosen = [kind for kind in KINDS if not kinds or kind.__name__ in kinds]

    async def all_of_them():
        await asyncio.gather(
            *(attack(host, int(port), chosen[k % len(chosen)], float(patience_s)) for k in range(int(count)))
        )

    asyncio.run(all_of_them())


if __name__ == "__main__":
    main()
