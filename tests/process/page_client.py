"""A page without a screen, for plants in processes: logs in, follows values, gives commands; over another's library."""

import json
import urllib.request
from contextlib import ExitStack

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from plantctl.core.clock import RealClock
from plantctl.core.quality import SEVERITY_MASK
from plantctl.hmi.settings import PAGE_NAME
from tests.process.command_rig import wait

CLOCK = RealClock()
STEP_S = 0.05


class PageClient:
    """Follows `tags` of the plant whose state is in `folder`; `known` is value and quality by name, as a page has it.

    `heard` are all messages, each with the monotonic time at which it came in `when_ns`.
    """

    def __init__(self, folder):
        self.folder = folder
        wait((folder / PAGE_NAME).exists)
        address, _, token = (folder / PAGE_NAME).read_text().strip().partition("#token=")
        self.origin = address.rstrip("/")
        body = json.dumps({"token": token, "name": "ada"}).encode()
        asked = urllib.request.Request(
            f"{address}api/v1/session", body, {"content-type": "application/json", "origin": self.origin}
        )
        with urllib.request.urlopen(asked, timeout=20) as answer:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        self.heard, self.when_ns, self.known, self.names = [], [], {}, {}
        self._connection = ExitStack()

    def connect(self, tags, resume=None):
        """Connect and subscribe; what came first is in `heard`."""
        self.close()
        opening = connect(
            f"{self.origin.replace('http', 'ws')}/api/v1/live",
            origin=self.origin,
            additional_headers={"cookie": self.cookie},
            compression=None,
            open_timeout=20,
            close_timeout=1,
        )
        self.websocket = self._connection.enter_context(opening)
        self.hello = self.until(lambda m: m["type"] == "hello")
        self.say(type="sub", id=1, tags=tags, **({"resume": resume} if resume else {}))
        return self

    def say(self, **message):
        self.websocket.send(json.dumps(message))

    def read(self, limit_s=30.0):
        message = json.loads(self.websocket.recv(timeout=limit_s))
        self.heard.append(message)
        self.when_ns.append(CLOCK.monotonic_ns())
        if message["type"] == "sub_ok":
            self.names = message["map"]
        elif message["type"] in ("snap", "delta"):
            for number, value, quality, _ in message["v"]:
                self.known[self.names[str(number)]] = (value, quality)
        return message

    def until(self, wanted, limit_s=30.0):
        """Read until a message is wanted; that message."""
        end_ns = CLOCK.monotonic_ns() + round(limit_s * 1e9)
        while CLOCK.monotonic_ns() < end_ns:
            message = self.read(max(0.1, (end_ns - CLOCK.monotonic_ns()) / 1e9))
            if wanted(message):
                return message
        raise AssertionError("it was not told in time")

    def quiet(self):
        """Read what has come; True where nothing comes any more, since the connection is over."""
        try:
            while True:
                self.read(STEP_S)
        except TimeoutError:
            return False
        except ConnectionClosed:
            return True

    def good(self, name):
        return self.known[name][1] & SEVERITY_MASK == 0

    def stages(self, number):
        return [m for m in self.heard if m["type"] == "stage" and m["id"] == number]

    def sequences(self):
        return [m["seq"] for m in self.heard if m["type"] == "delta"]

    def close(self):
        self._connection.close()


__all__ = ["CLOCK", "PageClient"]
