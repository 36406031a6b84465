"""Who is logged in. A session outlives the gateway: what is known of it is kept in the plant's state folder.

A session begins with the one-time token that a start without users prints, or with a user's password. Its secret is
in a cookie of the browser only; here stands its SHA-256, which opens nothing. A session ends when it was not used for
`IDLE_NS`, when it is ended, and when its user is removed. Times are UTC, handed in.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from plantctl.hmi.messages import Role
from plantctl.hmi.users import FILE_BYTES_MAX, UserRefused, Users, write_secret

SESSIONS_NAME: Final = "sessions.json"
SESSIONS_MAX: Final = 200
IDLE_NS: Final = 12 * 3600 * 1_000_000_000
# A use is written down when the last one written is so old: not every request is a write to the disk.
NOTED_EVERY_NS: Final = 600 * 1_000_000_000
TOKEN_ROLE: Final[Role] = "operator"
FAILURES_MAX: Final = 8
NAMES_FAILED_MAX: Final = 100
FAILURES_WITHIN_NS: Final = 60 * 1_000_000_000


class Kept(msgspec.Struct, forbid_unknown_fields=True):
    """A session as it is kept; `by_token`: it began with the one-time token and has no user behind it."""

    user: str
    role: Role
    used_ns: int
    by_token: bool


class File(msgspec.Struct, forbid_unknown_fields=True):
    """All sessions by the SHA-256 of their secret, and that of the token that is still good."""

    sessions: dict[str, Kept]
    token: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """A person at a page. `key` names the session without opening it."""

    key: str
    user: str
    role: Role


class Sessions:
    """The sessions of the plant whose state is in `folder`, and who of its `users` may begin one."""

    def __init__(self, folder: Path, users: Users) -> None:
        self.users = users
        self._path = folder / SESSIONS_NAME
        self._file = self._read()
        self._failures: dict[str, list[int]] = {}

    # -- beginning

    def token(self, known: str = "") -> str:
        """The one-time token: `known` while that is still good, else a new one. Empty where the plant has users."""
        if self.users.all():
            self._file.token = ""
            self._write()
            return ""
        if known and hmac.compare_digest(_digest(known), self._file.token):
            return known
        token = secrets.token_urlsafe(24)
        self._file.token = _digest(token)
        self._write()
        return token

    def begin_with_token(self, token: str, name: str, now_ns: int) -> tuple[str, Session] | None:
        """A session for the token, which is good no more; its secret, and the session. None where it was not good."""
        right = bool(self._file.token) and hmac.compare_digest(_digest(token), self._file.token)
        if not right or self.users.all():
            return None
        self._file.token = ""
        user = " ".join(name.split()) if name.isprintable() else ""
        return self._begin(user or TOKEN_ROLE, TOKEN_ROLE, now_ns, by_token=True)

    def begin_with_password(self, user: str, role: Role, now_ns: int) -> tuple[str, Session]:
        """A session for a user whose password was checked (`Users.check`) with this result."""
        return self._begin(user, role, now_ns, by_token=False)

    def failed(self, user: str, now_ns: int) -> None:
        """A wrong password was given for a user."""
        self._failures.setdefault(user, []).append(now_ns)

    def may_try(self, user: str, now_ns: int) -> bool:
        """Whether another password may be tried for a user: not while too many have failed within the last minute."""
        failures = {
            name: [t for t in times if 0 <= now_ns - t < FAILURES_WITHIN_NS] for name, times in self._failures.items()
        }
        self._failures = {name: times for name, times in failures.items() if times}
        return len(self._failures.get(user, ())) < FAILURES_MAX and len(self._failures) < NAMES_FAILED_MAX

    def _begin(self, user: str, role: Role, now_ns: int, *, by_token: bool) -> tuple[str, Session]:
        secret = secrets.token_urlsafe(32)
        key = _digest(secret)
        kept = self._file.sessions
        for old in [key for key, each in kept.items() if not self._good(each, now_ns)]:
            del kept[old]
        while len(kept) >= SESSIONS_MAX:
            del kept[min(kept, key=lambda key: kept[key].used_ns)]
        kept[key] = Kept(user, role, now_ns, by_token)
        self._write()
        return secret, Session(key, user, role)

    # -- using

    def find(self, secret: str, now_ns: int) -> Session | None:
        """The session that `secret` opens; this is a use of it."""
        return self.look(_digest(secret), now_ns) if secret else None

    def look(self, key: str, now_ns: int) -> Session | None:
        """The session named `key`, where it is still good; this is a use of it."""
        kept = self._file.sessions.get(key)
        if kept is None:
            return None
        if not self._good(kept, now_ns):
            self.end(key)
            return None
        if not 0 <= now_ns - kept.used_ns < NOTED_EVERY_NS:
            kept.used_ns = now_ns
            self._write()
        return Session(key, kept.user, self._role(kept) or kept.role)

    def end(self, key: str) -> None:
        """End a session."""
        if self._file.sessions.pop(key, None) is not None:
            self._write()

    def _good(self, kept: Kept, now_ns: int) -> bool:
        # A clock that was set back must not end a session, nor may one that was set forward and back renew it for ever.
        return abs(now_ns - kept.used_ns) < IDLE_NS and self._role(kept) is not None

    def _role(self, kept: Kept) -> Role | None:
        """What the person may do now: the role in the file of users; the token's ends with the first user."""
        users = self.users.all()
        if kept.by_token:
            return kept.role if not users else None
        found = users.get(kept.user)
        return found.role if found else None

    # -- keeping

    def _read(self) -> File:
        try:
            if self._path.stat().st_size > FILE_BYTES_MAX:
                return File({})
            return msgspec.json.decode(self._path.read_bytes(), type=File)
        except (OSError, msgspec.MsgspecError):
            # Nobody is logged in then: that is safe, and one can log in again.
            return File({})

    def _write(self) -> None:
        write_secret(self._path, msgspec.json.encode(self._file) + b"\n")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


__all__ = ["IDLE_NS", "SESSIONS_NAME", "Session", "Sessions", "UserRefused"]
