"""Answers who measures the plant: `GET /metrics`. Whoever may look at the plant may measure it.

That is a session, a user by Basic authentication, which is what Prometheus has, and, where the plant's text says so,
any program of this machine. A text is worked out once a second at most, however many ask, and in parts, so that pages
get their values in between.

Rules of the file: a password is checked once, not with every scrape; what is remembered of it is a digest that is good
as long as the user's entry is the one it was checked against.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from plantctl.core.clock import RealClock
from plantctl.core.metrics_serving import MetricsServing
from plantctl.hmi.exposition import END, OPEN_KIND, TEXT_KIND, wants_openmetrics
from plantctl.hmi.live import Live
from plantctl.hmi.live_plant import WatchedPlant
from plantctl.hmi.messages import Role
from plantctl.hmi.metrics import PlantMetrics
from plantctl.hmi.settings import is_loopback
from plantctl.hmi.users import User, Users

PATH: Final = "/metrics"
GOOD_FOR_NS: Final = 1_000_000_000
CHALLENGE: Final = {"www-authenticate": 'Basic realm="plantctl", charset="UTF-8"'}


class Scrapes:
    """Who may measure, and the answer. `check` is given a user and a password and tells the role; it may refuse."""

    def __init__(
        self, plant: WatchedPlant, live: Live, users: Users, check: Callable[[str, str], Awaitable[Role | None]]
    ) -> None:
        serving = plant.plan.metrics or MetricsServing()
        self._loopback = serving.loopback
        self._plant = plant
        self._live = live
        self._users = users
        self._check = check
        self._metrics = PlantMetrics(plant, serving.points)
        self._working = asyncio.Lock()
        self._answers: dict[bool, tuple[int, bytes]] = {}
        self._salt = secrets.token_bytes(16)
        self._known: dict[str, tuple[bytes, User]] = {}

    async def may(self, request: Request) -> bool:
        """Whether this request may measure, without a session."""
        if self._loopback and request.client is not None and is_loopback(request.client.host):
            return True
        pair = _user_and_password(request.headers.get("authorization", "")[:1000])
        if pair is None:
            return False
        name, password = pair
        user = self._users.all().get(name)
        digest = hmac.digest(self._salt, f"{name}:{password}".encode(), hashlib.sha256)
        known, checked = self._known.get(name, (b"", None))
        if user is not None and user == checked and hmac.compare_digest(known, digest):
            return True
        if await self._check(name, password) is None or user is None:
            return False
        self._known[name] = (digest, user)
        return True

    async def answer(self, request: Request) -> Response:
        """The measurements, in the format that is asked for."""
        openmetrics = wants_openmetrics(request.headers.get("accept", ""))
        async with self._working:
            at_ns, body = self._answers.get(openmetrics, (0, b""))
            now_ns = self._plant.monotonic_ns()
            if not body or not 0 <= now_ns - at_ns < GOOD_FOR_NS:
                body = await self._told(openmetrics=openmetrics)
                self._answers[openmetrics] = (now_ns, body)
        return Response(body, headers={"content-type": OPEN_KIND if openmetrics else TEXT_KIND})

    async def _told(self, *, openmetrics: bool) -> bytes:
        parts = []
        for part in self._metrics.parts(self._live.clients, openmetrics=openmetrics):
            parts.append(part)
            await RealClock().sleep(0)
        return ("".join(parts) + (END if openmetrics else "")).encode()


def _user_and_password(header: str) -> tuple[str, str] | None:
    """What Basic authentication says (RFC 7617); None where it says nothing that can be."""
    scheme, _, word = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(word.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return (name, password) if colon else None
