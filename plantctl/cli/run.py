"""`plantctl run PLANT`: run a plant until it is told to end, in one process or in one for each concern."""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from plantctl.cli.exit_code import CONNECTION, DONE, FINDINGS, HELD, USAGE, fail
from plantctl.cli.plant_text import add_plant_text, known_ids

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from plantctl.core.field import DevicePlan
    from plantctl.hmi.opcua.settings import OpcuaSettings
    from plantctl.hmi.settings import PageSettings
    from plantctl.plan.plan import Plan

PR_SET_PDEATHSIG = 1
PRIORITY = 80
PRIORITY_MAX = 99
PORT_MAX = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    add_plant_text(parser)
    parser.add_argument("--endpoints", type=Path, metavar="FILE", help="`device: url` lines that override connect:")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")
    parser.add_argument("--interpreted", action="store_true", help="step the blocks as plain Python")
    parser.add_argument(
        "--topology",
        choices=("one", "split"),
        default="split",
        help="a process each for scan, field, recorder, gateway and feeds under a supervisor, or one for all (split)",
    )
    priority = f"real-time priority of the scan's process, 1 to {PRIORITY_MAX}; 0: none ({PRIORITY}; split only)"
    parser.add_argument("--priority", type=_priority, default=PRIORITY, metavar="N", help=priority)
    parser.add_argument("--cpu", type=int, default=-1, metavar="N", help="keep the scan on this processor (split only)")
    parser.add_argument("--no-lock-memory", action="store_true", help="let the scan's memory be paged out (split only)")
    parser.add_argument(
        "--no-awake", action="store_true", help="let the processor sleep as deep as it likes (split only)"
    )
    page = "port of the page, 0: any free one (split only; default: the first free one from 8470 on)"
    parser.add_argument("--page", type=_port, metavar="PORT", help=page)
    parser.add_argument("--no-page", action="store_true", help="serve no page")
    listen = "address at which the page is served; one that others can reach needs TLS and users (127.0.0.1)"
    parser.add_argument("--listen", default="", metavar="ADDRESS", help=listen)
    parser.add_argument("--tls-cert", default="", metavar="FILE", help="certificate of the page, PEM")
    parser.add_argument("--tls-key", default="", metavar="FILE", help="its private key, PEM")
    parser.add_argument("--with-parent", type=int, metavar="PID", help=argparse.SUPPRESS)


def _priority(text: str) -> int:
    number = int(text)
    if not 0 <= number <= PRIORITY_MAX:
        raise argparse.ArgumentTypeError(f"{number} is not within 0 to {PRIORITY_MAX}")
    return number


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"{number} is no port: 0 to {PORT_MAX}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    if arguments.with_parent is not None and not die_with(arguments.with_parent):
        return fail(CONNECTION, "the process that started this one is gone")
    if arguments.topology == "split":
        # Read when numpy is first imported: whoever starts processes has better no second thread.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from plantctl.app.feed_place import WAITS, hold_where_copied
    from plantctl.app.field import connected, read_endpoints
    from plantctl.app.id_lock import lock_path, write_ids
    from plantctl.app.state_folder import FEEDS_NAME, PlantHeld, folder_of, held
    from plantctl.cli.findings import show_findings
    from plantctl.plan.build import build_path

    endpoints = read_endpoints(arguments.endpoints) if arguments.endpoints else None
    known = known_ids(arguments.plant)
    built = build_path(arguments.plant, known)
    if built.plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    plan = built.plan
    tell_open_links(connected(plan.devices, endpoints))
    folder = folder_of(plan.name, arguments.state)
    try:
        with held(folder, f"plantctl run {arguments.plant}"):
            write_ids(lock_path(arguments.plant), plan, known)
            if plan.sinks and hold_where_copied(folder / FEEDS_NAME):
                print(f"COPIED: {folder}: {WAITS}", file=sys.stderr)
            if arguments.topology == "split":
                return run_split(arguments, plan, folder, endpoints)
            return run_one(arguments, plan, folder, endpoints)
    except PlantHeld as error:
        return fail(HELD, str(error))


def tell_open_links(devices: "Iterable[DevicePlan]") -> None:
    """Say at each start which links could be protected and are not."""
    from plantctl.drivers._opcua_security import PLAIN

    for device in devices:
        security = device.config.get("security")
        if isinstance(security, dict) and security.get("insecure"):
            print(f"INSECURE: the link to {device.name} is {PLAIN}", file=sys.stderr)


