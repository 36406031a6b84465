"""The people who may log in to a plant's page: one file in the plant's state folder, readable by its owner only.

A password is kept as scrypt of it (RFC 7914) with a salt of its own; what it costs stands beside it, so that a later
plantctl may ask for more. The file is written anew as a whole, and read again whenever it has changed: a user who is
removed is out at once, sessions included.
"""

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Final, get_args

import msgspec

from plantctl.core.errors import PlantctlError
from plantctl.hmi.messages import Role

USERS_NAME: Final = "users.json"
USERS_MAX: Final = 200
FILE_BYTES_MAX: Final = 1 << 20
PASSWORD_LENGTH_MIN: Final = 8
PASSWORD_LENGTH_MAX: Final = 200
COST: Final = 1 << 15  # 32 MiB and about 0.1 s
BLOCK: Final = 8
LANES: Final = 1
COST_MAX: Final = 1 << 17
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,59}")
ROLES: Final[tuple[Role, ...]] = get_args(Role)


class UserRefused(PlantctlError):
    """A name, role or password that cannot be; the message says what can."""


class User(msgspec.Struct, forbid_unknown_fields=True):
    """One person: role, and how the password was mixed. `salt` and `digest` are hexadecimal."""

    role: Role
    salt: str
    digest: str
    cost: int = COST
    block: int = BLOCK
    lanes: int = LANES


class Users:
    """The users of the plant whose state is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / USERS_NAME
        self._known: dict[str, User] = {}
        self._seen: tuple[int, int, int] | None = None

    def all(self) -> dict[str, User]:
        """Every user by name. Raises `UserRefused` where the file is none."""
        try:
            stat = self.path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                if stat.st_size > FILE_BYTES_MAX:
                    raise UserRefused(f"{self.path} has {stat.st_size} bytes: it is no file of users")
                self._known = msgspec.json.decode(self.path.read_bytes(), type=dict[str, User])
                self._seen = seen
        except FileNotFoundError:
            self._known, self._seen = {}, None
        except (OSError, msgspec.MsgspecError) as error:
            raise UserRefused(f"{self.path} cannot be used: {error}; mend or remove it") from error
        return self._known

    def role(self, name: str) -> Role | None:
        """The role of a user; None where there is none of that name."""
        user = self.all().get(name)
        return user.role if user else None

    def check(self, name: str, password: str) -> Role | None:
        """The user's role where the password is right, else None. Takes a tenth of a second, known name or not."""
        user = self.all().get(name)
        found = _mixed(password, user or _NOBODY)
        right = hmac.compare_digest(found, (user or _NOBODY).digest)
        return user.role if user and right else None

    def add(self, name: str, role: str, password: str) -> None:
        """A new user, or another role and password for a known one. Raises `UserRefused`."""
        if not _NAME.fullmatch(name):
            raise UserRefused(
                f"`{name}` is no user name: up to 60 letters, digits and . _ @ -, the first a letter or digit"
            )
        if role not in ROLES:
            raise UserRefused(f"there is no role `{role}`; there are: {', '.join(ROLES)}")
        if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
            raise UserRefused(f"a password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters")
        users = dict(self.all())
        if name not in users and len(users) >= USERS_MAX:
            raise UserRefused(f"a plant has at most {USERS_MAX} users")
        user = User(role, secrets.token_hex(16), "")
        user.digest = _mixed(password, user)
        self._write(users | {name: user})

    def remove(self, name: str) -> bool:
        """Take a user away; False where there is none of that name."""
        users = dict(self.all())
        found = users.pop(name, None) is not None
        if found:
            self._write(users)
        return found

    def _write(self, users: dict[str, User]) -> None:
        write_secret(self.path, msgspec.json.format(msgspec.json.encode(users), indent=1) + b"\n")


def write_secret(path: Path, data: bytes) -> None:
    """Put `data` in the place of the file at `path`, whole or not at all, for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _mixed(password: str, user: User) -> str:
    cost = min(user.cost, COST_MAX)
    salt = bytes.fromhex(user.salt)
    memory = 256 * cost * user.block
    mixed = hashlib.scrypt(password.encode(), salt=salt, n=cost, r=user.block, p=user.lanes, maxmem=memory)
    return mixed.hex()


_NOBODY: Final = User("viewer", secrets.token_hex(16), "")
