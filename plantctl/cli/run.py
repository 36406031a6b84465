"""`plantctl run PLANT`: run a plant in this process until it is told to end."""

import argparse
import asyncio
import ctypes
import os
import signal
import sys
from pathlib import Path

from plantctl.cli.exit_code import CONNECTION, DONE, FINDINGS, HELD, fail
from plantctl.cli.findings import show_findings

PR_SET_PDEATHSIG = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("plant", type=Path, help="plant.yaml, or the folder that holds it")
    parser.add_argument("--endpoints", type=Path, metavar="FILE", help="`device: url` lines that override connect:")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")
    parser.add_argument("--interpreted", action="store_true", help="step the blocks as plain Python")
    parser.add_argument("--with-parent", type=int, metavar="PID", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    if arguments.with_parent is not None and not die_with(arguments.with_parent):
        return fail(CONNECTION, "the process that started this one is gone")
    from plantctl.app.field import EndpointMissing, read_endpoints
    from plantctl.app.id_lock import LockDamaged, lock_path, read_ids, write_ids
    from plantctl.app.state_folder import PlantHeld, folder_of, held
    from plantctl.plan.build import build_path
    from plantctl.plan.load import warm

    try:
        known = read_ids(lock_path(arguments.plant))
        endpoints = read_endpoints(arguments.endpoints) if arguments.endpoints else None
    except (LockDamaged, EndpointMissing) as error:
        return fail(FINDINGS, str(error))
    built = build_path(arguments.plant, known)
    if built.plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    folder = folder_of(built.plan.name, arguments.state)
    try:
        with held(folder, "plantctl run"):
            write_ids(lock_path(arguments.plant), built.plan, known)
            if not arguments.interpreted:
                compiled = warm(k.kind.name for k in built.plan.kinds)
                if compiled:
                    print(f"compiled {len(compiled)} halves into the cache", file=sys.stderr)
            from plantctl.app.host import host

            asyncio.run(host(built.plan, folder, endpoints, compiled=not arguments.interpreted))
    except PlantHeld as error:
        return fail(HELD, str(error))
    except EndpointMissing as error:
        return fail(CONNECTION, str(error))
    return DONE


def die_with(parent: int) -> bool:
    """End this process when its parent does; False where the parent is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent
