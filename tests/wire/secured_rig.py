"""Both ends of a secured OPC UA link: their folders of keys, a server that can be set up wrongly, and the driver.

Keys take a tenth of a second each to make: they are made once for all tests and copied, like files in the world.
"""

import functools
import shutil
import tempfile
from pathlib import Path

from asyncua import ua

from plantctl.app.certificates import Application, make_pair, trust, write_secret
from plantctl.core.virtual_loop import START_UTC_NS
from plantctl.drivers._certificates import read_certificate, read_pair
from simulators.servers.plc_access import AccountRules, PlcAccess
from tests.wire.field_rig import running
from tests.wire.opcua_rig import Controller, plc, world

DAY_NS = 86_400_000_000_000
SERVER_URI = "urn:pct-plc-4"
USER, PASSWORD = "plantctl", "sesame-canary-71"
SECURE = {
    "policy": "Basic256Sha256",
    "mode": "SignAndEncrypt",
    "user": USER,
    "password_file": "plc-4.password",
}
POLICIES = ua.SecurityPolicyType


@functools.cache
def _made(name, uri, host, begin_days, days):
    """A folder with a pair, made once."""
    folder = Path(tempfile.mkdtemp(prefix="plantctl-test-pair-"))
    _folders.append(folder)
    make_pair(folder, Application(name, uri, [host]), START_UTC_NS + begin_days * DAY_NS, days=days)
    return folder


_folders = []


def remove_pairs():
    """Remove what `_made` has made."""
    while _folders:
        shutil.rmtree(_folders.pop())
    _made.cache_clear()


def pair(folder, name="server", uri=SERVER_URI, host="127.0.0.1", begin_days=0, days=730):
    """Put a pair into `folder`; its certificate."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in _made(name, uri, host, begin_days, days).iterdir():
        shutil.copy2(path, folder)
    return read_certificate(folder / "own.der")


class Ends:
    """The folders of both ends: `ours` the plant's security folder, `theirs` the server's."""

    def __init__(self, folder, ours=None, theirs=None):
        self.ours, self.theirs = folder / "ours", folder / "theirs"
        self.client = pair(self.ours, "client", uri="urn:host:plantctl:bench", **(ours or {}))
        self.server = pair(self.theirs, **(theirs or {}))
        self.theirs_trusts(self.client)
        trust(self.ours, self.server, "PLC-4")
        self.password(PASSWORD)
        (self.theirs / "writers").mkdir()
        (self.theirs / "writers" / f"{USER}.password").write_text(PASSWORD)

    def password(self, text):
        write_secret(self.ours / "plc-4.password", f"{text}\n".encode())

    def theirs_trusts(self, certificate):
        trust(self.theirs, certificate, "client")

    @property
    def trusted(self):
        """The file of the server's certificate in our list."""
        [path] = (self.ours / "trusted").iterdir()
        return path


class Secured(Controller):
    """A server with the access rules of the simulated PLC, and what a test changes of them."""

    def __init__(self, clock, ends, policies=(POLICIES.Basic256Sha256_SignAndEncrypt,), tokens=None, key=None):
        super().__init__(clock)
        self.access = PlcAccess(ends.theirs, clock)
        self.policies = list(policies)
        self.tokens = tokens or [ua.UserNameIdentityToken]
        self.key = key

    async def protect(self, server):
        server.set_security_policy(self.policies, AccountRules())
        server.set_identity_tokens(self.tokens)
        server.disable_clock(True)
        certificate, key = self.access.own()
        server.iserver.certificate, server.iserver.private_key = certificate, self.key or key
        server.iserver.user_manager = self.access
        server.iserver.certificate_validator = self.access.validate
        await server.set_application_uri(self.access.application())

    def sessions(self):
        """The security of every connection that is there: policy and mode."""
        transports = self.server.bserver.iserver.asyncio_transports
        connections = [t.get_protocol().processor._connection for t in transports]
        return [(c.security_policy.URI.rpartition("#")[2], c.security_policy.Mode.name) for c in connections]


def secured(ends, story, security=None, server=None, kind=Secured, **device):
    """`story(rig, controller, wire)` with the driver at work over a secured link."""
    make = functools.partial(kind, ends=ends, **(server or {}))

    async def begin(clock, controller, wire):
        config = {"security": SECURE if security is None else security, "connect_timeout": "5 s", **device}
        async with running(clock, plc(wire, **config), ends.ours) as rig:
            return await story(rig, controller, wire)

    return world(begin, make=make)


def other_key(folder):
    """A key that nobody's certificate is for."""
    pair(folder, "somebody")
    return read_pair(folder / "own.der", folder / "own.key").key
