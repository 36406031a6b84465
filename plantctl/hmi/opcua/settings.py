"""Where and how the plant is served over OPC UA, as its text and the machine it runs on say."""

from dataclasses import dataclass
from typing import Final

PORT: Final = 4840
# Where no port is said, the next free one is taken, of so many.
PORTS_TRIED: Final = 20
ADDRESS_NAME: Final = "opcua"


@dataclass(frozen=True, slots=True)
class OpcuaSettings:
    """One server.

    `descriptor` is the listening socket, made by the supervisor, so that the address outlives every gateway; `host`
    and `port` are its address, `shown` the name in it for others. `application` is our URI, that of the certificate.
    `certificate`, `key` and the folder `trust` are paths, empty where it is served without protection; `policies` those
    that are spoken. `anonymous`: who has no account may look. `connections`, `sessions` and `items` as in the text.
    """

    descriptor: int
    host: str
    port: int
    shown: str
    application: str
    certificate: str = ""
    key: str = ""
    trust: str = ""
    policies: tuple[str, ...] = ()
    anonymous: bool = False
    connections: int = 40
    sessions: int = 20
    items: int = 5000

    @property
    def insecure(self) -> bool:
        """Whether nothing is signed or encrypted."""
        return not self.policies

    @property
    def url(self) -> str:
        """The address for clients."""
        shown = f"[{self.shown}]" if ":" in self.shown else self.shown
        return f"opc.tcp://{shown}:{self.port}"
