"""Keys for the demo, which is both ends of its own links: makes what is missing, and has each end trust the other.

For the demo alone. In a plant a person does each of these steps and compares the fingerprints (`plantctl certs`); here
both ends are started by one program on one machine, and what is at stake is simulated. What is there is kept; a
certificate of the simulated side that is near its end is made anew.
"""

import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from plantctl.app.certificates import (
    CERTIFICATE_NAME,
    Application,
    make_pair,
    make_private,
    plant_application,
    trust,
    write_secret,
)
from plantctl.drivers._certificates import Certificate, read_certificate, read_password
from plantctl.drivers._opcua_admission import path_of
from plantctl.drivers._opcua_security import Security
from plantctl.plan.plan import Plan

SIMULATED: Final = Application("PCT-PLC-4", "urn:pct-plc-4", ("localhost", "127.0.0.1"))
WRITERS_NAME, READERS_NAME = "writers", "readers"
LEAST_DAYS: Final = 2.0


def secured_links(plan: Plan) -> list[Security]:
    """How the plan's links are protected, of those that are."""
    return [security for security, _ in _accounts(plan)]


def _accounts(plan: Plan) -> Iterator[tuple[Security, str]]:
    """The security of each secured link, and which accounts of the server its own is among: of a device that nothing is
    written to, those that only read.
    """
    for device in plan.devices:
        if "security" in device.config:
            security = Security.model_validate(device.config["security"])
            if not security.insecure:
                yield security, WRITERS_NAME if device.outputs else READERS_NAME


def pair_up(plan: Plan, ours: Path, theirs: Path, utc_ns: int) -> None:
    """Make and trust the keys and accounts of the plan's secured links: the plant's in its security folder `ours`, the
    simulated PLCs' in `theirs` (laid out as in `simulators.servers.plc_access`). Raises Unusable for files there that
    cannot be used.
    """
    own = _kept(ours, plant_application(plan.name, socket.gethostname()), utc_ns)
    server = _kept(theirs, SIMULATED, utc_ns)
    trust(theirs, own, "plant")
    trust(ours, server, "demo-plc")
    for security, accounts in _accounts(plan):
        if security.user and security.password_file:
            path = path_of(security.password_file, ours)
            if not path.exists():
                write_secret(path, f"{secrets.token_urlsafe(18)}\n".encode())
            make_private(theirs / accounts)
            write_secret(theirs / accounts / f"{security.user}.password", read_password(path).encode())


def _kept(folder: Path, application: Application, utc_ns: int) -> Certificate:
    """The certificate that is there, if it lasts; else one that is made."""
    path = folder / CERTIFICATE_NAME
    if path.exists():
        certificate = read_certificate(path)
        if certificate.days_left(utc_ns) > LEAST_DAYS:
            return certificate
    return make_pair(folder, application, utc_ns, renew=path.exists())
