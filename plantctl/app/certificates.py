"""Makes application certificates, and keeps the folder that they, their keys and the trust list lie in.

    <state folder>/<plant>/security/own.der      our certificate, to be given to everybody
                                    own.key      its key, for nobody else
                                    trusted/     the certificates of those we trust, one file each
                                    <name>.password

A pair is never overwritten: `renew` puts the old one aside under its date. Files of secrets are made readable by their
owner alone before anything is in them. Times and names are arguments; only the keys are chance.

Source: OPC 10000-6, 6.2.2 (application instance certificates).
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from plantctl.app.state_folder import SECURITY_NAME, folder_of
from plantctl.drivers._certificates import Certificate, Unusable, moment, read_certificate, read_trusted

CERTIFICATE_NAME: Final = "own.der"
KEY_NAME: Final = "own.key"
TRUSTED_NAME: Final = "trusted"
BITS: Final = (2048, 3072, 4096)
DAYS_DEFAULT: Final = 730
DAYS_MAX: Final = 3650
# Clocks of two machines differ: what is made now must be valid there.
EARLY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Application:
    """For whom a certificate is made: `name` for people, `uri` for programs, `hosts` where it runs."""

    name: str
    uri: str
    hosts: Sequence[str]


def security_folder(plant: str, root: Path | None = None) -> Path:
    """The security folder of the plant called `plant`; `root` as in `state_folder.folder_of`."""
    return folder_of(plant, root) / SECURITY_NAME


def plant_application(plant: str, host: str, more_hosts: Sequence[str] = ()) -> Application:
    """The plant itself as an application on `host`."""
    word = re.sub(r"[^a-z0-9]+", "-", plant.lower()).strip("-") or "plant"
    return Application(f"plantctl {plant}", f"urn:{host.lower()}:plantctl:{word}", [host, *more_hosts])


def make_pair(
    folder: Path,
    application: Application,
    utc_ns: int,
    *,
    days: int = DAYS_DEFAULT,
    bits: int = 2048,
    renew: bool = False,
) -> Certificate:
    """Make certificate and key in `folder`, valid from an hour before now for `days`; the certificate.

    Raises Unusable where there is a pair already and `renew` is not asked for, and for settings out of range.
    """
    if bits not in BITS or not 1 <= days <= DAYS_MAX:
        raise Unusable(f"a key has {', '.join(map(str, BITS))} bits, and a certificate lasts 1 to {DAYS_MAX} days")
    own, key_path = folder / CERTIFICATE_NAME, folder / KEY_NAME
    there = [path for path in (own, key_path) if path.exists()]
    if there and not renew:
        raise Unusable(f"{there[0]} is there already and is not overwritten; --renew puts it aside and makes another")
    key = rsa.generate_private_key(65537, bits)
    certificate = _certificate(key, application, utc_ns, days)
    make_private(folder)
    stamp = f"{moment(utc_ns):%Y%m%dT%H%M%S}"
    for path in there:
        path.rename(path.with_name(f"{path.name}.before-{stamp}"))
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    write_secret(key_path, key.private_bytes(encoding, form, serialization.NoEncryption()))
    _write(own, certificate.public_bytes(serialization.Encoding.DER), 0o644)
    return Certificate(certificate, str(own))


def _certificate(key: rsa.RSAPrivateKey, application: Application, utc_ns: int, days: int) -> x509.Certificate:
    """A certificate of `application` for `key`, signed by itself."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, application.name[:64])])
    begins = moment(utc_ns).replace(microsecond=0) - EARLY
    public = key.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    names = [x509.UniformResourceIdentifier(application.uri), *map(_host, application.hosts)]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + EARLY + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )


def _key_usage() -> x509.KeyUsage:
    """What the standard asks of an application; the signature of certificates is its own, since it signs itself."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


# ---- files


def make_private(folder: Path) -> None:
    """Make a folder, and the one it is in, that only their owner can enter; what is there already is left as it is."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(exist_ok=True, mode=0o700)


def write_secret(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, readable by its owner alone from its first byte."""
    _write(path, data, 0o600)


def _write(path: Path, data: bytes, mode: int) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def trust(folder: Path, certificate: Certificate, name: str) -> Path:
    """Put a certificate into the trust list of `folder` under `name`; its file.

    Trusting what is trusted already changes nothing. What another file of that name holds is kept: both are trusted
    until a person removes one, so that a peer can change its certificate without a gap.
    """
    listed = folder / TRUSTED_NAME
    for known in read_trusted(listed):
        if known.der == certificate.der:
            return Path(known.where)
    make_private(folder)
    make_private(listed)
    word = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "peer"
    path = listed / f"{word}-{certificate.fingerprint[:8]}.der"
    _write(path, certificate.der, 0o644)
    return path


def listed(folder: Path) -> list[Certificate]:
    """Our certificate, where there is one, and those we trust. Raises Unusable."""
    own = folder / CERTIFICATE_NAME
    return [*([read_certificate(own)] if own.exists() else []), *read_trusted(folder / TRUSTED_NAME)]
