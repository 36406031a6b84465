"""`plantctl certs make|trust|list|check|password`: the keys and certificates of a plant's secured links.

They lie in the plant's security folder, `$PLANTCTL_STATE/<plant>/security`; `--folder` names another, as for the
simulated PLC. Nothing is trusted unseen: a certificate that comes over the network is shown with its fingerprint, and
a person, or the fingerprint given beforehand, says that it is the right one.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING

from plantctl.cli.exit_code import DONE, FINDINGS, REFUSED, USAGE, fail

if TYPE_CHECKING:
    from plantctl.drivers._certificates import Certificate
    from plantctl.drivers._opcua_security import Security
    from plantctl.plan.plan import Plan

ANSWER_S = 5.0
EXAMPLES = """
examples: plantctl certs make config/demo
          plantctl certs trust config/demo opc.tcp://plc-4:4840
          plantctl certs password config/demo plc-4.password
          plantctl certs check config/demo --connect
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.epilog = EXAMPLES
    verbs = parser.add_subparsers(dest="do", required=True, metavar="make|trust|list|check|password", help="see below")
    make = _verb(verbs, "make", "make our certificate and key; an existing pair is kept unless --renew")
    make.add_argument("--name", metavar="TEXT", help="whom it is for (default: the plant)")
    make.add_argument("--uri", metavar="URI", help="application URI (default: urn:HOST:plantctl:PLANT)")
    make.add_argument("--host", action="append", metavar="NAME", help="host name or address; again for more (this one)")
    make.add_argument("--days", type=int, default=730, metavar="N", help="how long it is valid (730)")
    make.add_argument("--bits", type=int, default=2048, metavar="N", help="length of the key: 2048, 3072, 4096 (2048)")
    make.add_argument("--renew", action="store_true", help="put the pair that is there aside and make another")
    trust = _verb(verbs, "trust", "trust a peer: its certificate from a file, or from its server after you compared it")
    trust.add_argument("peer", metavar="FILE|URL", help="a certificate, DER or PEM, or opc.tcp://host:port")
    trust.add_argument("--name", metavar="TEXT", help="how the file is called (default: the certificate's own name)")
    trust.add_argument("--fingerprint", metavar="HEX", help="SHA-256 that you know it by: trusted without a question")
    _verb(verbs, "list", "show our certificate and those that are trusted, with their ends")
    check = _verb(verbs, "check", "find what is wrong with the files of every secured link")
    check.add_argument("--connect", action="store_true", help="ask the servers, too, what they offer and who they are")
    check.add_argument("--endpoints", type=Path, metavar="FILE", help="`device: url` lines that override connect:")
    password = _verb(verbs, "password", "keep a password, typed or piped, in a file that only its owner reads")
    password.add_argument("file", metavar="NAME", help="the name in `password_file:`")


