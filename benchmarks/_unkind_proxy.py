"""A proxy before a database that does to requests what networks and busy servers do to them."""

import asyncio
from collections import Counter
from random import Random

from plantctl.core.clock import RealClock

CLOCK = RealClock()


class Proxy:
    """Passes requests on, or does to them what networks and busy servers do. `unkind` is the share that it spoils."""

    def __init__(self, port, seed=3):
        self._port = port
        self._chance = Random(seed)
        self.unkind = 0.0
        self.port = 0
        self.done = Counter()

    async def serve(self):
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _connection(self, reader, writer):
        upstream = None
        try:
            upstream = await asyncio.open_connection("127.0.0.1", self._port)
            while await self._request(reader, writer, *upstream):
                continue
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            if upstream is not None:
                upstream[1].close()

    async def _request(self, reader, writer, server_reader, server_writer):
        """One request; False where the connection is to end. It ends with that to the server, as a tunnel does."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        act = self._chance.choice(ACTS) if self._chance.random() < self.unkind else "pass"
        self.done[act] += 1
        if act == "hang":
            await CLOCK.sleep(60.0)  # as a peer hangs; the sink's patience ends it
            return False
        if act == "cut request" or server_reader.at_eof():
            return False
        if act in ANSWERS:
            writer.write(ANSWERS[act])
            await writer.drain()
            return True
        server_writer.write(head + body)
        await server_writer.drain()
        answer = await server_reader.readuntil(b"\r\n\r\n")
        answer += await server_reader.readexactly(_length(answer))
        if act == "lost answer":
            return False
        writer.write(answer)
        await writer.drain()
        return True


def _length(head):
    found = [x for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")]
    return int(found[0].split(b":")[1]) if found else 0


def _said(status, more=b""):
    body = b'{"error":"played"}'
    return b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s" % (
        status,
        len(body),
        more,
        body,
    )


ANSWERS = {
    "503": _said(b"503 Service Unavailable"),
    "429": _said(b"429 Too Many Requests", b"Retry-After: 1\r\n"),
    "400": _said(b"400 Bad Request"),
}
ACTS = [*ANSWERS, "cut request", "lost answer", "hang"]


class Proxied:
    """The proxy while it serves."""

    def __init__(self, proxy):
        self.proxy = proxy

    async def __aenter__(self):
        self.server = await self.proxy.serve()
        return self.proxy

    async def __aexit__(self, *_):
        self.server.close()
