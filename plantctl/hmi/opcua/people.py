"""Who a client is: an account of the plant's users, or nobody, where the configuration lets anybody look.

The users are the page's (`plantctl users`): the same names, passwords and roles. A password comes encrypted for our
key, or on a channel that is encrypted; it is checked in a thread, one at a time, since that is made to be expensive,
and not at all while too many have failed for that name within the last minute.
"""

import asyncio
import hmac
from typing import Any, Final

from asyncua import ua as typed_ua
from asyncua.common.utils import ServiceError
from asyncua.crypto import uacrypto

from plantctl.hmi.messages import Role
from plantctl.hmi.users import PASSWORD_LENGTH_MAX, UserRefused, Users

ua: Any = typed_ua

ANONYMOUS: Final = "anonymous"
FAILURES_MAX: Final = 8
FAILURES_WITHIN_NS: Final = 60_000_000_000
NAMES_MAX: Final = 100
CHECKS_MAX: Final = 8
NAME_LENGTH_MAX: Final = 60
OAEP: Final = {
    "http://www.w3.org/2001/04/xmlenc#rsa-oaep": uacrypto.decrypt_rsa_oaep,
    "http://opcfoundation.org/UA/security/rsa-oaep-sha2-256": uacrypto.decrypt_rsa_oaep_sha256,
}


class People:
    """Those who may log in. `anonymous`: the role of who names nobody, None where that is refused."""

    def __init__(self, users: Users, anonymous: Role | None) -> None:
        self._users = users
        self.anonymous = anonymous
        self._failures: dict[str, list[int]] = {}
        self._one = asyncio.Semaphore(1)
        self._checks = 0

    def role(self, name: str) -> Role | None:
        """What somebody who is logged in may do now; None for who may not be here any more."""
        if name == ANONYMOUS:
            return self.anonymous
        try:
            return self._users.role(name)
        except UserRefused:
            return None

    async def log_in(self, token: Any, password_of: Any, now_ns: int) -> tuple[str, Role]:
        """Name and role of who shows this token; `password_of(token)` is the password in it.

        Raises `ServiceError`.
        """
        codes = ua.StatusCodes
        null = isinstance(token, typed_ua.ExtensionObject) and token.TypeId == ua.NodeId(ua.ObjectIds.Null)
        if token is None or null or isinstance(token, typed_ua.AnonymousIdentityToken):
            if self.anonymous is None:
                raise ServiceError(codes.BadIdentityTokenRejected)
            return ANONYMOUS, self.anonymous
        if not isinstance(token, typed_ua.UserNameIdentityToken):
            raise ServiceError(codes.BadIdentityTokenRejected)
        name = str(token.UserName or "")
        # The name that stands for nobody is nobody's.
        if not name or name == ANONYMOUS or len(name) > NAME_LENGTH_MAX:
            raise ServiceError(codes.BadUserAccessDenied)
        password = password_of(token)
        if len(password) > PASSWORD_LENGTH_MAX:
            raise ServiceError(codes.BadUserAccessDenied)
        if not self._may_try(name, now_ns) or self._checks >= CHECKS_MAX:
            raise ServiceError(codes.BadUserAccessDenied)
        self._checks += 1
        try:
            async with self._one:
                role = await asyncio.to_thread(self._users.check, name, password)
        except UserRefused:
            role = None
        finally:
            self._checks -= 1
        if role is None:
            self._failures.setdefault(name, []).append(now_ns)
            raise ServiceError(codes.BadUserAccessDenied)
        return name, role

    def _may_try(self, name: str, now_ns: int) -> bool:
        recent = {
            known: [t for t in times if now_ns - t < FAILURES_WITHIN_NS] for known, times in self._failures.items()
        }
        self._failures = {known: times for known, times in recent.items() if times}
        return len(self._failures.get(name, ())) < FAILURES_MAX and len(self._failures) < NAMES_MAX


def password_in(token: Any, key: Any, nonce: bytes, *, encrypted: bool) -> str:
    """The password in a token: encrypted for `key` together with `nonce`, the session's last, or as it is on a channel
    that is `encrypted` already. Raises `ServiceError`.
    """
    refused = ServiceError(ua.StatusCodes.BadIdentityTokenInvalid)
    raw = bytes(token.Password or b"")
    try:
        if not token.EncryptionAlgorithm:
            if not encrypted:
                raise refused
            return raw.decode("utf-8")
        decrypt = OAEP.get(token.EncryptionAlgorithm)
        if decrypt is None or key is None:
            raise refused
        plain: bytes = decrypt(key, raw)  # type: ignore[no-untyped-call]
        length = int.from_bytes(plain[:4], "little")
        secret, shown = plain[4 : 4 + length - len(nonce)], plain[4 + length - len(nonce) : 4 + length]
        if length < len(nonce) or not hmac.compare_digest(shown, nonce):
            raise refused
        return secret.decode("utf-8")
    except ServiceError:
        raise
    except Exception as fault:
        # Whatever is wrong with it is the same to who sent it: no answer tells how far it was understood.
        raise refused from fault
