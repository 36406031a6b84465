"""The OPC UA server in a gateway beside a scan that is played: real sockets, and asyncua's client.

`served(plan, folder, situation, **wanted)` runs `situation(plant)`; a `Plant` connects clients and plays the scan.
"""

import asyncio
import logging
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from asyncua import Client, ua
from asyncua.crypto.uacrypto import CertProperties

from plantctl.app.certificates import Application, make_pair, make_private, plant_application, trust, write_secret
from plantctl.app.opcua_socket import opcua_socket
from plantctl.app.split.gateway import serve
from plantctl.app.split.segments import Role
from plantctl.app.state_folder import SECURITY_NAME
from plantctl.core.clock import RealClock
from plantctl.core.frame import RowsFlag
from plantctl.core.opcua_serving import OpcuaServing
from plantctl.drivers._certificates import read_certificate
from plantctl.hmi.opcua.settings import ADDRESS_NAME
from plantctl.hmi.users import Users
from tests.gateway_bench import Bench
from tests.page_bench import Page

LIMIT_S = 90
CLOCK = RealClock()
OPEN = {"port": 0, "insecure": True, "anonymous": True}
PASSWORD = "correct horse 17"
INDEX = 2


class Plant(Page):
    """A served plant: `settings`, the `bench` with its played scan."""

    async def begin(self, plan, offset_ns=None):
        self.bench = Bench(plan, self.folder, opcua=self.settings)
        self.scan = self.bench.scan
        if offset_ns is not None:
            self.scan.offset_ns = offset_ns
        self._wakes = self.bench.memory.for_role(Role.SCAN)
        self.scan.now_ns = CLOCK.monotonic_ns()
        self.scan.come_back()
        self.publish({"40-FI-4013": (0.5, 0)}, RowsFlag.RUN_START)
        self._ended = asyncio.Event()
        self._gateway = asyncio.create_task(serve(self.bench.given, self._ended))
        while not (self.folder / ADDRESS_NAME).exists():
            assert not self._gateway.done(), self._gateway
            await CLOCK.sleep(0.01)

    @property
    def url(self):
        return self.settings.url

    def client(self, user="", password="", **settings):
        """A client that is not connected yet."""
        client = Client(self.url, timeout=settings.pop("timeout", 10), **settings)
        client._watchdog_intervall = 60.0
        if user:
            client.set_user(user)
            client.set_password(password or PASSWORD)
        return client

    @asynccontextmanager
    async def connected(self, user="", password="", secure=None, **settings):
        """A client that is; with `secure` a policy by its name, over the keys of `self.peer`."""
        client = self.client(user, password, **settings)
        if secure:
            await self.secure(client, secure)
        await client.connect()
        try:
            yield client
        finally:
            await client.disconnect()

    async def secure(self, client, policy, peer=None):
        """Give a client keys and a policy."""
        from asyncua.crypto import security_policies

        peer = peer or self.peer
        client.application_uri = peer.uri
        await client.set_security(
            getattr(security_policies, f"SecurityPolicy{policy}"),
            peer.folder / "own.der",
            CertProperties(peer.folder / "own.key", "pem"),
            server_certificate=self.folder / SECURITY_NAME / "own.der",
        )

    def node(self, client, identifier):
        return client.get_node(ua.NodeId(identifier, INDEX))

    def users(self):
        return Users(self.folder)


@cache
def _made(name, uri, hosts):
    """The files of a pair by name, made once: that takes tenths of a second."""
    with TemporaryDirectory() as folder:
        make_pair(Path(folder), Application(name, uri, hosts), CLOCK.utc_ns())
        return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


def pair(folder, application):
    """Put a pair into `folder`; its certificate."""
    make_private(folder)
    for name, data in _made(application.name, application.uri, tuple(application.hosts)).items():
        write_secret(folder / name, data)
    return read_certificate(folder / "own.der")


class Peer:
    """A client's own keys, in `folder`."""

    def __init__(self, folder, name="client"):
        self.folder = folder
        self.uri = f"urn:test:{name}"
        self.certificate = pair(folder, Application(name, self.uri, ["127.0.0.1"]))


def served(plan, folder, situation, *, secure=False, trusted=True, **wanted):
    """Run `situation(plant)` beside a gateway that serves OPC UA; `secure` with keys, and a peer that has them."""
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    folder.mkdir(parents=True, exist_ok=True)
    serving = OpcuaServing(**({"port": 0} if secure else OPEN) | wanted)
    peer = None
    if secure:
        security = folder / SECURITY_NAME
        own = pair(security, plant_application("bench", "localhost", ["127.0.0.1"]))
        peer = Peer(folder / "peer")
        if trusted:
            trust(security, peer.certificate, "peer")
        assert own

    async def main():
        with opcua_socket(plan.name, serving, folder, CLOCK.utc_ns()) as settings:
            plant = Plant(settings, folder)
            plant.peer = peer
            await plant.begin(plan)
            try:
                await situation(plant)
            finally:
                await plant.end()

    asyncio.run(asyncio.wait_for(main(), LIMIT_S))
