"""Certificates of OPC UA applications, the files they lie in, and what must be true of one before it is used.

An application (a controller's server, this program) has a certificate, which everybody may see, and a key, which
nobody else may. Two applications trust each other when each has the other's certificate in its trust list, which is a
folder of files here: one file, one application, put there by a person who has compared the fingerprint. There are no
authorities and there is no trust at first sight: what is not in the folder is a stranger.

Rules of the file: secrets are read from files that only their owner can read, and never become part of a text; time is
an argument; whatever is wrong is one sentence that says what to do.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from plantctl.core.errors import PlantctlError

SUFFIXES: Final = (".der", ".pem", ".crt", ".cer")
FILES_MAX: Final = 256
FILE_BYTES_MAX: Final = 64 * 1024
PASSWORD_BYTES_MAX: Final = 128  # with a server's nonce it must fit into one block of the smallest key
KEY_BITS_MIN: Final = 2048  # the limits of the policies we speak
KEY_BITS_MAX: Final = 4096
RENEW_DAYS: Final = 30
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PEM: Final = b"-----BEGIN"


class Unusable(PlantctlError):
    """A certificate, key, password or trust list that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Certificate:
    """The certificate of one application. `where` is how a message calls it: a file, or whose it is."""

    parsed: x509.Certificate
    where: str

    @property
    def der(self) -> bytes:
        """The certificate as it is sent."""
        return self.parsed.public_bytes(serialization.Encoding.DER)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate in hexadecimal: what two people read to each other."""
        return sha256(self.der).hexdigest()

    @property
    def begins(self) -> datetime:
        """From when it is valid, UTC."""
        return self.parsed.not_valid_before_utc

    @property
    def ends(self) -> datetime:
        """Until when it is valid, UTC."""
        return self.parsed.not_valid_after_utc

    @property
    def applications(self) -> list[str]:
        """The application URIs that it is for."""
        names = self._names()
        return names.get_values_for_type(x509.UniformResourceIdentifier) if names else []

    @property
    def hosts(self) -> list[str]:
        """The host names and addresses that it is for."""
        names = self._names()
        if names is None:
            return []
        return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]

    def days_left(self, utc_ns: int) -> float:
        """The days until it ends, negative when it has."""
        return (self.ends - moment(utc_ns)) / timedelta(days=1)

    def is_for_host(self, host: str) -> bool:
        """Whether it is for this host name or address; names count without case, there are no wildcards."""
        try:
            host = str(ip_address(host.strip("[]")))
        except ValueError:
            host = host.rstrip(".")
        return host.lower() in [name.lower().rstrip(".") for name in self.hosts]

    def _names(self) -> x509.SubjectAlternativeName | None:
        try:
            return self.parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
            return None


@dataclass(frozen=True)
class Pair:
    """Our certificate and the key that belongs to it."""

    certificate: Certificate
    key: rsa.RSAPrivateKey

    def __repr__(self) -> str:
        return f"Pair({self.certificate.where})"


def moment(utc_ns: int) -> datetime:
    """UTC ns as a time, to the microsecond."""
    return _EPOCH + timedelta(microseconds=utc_ns // 1000)


def day(when: datetime) -> str:
    """A time as a message tells it."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


# ---- files


def read_certificate(path: Path) -> Certificate:
    """The certificate in a file, DER or PEM. Raises Unusable."""
    return certificate_from(_read(path, "certificate"), str(path))


def certificate_from(data: bytes, where: str) -> Certificate:
    """The first certificate in `data`, DER or PEM; a chain behind it is left out. Raises Unusable."""
    try:
        if data.lstrip().startswith(_PEM):
            return Certificate(x509.load_pem_x509_certificate(data), where)
        return Certificate(x509.load_der_x509_certificate(_first_der(data)), where)
    except ValueError as fault:
        raise Unusable(f"{where} is not a certificate: {fault}") from None


def _first_der(data: bytes) -> bytes:
    """The first of several certificates that stand one behind the other: its length is in its second to fourth byte."""
    long_form = data[:2] == b"\x30\x82"
    return data[: 4 + int.from_bytes(data[2:4], "big")] if long_form else data


