"""The listening socket of the page, made before anything else starts: what is wrong with it is said at once.

On this machine only, unless TLS and a user are set up. The socket is the supervisor's, so that a gateway that starts
again serves at the same address; who asks meanwhile waits for it.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plantctl.core.errors import PlantctlError
from plantctl.hmi.settings import LOOPBACK, PAGE_NAME, PORT, PORTS_TRIED, PageSettings, is_loopback

BACKLOG = 128


class PageRefused(PlantctlError):
    """The page cannot be served as it was asked for; the message says why, and what to do."""


@contextmanager
def page_socket(port: int | None, host: str, certificate: str, key: str, folder: Path) -> Iterator[PageSettings]:
    """Where the page of the plant with its state in `folder` is served, while the block runs.

    `port` 0 takes any free one, None the first free one from the usual one on, else any. `host` is an address of this
    machine, empty for loopback; `certificate` and `key` are PEM files, both or none. Raises `PageRefused`.
    """
    host = host or LOOPBACK
    names = _certified(certificate, key)
    if not is_loopback(host):
        _check_open(host, certificate, folder)
    ports = (*range(PORT, PORT + PORTS_TRIED), 0) if port is None else (port,)
    listening = bound(host, ports, "the page", "--page PORT takes another, 0 any free")
    try:
        listening.listen(BACKLOG)
        # The address of an earlier start is no address any more.
        (folder / PAGE_NAME).unlink(missing_ok=True)
        port = listening.getsockname()[1]
        yield PageSettings(listening.fileno(), host, port, certificate, key, names)
    finally:
        listening.close()
        (folder / PAGE_NAME).unlink(missing_ok=True)


def bound(host: str, ports: tuple[int, ...], what: str, otherwise: str) -> socket.socket:
    """A socket at the first of `ports` that is free. Raises `PageRefused`: `what` cannot be served, `otherwise` how."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    error = OSError()
    for port in ports:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((host, port))
        except OSError as refused:
            made.close()
            error = refused
        else:
            return made
    why = (error.strerror or str(error)).lower()
    raise PageRefused(f"{what} cannot be served at {host} port {ports[0]}: {why}; {otherwise}")


def _check_open(host: str, certificate: str, folder: Path) -> None:
    """Refuse to serve others than this machine without encryption, or where nobody could be told apart."""
    from plantctl.hmi.users import Users

    if not certificate:
        raise PageRefused(
            f"{host} can be reached by other machines: that needs --tls-cert and --tls-key; without them the page is "
            f"served at {LOOPBACK} only"
        )
    if not Users(folder).all():
        raise PageRefused(
            f"{host} can be reached by other machines: that needs users; plantctl users add NAME --role operator"
        )


def _certified(certificate: str, key: str) -> tuple[str, ...]:
    """The names that the certificate is made out to; none without TLS. Patterns are not names."""
    if not certificate and not key:
        return ()
    if not certificate or not key:
        raise PageRefused("--tls-cert and --tls-key belong together")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise PageRefused(f"{certificate} and {key} cannot be used: {error}") from error
    from cryptography import x509

    made = x509.load_pem_x509_certificates(Path(certificate).read_bytes())[0]
    try:
        found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    names = [str(each) for each in found.get_values_for_type(x509.DNSName)]
    addresses = [str(each) for each in found.get_values_for_type(x509.IPAddress)]
    return tuple(name for name in (*names, *addresses) if "*" not in name)
