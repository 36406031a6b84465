"""`plantctl lab enter TAG VALUE`: the laboratory's book of the running plant, at its own machine."""

import argparse
import json
import os
from datetime import UTC, datetime
from typing import Any

from plantctl.cli.exit_code import DONE, REFUSED, fail
from plantctl.cli.running import add_plant_argument, connect

WAIT_S = 10.0
ANSWER_S = 10.0  # beyond the wait: for the plant to say that it was over
EXAMPLES = """
examples: plantctl lab enter 40-AY-4230 4.8 --unit g/L --sample-time 2026-11-22T13:00Z --sample S-0417
          plantctl lab list --open
          plantctl lab sign 3fk29d0w
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.epilog = EXAMPLES
    acts = parser.add_subparsers(dest="act", metavar="ACT", title="acts", required=True, help="what is done")
    enter = _act(acts, "enter", "enter what was found in a sample, with the sample's own time")
    enter.add_argument("tag", metavar="TAG", help="a laboratory tag")
    enter.add_argument("value", type=float, metavar="VALUE", help="what was found")
    enter.add_argument("--unit", default="", metavar="UNIT", help="the unit of VALUE (default: the tag's)")
    enter.add_argument(
        "--sample-time",
        required=True,
        metavar="TIME",
        help="when the sample was taken: 2026-11-22T13:00:00Z, with zone",
    )
    enter.add_argument("--sample", default="", metavar="NO", help="the sample's number; it, or the lot, is needed")
    enter.add_argument("--lot", default="", metavar="LOT", help="the lot that was sampled")
    enter.add_argument("--comment", default="", metavar="TEXT", help="what is to be remarked")
    sign = _act(acts, "sign", "sign an entry that another person made")
    sign.add_argument("entry", metavar="ID", help="the entry's number, or how it begins")
    sign.add_argument("--comment", default="", metavar="TEXT", help="what is to be remarked")
    shown = _act(acts, "list", "show the book, the newest sample first")
    shown.add_argument("tag", nargs="?", default="", metavar="TAG", help="only of this laboratory tag")
    shown.add_argument("--open", action="store_true", help="only what waits for a signature")
    correct = _act(acts, "correct", "give an entry another value; the one before stays in the book")
    correct.add_argument("entry", metavar="ID", help="the entry's number, or how it begins")
    correct.add_argument("value", type=float, metavar="VALUE", help="the right value")
    correct.add_argument("--unit", default="", metavar="UNIT", help="the unit of VALUE (default: the tag's)")
    correct.add_argument("--reason", required=True, metavar="TEXT", help="why; it is journalled with your name")
    withdraw = _act(acts, "withdraw", "withdraw an entry: it counts no more, and stays in the book")
    withdraw.add_argument("entry", metavar="ID", help="the entry's number, or how it begins")
    withdraw.add_argument("--reason", required=True, metavar="TEXT", help="why; it is journalled with your name")


def _act(acts: Any, name: str, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = acts.add_parser(name, help=text, description=text[0].upper() + text[1:])
    made.add_argument("--json", action="store_true", help="as JSON")
    add_plant_argument(made)
    return made


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code: 4 where the plant refused."""
    with connect(arguments, WAIT_S + ANSWER_S) as client:
        answer = client.ask({"lab": _asked(arguments)})
    if "error" in answer:
        return fail(REFUSED, answer["error"])
    told = answer["entries"] if "entries" in answer else answer["entry"]
    if arguments.json:
        print(json.dumps(told, indent=1))
    elif arguments.act == "list":
        print("\n".join(_table(told)) if told else "nothing waits for a signature" if arguments.open else "no entries")
    else:
        print("\n".join(_lines(told)))
    return DONE


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.act == "list":
        return {"do": "list", "tag": arguments.tag, "open": arguments.open}
    # One key for one call: a retry of ours would never act twice.
    asked = {"do": arguments.act, "idem": os.urandom(8).hex(), "valid_ms": round(WAIT_S * 1e3)}
    if arguments.act == "enter":
        asked["sampled"] = arguments.sample_time
    for name in ("tag", "value", "unit", "sample", "lot", "comment", "entry", "reason"):
        if hasattr(arguments, name):
            asked[name] = getattr(arguments, name)
    return asked


def _table(entries: list[dict[str, Any]]) -> list[str]:
    """The book as a table: a line an entry."""
    rows = [("entry", "tag", "sampled", "sample", "value", "state", "by")]
    for entry in entries:
        by = ", ".join(f"{step['do']} by {step['actor']}" for step in entry["steps"])
        which = "/".join(part for part in (entry["sample"], entry["lot"]) if part)
        rows.append((entry["entry"], entry["tag"], _time(entry["sampled"]), which, _value(entry), _state(entry), by))
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _lines(entry: dict[str, Any]) -> list[str]:
    """One entry in words, and everything that was said of it."""
    which = ", ".join(f"{name} {entry[name]}" for name in ("sample", "lot") if entry[name])
    head = f"{entry['entry']}  {entry['tag']} = {_value(entry)}, {_state(entry)}"
    lines = [head, f"  {which}, taken {_time(entry['sampled'])}"]
    for step in entry["steps"]:
        said = " - ".join(part for part in (step["given"], step["why"]) if part)
        lines.append(f"  {step['do']} {_time(step['t'])} by {step['actor']}{': ' + said if said else ''}")
    return lines


def _value(entry: dict[str, Any]) -> str:
    return "-" if entry["value"] is None else f"{entry['value']:.6g} {entry['unit']}".strip()


def _state(entry: dict[str, Any]) -> str:
    state = "waits for a signature" if entry["state"] == "unsigned" else str(entry["state"])
    return f"{state}, {entry['specification']} specification" if entry["specification"] else state


def _time(text: str) -> str:
    return datetime.fromtimestamp(int(text) // 1_000_000_000, UTC).isoformat().replace("+00:00", "Z")
