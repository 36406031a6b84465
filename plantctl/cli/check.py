"""`plantctl check`: every finding about a plant's text, all at once; with none, what the plant will need."""

import argparse
import json
from typing import TYPE_CHECKING

from plantctl.cli.exit_code import DONE, FINDINGS
from plantctl.cli.plant_text import add_plant_text, read_plant

if TYPE_CHECKING:
    from plantctl.plan.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    add_plant_text(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how findings are written")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the verb; the exit code."""
    from plantctl.cli.findings import show_findings
    from plantctl.plan.render import as_dictionary

    built = read_plant(arguments.plant)
    if arguments.format == "json":
        print(json.dumps([as_dictionary(f) for f in built.findings], indent=1))
    elif built.findings:
        show_findings(built.findings, built.texts)
    if built.plan is None:
        return FINDINGS
    if arguments.format == "text":
        print(summary(built.plan))
    return DONE


def summary(plan: "Plan") -> str:
    """What a good plant consists of, in a few lines."""
    from plantctl.core.ring import ring_bytes

    blocks = ", ".join(f"{len(k.rows)} {k.kind.name}" for k in plan.kinds)
    tasks = ", ".join(f"{t.name} {t.period_ns / 1e6:g} ms" for t in plan.tasks)
    ring = ring_bytes(len(plan.points), 1e9 / plan.period_ns, len(plan.inputs))
    return "\n".join(
        (
            f"{plan.name}: no findings, plan {plan.hash:016x}",
            f"  tasks        {tasks}",
            f"  inputs       {len(plan.inputs)}, outputs {len(plan.outputs)}, points {len(plan.points) - 1}",
            f"  blocks       {blocks or 'none'}",
            f"  expressions  {len(plan.expressions)}, runs a scan {len(plan.runs)}",
            f"  frame ring   {ring / 2**20:.0f} MiB",
        )
    )
