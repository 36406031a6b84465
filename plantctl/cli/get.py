"""`plantctl get TAG ...`: values of the running plant, with quality and age."""

import argparse
import json

from plantctl.cli.exit_code import DONE, UNKNOWN_INPUT, fail
from plantctl.cli.running import add_plant_argument, connect, likely


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("tags", nargs="+", metavar="TAG", help="tags, points (LOOP.mode) or parameters (LOOP.gain)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_plant_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    with connect(arguments) as client:
        answer = client.ask({"get": arguments.tags})
        if "error" in answer:
            near = likely(client, "get", answer["unknown"]) if "unknown" in answer else ""
            return fail(UNKNOWN_INPUT, answer["error"] + near)
    if arguments.json:
        print(json.dumps(answer["points"], indent=1))
        return DONE
    width = max(len(p["name"]) for p in answer["points"])
    for p in answer["points"]:
        age = f"  {p['age_s']:.1f} s old" if p.get("input") else ""
        print(f"{p['name']:{width}}  {p['text']:>12} {p['unit']:8} {p.get('why', '')}{age}".rstrip())
    return DONE
