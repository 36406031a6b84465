"""The page's server in a gateway beside a scan that is played: real sockets, and clients of other people's libraries.

`served(plan, folder, situation)` runs `situation(page)`; a `Page` logs in, connects, and plays the scan.
"""

import asyncio
import http.client
import json
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from plantctl.app.page_socket import page_socket
from plantctl.app.split.gateway import serve
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import SOCKET_NAME
from plantctl.core.clock import RealClock
from plantctl.core.frame import RowsFlag
from plantctl.core.segment import ProcessState
from plantctl.hmi.settings import PAGE_NAME
from tests.gateway_bench import Bench

LIMIT_S = 60
CLOCK = RealClock()
FLOW, LEVEL = "40-FI-4013", "40-LI-4211"


class Page:
    """A served page: `settings`, the `bench` with its played scan, and who is logged in (`cookie`)."""

    def __init__(self, settings, folder):
        self.settings = settings
        self.folder = folder
        self.cookie = ""
        self.host = f"127.0.0.1:{settings.port}"
        self.origin = f"http://{self.host}"

    # -- the gateway and the scan

    async def begin(self, plan, offset_ns=None):
        """`offset_ns` is what UTC shall be ahead of monotonic time, where it matters."""
        self.bench = Bench(plan, self.folder, self.settings)
        self.scan = self.bench.scan
        if offset_ns is not None:
            self.scan.offset_ns = offset_ns
        self._wakes = self.bench.memory.for_role(Role.SCAN)
        self.scan.now_ns = CLOCK.monotonic_ns()
        self.scan.come_back()
        self.publish({FLOW: (0.5, 0)}, RowsFlag.RUN_START)
        await self.begin_gateway()

    async def begin_gateway(self):
        """A gateway that knows nothing, at the same socket."""
        self._ended = asyncio.Event()
        self._gateway = asyncio.create_task(serve(self.bench.given, self._ended))
        said = self.bench.memory.for_role(Role.SCAN).reader(Role.GATEWAY)
        page = self.folder / PAGE_NAME
        while not ((self.folder / SOCKET_NAME).exists() and page.exists() and said.state is ProcessState.READY):
            assert not self._gateway.done(), self._gateway
            await CLOCK.sleep(0.01)

    async def end_gateway(self):
        self._ended.set()
        await self._gateway
        asyncio.get_running_loop().remove_reader(self.bench.given.wakes[Role.GATEWAY])

    async def end(self):
        self._gateway.cancel()
        await asyncio.gather(self._gateway, return_exceptions=True)
        asyncio.get_running_loop().remove_reader(self.bench.given.wakes[Role.GATEWAY])
        self.bench.memory.close()

    def publish(self, changed, flags=RowsFlag.NONE):
        """A scan: what it changed, and its publication."""
        self.scan.now_ns = CLOCK.monotonic_ns()
        self.scan.rows(changed, flags)
        self.scan.publish()
        self._wakes.wake(Role.GATEWAY)

    def beat(self):
        """The scan lives, without a scan."""
        self.scan.now_ns = CLOCK.monotonic_ns()
        self.scan.writer.beat(self.scan.now_ns)

    @asynccontextmanager
    async def scanning(self, answer=lambda command: None, period_s=0.1, values=lambda k: {FLOW: (0.5 + k / 1e4, 0)}):
        """Scan every `period_s` while the block runs; each command is answered by `answer`."""

        async def scans():
            k, due_ns = 0, CLOCK.monotonic_ns()
            while True:
                k += 1
                due_ns += round(period_s * 1e9)
                for command in self.scan.commands():
                    answer(command)
                self.publish(values(k))
                await CLOCK.sleep_until(due_ns)

        work = asyncio.create_task(scans())
        try:
            yield
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    # -- asking

    def token(self):
        return (self.folder / PAGE_NAME).read_text().strip().partition("#token=")[2]

    async def ask(self, method, path, body=None, **headers):
        """One request over a connection of its own: status, headers, body."""

        def asked():
            said = {"host": self.host, **{name.replace("_", "-"): value for name, value in headers.items()}}
            if method not in ("GET", "HEAD"):
                said.setdefault("origin", self.origin)
            if self.cookie:
                said.setdefault("cookie", self.cookie)
            data = body
            if isinstance(body, dict):
                data = json.dumps(body)
                said.setdefault("content-type", "application/json")
            client = http.client.HTTPConnection("127.0.0.1", self.settings.port, timeout=20)
            client.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in said.items():
                if value is not None:
                    client.putheader(name, value)
            if data is not None:
                client.putheader("content-length", str(len(data)))
            client.endheaders(data.encode() if isinstance(data, str) else data)
            answer = client.getresponse()
            told = answer.read()
            client.close()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, told

        return await asyncio.to_thread(asked)

    async def log_in(self, **body):
        """A session, by the token if nothing else is said; what the server answered."""
        status, headers, told = await self.ask(
            "POST", "/api/v1/session", body or {"token": self.token(), "name": "ada"}
        )
        if status == 200:
            self.cookie = headers["set-cookie"].partition(";")[0]
        return status, json.loads(told)

    @asynccontextmanager
    async def connected(self, tags=None, resume=None, **settings):
        """A WebSocket client; with `tags` subscribed, and its `snap` or what came in its place not yet read."""
        headers = {"cookie": settings.pop("cookie", self.cookie)}
        settings = {"origin": self.origin, "additional_headers": headers, "compression": None, **settings}
        async with connect(f"ws://{self.host}/api/v1/live", **settings) as websocket:
            client = Client(websocket)
            client.hello = await client.next("hello")
            if tags is not None:
                client.map = (await client.subscribe(tags, resume))["map"]
            yield client


class Client:
    """A client that remembers what it was told (`heard`), as a page does."""

    def __init__(self, websocket):
        self.websocket = websocket
        self.heard = []

    async def say(self, **message):
        await self.websocket.send(json.dumps(message))

    async def subscribe(self, tags, resume=None):
        message = {"type": "sub", "id": 1, "tags": tags} | ({"resume": resume} if resume else {})
        await self.say(**message)
        return await self.next("sub_ok")

    async def read(self):
        message = json.loads(await asyncio.wait_for(self.websocket.recv(), LIMIT_S))
        self.heard.append(message)
        return message

    async def next(self, *types, **wanted):
        """The next message of one of the types with these contents; others are passed over."""
        while True:
            message = await self.read()
            if message["type"] in types and all(message.get(k) == v for k, v in wanted.items()):
                return message

    async def command(self, number=9, command="set", target="40-AIC-4212.sp", value=8.1, **more):
        """Give a command; its stages to the last."""
        await self.say(type="command", id=number, command=command, target=target, value=value, **more)
        return await self.stages(number)

    async def stages(self, number=9):
        found = []
        while not found or found[-1]["stage"] in ("queued", "sent") or self._more(found[-1]):
            found.append(await self.next("stage", id=number))
        return found

    @staticmethod
    def _more(stage):
        return False

    def values(self):
        """The plant as this client knows it: value and quality by name."""
        known = {}
        names = next(m["map"] for m in reversed(self.heard) if m["type"] == "sub_ok")
        for message in self.heard:
            if message["type"] in ("snap", "delta"):
                known |= {names[str(n)]: (value, quality) for n, value, quality, _ in message["v"]}
        return known


def served(plan, folder, situation):
    """Run `situation(page)` beside a gateway that serves the page."""

    async def main():
        with page_socket(0, "", "", "", folder) as settings:
            page = Page(settings, folder)
            await page.begin(plan)
            try:
                await situation(page)
            finally:
                await page.end()

    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(asyncio.wait_for(main(), LIMIT_S))
