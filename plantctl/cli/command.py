"""`plantctl command mode LOOP auto`: a command to the running plant, and its fate, stage by stage."""

import argparse
import json
import os
from typing import Any

from plantctl.cli.exit_code import DONE, REFUSED, fail
from plantctl.cli.running import add_plant_argument, connect, likely
from plantctl.core.command import NOT_IN_THIS_PLAN, UNKNOWN_TARGET, VERBS

ANSWER_S = 10.0  # beyond the wait: for the plant to say that it was over
EXAMPLES = """
examples: plantctl command mode 40-AIC-4212 auto
          plantctl command reset CELL-01 --reason "pump repaired"

A plant refuses the commands that nothing in it takes: not-in-this-plan.
To write a value: plantctl set TAG VALUE
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    others = [verb for verb in VERBS if verb.name != "set"]
    names = [verb.name for verb in others]
    parser.add_argument("command", type=_not_set, choices=names, metavar="COMMAND", help="see below")
    parser.add_argument("target", metavar="TARGET", help="what it is given to")
    parser.add_argument("value", nargs="?", default="", metavar="VALUE", help="where the command has one")
    width = max(len(_usage(verb.name, verb.target, verb.value)) for verb in others)
    lines = [f"  {_usage(verb.name, verb.target, verb.value):{width}}  {verb.meaning}" for verb in others]
    parser.epilog = "commands:\n" + "\n".join(lines) + "\n" + EXAMPLES
    add_settings(parser)


def _not_set(text: str) -> str:
    """Any word but `set`, whose nearest command is `reset`: nobody shall be sent there."""
    if text == "set":
        raise argparse.ArgumentTypeError("to write a value: plantctl set TAG VALUE")
    return text


def _usage(name: str, target: str, value: str) -> str:
    """`mode LOOP MAN|AUTO`: a command as it is typed."""
    words = value if value in ("", "number", "minutes", "text") else "|".join(value.split())
    return " ".join(part for part in (name, target.replace(" ", "-").upper(), words.upper()) if part)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """What every command can be given with."""
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; it is journalled with your name")
    parser.add_argument("--wait", type=_seconds, default=5.0, metavar="S", help="how long to wait for its end (5 s)")
    parser.add_argument("--json", action="store_true", help="every stage as JSON")
    add_plant_argument(parser)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0.0 < seconds <= 60.0:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds up to 60")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code: 4 where the plant refused."""
    return give(arguments.command, arguments)


def give(verb: str, arguments: argparse.Namespace) -> int:
    """Give one command and show every stage that it reached; the exit code."""
    asked = {
        "verb": verb,
        "target": arguments.target,
        "value": arguments.value,
        "reason": arguments.reason,
        # One key for one call: a retry of ours would never act twice.
        "key": os.urandom(8).hex(),
        "wait_s": arguments.wait,
    }
    with connect(arguments, arguments.wait + ANSWER_S) as client:
        answer = client.ask({"command": asked})
        if "error" in answer:
            return fail(REFUSED, answer["error"])
        stages = answer["stages"]
        if stages and stages[-1]["code"] == UNKNOWN_TARGET:
            stages[-1]["text"] += likely(client, verb, arguments.target)
    if arguments.json:
        print(json.dumps(stages, indent=1))
    else:
        print("\n".join(told(verb, stage) for stage in stages) or NO_ANSWER.format(arguments.wait))
        if stages and stages[-1]["stage"] == "sent":
            print(f"not verified yet after {arguments.wait:g} s: a ramp may be on its way")
    return DONE if stages and stages[-1]["stage"] in ("accepted", "sent", "verified") else REFUSED


NO_ANSWER = "no answer in {:g} s: the command expired and will not act"


def told(verb: str, stage: dict[str, Any]) -> str:
    """One stage in words: what, how long after the command was given, and why."""
    code, text = stage["code"], stage["text"]
    if code == NOT_IN_THIS_PLAN:
        text = f"nothing in this plant takes `{verb}`"
    why = ": ".join(part for part in (code, text) if part)
    when = f" after {duration(stage['after_s'])}"
    if stage["on_disk_after_s"] is not None:
        when += f", on disk after {duration(stage['on_disk_after_s'])}"
    return f"{stage['stage']}{when}{' - ' + why if why else ''}"


def duration(seconds: float) -> str:
    """A time as a person reads it: `12 ms`, `1.3 s`."""
    return f"{max(0.0, seconds) * 1e3:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"
