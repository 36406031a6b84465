"""Lets an OPC UA connection in, both ways: the server is the one we trust, and we are who it trusts.

What the configuration asks for is what is used, or there is no link: policy and mode exactly, a server whose very
certificate is in our trust list, and a password that leaves only encrypted. There is no way down to less, whatever a
server offers or an attacker strikes out. What the server told before the channel was protected is asked again inside.

Rules of the file: files are read anew for every connection, so that what a person mends counts at once; no message
holds a secret; a server that refuses our user is asked rarely, since it may lock the account.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plantctl.core.errors import DeviceError, Garbled, NotAdmitted, Refused, Unreachable
from plantctl.core.field import FieldEventKind
from plantctl.drivers._certificates import (
    Certificate,
    Pair,
    Unusable,
    day,
    ends_soon,
    find_fault,
    grouped,
    moment,
    read_pair,
    read_password,
    read_trusted,
)
from plantctl.drivers._driver import Port
from plantctl.drivers._opcua_offers import certificate_of, offers_of
from plantctl.drivers._opcua_security import Security

STRONG: Final = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")  # what may carry a password
LOOK_NS: Final = 3_600_000_000_000  # how often the ends of the certificates are looked at

# What a server says of us, and what it means.
CHANNEL_REFUSED: Final = "it refused the channel"
STRANGERS: Final = frozenset(
    {"BadCertificateUntrusted", "BadSecurityChecksFailed", "BadCertificateChainIncomplete", CHANNEL_REFUSED}
)
OUT_OF_TIME: Final = frozenset({"BadCertificateTimeInvalid", "BadCertificateIssuerTimeInvalid", "BadInvalidTimestamp"})
OF_CERTIFICATES: Final = frozenset(
    {
        "BadCertificateInvalid",
        "BadCertificateUseNotAllowed",
        "BadCertificateUriInvalid",
        "BadCertificateHostNameInvalid",
        "BadCertificateRevoked",
        "BadCertificateRevocationUnknown",
        "BadCertificatePolicyCheckFailed",
        "BadNoValidCertificates",
    }
)
OF_USERS: Final = frozenset(
    {"BadUserAccessDenied", "BadIdentityTokenInvalid", "BadIdentityTokenRejected", "BadUserSignatureInvalid"}
)
OF_POLICIES: Final = frozenset({"BadSecurityPolicyRejected", "BadSecurityModeRejected"})

Asked = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Papers:
    """What one connection is made with. Its text holds no secret."""

    own: Pair
    trusted: Sequence[Certificate]
    password: str | None

    def __repr__(self) -> str:
        return f"Papers({self.own})"


def path_of(name: str, secrets: Path | None) -> Path:
    """Where a file of the settings lies; Unusable where the plant has no security folder."""
    if secrets is None and not Path(name).is_absolute():
        raise Unusable(f"this plant runs without a security folder, so there is no {name}")
    return (secrets or Path()) / name


def papers_of(settings: Security, secrets: Path | None, utc_ns: int) -> Papers:
    """Our files, as they are now, in the plant's security folder. Raises Unusable."""
    own = read_pair(path_of(settings.certificate, secrets), path_of(settings.key, secrets))
    trusted = read_trusted(path_of(settings.trust, secrets))
    password = read_password(path_of(settings.password_file, secrets)) if settings.password_file else None
    if wrong := find_fault(own.certificate, utc_ns):
        hint = "set the clock right, or `plantctl certs make --renew`"
        raise Unusable(f"our certificate {own.certificate.where} is not used: {wrong}; {hint}")
    if not own.certificate.applications:
        raise Unusable(f"our certificate {own.certificate.where} names no application URI")
    return Papers(own, trusted, password)


