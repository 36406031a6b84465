"""Mail and webhook over loopback: what a strict server hears, and what is done about one that is not right."""

import email
import email.policy
import http.server
import json
import socketserver
import ssl
import threading
from contextlib import contextmanager

import pytest

from plantctl.sinks._callout_book import Telling
from plantctl.sinks._callout_carriers import Mail, Person, carrier, signature
from plantctl.sinks._callout_text import message
from plantctl.sinks._sink import SinkNotAdmitted, SinkUnreachable
from tests.authority import authority

NOW_NS = 1_763_877_600_000_000_000
KEY, PASSWORD = "canary-key", "canary-password"
SAID = message("demo", "shift", [Telling("TI-1.high", "unack", NOW_NS, NOW_NS, "", False)], {}, NOW_NS, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The secrets folder: certificates of a server and a stranger, a key and a password."""
    made = tmp_path_factory.mktemp("secrets")
    authority(made, "server")
    authority(made, "stranger")
    for name, secret in (("key", KEY), ("password", PASSWORD)):
        (made / name).write_text(f"{secret}\n")
        (made / name).chmod(0o600)
    return made


def context(folder, name="server"):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return made


class Smtp(socketserver.StreamRequestHandler):
    """A mail server that takes no command out of turn (RFC 5321), and no mail before TLS and login."""

    timeout = 10.0

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())

    def finish(self):
        super().finish()
        self.request.close()  # the one with TLS, which took the place of the first

    def handle(self):
        server = self.server
        if server.mode == "silent":
            self.rfile.read(1)
            return
        self.say("220 mail.example ESMTP")
        encrypted, admitted, sender, to = server.mode == "tls", False, None, []
        while line := self.rfile.readline().decode():
            assert line.endswith("\r\n")
            word, _, rest = line.strip().partition(" ")
            server.words.append(word.upper())
            if word.upper() == "EHLO":
                offers = ["250-mail.example"]
                offers += ["250-STARTTLS"] if not encrypted and server.mode == "starttls" else []
                offers += ["250-AUTH PLAIN"] if encrypted else []
                self.say("\r\n".join([*offers, "250 8BITMIME"]))
            elif word.upper() == "STARTTLS" and server.mode == "starttls":
                self.say("220 go on")
                self.request = server.context.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)
                encrypted = True
            elif word.upper() == "AUTH":
                assert encrypted
                import base64

                given = base64.b64decode(rest.split()[1]).decode().split("\0")
                admitted = given[1:] == ["plant", PASSWORD] and server.mode != "stranger"
                self.say("235 welcome" if admitted else "535 no")
            elif word.upper() == "MAIL" and (admitted or server.mode == "plain"):
                sender = rest
                self.say("250 ok")
            elif word.upper() == "RCPT" and sender:
                to.append(rest)
                self.say("550 nobody here" if "nobody" in rest else "250 ok")
            elif word.upper() == "DATA" and to:
                self.say("354 go on")
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line.removeprefix(b"."))
                server.mails.append((sender, to, b"".join(lines)))
                self.say("451 later" if server.mode == "later" else "250 taken")
            elif word.upper() == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("503 out of turn")


@contextmanager
def serving(kind, folder, mode="starttls", tls=False, **more):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind, bind_and_activate=True)
    server.daemon_threads = True
    server.mode, server.words, server.mails, server.asked = mode, [], [], []
    server.context = context(folder)
    if tls:
        server.socket = server.context.wrap_socket(server.socket, server_side=True)
    vars(server).update(more)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mailed(server, folder, to=("ada@plant.example",), patience_s=10.0, **settings):
    given = {"server": "127.0.0.1", "port": server.server_address[1], "sender": "plant@plant.example"}
    if settings.get("security") != "none":
        given |= {"user": "plant", "password_file": "password", "ca_file": "server.pem"}
    return carrier(Person(mail=to), Mail(**(given | settings)), folder, patience_s)(SAID, NOW_NS)


def test_a_mail_goes_encrypted_as_a_user_and_says_what_is(folder):
    with serving(Smtp, folder) as server:
        mailed(server, folder, to=("ada@plant.example", "bob@plant.example"))
    ((sender, to, data),) = server.mails
    assert server.words.index("STARTTLS") < server.words.index("AUTH") < server.words.index("DATA")
    assert "plant@plant.example" in sender
    assert len(to) == 2
    letter = email.message_from_bytes(data, policy=email.policy.default)
    assert letter["Subject"] == "[demo] ALARM: TI-1.high"
    assert letter["To"] == "ada@plant.example, bob@plant.example"
    assert letter["Message-ID"] == f"<{SAID.id}@plant.example>"
    assert "came     2025-11-23T06:00:00.000000000Z" in letter.get_content()


def test_a_mail_goes_through_tls_from_the_first_byte(folder):
    with serving(Smtp, folder, mode="tls", tls=True) as server:
        mailed(server, folder, security="tls")
    assert len(server.mails) == 1


def test_without_starttls_no_password_and_no_mail_goes(folder):
    with serving(Smtp, folder, mode="plain") as server, pytest.raises(SinkUnreachable, match="STARTTLS"):
        mailed(server, folder)
    assert "AUTH" not in server.words
    assert not server.mails


def test_a_mail_server_with_another_certificate_gets_nothing(folder):
    with serving(Smtp, folder) as server, pytest.raises(SinkNotAdmitted, match="not trusted"):
        mailed(server, folder, ca_file="stranger.pem")
    assert "AUTH" not in server.words


def test_a_wrong_password_is_for_a_person_and_in_no_message(folder, tmp_path):
    (tmp_path / "server.pem").write_bytes((folder / "server.pem").read_bytes())
    (tmp_path / "password").write_text("wrong-canary\n")
    (tmp_path / "password").chmod(0o600)
    with serving(Smtp, folder) as server, pytest.raises(SinkNotAdmitted) as caught:
        mailed(server, tmp_path)
    assert "canary" not in str(caught.value)
    assert not server.mails


def test_who_is_not_known_at_the_mail_server_was_not_told(folder):
    with serving(Smtp, folder) as server, pytest.raises(SinkUnreachable, match="nobody"):
        mailed(server, folder, to=("nobody@plant.example",))


def test_an_address_that_is_refused_beside_a_good_one_is_complained_of(folder):
    with serving(Smtp, folder) as server:
        said = mailed(server, folder, to=("ada@plant.example", "nobody@plant.example"))
    assert "nobody@plant.example" in said
    assert len(server.mails) == 1


def test_a_mail_server_that_is_silent_or_gone_is_tried_later(folder):
    with serving(Smtp, folder, mode="silent") as server, pytest.raises(SinkUnreachable):
        mailed(server, folder, patience_s=0.3)
    with pytest.raises(SinkUnreachable):
        mailed(server, folder)


class Web(http.server.BaseHTTPRequestHandler):
    timeout = 10.0

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), body))
        self.send_response(int(self.server.mode))
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def posted(server, folder, scheme="https", **settings):
    given = {"webhook": f"{scheme}://127.0.0.1:{server.server_address[1]}/calls?team=a", "key_file": "key"}
    given |= {"ca_file": "server.pem"} if scheme == "https" else {"insecure": True}
    carrier(Person(**(given | settings)), None, folder, 10.0)(SAID, NOW_NS)


def test_a_webhook_is_posted_and_signed(folder):
    with serving(Web, folder, mode="204", tls=True) as server:
        posted(server, folder)
    ((path, headers, body),) = server.asked
    assert path == "/calls?team=a"
    at, _, v1 = headers["X-Plantctl-Signature"].partition(",v1=")
    assert v1 == signature(KEY, at.removeprefix("t="), body)
    assert v1 != signature("another", at.removeprefix("t="), body)
    told = json.loads(body)
    assert (told["plant"], told["alarms"][0]["alarm"], told["test"]) == ("demo", "TI-1.high", False)
    assert headers["X-Plantctl-Id"] == told["id"] == SAID.id


@pytest.mark.parametrize(
    ("status", "kind"),
    [("500", SinkUnreachable), ("301", SinkUnreachable), ("307", SinkUnreachable), ("401", SinkNotAdmitted)],
)
def test_a_webhook_that_does_not_take_it_was_not_told(folder, status, kind):
    with serving(Web, folder, mode=status) as server, pytest.raises(kind) as caught:
        posted(server, folder, "http")
    assert len(server.asked) == 1
    assert KEY not in str(caught.value)


def test_a_webhook_with_another_certificate_hears_nothing(folder):
    with serving(Web, folder, mode="204", tls=True) as server, pytest.raises(SinkNotAdmitted):
        posted(server, folder, ca_file="stranger.pem")
    assert not server.asked


def test_a_key_that_others_can_read_is_not_used(folder, tmp_path):
    (tmp_path / "key").write_text("canary\n")
    (tmp_path / "key").chmod(0o644)
    with serving(Web, folder, mode="204") as server, pytest.raises(SinkNotAdmitted, match="chmod"):
        posted(server, tmp_path, "http")
    assert not server.asked
