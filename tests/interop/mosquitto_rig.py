"""Debian's mosquitto with the examples of deploy/mosquitto, on a free port in a temporary folder, and a listener."""

import asyncio
import contextlib
import datetime
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from ipaddress import ip_address
from pathlib import Path

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

EXAMPLES = Path(__file__).parents[2] / "deploy" / "mosquitto"
PASSWORDS = {"bench": "sesame-canary-81", "scada": "host-canary-17", "historian": "reader-canary-5"}
START_S = 20.0


class Authority:
    """A certificate authority of the test; `issue` writes NAME.pem and NAME.key."""

    def __init__(self, folder, name):
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self._signed(self.subject, self.key, authority=True))

    def issue(self, name, *hosts):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        (self.folder / f"{name}.pem").write_bytes(self._signed(subject, key, hosts))
        pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        secret(self.folder / f"{name}.key", key.private_bytes(*pem))

    def _signed(self, subject, key, hosts=(), *, authority=False):
        now = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        built = x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(key.public_key())
        built = built.serial_number(x509.random_serial_number()).not_valid_before(now)
        built = built.not_valid_after(now + datetime.timedelta(days=36_500))
        built = built.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        if hosts:
            names = [x509.IPAddress(ip_address(h)) if h[0].isdigit() else x509.DNSName(h) for h in hosts]
            built = built.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return built.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def secret(path, data):
    """A file that only we can read."""
    path.touch(0o600)
    path.write_bytes(data)
    return path


class Mosquitto:
    """The broker in `folder`, by an example of deploy/mosquitto; ended by its number."""

    def __init__(self, folder, example="plantctl.conf"):
        self.folder = folder
        self.authority = Authority(folder, "authority")
        self.authority.issue("broker", "127.0.0.1")
        (folder / "data").mkdir()
        (folder / "plantctl.acl").write_text((EXAMPLES / "plantctl.acl").read_text())
        for name, password in PASSWORDS.items():
            create = ["-c"] if name == next(iter(PASSWORDS)) else []
            words = ["mosquitto_passwd", "-b", *create, str(folder / "plantctl.passwd"), name, password]
            subprocess.run(words, check=True, timeout=20, capture_output=True)
            secret(folder / f"{name}.password", password.encode())
        self.child = None
        self.running = asyncio.Event()
        self.port = free_port()
        places = {
            "/etc/mosquitto/certs/plants-ca.pem": self.authority.path,
            "/etc/mosquitto/certs": folder,
            "/etc/mosquitto": folder,
            "listener 8883": f"listener {self.port} 127.0.0.1",
        }
        text = (EXAMPLES / example).read_text()
        for said, here in places.items():
            assert said in text or example != "plantctl.conf" or "plants-ca" in said
            text = text.replace(said, str(here))
        own = f"user {'root' if os.geteuid() == 0 else 'mosquitto'}\nlog_dest stderr\n"
        own += f"persistence true\npersistence_location {folder / 'data'}/\n"
        (folder / "mosquitto.conf").write_text(text + own)

    @property
    def url(self):
        return f"mqtts://127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.end(signal.SIGTERM)

    def start(self):
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program, "there is no mosquitto: make interop"
        words = [program, "-c", str(self.folder / "mosquitto.conf")]
        self.child = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        said = []
        for line in self.child.stderr:
            said.append(line)
            if " running" in line:
                break
        else:
            raise AssertionError(f"mosquitto has not started: {''.join(said)}")
        self.running.set()

    def knows(self, client):
        """Whether it has saved the session of this client."""
        saved = self.folder / "data" / "mosquitto.db"
        return saved.exists() and client.encode() in saved.read_bytes()

    def end(self, how=signal.SIGKILL):
        self.running.clear()
        self.child.send_signal(how)
        self.child.wait(START_S)
        self.child.stderr.close()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Listener:
    """A subscriber whose session outlives its connections; comes back by itself.

    `hear` gets each message as topic, payload, QoS, retained; by default `told` keeps it. As the Sparkplug host `host`
    it says when it is there, and forgets its session with its connection, as hosts must.
    """

    def __init__(self, broker, *topics, user="historian", hear=None, host=None):
        self._host = host
        self.told = []
        self._broker, self._topics, self._user = broker, topics, user
        self._hear = hear or (lambda *message: self.told.append(message))
        self._news, self.ready = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self):
        task = asyncio.create_task(self._listen())
        await self.ready.wait()
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def client(self, name, **more):
        parameters = aiomqtt.TLSParameters(ca_certs=str(self._broker.authority.path))
        account = {"username": self._user, "password": PASSWORDS[self._user], "tls_params": parameters}
        quiet = logging.getLogger("tests.mqtt")
        quiet.disabled = True
        return aiomqtt.Client("127.0.0.1", self._broker.port, identifier=name, logger=quiet, **account, **more)

    async def _listen(self):
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with self.client(self._user, clean_session=bool(self._host), **self._will()) as client:
                    await client.subscribe([(topic, 1) for topic in self._topics])
                    if self._host:
                        await client.publish(f"spBv1.0/STATE/{self._host}", self._state(True), 1, True)
                    self.ready.set()
                    self._news.set()
                    try:
                        async for message in client.messages:
                            self._take(message)
                    except asyncio.CancelledError:
                        if self._host:
                            await client.publish(f"spBv1.0/STATE/{self._host}", self._state(False), 1, True)
                        raise
                    finally:
                        while len(client.messages):  # they have been acknowledged, and nobody will send them again
                            self._take(client._queue.get_nowait())
            self.ready.clear()
            self._news.set()
            await self._broker.running.wait()

    def _take(self, message):
        self._hear(message.topic.value, message.payload, message.qos, message.retain)
        self._news.set()

    def _will(self):
        if not self._host:
            return {}
        self._time_ms = time.time_ns() // 1_000_000
        return {"will": aiomqtt.Will(f"spBv1.0/STATE/{self._host}", self._state(False), 1, True)}

    def _state(self, online):
        return json.dumps({"online": online, "timestamp": self._time_ms})

    async def turn(self):
        """Until something was heard, or for a hundredth of a second."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await self._news.wait()

    async def until(self, condition, seconds=20.0):
        async with asyncio.timeout(seconds):
            while not (found := condition()):
                self._news.clear()
                await self._news.wait()
        return found

    async def say(self, topic, payload, qos=1, retain=False):
        """As this user, over a connection of its own."""
        async with self.client(f"{self._user}-says") as client:
            await client.publish(topic, payload, qos, retain)