def run_one(arguments: argparse.Namespace, plan: "Plan", folder: Path, endpoints: Mapping[str, str] | None) -> int:
    """Run `plan` in this process; the exit code."""
    import asyncio

    from plantctl.app.host import host
    from plantctl.plan.load import warm

    if arguments.page is not None or arguments.listen or arguments.tls_cert or arguments.tls_key:
        return fail(USAGE, "the page is served by a process of its own, which topology `one` has not: --topology split")
    if not arguments.interpreted:
        compiled = warm(k.kind.name for k in plan.kinds)
        if compiled:
            print(f"compiled {len(compiled)} halves into the cache", file=sys.stderr)
    print(f"{plan.name} runs; its state is in {folder}; Ctrl-C ends it", file=sys.stderr)
    # No release stands before its outputs: what a person had set would be written again as soon as a device answers.
    print("topology `one` begins as configured each time; only `split` remembers", file=sys.stderr)
    asyncio.run(host(plan, folder, endpoints, compiled=not arguments.interpreted))
    return DONE


def run_split(arguments: argparse.Namespace, plan: "Plan", folder: Path, endpoints: Mapping[str, str] | None) -> int:
    """Run `plan` in processes of its own, this one their supervisor; the exit code."""
    from plantctl.app.page_socket import PageRefused
    from plantctl.app.split.child import surroundings
    from plantctl.app.split.deadline import monotonic_ns
    from plantctl.app.split.hand_over import Settings
    from plantctl.app.split.supervisor import SplitRefused, Supervisor, check_machine
    from plantctl.plan.load import cache_folder

    try:
        check_machine(os.uname().machine)
    except SplitRefused as error:
        return fail(USAGE, str(error))
    if not arguments.interpreted:
        # One for all, also where it is a temporary one: a scan that is started again must not compile first.
        os.environ["PLANTCTL_CACHE"] = str(cache_folder())
        # In a child: the compiler's memory is not the supervisor's.
        warmed = subprocess.run(
            [sys.executable, "-P", "-m", "plantctl.scan.warm", *sorted({k.kind.name for k in plan.kinds})],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env=surroundings(),
            preexec_fn=_die_with_me,
        )
        if warmed.returncode:
            return fail(CONNECTION, "the blocks could not be compiled; --interpreted runs them as they are")
        if warmed.stdout.startswith("compiled"):
            print(warmed.stdout.rstrip(), "into the cache", file=sys.stderr)
    try:
        with served(arguments, folder) as page, served_to_programs(plan, folder) as opcua:
            settings = Settings(
                folder,
                monotonic_ns(),
                compiled=not arguments.interpreted,
                endpoints=endpoints,
                priority=arguments.priority,
                lock_memory=not arguments.no_lock_memory,
                cpu=arguments.cpu,
                awake=not arguments.no_awake,
                page=page,
                opcua=opcua,
            )
            return Supervisor(plan, settings, lambda text: print(text, file=sys.stderr)).run()
    except PageRefused as error:
        return fail(USAGE, str(error))


def served(arguments: argparse.Namespace, folder: Path) -> "AbstractContextManager[PageSettings | None]":
    """Where the page is served while a plant runs; nowhere where that is not wanted. Raises `PageRefused`."""
    from plantctl.app.page_socket import page_socket

    if arguments.no_page:
        return nullcontext()
    address = arguments.page, arguments.listen
    return page_socket(*address, arguments.tls_cert, arguments.tls_key, folder)


def served_to_programs(plan: "Plan", folder: Path) -> "AbstractContextManager[OpcuaSettings | None]":
    """Where the plant is served over OPC UA; nowhere where its text does not ask for that. Raises `PageRefused`."""
    from plantctl.app.opcua_socket import opcua_socket
    from plantctl.core.clock import RealClock

    if plan.opcua_server is None:
        return nullcontext()
    if plan.opcua_server.insecure:
        print("INSECURE: the OPC UA server is neither signed nor encrypted; this machine only", file=sys.stderr)
    return opcua_socket(plan.name, plan.opcua_server, folder, RealClock().utc_ns())


def _die_with_me() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def die_with(parent: int) -> bool:
    """End this process when its parent does; False where the parent is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent
