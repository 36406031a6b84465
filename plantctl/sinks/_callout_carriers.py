"""Carries a message to a person: as mail by SMTP, or to a web server by POST, signed.

Both are the standard library's, in a thread: a message now and then is no work for a loop. A mail has arrived when the
server has taken it over, a POST with any answer from 200 to 299. Redirections are not followed and no proxy is used.
"""

import hashlib
import hmac
import http.client
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from plantctl.sinks._callout_text import Message
from plantctl.sinks._secrets import FileName, path_in, secret_in
from plantctl.sinks._sink import Settings, SinkError, SinkNotAdmitted, SinkUnreachable

ANSWER_BYTES_MAX: Final = 4_096
Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[!-~]+$")]
Address = Annotated[str, Field(max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$")]


class Mail(Settings):
    """The mail server: `security` is `starttls` (checked, never left out), `tls` from the first byte, or `none`."""

    server: Text
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Address
    user: Text | None = None
    password_file: FileName | None = None
    ca_file: FileName | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("`user` and `password_file` belong together")
        if self.security == "none" and self.user is not None:
            raise ValueError("no password goes over a connection that anybody can read: `security: starttls`")
        return self


class Person(Settings):
    """Where a person, or a program for them, is reached: `mail` addresses, or a `webhook` with the key it checks."""

    mail: tuple[Address, ...] = ()
    webhook: str | None = None
    key_file: FileName | None = None
    ca_file: FileName | None = None
    insecure: Literal[True] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.mail) == (self.webhook is not None):
            raise ValueError("a person has either `mail` or `webhook`")
        if self.webhook is None:
            if self.key_file or self.ca_file or self.insecure:
                raise ValueError("`key_file`, `ca_file` and `insecure` are for a `webhook`")
            return self
        if self.key_file is None:
            raise ValueError("a `webhook` needs `key_file`, by which its server knows that it is us")
        try:
            parts = urlsplit(self.webhook)
            good = bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or not self.webhook.isascii() or not self.webhook.isprintable() or " " in self.webhook:
            raise ValueError(f"`{self.webhook}` is no address like https://calls.plant.example/alarm")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise ValueError("no user, password or `#` in `webhook`")
        if parts.scheme != "https" and not (parts.scheme == "http" and self.insecure):
            raise ValueError("`webhook` begins with https://, or with http:// beside `insecure: true`")
        return self


Carrier = Callable[[Message, int], str]


def carrier(person: Person, mail: Mail | None, secrets: Path | None, patience_s: float) -> Carrier:
    """What carries messages to `person`: called in a thread with the message and the time (UTC ns)."""

    def carry(message: Message, now_ns: int) -> str:
        """Carry it; what is to be complained of although it arrived. Raises `SinkUnreachable`, `SinkNotAdmitted`."""
        try:
            if person.webhook is not None:
                _post(person, message, secrets, patience_s, now_ns)
                return ""
            assert mail is not None
            return _mail(mail, person.mail, message, secrets, patience_s, now_ns)
        except SinkError:
            raise
        except ssl.SSLCertVerificationError as fault:
            raise SinkNotAdmitted(f"the certificate is not trusted: {fault.verify_message}") from None
        except (OSError, http.client.HTTPException, smtplib.SMTPException) as fault:
            raise SinkUnreachable(f"{type(fault).__name__}: {fault}"[:300]) from None

    return carry


def _trusted(ca_file: str | None, secrets: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(path_in(secrets, ca_file)) if ca_file else None)
    except (OSError, ssl.SSLError) as fault:
        raise SinkNotAdmitted(f"`{ca_file}` is no certificate that can be read: {fault}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _mail(
    mail: Mail, to: tuple[str, ...], message: Message, secrets: Path | None, patience_s: float, now_ns: int
) -> str:
    port = mail.port or {"starttls": 587, "tls": 465, "none": 25}[mail.security]
    password = secret_in(secrets, mail.password_file, "password for the mail server") if mail.password_file else ""
    settings: dict[str, Any] = {"timeout": patience_s, "local_hostname": "plantctl.invalid"}
    if mail.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(mail.server, port, context=_trusted(mail.ca_file, secrets), **settings)
    else:
        server = smtplib.SMTP(mail.server, port, **settings)
    try:
        if mail.security == "starttls":
            server.starttls(context=_trusted(mail.ca_file, secrets))  # raises where it is not offered
        if mail.user is not None:
            server.login(mail.user, password)
        refused = server.send_message(_letter(mail, to, message, now_ns), mail.sender, list(to))
        # Whoever got it must not get it again and again because of another's address.
        return f"the mail server takes no mail for {', '.join(refused)}" if refused else ""
    except smtplib.SMTPAuthenticationError as fault:
        raise SinkNotAdmitted(f"the mail server refuses user and password ({fault.smtp_code})") from None
    finally:
        # It has been taken over or not by now; a server that says no good-bye changes nothing.
        server.close()


def _letter(mail: Mail, to: tuple[str, ...], message: Message, now_ns: int) -> EmailMessage:
    from datetime import UTC, datetime

    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = mail.sender, ", ".join(to), message.subject
    letter["Date"] = format_datetime(datetime.fromtimestamp(now_ns / 1e9, UTC))
    letter["Message-ID"] = f"<{message.id}@{mail.sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"
    letter["X-Priority"] = "1"
    letter.set_content(message.body)
    return letter


def _post(person: Person, message: Message, secrets: Path | None, patience_s: float, now_ns: int) -> None:
    assert person.webhook is not None
    assert person.key_file is not None
    key = secret_in(secrets, person.key_file, "key of the webhook")
    parts, body, at_s = urlsplit(person.webhook), message.json(), str(now_ns // 1_000_000_000)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "plantctl",
        "X-Plantctl-Id": message.id,
        "X-Plantctl-Signature": f"t={at_s},v1={signature(key, at_s, body)}",
    }
    assert parts.hostname is not None
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = _trusted(person.ca_file, secrets)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=patience_s, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=patience_s)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES_MAX)
    finally:
        connection.close()
    if answer.status in (401, 403):
        raise SinkNotAdmitted(f"the webhook answers {answer.status}: it does not know our key")
    if not 200 <= answer.status < 300:
        raise SinkUnreachable(f"the webhook answers {answer.status}")


def signature(key: str, at_s: str, body: bytes) -> str:
    """HMAC-SHA256 of `at_s`, a point and the body, in hexadecimal."""
    return hmac.new(key.encode(), at_s.encode() + b"." + body, hashlib.sha256).hexdigest()