def _verb(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text)
    parser.add_argument("plant", nargs="?", type=Path, metavar="PLANT", help="plant.yaml, or the folder that holds it")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="a security folder that is not a plant's")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code: 1 where the check found something, 4 where nothing was trusted."""
    if (arguments.plant is None) == (arguments.folder is None):
        return fail(USAGE, "whose keys? Name either a PLANT or --folder DIR")
    plan = None
    if arguments.plant is not None:
        from plantctl.cli.findings import show_findings
        from plantctl.cli.plant_text import read_plant

        built = read_plant(arguments.plant)
        plan = built.plan
        if plan is None:
            show_findings(built.findings, built.texts)
            return FINDINGS
    from plantctl.app.certificates import security_folder
    from plantctl.drivers._certificates import Unusable

    folder = arguments.folder if plan is None else security_folder(plan.name, arguments.state)
    try:
        if arguments.do == "make":
            return make(arguments, plan, folder)
        if arguments.do == "trust":
            return trust(arguments, folder)
        if arguments.do == "check":
            return check(arguments, plan, folder)
        return show(folder) if arguments.do == "list" else keep_password(arguments.file, folder)
    except Unusable as fault:
        return fail(FINDINGS, str(fault))


def make(arguments: argparse.Namespace, plan: "Plan | None", folder: Path) -> int:
    """Make the pair, and say what to do with it."""
    import socket

    from plantctl.app.certificates import Application, make_pair, plant_application
    from plantctl.core.clock import RealClock

    hosts = arguments.host or [socket.gethostname()]
    application = plant_application(plan.name if plan else folder.name, hosts[0], hosts[1:])
    if plan is None and not arguments.uri:
        return fail(USAGE, "an application that is no plant needs --uri urn:...")
    made = make_pair(
        folder,
        Application(
            arguments.name or (application.name if plan else folder.name), arguments.uri or application.uri, hosts
        ),
        RealClock().utc_ns(),
        days=arguments.days,
        bits=arguments.bits,
        renew=arguments.renew,
    )
    print("\n".join(described(made)))
    print(f"put {made.where} into the trust list of each peer; {folder / 'own.key'} is for nobody")
    return DONE


def trust(arguments: argparse.Namespace, folder: Path) -> int:
    """Put a peer into the trust list, after somebody has said that it is the right one."""
    from plantctl.app.certificates import trust as keep
    from plantctl.drivers._certificates import Unusable, read_certificate

    wanted = re.sub(r"[\s:]", "", arguments.fingerprint or "").lower()
    fetched = "://" in arguments.peer
    found = fetch(arguments.peer) if fetched else [read_certificate(Path(arguments.peer))]
    if wanted:
        found = [certificate for certificate in found if certificate.fingerprint == wanted]
        if not found:
            return fail(REFUSED, f"{arguments.peer} has no certificate with this fingerprint; nothing is trusted")
    if len(found) > 1:
        raise Unusable(f"{arguments.peer} shows {len(found)} certificates: say which with --fingerprint")
    [certificate] = found
    print("\n".join(described(certificate)))
    if fetched and not wanted:
        if not sys.stdin.isatty():
            return fail(REFUSED, "nobody is here to compare the fingerprint; give it with --fingerprint")
        print("Compare the fingerprint with the one that the peer itself shows, not with one that came the same way.")
        if input("Is it the same? Type yes to trust it: ").strip() != "yes":
            return fail(REFUSED, "nothing is trusted")
    print(f"trusted: {keep(folder, certificate, arguments.name or name_of(certificate))}")
    return DONE


def fetch(url: str) -> "list[Certificate]":
    """The certificates that the server at `url` shows, each once."""
    import asyncio

    from plantctl.drivers._certificates import Unusable, certificate_from
    from plantctl.drivers._opcua_offers import ask_offers

    shown = {offer.certificate for offer in asyncio.run(ask_offers(url, ANSWER_S)) if offer.certificate}
    if not shown:
        raise Unusable(f"the server at {url} shows no certificate: it offers no protection")
    return [certificate_from(data, url) for data in sorted(shown)]


def name_of(certificate: "Certificate") -> str:
    """The common name of a certificate, to call a file by."""
    from cryptography.x509.oid import NameOID

    names = certificate.parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else "peer"


def described(certificate: "Certificate") -> Iterator[str]:
    """A certificate as people compare it."""
    from plantctl.drivers._certificates import day, grouped

    yield f"{name_of(certificate)}  ({certificate.where})"
    yield f"  application  {', '.join(certificate.applications) or 'none'}"
    yield f"  hosts        {', '.join(certificate.hosts) or 'none'}"
    yield f"  valid        {day(certificate.begins)} to {day(certificate.ends)}"
    yield f"  SHA-256      {grouped(certificate.fingerprint)}"
    # What controllers' own tools show; for finding it again, not for trusting it.
    yield f"  SHA-1        {grouped(sha1(certificate.der, usedforsecurity=False).hexdigest())}"


def show(folder: Path) -> int:
    """List what is in the folder."""
    from plantctl.app.certificates import TRUSTED_NAME, listed
    from plantctl.core.clock import RealClock
    from plantctl.drivers._certificates import ends_soon, find_fault

    utc_ns = RealClock().utc_ns()
    found = listed(folder)
    for certificate in found:
        whose = "trusted" if Path(certificate.where).parent.name == TRUSTED_NAME else "ours"
        print(f"{whose}: " + "\n".join(described(certificate)))
        if told := find_fault(certificate, utc_ns) or ends_soon(certificate, utc_ns):
            print(f"  !            {told}")
    if not found:
        print(f"there is nothing in {folder}; `plantctl certs make` begins")
    return DONE


def check(arguments: argparse.Namespace, plan: "Plan | None", folder: Path) -> int:
    """Look at every device of the plan that says how its link is protected; 1 where one would not be let in."""
    from plantctl.app.field import connected, read_endpoints
    from plantctl.core.clock import RealClock
    from plantctl.drivers._certificates import Unusable
    from plantctl.drivers._opcua_offers import Unanswered
    from plantctl.drivers._opcua_security import Security

    if plan is None:
        return fail(USAGE, "a check needs the PLANT: its devices say what they need")
    endpoints = read_endpoints(arguments.endpoints) if arguments.endpoints else None
    code, utc_ns = DONE, RealClock().utc_ns()
    for device in connected(plan.devices, endpoints):
        if "security" not in device.config:
            continue
        settings = Security.model_validate(device.config["security"])
        print(f"{device.name}: {settings.in_words()}")
        if settings.insecure:
            continue
        try:
            for line in checked(settings, folder, device.connect if arguments.connect else "", utc_ns):
                print(f"  {line}")
        except (Unusable, Unanswered) as fault:
            print(f"  ! {fault}")
            code = FINDINGS
    return code


def checked(settings: "Security", folder: Path, url: str, utc_ns: int) -> Iterator[str]:
    """What is right with one device's files, and with its server where a `url` is given; raises Unusable."""
    import asyncio
    from urllib.parse import urlsplit

    from plantctl.drivers._certificates import ends_soon
    from plantctl.drivers._opcua_admission import papers_of
    from plantctl.drivers._opcua_offers import ask_offers, certificate_of

    papers = papers_of(settings, folder, utc_ns)
    yield f"ours: {papers.own.certificate.where}, {papers.own.certificate.applications[0]}"
    yield f"trusted: {len(papers.trusted)} in {folder / settings.trust}"
    seen = [papers.own.certificate]
    if url:
        offers = asyncio.run(ask_offers(url, ANSWER_S))
        seen.append(certificate_of(offers, settings, papers.trusted, urlsplit(url).hostname or "", utc_ns))
        yield f"its server: {url}, trusted, offers {settings.policy} {settings.mode}"
    yield from (told for certificate in seen if (told := ends_soon(certificate, utc_ns)))


def keep_password(name: str, folder: Path) -> int:
    """Write a password file; the password is typed unseen, twice, or is the first line of the input."""
    from getpass import getpass

    from plantctl.app.certificates import make_private, write_secret
    from plantctl.drivers._certificates import read_password
    from plantctl.drivers._opcua_admission import path_of

    if sys.stdin.isatty():
        typed = getpass(f"password for {name}: ")
        if typed != getpass("once more: "):
            return fail(REFUSED, "these were two different passwords; nothing is written")
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    path = path_of(name, folder)
    make_private(path.parent)
    unfinished = path.with_name(f"{path.name}.new")
    write_secret(unfinished, f"{typed}\n".encode())
    try:
        read_password(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    print(f"kept in {path}")
    return DONE
