"""How a plant is shown to other programs over OPC UA: what its text says of that (`plantctl.hmi.opcua`).

Rules of the file: pure.
"""

from dataclasses import dataclass
from typing import Final

# The policies that are spoken, the weakest first; each signs and encrypts.
POLICIES: Final = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class OpcuaServing:
    """One server. `port` None takes the first free one from 4840 on, 0 any.

    `insecure`: neither signed nor encrypted, on this machine only; else by one of `policies`, with `certificate`, `key`
    and the folder `trust` of the plant's security folder. `anonymous`: who has no account may look. At most
    `connections` at once, of which `sessions` have logged in, each with `items` monitored values.
    """

    port: int | None = None
    listen: str = LOOPBACK
    insecure: bool = False
    anonymous: bool = False
    policies: tuple[str, ...] = POLICIES
    certificate: str = "own.der"
    key: str = "own.key"
    trust: str = "trusted"
    connections: int = 40
    sessions: int = 20
    items: int = 5000
