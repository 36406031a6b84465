"""How an OPC UA connection is to be protected, as the configuration says it: with what policy, keys and user, or not.

There is no default and no "if possible": what is asked for is what is used (`_opcua_admission`), or there is no link.
Secrets are named by their files, which lie in the plant's security folder; they never stand in the configuration.
"""

from pathlib import PurePosixPath
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from plantctl.drivers._settings import Settings

Policy = Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]
Mode = Literal["SignAndEncrypt", "Sign"]
HOW_TO: Final = "docs/how-to/secure-a-plc-link.md"
PLAIN: Final = "neither signed nor encrypted, and nobody is asked who they are"


def _in_the_folder(name: str) -> str:
    """A file of the security folder, or one by its whole path, as systemd gives credentials."""
    path = PurePosixPath(name)
    if ".." in path.parts or not path.parts:
        raise ValueError(f"`{name}` is not the name of a file in the plant's security folder")
    return name


FileName = Annotated[str, AfterValidator(_in_the_folder)]


class Security(Settings):
    """How the connection is protected: `policy` and `mode`, or `insecure: true` for not at all.

    `certificate`, `key` and `trust` (a folder) are ours, `user` and `password_file` the account at the server, which
    is asked for nobody where they are left out; `host` is the name that the server's certificate is for, where it is
    not the one in `connect`. Files lie in the plant's security folder.
    """

    insecure: Literal[True] | None = None
    policy: Policy | None = None
    mode: Mode | None = None
    certificate: FileName = "own.der"
    key: FileName = "own.key"
    trust: FileName = "trusted"
    host: str | None = None
    user: str | None = Field(default=None, min_length=1)
    password_file: FileName | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.insecure and self.model_fields_set != {"insecure"}:
            raise ValueError("`insecure: true` stands alone: nothing else has a meaning on an open link")
        if not self.insecure and (self.policy is None or self.mode is None):
            raise ValueError(f"`policy` and `mode` are needed, or `insecure: true`; {HOW_TO} goes through it")
        if (self.user is None) != (self.password_file is None):
            raise ValueError("`user` and `password_file` belong together")
        return self

    def in_words(self) -> str:
        """What protects the link, for people."""
        if self.insecure:
            return f"INSECURE: {PLAIN}"
        return f"{self.policy}, {self.mode}, {f'as the user {self.user}' if self.user else 'without a user'}"
