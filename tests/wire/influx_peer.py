"""A database that takes line protocol as InfluxDB 2 and 1 do, as strict as none of them, on a port of its own.

What it keeps is `rows`, by series and time, as a database does. What it does next is `play`, one `Act` a request;
with none left it is a good database. Whatever is wrong with a request is in `faults`, and answered with 400 or 401.
"""

import asyncio
import base64
import gzip
import json
import ssl
import zlib
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from tests.line_protocol import BadLine, read_lines

WORDS = {204: "No Content", 400: "Bad Request", 401: "Unauthorized", 429: "Too Many Requests"}


@dataclass
class Act:
    """What to do with a request instead of keeping it."""

    status: int = 204
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    keep: bool = False  # the lines are kept all the same
    hang: bool = False  # no answer, ever
    cut: str = ""  # the connection ends: `request` half-way in it, `before` or `within` the answer
    early: bool = False  # the answer goes out before the body is read
    pieces: int = 1  # the answer comes in so many pieces


@dataclass
class Request:
    path: str
    query: dict
    headers: dict
    body: bytes


class InfluxPeer:
    def __init__(self, api="v2", query=None, secret="canary-token", base=""):
        self.api, self.secret, self.base = api, secret, base
        own = {"v2": {"org": "works", "bucket": "line a&b", "precision": "ns"}, "v1": {"db": "plant", "precision": "n"}}
        self.query = query or own[api]
        self.rows, self.requests, self.faults, self.play = {}, [], [], []
        self.connections = 0
        self.port = 0
        self.held = asyncio.Event()  # a request hangs
        self._tasks = set()

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None):
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, ssl=tls, limit=1 << 26)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    async def hang_up(self):
        """Every connection ends, as when the server dies between two requests."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass  # the other side is gone
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await writer.wait_closed()

    async def _exchange(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = head[0].split(" ")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in head[1:] if line)}
        act = self.play.pop(0) if self.play else None
        length = int(headers["content-length"])
        if act and act.early:
            await self._answer(writer, act)
            return False
        if act and act.cut == "request":
            await reader.readexactly(length // 2)
            writer.transport.abort()
            return False
        parts = urlsplit(target)
        request = Request(parts.path, dict(parse_qsl(parts.query)), headers, await reader.readexactly(length))
        self.requests.append(request)
        if act and act.hang:
            self.held.set()
            await asyncio.Event().wait()
        fault = f"{method}, not POST" if method != "POST" else self._fault(request)
        if act is None or act.keep:
            fault = fault or self._keep(request)
        if fault:
            self.faults.append(fault)
            status = 401 if "authorization" in fault else 400
            act = Act(status, json.dumps({"code": "invalid", "message": fault}).encode())
        return await self._answer(writer, act or Act())

    async def _answer(self, writer, act):
        if act.cut == "before":
            writer.transport.abort()
            return False
        length = {} if act.status == 204 else {"Content-Length": len(act.body)}
        lines = [f"{key}: {value}" for key, value in (length | act.headers).items()]
        head = "\r\n".join([f"HTTP/1.1 {act.status} {WORDS.get(act.status, 'Whatever')}", *lines, "", ""]).encode()
        answer = head + act.body
        if act.cut == "within":
            writer.write(answer[: len(answer) - 1 - len(act.body) // 2])
            await writer.drain()
            return False
        step = -(-len(answer) // act.pieces)
        for at in range(0, len(answer), step):
            writer.write(answer[at : at + step])
            await writer.drain()
        return True

    def _fault(self, request):
        """What is wrong with how the request is addressed and dressed."""
        wanted = self.base + ("/api/v2/write" if self.api == "v2" else "/write")
        pair = base64.b64encode(f"feed:{self.secret}".encode()).decode()
        admitted = f"Token {self.secret}" if self.api == "v2" else f"Basic {pair}"
        checks = {
            f"path {request.path}": request.path == wanted,
            f"query {request.query}": request.query == self.query,
            f"authorization {request.headers.get('authorization')}": request.headers.get("authorization") == admitted,
            f"type {request.headers.get('content-type')}": request.headers.get("content-type", "").startswith(
                "text/plain"
            ),
            "a cookie": "cookie" not in request.headers,
            "an encoding for the answer": request.headers.get("accept-encoding") == "identity",
        }
        return "; ".join(what for what, good in checks.items() if not good)

    def _keep(self, request):
        body = request.body
        try:
            if request.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            lines = read_lines(body)
        except (BadLine, OSError, EOFError, zlib.error) as fault:
            return f"unable to parse: {fault}"
        if not lines:
            return "nothing in it"
        for line in lines:
            series = (line.measurement, tuple(line.tags.items()), line.time_ns)
            self.rows.setdefault(series, {}).update(line.fields)
        return ""
