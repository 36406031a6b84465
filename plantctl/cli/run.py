"""`plantctl run PLANT`: run a plant in this process until it is told to end."""

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

from plantctl.cli.exit_code import CONNECTION, DONE, FINDINGS, HELD, fail
from plantctl.cli.plant_text import add_plant_text, known_ids

PR_SET_PDEATHSIG = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    add_plant_text(parser)
    parser.add_argument("--endpoints", type=Path, metavar="FILE", help="`device: url` lines that override connect:")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")
    parser.add_argument("--interpreted", action="store_true", help="step the blocks as plain Python")
    parser.add_argument("--with-parent", type=int, metavar="PID", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    if arguments.with_parent is not None and not die_with(arguments.with_parent):
        return fail(CONNECTION, "the process that started this one is gone")
    import asyncio

    from plantctl.app.field import connected, read_endpoints
    from plantctl.app.id_lock import lock_path, write_ids
    from plantctl.app.state_folder import PlantHeld, folder_of, held
    from plantctl.cli.findings import show_findings
    from plantctl.plan.build import build_path
    from plantctl.plan.load import warm

    endpoints = read_endpoints(arguments.endpoints) if arguments.endpoints else None
    known = known_ids(arguments.plant)
    built = build_path(arguments.plant, known)
    if built.plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    plan = built.plan
    connected(plan.devices, endpoints)
    folder = folder_of(plan.name, arguments.state)
    try:
        with held(folder, f"plantctl run {arguments.plant}"):
            write_ids(lock_path(arguments.plant), plan, known)
            if not arguments.interpreted:
                compiled = warm(k.kind.name for k in plan.kinds)
                if compiled:
                    print(f"compiled {len(compiled)} halves into the cache", file=sys.stderr)
            from plantctl.app.host import host

            print(f"{plan.name} runs; its state is in {folder}; Ctrl-C ends it", file=sys.stderr)
            asyncio.run(host(plan, folder, endpoints, compiled=not arguments.interpreted))
    except PlantHeld as error:
        return fail(HELD, str(error))
    return DONE


def die_with(parent: int) -> bool:
    """End this process when its parent does; False where the parent is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent
