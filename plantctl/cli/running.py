"""Finds the running plant that a verb talks to: by its name, or the only one there is."""

import argparse
from pathlib import Path

from plantctl.app.control_client import ControlClient, NotRunning
from plantctl.app.state_folder import SOCKET_NAME, folder_of, state_root


def add_plant_argument(parser: argparse.ArgumentParser) -> None:
    """`--plant NAME` and `--state DIR`."""
    parser.add_argument("--plant", metavar="NAME", help="the plant's name (default: the only one that runs)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")


def likely(client: ControlClient, verb: str, name: str) -> str:
    """A hint for a name that the plant does not know, or empty: `; did you mean `FC-1`?`.

    The looking is done here: among thousands of names it takes longer than a scan.
    """
    from plantctl.plan.did_you_mean import meant

    hint = meant(name, client.ask({"targets": verb}).get("targets", ()))
    return f"; {hint}" if hint else ""


def connect(arguments: argparse.Namespace, timeout_s: float = 10.0) -> ControlClient:
    """A connection to the plant that is meant. Raises `NotRunning` where none answers, or which is not clear."""
    if arguments.plant:
        return ControlClient(folder_of(arguments.plant, arguments.state) / SOCKET_NAME, timeout_s)
    root = state_root(arguments.state)
    found: list[tuple[str, ControlClient]] = []
    refused = ""
    for path in sorted(root.glob(f"*/{SOCKET_NAME}")):
        try:
            found.append((path.parent.name, ControlClient(path, timeout_s)))
        except NotRunning as error:
            # A plant that was killed leaves its socket behind.
            refused = str(error)
    if len(found) == 1:
        return found[0][1]
    for _, client in found:
        client.close()
    if found:
        raise NotRunning(f"several plants run: {', '.join(name for name, _ in found)}; name one with --plant")
    raise NotRunning(refused or f"no plant runs in {root}; start one with plantctl demo or plantctl run PLANT")