def read_pair(certificate: Path, key: Path) -> Pair:
    """Our certificate and its key. Raises Unusable, also where they do not belong together."""
    ours = read_certificate(certificate)
    data = read_secret(key, "key")
    try:
        load = serialization.load_pem_private_key if _PEM in data else serialization.load_der_private_key
        private = load(data, None)
    except (ValueError, TypeError):
        # The library's own words may quote the file.
        raise Unusable(f"{key} is not a private key without a pass phrase, PEM or DER") from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise Unusable(f"{key} is not an RSA key, which OPC UA's policies need")
    if ours.parsed.public_key() != private.public_key():
        raise Unusable(f"{key} is not the key of {certificate}: put the pair back together, or make a new one")
    return Pair(ours, private)


def read_password(path: Path) -> str:
    """The password in a file, without the end of its line. Raises Unusable; no message holds any of it."""
    data = read_secret(path, "password").rstrip(b"\r\n")
    try:
        password = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Unusable(f"the password in {path} is not UTF-8") from None
    if not password or not password.isprintable() or len(data) > PASSWORD_BYTES_MAX:
        raise Unusable(f"{path} must hold one line of 1 to {PASSWORD_BYTES_MAX} bytes, the password")
    return password


def read_secret(path: Path, what: str) -> bytes:
    """A file that only its owner may read; raises Unusable for one that others can."""
    return _read(path, what, secret=True)


def _read(path: Path, what: str, *, secret: bool = False) -> bytes:
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            # What is open is what is looked at: a name could be another file by now.
            if secret and (state.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or state.st_uid not in (os.geteuid(), 0)):
                who = "others can read it" if state.st_uid == os.geteuid() else "it belongs to somebody else"
                raise Unusable(f"the {what} in {path} is not used, since {who}: chmod 600 {path}, as the plant's user")
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as fault:
        raise Unusable(f"there is no {what} in {path}: {(fault.strerror or str(fault)).lower()}") from None
    if len(data) > FILE_BYTES_MAX:
        raise Unusable(f"{path} is too long for a {what}")
    return data


def read_trusted(folder: Path) -> list[Certificate]:
    """Every certificate in a trust list, in the order of its files' names; an empty list where there is no folder.

    Raises Unusable for a list that others can change, and for a file in it that is not a certificate.
    """
    if not folder.is_dir():
        return []
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if len(paths) > FILES_MAX:
        raise Unusable(f"{folder} holds more than {FILES_MAX} certificates")
    for path in (folder, *paths):
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Unusable(f"others can change {path}, so it is no trust list: chmod go-w {path}")
    return [read_certificate(path) for path in paths]


# ---- what must be true


def find_fault(certificate: Certificate, utc_ns: int) -> str:
    """What is wrong with a certificate by itself: its time and its key; empty when nothing is."""
    now = moment(utc_ns)
    if now < certificate.begins:
        return f"it is valid from {day(certificate.begins)} only, and by the plant's clock it is {day(now)}"
    if now > certificate.ends:
        return f"it ended on {day(certificate.ends)}, and by the plant's clock it is {day(now)}"
    key = certificate.parsed.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or not KEY_BITS_MIN <= key.key_size <= KEY_BITS_MAX:
        return f"its key is not RSA of {KEY_BITS_MIN} to {KEY_BITS_MAX} bits"
    return ""


def find_fault_of_peer(
    certificate: Certificate, trusted: Sequence[Certificate], application: str, host: str, utc_ns: int
) -> str:
    """Why a peer's certificate is not accepted: not in the list, its time, its key, not for this application (the URI
    that the peer calls itself) or not for this host; empty when it is accepted.
    """
    if certificate.der not in [known.der for known in trusted]:
        return f"it is not in the trust list; its SHA-256 fingerprint is {grouped(certificate.fingerprint)}"
    if fault := find_fault(certificate, utc_ns):
        return fault
    if application not in certificate.applications:
        return f"it is for {_listed(certificate.applications)}, and the peer calls itself {application or 'nothing'}"
    if not certificate.is_for_host(host):
        return f"it is for the host {_listed(certificate.hosts)}, not for {host}"
    return ""


def ends_soon(certificate: Certificate, utc_ns: int) -> str:
    """In how many days a certificate ends, where that is soon; empty while there is time."""
    days = certificate.days_left(utc_ns)
    if days > RENEW_DAYS:
        return ""
    return f"{certificate.where} ends on {day(certificate.ends)}, in {max(0, int(days))} days"


def grouped(fingerprint: str) -> str:
    """A fingerprint as it is read aloud: `ab12 cd34 ...`."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "nobody in particular"
