"""`plantctl set TAG VALUE`, `plantctl set --verb mode LOOP auto`: one command to the running plant, and its fate."""

import argparse
import json
import os

from plantctl.app.control_client import NotRunning
from plantctl.cli.exit_code import CONNECTION, DONE, REFUSED, fail
from plantctl.cli.running import add_plant_argument, connect
from plantctl.core.command import VERB_NAMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("target", metavar="TARGET", help="tag, loop, alarm, effect or group")
    parser.add_argument("value", nargs="?", default="", metavar="VALUE", help="where the command has one")
    parser.add_argument("--verb", default="set", choices=VERB_NAMES, metavar="VERB", help=" ".join(VERB_NAMES))
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; it is journalled with your name")
    parser.add_argument("--wait", type=float, default=5.0, metavar="S", help="how long to wait for its end (5 s)")
    parser.add_argument("--json", action="store_true", help="every stage as JSON")
    add_plant_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code: 4 where the plant refused."""
    command = {
        "verb": arguments.verb,
        "target": arguments.target,
        "value": arguments.value,
        "reason": arguments.reason,
        # One key for one call: a retry of ours would never act twice.
        "key": os.urandom(8).hex(),
        "wait_s": arguments.wait,
    }
    try:
        with connect(arguments, arguments.wait + 10.0) as client:
            answer = client.ask({"command": command})
    except NotRunning as error:
        return fail(CONNECTION, str(error))
    if "error" in answer:
        return fail(REFUSED, answer["error"])
    if arguments.json:
        print(json.dumps(answer["stages"], indent=1))
    else:
        for stage in answer["stages"]:
            told = ": ".join(part for part in (stage["code"], stage["text"]) if part)
            print(f"{stage['stage']}{' - ' + told if told else ''}")
        if not answer["stages"]:
            print("no answer in time; the command expired")
    last = answer["stages"][-1]["stage"] if answer["stages"] else "expired"
    return DONE if last in ("accepted", "sent", "verified") else REFUSED