class Admission:
    """Lets one server's connections in, both ways."""

    def __init__(self, port: Port, settings: Security, host: str) -> None:
        self._port = port
        self._settings = settings
        self._host = host
        self._watched: tuple[Certificate, ...] = ()
        self._look_ns = 0

    def _refuse(self, what: str, *, locks: bool = False) -> NotAdmitted:
        traces = self._traces()
        return NotAdmitted(self._port.device.name, what, locks=locks, mended=lambda: self._traces() != traces)

    def _traces(self) -> list[tuple[str, int, int]]:
        """By what a change of our files shows."""
        files = [self._settings.certificate, self._settings.key, self._settings.password_file]
        found = []
        for name in filter(None, files):
            try:
                state = path_of(name, self._port.secrets).stat()
                found.append((name, state.st_mtime_ns, state.st_ino))
            except (OSError, Unusable):
                found.append((name, 0, 0))
        return found

    def read(self) -> Papers:
        """Our files, as they are now. Raises NotAdmitted."""
        try:
            return papers_of(self._settings, self._port.secrets, self._port.clock.utc_ns())
        except Unusable as fault:
            raise self._refuse(f"{fault}; `plantctl certs check PLANT` looks at all of it") from None

    async def enter(self, library: Any, client: Any, finder: Any, asked: Asked) -> None:
        """Open `client`'s channel and session. `finder` is a second client, for what is asked before there is a
        channel. Raises NotAdmitted, and what `asked` raises.
        """
        from asyncua.crypto import security_policies

        _keep_requests_out_of_logs()
        papers = self.read()
        policy = getattr(security_policies, f"SecurityPolicy{self._settings.policy}")
        mode = library.ua.MessageSecurityMode[self._settings.mode]
        async with asked():
            offered = await finder.connect_and_get_server_endpoints()
        server = self._server_of(offered, papers)
        client.application_uri = papers.own.certificate.applications[0]
        client.security_policy = policy(server.parsed, papers.own.certificate.parsed, papers.own.key, mode)
        client.uaclient.set_security(client.security_policy)
        async with asked():
            await client.connect_socket()
            await client.send_hello()
        try:
            try:
                async with asked():
                    await client.open_secure_channel()
            except AssertionError as fault:
                # What the library makes of a channel that is answered by a refusal; the code is lost on its way.
                raise self._in_words(CHANNEL_REFUSED, papers) from fault
            async with asked():
                session = await client.create_session()
            # Asked again where nobody can change it on the way.
            self._server_of(session.ServerEndpoints, papers, server)
            client._policy_ids = [self._token_of(library.ua, session.ServerEndpoints, policy.URI, mode)]
            async with asked():
                await client.activate_session(self._settings.user, papers.password)
        except Refused as fault:
            raise self._in_words(type(fault.__cause__).__name__, papers) from fault
        except Garbled as fault:
            raise self._refuse(
                f"the server did not prove that it holds the key of its certificate ({fault.what})"
            ) from fault
        except Unreachable as fault:
            hint = "a server that does not trust our certificate may end the connection like this"
            raise Unreachable(self._port.device.name, f"{fault.what} while the channel was opened; {hint}") from fault
        except DeviceError:
            raise
        except Exception as fault:
            what = f"the server's proof of its certificate is wrong ({type(fault).__name__})"
            raise self._refuse(f"{what}: somebody else may answer at its address") from fault
        self._watched = (papers.own.certificate, server)
        self._look_ns = 0

    def _server_of(self, endpoints: Iterable[Any], papers: Papers, proved: Certificate | None = None) -> Certificate:
        """The certificate of the endpoint that is configured, if it is to be trusted."""
        utc_ns, offers = self._port.clock.utc_ns(), offers_of(endpoints)
        try:
            return certificate_of(offers, self._settings, papers.trusted, self._host, utc_ns, proved)
        except Unusable as fault:
            hint = f"`plantctl certs trust PLANT {self._port.device.connect}` shows and trusts what is there"
            raise self._refuse(f"{fault}; {hint}") from None

    def _token_of(self, ua: Any, endpoints: Sequence[Any], uri: str, mode: Any) -> Any:
        """By what the server is told who we are: the strongest way it has for our kind of user."""
        from asyncua.crypto import security_policies

        exact = next(e for e in endpoints if e.SecurityPolicyUri == uri and e.SecurityMode == mode)
        kind = ua.UserTokenType.UserName if self._settings.user else ua.UserTokenType.Anonymous
        ways = [token for token in exact.UserIdentityTokens or () if token.TokenType == kind]
        if not ways:
            there = ", ".join(sorted({token.TokenType.name for token in exact.UserIdentityTokens or ()})) or "nobody"
            what = "a user name" if self._settings.user else "a connection without a user"
            raise self._refuse(f"the server does not take {what}; it takes {there}")
        if kind == ua.UserTokenType.Anonymous:
            return ways[0]
        strong = [getattr(security_policies, f"SecurityPolicy{name}").URI for name in STRONG]
        for token in ways:
            if (token.SecurityPolicyUri or uri) in strong:
                return token
        plain = security_policies.SecurityPolicyNone.URI
        for token in ways:
            # The whole channel is encrypted: the password is as well.
            if token.SecurityPolicyUri == plain and mode == ua.MessageSecurityMode.SignAndEncrypt:
                return token
        raise self._refuse("the server wants the password without encryption, or with a broken one: it is not sent")

    def _in_words(self, name: str, papers: Papers) -> NotAdmitted:
        """What the server's refusal means, and what to do."""
        own = papers.own.certificate
        if name in STRANGERS:
            what = f"the server does not trust our certificate ({name}): add {own.where} to its trust list, SHA-256 "
            return self._refuse(what + grouped(own.fingerprint))
        if name in OUT_OF_TIME:
            now = day(moment(self._port.clock.utc_ns()))
            term = f"ours is valid from {day(own.begins)} to {day(own.ends)}"
            return self._refuse(f"the server finds the time wrong ({name}): {term}, and by our clock it is {now}")
        if name in OF_USERS:
            what = f"the server refuses the user {self._settings.user or 'nobody'} ({name}): name, password or rights"
            return self._refuse(f"{what}; tried again rarely, and at once when the password file changes", locks=True)
        if name in OF_POLICIES:
            return self._refuse(f"the server refuses {self._settings.policy} {self._settings.mode} ({name})")
        if name in OF_CERTIFICATES:
            return self._refuse(f"the server refuses our certificate {own.where} ({name}): make one that suits it")
        return self._refuse(f"the server refuses the connection ({name})")

    def look(self) -> None:
        """Tell once when a certificate of the link comes near its end: at 30, 7 and 1 days, and when it has ended.

        A link that is up stays up: only the next connection needs valid certificates.
        """
        now_ns = self._port.clock.monotonic_ns()
        if now_ns < self._look_ns:
            return
        self._look_ns = now_ns + LOOK_NS
        utc_ns = self._port.clock.utc_ns()
        for certificate in self._watched:
            point = f"certificate {certificate.where}"
            if text := ends_soon(certificate, utc_ns):
                days = certificate.days_left(utc_ns)
                band = next((limit for limit in (0, 1, 7) if days <= limit), 30)
                what = f"{text}: renew it, or the next connection is refused"
                self._port.trouble(point, what, FieldEventKind.DEVICE_ERROR, cause=f"{certificate.fingerprint} {band}")
            else:
                self._port.mended(point)


def _keep_requests_out_of_logs() -> None:
    """The library would write each request at level debug, a password among them."""
    log = logging.getLogger("asyncua.client.ua_client.UASocketProtocol")
    if log.level < logging.INFO:
        log.setLevel(logging.INFO)
