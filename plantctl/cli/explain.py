"""`plantctl explain PLANT [TAG ...]`: the order of the scan, or who writes a tag and what it feeds."""

import argparse

from plantctl.cli.exit_code import DONE, FINDINGS, UNKNOWN_INPUT, fail
from plantctl.cli.plant_text import add_plant_text, read_plant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    add_plant_text(parser)
    parser.add_argument("tags", nargs="*", metavar="TAG", help="tags or points (default: the whole plan)")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    from plantctl.cli.findings import show_findings
    from plantctl.plan.did_you_mean import meant
    from plantctl.plan.explain import explain_plan, explain_point

    built = read_plant(arguments.plant)
    plan = built.plan
    if plan is None:
        show_findings(built.findings, built.texts)
        return FINDINGS
    if not arguments.tags:
        print(explain_plan(plan))
        return DONE
    for tag in arguments.tags:
        if tag not in plan.rows:
            near = meant(tag, plan.rows)
            return fail(UNKNOWN_INPUT, f"`{tag}` is not in {plan.name}{'; ' + near if near else ''}")
        print(explain_point(plan, tag))
    return DONE
