"""Ways in: the policies that are spoken, what endpoints tell of them, and the list of clients that are trusted.

A client is trusted because its very certificate is in the plant's trust list, put there by a person (`plantctl certs
trust`); the list is read again soon after it has changed. Every policy signs and encrypts; there is none only signed,
and an open one only where the plant is served `insecure`, on its own machine.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from asyncua import ua as typed_ua
from asyncua.crypto import security_policies as known

from plantctl.drivers._certificates import Certificate, Pair, Unusable, find_fault, read_trusted
from plantctl.hmi.opcua.settings import OpcuaSettings

ua: Any = typed_ua
library: Any = known

READ_AGAIN_NS: Final = 2_000_000_000
TRANSPORT: Final = "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary"
# By the name in the configuration: the library's class, and how much it is worth (a client takes the highest).
_POLICIES: Final = {
    "Basic256Sha256": (library.SecurityPolicyBasic256Sha256, 70),
    "Aes128Sha256RsaOaep": (library.SecurityPolicyAes128Sha256RsaOaep, 75),
    "Aes256Sha256RsaPss": (library.SecurityPolicyAes256Sha256RsaPss, 80),
}


class TrustList:
    """The certificates in a folder."""

    def __init__(self, folder: Path, note: Callable[[str], None]) -> None:
        self._folder = folder
        self._note = note
        self._known: list[Certificate] = []
        self._read_ns: int | None = None

    def find_fault(self, certificate: Certificate, now_ns: int, utc_ns: int) -> str:
        """Why a client's certificate is not accepted; empty where it is."""
        if self._read_ns is None or now_ns - self._read_ns > READ_AGAIN_NS:
            self._read_ns = now_ns
            try:
                self._known = read_trusted(self._folder)
            except (Unusable, OSError) as fault:
                self._known = []
                self._note(f"nobody is trusted: {fault}")
        if certificate.der not in [each.der for each in self._known]:
            return f"it is not in the trust list; its SHA-256 fingerprint begins with {certificate.fingerprint[:16]}"
        return find_fault(certificate, utc_ns)


def policies(settings: OpcuaSettings, pair: Pair | None) -> list[Any]:
    """The policies that are spoken, as the library's channels take them."""
    if pair is None:
        return []
    mode = ua.MessageSecurityMode.SignAndEncrypt
    chosen = [_POLICIES[name][0] for name in settings.policies]
    return [library.SecurityPolicyFactory(policy, mode, pair.certificate.parsed, pair.key) for policy in chosen]


def endpoints(settings: OpcuaSettings, name: str, pair: Pair | None) -> list[Any]:
    """What a client is told of the ways in."""
    application = ua.ApplicationDescription(
        ApplicationUri=settings.application,
        ProductUri="urn:plantctl",
        ApplicationName=ua.LocalizedText(name),
        ApplicationType=ua.ApplicationType.Server,
        DiscoveryUrls=[settings.url],
    )
    modes = ua.MessageSecurityMode
    ways = [(library.SecurityPolicyNone, modes.None_, 0)]
    if pair is not None:
        chosen = [_POLICIES[each] for each in settings.policies]
        ways = [(policy, modes.SignAndEncrypt, level) for policy, level in chosen]
    return [
        ua.EndpointDescription(
            EndpointUrl=settings.url,
            Server=application,
            ServerCertificate=pair.certificate.der if pair is not None else None,
            SecurityMode=mode,
            SecurityPolicyUri=policy.URI,
            UserIdentityTokens=_tokens(policy.URI, anonymous=settings.anonymous),
            TransportProfileUri=TRANSPORT,
            SecurityLevel=level,
        )
        for policy, mode, level in ways
    ]


def _tokens(uri: str, *, anonymous: bool) -> list[Any]:
    """Who may show what: a user name with its password, and nothing where anybody may look."""
    users = ua.UserTokenPolicy(PolicyId="username", TokenType=ua.UserTokenType.UserName, SecurityPolicyUri=uri)
    nobody = ua.UserTokenPolicy(PolicyId="anonymous", TokenType=ua.UserTokenType.Anonymous)
    return [nobody, users] if anonymous else [users]
