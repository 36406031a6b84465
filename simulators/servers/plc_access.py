"""Whom PLC-4's server lets in: its certificate and key, the certificates it trusts, and the accounts it has.

    <folder>/own.der, own.key           the controller's own
             trusted/*.der              whom it lets in, one certificate a file
             writers/NAME.password      accounts that may write, the password in the file
             readers/NAME.password      accounts that may only read

The folder is read anew for each session, as a controller's web page would change it. A client must have a trusted
certificate on its channel, within its time and for the application it says it is, and an account; where one of these
is missing there is no session. The checks are the simulator's own, so that they share no mistake with the product.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from asyncua import ua as typed_ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import PermissionRuleset, User, UserRole
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plantctl.core.clock import Clock

ua: Any = typed_ua

ACCOUNTS: Final = {"writers": True, "readers": False}  # folder: whether its accounts may write
SECOND_NS: Final = 1_000_000_000


@dataclass
class Account(User):
    """A client that was let in."""

    may_write: bool = False


@dataclass
class PlcAccess:
    """The access rules of one server. `refused` counts log-ins that failed, by reason."""

    folder: Path
    clock: Clock
    refused: list[str] = field(default_factory=list)

    def own(self) -> tuple[x509.Certificate, Any]:
        """The server's certificate and key; raises OSError or ValueError for files that are not there or not these."""
        certificate = x509.load_der_x509_certificate((self.folder / "own.der").read_bytes())
        return certificate, serialization.load_pem_private_key((self.folder / "own.key").read_bytes(), None)

    def application(self) -> str:
        """The URI that the server's certificate is for."""
        return _applications(self.own()[0])[0]

    def trusts(self, certificate: bytes | None) -> bool:
        """Whether the certificate's very bytes are in the trust list."""
        return any(path.read_bytes() == certificate for path in (self.folder / "trusted").glob("*.der"))

    async def validate(self, certificate: x509.Certificate, client: Any) -> None:
        """What a server says to a certificate when a session is asked for; raises ServiceError with its code."""
        if not self.trusts(certificate.public_bytes(serialization.Encoding.DER)):
            self._refuse(ua.StatusCodes.BadCertificateUntrusted, "stranger")
        now_s = self.clock.utc_ns() / SECOND_NS
        if not certificate.not_valid_before_utc.timestamp() <= now_s <= certificate.not_valid_after_utc.timestamp():
            self._refuse(ua.StatusCodes.BadCertificateTimeInvalid, "out of time")
        if client.ApplicationUri not in _applications(certificate):
            self._refuse(ua.StatusCodes.BadCertificateUriInvalid, "another application")

    def _refuse(self, code: int, why: str) -> None:
        self.refused.append(why)
        raise ServiceError(code)

    def get_user(
        self, iserver: Any, username: str | None = None, password: str | None = None, certificate: bytes | None = None
    ) -> Account | None:
        """The account of a client; None for whoever has none. `certificate` is the channel's, which is proved: what a
        client names elsewhere could be anybody's.
        """
        if not self.trusts(certificate):
            self.refused.append("stranger")
            return None
        for folder, may_write in ACCOUNTS.items():
            for path in (self.folder / folder).glob("*.password"):
                known = path.read_bytes().strip()
                same = hmac.compare_digest(known, (password or "").encode())
                if path.stem == username and known and same:
                    return Account(UserRole.User, username, may_write)
        self.refused.append(f"account {username}")
        return None


class AccountRules(PermissionRuleset):
    """Which requests an account may make: all that read, and writing where it may. Nobody changes the address space."""

    def __init__(self) -> None:
        words = (
            "CloseSession ActivateSession CreateSession Read Browse GetEndpoints FindServers Publish Republish "
            "TranslateBrowsePathsToNodeIds CreateSubscription ModifySubscription DeleteSubscriptions "
            "CreateMonitoredItems ModifyMonitoredItems DeleteMonitoredItems SetMonitoringMode SetPublishingMode "
            "CloseSecureChannel RegisterNodes UnregisterNodes Write"
        )
        self._reading = {_request(word) for word in words.split()}
        self._write = _request("Write")

    def check_validity(self, user: Any, action_type: Any, body: Any) -> bool:
        """Whether `user` may ask for this; an account without the right to write is refused the whole request."""
        if action_type == self._write:
            return bool(getattr(user, "may_write", False))
        return action_type in self._reading


def _request(word: str) -> Any:
    return ua.NodeId(getattr(ua.ObjectIds, f"{word}Request_Encoding_DefaultBinary"))


def _applications(certificate: x509.Certificate) -> Sequence[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [""]
    return names.get_values_for_type(x509.UniformResourceIdentifier) or [""]
