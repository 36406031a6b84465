"""Stands before every request: who may ask at all, and what every answer says to the browser.

A page of another site must not reach the plant through the browser of an operator. So a request is answered only where
its `Host` is a name of ours (a name server that points another site's name at us is of no use then) and its `Origin`,
where it has one, is ours; what changes something and the WebSocket must have one. Bodies are small and come in time.
Every answer forbids the browser whatever our page does not need.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plantctl.hmi.messages import Problem, encode
from plantctl.hmi.settings import PageSettings

BODY_BYTES_MAX: Final = 16_384
BODY_S: Final = 5.0
SEND_S: Final = 20.0
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE"})

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
NO_STORE: Final = (b"cache-control", b"no-store")


class Guard:
    """Wraps an application. `settings` say which hosts and origins are ours."""

    def __init__(self, app: ASGIApp, settings: PageSettings) -> None:
        self._app = app
        self._hosts = settings.hosts
        self._origins = settings.origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        refusal = self._refusal(scope)
        guarded = _Answer(scope, send)
        if refusal is not None:
            await refuse(scope, guarded, refusal)
            return
        if scope["type"] == "http":
            try:
                body = await _body(scope, receive)
            except _BodyRefused as refused:
                await refuse(scope, guarded, refused.problem)
                return
            receive = _once(body, receive)
        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Problem | None:
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return Problem("misdirected request", 421, "this plant is not served under that name", "wrong-host")
        changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
        if (origins and (len(origins) > 1 or origins[0].lower() not in self._origins)) or (changes and not origins):
            return Problem("forbidden", 403, "the request comes from a page that is not ours", "wrong-origin")
        site = _values(scope, b"sec-fetch-site")
        if changes and site and site != ["same-origin"]:
            return Problem("forbidden", 403, "the request comes from a page that is not ours", "wrong-origin")
        if scope["type"] == "http" and scope["method"] not in METHODS:
            return Problem("method not allowed", 405, "there is no such method here", "wrong-method")
        return None


class _Answer:
    """Adds what every answer says, and gives up on a client that does not take it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._send = send
        self._http = scope["type"] == "http"
        self._abort: Callable[[], None] = scope["state"]["abort"]

    async def __call__(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start", "websocket.accept"):
            headers = [*message.get("headers", ()), *HEADERS]
            if not any(name == NO_STORE[0] for name, _ in headers):
                headers.append(NO_STORE)
            message = {**message, "headers": headers}
        if not self._http:
            # A WebSocket has deadlines of its own.
            await self._send(message)
            return
        try:
            async with asyncio.timeout(SEND_S):
                await self._send(message)
        except TimeoutError:
            self._abort()


class _BodyRefused(Exception):
    """A body that is too long, or does not come."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


async def _body(scope: Scope, receive: Receive) -> bytes:
    """The whole body of a request."""
    too_long = Problem("content too large", 413, f"a request has at most {BODY_BYTES_MAX} bytes", "too-large")
    if any(not length.isdigit() or int(length) > BODY_BYTES_MAX for length in _values(scope, b"content-length")):
        raise _BodyRefused(too_long)
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return b""
                parts.append(message.get("body", b""))
                length += len(parts[-1])
                if length > BODY_BYTES_MAX:
                    raise _BodyRefused(too_long)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        late = Problem("request timeout", 408, f"a request is here within {BODY_S:g} s", "too-slow")
        raise _BodyRefused(late) from None


def _once(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read already, then whatever else comes."""
    given: list[bytes] = [body]

    async def again() -> Message:
        if given:
            return {"type": "http.request", "body": given.pop(), "more_body": False}
        return await receive()

    return again


async def refuse(scope: Scope, send: Send, problem: Problem) -> None:
    """Answer with a problem, before anything else was answered."""
    body = encode(problem).encode()
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    headers: Iterable[tuple[bytes, bytes]] = (
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    )
    await send({"type": f"{kind}.start", "status": problem.status, "headers": list(headers)})
    await send({"type": f"{kind}.body", "body": body})


def _values(scope: Scope, name: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1").strip() for key, value in headers if key == name]


__all__: list[Any] = ["HEADERS", "POLICY", "Guard", "refuse"]
