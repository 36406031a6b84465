"""The listening socket of the OPC UA server, made before anything else starts: what is wrong with it is said at once.

As with the page, the socket is the supervisor's: a gateway that starts again serves at the same address. Keys and trust
list are looked at here, so that a plant does not run without the server that its text asks for.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plantctl.app.certificates import plant_application
from plantctl.app.page_socket import BACKLOG, PageRefused, bound
from plantctl.app.state_folder import SECURITY_NAME
from plantctl.core.opcua_serving import OpcuaServing
from plantctl.drivers._certificates import Unusable, find_fault, read_pair, read_trusted
from plantctl.hmi.opcua.settings import ADDRESS_NAME, PORT, PORTS_TRIED, OpcuaSettings
from plantctl.hmi.settings import LOOPBACK, is_loopback

HOW_TO = "docs/how-to/connect-over-opcua.md"


@contextmanager
def opcua_socket(plant: str, wanted: OpcuaServing, folder: Path, utc_ns: int) -> Iterator[OpcuaSettings]:
    """Where the plant called `plant`, with its state in `folder`, is served over OPC UA, while the block runs.

    Raises `PageRefused`.
    """
    host = LOOPBACK if wanted.listen == "localhost" else wanted.listen
    machine = socket.gethostname()
    security = folder / SECURITY_NAME
    keys: dict[str, str] = {}
    if wanted.insecure:
        if not is_loopback(host):
            raise PageRefused(f"{host} can be reached by other machines: that needs keys; {HOW_TO} goes through it")
        application = plant_application(plant, machine).uri
    else:
        paths = {name: str(security / getattr(wanted, name)) for name in ("certificate", "key", "trust")}
        application = _checked(paths, utc_ns)
        keys = {**paths}
    ports = (*range(PORT, PORT + PORTS_TRIED), 0) if wanted.port is None else (wanted.port,)
    listening = bound(host, ports, "OPC UA", "another `port` in `opcua_server`, 0 for any free one")
    try:
        listening.listen(BACKLOG)
        (folder / ADDRESS_NAME).unlink(missing_ok=True)
        yield OpcuaSettings(
            listening.fileno(),
            host,
            listening.getsockname()[1],
            host if is_loopback(host) else machine,
            application,
            policies=() if wanted.insecure else wanted.policies,
            anonymous=wanted.anonymous,
            connections=wanted.connections,
            sessions=wanted.sessions,
            items=wanted.items,
            **keys,
        )
    finally:
        listening.close()
        (folder / ADDRESS_NAME).unlink(missing_ok=True)


def _checked(paths: dict[str, str], utc_ns: int) -> str:
    """The application that our certificate is for. Raises `PageRefused` for keys that cannot be used."""
    try:
        pair = read_pair(Path(paths["certificate"]), Path(paths["key"]))
        read_trusted(Path(paths["trust"]))
    except Unusable as fault:
        raise PageRefused(f"the OPC UA server has no keys: {fault}; plantctl certs make PLANT; {HOW_TO}") from fault
    certificate = pair.certificate
    fault_of = find_fault(certificate, utc_ns) or ("" if certificate.applications else "it is for no application")
    if fault_of:
        raise PageRefused(f"the OPC UA server cannot use {certificate.where}: {fault_of}; plantctl certs make --renew")
    return certificate.applications[0]
