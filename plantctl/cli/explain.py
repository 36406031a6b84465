"""`plantctl explain PLANT [TAG ...]`: the order of the scan, or who writes a tag and what it feeds."""

import argparse
import difflib
from pathlib import Path

from plantctl.app.id_lock import LockDamaged, lock_path, read_ids
from plantctl.cli.exit_code import DONE, FINDINGS, UNKNOWN_INPUT, fail
from plantctl.cli.findings import show_findings
from plantctl.plan.build import build_path
from plantctl.plan.explain import explain_plan, explain_point


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("plant", type=Path, help="plant.yaml, or the folder that holds it")
    parser.add_argument("tags", nargs="*", metavar="TAG", help="tags or points (default: the whole plan)")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    try:
        ids = read_ids(lock_path(arguments.plant))
    except LockDamaged as error:
        return fail(FINDINGS, str(error))
    built = build_path(arguments.plant, ids)
    plan = built.plan
    if plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    if not arguments.tags:
        print(explain_plan(plan))
        return DONE
    for tag in arguments.tags:
        if tag not in plan.rows:
            close = difflib.get_close_matches(tag, plan.rows, 1, 0.6)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            return fail(UNKNOWN_INPUT, f"`{tag}` is not in the plan{hint}")
        print(explain_point(plan, tag))
    return DONE
