"""Finds the running plant that a verb talks to: by its name, by its text, or the only one there is."""

import argparse
from pathlib import Path

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.state_folder import SOCKET_NAME, folder_of


def add_plant_argument(parser: argparse.ArgumentParser) -> None:
    """`--plant NAME` and `--state DIR`."""
    parser.add_argument("--plant", metavar="NAME", help="the plant's name (default: the only one that runs)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="state folder (default: $PLANTCTL_STATE)")


def state_folder(arguments: argparse.Namespace) -> Path:
    """The state folder of the plant that is meant. Raises `NotRunning` where that is not clear."""
    if arguments.plant:
        return folder_of(arguments.plant, arguments.state)
    root = folder_of("x", arguments.state).parent
    found = sorted(path.parent for path in root.glob(f"*/{SOCKET_NAME}"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotRunning(f"no plant runs in {root}; start one with plantctl run or plantctl demo")
    raise NotRunning(f"several plants run: {', '.join(p.name for p in found)}; name one with --plant")


def connect(arguments: argparse.Namespace, timeout_s: float = 10.0) -> ControlClient:
    """A connection to the plant that is meant. Raises `NotRunning`."""
    return ControlClient(state_folder(arguments) / SOCKET_NAME, timeout_s)
