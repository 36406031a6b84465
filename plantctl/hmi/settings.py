"""Where the page is served, as the command line said: on this machine only, unless TLS and users are set up."""

import ipaddress
from dataclasses import dataclass
from typing import Final

PORT: Final = 8470
# Where nobody asked for a certain port, the next free one is taken, of so many.
PORTS_TRIED: Final = 20
LOOPBACK: Final = "127.0.0.1"
PAGE_NAME: Final = "page"


@dataclass(frozen=True, slots=True)
class PageSettings:
    """Where the page is served.

    `descriptor` is the listening socket, made by the supervisor, so that the address outlives every gateway; `host`
    and `port` are its address; `certificate` and `key` are paths of PEM files, both empty without TLS; `names` are
    further names by which the plant is reached, those of the certificate.
    """

    descriptor: int
    host: str
    port: int
    certificate: str = ""
    key: str = ""
    names: tuple[str, ...] = ()

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return bool(self.certificate)

    @property
    def origins(self) -> frozenset[str]:
        """The origins of pages that are ours, as browsers write them."""
        scheme = "https" if self.tls else "http"
        return frozenset(f"{scheme}://{host}" for host in self.hosts)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts under which we may be asked for: nothing that another site's name server could point at us."""
        own = () if self.host in ("", "0.0.0.0", "::") else (self.host,)
        names = {*own, *self.names, "localhost", LOOPBACK, "::1"}
        default = 443 if self.tls else 80
        shown = {f"[{name}]" if ":" in name else name.lower() for name in names}
        return frozenset(shown if self.port == default else {f"{name}:{self.port}" for name in shown})

    @property
    def address(self) -> str:
        """The address for a person on this machine or, where the page is served to others, by its first name."""
        name = self.names[0] if self.names else LOOPBACK if self.host in ("", "0.0.0.0", "::") else self.host
        shown = f"[{name}]" if ":" in name else name
        return f"{'https' if self.tls else 'http'}://{shown}:{self.port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is served at `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
