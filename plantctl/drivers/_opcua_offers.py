"""What an OPC UA server offers before there is any protection: its ways in, and the certificate that goes with each.

Anybody on the way can change these words, so nothing follows from them but which certificate to look for in the trust
list; the driver asks for them again inside the protected channel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from plantctl.core.errors import PlantctlError
from plantctl.drivers._certificates import Certificate, Unusable, certificate_from, find_fault_of_peer
from plantctl.drivers._opcua_security import Security


@dataclass(frozen=True, slots=True)
class Offer:
    """One way in: `policy` and `mode` by their names, `None` for no protection, and who the server says it is."""

    policy: str
    mode: str
    application: str
    certificate: bytes

    def __str__(self) -> str:
        return "no protection" if self.policy == "None" else f"{self.policy} {self.mode}"


def offers_of(endpoints: Iterable[Any]) -> list[Offer]:
    """The library's endpoint descriptions as offers."""
    return [
        Offer(
            str(e.SecurityPolicyUri).rpartition("#")[2].replace("_", ""),
            e.SecurityMode.name,
            str(e.Server.ApplicationUri or ""),
            bytes(e.ServerCertificate or b""),
        )
        for e in endpoints
    ]


def certificate_of(
    offers: Sequence[Offer],
    security: Security,
    trusted: Sequence[Certificate],
    host: str,
    utc_ns: int,
    proved: Certificate | None = None,
) -> Certificate:
    """The server's certificate of the way in that is configured. Raises Unusable where there is no such way, or its
    certificate is not to be trusted.

    `proved` is the one whose key the server has proved to hold, where it has: then an offer need not repeat it, and may
    not name another (OPC 10000-4, 5.7.2.2: what a session is told of endpoints leaves the certificate out).
    """
    exact = [o for o in offers if (o.policy, o.mode) == (security.policy, security.mode)]
    if not exact:
        there = ", ".join(sorted({str(offer) for offer in offers})) or "nothing"
        wanted = f"{security.policy} {security.mode}"
        raise Unusable(f"the server offers {there}, and not {wanted}: enable that there")
    data = exact[0].certificate or (proved.der if proved else b"")
    server = certificate_from(data, "the server's certificate")
    if proved is not None and server.der != proved.der:
        raise Unusable("the server names another certificate inside the channel than before")
    wrong = find_fault_of_peer(server, trusted, exact[0].application, security.host or host, utc_ns)
    if wrong:
        raise Unusable(f"the server's certificate is not accepted: {wrong}")
    return server


class Unanswered(PlantctlError):
    """No OPC UA server answers at an address; the message names it."""


async def ask_offers(url: str, timeout_s: float) -> list[Offer]:
    """Ask the server at `url`. Raises Unanswered where nobody answers like one within `timeout_s` a step, Unusable for
    what is no address.
    """
    import asyncua
    from asyncua.ua.uaerrors import UaError

    if urlsplit(url).scheme != "opc.tcp" or not urlsplit(url).hostname:
        raise Unusable(f"`{url}` is not an address like opc.tcp://host:4840")
    library: Any = asyncua
    try:
        return offers_of(await library.Client(url, timeout=timeout_s).connect_and_get_server_endpoints())
    except (OSError, TimeoutError, UaError) as fault:
        raise Unanswered(f"no OPC UA server answers at {url}: {str(fault) or type(fault).__name__}") from fault
