"""`plantctl get TAG ...`: values of the running plant, with quality and age; `feed.*` asks for all that it fits."""

import argparse
import json
from fnmatch import filter as those_like
from typing import Any, Final

from plantctl.app.control_client import ControlClient
from plantctl.cli.exit_code import DONE, UNKNOWN_INPUT, fail
from plantctl.cli.running import add_plant_argument, connect, likely
from plantctl.history.reading.moments import moment_text

# So many names in one request: its line has a bound.
NAMES_MAX: Final = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument(
        "tags", nargs="+", metavar="TAG", help="tags, points (LOOP.mode) or parameters (LOOP.gain), or `feed.*`"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_plant_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    with connect(arguments) as client:
        names, unmatched = _names(client, arguments.tags)
        if unmatched:
            return fail(UNKNOWN_INPUT, f"nothing in the plant is called like `{unmatched}`")
        points: list[dict[str, Any]] = []
        for at in range(0, len(names), NAMES_MAX):
            answer = client.ask({"get": names[at : at + NAMES_MAX]})
            if "error" in answer:
                near = likely(client, "get", answer["unknown"]) if "unknown" in answer else ""
                return fail(UNKNOWN_INPUT, answer["error"] + near)
            points += answer["points"]
    if arguments.json:
        print(json.dumps(points, indent=1))
        return DONE
    width = max(len(p["name"]) for p in points)
    for p in points:
        print(f"{p['name']:{width}}  {p['text']:>12} {p['unit']:8} {p.get('why', '')}{_age(p)}".rstrip())
    return DONE


def _age(point: dict[str, Any]) -> str:
    """How old an input is; of a laboratory's the time of its sample, since its value is entered hours later."""
    if not point.get("input"):
        return ""
    if point.get("laboratory"):
        taken = moment_text(point["source_ns"], 0)
        return f"  sample taken {taken}" if point["source_ns"] else "  never entered"
    return "  nothing came yet" if point["age_s"] is None else f"  {point['age_s']:.1f} s old"


def _names(client: ControlClient, asked: list[str]) -> tuple[list[str], str]:
    """The names that are meant, `*` and `?` filled in, each once; and a pattern that fits none, else empty."""
    known: list[str] | None = None
    names: list[str] = []
    for text in asked:
        if not set(text) & set("*?"):
            names.append(text)
            continue
        known = client.ask({"targets": "get"})["targets"] if known is None else known
        found = those_like(known, text)
        if not found:
            return [], text
        names += found
    return list(dict.fromkeys(names)), ""
