"""`plantctl doctor [PLANT]`: what this machine offers to a plant, and what the plants that run here got of it."""

import argparse
import json
import os
import pwd
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plantctl.cli.exit_code import DONE, FINDINGS

if TYPE_CHECKING:
    from plantctl.app.machine import Finding

ANSWER_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("plant", nargs="?", type=Path, metavar="PLANT", help="look at this plant only (default: all)")
    parser.add_argument("--state", type=Path, metavar="DIR", help="where state folders are (default: $PLANTCTL_STATE)")
    parser.add_argument("--json", action="store_true", help="every finding as JSON")
    parser.epilog = (
        "It asks as the user who calls it: rights that a service is given by its unit are the service's.\n"
        "Nothing is changed, and a plant that runs is not disturbed. Exit code 1: something is missing."
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code: 1 where something is missing."""
    from plantctl.app.machine import folder_findings, machine_findings
    from plantctl.app.state_folder import folder_of, state_root
    from plantctl.cli.findings import show_findings
    from plantctl.cli.plant_text import read_plant

    root = state_root(arguments.state)
    kinds, folders = None, sorted(path.parent for path in root.glob("*/holder"))
    if arguments.plant is not None:
        built = read_plant(arguments.plant)
        if built.plan is None:
            show_findings(built.findings, built.texts)
            return FINDINGS
        kinds, folders = sorted({k.kind.name for k in built.plan.kinds}), [folder_of(built.plan.name, arguments.state)]
    found = [*machine_findings(), *folder_findings(root), compiled(kinds)]
    for folder in folders:
        found += plant_findings(folder)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], indent=1))
    else:
        print("\n".join(table(found)))
    return DONE if all(finding.ok for finding in found) else FINDINGS


def table(found: "list[Finding]") -> list[str]:
    """The findings as lines; those that miss something say what it costs and how it is had."""
    width = max(len(finding.name) for finding in found)
    lines = [f"what this machine offers to a plant, asked as {user()}", ""]
    for finding in found:
        lines.append(f"{'ok' if finding.ok else 'MISSING':8} {finding.name:{width}}  {finding.found}")
        if not finding.ok:
            lines.append(f"{'':8} {'':{width}}    costs:  {finding.costs}")
            lines.append(f"{'':8} {'':{width}}    get it: {finding.remedy}")
    missing = sum(not finding.ok for finding in found)
    return [*lines, "", f"{missing} missing" if missing else "all is well"]


def user() -> str:
    """Who asks."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def compiled(kinds: list[str] | None) -> "Finding":
    """Whether the blocks of `kinds`, by default all, are compiled already."""
    from plantctl.app.machine import cache_finding
    from plantctl.plan.kind import kind_names
    from plantctl.plan.load import OWN, cache_folder, cold

    folder = cache_folder()
    kept = not folder.name.startswith(OWN)
    return cache_finding(cold(kinds or kind_names(), folder) if kept else [], folder, kept=kept)


def plant_findings(folder: Path) -> "list[Finding]":
    """Whether a plant runs in `folder`, who holds it, how it is and what its scan got."""
    from plantctl.app.control_client import ControlClient, NotRunning
    from plantctl.app.machine import Finding
    from plantctl.app.state_folder import SOCKET_NAME, holder_of

    holder, name = holder_of(folder), folder.name
    if not holder:
        return [Finding(name, True, "does not run")]
    try:
        with ControlClient(folder / SOCKET_NAME, ANSWER_S) as client:
            snapshot = client.ask({"snapshot": True})
    except NotRunning as error:
        costs = "nobody can see or command it; it may be starting"
        return [Finding(name, False, f"held by {holder}: {error}", costs, f"look into {folder / 'logs'}")]
    return [Finding(name, *health(snapshot, holder)), *sinks(folder, snapshot), *wishes(name, snapshot)]


def health(snapshot: dict[str, Any], holder: str) -> tuple[bool, str, str, str]:
    """Whether a plant that runs is well, in words, what it costs and what to do."""
    processes = snapshot["processes"]
    ill = [f"{p['role']} is {p['state']}" for p in processes if p["state"] != "up" or p["gave_up"]]
    wrong = [*ill, *([f"outputs are held, {snapshot['hold']}"] if snapshot["hold"] else [])]
    wrong += [f"the log fails, {snapshot['log']['last_error']}"] if snapshot["log"]["failing"] else []
    topology = f"{len(processes)} processes" if processes else "one process"
    found = "; ".join([f"runs in {topology}, scan {snapshot['scans']}, held by {holder}", *wrong])
    return not wrong, found, "control or records are not complete", "plantctl top shows it; the logs folder tells why"


def sinks(folder: Path, snapshot: dict[str, Any]) -> "list[Finding]":
    """How the sinks of a plant that runs are: those that are well in one line, each other with where its reason is."""
    from plantctl.app.machine import Finding
    from plantctl.core.feed import STATE_WORDS, SinkState

    well, found, needing = [], [], STATE_WORDS[SinkState.UNREACHABLE :]
    for point in snapshot["points"]:
        _, _, sink = point["name"].removesuffix(".state").rpartition("feed.")
        if point["name"] != f"feed.{sink}.state":
            continue
        if point["text"] in needing:
            remedy = f"its reason is in {folder / 'logs' / 'feeds.jsonl'}; docs/reference/sinks.md says what to do"
            told = (f"{folder.name} {sink}", False, f"the sink is {point['text']}")
            found.append(Finding(*told, "what it has not got waits in log and history", remedy))
        else:
            well.append(f"{sink} {point['text']}")
    return [Finding(f"{folder.name} sinks", True, ", ".join(well)), *found] if well else found


def wishes(name: str, snapshot: dict[str, Any]) -> "list[Finding]":
    """What scan and field of a plant that runs asked for, and what of it holds."""
    from plantctl.app.machine import WISHES, Finding
    from plantctl.app.split.segments import PROMPT

    asked = [wish for wish in snapshot["realtime"] if wish["wanted"]]
    found = []
    for role, names in (("scan", set(WISHES) - {PROMPT}), ("field", {PROMPT})):
        mine = [wish for wish in asked if wish["name"] in names]
        have = ", ".join(wish["name"] for wish in mine if wish["held"])
        found += [Finding(f"{name} {role}", True, f"has {have}")] if have else []
        lacking = [wish["name"] for wish in mine if not wish["held"]]
        found += [Finding(f"{name} {role}", False, f"did not get {wish}", *WISHES[wish]) for wish in lacking]
    return found
